"""Layers over time: the one-step cells, to read, and the Time layers, to run (book, chapters 5 to 8).

A Time layer takes and gives (N, T, …) arrays. Inside, its memory is time-major, (T, N, …), so that each step is one
contiguous block; what it returns is a view of that memory with the axes swapped back, and the next layer swaps them
again at no cost.
"""
from typing import Any

from common import layers
from common.functions import check_ids, sigmoid
from common.layers import *  # noqa: F403  (the book's readers expect both sets of names here)
from common.layers import Affine, Layer, SigmoidWithLoss, SoftmaxWithLoss, check_ratio, write_rows
from common.np import np

__all__ = [*layers.__all__, 'GRU', 'LSTM', 'RNN', 'Simple_TimeAffine', 'Simple_TimeSoftmaxWithLoss', 'TimeAffine',
           'TimeBiLSTM', 'TimeDropout', 'TimeEmbedding', 'TimeGRU', 'TimeLSTM', 'TimeRNN', 'TimeSigmoidWithLoss',
           'TimeSoftmaxWithLoss']


def time_major(xs):
    """(N, T, …) -> (T, N, …), contiguous; no copy where xs is a view of time-major memory already."""
    return np.ascontiguousarray(xs.swapaxes(0, 1))


# ---------------------------------------------------------------- one step: the forms to read


class RNN(Layer):
    """h_next = tanh(x Wx + h_prev Wh + b).

    x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) -> h_next (N, H). Book, 5.3.1.
    """

    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        h_next = np.tanh(x @ Wx + h_prev @ Wh + b)      # (N, H)
        self.cache = x, h_prev, h_next
        return h_next

    def backward(self, dh_next):
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

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        a = x @ Wx + h_prev @ Wh + b                    # (N, 4H)
        f, g, i, o = np.split(a, 4, axis=1)             # (N, H) each
        f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
        c_next = f * c_prev + g * i                     # (N, H)
        h_next = o * np.tanh(c_next)                    # (N, H)
        self.cache = x, h_prev, c_prev, f, g, i, o, c_next
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        Wx, Wh, _ = self.params
        dWx, dWh, db = self.grads
        x, h_prev, c_prev, f, g, i, o, c_next = self.cache
        tanh_c = np.tanh(c_next)                        # (N, H)
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

    def forward(self, x, h_prev):
        (Wxz, Wxr, Wxh), (Whz, Whr, Whh), (bz, br, bh) = (np.split(p, 3, axis=-1) for p in self.params)
        z = sigmoid(x @ Wxz + h_prev @ Whz + bz)        # (N, H)
        r = sigmoid(x @ Wxr + h_prev @ Whr + br)        # (N, H)
        h_hat = np.tanh(x @ Wxh + (r * h_prev) @ Whh + bh)      # (N, H)
        self.cache = x, h_prev, z, r, h_hat
        return (1 - z) * h_prev + z * h_hat             # (N, H)

    def backward(self, dh_next):
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


# ---------------------------------------------------------------- all steps: the forms to run


class Recurrent(Layer):
    """What the recurrent Time layers share: the state h and whether the next forward begins with it.

    `.h` (N, H) is the state after the last step; `.dh`, after backward, the gradient that reached the first.
    Gradients never cross a call of forward (truncated BPTT). A state that is set counts only where `stateful` is True.
    """

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b)
        self.stateful = stateful
        self.h, self.dh = None, None

    def set_state(self, h):
        self.h = h

    def reset_state(self):
        self.h = None

    def initial(self, state, N):
        """The state to begin with (N, H): the one kept where the layer is stateful and has one, else zeros."""
        Wh = self.params[1]
        if not self.stateful or state is None:
            return np.zeros((N, len(Wh)), Wh.dtype)
        if state.shape != (N, len(Wh)):
            raise ValueError(f'{type(self).__name__} keeps a state of shape {state.shape}, but xs asks for one of '
                             f'{(N, len(Wh))}: call reset_state() before a batch of another size')
        return state

    def project(self, xs):
        """xs Wx + b of all steps in one product. xs (N, T, D) -> (T, N, G), G the width of all gates."""
        Wx, _, b = self.params
        N, T, D = xs.shape
        self.xs = time_major(xs).reshape(T * N, D)
        a = self.empty('a', (T * N, len(b)), Wx.dtype)
        np.matmul(self.xs, Wx, out=a)                   # (T·N, G)
        a += b
        return a.reshape(T, N, -1)

    def project_backward(self, da):
        """The gradients of Wx and b, and of xs, which is returned. da (T, N, G) -> dxs (N, T, D)."""
        Wx = self.params[0]
        dWx, _, db = self.grads
        T, N, G = da.shape
        da = da.reshape(T * N, G)
        np.matmul(self.xs.T, da, out=dWx)               # (D, G)
        da.sum(axis=0, out=db)                          # (G,)
        return (da @ Wx.T).reshape(T, N, -1).swapaxes(0, 1)     # (N, T, D)


