"""common.rows and all that takes it: layers, optimizers, clipping, merging, the gradient check."""
import numpy as np
import pytest

from ch04.cbow import CBOW
from ch04.skip_gram import SkipGram
from common.gradient_check import check_gradients
from common.layers import Embedding
from common.negative_sampling_layer import EmbeddingDot, NegativeSamplingLoss
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.rows import RowSparse, add_at, sum_rows
from common.trainer import Trainer, remove_duplicate
from common.util import clip_grads

CORPUS = np.array([0, 1, 2, 3, 4, 5, 1, 2, 6, 3, 1])


def row_sparse(V, indices, values):
    grad = RowSparse((V, len(values[0])), float)
    grad.fill(np.array(indices), np.array(values, float))
    return grad


def test_fill_adds_up_repeated_ids_and_forgets_what_was():
    grad = row_sparse(5, [4], [[7, 7]])
    grad.fill(np.array([[3, 1], [3, 0]]), np.array([[[1, 2], [3, 4]], [[10, 20], [5, 6]]]))
    assert grad.indices.tolist() == [0, 1, 3]
    assert grad.values.tolist() == [[5, 6], [3, 4], [11, 22]]
    assert np.asarray(grad).tolist() == [[5, 6], [3, 4], [0, 0], [11, 22], [0, 0]]
    grad.fill(np.zeros((0, 2), int), np.zeros((0, 2, 2)))
    assert not np.asarray(grad).any() and np.asarray(grad).shape == (5, 2)


@pytest.mark.parametrize('mine', [np.uint8, np.int8, np.int64, np.uint64])
@pytest.mark.parametrize('others', [np.uint8, np.int8, np.int64, np.uint64])
def test_add_takes_ids_of_any_integers(mine, others):
    grad = RowSparse((200, 2), float)
    for indices, values in ((np.array([4, 1], mine), [[1, 2], [3, 4]]), (np.array([100, 4], others), [[5, 6], [7, 8]])):
        grad.add(row_sparse(200, indices, values))
    assert grad.indices.dtype == np.int64 and grad.indices.tolist() == [1, 4, 100]
    assert grad.values.tolist() == [[3, 4], [8, 10], [5, 6]]
    with pytest.raises(TypeError):
        grad.fill(np.array([1.5]), np.zeros((1, 2)))


def test_embedding_keeps_only_the_rows_it_read():
    W = np.random.randn(6, 2).astype('f')
    layer = Embedding(W, sparse=True)
    assert np.array_equal(layer.forward(np.array([[5, 1], [5, 5]])), W[[[5, 1], [5, 5]]])
    grad, = layer.grads
    layer.backward(np.array([[[1, 10], [2, 20]], [[4, 40], [8, 80]]], 'f'))
    assert layer.grads[0] is grad and grad.values.dtype == np.float32
    assert grad.indices.tolist() == [1, 5] and grad.values.tolist() == [[2, 20], [13, 130]]


def test_gradients():
    ids, h = np.array([[1, 3], [3, 3]]), np.random.randn(2, 3)
    check_gradients(Embedding(np.random.randn(7, 3), sparse=True), ids)
    check_gradients(EmbeddingDot(np.random.randn(7, 3), sparse=True), h, ids)
    check_gradients(NegativeSamplingLoss(np.random.randn(7, 3), CORPUS, sample_size=3, sparse=True), h, ids[:, 0])
    for model in CBOW, SkipGram:
        net = model(7, 3, 1, CORPUS, 'd', sparse=True)
        assert all(isinstance(grad, RowSparse) for grad in net.grads)
        check_gradients(net, np.array([[0, 2], [1, 2], [2, 2]]), np.array([1, 0, 6]))


def test_the_gradient_check_sees_a_wrong_row():
    layer = Embedding(np.random.randn(7, 3), sparse=True)
    right = layer.backward

    def wrong(dy):
        right(dy)
        layer.grads[0].values[1] *= 2

    layer.backward = wrong
    with pytest.raises(AssertionError, match=r'Embedding.params\[0\] at index \(3, '):
        check_gradients(layer, np.array([1, 3]))


# Two updates, the first of rows 0 and 2, the second of rows 2 and 3. Row 2 saw both, rows 0 and 3 one each, at their
# own time; by hand: what the optimizer does to a matrix that is just those rows, in the same steps.
@pytest.mark.parametrize('make', [SGD, Momentum, Nesterov, AdaGrad, RMSprop])
def test_only_touched_rows_are_updated(make):
    start, g1, g2 = np.random.randn(5, 3), np.random.randn(2, 3), np.random.randn(2, 3)
    W, optimizer = start.copy(), make(lr=0.1)
    optimizer.update([W], [row_sparse(5, [0, 2], g1)])
    optimizer.update([W], [row_sparse(5, [2, 3], g2)])
    assert np.array_equal(W[[1, 4]], start[[1, 4]])
    for row, steps in ((0, [g1[0]]), (2, [g1[1], g2[0]]), (3, [g2[1]])):
        expected, alone = start[row].copy(), make(lr=0.1)
        for g in steps:
            alone.update([expected], [g])
        np.testing.assert_allclose(W[row], expected, rtol=1e-14)
    for name in optimizer.arrays:
        state, = getattr(optimizer, name)
        assert not state[[1, 4]].any() and state[[0, 2, 3]].all()


