"""Chapter 1, volume 1: the convolutional networks, and what their scripts train, draw and return."""
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch01.volume1 import (
    deep_convnet,
    half_floats,
    show_filters,
    train_convnet,
    train_deep_convnet,
    transfer,
)
from ch01.volume1.deep_convnet import DeepConvNet
from ch01.volume1.simple_convnet import SimpleConvNet
from common.checks import InputError
from common.gradient_check import check_gradients
from dataset import digits, images

SIDE = 12           # of the pictures here
TOLERANCE = 1e-4    # the loss is log(y + 1e-7), whose gradient is taken as that of log(y)


def pictures(size, seed):
    """x (size, 1, SIDE, SIDE), t (size,): a bright line across, the lower the larger the digit, and noise."""
    state = np.random.RandomState(seed)
    t = np.arange(size) % 10
    x = 0.1 * state.rand(size, 1, SIDE, SIDE)
    x[np.arange(size), 0, 1 + t] += 0.9
    return x.astype('f'), t.astype(np.uint8)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setattr(images, 'load_data', lambda data, flatten: (pictures(120, 0), pictures(40, 1)))
    monkeypatch.setattr(images, 'title', lambda: 'lines')
    monkeypatch.setattr(digits, 'load_data', lambda train_size, test_size, flatten, seed: (
        pictures(train_size, seed + 2), pictures(test_size, seed + 3)))


def randomize(model):
    """Weights large enough for gradients that can be told from 0; scores so small that no probability is nearly 0."""
    for param in model.params:
        param[...] = np.random.randn(*param.shape) / 2
    model.params[-2][...] /= 10
    return model


# ---- the networks


@pytest.mark.parametrize(('input_dim', 'conv_param'), [
    ((1, 6, 6), {'filter_num': 2, 'filter_size': 3}), ((2, 5, 6), {'filter_num': 3, 'filter_size': 2, 'pad': 1}),
    ((2, 7, 5), {'filter_num': 2, 'filter_size': 3, 'pad': 2, 'stride': 2}), ((1, 6, 7), {'filter_num': 2})])
def test_gradients_of_simple_convnet(input_dim, conv_param):
    model = randomize(SimpleConvNet(input_dim, conv_param, hidden_size=3, output_size=4, dtype='d'))
    model.layers[0].needs_dx = True
    check_gradients(model, np.random.randn(3, *input_dim), np.array([3, 0, 1]), tolerance=TOLERANCE)


def test_gradients_of_deep_convnet(monkeypatch):
    monkeypatch.setattr(deep_convnet, 'FILTERS', ((2, 1), (3, 1), (2, 1), (3, 2), (2, 1), (4, 1)))
    model = randomize(DeepConvNet((2, 8, 5), hidden_size=3, output_size=4, dropout_ratio=0, dtype='d'))
    assert model.params[12].shape == (4, 3)     # 8 × 5 becomes 4 × 2, 6 × 4 with the wider pad, 3 × 2, 1 × 1
    model.layers[0].needs_dx = True
    check_gradients(model, np.random.randn(2, 2, 8, 5), np.array([3, 0]), tolerance=TOLERANCE)


def test_simple_convnet_by_hand():
    model = SimpleConvNet((1, 4, 4), {'filter_num': 1, 'filter_size': 3}, hidden_size=1, output_size=2)
    weights = np.ones((1, 1, 3, 3)), [-10], [[-0.5]], [42], [[1, -1]], [0, 3]
    for param, value in zip(model.params, weights, strict=True):
        param[...] = value
    # behind the convolution nine times 5, 6, 9, 10, less 10; the largest is 80, and 42 less half of it is 2
    x = np.arange(16, dtype='f').reshape(1, 1, 4, 4)
    np.testing.assert_allclose(model.predict(x), [[2, 1]])
    np.testing.assert_allclose(model.predict(0 * x), [[42, -39]])       # -10, which the first ReLU makes 0
    np.testing.assert_allclose(model.predict(2 * x), [[0, 3]])          # 170, then -43, which the second makes 0


def test_the_layers_of_deep_convnet():
    twice = ['Convolution', 'Relu', 'Convolution', 'Relu', 'Pooling']
    assert [type(layer).__name__ for layer in DeepConvNet().layers] == [
        *twice, *twice, *twice, 'Flatten', 'Affine', 'Relu', 'Dropout', 'Affine', 'Dropout']


