"""A deep convolutional network."""
import math

from ch01.volume1.network import Network
from ch01.volume1.simple_convnet import check_input_dim
from common.activation_layers import Relu
from common.checks import InputError, check_sizes
from common.conv_layers import Convolution, Flatten, Pooling
from common.layers import Affine, Dropout
from common.np import np
from common.weights import he, normal

FILTERS = ((16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1))      # of each convolution: how many, and the pad


class DeepConvNet(Network):
    """x (N, C, H, W) -> scores (N, O): three times conv – ReLU – conv – ReLU – pool, then affine – ReLU – affine.

    All filters are 3×3; dropout stands behind the ReLU of the first affine layer, and behind the second. First weights
    by He. Pictures of 4 × 4 or more. Volume 1, 8.1.
    """

    def __init__(self, input_dim=(1, 28, 28), hidden_size=50, output_size=10, dropout_ratio=0.5, dtype='f'):
        C, H, W = check_input_dim(input_dim)
        check_sizes(hidden_size=hidden_size, output_size=output_size)
        layers: list = []
        for i, (F, pad) in enumerate(FILTERS):
            n = C * 3 * 3                   # numbers of which one behind the convolution is made
            filters = normal(F, n, math.sqrt(n / 2), dtype).reshape(F, C, 3, 3)
            layers += [Convolution(filters, np.zeros(F, dtype), 1, pad), Relu()]
            C, H, W = F, H + 2 * pad - 2, W + 2 * pad - 2
            if i % 2:
                layers.append(Pooling(2, 2, 2))
                H, W = H // 2, W // 2       # 28 becomes 14, 8, 4
        if not H * W:
            raise InputError(f'input_dim: expected pictures of 4 × 4 or more, got {input_dim[1]} × {input_dim[2]}')
        layers += [Flatten(), Affine(he(C * H * W, hidden_size, dtype), np.zeros(hidden_size, dtype)), Relu(),
                   Dropout(dropout_ratio),
                   Affine(he(hidden_size, output_size, dtype), np.zeros(output_size, dtype)), Dropout(dropout_ratio)]
        super().__init__(layers)
