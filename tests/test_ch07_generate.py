"""Chapter 7: text drawn from language models."""
from pathlib import Path

import numpy as np
import pytest

from ch06 import eval as eval_rnnlm
from ch06 import train_rnnlm
from ch07 import generate_better_text, generate_text
from ch07.generate_text import write_text
from ch07.rnnlm_gen import TRIES, BetterRnnlmGen, RnnlmGen
from common.checks import InputError
from dataset import toy

V, H = 9, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(x, h, c, Wx, Wh, b):
    f, g, i, o = np.split(x @ Wx + h @ Wh + b, 4)
    c = sigmoid(f) * c + np.tanh(g) * sigmoid(i)
    return sigmoid(o) * np.tanh(c), c


def plain_generate(params, start_id, skip_ids, sample_size):
    """What generate is to give: one or two LSTMs (as many as params tells) without batches, one uniform a draw."""
    embed_W, *lstms, affine_W, affine_b = params
    lstms = [lstms[i:i + 3] for i in range(0, len(lstms), 3)]
    states = [(np.zeros(H), np.zeros(H)) for _ in lstms]
    ids = [start_id]
    while len(ids) < sample_size:
        x = embed_W[ids[-1]]
        for k, weights in enumerate(lstms):
            states[k] = step(x, *states[k], *weights)
            x = states[k][0]
        score = x @ affine_W + affine_b
        cdf = np.cumsum(np.exp(score) / np.exp(score).sum())
        drawn = int((cdf <= np.random.random_sample()).sum())
        if drawn not in skip_ids:
            ids.append(drawn)
    return ids


def make(Model, seed=2):
    np.random.seed(seed)
    model = Model(V, H, H, dtype='d')
    for param in model.params:
        param += np.random.randn(*param.shape)
    return model


both = pytest.mark.parametrize('Model', [RnnlmGen, BetterRnnlmGen])


@both
@pytest.mark.parametrize('skip_ids', [None, [3, 5, 0]])
def test_generate_draws_as_a_plain_model_does(Model, skip_ids):
    model = make(Model)
    np.random.seed(11)
    ids = model.generate(4, skip_ids, sample_size=60)
    np.random.seed(11)
    assert ids == plain_generate(model.params, 4, skip_ids or [], 60)
    assert len(ids) == 60 and ids[0] == 4
    assert len(set(ids)) > 3
    assert all(type(i) is int for i in ids)


@both
def test_skipped_ids_never_appear(Model):
    model = make(Model)
    skip_ids = np.array([1, 2, 3, 6])
    assert not set(model.generate(4, skip_ids, sample_size=300)) & {1, 2, 3, 6}


def test_ids_are_drawn_by_their_probabilities():
    model = RnnlmGen(V, H, H)
    p = np.array([0.4, 0.2, 0.1, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01])
    model.predict = lambda xs: np.log(p, dtype='f').reshape(1, 1, V) + 50
    n = 8001
    counts = np.bincount(model.generate(8, [0], n)[1:], minlength=V)
    assert counts[0] == 0
    expected = p[1:] / p[1:].sum() * (n - 1)
    assert ((counts[1:] - expected)**2 / expected).sum() < 24.3      # chi-square, 7 degrees of freedom, 0.1 %


def drawn(p, n=4001, **options):
    """How often each id comes, of a model that always gives the probabilities p (V,)."""
    model = RnnlmGen(V, H, H)
    model.predict = lambda xs: np.log(np.array(p), dtype='f').reshape(1, 1, V) + 50
    return np.bincount(model.generate(8, sample_size=n, **options)[1:], minlength=V)


P = np.array([0.4, 0.2, 0.1, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01])


@pytest.mark.parametrize('temperature', [0.5, 2.0])
def test_temperature_sharpens_or_flattens(temperature):
    np.random.seed(5)
    expected = P ** (1 / temperature)
    expected *= 4000 / expected.sum()
    counts = drawn(P, temperature=temperature)
    assert ((counts - expected)**2 / expected).sum() < 26.1     # chi-square, 8 degrees of freedom, 0.1 %


def test_top_k_draws_the_likeliest_alone():
    np.random.seed(5)
    counts = drawn(P[::-1], top_k=3)
    assert counts[:5].sum() == 0                                # 0.1 stands twice: equal scores go together
    expected = P[::-1][5:] / P[:4].sum() * 4000
    assert ((counts[5:] - expected)**2 / expected).sum() < 16.3         # 3 degrees of freedom
    assert drawn(P, n=50, top_k=1)[0] == 49
    for temperature in (1e-3, 1e-308, 5e-324):
        assert drawn(P, n=50, temperature=temperature)[0] == 49         # as good as the likeliest


def test_top_k_counts_without_the_skipped():
    """They would take all places, and the drawing would never end."""
    counts = drawn(P, n=200, top_k=2, skip_ids=[0, 1, 4, 99])
    assert set(np.flatnonzero(counts)) == {2, 3}
    assert set(np.flatnonzero(drawn(P, n=200, temperature=0.01, skip_ids=[0]))) == {1}


