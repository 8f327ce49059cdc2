"""The values of common.layers; what holds for every layer is in tests/test_battery.py."""
import math

import numpy as np
import pytest

from common.checks import InputError
from common.gradient_check import check_gradients
from common.layers import (
    Affine,
    Dropout,
    Embedding,
    Layer,
    MatMul,
    Sigmoid,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    cross_entropy_error,
    gather,
    set_training,
    walk,
)
from common.negative_sampling_layer import EmbeddingDot
from common.time_layers import (
    GRU,
    LSTM,
    RNN,
    Simple_TimeAffine,
    Simple_TimeSoftmaxWithLoss,
    TimeAffine,
    TimeBiLSTM,
    TimeDropout,
    TimeEmbedding,
    TimeGRU,
    TimeLSTM,
    TimeRNN,
    TimeSoftmaxWithLoss,
)


def as_tuple(out):
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize('make', [MatMul, lambda W: Affine(W, np.zeros(3, 'f'))], ids=['MatMul', 'Affine'])
def test_one_hot_rows_of_integers_keep_the_parameters_dtype(make):
    layer = make(np.arange(12, dtype='f').reshape(4, 3))
    y = layer.forward(np.array([[0, 0, 1, 0], [1, 0, 0, 0]]))
    assert y.tolist() == [[6, 7, 8], [0, 1, 2]]
    layer.backward(np.ones((2, 3), 'f'))
    assert layer.grads[0].tolist() == [[1] * 3, [0] * 3, [1] * 3, [0] * 3]
    assert y.dtype == np.float32


@pytest.mark.parametrize('bad, what', [([[1.0, 2.0]], 'list'), (np.array([[1, 2]]), 'int64'), (None, 'NoneType')])
def test_parameters_must_be_arrays_of_floats(bad, what):
    with pytest.raises(TypeError, match=rf'Affine, params\[1\]: expected an array of floats, got {what}'):
        Affine(np.zeros((2, 2)), bad)


@pytest.mark.parametrize('ids', [[[0, -1]], [[3, 1]]])
@pytest.mark.parametrize('forward, what', [
    (lambda ids: Embedding(np.zeros((3, 2))).forward(ids), 'idx'),
    (lambda ids: TimeEmbedding(np.zeros((3, 2))).forward(ids), 'xs'),
    (lambda ids: EmbeddingDot(np.zeros((3, 2))).forward(np.zeros((1, 2)), ids), 'idx')])
def test_ids_beyond_the_rows_are_refused(forward, what, ids):
    ids = np.array(ids)
    with pytest.raises(ValueError, match=f'{what}: expected ids from 0 to 2, got {ids.min()} to {ids.max()}'):
        forward(ids)


@pytest.mark.parametrize('make', [Dropout, TimeDropout])
def test_a_numpy_number_as_ratio_keeps_the_dtype(make):
    layer, x = make(np.float64(0.5)), np.ones((2, 3, 4), 'f')
    assert layer.forward(x).dtype == layer.backward(x).dtype == np.float32
    layer.train_flg = False
    out = layer.forward(x) if make is TimeDropout else layer.forward(x, train_flg=False)
    assert out.dtype == layer.backward(x).dtype == np.float32


def test_names_handed_on():
    names = {}
    exec('from common.layers import *', names)
    assert {'np', 'softmax', 'sigmoid', 'Affine', 'MatMul', 'Embedding', 'SoftmaxWithLoss'} <= names.keys()


def test_a_layers_repr_has_shapes_and_the_number_of_parameters():
    W = np.zeros((300, 40))
    assert repr(Affine(W, np.zeros(40))) == 'Affine: (300, 40), (40,), 12,040 parameters'
    assert str([Sigmoid(), Dropout(0.2)]) == '[Sigmoid, Dropout]'
    assert repr(Layer(W, W.T, np.zeros(1))) == 'Layer: (300, 40), (40, 300), (1,), 12,001 parameters'
    assert repr(Layer(*7 * [np.zeros(3)])) == 'Layer: 7 × (3,), 3 parameters'
    assert repr(Layer(*map(np.zeros, range(1, 8)))) == 'Layer: 7 arrays, 28 parameters'
    assert repr(Layer.__new__(Layer)) == 'Layer'        # its __init__ has not run


