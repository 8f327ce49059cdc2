"""Volume 1's pages on the craft of training: small networks compared, overfitting, augmented pictures, a search."""
import copy
from pathlib import Path

import numpy as np
import pytest

from ch01.volume1 import (
    batch_norm,
    compare,
    compare_first_weights,
    compare_optimizers,
    gradient_check,
    hyperparameters,
    overfitting,
    train_two_layer,
)
from ch01.volume1.augment import augment, move
from ch01.volume1.multi_layer_net import MultiLayerNet
from ch01.volume1.two_layer_net import TwoLayerNet
from common.callbacks import EarlyStopping
from common.checks import InputError
from common.gradient_check import check_gradients
from common.optimizer import SGD
from common.trainer import Trainer
from common.weight_files import load_weights
from dataset import images

MARK = 2.0      # in the first pixel of each test picture


@pytest.fixture
def pictures(monkeypatch):
    """Ten patterns of 28 × 28 under noise take the place of the digits: 600 to learn from, 200 to test on."""
    state = np.random.RandomState(7)
    patterns = (state.rand(10, 784) < 0.2).astype('f')

    def some(N):
        t = state.randint(10, size=N)
        return (np.clip(patterns[t] + 0.4 * state.randn(N, 784), 0, 1)).astype('f'), t.astype(np.uint8)

    train, test = some(600), some(200)
    test[0][:, 0] = MARK
    monkeypatch.setattr(images, 'load_data', lambda data, **_: (train, test))
    return train, test


def is_picture(*names):
    return all(Path(f'ch01_volume1_{name}.png').stat().st_size > 10_000 for name in names)


# ---- augmented pictures

def picture(N=3, C=2, H=7, W=9, dtype='f'):
    return np.random.rand(N, C, H, W).astype(dtype)


@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_not_moved_is_the_same(dtype):
    x = picture(250, 1, dtype=dtype)        # more than are taken at a time
    same = augment(x, shift=0, turn=0, noise=0)
    assert same.dtype == dtype and same is not x
    np.testing.assert_array_equal(same, x)


def test_whole_shifts_are_exact():
    x = picture()
    moved = move(x, [2, -3, 0], [-1, 0, 4], [0, 0, 0])
    expected = np.zeros_like(x)
    expected[0, :, 2:, :-1] = x[0, :, :-2, 1:]
    expected[1, :, :-3] = x[1, :, 3:]
    expected[2, :, :, 4:] = x[2, :, :, :-4]
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_half_a_shift_is_the_mean_of_two():
    x = picture(1)
    beside = np.concatenate([np.zeros((1, 2, 7, 1)), x], axis=3)        # from the left comes 0
    np.testing.assert_allclose(move(x, [0], [0.5], [0]), (beside[..., 1:] + beside[..., :-1]) / 2, rtol=1e-6)
    corners = move(np.ones((1, 1, 4, 4)), [0.5], [0.5], [0])
    assert corners[0, 0, 0, 0] == 0.25 and corners[0, 0, 0, 1] == 0.5 and corners[0, 0, 3, 3] == 1


def test_turns_by_right_angles_are_exact():
    x = picture(3, 2, 8, 8)
    turned = move(x, np.zeros(3), np.zeros(3), [90, 180, -90])
    for i, times in enumerate((1, 2, 3)):
        np.testing.assert_allclose(turned[i], np.rot90(x[i], times, axes=(1, 2)), atol=1e-5)
    oblong = picture(1)
    np.testing.assert_allclose(move(oblong, [0], [0], [180]), oblong[:, :, ::-1, ::-1], atol=1e-5)


def test_first_turned_then_shifted():
    x = picture(1, 1, 8, 8)
    expected = np.zeros_like(x)
    expected[0, 0, 2:] = np.rot90(x[0, 0])[:-2]
    np.testing.assert_allclose(move(x, [2], [0], [90]), expected, atol=1e-5)


def test_a_point_stays_within_the_shift():
    x = np.zeros((500, 1, 15, 15), 'f')
    x[:, :, 7, 7] = 1
    moved = augment(x, shift=2, turn=0, noise=0)
    np.testing.assert_allclose(moved.sum(axis=(1, 2, 3)), 1, rtol=1e-5)     # the four pixels' shares
    down = (moved.sum(axis=(1, 3)) * (np.arange(15) - 7)).sum(axis=1)       # where its middle is now
    right = (moved.sum(axis=(1, 2)) * (np.arange(15) - 7)).sum(axis=1)
    for way in down, right:
        assert -2 <= way.min() < -1.9 and 1.9 < way.max() <= 2 and abs(way.mean()) < 0.2
        assert abs(way.std() - 4 / 12 ** 0.5) < 0.1                         # of uniform numbers
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.15