def test_where_nearly_all_probability_is_that_of_skipped_ids_the_drawing_ends():
    """At most TRIES reads of the model a word, and the words by their probabilities among themselves."""
    p = np.array([1 - 1.1e-4, 0, 1e-4, 1e-5, 0, 0, 0, 0, 0]) + 1e-30
    model, reads = RnnlmGen(V, H, H), []
    model.predict = lambda xs: reads.append(1) or np.log(p).reshape(1, 1, V)
    ids = model.generate(2, [0], 201)
    assert 200 * 50 < len(reads) <= 200 * (TRIES + 1) and 0 not in ids
    assert 160 < ids[1:].count(2) < 199 and 1 < ids[1:].count(3) < 40 and ids[1:].count(1) == 0


def test_default_options_draw_as_before():
    model = make(RnnlmGen)
    sequences = []
    for options in ({}, {'temperature': 1.0, 'top_k': None}, {'top_k': V}):
        model.reset_state()
        np.random.seed(11)
        sequences.append(model.generate(4, sample_size=40, **options))
    assert sequences[0] == sequences[1] == sequences[2]


@both
@pytest.mark.parametrize('options, what', [({'temperature': 0}, 'temperature: expected more than 0, got 0'),
                                           ({'temperature': -1.0},
                                            'temperature: expected a finite number, 0 or more, got -1.0'),
                                           ({'temperature': float('nan')},
                                            'temperature: expected a finite number, 0 or more, got nan'),
                                           ({'top_k': 0}, 'top_k: expected 1 or more, got 0')])
def test_bad_options_are_refused(Model, options, what):
    with pytest.raises(ValueError, match=what):
        make(Model).generate(0, **options)


@both
def test_state_runs_on(Model):
    model = make(Model)
    np.random.seed(3)
    whole = model.generate(4, sample_size=30)
    model.reset_state()
    np.random.seed(3)
    first = model.generate(4, sample_size=10)
    assert first + model.generate(first[-1], sample_size=21)[1:] == whole


@both
def test_state_is_got_and_set(Model):
    model = make(Model)
    model.generate(4, sample_size=5)
    state = model.get_state()
    xs = np.array([[2]])
    scores = model.predict(xs)
    assert not np.allclose(model.predict(xs), scores)
    model.set_state(state)
    np.testing.assert_array_equal(model.predict(xs), scores)


def test_states_have_the_books_form():
    model, better = make(RnnlmGen), make(BetterRnnlmGen)
    for m in (model, better):
        m.generate(1, sample_size=3)
    h, c = model.get_state()
    assert h is model.lstm_layer.h and c is model.lstm_layer.c
    assert h.shape == c.shape == (1, H)
    assert [[a.shape for a in state] for state in better.get_state()] == [[(1, H)] * 2] * 2


@both
def test_what_cannot_be_generated_is_refused(Model):
    model = make(Model)
    with pytest.raises(ValueError, match='skip_ids: expected at least one id to be left, got all 9 ids'):
        model.generate(0, range(V))
    for start_id in (-1, V):
        with pytest.raises(ValueError, match=f'start_id: expected an id from 0 to 8, got {start_id}'):
            model.generate(start_id)


# ---------------------------------------------------------------- the scripts


class Parrot:
    """Notes what is asked of it."""

    def __init__(self):
        self.asked = []

    def reset_state(self):
        self.asked.append('reset')

    def predict(self, xs):
        assert xs.shape == (1, 1)
        self.asked.append(int(xs[0, 0]))

    def generate(self, *how):
        self.asked.append(how)
        return [how[0], 3, 4, 1, 3]


WORDS = ['the', 'life', 'N', 'is', '<eos>', '$']


def test_write_text():
    model = Parrot()
    word_to_id = {word: i for i, word in enumerate(WORDS)}
    text = write_text(model, 'the life is', word_to_id, dict(enumerate(WORDS)), 7, 0.5, 3)
    assert model.asked == ['reset', 0, 1, (3, [2, 5], 7, 0.5, 3)]
    assert text == 'the life is is.\nlife is'


def test_words_that_a_terminal_would_obey_are_shown():
    words = ['a\x1b[2J', 'b', 'c', 'd', '<eos>']
    word_to_id = {word: i for i, word in enumerate(words)}
    assert write_text(Parrot(), 'a\x1b[2J', word_to_id, dict(enumerate(words)), 7) == 'a\\x1b[2J d.\nb d'
    with pytest.raises(ValueError, match=r"got 'e\\x07' \(it has no e\\x07\)$"):
        write_text(Parrot(), 'e\x07', word_to_id, dict(enumerate(words)), 7)


@pytest.mark.parametrize(('beginning', 'message'), [
    ('the lief', r"start: expected words of the corpus, got 'the lief' \(it has no lief\)"),
    ('', "start: expected words of the corpus, got ''$")])
