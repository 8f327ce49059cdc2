"""Layers, optimizers, clipping and models against what PyTorch computed: fixtures/torch.npz, by tests/make_fixtures.py.

Each in float64, where all digits but the last few are to agree, and in float32, where no array may become wider.
"""
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ch04.negative_sampling_layer import EmbeddingDot
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from ch08.attention_layer import Attention, AttentionWeight, TimeAttention, WeightSum
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.transformer.blocks import EncoderBlock
from common.activation_layers import Elu, Gelu, LeakyRelu, PRelu, Relu, Tanh
from common.attention_layer import ScaledDotProductAttention
from common.conv_layers import AveragePooling, Convolution, Pooling
from common.functions import cross_entropy_error, relu, sigmoid, softmax
from common.layers import (
    Affine,
    Embedding,
    MatMul,
    MeanSquaredLoss,
    Sigmoid,
    SigmoidWithLoss,
    Softmax,
    SoftmaxWithLoss,
)
from common.loss_layers import BinaryCrossEntropyLoss
from common.multi_head_attention import MultiHeadAttention
from common.norm_layers import BatchNormalization, LayerNorm, Simple_BatchNormalization
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, RMSprop
from common.time_layers import (
    GRU,
    LSTM,
    RNN,
    TimeAffine,
    TimeBiLSTM,
    TimeEmbedding,
    TimeGRU,
    TimeLSTM,
    TimeRNN,
    TimeSigmoidWithLoss,
    TimeSoftmaxWithLoss,
)
from common.trainer import remove_duplicate
from common.util import clip_grads

with np.load(Path(__file__).parent / 'fixtures' / 'torch.npz', allow_pickle=False) as file:
    ARRAYS = dict(file)

TOLERANCE = {'d': 1e-12, 'f': 1e-5}
in_both_dtypes = pytest.mark.parametrize('dtype', TOLERANCE)



def block(activation, pre_norm, causal, *params):
    """An EncoderBlock of two heads, with these parameters."""
    D, hidden = params[-4 if pre_norm else -6].shape        # of W1
    layer = EncoderBlock(D, 2, hidden, 0, activation, pre_norm, causal=causal, dtype=params[0].dtype)
    for param, a in zip(layer.params, params, strict=True):
        param[...] = a
    return layer


