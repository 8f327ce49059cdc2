"""GPT: its gradients, what it sees and what not, how it writes, its files and scripts."""
from pathlib import Path

import numpy as np
import pytest

from ch07.rnnlm_gen import draw_id
from ch08.transformer import compare_language_models, generate_gpt, train_gpt
from ch08.transformer.gpt import GPT, gpt_perplexity, load_gpt
from common.gradient_check import check_gradients
from common.layers import set_training
from dataset import toy

V, D, N, T = 7, 8, 2, 4
rotary_or_learnt = pytest.mark.parametrize('rotary', [False, True])


def make(rotary=False, time_size=6, dropout_ratio=0.0):
    """A model whose weights are large enough that all parts of it matter."""
    model = GPT(V, D, 2, 2, time_size, 5, dropout_ratio, rotary, dtype='d')
    for param in model.params[:-1]:
        param += 0.5 * np.random.randn(*param.shape)
    model.params[-1][...] = np.random.randn(V)
    return model


def ids(*shape):
    return np.random.RandomState(1).randint(V, size=shape)


@rotary_or_learnt
@pytest.mark.parametrize('dropout_ratio', [0.0, 0.3])
def test_gradients(rotary, dropout_ratio):
    check_gradients(make(rotary, dropout_ratio=dropout_ratio), ids(N, T), ids(T, N).T)


def test_dropout_in_training_alone():
    model, xs = make(dropout_ratio=0.3), ids(N, T)
    assert not np.array_equal(model.predict(xs), model.predict(xs))
    set_training(model, False)
    np.testing.assert_array_equal(model.predict(xs), model.predict(xs))


def test_embedding_and_affine_layer_are_tied():
    model = make()
    model.params[0][2, 1] = 42
    assert model.affine_layer.params[0][1, 2] == 42


@rotary_or_learnt
def test_no_word_is_seen_ahead_and_each_behind_is(rotary):
    model, xs = make(rotary), ids(N, T)
    before = model.predict(xs)
    xs[:, 2] = (xs[:, 2] + 1) % V
    after = model.predict(xs)
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert (abs(after[:, 2:] - before[:, 2:]).max(axis=2) > 1e-3).all()


@rotary_or_learnt
def test_the_order_of_words_matters(rotary):
    model = make(rotary)
    a, b = (model.predict(np.array([row]))[0, -1] for row in ([1, 2, 3, 4], [2, 1, 3, 4]))
    assert abs(a - b).max() > 1e-3


# ---------------------------------------------------------------- context carried over


@rotary_or_learnt
def test_carried_context_is_one_long_forward(rotary):
    """As long as there is place; then the words furthest back are forgotten."""
    model, xs = make(rotary, time_size=6), ids(N, 8)
    whole, last = model.predict(xs[:, :6]), model.predict(xs[:, 2:])
    model.carry = True
    np.testing.assert_allclose(model.predict(xs[:, :2]), whole[:, :2], rtol=1e-10)
    np.testing.assert_allclose(model.predict(xs[:, 2:6]), whole[:, 2:], rtol=1e-10)
    np.testing.assert_allclose(model.predict(xs[:, 6:]), last[:, 4:], rtol=1e-10)
    assert abs(model.predict(xs[:, :2]) - whole[:, :2]).max() > 1e-3
    model.reset_state()
    np.testing.assert_allclose(model.predict(xs[:, :2]), whole[:, :2], rtol=1e-10)
    with pytest.raises(ValueError, match=r'^xs: expected a batch of 2, as in the calls before, got 1$'):
        model.predict(xs[:1, :2])


