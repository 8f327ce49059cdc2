"""Chapter 3: the simple CBOW and skip-gram."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ch03 import cbow_predict, train
from ch03.simple_cbow import SimpleCBOW
from ch03.simple_skip_gram import SimpleSkipGram
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.trainer import Trainer
from common.util import convert_one_hot, create_contexts_target, preprocess

ROOT = Path(__file__).resolve().parent.parent
CONTEXTS = np.array([[0, 2], [1, 3], [4, 4]])       # (N, C)
TARGET = np.array([1, 2, 0])
V = 5

# The least mean loss on the book's sentence. CBOW: `say and` and `and say` have the same mean, so that `goodbye` and
# `i` are told apart by chance alone, and the other four targets for sure.
CBOW_BEST = 2 * np.log(2) / 6
# Skip-gram: both contexts of `goodbye`, `and`, `i`, `hello` are one of two words, those of `say`, twice, one of four.
SKIP_GRAM_BEST = 2 * (4 * np.log(2) + 2 * np.log(4)) / 6


def with_large_weights(model):
    """The model with weights near 1: the initial ones are so small that their gradients hardly differ from 0."""
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    return model


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@pytest.mark.parametrize('Model', [SimpleCBOW, SimpleSkipGram])
def test_initial_weights(Model):
    model = Model(7, 5)
    np.random.seed(0)
    W_in, W_out = 0.01 * np.random.randn(7, 5), 0.01 * np.random.randn(5, 7)
    assert len(model.params) == 2 and model.word_vecs is model.params[0]
    for param, expected in zip(model.params, (W_in, W_out), strict=True):
        assert param.dtype == np.float32
        np.testing.assert_array_equal(param, expected.astype('f'))


@pytest.mark.parametrize('Model', [SimpleCBOW, SimpleSkipGram])
@pytest.mark.parametrize('C', [1, 2, 4])
def test_gradients(Model, C):
    model = with_large_weights(Model(V, 3, dtype='d'))
    contexts = np.random.RandomState(1).randint(0, V, (3, C))
    check_gradients(model, convert_one_hot(contexts, V), convert_one_hot(TARGET, V), tolerance=1e-4)


def test_cbow_by_its_formula():
    model = with_large_weights(SimpleCBOW(V, 3, dtype='d'))
    W_in, W_out = model.params
    h = (W_in[CONTEXTS[:, 0]] + W_in[CONTEXTS[:, 1]]) / 2
    expected = -log_softmax(h @ W_out)[np.arange(3), TARGET].mean()
    contexts, target = convert_one_hot(CONTEXTS, V), convert_one_hot(TARGET, V)
    assert model.forward(contexts, target) == pytest.approx(expected, abs=1e-5)
    assert model.forward(contexts, TARGET) == pytest.approx(expected, abs=1e-5)


def test_skip_gram_by_its_formula():
    model = with_large_weights(SimpleSkipGram(V, 3, dtype='d'))
    W_in, W_out = model.params
    log_p = log_softmax(W_in[TARGET] @ W_out)
    expected = -sum(log_p[np.arange(3), CONTEXTS[:, c]].mean() for c in (0, 1))         # a sum over the contexts
    loss = model.forward(convert_one_hot(CONTEXTS, V), convert_one_hot(TARGET, V))
    assert loss == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize('Model', [SimpleCBOW, SimpleSkipGram])
@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_arrays_keep_the_dtype(Model, dtype):
    model = Model(V, 3, dtype=dtype)
    loss = model.forward(convert_one_hot(CONTEXTS, V), convert_one_hot(TARGET, V))
    model.backward()
    loss_layer = model.loss_layer if Model is SimpleCBOW else model.loss_layers[0]
    for array in (loss, model.in_layer.x, model.out_layer.x, loss_layer.y, *model.grads):
        assert array.dtype == dtype


def test_a_readers_own_script_learns_the_sentence():
    corpus, word_to_id, _ = preprocess('You say goodbye and I say hello.')
    contexts, target = create_contexts_target(corpus, window_size=1)
    model = SimpleCBOW(len(word_to_id), 5)
    trainer = Trainer(model, Adam())
    trainer.fit(convert_one_hot(contexts, 7), convert_one_hot(target, 7), 1000, 3)
    assert trainer.loss_list[0] == pytest.approx(np.log(7), abs=0.01)
    assert CBOW_BEST < np.mean(trainer.loss_list[-50:]) < 0.6


def test_train(capsys):
    trainer = train.main(seed=0)
    lines = capsys.readouterr().out.splitlines()
    assert len(trainer.loss_list) == 1000 and CBOW_BEST < np.mean(trainer.loss_list[-50:]) < 0.6
    assert lines[0].startswith('| epoch 1 |  iter 1 / 2 | time 0[s] | loss 1.95')       # log 7
    assert lines[1000] == f'picture: {Path("ch03_train.png").resolve()}'
    assert lines[1001] == f'picture: {Path("ch03_train_words.png").resolve()}'
    assert [line.split(' [')[0] for line in lines[1002:]] == ['you', 'say', 'goodbye', 'and', 'i', 'hello', '.']
    np.testing.assert_allclose([float(x) for x in lines[1002].split('[')[1].strip(']').split()],
                               trainer.model.word_vecs[0], rtol=1e-5)


def test_train_of_skip_gram():
    trainer = train.main(model='skip_gram', seed=1)
    assert isinstance(trainer.model, SimpleSkipGram)
    assert SKIP_GRAM_BEST < np.mean(trainer.loss_list[-50:]) < SKIP_GRAM_BEST + 0.2


def test_cbow_predict(capsys):
    scores = cbow_predict.main(seed=3)
    np.random.seed(3)
    W_in, W_out = np.random.randn(7, 3), np.random.randn(3, 7)
    np.testing.assert_allclose(scores, [(W_in[0] + W_in[2]) / 2 @ W_out])
    assert capsys.readouterr().out.startswith('[[')


@pytest.mark.slow
def test_runs_in_its_folder_and_as_a_file(tmp_path):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg'}
    for cwd, args in ((ROOT / 'ch03', ['cbow_predict.py']),
                      (tmp_path, [str(ROOT / 'ch03' / 'train.py'), '--max-epoch', '1', '--model', 'skip_gram'])):
        done = subprocess.run([sys.executable, *args], cwd=cwd, env=environment, capture_output=True, text=True,
                              check=True)
        assert done.stdout
    assert done.stdout.splitlines()[-1].startswith('. [') and (tmp_path / 'ch03_train.png').is_file()


def test_train_prints_a_word_a_line(monkeypatch, capsys):
    monkeypatch.setattr(Trainer, 'fit', lambda self, *args: self.model.word_vecs.fill(-5.1641055e-06))
    train.main()
    lines = capsys.readouterr().out.splitlines()[-7:]
    assert [line.split(' [')[0] for line in lines] == ['you', 'say', 'goodbye', 'and', 'i', 'hello', '.']
    assert lines[0].count('-5.1641055e-06') == 5
