"""What the networks of volume 1 share: accuracy, weight decay, gradients two ways, callbacks that measure."""
import numpy as np
import pytest

from ch01.volume1.deep_convnet import DeepConvNet
from ch01.volume1.multi_layer_net import MultiLayerNet
from ch01.volume1.network import Network
from ch01.volume1.simple_convnet import SimpleConvNet
from common.activation_layers import Relu
from common.callbacks import Accuracies, Checkpoint
from common.checks import InputError
from common.evaluation import accuracy
from common.gradient_check import check_gradients
from common.layers import Affine, MeanSquaredLoss
from common.optimizer import SGD
from common.trainer import Trainer
from common.weights import he, xavier

T = np.array([0, 2, 1])


class FirstIsBest:
    """Says 0 in training, and the first number of x otherwise."""

    train_flg = True
    layers = ()

    def forward(self, x, t):
        raise AssertionError('accuracy predicts, no more')

    def predict(self, x):
        return np.eye(10)[np.zeros(len(x), int) if self.train_flg else x[:, 0]]


@pytest.mark.parametrize('batch_size', [1, 3, 5, 100])
def test_accuracy_is_the_share_of_right_answers_outside_of_training(batch_size):
    model = FirstIsBest()
    x = np.array([3, 1, 4, 1, 5])[:, None]
    assert accuracy(model, x, np.array([3, 1, 9, 1, 9]), batch_size) == 0.6
    assert accuracy(model, x, np.eye(10)[[3, 0, 0, 0, 0]], batch_size) == 0.2
    assert model.train_flg
    model.train_flg = False
    accuracy(model, x, x[:, 0])
    assert not model.train_flg


def test_a_callback_measures_after_each_epoch_and_a_checkpoint_keeps_it(capsys):
    r = np.random.RandomState(0)
    x, t = r.randn(40, 2), r.randint(0, 2, 40)
    x[:, 0] += 4 * t
    np.random.seed(0)

    def trainer(max_epoch=4):
        model = MultiLayerNet(2, [5], 2, dtype='d')
        callbacks = [Accuracies((x[:30], t[:30]), (x[30:], t[30:]), sample=20), Checkpoint('check.npz')]
        return Trainer(model, SGD(0.1), callbacks)

    first = trainer()
    first.fit(x[:30], t[:30], 3, 10)
    assert first.train_list[-1] == accuracy(first.model, x[:20], t[:20])
    assert first.valid_list[-1] == accuracy(first.model, x[30:], t[30:]) > 0.7
    assert len(first.train_list) == len(first.valid_list) == 3
    line = f'| epoch 3 | train {first.train_list[-1]:.2%} | test {first.valid_list[-1]:.2%}\n'
    assert line in capsys.readouterr().out
    second = trainer()
    Checkpoint('check.npz').load(second)
    assert (second.train_list, second.valid_list) == (first.train_list, first.valid_list)


def test_weight_decay_by_hand():
    W, b = np.array([[1.0, -2], [3, 0.5]]), np.array([7.0, 7])
    x = np.array([[1.0, 2]])
    plain, decayed = (Network([Affine(W, b)], MeanSquaredLoss(), decay) for decay in (0, 0.1))
    t = plain.predict(x)
    assert plain.forward(x, t) == 0
    assert decayed.forward(x, t) == pytest.approx(0.05 * (1 + 4 + 9 + 0.25))    # of W alone
    decayed.backward()
    np.testing.assert_allclose(decayed.grads[0], 0.1 * W)
    np.testing.assert_array_equal(decayed.grads[1], 0)


@pytest.mark.parametrize('make', [
    lambda: MultiLayerNet(4, [5, 3], 3, 'tanh', 0.3, 0.1, use_batchnorm=True, use_dropout=True, dtype='d'),
    lambda: MultiLayerNet(4, [5], 3, 'sigmoid', 0.3, dtype='d')])
def test_gradients(make):
    np.random.seed(0)
    model = make()
    model.layers[0].needs_dx = True
    check_gradients(model, 0.3 * np.random.randn(3, 4), T)


def test_gradients_two_ways():
    np.random.seed(0)
    model = MultiLayerNet(3, [4], 3, weight_init_std=0.5, dtype='d')
    x = np.random.randn(3, 3)
    for backward, numerical in zip(model.gradient(x, T), model.numerical_gradient(x, T), strict=True):
        assert np.abs(backward).max() > 1e-3
        np.testing.assert_allclose(backward, numerical, rtol=1e-5, atol=1e-6)   # the loss is a log of y + 1e-7


def test_nobody_asks_for_the_gradient_of_the_pictures():
    """The first layer gives none, and the gradients of the parameters are the same with it."""
    for model, shape in ((SimpleConvNet((1, 8, 8), {'filter_num': 2, 'filter_size': 3}, 5, 3, 0.3, 'd'), (3, 1, 8, 8)),
                         (DeepConvNet((1, 8, 8), 5, 3, 0.0, 'd'), (3, 1, 8, 8)), (MultiLayerNet(4, [5], 3), (3, 4))):
        x = np.random.RandomState(0).randn(*shape)
        model.forward(x, T)
        assert model.backward() is None
        without = [grad.copy() for grad in model.grads]
        model.layers[0].needs_dx = True
        model.forward(x, T)
        assert model.backward().shape == shape
        for grad, expected in zip(model.grads, without, strict=True):
            np.testing.assert_allclose(grad, expected, rtol=1e-5, atol=1e-7)


def test_first_weights_have_the_deviations_of_xavier_and_he():
    np.random.seed(0)
    assert xavier(400, 500).std() == pytest.approx(1 / 20, rel=0.02)
    assert he(800, 500).std() == pytest.approx(1 / 20, rel=0.02)
    assert he(800, 5).dtype == np.float32


def test_layers_in_a_network_may_be_a_readers_own():
    class Twice(Relu):
        def forward(self, x):
            return 2 * super().forward(x)

        def backward(self, dy):
            return super().backward(2 * dy)

    np.random.seed(0)
    model = Network([Affine(np.random.randn(3, 4), np.zeros(4)), Twice(), Affine(np.random.randn(4, 3), np.zeros(3))])
    assert model.names == ['W1', 'b1', 'W2', 'b2']
    model.layers[0].needs_dx = True
    check_gradients(model, 0.1 * np.random.randn(2, 3), T[:2])


def test_bad_input_is_told():
    with pytest.raises(InputError, match=r'x: expected one or more rows, as many as labels in t, got \(2, 3\) and'):
        MultiLayerNet(3, [], 2).accuracy(np.ones((2, 3)), T)
    with pytest.raises(InputError, match='weight_decay_lambda: expected a finite number, 0 or more, got -1'):
        MultiLayerNet(3, [], 2, weight_decay_lambda=-1)
