"""Attention: for each decoder state, a mean of the encoder's states weighted by how well they agree (book, 8.1).

Behind the book's: that of transformers, by queries, keys and values, with a mask. In several heads it is in
common/multi_head_attention. A mask is an array of bools, True where a query may look.
"""
import math
from typing import Any

import numpy

from common.blocks import parts
from common.checks import InputError, InputTypeError, check_dout, check_shape, check_sizes, expected
from common.functions import softmax
from common.layers import Layer, Softmax, as_dtype, as_floats
from common.np import GPU, np, to_cpu

CUT = 128       # queries at a time, where later ones may see more
SAFE = 50       # exp of a score from −50 to 50 neither overflows nor vanishes in float32, nor does a sum of them


class WeightSum(Layer):
    """c = Σ_t a_t hs_t. hs (N, T, H), a (N, T) -> c (N, H)."""

    def forward(self, hs, a):
        check_shape('hs', hs, 'NTH')
        check_shape('a', a, '', *hs.shape[:2])
        self.hs, self.a, self.out_shape = hs, a, (hs.shape[0], hs.shape[2])
        return (a[:, :, None] * hs).sum(axis=1)                 # (N, H)

    def backward(self, dc):
        check_dout('dc', dc, self.out_shape)
        dhs = self.a[:, :, None] * dc[:, None, :]               # (N, T, H)
        da = (self.hs * dc[:, None, :]).sum(axis=2)             # (N, T)
        return dhs, da


class AttentionWeight(Layer):
    """a = softmax over t of hs_t · h. hs (N, T, H), h (N, H) -> a (N, T)."""

    def __init__(self):
        super().__init__()
        self.softmax = Softmax()

    def forward(self, hs, h):
        check_shape('hs', hs, 'NTH')
        check_shape('h', h, '', len(hs), hs.shape[2])
        self.hs, self.h, self.out_shape = hs, h, hs.shape[:2]
        return self.softmax.forward((hs * h[:, None, :]).sum(axis=2))   # (N, T)

    def backward(self, da):
        check_dout('da', da, self.out_shape)
        ds = self.softmax.backward(da)[:, :, None]              # (N, T, 1)
        dhs = ds * self.h[:, None, :]                           # (N, T, H)
        dh = (ds * self.hs).sum(axis=1)                         # (N, H)
        return dhs, dh


class Attention(Layer):
    """AttentionWeight, then WeightSum: one decoding step, to read.

    hs (N, T, H), h (N, H) -> c (N, H); `.attention_weight` (N, T) keeps the weights. Book, 8.1.4.
    """

    def __init__(self):
        super().__init__()
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()
        self.attention_weight = None

    def forward(self, hs, h):
        a = self.attention_weight_layer.forward(hs, h)          # (N, T)
        self.attention_weight = a.copy()
        return self.weight_sum_layer.forward(hs, a)

    def backward(self, dc):
        dhs_sum, da = self.weight_sum_layer.backward(dc)
        dhs_weight, dh = self.attention_weight_layer.backward(da)
        return dhs_sum + dhs_weight, dh                         # (N, T, H), (N, H)


class TimeAttention(Layer):
    """Attention of all decoding steps in three matrix products, to run.

    hs_enc (N, S, H), hs_dec (N, T, H) -> (N, T, H). `.attention_weights` holds one (N, S) array a decoding step.
    """

    def __init__(self):
        super().__init__()
        self.attention_weights = None

    def forward(self, hs_enc, hs_dec):
        check_shape('hs_enc', hs_enc, 'NSH')
        check_shape('hs_dec', hs_dec, 'NT', hs_enc.shape[2])
        if len(hs_dec) != len(hs_enc):
            raise InputError(f'hs_dec: expected a batch of {len(hs_enc)}, as in hs_enc, got {len(hs_dec)}')
        self.hs_enc, self.hs_dec, self.out_shape = hs_enc, hs_dec, hs_dec.shape
        self.a = a = softmax(hs_dec @ hs_enc.swapaxes(1, 2))    # (N, T, S)
        self.attention_weights = list(a.swapaxes(0, 1).copy())
        return a @ hs_enc                                       # (N, T, H)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        da = dout @ self.hs_enc.swapaxes(1, 2)                  # (N, T, S)
        da *= self.a
        ds = da - self.a * da.sum(axis=2, keepdims=True)        # (N, T, S): through the softmax
        dhs_enc = self.a.swapaxes(1, 2) @ dout                  # (N, S, H)
        dhs_enc += ds.swapaxes(1, 2) @ self.hs_dec
        return dhs_enc, ds @ self.hs_enc                        # (N, S, H), (N, T, H)


