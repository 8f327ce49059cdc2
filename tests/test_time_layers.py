"""common.time_layers: each fast form against its cell run step by step, states, masks and losses worked out by hand."""
import math
import re

import numpy as np
import pytest

from common.gradient_check import check_gradients
from common.time_layers import (
    GRU,
    LSTM,
    RNN,
    Simple_TimeAffine,
    Simple_TimeSoftmaxWithLoss,
    TimeAffine,
    TimeBiLSTM,
    TimeDropout,
    TimeEmbedding,
    TimeGRU,
    TimeLSTM,
    TimeRNN,
    TimeSigmoidWithLoss,
    TimeSoftmaxWithLoss,
)

SHAPES = [(3, 4, 5, 2), (2, 7, 3, 6), (1, 4, 3, 2), (3, 1, 2, 4), (2, 3, 1, 1), (1, 1, 1, 1)]      # N, T, D, H
KINDS = {'RNN': (TimeRNN, RNN, 1), 'LSTM': (TimeLSTM, LSTM, 4), 'GRU': (TimeGRU, GRU, 3)}


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def weights(D, H, gates):
    return [np.random.randn(*shape) * 0.7 for shape in ((D, gates * H), (H, gates * H), (gates * H,))]


def unroll(cell, params, xs, dhs, h, c):
    """The plain form: one cell a step, forward and back. -> hs, last h and c, dxs, gradients of params, of h and of c.

    c is None for the cells that have none.
    """
    steps = [cell(*params) for _ in range(xs.shape[1])]
    hs, dxs = np.zeros_like(dhs), np.zeros_like(xs)
    for t, step in enumerate(steps):
        if c is None:
            h = step.forward(xs[:, t], h)
        else:
            h, c = step.forward(xs[:, t], h, c)
        hs[:, t] = h
    dh, dc = np.zeros_like(h), np.zeros_like(h)
    for t, step in reversed(list(enumerate(steps))):
        if c is None:
            dxs[:, t], dh = step.backward(dhs[:, t] + dh)
        else:
            dxs[:, t], dh, dc = step.backward(dhs[:, t] + dh, dc)
    return hs, h, c, dxs, [sum(step.grads[i] for step in steps) for i in range(3)], dh, dc


# the cells, one number at a time: this fixes the order of the gates, which the pairs below could share wrongly

def preactivation(x, h, params, column):
    Wx, Wh, b = (p.tolist() for p in params)
    return sum(v * row[column] for v, row in zip(x, Wx, strict=True)) + \
        sum(v * row[column] for v, row in zip(h, Wh, strict=True)) + b[column]


def test_rnn_by_hand():
    params, x, h = weights(3, 2, 1), [0.3, -1.0, 0.8], [0.5, -0.6]
    expected = [math.tanh(preactivation(x, h, params, j)) for j in range(2)]
    close(RNN(*params).forward(np.array([x]), np.array([h])), [expected])


def test_lstm_by_hand():
    params, x, h, c = weights(3, 2, 4), [0.3, -1.0, 0.8], [0.5, -0.6], [0.9, -0.2]
    c_next, h_next = [], []
    for j in range(2):
        f, g, i, o = (preactivation(x, h, params, gate * 2 + j) for gate in range(4))
        c_next.append(sigmoid(f) * c[j] + math.tanh(g) * sigmoid(i))
        h_next.append(sigmoid(o) * math.tanh(c_next[j]))
    actual = LSTM(*params).forward(np.array([x]), np.array([h]), np.array([c]))
    close(actual[0], [h_next])
    close(actual[1], [c_next])


