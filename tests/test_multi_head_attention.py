"""Scaled dot product attention and its heads: by hand, each fast form against its plain twin, masks, the cache."""
import copy
import pickle

import numpy as np
import pytest

from common import attention_layer
from common.attention_layer import (
    ScaledDotProductAttention,
    Simple_ScaledDotProductAttention,
    causal_mask,
)
from common.checks import InputError
from common.gradient_check import check_gradients
from common.multi_head_attention import MultiHeadAttention, Simple_MultiHeadAttention, rotate, set_cache
from common.position_layers import LearntPositions, SinusoidalPositions

r = np.random.randn


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def weights(D, M=None):
    """What MultiHeadAttention takes, for a memory of the width M."""
    M = M or D
    return [r(D, D), r(M, D), r(M, D), r(D, D), *r(4, D)]


def masks(N, h, T, S):
    """Of all shapes; some rows show nothing."""
    padding = np.arange(S) < np.random.randint(0, S + 1, (N, 1, 1, 1))          # (N, 1, 1, S)
    return [None, np.random.rand(T, S) > 0.6, causal_mask(T, S) if S >= T else None, padding,
            padding & (np.random.rand(T, S) > 0.3), np.random.rand(N, h, T, S) > 0.6, np.zeros((1, S), bool)]


# ---- one attention


def test_by_hand():
    """Two keys, the second e³ times as likely as the first; the third is hidden."""
    q, k = np.array([[2.0, 0, 0, 0]]), np.array([[0.0, 1, 0, 0], [3, 0, 0, 0], [9, 9, 9, 9]])
    v = np.array([[1.0, 0], [0, 1], [np.pi, 7]])
    layer = ScaledDotProductAttention()
    p = 1 / (1 + np.exp(3))
    close(layer.forward(q, k, v, np.array([[True, True, False]])), [[p, 1 - p]])
    close(layer.attention_weights, [[p, 1 - p, 0]])
    dq, dk, dv = layer.backward(np.array([[1.0, 0]]))
    slope = p * (1 - p)
    close(dv, [[p, 0], [1 - p, 0], [0, 0]])
    close(dk, [[slope, 0, 0, 0], [-slope, 0, 0, 0], [0, 0, 0, 0]])              # ± slope · q/√4
    close(dq, [[-1.5 * slope, 0.5 * slope, 0, 0]])


@pytest.mark.parametrize('scale', [1, 200])         # the scores of the second need each row's maximum
@pytest.mark.parametrize('lead, T, S, D, M', [((), 3, 4, 2, 3), ((2,), 5, 3, 4, 2), ((2, 3), 4, 4, 3, 3),
                                              ((3, 2), 1, 5, 1, 1), ((2, 1, 2), 2, 1, 3, 2)])
def test_attention_pair(lead, T, S, D, M, scale):
    q, k, v, dy = r(*lead, T, D) * scale, r(*lead, S, D), r(*lead, S, M), r(*lead, T, M)
    for mask in (None, np.random.rand(T, S) > 0.5, np.random.rand(*lead, T, S) > 0.5, np.zeros((T, 1), bool)):
        fast, plain = ScaledDotProductAttention(), Simple_ScaledDotProductAttention()
        close(fast.forward(q, k, v, mask), plain.forward(q, k, v, mask))
        close(fast.attention_weights, plain.attention_weights)
        for actual, expected in zip(fast.backward(dy), plain.backward(dy), strict=True):
            close(actual, expected)


@pytest.mark.parametrize('kind', [ScaledDotProductAttention, Simple_ScaledDotProductAttention])
@pytest.mark.parametrize('scale', [1, 1e5])
def test_a_query_that_may_look_at_nothing_gets_zeros(kind, scale):
    layer, mask = kind(), np.array([[True, False, True], [False] * 3])
    y = layer.forward(r(4, 2, 5) * scale, r(4, 3, 5), r(4, 3, 2), mask)
    assert y[:, 0].all() and not y[:, 1].any() and not layer.attention_weights[:, 1].any()
    close(layer.attention_weights[:, 0].sum(axis=1), np.ones(4))
    assert not layer.attention_weights[:, 0, 1].any()
    dq, dk, dv = layer.backward(r(4, 2, 2))
    assert not dq[:, 1].any() and not dk[:, 1].any() and not dv[:, 1].any() and np.isfinite(dk).all()


