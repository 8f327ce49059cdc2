"""Activation functions as layers: what stands between the layers that have weights (volume 1, 3.2 and 5.5)."""
import math

from common.blocks import blocks
from common.checks import InputError, check_array, check_dout, check_flag, check_range, check_shape
from common.functions import erf, relu
from common.layers import Layer, as_dtype, as_floats
from common.np import np


class Relu(Layer):
    """y = max(0, x), elementwise. Any shape. Volume 1, 5.5.1."""

    def forward(self, x):
        check_array('x', x)
        y = relu(x)
        self.positive = y > 0
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.positive.astype(dy.dtype)     # a fifth faster than dy·positive; np.where takes 20 times as long
        dx *= dy
        return dx


class LeakyRelu(Layer):
    """y = x where x > 0, else slope·x, elementwise. Any shape; slope of 0 or more, below 1. Maas et al., 2013."""

    def __init__(self, slope=0.01):
        super().__init__()
        check_range('slope', slope, 0, 1)
        self.slope = float(slope)

    def forward(self, x):
        x = as_floats('x', x)
        self.positive = x > 0
        self.out_shape = x.shape
        y = x * self.slope
        return np.maximum(x, y, out=y)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = one_or(self.slope, self.positive, dy.dtype)
        dx *= dy
        return dx


class PRelu(Layer):
    """y = x where x > 0, else slope·x, with the slope learnt.

    slope (1,): one for all, x of any shape. slope (C,): one a channel, x (N, C, …). He et al., 2015.
    """

    def __init__(self, slope):
        super().__init__(slope)
        check_shape('slope', slope, 'C')

    def forward(self, x):
        slope, = self.params
        x = as_dtype('x', x, slope.dtype)
        C = len(slope)
        if C > 1 and (x.ndim < 2 or x.shape[1] != C):
            raise InputError(f'x: expected (N, {C}, …), one channel for each slope, got {x.shape}')
        below = np.zeros_like(x)
        np.minimum(x, below, out=below)
        self.below, self.out_shape = below, x.shape
        self.positive = x > 0
        y = self.along(x) * below
        y += relu(x)
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        product = dy * self.below
        self.grads[0][...] = product.sum(axis=tuple(i for i in range(dy.ndim) if i != 1 or len(self.grads[0]) == 1))
        dx = one_or(self.along(dy), self.positive, dy.dtype)
        dx *= dy
        return dx

    def along(self, x):
        """The slope in a shape that stretches along the channels of x."""
        slope, = self.params
        return slope.reshape(-1, *[1] * (x.ndim - 2)) if len(slope) > 1 else slope.reshape([1] * x.ndim)


class Elu(Layer):
    """y = x where x > 0, else α·(exp(x) − 1), elementwise. Any shape. Clevert et al., 2016."""

    def __init__(self, alpha=1.0):
        super().__init__()
        check_range('alpha', alpha, 0, math.inf)
        self.alpha = float(alpha)

    def forward(self, x):
        x = as_floats('x', x)
        below = np.zeros_like(x)
        np.expm1(np.minimum(x, below, out=below), out=below)
        below *= self.alpha
        self.below, self.positive, self.out_shape = below, x > 0, x.shape
        return relu(x) + below

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.below + self.alpha            # α exp(x), or α where x > 0
        dx += np.multiply(self.positive, 1 - self.alpha, dtype=dx.dtype)
        dx *= dy
        return dx


class Tanh(Layer):
    """y = tanh(x), elementwise; `.out` keeps y. Any shape."""

    def forward(self, x):
        check_array('x', x)
        self.out = out = np.tanh(x)
        self.out_shape = out.shape
        return np.copy(out)                     # the caller's, to write into too

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.out * self.out
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Gelu(Layer):
    """y = x·Φ(x) with Φ(x) = ½(1 + erf(x/√2)), the normal distribution's. Any shape.

    approximate: ½x(1 + tanh(√(2/π)·(x + 0.044715 x³))) instead, the form of GPT-2. Hendrycks and Gimpel, 2016.
    """

    def __init__(self, approximate=False):
        super().__init__()
        check_flag('approximate', approximate)
        self.approximate = bool(approximate)

    def forward(self, x):
        """The slope is made here too: where the numbers are in the cache, that costs less than to come again."""
        x = as_floats('x', x)
        y, slope = np.empty_like(x), np.empty_like(x)
        for block in blocks(x, y, slope):
            (gelu_tanh if self.approximate else gelu)(*block)
        self.slope, self.out_shape = slope, x.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        return dy * self.slope


def gelu(x, y, slope):
    """y ← x·Φ(x), slope ← Φ(x) + x·φ(x): its derivative, with φ(x) = exp(−½x²)/√(2π). All of one shape."""
    phi = erf(x * math.sqrt(0.5))
    phi += 1
    phi *= 0.5                                          # Φ
    np.multiply(x, x, out=slope)
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / math.sqrt(2 * math.pi)                 # φ
    slope *= x
    slope += phi
    np.multiply(x, phi, out=y)


def gelu_tanh(x, y, slope):
    """y ← ½x(1 + t) with t = tanh(u), u = c·x + d·x³; slope ← ½(1 + t)·(1 + x·u'·(1 − t)), its derivative."""
    c = math.sqrt(2 / math.pi)
    d = c * 0.044715
    np.multiply(x, x, out=slope)                        # x²
    np.multiply(slope, d, out=y)
    y += c
    y *= x
    np.tanh(y, out=y)                                   # t
    slope *= 3 * d
    slope += c                                          # u'
    slope *= x
    slope *= 1 - y
    slope += 1
    y += 1
    y *= 0.5
    slope *= y
    y *= x


def one_or(slope, positive, dtype):
    """1 where positive, else slope, as dtype. (np.where takes 20 times as long.)"""
    y = positive.astype(dtype)
    y *= 1 - slope
    y += slope
    return y
