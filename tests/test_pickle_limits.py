"""The arrays of a pickle at their limits: twice its length in memory, however each is made, 32 lengths each."""
import struct
from pathlib import Path

import numpy as np
import pytest

from common.checks import InputError
from common.storage import load_pickle
from common.unpickle import check_size, unpickle

LENGTH = 8000       # bytes of each array, all of one block
BLOCK = b'X' + struct.pack('<I', LENGTH) + b'a' * LENGTH + b'p0\n'      # as text, remembered as 0
ENCODED = b'c_codecs\nencode\n(g0\nVlatin1\ntR'
BYTES = ENCODED + b'p1\n'                                               # the same as bytes, remembered as 1
F8 = b'cnumpy\ndtype\n(Vf8\nI00\nI01\ntR'
FROM_BUFFER = b'cnumpy._core.numeric\n_frombuffer\n(g1\n' + F8 + b'(I1000\ntVC\ntR'
BUILT = (b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR'
         b'(I1\n(I1000\nt' + F8 + b'I00\ng1\ntb')


def made(*parts):
    """A pickle of a tuple: the block as text, as bytes (which count once), and these things."""
    return b'(' + BLOCK + BYTES + b''.join(parts) + b't.'


@pytest.mark.parametrize('part', [ENCODED, FROM_BUFFER, BUILT], ids=['encoded', 'from_buffer', 'built'])
def test_one_more_than_twice_the_file(part):
    *_, thing = unpickle(made(part))
    assert (thing if isinstance(thing, bytes) else thing.tobytes()) == b'a' * LENGTH
    with pytest.raises(ValueError, match='its arrays are larger than the file'):
        unpickle(made(part, part))


@pytest.mark.parametrize('parts', [(FROM_BUFFER, BUILT), (BUILT, FROM_BUFFER), (ENCODED, BUILT)])
def test_all_ways_count_together(parts):
    Path('x.pkl').write_bytes(made(*parts))
    with pytest.raises(InputError, match=r'x\.pkl is refused: its arrays are larger than the file'):
        load_pickle('x.pkl')


def test_twice_the_file_to_the_byte():
    def three_of_a_block(n):
        return b'(X' + struct.pack('<I', n) + b'a' * n + b'p0\n' + 3 * ENCODED + b't.'

    rest = len(three_of_a_block(0))
    assert unpickle(three_of_a_block(2 * rest))[1:] == 3 * (b'a' * 2 * rest,)    # 6 rest of 2 · 3 rest
    with pytest.raises(ValueError, match='its arrays are larger than the file'):
        unpickle(three_of_a_block(2 * rest + 1))                                # 6 rest + 3 of 6 rest + 2


# ---- shapes: as many lengths as the oldest NumPy knows


def pickled(lengths, n_bytes):
    """An array of these lengths, made of so many bytes."""
    shape = b'(' + b''.join(b'I%d\n' % length for length in lengths) + b't'
    return b'cnumpy._core.numeric\n_frombuffer\n(C' + bytes([n_bytes]) + bytes(n_bytes) + F8 + shape + b'VC\ntR.'


@pytest.mark.parametrize('shape', [(), (1,), (0,), (2, 3), 32 * (1,), 31 * (1,) + (2,)])
def test_these_are_read(shape):
    array = unpickle(pickled(shape, 8 * int(np.prod(shape))))
    assert array.shape == shape and array.dtype == 'f8' and not array.any()


@pytest.mark.parametrize('shape', [33 * (1,), (-1,), (-1, -1), (2**63,), (0, 2**63)])
def test_these_are_not(shape):
    with pytest.raises(ValueError, match='it holds an array whose shape is not a tuple of lengths'):
        unpickle(pickled(shape, 8))


def test_no_lengths_at_all():
    for shape in ((1.0,), ('1',), (None,)):
        with pytest.raises(ValueError, match='it holds an array whose shape is not a tuple of lengths'):
            check_size(shape, np.dtype('f8'), 8)