def test_scores_below_exp_are_not_lost():
    """All of a row far below 0, where exp is 0, though the largest of all is not large."""
    q, k = np.full((1, 1), -1e4), np.array([[1.0], [1.0], [2.0]])
    close(ScaledDotProductAttention().forward(q, k, np.array([[1.0], [3], [5]])), [[2]])
    q, k = np.full((1, 1), 1e4, 'f'), np.array([[0.1], [0.1], [0.05]], 'f')
    close(ScaledDotProductAttention().forward(q, k, np.array([[1.0], [3], [5]], 'f')), [[2]])


def test_float16_has_less_room():
    q, k = np.full((1, 1), 20, 'e'), np.array([[1], [1], [0.5]], 'e')
    y = ScaledDotProductAttention().forward(q, k, np.array([[1], [3], [5]], 'e'))
    assert y.dtype == np.float16 and abs(y.item() - 2) < 0.01


def test_pieces_of_the_batch_give_the_same(monkeypatch):
    q, k, v, mask = r(7, 2, 3, 4), r(7, 2, 5, 4), r(7, 2, 5, 4), np.random.rand(7, 1, 3, 5) > 0.3
    dy = r(7, 2, 3, 4)
    layer = ScaledDotProductAttention()
    whole = layer.forward(q, k, v, mask), *layer.backward(dy)
    monkeypatch.setattr(attention_layer, 'parts', lambda rows: [slice(i, i + 2) for i in range(0, len(rows), 2)])
    for actual, expected in zip((layer.forward(q, k, v, mask), *layer.backward(dy)), whole, strict=True):
        close(actual, expected)


def test_many_scores_take_many_pieces():
    def sizes(a, causal=False):
        return [(len(a[i]), rows.start, rows.stop, n) for i, rows, n in attention_layer.pieces(a, causal)]

    a = np.empty((9, 4, 100, 110), 'f')
    assert sizes(a) == [(1, 0, 100, 110)] * 9 == sizes(a, causal=True)
    assert sizes(a[:, :, :50, :60]) == [(5, 0, 50, 60), (4, 0, 50, 60)]
    assert sizes(np.empty((1, 1, 300, 305), 'f'), causal=True) == [
        (1, 172, 300, 305), (1, 44, 172, 177), (1, 0, 44, 49)]


@pytest.mark.parametrize('scale', [1, 100])
@pytest.mark.parametrize('cut, T', [(2, 5), (1, 4), (3, 6), (4, 7)])
def test_causal_pieces_of_long_sequences_give_the_same(monkeypatch, cut, T, scale):
    monkeypatch.setattr(attention_layer, 'CUT', cut)
    params, x, dy = weights(6), scale * r(2, T, 6), r(2, T, 6)
    for mask in masks(2, 3, T, T):
        fast, plain = (kind(*params, 3, True, True) for kind in (MultiHeadAttention, Simple_MultiHeadAttention))
        close(fast.forward(x, None, mask), plain.forward(x, None, mask))
        close(fast.attention_weights, plain.attention_weights)
        np.testing.assert_allclose(fast.backward(dy), plain.backward(dy), rtol=1e-7, atol=1e-8)
    layer = MultiHeadAttention(*params, 3, causal=True)
    whole = layer.forward(x)
    layer.start_cache()
    close(np.concatenate((layer.forward(x[:, :1]), layer.forward(x[:, 1:])), axis=1), whole)


def test_causal_mask():
    assert causal_mask(2).tolist() == [[True, False], [True, True]]
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True] * 4]
    assert causal_mask(1, 3).tolist() == [[True] * 3]
    with pytest.raises(InputError, match=r'^S: expected 3 or more, got 2$'):
        causal_mask(3, 2)


# ---- heads


@pytest.mark.parametrize('N, T, S, D, M, heads', [(2, 3, 4, 6, 5, 3), (1, 1, 1, 2, 1, 1), (3, 5, 2, 4, 4, 2),
                                                  (2, 4, 6, 8, 8, 2), (2, 2, 3, 4, 7, 4)])
