"""common.vectors: lengths of very small and very large vectors, words that are named one by one."""
import numpy as np
import pytest

from common.checks import InputError
from common.vectors import analogy, cos_similarity, most_similar, nearest_words, normalize


@pytest.mark.parametrize('x, unit', [
    (np.array([3e-25, 4e-25], 'f'), [0.6, 0.8]), (np.array([3e-45, 0], 'f'), [1, 0]),
    (np.array([3e200, 4e200]), [0.6, 0.8]),
    (np.array([1.5e308, -1.5e308]), [0.5**0.5, -0.5**0.5]),
    (np.array([[0.0, 0.0], [-4e-320, 3e-320]]), [[0, 0], [-0.8, 0.6]]),
    (np.array([3e30, 4e30], 'f'), [0.6, 0.8])])
def test_vectors_whose_squares_underflow_or_overflow_have_a_length(x, unit):
    largest = float(abs(x).max())
    with np.errstate(under='ignore'):
        y = normalize(x)
    np.testing.assert_allclose(y, unit, rtol=3e-4 if largest < 1e-300 else 1e-6)
    assert y.dtype == x.dtype
    if x.ndim == 1 and 1e100 < largest < 1e300:
        assert cos_similarity(x, x) == pytest.approx(1, rel=1e-12)


def test_normalize_scales_by_powers_of_two_alone():
    x = np.random.randn(50, 7) * 10.0**np.arange(-25, 25)[:, None]
    np.testing.assert_array_equal(normalize(x), x / np.sqrt((x * x).sum(axis=1, keepdims=True)))


def test_a_word_to_leave_out_may_come_by_itself():
    vectors, words = np.arange(3.0)[:, None], {0: 'a', 1: 'ab', 2: 'b'}
    for exclude in 'ab', {'ab'}, ['ab']:
        assert nearest_words(np.ones(1), vectors, words, exclude) == [('b', 2), ('a', 0)]


@pytest.mark.parametrize('wrong', [-1, 2, 1.0, '1', None])
def test_a_word_whose_id_has_no_row_is_refused(wrong):
    word_to_id, words, vectors = {'a': 0, 'b': wrong}, {0: 'a', 1: 'b'}, np.eye(2)
    for call in (lambda: most_similar('b', word_to_id, words, vectors),
                 lambda: analogy('a', 'b', 'a', word_to_id, words, vectors),
                 lambda: analogy('a', 'a', 'a', word_to_id, words, vectors, answer='b')):
        with pytest.raises(InputError, match=r"word_to_id\['b'\]: expected an "):
            call()