def test_shapes_and_first_weights_of_simple_convnet():
    model = SimpleConvNet()
    assert [param.shape for param in model.params] == [(30, 1, 5, 5), (30,), (4320, 100), (100,), (100, 10), (10,)]
    for W, b in zip(model.params[::2], model.params[1::2], strict=True):
        assert W.dtype == b.dtype == np.float32 and not b.any()
        assert W.std() == pytest.approx(0.01, rel=0.1)
    assert SimpleConvNet(weight_init_std=0.5).params[0].std() == pytest.approx(0.5, rel=0.1)


def test_shapes_and_first_weights_of_deep_convnet():
    model = DeepConvNet()
    filters = [(16, 1), (16, 16), (32, 16), (32, 32), (64, 32), (64, 64)]
    weights = [(F, C, 3, 3) for F, C in filters] + [(1024, 50), (50, 10)]
    assert [param.shape for param in model.params[::2]] == weights
    assert [param.shape for param in model.params[1::2]] == [(16,), (16,), (32,), (32,), (64,), (64,), (50,), (10,)]
    for W, n in zip(model.params[::2], (9, 144, 144, 288, 288, 576, 1024, 50), strict=True):
        assert W.std() == pytest.approx((2 / n)**0.5, rel=0.2)      # He: n numbers make one
    assert model.predict(np.zeros((2, 1, 28, 28), 'f')).tolist() == np.zeros((2, 10)).tolist()


def test_dropout_stands_behind_both_affine_layers():
    """Without training each dropout halves what comes through: nothing but the ReLU, which lets halves through."""
    dropping, whole = (DeepConvNet((1, SIDE, SIDE), dropout_ratio=ratio) for ratio in (0.5, 0))
    for param, value in zip(dropping.params, whole.params, strict=True):
        param[...] = value
    x = pictures(5, 0)[0]
    np.testing.assert_allclose(4 * train_deep_convnet.scores(dropping, x, 2), whole.predict(x), rtol=1e-4, atol=1e-6)
    zeros = (dropping.predict(np.repeat(x, 40, axis=0)) == 0).mean()        # in training again
    assert zeros == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: SimpleConvNet((28, 28)), r'input_dim: expected \(C, H, W\), got \(28, 28\)'),
    (lambda: SimpleConvNet(28), r'input_dim: expected \(C, H, W\), got 28'),
    (lambda: DeepConvNet((1, 28.0, 28)), r'input_dim\[1\]: expected an integer, got 28.0'),
    (lambda: DeepConvNet((0, 28, 28)), r'input_dim\[0\]: expected 1 or more, got 0'),
    (lambda: SimpleConvNet((1, 5, 9)), 'input_dim: expected pictures of 6 × 6 or more, got 5 × 9'),
    (lambda: SimpleConvNet((1, 4, 3), {'filter_size': 3, 'pad': 1, 'stride': 3}),
     'input_dim: expected pictures of 4 × 4 or more, got 4 × 3'),
    (lambda: DeepConvNet((1, 4, 3)), 'input_dim: expected pictures of 4 × 4 or more, got 4 × 3'),
    (lambda: SimpleConvNet(conv_param={'filters': 3}),
     "conv_param: expected filter_num, filter_size, pad, stride or some of them, got 'filters'"),
    (lambda: SimpleConvNet(conv_param=[30, 5]), r"conv_param: expected a dict as \{'filter_num': 30.*, got \[30, 5\]"),
    (lambda: SimpleConvNet(conv_param={'stride': 0}), 'stride: expected 1 or more, got 0'),
    (lambda: SimpleConvNet(conv_param={'pad': -1}), 'pad: expected 0 or more, got -1'),
    (lambda: SimpleConvNet(conv_param={'filter_size': '5'}), "filter_size: expected an integer, got '5'"),
    (lambda: SimpleConvNet(hidden_size=0), 'hidden_size: expected 1 or more, got 0'),
    (lambda: SimpleConvNet(weight_init_std=0), 'weight_init_std: expected a finite number, .* or more, got 0'),
    (lambda: SimpleConvNet(weight_init_std='he'), "weight_init_std: expected a number, got 'he'"),
    (lambda: DeepConvNet(dropout_ratio=1), 'dropout_ratio: expected 0 or more and less than 1, got 1'),
    (lambda: DeepConvNet(output_size=0), 'output_size: expected 1 or more, got 0'),
])
def test_bad_sizes(make, message):
    with pytest.raises(InputError, match=f'^{message}$'):
        make()


