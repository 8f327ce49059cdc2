"""The smallest there is: vectors of hardly any length, a vocabulary of one word."""
import re

import numpy as np
import pytest

from common.time_layers import TimeSoftmaxWithLoss
from common.util import cos_similarity, most_similar

WORDS = ['a', 'b', 'c']


def test_most_similar_adds_the_eps_that_cos_similarity_adds(capsys):
    W = np.array([[3e-8, 0], [0, 4e-8], [2e-8, 2e-8]])
    most_similar('c', {word: i for i, word in enumerate(WORDS)}, dict(enumerate(WORDS)), W)
    found = dict(re.findall(r'^ (\w): (\S+)$', capsys.readouterr().out, re.MULTILINE))
    length = np.sqrt(8) * 1e-8
    expected = {'a': 3e-8 / 4e-8 * 2e-8 / (length + 1e-8), 'b': 4e-8 / 5e-8 * 2e-8 / (length + 1e-8)}
    assert {word: float(score) for word, score in found.items()} == pytest.approx(expected, rel=1e-6)
    assert cos_similarity(W[2], W[0]) == pytest.approx(expected['a'], rel=1e-9)


def test_one_word_and_labels_to_be_ignored():
    layer = TimeSoftmaxWithLoss()
    assert layer.forward(np.array([[[2.0], [5.0]]]), np.array([[0, -1]])) == pytest.approx(0, abs=1e-12)
    assert layer.backward().tolist() == [[[0], [0]]]
