"""Chapter 1: the two-layer network and its scripts."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch01 import boundary_by_epoch, forward_net, show_spiral_dataset, train, train_custom_loop
from ch01.two_layer_net import TwoLayerNet
from common.gradient_check import check_gradients
from common.util import convert_one_hot
from dataset import spiral

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg'}


def python(*args, cwd='.'):
    """What `python args` prints, run in the folder cwd."""
    return subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True,
                          check=True).stdout


def test_initial_weights():
    model = TwoLayerNet(2, 4, 3)
    np.random.seed(0)
    W1, W2 = np.random.randn(2, 4), np.random.randn(4, 3)
    for param, expected in zip(model.params, (W1 * 0.01, np.zeros(4), W2 * 0.01, np.zeros(3)), strict=True):
        assert param.dtype == np.float64
        np.testing.assert_array_equal(param, expected)


def test_two_layer_net_by_hand():
    model = TwoLayerNet(2, 2, 2)
    for param, value in zip(model.params, ([[1, 0], [0, 1]], [0, 0], [[4, 0], [0, 8]], [1, -1]), strict=True):
        param[...] = value
    # x = 0: both hidden units are sigmoid(0) = 1/2, the scores 4/2 + 1 = 3 and 8/2 − 1 = 3, each class has 1/2
    x = np.zeros((1, 2))
    np.testing.assert_array_equal(model.predict(x), [[3, 3]])
    assert model.forward(x, np.array([1])) == pytest.approx(np.log(2), abs=1e-6)
    # dscores (1/2, −1/2); through W2 (2, −4); the sigmoid's slope at 0 is 1/4, and W1 is the identity
    np.testing.assert_allclose(model.backward(), [[0.5, -1]])
    np.testing.assert_allclose(model.grads[2], [[0.25, -0.25], [0.25, -0.25]])
    np.testing.assert_allclose(model.grads[3], [0.5, -0.5])


@pytest.mark.parametrize('one_hot', [False, True])
def test_gradients(one_hot):
    model = TwoLayerNet(3, 5, 4)
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    t = np.array([0, 3, 1, 3, 2, 0])
    check_gradients(model, np.random.randn(6, 3), convert_one_hot(t, 4) if one_hot else t, tolerance=1e-4)


def test_forward_net(capsys):
    scores = forward_net.main(seed=3)
    np.random.seed(3)
    x, W1, b1, W2, b2 = (np.random.randn(*shape) for shape in ((10, 2), (2, 4), (4,), (4, 3), (3,)))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-(x @ W1 + b1))) @ W2 + b2)
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_show_spiral_dataset(capsys):
    show_spiral_dataset.main()
    out = capsys.readouterr().out
    assert out.startswith('x (300, 2)\nt (300, 3)\npicture: ')
    assert Path('ch01_show_spiral_dataset.png').stat().st_size > 10_000


def test_train_learns_the_spiral(capsys):
    trainer = train.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('| epoch 1 |  iter 1 / 10 | time 0[s] | loss 1.1')
    assert len(lines) == 302 and Path('ch01_train_loss.png').is_file() and Path('ch01_train_boundary.png').is_file()
    assert len(trainer.loss_list) == 300 and trainer.loss_list[-1] < 0.15
    x, t = spiral.load_data()
    assert (trainer.model.predict(x).argmax(axis=1) == t.argmax(axis=1)).mean() > 0.95


def test_boundary_by_epoch(monkeypatch):
    axes = []
    monkeypatch.setattr(boundary_by_epoch, 'show', lambda name: axes.extend(plt.gcf().axes))
    trainer, epochs = boundary_by_epoch.main(max_epoch=20)
    plt.close()
    assert epochs == [1, 2, 5, 8, 12, 20] and boundary_by_epoch.moments(2) == [1, 2]
    assert [ax.get_title() for ax in axes[:6]] == [f'epoch {epoch}' for epoch in epochs]
    # the last panel is what the model says at the end: each coloured point of the plane has its class
    x, t = spiral.load_data()
    assert len(trainer.valid_list) == 20
    assert trainer.valid_list[-1] == (trainer.model.predict(x).argmax(axis=1) == t.argmax(axis=1)).mean()
    loss, share = axes[6:]
    assert loss.lines[0].get_ydata().tolist() == trainer.loss_list
    np.testing.assert_allclose(share.lines[0].get_ydata(), 100 * np.array(trainer.valid_list))
    assert [line.get_xdata()[0] for line in share.lines[1:]] == epochs
    points = [collection.get_offsets() for collection in axes[5].collections[-3:]]
    np.testing.assert_array_equal(np.concatenate(points), x)


def test_custom_loop_prints_the_books_figures(capsys):
    loss_list = train_custom_loop.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '| epoch 1 |  iter 10 / 10 | loss 1.13'
    assert lines[299] == '| epoch 300 |  iter 10 / 10 | loss 0.11'
    assert len(loss_list) == 300 and loss_list[-1] < 0.15


def test_custom_loop_is_what_the_trainer_does(monkeypatch):
    models = []
    monkeypatch.setattr(train_custom_loop, 'show_boundary', lambda model, x, t, name: models.append(model))
    train_custom_loop.main(max_epoch=5)
    for param, expected in zip(models[0].params, train.main(max_epoch=5).model.params, strict=True):
        np.testing.assert_array_equal(param, expected)


def test_seed_draws_other_weights():
    first, second, default = (train.main(max_epoch=1, seed=seed).loss_list for seed in (1, 1, None))
    assert first == second != default


@pytest.mark.slow
def test_runs_as_a_file_as_a_module_and_in_its_folder(tmp_path):
    folder = Path(shutil.copytree(ROOT / 'ch01', tmp_path / 'ch01'))        # a copy, for it leaves pictures behind
    for cwd, *args in ((tmp_path, ROOT / 'ch01' / 'train.py'), (tmp_path, '-m', 'ch01.train'), (folder, 'train.py')):
        out = python(*args, '--max-epoch', 1, '--hidden-size', 4, cwd=cwd)
        assert out.startswith('| epoch 1 |  iter 1 / 10 |')
        assert out.splitlines()[1:] == [f'picture: {cwd / f"ch01_train_{what}.png"}' for what in ('loss', 'boundary')]
        (cwd / 'ch01_train_loss.png').unlink()
