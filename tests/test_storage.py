"""Files: whole or absent, read as data and never as code."""
import io
import os
import pickle
import random
import struct
import subprocess
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common import checkpoint, storage, unpickle, weight_files

# ---- .npz

def test_npz_round_trip_keeps_names_shapes_types_and_values():
    arrays = {'a': np.arange(6, dtype='f4').reshape(2, 3), 'file': np.asfortranarray(np.arange(6.).reshape(2, 3)),
              'zero_d': np.array(7), 'empty': np.zeros((0, 3), 'f2'), 'words': np.array(['말', 'you'])}
    storage.save_npz('x.npz', arrays)
    back = storage.load_npz('x.npz')
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape
        assert back[name].tolist() == array.tolist()
        assert back[name].flags.writeable


def test_npz_is_numpys_own_format():
    storage.save_npz('ours.npz', {'a': np.array([1.5, 2.5], 'f4')})
    with np.load('ours.npz', allow_pickle=False) as file:
        assert file['a'].tolist() == [1.5, 2.5]
    np.savez_compressed('theirs.npz', b=np.arange(1000).reshape(10, 100).T)
    back = storage.load_npz('theirs.npz', shapes={'b': (100, 10)})['b']
    assert back[99].tolist() == list(range(99, 1000, 100))


def test_npz_refuses_objects_both_ways():
    with pytest.raises(TypeError, match=r'x\.npz, bad: expected an array of numbers or of text, got Python objects'):
        storage.save_npz('x.npz', {'bad': np.array([{}])})
    assert not os.path.exists('x.npz')
    np.savez('x.npz', bad=np.array([{}]))
    with pytest.raises(ValueError, match=r'x\.npz is refused: it holds Python objects'):
        storage.load_npz('x.npz')


@pytest.mark.parametrize('shapes, message', [
    ({'a': (2, 3), 'b': (4,), 'c': (1,)},
     r'x\.npz, c: expected \(1,\), got nothing \(the file holds 2 arrays, not 3\)'),
    ({'a': (2, 3)}, r'x\.npz, b: expected no such array besides the other 1, got \(4,\)'),
    ({'a': (3, 2), 'b': (4,)}, r'x\.npz, a: expected \(3, 2\), got \(2, 3\)'),
])
def test_npz_shapes_are_compared_before_any_array_is_read(shapes, message, monkeypatch):
    storage.save_npz('x.npz', {'a': np.zeros((2, 3)), 'b': np.zeros(4)})
    monkeypatch.setattr(storage, '_read_array', lambda *_: pytest.fail('an array was read'))
    with pytest.raises(ValueError, match=message):
        storage.load_npz('x.npz', shapes)


def npy_header(shape, dtype='<f8', version=(1, 0)):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {'descr': dtype, 'fortran_order': False, 'shape': shape})
    return b'\x93NUMPY' + bytes(version) + file.getvalue()[8:]


def test_npz_that_announces_terabytes_is_refused_without_memory():
    with zipfile.ZipFile('x.npz', 'w') as archive:
        archive.writestr('a.npy', npy_header((2**20, 2**20)) + bytes(80))
    assert_refused(storage.load_npz, 'x.npz')
    # Two gigabytes, with sizes in the archive's directory that agree.
    header = npy_header((2**28,))
    with zipfile.ZipFile('x.npz', 'w') as archive:
        archive.writestr('a.npy', header + bytes(80))
    data = bytearray(Path('x.npz').read_bytes())
    struct.pack_into('<II', data, data.rindex(b'PK\x01\x02') + 20, *[len(header) + 8 * 2**28] * 2)
    Path('x.npz').write_bytes(data)
    assert_refused(storage.load_npz, 'x.npz')


def test_npz_bomb_is_not_blown_up_beyond_its_announced_size():
    header = npy_header((2000,))
    with zipfile.ZipFile('x.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a.npy', header + bytes(20_000_000))
    data = bytearray(Path('x.npz').read_bytes())
    struct.pack_into('<I', data, data.rindex(b'PK\x01\x02') + 24, len(header) + 16_000)
    Path('x.npz').write_bytes(data)
    assert_refused(storage.load_npz, 'x.npz')


@pytest.mark.parametrize('shape, dtype', [((-1,), '<f8'), ((10, -1), '<f8'), ((2.5,), '<f8'), ((1 << 70,), '<f8'),
                                          ((1_000_000,), '<U0')])
