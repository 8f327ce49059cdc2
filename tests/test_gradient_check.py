"""common.gradient_check: it passes what is right, and says of what is wrong where it is and by how much."""
import math
import re

import numpy as np
import pytest

from common.activation_layers import Relu
from common.gradient_check import check_gradients, numerical_gradient
from common.layers import Affine, Dropout, Embedding, Layer, MatMul, SoftmaxWithLoss
from common.time_layers import LSTM, RNN, TimeLSTM


@pytest.fixture
def layer():
    return Affine(np.random.randn(3, 4), np.random.randn(4))


@pytest.fixture
def x():
    return np.random.randn(5, 3)


def test_numerical_gradient_of_a_known_function():
    x = np.array([[0.5, -1.0], [2.0, 3.0]])
    before = x.copy()
    gradient = numerical_gradient(lambda x: (x**3).sum() + math.sin(x[0, 1]) * x[1, 0], x)
    expected = 3 * before**2
    expected[0, 1] += math.cos(-1.0) * 2.0
    expected[1, 0] += math.sin(-1.0)
    np.testing.assert_allclose(gradient, expected, rtol=1e-8)
    np.testing.assert_array_equal(x, before)


def test_numerical_gradient_of_views_and_scalars():
    x = np.arange(6.).reshape(2, 3).T
    np.testing.assert_allclose(numerical_gradient(lambda v: (v**2).sum(), x), [[0, 6], [2, 8], [4, 10]], atol=1e-8)
    np.testing.assert_allclose(numerical_gradient(lambda v: float(v)**2, np.array(3.0)), 6)
    np.testing.assert_allclose(numerical_gradient(lambda v: v[0]**2, np.array([3.0]), eps=1.0), [6])      # exact anyhow


def test_numerical_gradient_puts_back_what_it_changed_when_f_fails():
    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda v: 1 / 0, x)
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize('array', [np.zeros(2, 'f'), np.arange(3)])
def test_numerical_gradient_needs_float64(array):
    with pytest.raises(ValueError, match=f'x: expected an array of float64, .*, got {array.dtype}'):
        numerical_gradient(np.sum, array)


def test_right_layers_pass(layer, x):
    check_gradients(layer, x)
    check_gradients(SoftmaxWithLoss(), 0.1 * x, np.array([0, 2, 1, 1, 0]))
    check_gradients(Embedding(np.random.randn(4, 2)), np.array([1, 1, 3]))
    check_gradients(MatMul(np.random.randn(3, 2)), np.eye(3, dtype=int))        # whole numbers have no gradient


def test_dropout_draws_the_same_mask_each_time(x):
    state = np.random.get_state()
    check_gradients(Dropout(0.5), x)
    assert np.array_equal(np.random.get_state()[1], state[1]) and np.random.get_state()[2] == state[2]


def spoil(layer, change):
    """Let `change` have its way after each backward of the layer; what it returns, unless None, is returned."""
    plain = layer.backward

    def backward(*douts):
        dx = plain(*douts)
        changed = change(dx)
        return dx if changed is None else changed

    layer.backward = backward


@pytest.mark.parametrize('which, index', [(0, (2, 1)), (1, (3,))])
def test_a_wrong_gradient_of_a_parameter_is_named(layer, x, which, index):
    def change(dx):
        layer.grads[which][index] *= 1.01

    spoil(layer, change)
    with pytest.raises(AssertionError) as caught:
        check_gradients(layer, x)
    wrong, right = layer.grads[which][index], layer.grads[which][index] / 1.01
    place, numbers = str(caught.value).split('\n')[0].split(': ', 1)
    assert place == f'Affine.params[{which}] at index {index}'
    values = [float(v) for v in re.findall(r'-?\d+\.\d+', numbers)]
    assert values[:2] == pytest.approx([wrong, right], rel=1e-6)        # what backward says, what the differences say
    assert values[2] == pytest.approx(0.01 / 1.01, rel=0.01)
    check_gradients(layer, x, tolerance=0.02)


@pytest.mark.parametrize('first, hint', [(0.0, ' (there is a kink here, such as that of Relu at 0: try other inputs)'),
                                         (0.2, '')])
def test_a_kink_is_told_from_a_wrong_gradient(first, hint, x):
    x[0, 0], relu = first, Relu()
    if first:
        spoil(relu, lambda dx: 2 * dx)
    with pytest.raises(AssertionError, match='Relu: input 0 at index .* at most 1e-05' + re.escape(hint) + '$'):
        check_gradients(relu, x)


def test_a_wrong_gradient_where_the_slope_is_0_has_no_kink():
    class Square(Layer):
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, dy):
            return 2 * dy * self.x + 1

    with pytest.raises(AssertionError, match=r'at most 1e-05$'):
        check_gradients(Square(), np.zeros((1, 1)))


def test_an_input_that_is_changed_is_named(layer, x):
    def double(dx):
        x[...] *= 2

    spoil(layer, double)
    with pytest.raises(AssertionError, match=r"^Affine: input 0 was changed: it is the caller's$"):
        check_gradients(layer, x)


def test_the_worst_index_is_named(layer, x):
    def change(dx):
        layer.grads[0][0, 0] *= 1.01
        layer.grads[0][1, 2] *= 1.5
        layer.grads[0][2, 3] *= 1.02

    spoil(layer, change)
    with pytest.raises(AssertionError, match=r'Affine.params\[0\] at index \(1, 2\)'):
        check_gradients(layer, x)


