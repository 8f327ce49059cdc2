"""The recurrent layers over all steps, to run; their cells, to read, are in common/time_layers (book, chapters 5 to 8).

They take and give (N, T, …) arrays. In memory these are time-major, (T, N, …), so that each step is one contiguous
block: what a layer returns is a view of such memory with the axes swapped back, and the next layer swaps them again at
no cost.
"""
from typing import Any

from common.checks import InputError, check_dout, check_flag, check_shape
from common.layers import Layer, check_bias, gather
from common.np import np


def time_major(xs):
    """(N, T, …) -> (T, N, …), contiguous; no copy where xs is a view of time-major memory already."""
    return np.ascontiguousarray(xs.swapaxes(0, 1))


def flat(a):
    """(T, N, …) -> (T·N, …)."""
    return a.reshape(-1, a.shape[-1])


def check_recurrent(Wx, Wh, b, gates):
    """ValueError unless Wx (D, gates·H), Wh (H, gates·H) and b (gates·H,) or (1, gates·H) fit together."""
    check_shape('Wh', Wh, 'HG')
    H = len(Wh)
    check_shape('Wh', Wh, '', H, gates * H)
    check_shape('Wx', Wx, 'D', gates * H)
    check_bias(b, gates * H)


class Recurrent(Layer):
    """What the recurrent Time layers share: the state h and whether the next forward begins with it.

    `.h` (N, H) is the state after the last step; `.dh`, after backward, the gradient that reached the first.
    Gradients never cross a call of forward (truncated BPTT). A state that is set counts only where `stateful` is True.
    """

    n_gates = 1     # those that share the weights, which are n_gates·H wide

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b)
        check_recurrent(Wx, Wh, b, self.n_gates)
        check_flag('stateful', stateful)
        self.stateful = stateful
        self.h: Any = None
        self.dh: Any = None

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
            raise InputError(f'{type(self).__name__}: expected a state {(N, len(Wh))} for these xs, got '
                             f'{state.shape}: call reset_state() before a batch of another size')
        return state

    def project(self, xs):
        """xs Wx + b of all steps in one product. xs (N, T, D) -> (T, N, G), G the width of all gates."""
        Wx, _, b = self.params
        check_shape('xs', xs, 'NT', len(Wx))
        N, T, _ = xs.shape
        self.xs = x = flat(time_major(xs))              # (T·N, D)
        a = x @ Wx                                      # (T·N, G)
        a += b
        return a.reshape(T, N, -1)

    def project_backward(self, da):
        """The gradients of Wx and b, and of xs, which is returned. da (T, N, G) -> dxs (N, T, D)."""
        Wx = self.params[0]
        dWx, _, db = self.grads
        T, N, G = da.shape
        da = da.reshape(T * N, G)
        np.matmul(self.xs.T, da, out=dWx)               # (D, G)
        da.sum(axis=0, out=db.reshape(-1))              # (G,)
        return (da @ Wx.T).reshape(T, N, -1).swapaxes(0, 1)     # (N, T, D)


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
        self.hs, self.h, self.out_shape = hs, hs[T].copy(), (N, T, H)
        return hs[1:].copy().swapaxes(0, 1)             # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        _, Wh, _ = self.params
        _, dWh, _ = self.grads
        check_dout('dhs', dhs, self.out_shape)
        hs = self.hs                                    # (T + 1, N, H)
        dhs = time_major(dhs)                           # (T, N, H)
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


def lstm_step(gates, c_prev, c, tanh_c, h):
    """One step of an LSTM, feature-major: writes c, tanh(c) and h (H, N), by their values before, c_prev (H, N).

    gates (4H, N) hold x Wx + h_prev Wh + b and become f, g, i, o. For one tanh to serve them all, a sigmoid is
    tanh(x / 2) / 2 + 1/2: near 0 its error is that of numbers near 1, 6e-8 in float32, which f·c + g·i does not feel.
    """
    H = len(h)
    sigmoids = gates[:H], gates[2 * H:]
    for gate in sigmoids:
        gate *= 0.5
    np.tanh(gates, out=gates)
    for gate in sigmoids:
        gate *= 0.5
        gate += 0.5
    f, g, i, o = gates.reshape(4, *h.shape)
    np.multiply(f, c_prev, out=c)
    np.multiply(g, i, out=tanh_c)                       # memory that is free until the next line but one
    c += tanh_c
    np.tanh(c, out=tanh_c)
    np.multiply(o, tanh_c, out=h)