@pytest.mark.parametrize('causal', [False, True])
def test_heads_pair(N, T, S, D, M, heads, causal):
    dy = r(N, T, D)
    for memory in (None, r(N, S, M)):
        params = weights(D, None if memory is None else M)
        rotary = [False, True] if D // heads % 2 == 0 else [False]
        for mask in masks(N, heads, T, T if memory is None else S):
            for turns in rotary:
                fast, plain = (kind(*params, heads, turns, causal)
                               for kind in (MultiHeadAttention, Simple_MultiHeadAttention))
                x = r(N, T, D)
                close(fast.forward(x, memory, mask), plain.forward(x, memory, mask))
                close(fast.attention_weights, plain.attention_weights)
                assert fast.attention_weights.shape == (N, heads, T, T if memory is None else S)
                backs = fast.backward(dy), plain.backward(dy)
                for actual, expected in zip(*(b if memory is not None else (b,) for b in backs), strict=True):
                    close(actual, expected)
                for actual, expected in zip(fast.grads, plain.grads, strict=True):
                    close(actual, expected)


def test_one_head_with_identities_is_the_plain_attention():
    x, eye, zero = r(2, 3, 4), np.eye(4), np.zeros(4)
    heads = MultiHeadAttention(eye, eye, eye, eye, zero, zero, zero, zero, 1)
    layer = ScaledDotProductAttention()
    close(heads.forward(x), layer.forward(x, x, x))
    close(heads.attention_weights[:, 0], layer.attention_weights)


def test_causal_is_the_mask_of_that_name_and_looks_at_nothing_ahead():
    params, x = weights(6), r(2, 5, 6)
    y = MultiHeadAttention(*params, 3, causal=True).forward(x)
    close(y, MultiHeadAttention(*params, 3).forward(x, None, causal_mask(5)))
    x[:, 3:] += 1
    later = MultiHeadAttention(*params, 3, causal=True).forward(x)
    close(later[:, :3], y[:, :3])
    assert (abs(later[:, 3:] - y[:, 3:]) > 1e-3).any()


def test_padding_does_not_count():
    layer, x = MultiHeadAttention(*weights(4), 2), r(2, 5, 4)
    seen = np.arange(5) < np.array([[3], [5]])                  # (N, S)
    y = layer.forward(x, None, seen[:, None, None])
    close(y[:1, :3], layer.forward(x[:1, :3]))
    close(y[1:], layer.forward(x[1:]))


def test_weights_of_an_earlier_forward_stay_and_may_be_written_into():
    layer, twin = (MultiHeadAttention(*params, 2) for params in [weights(4)] * 2)
    x, dy = r(2, 3, 4), r(2, 3, 4)
    layer.forward(x), twin.forward(x)
    kept = layer.attention_weights
    kept[...] = 7
    close(layer.backward(dy), twin.backward(dy))
    layer.forward(2 * x)
    assert (kept == 7).all()


# ---- rotary positions


def test_rotate_by_hand():
    """The first pair turns by 1 a step, the second by 1/100."""
    x = np.tile([1.0, 0, 0, 2], (1, 3, 1))
    rotate(x, 5)
    angle = np.arange(5, 8)
    close(x[0], np.stack([np.cos(angle), np.sin(angle), -2 * np.sin(angle / 100), 2 * np.cos(angle / 100)], axis=1))
    rotate(x, 5, back=True)
    close(x[0], [[1, 0, 0, 2]] * 3)


def test_scores_depend_on_the_distance_alone():
    """The same two vectors, 0 … 4 apart, at many places."""
    q, k = r(8), r(8)
    scores = []
    for start in 0, 3, 1000:
        x, y = np.tile(q, (5, 1)), np.tile(k, (5, 1))
        rotate(x, start), rotate(y, start)
        scores.append(x @ y.T)
    close(scores[0], scores[1])
    np.testing.assert_allclose(scores[0], scores[2], rtol=1e-9, atol=1e-9)
    for distance in range(-4, 5):
        along = np.diagonal(scores[0], distance)
        close(along, along[:1].repeat(len(along)))
    assert np.ptp(scores[0][0]) > 1e-3
    close(scores[0][0, 0], q @ k)