@pytest.mark.parametrize('factor', [1.001, -1, 0, 2])
def test_a_wrong_gradient_of_an_input_is_named(layer, x, factor):
    spoil(layer, lambda dx: dx * factor)
    with pytest.raises(AssertionError, match=r'Affine: input 0 at index \(\d, \d\)'):
        check_gradients(layer, x)


def test_a_wrong_gradient_of_the_second_input_is_named():
    layer = RNN(np.random.randn(3, 2), np.random.randn(2, 2), np.random.randn(2))
    inputs = np.random.randn(4, 3), np.random.randn(4, 2)
    check_gradients(layer, *inputs)
    spoil(layer, lambda dinputs: (dinputs[0], 1.01 * dinputs[1]))
    with pytest.raises(AssertionError, match='RNN: input 1'):
        check_gradients(layer, *inputs)


def test_a_gradient_that_is_not_a_number_is_named(layer, x):
    spoil(layer, lambda dx: dx.__setitem__((4, 1), np.nan))
    with pytest.raises(AssertionError, match=r'Affine: input 0 at index \(4, 1\): backward says nan'):
        check_gradients(layer, x)


@pytest.mark.parametrize('change, what', [
    (lambda dx: dx[:1], 'input 0: gradient of shape'), (lambda dx: dx[:, :, None], 'input 0: gradient of shape')])
def test_a_gradient_of_another_shape_is_named(layer, x, change, what):
    spoil(layer, change)
    with pytest.raises(AssertionError, match=what):
        check_gradients(layer, x)


def test_backward_that_returns_nothing(layer, x):
    plain = layer.backward
    layer.backward = lambda dy: [plain(dy)].clear()
    with pytest.raises(AssertionError, match=r'Affine\.backward returned nothing'):
        check_gradients(layer, x)


def test_a_gradient_left_out_of_several():
    layer = RNN(np.random.randn(3, 2), np.random.randn(2, 2), np.random.randn(2))
    spoil(layer, lambda dinputs: dinputs[0])
    with pytest.raises(AssertionError, match='RNN'):
        check_gradients(layer, np.random.randn(4, 3), np.random.randn(4, 2))


def test_grads_that_are_new_arrays(layer, x):
    def change(dx):
        layer.grads[1] = layer.grads[1].copy()

    spoil(layer, change)
    with pytest.raises(AssertionError, match=r'Affine.grads\[1\] is a new array'):
        check_gradients(layer, x)


def test_grads_that_are_added_to_instead_of_written(layer, x):
    """Right in the first backward and wrong in every later one."""
    plain = layer.backward

    def backward(dy):
        before = [g.copy() for g in layer.grads]
        dx = plain(dy)
        for grad, old in zip(layer.grads, before, strict=True):
            grad += old
        return dx

    layer.backward = backward
    with pytest.raises(AssertionError, match='Affine'):
        check_gradients(layer, x)


def test_other_dtypes_are_refused(x):
    with pytest.raises(ValueError, match=r'params\[1\]: expected float64, .*, got float32'):
        check_gradients(Affine(np.zeros((3, 4)), np.zeros(4, 'f')), x)
    with pytest.raises(ValueError, match=r'inputs\[0\]: expected float64, .*, got float32'):
        check_gradients(Affine(np.zeros((3, 4)), np.zeros(4)), x.astype('f'))


class Twice(Layer):
    """y = x W and z = (x W) Wᵀ: two outputs, and a W that stands twice in params."""

    def __init__(self, W):
        self.first, self.second = MatMul(W), MatMul(W.T)
        self.params, self.grads = self.first.params + self.second.params, self.first.grads + self.second.grads

    def forward(self, x, scale=1.0):
        self.scale = scale
        y = self.first.forward(x)
        return y, self.second.forward(y) * scale

    def backward(self, dy, dz):
        return self.first.backward(dy + self.second.backward(dz * self.scale))


def test_tied_weights_several_outputs_and_options(x):
    layer = Twice(np.random.randn(3, 2))
    check_gradients(layer, x)
    check_gradients(layer, x, scale=0.5)
    plain = layer.backward
    layer.backward = lambda dy, dz: plain(dy, 1.01 * dz)
    with pytest.raises(AssertionError, match='Twice'):
        check_gradients(layer, x)
    layer.backward = lambda dy, dz: plain(1.01 * dy, dz)
    with pytest.raises(AssertionError, match='Twice'):
        check_gradients(layer, x)


def test_each_state_begins_anew():
    W = np.random.randn(3, 8), np.random.randn(2, 8), np.random.randn(8)
    layer = TimeLSTM(*W, stateful=True)
    layer.forward(np.random.randn(4, 2, 3))         # leaves a state that a check must not go on from
    check_gradients(layer, np.random.randn(2, 3, 3))
    check_gradients(LSTM(*W), np.random.randn(2, 3), np.random.randn(2, 2), np.random.randn(2, 2))


def test_a_layer_without_parameters_and_a_loss_whose_backward_must_have_dout():
    class Square:
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, dy):
            return 2 * self.x * dy

    class Loss(Square):
        def forward(self, x):
            return super().forward(x).sum()

    check_gradients(Square(), np.random.randn(3))
    check_gradients(Loss(), np.random.randn(3))
    with pytest.raises(AssertionError, match='Square has 0 params and 1 grads'):
        layer = Square()
        layer.grads = [np.zeros(1)]
        check_gradients(layer, np.random.randn(3))
