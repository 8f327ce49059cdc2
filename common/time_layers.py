"""Layers over time (book, chapters 5 to 8): the one-step cells RNN, LSTM and GRU, to read, and layers of all steps.

TimeRNN, TimeLSTM, TimeGRU and TimeBiLSTM, the cells over all steps, are in common/recurrent, and can be had from here.
A Time layer takes and gives (N, T, …) arrays; how these lie in memory, common/recurrent says.
"""

import numpy

from common import layers
from common.checks import InputError, check_dout, check_flag, check_ids, check_number, check_range, check_shape
from common.functions import pick, row_labels, sigmoid, subtract_labels
from common.layers import *  # noqa: F403  (the book's readers expect both sets of names here)
from common.layers import (
    Affine,
    Layer,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    check_affine,
    check_ratio,
)
from common.np import GPU, np, to_cpu
from common.recurrent import TimeBiLSTM, TimeGRU, TimeLSTM, TimeRNN, check_recurrent, flat, time_major
from common.rows import write_rows

__all__ = [*layers.__all__, 'GRU', 'LSTM', 'RNN', 'Simple_TimeAffine', 'Simple_TimeSoftmaxWithLoss', 'TimeAffine',
           'TimeBiLSTM', 'TimeDropout', 'TimeEmbedding', 'TimeGRU', 'TimeLSTM', 'TimeRNN', 'TimeSigmoidWithLoss',
           'TimeSoftmaxWithLoss']


def check_cell(params, x, *states):
    """ValueError unless x (N, D) and the states h_prev, c_prev (N, H) fit the weights of a one-step layer."""
    Wx, Wh, _ = params
    check_shape('x', x, 'N', len(Wx))
    for name, state in zip(('h_prev', 'c_prev'), states, strict=False):
        check_shape(name, state, '', len(x), len(Wh))


# ---------------------------------------------------------------- one step: the forms to read


class RNN(Layer):
    """h_next = tanh(x Wx + h_prev Wh + b).

    x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) -> h_next (N, H). Book, 5.3.1.
    """

    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        check_recurrent(Wx, Wh, b, gates=1)

    def forward(self, x, h_prev):
        check_cell(self.params, x, h_prev)
        Wx, Wh, b = self.params
        h_next = np.tanh(x @ Wx + h_prev @ Wh + b)      # (N, H)
        self.cache, self.out_shape = (x, h_prev, h_next), h_next.shape
        return h_next.copy()                            # the caller's, to write into too: backward keeps its own

    def backward(self, dh_next):
        check_dout('dh_next', dh_next, self.out_shape)
        Wx, Wh, _ = self.params
        dWx, dWh, db = self.grads
        x, h_prev, h_next = self.cache
        da = dh_next * (1 - h_next**2)                  # (N, H)
        dWx[...] = x.T @ da
        dWh[...] = h_prev.T @ da
        db[...] = da.sum(axis=0)
        return da @ Wx.T, da @ Wh.T                     # (N, D), (N, H)


class LSTM(Layer):
    """c_next = f·c_prev + g·i, h_next = o·tanh(c_next).

    The gates are f, i, o = sigmoid and g = tanh of x Wx + h_prev Wh + b, in the order f, g, i, o.
    x (N, D), h_prev, c_prev (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,) -> h_next, c_next (N, H). Book, 6.3.1.
    """

    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        check_recurrent(Wx, Wh, b, gates=4)

    def forward(self, x, h_prev, c_prev):
        check_cell(self.params, x, h_prev, c_prev)
        Wx, Wh, b = self.params
        a = x @ Wx + h_prev @ Wh + b                    # (N, 4H)
        f, g, i, o = np.split(a, 4, axis=1)             # (N, H) each
        f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
        c_next = f * c_prev + g * i                     # (N, H)
        tanh_c = np.tanh(c_next)                        # (N, H)
        self.cache, self.out_shape = (x, h_prev, c_prev, f, g, i, o, tanh_c), c_next.shape
        return o * tanh_c, c_next                       # (N, H) each

    def backward(self, dh_next, dc_next):
        """dc_next of dh_next's shape, or 0 where none comes back, as after the last step."""
        check_dout('dh_next', dh_next, self.out_shape)
        if np.ndim(dc_next) or dc_next != 0:
            check_dout('dc_next', dc_next, self.out_shape)
        Wx, Wh, _ = self.params
        dWx, dWh, db = self.grads
        x, h_prev, c_prev, f, g, i, o, tanh_c = self.cache
        dc = dc_next + dh_next * o * (1 - tanh_c**2)    # (N, H)
        da = np.hstack((dc * c_prev * f * (1 - f),      # (N, 4H)
                        dc * i * (1 - g**2),
                        dc * g * i * (1 - i),
                        dh_next * tanh_c * o * (1 - o)))
        dWx[...] = x.T @ da
        dWh[...] = h_prev.T @ da
        db[...] = da.sum(axis=0)
        return da @ Wx.T, da @ Wh.T, dc * f             # (N, D), (N, H), (N, H)