def test_adam_counts_all_updates_for_its_correction():
    W, optimizer = np.zeros((2, 1)), Adam(lr=1)
    optimizer.update([W], [row_sparse(2, [0], [[1]])])
    optimizer.update([W], [row_sparse(2, [1], [[1]])])
    # m = 0.1 and v = 0.001 in both rows, corrected for the first and for the second update
    root = 0.001**0.5
    assert W[0, 0] == pytest.approx(-root / 0.1 * 0.1 / (root + 1e-7), rel=1e-12)
    assert W[1, 0] == pytest.approx(-(1 - 0.999**2)**0.5 / (1 - 0.81) * 0.1 / (root + 1e-7), rel=1e-12)


def test_adam_w_lets_the_rows_decay_that_come():
    W, optimizer = np.ones((3, 1)), AdamW(lr=0.1, weight_decay=0.5)
    for _ in range(2):
        optimizer.update([W], [row_sparse(3, [0, 2], [[0], [0]])])      # Adam's own step is 0
    np.testing.assert_allclose(W[:, 0], [0.95**2, 1, 0.95**2], rtol=1e-14)


def test_clip_grads():
    dense, sparse = np.array([[0.0, 3.0]]), row_sparse(9, [2, 7], [[0, 0], [4, 0]])
    clip_grads([dense, sparse], 2.5)
    np.testing.assert_allclose(dense, [[0, 1.5]], rtol=1e-6)
    np.testing.assert_allclose(sparse.values, [[0, 0], [2, 0]], rtol=1e-6)


@pytest.mark.parametrize('order', ['sparse, sparse', 'sparse, dense', 'dense, sparse', 'sparse, tied', 'tied, sparse'])
def test_remove_duplicate(order):
    W = np.random.randn(4, 2)
    whole = np.arange(8.0).reshape(4, 2)

    def part(kind):
        if kind == 'sparse':
            return W, row_sparse(4, [1, 3], [[10, 20], [30, 40]])
        return (W, whole.copy()) if kind == 'dense' else (W.T, whole.T.copy())

    params, grads = zip(*map(part, order.split(', ')), strict=True)
    (param,), (grad,) = remove_duplicate(params, grads)
    added = np.array([[0, 0], [10, 20], [0, 0], [30, 40]])
    expected = 2 * added if order == 'sparse, sparse' else whole + added
    assert np.array_equal(np.asarray(grad), expected if param.shape == (4, 2) else expected.T)


def test_training_with_either_form_of_gradient_does_the_same_with_sgd():
    contexts, target = np.stack([CORPUS[:-2], CORPUS[2:]], axis=1), CORPUS[1:-1]
    vectors = []
    for sparse in False, True:
        np.random.seed(5)
        net = CBOW(7, 4, 1, CORPUS, 'd', sparse)
        Trainer(net, SGD(lr=0.5)).fit(contexts, target, 5, 3, max_grad=0.1, eval_interval=None)
        vectors.append(net.word_vecs)
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-12)


# ---- sums


@pytest.mark.parametrize('size', [7, 1000])       # of an alphabet, of a vocabulary
@pytest.mark.parametrize('shape', [(1,), (30,), (5, 4), (2, 3, 4), (0,)])
def test_add_at_adds_up_repeated_ids(shape, size):
    W = np.random.randn(size, 3)
    idx, rows = np.random.randint(0, 7, shape), np.random.randn(*shape, 3)
    expected = W.copy()
    np.add.at(expected, idx, rows)
    add_at(W, idx, rows)
    np.testing.assert_allclose(W, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('repeats', [1, 7, 8, 9, 40])
def test_sum_rows_of_long_runs(repeats):
    idx = np.random.permutation(np.repeat([2, 70_000, 5], [repeats, 3, 1]))      # 70,000: more than 16 bits hold
    rows = np.random.randn(len(idx), 2)
    ids, sums = sum_rows(idx, rows)
    assert ids.tolist() == [2, 5, 70_000]
    np.testing.assert_allclose(sums, [sum(rows[idx == i]) for i in (2, 5, 70_000)], rtol=0, atol=1e-12)


@pytest.mark.parametrize('size', [7, 1000])
def test_one_row_shared_by_several_ids(size):
    idx, rows = np.random.randint(0, 6, (5, 2, 4)), np.random.randn(5, 2, 3)
    expected = np.zeros((size, 3))
    np.add.at(expected, idx, rows[:, :, None])
    W = np.zeros((size, 3))
    add_at(W, idx, rows, shared=True)
    ids, sums = sum_rows(idx, rows, shared=True)
    np.testing.assert_allclose(W, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sums, expected[ids], rtol=0, atol=1e-12)


@pytest.mark.parametrize('size', [7, 1000])
def test_an_infinite_row_stays_in_its_own(size):
    W = np.zeros((size, 2))
    add_at(W, np.array([1, 3, 1]), np.array([[1, np.inf], [2, 3], [4, 5]]))
    assert W[:4].tolist() == [[0, 0], [5, np.inf], [0, 0], [2, 3]] and not W[4:].any()


@pytest.mark.parametrize('size', [4, 1000])
def test_add_at_takes_views(size):
    W, idx = np.zeros((size, 2)), np.array([[0, 1, 0], [3, 0, 1]]).T
    rows = np.arange(12.).reshape(2, 3, 2).swapaxes(0, 1)
    add_at(W, idx, rows)
    assert W[:4].tolist() == [[0 + 4 + 8, 1 + 5 + 9], [2 + 10, 3 + 11], [0, 0], [6, 7]]
    assert not W[4:].any()