def test_turned_by_up_to_so_many_degrees():
    x = np.zeros((500, 1, 41, 41), 'f')
    x[:, :, 20, 40] = 1                                                     # 20 pixels to the right of the middle
    moved = augment(x, shift=0, turn=30, noise=0)[:, 0]
    down = (moved.sum(axis=2) * (np.arange(41) - 20)).sum(axis=1) / moved.sum(axis=(1, 2))
    angles = np.degrees(np.arcsin(-down / 20))                              # against the clock is up
    assert -31 < angles.min() < -28 and 28 < angles.max() < 31 and abs(angles.mean()) < 3


def test_noise_and_its_seed():
    x = np.zeros((150, 1, 28, 28), 'f')
    np.random.seed(3)
    first, second = augment(x, noise=0.3), augment(x, noise=0.3)
    np.random.seed(3)
    np.testing.assert_array_equal(augment(x, noise=0.3), first)
    assert first.dtype == np.float32 and abs(first.std() - 0.3) < 0.005 and abs(first.mean()) < 0.005
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:50].ravel(), first[100:].ravel())[0, 1]) < 0.02       # nor are blocks alike


@pytest.mark.parametrize(('options', 'message'), [
    ({'x': np.zeros((2, 28, 28))}, r'x: expected floats \(N, C, H, W\), got float64 \(2, 28, 28\)'),
    ({'x': np.zeros((2, 1, 28, 28), np.uint8)}, 'x: expected floats .* got uint8'),
    ({'shift': -1}, 'shift: expected a finite number, 0 or more, got -1'),
    ({'turn': np.inf}, 'turn: expected'), ({'noise': np.nan}, 'noise: expected')])
def test_augment_refuses(options, message):
    with pytest.raises(InputError, match=message):
        augment(**{'x': picture(), **options})


# ---- the two-layer network

def test_two_layer_net():
    model = TwoLayerNet(784, 50, 10)
    assert [param.shape for param in model.params] == [(784, 50), (50,), (50, 10), (10,)]
    assert all(param.dtype == np.float32 for param in model.params)
    assert abs(model.params[0].std() - 0.01) < 2e-4 and not model.params[1].any() and not model.params[3].any()
    assert abs(TwoLayerNet(100, 100, 2, weight_init_std=2).params[0].std() - 2) < 0.1
    small = TwoLayerNet(2, 2, 2, dtype='d')
    for param, value in zip(small.params, ([[1, -1], [0, 1]], [0, 1], [[2, 0], [0, 3]], [0, -1]), strict=True):
        param[...] = value
    # (3, 1): the hidden layer has (3, −2 + 1), of which ReLU leaves (3, 0)
    np.testing.assert_array_equal(small.predict(np.array([[3., 1.]])), [[6, -1]])
    assert small.accuracy(np.array([[3., 1.], [0, 1]]), np.array([0, 0])) == 0.5        # (0, 2) -> (0, 5)


def test_two_layer_gradients():
    model = TwoLayerNet(5, 4, 3, weight_init_std=0.3, dtype='d')
    model.layers[0].needs_dx = True         # check_gradients asks for it
    x, t = np.random.randn(6, 5), np.array([0, 1, 2, 2, 1, 0])
    check_gradients(model, x, t, tolerance=1e-4)
    for numerical, backward in zip(model.numerical_gradient(x, t), model.gradient(x, t), strict=True):
        np.testing.assert_allclose(numerical, backward, atol=1e-6)


def test_train_two_layer(pictures, capsys):
    trainer = train_two_layer.main(hidden_size=20, max_epoch=4, batch_size=20, seed=0)
    assert len(trainer.train_list) == len(trainer.valid_list) == 4
    assert trainer.valid_list[-1] > 0.95 > trainer.valid_list[0]
    assert capsys.readouterr().out.count('| epoch ') == 4 and is_picture('train_two_layer')
    assert load_weights('TwoLayerNet.npz').about['sizes'] == {'input_size': 784, 'hidden_size': 20, 'output_size': 10}
    fresh = TwoLayerNet(784, 20, 10)
    fresh.load_params('TwoLayerNet.npz')
    assert fresh.accuracy(*pictures[1]) == trainer.valid_list[-1]


@pytest.mark.slow
def test_gradient_check(pictures, monkeypatch):
    means = gradient_check.main(batch_size=2, hidden_size=2, seed=0)
    assert list(means) == ['W1', 'b1', 'W2', 'b2'] and all(0 <= mean < 3e-7 for mean in means.values())
    assert is_picture('gradient_check')
    real = TwoLayerNet.gradient
    monkeypatch.setattr(TwoLayerNet, 'gradient', lambda *args: [grad * 1.01 for grad in real(*args)])
    monkeypatch.setattr(gradient_check, 'draw', lambda *gradients: None)
    assert all(mean > 3e-7 for mean in gradient_check.main(batch_size=2, hidden_size=2, seed=0).values())