class GRU(Layer):
    """h_next = (1 − z)·h_prev + z·h̃, with h̃ = tanh(x Wxh + (r·h_prev) Whh + bh).

    The gates z, r = sigmoid of x Wx + h_prev Wh + b; the columns stand in the order z, r, h̃.
    x (N, D), h_prev (N, H), Wx (D, 3H), Wh (H, 3H), b (3H,) -> h_next (N, H). Book, appendix C.
    """

    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        check_recurrent(Wx, Wh, b, gates=3)

    def forward(self, x, h_prev):
        check_cell(self.params, x, h_prev)
        (Wxz, Wxr, Wxh), (Whz, Whr, Whh), (bz, br, bh) = (np.split(p, 3, axis=-1) for p in self.params)
        z = sigmoid(x @ Wxz + h_prev @ Whz + bz)        # (N, H)
        r = sigmoid(x @ Wxr + h_prev @ Whr + br)        # (N, H)
        h_hat = np.tanh(x @ Wxh + (r * h_prev) @ Whh + bh)      # (N, H)
        self.cache, self.out_shape = (x, h_prev, z, r, h_hat), z.shape
        return (1 - z) * h_prev + z * h_hat             # (N, H)

    def backward(self, dh_next):
        check_dout('dh_next', dh_next, self.out_shape)
        Wx, Wh, _ = self.params
        dWx, dWh, db = self.grads
        x, h_prev, z, r, h_hat = self.cache
        Whz, Whr, Whh = np.split(Wh, 3, axis=1)
        dah = dh_next * z * (1 - h_hat**2)              # (N, H)
        drh = dah @ Whh.T                               # (N, H): the gradient of r·h_prev
        daz = dh_next * (h_hat - h_prev) * z * (1 - z)  # (N, H)
        dar = drh * h_prev * r * (1 - r)                # (N, H)
        da = np.hstack((daz, dar, dah))                 # (N, 3H)
        dWx[...] = x.T @ da
        dWh[...] = np.hstack((h_prev.T @ daz, h_prev.T @ dar, (r * h_prev).T @ dah))
        db[...] = da.sum(axis=0)
        dh_prev = dh_next * (1 - z) + drh * r + daz @ Whz.T + dar @ Whr.T
        return da @ Wx.T, dh_prev                       # (N, D), (N, H)


# ---------------------------------------------------------------- all steps


class TimeEmbedding(Layer):
    """The rows of W that xs names. xs (N, T), W (V, D) -> (N, T, D)."""

    def __init__(self, W):
        super().__init__(W)
        check_shape('W', W, 'VD')

    def forward(self, xs):
        W, = self.params
        xs = to_cpu(xs)
        check_shape('xs', xs, 'NT')
        check_ids(xs, len(W), 'xs')
        self.idx = idx = xs.T.astype(np.int64)          # (T, N), a copy: backward wants the ids of now
        self.out_shape = *xs.shape, W.shape[1]
        return W.take(idx, axis=0).swapaxes(0, 1)       # (N, T, D)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        write_rows(self.grads[0], self.idx, time_major(dout))   # (V, D)


