"""common.activation_layers and erf against plain math, one number at a time."""
import math

import numpy as np
import pytest

from common.activation_layers import Elu, Gelu, LeakyRelu, PRelu, Relu, Tanh
from common.checks import InputError
from common.functions import erf, relu
from common.gradient_check import check_gradients

X = np.array([[-30.0, -2.5, -0.3, -1e-8], [0.0, 1e-8, 0.7, 30.0]])
C = math.sqrt(2 / math.pi)
FORMULAS = {
    'relu': (Relu(), lambda v: max(0, v)),
    'leaky': (LeakyRelu(), lambda v: v if v > 0 else 0.01 * v),
    'leaky_0': (LeakyRelu(0), lambda v: max(0, v)),
    'prelu': (PRelu(np.array([1.5])), lambda v: v if v > 0 else 1.5 * v),
    'elu': (Elu(), lambda v: v if v > 0 else math.expm1(v)),
    'elu_0.3': (Elu(0.3), lambda v: v if v > 0 else 0.3 * math.expm1(v)),
    'tanh': (Tanh(), math.tanh),
    'gelu': (Gelu(), lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2),
    'gelu_tanh': (Gelu(True), lambda v: v * (1 + math.tanh(C * (v + 0.044715 * v**3))) / 2),
}


@pytest.mark.parametrize('case', FORMULAS)
def test_formula(case):
    layer, formula = FORMULAS[case]
    expected = [[formula(v) for v in row] for row in X.tolist()]
    np.testing.assert_allclose(layer.forward(X), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(layer.forward(X.astype('f')), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('case', FORMULAS)
def test_slopes_far_from_zero(case):
    """1 on the right; on the left what the formula has there. Warnings are errors here."""
    layer, formula = FORMULAS[case]
    x = np.array([-40.0, 40.0])
    layer.forward(x)
    dx = layer.backward(np.ones(2))
    np.testing.assert_allclose(dx, [(formula(-39) - formula(-41)) / 2, 0 if case == 'tanh' else 1], atol=1e-12)


@pytest.mark.parametrize('case', FORMULAS)
def test_pictures_stay_in_the_order_in_which_they_lie_in_memory(case):
    layer, _ = FORMULAS[case]
    x = np.random.randn(2, 4, 5, 3).transpose(0, 3, 1, 2)
    dy = np.random.randn(2, 4, 5, 3).transpose(0, 3, 1, 2)
    y, dx = layer.forward(x), layer.backward(dy)
    assert y.strides == dx.strides == x.strides
    np.testing.assert_array_equal(y, layer.forward(np.ascontiguousarray(x)))
    np.testing.assert_array_equal(dx, layer.backward(np.ascontiguousarray(dy)))


def test_relu_of_far_numbers():
    x = np.array([-np.inf, -0.0, np.inf, np.nan, 3])
    assert relu(x)[:3].tolist() == [0, 0, np.inf] and np.isnan(relu(x)[3])
    assert relu([[1, -2]]).tolist() == [[1, 0]] and relu(-3.5) == 0
    layer = Relu()
    np.testing.assert_array_equal(layer.forward(x), relu(x))
    assert layer.backward(np.ones(5)).tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_prelu_has_a_slope_a_channel(shape):
    layer = PRelu(np.array([0.5, -1.0, 2.0]))
    x = np.full(shape, -2.0)
    y = layer.forward(x)
    assert [set(y[:, c].ravel()) for c in range(3)] == [{-1.0}, {2.0}, {-4.0}]
    dx = layer.backward(np.ones(shape))
    assert [set(dx[:, c].ravel()) for c in range(3)] == [{0.5}, {-1.0}, {2.0}]
    assert layer.grads[0].tolist() == [-2 * x.size / 3] * 3
    check_gradients(layer, np.random.randn(*shape))


def test_prelu_of_one_slope_takes_any_shape():
    for shape in (), (3,), (2, 3, 4):
        layer = PRelu(np.array([0.5]))
        assert (layer.forward(np.full(shape, -2.0)) == -1).all()
        assert (layer.backward(np.full(shape, 3.0)) == 1.5).all()
        assert layer.grads[0].tolist() == [-6 * math.prod(shape)]


@pytest.mark.parametrize('approximate', [False, True])
def test_gelu_of_more_numbers_than_one_block(approximate):
    x, dy = np.random.randn(3, 50_000), np.random.randn(3, 50_000)
    large, small = Gelu(approximate), Gelu(approximate)
    y, dx = large.forward(x), large.backward(dy)
    for i in (0, 1234), (1, 20_000), (2, 49_999):
        assert y[i] == pytest.approx(small.forward(x[i].reshape(1))[0], rel=1e-14)
        assert dx[i] == pytest.approx(small.backward(dy[i].reshape(1))[0], rel=1e-13)


# erf

def test_erf_is_as_near_as_its_docstring_says():
    x = np.concatenate([np.linspace(-7, 7, 40_001), np.logspace(-300, 3, 2000), -np.logspace(-30, 2, 500)])
    expected = np.array([math.erf(v) for v in x.tolist()])
    assert (np.abs(erf(x) - expected) <= 7e-16 * np.abs(expected)).all()
    x = x[np.abs(x) > 1e-35].astype('f')
    expected = np.array([math.erf(v) for v in x.tolist()])
    assert erf(x).dtype == np.float32
    assert (np.abs(erf(x) - expected) <= 4e-7 * np.abs(expected)).all()


@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_erf_far_from_zero_and_at_it(dtype):
    far = np.array([-np.inf, -1e30, -7, 0, 7, 1e30, np.inf, np.nan], dtype)
    assert erf(far)[:-1].tolist() == [-1, -1, -1, 0, 1, 1, 1] and np.isnan(erf(far)[-1])
    assert erf(np.array([[1, 0]])).tolist() == [[pytest.approx(math.erf(1), rel=1e-15), 0]]
    assert float(erf(0.5)) == pytest.approx(math.erf(0.5), rel=1e-15)
    assert erf(np.float16([0.5])).dtype == np.float16
    with pytest.raises(InputError, match=r'^x: expected an array of numbers, got str$'):
        erf('a')


BAD = {
    'slope: expected 0 or more and less than 1, got 1': lambda: LeakyRelu(1),
    'slope: expected (C,), got (1, 3)': lambda: PRelu(np.ones((1, 3))),
    'x: expected (N, 3, …), one channel for each slope, got (3, 2)': lambda: PRelu(np.ones(3)).forward(np.ones((3, 2))),
    'x: expected (N, 3, …), one channel for each slope, got (3,)': lambda: PRelu(np.ones(3)).forward(np.ones(3)),
    'alpha: expected a finite number, 0 or more, got -1': lambda: Elu(-1),
    "approximate: expected True or False, got 'tanh'": lambda: Gelu('tanh'),
    'x: expected an array, got list': lambda: Gelu().forward([1.0]),
}


@pytest.mark.parametrize('message', BAD)
def test_bad_input(message):
    with pytest.raises(InputError) as info:
        BAD[message]()
    assert str(info.value) == message
