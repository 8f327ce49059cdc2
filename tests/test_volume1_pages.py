"""Chapter 1's pages of volume 1 that train nothing, or next to nothing: their numbers, and that they are drawn."""
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch01.volume1 import (
    activation_histograms,
    activations,
    computational_graph,
    gradient_descent,
    inference,
    optimizer_paths,
    perceptrons,
)
from ch01.volume1.computational_graph import AddLayer, MulLayer
from ch01.volume1.perceptrons import AND, NAND, OR, XOR
from common.checks import InputError

ROOT = Path(__file__).resolve().parent.parent


PAGES = (activation_histograms, activations, computational_graph, gradient_descent, inference, optimizer_paths,
         perceptrons)


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """The figures that the pages would show: a list. To save them would take a second each."""
    figures = []
    for page in PAGES:
        monkeypatch.setattr(page, 'show', lambda name: figures.append(plt.gcf()))
    yield figures
    plt.close('all')


# ---- perceptrons


def test_truth_tables(capsys):
    assert perceptrons.main() == {'AND': [0, 0, 0, 1], 'NAND': [1, 1, 1, 0], 'OR': [0, 1, 1, 1], 'XOR': [0, 1, 1, 0]}
    assert capsys.readouterr().out.splitlines()[:5] == ['x1 x2 |  AND NAND   OR  XOR',
                                                        ' 0  0 |    0    1    0    0',
                                                        ' 1  0 |    0    1    1    1',
                                                        ' 0  1 |    0    1    1    1',
                                                        ' 1  1 |    1    0    1    0']


def test_where_the_lines_lie():
    """AND's and NAND's: x1 + x2 = 1.4; OR's: x1 + x2 = 0.4."""
    a = np.array([0.1, 0.3, 0.6, 0.8])
    for gate, answers in ((AND, [0, 0, 0, 1]), (NAND, [1, 1, 1, 0]), (OR, [0, 1, 1, 1]), (XOR, [0, 1, 1, 0])):
        np.testing.assert_array_equal(gate(a, a), answers)
        np.testing.assert_array_equal(gate(2 * a, 0 * a), answers)


def test_lines_are_drawn_where_the_answers_change(figures):
    perceptrons.main()
    axes = figures[0].axes
    assert [ax.get_title() for ax in axes] == ['AND', 'NAND', 'OR', 'XOR']
    for ax, sums in zip(axes, ([1.4], [1.4], [0.4], [1.4, 0.4]), strict=True):
        lines = [np.sum(line.get_xydata(), axis=1) for line in ax.lines]
        np.testing.assert_allclose(lines, [[total] * 601 for total in sums])


# ---- gradient descent


def test_gradient_descent(capsys):
    slopes, ends = gradient_descent.main()
    assert slopes == {5: pytest.approx(0.2, abs=1e-6), 10: pytest.approx(0.3, abs=1e-6)}
    # each step multiplies by 1 − 2 lr
    np.testing.assert_allclose(ends['right'], np.array([-3, 4]) * 0.8**100, rtol=1e-3)
    np.testing.assert_allclose(ends['too large'], np.array([4, 3]) * 1.2**100, rtol=0.01)
    np.testing.assert_allclose(ends['too small'], np.array([3, -4]) * 0.996**100, rtol=1e-6)
    assert 'learning rate 0.1, right: from (-3, 4) to (-6.11e-10, 8.15e-10)' in capsys.readouterr().out


def test_a_descent_leaves_its_start_alone():
    start = np.array([1.0, 2.0])
    path = gradient_descent.gradient_descent(gradient_descent.bowl, start, 0.25, 3)
    np.testing.assert_allclose(path, [[1, 2], [0.5, 1], [0.25, 0.5], [0.125, 0.25]], rtol=1e-6)
    np.testing.assert_array_equal(start, [1, 2])


def test_the_field_points_to_the_bottom(figures):
    gradient_descent.main(steps=5)
    _, field, _ = figures[0].axes
    arrows = field.collections[-1]
    assert arrows.N == 289
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], axis=1), -2 * np.array(arrows.XY), atol=1e-6)


# ---- computational graph


def test_apples_and_oranges(capsys):
    values, gradients = computational_graph.main()
    assert values == pytest.approx({'apples': 2, 'apple price': 100, 'oranges': 3, 'orange price': 150, 'tax': 1.1,
                                    'all apples': 200, 'all oranges': 450, 'before tax': 650, 'price': 715})
    assert gradients == pytest.approx({'apples': 110, 'apple price': 2.2, 'oranges': 165, 'orange price': 3.3,
                                       'tax': 650, 'all apples': 1.1, 'all oranges': 1.1, 'before tax': 1.1,
                                       'price': 1})
    assert 'orange price:      150   gradient      3.3' in capsys.readouterr().out


