"""dataset.toy: its sentences, and its entropy by ways other than the module's own."""
import hashlib
import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from dataset import toy

RULES = toy.parse_grammar()
WORD_LISTS = {symbol: [s[0] for _, s in rule] for symbol, rule in RULES.items()
              if all(len(s) == 1 and s[0] not in RULES and weight == 1 for weight, s in rule)}


def expand(symbol):
    """Every row of words and word lists that a symbol may become, with its probability; lists stay closed."""
    if symbol not in RULES or symbol in WORD_LISTS:
        return [((symbol,), 1.0)]
    total = sum(weight for weight, _ in RULES[symbol])
    rows = []
    for weight, symbols in RULES[symbol]:
        for parts in product(*map(expand, symbols)):
            rows.append((sum((row for row, _ in parts), ()), weight / total * math.prod(p for _, p in parts)))
    return rows


@pytest.fixture(scope='module')
def rows():
    return expand('TEXT')


def test_a_sentence_has_one_derivation(rows):
    """Each word stands in one list, once, or outside the lists; and no row comes about in two ways."""
    listed = Counter(word for words in WORD_LISTS.values() for word in words)
    spelt = {word for symbol, rule in RULES.items() if symbol not in WORD_LISTS for _, s in rule for word in s}
    assert max(listed.values()) == 1 and not spelt & set(listed)
    assert len({row for row, _ in rows}) == len(rows) > 500
    assert math.isclose(sum(p for _, p in rows), 1)


def test_floor_is_the_entropy_of_all_sentences(rows):
    """− Σ p log p over all sentences, gathered by rows: the words of a list are equally likely."""
    entropy = length = 0.0
    for row, p in rows:
        ways = math.prod(len(WORD_LISTS.get(symbol, ' ')) for symbol in row)
        entropy -= p * math.log(p / ways)
        length += p * len(row)
    assert math.isclose(toy.perplexity_floor(), math.exp(entropy / length), rel_tol=1e-12)
    assert 5 < toy.perplexity_floor() < 15


def test_generated_sentences_have_the_grammars_probabilities(rows):
    """The perplexity of a sample under the grammar is the floor, within what chance allows."""
    corpus, _, id_to_word = toy.load_data(size=20_000)
    list_of = {word: symbol for symbol, words in WORD_LISTS.items() for word in words}
    log_p = {row: math.log(p) for row, p in rows}
    text = [id_to_word[i] for i in corpus.tolist()]
    ends = [i + 1 for i, word in enumerate(text) if word == '<eos>']
    assert len(ends) == 20_000 and ends[-1] == len(text)
    surprise, seen = [], Counter()
    for start, end in zip([0, *ends], ends, strict=False):
        row = tuple(list_of.get(word, word) for word in text[start:end])
        surprise.append(-log_p[row] + sum(math.log(len(WORD_LISTS.get(symbol, ' '))) for symbol in row))
        seen[row] += 1
    error = np.std(surprise) / math.sqrt(len(surprise)) / (len(text) / len(ends))   # of the mean, per word
    assert abs(sum(surprise) / len(text) - math.log(toy.perplexity_floor())) < 4 * error < 0.02
    # and the rows themselves come as often as they should: chi-square over those expected 20 times or more
    expected = {row: 20_000 * p for row, p in rows if 20_000 * p >= 20}
    chi2 = sum((seen[row] - n) ** 2 / n for row, n in expected.items())
    assert abs(chi2 - len(expected)) < 5 * math.sqrt(2 * len(expected))
    # as do the words of a list
    counts = Counter(text)
    days = [counts[day] for day in WORD_LISTS['DAY']]
    assert len(days) == 7 and sum((n - np.mean(days)) ** 2 / np.mean(days) for n in days) < 25


def test_grammar_agrees():
    """What English asks for, looked at in the sentences."""
    corpus, _, id_to_word = toy.load_data()
    sentences = ' '.join(id_to_word[i] for i in corpus.tolist()).split(' <eos>')
    for wrong in ('you goes', 'she go', 'a cars', 'two car', 'these child', 'will went', 'children is', 'car are'):
        assert not any(f' {wrong} ' in f'{s} ' for s in sentences)
    assert sum(' goes to ' in s for s in sentences) > 50 and sum(' went to ' in s for s in sentences) > 50
    for s in sentences:
        words = s.split()
        if 'his' in words or 'her' in words:
            male = {'man', 'boy', 'king', 'prince', *WORD_LISTS['FATHER']} & set(words)
            female = {'woman', 'girl', 'queen', 'princess', *WORD_LISTS['MOTHER']} & set(words)
            assert (bool(male), bool(female)) == ('his' in words, 'her' in words)


def test_words():
    corpus, word_to_id, id_to_word = toy.load_data()
    assert 280 <= len(word_to_id) <= 350 and id_to_word == {i: word for word, i in word_to_id.items()}
    assert set(corpus.tolist()) == set(range(len(word_to_id)))      # every word is there, none beyond
    # the words that chapters 2 to 4 ask for
    assert set(word_to_id) > {'you', 'year', 'car', 'toyota', 'king', 'man', 'queen', 'woman', 'take', 'took', 'go',
                              'went', 'cars', 'child', 'children', 'good', 'better', 'bad', 'worse', '<eos>'}
    assert 90_000 < len(corpus) < 110_000
    assert toy.load_vocab() == (word_to_id, id_to_word)
    assert toy.load_data('test', size=1, seed=5)[1:] == (word_to_id, id_to_word)


def test_parts_sizes_and_seeds():
    np.random.seed(3)
    parts = {name: toy.load_data(name)[0] for name in ('train', 'valid', 'test')}
    assert np.array_equal(toy.load_data('val')[0], parts['valid'])
    eos = toy.load_vocab()[0]['<eos>']
    assert [(part == eos).sum() for part in parts.values()] == [12_000, 1_200, 1_200]
    assert all(part[-1] == eos and part.dtype == np.int64 for part in parts.values())
    assert (toy.load_data('test', size=7)[0] == eos).sum() == 7
    drawn = [toy.load_data(name, size=50, seed=seed)[0].tolist()
             for name in ('train', 'valid', 'test') for seed in (1, 2)]
    assert len({tuple(ids) for ids in drawn}) == 6
    assert toy.load_data('train', size=50, seed=1)[0].tolist() == drawn[0]
    assert np.random.rand() == np.random.RandomState(3).rand()      # the global stream is left alone


def test_the_same_on_every_machine():
    _, _, id_to_word = toy.load_data()
    text = ' '.join(id_to_word[i] for i in toy.load_data()[0].tolist())
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == 'f6fd7789d84de799'


def test_refused():
    with pytest.raises(ValueError, match='data_type'):
        toy.load_data('dev')
    for size in (0, -1):
        with pytest.raises(ValueError, match=f'size: expected at least one sentence, a whole number, got {size}'):
            toy.load_data(size=size)
