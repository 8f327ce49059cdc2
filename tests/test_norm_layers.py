"""common.norm_layers: each fast form against its plain twin, running moments worked out by hand."""
import copy
import pickle

import numpy as np
import pytest

from common.checks import InputError
from common.gradient_check import check_gradients
from common.norm_layers import BatchNormalization, LayerNorm, Simple_BatchNormalization, Simple_LayerNorm

SHAPES = [(6, 3), (1, 3), (7, 1), (4, 3, 5, 2), (1, 2, 3, 3), (3, 1, 2, 2), (2, 3, 1, 1), (1, 1, 1, 1)]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def channels_last(x):
    """The same numbers, (N, C, H, W), in memory as (N, H, W, C)."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if x.ndim == 4 else x


def pair(kinds, *arguments, **options):
    return [kind(*[a.copy() for a in arguments], **options) for kind in kinds]


def check_pair(fast, plain, x, dy):
    """Forward and backward of both, the plain one on plain memory."""
    close(fast.forward(x), plain.forward(np.ascontiguousarray(x)))
    close(fast.backward(dy), plain.backward(np.ascontiguousarray(dy)))
    for actual, expected in zip([*fast.grads, *fast.buffers], [*plain.grads, *plain.buffers], strict=True):
        close(actual, expected)


@pytest.mark.parametrize('x_last', [False, True])
@pytest.mark.parametrize('dy_last', [False, True])
@pytest.mark.parametrize('shape', SHAPES)
def test_batch_normalization_pair(shape, x_last, dy_last):
    C = shape[1]
    x, dy = np.random.randn(*shape) * 3 + 2, np.random.randn(*shape)
    x, dy = channels_last(x) if x_last else x, channels_last(dy) if dy_last else dy
    fast, plain = pair((BatchNormalization, Simple_BatchNormalization), np.random.randn(C), np.random.randn(C),
                       momentum=0.7, eps=1e-3)
    check_pair(fast, plain, x, dy)
    check_pair(fast, plain, x * 2 - 1, dy)      # the running moments go on
    assert fast.running_var.any() or x.size == C
    fast.train_flg = plain.train_flg = False
    check_pair(fast, plain, x, dy)


def test_batch_normalization_by_hand():
    """Columns 1, 3 and 2, 10: means 2 and 6, variances 1 and 16."""
    layer = BatchNormalization(np.array([1.0, 10.0]), np.array([0.0, 5.0]), momentum=0.75, eps=1e-12)
    y = layer.forward(np.array([[1.0, 2.0], [3.0, 10.0]]))
    close(y, [[-1, -5], [1, 15]])
    close(layer.running_mean, [0.5, 1.5])
    close(layer.running_var, [0.25, 4])
    layer.forward(np.array([[1.0, 2.0], [3.0, 10.0]]))
    close(layer.running_var, [0.4375, 7])
    close(layer.forward(np.array([[0.875, 2.625 + 7**0.5]]), train_flg=False), [[0, 15]])
    close(layer.running_var, [0.4375, 7])


def test_moments_of_pictures_are_each_channels():
    x = np.arange(24.0).reshape(2, 3, 2, 2)     # channel 0 holds 0 to 3 and 12 to 15
    layer = BatchNormalization(np.ones(3), np.zeros(3), momentum=0)
    y = layer.forward(channels_last(x))
    close(layer.running_mean, [7.5, 11.5, 15.5])
    close(layer.running_var, [37.25] * 3)
    close(y, (x - layer.running_mean[:, None, None]) / np.sqrt(37.25 + 1e-6))


def test_moments_begin_at_zero_or_at_copies_of_those_given():
    layer = BatchNormalization(np.ones(2, 'f'), np.zeros(2, 'f'))
    assert [a.tolist() for a in layer.buffers] == [[0, 0], [0, 0]]
    mean, var = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    layer = BatchNormalization(np.ones(2, 'f'), np.zeros(2, 'f'), running_mean=mean, running_var=var)
    assert layer.running_mean is layer.buffers[0] and layer.running_var is layer.buffers[1]
    assert [a.tolist() for a in layer.buffers] == [[1, 2], [3, 4]] and layer.running_var.dtype == np.float32
    arrays = list(layer.buffers)
    layer.forward(np.array([[9, 9], [1, 1]], 'f'))
    close(layer.running_mean, np.float32([0.9 + 0.5, 1.8 + 0.5]))
    assert all(a is b for a, b in zip(layer.buffers, arrays, strict=True))      # changed in place
    assert mean.tolist() == [1, 2]


@pytest.mark.parametrize('move', [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_moments_of_its_own(move):
    layer = BatchNormalization(np.ones(2), np.zeros(2))
    layer.forward(np.random.randn(5, 2))
    twin = move(layer)
    assert [a.tolist() for a in twin.buffers] == [a.tolist() for a in layer.buffers]
    assert twin.running_mean is twin.buffers[0]
    before = layer.running_mean.tolist()
    twin.forward(np.random.randn(5, 2) + 7)
    assert layer.running_mean.tolist() == before != twin.running_mean.tolist()


@pytest.mark.parametrize('kind', [BatchNormalization, Simple_BatchNormalization])
@pytest.mark.parametrize('shape', [(1, 3), (1, 3, 1, 1)])
def test_a_batch_of_one_has_no_variance(kind, shape):
    layer = kind(np.ones(3), np.array([1.0, 2.0, 3.0]))
    assert layer.forward(np.full(shape, 7.0)).ravel().tolist() == [1, 2, 3]
    close(layer.running_mean, [0.7] * 3)
    assert not layer.backward(np.ones(shape)).any() and not layer.running_var.any()


def test_far_from_zero_in_float32():
    """Σx²/N − μ² would lose all digits here."""
    x = (np.random.RandomState(0).randn(1000, 3) * 0.1 + 1000).astype('f')
    layer = BatchNormalization(np.ones(3, 'f'), np.zeros(3, 'f'))
    exact = x.astype('d')
    exact = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    np.testing.assert_allclose(layer.forward(x), exact, atol=5e-3)
    layer = LayerNorm(np.ones(1000, 'f'), np.zeros(1000, 'f'))
    np.testing.assert_allclose(layer.forward(np.ascontiguousarray(x.T)), exact.T, atol=5e-3)


def test_no_gradient_for_an_input_that_nobody_asks_for():
    layer, twin = pair((BatchNormalization, BatchNormalization), np.random.randn(3), np.random.randn(3))
    x, dy = np.random.randn(4, 3), np.random.randn(4, 3)
    layer.needs_dx = False
    layer.forward(x), twin.forward(x)
    assert layer.backward(dy) is None and twin.backward(dy).shape == (4, 3)
    assert [g.tolist() for g in layer.grads] == [g.tolist() for g in twin.grads]


@pytest.mark.parametrize('kinds, shape', [
    ((BatchNormalization, Simple_BatchNormalization), (30_001, 7)),
    ((BatchNormalization, Simple_BatchNormalization), (5, 4, 90, 101)),
    ((LayerNorm, Simple_LayerNorm), (3, 12_345, 7)), ((LayerNorm, Simple_LayerNorm), (3, 70_000))])
def test_pairs_of_more_numbers_than_fit_into_the_cache(kinds, shape):
    D = shape[1] if kinds[0] is BatchNormalization else shape[-1]
    fast, plain = pair(kinds, np.random.randn(D), np.random.randn(D))
    check_pair(fast, plain, channels_last(np.random.randn(*shape)), np.random.randn(*shape))


@pytest.mark.parametrize('shape', [(5, 3), (3,), (2, 4, 3), (2, 1, 2, 3), (4, 1), (1, 1)])
def test_layer_norm_pair(shape):
    D = shape[-1]
    fast, plain = pair((LayerNorm, Simple_LayerNorm), np.random.randn(D), np.random.randn(D), eps=1e-2)
    x, dy = np.random.randn(*shape) * 3 + 2, np.random.randn(*shape)
    check_pair(fast, plain, x, dy)
    if len(shape) == 3:
        check_pair(fast, plain, x.swapaxes(0, 1), dy.swapaxes(0, 1))


def test_layer_norm_by_hand():
    layer = LayerNorm(np.array([1.0, 10.0]), np.array([0.0, 5.0]), eps=1e-12)
    close(layer.forward(np.array([[1.0, 3.0], [10.0, 2.0]])), [[-1, 15], [1, -5]])


def test_numbers_follow_the_parameters():
    layer = BatchNormalization(np.ones(3), np.zeros(3))
    assert layer.forward(np.random.randn(4, 3).astype('f')).dtype == np.float64
    check_gradients(layer, np.random.randn(4, 3, 2, 1))


one, zero = np.ones(3), np.zeros(3)
BAD = {
    'x: expected (N, 3) or (N, 3, H, W), each 1 or more, got (3, 31)':
        lambda: BatchNormalization(one, zero).forward(np.ones((3, 31))),
    'x: expected (N, 3) or (N, 3, H, W), each 1 or more, got (0, 3)':
        lambda: BatchNormalization(one, zero).forward(np.ones((0, 3))),
    'x: expected (N, 3) or (N, 3, H, W), each 1 or more, got (2, 4, 3)':
        lambda: BatchNormalization(one, zero).forward(np.ones((2, 4, 3))),
    'gamma: expected (D,), got (1, 3)': lambda: BatchNormalization(one[None], zero),
    'beta: expected (3,), got (2,)': lambda: BatchNormalization(one, zero[:2]),
    'momentum: expected 0 or more and less than 1, got 1': lambda: BatchNormalization(one, zero, 1),
    'running_mean: expected (3,), got (4,)': lambda: BatchNormalization(one, zero, running_mean=np.ones(4)),
    'running_var: expected numbers of 0 or more, got -1.0': lambda: BatchNormalization(one, zero, running_var=-one),
    'eps: expected a finite number, 2.23e-308 or more, got 0': lambda: LayerNorm(one, zero, 0),
    'x: expected (…, 3), 1 or more numbers, got (3, 2)': lambda: LayerNorm(one, zero).forward(np.ones((3, 2))),
    'train_flg: expected True or False, got 2': lambda: BatchNormalization(one, zero).forward(np.ones((2, 3)), 2),
}


@pytest.mark.parametrize('message', BAD)
def test_bad_input(message):
    with pytest.raises(InputError) as info:
        BAD[message]()
    assert str(info.value) == message