HEADS = 'W_q W_k W_v W_o b_q b_k b_v b_o'
# the layer, and the names of its parameters, of what goes into forward, and of what comes out
LAYERS = {
    'mat_mul': (MatMul, 'W', 'x', 'y'),
    'affine': (Affine, 'W b', 'x', 'y'),
    'relu': (Relu, '', 'x', 'y'),
    'leaky_relu': (LeakyRelu, '', 'x', 'y'),
    'p_relu': (PRelu, 'slope', 'x', 'y'),
    'p_relu_channels': (PRelu, 'slope', 'x', 'y'),
    'elu': (Elu, '', 'x', 'y'),
    'elu_alpha': (partial(Elu, 0.3), '', 'x', 'y'),
    'tanh': (Tanh, '', 'x', 'y'),
    'gelu': (Gelu, '', 'x', 'y'),
    'gelu_large': (Gelu, '', 'x', 'y'),
    'gelu_tanh': (partial(Gelu, True), '', 'x', 'y'),
    'gelu_tanh_large': (partial(Gelu, True), '', 'x', 'y'),
    'layer_norm': (LayerNorm, 'gamma beta', 'x', 'y'),
    'layer_norm_wide': (LayerNorm, 'gamma beta', 'x', 'y'),
    'convolution': (Convolution, 'W b', 'x', 'y'),
    'convolution_stride_pad': (partial(Convolution, stride=2, pad=1), 'W b', 'x', 'y'),
    'convolution_channels': (partial(Convolution, pad=1), 'W b', 'x', 'y'),
    'pooling': (partial(Pooling, 2, 2), '', 'x', 'y'),
    'pooling_overlapping': (partial(Pooling, 3, 2, 1, 1), '', 'x', 'y'),
    'average_pooling': (partial(AveragePooling, 3, 2, 2, 1), '', 'x', 'y'),
    'mean_squared_loss': (MeanSquaredLoss, '', 'y t', 'loss'),
    'binary_cross_entropy': (BinaryCrossEntropyLoss, '', 'x t', 'loss'),
    'sigmoid': (Sigmoid, '', 'x', 'y'),
    'sigmoid_large': (Sigmoid, '', 'x', 'y'),
    'softmax': (Softmax, '', 'x', 'y'),
    'softmax_large': (Softmax, '', 'x', 'y'),
    'softmax_with_loss': (SoftmaxWithLoss, '', 'x t', 'loss'),
    'softmax_with_loss_one_hot': (SoftmaxWithLoss, '', 'x t', 'loss'),
    'softmax_with_loss_smooth': (partial(SoftmaxWithLoss, 0.1), '', 'x t', 'loss'),
    'softmax_with_loss_smooth_one_hot': (partial(SoftmaxWithLoss, 0.1), '', 'x t', 'loss'),
    'sigmoid_with_loss': (SigmoidWithLoss, '', 'x t', 'loss'),
    'embedding': (Embedding, 'W', 'idx', 'y'),
    'embedding_many': (Embedding, 'W', 'idx', 'y'),
    'embedding_dot': (EmbeddingDot, 'W', 'h idx', 'y'),
    'weight_sum': (WeightSum, '', 'hs a', 'y'),
    'attention_weight': (AttentionWeight, '', 'hs h', 'a'),
    'attention': (Attention, '', 'hs h', 'y'),
    'rnn': (RNN, 'Wx Wh b', 'x h_prev', 'h_next'),
    'lstm': (LSTM, 'Wx Wh b', 'x h_prev c_prev', 'h_next c_next'),
    'gru': (GRU, 'Wx Wh b', 'x h_prev', 'h_next'),
    'time_bi_lstm': (TimeBiLSTM, 'Wx1 Wh1 b1 Wx2 Wh2 b2', 'xs', 'hs'),
    'time_embedding': (TimeEmbedding, 'W', 'xs', 'ys'),
    'time_affine': (TimeAffine, 'W b', 'xs', 'ys'),
    'time_attention': (TimeAttention, '', 'hs_enc hs_dec', 'ys'),
    'scaled_dot_product_attention': (ScaledDotProductAttention, '', 'q k v', 'y'),
    'scaled_dot_product_attention_mask': (ScaledDotProductAttention, '', 'q k v mask', 'y'),
    'multi_head_attention': (partial(MultiHeadAttention, heads=2), HEADS, 'x', 'y'),
    'multi_head_attention_cross': (partial(MultiHeadAttention, heads=2), HEADS, 'x memory mask', 'y'),
    'block_pre_norm': (partial(block, 'gelu', True, True), f'gamma1 beta1 {HEADS} gamma2 beta2 W1 b1 W2 b2', 'x', 'y'),
    'block_post_norm': (partial(block, 'relu', False, False), f'{HEADS} gamma1 beta1 W1 b1 W2 b2 gamma2 beta2', 'x',
                        'y'),
    'time_softmax_with_loss': (TimeSoftmaxWithLoss, '', 'xs ts', 'loss'),
    'time_softmax_with_loss_ignored': (TimeSoftmaxWithLoss, '', 'xs ts', 'loss'),
    'time_softmax_with_loss_one_hot': (TimeSoftmaxWithLoss, '', 'xs ts', 'loss'),
    'time_softmax_with_loss_large': (TimeSoftmaxWithLoss, '', 'xs ts', 'loss'),
    'time_softmax_with_loss_smooth': (partial(TimeSoftmaxWithLoss, 0.1), '', 'xs ts', 'loss'),
    'time_softmax_with_loss_smooth_large': (partial(TimeSoftmaxWithLoss, 0.1), '', 'xs ts', 'loss'),
    'time_sigmoid_with_loss': (TimeSigmoidWithLoss, '', 'xs ts', 'loss'),
}
BATCH_NORM = {'batch_norm': True, 'batch_norm_pictures': True, 'batch_norm_off': False}      # whether in training
RECURRENT = {'time_rnn': TimeRNN, 'time_lstm_wide': TimeLSTM, 'time_lstm_narrow': TimeLSTM, 'time_gru': TimeGRU}
OPTIMIZERS = {'sgd': SGD, 'momentum': Momentum, 'ada_grad': AdaGrad, 'rms_prop': RMSprop, 'adam': Adam,
              'adam_w': AdamW}