def flat(a):
    """(T, N, …) -> (T·N, …)."""
    return a.reshape(-1, a.shape[-1])


def columns(a, H):
    """The blocks of H columns of a, as views: the gates of one step."""
    return [a[:, i:i + H] for i in range(0, a.shape[1], H)]


class TimeRNN(Recurrent):
    """RNN over all steps.

    xs (N, T, D), Wx (D, H), Wh (H, H), b (H,) -> hs (N, T, H). Book, 5.3.2.
    """

    def forward(self, xs):
        _, Wh, _ = self.params
        a = self.project(xs)                            # (T, N, H)
        T, N, H = a.shape
        hs = np.empty((T + 1, N, H), a.dtype)           # hs[0] is the state before the first step
        hs[0] = self.initial(self.h, N)
        for t in range(T):
            np.matmul(hs[t], Wh, out=hs[t + 1])
            hs[t + 1] += a[t]
            np.tanh(hs[t + 1], out=hs[t + 1])
        self.hs, self.h = hs, hs[T]
        return hs[1:].copy().swapaxes(0, 1)             # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        _, Wh, _ = self.params
        _, dWh, _ = self.grads
        hs, dhs = self.hs, time_major(dhs)              # (T + 1, N, H), (T, N, H)
        da = 1 - hs[1:]**2                              # (T, N, H)
        WhT = np.ascontiguousarray(Wh.T)
        dh = np.zeros_like(hs[0])                       # (N, H)
        for t in reversed(range(len(da))):
            dh += dhs[t]
            da[t] *= dh
            np.matmul(da[t], WhT, out=dh)
        self.dh = dh
        np.matmul(flat(hs[:-1]).T, flat(da), out=dWh)   # (H, H)
        return self.project_backward(da)                # (N, T, D)


