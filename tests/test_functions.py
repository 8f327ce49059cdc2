"""common.functions against plain math, one number at a time."""
import math

import numpy as np
import pytest

from common.checks import InputError
from common.functions import cross_entropy_error, relu, sigmoid, softmax, to_labels


def softmax_of(row):
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


def test_sigmoid_and_relu():
    x = np.array([[-3.0, -0.5, 0.0], [0.25, 2.0, 7.0]])
    expected = [[1 / (1 + math.exp(-v)) for v in row] for row in x.tolist()]
    np.testing.assert_allclose(sigmoid(x), expected, rtol=1e-12)
    np.testing.assert_array_equal(relu(x), [[0, 0, 0], [0.25, 2, 7]])


@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_no_overflow_far_from_zero(dtype):
    far = np.array([-1e4, 0, 1e4], dtype)
    assert sigmoid(far).tolist() == [0, 0.5, 1]     # warnings are errors here
    assert softmax(far).tolist() == [0, 0, 1]
    assert sigmoid(far).dtype == softmax(far).dtype == relu(far).dtype == dtype


@pytest.mark.parametrize('dtype, error, least', [('f', 1.2e-7, -20.5), ('d', 2.3e-16, -38.5)])
def test_sigmoid_is_as_near_as_its_docstring_says(dtype, error, least):
    x = np.linspace(-60, 60, 4001, dtype=dtype)
    expected = np.array([1 / (1 + math.exp(-v)) for v in x.tolist()])
    assert np.abs(sigmoid(x) - expected).max() < error
    assert (sigmoid(x[x < least]) == 0).all() and (sigmoid(x) >= 0).all() and (sigmoid(x) <= 1).all()


@pytest.mark.parametrize('shape', [(4,), (3, 4), (2, 3, 4), (3, 1)])
def test_softmax_over_the_last_axis(shape):
    x = np.random.randn(*shape)
    before = x.copy()
    y = softmax(x)
    expected = [softmax_of(row) for row in x.reshape(-1, shape[-1]).tolist()]
    np.testing.assert_allclose(y.reshape(-1, shape[-1]), expected, rtol=1e-12)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(softmax(x + 1000), y, rtol=1e-9)


def test_softmax_of_whole_numbers():
    np.testing.assert_allclose(softmax(np.array([1, 2, 3])), softmax_of([1, 2, 3]), rtol=1e-12)


def test_cross_entropy_error():
    y = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    labels, one_hot = np.array([0, 1]), np.array([[1, 0, 0], [0, 1, 0]])
    expected = -(math.log(0.7 + 1e-7) + math.log(0.3 + 1e-7)) / 2
    assert cross_entropy_error(y, labels) == pytest.approx(expected, rel=1e-14)
    assert cross_entropy_error(y, one_hot) == pytest.approx(expected, rel=1e-14)
    assert cross_entropy_error(y[0], np.array([0, 1, 0])) == pytest.approx(-math.log(0.2 + 1e-7), rel=1e-14)
    assert cross_entropy_error(y[0], np.array([2])) == pytest.approx(-math.log(0.1 + 1e-7), rel=1e-14)
    assert cross_entropy_error(y[None], labels[None]) == pytest.approx(expected, rel=1e-14)      # (1, 2, 3), (1, 2)
    # a probability of zero costs −log(1e-7), not infinity
    assert cross_entropy_error(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(7 * math.log(10), rel=1e-12)
    assert cross_entropy_error(y.astype('f'), labels).dtype == np.float32


def test_to_labels():
    assert to_labels(np.array([[0, 0, 1], [1, 0, 0]]), np.zeros((2, 3))).tolist() == [2, 0]
    assert to_labels(np.array([2, 0]), np.zeros((2, 3))).tolist() == [2, 0]
    assert to_labels(np.array([0, 0]), np.zeros((2, 1))).tolist() == [0, 0]       # as many, but no rows
    assert to_labels(np.array([[2, 0, 1], [1, 1, 0]]), np.zeros((2, 3, 4))).tolist() == [2, 0, 1, 1, 1, 0]
    assert to_labels(np.array([[2], [0]]), np.zeros((2, 3))).tolist() == [2, 0]
    labels = np.array([2, 0], np.uint64)
    assert to_labels(labels, np.zeros((2, 3))).dtype == np.int64


@pytest.mark.parametrize('t, y', [((2, 3), (6, 3)), ((3, 2), (6, 3)), ((3, 2), (2, 3, 4)), ((1, 3), (2, 3)),
                                  ((), (2, 3)), ((4,), (2, 3))])
def test_labels_of_another_shape(t, y):
    """Six one-hot numbers are not six labels."""
    with pytest.raises(InputError, match=r't: expected .*, got'):
        to_labels(np.zeros(t, int), np.zeros(y))


@pytest.mark.parametrize('labels, seen', [([0, -1], '-1 to 0'), ([3, 1], '1 to 3')])
def test_labels_outside_the_scores(labels, seen):
    with pytest.raises(ValueError, match=f't: expected ids from 0 to 2, got {seen}'):
        cross_entropy_error(np.full((2, 3), 1 / 3), np.array(labels))