def test_gru_by_hand():
    params, x, h = weights(3, 2, 3), [0.3, -1.0, 0.8], [0.5, -0.6]
    z = [sigmoid(preactivation(x, h, params, j)) for j in range(2)]
    r = [sigmoid(preactivation(x, h, params, 2 + j)) for j in range(2)]
    rh = [a * b for a, b in zip(r, h, strict=True)]
    h_hat = [math.tanh(preactivation(x, rh, params, 4 + j)) for j in range(2)]
    expected = [(1 - z[j]) * h[j] + z[j] * h_hat[j] for j in range(2)]
    close(GRU(*params).forward(np.array([x]), np.array([h])), [expected])


# each fast form against its plain form

@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('with_state', [False, True])
def test_recurrent_pair(kind, shape, with_state):
    (N, T, D, H), (fast, cell, gates) = shape, KINDS[kind]
    params, xs, dhs = weights(D, H, gates), np.random.randn(N, T, D), np.random.randn(N, T, H)
    h, c = np.zeros((N, H)), np.zeros((N, H)) if kind == 'LSTM' else None
    layer = fast(*params, stateful=with_state)
    if with_state:
        h = np.random.randn(N, H)
        c = np.random.randn(N, H) if kind == 'LSTM' else None
        layer.set_state(*([h] if c is None else [h, c]))
    hs, h_last, c_last, dxs, grads, dh, _ = unroll(cell, params, xs, dhs, h, c)
    close(layer.forward(xs), hs)
    close(layer.h, h_last)
    close(layer.backward(dhs), dxs)
    close(layer.dh, dh)
    if c is not None:
        close(layer.c, c_last)
    for actual, expected in zip(layer.grads, grads, strict=True):
        close(actual, expected)


@pytest.mark.parametrize('shape', SHAPES)
def test_bilstm_pair(shape):
    N, T, D, H = shape
    ahead, back = weights(D, H, 4), weights(D, H, 4)
    xs, dhs = np.random.randn(N, T, D), np.random.randn(N, T, 2 * H)
    zero = np.zeros((N, H))
    first, second = (zero, zero), (zero, zero)
    layer = TimeBiLSTM(*ahead, *back, stateful=True)
    assert all(a is b for a, b in zip(layer.params, ahead + back, strict=True))
    for _ in range(2):          # the second time, each goes on from the state that it has
        hs1, *first, dxs1, grads1, _, _ = unroll(LSTM, ahead, xs, dhs[:, :, :H], *first)
        hs2, *second, dxs2, grads2, _, _ = unroll(LSTM, back, xs[:, ::-1], dhs[:, ::-1, H:], *second)
        close(layer.forward(xs), np.concatenate([hs1, hs2[:, ::-1]], axis=2))
        close(layer.backward(dhs), dxs1 + dxs2[:, ::-1])
        for actual, expected in zip(layer.grads, grads1 + grads2, strict=True):
            close(actual, expected)


@pytest.mark.parametrize('N, T, D, M', SHAPES)
def test_affine_pair(N, T, D, M):
    W, b, xs, dout = np.random.randn(D, M), np.random.randn(M), np.random.randn(N, T, D), np.random.randn(N, T, M)
    fast, plain = TimeAffine(W, b), Simple_TimeAffine(W, b)
    close(fast.forward(xs), plain.forward(xs))
    close(fast.backward(dout), plain.backward(dout))
    close(fast.grads[0], np.einsum('ntd,ntm->dm', xs, dout))
    for a, e in zip(fast.grads, plain.grads, strict=True):
        close(a, e)


@pytest.mark.parametrize('label_smoothing', [0.0, 0.2])
@pytest.mark.parametrize('one_hot', [False, True])
@pytest.mark.parametrize('N, T, V', [(3, 4, 5), (1, 4, 6), (4, 1, 2), (1, 1, 3)])
def test_softmax_with_loss_pair(N, T, V, one_hot, label_smoothing):
    xs, ts = np.random.randn(N, T, V), np.random.randint(0, V, (N, T))
    if one_hot:
        ts = np.eye(V, dtype=int)[ts]
    fast, plain = TimeSoftmaxWithLoss(label_smoothing), Simple_TimeSoftmaxWithLoss(label_smoothing)
    # the plain form has the book's 1e-7 inside the log, the fast form needs none
    assert fast.forward(xs, ts) == pytest.approx(plain.forward(xs, ts), abs=1e-4)
    close(fast.backward(0.7), plain.backward(0.7))


