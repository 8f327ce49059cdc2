"""What holds for every layer of common: gradients, dtype, whose memory is whose, copies, threads, bad input.

Layers are discovered. One without a row in CASES fails: a new layer needs its row there, and nothing else here.
"""
import copy
import importlib
import pkgutil
import sys
import threading

import numpy as np
import pytest

import common
from ch07.rnnlm_gen import RnnlmGen
from ch07.seq2seq import Seq2seq
from common.checks import InputError
from common.gradient_check import check_gradients
from common.layers import Layer
from common.recurrent import Recurrent

N, T, D, H, V = 2, 3, 4, 3, 5
IDS = np.array([[4, 0, 4], [1, 4, 0]])              # (N, T): some twice, some never
CORPUS = np.array([0, 1, 2, 3, 4, 4, 3, 1, 1, 0, 2, 5, 6])
NO_LAYERS = {'Layer', 'Recurrent', 'BaseModel'}     # what layers and models are made from


def classes():
    """name -> class, of every Layer in the modules of common."""
    found = {}
    for module in pkgutil.iter_modules(common.__path__):
        for name, thing in vars(importlib.import_module(f'common.{module.name}')).items():
            if isinstance(thing, type) and issubclass(thing, Layer) and name not in NO_LAYERS:
                found[name] = thing
    return found


LAYERS = classes()


def gates(r, n, dim=D):
    return r(dim, n * H), r(H, n * H), r(n * H)


def heads(r, dim, memory=None):
    """Weights of MultiHeadAttention, for a memory of another width where that is given."""
    memory = memory or dim
    return r(dim, dim), r(memory, dim), r(memory, dim), r(dim, dim), *r(4, dim)


def view(r, *shape):
    """(N, T, …) as the Time layers hand it on: a view of (T, N, …) memory."""
    return r(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)


def nhwc(r, N, C, H, W):
    """(N, C, H, W) as convolutions hand it on: a view of (N, H, W, C) memory."""
    return r(N, H, W, C).transpose(0, 3, 1, 2)


def off(layer):
    layer.train_flg = False
    return layer


BATCH_NORM = [
    lambda r: ((r(D), r(D)), (r(5, D),)), lambda r: ((r(D), r(D)), (r(N, D, 3, 2),)),
    lambda r: ((r(D), r(D), 0.5), (nhwc(r, 3, D, 2, 3),)), lambda r: ((r(D), r(D)), (r(D, 5).T,)),
    lambda r: ((r(D), r(D), 0.9, r(D), abs(r(D)), 0.1), (r(N, D), False)),
    lambda r: ((r(D), r(D), 0.9, r(D), abs(r(D))), (nhwc(r, N, D, 2, 3), False))]
LAYER_NORM = [
    lambda r: ((r(D), r(D)), (r(N, D),)), lambda r: ((r(D), r(D), 0.1), (view(r, N, T, D),)),
    lambda r: ((r(D), r(D)), (r(D),)), lambda r: ((r(D), r(D)), (r(2, N, T, D),))]
MASK = np.array([[True, False, True, True], [False] * 4, [True, True, False, True]])        # (T, 4); one sees nothing
PADDING = np.array([[True, True, False], [True] * 3])[:, None, None]                        # (N, 1, 1, T)
SCALED_DOT = [
    lambda r: ((), (r(N, T, D), r(N, 4, D), r(N, 4, H))), lambda r: ((), (r(T, D), r(4, D), r(4, D), MASK)),
    lambda r: ((), (view(r, N, T, D), view(r, N, 4, D), view(r, N, 4, H), MASK[:1])),
    lambda r: ((), (100 * r(N, 2, T, D), r(N, 2, 4, D), r(N, 2, 4, H), MASK))]
HEADS = [
    lambda r: ((*heads(r, D), 2), (r(N, T, D),)), lambda r: ((*heads(r, D), 2, True, True), (view(r, N, T, D),)),
    lambda r: ((*heads(r, D), 4, False, True), (r(N, T, D), None, PADDING)),
    lambda r: ((*heads(r, D, H), 2), (r(N, T, D), r(N, 4, H), MASK))]