# values

def test_affine_by_hand():
    layer = Affine(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0]))
    assert layer.forward(np.array([[1.0, -1.0], [2.0, 0.0]])).tolist() == [[8, 18], [12, 24]]
    assert layer.backward(np.array([[1.0, 0.0], [0.0, 2.0]])).tolist() == [[1, 3], [4, 8]]
    assert layer.grads[0].tolist() == [[1, 4], [-1, 0]]
    assert layer.grads[1].tolist() == [1, 2]


@pytest.mark.parametrize('t', [np.array([2, 0]), np.array([[0, 0, 1], [1, 0, 0]])], ids=['labels', 'one-hot'])
def test_softmax_with_loss_by_hand(t):
    x = [[0.1, -0.3, 0.7], [1.2, 0.0, -0.4]]
    p = [[math.exp(v) / sum(math.exp(u) for u in row) for v in row] for row in x]
    layer = SoftmaxWithLoss()
    assert layer.forward(np.array(x), t) == pytest.approx(
        -(math.log(p[0][2] + 1e-7) + math.log(p[1][0] + 1e-7)) / 2, rel=1e-13)
    np.testing.assert_allclose(layer.y, p, rtol=1e-13)
    assert layer.t.tolist() == [2, 0]
    for _ in range(2):          # the probabilities stay: readers look at .y after backward too
        np.testing.assert_allclose(layer.backward(), [[p[0][0] / 2, p[0][1] / 2, (p[0][2] - 1) / 2],
                                                      [(p[1][0] - 1) / 2, p[1][1] / 2, p[1][2] / 2]], rtol=1e-13)
    np.testing.assert_allclose(layer.y, p, rtol=1e-13)


def test_sigmoid_with_loss_by_hand():
    x, t = [0.5, -1.5, 3.0], [1, 0, 0]
    y = [1 / (1 + math.exp(-v)) for v in x]
    layer = SigmoidWithLoss()
    expected = -(math.log(y[0] + 1e-7) + math.log(1 - y[1] + 1e-7) + math.log(1 - y[2] + 1e-7)) / 3
    assert layer.forward(np.array(x), np.array(t)) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(layer.backward(6), [2 * (a - b) for a, b in zip(y, t, strict=True)], rtol=1e-13)
    far = layer.forward(np.array([-1e4, 1e4]), np.array([1, 0]))        # both wrong, as far as can be
    assert far == pytest.approx(7 * math.log(10), rel=1e-9)


def test_dropout_draws_its_mask_in_the_books_order():
    x, dy = np.random.randn(3, 4), np.random.randn(3, 4)
    keep = np.random.RandomState(5).rand(3, 4) > 0.3
    assert 0 < keep.sum() < keep.size
    layer = Dropout(0.3)
    np.random.seed(5)
    np.testing.assert_array_equal(layer.forward(x), np.where(keep, x, 0))       # not inverted: no scaling here …
    np.testing.assert_array_equal(layer.backward(dy), np.where(keep, dy, 0))
    np.testing.assert_allclose(layer.forward(x, train_flg=False), 0.7 * x, rtol=1e-14)      # … but here


def test_dropout_gradient_at_test_time():
    check_gradients(Dropout(0.3), np.random.randn(3, 4), train_flg=False)


@pytest.mark.parametrize('make, ratio', [(Dropout, -0.1), (Dropout, 1.5), (TimeDropout, -0.1), (TimeDropout, 1.0)])
def test_dropout_ratio_out_of_range(make, ratio):
    with pytest.raises(ValueError, match='dropout_ratio'):
        make(ratio)


def test_embedding_by_hand():
    layer = Embedding(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert layer.forward(np.array([2, 0, 2])).tolist() == [[5, 6], [1, 2], [5, 6]]
    assert layer.backward(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])) is None
    assert layer.grads[0].tolist() == [[2, 20], [0, 0], [5, 50]]