def test_npz_with_an_impossible_shape_is_refused(shape, dtype):
    with zipfile.ZipFile('x.npz', 'w') as archive:
        archive.writestr('a.npy', npy_header(shape, dtype) + bytes(80 if dtype == '<f8' else 0))
    assert_refused(storage.load_npz, 'x.npz')


def test_npz_that_holds_something_else_or_is_something_else_is_refused():
    with zipfile.ZipFile('x.npz', 'w') as archive:
        archive.writestr('readme.txt', 'hello')
    assert_refused(storage.load_npz, 'x.npz')
    for content in (b'', b'hello', b'PK\x03\x04'):
        Path('x.npz').write_bytes(content)
        assert_refused(storage.load_npz, 'x.npz')
    with pytest.raises(FileNotFoundError):
        storage.load_npz('absent.npz')


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_npz_of_more_than_one_block(save):
    arrays = {'a': np.random.randn(300, 500), 'b': np.random.randn(300, 500).T, 'c': np.ones(storage.BLOCK, '?')}
    save('x.npz', **arrays)
    back = storage.load_npz('x.npz')
    for name, array in arrays.items():
        assert np.array_equal(back[name], array) and back[name].flags.writeable and back[name].flags.aligned


@pytest.mark.parametrize('dtype', ["('<f4', (3,))", "[('a', '<f4', (3,))]", "'<M8[s]'", "'|V12'"])
def test_npz_of_other_types_than_numbers_and_text_is_refused(dtype):
    """The first has a shape of its own, that joins the one that the header tells of."""
    header = npy_header((2,)).replace(b"'<f8'", dtype.encode())
    with zipfile.ZipFile('x.npz', 'w') as archive:
        archive.writestr('a.npy', b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header) - 10) + header[10:] + bytes(24))
    assert_refused(lambda path: storage.load_npz(path, {'a': (2,)}), 'x.npz', 'not of numbers or of text|refused')


@pytest.mark.parametrize(('names', 'message'), [
    (['a', 'a'], 'it holds a twice'), (['a' * 101], 'not short and printable'), (['a\n'], 'not short and printable'),
    (['\x1b[2J'], 'not short and printable'), (['a' * 60_000 + '\n\x1b[2J.txt'], 'it holds a{150,}$')])
def test_npz_with_names_that_no_message_can_hold(names, message):
    with warnings.catch_warnings(), zipfile.ZipFile('x.npz', 'w') as archive:
        warnings.simplefilter('ignore')
        for name in names:
            archive.writestr(name if name.endswith('txt') else f'{name}.npy', npy_header(()) + bytes(8))
    assert_refused(storage.load_npz, 'x.npz', message)


def test_npz_that_unfolds_to_far_more_than_its_size_is_refused(monkeypatch):
    monkeypatch.setattr(storage, 'ROOM', 100_000)
    np.savez_compressed('x.npz', a=np.zeros(12_000))        # 96 KB and a header
    assert len(storage.load_npz('x.npz')['a']) == 12_000
    np.savez_compressed('x.npz', a=np.zeros(6_500), b=np.zeros(6_500))
    assert_refused(storage.load_npz, 'x.npz', 'far larger than the file')
    np.savez('x.npz', a=np.zeros(6_500), b=np.zeros(6_500))
    assert len(storage.load_npz('x.npz')['b']) == 6_500


def test_a_file_that_takes_more_memory_than_there_is(monkeypatch):
    np.savez('x.npz', a=np.zeros(3))

    def read(*_):
        raise MemoryError

    monkeypatch.setattr(storage, '_read_array', read)
    with pytest.raises(ValueError, match=r'x\.npz is refused: it takes more memory than there is'):
        storage.load_npz('x.npz')


def test_a_damaged_npz_is_refused_or_read_but_nothing_else_happens():
    storage.save_npz('x.npz', {'a': np.arange(20.), 'b': np.arange(3, dtype='f4')})
    whole = Path('x.npz').read_bytes()
    assert_every_damage_is_a_value_error(whole, 'x.npz', storage.load_npz)


# ---- pickles that are read

