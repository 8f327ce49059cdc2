"""The Transformer: gradients, what it may look at, answers with a cache and without, its scripts and pictures."""
from functools import lru_cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch08.transformer import compare, train_dates
from ch08.transformer.transformer import Transformer
from common.callbacks import WarmupCosine
from common.checks import InputError
from common.evaluation import evaluate_seq2seq, not_training
from common.functions import softmax
from common.gradient_check import check_gradients
from common.layers import set_training
from common.optimizer import AdamW
from common.trainer import Trainer, train_step
from common.weight_files import load_weights
from dataset import sequence

V, D, S = 7, 8, 4
SMALL = {'wordvec_size': 8, 'heads': 2, 'blocks': 2, 'hidden_size': 6}


def random_model(dtype='f8', scale=1.0, **sizes):
    """A model with random biases and scales too."""
    model = Transformer(V, **{**SMALL, 'dropout_ratio': 0.0, 'dtype': dtype, **sizes})
    for param in model.params:
        param += scale * np.random.randn(*param.shape)
    return model


@lru_cache
def learnt_model(pre_norm=True):
    """One that has begun to learn to write backwards: its answers differ from question to question."""
    np.random.seed(1)
    model = Transformer(V, 16, 2, 2, 16, 0.2, pre_norm, 'f8')
    optimizer = AdamW(0.01)
    for _ in range(40):
        xs = np.random.randint(0, V, (32, S))
        train_step(model, optimizer, xs, np.hstack((np.full((32, 1), 2), xs[:, ::-1])), 1.0)
    return model


def scores(model, xs, ids):
    """Of each character, what may follow it: ids (N, T) -> (N, T, V), without a cache."""
    with not_training(model):
        return model.decoder.forward(ids, model.encoder.forward(xs))


@pytest.fixture(scope='module')
def lines():
    return sequence.make_dates()[:320]


@pytest.fixture
def few_dates(lines):
    """320 dates lie in the current folder, where load_data looks first."""
    Path('date.txt').write_text('\n'.join(lines) + '\n')
    return sequence.load_data('date.txt')


@pytest.mark.parametrize(('pre_norm', 'blocks'), [
    (True, 1), *(pytest.param(*row, marks=pytest.mark.slow) for row in ((True, 2), (False, 1)))])
def test_gradients(pre_norm, blocks):
    xs, ts = np.random.randint(0, V, (2, S)), np.random.randint(0, V, (2, 4))
    check_gradients(random_model(scale=0.5, pre_norm=pre_norm, wordvec_size=4, hidden_size=3, blocks=blocks), xs, ts)


@pytest.mark.slow
def test_gradients_with_dropout(monkeypatch):
    """With the same numbers dropped each time."""
    model = random_model(scale=0.5, dropout_ratio=0.3, wordvec_size=4, hidden_size=3, blocks=1)
    xs, ts = np.random.randint(0, V, (2, S)), np.random.randint(0, V, (2, 4))
    forward, losses = model.forward, []

    def same_each_time(*args):
        np.random.seed(5)
        losses.append(forward(*args))
        return losses[-1]

    model.forward = same_each_time
    check_gradients(model, xs, ts)
    set_training(model, False)
    assert abs(forward(xs, ts) - losses[0]) > 1e-3      # there was dropout


def test_loss_is_that_of_the_scores():
    model = random_model()
    xs, ts = np.random.randint(0, V, (3, S)), np.random.randint(0, V, (3, 6))
    p = softmax(scores(model, xs, ts[:, :-1]))
    picked = p[np.arange(3)[:, None], np.arange(5), ts[:, 1:]]
    assert model.forward(xs, ts) == pytest.approx(-np.log(picked).mean(), rel=1e-10)


def test_no_score_knows_what_comes_later():
    model = random_model()
    xs, ids = np.random.randint(0, V, (3, S)), np.random.randint(0, V, (3, 6))
    before = scores(model, xs, ids)
    for t in range(1, 6):
        others = ids.copy()
        others[:, t] = (ids[:, t] + 1) % V
        after = scores(model, xs, others)
        np.testing.assert_allclose(after[:, :t], before[:, :t], rtol=1e-10)
        assert (abs(after[:, t:] - before[:, t:]) > 1e-6).any(axis=(0, 2)).all()    # and each knows what came before


def test_each_score_knows_each_character_of_the_question_and_its_place():
    model = random_model()
    xs, ids = np.random.randint(0, V, (3, S)), np.random.randint(0, V, (3, 5))
    before = scores(model, xs, ids)
    for s in range(S):
        others = xs.copy()
        others[:, s] = (xs[:, s] + 1) % V
        assert (abs(scores(model, others, ids) - before) > 1e-6).any(axis=2).all()
    xs = np.array([[1, 2, 3, 4]])
    assert (abs(scores(model, xs[:, ::-1], ids[:1]) - scores(model, xs, ids[:1])) > 1e-6).any(axis=2).all()