def test_a_rotary_layer_sees_order_and_no_place():
    """Without causality the same vectors further on give the same; in another order, others."""
    params, x = weights(8), r(1, 4, 8)
    layer, blind = MultiHeadAttention(*params, 2, rotary=True), MultiHeadAttention(*params, 2)
    order = [2, 0, 3, 1]
    close(blind.forward(x[:, order]), blind.forward(x)[:, order])
    assert (abs(layer.forward(x[:, order]) - layer.forward(x)[:, order]) > 1e-3).any()
    hidden = np.concatenate((r(1, 3, 8), x), axis=1)
    mask = np.arange(7) >= 3
    close(layer.forward(hidden, None, mask[None])[:, 3:], layer.forward(x))


# ---- the cache


@pytest.mark.parametrize('rotary', [False, True])
@pytest.mark.parametrize('steps', [[1] * 7, [3, 1, 1, 2], [7]])
def test_what_comes_bit_by_bit_gives_the_same(steps, rotary):
    layer, x = MultiHeadAttention(*weights(6), 3, rotary, causal=True), r(2, 7, 6)
    seen = np.random.rand(2, 1, 1, 7) > 0.3
    whole, masked = layer.forward(x), layer.forward(x, None, seen)
    for expected, mask in ((whole, None), (masked, seen)):
        layer.start_cache()
        ys, end = [], 0
        for n in steps:
            ys.append(layer.forward(x[:, end:end + n], None, mask if mask is None else mask[..., :end + n]))
            end += n
            assert layer.cache_length == end and layer.attention_weights.shape == (2, 3, n, end)
        close(np.concatenate(ys, axis=1), expected)
        layer.stop_cache()
    close(layer.forward(x), whole)
    check_gradients(layer, x)


def test_a_memory_is_projected_once_while_the_cache_is_on(monkeypatch):
    layer, x, memory = MultiHeadAttention(*weights(4, 3), 2), r(2, 5, 4), r(2, 6, 3)
    expected = layer.forward(x, memory)
    rows, project = [], layer.project
    monkeypatch.setattr(layer, 'project', lambda x, *ends: rows.append(x.shape[1]) or project(x, *ends))
    layer.start_cache()
    close(np.concatenate([layer.forward(x[:, t:t + 1], memory) for t in range(5)], axis=1), expected)
    assert sorted(rows) == [1] * 5 + [6]
    other = r(2, 4, 3)                  # another memory is not the one kept
    y = layer.forward(x, other)
    layer.stop_cache()
    close(y, layer.forward(x, other))


def test_set_cache_reaches_every_attention():
    layers = [[MultiHeadAttention(*weights(4), 2)], {'a': MultiHeadAttention(*weights(4), 2)}]
    set_cache(layers, True)
    assert layers[0][0].caching and layers[1]['a'].caching
    layers[0][0].forward(r(1, 3, 4))
    set_cache(layers, False)
    assert not layers[0][0].caching and not layers[1]['a'].caching and layers[0][0].cache_length == 0