OBJECTS = [
    np.arange(6, dtype='f4').reshape(2, 3), np.arange(6, dtype='f2'), np.arange(1000.).reshape(10, 100),
    np.asfortranarray(np.arange(6.).reshape(2, 3)), np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    np.arange(10)[::3], np.arange(5, dtype='>i4'), np.arange(200_000, dtype='>f8'), np.array(3),
    np.array([True, False]), np.zeros((0, 3)), np.zeros(0, 'i8'), np.arange(3, dtype='u1'),
    np.array([1 + 2j]), np.array(['말', 'you']), np.array([b'ab']),
    np.float16(1.5), np.float32(-2.5), np.float64(3.25), np.int64(-7), np.int32(7), np.uint8(255), np.bool_(True),
    np.str_('ab'),
]
PLAIN = {
    'ints': [1, -1, 255, 256, 65535, 65536, 2**31, -2**31 - 1, 2**80, -2**2100], 'floats': (1.5, float('inf'), -0.0),
    'none': None, 'bools': (True, False), 'bytes': b'bytes', 'long': 'ü말' * 200, 'empty': [(), [], {}, '', b''],
    'nested': [[[((1,), 2, 3, 4)]]], 5: {}, 2.5: 'x', None: 'y', True: 'z',
}


def same(a, b):
    if isinstance(a, np.ndarray):
        # NumPy itself turns the bytes of a foreign order round when it unpickles.
        same_type = a.dtype.newbyteorder('=') == b.dtype.newbyteorder('=')
        return (type(b) is np.ndarray and same_type and a.shape == b.shape and a.tolist() == b.tolist()
                and b.flags.writeable and a.flags.f_contiguous <= b.flags.f_contiguous)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_numpy_pickles_today_is_read(protocol):
    shared = np.arange(3.)
    for obj in [*OBJECTS, PLAIN, OBJECTS[:3], {'word_vecs': OBJECTS[0], 'id': {0: 'a'}}, [shared, shared],
                list(range(3000)), {str(i): i for i in range(3000)}]:
        Path('x.pkl').write_bytes(pickle.dumps(obj, protocol))
        back = storage.load_pickle('x.pkl')
        if isinstance(obj, dict) and 'word_vecs' in obj:
            assert same(back['word_vecs'], obj['word_vecs']) and back['id'] == {0: 'a'}
        elif isinstance(obj, list) and isinstance(obj[0], np.ndarray):
            assert all(same(a, b) for a, b in zip(obj, back, strict=True))
            assert (back[0] is back[1]) == (obj[0] is obj[1])
        else:
            assert same(obj, back), (obj, back)


def test_a_signed_zero_and_the_types_inside_survive():
    Path('x.pkl').write_bytes(pickle.dumps(PLAIN))
    back = storage.load_pickle('x.pkl')
    assert str(back['floats'][2]) == '-0.0' and back['bools'][0] is True
    assert [type(k) for k in back] == [type(k) for k in PLAIN]


def test_pickle_of_numpy_1_26_and_of_the_book_is_read():
    # [np.array([1, 2], 'f2')] as NumPy 1.26 writes it: numpy.core, where NumPy 2 says numpy._core.
    Path('x.pkl').write_bytes(
        b'\x80\x03]q\x00cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85q\x03C\x01bq\x04\x87q\x05'
        b'Rq\x06(K\x01K\x02\x85q\x07cnumpy\ndtype\nq\x08X\x02\x00\x00\x00f2q\x09K\x00K\x01\x87q\x0aRq\x0b(K\x03X\x01\x00\x00'
        b'\x00<q\x0cNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0db\x89C\x04\x00<\x00@q\x0etq\x0fba.')
    array, = storage.load_pickle('x.pkl')
    assert array.dtype == np.float16 and array.tolist() == [1, 2]


def test_the_books_files_are_read(real_data):
    arrays = storage.load_pickle(real_data / 'weights/Rnnlm.pkl')
    assert [a.shape for a in arrays] == [(10000, 100), (100, 400), (100, 400), (400,), (100, 10000), (10000,)]
    assert all(a.dtype == np.float16 for a in arrays)
    with open(real_data / 'weights/Rnnlm.pkl', 'rb') as file, warnings.catch_warnings():
        warnings.simplefilter('ignore')     # numpy.core's old name
        for ours, theirs in zip(arrays, pickle.load(file), strict=True):
            assert np.array_equal(ours, theirs)
    vecs, word_to_id, id_to_word = weight_files.load_words(real_data / 'weights/cbow_params.pkl')
    assert vecs.shape == (10000, 100) and vecs.dtype == np.float32
    assert np.isfinite(vecs).all() and vecs.any(axis=1).all()
    assert word_to_id['<eos>'] == 24 and id_to_word[24] == '<eos>' and len(word_to_id) == len(id_to_word) == 10000


