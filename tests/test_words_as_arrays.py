"""Words in a weight file: their UTF-8 in one array, their ends in another, of the same types on every system."""
import numpy as np
import pytest

from common.weight_files import words_from_arrays, words_to_arrays


@pytest.mark.parametrize(('words', 'ends'), [([], []), (['', 'ab', '文', 'x\0y'], [0, 2, 5, 8]), (['\udc80'], [3])])
def test_types_and_ends(words, ends):
    arrays = words_to_arrays(words)
    assert arrays['words'].dtype == np.uint8 and arrays['word_ends'].dtype == np.int64
    assert arrays['word_ends'].tolist() == ends and arrays['words'].size == (ends or [0])[-1]
    if words:
        assert words_from_arrays(arrays) == words
