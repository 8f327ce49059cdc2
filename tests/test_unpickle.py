"""Pickles: read as data, never as code, in a time that grows with their length."""
import os
import pickle
import random
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from common import storage, unpickle, weight_files
from tests.hostile import assert_every_damage_is_a_value_error, assert_refused

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
    'nested': [[[((1,), 2, 3, 4)]]], 5: {}, -6: 'x', 2**60 - 1: 'y',
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
    assert str(back['floats'][2]) == '-0.0' and back['bools'][0] is True and list(back) == list(PLAIN)


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
    'BUILD with a list of objects': (build(b'(I1\nt', a_dtype(b'O8'), b'(lV1\na'), 'Python objects'),
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
    'a truth value as a key': (b'}\x88Ns.', 'key of type bool'),
    'no key': (b'}NNs.', 'key of type NoneType'),
    'a place of the memo before the first': (b'Np-1\n.', 'damaged'),
    'what the last place of the memo holds': (b'Nq\x00g-1\n.', 'damaged'),
    'a key without a value': (b'}(Va\nu.', 'damaged'),
    'an array of no character': (build(b'(I1\nt', a_dtype(b'U1'), b'C\x04\0\0\x11\0'), 'Unicode'),
    'no character': (b'cnumpy.core.multiarray\nscalar\n(' + a_dtype(b'U1') + b'C\x04\0\0\x11\0tR.', 'Unicode'),
    'an escape in a name that is none': (b'cnumpy\\z\ndtype\n.', r'asks for numpy\\z\.dtype'),
    'the first integer that is too large for a key': (b'}I1152921504606846976\nNs.', r'key of 2\*\*60'),
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


# ---- time

def on_one_path(n, bits):
    """n integers that a dict of 2**bits places puts one behind another, and n more, most of which go past these."""
    places, place, mask = {}, 1, 2**bits - 1
    while len(places) < n:
        places[place] = len(places)
        place = (5 * place + 1) & mask
    first = list(places)[:64]
    followers, dice = [], random.Random(1)
    while len(followers) < n:
        number = dice.choice(first) + (dice.randrange(1, 64) << bits)
        place, rest = number & mask, number
        while rest and place in places:
            rest >>= 5
            place = (5 * place + rest + 1) & mask
        if places.get(place, n) < n // 4:
            followers.append(number)
        else:
            followers.append(2**40 + len(followers))
    return [*places, *followers]


def complex_keys(n):
    """np.complex128(-1000003 k, k) have one hash, all of them."""
    dtype = b'cnumpy\ndtype\n(Vc16\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntbq\x01'
    return b'\x80\x04(cnumpy.core.multiarray\nscalar\nq\x00' + dtype + b'l(' + b''.join(
        b'h\x00(h\x01C\x10' + struct.pack('<dd', -1000003. * k, k) + b'tRN' for k in range(n)) + b'd.'


SLOW_ONES = {
    'complex keys of one hash': (lambda: complex_keys(40_000), 'key of type complex128'),
    'integers that are no ids': (lambda: b'(' + b''.join(b'J' + struct.pack('<i', i % 2**31) + b'N' for i in
                                                         on_one_path(30_000, 17)) + b'd.',
                                 r'dict of \d+ integers as keys; expected 0 to '),
    'places of the memo of one hash': (lambda: b'N' + b''.join(b'p%d\n' % (i * (2**61 - 1)) for i in range(40_000))
                                       + b'.', 'damaged'),
    'empty lists': (lambda: b']' * 7_000_000 + b'.', 'more than 2097152 instructions'),
    'marks': (lambda: b'(' * 7_000_000 + b'.', 'more than 2097152 instructions'),
    'one dict, one key': (lambda: b'}X\1\0\0\0aq\0' + b'h\0Ns' * 1_300_000 + b'.', 'more than 2097152|damaged|adds'),
}


@pytest.mark.parametrize('name', [pytest.param(name, marks=[pytest.mark.slow] * (name == 'empty lists'))
                                  for name in SLOW_ONES])
def test_time_grows_with_the_length_alone(name):
    make, message = SLOW_ONES[name]
    Path('x.pkl').write_bytes(make())
    start = time.process_time()
    with pytest.raises(ValueError, match=message):
        storage.load_pickle('x.pkl')
    # 19 s were taken by the first, 9 by the second, 19 by the third; 3.4 by the lists on a machine with much else to do
    assert time.process_time() - start < 6


def test_ids_in_any_order_are_read():
    ids = np.random.permutation(5000).tolist()
    Path('x.pkl').write_bytes(pickle.dumps({i: str(i) for i in ids}))
    back = storage.load_pickle('x.pkl')
    assert back == {i: str(i) for i in range(5000)}
    assert list(back) == list(range(5000))      # in the order that lets none of them meet another
    few = {i * 7919: i for i in range(unpickle.FEW)}
    Path('x.pkl').write_bytes(pickle.dumps(few))
    assert list(storage.load_pickle('x.pkl').items()) == list(few.items())


def test_integers_of_numpy_become_keys_like_others():
    Path('x.pkl').write_bytes(pickle.dumps({np.int64(3): 'a', np.uint8(4): 'b', np.str_('c'): 1}))
    back = storage.load_pickle('x.pkl')
    assert back == {3: 'a', 4: 'b', 'c': 1} and [type(key) for key in back] == [int, int, str]


@pytest.mark.parametrize('protocol', [0, 3, 5])
def test_a_pickle_cut_anywhere_is_refused(protocol):
    whole = pickle.dumps([np.arange(6, dtype='f4').reshape(2, 3), np.float32(1), {'a': 1}], protocol)
    for n in range(len(whole)):
        Path('x.pkl').unlink(missing_ok=True)       # to write over it would wait for the disk
        Path('x.pkl').write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r'x\.pkl is refused'):
            storage.load_pickle('x.pkl')


@pytest.mark.parametrize('protocol', [0, 3, 5])
def test_a_damaged_pickle_is_refused_or_read_but_nothing_else_happens(protocol):
    whole = pickle.dumps([np.arange(6, dtype='f4').reshape(2, 3), np.float32(1), {'a': 1}], protocol)
    assert_every_damage_is_a_value_error(whole, 'x.pkl', storage.load_pickle)



@pytest.mark.skipif(sys.platform != 'linux', reason='a file of a terabyte that takes no room on the disk')
def test_a_pickle_larger_than_the_memory_names_itself():
    with open('x.pkl', 'wb') as file:
        file.truncate(10**12)
    with pytest.raises(MemoryError, match=r'^x\.pkl takes more memory than there is: the file has 1,000,000,0'):
        storage.load_pickle('x.pkl')