def test_gradients_of_carried_context():
    """Those of one long forward in which the labels of the words that were carried over are ignored."""
    model, xs, ts = make(), ids(N, 6), ids(6, N).T.copy()
    model.carry = True
    model.predict(xs[:, :2])
    loss = model.forward(xs[:, 2:], ts[:, 2:])
    model.backward()
    grads = [grad.copy() for grad in model.grads]
    model.carry = False
    ts[:, :2] = -1
    assert model.forward(xs, ts) == pytest.approx(loss, rel=1e-12)
    model.backward()
    for grad, carried in zip(model.grads, grads, strict=True):
        np.testing.assert_allclose(carried, grad, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize('carry', [True, False])
def test_perplexity_with_and_without_context(carry):
    """By hand: two rows of five words, the model seeing four at once, two of them new where context is carried."""
    model, text = make(time_size=4, dropout_ratio=0.5), ids(41)
    set_training(model, False)
    losses = []
    for row in range(10):
        piece = text[4 * row:4 * row + 5]
        for i in range(4 if not carry else 2):
            scores = model.predict(piece[None, :i + 1])[0, -1]
            losses.append(np.log(np.exp(scores).sum()) - scores[piece[i + 1]])
        if carry:       # the second step sees the first two words too
            for i in (2, 3):
                scores = model.predict(piece[None, :i + 1])[0, -1]
                losses.append(np.log(np.exp(scores).sum()) - scores[piece[i + 1]])
    set_training(model, True)
    model.past = ids(10, 2)
    for _ in range(2):      # a fresh state each time, dropout off
        assert gpt_perplexity(model, text, carry) == pytest.approx(np.exp(np.mean(losses)), rel=1e-10)
    assert model.train_flg and not model.carry and model.past is None


def test_too_many_words_are_refused():
    with pytest.raises(ValueError, match=r'^xs: expected up to 6 words a row, .* got 7$'):
        make().predict(ids(1, 7))


# ---------------------------------------------------------------- writing


@rotary_or_learnt
@pytest.mark.parametrize('options', [
    {}, {'temperature': 3.0, 'top_k': 5}, {'temperature': 3.0, 'top_p': 0.9, 'skip_ids': [2, 5]}])
def test_with_and_without_the_cache_the_same_ids(rotary, options):
    """Far beyond time_size; without, each word is drawn from one forward of all that it may look at."""
    model = make(rotary, dropout_ratio=0.5)
    for start in (3, [1, 4, 3], ids(9)):
        texts = []
        for use_cache in (True, False):
            np.random.seed(11)
            texts.append(model.generate(start, sample_size=40, use_cache=use_cache, **options))
        assert texts[0] == texts[1] and len(set(texts[0])) > 3
        first = np.atleast_1d(start).tolist()
        assert texts[0][:len(first)] == first and len(texts[0]) == len(first) + 39
        assert all(type(i) is int for i in texts[0])
        assert not set(texts[0][len(first):]) & set(options.get('skip_ids', []))
    assert model.train_flg and model.blocks[0].attention.cache_length == 0


def test_where_it_is_full_the_last_half_is_read_on(monkeypatch):
    """Without the cache, what is read for each word is all of them, and after four the last two."""
    model, read = make(time_size=4), []
    predict = GPT.predict
    monkeypatch.setattr(GPT, 'predict', lambda self, xs: read.append(xs.tolist()[0]) or predict(self, xs))
    text = model.generate(5, sample_size=8, use_cache=False)
    assert read == [text[:1], text[:2], text[:3], text[:4], text[3:5], text[3:6], text[3:7]]
    read.clear()
    text = model.generate(5, sample_size=8)
    assert read == [text[:1], text[1:2], text[2:3], text[3:4], text[3:5], text[5:6], text[6:7]]


@rotary_or_learnt
def test_scores_with_the_cache_are_those_without(rotary, monkeypatch):
    model, scores = make(rotary, time_size=30), []
    predict = GPT.predict
    monkeypatch.setattr(GPT, 'predict', lambda self, xs: scores.append(predict(self, xs)) or scores[-1])
    text = model.generate(1, sample_size=30)
    assert [s.shape for s in scores] == [(1, 1, V)] * 29
    np.testing.assert_allclose(np.concatenate(scores, axis=1), predict(model, np.array([text[:-1]])), rtol=1e-9,
                               atol=1e-9)


P = np.array([0.05, 0.4, 0.1, 0.3, 0.15])


@pytest.mark.parametrize('options, kept', [
    ({'top_p': 0.39}, [1]), ({'top_p': 0.41}, [1, 3]), ({'top_p': 0.8}, [1, 3, 4]), ({'top_p': 1.0}, [0, 1, 2, 3, 4]),
    ({'top_p': 1e-9}, [1]), ({'top_k': 2}, [1, 3]), ({'top_k': 9}, [0, 1, 2, 3, 4]),
    ({'top_k': 2, 'top_p': 0.5}, [1]),      # among two 0.4 is 4/7 of all
    ({'top_p': 0.6, 'taken': np.array([True, False, True, True, True])}, [3, 4])])
def test_nucleus_and_top_k(options, kept):
    """Each of those that are kept is drawn as often as its share says."""
    np.random.seed(3)
    counts = np.bincount([draw_id(np.log(P), **options) for _ in range(4000)], minlength=5)
    assert np.flatnonzero(counts).tolist() == kept
    expected = P[kept] / P[kept].sum() * 4000
    assert ((counts[kept] - expected)**2 / expected).sum() < 18.5      # chi-square, 4 degrees of freedom, 0.1 %


def test_temperature_comes_before_the_nucleus():
    """At 1/2 the probabilities are as their squares, 0.16 of 0.285 the largest: the nucleus of 0.56 is one word."""
    np.random.seed(3)
    assert {draw_id(np.log(P), temperature=0.5, top_p=0.56) for _ in range(100)} == {1}
    assert {draw_id(np.log(P), top_p=0.56) for _ in range(100)} == {1, 3}


@pytest.mark.parametrize('options, what', [
    ({'start_ids': []}, 'start_ids: expected one id or more, got none'),
    ({'start_ids': [0, V]}, f'start_ids: expected an id from 0 to 6, got {V}'),
    ({'start_ids': 0, 'top_p': 0.0}, r'top_p: expected more than 0, up to 1, got 0\.0'),
    ({'start_ids': 0, 'top_p': 1.5}, r'top_p: expected more than 0, up to 1, got 1\.5'),
    ({'start_ids': 0, 'skip_ids': range(V)}, 'skip_ids: expected at least one id to be left, got all 7 ids')])
def test_what_cannot_be_written_is_refused(options, what):
    with pytest.raises(ValueError, match=what):
        make().generate(**options)


# ---------------------------------------------------------------- files


@rotary_or_learnt
def test_a_file_brings_the_model_back(rotary):
    model, words = make(rotary), list('abcdefg')
    model.save_params('GPT.npz', {'flags': {'tokens': 'characters'}}, words)
    found, about, word_to_id, id_to_word = load_gpt('GPT.npz')
    assert found.sizes == {'vocab_size': V, 'D': D, 'heads': 2, 'blocks': 2, 'time_size': 6, 'hidden': 5,
                           'rotary': rotary}
    assert about['flags'] == {'tokens': 'characters'}
    assert word_to_id == {word: i for i, word in enumerate(words)} and id_to_word == dict(enumerate(words))
    set_training(found, False)
    np.testing.assert_allclose(found.predict(ids(N, T)), model.predict(ids(N, T)), rtol=1e-4, atol=1e-4)     # float32


@pytest.mark.parametrize('name, size', [('vocab_size', 8), ('D', 10**9), ('blocks', 1), ('time_size', 10**12),
                                        ('hidden', 6), ('rotary', True), ('heads', 3), ('blocks', 'two')])
def test_a_file_whose_sizes_are_not_its_own_is_refused(name, size):
    model = make()
    model.sizes[name] = size
    model.save_params('GPT.npz', words=list('abcdefg'))
    with pytest.raises(ValueError, match='expected'):
        load_gpt('GPT.npz')


def test_a_file_of_another_model_is_refused():
    model = make()
    model.save_params('Rnnlm.npz', {'class': 'Rnnlm'}, list('abcdefg'))
    with pytest.raises(ValueError, match=r"^Rnnlm\.npz: expected weights of GPT, with their sizes, got those of 'Rnnl"):
        load_gpt('Rnnlm.npz')


# ---------------------------------------------------------------- characters, scripts


TINY = {'wordvec_size': 16, 'heads': 2, 'blocks': 1, 'dropout': 0.0, 'time_size': 20, 'batch_size': 20}


@pytest.mark.slow
def test_training_on_toy_learns_more_than_how_often_words_come(capsys):
    corpus, word_to_id, _ = toy.load_data('train')
    p = np.bincount(corpus, minlength=len(word_to_id)) / len(corpus)
    unigram = np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())
    flags = TINY | {'learning_rate': 0.01, 'seed': 1}
    trainer, found = train_gpt.main('toy', **flags, max_epoch=2)
    assert toy.perplexity_floor() < found['with context carried over'] < unigram / 3
    assert found['with context carried over'] < found['without'] < unigram / 3
    assert Path('ch08_transformer_train_gpt.png').stat().st_size > 5000
    out = capsys.readouterr().out
    assert f'test perplexity, without: {found["without"]:.2f}\n' in out and 'can do better than 5.44' in out
    # the file is the best epoch's, and a text can be written from it
    model, about, _, _ = load_gpt('GPT.npz')
    assert about['corpus'] == 'toy' and about['epochs'] == 2
    for mine, other in zip(model.params, trainer.model.params, strict=True):
        np.testing.assert_array_equal(mine, other)
    texts = [generate_gpt.main(start='the man', sample_size=30, seed=3, top_p=0.8, cache=cache)
             for cache in (True, False)]
    assert texts[0] == texts[1] and texts[0].startswith('the man ')
    assert len(texts[0].replace('.\n', ' <eos> ').split()) == 31
    with pytest.raises(ValueError, match=r"^start: expected words of the corpus, got 'the mna' \(it has no mna\)$"):
        generate_gpt.main(start='the mna')


