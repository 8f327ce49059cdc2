"""Normalization: batch normalization (volume 1, 6.3), layer normalization, and a plain twin of each to read."""
import math
import sys

from common.blocks import parts
from common.checks import InputError, check_array, check_dout, check_flag, check_range, check_shape
from common.layers import Layer, as_dtype, as_rows, check_last
from common.np import np


def check_scale(gamma, beta):
    """InputError unless gamma and beta are (D,)."""
    check_shape('gamma', gamma, 'D')
    check_shape('beta', beta, '', len(gamma))


class BatchNormalization(Layer):
    """y = γ·(x − μ)/√(σ² + ε) + β, with the mean μ and the variance σ² of each column, or channel, over the batch.

    x (N, D), or pictures (N, C, H, W), whose channels count as columns; gamma, beta (D,) -> y of x's shape. Training
    also moves `running_mean` and `running_var` (D,), the `buffers`: new = momentum·old + (1 − momentum)·batch. Where
    train_flg is False they stand for μ and σ². Both begin at 0, or at copies of those given. σ² is divided by N.
    Volume 1, 6.3; Ioffe and Szegedy, 2015.
    """

    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None, eps=1e-6):
        super().__init__(gamma, beta)
        check_scale(gamma, beta)
        check_range('momentum', momentum, 0, 1)
        check_range('eps', eps, sys.float_info.min, math.inf)
        self.momentum, self.eps = float(momentum), float(eps)
        self.buffers = []
        for name, given in (('running_mean', running_mean), ('running_var', running_var)):
            moment = np.zeros_like(gamma)
            if given is not None:
                check_shape(name, given, '', len(gamma))
                moment[...] = given
            self.buffers.append(moment)
        if not (self.running_var >= 0).all():
            raise InputError(f'running_var: expected numbers of 0 or more, got {self.running_var.min()}')
        self.train_flg = True

    @property
    def running_mean(self):
        return self.buffers[0]

    @property
    def running_var(self):
        return self.buffers[1]

    def forward(self, x, train_flg=None):
        """train_flg: whether this is training; None: as the attribute of that name says."""
        gamma, beta = self.params
        x, train_flg = self.check(x, train_flg)
        rows, last = memory_rows(x)                         # (N, D), or (N, C·H·W)
        C = len(gamma)
        n = x.size // C                                     # the numbers that make one mean
        mean, var = self.buffers
        if train_flg:
            mean = fold(np.ones(len(rows), rows.dtype) @ rows, C, last) / n         # (C,)
        wide_mean, xc, squares = spread(mean, rows, last), np.empty_like(rows), 0
        for i in parts(rows):
            np.subtract(rows[i], wide_mean, out=xc[i])
            if train_flg:
                squares = squares + np.einsum('nd,nd->d', xc[i], xc[i])
        if train_flg:
            var = fold(squares, C, last) / n                # (C,)
            self.move(mean, var)
        inv = 1 / np.sqrt(var + self.eps)                   # (C,): 1/σ
        scale, shift, y = spread(gamma * inv, rows, last), spread(beta, rows, last), np.empty_like(rows)
        for i in parts(rows):
            np.multiply(xc[i], scale, out=y[i])
            y[i] += shift
        self.cache = xc, inv, n, train_flg, last
        self.out_shape = x.shape
        return picture(y, x.shape, last)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        gamma, _ = self.params
        dgamma, dbeta = self.grads
        xc, inv, n, train_flg, last = self.cache
        d = as_memory(dy, last)                             # as xc
        C = len(gamma)
        dbeta[...] = fold(np.ones(len(d), d.dtype) @ d, C, last)
        dgamma[...] = fold(np.einsum('nd,nd->d', d, xc), C, last) * inv
        if not self.needs_dx:
            return None
        scale = gamma * inv                                 # (C,)
        along, mean = spread(scale * inv * dgamma / n, d, last), spread(scale * dbeta / n, d, last)
        scale, dx = spread(scale, d, last), np.empty_like(d)
        for i in parts(d):
            np.multiply(d[i], scale, out=dx[i])
            if train_flg:                                   # what μ and σ² take away: scale·(dβ + x̂·dγ)/n
                dx[i] -= xc[i] * along
                dx[i] -= mean
        return picture(dx, self.out_shape, last)

    def check(self, x, train_flg):
        """x in gamma's dtype, and whether this is training; InputError unless x fits."""
        D = len(self.params[0])
        check_array('x', x)
        if x.ndim not in (2, 4) or x.shape[1] != D or not x.size:
            raise InputError(f'x: expected (N, {D}) or (N, {D}, H, W), each 1 or more, got {x.shape}')
        if train_flg is None:
            train_flg = self.train_flg
        check_flag('train_flg', train_flg)
        return as_dtype('x', x, self.params[0].dtype), train_flg

    def move(self, mean, var):
        """The running moments, a step towards those of a batch."""
        for moment, batch in zip(self.buffers, (mean, var), strict=True):
            moment *= self.momentum
            moment += (1 - self.momentum) * batch


# Pictures (N, C, H, W) lie in memory in that order, or, behind a convolution, as (N, H, W, C). Either way they are rows
# here, one a picture, so that each pass over them runs through memory in one go, and of H·W numbers at least.


def memory_rows(x):
    """x (N, D) or (N, C, H, W) as rows (N, …), in the order in which they lie in memory; and whether C is last there.
    """
    last = x.ndim == 4 and not x.flags.c_contiguous and x.transpose(0, 2, 3, 1).flags.c_contiguous
    return as_memory(x, last), last


def as_memory(x, last):
    return (x.transpose(0, 2, 3, 1) if last else x).reshape(len(x), -1)


