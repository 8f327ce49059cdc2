"""Layers for pictures: convolution, pooling, and what makes rows of them (volume 1, chapter 7). Skeleton."""
from common.checks import check_dout
from common.layers import Layer
from common.np import np


def windows(x, K, L, stride, pad, fill=0):
    if pad:
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, (K, L), (2, 3))[:, :, ::stride, ::stride]


class Convolution(Layer):
    """y[n, f] = Σ_c x[n, c] ⋆ W[f, c] + b[f]. x (N, C, H, W), W (F, C, K, K), b (F,) -> (N, F, OH, OW)."""

    def __init__(self, W, b, stride=1, pad=0):
        super().__init__(W, b)
        self.stride, self.pad = stride, pad

    def forward(self, x):
        W, b = self.params
        F, C, K, L = W.shape
        self.x = x
        v = windows(x, K, L, self.stride, self.pad)             # (N, C, OH, OW, K, L)
        self.col = v.transpose(0, 2, 3, 1, 4, 5).reshape(-1, C * K * L)
        y = self.col @ W.reshape(F, -1).T + b
        y = y.reshape(v.shape[0], v.shape[2], v.shape[3], F).transpose(0, 3, 1, 2)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        W, b = self.params
        check_dout('dy', dy, self.out_shape)
        F, C, K, L = W.shape
        N, _, OH, OW = dy.shape
        d = dy.transpose(0, 2, 3, 1).reshape(-1, F)
        self.grads[0][...] = (d.T @ self.col).reshape(W.shape)
        self.grads[1][...] = d.sum(0)
        if not self.needs_dx:
            return None
        dcol = (d @ W.reshape(F, -1)).reshape(N, OH, OW, C, K, L)
        p, s = self.pad, self.stride
        dx = np.zeros((N, C, self.x.shape[2] + 2 * p, self.x.shape[3] + 2 * p), dy.dtype)
        for i in range(K):
            for j in range(L):
                dx[:, :, i:i + s * OH:s, j:j + s * OW:s] += dcol[..., i, j].transpose(0, 3, 1, 2)
        return dx[:, :, p:p + self.x.shape[2], p:p + self.x.shape[3]]


class Pooling(Layer):
    """The maximum of each window. x (N, C, H, W) -> (N, C, OH, OW)."""

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        super().__init__()
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad

    def forward(self, x):
        self.x = x
        v = windows(x, self.pool_h, self.pool_w, self.stride, self.pad, -np.inf)
        flat = v.reshape(*v.shape[:4], -1)
        self.arg = flat.argmax(-1)
        y = flat.max(-1)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        N, C, OH, OW = dy.shape
        p, s = self.pad, self.stride
        dx = np.zeros((N, C, self.x.shape[2] + 2 * p, self.x.shape[3] + 2 * p), dy.dtype)
        for i in range(self.pool_h):
            for j in range(self.pool_w):
                dx[:, :, i:i + s * OH:s, j:j + s * OW:s] += dy * (self.arg == i * self.pool_w + j)
        return dx[:, :, p:p + self.x.shape[2], p:p + self.x.shape[3]]


class Flatten(Layer):
    """(N, C, H, W) -> (N, C·H·W), in that order."""

    def forward(self, x):
        self.shape = x.shape
        y = x.reshape(len(x), -1).copy()
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        return dy.reshape(self.shape).copy()
