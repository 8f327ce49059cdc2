"""Activation functions as layers: what stands between the layers that have weights (volume 1, 3.2 and 5.5)."""
from common.checks import check_array, check_dout
from common.layers import Layer
from common.np import np


class Relu(Layer):
    """y = max(0, x), elementwise. Any shape. Volume 1, 5.5.1."""

    def forward(self, x):
        check_array('x', x)
        y = np.maximum(x, 0)
        self.positive = y > 0
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        return dy * self.positive
