"""The two-layer network of volume 1."""
import math

from ch01.volume1.network import Network
from common.activation_layers import Relu
from common.checks import check_range, check_sizes
from common.layers import Affine
from common.np import np


class TwoLayerNet(Network):
    """x (N, I) -> scores (N, O): affine – ReLU – affine. Volume 1, 5.7.

    The first weights are normal numbers of the standard deviation weight_init_std, the first biases zeros.
    """

    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01, dtype='f'):
        I, H, O = input_size, hidden_size, output_size
        check_sizes(input_size=I, hidden_size=H, output_size=O)
        check_range('weight_init_std', weight_init_std, 0, math.inf)
        W1 = (weight_init_std * np.random.randn(I, H)).astype(dtype)
        b1 = np.zeros(H, dtype)
        W2 = (weight_init_std * np.random.randn(H, O)).astype(dtype)
        b2 = np.zeros(O, dtype)
        super().__init__([Affine(W1, b1), Relu(), Affine(W2, b2)])
        self.sizes = {'input_size': I, 'hidden_size': H, 'output_size': O}
