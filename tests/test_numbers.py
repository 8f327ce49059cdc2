"""Numbers as large and as small as they come: no overflow, no NaN from finite input. conftest raises NumPy's errors."""
import math

import numpy as np
import pytest

from common.attention_layer import Attention, TimeAttention
from common.functions import cross_entropy_error, sigmoid, softmax
from common.layers import Affine, Embedding, Sigmoid, SigmoidWithLoss, Softmax, SoftmaxWithLoss
from common.negative_sampling_layer import NegativeSamplingLoss
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.time_layers import (
    GRU,
    LSTM,
    RNN,
    TimeGRU,
    TimeLSTM,
    TimeRNN,
    TimeSigmoidWithLoss,
    TimeSoftmaxWithLoss,
)
from common.util import clip_grads, cos_similarity, normalize, ppmi

VALUES = [0.0, -0.0, 1e-30, -1e-30, 1.0, -1.0, 88.0, -104.0, 1e4, -1e4]


@pytest.fixture(params=['f', 'd'])
def values(request):
    return np.array(VALUES, request.param)


def all_finite(*arrays):
    return all(np.isfinite(array).all() for array in arrays)


def test_sigmoid(values):
    y = sigmoid(values)
    assert y.dtype == values.dtype
    np.testing.assert_allclose(y, [1 / (1 + math.exp(-v)) if v > -700 else 0 for v in VALUES], rtol=1e-6, atol=1e-7)
    assert sigmoid(np.array([np.inf, -np.inf], values.dtype)).tolist() == [1, 0]
    layer = Sigmoid()
    layer.forward(values)
    assert all_finite(layer.backward(np.ones_like(values)))


def test_softmax(values):
    rows = np.array([[a, b, c] for a in values for b in values for c in values])    # (1000, 3)
    p = softmax(rows)
    assert p.dtype == rows.dtype and all_finite(p)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert softmax(np.array([1e4, -1e4, 1e4], values.dtype)).tolist() == [0.5, 0, 0.5]
    assert softmax(np.array([0, -np.inf], values.dtype)).tolist() == [1, 0]         # one that cannot be
    layer = Softmax()
    layer.forward(rows)
    assert all_finite(layer.backward(np.ones_like(rows)))


def exact_loss(row, label):
    """−log softmax(row)[label], in Python's own numbers."""
    top = max(row)
    return top + math.log(sum(math.exp(v - top) for v in row)) - row[label]


@pytest.mark.parametrize('layer, floor', [(SoftmaxWithLoss(), -math.log(1e-7)), (TimeSoftmaxWithLoss(), math.inf)])
def test_softmax_with_loss(layer, floor, values):
    """The book's layer has 1e-7 in its log, so that no loss is larger than 16.1; the Time layer's grows on."""
    for a in values:
        for b in values:
            row = np.array([[[a, b, 0]]], values.dtype)
            if isinstance(layer, SoftmaxWithLoss):
                row = row[0]
            for label in range(3):
                loss = layer.forward(row, np.full(row.shape[:-1], label))
                expected = min(exact_loss(row.ravel().tolist(), label), floor)
                assert loss == pytest.approx(expected, rel=1e-5, abs=1e-6)
                dx = layer.backward()
                assert dx.dtype == values.dtype and all_finite(dx) and abs(dx.sum()) < 1e-6


def test_cross_entropy_of_a_probability_of_zero(values):
    y = np.array([[0.0, 1.0]], values.dtype)
    assert cross_entropy_error(y, np.array([0])) == pytest.approx(-math.log(1e-7), rel=1e-5)
    assert cross_entropy_error(y, np.array([1])) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('layer', [SigmoidWithLoss(), TimeSigmoidWithLoss()])
def test_sigmoid_with_loss(layer, values):
    for t in (0, 1):
        for value in values:
            x = np.array([[value]])
            loss = layer.forward(x, np.array([[t]]))
            p = 1 / (1 + math.exp(-(value if t else -value))) if abs(value) < 700 else float((value > 0) == t)
            assert loss == pytest.approx(-math.log(p + 1e-7), rel=1e-4, abs=2e-7)
            assert all_finite(layer.backward())


def recurrent(layer, gates, dtype, scale):
    return layer(*(np.array(scale * np.random.randn(*shape), dtype) for shape in ((3, 4 * gates), (4, 4 * gates),
                                                                                  (4 * gates,))))