def test_the_graph_shows_its_numbers(figures):
    computational_graph.main(apples=7)
    ax, = figures[0].axes
    texts = {(text.get_text(), text.get_color()) for text in ax.texts}
    # 1.1 · (7 · 100 + 450); the gradient of the tax is 1150, that of the apples' price 7 · 1.1
    assert {'7', '700', '1150', '1265'} <= {text for text, color in texts if color == '#1f5fa8'}
    assert {'7.7', '110', '1150', '1'} <= {text for text, color in texts if color == '#c0392b'}
    assert [text for text, _ in texts].count('tax') == 1


def test_nodes():
    mul, add = MulLayer(), AddLayer()
    assert (mul.forward(3, 5), mul.backward(2)) == (15, (10, 6))
    assert (add.forward(3, 5), add.backward(2)) == (8, (2, 2))


# ---- activation functions


def test_activations(capsys):
    x, curves = activations.main()
    left, right = np.flatnonzero(abs(abs(x) - 2) < 1e-9)
    phi, density = 0.0227501319, math.exp(-2) / math.sqrt(2 * math.pi)     # of the normal distribution, at −2
    below = {'sigmoid': (0.1192029, 0.1049936), 'tanh': (-0.9640276, 0.0706508), 'ReLU': (0, 0),
             'leaky ReLU': (-0.02, 0.01), 'PReLU': (-0.5, 0.25), 'ELU': (math.exp(-2) - 1, math.exp(-2)),
             'GELU': (-2 * phi, phi - 2 * density)}
    above = {'sigmoid': (0.8807971, 0.1049936), 'tanh': (0.9640276, 0.0706508),
             'GELU': (2 - 2 * phi, 1 - phi + 2 * density)}
    for i, expected in ((left, below), (right, dict.fromkeys(below, (2, 1)) | above)):
        assert {name: (y[i], slope[i]) for name, (y, slope) in curves.items()} == {
            name: pytest.approx(pair, abs=1e-6) for name, pair in expected.items()}
    assert capsys.readouterr().out.count('slope') == 7


# ---- optimizers


def adam(p, slope, lr, beta1=0.9, beta2=0.999):
    """As the paper writes it, with both moments corrected."""
    m = v = 0
    for t in range(1, 31):
        g = slope * p
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        p -= lr * (m / (1 - beta1**t)) / math.sqrt(v / (1 - beta2**t))
    return p


def momentum(p, slope, lr):
    v = 0
    for _ in range(30):
        v = 0.9 * v - lr * slope * p
        p += v
    return p


def adagrad(p, slope, lr):
    h = 0
    for _ in range(30):
        h += (slope * p)**2
        p -= lr * slope * p / math.sqrt(h)
    return p


def test_optimizer_paths(capsys):
    """The gradient of x²/20 + y² is (x/10, 2y)."""
    paths = optimizer_paths.main()
    ends = {'SGD': (-7 * (1 - 0.095)**30, 2 * (1 - 1.9)**30)}
    for name, function, lr in (('Momentum', momentum, 0.1), ('AdaGrad', adagrad, 1.5), ('Adam', adam, 0.3)):
        ends[name] = function(-7, 0.1, lr), function(2, 2, lr)
    for name, path in paths.items():
        assert path.shape == (31, 2)
        np.testing.assert_array_equal(path[0], (-7, 2))
        np.testing.assert_allclose(path[-1], ends.pop(name), atol=1e-4)
    assert not ends
    assert '     SGD: ends at (-0.3504,  0.0848), f = 0.0133' in capsys.readouterr().out


# ---- histograms of activations


def test_saturated_all_alike_spread(capsys):
    measured = activation_histograms.main(seed=0)
    assert all(rows.shape == (5, 4) for rows in measured.values()) and len(measured) == 6
    mean, deviation, low, high = (dict(zip(measured, column, strict=True))
                                  for column in np.stack(list(measured.values())).transpose(2, 0, 1))
    ends = {name: low[name] + high[name] for name in measured}
    assert ends['sigmoid, 1'].min() > 0.5 and deviation['sigmoid, 1'].min() > 0.35
    assert ends['sigmoid, 0.01'].max() == 0 and deviation['sigmoid, 0.01'][1:].max() < 0.02
    assert abs(mean['sigmoid, 0.01'] - 0.5).max() < 0.02
    assert ends['sigmoid, Xavier'].max() < 0.1 and deviation['sigmoid, Xavier'].min() > 0.08
    assert mean['ReLU, 0.01'][0] < 0.05 and mean['ReLU, 0.01'][-1] < 1e-5
    assert mean['ReLU, Xavier'][-1] < 0.5 * mean['ReLU, Xavier'][0]
    assert mean['ReLU, He'].min() > 0.4 and mean['ReLU, He'].max() < 0.8

    np.random.seed(0)       # the first layer of the first row, by hand
    x, W = np.random.randn(1000, 100), np.random.randn(100, 100)
    y = 1 / (1 + np.exp(-x @ W))
    np.testing.assert_allclose(measured['sigmoid, 1'][0], [np.mean(y), np.std(y), np.mean(y < 0.05), np.mean(y > 0.95)],
                               rtol=1e-6)
    assert capsys.readouterr().out.count('deviation') == 6


