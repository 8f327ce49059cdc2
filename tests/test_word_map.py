"""common.word_map: which words are drawn, where, and that no label stands over another."""
import importlib.util

import matplotlib.pyplot as plt
import numpy as np
import pytest

from common import word_map
from common.checks import InputError
from common.word_map import closest_pairs, draw_word_map, neighbourhood, place_labels, plane


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close('all')


@pytest.fixture
def without_sklearn(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)


def vocabulary(count):
    words = [f'word{i}' for i in range(count)]
    return {word: i for i, word in enumerate(words)}, dict(enumerate(words))


def overlaps(boxes):
    """The pairs of boxes (left, bottom, right, top) that share more than an edge."""
    return [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i])
            if a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5]


@pytest.mark.parametrize('spread', [1.0, 0.1])
def test_labels_stand_over_no_other_and_over_no_point(spread):
    """Sixty words, also where all are in a tenth of the picture."""
    places = np.concatenate((spread * np.random.randn(60, 2), [[-4, -4], [4, 4]]))
    labels = [f'label {i}' for i in range(60)] + ['left', 'right']
    ax = plt.figure(figsize=(9, 7)).subplots()
    ax.scatter(*places.T, s=9)
    place_labels(ax, places, labels, {'label 7'})
    ax.figure.canvas.draw()
    boxes = [np.add(text.get_window_extent().extents, (-1, -1, 1, 1)) for text in ax.texts]       # none touches another
    assert len(boxes) == 62 and {text.get_text() for text in ax.texts if text.get_weight() == 'bold'} == {'label 7'}
    points = [(*(point - 2), *(point + 2)) for point in ax.transData.transform(places)]
    assert overlaps(boxes) == []
    assert [pair for pair in overlaps([*points, *boxes]) if max(pair) >= 62 > min(pair)] == []
    left, bottom, right, top = ax.bbox.extents
    assert all(left <= x0 and bottom <= y0 and x1 <= right and y1 <= top for x0, y0, x1, y1 in boxes)


def test_lines_to_labels_do_not_move_the_axes():
    ax = plt.figure().subplots()
    places = np.repeat(np.random.randn(2, 2), 15, axis=0)
    ax.scatter(*places.T)
    before = ax.get_xlim(), ax.get_ylim()
    place_labels(ax, places, [f'label {i}' for i in range(30)])
    ax.figure.canvas.draw()
    assert len(ax.lines) > 10 and (ax.get_xlim(), ax.get_ylim()) == before


def test_a_label_far_from_its_point_has_a_line_to_it():
    ax = plt.figure().subplots()
    places = np.zeros((30, 2))          # all on one point
    place_labels(ax, places, [f'label {i}' for i in range(30)])
    ends = np.array([line.get_xydata() for line in ax.lines])       # (lines, 2, 2)
    assert 10 < len(ends) < 30 and abs(ends[:, 0]).max() < 1e-9
    assert overlaps([text.get_window_extent().extents for text in ax.texts]) == []


def test_a_label_without_room_is_left_out():
    ax = plt.figure(figsize=(1, 1)).subplots()
    place_labels(ax, np.zeros((3, 2)), ['a', 'far too long for this picture', 'b'])
    assert [text.get_text() for text in ax.texts] == ['a', 'b']


def test_the_plane_is_that_of_most_spread(without_sklearn):
    vectors = np.random.randn(40, 5) @ np.diag([1, 9, 1, 4, 1]) + 3
    places, how = plane(vectors)
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    assert how == 'component'
    np.testing.assert_allclose(places.var(axis=0, ddof=1), values[:-3:-1])
    np.testing.assert_allclose(abs(places), abs((vectors - vectors.mean(axis=0)) @ axes[:, :-3:-1]), atol=1e-9)
    flipped = plane(-vectors)[0]
    np.testing.assert_allclose(flipped, -places, atol=1e-9)         # no sign of chance
    assert plane(vectors[:1, :1])[0].tolist() == [[0, 0]]


def test_tsne_keeps_neighbours_together():
    pytest.importorskip('sklearn')
    vectors = np.repeat(np.eye(3), 12, axis=0) + 0.05 * np.random.randn(36, 3)
    places, how = plane(vectors)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(36, np.inf))
    assert how == 't-SNE coordinate' and places.shape == (36, 2)
    assert (distances.argmin(axis=1) // 12 == np.arange(36) // 12).all()
    assert plane(vectors[:29])[1] == 'component'


def test_the_neighbourhood_grows_from_the_queries():
    angles = np.array([0, 0.1, 0.3, 0.6, 2.0, 2.1])
    W = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    word_to_id, id_to_word = vocabulary(6)
    found = neighbourhood(W, word_to_id, id_to_word, ['word0', 'word4'], near=(1, 2))
    # 0 finds 1, 4 finds 5; then 0 and 1 find 2, and 4 and 5 find 3
    assert found == {'word0': 'word0', 'word4': 'word4', 'word1': 'word0', 'word5': 'word4', 'word2': 'word0',
                     'word3': 'word4'}
    assert set(neighbourhood(W, word_to_id, id_to_word, ['word0'], near=(1,))) == {'word0', 'word1'}


def test_words_are_joined_to_those_with_the_largest_cosine():
    angles = np.array([0, 0.1, 0.3, 0.7])
    vectors = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    assert closest_pairs(vectors, 1) == [(0, 1), (1, 2), (2, 3)]
    assert closest_pairs(vectors, 2) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    assert closest_pairs(vectors[:1], 2) == []


def test_the_map_draws_what_it_returns(without_sklearn):
    word_vecs, (word_to_id, id_to_word) = np.random.randn(50, 8), vocabulary(50)
    words, places = draw_word_map(word_vecs, word_to_id, id_to_word, ['word3', 'nowhere'], 'a title', near=(4, 2))
    ax = plt.gca()
    assert words[0] == 'word3' and 5 < len(words) == len(set(words)) < 15
    np.testing.assert_allclose(ax.collections[0].get_offsets(), places)
    assert [text.get_text() for text in ax.texts] == words
    unit = word_vecs / np.linalg.norm(word_vecs, axis=1, keepdims=True)
    cosines = unit[[word_to_id[word] for word in words]] @ unit[3]
    np.testing.assert_array_equal(np.sort(cosines[:5])[::-1], cosines[:5])
    assert cosines[4] == pytest.approx(np.sort(unit @ unit[3])[-5])


def test_without_a_known_query_the_first_words_are_drawn(without_sklearn):
    word_to_id, id_to_word = vocabulary(4)
    words, places = draw_word_map(np.ones((4, 3), 'f'), word_to_id, id_to_word, ['toyota'], '')
    assert words == list(word_to_id) and not places.any()           # and all on one point is no error


def test_vectors_that_cannot_be_drawn_are_refused():
    word_to_id, id_to_word = vocabulary(3)
    spoilt = np.ones((3, 2))
    spoilt[1, 1] = np.nan
    for word_vecs, message in ((spoilt, 'finite numbers, got NaN'), (np.ones(3), r'\(V, D\), got \(3,\)')):
        with pytest.raises(InputError, match=f'^word_vecs: expected {message}'):
            word_map.draw_word_map(word_vecs, word_to_id, id_to_word, list(word_to_id), '')
    assert plt.get_fignums() == []