@pytest.mark.parametrize('scale', [1e-30, 1.0, 1e4])
@pytest.mark.parametrize('size', [1e-30, 1.0, 1e4])
@pytest.mark.parametrize('plain, fast, gates', [(RNN, TimeRNN, 1), (LSTM, TimeLSTM, 4), (GRU, TimeGRU, 3)])
def test_recurrent_layers(plain, fast, gates, size, scale, values):
    """Weights and inputs of any size: the states lie within ±1, all gradients are finite."""
    dtype = values.dtype
    layer = recurrent(fast, gates, dtype, scale)
    hs = layer.forward(np.array(size * np.random.randn(2, 5, 3), dtype))
    assert hs.dtype == dtype and np.abs(hs).max() <= 1
    assert all_finite(layer.backward(np.ones_like(hs)), *layer.grads)
    cell = recurrent(plain, gates, dtype, scale)
    state = [np.ones((2, 4), dtype)] * (2 if plain is LSTM else 1)
    out = cell.forward(np.array(size * np.random.randn(2, 3), dtype), *state)
    outs = out if isinstance(out, tuple) else (out,)
    assert all_finite(*outs, *cell.backward(*map(np.ones_like, outs)), *cell.grads)


def test_lstm_with_a_cell_far_from_zero(values):
    layer = recurrent(TimeLSTM, 4, values.dtype, 1.0)
    layer.stateful = True
    layer.set_state(np.ones((2, 4), values.dtype), np.full((2, 4), 1e4, values.dtype))
    hs = layer.forward(np.ones((2, 3, 3), values.dtype))
    assert all_finite(hs, layer.c, layer.backward(np.ones_like(hs)), *layer.grads)


@pytest.mark.parametrize('size', [1e-30, 1e4])
def test_attention(size, values):
    hs = np.array(size * np.random.randn(2, 5, 4), values.dtype)
    for layer, h in ((Attention(), hs[:, 0]), (TimeAttention(), hs[:, :3])):
        out = layer.forward(hs, h)
        assert all_finite(out, *layer.backward(np.ones_like(out)))


@pytest.mark.parametrize('size', [1e-30, 1e4])
def test_negative_sampling(size, values):
    W = np.array(size * np.random.randn(9, 4), values.dtype)
    layer = NegativeSamplingLoss(W, np.arange(9).repeat(3), sample_size=3)
    loss = layer.forward(np.array(size * np.random.randn(5, 4), values.dtype), np.arange(5))
    assert all_finite(loss, layer.backward(), *layer.grads)


def test_affine_and_embedding_of_tiny_and_large_numbers(values):
    W, b = np.tile(values[:, None], 2), np.zeros(2, values.dtype)
    affine = Affine(W, b)
    y = affine.forward(values[None])
    assert y[0, 0] == pytest.approx(sum(v * v for v in values.tolist()), rel=1e-6)
    assert all_finite(affine.backward(y), *affine.grads)
    embedding = Embedding(W)
    out = embedding.forward(np.array([8, 8, 9]))
    embedding.backward(out)
    assert embedding.grads[0][8, 0] == 2e4 and embedding.grads[0][9, 0] == -1e4


@pytest.mark.parametrize('make', [SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW])
def test_optimizers(make, values):
    """g² of 1e-30 is 0 in float32, of 1e4 it is 1e8: no division by zero at the first step, none that overflows."""
    p, optimizer = np.zeros_like(values), make(lr=0.1)
    for _ in range(3):
        optimizer.update([p], [values])
    assert all_finite(p) and (p[[0, 1]] == 0).all() and p[8] < 0 < p[9]


def test_clipping(values):
    grads = [values.copy(), np.zeros(3, values.dtype)]
    clip_grads(grads, 0.25)
    assert np.linalg.norm(grads[0].astype('d')) == pytest.approx(0.25, rel=1e-4)
    zeros = [np.zeros(3, values.dtype)]
    clip_grads(zeros, 0.25)
    assert not zeros[0].any()


def test_similarities_of_zeros_and_of_words_never_seen(values):
    zero = np.zeros_like(values)
    assert cos_similarity(zero, values) == 0
    assert not normalize(np.stack((zero, values)))[0].any()
    assert cos_similarity(values, values) == pytest.approx(1, rel=1e-6)
    C = np.array([[0, 3, 0], [3, 0, 0], [0, 0, 0]])                 # the third word stands alone
    M = ppmi(C)
    assert all_finite(M) and M[0, 1] == 1 and not M[2].any()