def test_the_smallest_pictures():
    assert SimpleConvNet((1, 6, 6)).predict(np.zeros((1, 1, 6, 6), 'f')).shape == (1, 10)
    assert SimpleConvNet((1, 4, 4), {'filter_size': 3, 'pad': 1, 'stride': 3}).params[2].shape == (30, 100)
    assert DeepConvNet((1, 4, 4)).predict(np.zeros((1, 1, 4, 4), 'f')).shape == (1, 10)


# ---- training


def test_train_convnet_learns_saves_and_draws(capsys):
    trainer = train_convnet.main(filter_num=4, hidden_size=20, batch_size=10, max_epoch=25, learning_rate=0.01, seed=0)
    assert len(trainer.train_list) == len(trainer.valid_list) == 25
    assert trainer.valid_list[0] < 0.5 and trainer.valid_list[-1] > 0.95
    assert 'weights: ' in capsys.readouterr().out and Path('ch01_volume1_train_convnet.png').stat().st_size > 10_000
    model = SimpleConvNet((1, SIDE, SIDE), {'filter_num': 4}, 20)
    model.load_params('SimpleConvNet.npz')
    assert model.accuracy(*pictures(40, 1)) == trainer.valid_list[-1]


def test_train_convnet_takes_the_first_pictures(monkeypatch):
    seen = {}
    monkeypatch.setattr(train_convnet.Trainer, 'fit', lambda self, x, t, *_, **__: seen.update(x=x, t=t))
    trainer = train_convnet.main(train_size=30, test_size=7)
    np.testing.assert_array_equal(seen['x'], pictures(120, 0)[0][:30])
    np.testing.assert_array_equal(seen['t'], pictures(120, 0)[1][:30])
    assert len(trainer.callbacks[0].test[1]) == 7 and len(trainer.callbacks[0].train[1]) == 30


@pytest.mark.parametrize('augment', [False, True])
def test_deep_convnet_stopped_and_resumed_ends_with_the_same_bits(augment, monkeypatch):
    monkeypatch.setattr(deep_convnet, 'FILTERS', ((2, 1), (2, 1), (3, 1), (3, 2), (2, 1), (2, 1)))
    drawn: list = []
    monkeypatch.setattr(train_deep_convnet, 'show', lambda name: drawn.append(plt.close()))
    given = {'train_size': 40, 'test_size': 20, 'batch_size': 10, 'augment': augment}
    whole, misread = train_deep_convnet.main(**given, max_epoch=3, name='whole', seed=5)
    train_deep_convnet.main(**given, max_epoch=1, seed=5)
    parts, again = train_deep_convnet.main(**given, max_epoch=3, resume=True, seed=5)
    for param, other in zip(whole.model.params, parts.model.params, strict=True):
        np.testing.assert_array_equal(param, other)
    assert whole.valid_list == parts.valid_list and len(parts.valid_list) == 3
    assert misread.tolist() == again.tolist() and len(misread) == round(20 * (1 - parts.valid_list[-1]))
    assert len(drawn) == 6


def test_deep_convnet_leaves_two_pictures_even_untrained(capsys):
    trainer, misread = train_deep_convnet.main(test_size=10, max_epoch=0, seed=1)
    np.random.seed(1)
    right = DeepConvNet((1, SIDE, SIDE)).accuracy(*(rows[:10] for rows in pictures(40, 1)))
    assert trainer.valid_list == [] and len(misread) == round(10 * (1 - right))
    assert 'nothing was learnt: no weights are written' in capsys.readouterr().out
    assert [path.name for path in sorted(Path().iterdir())] == [
        'ch01_volume1_train_deep_convnet_accuracy.png', 'ch01_volume1_train_deep_convnet_misread.png']


def test_augmented_pictures_are_others_in_every_epoch(monkeypatch):
    seen = []
    monkeypatch.setattr(train_deep_convnet.Trainer, 'fit', lambda self, x, *_, **__: seen.append(x))
    train_deep_convnet.main(train_size=10, test_size=5, max_epoch=2, augment=True)
    x = pictures(10, 0)[0]
    differences = [abs(a - b).mean() for a, b in ((seen[0], x), (seen[1], x), (seen[0], seen[1]))]
    assert len(seen) == 2 and min(differences) > 0.03
    train_deep_convnet.main(train_size=10, test_size=5, max_epoch=2, name='plain')
    np.testing.assert_array_equal(seen[3], x)


def test_misread_are_the_wrong_ones_the_surest_first():
    y = np.array([[5, 0, 0], [0, 1, 0], [0, 0, 9], [3, 0, 0], [0, 2, 0]], 'f')
    assert train_deep_convnet.find_misread(y, np.array([0, 2, 1, 0, 0])).tolist() == [2, 4, 1]
    assert train_deep_convnet.find_misread(y, np.array([0, 1, 2, 0, 1])).tolist() == []


