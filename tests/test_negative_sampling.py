"""common.negative_sampling_layer: samplers against exact probabilities, losses against each other and a loop."""
import math
from itertools import combinations, permutations

import numpy as np
import pytest

from common import negative_sampling_layer
from common.gradient_check import check_gradients
from common.negative_sampling_layer import (
    EmbeddingDot,
    NegativeSamplingLoss,
    Simple_NegativeSamplingLoss,
    Simple_UnigramSampler,
    UnigramSampler,
)

COUNTS = {0: 2, 1: 4, 3: 20, 4: 60, 5: 200}         # id 2 is never seen
CORPUS = np.repeat(list(COUNTS), list(COUNTS.values()))


def word_p(power=0.75):
    total = sum(n**power for n in COUNTS.values())
    return [COUNTS[i]**power / total if i in COUNTS else 0 for i in range(6)]


both_samplers = pytest.mark.parametrize('Sampler', [UnigramSampler, Simple_UnigramSampler])
both_losses = pytest.mark.parametrize('Loss', [NegativeSamplingLoss, Simple_NegativeSamplingLoss])


@both_samplers
@pytest.mark.parametrize('power', [0.75, 1.0, 0, 0.5])
def test_word_p(Sampler, power):
    sampler = Sampler(np.random.permutation(CORPUS), power, 2)
    np.testing.assert_allclose(sampler.word_p, word_p(power), rtol=1e-12)


def ordered_samples(target, sample_size, power):
    """The exact probability of each row of negatives: word after word by word_p, of those not yet taken."""
    p, exact = word_p(power), {}
    for row in permutations(set(COUNTS) - {target}, sample_size):
        exact[row], left = 1.0, 1 - p[target]
        for word in row:
            exact[row] *= p[word] / left
            left -= p[word]
    return exact


# Upper 0.01 % points of chi-square: of 10,000 right samplers, one would fail. For each of the two targets, the 4 other
# words give 4, 12, 24 or 24 rows, one degree of freedom fewer. With a power of 0.7 for 0.75, size 1 would pass
# once in 100, the others once in 10,000 or less.
CRITICAL = {1: 27.86, 2: 55.53, 3: 90.46, 4: 90.46}


@pytest.mark.parametrize('sample_size', [1, 2, 3, 4])
@pytest.mark.parametrize('Sampler, power, rounds', [
    (Simple_UnigramSampler, 0.75, None), (UnigramSampler, 0.75, 20), (UnigramSampler, 0, 20),
    (UnigramSampler, 0.75, 2), (UnigramSampler, 0.75, 0)])      # 0: all repeats are replaced one by one, 2: some
def test_both_samplers_draw_without_replacement(Sampler, power, rounds, sample_size, monkeypatch):
    monkeypatch.setattr(negative_sampling_layer, 'ROUNDS', rounds)
    n = 10000
    targets = np.tile([1, 5], n)                    # a rare and the most frequent word, in turn
    drawn = Sampler(CORPUS, power, sample_size).get_negative_sample(targets)
    assert drawn.shape == (2 * n, sample_size) and drawn.dtype == np.int64
    chi2 = 0.0
    for target in 1, 5:
        rows, counts = np.unique(drawn[targets == target], axis=0, return_counts=True)
        seen = dict(zip(map(tuple, rows.tolist()), counts.tolist(), strict=True))
        exact = ordered_samples(target, sample_size, power)
        assert sum(exact.values()) == pytest.approx(1) and n * min(exact.values()) > 5
        chi2 += sum((seen.pop(row, 0) - n * p)**2 / (n * p) for row, p in exact.items())
        assert not seen                             # no target, no repeat, no word never seen
    assert chi2 < CRITICAL[sample_size]


@both_samplers
def test_a_target_with_nearly_all_the_mass(Sampler):
    corpus = np.repeat([0, 1, 2], [10**6, 1, 1])
    drawn = Sampler(corpus, 1, 2).get_negative_sample(np.zeros(400, int))
    assert {tuple(row) for row in drawn.tolist()} == {(1, 2), (2, 1)}
    assert 140 < (drawn[:, 0] == 1).sum() < 260         # a half, six standard deviations either way


@both_samplers
def test_a_target_never_seen_excludes_nothing(Sampler):
    drawn = Sampler(CORPUS, 0, 4).get_negative_sample(np.tile([2, 9], 200))
    assert {tuple(sorted(row)) for row in drawn.tolist()} == set(combinations(COUNTS, 4))


@pytest.mark.parametrize('u, word', [(0.0, 1), (0.25, 4), (np.nextafter(0.25, 0), 1), (np.nextafter(1, 0), 6)])
def test_draws_at_the_edges(u, word, monkeypatch):
    """[0, 1) is cut into [0, 1/4) for id 1, [1/4, 1/2) for 4, [1/2, 1) for 6: what was never seen has no part."""
    sampler = UnigramSampler(np.array([1, 4, 6, 6]), 1, 1)
    monkeypatch.setattr(np.random, 'rand', lambda *shape: np.full(shape, u))
    assert sampler.get_negative_sample(np.array([5, 5])).tolist() == [[word], [word]]