@pytest.mark.parametrize('move', [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_a_cache_of_its_own(move):
    layer, x = MultiHeadAttention(*weights(4), 2, causal=True), r(1, 4, 4)
    expected = layer.forward(x)
    layer.start_cache()
    layer.forward(x[:, :2])
    twin = move(layer)
    twin.forward(r(1, 2, 4))
    close(layer.forward(x[:, 2:]), expected[:, 2:])
    assert (layer.cache_length, twin.cache_length) == (4, 4)


# ---- positions


def test_sinusoids_by_hand():
    y = SinusoidalPositions().forward(np.zeros((1, 3, 4)), start=6)[0]
    for t, row in enumerate(y, 6):
        close(row, [np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)])


@pytest.mark.parametrize('D', [1, 4, 5])
def test_positions_from_a_start_are_those_of_the_whole(D):
    xs = r(2, 7, D)
    for layer in SinusoidalPositions(), LearntPositions(r(9, D)):
        whole = layer.forward(xs)
        assert (abs(whole - xs) > 1e-3).any()
        close(layer.forward(xs[:, 4:], start=4), whole[:, 4:])
        layer = copy.deepcopy(layer)
        close(layer.forward(xs[:, :2]), whole[:, :2])
        fresh = type(layer)(*layer.params)
        fresh.forward(xs[:, :2])
        close(fresh.forward(xs[:, 3:], start=3), whole[:, 3:])


def test_one_table_for_widths_and_dtypes_in_turn():
    layer = SinusoidalPositions()
    for D, dtype in ((4, 'd'), (6, 'd'), (6, 'f'), (4, 'd')):
        y = layer.forward(np.zeros((1, 3, D), dtype))
        assert y.dtype == dtype
        np.testing.assert_allclose(y, SinusoidalPositions().forward(np.zeros((1, 3, D))), rtol=1e-6)


def test_learnt_positions_by_hand():
    W = np.arange(8.0).reshape(4, 2)
    layer = LearntPositions(W)
    assert layer.forward(np.ones((2, 2, 2)), start=1).tolist() == [[[3, 4], [5, 6]]] * 2
    dout = np.array([[[1.0, 2], [3, 4]], [[10, 20], [30, 40]]])
    assert layer.backward(dout).tolist() == dout.tolist()
    assert layer.grads[0].tolist() == [[0, 0], [11, 22], [33, 44], [0, 0]]
    layer.forward(np.ones((2, 2, 2)), start=2)
    layer.backward(dout)
    assert layer.grads[0].tolist() == [[0, 0], [0, 0], [11, 22], [33, 44]]


# ---- bad input


def heads(*arguments, D=4, M=None):
    return MultiHeadAttention(*weights(D, M), *arguments)


def after_a_cache():
    layer = heads(2)
    layer.start_cache()
    layer.backward(layer.forward(r(1, 2, 4)))


def another_batch():
    layer = heads(2)
    layer.start_cache()
    layer.forward(r(1, 2, 4))
    layer.forward(r(3, 1, 4))


def attended(q, k, v, mask=None):
    return lambda: ScaledDotProductAttention().forward(np.ones(q), np.ones(k), np.ones(v), mask)


BAD = {
    'q: expected (…, T, D), each 1 or more, got (3,)': attended(3, (2, 3), (2, 3)),
    "k: expected (S, 3), to fit q, got (2, 4)": attended((2, 3), (2, 4), (2, 3)),
    "k: expected (5, S, 3), to fit q, got (2, 3)": attended((5, 2, 3), (2, 3), (2, 3)),
    "v: expected (2, M), to fit k, got (3, 3)": attended((2, 3), (2, 3), (3, 3)),
    'mask: expected bools, True where a query may look, got float64': attended((2, 3), (2, 3), (2, 3), np.ones((2, 2))),
    'mask: expected bools, True where a query may look, got list': attended((2, 3), (2, 3), (2, 3), [[True]]),
    'mask: expected a shape that stretches to (2, 4), got (4, 2)':
        attended((2, 3), (4, 3), (4, 3), np.ones((4, 2), bool)),
    'mask: expected a shape that stretches to (2, 4), got (1, 2, 4)':
        attended((2, 3), (4, 3), (4, 3), np.ones((1, 2, 4), bool)),
    'mask: expected a shape that stretches to (1, 2, 3, 3), got (3, 4)':
        lambda: heads(2).forward(r(1, 3, 4), None, np.ones((3, 4), bool)),
    'heads: expected a divisor of 4, the width, got 3': lambda: heads(3),
    'heads: expected 1 or more, got 0': lambda: heads(0),
    'rotary: expected heads of an even width, in float32 or float64, got 1 in float64': lambda: heads(4, True),
    'causal: expected True or False, got 2': lambda: heads(2, False, 2),
    'W_v: expected (4, 4), got (3, 4)': lambda: MultiHeadAttention(*weights(4)[:2], *weights(4, 3)[2:], 2),
    'b_k: expected (4,), got (3,)': lambda: MultiHeadAttention(*weights(4)[:5], r(3), r(4), r(4), 2),
    'memory: expected (N, S, 3), as W_k wants it, got None': lambda: heads(2, M=3).forward(r(1, 3, 4)),
    'memory: expected a batch of 2, as in x, got 1': lambda: heads(2).forward(r(2, 3, 4), r(1, 3, 4)),
    'x: expected a batch of 1, as in the cache, got 3': another_batch,
    'backward: expected a forward without a cache before it, got one with': after_a_cache,
    'xs: expected positions up to 4, as many as W has, got 5':
        lambda: LearntPositions(r(4, 2)).forward(r(1, 3, 2), start=2),
    'start: expected 0 or more, got -1': lambda: SinusoidalPositions().forward(r(1, 3, 2), start=-1),
}


@pytest.mark.parametrize('message', BAD)
def test_bad_input(message):
    with pytest.raises(InputError) as info:
        BAD[message]()
    assert str(info.value) == message