def test_draw_misread_says_what_was_read(monkeypatch):
    x, t = pictures(12, 0)
    y = np.zeros((12, 10), 'f')
    y[np.arange(12), t] = 1
    y[3, 7] = 3         # e^3 / (e^3 + e + 8) = 65 %
    y[5, 0] = 2         # e^2 / (e^2 + e + 8) = 41 %
    monkeypatch.setattr(train_deep_convnet, 'scores', lambda model, x: y)
    assert train_deep_convnet.draw_misread(None, x, t).tolist() == [3, 5]
    figure = plt.gcf()
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['3 → 7  65%', '5 → 0  41%'] + [''] * 6
    assert figure.get_suptitle() == '2 of 12 test pictures of lines are misread (16.67%): digit → what was read'
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), x[5, 0])
    plt.close(figure)


def test_draw_misread_draws_the_forty_surest(monkeypatch):
    x, t = pictures(60, 0)
    y = np.zeros((60, 10), 'f')
    y[:, 9] = 1 + np.arange(60)         # all are read as 9, the last most surely: 54 wrongly
    monkeypatch.setattr(train_deep_convnet, 'scores', lambda model, x: y)
    misread = train_deep_convnet.draw_misread(None, x, t).tolist()
    assert len(misread) == 54 and misread[-1] == 0
    assert len(plt.gcf().axes) == 40 and '; the 40 surest mistakes: ' in plt.gcf().get_suptitle()
    plt.close()


# ---- filters


def test_show_filters():
    np.random.seed(7)
    first = SimpleConvNet((1, SIDE, SIDE), {'filter_num': 8, 'filter_size': 3}, 5)
    filters = first.params[0].copy()
    randomize(first).save_params(about={'flags': {'seed': 7}})
    before, after, (conv, rectified, pooled) = show_filters.main(picture=3)
    np.testing.assert_array_equal(before, filters[:, 0])            # those that the training began with
    np.testing.assert_array_equal(after, first.params[0][:, 0])
    x = pictures(40, 1)[0][3, 0]
    expected = (x[2:5, 4:7] * after[5]).sum() + first.params[1][5]
    assert conv.shape == (8, 10, 10) and conv[5, 2, 4] == pytest.approx(expected, rel=1e-5)
    assert conv.min() < 0
    np.testing.assert_array_equal(rectified, np.where(conv > 0, conv, 0))
    assert pooled.shape == (8, 5, 5) and pooled[5, 1, 2] == rectified[5, 2:4, 4:6].max()
    assert Path('ch01_volume1_show_filters.png').stat().st_size > 20_000


def test_show_filters_takes_a_seed_where_the_file_has_none(monkeypatch):
    monkeypatch.setattr(show_filters, 'draw', lambda *_: None)
    SimpleConvNet((1, SIDE, SIDE)).save_params('some.npz', about={'flags': 'none'})
    before = show_filters.main(params='some.npz', seed=3)[0]
    np.random.seed(3)
    np.testing.assert_array_equal(before, SimpleConvNet((1, SIDE, SIDE)).params[0][:, 0])


def test_weights_of_others_are_refused():
    DeepConvNet((1, SIDE, SIDE)).save_params('deep.npz')
    SimpleConvNet((1, SIDE, SIDE)).save_params('simple.npz')
    SimpleConvNet((1, SIDE, SIDE + 4)).save_params('wide.npz')
    for main, name, message in (
            (show_filters.main, 'deep.npz', "expected weights of SimpleConvNet, got those of 'DeepConvNet'"),
            (half_floats.main, 'simple.npz', "expected weights of DeepConvNet, got those of 'SimpleConvNet'"),
            (show_filters.main, 'wide.npz', r'expected \(480, 100\), got \(720, 100\)')):
        with pytest.raises(InputError, match=f'^{name}(, param_2)?: {message}$'):
            main(params=name)
    with pytest.raises(InputError, match=r'^picture: expected an id from 0 to 39, got 40$'):
        show_filters.main(params='simple.npz', picture=40)
    with pytest.raises(FileNotFoundError, match=r'python -m ch01.volume1.train_convnet makes it'):
        show_filters.main()


# ---- half floats


