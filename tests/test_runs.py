"""word2vec on runs of the corpus: the sums, the models beside their plain forms, the step, the trainer, the script."""
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ch02.thesaurus import ranks
from ch04 import train_runs
from ch04.run_models import RunCBOW, RunSkipGram, Simple_RunCBOW, Simple_RunSkipGram
from ch04.run_trainer import DampedSGD, RunLoader, RunTrainer, count_words
from ch04.word_runs import make_runs, neighbours, sum_by_word, sums_of_next, window_sums
from common.checks import InputError
from common.gradient_check import check_gradients
from common.weight_files import load_words
from dataset import toy
from tests.word_quality import agreement, read_pairs, share_in_list, word_lists

PAIRS = [(RunCBOW, Simple_RunCBOW), (RunSkipGram, Simple_RunSkipGram)]


def a_run(V=9, B=20, K=4, seed=0):
    rng = np.random.RandomState(seed)
    return make_runs(rng.randint(0, V, (1, B)), rng.randint(0, V, (1, K)))[0]


def filled(Model, V=9, H=3, dtype='d'):
    """A model whose W_out is not all zero, as it is at first."""
    np.random.seed(1)
    model = Model(V, H, dtype=dtype)
    for param in model.params:
        param[...] = np.random.randn(V, H)
    return model


# ---------------------------------------------------------------- sums


@pytest.mark.parametrize('n', range(1, 14))
def test_sums_of_the_next_rows(n):
    x = np.random.RandomState(0).randint(0, 100, (15, 2))
    assert (sums_of_next(x, n) == [x[t:t + n].sum(axis=0) for t in range(16 - n)]).all()


@pytest.mark.parametrize('B, window_size', [(7, 1), (7, 2), (12, 5), (3, 5), (2, 1), (1, 2)])
def test_window_sums_are_those_of_the_neighbours_and_their_own_transpose(B, window_size):
    d = abs(np.arange(B)[:, None] - np.arange(B))
    matrix = (d > 0) & (d <= window_size)
    np.testing.assert_array_equal(window_sums(np.eye(B), window_size), matrix)
    np.testing.assert_array_equal(neighbours(B, window_size), matrix.sum(axis=1))


@pytest.mark.parametrize('V', [1, 3, 9, 40, 10**6])
def test_sums_by_word(V):
    rng = np.random.RandomState(0)
    ids = rng.randint(0, V, (3, 60))
    ids[:, ::3] %= 11           # enough words that stand there often, and some that stand there once
    negatives = rng.randint(0, V, (3, 5))
    for run, words in zip(make_runs(ids, negatives), np.hstack((ids, negatives)), strict=True):
        x = rng.randint(0, 1000, (65, 4)).astype('d')
        assert (run.words == words).all() and run.size == 60
        np.testing.assert_array_equal(run.rows, np.unique(words))
        np.testing.assert_array_equal(run.rows[run.row], words)
        np.testing.assert_array_equal(sum_by_word(run, x), [x[words == word].sum(axis=0) for word in run.rows])


# ---------------------------------------------------------------- models


@pytest.mark.parametrize('Model', [RunCBOW, RunSkipGram])
@pytest.mark.parametrize('window_size, B', [(1, 2), (2, 9), (5, 3)])
def test_gradients(Model, window_size, B):
    check_gradients(filled(Model), a_run(B=B), window_size)


@pytest.mark.parametrize('Fast, Simple', PAIRS)
@pytest.mark.parametrize('B, window_size, K', [(30, 5, 4), (30, 1, 7), (2, 5, 1), (9, 3, 2)])
def test_fast_and_plain_are_one(Fast, Simple, B, window_size, K):
    fast, simple, run = filled(Fast), filled(Simple), a_run(B=B, K=K)
    assert fast.forward(run, window_size) == pytest.approx(simple.forward(run, window_size), rel=1e-12)
    fast.backward()
    simple.backward()
    for i in range(2):
        np.testing.assert_allclose(np.asarray(fast.grads[i]), simple.grads[i], rtol=1e-9, atol=1e-12)
        c = np.zeros(9)
        c[fast.grads[i].indices] = fast.curvatures[i]
        np.testing.assert_allclose(c, simple.curvatures[i], rtol=1e-9)
    before = [param.copy() for param in fast.params]
    DampedSGD(0.3).update(fast.params, fast.grads, fast.curvatures, fast.step_sizes)
    sizes = [2 * window_size, 1] if Fast is RunCBOW else [1, 1]
    for p, old, g, c, size in zip(fast.params, before, simple.grads, simple.curvatures, sizes, strict=True):
        np.testing.assert_allclose(p, old - 0.3 * size / (1 + 0.3 * size * c[:, None]) * g, rtol=1e-9)