class TimeLSTM(Recurrent):
    """LSTM over all steps; besides `.h`, `.c` (N, H) is the memory cell after the last.

    xs (N, T, D), Wx (D, 4H), Wh (H, 4H), b (4H,) -> hs (N, T, H). Book, 6.3.2.
    """

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b, stateful)
        self.c = None
        self.gates: Any = None
        # sigmoid(x) = tanh(x / 2) / 2 + 1/2: scaled so, all four gates of a step go through one call of tanh
        H = len(Wh)
        self.scale = np.repeat(np.array([0.5, 1, 0.5, 0.5], Wh.dtype), H)     # (4H,) in the order f, g, i, o
        self.shift = 1 - self.scale                     # (4H,): 1/2, 0, 1/2, 1/2
        self.is_tanh = 2 * self.scale - 1               # (4H,): 0, 1, 0, 0

    def set_state(self, h, c=None):
        self.h, self.c = h, c

    def reset_state(self):
        self.h, self.c = None, None

    def forward(self, xs):
        _, Wh, _ = self.params
        self.gates = None                               # lets its memory be used again
        a = self.project(xs)                            # (T, N, 4H): becomes the gates, step by step
        T, N, H = len(a), a.shape[1], len(Wh)
        hs = np.empty((T + 1, N, H), a.dtype)           # hs[0], cs[0] are the state before the first step
        cs = np.empty_like(hs)
        tanh_cs = np.empty_like(hs[1:])
        hs[0], cs[0] = self.initial(self.h, N), self.initial(self.c, N)
        hWh, gi = np.empty_like(a[0]), np.empty_like(hs[0])
        for t in range(T):
            gates = a[t]                                # (N, 4H)
            np.matmul(hs[t], Wh, out=hWh)
            gates += hWh
            gates *= self.scale
            np.tanh(gates, out=gates)
            gates *= self.scale
            gates += self.shift
            f, g, i, o = columns(gates, H)              # (N, H) each
            np.multiply(f, cs[t], out=cs[t + 1])
            np.multiply(g, i, out=gi)
            cs[t + 1] += gi
            np.tanh(cs[t + 1], out=tanh_cs[t])
            np.multiply(o, tanh_cs[t], out=hs[t + 1])
        self.gates, self.hs, self.cs, self.tanh_cs = a, hs, cs, tanh_cs
        self.h, self.c = hs[T], cs[T]
        return hs[1:].copy().swapaxes(0, 1)             # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        _, Wh, _ = self.params
        _, dWh, _ = self.grads
        hs, cs, dhs = self.hs, self.cs, time_major(dhs)
        T, _, H = dhs.shape
        WhT = np.ascontiguousarray(Wh.T)
        da = self.empty('da', self.gates.shape, Wh.dtype)       # (T, N, 4H)
        dh, dc = np.zeros_like(hs[0]), np.zeros_like(cs[0])     # (N, H)
        slope, dtanh = np.empty_like(da[0]), np.empty_like(dh)
        for t in reversed(range(T)):
            gates, tanh_c = self.gates[t], self.tanh_cs[t]
            f, g, i, o = columns(gates, H)
            df, dg, di, do = columns(da[t], H)
            dh += dhs[t]
            np.multiply(dh, tanh_c, out=do)
            np.multiply(tanh_c, tanh_c, out=dtanh)
            np.subtract(1, dtanh, out=dtanh)
            dh *= o
            dh *= dtanh
            dc += dh                                    # dc = dc_next + dh·o·(1 − tanh²c)
            np.multiply(dc, cs[t], out=df)
            np.multiply(dc, i, out=dg)
            np.multiply(dc, g, out=di)
            dc *= f
            # the slope of a sigmoid s is s(1 − s), of a tanh g (g + 1)(1 − g): one form, (s + is_tanh)(1 − s)
            np.add(gates, self.is_tanh, out=slope)
            da[t] *= slope
            np.subtract(1, gates, out=slope)
            da[t] *= slope
            np.matmul(da[t], WhT, out=dh)
        self.dh = dh
        np.matmul(flat(hs[:-1]).T, flat(da), out=dWh)   # (H, 4H)
        return self.project_backward(da)                # (N, T, D)