@pytest.mark.parametrize('corpus, sample_size', [([0, 1, 2, 2, 1], 3), ([0, 7, 7], 2), ([4], 1)])
def test_vocabulary_too_small(corpus, sample_size):
    for Sampler in UnigramSampler, Simple_UnigramSampler:
        with pytest.raises(ValueError, match=f'corpus: expected {sample_size + 1} .* got {len(set(corpus))}'):
            Sampler(np.array(corpus), 0.75, sample_size)
    for Loss in NegativeSamplingLoss, Simple_NegativeSamplingLoss:
        with pytest.raises(ValueError, match='sample_size'):
            Loss(np.zeros((8, 2)), np.array(corpus), sample_size=sample_size)


@both_losses
def test_corpus_with_more_words_than_rows(Loss):
    with pytest.raises(ValueError, match='corpus: expected ids from 0 to 4, got 0 to 5'):
        Loss(np.zeros((5, 2)), CORPUS, sample_size=2)
    with pytest.raises(ValueError, match=r'corpus: expected ids from 0 to 4, got 0 to 10{12}'):   # and no MemoryError
        Loss(np.zeros((5, 2)), [*CORPUS, 10**12], sample_size=2)


@both_samplers
def test_as_many_as_there_are(Sampler):
    drawn = Sampler([0, 1, 2, 2, 1], 0.75, 2).get_negative_sample([0, 1, 2, 1])
    assert np.sort(drawn, axis=1).tolist() == [[1, 2], [0, 2], [0, 1], [0, 2]]


