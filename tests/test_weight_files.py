"""Files of parameters and of word vectors: what is saved can be loaded, and damage is noticed."""
import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

from common import storage, unpickle, weight_files

# ---- words

@pytest.mark.parametrize('path', ['x.npz', 'x.pkl'])
def test_words_round_trip(path):
    vecs = np.array([[0.5, 1], [2, 3], [4, -5]])
    weight_files.save_words(path, vecs, {2: 'bye', 0: 'you', 1: '말하다'})
    back, word_to_id, id_to_word = weight_files.load_words('x.npz')
    assert back.dtype == np.float32 and back.tolist() == vecs.tolist()
    assert word_to_id == {'you': 0, '말하다': 1, 'bye': 2} and id_to_word == {0: 'you', 1: '말하다', 2: 'bye'}
    assert all(type(word) is str and type(i) is int for word, i in word_to_id.items())


def test_the_words_pickle_is_the_books():
    weight_files.save_words('x.pkl', np.ones((1, 2), 'f4'), {0: 'you'})
    with open('x.pkl', 'rb') as file:
        content = pickle.load(file)
    assert content['word_vecs'].dtype == np.float16 and content['word_vecs'].tolist() == [[1, 1]]
    assert content['word_to_id'] == {'you': 0} and content['id_to_word'] == {0: 'you'}


def test_words_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match='id_to_word: expected the ids 0 to 1, one for each vector, got 1 ids'):
        weight_files.save_words('x.npz', np.ones((2, 2)), {0: 'you'})
    with pytest.raises(ValueError, match=r"x\.txt: expected a name that ends in \.npz or \.pkl, got '\.txt'"):
        weight_files.save_words('x.txt', np.ones((1, 2)), {0: 'you'})
    for vecs, words, got in ((np.ones(2), 'ab', r'\(2,\) and 2'), (np.ones((2, 3)), 'aa', r'\(2, 3\) and 1'),
                             (np.ones((2, 3)), [1, 2], r'\(2, 3\) and 2')):
        says = rf'word_vecs: expected \(V, D\) and V different words, all text, got {got} words'
        with pytest.raises(ValueError, match=says):
            weight_files.save_words('x.npz', vecs, dict(enumerate(words)))
    assert os.listdir() == []
    good = {'word_vecs': np.ones((2, 3)), 'id_to_word': {0: 'a', 1: 'b'}}
    for bad in ([], {}, good | {'word_vecs': 1},
                good | {'word_vecs': np.ones(2)}, good | {'word_vecs': np.ones((3, 3))},
                good | {'id_to_word': {0: 'a', 2: 'b'}}, good | {'id_to_word': {0: 'a', 1: 2}},
                good | {'id_to_word': {0: 'a', 1: 'a'}}, good | {'id_to_word': ['a', 'b']}):
        storage.save_pickle('x.pkl', bad)
        with pytest.raises(ValueError, match=r'x\.pkl'):
            weight_files.load_words('x.pkl')
    for words in (np.array(['a']), np.array([1, 2]), np.array([['a'], ['b']]), np.array('a')):
        storage.save_npz('y.npz', {'word_vecs': np.ones((2, 3)), 'words': words})
        with pytest.raises(ValueError, match=r'y\.npz'):
            weight_files.load_words('y.npz')


def test_a_long_word_costs_its_own_length():
    """One of 300,000 characters among 3,000 short ones, which as an array of text would take 3.6 GB."""
    words = ['말' * 300_000, *(f'w{i}' for i in range(3000))]
    weight_files.save_words('x.npz', np.ones((3001, 2)), dict(enumerate(words)))
    weight_files.save_params('y.npz', [np.ones((3001, 2))], {}, words)
    assert weight_files.load_words('x.npz')[1] == {word: i for i, word in enumerate(words)}
    assert weight_files.load_weights('y.npz').words == words
    for path in ('x.npz', 'y.npz'):
        assert 900_000 < os.path.getsize(path) < 1_050_000


