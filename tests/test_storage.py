"""Files: whole or absent, and archives read as data."""
import io
import os
import struct
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common import checkpoint, storage
from tests.hostile import assert_every_damage_is_a_value_error, assert_refused

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
    """A MemoryError says which file, and which array of what size; a pickle, how long it is."""
    np.savez('x.npz', a=np.zeros(3), words=np.zeros((3, 40)))
    Path('x.pkl').write_bytes(b'N.')

    def no_room(*_):
        raise MemoryError

    monkeypatch.setattr(storage.np, 'empty', no_room)
    with pytest.raises(MemoryError, match=r'^x\.npz takes more .* there is: a\.npy, \(3,\) of float64, has 24 bytes$'):
        storage.load_npz('x.npz')
    monkeypatch.setattr(storage, 'unpickle', no_room)
    with pytest.raises(MemoryError, match=r'^x\.pkl takes more memory than there is: the file has 2 bytes$'):
        storage.load_pickle('x.pkl')


def test_text_with_a_character_that_unicode_does_not_have_is_refused():
    for dtype in ('<u4', '>u4'):
        np.savez('x.npz', settings=np.array([65, 0x110000], dtype).view(dtype.replace('u4', 'U2')))
        assert_refused(storage.load_npz, 'x.npz', 'text with a character that Unicode does not have')


def test_an_archive_of_very_many_members_is_refused_at_once():
    directory = io.BytesIO()
    with zipfile.ZipFile(directory, 'w') as archive:
        for i in range(storage.MEMBERS + 1):
            archive.writestr(f'{i}.npy', npy_header(()) + bytes(8))
    Path('x.npz').write_bytes(directory.getvalue())
    start = time.process_time()
    with pytest.raises(ValueError, match=r'x\.npz is refused: it holds more than 4096 arrays'):
        storage.load_npz('x.npz')
    names = b'\n'.join(b'PK\x01\x02' + bytes(24) + struct.pack('<H', 1) + bytes(16) + b'a' for i in range(500_000))
    Path('y.npz').write_bytes(names + struct.pack('<4s4H2IH', b'PK\x05\x06', 0, 0, 1, 1, len(names), 0, 0))
    with pytest.raises(ValueError, match=r'y\.npz is refused: it holds more than 4096 arrays'):
        storage.load_npz('y.npz')
    assert time.process_time() - start < 1
    with pytest.raises(ValueError, match='expected at most 4096 arrays, got 4097'):
        storage.save_npz('z.npz', {f'{i}': np.zeros(1) for i in range(4097)})