def test_bars_add_up_to_all(figures):
    activation_histograms.main(layers=2, units=10, inputs=50, seed=1)
    assert len(figures[0].axes) == 12
    for ax in figures[0].axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(100)


# ---- inference with given weights


def write_weights(path, **changed):
    """Weights with which each picture is a 3."""
    arrays = {'W1': np.zeros((784, 50)), 'b1': np.zeros(50), 'W2': np.zeros((50, 100)), 'b2': np.zeros(100),
              'W3': np.zeros((100, 10)), 'b3': 2.0 * (np.arange(10) == 3)} | changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({name: array for name, array in arrays.items() if array is not None}))


@pytest.fixture
def pictures(monkeypatch):
    """Seven pictures, for the data: two of them show a 3."""
    t = np.array([3, 1, 0, 3, 9, 9, 9])
    x = np.random.rand(7, 784).astype('f')
    monkeypatch.setattr(inference.images, 'load_data', lambda data, flatten: ((x, t), (x, t)))
    return t


@pytest.mark.parametrize('place', ['.', 'data/weights', 'data/weights/volume1'])
def test_inference(pictures, monkeypatch, place, capsys, figures):
    monkeypatch.setenv('DLFS2_DATA', 'data')
    write_weights(Path(place, 'sample_weight.pkl'))
    accuracy, confusion = inference.main(batch_size=3)
    expected = np.zeros((10, 10))
    expected[:, 3] = np.bincount(pictures, minlength=10)
    np.testing.assert_array_equal(confusion, expected)      # rows: what it is
    assert accuracy == 2 / 7
    assert capsys.readouterr().out.startswith('accuracy: 28.57% of 7 pictures\n')
    matrix, *rest = figures[0].axes
    counts = {(text.get_position(), text.get_text()) for text in matrix.texts}     # at (column, row)
    assert counts == {((3, 0), '1'), ((3, 1), '1'), ((3, 3), '2'), ((3, 9), '3')}
    assert [ax.get_title() for ax in rest].count(f'3: {math.e**2 / (math.e**2 + 9):.1%}') == 2
    assert sum('but it is a' in ax.get_title() for ax in rest) == 4


def test_inference_goes_through_all_layers():
    """One unit of each layer is on, and its weight in the next."""
    W1, W2, W3 = np.zeros((784, 50)), np.zeros((50, 100)), np.zeros((100, 10))
    W1[5, 7] = W2[7, 20] = W3[20, 4] = 2
    write_weights(Path('own.pkl'), W1=W1, W2=W2, W3=W3, b2=np.full(100, -1.0), b3=np.arange(10) / 10)
    x = np.zeros((1, 784), 'f')
    x[0, 5] = 0.5

    def s(a):
        return 1 / (1 + math.exp(-a))

    expected = np.arange(10) / 10
    expected[4] += 2 * s(2 * s(2 * 0.5) - 1)
    np.testing.assert_allclose(inference.load_network('own.pkl').predict(x), [expected], rtol=1e-6)


def test_weights_that_do_not_fit():
    write_weights(Path('short.pkl'), b3=None)
    with pytest.raises(InputError, match=r'short.pkl: expected arrays named W1, b1, W2, b2, W3, b3, got no b3'):
        inference.main(params='short.pkl')
    write_weights(Path('turned.pkl'), W2=np.zeros((100, 50)))
    with pytest.raises(InputError, match=r'turned.pkl, W2: expected \(50, 100\), got \(100, 50\)'):
        inference.main(params='turned.pkl')


def test_without_weights_the_way_out_is_told(monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', 'data')
    with pytest.raises(FileNotFoundError, match=r'neither here nor in .*volume1: .* no script makes it\. '
                                                r'python -m ch01.volume1.train_two_layer trains'):
        inference.main()


@pytest.mark.slow
def test_the_books_weights_read_93_52_percent(real_data):
    accuracy, confusion = inference.main(data='mnist')
    assert accuracy == 0.9352 == np.trace(confusion) / 10_000
    # how many of each digit MNIST's test set has
    np.testing.assert_array_equal(confusion.sum(axis=1), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


# ---- all of them


@pytest.mark.slow
def test_all_run_as_modules_and_leave_a_picture():
    for page in set(PAGES) - {inference}:       # which takes all pictures
        name = page.__name__.split('.')[-1]
        done = subprocess.run([sys.executable, '-m', page.__name__], capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg'})
        assert (done.returncode, done.stderr) == (0, '')
        path = Path(f'ch01_volume1_{name}.png').resolve()
        assert done.stdout.endswith(f'picture: {path}\n')
        pixels = plt.imread(path)                           # (H, W, 4)
        assert min(pixels.shape[:2]) > 400 and (pixels != pixels[0, 0]).any(axis=2).mean() > 0.01