class TimeAffine(Layer):
    """y = x W + b at each step.

    xs (N, T, D), W (D, M), b (M,) -> (N, T, M). W may be a transposed view (weight tying).
    """

    def __init__(self, W, b):
        super().__init__(W, b)
        check_affine(W, b)

    def forward(self, xs):
        W, b = self.params
        check_shape('xs', xs, 'NT', len(W))
        N, T, _ = xs.shape
        x = flat(time_major(xs))                        # (T·N, D)
        self.x, self.out_shape = x, (N, T, W.shape[1])
        y = x @ W                                       # (T·N, M)
        y += b
        return y.reshape(T, N, -1).swapaxes(0, 1)       # (N, T, M)

    def backward(self, dout):
        W, _ = self.params
        dW, db = self.grads
        check_dout('dout', dout, self.out_shape)
        N, T, _ = self.out_shape
        dy = flat(time_major(dout))                     # (T·N, M)
        np.matmul(self.x.T, dy, out=dW)                 # (D, M)
        dy.sum(axis=0, out=db.reshape(-1))              # (M,)
        return (dy @ W.T).reshape(T, N, -1).swapaxes(0, 1)      # (N, T, D)


def as_floats(xs):
    """xs as they are, or as float64 where they are integers."""
    return np.asarray(xs) if xs.dtype.kind == 'f' else np.asarray(xs, 'd')


class TimeDropout(Layer):
    """Zero a share `dropout_ratio` of xs, scale the rest by 1/(1 − ratio), while `train_flg` is True. Book, 6.5.2."""

    def __init__(self, dropout_ratio=0.5):
        super().__init__()
        self.dropout_ratio = check_ratio(dropout_ratio)
        self.train_flg = True

    def forward(self, xs):
        check_shape('xs', xs, 'NTD')
        xs = as_floats(xs)
        check_flag('train_flg', self.train_flg)
        self.out_shape = xs.shape
        if not self.train_flg:
            return np.copy(xs)      # the caller's, to write into too; in memory the axes stay as they are
        keep = time_major(np.random.rand(*xs.shape) > self.dropout_ratio)       # (T, N, D), drawn in xs' own order
        self.mask = mask = np.multiply(keep, 1 / (1 - self.dropout_ratio), dtype=xs.dtype)
        return (time_major(xs) * mask).swapaxes(0, 1)           # (N, T, D)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        if not self.train_flg:
            return np.copy(dout)
        return (time_major(dout) * self.mask).swapaxes(0, 1)    # (N, T, D)


def label_rows(ts, shape):
    """ts as an array; InputError unless it is (N, T) or (N, T, 1), labels, or (N, T, V), the shape of the scores."""
    ts = to_cpu(ts)
    if ts.shape not in (shape[:2], (*shape[:2], 1), shape):
        raise InputError(f'ts: expected {shape[:2]}, a label for each score, or one-hot rows, got {ts.shape}')
    return ts