# ---- networks compared

def test_smooth_curve():
    np.testing.assert_allclose(compare.smooth_curve([3.0] * 20, 7), 3)
    np.testing.assert_allclose(compare.smooth_curve([1.0, 5, 2], 1), [1, 5, 2])
    bump = compare.smooth_curve([0.0] * 10 + [1] + [0] * 10, 5)
    np.testing.assert_allclose(bump.sum(), 1)
    assert bump.argmax() == 10 and np.count_nonzero(bump > 1e-9) == 5 and len(compare.smooth_curve([1.0])) == 1


def test_losses_of(pictures):
    (x, t), _ = pictures
    batches = np.array([[0, 1], [2, 2], [5, 0]])
    model = TwoLayerNet(784, 5, 10, weight_init_std=0.1)
    by_hand = copy.deepcopy(model)
    losses = compare.losses_of(model, SGD(0.1), x, t, batches)
    for batch, loss in zip(batches, losses, strict=True):
        assert by_hand.forward(x[batch], t[batch]) == loss
        by_hand.backward()
        for param, grad in zip(by_hand.params, by_hand.grads, strict=True):
            param -= 0.1 * grad
    model.params[0][...] = np.nan
    with pytest.raises(FloatingPointError, match='the loss of step 1 is nan'):
        compare.losses_of(model, SGD(0.1), x, t, batches)
    assert compare.last_mean([9, 1, 2], 2) == 1.5


def test_batches_are_drawn_with_replacement():
    batches = compare.draw_batches(5, 4, 200)
    assert batches.shape == (200, 4) and set(batches.ravel().tolist()) == set(range(5))
    assert any(len(set(batch)) < 4 for batch in batches.tolist())


def test_curves(pictures):
    train, test = pictures
    model = TwoLayerNet(784, 8, 10, weight_init_std=0.1)
    curves = compare.Curves(2, train=train, test=test)
    Trainer(model, SGD(0.1), [curves]).fit(*train, 5, 100, eval_interval=None)
    assert curves.epochs == [2, 4] and [len(shares) for shares in curves.shares.values()] == [2, 2]
    assert curves.measure(model) == {'train': model.accuracy(*train), 'test': model.accuracy(*test)}


def test_compare_optimizers(pictures, monkeypatch):
    drawn = []
    monkeypatch.setattr(compare_optimizers, 'plot_losses',
                        lambda curves, title: drawn.append(curves) or compare.plot_losses(curves, title))
    losses = compare_optimizers.main(hidden_size=30, batch_size=32, steps=120, seed=0)
    assert list(losses) == ['SGD', 'Momentum', 'AdaGrad', 'Adam'] and is_picture('compare_optimizers')
    assert len({curve[0] for curve in drawn[0].values()}) == 1      # of the first weights, which all begin with
    assert losses['SGD'] > 1.5 * max(losses['Momentum'], losses['AdaGrad'], losses['Adam'])


def test_compare_first_weights(pictures):
    losses = compare_first_weights.main(hidden_size=50, batch_size=32, steps=250, seed=0)
    assert list(losses) == ['0.01', 'Xavier', 'He'] and is_picture('compare_first_weights')
    assert losses['0.01'] == pytest.approx(np.log(10), abs=0.02)        # it guesses
    assert losses['He'] < losses['Xavier'] - 0.1 < losses['0.01'] - 0.2


@pytest.mark.slow
def test_batch_norm(pictures, capsys, recwarn):
    last = batch_norm.main(train_size=300, hidden_size=50, max_epoch=6, batch_size=30, seed=0)
    with_it, without = last['with batch normalization'], last['without']
    assert len(with_it) == len(without) == 16 and None not in with_it and without[0] is None
    assert max(without[6:]) < 0.2 and min(with_it[4:12]) > 0.7          # small first weights
    assert without[2] > 0.9         # near He's
    assert is_picture('batch_norm') and not recwarn.list
    assert capsys.readouterr().out.startswith('first weights 1: with batch normalization ')


# ---- overfitting

def test_early_stopping_leaves_the_best_epoch(pictures):
    (x, t), _ = pictures
    x, t = x[:40], t[:40]
    validation = x[20:], np.random.permutation(t[20:])      # mislabelled: it becomes worse with time
    model = MultiLayerNet(784, [20], 10)
    again = copy.deepcopy(model)
    losses = []
    look = compare.Curves(1, train=(x[:20], t[:20]))
    np.random.seed(1)
    best = overfitting.learn_until(model, x[:20], t[:20], validation, look, 60, 10, 0.05, 3)
    assert len(look.epochs) == best + 3 < 60
    np.random.seed(1)
    Trainer(again, SGD(0.05), [lambda trainer: losses.append(again.forward(*validation))]).fit(
        x[:20], t[:20], best, 10, eval_interval=None)
    assert np.argmin(losses) == best - 1
    for param, expected in zip(model.params, again.params, strict=True):
        np.testing.assert_array_equal(param, expected)