class TimeGRU(Recurrent):
    """GRU over all steps.

    xs (N, T, D), Wx (D, 3H), Wh (H, 3H), b (3H,) -> hs (N, T, H). Book, appendix C.
    """

    def forward(self, xs):
        Wh = self.params[1]
        a = self.project(xs)                            # (T, N, 3H): becomes z, r, h̃, step by step
        T, N, H = len(a), a.shape[1], len(Wh)
        Wh_zr, Wh_h = (np.ascontiguousarray(W) for W in (Wh[:, :2 * H], Wh[:, 2 * H:]))
        hs = np.empty((T + 1, N, H), a.dtype)           # hs[0] is the state before the first step
        hs[0] = self.initial(self.h, N)
        rhs = np.empty_like(hs[1:])                     # r·h_prev of each step
        for t in range(T):
            zr, h_hat = a[t, :, :2 * H], a[t, :, 2 * H:]
            zr += hs[t] @ Wh_zr
            zr *= 0.5                                   # sigmoid as a tanh
            np.tanh(zr, out=zr)
            zr *= 0.5
            zr += 0.5
            z, r = columns(zr, H)
            np.multiply(r, hs[t], out=rhs[t])
            h_hat += rhs[t] @ Wh_h
            np.tanh(h_hat, out=h_hat)
            np.subtract(h_hat, hs[t], out=hs[t + 1])    # h_next = h_prev + z·(h̃ − h_prev)
            hs[t + 1] *= z
            hs[t + 1] += hs[t]
        self.gates, self.hs, self.rhs, self.h = a, hs, rhs, hs[T]
        return hs[1:].copy().swapaxes(0, 1)             # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        _, Wh, _ = self.params
        _, dWh, _ = self.grads
        hs, dhs = self.hs, time_major(dhs)
        T, _, H = dhs.shape
        WhT_zr, WhT_h = (np.ascontiguousarray(W.T) for W in (Wh[:, :2 * H], Wh[:, 2 * H:]))
        da = np.empty_like(self.gates)                  # (T, N, 3H)
        dh = np.zeros_like(hs[0])                       # (N, H)
        for t in reversed(range(T)):
            z, r, h_hat = columns(self.gates[t], H)
            daz, dar, dah = columns(da[t], H)
            dh += dhs[t]
            np.multiply(dh * z, 1 - h_hat**2, out=dah)
            drh = dah @ WhT_h                           # (N, H): the gradient of r·h_prev
            np.multiply(dh * (h_hat - hs[t]), z * (1 - z), out=daz)
            np.multiply(drh * hs[t], r * (1 - r), out=dar)
            dh *= 1 - z
            dh += drh * r
            dh += da[t, :, :2 * H] @ WhT_zr
        self.dh = dh
        da_zr, da_h = flat(da)[:, :2 * H], flat(da)[:, 2 * H:]
        dWh[:, :2 * H] = flat(hs[:-1]).T @ da_zr        # (H, 2H)
        dWh[:, 2 * H:] = flat(self.rhs).T @ da_h        # (H, H)
        return self.project_backward(da)                # (N, T, D)


class TimeBiLSTM(Layer):
    """Two LSTMs, one reading forward and one backward, side by side.

    xs (N, T, D) -> hs (N, T, 2H), the forward half first. Book, 8.3.1.
    """

    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2, stateful=False):
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        self.params = self.forward_lstm.params + self.backward_lstm.params
        self.grads = self.forward_lstm.grads + self.backward_lstm.grads

    def forward(self, xs):
        return np.concatenate((self.forward_lstm.forward(xs),
                               self.backward_lstm.forward(xs[:, ::-1])[:, ::-1]), axis=2)     # (N, T, 2H)

    def backward(self, dhs):
        H = dhs.shape[2] // 2
        dxs = self.forward_lstm.backward(dhs[:, :, :H])
        return dxs + self.backward_lstm.backward(dhs[:, ::-1, H:])[:, ::-1]                   # (N, T, D)

    def reset_state(self):
        self.forward_lstm.reset_state()
        self.backward_lstm.reset_state()


class TimeEmbedding(Layer):
    """The rows of W that xs names. xs (N, T), W (V, D) -> (N, T, D)."""

    def __init__(self, W):
        super().__init__(W)

    def forward(self, xs):
        W, = self.params
        self.idx = np.asarray(xs).T                     # (T, N)
        check_ids(self.idx, len(W), 'xs')
        return W.take(self.idx, axis=0).swapaxes(0, 1)  # (N, T, D)

    def backward(self, dout):
        write_rows(self.grads[0], self.idx, time_major(dout))   # (V, D)


class TimeAffine(Layer):
    """y = x W + b at each step.

    xs (N, T, D), W (D, M), b (M,) -> (N, T, M). W may be a transposed view (weight tying).
    """

    def __init__(self, W, b):
        super().__init__(W, b)

    def forward(self, xs):
        W, b = self.params
        N, T, D = xs.shape
        self.x = time_major(xs).reshape(T * N, D)
        y = self.empty('y', (T * N, len(b)), W.dtype)
        np.matmul(self.x, W, out=y)                     # (T·N, M)
        y += b
        return y.reshape(T, N, -1).swapaxes(0, 1)       # (N, T, M)

    def backward(self, dout):
        W, _ = self.params
        dW, db = self.grads
        N, T, M = dout.shape
        dy = time_major(dout).reshape(T * N, M)
        np.matmul(self.x.T, dy, out=dW)                 # (D, M)
        dy.sum(axis=0, out=db)                          # (M,)
        return (dy @ W.T).reshape(T, N, -1).swapaxes(0, 1)      # (N, T, D)


