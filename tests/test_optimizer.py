"""common.optimizer: each optimizer against its formula, worked out number by number."""
from math import sqrt

import numpy as np
import pytest

from common import blocks, optimizer
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop, clip_grads
from common.rows import RowSparse

EPS = 1e-7
P = [1.0, -2.0, 0.5]
STEPS = [(0.1, [0.5, -1.0, 0.0]), (0.02, [-0.25, 2.0, 3.0]), (0.02, [1.0, 1.0, 1e-8])]     # the lr and the gradient


# one number p with its gradients: the formulas as BOOK_API and the papers have them

def sgd(p, steps):
    for lr, g in steps:
        p -= lr * g
    return p


def momentum(p, steps, mu=0.8):
    v = 0.0
    for lr, g in steps:
        v = mu * v - lr * g
        p += v
    return p


def nesterov(p, steps, mu=0.8):
    v = 0.0
    for lr, g in steps:
        v = mu * v - lr * g
        p = p + mu * mu * v - (1 + mu) * lr * g
    return p


def adagrad(p, steps):
    h = 0.0
    for lr, g in steps:
        h += g**2
        p -= lr * g / (sqrt(h) + EPS)
    return p


def rmsprop(p, steps, decay=0.9):
    h = 0.0
    for lr, g in steps:
        h = decay * h + (1 - decay) * g**2
        p -= lr * g / (sqrt(h) + EPS)
    return p


def adam(p, steps, beta1=0.8, beta2=0.95):
    m = v = 0.0
    for t, (lr, g) in enumerate(steps, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p -= lr * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + EPS)
    return p


def adam_w(p, steps, beta1=0.8, beta2=0.95, decay=0.5):
    m = v = 0.0
    for t, (lr, g) in enumerate(steps, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - lr * decay * p - lr * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + EPS)
    return p


CASES = {'SGD': (SGD, {}, sgd), 'Momentum': (Momentum, {'momentum': 0.8}, momentum),
         'Nesterov': (Nesterov, {'momentum': 0.8}, nesterov), 'AdaGrad': (AdaGrad, {}, adagrad),
         'RMSprop': (RMSprop, {'decay_rate': 0.9}, rmsprop), 'Adam': (Adam, {'beta1': 0.8, 'beta2': 0.95}, adam),
         'AdamW': (AdamW, {'beta1': 0.8, 'beta2': 0.95, 'weight_decay': 0.5}, adam_w)}


# the formula of a parameter of one axis, where it is another
OF_VECTORS = {adam_w: adam}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def run(optimizer, params, steps):
    for lr, g in steps:
        optimizer.lr = lr
        optimizer.update(params, [np.array(g, p.dtype).reshape(p.shape) for p in params])
    return params


def test_formula(case):
    make, options, formula = case
    params = run(make(**options), [np.array([P]).T, np.array(P)], STEPS)
    for param, one in zip(params, (formula, OF_VECTORS.get(formula, formula)), strict=True):
        expected = [one(p, [(lr, g[k]) for lr, g in STEPS]) for k, p in enumerate(P)]
        np.testing.assert_allclose(param.ravel(), expected, rtol=1e-12)


# the first step from p = 1 with g = 0.5, in numbers, with the book's own defaults
@pytest.mark.parametrize('make, expected', [
    (SGD, 1 - 0.01 * 0.5), (Momentum, 1 - 0.005), (Nesterov, 1 - 0.81 * 0.005 - 1.9 * 0.005),
    (AdaGrad, 1 - 0.005 / 0.5000001), (RMSprop, 1 - 0.005 / 0.0500001),
    # (1 − β1)·g = 0.05, √((1 − β2)·g²) = 0.5·√0.001, corrected by √0.001/0.1
    (Adam, 1 - 0.001 * sqrt(0.001) / 0.1 * 0.05 / (0.5 * sqrt(0.001) + EPS))])
def test_defaults(make, expected):
    p = np.array([1.0])
    make().update([p], [np.array([0.5])])
    assert p[0] == pytest.approx(expected, rel=1e-13)


def test_defaults_of_adam_w():
    """As Adam, but of a matrix 0.001·0.01 = 1e-5 of what it was goes too."""
    for shape, kept in (((1,), 1), ((1, 1), 1 - 1e-5), ((1, 1, 1), 1 - 1e-5)):
        p = np.ones(shape)
        AdamW().update([p], [np.full(shape, 0.5)])
        assert p.item() == pytest.approx(kept - 0.001 * sqrt(0.001) / 0.1 * 0.05 / (0.5 * sqrt(0.001) + EPS), rel=1e-13)


def test_second_step_with_the_defaults():
    """The second step is the first that shows the decay of what was before."""
    for make, expected in [(Momentum, 1 - 0.005 - (0.9 * 0.005 + 0.01)),
                           (Nesterov, 1 - 2.71 * 0.005 - 0.81 * (0.9 * 0.005 + 0.01) - 1.9 * 0.01),
                           (RMSprop, 1 - 0.005 / 0.0500001 - 0.01 / (sqrt(0.99 * 0.0025 + 0.01) + EPS))]:
        p, optimizer = np.array([1.0]), make()
        optimizer.update([p], [np.array([0.5])])
        optimizer.update([p], [np.array([1.0])])
        assert p[0] == pytest.approx(expected, rel=1e-13)