def test_embedding_by_hand():
    layer = TimeEmbedding(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert layer.forward(np.array([[2, 0], [2, 2]])).tolist() == [[[5, 6], [1, 2]], [[5, 6], [5, 6]]]
    assert layer.backward(np.arange(8.).reshape(2, 2, 2)) is None
    assert layer.grads[0].tolist() == [[2, 3], [0, 0], [0 + 4 + 6, 1 + 5 + 7]]


# states

@pytest.mark.parametrize('kind', [*KINDS, 'BiLSTM'])
def test_state_is_carried_only_where_asked(kind):
    fast, _, gates = KINDS.get(kind, (TimeBiLSTM, None, 4))
    params = weights(3, 4, gates) * (2 if kind == 'BiLSTM' else 1)
    xs = np.random.randn(2, 6, 3)
    stateful, stateless = fast(*params, stateful=True), fast(*params)
    whole = stateless.forward(xs)
    first, second = stateful.forward(xs[:, :3]), stateful.forward(xs[:, 3:])
    ahead = slice(0, 4)         # the backward half of a BiLSTM begins at the other end
    close(np.concatenate([first, second], axis=1)[:, :, ahead], whole[:, :, ahead])
    close(stateless.forward(xs), whole)
    assert np.abs(stateless.forward(xs[:, 3:])[:, :, ahead] - second[:, :, ahead]).max() > 1e-3
    assert np.abs(stateful.forward(xs[:, :3]) - first).max() > 1e-3
    stateful.reset_state()
    close(stateful.forward(xs[:, :3]), first)


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_stop_at_the_call(kind):
    """The second of two calls goes back to the state that the first left, and no further."""
    fast, cell, gates = KINDS[kind]
    params, xs, dhs = weights(3, 4, gates), np.random.randn(2, 8, 3), np.random.randn(2, 4, 4)
    layer = fast(*params, stateful=True)
    layer.forward(xs[:, :4])
    layer.backward(dhs)
    h, c = layer.h.copy(), layer.c.copy() if kind == 'LSTM' else None
    layer.forward(xs[:, 4:])
    _, _, _, dxs, grads, dh, _ = unroll(cell, params, xs[:, 4:], dhs, h, c)
    close(layer.backward(dhs), dxs)
    close(layer.dh, dh)
    for actual, expected in zip(layer.grads, grads, strict=True):
        close(actual, expected)


class FromState:
    """A stateful Time layer as a function of xs and of its first state."""

    def __init__(self, layer):
        self.layer, self.params, self.grads = layer, layer.params, layer.grads

    def forward(self, xs, h):
        self.layer.set_state(h)
        return self.layer.forward(xs)

    def backward(self, dhs):
        return self.layer.backward(dhs), self.layer.dh


@pytest.mark.parametrize('kind', KINDS)
def test_gradient_of_the_first_state(kind):
    fast, _, gates = KINDS[kind]
    layer = FromState(fast(*weights(3, 2, gates), stateful=True))
    check_gradients(layer, np.random.randn(2, 3, 3), np.random.randn(2, 2))


def test_lstm_state_without_c_begins_with_zeros():
    params, xs, h = weights(3, 2, 4), np.random.randn(2, 3, 3), np.random.randn(2, 2)
    layer = TimeLSTM(*params, stateful=True)
    layer.forward(xs)                       # leaves a c that must not stay
    layer.set_state(h)
    close(layer.forward(xs), unroll(LSTM, params, xs, np.zeros((2, 3, 2)), h, np.zeros((2, 2)))[0])


@pytest.mark.parametrize('kind', KINDS)
def test_state_given_is_not_written_to(kind):
    fast, _, gates = KINDS[kind]
    layer, h = fast(*weights(3, 2, gates), stateful=True), np.random.randn(2, 2)
    before = h.copy()
    layer.set_state(h)
    layer.backward(layer.forward(np.random.randn(2, 3, 3)))
    layer.forward(np.random.randn(2, 3, 3))
    np.testing.assert_array_equal(h, before)


@pytest.mark.parametrize('kind', KINDS)
def test_state_of_another_batch_size_is_refused(kind):
    fast, _, gates = KINDS[kind]
    layer = fast(*weights(3, 2, gates), stateful=True)
    layer.forward(np.zeros((4, 3, 3)))
    with pytest.raises(ValueError, match=rf'Time{kind}: expected a state \(5, 2\) .*, got \(4, 2\): call reset_state'):
        layer.forward(np.zeros((5, 3, 3)))
    layer.reset_state()
    assert layer.forward(np.zeros((5, 3, 3))).shape == (5, 3, 2)
    layer.set_state(np.zeros((1, 2)))       # would broadcast
    with pytest.raises(ValueError, match=r'\(1, 2\)'):
        layer.forward(np.zeros((5, 3, 3)))


# weight tying

class Tied:
    """The loss of predicting ts from xs, embedding and output layer sharing one W."""

    def __init__(self, W, b):
        self.layers = [TimeEmbedding(W), TimeAffine(W.T, b)]
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params = [p for layer in self.layers for p in layer.params]
        self.grads = [g for layer in self.layers for g in layer.grads]

    def forward(self, xs, ts):
        for layer in self.layers:
            xs = layer.forward(xs)
        return self.loss_layer.forward(xs, ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)


@pytest.mark.parametrize('V, D', [(5, 3), (4, 4), (5, 1)])
def test_weight_tying(V, D):
    W, ts = np.random.randn(V, D), np.array([[1, 0, 3], [2, 2, -1]])
    model = Tied(W, np.random.randn(V))
    assert np.shares_memory(model.params[0], model.params[1])
    check_gradients(model, np.array([[3, 1, 0], [0, 2, 2]]), ts)


# dropout and losses

@pytest.mark.parametrize('view', [False, True])
def test_dropout_draws_its_mask_in_the_books_order(view):
    xs, dout = np.random.randn(2, 3, 4), np.random.randn(2, 3, 4)
    if view:
        xs = np.ascontiguousarray(xs.swapaxes(0, 1)).swapaxes(0, 1)
    keep = np.random.RandomState(5).rand(2, 3, 4) > 0.25
    assert 0 < keep.sum() < keep.size
    layer = TimeDropout(0.25)
    np.random.seed(5)
    close(layer.forward(xs), np.where(keep, xs / 0.75, 0))
    close(layer.backward(dout), np.where(keep, dout / 0.75, 0))
    layer.train_flg = False
    np.testing.assert_array_equal(layer.forward(xs), xs)
    np.testing.assert_array_equal(layer.backward(dout), dout)
    check_gradients(layer, xs)


def log_softmax(row, k):
    return row[k] - math.log(sum(math.exp(v) for v in row))


@pytest.mark.parametrize('ignore_label', [-1, 2])
def test_softmax_with_loss_ignores_a_label(ignore_label):
    xs, ts = np.random.randn(2, 3, 4) * 3, np.array([[1, 2, 0], [2, 3, 3]])
    ts[ts == 2] = ignore_label
    kept = [(0, 0), (0, 2), (1, 1), (1, 2)]
    layer = TimeSoftmaxWithLoss()
    assert layer.ignore_label == -1
    layer.ignore_label = ignore_label
    expected = -sum(log_softmax(xs[n, t].tolist(), ts[n, t]) for n, t in kept) / 4
    assert layer.forward(xs, ts) == pytest.approx(expected, rel=1e-12)
    dxs = layer.backward(2)
    assert not dxs[0, 1].any() and not dxs[1, 0].any()
    for n, t in kept:
        close(dxs[n, t], [(math.exp(log_softmax(xs[n, t].tolist(), k)) - (k == ts[n, t])) * 2 / 4 for k in range(4)])


@pytest.mark.parametrize('ignore_label', [-1, -100, 7, 2**40])
@pytest.mark.parametrize('V', [4, 200])
@pytest.mark.parametrize('N', [1, 2])
def test_any_number_may_be_the_label_to_ignore(ignore_label, V, N):
    xs, ts = np.random.randn(N, 3, V), np.array([[1, 3, 0], [3, 3, 1]])[:N]
    ts[:, 1] = ignore_label
    layer = TimeSoftmaxWithLoss()
    layer.ignore_label = ignore_label
    expected = -np.mean([log_softmax(xs[n, t].tolist(), ts[n, t]) for n in range(N) for t in (0, 2)])
    assert layer.forward(xs, ts) == pytest.approx(expected, rel=1e-12)
    dxs = layer.backward()
    assert not dxs[:, 1].any() and dxs[:, 0].any()
    ts[...] = 0                             # what the caller does with the labels later does not count
    np.testing.assert_array_equal(layer.backward(), dxs)


@pytest.mark.parametrize('scale', [1, 12, 40])
def test_softmax_with_loss_of_float16(scale):
    xs, ts = (np.arange(12).reshape(1, 3, 4) % 5 * scale / 4).astype(np.float16), np.array([[3, 1, 0]])
    layer = TimeSoftmaxWithLoss()
    expected = -np.mean([log_softmax(x, t) for x, t in zip(xs[0].tolist(), ts[0].tolist(), strict=True)])
    loss = layer.forward(xs, ts)
    assert loss.dtype == np.float16 and loss == pytest.approx(expected, rel=2e-3)
    dxs = layer.backward()
    assert dxs.dtype == np.float16
    for n, t in enumerate(ts[0].tolist()):
        np.testing.assert_allclose(dxs[0, n], [(math.exp(log_softmax(xs[0, n].tolist(), k)) - (k == t)) / 3
                                               for k in range(4)], atol=1e-3)


@pytest.mark.parametrize('dtype', [np.int8, np.uint8, np.uint64])
def test_narrow_and_unsigned_ids(dtype):
    ids, xs = np.array([[2, 0, 2]]), np.random.randn(1, 3, 4)
    embed, loss_layer = TimeEmbedding(np.random.randn(3, 4)), TimeSoftmaxWithLoss()
    np.testing.assert_array_equal(embed.forward(ids.astype(dtype)), embed.params[0][ids])
    embed.backward(np.ones((1, 3, 4)))
    assert embed.grads[0].tolist() == [[1] * 4, [0] * 4, [2] * 4]
    assert loss_layer.forward(xs, ids.astype(dtype)) == loss_layer.forward(xs, ids)


def test_softmax_with_loss_of_far_scores():
    xs = np.array([[[-1e4, 0, 1e4]]])
    assert TimeSoftmaxWithLoss().forward(xs, np.array([[2]])) == 0
    assert TimeSoftmaxWithLoss().forward(xs, np.array([[0]])) == 2e4      # no 1e-7 in this log: the loss grows on


@pytest.mark.parametrize('constant', [30, 60, -60, 1e3, -1e3])         # small ones go without the shift by the maximum
@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_softmax_with_loss_of_scores_with_a_constant_added(constant, dtype):
    xs, ts = np.arange(-12, 12).reshape(2, 3, 4).astype(dtype) / 4, np.array([[0, 3, 1], [2, -1, 0]])
    plain, moved = TimeSoftmaxWithLoss(), TimeSoftmaxWithLoss()
    kept = ts != -1
    expected = -np.mean([log_softmax(x.tolist(), t) for x, t in zip(xs[kept], ts[kept], strict=True)])
    assert plain.forward(xs, ts) == pytest.approx(expected, rel=1e-6)
    assert moved.forward(xs + np.array(constant, dtype), ts) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(moved.backward(), plain.backward(), rtol=1e-5, atol=1e-8)


def test_softmax_with_loss_of_ignored_labels_alone():
    with pytest.raises(ValueError, match='ts: expected at least one label other than the ignore_label, got -1 alone'):
        TimeSoftmaxWithLoss().forward(np.zeros((1, 2, 3)), np.full((1, 2), -1))


def test_sigmoid_with_loss_by_hand():
    xs, ts = np.array([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]]), np.array([[1, 0, 0], [1, 1, 0]])
    expected = -sum(math.log(sigmoid(x if t else -x) + 1e-7)
                    for x, t in zip(xs.ravel().tolist(), ts.ravel().tolist(), strict=True)) / 6
    layer = TimeSigmoidWithLoss()
    assert layer.forward(xs, ts) == pytest.approx(expected, rel=1e-12)
    close(layer.backward(3), [[(sigmoid(x) - t) / 2 for x, t in zip(*rows, strict=True)]
                              for rows in zip(xs.tolist(), ts.tolist(), strict=True)])