def test_write_text_wants_known_words(beginning, message):
    with pytest.raises(ValueError, match=message):
        write_text(Parrot(), beginning, {word: i for i, word in enumerate(WORDS)}, dict(enumerate(WORDS)), 7)


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """Small untrained models of the toy language, where the scripts look for them."""
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'data'))
    vocab_size = len(toy.load_vocab()[0])
    (tmp_path / 'ch06').mkdir()
    of_toy = {'corpus': 'toy'}, list(toy.load_vocab()[0])
    RnnlmGen(vocab_size, 6, H).save_params('ch06/Rnnlm.npz', *of_toy)
    BetterRnnlmGen(vocab_size, H, H).save_params('ch06/BetterRnnlm.npz', *of_toy)


def test_generate_text(weights, capsys):
    text = generate_text.main(start='you', sample_size=40, seed=1)
    assert capsys.readouterr().out == text + '\n'
    words = text.replace('.\n', ' <eos> ').split()
    assert len(words) == 40 and words[0] == 'you'
    assert set(words) <= toy.load_vocab()[0].keys()
    assert generate_text.main('toy', start='you', sample_size=40, seed=1) == text
    assert generate_text.main('toy', start='you', sample_size=40, seed=2) != text


def test_generate_better_text(weights):
    first, second = generate_better_text.main('toy', sample_size=12, seed=1)
    assert first.startswith('you ') and len(first.replace('.\n', ' <eos> ').split()) == 12
    assert second.startswith('the meaning of life is ') and len(second.replace('.\n', ' <eos> ').split()) == 16


def test_both_beginnings_are_looked_at_before_the_first_text(weights, capsys):
    with pytest.raises(InputError, match=r'^sentence: expected words of the corpus, .*it has no blorb'):
        generate_better_text.main('toy', sentence='the blorb', sample_size=12)
    assert capsys.readouterr().out == ''


def test_weights_of_another_corpus_are_refused_with_both_names(weights):
    Path('own.txt').write_text('a b c\n' * 20, encoding='utf-8')
    with pytest.raises(ValueError, match=r"corpus: expected 'toy', from which .*Rnnlm\.npz was learnt, got 'own\.txt'"):
        generate_text.main('own.txt', start='a')
    RnnlmGen(338, 6, H).save_params('Rnnlm.npz')        # a file that says nothing of its corpus
    with pytest.raises(ValueError, match=r"one of 338 different words, from which Rnnlm\.npz .*, got 'own\.txt'"):
        generate_text.main('own.txt', start='a')


def test_without_weights_the_error_names_the_script(monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'ch06\.train_rnnlm makes it'):
        generate_text.main('toy')
    with pytest.raises(FileNotFoundError, match=r'ch06\.train_better_rnnlm makes it'):
        generate_better_text.main('toy')


def test_text_of_the_books_model(real_data):
    text = generate_text.main(seed=1)
    words = text.replace('.\n', ' <eos> ').split()
    assert len(words) == 100
    assert not {'N', '<unk>', '$'} & set(words)
    assert 2 <= words.count('<eos>') <= 15       # sentences of the newspaper's length


def test_own_corpora_begin_with_their_words_and_end_as_they_do():
    words = ['나는', '학교에', '갔다', '.', '<eos>', '<unk>', 'N', '$', '猫']
    known = {word: i for i, word in enumerate(words)}
    assert generate_text.opening('you', 1, known) == '나는'
    assert generate_text.opening('the meaning of life is', 5, known) == '나는 학교에 갔다 .'
    assert generate_text.opening('the meaning of life is', 5, known, 'words') == '나는 학교에 갔다.'
    assert generate_text.opening('갔다 나는', 1, known) == '갔다 나는'
    assert generate_text.ids_of('나는 갔다.', known, 'words') == [0, 2, 3]
    assert generate_text.skip_ids(known, 'words') == [6, 5, 7] and generate_text.skip_ids(known, 'characters') == [5]
    assert generate_text.as_text([0, 2, 3, 4, 0, 1], dict(enumerate(words)), 'words') == '나는 갔다.\n나는 학교에'
    assert generate_text.as_text([0, 1, 0], {0: 'a', 1: '<eos>'}, 'words') == 'a.\na'
    assert generate_text.as_text([0, 1, 0], {0: '猫', 1: '<eos>'}, 'words') == '猫\n猫'


@pytest.mark.slow
@pytest.mark.parametrize('tokens', ['words', 'characters'])
def test_a_model_of_an_own_text_writes_as_that_is_written(tokens):
    Path('my.txt').write_bytes('昨日、猫が魚を食べた。\n今日、犬が本を見た。\n'.encode('cp932') * 40)
    train_rnnlm.main('my.txt', tokens=tokens, encoding='cp932', max_epoch=3, batch_size=4, time_size=8, seed=1)
    lines = generate_text.main(sample_size=60, seed=1).split('\n')
    assert lines[0].startswith('昨') and not any(' ' in line or '。。' in line for line in lines)
    assert eval_rnnlm.main(corpus='my.txt') < 3         # tokens and encoding are those of the file