# ---- pickles that are refused

def assert_refused(load, path, match='refused'):
    """One ValueError of one line that names the file, and never more than a megabyte of memory."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=match) as caught:
                load(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)
    assert peak < 1_000_000 + 4 * os.path.getsize(path), f'{peak} bytes'


class Calls:
    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


HOSTILE = {
    'os.system': (os.system, ('touch ran',)),
    'eval': (eval, ("open('ran', 'w')",)),
    'exec': (exec, ("open('ran', 'w')",)),
    'open': (open, ('ran', 'w')),
    'subprocess': (subprocess.call, (['touch', 'ran'],)),
    'method': (getattr, (Path('ran'), 'touch')),
    'list of calls': (map, (os.mkdir, ['ran'])),
    'numpy function': (np.save, ('ran', [1])),
    'numpy load': (np.load, ('evil.npy', None, True)),
    'from a dtype': (np.dtype, ('O',)),
}


@pytest.mark.parametrize('protocol', [0, 2, 4])
@pytest.mark.parametrize('name', HOSTILE)
def test_no_pickle_runs_code(name, protocol):
    Path('x.pkl').write_bytes(pickle.dumps([np.zeros(2), {'a': Calls(*HOSTILE[name])}], protocol))
    assert_refused(storage.load_pickle, 'x.pkl')
    assert sorted(os.listdir()) == ['x.pkl']


def test_these_hostile_pickles_are_in_earnest():
    pickle.loads(pickle.dumps(Calls(*HOSTILE['os.system'])))
    assert os.path.exists('ran')


RECONSTRUCT = b'cnumpy.core.multiarray\n_reconstruct\n'
NDARRAY, DTYPE = b'cnumpy\nndarray\n', b'cnumpy\ndtype\n'
FROM_BUFFER = b'cnumpy._core.numeric\n_frombuffer\n'
EMPTY_ARRAY = RECONSTRUCT + b'(' + NDARRAY + b'(I0\ntVb\ntR'


def a_dtype(name):
    return DTYPE + b'(V' + name + b'\nI00\nI01\ntR'


def build(shape, dtype, data):
    """An array made in NumPy's way, with a state of our choice."""
    return EMPTY_ARRAY + b'(I1\n' + shape + dtype + b'I00\n' + data + b'tb.'


F8 = a_dtype(b'f8')
BLOB = b'B' + struct.pack('<I', 100_000) + bytes(100_000)

