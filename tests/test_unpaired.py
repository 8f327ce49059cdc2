"""Lists that belong together and are not of one length: nothing is left out in silence."""
import numpy as np
import pytest

from common.gradient_check import check_gradients
from common.layers import MatMul
from common.trainer import remove_duplicate
from common.unpickle import unpickle


@pytest.mark.parametrize(('n_params', 'n_grads'), [(1, 0), (2, 1), (1, 2)])
def test_remove_duplicate(n_params, n_grads):
    with pytest.raises(ValueError, match=f'grads: expected {n_params} arrays, one for each of params, got {n_grads}'):
        remove_duplicate([np.ones(2) for _ in range(n_params)], [np.ones(2) for _ in range(n_grads)])


def test_a_layer_with_a_gradient_too_many():
    layer = MatMul(np.ones((3, 2)))
    layer.grads.append(np.zeros((3, 2)))
    with pytest.raises(AssertionError, match='MatMul has 1 params and 2 grads; expected one each'):
        check_gradients(layer, np.ones((4, 3)))


@pytest.mark.parametrize('data', [b'(V1\nI1\nV2\nd.', b'(V1\nd.', b'}(V1\nI1\nV2\nu.'])
def test_a_key_without_its_value(data):
    with pytest.raises((ValueError, LookupError)):      # which load_pickle makes a sentence of, naming the file
        unpickle(data)


def test_keys_with_their_values():
    assert unpickle(b'(V1\nI1\nV2\nI5\nd.') == {'1': 1, '2': 5}