def test_embedding_dot_by_hand():
    layer = EmbeddingDot(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    h = np.array([[1.0, -1.0], [2.0, 0.5]])
    assert layer.forward(h, np.array([2, 0])).tolist() == [-1, 3]
    assert layer.backward(np.array([1.0, 2.0])).tolist() == [[5, 6], [2, 4]]
    assert layer.grads[0].tolist() == [[4, 1], [0, 0], [1, -1]]
    assert layer.forward(h, np.array([[2, 1], [0, 0]])).tolist() == [[-1, -1], [3, 3]]
    assert layer.backward(np.array([[1.0, 1.0], [2.0, -1.0]])).tolist() == [[8, 10], [1, 2]]
    assert layer.grads[0].tolist() == [[2, 0.5], [1, -1], [1, -1]]


@pytest.mark.parametrize('target', [np.array([3, 0, 5, 3]), np.array([[3, 1], [0, 0], [5, 4], [3, 5]])],
                         ids=['one target', 'two targets'])
@pytest.mark.parametrize('sample_size', [1, 3])
def test_loss_against_a_loop(target, sample_size):
    W, h = np.random.randn(6, 3), np.random.randn(4, 3)
    layer = NegativeSamplingLoss(W, CORPUS, sample_size=sample_size)
    np.random.seed(4)
    negatives = UnigramSampler(CORPUS, 0.75, sample_size).get_negative_sample(target.ravel())
    negatives = negatives.reshape(4, -1, sample_size)
    loss = 0.0
    dh, dW = np.zeros((4, 3)), np.zeros((6, 3))
    for n in range(4):
        for word, others in zip(target[n].ravel().tolist(), negatives[n].tolist(), strict=True):
            for k, label in [(word, 1), *((other, 0) for other in others)]:
                y = 1 / (1 + math.exp(-sum(a * b for a, b in zip(W[k].tolist(), h[n].tolist(), strict=True))))
                loss -= math.log((y if label else 1 - y) + 1e-7) / 4
                dh[n] += (y - label) * W[k] / 4
                dW[k] += (y - label) * h[n] / 4
    np.random.seed(4)
    assert layer.forward(h, target) == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(layer.backward(), dh, atol=1e-12)
    assert len(layer.params) == len(layer.grads) == 1 and layer.params[0] is W
    np.testing.assert_allclose(layer.grads[0], dW, atol=1e-12)


@pytest.mark.parametrize('C', [None, 1, 3])
@pytest.mark.parametrize('seed', range(5))
def test_the_pair_agrees_given_the_same_negatives(seed, C):
    """C: that many targets for each h, in the plain form a loss for each, added up."""
    np.random.seed(seed)
    N, D, S = np.random.randint(1, 9, 3).tolist()
    V = np.random.randint(S + 1, 20)
    W, h = np.random.randn(V, D), np.random.randn(N, D)
    target = np.random.randint(V, size=(N,) if C is None else (N, C))
    negatives = np.random.randint(V, size=(*target.shape, S))
    dout = np.random.randn()

    def draws(target, rows):
        def draw(asked):
            assert np.array_equal(asked, target)
            return rows
        return draw

    fast = NegativeSamplingLoss(W, np.arange(V), sample_size=S)
    fast.sampler.get_negative_sample = draws(target.ravel(), negatives.reshape(-1, S))
    loss, dh, dW = 0.0, np.zeros((N, D)), np.zeros((V, D))
    for c in range(C or 1):
        plain = Simple_NegativeSamplingLoss(W, np.arange(V), sample_size=S)
        column = target.reshape(N, -1)[:, c]
        plain.sampler.get_negative_sample = draws(column, negatives.reshape(N, -1, S)[:, c])
        loss += plain.forward(h, column)
        dh += plain.backward(dout)
        dW += plain.grads[0]
    assert fast.forward(h, target) == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(fast.backward(dout), dh, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(fast.grads[0], dW, rtol=1e-11, atol=1e-14)
    assert len(plain.params) == len(plain.grads) == 1 and plain.params[0] is W


@both_losses
@pytest.mark.parametrize('sample_size', [1, 3])
def test_gradients(Loss, sample_size):
    W = 0.5 * np.random.randn(6, 4)                 # of large scores, the 1e-7 in the loss would show
    layer = Loss(W, CORPUS, sample_size=sample_size)
    check_gradients(layer, np.random.randn(5, 4), np.array([3, 0, 5, 3, 1]))


@both_samplers
def test_bad_targets_of_both_samplers(Sampler):
    sampler = Sampler(CORPUS, 0.75, 2)
    with pytest.raises(TypeError, match='target: expected integers, for these are ids, got float64'):
        sampler.get_negative_sample(np.zeros(3))
    for shape in (2, 2), (), (0,):
        with pytest.raises(ValueError, match=r'target: expected \(.*got \('):
            sampler.get_negative_sample(np.zeros(shape, int))


@pytest.mark.parametrize('h, target, sentence', [
    ((4, 3), [0.0, 1, 2, 3], 'target: expected integers, for these are ids, got float64'),
    ((4, 3), [0, 1, 2], r'target: expected \(4,\), got \(3,\)'),
    ((4, 3), [[0], [1], [2], [3]], r'target: expected \(4,\), got \(4, 1\)'),
    ((4, 3), [0, 1, 2, 6], 'target: expected ids from 0 to 5, got 0 to 6'),
    ((4, 2), [0, 1, 2, 3], r'h: expected \(N, 3\), got \(4, 2\)'),
    ((0, 3), np.empty(0, int), r'h: expected .* got \(0, 3\)')])
def test_bad_input_of_the_plain_form(h, target, sentence):
    layer = Simple_NegativeSamplingLoss(np.zeros((6, 3)), CORPUS, sample_size=2)
    with pytest.raises((TypeError, ValueError), match=sentence):
        layer.forward(np.zeros(h), target)


@pytest.mark.parametrize('dtype', [np.uint8, np.int8, np.uint16, np.int32, np.uint64])
class TestIdsOfAnyIntegers:
    def test_embedding_dot(self, dtype):
        layer = EmbeddingDot(np.arange(8.0).reshape(4, 2))
        assert layer.forward(np.array([[1.0, 10], [2, 1]]), np.array([3, 1], dtype)).tolist() == [76, 7]
        layer.backward(np.array([1.0, 1]))
        assert layer.grads[0].tolist() == [[0, 0], [2, 1], [0, 0], [1, 10]]

    @both_samplers
    def test_sampler(self, Sampler, dtype):
        corpus = np.array([0, 1, 3, 3], dtype)
        sampler = Sampler(corpus, 1, 2)
        assert sampler.word_p.tolist() == [0.25, 0.25, 0, 0.5]
        drawn = sampler.get_negative_sample(np.array([0, 3, 1], dtype))
        assert drawn.dtype == np.int64 and np.sort(drawn).tolist() == [[1, 3], [0, 1], [0, 3]]

    @both_losses
    def test_loss(self, Loss, dtype):
        """Negatives up to 299, more than 8 bits hold: all that is left beside targets 0 to 2."""
        W, h, target = np.random.randn(300, 2), np.random.randn(3, 2), np.array([0, 1, 2])
        layer = Loss(W, np.array([0, 1, 2, 298, 299, 2]), sample_size=4)
        score = h @ W[[0, 1, 2, 298, 299]].T                    # (3, 5): each target, and all the others
        label = np.eye(3, 5)
        y = 1 / (1 + np.exp(-score))
        loss = -np.log(np.where(label, y, 1 - y) + 1e-7).sum() / 3
        assert layer.forward(h, target.astype(dtype)) == pytest.approx(loss, rel=1e-12)
        layer.backward()
        np.testing.assert_allclose(layer.grads[0][[0, 1, 2, 298, 299]], (y - label).T @ h / 3, atol=1e-12)
        assert not layer.grads[0][3:298].any()


@pytest.mark.parametrize('counts', [[1] * 7, [10**6, 1, 1, 1], [1, 1, 0, 10**6], np.arange(1, 3000)])
def test_draws_fall_where_the_sums_of_the_probabilities_say(counts):
    sampler = UnigramSampler(np.repeat(np.arange(len(counts)), counts), 0.75, 2)
    np.random.seed(3)
    u = np.random.rand(5000)
    np.random.seed(3)
    drawn = sampler.draw(5000)
    sums = np.append(0, np.cumsum(sampler.word_p))
    assert (sums[drawn] <= u + 1e-12).all() and (u < sums[drawn + 1] + 1e-12).all()