class TimeSoftmaxWithLoss(Layer):
    """Mean of −log softmax(xs)[ts] over the positions whose label is not `ignore_label` (−1).

    xs (N, T, V), ts labels (N, T), or rows (N, T, V), one-hot or of probabilities (see row_labels) -> loss.
    With a label_smoothing ε above 0, the labels are (1 − ε)·ts + ε/V. Szegedy et al., 2016.
    """

    def __init__(self, label_smoothing=0.0):
        super().__init__()
        check_range('label_smoothing', label_smoothing, 0, 1)
        self.label_smoothing = label_smoothing
        self.ignore_label = -1
        self.counted = 0        # labels that the last loss is a mean over: ranks that train together weigh by it

    def forward(self, xs, ts):
        check_shape('xs', xs, 'NTV')
        xs = as_floats(xs)
        x = flat(time_major(xs))                        # (T·N, V)
        if x.dtype == np.float16:
            x = x.astype('f')                           # in float16, exp of 12 is infinite
        t, mask, count = self.read(ts, xs.shape)        # (T·N,), or t soft (T·N, V)
        self.counted = count
        kept = mask.nonzero()[0] if count < len(t) else slice(None)     # the same, without a copy
        y = self.memory(x)
        picked = pick(x, t)                             # (T·N,)
        if self.label_smoothing:
            picked += self.label_smoothing * (x.mean(axis=1) - picked)
        if not GPU and x.max() < 50 and x[:, 0].min() > -50:    # no exp overflows, no row's sum vanishes: a pass less
            np.exp(x, out=y)                            # (T·N, V)
        else:
            top = x.max(axis=1)                         # (T·N,)
            np.subtract(x, top[:, None], out=y)
            np.exp(y, out=y)
            picked -= top
        total = y @ np.ones(y.shape[1], y.dtype)        # (T·N,): a product, three times as fast as sum
        self.cache = y, total, t, mask, count, xs.shape, xs.dtype
        return (np.log(total) - picked)[kept].mean().astype(xs.dtype)

    def backward(self, dout=1):
        check_number('dout', dout)
        y, total, t, mask, count, shape, dtype = self.cache
        weight = np.asarray(mask, y.dtype) * float(dout / count)        # (T·N,)
        dx = y * (weight / total)[:, None]              # y holds exp(x): dx the weighted softmax
        N, T, V = shape
        if self.label_smoothing:
            dx -= weight[:, None] * (self.label_smoothing / V)
            weight *= 1 - self.label_smoothing
        subtract_labels(dx, t, weight)
        return dx.astype(dtype, copy=False).reshape(T, N, V).swapaxes(0, 1)     # (N, T, V)

    def read(self, ts, shape):
        """The labels ts for scores of this shape, (T·N,) or soft (T·N, V), which of them count (T·N,), and how many."""
        N, T, V = shape
        t = label_rows(ts, shape).swapaxes(0, 1).reshape(T * N, -1)     # (T·N, V) or (T·N, 1)
        t = row_labels('ts', t) if t.shape[1] > 1 else t[:, 0]
        if t.ndim == 2:
            return np.asarray(t), numpy.ones(T * N, bool), T * N
        mask = t != self.ignore_label
        count = int(numpy.count_nonzero(mask))
        check_ids(t[mask], V, 'ts')
        if not count:
            raise InputError(f'ts: expected at least one label other than the ignore_label, got '
                             f'{self.ignore_label} alone')
        return np.array(numpy.where(mask, t, 0), np.int64), mask, count     # any label will do where one is ignored

    def memory(self, x):
        """An array like x, not filled: where it fits, the one in which the last forward left exp(x) for backward.

        With 10,000 words this is the largest array of all, and to ask the system for a new one at each step takes 5 to
        9 % of Rnnlm's time. It never leaves this layer. pop is atomic: two threads cannot both get it.
        """
        cache = vars(self).pop('cache', None)
        fits = cache is not None and (cache[0].shape, cache[0].dtype) == (x.shape, x.dtype)
        return cache[0] if fits else np.empty(x.shape, x.dtype)


class TimeSigmoidWithLoss(Layer):
    """SigmoidWithLoss over all steps: the mean over xs (N, T) and its labels ts (N, T), 0 or 1."""

    def __init__(self):
        super().__init__()
        self.loss_layer = SigmoidWithLoss()

    def forward(self, xs, ts):
        return self.loss_layer.forward(xs, ts)

    def backward(self, dout=1):
        return self.loss_layer.backward(dout)           # (N, T)


# ---------------------------------------------------------------- the book's teaching twins, step by step


class Simple_TimeAffine(Layer):
    """TimeAffine as a row of Affine layers, one a step: slow, to read."""

    def __init__(self, W, b):
        super().__init__(W, b)
        check_affine(W, b)

    def forward(self, xs):
        check_shape('xs', xs, 'NT', len(self.params[0]))
        self.layers = layers = [Affine(*self.params) for _ in range(xs.shape[1])]
        self.out_shape = *xs.shape[:2], self.params[0].shape[1]
        return np.stack([layer.forward(xs[:, t]) for t, layer in enumerate(layers)], axis=1)         # (N, T, M)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        dxs = np.stack([layer.backward(dout[:, t]) for t, layer in enumerate(self.layers)], axis=1)  # (N, T, D)
        for i, grad in enumerate(self.grads):
            grad[...] = sum(layer.grads[i] for layer in self.layers)
        return dxs


class Simple_TimeSoftmaxWithLoss(Layer):
    """TimeSoftmaxWithLoss as a row of SoftmaxWithLoss layers, one a step: slow, to read. No label is ignored."""

    def __init__(self, label_smoothing=0.0):
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, xs, ts):
        check_shape('xs', xs, 'NTV')
        ts = label_rows(ts, xs.shape)
        self.layers = layers = [SoftmaxWithLoss(self.label_smoothing) for _ in range(xs.shape[1])]
        return np.stack([layer.forward(xs[:, t], ts[:, t]) for t, layer in enumerate(layers)]).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        T = len(self.layers)
        return np.stack([layer.backward(dout / T) for layer in self.layers], axis=1)    # (N, T, V)
