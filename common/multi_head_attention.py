"""Attention in several heads, as transformers have it: fast, with a cache for text that grows, and its plain twin."""
import math
from typing import Any

import numpy

from common.attention_layer import ScaledDotProductAttention, attend, attend_back, causal_mask, check_mask
from common.checks import InputError, check_dout, check_flag, check_shape, check_sizes
from common.layers import Layer, as_dtype, as_rows, walk
from common.np import np, to_cpu


class MultiHeadAttention(Layer):
    """y = [a_1 v_1, …, a_h v_h] W_o + b_o with a_i = softmax(q_i k_iᵀ/√d), in h heads of width d = D/h.

    x (N, T, D) -> y (N, T, D), with q = x W_q + b_q, k = m W_k + b_k, v = m W_v + b_v, cut into heads along their last
    axis. m is x itself, or a memory (N, S, M), such as an encoder's states. W_q, W_o (D, D), W_k, W_v (M, D), the
    biases (D,). mask: bools that stretch to (N, h, T, S), True where a query may look; causal: nor does it look ahead
    in x. Queries that may look at nothing see zeros. `.attention_weights` (N, h, T, S), None before the first
    forward. Vaswani et al., 2017, 3.2.2.

    rotary: the positions turn q and k (see rotate); not with a memory, whose positions are others.

    From start_cache to stop_cache x holds new positions alone, and looks at all that came before: their keys and
    values are kept, and those of a memory are computed once. The parameters stay as they are meanwhile, and backward
    wants a forward without a cache.
    """

    a: Any = None       # the weights
    past: Any = None    # keys and values in the cache (2, N, h, …, d), more of them than cache_length says

    def __init__(self, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, heads, rotary=False, causal=False):
        super().__init__(W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o)
        check_heads(self.params, heads, rotary, causal)
        self.heads, self.rotary, self.causal = int(heads), bool(rotary), bool(causal)
        self.stop_cache()

    def start_cache(self):
        """Keep keys and values from now on, from none."""
        self.caching, self.cache_length, self.past, self.memory = True, 0, None, None
        self.kept: dict = {}

    def stop_cache(self):
        self.start_cache()
        self.caching = False

    def forward(self, x, memory=None, mask=None):
        x, memory = fitted(self.params, x, memory)
        N, T, D = x.shape
        if memory is None:
            qkv = self.project(x, 0, 3)                         # (3, N, h, T, d)
            if self.rotary:
                rotate(qkv[:2], self.cache_length)
            q, kv = qkv[0], self.remember(qkv[1:])
        else:
            q, = self.project(x, 0, 1)                          # (N, h, T, d)
            kv = self.recall(memory)
        k, v = kv                                               # (N, h, S, d)
        S = k.shape[2]
        check_mask(mask, (N, self.heads, T, S))
        causal = self.causal and T > 1 and memory is None       # one query, the last, sees all
        y = np.empty((N, T, self.heads, D // self.heads), x.dtype)
        self.a = a = attend(q, k, v, y.swapaxes(1, 2), mask, causal)
        y = y.reshape(N * T, D)
        self.saved = None if self.caching else (x, memory, q, k, v, a, y)
        self.out_shape = x.shape
        _, _, _, W_o, _, _, _, b_o = self.params
        out = y @ W_o                                           # (N·T, D)
        out += b_o
        return out.reshape(N, T, D)

    def backward(self, dout):
        """-> dx (N, T, D), or with a memory dx and dmemory (N, S, M)."""
        check_dout('dout', dout, self.out_shape)
        if self.saved is None:
            raise InputError('backward: expected a forward without a cache before it, got one with')
        x, memory, q, k, v, a, y = self.saved
        N, T, D = x.shape
        h, d = self.heads, D // self.heads
        _, _, _, W_o, _, _, _, _ = self.params
        _, _, _, dW_o, _, _, _, db_o = self.grads
        rows = as_rows(dout)
        np.matmul(y.T, rows, out=dW_o)
        rows.sum(axis=0, out=db_o)
        dy = (rows @ W_o.T).reshape(N, T, h, d).swapaxes(1, 2)  # (N, h, T, d)
        if memory is None:
            dqkv = self.empty(3, N, T)
            dq, dk, dv = dqkv
            attend_back(dy, a, q, k, v, dq, dk, dv, self.causal)
            if self.rotary:
                rotate(dqkv[:2], 0, back=True)
            return self.project_back(x, dqkv, 0)
        dq, dkv = self.empty(1, N, T), self.empty(2, N, memory.shape[1])
        attend_back(dy, a, q, k, v, *dq, *dkv)
        return self.project_back(x, dq, 0), self.project_back(memory, dkv, 1)

    @property
    def attention_weights(self):
        return None if self.a is None else self.a.copy()

    # q, k and v lie side by side in memory, (N, T, n, h, d), as one product gives them; n is 3, or q's 1 and k's and
    # v's 2 with a memory. Each head is a view of it.

    def empty(self, n, N, T):
        h, D = self.heads, len(self.params[3])
        return np.empty((N, T, n, h, D // h), self.params[0].dtype).transpose(2, 0, 3, 1, 4)    # (n, N, h, T, d)

    def project(self, x, first, end):
        """q, k and v of x, from the first to the one before the end: (n, N, h, T, d). q is scaled by 1/√d."""
        N, T, _ = x.shape
        W, b = self.joined(first, end)
        rows = as_rows(x) @ W                                   # (N·T, n·D)
        rows += b
        return rows.reshape(N, T, end - first, self.heads, -1).transpose(2, 0, 3, 1, 4)

    def project_back(self, x, dqkv, first):
        """dx, from the gradients of what project gave for x; and those of its weights and biases."""
        n = len(dqkv)
        W, _ = self.joined(first, first + n)
        rows = dqkv.transpose(1, 3, 0, 2, 4).reshape(-1, W.shape[1])    # (N·T, n·D)
        dW, db = np.split(as_rows(x).T @ rows, n, axis=1), np.split(rows.sum(axis=0), n)
        for i in range(n):
            scale = self.scale() if first + i == 0 else 1
            np.multiply(dW[i], scale, out=self.grads[first + i])
            np.multiply(db[i], scale, out=self.grads[4 + first + i])
        return (rows @ W.T).reshape(x.shape)

    def joined(self, first, end):
        """The weights (D, n·D) and biases (n·D,) of several projections side by side, those of q scaled by 1/√d.

        That takes 1 % of a training's product, and saves a pass over q; of a single position's it takes half, so that
        they are kept as long as the cache is on.
        """
        if (first, end) in self.kept:
            return self.kept[first, end]
        W = np.concatenate(self.params[first:end], axis=1)
        b = np.concatenate(self.params[4 + first:4 + end])
        if first == 0:
            D = len(self.params[3])
            W[:, :D] *= self.scale()
            b[:D] *= self.scale()
        if self.caching:
            self.kept[first, end] = W, b
        return W, b

    def scale(self):
        return 1 / math.sqrt(len(self.params[3]) // self.heads)

    def remember(self, kv):
        """kv (2, N, h, T, d) behind what the cache holds -> (2, N, h, S, d); without a cache, kv as it is."""
        if not self.caching:
            return kv
        start, end = self.cache_length, self.cache_length + kv.shape[3]
        past = self.past
        if past is not None and past.shape[1] != kv.shape[1]:
            raise InputError(f'x: expected a batch of {past.shape[1]}, as in the cache, got {kv.shape[1]}')
        if past is None or end > past.shape[3]:                 # twice the length: few copies however long it grows
            self.past = np.empty((*kv.shape[:3], 2 * end, kv.shape[4]), kv.dtype)
            if past is not None:
                self.past[:, :, :, :start] = past[:, :, :, :start]
        self.past[:, :, :, start:end] = kv
        self.cache_length = end
        return self.past[:, :, :, :end]

    def recall(self, memory):
        """Keys and values of the memory (2, N, h, S, d); with a cache, those of the same array are computed once."""
        if not self.caching:
            return self.project(memory, 1, 3)
        if self.memory is not memory:
            self.memory, self.past = memory, self.project(memory, 1, 3)
        return self.past


def fitted(params, x, memory):
    """x and the memory in the parameters' dtype; InputError unless they fit."""
    W_q, W_k, *_ = params
    check_shape('x', x, 'NT', len(W_q))
    x = as_dtype('x', x, W_q.dtype)
    if memory is None:
        if len(W_k) != len(W_q):
            raise InputError(f'memory: expected (N, S, {len(W_k)}), as W_k wants it, got None')
        return x, memory
    check_shape('memory', memory, 'NS', len(W_k))
    memory = as_dtype('memory', memory, W_q.dtype)
    if len(memory) != len(x):
        raise InputError(f'memory: expected a batch of {len(x)}, as in x, got {len(memory)}')
    return x, memory


def check_heads(params, heads, rotary, causal):
    """InputError unless the arguments of MultiHeadAttention fit together."""
    W_q, W_k, W_v, W_o, *biases = params
    check_shape('W_q', W_q, 'DD')
    D = len(W_q)
    check_shape('W_q', W_q, '', D, D)
    check_shape('W_k', W_k, 'M', D)
    check_shape('W_v', W_v, '', len(W_k), D)
    check_shape('W_o', W_o, '', D, D)
    for name, b in zip(('b_q', 'b_k', 'b_v', 'b_o'), biases, strict=True):
        check_shape(name, b, '', D)
    check_sizes(heads=heads)
    check_flag('rotary', rotary)
    check_flag('causal', causal)
    if D % heads:
        raise InputError(f'heads: expected a divisor of {D}, the width, got {heads}')
    if rotary and (D // heads % 2 or W_q.itemsize < 4):
        raise InputError(f'rotary: expected heads of an even width, in float32 or float64, got {D // heads} in '
                         f'{W_q.dtype}')


def rotate(x, start, back=False):
    """x[…, t, :] ← x[…, t, :] turned by its position t + start, in place; back: by as much the other way.

    x (…, T, d). Two numbers side by side are one complex number z_j, j = 0 … d/2 − 1: z_j ← z_j·exp(i(t + start)θ_j)
    with θ_j = 10000^(−2j/d). So q·k, the real part of Σ q_j k̄_j, depends on how far apart the two are, and not on
    where. Su et al., 2021.
    """
    T, d = x.shape[-2:]
    angles = np.outer(np.arange(start, start + T), 10000.0**(-np.arange(0, d, 2) / d))      # (T, d/2)
    z = x.view(np.result_type(x.dtype, 'F'))                    # (…, T, d/2)
    z *= np.exp(-1j * angles if back else 1j * angles).astype(z.dtype)


def set_cache(model, flag):
    """Start the cache of every MultiHeadAttention in the model, or stop it: for text that grows by what it gave."""
    check_flag('flag', flag)
    for layer in walk(model):
        if isinstance(layer, MultiHeadAttention):
            layer.start_cache() if flag else layer.stop_cache()


# ---------------------------------------------------------------- the plain twin


class Simple_MultiHeadAttention(Layer):
    """MultiHeadAttention, one head after another: slow, to read. It has no cache."""

    def __init__(self, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, heads, rotary=False, causal=False):
        super().__init__(W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o)
        check_heads(self.params, heads, rotary, causal)
        self.heads = [ScaledDotProductAttention() for _ in range(heads)]
        self.rotary, self.causal = rotary, causal
        self.attention_weights: Any = None

    def forward(self, x, memory=None, mask=None):
        W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o = self.params
        x, memory = fitted(self.params, x, memory)
        m = x if memory is None else memory
        N, T, S, h = len(x), x.shape[1], m.shape[1], len(self.heads)
        check_mask(mask, (N, h, T, S))
        mask = numpy.broadcast_to(True if mask is None else to_cpu(mask), (N, h, T, S))
        if self.causal and memory is None:
            mask = mask & to_cpu(causal_mask(T))
        ys = []
        for i, (head, own) in enumerate(zip(self.heads, self.columns(), strict=True)):
            q = x @ W_q[:, own] + b_q[own]                      # (N, T, d)
            k = m @ W_k[:, own] + b_k[own]                      # (N, S, d)
            v = m @ W_v[:, own] + b_v[own]                      # (N, S, d)
            if self.rotary and memory is None:
                q, k = turned(q), turned(k)
            ys.append(head.forward(q, k, v, mask[:, i]))
        self.attention_weights = np.stack([head.attention_weights for head in self.heads], axis=1)
        y = np.concatenate(ys, axis=2)                          # (N, T, D)
        self.saved, self.out_shape = (x, memory, y), x.shape
        return y @ W_o + b_o

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        W_q, W_k, W_v, W_o, *_ = self.params
        dW_q, dW_k, dW_v, dW_o, db_q, db_k, db_v, db_o = self.grads
        x, memory, y = self.saved
        m = x if memory is None else memory
        dW_o[...] = as_rows(y).T @ as_rows(dout)
        db_o[...] = as_rows(dout).sum(axis=0)
        dy = dout @ W_o.T                                       # (N, T, D)
        dx, dm = np.zeros_like(x), np.zeros_like(m)
        for head, own in zip(self.heads, self.columns(), strict=True):
            dq, dk, dv = head.backward(dy[:, :, own])           # (N, T, d), (N, S, d) twice
            if self.rotary and memory is None:
                dq, dk = turned(dq, -1), turned(dk, -1)
            for d, W, dW, db, source, dsource in ((dq, W_q, dW_q, db_q, x, dx), (dk, W_k, dW_k, db_k, m, dm),
                                                  (dv, W_v, dW_v, db_v, m, dm)):
                dW[:, own] = as_rows(source).T @ as_rows(d)
                db[own] = as_rows(d).sum(axis=0)
                dsource += d @ W[:, own].T
        return dx + dm if memory is None else (dx, dm)

    def columns(self):
        """Which columns of W_q, W_k and W_v are each head's: a list of slices."""
        d = len(self.params[3]) // len(self.heads)
        return [slice(i * d, (i + 1) * d) for i in range(len(self.heads))]


def turned(x, sign=1):
    """rotate, one pair of numbers at a time, as a plane turns: x (N, T, d), sign −1 the other way -> (N, T, d)."""
    y = np.empty_like(x)
    _, T, d = x.shape
    for t in range(T):
        for j in range(0, d, 2):
            angle = sign * t * 10000**(-j / d)
            c, s = math.cos(angle), math.sin(angle)
            y[:, t, j] = c * x[:, t, j] - s * x[:, t, j + 1]
            y[:, t, j + 1] = s * x[:, t, j] + c * x[:, t, j + 1]
    return y