# name of the class -> its cases, each (arguments of the class, inputs of forward) from r(*shape), which draws floats
CASES = {
    'MatMul': [lambda r: ((r(D, H),), (r(N, D),)), lambda r: ((r(D, H),), (r(D),)),
               lambda r: ((r(D, H),), (r(N, T, D),)), lambda r: ((r(H, D).T,), (r(D, N).T,))],
    'Affine': [lambda r: ((r(D, H), r(H)), (r(N, D),)), lambda r: ((r(D, H), r(H)), (r(D),)),
               lambda r: ((r(D, H), r(H)), (r(2, N, T, D),)), lambda r: ((r(D, H), r(1, H)), (r(N, T, D),)),
               lambda r: ((r(D, H), r(1, H)), (r(N, D),)), lambda r: ((r(D, H), r(1, H)), (r(D),))],
    'Softmax': [lambda r: ((), (r(N, V),)), lambda r: ((), (r(V),))],
    'SoftmaxWithLoss': [lambda r: ((), (r(T, V), IDS[0])), lambda r: ((), (r(N, T, V), np.eye(V, dtype=int)[IDS])),
                        lambda r: ((0.1,), (r(T, V), IDS[0]))],
    'Sigmoid': [lambda r: ((), (r(N, D),))],
    'Relu': [lambda r: ((), (r(N, D),)), lambda r: ((), (r(N, T, D),)), lambda r: ((), (view(r, N, T, D),))],
    'LeakyRelu': [lambda r: ((), (r(N, D),)), lambda r: ((0.3,), (nhwc(r, N, D, 3, 2),))],
    'PRelu': [lambda r: ((r(1),), (r(N, D),)), lambda r: ((r(D),), (r(N, D),)), lambda r: ((r(1),), (r(N, T, D),)),
              lambda r: ((r(D),), (nhwc(r, N, D, 3, 2),)), lambda r: ((r(D),), (r(N, D, T),))],
    'Elu': [lambda r: ((), (r(N, D),)), lambda r: ((0.3,), (nhwc(r, N, D, 3, 2),)),
            lambda r: ((2.0,), (r(N, T, D),))],
    'Tanh': [lambda r: ((), (r(N, D),)), lambda r: ((), (nhwc(r, N, D, 3, 2),))],
    'Gelu': [lambda r: ((), (r(N, D),)), lambda r: ((False,), (nhwc(r, N, D, 3, 2),)),
             lambda r: ((True,), (r(N, T, D),)), lambda r: ((True,), (view(r, N, T, D),))],
    'BatchNormalization': BATCH_NORM, 'Simple_BatchNormalization': BATCH_NORM,
    'LayerNorm': LAYER_NORM, 'Simple_LayerNorm': LAYER_NORM,
    'MeanSquaredLoss': [lambda r: ((), (r(N, D), r(N, D)))],
    'BinaryCrossEntropyLoss': [lambda r: ((), (r(N, D), abs(r(N, D)))), lambda r: ((), (r(N, T, D), abs(r(N, T, D))))],
    'SigmoidWithLoss': [lambda r: ((), (r(4), np.array([1, 0, 0, 1])))],
    'Dropout': [lambda r: ((0.4,), (r(N, D),)), lambda r: ((0.4,), (r(N, D), False))],
    'Embedding': [lambda r: ((r(V, D),), (IDS,)), lambda r: ((r(V, D),), (IDS[0].astype(np.uint64),))],
    **{f'{plain}Convolution': [
        lambda r: ((r(3, 2, 3, 3), r(3)), (r(N, 2, 4, 5),)),
        lambda r: ((r(9, 8, 2, 3), r(9), 1, 1), (nhwc(r, N, 8, 3, 3),)),
        lambda r: ((r(2, 3, 3, 2), r(2), 2, 3), (r(1, 3, 4, 4),))] for plain in ('', 'Simple_')},
    **{f'{plain}{kind}Pooling': [
        lambda r: ((2, 2), (r(N, 2, 4, 5),)), lambda r: ((3, 2, 1, 1), (nhwc(r, N, 2, 3, 4),))]
       for plain in ('', 'Simple_') for kind in ('', 'Average')},
    'Flatten': [lambda r: ((), (r(N, 2, 3, 4),)), lambda r: ((), (nhwc(r, N, 2, 3, 4),)),
                lambda r: ((), (r(N, T, D),))],
    'RNN': [lambda r: (gates(r, 1), (r(N, D), r(N, H)))],
    'LSTM': [lambda r: (gates(r, 4), (r(N, D), r(N, H), r(N, H)))],
    'GRU': [lambda r: (gates(r, 3), (r(N, D), r(N, H)))],
    'TimeRNN': [lambda r: (gates(r, 1), (r(N, T, D),)), lambda r: ((*gates(r, 1), True), (view(r, N, T, D),))],
    'TimeLSTM': [lambda r: (gates(r, 4), (r(N, T, D),)), lambda r: ((*gates(r, 4), True), (view(r, N, T, D),)),
                 lambda r: (gates(r, 4, 1), (r(N, T, 1),)), lambda r: (gates(r, 4, 1), (view(r, N, T, 1),))],
    'TimeGRU': [lambda r: (gates(r, 3), (r(N, T, D),)), lambda r: ((*gates(r, 3), True), (view(r, N, T, D),))],
    'TimeBiLSTM': [lambda r: ((*gates(r, 4), *gates(r, 4)), (r(N, T, D),)),
                   lambda r: ((*gates(r, 4), *gates(r, 4)), (view(r, N, T, D),))],
    'TimeEmbedding': [lambda r: ((r(V, D),), (IDS,)), lambda r: ((r(V, D),), (IDS.astype(np.uint8),))],
    'TimeAffine': [lambda r: ((r(D, H), r(H)), (r(N, T, D),)), lambda r: ((r(H, D).T, r(1, H)), (view(r, N, T, D),))],
    'TimeDropout': [lambda r: ((0.4,), (r(N, T, D),)), lambda r: ((0.4,), (view(r, N, T, D),))],
    'TimeSoftmaxWithLoss': [lambda r: ((), (r(N, T, V), IDS)), lambda r: ((), (r(1, T, V), IDS[:1])),
                            lambda r: ((), (view(r, N, T, V), np.where(IDS, IDS, -1))),
                            lambda r: ((), (r(N, T, V), np.eye(V, dtype=int)[IDS])),
                            lambda r: ((0.1,), (view(r, N, T, V), np.where(IDS, IDS, -1))),
                            lambda r: ((0.1,), (r(N, T, V), np.eye(V, dtype=int)[IDS]))],
    'TimeSigmoidWithLoss': [lambda r: ((), (r(N, T), IDS % 2))],
    'Simple_TimeAffine': [lambda r: ((r(D, H), r(H)), (r(N, T, D),)), lambda r: ((r(D, H), r(1, H)), (r(N, T, D),))],
    'Simple_TimeSoftmaxWithLoss': [lambda r: ((), (r(N, T, V), IDS)), lambda r: ((0.1,), (r(N, T, V), IDS))],
    'EmbeddingDot': [lambda r: ((r(V, D),), (r(T, D), IDS[0])), lambda r: ((r(V, D),), (r(N, D), IDS))],
    'NegativeSamplingLoss': [lambda r: ((r(7, D), CORPUS, 0.75, 3), (r(3, D), IDS[0])),
                             lambda r: ((r(7, D), CORPUS), (r(N, D), IDS))],
    'Simple_NegativeSamplingLoss': [lambda r: ((r(7, D), CORPUS, 0.75, 3), (r(3, D), IDS[0]))],
    'WeightSum': [lambda r: ((), (r(N, T, H), r(N, T)))],
    'AttentionWeight': [lambda r: ((), (r(N, T, H), r(N, H)))],
    'Attention': [lambda r: ((), (r(N, T, H), r(N, H)))],
    'ScaledDotProductAttention': SCALED_DOT, 'Simple_ScaledDotProductAttention': SCALED_DOT,
    'MultiHeadAttention': HEADS, 'Simple_MultiHeadAttention': HEADS,
    'SinusoidalPositions': [lambda r: ((), (r(N, T, D),)), lambda r: ((), (view(r, N, T, 5), 2))],
    'LearntPositions': [lambda r: ((r(T, D),), (r(N, T, D),)), lambda r: ((r(6, D),), (view(r, N, T, D), 2))],
    'TimeAttention': [lambda r: ((), (r(N, 4, H), r(N, T, H))), lambda r: ((), (view(r, N, 4, H), view(r, N, T, H)))],
}
# two threads share np.random: what one draws is chance
RANDOM = {'Dropout', 'TimeDropout', 'NegativeSamplingLoss', 'Simple_NegativeSamplingLoss'}
ROWS = [(name, i) for name in LAYERS for i in range(len(CASES.get(name, ())))]
ROWS_OFF = [('TimeDropout', 'off')]