def test_names_handed_on():
    names = {}
    exec('from common.time_layers import *', names)
    assert {'np', 'softmax', 'sigmoid', 'Affine', 'Embedding', 'SoftmaxWithLoss', 'TimeLSTM', 'GRU', 'TimeBiLSTM',
            'Simple_TimeAffine', 'Simple_TimeSoftmaxWithLoss', 'TimeSigmoidWithLoss'} <= names.keys()


def test_labels_outside_the_scores():
    with pytest.raises(ValueError, match='ts: expected ids from 0 to 2, got -2 to 2'):
        TimeSoftmaxWithLoss().forward(np.zeros((1, 3, 3)), np.array([[-1, -2, 2]]))


def test_softmax_with_loss_goes_back_more_than_once_and_keeps_what_it_gave():
    layer, xs, ts = TimeSoftmaxWithLoss(), np.random.randn(2, 3, 4), np.random.randint(0, 4, (2, 3))
    with pytest.raises(AttributeError, match='a forward comes first'):
        layer.backward()
    layer.forward(xs, ts)
    first = layer.backward()
    before = first.copy()
    np.testing.assert_array_equal(layer.backward(), before)
    layer.forward(-xs, ts)              # works in the memory of the last forward
    p = np.exp(-xs) / np.exp(-xs).sum(axis=2, keepdims=True)
    close(layer.backward(), (p - np.eye(4)[ts]) / 6)
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize('make, gates', [(TimeRNN, 1), (TimeLSTM, 4), (TimeGRU, 3)])
def test_what_forward_returns_may_be_written_into(make, gates):
    """As a residual connection or a mask of a reader's own does."""
    class Residual(make):
        def forward(self, xs):
            hs = super().forward(xs)
            hs += xs
            return hs

        def backward(self, dhs):
            return super().backward(dhs) + dhs

    layer = Residual(np.random.randn(3, 3 * gates), np.random.randn(3, 3 * gates), np.random.randn(3 * gates), True)
    check_gradients(layer, np.random.randn(2, 4, 3))
    h = layer.h.copy()
    layer.reset_state()
    layer.forward(np.zeros((2, 1, 3)))[...] = 7
    assert not np.array_equal(layer.h, h) and (layer.h != 7).all()


@pytest.mark.parametrize('shape', [(3, 2), (6,), (2, 3, 2), (2, 3, 5)])
def test_labels_of_another_shape(shape):
    with pytest.raises(ValueError, match=rf'ts: expected \(2, 3\), .*, got {re.escape(str(shape))}'):
        TimeSoftmaxWithLoss().forward(np.zeros((2, 3, 4)), np.zeros(shape, int))