def test_each_epoch_has_its_own_pictures():
    x, t = np.random.rand(20, 4).astype('f'), np.arange(20) % 3
    seen = []

    def change(pictures):
        assert pictures is x
        seen.append(pictures + 1)
        return seen[-1]

    model = MultiLayerNet(4, [5], 3)
    overfitting.learn(model, x, t, compare.Curves(9, train=(x, t)), 3, 20, 0.1, change)
    assert len(seen) == 3 and model.layers[0].x.min() >= 1


@pytest.mark.slow
def test_overfitting(pictures, monkeypatch):
    made, stops = [], []
    monkeypatch.setattr(overfitting, 'MultiLayerNet',
                        lambda *args, **options: made.append(options) or MultiLayerNet(*args, **options))
    monkeypatch.setattr(overfitting, 'EarlyStopping',
                        lambda patience: stops.append(patience) or EarlyStopping(patience))
    ends = overfitting.main(train_size=40, hidden_size=30, batch_size=8, max_epoch=20, learning_rate=0.03, seed=0)
    assert list(ends) == ['plain', 'weight decay', 'dropout', 'augmentation', 'early stopping']
    assert {} in made and {'weight_decay_lambda': 0.1} in made and stops == [20]
    assert {'use_dropout': True, 'dropout_ratio': 0.2} in made
    assert ends['plain']['train'] == 1 and 0.3 < ends['plain']['test'] < 0.9    # learnt by heart
    assert is_picture('overfitting')


# ---- the search

def test_log_uniform():
    drawn = np.array([hyperparameters.log_uniform(1e-6, 1e-2) for _ in range(2000)])
    assert drawn.min() >= 1e-6 and drawn.max() <= 1e-2
    np.testing.assert_allclose(np.histogram(np.log10(drawn), 4, (-6, -2))[0] / 2000, 0.25, atol=0.04)


@pytest.mark.slow
def test_hyperparameters(pictures, monkeypatch, capsys):
    (x, _), (x_test, t_test) = pictures
    real, tested, learnt = hyperparameters.accuracy, [], []
    learn, look = hyperparameters.learn, compare.accuracy

    def test_once(model, x, t):
        tested.append(model)
        assert x is x_test and len(learnt) == 8
        return real(model, x, t)

    def look_at(model, x, t, batch_size):
        assert MARK not in x
        return look(model, x, t, batch_size)

    def keep(*args):
        learnt.append((args, learn(*args)))
        return learnt[-1][1]

    monkeypatch.setattr(hyperparameters, 'accuracy', test_once)
    monkeypatch.setattr(compare, 'accuracy', look_at)
    monkeypatch.setattr(hyperparameters, 'learn', keep)
    best = hyperparameters.main(data_size=100, hidden_size=30, batch_size=20, max_epoch=8, draws=8, lr_low=1e-3,
                                lr_high=0.1, seed=0)
    args, chosen = max(learnt, key=lambda pair: pair[1].validation)
    assert chosen.validation == chosen.model.accuracy(*args[2])
    assert tested == [chosen.model] and best['validation'] == chosen.validation and best['lr'] == chosen.lr
    assert best['test'] == chosen.model.accuracy(x_test, t_test) > 0.3
    for (x_train, _, validation, lr, weight_decay, *_), _ in learnt:
        rows = {row.tobytes() for row in x_train} | {row.tobytes() for row in validation[0]}
        assert (len(x_train), len(validation[0]), len(rows)) == (80, 20, 100)      # none in both
        assert rows == {row.tobytes() for row in x[:100]} and 1e-3 <= lr <= 0.1 and 1e-8 <= weight_decay <= 1e-4
    out = capsys.readouterr().out
    assert f'best 1: validation {chosen.validation:.2%}, lr {chosen.lr:.2e}' in out and out.count('\nbest ') == 5
    assert is_picture('hyperparameters', 'hyperparameters_plane')


def test_a_draw_that_diverges_counts_as_nothing(pictures):
    (x, t), validation = pictures
    drawn = hyperparameters.learn(x, t, validation, 1e9, 1e-6, 10, 2, 100)
    assert drawn.validation == 0 and drawn.lr == 1e9
    with pytest.raises(InputError, match=r'lr_high: expected a finite number, 0\.01 or more, got 0\.001'):
        hyperparameters.main(lr_low=0.01, lr_high=0.001)
    with pytest.raises(InputError, match='weight_decay_low: expected'):
        hyperparameters.main(weight_decay_low=0.0)
