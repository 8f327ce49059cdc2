"""Gradients checked against finite differences, for the layers here and for a reader's own:

    def test_my_layer():
        check_gradients(MyLayer(np.random.randn(3, 4)), np.random.randn(5, 3))

All of it in float64.
"""
import inspect
import math
import sys
from typing import Any

from common.checks import InputError, check_range
from common.np import np
from common.trainer import remove_duplicate


def numerical_gradient(f, x, eps: float = 1e-5):
    """∂f/∂x by central differences, (f(x + ε) − f(x − ε)) / 2ε for each number of x.

    f takes x and returns a number; x is a float64 array of any shape, changed while f runs and put back after.
    """
    kind = getattr(x, 'dtype', type(x).__name__)
    if kind != np.float64:
        raise InputError(f'x: expected an array of float64, for less precise differences mean nothing, got {kind}')
    check_range('eps', eps, sys.float_info.min, math.inf)
    gradient = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        value = x[index]
        try:
            x[index] = value + eps
            above = f(x)
            x[index] = value - eps
            below = f(x)
        finally:
            x[index] = value
        gradient[index] = (above - below) / (2 * eps)
    return gradient


def check_gradients(layer: Any, *inputs: Any, tolerance: float = 1e-5, eps: float = 1e-5, **options: Any) -> None:
    """AssertionError unless layer.backward agrees with finite differences of layer.forward(*inputs, **options).

    layer: anything with params, grads, forward and backward: a layer, a cell with several outputs, a whole model.
    inputs: arrays. The gradients of all params are checked, and those of the float inputs that backward returns.
    Params and float inputs must be float64. np.random is put back before each forward, so that dropout and negative
    samples are the same each time; where there is a `reset_state` it is called, so that states do not run on.
    tolerance: the largest relative error |a − n| / max(|a|, |n|, 1e-3) that passes.
    """
    check_range('tolerance', tolerance, 0, math.inf)
    layer_params, objects = list(getattr(layer, 'params', [])), list(getattr(layer, 'grads', []))
    assert len(layer_params) == len(objects), (
        f'{type(layer).__name__} has {len(layer_params)} params and {len(objects)} grads; expected one each')
    params, _ = remove_duplicate(layer_params, objects)
    floats = [x for x in inputs if isinstance(x, np.ndarray) and x.dtype.kind == 'f']
    for name, arrays in (('params', params), ('inputs', floats)):
        for i, array in enumerate(arrays):
            if array.dtype != np.float64:
                raise InputError(f'{name}[{i}]: expected float64, for less precise differences mean nothing, got '
                                 f'{array.dtype}')
    before = [x.copy() for x in floats]
    random_state = np.random.get_state()

    def forward():
        np.random.set_state(random_state)
        if hasattr(layer, 'reset_state'):
            layer.reset_state()
        out = layer.forward(*inputs, **options)
        return out if isinstance(out, tuple) else (out,)

    # A scalar is a loss: its own gradient is 1. Other outputs are made one by a fixed weighted sum, Σ weight · out.
    outs = forward()
    is_loss = np.ndim(outs[0]) == 0
    weights = [np.ones(()) if is_loss else np.random.RandomState(0).standard_normal(out.shape) for out in outs]
    for grad in objects:
        if isinstance(grad, np.ndarray):
            grad[...] = np.nan  # shows up where backward adds to what the last call left, or leaves it there
    douts = [weight.copy() for weight in weights]
    if is_loss:
        douts = [1.0] if inspect.signature(layer.backward).parameters else []
    returned = layer.backward(*douts)
    for i, (grad, given) in enumerate(zip(getattr(layer, 'grads', []), objects, strict=True)):
        assert grad is given, f'{place(layer, "grads", i)} is a new array: backward must write into the old, [...] ='
    for i, (x, was) in enumerate(zip(floats, before, strict=True)):
        assert np.array_equal(x, was, equal_nan=True), f'{place(layer, "inputs", i)} was changed: it is the caller\'s'
    dinputs = [d for d in (returned if isinstance(returned, tuple) else (returned,)) if d is not None]
    # A loss need not have a gradient for its labels, and there is none for ids.
    assert not floats or len(dinputs) == len(floats) or (is_loss and dinputs), (
        f'{type(layer).__name__}.backward returned {len(dinputs) or "nothing"}; expected {len(floats)}, '
        'the gradient of each input')
    _, grads = remove_duplicate(layer_params, [np.array(grad) for grad in objects])

    def objective(_):
        return float(sum((weight * out).sum() for weight, out in zip(weights, forward(), strict=True)))

    for kind, arrays, analytic in (('params', params, grads), ('inputs', floats, dinputs)):
        for i, (array, gradient) in enumerate(zip(arrays, analytic, strict=False)):
            compare(place(layer, kind, i), gradient, objective, array, eps, tolerance)
    np.random.set_state(random_state)


def place(layer, kind, i):
    return f'{type(layer).__name__}.{kind}[{i}]' if kind != 'inputs' else f'{type(layer).__name__}: input {i}'


def compare(name, analytic, objective, array, eps, tolerance):
    """AssertionError unless analytic is the gradient of objective, a function of array."""
    numerical = numerical_gradient(objective, array, eps)
    assert analytic.shape == numerical.shape, f'{name}: gradient of shape {analytic.shape}, expected {numerical.shape}'
    if not analytic.size:
        return
    larger = np.maximum(np.maximum(abs(analytic), abs(numerical)), 1e-3)
    error = abs(analytic - numerical) / larger
    worst = np.unravel_index(np.nan_to_num(error, nan=np.inf).argmax(), error.shape)
    if error[worst] <= tolerance:
        return
    hint = ''
    if np.isnan(analytic[worst]):
        hint = ' (it left the NaN that stood there: write into it, grads[0][...] = …, no new array, no +=)'
    elif has_kink(objective, array, worst, eps):
        hint = ' (there is a kink here, such as that of Relu at 0: try other inputs)'
    raise AssertionError(
        f'{name} at index {tuple(int(k) for k in worst)}: backward says {analytic[worst]:.8g}, finite differences say '
        f'{numerical[worst]:.8g}: relative error {error[worst]:.2g}, expected at most {tolerance:g}{hint}')


def has_kink(objective, array, index, eps):
    """Whether objective, a function of array, has another slope to the right of this number than to the left.

    The slopes of a smooth function differ too, but by the less the nearer one looks.
    """
    value, middle = array[index], objective(array)

    def difference(step):
        array[index] = value + step
        above = objective(array)
        array[index] = value - step
        below = objective(array)
        array[index] = value
        return abs(above - 2 * middle + below) / step

    return difference(eps) > 1e-5 and difference(10 * eps) < 5 * difference(eps)