MODELS = {'rnnlm': Rnnlm, 'better_rnnlm': partial(BetterRnnlm, dropout_ratio=0), 'seq2seq': Seq2seq,
          'peeky_seq2seq': PeekySeq2seq, 'attention_seq2seq': AttentionSeq2seq}

# The book adds 1e-7 to y inside the log of these, so that their loss is less than torch's, by the mean of 1e-7/y: 4e-7
# here at most. Their gradients leave the 1e-7 out, and agree with torch's to the last digits.
LOG_OF_MORE = {'softmax_with_loss', 'softmax_with_loss_one_hot', 'softmax_with_loss_smooth',
               'softmax_with_loss_smooth_one_hot', 'sigmoid_with_loss', 'time_sigmoid_with_loss'}
LOG_TOLERANCE = 1e-6
DEEP_TOLERANCE = 1e-4       # of whole blocks in float32: six layers, numbers of up to 60


def arrays_of(case, dtype):
    """A case's arrays by their names, in the order of the file: ids as they are, the rest in dtype."""
    arrays = {key.removeprefix(f'{case}/'): a for key, a in ARRAYS.items() if key.startswith(f'{case}/')}
    return {name: a.astype(dtype) if a.dtype.kind == 'f' else a for name, a in arrays.items()}


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def check(actual, expected, tolerance=None):
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    tolerance = tolerance or TOLERANCE[expected.dtype.char]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_every_case_is_checked():
    """One that stands in no table here would be checked by nothing."""
    assert {key.split('/')[0] for key in ARRAYS} == {
        *LAYERS, *RECURRENT, *(f'{case}_state' for case in RECURRENT), *BATCH_NORM, *OPTIMIZERS, *MODELS, 'clip',
        'clip_not'}


@in_both_dtypes
@pytest.mark.parametrize('case', LAYERS)
def test_layer(case, dtype):
    make, *names = LAYERS[case]
    params, inputs, outputs = (line.split() for line in names)
    arrays = arrays_of(case, dtype)
    layer = make(*[arrays[name] for name in params])
    ys = as_tuple(layer.forward(*[arrays[name] for name in inputs]))
    for name, y in zip(outputs, ys, strict=True):
        check(y, arrays[name], LOG_TOLERANCE if case in LOG_OF_MORE else None)
    dxs = as_tuple(layer.backward(*[arrays[f'd{name}'] for name in outputs]))
    floats = [name for name in inputs if arrays[name].dtype == dtype]
    tolerance = DEEP_TOLERANCE if case.startswith('block') and dtype == 'f' else None
    for name, dx in zip(floats, dxs if floats else (), strict=True):
        check(dx, arrays[f'd{name}'], tolerance)
    for name, grad in zip(params, layer.grads, strict=True):
        check(grad, arrays[f'd{name}'], tolerance)