def test_softmax_with_loss_takes_labels_of_any_shape_and_scores_of_any_rank():
    x, t = np.random.randn(2, 3, 4), np.array([[1, 0, 3], [2, 2, 1]])
    check_gradients(SoftmaxWithLoss(), x, t)
    check_gradients(SoftmaxWithLoss(), x[0], t[0][:, None])
    check_gradients(SoftmaxWithLoss(), x[0, 0], t[0, :1])
    check_gradients(SoftmaxWithLoss(), np.zeros((2, 1)), np.array([0, 0]))
    assert SoftmaxWithLoss().forward(x, t) == pytest.approx(SoftmaxWithLoss().forward(x.reshape(6, 4), t.ravel()))


@pytest.mark.parametrize('layer, x, t, what', [
    (SoftmaxWithLoss(), np.zeros((2, 3)), np.array([1]), r't: expected \(2,\), labels, .*, got \(1,\)'),
    (SigmoidWithLoss(), np.zeros((4, 1)), np.zeros(4, int), r't: expected \(4, 1\), .*, got labels \(4,\)'),
    (SigmoidWithLoss(), np.zeros(2), np.array([-1, 1]), 't: expected .*, each 0 or 1, got .* from -1 to 1'),
    (SoftmaxWithLoss(), np.zeros((2, 3)), np.array([1.0, 2.0]), 't: expected integers, .*, got float64')])
def test_labels_that_do_not_fit(layer, x, t, what):
    with pytest.raises((ValueError, TypeError), match=what):
        layer.forward(x, t)


SOFT = np.array([[0.4, 0.3, 0.3], [0.0, 0.1, 0.9]])


@pytest.mark.parametrize('dtype', ['e', 'f', 'd'])
def test_soft_labels_by_hand(dtype):
    x, t = [[0.1, -0.3, 0.7], [1.2, 0.0, -0.4]], SOFT.astype(dtype)
    p = [[math.exp(v) / sum(math.exp(u) for u in row) for v in row] for row in x]
    loss = -sum(float(t[i, j]) * math.log(p[i][j] + 1e-7) for i in range(2) for j in range(3)) / 2
    gradient = [[(p[i][j] - float(t[i, j])) / 2 for j in range(3)] for i in range(2)]
    assert cross_entropy_error(np.array(p), t) == pytest.approx(loss, rel=1e-12)
    assert cross_entropy_error(np.full((1, 3), 1 / 3), t[:1]) == pytest.approx(math.log(3), rel=1e-3)
    layer = SoftmaxWithLoss()
    assert layer.forward(np.array(x), t) == pytest.approx(loss, rel=1e-12)
    t[...] = 0                          # backward wants those of forward
    np.testing.assert_allclose(layer.backward(), gradient, rtol=1e-12)
    assert layer.backward().dtype == np.float64


def test_label_smoothing_is_soft_labels():
    """0.1 of the probability is spread over all four words, the right one among them; soft labels give 0.1 too."""
    x, spread = np.random.randn(2, 3, 4), 0.1 / 4
    labels, soft = np.array([[3, 0, 1], [2, 2, 3]]), np.random.dirichlet(np.ones(4), (2, 3))
    for t, expected in ((labels, 0.9 * np.eye(4)[labels] + spread), (soft, 0.9 * soft + spread)):
        for kind in SoftmaxWithLoss, TimeSoftmaxWithLoss, Simple_TimeSoftmaxWithLoss:
            smoothed, plain = kind(0.1), kind(label_smoothing=0.0)
            assert smoothed.forward(x, t) == pytest.approx(plain.forward(x, expected), rel=1e-12)
            np.testing.assert_allclose(smoothed.backward(0.5), plain.backward(0.5), rtol=1e-9, atol=1e-14)
    ignored = np.where(labels == 2, -1, labels)     # of which two positions are left out
    layer, kept = TimeSoftmaxWithLoss(0.1), TimeSoftmaxWithLoss(0.1)
    assert layer.forward(x, ignored) == pytest.approx(kept.forward(x[labels != 2][None], labels[labels != 2][None]))
    assert not layer.backward()[labels == 2].any()
    np.testing.assert_allclose(layer.backward()[labels != 2], kept.backward()[0], rtol=1e-9)