def test_training_on_characters_and_going_on():
    Path('own.txt').write_text('the cat sat on the mat.\n' * 60, encoding='utf-8')
    flags = TINY | {'tokens': 'characters', 'batch_size': 8, 'seed': 2, 'learning_rate': 0.01}
    trainer, found = train_gpt.main('own.txt', **flags, max_epoch=4)
    assert found['with context carried over'] < 10
    text = generate_gpt.main(start='th', sample_size=50, temperature=0.5, seed=1)
    assert text.startswith('th') and 40 < len(text) <= 51 and set(text) <= set('the cat sat on the mat.\n')
    again, _ = train_gpt.main('own.txt', **flags, max_epoch=4, name='Again', resume=True)     # nothing to go on from
    assert again.valid_list == trainer.valid_list


def test_a_resumed_training_ends_as_one_never_stopped(monkeypatch):
    Path('own.txt').write_text('a cat sat on the mat\n' * 100, encoding='utf-8')
    flags = TINY | {'batch_size': 4, 'seed': 2, 'dropout': 0.2, 'max_epoch': 3}
    whole, found = train_gpt.main('own.txt', **flags)
    validate = train_gpt.gpt_perplexity
    calls = []

    def stop(model, ids, carry=True):
        calls.append(carry)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return validate(model, ids, carry)

    with monkeypatch.context() as patch:
        patch.setattr(train_gpt, 'gpt_perplexity', stop)
        with pytest.raises(KeyboardInterrupt):
            train_gpt.main('own.txt', **flags, name='Other')
    other, found_again = train_gpt.main('own.txt', **flags, name='Other', resume=True)
    assert found_again == found and other.valid_list == whole.valid_list


@pytest.mark.slow
def test_compare_language_models(monkeypatch):
    monkeypatch.setattr(compare_language_models, 'SLICES', 3)
    curves = compare_language_models.main(seconds=2.0, hidden_size=10, wordvec_size=8, heads=2, blocks=1, seed=1)
    assert set(curves) == {'Rnnlm', 'GPT'}
    for points in curves.values():
        assert len(points) == 3 and 2 <= points[-1][0] < 4
        assert points[-1][1] < points[0][1] < 400
    assert Path('ch08_transformer_compare_language_models.png').stat().st_size > 5000
