"""A RowSparse as NumPy sees it: the whole array, made anew each time."""
import numpy as np
import pytest

from common.checks import InputError
from common.rows import RowSparse


def a_gradient():
    grad = RowSparse((3, 2), np.float64)
    grad.fill(np.array([2, 0, 2]), np.array([[1., 2], [3, 4], [5, 6]]))
    return grad


@pytest.mark.parametrize('dtype', [None, 'f4', 'i8'])
def test_whole_and_of_the_dtype_asked_for(dtype):
    whole = np.asarray(a_gradient(), dtype)
    assert whole.tolist() == [[3, 4], [0, 0], [6, 8]] and whole.dtype == (dtype or 'f8')


def test_it_is_a_copy():
    grad = a_gradient()
    grad.__array__(copy=True)[0] = 9
    np.asarray(grad)[2] = 9
    assert np.asarray(grad).tolist() == [[3, 4], [0, 0], [6, 8]]


def test_there_is_no_array_without_a_copy():
    with pytest.raises(InputError, match=r'^copy: expected True or None, for the whole array must be made, got False$'):
        a_gradient().__array__(copy=False)
