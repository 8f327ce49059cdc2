"""dataset.toy: its sentences, and its entropy by ways other than the module's own."""
import hashlib
import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from common.checks import InputError
from dataset import toy
from dataset.toy_grammar import Derivations

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


# ---- exact probabilities of words

SMALL = toy.parse_grammar("""
S = 3: NP VP | it VP | 2: VP now
NP = the N | a N N
N = 2: dog | cat
VP = sleeps | 2: sees NP
""")


def sentences_of(rules, symbol):
    """Every sentence with its probability: all derivations, one by one, the slow way."""
    if symbol not in rules:
        return [((symbol,), 1.0)]
    total = sum(weight for weight, _ in rules[symbol])
    return [(sum((words for words, _ in parts), ()), weight / total * math.prod(p for _, p in parts))
            for weight, symbols in rules[symbol] for parts in product(*(sentences_of(rules, s) for s in symbols))]


def shares(weights):
    total = math.fsum(weights.values())
    return {word: weight / total for word, weight in weights.items()}


def test_next_words_of_a_small_grammar_are_those_of_all_its_sentences():
    sentences, derivations = sentences_of(SMALL, 'S'), Derivations(SMALL)
    assert len(sentences) == 6 * 7 + 7 + 7
    for prefix in {words[:i] for words, _ in sentences for i in range(len(words))}:
        n, expected = len(prefix), Counter()
        for words, p in sentences:
            if words[:n] == prefix and len(words) > n:
                expected[words[n]] += p
        found = derivations.next_words('S', prefix)
        assert found == pytest.approx(shares(expected), rel=1e-12)
        assert math.isclose(sum(found.values()), 1)
    assert derivations.next_words('S', ('dog',)) == {}


def test_words_among_others_of_a_small_grammar_are_those_of_all_its_sentences():
    """With one word left out, and with a second one."""
    sentences, derivations = sentences_of(SMALL, 'S'), Derivations(SMALL)
    patterns = set()
    for words, _ in sentences:
        for place in range(len(words)):
            for other in range(len(words)):
                patterns.add((tuple(None if i in (place, other) else w for i, w in enumerate(words)), place))
    assert len(patterns) > 300
    for pattern, place in patterns:
        expected = Counter()
        for words, p in sentences:
            if len(words) == len(pattern) and all(a in (None, b) for a, b in zip(pattern, words, strict=True)):
                expected[words[place]] += p
        found = derivations.word_at('S', pattern, place)
        assert found == pytest.approx(shares(expected), rel=1e-12)
        assert math.isclose(sum(found.values()), 1)


def split(corpus, id_to_word):
    """The sentences of a corpus, each a list of words without its <eos>."""
    return [sentence.split() for sentence in ' '.join(id_to_word[i] for i in corpus.tolist()).split(' <eos>')[:-1]]


def test_next_words_by_hand():
    """`you went to` a place, 2 in 3, or one of 7 cities."""
    found = toy.next_word_probabilities(['you', 'went', 'to'])
    cities = ['tokyo', 'osaka', 'london', 'paris', 'seoul', 'boston', 'chicago']
    assert found == pytest.approx({'the': 2 / 3, **dict.fromkeys(cities, 1 / 21)}, rel=1e-12)
    assert toy.next_word_probabilities(['the', 'meaning', 'of', 'life', 'is', 'love']) == pytest.approx({'<eos>': 1.0})
    assert toy.next_word_probabilities([])['it'] == pytest.approx(1 / 34)        # the weather, 1 of 34


def test_masked_words_by_hand():
    """Those who drove a red car: one of them, or many; each group's first words have the probabilities they had."""
    words = ['the', 'X', 'drove', 'a', 'red', 'car', 'yesterday']
    found = toy.masked_word_probabilities(words, 1)
    one, many = 1 / 2 * 1 / 6 * 1 / 10, 1 / 2 * 1 / 7 * 1 / 10          # of `man`, of `men`
    total = (one + many) * 10
    assert found['man'] == pytest.approx(one / total) and found['children'] == pytest.approx(2 * many / total)
    assert sum(found.values()) == pytest.approx(1) and len(found) == 26
    # and with a second one unknown
    assert toy.masked_word_probabilities(['it', 'was', None, None], 3) == pytest.approx({'yesterday': 1.0})
    assert toy.masked_word_probabilities(['it', 'was', None, 'yesterday'], 2) == pytest.approx(
        dict.fromkeys(['cold', 'hot', 'dry', 'wet', 'windy'], 0.2))


def test_next_words_have_the_perplexity_of_the_floor():
    corpus, _, id_to_word = toy.load_data('test', size=1000)
    surprise = [sum(-math.log(toy.next_word_probabilities(words[:i])[word]) for i, word in enumerate([*words, '<eos>']))
                for words in split(corpus, id_to_word)]
    error = np.std(surprise) / math.sqrt(len(surprise)) / (len(corpus) / len(surprise))
    assert abs(sum(surprise) / len(corpus) - math.log(toy.perplexity_floor())) < 4 * error < 0.1


def test_words_of_a_sample_have_their_probabilities():
    """In 12,000 sentences: what comes behind `i`, and what the weather was in those that end in `yesterday`."""
    corpus, _, id_to_word = toy.load_data()
    sentences = split(corpus, id_to_word)
    behind = Counter(words[1] for words in sentences if words[0] == 'i')
    weather = Counter(words[2] for words in sentences if len(words) == 4 and words[0] == 'it')
    for counts, expected in ((behind, toy.next_word_probabilities(['i'])),
                             (weather, toy.masked_word_probabilities(['it', 'was', None, 'yesterday'], 2))):
        n = sum(counts.values())
        assert n > 15 and set(counts) <= set(expected)
        for word, p in expected.items():
            assert abs(counts[word] - n * p) < 5 * math.sqrt(n * p) + 2


def test_derives():
    corpus, _, id_to_word = toy.load_data('test', size=300)
    assert all(toy.derives(words) for words in split(corpus, id_to_word))
    assert toy.derives(['the', 'girls', 'go', 'to', 'tokyo', 'always'])
    for wrong in ('the girl go to tokyo always', 'the girls go to tokyo', 'the girls go to tokyo always <eos>', '',
                  'the girls go to tokyo always always', 'the girls gop to tokyo always'):
        assert not toy.derives(wrong.split())


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: toy.next_word_probabilities(['girl']),
     "prefix: expected the beginning of a sentence of the toy language, got 'girl'"),
    (lambda: toy.next_word_probabilities(['it', 'was', 'cold', 'yesterday', '<eos>']),
     "prefix: expected the beginning of a sentence of the toy language, got 'it was cold yesterday <eos>'"),
    (lambda: toy.next_word_probabilities('the girl'), "prefix: expected a list of words, got 'the girl'"),
    (lambda: toy.next_word_probabilities([None]), 'prefix: expected a list of words, got [None]'),
    (lambda: toy.masked_word_probabilities(['the', 'girl', 'go', 'to', 'tokyo', 'always'], 5),
     "words: expected a sentence of the toy language, whatever the word at that place, got 'the girl go to tokyo …'"),
    (lambda: toy.masked_word_probabilities(['it'], 1), 'place: expected an id from 0 to 0, got 1'),
    (lambda: toy.masked_word_probabilities([], 0), 'place: expected an id from 0 to -1, got 0'),
    (lambda: toy.derives([1]), 'words: expected a list of words, got [1]'),
])
def test_words_refused(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == message