def test_soft_labels_over_time():
    x, t = np.random.randn(2, 4, 3), np.random.rand(2, 4, 3)
    t /= t.sum(axis=2, keepdims=True)
    flat = SoftmaxWithLoss()
    loss = flat.forward(x, t)
    for layer in TimeSoftmaxWithLoss(), Simple_TimeSoftmaxWithLoss():
        check_gradients(layer, x, t, tolerance=1e-4)
        assert layer.forward(x, t) == pytest.approx(loss, rel=1e-5)     # one adds 1e-7 to p, the other does not
        np.testing.assert_allclose(layer.backward(0.5), flat.backward(0.5), rtol=1e-9)
        assert layer.forward(x.astype('f'), t).dtype == layer.backward().dtype == np.float32


@pytest.mark.parametrize('row, seen', [
    ([1, 1, 0], 'rows from 0 that add up to 1.0 to 2.0'), ([0, 0, 0], 'rows from 0 that add up to 0.0 to 1.0'),
    ([2, -1, 0], 'rows from -1 that add up to 1.0 to 1.0'), ([2, 0, 0], 'rows from 0 that'),
    ([2**63 - 1, 2**63 - 1, 3], 'rows from 0 that'), ([0.5, 0.6, 0.0], r'rows from 0.0 that add up to 1.0 to 1.1'),
    ([1.5, -0.5, 0.0], 'rows from -0.5 that'), ([np.nan, 1.0, 0.0], 'rows from nan that'),
    ([np.inf, 0.0, 0.0], 'rows from 0.0 that add up to 1.0 to inf'), ([1j, 0, 0], 'complex128'),
    (['a', 'b', 'c'], '<U'), ([True, True, False], 'rows from False that add up to 1.0 to 2.0')])
def test_rows_of_labels_that_are_neither_one_hot_nor_soft(row, seen):
    first = ['1', '0', '0'] if row[0] == 'a' else np.array([1, 0, 0], np.array(row).dtype)
    t, x = np.array([first, row]), np.random.randn(2, 3)
    for forward in (SoftmaxWithLoss().forward, cross_entropy_error,
                    lambda x, t: TimeSoftmaxWithLoss().forward(x[None], t[None]),
                    lambda x, t: Simple_TimeSoftmaxWithLoss().forward(x[:, None], t[:, None])):
        with pytest.raises(InputError, match=f'^ts?: expected .*, got .*{seen}'):
            forward(x, t)


@pytest.mark.parametrize('kind', [bool, np.uint8, np.int64, np.float16, np.float64])
def test_one_hot_rows_of_any_kind_are_labels(kind):
    x, labels = np.random.randn(2, 3, 4), np.array([[3, 0, 1], [2, 2, 3]])
    for layer in SoftmaxWithLoss(), TimeSoftmaxWithLoss(), Simple_TimeSoftmaxWithLoss():
        expected = layer.forward(x, labels)
        for t in np.eye(4, dtype=kind)[labels], labels[:, :, None]:     # labels as columns too
            assert layer.forward(x, t) == expected
    layer = SoftmaxWithLoss()
    layer.forward(x, np.eye(4, dtype=kind)[labels])
    assert layer.t.tolist() == [3, 0, 1, 2, 2, 3]


