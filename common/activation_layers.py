"""Activation functions as layers: what stands between the layers that have weights (volume 1, 3.2 and 5.5)."""
from common.checks import check_array, check_dout
from common.functions import relu
from common.layers import Layer


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
