"""Chapter 4: CBOW and skip-gram with negative sampling."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ch04 import eval as ch04_eval
from ch04 import negative_sampling_layer, train
from ch04.cbow import CBOW
from ch04.skip_gram import SkipGram
from common import weight_files
from common.gradient_check import check_gradients
from common.optimizer import Adam
from common.rows import RowSparse
from common.trainer import Trainer
from common.util import create_contexts_target, nearest_words, normalize
from dataset import toy

ROOT = Path(__file__).resolve().parent.parent
CORPUS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 2, 2, 3, 1, 0, 5])
CONTEXTS = np.array([[0, 1, 3, 4], [7, 2, 2, 1], [5, 6, 6, 5]])     # (N, C)
TARGET = np.array([2, 3, 0])
FIXED = np.array([1, 4, 5, 6, 7])                                   # negatives, where a test needs to know them


def with_large_weights(model):
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    return model


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
def test_initial_weights(Model):
    model = Model(8, 5, 2, CORPUS)
    np.random.seed(0)
    W_in, W_out = 0.01 * np.random.randn(8, 5), 0.01 * np.random.randn(8, 5)
    assert len(model.params) == 2 and model.word_vecs is model.params[0]
    for param, expected in zip(model.params, (W_in, W_out), strict=True):
        assert param.dtype == np.float32
        np.testing.assert_array_equal(param, expected.astype('f'))


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
def test_negatives_go_by_the_corpus_counts(Model):
    sampler = Model(8, 5, 2, CORPUS).ns_loss.sampler
    weights = np.array([2, 2, 3, 2, 1, 2, 1, 1]) ** 0.75            # how often each id stands in CORPUS
    np.testing.assert_allclose(sampler.word_p, weights / weights.sum())
    assert sampler.sample_size == 5


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
def test_gradients(Model):
    check_gradients(with_large_weights(Model(8, 3, 2, CORPUS, dtype='d')), CONTEXTS, TARGET, tolerance=1e-4)


def test_cbow_by_its_formula(monkeypatch):
    model = with_large_weights(CBOW(8, 3, 2, CORPUS, dtype='d'))
    monkeypatch.setattr(model.ns_loss.sampler, 'get_negative_sample', lambda target: np.tile(FIXED, (len(target), 1)))
    W_in, W_out = model.params
    h = sum(W_in[CONTEXTS[:, c]] for c in range(4)) / 4             # (N, H)
    loss = -np.log(sigmoid((W_out[TARGET] * h).sum(axis=1))) - np.log(sigmoid(-h @ W_out[FIXED].T)).sum(axis=1)
    assert model.forward(CONTEXTS, TARGET) == pytest.approx(loss.mean(), abs=1e-4)


def test_skip_gram_by_its_formula(monkeypatch):
    model = with_large_weights(SkipGram(8, 3, 2, CORPUS, dtype='d'))
    monkeypatch.setattr(model.ns_loss.sampler, 'get_negative_sample', lambda target: np.tile(FIXED, (len(target), 1)))
    W_in, W_out = model.params
    h = W_in[TARGET]                                                # (N, H)
    loss = -4 * np.log(sigmoid(-h @ W_out[FIXED].T)).sum(axis=1)    # each context has negatives of its own
    for c in range(4):
        loss -= np.log(sigmoid((W_out[CONTEXTS[:, c]] * h).sum(axis=1)))
    assert model.forward(CONTEXTS, TARGET) == pytest.approx(loss.mean(), abs=1e-4)


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
def test_float32_throughout_and_the_first_loss(Model):
    model = Model(8, 3, 2, CORPUS)
    loss = model.forward(CONTEXTS, TARGET)
    model.backward()
    for array in (loss, model.ns_loss.embed_dot.h, model.ns_loss.loss_layer.y, *model.grads):
        assert array.dtype == np.float32
    # weights near 0 make each yes-or-no question cost log 2: six for a target
    assert loss == pytest.approx((6 if Model is CBOW else 24) * np.log(2), rel=1e-3)


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
def test_contexts_of_another_window_are_refused(Model):
    with pytest.raises(ValueError, match=r'contexts: expected 2 words for each target, .*, got 4'):
        Model(8, 3, 1, CORPUS).forward(CONTEXTS, TARGET)


def test_the_books_names():
    for name in ('EmbeddingDot', 'UnigramSampler', 'NegativeSamplingLoss'):
        assert getattr(negative_sampling_layer, name).__name__ == name


@pytest.mark.parametrize('Model', [CBOW, SkipGram])
@pytest.mark.slow
def test_words_of_a_kind_come_near_each_other(Model):
    corpus, word_to_id, id_to_word = toy.load_data(size=4000)
    contexts, target = create_contexts_target(corpus, 2)
    model = Model(len(word_to_id), 20, 2, corpus)
    Trainer(model, Adam(lr=0.005)).fit(contexts, target, 3, eval_interval=None)
    W = normalize(model.word_vecs)
    for words in ('monday tuesday wednesday thursday friday saturday sunday',
                  'tokyo osaka london paris seoul boston chicago'):
        kind = set(words.split())
        for word in kind:
            near = nearest_words(W[word_to_id[word]], W, id_to_word, exclude={word}, top=5)
            assert {found for found, _ in near} <= kind, word


@pytest.mark.parametrize('model, name', [('cbow', 'cbow_params.npz'), ('skip_gram', 'skipgram_params.npz')])
def test_train_saves_and_eval_reads(model, name, capsys, monkeypatch):
    corpus, word_to_id, id_to_word = toy.load_data(size=300)
    monkeypatch.setattr(train, 'load_data', lambda name, **_: (corpus, word_to_id, id_to_word))
    trainer = train.main(model=model, corpus='toy', max_epoch=1, hidden_size=10, window_size=2, seed=0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f'weights: {Path(name).resolve()}', f'picture: {Path("ch04_train.png").resolve()}']
    word_vecs, _, words = weight_files.load_words(name)
    np.testing.assert_array_equal(word_vecs, trainer.model.word_vecs)
    assert words == id_to_word

    shown, _, _ = ch04_eval.main(params=name)
    np.testing.assert_array_equal(shown, word_vecs)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith('[')]
    assert heads == ['[query] you', '[query] year', '[query] car', '[query] toyota', '[analogy] king:man = queen:?',
                     '[analogy] take:took = go:?', '[analogy] car:cars = child:?', '[analogy] good:better = bad:?']


def test_ctrl_c_keeps_the_vectors(monkeypatch, capsys):
    def stopped(trainer, *args):
        trainer.model.word_vecs[...] = 7
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, 'fit', stopped)
    with pytest.raises(KeyboardInterrupt):
        train.main(corpus='toy', hidden_size=3)
    assert (weight_files.load_words('cbow_params_interrupted.npz')[0] == 7).all()
    assert str(Path('cbow_params_interrupted.npz').resolve()) in capsys.readouterr().err


def test_eval_takes_the_books_pickle_and_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', str(Path('empty').absolute()))
    with pytest.raises(FileNotFoundError, match=r'ch04\.train'):
        ch04_eval.main()
    words = {0: 'you', 1: 'we', 2: 'car'}
    weight_files.save_words('cbow_params.pkl', np.array([[1, 0], [1, 1], [0, 1]], 'f'), words)
    ch04_eval.main()
    out = capsys.readouterr().out
    assert '[query] you\n we: 0.70710' in out and 'toyota is not found' in out


def test_runs_in_its_folder(tmp_path):
    folder = Path(shutil.copytree(ROOT / 'ch04', tmp_path / 'ch04'))    # a copy, for it leaves weights behind
    (folder / 'text.txt').write_text('you like this car and we like that bus\n' * 30)
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg'}
    for args in (['train.py', '--corpus', 'text.txt', '--max-epoch', '1', '--window-size', '1'], ['eval.py']):
        done = subprocess.run([sys.executable, *args], cwd=folder, env=environment, capture_output=True, text=True,
                              check=True)
    assert (folder / 'cbow_params.npz').is_file()
    assert '[query] you\n ' in done.stdout and 'toyota is not found' in done.stdout


def test_eval_of_the_books_vectors(real_data, capsys):
    ch04_eval.main(params=str(real_data / 'weights' / 'cbow_params.pkl'))
    found = {}
    for block in capsys.readouterr().out.split('\n['):
        head, *lines = block.splitlines() or ['']
        found[head.split('] ')[-1]] = [line.split(':')[0].strip() for line in lines]
    assert {'month', 'week', 'summer', 'spring'} <= set(found['year'])
    assert 'we' in found['you'] and 'luxury' in found['car'] and 'ford' in found['toyota']
    assert found['king:man = queen:?'][0] == 'woman'
    assert found['take:took = go:?'][0] == 'went'
    assert found['car:cars = child:?'][0] == 'children'


def test_train_with_row_sparse_gradients(monkeypatch):
    monkeypatch.setattr(train, 'load_data', lambda name, **_: toy.load_data(size=300))
    for sparse in False, True:
        trainer = train.main(corpus='toy', max_epoch=4, hidden_size=10, window_size=2, learning_rate=0.01,
                             sparse=sparse, seed=0)
        assert [isinstance(grad, RowSparse) for grad in trainer.model.grads] == [sparse, sparse]
        assert trainer.loss_list[-1] < trainer.loss_list[0] - 0.2


def test_vectors_of_an_own_corpus_are_asked_for_its_frequent_words(capsys):
    words = [f'말{i}' for i in range(12)]
    Path('my.txt').write_text(''.join(' '.join(words[:1 + i % 12]) + '\n' for i in range(60)), encoding='utf-8')
    train.main('my.txt', hidden_size=4, batch_size=10, max_epoch=1, window_size=1, seed=1)
    capsys.readouterr()
    ch04_eval.main()
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith('[')] == [f'[query] 말{i}' for i in (6, 7, 8, 9)]
    assert 'not found' not in out
    ch04_eval.main(words='말1 말2', analogy='말1:말2=말3')
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith('[')] == [
        '[query] 말1', '[query] 말2', '[analogy] 말1:말2 = 말3:?']