# ---- what is saved can be loaded, or is refused

def test_numbers_too_large_for_float16_are_refused_and_an_npz_takes_them():
    params = [np.zeros((2, 2), 'f4'), np.array([70000, -1, np.nan], 'f4')]
    with pytest.raises(ValueError, match=r'^param_1: expected numbers up to 65504, for it is saved as float16, got '
                                         r'70000: name an \.npz file$'):
        weight_files.save_params('x.pkl', params, {})
    vecs = np.array([[1, 2], [3, -65520]])
    with pytest.raises(ValueError, match=r'^word_vecs: .* float16, got -65520: name an \.npz file$'):
        weight_files.save_words('x.pkl', vecs, {0: 'a', 1: 'b'})
    with pytest.raises(ValueError, match=r'^word_vecs: .* saved as float32, got 1e\+300: scale them$'):
        weight_files.save_words('x.npz', vecs * 0 + 1e300, {0: 'a', 1: 'b'})
    assert os.listdir() == []
    weight_files.save_words('x.npz', vecs, {0: 'a', 1: 'b'})
    assert weight_files.load_words('x.npz')[0].tolist() == vecs.tolist()
    weight_files.save_params('x.pkl', [np.array([65504, 65519, np.inf, -np.inf])], {})     # what rounds to 65504, too
    assert storage.load_pickle('x.pkl')[0].tolist() == [65504, 65504, np.inf, -np.inf]


@pytest.mark.parametrize('path', ['x.npz', 'x.pkl'])
@pytest.mark.parametrize('array', [np.arange(3), np.array([True]), np.array([1j]), np.array(['a']), np.array([None])])
def test_parameters_that_are_no_floats_are_refused(path, array):
    with pytest.raises(TypeError, match=r'^param_1: expected an array of floating-point numbers, got an array of '):
        weight_files.save_params(path, [np.zeros(2), array], {})
    assert os.listdir() == []


@pytest.mark.parametrize('path', ['x.npz', 'x.pkl'])
def test_no_words_are_refused(path):
    for vecs in (np.zeros((0, 3)), np.zeros((0, 0))):
        with pytest.raises(ValueError, match=r'^word_vecs: expected one vector or more, .* or more, got \(0'):
            weight_files.save_words(path, vecs, {})
    assert os.listdir() == []


def test_facts_and_words_that_no_file_can_hold_are_refused():
    for about in ({'corpus': np.float32(1)}, {'a': {1, 2}}, {(1, 2): 3}, {'a': b'a'}):
        with pytest.raises(TypeError, match=r'^about: expected texts, numbers, lists and dicts, got .*: '):
            weight_files.save_params('x.npz', [np.zeros(2)], about)
    with pytest.raises(TypeError, match=r'^words: expected words that are text, got 3$'):
        weight_files.save_params('x.npz', [np.zeros(2)], {}, ['a', 3])
    assert os.listdir() == []
    words = ['a', '', '\ud800', 'a\0b', '\x1b[2J', '말']
    weight_files.save_params('x.npz', [np.zeros(2)], {'a': [1, {'b': None}]}, words)
    weights = weight_files.load_weights('x.npz')
    assert weights.words == words and weights.about['a'] == [1, {'b': None}]


def test_as_many_words_as_a_pickle_takes():
    """400,000 words of a file that we write ourselves stay under the limit on instructions."""
    n = weight_files.IN_A_PICKLE
    assert 5 * n + 4 * (n // 1000 + 1) * 2 + 100 < unpickle.INSTRUCTIONS
    weight_files.save_words('x.pkl', np.ones((3000, 1)), {i: f'w{i}' for i in range(3000)})
    count = sum(1 for _ in pickletools.genops(Path('x.pkl').read_bytes()))
    assert count < 5 * 3000 + 4 * 3 * 2 + 100