def lstm_step_back(gates, c_prev, tanh_c, dh, dc, da):
    """The gradient of what lstm_step took: writes da (4H, N), that of the gates, and makes dc that of c_prev.

    gates, c_prev, tanh_c as lstm_step left them; dh, dc (H, N) the gradients of h and c.
    """
    f, g, i, o = gates.reshape(4, *dh.shape)
    df, dg, di, do = da.reshape(4, *dh.shape)
    part = o * tanh_c                                   # (H, N): h
    slope = part * tanh_c                               # (H, N)
    np.subtract(o, slope, out=slope)
    slope *= dh
    dc += slope                                         # dc = dc_next + dh·o·(1 − tanh²c)
    part *= dh
    np.subtract(1, o, out=slope)                        # the slope of a sigmoid s is s(1 − s), of a tanh 1 − g²
    np.multiply(part, slope, out=do)
    np.multiply(dc, i, out=part)
    np.multiply(g, g, out=slope)
    np.subtract(1, slope, out=slope)
    np.multiply(part, slope, out=dg)
    part *= g
    np.subtract(1, i, out=slope)
    np.multiply(part, slope, out=di)
    dc *= f
    np.multiply(dc, c_prev, out=part)
    np.subtract(1, f, out=slope)
    np.multiply(part, slope, out=df)


class TimeLSTM(Recurrent):
    """LSTM over all steps; besides `.h`, `.c` (N, H) is the memory cell after the last.

    xs (N, T, D), Wx (D, 4H), Wh (H, 4H), b (4H,) -> hs (N, T, H). Book, 6.3.2.

    Inside, a step is feature-major, (4H, N): each gate is one contiguous block. There are two ways through the steps.
    Wide xs are multiplied by Wx for all steps at once. Narrow xs go through each step's product together with h, as
    z = [x, h, 1] times W = [Wx, Wh, b], which adds little to it and saves passes over the gates of all steps.
    """

    n_gates = 4

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b, stateful)
        self.c: Any = None
        self.narrow = 2 * len(Wx) <= len(Wh)

    def set_state(self, h, c=None):
        self.h, self.c = h, c

    def reset_state(self):
        self.h, self.c = None, None

    def forward(self, xs):
        Wx, Wh, _ = self.params
        check_shape('xs', xs, 'NT', len(Wx))
        (N, T, _), H = xs.shape, len(Wh)
        h, c = self.initial(self.h, N), self.initial(self.c, N)
        gates = np.empty((T, 4 * H, N), Wh.dtype)
        cs = np.empty((T + 1, H, N), Wh.dtype)          # cs[0], and hs[0] below, are the state before the first step
        tanh_cs = np.empty_like(cs[1:])
        cs[0] = c.T
        steps = self.forward_narrow if self.narrow else self.forward_wide
        hs = steps(xs, h, gates, cs, tanh_cs)           # (T + 1, H, N)
        self.h, self.c, self.out_shape = hs[T].T.copy(), cs[T].T.copy(), (N, T, H)
        return hs[1:].swapaxes(1, 2).copy().swapaxes(0, 1)      # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        check_dout('dhs', dhs, self.out_shape)
        steps = self.backward_narrow if self.narrow else self.backward_wide
        return steps(dhs.transpose(1, 2, 0))            # (T, H, N) -> (N, T, D)

    def forward_wide(self, xs, h, gates, cs, tanh_cs):
        Wx, Wh, b = self.params
        N, T, _ = xs.shape
        self.xs = x = flat(time_major(xs))              # (T·N, D)
        a = Wx.T @ x.T                                  # (4H, T·N)
        a += b.reshape(-1, 1)
        a = a.reshape(-1, T, N)
        hs = np.empty_like(cs)                          # (T + 1, H, N)
        hs[0] = h.T
        for t in range(T):
            np.matmul(Wh.T, hs[t], out=gates[t])        # (4H, N)
            gates[t] += a[:, t]
            lstm_step(gates[t], cs[t], cs[t + 1], tanh_cs[t], hs[t + 1])
        self.cache = gates, hs, cs, tanh_cs
        return hs

    def backward_wide(self, dhs):
        Wh, dWh = self.params[1], self.grads[1]
        gates, hs, cs, tanh_cs = self.cache
        T, H, N = dhs.shape
        das = np.empty((4 * H, T, N), Wh.dtype)         # the layout that the products over all steps want
        dh, dc = np.zeros((2, H, N), Wh.dtype)
        for t in reversed(range(T)):
            dh += dhs[t]
            lstm_step_back(gates[t], cs[t], tanh_cs[t], dh, dc, das[:, t])
            np.matmul(Wh, das[:, t], out=dh)
        self.dh = dh.T
        h_prevs = hs[:-1].swapaxes(0, 1).reshape(H, T * N)
        np.matmul(h_prevs, das.reshape(4 * H, T * N).T, out=dWh)        # (H, 4H)
        return self.project_backward(das.transpose(1, 2, 0))            # (N, T, D)

    def forward_narrow(self, xs, h, gates, cs, tanh_cs):
        W = self.joint_weights()                        # (Z, 4H), Z = D + H + 1
        N, T, D = xs.shape
        zs = np.empty((T + 1, len(W), N), W.dtype)      # [x, h, 1] of each step
        zs[:-1, :D], hs, zs[:, -1] = xs.transpose(1, 2, 0), zs[:, D:-1], 1
        hs[0] = h.T
        for t in range(T):
            np.matmul(W.T, zs[t], out=gates[t])         # (4H, N)
            lstm_step(gates[t], cs[t], cs[t + 1], tanh_cs[t], hs[t + 1])
        self.cache = gates, zs, cs, tanh_cs
        return hs

    def backward_narrow(self, dhs):
        W = self.joint_weights()                        # (Z, 4H)
        dWx, dWh, db = self.grads
        gates, zs, cs, tanh_cs = self.cache
        (T, H, N), D = dhs.shape, len(dWx)
        das = np.empty((4 * H, T, N), W.dtype)          # what the product over all steps wants
        dxs = np.empty((T, N, D), W.dtype)
        dz, dc = np.zeros((D + H, N), W.dtype), np.zeros((H, N), W.dtype)
        dh = dz[D:]
        for t in reversed(range(T)):
            dh += dhs[t]
            lstm_step_back(gates[t], cs[t], tanh_cs[t], dh, dc, das[:, t])
            np.matmul(W[:-1], das[:, t], out=dz)
            dxs[t] = dz[:D].T
        self.dh = dh.T
        zs = zs[:-1].swapaxes(0, 1).reshape(len(W), T * N)
        dW = zs @ das.reshape(4 * H, T * N).T           # (Z, 4H)
        dWx[...], dWh[...], db[...] = dW[:D], dW[D:-1], dW[-1]
        return dxs.swapaxes(0, 1)                       # (N, T, D)

    def joint_weights(self):
        """Wx, Wh and b below one another: what z = [x, h, 1] is multiplied by."""
        Wx, Wh, b = self.params
        return np.concatenate((Wx, Wh, b.reshape(1, -1)))