@pytest.mark.parametrize('Model', [RunCBOW, RunSkipGram])
def test_float32_stays_and_the_loss_may_be_left_out(Model):
    model = filled(Model, dtype='f')
    run = a_run()
    loss = model.forward(run, 2)
    assert loss == pytest.approx(filled(Model).forward(run, 2), rel=1e-5)
    assert model.forward(run, 2, want_loss=False) is None
    model.backward()
    assert {array.dtype for array in (*model.curvatures, *(grad.values for grad in model.grads))} == {np.dtype('f')}


@pytest.mark.parametrize('Model', [RunCBOW, RunSkipGram])
def test_the_first_loss_is_that_of_coins(Model):
    """W_out is zero: each question is answered by ½. Six questions a word, or a pair of neighbours."""
    model, run = Model(9, 3), a_run(B=40)
    count = 40 if Model is RunCBOW else neighbours(40, 2).sum()
    assert model.forward(run, 2) == pytest.approx(count * 6 * np.log(2), rel=1e-6)


def test_bad_runs_are_told():
    model = RunCBOW(9, 3)
    with pytest.raises(InputError, match='run: expected one of those that make_runs makes, got'):
        model.forward(np.arange(5), 1)
    with pytest.raises(InputError, match='run: expected two words or more'):
        model.forward(a_run(B=1), 1)
    with pytest.raises(InputError, match='run: expected ids from 0 to 8, got 0 to 9'):
        model.forward(a_run(V=10), 1)
    with pytest.raises(InputError, match='negatives: expected a row for each of 2 runs, got 1'):
        make_runs(np.zeros((2, 3), int), np.zeros((1, 3), int))


# ---------------------------------------------------------------- runs from a corpus


@pytest.mark.parametrize('dtype', ['i4', 'i8', 'u2'])
def test_a_file_of_ids_is_read_block_by_block(dtype):
    ids = np.random.RandomState(0).randint(0, 50, 1050).astype(dtype)
    ids.tofile('ids')
    mapped = np.memmap('ids', dtype, 'r')
    np.testing.assert_array_equal(count_words(mapped, 100), np.bincount(ids))
    loader = RunLoader(mapped, None, run_size=40, negatives=3, block_size=500)
    assert len(loader) == 3
    found = [[run.words[:run.size].tolist() for run in loader.block(i)] for i in range(3)]
    assert [len(runs) for runs in found] == [12, 12, 1] and [len(runs[0]) for runs in found] == [41, 41, 50]
    assert [i for words in found[0] for i in words] == ids[:492].tolist() and found[2] == [ids[1000:].tolist()]


def test_rare_words_are_left_out_and_frequent_ones_thinned_out():
    ids = np.array([7] * 9000 + [3] * 900 + [5] * 90 + 10 * list(range(100, 400)))
    np.random.RandomState(0).shuffle(ids)
    np.random.seed(0)
    loader = RunLoader(ids, None, min_count=11, sample=0.01)
    assert loader.words.tolist() == [3, 5, 7]
    words = np.concatenate([run.words[:run.size] for i in range(len(loader)) for run in loader.block(i)])
    counts = np.bincount(words)
    shares = np.array([900, 90, 9000]) / 9990
    expected = np.minimum(1, np.sqrt(0.01 / shares) + 0.01 / shares) * [900, 90, 9000]
    assert (abs(counts - expected) < 4 * np.sqrt(expected) + 1).all()
    drawn = np.concatenate([run.words[run.size:] for _ in range(300) for run in loader.block(0)])
    p = np.array([900, 90, 9000])**0.75
    expected = len(drawn) * p / p.sum()
    assert (abs(np.bincount(drawn) - expected) < 4 * np.sqrt(expected)).all()


def test_bad_corpora_are_told():
    for arguments, message in (((np.array([0, 1, 2]), np.array([1, 1])), 'ids: expected ids from 0 to 1, got 0 to 2'),
                               ((np.array([0.5]),), 'ids: expected'), ((np.array([0, -1]),), 'ids: expected'),
                               ((np.array([0, 1]), None, 10, 2, 3), 'min_count: expected at most 1')):
        with pytest.raises(InputError, match=message):
            RunLoader(*arguments).block(0)
    with pytest.raises(InputError, match='loader: expected one of 9 words'):
        RunTrainer(RunCBOW(9, 3)).fit(RunLoader(np.arange(8)))


# ---------------------------------------------------------------- training