def draw(dtype='d', seed=0):
    state = np.random.RandomState(seed)
    return lambda *shape: state.uniform(-0.8, 0.8, shape).astype(dtype)


def make(row, dtype='d', seed=0):
    """A layer of the row and its inputs, the same at each call."""
    name, i = row
    arguments, inputs = CASES[name][0 if i == 'off' else i](draw(dtype, seed))
    layer = LAYERS[name](*arguments)
    return (off(layer) if i == 'off' else layer), list(inputs)


def as_tuple(out):
    return out if isinstance(out, tuple) else () if out is None else (out,)


def forward(layer, inputs):
    """What forward returns, a tuple; the same each time where it draws at random."""
    np.random.seed(1)
    return as_tuple(layer.forward(*inputs))


def douts_for(outs):
    """One gradient for each output, none for a loss."""
    r = np.random.RandomState(2)
    return [r.randn(*out.shape).astype(out.dtype) for out in outs if np.ndim(out)]


def arrays(inputs):
    return [a for a in inputs if isinstance(a, np.ndarray)]


def assert_equal(some, others):
    for a, b in zip(some, others, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=ROWS + ROWS_OFF, ids=lambda row: f'{row[0]}-{row[1]}')
def row(request):
    return request.param


def test_every_layer_has_a_row():
    assert set(LAYERS) == set(CASES)
    assert len(LAYERS) >= 28


