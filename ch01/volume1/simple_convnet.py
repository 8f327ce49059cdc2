"""A small convolutional network."""
import math
import sys

from ch01.volume1.network import Network
from common.activation_layers import Relu
from common.checks import InputError, InputTypeError, brief, check_range, check_sizes
from common.conv_layers import Convolution, Flatten, Pooling
from common.layers import Affine
from common.np import np
from common.weights import normal

CONV_PARAM = {'filter_num': 30, 'filter_size': 5, 'pad': 0, 'stride': 1}


class SimpleConvNet(Network):
    """x (N, C, H, W) -> scores (N, O): conv – ReLU – pool 2×2 – affine – ReLU – affine.

    input_dim: (C, H, W); conv_param: a dict as CONV_PARAM, whose values count where it has none. Volume 1, 7.5.
    """

    def __init__(self, input_dim=(1, 28, 28), conv_param=None, hidden_size=100, output_size=10, weight_init_std=0.01,
                 dtype='f'):
        C, H, W = check_input_dim(input_dim)
        F, K, pad, stride = check_conv_param(conv_param)
        check_sizes(hidden_size=hidden_size, output_size=output_size)
        check_range('weight_init_std', weight_init_std, sys.float_info.min, math.inf)
        OH, OW = ((n + 2 * pad - K) // stride + 1 for n in (H, W))
        if OH < 2 or OW < 2:                # of which the pooling would leave nothing
            least = max(K + stride - 2 * pad, 1)
            raise InputError(f'input_dim: expected pictures of {least} × {least} or more, got {H} × {W}')
        D = F * (OH // 2) * (OW // 2)       # numbers in a picture behind the pooling
        W1 = normal(F, C * K * K, 1 / weight_init_std, dtype).reshape(F, C, K, K)
        W2 = normal(D, hidden_size, 1 / weight_init_std, dtype)
        W3 = normal(hidden_size, output_size, 1 / weight_init_std, dtype)
        super().__init__([Convolution(W1, np.zeros(F, dtype), stride, pad), Relu(), Pooling(2, 2, 2), Flatten(),
                          Affine(W2, np.zeros(hidden_size, dtype)), Relu(),
                          Affine(W3, np.zeros(output_size, dtype))])


def check_input_dim(input_dim):
    """C, H, W; InputError unless input_dim is three sizes."""
    if not isinstance(input_dim, tuple | list) or len(input_dim) != 3:
        raise InputTypeError(f'input_dim: expected (C, H, W), got {brief(input_dim)}')
    check_sizes(**{f'input_dim[{i}]': size for i, size in enumerate(input_dim)})
    return input_dim


def check_conv_param(conv_param):
    """filter_num, filter_size, pad, stride; InputError where conv_param is no dict of these, or of some of them."""
    given = {} if conv_param is None else conv_param
    if not isinstance(given, dict):
        raise InputTypeError(f'conv_param: expected a dict as {CONV_PARAM}, got {brief(conv_param)}')
    if others := [name for name in given if name not in CONV_PARAM]:
        raise InputError(f'conv_param: expected {", ".join(CONV_PARAM)} or some of them, got {brief(others[0])}')
    conv = CONV_PARAM | given
    check_sizes(filter_num=conv['filter_num'], filter_size=conv['filter_size'], stride=conv['stride'])
    check_sizes(0, pad=conv['pad'])
    return conv['filter_num'], conv['filter_size'], conv['pad'], conv['stride']