def test_half_floats(monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(half_floats, 'draw', lambda *arrays: drawn.append(arrays))
    model = DeepConvNet((1, SIDE, SIDE), hidden_size=7, dropout_ratio=0)
    model.save_params('DeepConvNet.npz')
    x, t = (rows[:15] for rows in pictures(40, 1))
    before, after, turned = half_floats.main(test_size=15)
    whole, y, y_half = drawn[0]
    assert before == (y.argmax(axis=1) == t).mean() and after == (y_half.argmax(axis=1) == t).mean()
    assert turned == (y.argmax(axis=1) != y_half.argmax(axis=1)).sum()
    np.testing.assert_allclose(4 * y, model.predict(x), rtol=1e-4, atol=1e-6)       # two dropouts of one half
    for param in model.params:
        param[...] = param.astype(np.float16)
    np.testing.assert_allclose(4 * y_half, model.predict(x.astype(np.float16).astype('f')), rtol=1e-5, atol=1e-7)
    assert 0 < abs(y - y_half).max() < 0.01
    out = capsys.readouterr().out
    size = sum(param.size for param in model.params)
    assert len(whole) == size and f'{4 * size:,} bytes' in out and f'{2 * size:,} bytes' in out


def test_half_floats_cannot_hold_all(monkeypatch):
    model = DeepConvNet((1, SIDE, SIDE))
    model.params[1][3] = 70_000
    model.save_params('DeepConvNet.npz')
    with pytest.raises(InputError, match=r'^param_1: expected numbers up to 65504, .* got 70000'):
        half_floats.main(test_size=1)
    model.params[1][3] = 60_000
    model.save_params('DeepConvNet.npz')
    half_floats.main(test_size=3)
    assert Path('ch01_volume1_half_floats.png').stat().st_size > 20_000


# ---- transfer


def test_transfer_keeps_the_convolutions_that_it_should(monkeypatch):
    runs = []

    def learn(model, x_train, t_train, x_test, t_test, *_):
        runs.append((model, x_train, x_test))
        return [0.25, 0.5]

    monkeypatch.setattr(transfer, 'learn', learn)
    curves, _ = transfer.main(source_size=20, train_size=10, test_size=5, source_epoch=1, batch_size=10, seeds=2)
    assert curves == {name: [[0.25, 0.5]] * 2
                      for name in ('from scratch', 'convolutions frozen', 'convolutions fine-tuned')}
    (scratch, *_), _, (tuned, *_), (other_scratch, *_), _, (other_tuned, *_) = runs
    for i in range(16):
        same = (tuned.params[i] == other_tuned.params[i]).all()
        assert same if i < 12 else i % 2 or not same            # biases begin at 0
        assert i % 2 or not (scratch.params[i] == other_scratch.params[i]).all()
    # what is trained on frozen convolutions has the affine layers alone, and gets what these convolutions give
    head, features, test_features = runs[1]
    assert [param.shape for param in head.params] == [(256, 50), (50,), (50, 10), (10,)]
    assert features.shape == (10, 256) and test_features.shape == (5, 256)
    tuned_body = tuned.layers[:-5]
    x = pictures(120, 0)[0][:10]
    for layer in tuned_body:
        x = layer.forward(x)
    np.testing.assert_allclose(features, x, rtol=1e-5, atol=1e-6)


def test_transfer_frozen_layers_do_not_learn():
    x, t = pictures(60, 0)
    model = DeepConvNet((1, SIDE, SIDE), dropout_ratio=0)
    before = [param.copy() for param in model.params]
    head, features = transfer.behind_convolutions(model, x)
    np.testing.assert_allclose(head.predict(features), model.predict(x), rtol=1e-4, atol=1e-5)
    shares = transfer.learn(head, features, t, features, t, 20, 20, 0.01)
    assert len(shares) == 20 and shares[-1] > 0.9 > shares[0]
    assert [(a == b).all() for a, b in zip(model.params[:12], before[:12], strict=True)] == [True] * 12
    assert not any((a == b).all() for a, b in zip(model.params[12:], before[12:], strict=True))


def test_transfer_draws():
    curves, unfitted = transfer.main(source_size=20, train_size=20, test_size=10, source_epoch=0, max_epoch=2,
                                     batch_size=10, seeds=1, seed=4)
    np.random.seed(4)       # without a first training, it is a network with first weights
    assert unfitted == DeepConvNet((1, SIDE, SIDE)).accuracy(*(rows[:10] for rows in pictures(40, 1)))
    assert [np.shape(runs) for runs in curves.values()] == [(1, 2)] * 3
    assert all(0 <= share <= 1 for runs in curves.values() for share in runs[0])
    assert Path('ch01_volume1_transfer.png').stat().st_size > 10_000