@in_both_dtypes
@pytest.mark.parametrize('kind', [BatchNormalization, Simple_BatchNormalization])
@pytest.mark.parametrize('case', BATCH_NORM)
def test_batch_normalization(case, kind, dtype):
    arrays = arrays_of(case, dtype)
    layer = kind(arrays['gamma'], arrays['beta'], running_mean=arrays['mean'], running_var=arrays['var'])
    layer.train_flg = BATCH_NORM[case]
    check(layer.forward(arrays['x']), arrays['y'])
    check(layer.running_mean, arrays['mean_after'])
    check(layer.running_var, arrays['var_after'])
    check(layer.backward(arrays['dy']), arrays['dx'])
    for name, grad in zip(('gamma', 'beta'), layer.grads, strict=True):
        check(grad, arrays[f'd{name}'])


@in_both_dtypes
@pytest.mark.parametrize('with_state', [False, True])
@pytest.mark.parametrize('case', RECURRENT)
def test_recurrent_layer(case, with_state, dtype):
    arrays = arrays_of(f'{case}_state' if with_state else case, dtype)
    layer = RECURRENT[case](*[arrays[name] for name in ('Wx', 'Wh', 'b')], stateful=with_state)
    if with_state:
        layer.set_state(*[arrays[name] for name in ('h0', 'c0') if name in arrays])
    check(layer.forward(arrays['xs']), arrays['hs'])
    check(layer.h, arrays['hs'][:, -1])
    if 'c_last' in arrays:
        check(layer.c, arrays['c_last'])
    check(layer.backward(arrays['dhs']), arrays['dxs'])
    if with_state:
        check(layer.dh, arrays['dh0'])
    for name, grad in zip(('Wx', 'Wh', 'b'), layer.grads, strict=True):
        check(grad, arrays[f'd{name}'])


@in_both_dtypes
@pytest.mark.parametrize('case, function', [('relu', relu), ('sigmoid', sigmoid), ('softmax', softmax)])
def test_function(case, function, dtype):
    arrays = arrays_of(case, dtype)
    check(function(arrays['x']), arrays['y'])


@in_both_dtypes
@pytest.mark.parametrize('case', ['softmax_with_loss', 'softmax_with_loss_one_hot'])
def test_cross_entropy_error(case, dtype):
    arrays = arrays_of(case, dtype)
    check(cross_entropy_error(softmax(arrays['x']), arrays['t']), arrays['loss'], LOG_TOLERANCE)


@in_both_dtypes
@pytest.mark.parametrize('case', OPTIMIZERS)
def test_optimizer(case, dtype):
    arrays = arrays_of(case, dtype)
    p, gs, ps = (arrays.pop(name) for name in ('p', 'gs', 'ps'))
    optimizer = OPTIMIZERS[case](**{name: float(a) for name, a in arrays.items()})      # the rest are its arguments
    for g, expected in zip(gs, ps, strict=True):
        optimizer.update([p], [g])
        check(p, expected)


@in_both_dtypes
@pytest.mark.parametrize('case', ['clip', 'clip_not'])
def test_clip_grads(case, dtype):
    arrays = arrays_of(case, dtype)
    grads = [arrays['a'], arrays['b']]
    clip_grads(grads, float(arrays['max_norm']))
    for name, grad in zip('ab', grads, strict=True):
        check(grad, arrays[f'{name}_clipped'])


@in_both_dtypes
@pytest.mark.parametrize('case', MODELS)
def test_one_step_of_a_model(case, dtype):
    arrays = arrays_of(case, dtype)
    first = [a for name, a in arrays.items() if f'{name}_after' in arrays]
    (V, D), H = first[0].shape, len(first[2])       # of the embedding's W, and of the first LSTM's Wh
    model = MODELS[case](V, D, H, dtype=dtype)
    params, _ = remove_duplicate(model.params, model.grads)
    for param, a in zip(params, first, strict=True):
        param[...] = a
    check(model.forward(arrays['xs'], arrays['ts']), arrays['loss'])
    model.backward()
    SGD(float(arrays['lr'])).update(*remove_duplicate(model.params, model.grads))
    for param, name in zip(params, [name for name in arrays if name.endswith('_after')], strict=True):
        check(param, arrays[name])