# ---------------------------------------------------------------- queries, keys and values


def causal_mask(T, S=None):
    """Which of S positions each of the last T may look at: itself and those before it -> bools (T, S). S: T.

    The mask that hides padding is of the shape (N, 1, 1, S), the same for all heads and queries; two masks join by &.
    """
    check_sizes(T=T)
    if S is None:
        S = T
    check_sizes(T, S=S)
    return np.tri(T, S, S - T, dtype=bool)


def masked_softmax(s, mask):
    """s ← softmax over the last axis of what the mask shows, 0 elsewhere, in place: rows that show nothing are zeros.

    s (…, T, S), mask None or bools that stretch to it.
    """
    # where there is no need of each row's own maximum two passes are saved; a GPU is not waited for to find out
    if not GPU and s.itemsize > 2 and s.min() > -SAFE and s.max() < SAFE:
        np.exp(s, out=s)
        if mask is not None:
            s *= mask
    else:
        if mask is not None:
            np.copyto(s, -np.inf, where=~mask)
        top = s.max(axis=-1, keepdims=True)                     # (…, T, 1)
        np.copyto(top, 0, where=top == -np.inf)                 # of a row that shows nothing
        s -= top
        np.exp(s, out=s)
    total = (s @ np.ones(s.shape[-1], s.dtype))[..., None]      # (…, T, 1): a product, five times as fast as sum
    np.copyto(total, 1, where=total == 0)
    s /= total


def pieces(a, causal):
    """(samples, queries, n): two slices of the weights a (n, …, T, S), and how many of the keys those queries may see.

    As many samples as fit into a core's cache. Where causal, long sequences are cut, and what lies ahead is left out:
    a quarter of MultiHeadAttention's time at T of 1024, a tenth at 256. The last queries, which see all, come first.
    """
    T, S = a.shape[-2:]
    step = CUT if causal and T >= 2 * CUT else T
    for samples in parts(a.reshape(len(a), -1)):
        for end in range(T, 0, -step):
            yield samples, slice(max(0, end - step), end), S - T + end if causal else S


def attend(q, k, v, out, mask=None, causal=False):
    """out ← softmax(q kᵀ) v, and the weights, the softmax: (n, …, T, S).

    q (n, …, T, D), k (n, …, S, D), v (n, …, S, M), out (n, …, T, M). mask: as masked_softmax wants it; causal: the T
    are the last of the S, and none looks ahead. All may be views in which the last axis is dense, as heads are: the
    products take them without a copy.
    """
    a = np.empty((*q.shape[:-1], k.shape[-2]), q.dtype)
    mask = None if mask is None else np.broadcast_to(np.asarray(mask), a.shape)
    for i, rows, n in pieces(a, causal):
        s = a[i][..., rows, :n]
        np.matmul(q[i][..., rows, :], k[i][..., :n, :].swapaxes(-1, -2), out=s)
        seen = None if mask is None else mask[i][..., rows, :n]
        if causal:
            none_ahead = causal_mask(s.shape[-2], n)
            seen = none_ahead if seen is None else seen & none_ahead
        masked_softmax(s, seen)
        a[i][..., rows, n:] = 0
        np.matmul(s, v[i][..., :n, :], out=out[i][..., rows, :])
    return a


def attend_back(dout, a, q, k, v, dq, dk, dv, causal=False):
    """dq, dk, dv ← the gradients of q, k and v, for dout, that of attend's out, and its weights a."""
    for i, rows, n in pieces(a, causal):
        s, d = a[i][..., rows, :n], dout[i][..., rows, :]
        ds = d @ v[i][..., :n, :].swapaxes(-1, -2)              # (…, T, n): da
        ds -= np.einsum('...ts,...ts->...t', ds, s)[..., None]
        ds *= s                                                 # through the softmax
        np.matmul(ds, k[i][..., :n, :], out=dq[i][..., rows, :])
        for left, right, grad in ((s, d, dv[i]), (ds, q[i][..., rows, :], dk[i])):
            left = left.swapaxes(-1, -2)                        # (…, n, T)
            if n == a.shape[-1]:                                # the first of these samples' pieces
                np.matmul(left, right, out=grad)
            else:
                grad[..., :n, :] += left @ right


