"""NaN in a weight file, of either kind that processors know, is told by our warning alone."""
import numpy as np
import pytest

from common.storage import as_type


@pytest.mark.parametrize('dtype', ['f4', 'f2'])
@pytest.mark.parametrize('bits', [0x7ff0000000000001, 0x7ff8000000000000], ids=['signalling', 'quiet'])
def test_a_nan_becomes_one_of_another_width(bits, dtype):
    array = np.array([0x3ff0000000000000, bits, 0x7fefffffffffffff], 'u8').view('f8')     # 1, NaN, the largest float64
    with np.errstate(all='raise'), pytest.warns(UserWarning, match='^W of x holds 2 numbers that are NaN or infinite$'):
        narrow = as_type('x', 'W', array, np.dtype(dtype))
    np.testing.assert_array_equal(narrow, np.array([1, np.nan, np.inf], dtype))
    assert narrow.dtype == dtype