def test_gradients(row):
    layer, inputs = make(row)
    check_gradients(layer, *inputs)


def test_what_forward_returns_may_be_written_into(row):
    layer, inputs = make(row)
    twin, twin_inputs = make(row)
    douts = douts_for(forward(twin, twin_inputs))
    for out in forward(layer, inputs):
        if isinstance(out, np.ndarray):
            out[...] = 7
    assert_equal(arrays(inputs), arrays(twin_inputs))           # none of them is what came in
    for state in 'h', 'c':
        if isinstance(layer, Recurrent) and getattr(layer, state, None) is not None:
            np.testing.assert_array_equal(getattr(layer, state), getattr(twin, state))
            getattr(layer, state)[...] = 7                      # of what a Time layer says of its state, the same holds
    assert_equal(as_tuple(layer.backward(*douts)), as_tuple(twin.backward(*douts)))
    assert_equal(layer.grads, twin.grads)


def test_what_backward_returns_may_be_written_into(row):
    layer, inputs = make(row)
    twin, _ = make(row)
    douts = douts_for(forward(layer, inputs))
    forward(twin, inputs)
    before = [dout.copy() for dout in douts]
    for dinput in as_tuple(layer.backward(*douts)):
        if isinstance(dinput, np.ndarray):
            dinput[...] = 7
    assert_equal(douts, before)
    twin.backward(*douts)
    assert_equal(layer.grads, twin.grads)
    assert_equal(forward(layer, inputs), forward(twin, inputs))