class TimeDropout(Layer):
    """Zero a share `dropout_ratio` of xs, scale the rest by 1/(1 − ratio), while `train_flg` is True. Book, 6.5.2."""

    def __init__(self, dropout_ratio=0.5):
        super().__init__()
        self.dropout_ratio = check_ratio(dropout_ratio)
        self.train_flg = True

    def forward(self, xs):
        if not self.train_flg:
            return xs
        keep = time_major(np.random.rand(*xs.shape) > self.dropout_ratio)       # (T, N, D), drawn in xs' own order
        self.mask = np.multiply(keep, 1 / (1 - self.dropout_ratio), dtype=xs.dtype)
        return (time_major(xs) * self.mask).swapaxes(0, 1)      # (N, T, D)

    def backward(self, dout):
        if not self.train_flg:
            return dout
        return (time_major(dout) * self.mask).swapaxes(0, 1)    # (N, T, D)


class TimeSoftmaxWithLoss(Layer):
    """Mean of −log softmax(xs)[ts] over the positions whose label is not `ignore_label` (−1).

    xs (N, T, V), ts labels (N, T) or one-hot (N, T, V) -> loss.
    """

    def __init__(self):
        super().__init__()
        self.ignore_label = -1
        self.cache = None

    def forward(self, xs, ts):
        if ts.shape == xs.shape:
            ts = ts.argmax(axis=2)
        if ts.shape != xs.shape[:2]:
            raise ValueError(f'ts: {ts.shape} came; expected {xs.shape[:2]}, a label for each score, or one-hot rows')
        xs, t = time_major(xs), ts.T.reshape(-1)        # (T, N, V), (T·N,)
        x = flat(xs)
        mask = t != self.ignore_label
        check_ids(t[mask], x.shape[1], 'ts')
        count = int(mask.sum())
        if not count:
            raise ValueError(f'ts: every label is {self.ignore_label}, the ignore_label; expected one other at least')
        self.cache = None                               # lets its memory be used again
        y = self.empty('y', x.shape, x.dtype)
        np.subtract(x, x.max(axis=1, keepdims=True), out=y)     # (T·N, V)
        row = np.arange(len(t))
        picked = y[row, t]                              # an ignored −1 picks the last column, and is masked below
        np.exp(y, out=y)
        total = y.sum(axis=1)                           # (T·N,)
        self.cache = y, total, t, mask, count, xs.shape
        return (np.log(total) - picked)[mask].mean()

    def backward(self, dout=1):
        if self.cache is None:
            raise RuntimeError('TimeSoftmaxWithLoss.backward: expected a forward before each backward, which works in '
                               'the memory that forward left')
        y, total, t, mask, count, shape = self.cache
        self.cache = None
        weight = (mask * (dout / count)).astype(y.dtype)        # (T·N,)
        y *= (weight / total)[:, None]                  # y held exp(x): now the weighted softmax
        y[np.arange(len(t)), t] -= weight
        return y.reshape(shape).swapaxes(0, 1)          # (N, T, V)


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

    def forward(self, xs):
        self.layers = [Affine(*self.params) for _ in range(xs.shape[1])]
        return np.stack([layer.forward(xs[:, t]) for t, layer in enumerate(self.layers)], axis=1)    # (N, T, M)

    def backward(self, dout):
        dxs = np.stack([layer.backward(dout[:, t]) for t, layer in enumerate(self.layers)], axis=1)  # (N, T, D)
        for i, grad in enumerate(self.grads):
            grad[...] = sum(layer.grads[i] for layer in self.layers)
        return dxs


class Simple_TimeSoftmaxWithLoss(Layer):
    """TimeSoftmaxWithLoss as a row of SoftmaxWithLoss layers, one a step: slow, to read. No label is ignored."""

    def forward(self, xs, ts):
        self.layers = [SoftmaxWithLoss() for _ in range(xs.shape[1])]
        return np.mean([layer.forward(xs[:, t], ts[:, t]) for t, layer in enumerate(self.layers)])

    def backward(self, dout=1):
        T = len(self.layers)
        return np.stack([layer.backward(dout / T) for layer in self.layers], axis=1)    # (N, T, V)