@pytest.mark.parametrize('Model', [RunCBOW, RunSkipGram])
def test_words_of_a_list_of_the_grammar_come_near_each_other(Model):
    ids, word_to_id, _ = toy.load_data(size=8000)
    np.random.seed(0)
    model = Model(len(word_to_id), 20)
    trainer = RunTrainer(model)
    trainer.fit(RunLoader(ids, block_size=10_000), 2 if Model is RunCBOW else 1, eval_interval=1)
    assert trainer.loss_list[-1] < trainer.loss_list[0] / 1.2
    assert share_in_list(word_lists(word_to_id), model.word_vecs) > 0.5        # by chance it is 0.02


def test_parts_of_a_corpus_are_as_long_as_one_another():
    loader = RunLoader(np.arange(11), block_size=4)
    parts = [loader.part(i, 3) for i in range(3)]
    assert [part.ids.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [len(part) for part in parts] == [1, 1, 1] and len(loader) == 3
    assert {word for part in parts for run in part.block(0) for word in run.words[:run.size].tolist()} == set(range(9))
    with pytest.raises(InputError, match=r'^ids: expected 12 or more, one for each part, got 11'):
        loader.part(0, 12)


def test_the_rate_falls_in_a_straight_line(monkeypatch):
    model, rates = RunCBOW(50, 3), []
    monkeypatch.setattr(RunTrainer, 'train_block', lambda trainer, runs: rates.append(trainer.optimizer.lr))
    RunTrainer(model).fit(RunLoader(np.arange(50).repeat(5), block_size=100), 2, eval_interval=None)
    assert rates == pytest.approx([0.1 * (1 - i / 6) for i in range(6)])


def test_a_training_that_diverges_ends_with_a_message():
    model = RunCBOW(50, 3)
    model.params[1][...] = np.nan
    with pytest.raises(FloatingPointError, match='the loss is nan in epoch 1, block 1 of 1'):
        RunTrainer(model).fit(RunLoader(np.arange(50)), 1)


def small_text():
    corpus, _, id_to_word = toy.load_data(size=600)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')


@pytest.mark.parametrize('model', ['cbow', 'skip_gram'])
def test_the_script_resumes_bit_for_bit(model, monkeypatch, capsys):
    small_text()
    flags = {'corpus': 'small.txt', 'hidden_size': 6, 'seed': 1, 'model': model, 'min_count': 5, 'sample': 0.01}
    train_runs.main(**flags, max_epoch=4)
    whole, word_to_id, _ = load_words('word_vectors.npz')
    counts = Counter(Path('small.txt').read_text(encoding='utf-8').split())
    assert word_to_id.keys() == {'<unk>', '<eos>', *(word for word in counts if counts[word] >= 5)}
    found = [counts[word] for word in word_to_id if word not in ('<unk>', '<eos>')]
    assert found == sorted(found, reverse=True) and min(counts.values()) < 5
    assert whole.shape == (len(word_to_id), 6)

    train_epoch = RunTrainer.train_epoch

    def stopped(trainer, *args):
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt
        train_epoch(trainer, *args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunTrainer, 'train_epoch', stopped)
        train_runs.main(**flags, max_epoch=4)
    train_runs.main(**flags, max_epoch=4, resume=True)
    assert 'resuming after epoch 2' in capsys.readouterr().out
    assert load_words('word_vectors.npz')[0].tobytes() == whole.tobytes()


# ---------------------------------------------------------------- how good vectors are


def test_spearman_and_shares():
    assert ranks([3.0, 1.0, 3.0, 7.0]).tolist() == [2.5, 1, 2.5, 4]
    Path('pairs.tsv').write_text('# word word mark\na\tB\t9\nb\tc\t2.5\na\tx\t1\na\tc\t5\n', encoding='utf-8')
    ids, marks = read_pairs('pairs.tsv', {'a': 0, 'b': 1, 'c': 2})
    assert ids.tolist() == [[0, 1], [1, 2], [0, 2]] and marks.tolist() == [9, 2.5, 5]
    W = np.array([[1, 0], [1, -0.01], [1, 0.4]])        # cosines of about 1, 0.92 and 0.93: ordered as the marks
    assert agreement((ids, marks), W) == pytest.approx(1)
    assert agreement((ids, -marks), W) == pytest.approx(-1)
    W = np.eye(6)[[0, 0, 0, 3, 3, 5]]
    assert share_in_list([[0, 1, 2], [3, 4]], W) == 1
    assert share_in_list([[0, 3], [1, 4]], W) == 0
    assert share_in_list([[0, 1, 2]], W, most=1) == 1


def test_the_lists_of_the_grammar():
    word_to_id, id_to_word = toy.load_vocab()
    lists = [{id_to_word[i] for i in members} for members in word_lists(word_to_id)]
    assert {'tea', 'coffee', 'milk', 'water', 'juice', 'wine'} in lists and {'good', 'bad'} in lists
    assert not any('the' in members for members in lists) and all(len(members) > 1 for members in lists)
