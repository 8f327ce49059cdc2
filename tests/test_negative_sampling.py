"""common.negative_sampling_layer: the sampler against exact probabilities, the loss against a plain loop."""
import math
from itertools import combinations, permutations

import numpy as np
import pytest

from common import negative_sampling_layer
from common.negative_sampling_layer import EmbeddingDot, NegativeSamplingLoss, UnigramSampler

COUNTS = {0: 2, 1: 4, 3: 9, 4: 16, 5: 25}          # id 2 is never seen
CORPUS = np.repeat(list(COUNTS), list(COUNTS.values()))


def word_p(power=0.75):
    total = sum(n**power for n in COUNTS.values())
    return [COUNTS[i]**power / total if i in COUNTS else 0 for i in range(6)]


@pytest.mark.parametrize('power', [0.75, 1.0, 0, 0.5])
def test_word_p(power):
    sampler = UnigramSampler(np.random.permutation(CORPUS), power, 2)
    np.testing.assert_allclose(sampler.word_p, word_p(power), rtol=1e-12)


# upper 0.1 % points of chi-square: 4 words beside the target give 12 pairs or 24 triples, one degree of freedom fewer
@pytest.mark.parametrize('sample_size, critical', [(1, 16.27), (2, 31.26), (3, 49.73), (4, 49.73)])
@pytest.mark.parametrize('power', [0.75, 0])
@pytest.mark.parametrize('rounds', [20, 2, 0])      # 2: some rows are settled one by one, 0: all that hold a repeat
def test_draws_without_replacement(sample_size, critical, power, rounds, monkeypatch):
    monkeypatch.setattr(negative_sampling_layer, 'ROUNDS', rounds)
    p, n = word_p(power), 10000
    targets = np.tile([1, 5], n)                    # a rare and the most frequent word, in turn
    drawn = UnigramSampler(CORPUS, power, sample_size).get_negative_sample(targets)
    assert drawn.shape == (2 * n, sample_size)
    for target in 1, 5:
        rows, counts = np.unique(drawn[targets == target], axis=0, return_counts=True)
        seen = dict(zip(map(tuple, rows.tolist()), counts.tolist(), strict=True))
        chi2 = 0.0
        for ordered in permutations(set(COUNTS) - {target}, sample_size):
            expected, left = float(n), 1 - p[target]
            for word in ordered:
                expected *= p[word] / left
                left -= p[word]
            assert expected > 5
            chi2 += (seen.pop(ordered, 0) - expected)**2 / expected
        assert not seen                             # no target, no repeat, no word never seen
        assert chi2 < critical


def test_a_target_with_nearly_all_the_mass():
    corpus = np.repeat([0, 1, 2], [10**6, 1, 1])
    drawn = UnigramSampler(corpus, 1, 2).get_negative_sample(np.zeros(400, int))
    assert {tuple(row) for row in drawn.tolist()} == {(1, 2), (2, 1)}
    assert 140 < (drawn[:, 0] == 1).sum() < 260         # a half, six standard deviations either way


def test_a_target_never_seen_excludes_nothing():
    drawn = UnigramSampler(CORPUS, 0.75, 4).get_negative_sample(np.tile([2, 9], 200))
    assert {tuple(sorted(row)) for row in drawn.tolist()} == set(combinations(COUNTS, 4))


@pytest.mark.parametrize('u, word', [(0.0, 1), (0.25, 4), (np.nextafter(0.25, 0), 1), (np.nextafter(1, 0), 6)])
def test_draws_at_the_edges(u, word, monkeypatch):
    """[0, 1) is cut into [0, 1/4) for id 1, [1/4, 1/2) for 4, [1/2, 1) for 6: what was never seen has no room."""
    sampler = UnigramSampler(np.array([1, 4, 6, 6]), 1, 1)
    monkeypatch.setattr(np.random, 'rand', lambda *shape: np.full(shape, u))
    assert sampler.get_negative_sample(np.array([5, 5])).tolist() == [[word], [word]]


@pytest.mark.parametrize('corpus, sample_size', [([0, 1, 2, 2, 1], 3), ([0, 7, 7], 2), ([4], 1)])
def test_vocabulary_too_small(corpus, sample_size):
    with pytest.raises(ValueError, match=f'sample_size is {sample_size}, .* {len(set(corpus))} different words'):
        UnigramSampler(np.array(corpus), 0.75, sample_size)
    with pytest.raises(ValueError, match='sample_size'):
        NegativeSamplingLoss(np.zeros((8, 2)), np.array(corpus), sample_size=sample_size)


def test_corpus_with_more_words_than_rows():
    with pytest.raises(ValueError, match='corpus: expected 0 to 4, got ids from 0 to 5'):
        NegativeSamplingLoss(np.zeros((5, 2)), CORPUS, sample_size=2)
    with pytest.raises(ValueError, match='corpus: ids from 0 to 1000000000000 came'):       # and no MemoryError
        NegativeSamplingLoss(np.zeros((5, 2)), [*CORPUS, 10**12], sample_size=2)


def test_as_many_as_there_are():
    drawn = UnigramSampler([0, 1, 2, 2, 1], 0.75, 2).get_negative_sample([0, 1, 2, 1])
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


@pytest.mark.parametrize('counts', [[1] * 7, [10**6, 1, 1, 1], [1, 1, 0, 10**6], np.arange(1, 3000)])
def test_draws_fall_where_the_sums_of_the_probabilities_say(counts):
    sampler = UnigramSampler(np.repeat(np.arange(len(counts)), counts), 0.75, 2)
    np.random.seed(3)
    u = np.random.rand(5000)
    np.random.seed(3)
    drawn = sampler.draw(5000)
    sums = np.append(0, np.cumsum(sampler.word_p))
    assert (sums[drawn] <= u + 1e-12).all() and (u < sums[drawn + 1] + 1e-12).all()