def check_mask(mask, shape):
    """InputError unless mask is None, or bools that stretch to this shape, (…, T, S)."""
    if mask is None:
        return
    if getattr(getattr(mask, 'dtype', None), 'kind', None) != 'b':
        raise InputTypeError(f'mask: expected bools, True where a query may look, got '
                             f'{getattr(mask, "dtype", type(mask).__name__)}')
    fits = len(mask.shape) <= len(shape) and all(
        n in (1, m) for n, m in zip(mask.shape[::-1], shape[::-1], strict=False))
    if not fits:
        raise InputError(f'mask: expected a shape that stretches to {shape}, got {mask.shape}')


class ScaledDotProductAttention(Layer):
    """y = softmax(q kᵀ/√D) v, over the positions that the mask shows.

    q (…, T, D), k (…, S, D), v (…, S, M) -> y (…, T, M); mask: bools that stretch to (…, T, S), True where a query may
    look, None: everywhere. A query that may look at nothing gets zeros. `.attention_weights` (…, T, S), None before the
    first forward. Vaswani et al., 2017, 3.2.1.
    """

    a: Any = None       # the weights

    def forward(self, q, k, v, mask=None):
        q, k, v = self.check(q, k, v, mask)
        q = q * (1 / math.sqrt(q.shape[-1]))                    # (…, T, D), small beside the scores
        y = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)     # (…, T, M)
        wide_q, wide_k, wide_v, wide_y = wide(q, k, v, y)
        a = attend(wide_q, wide_k, wide_v, wide_y, mask)
        self.a, self.cache, self.out_shape = a.reshape(*q.shape[:-1], -1), (q, k, v), y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        q, k, v = self.cache
        dq, dk, dv = np.empty_like(q), np.empty_like(k), np.empty_like(v)
        attend_back(*wide(dy, self.a, q, k, v, dq, dk, dv))
        dq *= 1 / math.sqrt(q.shape[-1])
        return dq, dk, dv

    @property
    def attention_weights(self):
        return None if self.a is None else self.a.copy()

    def check(self, q, k, v, mask):
        """q, k and v as floats of q's kind; InputError unless all fit."""
        q = as_floats('q', q)
        if q.ndim < 2 or not q.size:
            raise InputError(f'q: expected (…, T, D), each 1 or more, got {q.shape}')
        k, v = as_dtype('k', k, q.dtype), as_dtype('v', v, q.dtype)
        if k.ndim != q.ndim or k.shape[:-2] != q.shape[:-2] or k.shape[-1] != q.shape[-1] or not k.size:
            wanted = expected((), (*q.shape[:-2], 'S', q.shape[-1]))
            raise InputError(f'k: expected ({wanted}), to fit q, got {k.shape}')
        if v.ndim != q.ndim or v.shape[:-1] != k.shape[:-1] or not v.size:
            raise InputError(f'v: expected ({expected((), (*k.shape[:-1], "M"))}), to fit k, got {v.shape}')
        check_mask(mask, (*q.shape[:-1], k.shape[-2]))
        return q, k, v


def wide(*arrays):
    """The arrays, with a first axis of length 1 where they have two."""
    return tuple(a[None] if a.ndim == 2 else a for a in arrays)


class Simple_ScaledDotProductAttention(ScaledDotProductAttention):
    """ScaledDotProductAttention, one query after another: slow, to read."""

    def forward(self, q, k, v, mask=None):
        q, k, v = self.check(q, k, v, mask)
        *lead, T, D = q.shape
        S, M = v.shape[-2:]
        mask = numpy.broadcast_to(True if mask is None else to_cpu(mask), (*lead, T, S))
        a, y = np.zeros((*lead, T, S), q.dtype), np.zeros((*lead, T, M), q.dtype)
        for n in np.ndindex(*lead):
            for t in range(T):
                seen = mask[n][t]                               # (S,)
                if seen.any():
                    scores = k[n][seen] @ q[n][t] / math.sqrt(D)
                    a[n][t, seen] = softmax(scores)
                    y[n][t] = a[n][t] @ v[n]                    # (M,)
        self.a, self.cache, self.out_shape = a, (q, k, v), y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        q, k, v = self.cache
        *lead, T, D = q.shape
        dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
        for n in np.ndindex(*lead):
            for t in range(T):
                a = self.a[n][t]                                # (S,)
                da = v[n] @ dy[n][t]                            # (S,)
                ds = a * (da - a @ da) / math.sqrt(D)           # (S,)
                dq[n][t] = ds @ k[n]
                dk[n] += np.outer(ds, q[n][t])
                dv[n] += np.outer(a, dy[n][t])
        return dq, dk, dv