def test_in_place_and_in_the_parameters_dtype(case):
    make, options, formula = case
    optimizer = make(**options)
    for dtype in 'f', 'd':
        optimizer = make(**options)
        p, g = np.array([P], dtype), np.array([STEPS[0][1]], dtype)
        params, grads = [p], [g]
        optimizer.update(params, grads)
        optimizer.lr = np.float64(0.5)      # a schedule may give one: it must not widen the arrays
        optimizer.update(params, grads)
        assert params[0] is p and p.dtype == dtype and grads[0] is g
        assert g.tolist() == [STEPS[0][1]]
        assert {a.dtype for name in optimizer.arrays for a in getattr(optimizer, name)} <= {np.dtype(dtype)}
        start = make(**options).lr
        expected = [formula(v, [(start, h), (0.5, h)]) for v, h in zip(P, g[0].tolist(), strict=True)]
        np.testing.assert_allclose(p[0], expected, rtol=1e-5 if dtype == 'f' else 1e-12)


def test_a_transposed_parameter(case):
    make, options, formula = case
    W = np.array([P, P])
    run(make(**options), [W.T], [(lr, np.repeat(g, 2)) for lr, g in STEPS])
    expected = [formula(p, [(lr, g[k]) for lr, g in STEPS]) for k, p in enumerate(P)]
    np.testing.assert_allclose(W, [expected, expected], rtol=1e-12)


def test_state_goes_on_where_it_was_taken(case):
    make, options, _ = case
    whole = run(make(**options), [np.array(P)], STEPS)
    first = make(**options)
    params = run(first, [np.array(P)], STEPS[:2])
    state, params_then = first.get_state(), [params[0].copy()]
    run(first, params, STEPS[2:])           # training that goes on does not change what was taken …
    for _ in range(2):                      # … nor does training that begins from it
        second = make(**options)
        second.set_state(state)
        assert second.lr == STEPS[1][0]
        np.testing.assert_array_equal(run(second, [params_then[0].copy()], STEPS[2:])[0], whole[0])


def test_state_before_the_first_update(case):
    make, options, _ = case
    second = make(**options)
    second.set_state(make(**options, lr=0.3).get_state())
    assert second.lr == 0.3
    np.testing.assert_array_equal(run(second, [np.array(P)], STEPS), run(make(**options), [np.array(P)], STEPS))


@pytest.mark.parametrize('changes, says', [
    ({'lr': 'x'}, "lr: expected a number, got 'x'"),
    ({'lr': -1.0}, r'lr: expected a finite number, 0 or more, got -1\.0'),
    ({'lr': float('nan')}, 'lr: expected a finite number, 0 or more, got nan'),
    ({'iter': 1.5}, r'iter: expected an integer, got 1\.5'), ({'iter': -1}, 'iter: expected 0 or more, got -1'),
    ({'m': 3.0}, 'm: expected a list of arrays or None, got a float')])
def test_a_bad_state_is_refused_and_changes_nothing(changes, says):
    adam = Adam(lr=0.5)
    with pytest.raises(ValueError, match=f'^{says}$'):
        adam.set_state(Adam(lr=0.25).get_state() | changes)
    assert (adam.lr, adam.iter, adam.m) == (0.5, 0, None)


def test_a_gradient_that_stands_in_the_list_twice_is_clipped_once():
    """By the book's norm, in which it counts twice: here √(2·(9 + 16)) = √50, which is to become √2."""
    for grads in ([np.array([[3.0, 4.0]])] * 2, [g := np.array([[3.0, 4.0]]), g.T]):
        clip_grads(grads, sqrt(2))
        np.testing.assert_allclose(grads[0], [[0.6, 0.8]], rtol=1e-5)
    sparse = RowSparse((4, 2), 'd')
    sparse.fill(np.array([1]), np.array([[3.0, 4.0]]))
    clip_grads([sparse, sparse], sqrt(2))
    np.testing.assert_allclose(sparse.values, [[0.6, 0.8]], rtol=1e-5)
    parts = np.array([3.0, 4.0])
    clip_grads([parts[:1], parts[1:], np.zeros(0), np.zeros(0)], 1)     # views of one array are not the same array
    np.testing.assert_allclose(parts, [0.6, 0.8], rtol=1e-5)


def test_lists_of_unequal_length(case):
    make, options, formula = case
    optimizer, params = make(**options), [np.array([P]), np.array([P])]
    with pytest.raises(ValueError, match='grads: expected 2 arrays, one for each of params, got 1'):
        optimizer.update(params, [np.ones((1, 3))])
    assert params[0].tolist() == [P]
    run(optimizer, params, STEPS)           # as if the wrong call had not been
    np.testing.assert_allclose(params[1][0], [formula(p, [(lr, g[k]) for lr, g in STEPS]) for k, p in enumerate(P)])


@pytest.mark.parametrize('make', [Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW])
def test_other_parameters_than_before(make):
    optimizer = make()
    optimizer.update([np.ones(2)], [np.ones(2)])
    with pytest.raises(ValueError, match='params: expected as many as at the first update, 1, got 2'):
        optimizer.update([np.ones(2), np.ones(3)], [np.ones(2), np.ones(3)])


@pytest.mark.parametrize('order', ['C', 'F'])
def test_large_arrays_go_block_by_block(case, order, monkeypatch):
    make, options, formula = case
    for module in blocks, optimizer:
        monkeypatch.setattr(module, 'BLOCK', 2)
    param = np.array([P, P[::-1]], order=order)         # 6 numbers: three blocks
    grads = [(lr, np.array([g, g[::-1]], order=order)) for lr, g in STEPS]
    run(make(**options), [param], grads)
    expected = [formula(p, [(lr, g[k]) for lr, g in STEPS]) for k, p in enumerate(P)]
    np.testing.assert_allclose(param, [expected, expected[::-1]], rtol=1e-12)