BY_HAND = {
    # name: (the file, what the message says)
    'posix.system by GLOBAL': (b'cposix\nsystem\n(Vtouch ran\ntR.', r'posix\.system'),
    'posix.system by INST': (b'(Vtouch ran\niposix\nsystem\n.', 'INST'),
    'posix.system by OBJ': (b'(cposix\nsystem\nVtouch ran\no.', r'posix\.system'),
    'builtins.eval by STACK_GLOBAL': (b'\x80\x04\x8c\x08builtins\x8c\x04eval\x93(V1\ntR.', r'builtins\.eval'),
    'attribute path': (b'\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile_\x93.', r'ndarray\.tofile_'),
    'NEWOBJ of ndarray': (b'\x80\x02' + NDARRAY + b'((I1000000\nI1000000\ntt\x81.', 'NEWOBJ'),
    'REDUCE of ndarray': (NDARRAY + b'((I1000000\nI1000000\nttR.', 'no array'),
    'REDUCE of text': (b'Vnumpy ndarray\n(tR.', 'no array'),
    'large shape in _reconstruct': (RECONSTRUCT + b'(' + NDARRAY + b'(I1000000\nI1000000\ntVb\ntR.',
                                    'NumPy did not write'),
    'another class in _reconstruct': (RECONSTRUCT + b'(' + DTYPE + b'(I0\ntVb\ntR.', 'NumPy did not write'),
    'BUILD with a large shape': (build(b'(I1000000\nI1000000\nt', F8, b'C\x08' + bytes(8)),
                                 r'8 bytes for an array \(1000000, 1000000\) of float64'),
    'BUILD with a small shape': (build(b'(I1\nt', F8, b'C\x10' + bytes(16)), '16 bytes'),
    'BUILD with a negative shape': (build(b'(I-1\nI-1\nt', F8, b'C\x08' + bytes(8)), 'lengths'),
    'BUILD with a list of objects': (build(b'(I1\nt', a_dtype(b'O8'), b'(lV1\na'), "type 'O8'"),
    'BUILD with records': (build(b'(I1\nt', a_dtype(b'V8'), b'C\x08' + bytes(8)), "type 'V8'"),
    'BUILD with elements of no bytes': (build(b'(I1000000\nt', a_dtype(b'U0'), b'C\x00'), "type 'U0'"),
    'BUILD of a function': (RECONSTRUCT + b'}Va\nV1\nsb.', 'state of a _Name'),
    'BUILD of a list': (b'(l}Va\nV1\nsb.', 'state of a list'),
    '_frombuffer with a large shape': (FROM_BUFFER + b'(C\x08' + bytes(8) + F8 + b'(I1000000\nI1000000\ntVC\ntR.',
                                       '8 bytes for an array'),
    'scalar with too few bytes': (b'cnumpy.core.multiarray\nscalar\n(' + F8 + b'C\x02abtR.', '2 bytes'),
    'one block for many arrays': (BLOB + b'p0\n(' + (FROM_BUFFER + b'(g0\n' + F8 + b'(I12500\ntVC\ntR') * 40 + b't.',
                                  'larger than the file'),
    'one text encoded many times': (b'X' + struct.pack('<I', 100_000) + b'a' * 100_000 + b'p0\n('
                                    + b'c_codecs\nencode\n(g0\nVlatin1\ntR' * 40 + b't.', 'larger than the file'),
    'another codec': (b'c_codecs\nencode\n(Va\nVzip\ntR.', 'latin1'),
    'eight bytes of memo': (b'Nr\xf0\xff\xff\xff' + b'h\x00.', 'damaged'),
    'terabytes of bytes': (b'\x80\x04\x8e' + struct.pack('<Q', 1 << 40) + b'abc.', 'refused'),
    'terabytes of bytearray': (b'\x80\x05\x96' + struct.pack('<Q', 1 << 40) + b'abc.', 'refused'),
    'terabytes of text': (b'\x80\x04\x8d' + struct.pack('<Q', 1 << 40) + b'abc.', 'refused'),
    'a frame of terabytes': (b'\x80\x04\x95' + struct.pack('<Q', 1 << 40), 'refused'),
    'a key of deep tuples': (b'}' + b'(I1\nt' + b'\x85' * 20_000 + b'Nsb.', 'key of type tuple'),
    'keys of one hash': (b'(' + b''.join(b'I%d\nN' % (i * (2**61 - 1)) for i in range(1, 9)) + b'd.',
                         r'key of 2\*\*60'),
    'an unhashable key': (b'}]Ns.', 'key of type list'),
    'items for a text': (b'Va\n(I1\ne.', 'adds items to a str'),
    'a name that is a list': (b'\x80\x04]N\x93.', 'name that is no text'),
    'a name of many lines': (b'\x80\x04X' + struct.pack('<I', 9000) + b'a\n\x1b[2J' * 1500 + b'\x8c\x01b\x93.',
                             r'asks for [a 2J\[]{100,}$'),
    'a class of the reader': (b'cch06.rnnlm\nRnnlm\n(tR.', r'ch06\.rnnlm\.Rnnlm'),
    'a persistent id': (b'Pabc\n.', 'PERSID'),
    'an extension': (b'\x80\x02\x82\x01.', 'EXT1'),
    'an external buffer': (b'\x80\x05\x97.', 'NEXT_BUFFER'),
    'nothing': (b'', 'refused'),
    'no pickle': (b'hello, world', 'refused'),
    'only a mark': (b'(.', 'damaged'),
    'too many values': (b'(I1\nI2\ntR.', 'damaged'),
}


@pytest.mark.parametrize('name', BY_HAND)
def test_hand_made_pickles_are_refused(name):
    content, message = BY_HAND[name]
    Path('x.pkl').write_bytes(content)
    assert_refused(storage.load_pickle, 'x.pkl', message)
    assert sorted(os.listdir()) == ['x.pkl']


