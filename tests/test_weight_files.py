"""Files of parameters and of word vectors: what is saved can be loaded, and damage is noticed."""
import os
import pickle

import numpy as np
import pytest

from common import storage, weight_files

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

