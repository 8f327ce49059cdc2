"""ch01.volume1.multi_layer_net: its layers in order, first weights, gradients and bad arguments."""
import numpy as np
import pytest

from ch01.volume1.multi_layer_net import ACTIVATIONS, MultiLayerNet
from common.checks import InputError
from common.gradient_check import check_gradients
from common.layers import set_training
from common.optimizer import SGD
from common.trainer import Trainer


def test_the_order_of_the_layers():
    model = MultiLayerNet(4, [5, 6], 3, use_batchnorm=True, use_dropout=True, dropout_ratio=0.25)
    hidden = ['Affine', 'BatchNormalization', 'Relu', 'Dropout']
    assert [type(layer).__name__ for layer in model.layers] == [*hidden, *hidden, 'Affine']
    assert model.layers[3].dropout_ratio == 0.25
    assert [param.shape for param in model.params] == [(4, 5), (5,), (5,), (5,), (5, 6), (6,), (6,), (6,), (6, 3), (3,)]
    assert [set(model.params[i].tolist()) for i in (1, 2, 3)] == [{0.0}, {1.0}, {0.0}]
    assert [type(layer).__name__ for layer in MultiLayerNet(4, [], 3).layers] == ['Affine']
    assert [type(layer).__name__ for layer in MultiLayerNet(4, (5,), 3, 'tanh').layers] == ['Affine', 'Tanh', 'Affine']


@pytest.mark.parametrize('std, expected', [(0.01, 0.01), (1, 1), ('he', 0.1), ('relu', 0.1), ('ReLU', 0.1),
                                           ('xavier', 0.1 / 2**0.5), ('sigmoid', 0.1 / 2**0.5), (0, 0)])
def test_first_weights(std, expected):
    W = MultiLayerNet(200, [300], 2, weight_init_std=std).params[0]
    assert W.std() == pytest.approx(expected, rel=0.02) and W.dtype == np.float32
    assert abs(W.mean()) <= 0.02 * expected


@pytest.mark.parametrize('use_batchnorm', [False, True])
@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_gradients(activation, use_batchnorm):
    model = MultiLayerNet(4, [5, 3], 3, activation, 0.7, 0.1, use_dropout=True, use_batchnorm=use_batchnorm, dtype='d')
    model.layers[0].needs_dx = True
    for b in model.params[1::2]:
        b[...] = np.random.randn(*b.shape) * 0.3
    x, t = np.random.randn(6, 4), np.array([0, 2, 1, 1, 0, 2])
    check_gradients(model, x, t, tolerance=1e-4)       # the loss has 1e-7 in its log
    set_training(model, False)
    check_gradients(model, x, t, tolerance=1e-4)       # the loss has 1e-7 in its log


def test_weight_decay_counts_matrices_alone():
    x, t = np.random.randn(6, 4), np.array([0, 2, 1, 1, 0, 2])
    losses = []
    for decay in 0, 0.1:
        np.random.seed(5)
        model = MultiLayerNet(4, [5], 3, weight_init_std=1, weight_decay_lambda=decay, use_batchnorm=True, dtype='d')
        losses.append(model.loss(x, t))
    squares = sum((W**2).sum() for W in model.params if W.ndim == 2)
    assert losses[1] - losses[0] == pytest.approx(0.05 * squares)


def test_batch_normalization_learns_from_weights_that_are_too_small():
    """Volume 1, 6.3.2: without it nothing moves, for hardly anything comes through five layers."""
    x = np.random.randn(200, 10).astype('f')
    t = (x[:, :2].sum(axis=1) > 0).astype(int)
    found = []
    for use_batchnorm in False, True:
        np.random.seed(4)
        model = MultiLayerNet(10, [20] * 5, 2, weight_init_std=1e-3, use_batchnorm=use_batchnorm)
        trainer = Trainer(model, SGD(0.1))
        trainer.fit(x, t, max_epoch=20, batch_size=20, eval_interval=None)
        found.append(model.accuracy(x, t))
    assert found[0] < 0.6 and found[1] > 0.9


BAD = {
    'hidden_size_list: expected a list of sizes, got 5': {'hidden_size_list': 5},
    'hidden_size_list[1]: expected 1 or more, got 0': {'hidden_size_list': [5, 0]},
    'hidden_size_list[0]: expected an integer, got 2.5': {'hidden_size_list': [2.5]},
    "activation: expected one of relu, sigmoid, tanh, leaky_relu, elu, gelu, got 'step'": {'activation': 'step'},
    'activation: expected one of relu, sigmoid, tanh, leaky_relu, elu, gelu, got [1]': {'activation': [1]},
    "weight_init_std: expected a number or one of he, relu, xavier, sigmoid, got 'small'": {'weight_init_std': 'small'},
    'weight_init_std: expected a finite number, 0 or more, got -0.1': {'weight_init_std': -0.1},
    'weight_init_std: expected a number, got None': {'weight_init_std': None},
    'weight_decay_lambda: expected a finite number, 0 or more, got nan': {'weight_decay_lambda': float('nan')},
    "use_batchnorm: expected True or False, got 'no'": {'use_batchnorm': 'no'},
    'use_dropout: expected True or False, got None': {'use_dropout': None},
    'input_size: expected 1 or more, got 0': {'input_size': 0},
}


@pytest.mark.parametrize('message', BAD)
def test_bad_arguments(message):
    with pytest.raises(InputError) as info:
        MultiLayerNet(**{'input_size': 4, 'hidden_size_list': [5], 'output_size': 3, **BAD[message]})
    assert str(info.value) == message