def test_inputs_parameters_and_douts_are_read_alone(row):
    layer, inputs = make(row)
    twin, twin_inputs = make(row)
    douts = douts_for(forward(layer, inputs))
    before = [dout.copy() for dout in douts]
    layer.backward(*douts)
    assert_equal(arrays(inputs), arrays(twin_inputs))
    assert_equal(layer.params, twin.params)
    assert_equal(douts, before)


def test_labels_and_ids_changed_after_forward_do_not_count(row):
    layer, inputs = make(row)
    twin, twin_inputs = make(row)
    douts = douts_for(forward(twin, twin_inputs))
    inputs = [a.copy() if isinstance(a, np.ndarray) and a.dtype.kind in 'iu' else a for a in inputs]
    forward(layer, inputs)
    for a in arrays(inputs):
        if a.dtype.kind in 'iu':
            a[...] = 0
    assert_equal(as_tuple(layer.backward(*douts)), as_tuple(twin.backward(*douts)))
    assert_equal(layer.grads, twin.grads)


def test_grads_are_written_and_stay_the_same_objects(row):
    layer, inputs = make(row)
    assert [p.shape for p in layer.params] == [g.shape for g in layer.grads]
    grads, found = list(layer.grads), []
    for stale in 0, np.nan:         # what was in them before does not count
        for grad in grads:
            grad[...] = stale
        if hasattr(layer, 'reset_state'):
            layer.reset_state()
        layer.backward(*douts_for(forward(layer, inputs)))
        found.append([grad.copy() for grad in grads])
    assert all(a is b for a, b in zip(layer.grads, grads, strict=True))
    assert_equal(*found)


def wrong_douts(dout):
    """What NumPy would stretch or flatten to the shape of dout, and what is no array of numbers."""
    if not np.ndim(dout):       # of a loss
        return [[1.0], np.ones(3), np.ones(1), None, '1']
    shapes = [dout[:1], dout[..., :1], dout[None], dout[0], dout.ravel(), np.array(1.0), np.concatenate((dout, dout))]
    return [a for a in shapes if a.shape != dout.shape] + [dout.tolist(), dout.astype('U'), dout.astype('D'), None, 'a']


def test_backward_refuses_what_is_not_of_forwards_shape(row):
    layer, inputs = make(row)
    outs = forward(layer, inputs)
    douts = douts_for(outs) or [1.0]
    for i, dout in enumerate(douts):
        for wrong in wrong_douts(dout):
            with pytest.raises(InputError, match=r'^d\w*: expected .+, got .+'):
                layer.backward(*douts[:i], wrong, *douts[i + 1:])
    layer.backward(*douts)      # none of them has spoiled what forward left