def test_a_very_deep_list_does_not_end_python():
    Path('x.pkl').write_bytes(b'\x80\x02' + b']' * 200_000 + b'a' * 199_999 + b'.')
    depth, deep = 1, storage.load_pickle('x.pkl')
    while deep:
        depth, deep = depth + 1, deep[0]
    assert depth == 200_000


def test_a_pickle_of_very_many_instructions_is_refused(monkeypatch):
    monkeypatch.setattr(unpickle, 'INSTRUCTIONS', 1000)
    for n in (999, 1001):
        Path('x.pkl').write_bytes(b'}' * (n - 1) + b'.')        # STOP is one, too
        if n < 1000:
            assert storage.load_pickle('x.pkl') == {}
    assert_refused(storage.load_pickle, 'x.pkl', 'more than 1000 instructions')


@pytest.mark.parametrize('protocol', [0, 3, 5])
def test_a_pickle_cut_anywhere_is_refused(protocol):
    whole = pickle.dumps([np.arange(6, dtype='f4').reshape(2, 3), np.float32(1), {'a': 1}], protocol)
    for n in range(len(whole)):
        Path('x.pkl').write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r'x\.pkl is refused'):
            storage.load_pickle('x.pkl')


@pytest.mark.parametrize('protocol', [0, 3, 5])
def test_a_damaged_pickle_is_refused_or_read_but_nothing_else_happens(protocol):
    whole = pickle.dumps([np.arange(6, dtype='f4').reshape(2, 3), np.float32(1), {'a': 1}], protocol)
    assert_every_damage_is_a_value_error(whole, 'x.pkl', storage.load_pickle)


def assert_every_damage_is_a_value_error(whole, path, load):
    dice = random.Random(1)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 2, 5])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        Path(path).write_bytes(data)
        try:
            load(path)
        except ValueError as error:
            assert path in str(error)
            refused += 1
    assert refused > 50
    assert os.listdir() == [path]


# ---- writing

@pytest.mark.parametrize('save, path', [(storage.save_npz, 'x.npz'), (storage.save_pickle, 'x.pkl')])
def test_an_error_while_writing_leaves_the_old_file_whole(save, path, monkeypatch):
    save(path, {'a': np.arange(3)})
    before = Path(path).read_bytes()

    class Broken:
        def __reduce__(self):
            raise RuntimeError('disk on fire')

    def write_half(file, array, **_):
        file.write(b'half')
        raise RuntimeError('disk on fire')

    monkeypatch.setattr(np.lib.format, 'write_array', write_half)
    with pytest.raises(RuntimeError, match='disk on fire'):
        save(path, {'big': np.zeros(1000)} if save is storage.save_npz else [np.zeros(100_000), Broken()])
    assert Path(path).read_bytes() == before
    assert os.listdir() == [path]


def test_a_ctrl_c_before_the_file_takes_its_place_leaves_the_old_one(monkeypatch):
    storage.save_pickle('x.pkl', 'old')

    def interrupted(_):
        assert sorted(len(name) > 5 for name in os.listdir()) == [False, True]      # the old one and the part
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.save_pickle('x.pkl', 'new')
    assert storage.load_pickle('x.pkl') == 'old' and os.listdir() == ['x.pkl']


def test_writing_into_a_folder_that_is_not_there_names_it():
    with pytest.raises(FileNotFoundError, match=r'no folder .*nowhere'):
        storage.save_npz('nowhere/x.npz', {})


@pytest.mark.skipif(os.name == 'nt', reason='permissions and links of POSIX')
def test_a_written_file_has_usual_permissions_and_a_link_stays_a_link():
    os.mkdir('there')
    os.symlink('there/x.pkl', 'link.pkl')
    storage.save_pickle('link.pkl', 1)
    assert os.path.islink('link.pkl') and os.listdir('there') == ['x.pkl']
    Path('usual').touch()
    assert os.stat('there/x.pkl').st_mode == os.stat('usual').st_mode


def test_find_file():
    Path('a.pkl').touch()
    assert storage.find_file('a.pkl') == storage.find_file('a.npz') == Path('a.pkl')
    Path('a.npz').touch()
    assert storage.find_file('a.npz') == Path('a.npz') and storage.find_file('a.pkl') == Path('a.pkl')
    with pytest.raises(FileNotFoundError, match=r'no file ch/b\.v2\.pkl, nor ch/b\.v2\.npz'):
        storage.find_file(Path('ch/b.v2.pkl'))
    with pytest.raises(FileNotFoundError, match=r'no file a\.txt$'):
        storage.find_file('a.txt')


