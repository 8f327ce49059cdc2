"""What a reader finds in the book's attributes before the first forward: None, where there is nothing yet."""
import numpy as np
import pytest

from common.attention_layer import Attention, TimeAttention
from common.layers import Affine, Dropout
from common.time_layers import TimeDropout, TimeGRU, TimeLSTM, TimeRNN


def ones(*shape):
    return np.ones(shape, 'f')


@pytest.mark.parametrize(('layer', 'names'), [
    (TimeRNN(ones(2, 3), ones(3, 3), ones(3)), 'h dh'),
    (TimeGRU(ones(2, 9), ones(3, 9), ones(9)), 'h dh'),
    (TimeLSTM(ones(2, 12), ones(3, 12), ones(12)), 'h c dh'),
    (Attention(), 'attention_weight'),
    (TimeAttention(), 'attention_weights'),
])
def test_none_yet(layer, names):
    assert [getattr(layer, name) for name in names.split()] == [None] * len(names.split())


@pytest.mark.parametrize('layer', [Dropout(), TimeDropout()])
def test_dropout_begins_in_training(layer):
    assert layer.train_flg is True and layer.dropout_ratio == 0.5


@pytest.mark.parametrize('layer', [Affine(ones(2, 3), ones(3)), TimeLSTM(ones(2, 12), ones(3, 12), ones(12))])
def test_gradients_begin_with_zeros(layer):
    assert [grad.shape for grad in layer.grads] == [param.shape for param in layer.params]
    assert not any(grad.any() for grad in layer.grads)
