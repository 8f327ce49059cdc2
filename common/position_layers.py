"""Where in the sequence something stands, as numbers added to it: attention alone would not know."""
from common.checks import InputError, check_array, check_dout, check_shape, check_sizes
from common.layers import Layer, as_dtype, as_floats
from common.np import np


class SinusoidalPositions(Layer):
    """y = xs + P, with P[t, 2i] = sin(t/10000^(2i/D)) and P[t, 2i + 1] = cos(t/10000^(2i/D)).

    xs (N, T, D) -> (N, T, D), any T. start: the position of the first of the T. Vaswani et al., 2017, 3.5.
    """

    table = None        # (…, D): P, as long as it was needed so far

    def forward(self, xs, start=0):
        check_shape('xs', xs, 'NTD')
        check_sizes(0, start=start)
        xs = as_floats('xs', xs)
        _, T, D = xs.shape
        table = self.table
        if table is None or len(table) < start + T or (table.shape[1], table.dtype) != (D, xs.dtype):
            self.table = table = sinusoids(start + T, D).astype(xs.dtype)
        self.out_shape = xs.shape
        return xs + table[start:start + T]

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        return np.copy(dout)


def sinusoids(T, D):
    """P (T, D), see SinusoidalPositions."""
    check_sizes(T=T, D=D)
    angles = np.outer(np.arange(T), 10000.0**(-np.arange(0, D, 2) / D))     # (T, ⌈D/2⌉)
    P = np.empty((T, D))
    P[:, 0::2] = np.sin(angles)
    P[:, 1::2] = np.cos(angles)[:, :D // 2]
    return P


class LearntPositions(Layer):
    """y = xs + W[start:start + T]: a row of W for each position.

    xs (N, T, D), W (T_max, D) -> (N, T, D), for start + T up to T_max. start: the position of the first of the T.
    Gehring et al., 2017.
    """

    def __init__(self, W):
        super().__init__(W)
        check_shape('W', W, 'TD')

    def forward(self, xs, start=0):
        W, = self.params
        check_array('xs', xs)
        check_shape('xs', xs, 'NT', W.shape[1])
        check_sizes(0, start=start)
        T = xs.shape[1]
        if start + T > len(W):
            raise InputError(f'xs: expected positions up to {len(W)}, as many as W has, got {start + T}')
        self.out_shape, self.start = xs.shape, start
        return as_dtype('xs', xs, W.dtype) + W[start:start + T]

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        dW, = self.grads
        dW[...] = 0
        dout.sum(axis=0, out=dW[self.start:self.start + self.out_shape[1]])
        return np.copy(dout)
