"""A fully connected network of any depth."""
from itertools import pairwise

from ch01.volume1.network import Network
from common.activation_layers import Relu
from common.checks import check_sizes
from common.layers import Affine, Dropout, Sigmoid
from common.np import np
from common.weights import he, normal, xavier

ACTIVATIONS = {'relu': Relu, 'sigmoid': Sigmoid}


class MultiLayerNet(Network):
    """x (N, I) -> scores (N, O), through hidden layers of the sizes in hidden_size_list.

    Each hidden layer is affine, batch normalization (with use_batchnorm), activation, dropout (with use_dropout).
    weight_init_std: the standard deviation of the first weights, or 'he' (also 'relu'), √(2/n), or 'xavier' (also
    'sigmoid'), √(1/n), with n the size of the layer before. Volume 1, 6.2 to 6.4.
    """

    def __init__(self, input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu',
                 weight_decay_lambda=0, use_dropout=False, dropout_ratio=0.5, use_batchnorm=False, dtype='f'):
        check_sizes(input_size=input_size, output_size=output_size)
        sizes = [input_size, *hidden_size_list, output_size]
        layers: list = []
        for i, (n, m) in enumerate(pairwise(sizes)):
            layers.append(Affine(first_weights(n, m, weight_init_std, dtype), np.zeros(m, dtype)))
            if i < len(hidden_size_list):
                layers.append(ACTIVATIONS[activation]())
                if use_dropout:
                    layers.append(Dropout(dropout_ratio))
        super().__init__(layers, weight_decay_lambda=weight_decay_lambda)


def first_weights(rows, columns, weight_init_std, dtype='f'):
    """(rows, columns), see MultiLayerNet."""
    if weight_init_std in ('he', 'relu'):
        return he(rows, columns, dtype)
    if weight_init_std in ('xavier', 'sigmoid'):
        return xavier(rows, columns, dtype)
    return normal(rows, columns, 1 / weight_init_std, dtype)
