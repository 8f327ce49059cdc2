"""common.attention_layer: the plain form against loops, the fast form against the plain one."""
import math

import numpy as np
import pytest

from common.attention_layer import Attention, AttentionWeight, TimeAttention, WeightSum


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_weight_sum_by_hand():
    layer, hs = WeightSum(), np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    assert layer.forward(hs, np.array([[0.5, 0.25, 0.25]])).tolist() == [[2.5, 3.5]]
    dhs, da = layer.backward(np.array([[1.0, 10.0]]))
    assert dhs.tolist() == [[[0.5, 5], [0.25, 2.5], [0.25, 2.5]]]
    assert da.tolist() == [[21, 43, 65]]


def test_attention_weight_by_hand():
    hs, h = [[1.0, 2.0], [-0.5, 0.3], [0.2, 0.1]], [0.4, -0.7]
    e = [math.exp(a * h[0] + b * h[1]) for a, b in hs]
    close(AttentionWeight().forward(np.array([hs]), np.array([h])), [[v / sum(e) for v in e]])


@pytest.mark.parametrize('N, S, T, H', [(3, 5, 4, 2), (2, 3, 6, 5), (1, 4, 3, 2), (2, 1, 3, 4), (2, 4, 1, 3),
                                        (2, 3, 2, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize('view', [False, True])
def test_time_attention_pair(N, S, T, H, view):
    enc, dec, dout = np.random.randn(N, S, H), np.random.randn(N, T, H), np.random.randn(N, T, H)
    if view:        # time-major memory, as the LSTM hands it on
        enc, dec, dout = (np.ascontiguousarray(a.swapaxes(0, 1)).swapaxes(0, 1) for a in (enc, dec, dout))
    steps = [Attention() for _ in range(T)]
    outs = [step.forward(enc, dec[:, t]) for t, step in enumerate(steps)]
    gradients = [step.backward(dout[:, t]) for t, step in enumerate(steps)]
    layer = TimeAttention()
    close(layer.forward(enc, dec), np.stack(outs, axis=1))
    dhs_enc, dhs_dec = layer.backward(dout)
    close(dhs_enc, sum(dhs for dhs, _ in gradients))
    close(dhs_dec, np.stack([dh for _, dh in gradients], axis=1))
    assert isinstance(layer.attention_weights, list) and len(layer.attention_weights) == T
    for weights, step in zip(layer.attention_weights, steps, strict=True):
        assert weights.shape == (N, S)
        close(weights, step.attention_weight)
        close(weights.sum(axis=1), np.ones(N))


def test_scores_far_apart():
    hs, h = np.array([[[1e4], [-1e4]]]), np.ones((1, 1))
    assert Attention().forward(hs, h).tolist() == [[1e4]]
    assert TimeAttention().forward(hs, h[:, None]).tolist() == [[[1e4]]]


def test_weights_of_an_earlier_forward_stay():
    layer = TimeAttention()
    layer.forward(np.random.randn(2, 3, 4), np.random.randn(2, 5, 4))
    kept = layer.attention_weights
    before = [a.copy() for a in kept]
    layer.backward(np.random.randn(2, 5, 4))
    layer.forward(np.random.randn(2, 3, 4), np.random.randn(2, 5, 4))
    np.testing.assert_array_equal(kept, before)