def write_without_a_cache(model, xs, start_id, size):
    ids = np.full((len(xs), 1), start_id)
    for _ in range(size):
        ids = np.hstack((ids, scores(model, xs, ids)[:, -1:].argmax(axis=2)))
    return ids[:, 1:]


@pytest.mark.parametrize('pre_norm', [True, False])
def test_answers_in_batches_one_by_one_and_without_a_cache(pre_norm):
    model = learnt_model(pre_norm)      # with dropout, which answers are to be without
    xs = np.random.randint(0, V, (20, S))
    expected = write_without_a_cache(model, xs, 2, 6)
    assert len(set(map(tuple, expected.tolist()))) > 10             # else the comparison would say little
    answers = model.generate(xs, 2, 6)
    assert answers.shape == (20, 6)
    assert (answers == expected).all()
    order = np.random.permutation(20)
    assert (model.generate(xs[order], 2, 6) == expected[order]).all()
    for x, answer in zip(xs[:5], expected.tolist(), strict=False):
        assert model.generate(x[None], 2, 6) == answer              # a list of ints, as in the book
        assert model.generate(x, np.int64(2), 6) == answer
    given = np.hstack((np.full((20, 1), 2), answers))
    assert (scores(model, xs, given[:, :-1]).argmax(axis=2) == answers).all()       # all steps at once
    assert model.train_flg
    model.forward(xs, given)
    model.backward()                                                # no cache is left in its way
    with pytest.raises(InputError):
        model.generate(xs, V, 6)
    model.forward(xs, given)
    model.backward()                                                # nor after an error


def test_beam_search_with_a_beam_for_every_beginning_finds_the_likeliest_answer():
    model = random_model(scale=0.2)     # each character hangs on those before it
    xs, answers = np.random.randint(0, V, (12, S)), np.array(list(np.ndindex(V, V, V)))        # (343, 3): all there are
    expected = []
    for x in xs:
        p = softmax(scores(model, np.tile(x, (len(answers), 1)), np.hstack((np.full((343, 1), 2), answers[:, :-1]))))
        p = p[np.arange(343)[:, None], np.arange(3), answers].prod(axis=1)
        expected.append(answers[p.argmax()].tolist())
    assert (model.generate(xs, 2, 3) != expected).any()             # the likeliest step by step is not always best
    assert model.generate(xs, 2, 3, beam_size=V * V).tolist() == expected


def test_float32_stays_float32():
    model = Transformer(V, **SMALL)
    xs, ts = np.random.randint(0, V, (3, S)), np.random.randint(0, V, (3, 5))
    enc_hs = model.encoder.forward(xs)
    score = model.decoder.forward(ts, enc_hs)
    denc_hs = model.decoder.backward(score)
    for array, shape in ((enc_hs, (3, S, D)), (score, (3, 5, V)), (denc_hs, (3, S, D))):
        assert array.shape == shape
        assert array.dtype == np.float32
    assert {param.dtype for param in model.params} == {np.dtype('f4')}


def test_the_file_tells_how_to_make_the_model_again():
    model = learnt_model(pre_norm=False)
    xs = np.random.randint(0, V, (20, S))
    weights = load_weights(model.save_params())
    assert weights.about['class'] == 'Transformer'
    other = Transformer(**weights.about['sizes'], dtype='f8')
    other.load_params()
    assert (other.generate(xs, 0, 6) == model.generate(xs, 0, 6)).all()


def test_bad_sizes():
    with pytest.raises(InputError, match=r'^heads: expected a divisor of 8, the width, got 3'):
        Transformer(V, 8, 3)
    with pytest.raises(InputError, match=r'^blocks: expected'):
        Transformer(V, 8, 2, 0)


