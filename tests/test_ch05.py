"""Chapter 5: the simple recurrent language model."""
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ch05 import train, train_custom_loop
from ch05.simple_rnnlm import SimpleRnnlm
from common.gradient_check import check_gradients

ROOT = Path(__file__).resolve().parent.parent
XS = np.array([[0, 1, 2], [3, 3, 4]])       # (N, T)
TS = np.array([[1, 2, 0], [3, 4, 0]])


def small_model():
    """Float64, with weights near 1."""
    model = SimpleRnnlm(5, 4, 3, dtype='d')
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    return model


def test_initial_weights():
    V, D, H = 7, 4, 9
    model = SimpleRnnlm(V, D, H)
    np.random.seed(0)
    expected = [np.random.randn(V, D) / 100, np.random.randn(D, H) / 2, np.random.randn(H, H) / 3, np.zeros(H),
                np.random.randn(H, V) / 3, np.zeros(V)]
    for param, value in zip(model.params, expected, strict=True):
        assert param.dtype == np.float32
        np.testing.assert_allclose(param, value, rtol=1e-6)


def test_gradients():
    check_gradients(small_model(), XS, TS)


def test_loss_by_its_formula_and_the_state_that_runs_on():
    model = small_model()
    embed, Wx, Wh, b, W, c = model.params
    h = np.zeros((2, 3))
    for _ in range(2):                      # the second call goes on from the first one's state
        losses = []
        for t in range(3):
            h = np.tanh(embed[XS[:, t]] @ Wx + h @ Wh + b)
            p = np.exp(h @ W + c)
            losses += list(-np.log(p / p.sum(axis=1, keepdims=True))[[0, 1], TS[:, t]])
        assert model.forward(XS, TS) == pytest.approx(np.mean(losses))
    fresh = small_model()
    for param, value in zip(fresh.params, model.params, strict=True):
        param[...] = value
    model.reset_state()
    assert model.forward(XS, TS) == fresh.forward(XS, TS)


def test_float32_throughout():
    model = SimpleRnnlm(5, 4, 3)
    loss = model.forward(XS, TS)
    model.backward()
    for array in (loss, model.rnn_layer.h, model.rnn_layer.dh, *model.grads):
        assert array.dtype == np.float32


@pytest.mark.slow
def test_train_learns_the_first_words(capsys):
    trainer = train.main(corpus='toy', seed=0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('| epoch 1 |  iter 1 / 19 | time 0[s] | perplexity ')
    assert len(trainer.ppl_list) == 100 and trainer.ppl_list[0] > 200 and trainer.ppl_list[-1] < 10
    assert lines[100] == f'picture: {Path("ch05_train.png").resolve()}'


def test_custom_loop_is_what_the_trainer_does(capsys, monkeypatch):
    models = []

    def made(*sizes):
        models.append(SimpleRnnlm(*sizes))
        return models[-1]

    monkeypatch.setattr(train_custom_loop, 'SimpleRnnlm', made)
    settings: dict[str, Any] = {'corpus': 'toy', 'corpus_size': 301, 'batch_size': 3, 'max_epoch': 4, 'seed': 5}
    ppl_list = train_custom_loop.main(**settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('corpus size: 301, vocabulary size: ')
    assert lines[1] == f'| epoch 1 | perplexity {ppl_list[0]:.2f}' and len(ppl_list) == 4
    assert len(models[0].params[0]) == int(lines[0].split()[-1])
    for param, expected in zip(models[0].params, train.main(**settings).model.params, strict=True):
        np.testing.assert_array_equal(param, expected)


def test_custom_loop_goes_through_the_text_in_order(monkeypatch):
    seen = []

    class Model(SimpleRnnlm):
        def forward(self, xs, ts):
            seen.append((xs, ts))
            return super().forward(xs, ts)

    monkeypatch.setattr(train_custom_loop, 'SimpleRnnlm', Model)
    monkeypatch.setattr(train_custom_loop, 'load_data', lambda name, **_: (np.arange(100) % 26, {}, {}))
    train_custom_loop.main(corpus='any', corpus_size=26, batch_size=2, time_size=5, max_epoch=2)
    # 25 pairs: rows begin at 0 and 12, two steps of 5 an epoch, and the second epoch goes on where the first stopped
    rows = [[xs[:, 0].tolist(), xs[:, -1].tolist()] for xs, _ in seen]
    assert rows == [[[0, 12], [4, 16]], [[5, 17], [9, 21]], [[10, 22], [14, 1]], [[15, 2], [19, 6]]]
    assert all(((ts - xs) == 1).all() for xs, ts in seen)


@pytest.mark.slow
def test_runs_as_a_file(tmp_path):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg'}
    for name in ('train.py', 'train_custom_loop.py'):
        done = subprocess.run([sys.executable, str(ROOT / 'ch05' / name), '--corpus', 'toy', '--max-epoch', '1'],
                              cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert 'perplexity' in done.stdout and f'picture: {tmp_path / f"ch05_{name[:-3]}.png"}' in done.stdout


@pytest.mark.slow
def test_train_on_ptb(real_data, capsys):
    trainer = train.main(seed=0)
    assert trainer.model.params[0].shape == (418, 100)
    assert trainer.ppl_list[-1] < 8             # the book's: about 5