def picture(rows, shape, last):
    """The rows of memory_rows as an array of this shape again."""
    if not last:
        return rows.reshape(shape)
    N, C, H, W = shape
    return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def fold(sums, C, last):
    """(C·H·W,), sums over the rows of memory_rows -> (C,), each channel's."""
    if len(sums) == C:
        return sums
    return sums.reshape(-1, C).sum(axis=0) if last else sums.reshape(C, -1).sum(axis=1)


def spread(v, rows, last):
    """(C,), one number a channel -> (C·H·W,), as wide as the rows."""
    times = rows.shape[1] // len(v)
    if times == 1:
        return v
    return np.tile(v, times) if last else np.repeat(v, times)


class LayerNorm(Layer):
    """y = γ·(x − μ)/√(σ² + ε) + β, with the mean μ and the variance σ² (divided by D) of each row alone.

    x (…, D), gamma, beta (D,) -> y (…, D). Ba, Kiros and Hinton, 2016.
    """

    def __init__(self, gamma, beta, eps=1e-5):
        super().__init__(gamma, beta)
        check_scale(gamma, beta)
        check_range('eps', eps, sys.float_info.min, math.inf)
        self.eps = float(eps)

    def forward(self, x):
        gamma, beta = self.params
        x = as_dtype('x', x, gamma.dtype)
        D = len(gamma)
        check_last('x', x, D)
        rows = as_rows(x)                                   # (n, D)
        xhat, y, inv = np.empty_like(rows), np.empty_like(rows), np.empty_like(rows[:, :1])
        mean_of = np.full(D, 1 / D, rows.dtype)
        for i in parts(rows):
            part = xhat[i]
            np.subtract(rows[i], (rows[i] @ mean_of)[:, None], out=part)
            var = np.einsum('nd,nd->n', part, part) / D     # (n,)
            inv[i, 0] = 1 / np.sqrt(var + self.eps)         # 1/σ
            part *= inv[i]
            np.multiply(part, gamma, out=y[i])
            y[i] += beta
        self.cache, self.out_shape = (xhat, inv), x.shape
        return y.reshape(x.shape)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        gamma, _ = self.params
        dgamma, dbeta = self.grads
        xhat, inv = self.cache
        D = len(gamma)
        dy = as_rows(dy)                                    # (n, D)
        dx, mean_of = np.empty_like(dy), gamma / D
        dgamma[...] = dbeta[...] = 0
        for i in parts(dy):
            d, part = dy[i], dx[i]
            ones = np.ones(len(d), d.dtype)
            np.multiply(d, xhat[i], out=part)
            dbeta += ones @ d
            dgamma += ones @ part
            along = (part @ mean_of)[:, None]               # (n, 1): how far dy·γ points along x̂
            np.multiply(d, gamma, out=part)
            part -= xhat[i] * along
            part -= (d @ mean_of)[:, None]                  # (n, 1): its mean
            part *= inv[i]
        return dx.reshape(self.out_shape)


# ---- the plain twins, step by step


class Simple_BatchNormalization(BatchNormalization):
    """BatchNormalization, one line of the paper at a time: slow, to read."""

    def forward(self, x, train_flg=None):
        gamma, beta = self.params
        x, train_flg = self.check(x, train_flg)
        self.out_shape = x.shape
        rows = self.as_columns(x)                           # (n, D)
        mean, var = self.buffers
        if train_flg:
            mean = rows.mean(axis=0)                        # (D,)
            var = ((rows - mean)**2).mean(axis=0)           # (D,)
            self.move(mean, var)
        std = np.sqrt(var + self.eps)                       # (D,)
        xhat = (rows - mean) / std                          # (n, D)
        self.steps = xhat, std, train_flg
        return self.as_before(gamma * xhat + beta)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        gamma, _ = self.params
        dgamma, dbeta = self.grads
        xhat, std, train_flg = self.steps
        dy = self.as_columns(dy)                            # (n, D)
        dbeta[...] = dy.sum(axis=0)
        dgamma[...] = (dy * xhat).sum(axis=0)
        dxhat = dy * gamma                                  # (n, D)
        if train_flg:       # each number of x moves the mean and the variance too
            dxhat = dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)
        return self.as_before(dxhat / std)

    def as_columns(self, x):
        """(N, D) as it is; (N, C, H, W) -> (N·H·W, C)."""
        return x if x.ndim == 2 else x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])

    def as_before(self, rows):
        """What as_columns gave, in the shape of x again."""
        if len(self.out_shape) == 2:
            return rows
        N, C, H, W = self.out_shape
        return rows.reshape(N, H, W, C).transpose(0, 3, 1, 2)


class Simple_LayerNorm(LayerNorm):
    """LayerNorm, one line of the paper at a time: slow, to read."""

    def forward(self, x):
        gamma, beta = self.params
        x = as_dtype('x', x, gamma.dtype)
        check_last('x', x, len(gamma))
        mean = x.mean(axis=-1, keepdims=True)               # (…, 1)
        var = ((x - mean)**2).mean(axis=-1, keepdims=True)  # (…, 1)
        std = np.sqrt(var + self.eps)                       # (…, 1)
        xhat = (x - mean) / std                             # (…, D)
        self.steps, self.out_shape = (xhat, std), x.shape
        return gamma * xhat + beta

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        gamma, _ = self.params
        dgamma, dbeta = self.grads
        xhat, std = self.steps
        dbeta[...] = as_rows(dy).sum(axis=0)
        dgamma[...] = as_rows(dy * xhat).sum(axis=0)
        dxhat = dy * gamma                                  # (…, D)
        mean = dxhat.mean(axis=-1, keepdims=True)           # (…, 1)
        along = (dxhat * xhat).mean(axis=-1, keepdims=True) # (…, 1)
        return (dxhat - mean - xhat * along) / std          # each number of x moves mean and variance too