@pytest.mark.parametrize('fill', [b'#a\n' * 3200, b'(' * 9000, b' ' * 9000])
def test_long_headers_cost_no_time(fill):
    """NumPy takes 15 ms for one of the first: a file of 0.3 MB held 1500 of them."""
    header = npy_header((1,)).replace(b'{', b'{' + fill, 1)
    header = header[:8] + struct.pack('<H', len(header) - 10) + header[10:] + bytes(8)
    with zipfile.ZipFile('x.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        for i in range(1500):
            archive.writestr(f'{i}.npy', header)
    start = time.process_time()
    assert_refused(storage.load_npz, 'x.npz', 'header that is not of an array')
    assert time.process_time() - start < 1


def test_a_damaged_npz_is_refused_or_read_but_nothing_else_happens():
    storage.save_npz('x.npz', {'a': np.arange(20.), 'b': np.arange(3, dtype='f4')})
    whole = Path('x.npz').read_bytes()
    assert_every_damage_is_a_value_error(whole, 'x.npz', storage.load_npz)


# ---- what would not be read back

@pytest.mark.parametrize(('name', 'array', 'message'), [
    ('a' * 101, 1, r"expected names of 1 to 100 printable characters, got 'a{59}$"), ('', 1, "got ''"),
    ('a\n', 1, r"got 'a\\n'$"), (7, 1, 'got 7$'), ('\ud800', 1, 'got '),
    ('a', np.array('2020', 'M8[D]'), r'x\.npz, a: expected an array of numbers or of text, got datetime64\[D\]'),
    ('a', np.zeros(2, 'f4,i4'), r'got \['), ('a', np.zeros(2, 'V3'), r'got \|V3'), ('a', None, 'Python objects'),
    ('a', 33, r'got float64 of the shape \(1, 1'), ('a', np.ma.array([1, 2], mask=[0, 1]), 'masked'),
    ('a', np.array([0x110000], 'u4').view('U1'), 'got <U1')])
def test_npz_refuses_to_save_what_it_would_not_read(name, array, message):
    if type(array) is int and array == 33:
        if np.lib.NumpyVersion(np.__version__) < '2.0.0':
            pytest.skip('no array has so many axes')
        array = np.zeros((1,) * 33)
    with pytest.raises(ValueError, match=message) as caught:
        storage.save_npz('x.npz', {name: array})
    assert '\n' not in str(caught.value) and os.listdir() == []


@pytest.mark.parametrize('obj', [bytearray(b'ab'), {1, 2}, frozenset('ab'), {(1, 2): 3}, {2.5: 1}, {None: 1}, {b'a': 1},
                                 {2**60: 1}, {i * 7: 1 for i in range(300)}, np.datetime64('2020'), object(), print,
                                 np.zeros(2, 'f4,i4'), np.array([None]), [lambda: 1], np.ma.array([1]), Path('a')])
def test_a_pickle_refuses_to_save_what_it_would_not_read(obj):
    with pytest.raises(TypeError, match=r'^x\.pkl: expected arrays, lists, dicts, tuples, text and .*, got others: '):
        storage.save_pickle('x.pkl', [obj])
    assert os.listdir() == []


def test_what_is_saved_is_read_back():
    objects = [b'\0', b'', '', 'a\0b', '\ud800', np.array(b'\0'), np.bytes_(b'ab'), np.zeros(3, 'S2'),
               np.zeros(0, 'U3'), {np.int64(3): 1, np.str_('a'): 2}, {i: i for i in reversed(range(400))},
               np.longdouble(1.5), [[]] * 3]
    for obj in objects:
        storage.save_pickle('x.pkl', obj)
        back = storage.load_pickle('x.pkl')
        assert np.array_equal(back, obj) if isinstance(obj, np.ndarray) else back == obj, obj
    arrays = {'a.npy': np.zeros(2, 'S3'), '../a': np.array('\0a'), 'é\\': np.array([1 + 2j]), 'e': np.zeros((2, 0))}
    storage.save_npz('x.npz', arrays)
    assert {name: array.tolist() for name, array in storage.load_npz('x.npz').items()} == {
        name: array.tolist() for name, array in arrays.items()}


# ---- checksums

@pytest.mark.parametrize('path', ['x.npz', 'x.pkl'])
def test_every_flipped_bit_is_noticed_or_changes_nothing(path):
    array = np.arange(1, 6, dtype='f2')
    save, load = ((storage.save_npz, storage.load_npz) if path == 'x.npz' else
                  (storage.save_pickle, storage.load_pickle))
    save(path, {'a': array})
    whole, sound = Path(path).read_bytes(), 0
    for i in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[i // 8] ^= 1 << i % 8
        Path(path).unlink()     # to write over it would wait for the disk
        Path(path).write_bytes(damaged)
        try:
            back = load(path)
        except ValueError:
            continue
        sound += 1
        assert list(back) == ['a'] and back['a'].tobytes() == array.tobytes()
    assert sound < 4 * len(whole)


def test_arrays_that_are_not_those_of_the_checksum_are_refused():
    """The archive's own sums are right; two arrays of one shape have changed places."""
    storage.save_npz('x.npz', {'a': np.zeros(3), 'b': np.ones(3)})
    with zipfile.ZipFile('x.npz') as old, zipfile.ZipFile('y.npz', 'w') as new:
        new.comment = old.comment
        new.writestr('a.npy', old.read('b.npy'))
        new.writestr('b.npy', old.read('a.npy'))
    assert_refused(storage.load_npz, 'y.npz', 'its arrays are not those of its checksum')
    with zipfile.ZipFile('y.npz', 'a') as new:
        new.comment = b''
    assert storage.load_npz('y.npz')['a'].tolist() == [1, 1, 1]     # of NumPy, or of an earlier version


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
