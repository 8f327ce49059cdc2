"""A fully connected network of any depth."""
import math
from itertools import pairwise

from ch01.volume1.network import Network
from common.activation_layers import Elu, Gelu, LeakyRelu, Relu, Tanh
from common.checks import InputError, InputTypeError, brief, check_flag, check_range, check_sizes
from common.layers import Affine, Dropout, Sigmoid
from common.norm_layers import BatchNormalization
from common.np import np
from common.weights import he, xavier

ACTIVATIONS = {'relu': Relu, 'sigmoid': Sigmoid, 'tanh': Tanh, 'leaky_relu': LeakyRelu, 'elu': Elu, 'gelu': Gelu}
FIRST_WEIGHTS = {'he': he, 'relu': he, 'xavier': xavier, 'sigmoid': xavier}


class MultiLayerNet(Network):
    """x (N, I) -> scores (N, O), through hidden layers of the sizes in hidden_size_list.

    Each hidden layer is affine, batch normalization (with use_batchnorm), activation, dropout (with use_dropout).
    weight_init_std: the standard deviation of the first weights, or 'he' (also 'relu'), √(2/n), or 'xavier' (also
    'sigmoid'), √(1/n), with n the size of the layer before. Volume 1, 6.2 to 6.4.
    """

    def __init__(self, input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu',
                 weight_decay_lambda=0, use_dropout=False, dropout_ratio=0.5, use_batchnorm=False, dtype='f'):
        check_sizes(input_size=input_size, output_size=output_size)
        check_hidden(hidden_size_list)
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise InputError(f'activation: expected one of {", ".join(ACTIVATIONS)}, got {brief(activation)}')
        check_flag('use_dropout', use_dropout)
        check_flag('use_batchnorm', use_batchnorm)
        layers: list = []
        for n, m in pairwise([input_size, *hidden_size_list]):
            layers.append(Affine(first_weights(n, m, weight_init_std, dtype), np.zeros(m, dtype)))
            if use_batchnorm:
                layers.append(BatchNormalization(np.ones(m, dtype), np.zeros(m, dtype)))
            layers.append(ACTIVATIONS[activation]())
            if use_dropout:
                layers.append(Dropout(dropout_ratio))
        n = [input_size, *hidden_size_list][-1]
        layers.append(Affine(first_weights(n, output_size, weight_init_std, dtype), np.zeros(output_size, dtype)))
        super().__init__(layers, weight_decay_lambda=weight_decay_lambda)
        self.sizes = {'input_size': input_size, 'hidden_size_list': list(hidden_size_list), 'output_size': output_size}


def check_hidden(hidden_size_list):
    if not isinstance(hidden_size_list, list | tuple):
        raise InputTypeError(f'hidden_size_list: expected a list of sizes, got {brief(hidden_size_list)}')
    for i, size in enumerate(hidden_size_list):
        check_sizes(**{f'hidden_size_list[{i}]': size})


def first_weights(rows, columns, weight_init_std, dtype='f'):
    """(rows, columns), see MultiLayerNet."""
    if isinstance(weight_init_std, str):
        if weight_init_std.lower() not in FIRST_WEIGHTS:
            raise InputError(f'weight_init_std: expected a number or one of {", ".join(FIRST_WEIGHTS)}, got '
                             f'{brief(weight_init_std)}')
        return FIRST_WEIGHTS[weight_init_std.lower()](rows, columns, dtype)
    check_range('weight_init_std', weight_init_std, 0, math.inf)
    return (np.random.randn(rows, columns) * float(weight_init_std)).astype(dtype)
