"""Words and targets of negative sampling, whose rank says how many there are for each row of h."""
import numpy as np
import pytest

from common.checks import InputError
from common.negative_sampling_layer import EmbeddingDot, NegativeSamplingLoss, Simple_NegativeSamplingLoss


@pytest.mark.parametrize('target', [np.zeros((2, 3, 1), int), np.zeros((2, 1, 1, 1), int), np.zeros(3, int),
                                    np.zeros((3, 2), int), np.array(1)], ids=lambda target: str(target.shape))
def test_neither_one_nor_some_for_each_row(target):
    layer = NegativeSamplingLoss(np.ones((4, 3), 'f'), np.arange(4), sample_size=2)
    with pytest.raises(InputError, match=r'^target: expected \(2,\) or \(2, C\), for h has 2 rows, got \('):
        layer.forward(np.ones((2, 3), 'f'), target)


@pytest.mark.parametrize('shape', [(2, 1), (2, 2)])
def test_the_plain_form_takes_one_for_each_row(shape):
    layer = Simple_NegativeSamplingLoss(np.ones((4, 3), 'f'), np.arange(4), sample_size=2)
    with pytest.raises(InputError, match=r'^target: expected \(2,\)'):
        layer.forward(np.ones((2, 3), 'f'), np.zeros(shape, int))


@pytest.mark.parametrize('shape', [(2, 3, 1), (2, 1, 1, 1), (3,), (3, 2), ()])
def test_words_that_are_not_of_each_row(shape):
    with pytest.raises(InputError, match=r'^idx: expected \(2,\) or \(2, K\), ids for each h, got \('):
        EmbeddingDot(np.ones((4, 3), 'f')).forward(np.ones((2, 3), 'f'), np.zeros(shape, int))


@pytest.mark.parametrize('shape', [(0,), (0, 2)])
def test_no_row_at_all(shape):
    with pytest.raises(InputError, match=r'^h: expected \(N, 3\), each 1 or more, got \(0, 3\)$'):
        EmbeddingDot(np.ones((4, 3), 'f')).forward(np.ones((0, 3), 'f'), np.zeros(shape, int))


@pytest.mark.parametrize('shape', [(2, 3, 1), (2, 3, 3), (3,), (2, 2), ()])
def test_h_of_another_shape(shape):
    with pytest.raises(InputError, match=r'^h: expected \(N, 3\), got \('):
        EmbeddingDot(np.ones((4, 3), 'f')).forward(np.ones(shape, 'f'), np.zeros(2, int))