@pytest.mark.parametrize('leading', [(), (1,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize('b', [None, (3,), (1, 3)])
def test_a_product_takes_x_of_any_leading_shape(leading, b):
    """As np.dot does, row by row."""
    W, x, dy = np.random.randn(4, 3), np.random.randn(*leading, 4), np.random.randn(*leading, 3)
    bias = np.random.randn(*b) if b else np.zeros(3)
    layer = Affine(W, bias) if b else MatMul(W)
    y = layer.forward(x)
    assert y.shape == (*leading, 3)
    dx = layer.backward(dy)
    assert dx.shape == x.shape
    dW, db = np.zeros((4, 3)), np.zeros(3)
    for place in np.ndindex(*leading):
        for m in range(3):
            assert y[place][m] == pytest.approx(sum(x[place][d] * W[d, m] for d in range(4)) + bias.ravel()[m])
        for d in range(4):
            assert dx[place][d] == pytest.approx(sum(dy[place][m] * W[d, m] for m in range(3)))
        dW += x[place][:, None] * dy[place]
        db += dy[place]
    np.testing.assert_allclose(layer.grads[0], dW, rtol=1e-12)
    if b:
        assert layer.grads[1].shape == b
        np.testing.assert_allclose(layer.grads[1].ravel(), db, rtol=1e-12)


@pytest.mark.parametrize('x', [np.zeros((2, 3)), np.zeros(3), np.zeros(()), np.zeros((0, 4)), np.zeros((2, 0, 4))])
@pytest.mark.parametrize('layer', [MatMul(np.ones((4, 3))), Affine(np.ones((4, 3)), np.zeros(3))])
def test_a_product_refuses_x_of_another_width(layer, x):
    with pytest.raises(InputError, match=r'x: expected \(…, 4\), 1 or more numbers, got \('):
        layer.forward(x)


def test_a_gradient_of_another_shape_is_refused():
    layer = MatMul(np.ones((4, 3)))
    layer.forward(np.ones((2, 5, 4)))
    with pytest.raises(InputError, match=r'dy: expected \(2, 5, 3\), got \(5, 2, 3\)'):
        layer.backward(np.ones((5, 2, 3)))


def test_after_the_last_step_no_gradient_of_the_memory_cell_comes_back():
    """The book's loop over the steps begins with dh, dc = 0, 0."""
    layer = LSTM(np.random.randn(4, 12), np.random.randn(3, 12), np.random.randn(12))
    layer.forward(np.random.randn(2, 4), np.random.randn(2, 3), np.random.randn(2, 3))
    dh = np.random.randn(2, 3)
    for some, others in zip(layer.backward(dh, 0), layer.backward(dh, np.zeros((2, 3))), strict=True):
        np.testing.assert_array_equal(some, others)
        assert some.any()
    with pytest.raises(InputError, match=r'dc_next: expected an array \(2, 3\), got int'):
        layer.backward(dh, 1)


@pytest.mark.parametrize('b', [(3,), (2, 3), (3, 1), (1,), ()])
@pytest.mark.parametrize('make', [Affine, TimeAffine, Simple_TimeAffine])
def test_a_bias_of_another_shape_is_refused(make, b):
    with pytest.raises(InputError, match='b: expected'):
        make(np.ones((3, 4)), np.zeros(b))


@pytest.mark.parametrize('make, gates', [(RNN, 1), (LSTM, 4), (GRU, 3), (TimeRNN, 1), (TimeLSTM, 4), (TimeGRU, 3)])
@pytest.mark.parametrize('D', [1, 4])       # narrow and wide
def test_a_bias_of_one_row_counts_as_a_flat_one(make, gates, D):
    Wx, Wh, b = np.random.randn(D, 3 * gates), np.random.randn(3, 3 * gates), np.random.randn(3 * gates)
    flat, row = make(Wx, Wh, b), make(Wx, Wh, b[None])
    states = [np.random.randn(2, 3) for _ in range(2 if make is LSTM else 1)] if make in (RNN, LSTM, GRU) else []
    inputs = [np.random.randn(*((2, D) if states else (2, 5, D))), *states]
    outs, row_outs = as_tuple(flat.forward(*inputs)), as_tuple(row.forward(*inputs))
    for a, e in zip(row_outs, outs, strict=True):
        np.testing.assert_array_equal(a, e)
    flat.backward(*outs)
    row.backward(*outs)
    assert row.grads[2].shape == (1, 3 * gates) and row.grads[2].any()
    np.testing.assert_array_equal(row.grads[2][0], flat.grads[2])


@pytest.mark.parametrize('dtype', [np.int8, np.uint8, np.uint64])
def test_narrow_and_unsigned_ids_and_labels(dtype):
    ids, x = np.array([2, 0, 2]), np.random.randn(3, 4)
    for layer, inputs in [(Embedding(np.random.randn(3, 4)), ()), (SoftmaxWithLoss(), (x,))]:
        plain = layer.forward(*inputs, ids)
        np.testing.assert_array_equal(layer.forward(*inputs, ids.astype(dtype)), plain)
    assert layer.t.dtype == np.int64
    dx = layer.backward()
    layer.forward(x, ids)
    np.testing.assert_array_equal(dx, layer.backward())


@pytest.mark.parametrize('flag', ['False', '', None, 2, [True], np.array([1, 0])])
def test_a_flag_is_true_or_false(flag):
    weights = np.zeros((2, 12)), np.zeros((3, 12)), np.zeros(12)
    block = Dropout()
    block.train_flg = flag
    for name, call in [('stateful', lambda: TimeLSTM(*weights, stateful=flag)),
                       ('stateful', lambda: TimeBiLSTM(*weights, *weights, flag)),
                       ('sparse', lambda: Embedding(np.zeros((2, 2)), flag)),
                       ('flag', lambda: set_training(block, flag)),
                       ('train_flg', lambda: block.forward(np.zeros(2)))]:
        with pytest.raises(InputError, match=rf'^{name}: expected True or False, got '):
            call()


@pytest.mark.parametrize('flag', [True, np.True_, 1, False, np.False_, 0])
def test_flags_of_any_kind(flag):
    layer = TimeLSTM(np.ones((2, 12)), np.ones((3, 12)), np.ones(12), stateful=flag)
    first, second = (layer.forward(np.ones((1, 1, 2))) for _ in range(2))
    assert (first != second).any() == bool(flag)


class Forgetful(Layer):
    """A reader's own layer that lacks one thing and another."""

    def __init__(self):
        self.scale = 2.0

    @property
    def twice(self):
        return self.scale.doubled


def test_a_missing_attribute_is_told_in_pythons_words():
    layer = Affine(np.ones((2, 2)), np.zeros(2))
    with pytest.raises(AttributeError, match=r"^'Affine' object has no attribute 'parms' \(.*forward") as caught:
        _ = layer.parms
    assert (caught.value.name, caught.value.obj) == ('parms', layer)        # Python suggests a name by these
    with pytest.raises(AttributeError, match=r"^'Forgetful' object has no attribute 'params' \(.*super"):
        _ = Forgetful().params
    with pytest.raises(AttributeError, match=r"^'float' object has no attribute 'doubled'$"):
        _ = Forgetful().twice


class Block(Layer):
    """A reader's own layer made of layers, with one of them in it twice."""

    def __init__(self):
        self.affine, self.dropout = Affine(np.ones((2, 2)), np.zeros(2)), Dropout()
        self.inner = [self.affine, {'deep': (Dropout(),)}]
        self.params, self.grads = gather(self.affine, self.inner[0])


def test_gather_goes_on_in_the_layers_order():
    first, second = Affine(np.ones((2, 3)), np.zeros(3)), MatMul(np.ones((3, 1)))
    params, grads = gather(first, second)
    assert [id(p) for p in params] == [id(p) for p in (*first.params, *second.params)]
    assert [id(g) for g in grads] == [id(g) for g in (*first.grads, *second.grads)]
    assert gather() == ([], [])


def test_set_training_reaches_every_layer_that_cares_and_no_other():
    block = Block()
    assert [type(layer).__name__ for layer in walk(block)] == ['Block', 'Affine', 'Dropout', 'Dropout']
    set_training(block, False)
    assert block.dropout.train_flg is block.inner[1]['deep'][0].train_flg is False
    assert not hasattr(block.affine, 'train_flg')
    x = np.ones((4, 2))
    assert (block.dropout.forward(x) == 0.5).all() and set(block.dropout.forward(x, True).flat) == {0, 1}
    set_training(block, True)
    assert set(block.dropout.forward(x).flat) == {0, 1} and (block.dropout.forward(x, train_flg=False) == 0.5).all()
