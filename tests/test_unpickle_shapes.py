"""The shapes that an array in a pickle may have: up to 32 lengths of 0 or more, as many as the oldest NumPy knows."""
import numpy as np
import pytest

from common.unpickle import check_size, unpickle

F8 = b'cnumpy\ndtype\n(Vf8\nI00\nI01\ntR'


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
