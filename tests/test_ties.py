"""Parameters that share memory: found, and shared still after a copy, a pickle, a file."""
import copy
import pickle

import numpy as np
import pytest

from ch06.better_rnnlm import BetterRnnlm
from common.layers import Affine, Layer, MatMul, gather
from common.optimizer import SGD
from common.ties import find_ties, tied
from common.trainer import train_step
from common.weight_files import load_weights


class Tied(Layer):
    """Every way in which one array can be two: by identity, transposed, a part, turned round, overlapping."""

    def __init__(self):
        W = np.random.randn(6, 4)
        self.layers = [MatMul(W), {'inner': (MatMul(W.T),)}, Affine(W[1:5], np.zeros(4)), MatMul(W[::-1, 1:])]
        self.params, self.grads = gather(self.layers[0], self.layers[1]['inner'][0], *self.layers[2:], MatMul(W))
        self.word_vecs = W

    def arrays(self):
        return [*self.params, self.layers[1]['inner'][0].params[0], self.layers[2].params[0], self.word_vecs]


def written_through(arrays):
    """arrays (lists) after the first has been filled with new numbers."""
    arrays[0][...] = np.arange(24.).reshape(6, 4)
    return [array.tolist() for array in arrays]


COPIES = {'copy': copy.deepcopy, 'pickle': lambda model: pickle.loads(pickle.dumps(model)),
          'a copy of a copy': lambda model: copy.deepcopy(copy.deepcopy(model)),
          'in a list': lambda model: copy.deepcopy([model, model])[1]}


@pytest.mark.parametrize('kind', COPIES)
def test_copies_are_tied_as_the_model_is_and_apart_from_it(kind):
    model = Tied()
    before = [array.copy() for array in model.arrays()]
    other = COPIES[kind](model)
    for array, copied in zip(before, other.arrays(), strict=True):
        np.testing.assert_array_equal(array, copied)
    assert written_through(other.arrays()) == written_through(Tied().arrays())
    for array, old in zip(model.arrays(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert 'ties' not in vars(other)


@pytest.mark.parametrize('kind', COPIES)
def test_a_copied_better_rnnlm_learns_what_the_model_learns(kind):
    model = BetterRnnlm(7, 4, 4, dropout_ratio=0.0)
    xs, ts = np.random.RandomState(1).randint(0, 7, (2, 3, 5))
    other = COPIES[kind](model)
    for one in (model, other):
        optimizer = SGD(1.0)
        losses = [float(train_step(one, optimizer, xs, ts, 0.25)) for _ in range(40)]
    assert losses[-1] < losses[0] - 0.2
    np.testing.assert_array_equal(other.params[7], other.params[0].T)
    for param, copied in zip(model.params, other.params, strict=True):
        np.testing.assert_array_equal(param, copied)
    other.save_params('x.npz')
    model.load_params('x.npz')
    np.testing.assert_array_equal(model.predict(xs), other.predict(xs))


def test_a_file_whose_tied_arrays_differ_is_refused():
    model = BetterRnnlm(7, 4, 4)
    model.save_params('x.npz')
    arrays = dict(np.load('x.npz'))
    arrays['param_7'][1, 2] += 1
    np.savez('y.npz', **arrays)
    before = [param.copy() for param in model.params]
    model.params[0][...] += 0
    with pytest.raises(ValueError, match=r'y\.npz, param_\d: expected the numbers of the array that it is tied to'):
        model.load_params('y.npz')
    for param, old in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(param, old)


def test_arrays_that_only_lie_side_by_side_are_no_tie():
    memory = np.zeros(10)
    assert find_ties([memory[:4], memory[4:], np.zeros(3), np.zeros((0, 4))]) == []
    assert find_ties([]) == []
    (size, members), = find_ties([memory[:4], memory[3:]])
    assert size == 10 and sorted(member.place for member in members) == [0, 1]


def test_tied_puts_all_numbers_into_one_memory():
    W = np.arange(6.).reshape(2, 3)
    found = tied([W, W.T.copy()], find_ties([W, W.T]))
    found[0][1, 2] = 42
    assert found[1][2, 1] == 42 and np.shares_memory(found[0], found[1]) and W[1, 2] == 5


def test_the_file_says_what_it_is():
    model = BetterRnnlm(7, 4, 4)
    model.save_params('x.npz', {'corpus': 'toy', 'flags': {'seed': 1}}, [*'abcdef', 'g\0 '])
    weights = load_weights('x.npz')
    assert weights.words == [*'abcdef', 'g\0 ']
    assert {key: weights.about[key] for key in ('class', 'sizes', 'dtype', 'corpus', 'flags')} == {
        'class': 'BetterRnnlm', 'sizes': {'vocab_size': 7, 'wordvec_size': 4, 'hidden_size': 4}, 'dtype': 'float32',
        'corpus': 'toy', 'flags': {'seed': 1}}
    assert weights.about['library'].startswith('dlfs2')
    assert [array.shape for array in weights.arrays] == [param.shape for param in model.params]