def test_attention_weights():
    model = random_model()
    model.forward(np.random.randint(0, V, (3, S)), np.random.randint(0, V, (3, 6)))
    weights = model.attention_weights
    assert {kind: a.shape for kind, a in weights.items()} == {
        'encoder': (2, 3, 2, S, S), 'decoder': (2, 3, 2, 5, 5), 'cross': (2, 3, 2, 5, S)}
    for a in weights.values():
        np.testing.assert_allclose(a.sum(axis=-1), 1)
    assert (weights['decoder'][..., np.triu_indices(5, 1)[0], np.triu_indices(5, 1)[1]] == 0).all()
    assert (weights['encoder'] > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize('pre_norm', [True, False])
def test_it_learns_to_write_backwards(pre_norm):
    """A row of five characters: each step must learn where to look."""
    model = Transformer(8, 32, 2, 1, 32, 0.0, pre_norm)
    optimizer, schedule = AdamW(), WarmupCosine(0.01, 20, 200)
    for step in range(200):
        xs = np.random.randint(1, 8, (32, 5))
        optimizer.lr = schedule(step)
        loss = train_step(model, optimizer, xs, np.hstack((np.zeros((32, 1), int), xs[:, ::-1])), 1.0)
    assert loss < 0.05
    xs = np.random.randint(1, 8, (200, 5))
    assert (model.generate(xs, 0, 5) == xs[:, ::-1]).all(axis=1).mean() > 0.95


FEW = {'wordvec_size': 8, 'heads': 2, 'blocks': 1, 'hidden_size': 8, 'batch_size': 50, 'max_epoch': 2, 'seed': 1}


def test_train_dates(few_dates, capsys, monkeypatch):
    seen, fit = [], Trainer.fit
    monkeypatch.setattr(Trainer, 'fit', lambda trainer, x, *args: (seen.append((trainer, x)), fit(trainer, x, *args)))
    model, accuracies = train_dates.main(**FEW, warmup=0.3)
    (x_train, _), (x_test, t_test) = few_dates
    trainer, x = seen[0]
    np.testing.assert_array_equal(x, x_train)       # as they are written
    assert type(trainer.optimizer) is AdamW
    assert vars(trainer.schedule) == {'peak': 0.001, 'warmup_steps': 3, 'total_steps': 10, 'last': 0.0}
    assert len(accuracies) == 2
    assert accuracies[-1] == evaluate_seq2seq(model, x_test, t_test)

    printed = capsys.readouterr().out
    assert f'val acc {100 * accuracies[-1]:.3f}% | epoch 2 / 2' in printed
    assert sum(line.startswith('Q ') for line in printed.splitlines()) == 20       # ten an epoch
    for name in ('Transformer.npz', 'ch08_transformer_train_dates.png', 'ch08_transformer_train_dates_heads.png'):
        assert Path(name).is_file()


@pytest.mark.slow
def test_resumed_it_goes_on_as_if_it_had_not_stopped(few_dates):
    expected, accuracies = train_dates.main(**FEW, learning_rate=0.01)
    Path('Transformer_checkpoint.npz').unlink()
    fit = Trainer.fit

    def one_epoch(trainer, x, t, max_epoch, *others):
        fit(trainer, x, t, 1, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, 'fit', one_epoch)
        train_dates.main(**FEW, learning_rate=0.01)
    model, found = train_dates.main(**FEW, learning_rate=0.01, resume=True)
    assert found == accuracies
    for param, wanted in zip(model.params, expected.params, strict=True):
        np.testing.assert_array_equal(param, wanted)


def test_draw_heads_has_the_characters_where_they_belong(few_dates):
    _, (x_test, t_test) = few_dates
    model = Transformer(len(sequence.get_vocab()[0]), 8, 2, 2, 6)
    weights = train_dates.draw_heads(model, x_test[0], t_test[0])
    answer = model.generate(x_test[0], int(t_test[0, 0]), 10)
    _, id_to_char = sequence.get_vocab()
    question, written = (''.join(id_to_char[int(i)] for i in ids).replace(' ', '␣')
                         for ids in (x_test[0], [t_test[0, 0], *answer]))
    maps = [ax for ax in plt.gcf().axes if ax.images and ax.get_title()]
    plots = [('encoder', question, question), ('cross', written[1:], question), ('decoder', written[1:], written[:-1])]
    expected = [(weights[kind][block, head], rows, columns)
                for kind, rows, columns in plots for block in range(2) for head in range(2)]
    assert len(maps) == 12
    for ax, (weight, rows, columns) in zip(maps, expected, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), weight)
        assert ''.join(label.get_text() for label in ax.get_xticklabels()) == columns
        assert ''.join(label.get_text() for label in ax.get_yticklabels()) == rows
        assert weight.shape == (len(rows), len(columns))
    assert weights['decoder'][0, 0, 0, 1:].max() == 0       # the first looks at the start mark alone
    plt.close('all')


@pytest.mark.slow
def test_compare_trains_as_the_scripts_do(few_dates, monkeypatch):
    import ch08.train

    drawn, plot = [], compare.plot_both
    monkeypatch.setattr(compare, 'plot_both', lambda *args: (plot(*args), drawn.append(plt.gcf().axes)))
    accuracies, seconds = compare.main(wordvec_size=8, hidden_size=8, width=8, feed_forward_size=6, batch_size=50,
                                       max_epoch=2, seed=1)
    assert list(accuracies) == list(seconds) == ['LSTM with attention', 'Transformer']
    few = {'wordvec_size': 8, 'batch_size': 50, 'max_epoch': 2, 'seed': 1}
    assert accuracies['LSTM with attention'] == ch08.train.main(**few, hidden_size=8)[1]
    model, found = train_dates.main(**few, hidden_size=6)
    assert accuracies['Transformer'] == found
    arrays = load_weights('compare_Transformer.npz', model.params).arrays
    for param, array in zip(model.params, arrays, strict=True):
        np.testing.assert_array_equal(param, array)
    for ends in seconds.values():
        assert 0 < ends[0] < ends[1]
    left, right = drawn[0]
    for i, name in enumerate(accuracies):
        np.testing.assert_allclose(left.lines[i].get_ydata(), [100 * share for share in accuracies[name]])
        np.testing.assert_allclose(right.lines[i].get_xdata(), [0, *seconds[name]])
    assert Path('ch08_transformer_compare.png').is_file()