class TimeGRU(Recurrent):
    """GRU over all steps.

    xs (N, T, D), Wx (D, 3H), Wh (H, 3H), b (3H,) -> hs (N, T, H). Book, appendix C.
    """

    n_gates = 3

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
        self.cache, self.h, self.out_shape = (a, hs, rhs), hs[T].copy(), (N, T, H)
        return hs[1:].copy().swapaxes(0, 1)             # (N, T, H): the caller's, to write into too

    def backward(self, dhs):
        _, Wh, _ = self.params
        _, dWh, _ = self.grads
        check_dout('dhs', dhs, self.out_shape)
        gates, hs, rhs = self.cache                     # (T, N, 3H), (T + 1, N, H), (T, N, H)
        dhs = time_major(dhs)                           # (T, N, H)
        T, _, H = dhs.shape
        WhT_zr, WhT_h = (np.ascontiguousarray(W.T) for W in (Wh[:, :2 * H], Wh[:, 2 * H:]))
        da = np.empty_like(gates)                       # (T, N, 3H)
        dh = np.zeros_like(hs[0])                       # (N, H)
        for t in reversed(range(T)):
            z, r, h_hat = columns(gates[t], H)
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
        dWh[:, 2 * H:] = flat(rhs).T @ da_h             # (H, H)
        return self.project_backward(da)                # (N, T, D)


class TimeBiLSTM(Layer):
    """Two LSTMs, one reading forward and one backward, side by side.

    xs (N, T, D) -> hs (N, T, 2H), the forward half first. Book, 8.3.1.
    """

    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2, stateful=False):
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        check_shape('Wx2', Wx2, '', *Wx1.shape)         # and so Wh2 and b2 are as Wh1 and b1
        self.params, self.grads = gather(self.forward_lstm, self.backward_lstm)

    def forward(self, xs):
        check_shape('xs', xs, 'NT', len(self.params[0]))
        hs = np.concatenate((self.forward_lstm.forward(xs),
                             self.backward_lstm.forward(xs[:, ::-1])[:, ::-1]), axis=2)     # (N, T, 2H)
        self.out_shape = hs.shape
        return hs

    def backward(self, dhs):
        check_dout('dhs', dhs, self.out_shape)
        H = dhs.shape[2] // 2
        dxs = self.forward_lstm.backward(dhs[:, :, :H])
        return dxs + self.backward_lstm.backward(dhs[:, ::-1, H:])[:, ::-1]                   # (N, T, D)

    def reset_state(self):
        self.forward_lstm.reset_state()
        self.backward_lstm.reset_state()