@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_dtype_follows_the_parameters(row, dtype):
    layer, inputs = make(row, dtype)
    outs = forward(layer, inputs)
    outs += forward(layer, inputs)  # with the state of the first, where there is one
    found = [*outs, *as_tuple(layer.backward(*douts_for(outs[len(outs) // 2:]))), *layer.grads]
    assert {np.asarray(a).dtype for a in found} == {np.dtype(dtype)}


def test_a_deep_copy_is_independent_and_equal(row):
    layer, inputs = make(row)
    douts = douts_for(forward(layer, inputs))
    twin = copy.deepcopy(layer)
    assert_equal(as_tuple(twin.backward(*douts)), as_tuple(layer.backward(*douts)))     # what forward left is copied
    assert_equal(twin.grads, layer.grads)
    assert_equal(forward(twin, inputs), forward(layer, inputs))
    kept = [param.copy() for param in layer.params]
    for array in (*twin.params, *twin.grads):
        array[...] = 7
    assert_equal(layer.params, kept)
    assert all((grad != 7).any() for grad in layer.grads)


def test_a_later_call_overwrites_no_result(row):
    layer, inputs = make(row)
    outs = forward(layer, inputs)
    state = [s for s in (getattr(layer, 'h', None), getattr(layer, 'c', None)) if isinstance(s, np.ndarray)]
    arrays_before = [*outs, *state, *as_tuple(layer.backward(*douts_for(outs)))]
    before = [np.copy(a) for a in arrays_before]
    later = [x if not isinstance(x, np.ndarray) else x * 0.5 if x.dtype.kind == 'f' else x[::-1] for x in inputs]
    layer.backward(*douts_for(forward(layer, later)))
    assert_equal(arrays_before, before)


@pytest.mark.parametrize('row', [row for row in ROWS if row[0].endswith('Loss')], ids=lambda row: f'{row[0]}-{row[1]}')
def test_a_loss_scales_its_gradient_by_dout(row):
    layer, inputs = make(row)
    gradients = []
    for dout in 1, -2.5:
        forward(layer, inputs)
        gradients.append([np.copy(layer.backward(dout)), *(g.copy() for g in layer.grads)])
    for once, scaled in zip(*gradients, strict=True):
        assert np.abs(once).max() > 1e-3
        np.testing.assert_allclose(scaled, -2.5 * once, rtol=1e-10, atol=1e-15)
    layer, inputs = make(row, 'f')
    forward(layer, inputs)
    assert layer.backward(np.float64(1)).dtype == np.float32            # a NumPy number does not make it wider


@pytest.mark.parametrize('row', [row for row in ROWS if row[0] not in RANDOM], ids=lambda row: f'{row[0]}-{row[1]}')
def test_two_threads_may_run_forward_on_one_layer(row):
    layer, _ = make(row)
    if getattr(layer, 'stateful', False):
        layer.stateful = False      # what runs on from call to call cannot be two threads' own
    inputs = [make(row, seed=seed)[1] for seed in (3, 4)]
    expected = [as_tuple(layer.forward(*own)) for own in inputs]
    wrong, begin = [], threading.Barrier(2)
    interval = sys.getswitchinterval()

    def run(own, expected):
        begin.wait()
        for _ in range(1000):
            outs = as_tuple(layer.forward(*own))
            if not all(np.array_equal(a, b) for a, b in zip(outs, expected, strict=True)):
                wrong.append(outs)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(inputs, expected, strict=True)]
    sys.setswitchinterval(1e-6)     # seconds: so that they meet in the middle of a forward
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


@pytest.mark.parametrize('start_id', [np.uint8(5), np.int8(5), np.uint64(5)], ids=lambda i: i.dtype.name)
@pytest.mark.parametrize('beam_size', [1, 2])
def test_a_narrow_start_id_gives_the_same_ids(start_id, beam_size):
    """300 ids do not fit into the 8 bits of the first."""
    model = Seq2seq(300, 4, 5)
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    model.params[-1][256:] += 3         # the last ids are the likely ones
    xs = np.random.randint(0, 300, (20, 4))
    expected = model.generate(xs, 5, 6, beam_size)
    assert expected.max() > 255
    answers = model.generate(xs, start_id, 6, beam_size)
    np.testing.assert_array_equal(answers, expected)
    assert answers.dtype == np.int64
    lists = model.generate(xs[0], start_id, 6, beam_size)
    assert lists == expected[0].tolist() and all(type(i) is int for i in lists)


@pytest.mark.parametrize('start_id', [np.uint8(5), np.int8(5), np.uint64(5)], ids=lambda i: i.dtype.name)
def test_text_from_a_narrow_start_id_is_the_same(start_id):
    model = RnnlmGen(300, 4, 5)
    texts = []
    for first, skip_ids in (5, [7, 8]), (start_id, np.array([7, 8], start_id.dtype)):
        model.reset_state()
        np.random.seed(6)
        texts.append(model.generate(first, skip_ids, sample_size=20))
    assert texts[0] == texts[1] and max(texts[0]) > 255 and all(type(i) is int for i in texts[1])
