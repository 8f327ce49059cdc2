"""A small convolutional network."""
from ch01.volume1.network import Network
from common.activation_layers import Relu
from common.checks import check_sizes
from common.conv_layers import Convolution, Flatten, Pooling
from common.layers import Affine
from common.np import np
from common.weights import normal

CONV_PARAM = {'filter_num': 30, 'filter_size': 5, 'pad': 0, 'stride': 1}


class SimpleConvNet(Network):
    """x (N, C, H, W) -> scores (N, O): conv – ReLU – pool 2×2 – affine – ReLU – affine.

    input_dim: (C, H, W); conv_param: a dict as CONV_PARAM, which None means. Volume 1, 7.5.
    """

    def __init__(self, input_dim=(1, 28, 28), conv_param=None, hidden_size=100, output_size=10, weight_init_std=0.01,
                 dtype='f'):
        conv = CONV_PARAM | (conv_param or {})
        F, K, pad, stride = (conv[name] for name in ('filter_num', 'filter_size', 'pad', 'stride'))
        check_sizes(hidden_size=hidden_size, output_size=output_size)
        C, H, W = input_dim
        OH, OW = ((n + 2 * pad - K) // stride + 1 for n in (H, W))
        D = F * (OH // 2) * (OW // 2)       # numbers in a picture behind the pooling
        W1 = normal(F, C * K * K, 1 / weight_init_std, dtype).reshape(F, C, K, K)
        W2 = normal(D, hidden_size, 1 / weight_init_std, dtype)
        W3 = normal(hidden_size, output_size, 1 / weight_init_std, dtype)
        super().__init__([Convolution(W1, np.zeros(F, dtype), stride, pad), Relu(), Pooling(2, 2, 2), Flatten(),
                          Affine(W2, np.zeros(hidden_size, dtype)), Relu(),
                          Affine(W3, np.zeros(output_size, dtype))])