# ---- words

@pytest.mark.parametrize('path', ['x.npz', 'x.pkl'])
def test_words_round_trip(path):
    vecs = np.array([[0.5, 1], [2, 3], [4, -5]])
    weight_files.save_words(path, vecs, {2: 'bye', 0: 'you', 1: '말하다'})
    back, word_to_id, id_to_word = weight_files.load_words('x.npz')
    assert back.dtype == np.float32 and back.tolist() == vecs.tolist()
    assert word_to_id == {'you': 0, '말하다': 1, 'bye': 2} and id_to_word == {0: 'you', 1: '말하다', 2: 'bye'}
    assert all(type(word) is str and type(i) is int for word, i in word_to_id.items())


def test_the_words_pickle_is_the_books():
    weight_files.save_words('x.pkl', np.ones((1, 2), 'f4'), {0: 'you'})
    with open('x.pkl', 'rb') as file:
        content = pickle.load(file)
    assert content['word_vecs'].dtype == np.float16 and content['word_vecs'].tolist() == [[1, 1]]
    assert content['word_to_id'] == {'you': 0} and content['id_to_word'] == {0: 'you'}


def test_words_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match='id_to_word: expected the ids 0 to 1, one for each vector, got 1 ids'):
        weight_files.save_words('x.npz', np.ones((2, 2)), {0: 'you'})
    with pytest.raises(ValueError, match=r"x\.txt: expected a name that ends in \.npz or \.pkl, got '\.txt'"):
        weight_files.save_words('x.txt', np.ones((1, 2)), {0: 'you'})
    for vecs, words, got in ((np.ones(2), 'ab', r'\(2,\) and 2'), (np.ones((2, 3)), 'aa', r'\(2, 3\) and 1'),
                             (np.ones((2, 3)), [1, 2], r'\(2, 3\) and 2')):
        says = rf'word_vecs: expected \(V, D\) and V different words, all text, got {got} words'
        with pytest.raises(ValueError, match=says):
            weight_files.save_words('x.npz', vecs, dict(enumerate(words)))
    assert os.listdir() == []
    good = {'word_vecs': np.ones((2, 3)), 'id_to_word': {0: 'a', 1: 'b'}}
    for bad in ([], {}, good | {'word_vecs': 1},
                good | {'word_vecs': np.ones(2)}, good | {'word_vecs': np.ones((3, 3))},
                good | {'id_to_word': {0: 'a', 2: 'b'}}, good | {'id_to_word': {0: 'a', 1: 2}},
                good | {'id_to_word': {0: 'a', 1: 'a'}}, good | {'id_to_word': ['a', 'b']}):
        storage.save_pickle('x.pkl', bad)
        with pytest.raises(ValueError, match=r'x\.pkl'):
            weight_files.load_words('x.pkl')
    for words in (np.array(['a']), np.array([1, 2]), np.array([['a'], ['b']]), np.array('a')):
        storage.save_npz('y.npz', {'word_vecs': np.ones((2, 3)), 'words': words})
        with pytest.raises(ValueError, match=r'y\.npz'):
            weight_files.load_words('y.npz')


# ---- random state

def test_random_state_goes_through_a_file_beside_other_arrays():
    np.random.seed(3)
    np.random.randn(701)                    # an odd number: the second of the last pair of normals waits
    storage.save_npz('x.npz', checkpoint.get_random_state() | {'param_0': np.zeros(2)})
    expected = [*np.random.randn(3), *np.random.rand(700), *np.random.permutation(5)]
    np.random.seed(9)
    checkpoint.set_random_state(storage.load_npz('x.npz'))
    assert [*np.random.randn(3), *np.random.rand(700), *np.random.permutation(5)] == expected


def test_a_random_state_that_is_none_is_refused():
    good = checkpoint.get_random_state()
    for name, value in (('random_position', np.array(625)), ('random_position', np.array(-1)),
                        ('random_keys', good['random_keys'][:5]), ('random_keys', good['random_keys'].astype('f8'))):
        with pytest.raises(ValueError, match=f'{name}: expected .*, got '):
            checkpoint.set_random_state(good | {name: value})
    del good['random_gauss']
    with pytest.raises(ValueError, match='random_gauss: expected an array of the random state, got nothing'):
        checkpoint.set_random_state(good)
