"""Bad arguments: each row a call, the kind of its error, and the words that the error must hold.

NumPy would answer many of them with a message about its own insides, with numbers that are wrong, or not at all.
"""
import copy
import pickle
import re

import numpy as np
import pytest

from ch01.two_layer_net import TwoLayerNet
from ch03.simple_cbow import SimpleCBOW
from ch03.simple_skip_gram import SimpleSkipGram
from ch04.cbow import CBOW
from ch04.negative_sampling_layer import EmbeddingDot, NegativeSamplingLoss, UnigramSampler
from ch04.skip_gram import SkipGram
from ch05.simple_rnnlm import SimpleRnnlm
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from ch07.peeky_seq2seq import PeekyDecoder, PeekySeq2seq
from ch07.rnnlm_gen import BetterRnnlmGen, RnnlmGen
from ch07.seq2seq import Decoder, Encoder, Seq2seq
from ch08.attention_layer import Attention, AttentionWeight, TimeAttention, WeightSum
from ch08.attention_seq2seq import AttentionDecoder, AttentionSeq2seq
from common import util
from common.callbacks import CosineDecay, EarlyStopping, PlateauDecay, StepDecay, WarmupCosine, WarmupRoot
from common.checks import InputError
from common.functions import cross_entropy_error
from common.gradient_check import numerical_gradient
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.rows import RowSparse
from common.time_layers import (
    GRU,
    LSTM,
    RNN,
    Affine,
    Dropout,
    Embedding,
    MatMul,
    Sigmoid,
    SigmoidWithLoss,
    Simple_TimeAffine,
    Simple_TimeSoftmaxWithLoss,
    Softmax,
    SoftmaxWithLoss,
    TimeAffine,
    TimeBiLSTM,
    TimeDropout,
    TimeEmbedding,
    TimeGRU,
    TimeLSTM,
    TimeRNN,
    TimeSigmoidWithLoss,
    TimeSoftmaxWithLoss,
)
from common.trainer import RnnlmTrainer, Trainer
from dataset import digits, images, mnist, ptb, sequence, spiral, text, toy

zeros = np.zeros
NAN, INF = float('nan'), float('inf')
CORPUS = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2])
VECTORS = zeros((3, 2))
WORDS = {0: 'a', 1: 'b', 2: 'c'}
IDS = {'a': 0, 'b': 1, 'c': 2}


def ints(*shape):
    return zeros(shape, int)


def recurrent(make, gates, D=3, H=2, **options):
    return make(zeros((D, gates * H)), zeros((H, gates * H)), zeros(gates * H), **options)


def after(layer, *inputs):
    """layer, once forward has been there."""
    layer.forward(*inputs)
    return layer


def update_twice():
    optimizer, params = Momentum(), [zeros(2)]
    optimizer.update(params, [zeros(2)])
    optimizer.update([*params, zeros(3)], [zeros(2), zeros(3)])


def update_others():
    optimizer = Momentum()
    optimizer.update([zeros(2)], [zeros(2)])
    optimizer.update([zeros(3)], [zeros(3)])


def update_with(**changes):
    optimizer = SGD()
    for name, value in changes.items():
        setattr(optimizer, name, value)
    optimizer.update([zeros(2)], [zeros(2)])


def other_batch():
    layer = recurrent(TimeLSTM, 4, stateful=True)
    after(layer, zeros((4, 5, 3))).forward(zeros((2, 5, 3)))


PARAMETERS = [
    (lambda: Affine(zeros(3), zeros(3)), ValueError, 'W: expected (D, M), got (3,)'),
    (lambda: Affine(zeros((2, 3)), zeros(2)), ValueError, 'b: expected (3,), got (2,)'),
    (lambda: Affine(ints(2, 3), ints(3)), TypeError, 'Affine, params[0]: expected an array of floats, got int64'),
    (lambda: Affine([[1.0]], zeros(1)), TypeError, 'Affine, params[0]: expected an array of floats, got list'),
    (lambda: MatMul(zeros((2, 3, 4))), ValueError, 'W: expected (D, M), got (2, 3, 4)'),
    (lambda: MatMul(zeros((0, 3))), ValueError, 'W: expected (D, M), each 1 or more, got (0, 3)'),
    (lambda: Embedding(zeros(3)), ValueError, 'W: expected (V, D), got (3,)'),
    (lambda: Embedding(ints(3, 2)), TypeError, 'Embedding, params[0]: expected an array of floats, got int64'),
    (lambda: EmbeddingDot(zeros(3)), ValueError, 'W: expected (V, D), got (3,)'),
    (lambda: RNN(zeros((3, 2)), zeros((2, 3)), zeros(2)), ValueError, 'Wh: expected (2, 2), got (2, 3)'),
    (lambda: RNN(zeros((3, 2)), zeros((2, 2)), zeros((2, 1))), ValueError, 'b: expected (2,), got (2, 1)'),
    (lambda: LSTM(zeros((3, 8)), zeros((2, 8)), zeros(2)), ValueError, 'b: expected (8,), got (2,)'),
    (lambda: LSTM(zeros((3, 6)), zeros((2, 8)), zeros(8)), ValueError, 'Wx: expected (D, 8), got (3, 6)'),
    (lambda: GRU(zeros((3, 8)), zeros((2, 8)), zeros(8)), ValueError, 'Wh: expected (2, 6), got (2, 8)'),
    (lambda: TimeRNN(zeros((3, 4)), zeros((2, 2)), zeros(2)), ValueError, 'Wx: expected (D, 2), got (3, 4)'),
    (lambda: TimeLSTM(zeros((3, 8)), zeros((4, 8)), zeros(8)), ValueError, 'Wh: expected (4, 16), got (4, 8)'),
    (lambda: TimeLSTM(zeros((3, 8)), zeros((2, 8)), zeros(4)), ValueError, 'b: expected (8,), got (4,)'),
    (lambda: TimeLSTM(zeros((3, 8)), zeros(8), zeros(8)), ValueError, 'Wh: expected (H, G), got (8,)'),
    (lambda: TimeGRU(zeros((3, 6)), zeros((2, 6)), zeros(8)), ValueError, 'b: expected (6,), got (8,)'),
    (lambda: TimeGRU(ints(3, 6), zeros((2, 6)), zeros(6)), TypeError,
     'TimeGRU, params[0]: expected an array of floats, got int64'),
    (lambda: TimeBiLSTM(zeros((3, 8)), zeros((2, 8)), zeros(8), zeros((3, 16)), zeros((4, 16)), zeros(16)),
     ValueError, 'Wx2: expected (3, 8), got (3, 16)'),
    (lambda: TimeEmbedding(zeros((3, 2, 1))), ValueError, 'W: expected (V, D), got (3, 2, 1)'),
    (lambda: TimeAffine(zeros((2, 3)), zeros((3, 1))), ValueError, 'b: expected (3,), got (3, 1)'),
    (lambda: Simple_TimeAffine(zeros((2, 3)), zeros(2)), ValueError, 'b: expected (3,), got (2,)'),
    (lambda: Dropout(1), ValueError, 'dropout_ratio: expected 0 or more and less than 1, got 1'),
    (lambda: Dropout(NAN), ValueError, 'dropout_ratio: expected 0 or more and less than 1, got nan'),
    (lambda: Dropout('0.5'), TypeError, "dropout_ratio: expected a number, got '0.5'"),
    (lambda: TimeDropout(-0.1), ValueError, 'dropout_ratio: expected 0 or more and less than 1, got -0.1'),
    (lambda: RowSparse((3,), 'f'), ValueError, 'shape: expected (V, D), rows and columns, got (3,)'),
]

INPUTS = [
    (lambda: Affine(zeros((2, 3)), zeros(3)).forward(zeros((0, 2))), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (0, 2)'),
    (lambda: MatMul(zeros((2, 3))).forward(zeros((0, 2))), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (0, 2)'),
    (lambda: recurrent(TimeRNN, 1).forward(zeros((0, 5, 3))), ValueError,
     'xs: expected (N, T, 3), each 1 or more, got (0, 5, 3)'),
    (lambda: recurrent(TimeGRU, 3).forward(zeros((4, 0, 3))), ValueError,
     'xs: expected (N, T, 3), each 1 or more, got (4, 0, 3)'),
    (lambda: TimeAffine(zeros((2, 3)), zeros(3)).forward(zeros((0, 5, 2))), ValueError,
     'xs: expected (N, T, 2), each 1 or more, got (0, 5, 2)'),
    (lambda: after(Embedding(zeros((7, 4))), ints(6)).backward(zeros((4, 6))), ValueError,
     'dy: expected (6, 4), got (4, 6)'),
    (lambda: after(TimeEmbedding(zeros((7, 4))), ints(3, 2)).backward(zeros((2, 3, 4))), ValueError,
     'dout: expected (3, 2, 4), got (2, 3, 4)'),
    (lambda: after(TimeAffine(zeros((2, 3)), zeros(3)), zeros((4, 5, 2))).backward(zeros((5, 4, 3))), ValueError,
     'dout: expected (4, 5, 3), got (5, 4, 3)'),
    (lambda: Affine(zeros((2, 3)), zeros(3)).forward(zeros((4, 5))), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (4, 5)'),
    (lambda: Affine(zeros((2, 3)), zeros(3)).forward(zeros(3)), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (3,)'),
    (lambda: MatMul(zeros((2, 3))).forward(zeros((1, 2, 4))), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (1, 2, 4)'),
    (lambda: Embedding(zeros((3, 2))).forward([0, -1]), ValueError, 'idx: expected ids from 0 to 2, got -1 to 0'),
    (lambda: Embedding(zeros((3, 2))).forward([0, 3]), ValueError, 'idx: expected ids from 0 to 2, got 0 to 3'),
    (lambda: Embedding(zeros((3, 2))).forward([0.0, 1.0]), TypeError,
     'idx: expected integers, for these are ids, got float64'),
    (lambda: Embedding(zeros((3, 2))).forward(np.array([True])), TypeError,
     'idx: expected integers, for these are ids, got bool'),
    (lambda: after(Embedding(zeros((3, 2))), ints(4)).backward(zeros((4, 1))), ValueError,
     'dy: expected (4, 2), got (4, 1)'),
    (lambda: EmbeddingDot(zeros((3, 2))).forward(zeros((2, 2)), ints(4)), ValueError,
     'idx: expected (2,) or (2, K), ids for each h, got (4,)'),
    (lambda: EmbeddingDot(zeros((3, 2))).forward(zeros((2, 1)), ints(2)), ValueError,
     'h: expected (N, 2), got (2, 1)'),
    (lambda: TimeEmbedding(zeros((3, 2))).forward(ints(4)), ValueError, 'xs: expected (N, T), got (4,)'),
    (lambda: TimeEmbedding(zeros((3, 2))).forward(ints(0, 4)), ValueError,
     'xs: expected (N, T), each 1 or more, got (0, 4)'),
    (lambda: TimeEmbedding(zeros((3, 2))).forward(zeros((2, 4))), TypeError,
     'xs: expected integers, for these are ids, got float64'),
    (lambda: recurrent(RNN, 1).forward(zeros((4, 3)), zeros(2)), ValueError,
     'h_prev: expected (4, 2), got (2,)'),
    (lambda: recurrent(LSTM, 4).forward(zeros((4, 3)), zeros((4, 2)), zeros((1, 2))), ValueError,
     'c_prev: expected (4, 2), got (1, 2)'),
    (lambda: recurrent(GRU, 3).forward(zeros((4, 2)), zeros((4, 2))), ValueError,
     'x: expected (N, 3), got (4, 2)'),
    (lambda: recurrent(TimeRNN, 1).forward(zeros((4, 3))), ValueError, 'xs: expected (N, T, 3), got (4, 3)'),
    (lambda: recurrent(TimeLSTM, 4).forward(zeros((4, 5, 2))), ValueError,
     'xs: expected (N, T, 3), got (4, 5, 2)'),
    (lambda: recurrent(TimeLSTM, 4, D=2, H=8).forward(zeros((4, 5, 1))), ValueError,
     'xs: expected (N, T, 2), got (4, 5, 1)'),
    (lambda: recurrent(TimeGRU, 3).forward(zeros((4, 5, 4))), ValueError,
     'xs: expected (N, T, 3), got (4, 5, 4)'),
    (lambda: recurrent(TimeLSTM, 4).forward([[[1.0]]]), TypeError, 'xs: expected an array (N, T, 3), got list'),
    (other_batch, ValueError,
     'TimeLSTM: expected a state (2, 2) for these xs, got (4, 2): call reset_state() before a batch of another size'),
    (lambda: after(recurrent(TimeRNN, 1), zeros((4, 5, 3))).backward(zeros((4, 6, 2))), ValueError,
     'dhs: expected (4, 5, 2), got (4, 6, 2)'),
    (lambda: after(recurrent(TimeLSTM, 4), zeros((4, 5, 3))).backward(zeros((4, 1, 2))), ValueError,
     'dhs: expected (4, 5, 2), got (4, 1, 2)'),
    (lambda: after(recurrent(TimeGRU, 3), zeros((4, 5, 3))).backward(zeros((1, 5, 2))), ValueError,
     'dhs: expected (4, 5, 2), got (1, 5, 2)'),
    (lambda: TimeAffine(zeros((2, 3)), zeros(3)).forward(zeros((4, 2))), ValueError,
     'xs: expected (N, T, 2), got (4, 2)'),
    (lambda: TimeAffine(zeros((2, 3)), zeros(3)).forward(zeros((4, 5, 3))), ValueError,
     'xs: expected (N, T, 2), got (4, 5, 3)'),
    (lambda: Simple_TimeAffine(zeros((2, 3)), zeros(3)).forward(zeros((4, 5, 3))), ValueError,
     'xs: expected (N, T, 2), got (4, 5, 3)'),
    (lambda: after(Simple_TimeAffine(zeros((2, 3)), zeros(3)), zeros((4, 5, 2))).backward(zeros((4, 6, 3))), ValueError,
     'dout: expected (4, 5, 3), got (4, 6, 3)'),
    (lambda: TimeDropout().forward(zeros(3)), ValueError, 'xs: expected (N, T, D), got (3,)'),
    (lambda: WeightSum().forward(zeros((2, 3)), zeros((2, 3))), ValueError,
     'hs: expected (N, T, H), got (2, 3)'),
    (lambda: WeightSum().forward(zeros((2, 3, 4)), zeros((2, 1))), ValueError, 'a: expected (2, 3), got (2, 1)'),
    (lambda: AttentionWeight().forward(zeros((2, 3, 4)), zeros((1, 4))), ValueError,
     'h: expected (2, 4), got (1, 4)'),
    (lambda: Attention().forward(zeros((2, 4)), zeros((2, 4))), ValueError,
     'hs: expected (N, T, H), got (2, 4)'),
    (lambda: TimeAttention().forward(zeros((2, 3, 4)), zeros((2, 5, 6))), ValueError,
     'hs_dec: expected (N, T, 4), got (2, 5, 6)'),
    (lambda: TimeAttention().forward(zeros((1, 3, 4)), zeros((2, 5, 4))), ValueError,
     'hs_dec: expected a batch of 1, as in hs_enc, got 2'),
    (lambda: TimeAttention().forward(zeros((2, 4)), zeros((2, 5, 4))), ValueError,
     'hs_enc: expected (N, S, H), got (2, 4)'),
]

LABELS = [
    (lambda: SoftmaxWithLoss().forward(zeros((2, 3)), np.eye(3)[:, :2]), ValueError,
     't: expected (2,), labels, or one-hot rows (2, 3), got (3, 2)'),
    (lambda: cross_entropy_error(np.ones((2, 3)), np.array([0, 3])), ValueError,
     't: expected ids from 0 to 2, got 0 to 3'),
    (lambda: cross_entropy_error(np.array(0.5), np.array(0)), ValueError,
     'x: expected scores (N, V) with V of 1 or more, got ()'),
    (lambda: SoftmaxWithLoss().forward(zeros((2, 3)), np.array([0, -1])), ValueError,
     't: expected ids from 0 to 2, got -1 to 0'),
    (lambda: SoftmaxWithLoss().forward(zeros((2, 3)), np.array([0.0, 1.0])), TypeError,
     't: expected integers, for these are ids, got float64'),
    (lambda: SoftmaxWithLoss().forward(zeros((2, 3)), ints(3)), ValueError,
     't: expected (2,), labels, or one-hot rows (2, 3), got (3,)'),
    (lambda: SoftmaxWithLoss(1.0), ValueError, 'label_smoothing: expected 0 or more and less than 1, got 1.0'),
    (lambda: TimeSoftmaxWithLoss('0.1'), TypeError, "label_smoothing: expected a number, got '0.1'"),
    (lambda: SoftmaxWithLoss().forward(zeros((0, 3)), ints(0)), ValueError,
     'x: expected 1 or more rows of scores, got an empty batch'),
    (lambda: SoftmaxWithLoss().forward(zeros((2, 0)), ints(2)), ValueError,
     'x: expected scores (N, V) with V of 1 or more, got (2, 0)'),
    (lambda: SigmoidWithLoss().forward(zeros(2), np.array([0, 2])), ValueError,
     't: expected (2,), each 0 or 1, got labels (2,) from 0 to 2'),
    (lambda: SigmoidWithLoss().forward(zeros(2), ints(2, 1)), ValueError,
     't: expected (2,), each 0 or 1, got labels (2, 1) from 0 to 0'),
    (lambda: SigmoidWithLoss().forward(zeros(0), ints(0)), ValueError, 'x: expected 1 or more scores, got (0,)'),
    (lambda: TimeSigmoidWithLoss().forward(zeros((2, 3)), ints(3, 2)), ValueError,
     't: expected (2, 3), each 0 or 1, got labels (3, 2) from 0 to 0'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), np.full((2, 3), -1)), ValueError,
     'ts: expected at least one label other than the ignore_label, got -1 alone'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), np.full((2, 3), 4)), ValueError,
     'ts: expected ids from 0 to 3, got 4 to 4'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), np.full((2, 3), -2)), ValueError,
     'ts: expected ids from 0 to 3, got -2 to -2'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), zeros((2, 3))), TypeError,
     'ts: expected integers, for these are ids, got float64'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), ints(3, 2)), ValueError,
     'ts: expected (2, 3), a label for each score, or one-hot rows, got (3, 2)'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((2, 4)), ints(2)), ValueError,
     'xs: expected (N, T, V), got (2, 4)'),
    (lambda: TimeSoftmaxWithLoss().forward(zeros((0, 3, 4)), ints(0, 3)), ValueError,
     'xs: expected (N, T, V), each 1 or more, got (0, 3, 4)'),
    (lambda: Simple_TimeSoftmaxWithLoss().forward(zeros((2, 4)), ints(2, 4)), ValueError,
     'xs: expected (N, T, V), got (2, 4)'),
    (lambda: Simple_TimeSoftmaxWithLoss().forward(zeros((2, 3, 4)), ints(2, 5)), ValueError,
     'ts: expected (2, 3), a label for each score, or one-hot rows, got (2, 5)'),
]

NEGATIVE_SAMPLING = [
    (lambda: UnigramSampler(ints(9), 0.75, 1), ValueError,
     'corpus: expected 2 different words or more, the target and sample_size others, got 1'),
    (lambda: UnigramSampler(CORPUS, 0.75, 7), ValueError,
     'corpus: expected 8 different words or more, the target and sample_size others, got 7'),
    (lambda: UnigramSampler(ints(0), 0.75, 1), ValueError,
     'corpus: expected 2 different words or more, the target and sample_size others, got 0'),
    (lambda: UnigramSampler(np.array([0, -1, 2]), 0.75, 1), ValueError,
     'corpus: expected ids of 0 or more, got -1 to 2'),
    (lambda: UnigramSampler(zeros(9), 0.75, 1), TypeError, 'corpus: expected integers, for these are ids, got float64'),
    (lambda: UnigramSampler(CORPUS, 0.75, 0), ValueError, 'sample_size: expected 1 or more, got 0'),
    (lambda: UnigramSampler(CORPUS, 0.75, 1.5), TypeError, 'sample_size: expected an integer, got 1.5'),
    (lambda: UnigramSampler(CORPUS, NAN, 2), ValueError, 'power: expected a finite number, got nan'),
    (lambda: UnigramSampler(CORPUS, '1', 2), TypeError, "power: expected a number, got '1'"),
    (lambda: UnigramSampler(np.repeat([0, 1, 2], [500, 1, 1]), 300, 2), ValueError,
     'power: expected one that leaves more than sample_size, 2, words a probability above 0, got 300'),
    (lambda: UnigramSampler(CORPUS, 0.75, 2).get_negative_sample(zeros(2)), TypeError,
     'target: expected integers, for these are ids, got float64'),
    (lambda: UnigramSampler(CORPUS, 0.75, 2).get_negative_sample(ints(2, 2)), ValueError,
     'target: expected (N,), got (2, 2)'),
    (lambda: NegativeSamplingLoss(zeros((5, 2)), CORPUS), ValueError,
     'corpus: expected ids from 0 to 4, got 0 to 6'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((2, 2)), np.array([0, -1])), ValueError,
     'target: expected ids from 0 to 6, got -1 to 0'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((2, 2)), np.array([0, 7])), ValueError,
     'target: expected ids from 0 to 6, got 0 to 7'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((2, 2)), zeros(2)), TypeError,
     'target: expected integers, for these are ids, got float64'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((2, 2)), ints(4)), ValueError,
     'target: expected (2,) or (2, C), for h has 2 rows, got (4,)'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((2, 3)), ints(2)), ValueError,
     'h: expected (N, 2), got (2, 3)'),
    (lambda: NegativeSamplingLoss(zeros((7, 2)), CORPUS).forward(zeros((0, 2)), ints(0)), ValueError,
     'h: expected (N, 2), each 1 or more, got (0, 2)'),
]

BACKWARD_FIRST = [
    (lambda layer=layer, douts=douts: layer.backward(*douts), AttributeError, words) for layer, douts, words in [
        (MatMul(zeros((2, 3))), [zeros((4, 3))], "'MatMul' object has no attribute 'out_shape' (if backward "),
        (Affine(zeros((2, 3)), zeros(3)), [zeros((4, 3))], "'Affine' object has no attribute 'out_shape' (if back"),
        (Softmax(), [zeros((4, 3))], "'Softmax' object has no attribute '"),
        (Sigmoid(), [zeros((4, 3))], "'Sigmoid' object has no attribute '"),
        (SoftmaxWithLoss(), [], "'SoftmaxWithLoss' object has no attribute '"),
        (SigmoidWithLoss(), [], "'SigmoidWithLoss' object has no attribute '"),
        (Dropout(), [zeros((4, 3))], "'Dropout' object has no attribute '"),
        (Embedding(zeros((3, 2))), [zeros((4, 2))], "'Embedding' object has no attribute '"),
        (EmbeddingDot(zeros((3, 2))), [zeros(4)], "'EmbeddingDot' object has no attribute '"),
        (NegativeSamplingLoss(zeros((7, 2)), CORPUS), [], "'NegativeSamplingLoss' object has no attribute '"),
        (recurrent(RNN, 1), [zeros((4, 2))], "'RNN' object has no attribute '"),
        (recurrent(LSTM, 4), [zeros((4, 2)), zeros((4, 2))], "'LSTM' object has no attribute '"),
        (recurrent(GRU, 3), [zeros((4, 2))], "'GRU' object has no attribute '"),
        (recurrent(TimeRNN, 1), [zeros((4, 5, 2))], "'TimeRNN' object has no attribute '"),
        (recurrent(TimeLSTM, 4), [zeros((4, 5, 2))], "'TimeLSTM' object has no attribute '"),
        (recurrent(TimeGRU, 3), [zeros((4, 5, 2))], "'TimeGRU' object has no attribute '"),
        (TimeEmbedding(zeros((3, 2))), [zeros((4, 5, 2))], "'TimeEmbedding' object has no attribute '"),
        (TimeAffine(zeros((2, 3)), zeros(3)), [zeros((4, 5, 3))], "'TimeAffine' object has no attribute '"),
        (TimeDropout(), [zeros((4, 5, 3))], "'TimeDropout' object has no attribute '"),
        (TimeSigmoidWithLoss(), [], "'SigmoidWithLoss' object has no attribute '"),
        (Simple_TimeAffine(zeros((2, 3)), zeros(3)), [zeros((4, 5, 3))],
         "'Simple_TimeAffine' object has no attribute '"),
        (Simple_TimeSoftmaxWithLoss(), [], "'Simple_TimeSoftmaxWithLoss' object has no attribute '"),
        (Attention(), [zeros((4, 3))], "'WeightSum' object has no attribute '"),
        (AttentionWeight(), [zeros((4, 3))], "'AttentionWeight' object has no attribute '"),
        (TimeAttention(), [zeros((4, 5, 3))], "'TimeAttention' object has no attribute '"),
        (Encoder(9, 3, 2), [zeros((4, 2))], "'Encoder' object has no attribute '"),
        (Decoder(9, 3, 2), [zeros((4, 5, 9))], "'TimeAffine' object has no attribute '"),
        (TwoLayerNet(2, 3, 4), [], "'SoftmaxWithLoss' object has no attribute '"),
        (SimpleCBOW(7, 2), [], "'SoftmaxWithLoss' object has no attribute '"),
        (SimpleSkipGram(7, 2), [], "'MatMul' object has no attribute '"),
        (CBOW(7, 2, 1, CORPUS), [], "'NegativeSamplingLoss' object has no attribute '"),
    ]] + [
    (model.backward, AttributeError, "'TimeSoftmaxWithLoss' object has no attribute '")
    for model in (TimeSoftmaxWithLoss(), BetterRnnlm(7, 2, 2), AttentionSeq2seq(7, 2, 2))]

OPTIMIZERS = [
    (lambda: SGD().update(None, []), TypeError, 'params: expected a list of arrays, got NoneType'),
    (lambda: SGD().update([zeros(2)], zeros((1, 2))), TypeError, 'grads: expected a list of arrays, got ndarray'),
    (lambda: Adam().update([[1.0, 2.0]], [zeros(2)]), TypeError, 'params[0]: expected an array, got list'),
    (lambda: Adam().update([zeros(2)], [None]), TypeError, 'grads[0]: expected an array, got NoneType'),
    (lambda: util.clip_grads(zeros(3), 1.0), TypeError, 'grads: expected a list of arrays, got ndarray'),
    (lambda: util.clip_grads([zeros(3), 'x'], 1.0), TypeError, 'grads[1]: expected an array, got str'),
    (lambda: Trainer(None, None).fit(None, [1]), TypeError, 'x: expected an array, got NoneType'),
    (lambda: Trainer(None, None).fit([1, 2], 'ab'), TypeError, 't: expected an array, got str'),
    (lambda: Trainer(None, None).fit([[1], [1, 2]], [1, 2]), TypeError, 'x: expected an array of numbers, got list'),
    (lambda: Trainer(None, None).fit(np.array(3), [1]), ValueError, 'x: expected rows (N, …), got a single number'),
    (lambda: RnnlmTrainer(None, None).fit(None, [1]), TypeError, 'xs: expected an array of numbers, got NoneType'),
    (lambda: RnnlmTrainer(None, None).fit([1, 2], [[1], [2]]), ValueError, 'ts: expected (N,), got (2, 1)'),
    (lambda: SGD(NAN), ValueError, 'lr: expected a finite number, 0 or more, got nan'),
    (lambda: SGD(-0.1), ValueError, 'lr: expected a finite number, 0 or more, got -0.1'),
    (lambda: AdaGrad(INF), ValueError, 'lr: expected a finite number, 0 or more, got inf'),
    (lambda: Adam(lr='0.1'), TypeError, "lr: expected a number, got '0.1'"),
    (lambda: Adam(lr=None), TypeError, 'lr: expected a number, got None'),
    (lambda: update_with(lr=NAN), ValueError, 'lr: expected a finite number, 0 or more, got nan'),
    (lambda: Momentum(momentum=1), ValueError, 'momentum: expected 0 or more and less than 1, got 1'),
    (lambda: Nesterov(momentum=-0.5), ValueError, 'momentum: expected 0 or more and less than 1, got -0.5'),
    (lambda: RMSprop(decay_rate=NAN), ValueError, 'decay_rate: expected 0 or more and less than 1, got nan'),
    (lambda: Adam(beta1=1.0), ValueError, 'beta1: expected 0 or more and less than 1, got 1.0'),
    (lambda: AdamW(weight_decay=-0.1), ValueError, 'weight_decay: expected a finite number, 0 or more, got -0.1'),
    (lambda: Adam(beta2=2), ValueError, 'beta2: expected 0 or more and less than 1, got 2'),
    (lambda: SGD().update([zeros(2), zeros(3)], [zeros(2)]), ValueError,
     'grads: expected 2 arrays, one for each of params, got 1'),
    (lambda: SGD().update([zeros((2, 3))], [zeros(3)]), ValueError,
     'grads: expected (2, 3), the shape of the parameter, got (3,)'),
    (lambda: Adam().update([zeros((2, 3))], [np.float64(1)]), ValueError,
     'grads: expected (2, 3), the shape of the parameter, got ()'),
    (lambda: SGD().update([zeros((4, 2))], [RowSparse((3, 2), 'd')]), ValueError,
     'grads: expected (4, 2), the shape of the parameter, got (3, 2)'),
    (update_others, ValueError, 'params: expected (2,), as at the first update, got (3,)'),
    (lambda: Adam().set_state(SGD().get_state()), ValueError, 'state: expected m, v too, for Adam, got lr, iter'),
    (update_twice, ValueError, 'params: expected as many as at the first update, 1, got 2'),
]

SIZES = [
    (lambda: TwoLayerNet(2, 0, 3), ValueError, 'hidden_size: expected 1 or more, got 0'),
    (lambda: TwoLayerNet(2, 10, 2.0), TypeError, 'output_size: expected an integer, got 2.0'),
    (lambda: SimpleCBOW('7', 5), TypeError, "vocab_size: expected an integer, got '7'"),
    (lambda: SimpleSkipGram(7, True), TypeError, 'hidden_size: expected an integer, got True'),
    (lambda: CBOW(7, 2, 0, CORPUS), ValueError, 'window_size: expected 1 or more, got 0'),
    (lambda: SkipGram(7, 2, 1.5, CORPUS), TypeError, 'window_size: expected an integer, got 1.5'),
    (lambda: CBOW(6, 2, 1, CORPUS), ValueError, 'corpus: expected ids from 0 to 5, got 0 to 6'),
    (lambda: CBOW(7, 2, 1, ints(9)), ValueError,
     'corpus: expected 6 different words or more, the target and sample_size others, got 1'),
    (lambda: SimpleRnnlm(7, -1, 2), ValueError, 'wordvec_size: expected 1 or more, got -1'),
    (lambda: SimpleRnnlm(7, 3, 2, dtype='i'), TypeError, 'TimeRNN, params[0]: expected an array of floats, got int32'),
    (lambda: Rnnlm(7, 3, None), TypeError, 'hidden_size: expected an integer, got None'),
    (lambda: BetterRnnlm(7, 3, 2), ValueError,
     'wordvec_size: expected hidden_size, 2, for embedding and affine layer share one matrix, got 3'),
    (lambda: BetterRnnlm(7, 0, 0), ValueError, 'wordvec_size: expected 1 or more, got 0'),
    (lambda: BetterRnnlm(7, 3, 3, dropout_ratio=1.0), ValueError,
     'dropout_ratio: expected 0 or more and less than 1, got 1.0'),
    (lambda: Seq2seq(0, 3, 2), ValueError, 'vocab_size: expected 1 or more, got 0'),
    (lambda: Decoder(7, 3, 2.5), TypeError, 'hidden_size: expected an integer, got 2.5'),
    (lambda: PeekyDecoder(7, -3, 2), ValueError, 'wordvec_size: expected 1 or more, got -3'),
    (lambda: AttentionDecoder(7, 3, 0), ValueError, 'hidden_size: expected 1 or more, got 0'),
]

MODELS = [
    (lambda: TwoLayerNet(2, 3, 4).predict(zeros((5, 3))), ValueError,
     'x: expected (…, 2), 1 or more numbers, got (5, 3)'),
    (lambda: TwoLayerNet(2, 3, 4).forward(zeros((5, 2)), np.full(5, 4)), ValueError,
     't: expected ids from 0 to 3, got 4 to 4'),
    (lambda: SimpleCBOW(7, 5).forward(ints(4, 2), ints(4)), ValueError,
     'contexts: expected (N, C, 7), got (4, 2)'),
    (lambda: SimpleSkipGram(7, 5).forward(ints(4, 2, 7), ints(4)), ValueError,
     'target: expected (N, 7), got (4,)'),
    (lambda: CBOW(7, 2, 2, CORPUS).forward(ints(3, 2), ints(3)), ValueError,
     'contexts: expected 4 words for each target, twice the window_size, got 2'),
    (lambda: CBOW(7, 2, 1, CORPUS).forward(ints(3), ints(3)), ValueError, 'contexts: expected (N, C), got (3,)'),
    (lambda: CBOW(7, 2, 1, CORPUS).forward(ints(3, 2), ints(6)), ValueError,
     'target: expected 3 ids, one for each row of contexts, got 6'),
    (lambda: CBOW(7, 2, 1, CORPUS).forward(zeros((3, 2)), ints(3)), TypeError,
     'idx: expected integers, for these are ids, got float64'),
    (lambda: SkipGram(7, 2, 1, CORPUS).forward(ints(0, 2), ints(0)), ValueError,
     'target: expected (N,), each 1 or more, got (0,)'),
    (lambda: SkipGram(7, 2, 1, CORPUS).forward(ints(3), ints(3)), ValueError,
     'contexts: expected (N, C), got (3,)'),
    (lambda: CBOW(7, 2, 1, CORPUS).forward(ints(3, 2), ints(3, 2)), ValueError,
     'target: expected (N,), got (3, 2)'),
    (lambda: SimpleSkipGram(7, 5).forward(ints(4, 2), ints(4, 7)), ValueError,
     'contexts: expected (N, C, 7), got (4, 2)'),
    (lambda: SkipGram(7, 2, 1, CORPUS).forward(ints(6, 2), ints(3)), ValueError,
     'target: expected 6 ids, one for each row of contexts, got 3'),
    (lambda: SimpleRnnlm(7, 3, 2).forward(ints(4), ints(4)), ValueError, 'xs: expected (N, T), got (4,)'),
    (lambda: SimpleRnnlm(7, 3, 2).forward(ints(2, 3), ints(3, 2)), ValueError,
     'ts: expected (2, 3), a label for each score, or one-hot rows, got (3, 2)'),
    (lambda: Rnnlm(7, 3, 2).predict(np.full((1, 1), -1)), ValueError, 'xs: expected ids from 0 to 6, got -1 to -1'),
    (lambda: Seq2seq(7, 3, 2).forward(ints(4, 5), ints(4, 1)), ValueError,
     'ts: expected (4, 1 + T), the start id and 1 or more ids for each question, got (4, 1)'),
    (lambda: Seq2seq(7, 3, 2).forward(ints(4, 5), ints(3, 5)), ValueError,
     'ts: expected (4, 1 + T), the start id and 1 or more ids for each question, got (3, 5)'),
    (lambda: Seq2seq(7, 3, 2).forward(ints(4, 0), ints(4, 2)), ValueError,
     'xs: expected (N, T), each 1 or more, got (4, 0)'),
    (lambda: Decoder(7, 3, 2).forward(ints(4, 5), zeros((1, 2))), ValueError, 'h: expected (4, 2), got (1, 2)'),
    (lambda: AttentionDecoder(7, 3, 2).forward(ints(4, 5), zeros((4, 2))), ValueError,
     'enc_hs: expected (N, S, 2), got (4, 2)'),
]

def without_numbers():
    model = RnnlmGen(7, 3, 2)
    model.params[-1][3] = NAN
    return model


GENERATORS = [
    (lambda: without_numbers().generate(0), FloatingPointError,
     'the model gives a score that is NaN or infinite: look at its parameters'),
    (lambda: RnnlmGen(7, 3, 2).generate(7), ValueError, 'start_id: expected an id from 0 to 6, got 7'),
    (lambda: RnnlmGen(7, 3, 2).generate(-1), ValueError, 'start_id: expected an id from 0 to 6, got -1'),
    (lambda: RnnlmGen(7, 3, 2).generate(1.5), TypeError, 'start_id: expected an integer, got 1.5'),
    (lambda: RnnlmGen(7, 3, 2).generate('the'), TypeError, "start_id: expected an integer, got 'the'"),
    (lambda: RnnlmGen(7, 3, 2).generate(0, sample_size=0), ValueError, 'sample_size: expected 1 or more, got 0'),
    (lambda: RnnlmGen(7, 3, 2).generate(0, range(7)), ValueError,
     'skip_ids: expected at least one id to be left, got all 7 ids'),
    (lambda: BetterRnnlmGen(7, 2, 2).generate(0, [1.5]), TypeError, 'skip_ids: expected an integer, got 1.5'),
    (lambda: BetterRnnlmGen(7, 2, 2).generate(0, temperature=0), ValueError,
     'temperature: expected more than 0, got 0'),
    (lambda: BetterRnnlmGen(7, 2, 2).generate(0, temperature=NAN), ValueError,
     'temperature: expected a finite number, 0 or more, got nan'),
    (lambda: BetterRnnlmGen(7, 2, 2).generate(0, top_k=1.5), TypeError, 'top_k: expected an integer, got 1.5'),
    (lambda: Seq2seq(7, 3, 2).generate(ints(1, 4), 7, 3), ValueError, 'start_id: expected an id from 0 to 6, got 7'),
    (lambda: PeekySeq2seq(7, 3, 2).generate(ints(1, 4), -1, 3), ValueError,
     'start_id: expected an id from 0 to 6, got -1'),
    (lambda: Seq2seq(7, 3, 2).generate(ints(1, 4), 0, -3), ValueError, 'sample_size: expected 1 or more, got -3'),
    (lambda: Seq2seq(7, 3, 2).generate(ints(1, 4), 0, 3, beam_size=0), ValueError,
     'beam_size: expected 1 or more, got 0'),
    (lambda: AttentionSeq2seq(7, 3, 2).generate(ints(0, 4), 0, 3), ValueError,
     'xs: expected (N, T), each 1 or more, got (0, 4)'),
    (lambda: AttentionSeq2seq(7, 3, 2).generate(ints(1, 4), 0, 3, beam_size=2.0), TypeError,
     'beam_size: expected an integer, got 2.0'),
]

UTIL = [
    (lambda: util.preprocess(['you', 'say']), TypeError, 'text: expected a string, got list'),
    (lambda: util.convert_one_hot(zeros(3), 4), TypeError, 'corpus: expected integers, for these are ids, got float64'),
    (lambda: util.convert_one_hot(CORPUS, 6), ValueError, 'corpus: expected ids from 0 to 5, got 0 to 6'),
    (lambda: util.convert_one_hot(CORPUS, 7.0), TypeError, 'vocab_size: expected an integer, got 7.0'),
    (lambda: util.create_contexts_target(CORPUS[:4], 2), ValueError,
     'corpus: expected 5 words or more, for window_size is 2, got 4'),
    (lambda: util.create_contexts_target(CORPUS[:1]), ValueError,
     'corpus: expected 3 words or more, for window_size is 1, got 1'),
    (lambda: util.create_contexts_target(CORPUS, 1.5), TypeError, 'window_size: expected an integer, got 1.5'),
    (lambda: util.create_contexts_target(ints(5, 2)), ValueError, 'corpus: expected (N,), got (5, 2)'),
    (lambda: util.create_co_matrix(CORPUS + 0.5, 7), TypeError,
     'corpus: expected integers, for these are ids, got float64'),
    (lambda: util.create_co_matrix(CORPUS.reshape(5, 2), 7), ValueError, 'corpus: expected (N,), got (5, 2)'),
    (lambda: util.create_co_matrix(CORPUS, 7, -1), ValueError, 'window_size: expected 1 or more, got -1'),
    (lambda: util.ppmi(np.array([[1, -1], [-1, 3]])), ValueError, 'C: expected counts, 0 or more each, got -1.0'),
    (lambda: util.truncated_svd(np.eye(3), 1.5), TypeError, 'n_components: expected an integer, got 1.5'),
    (lambda: util.truncated_svd(np.eye(3), 2, n_oversamples=-1), ValueError,
     'n_oversamples: expected 0 or more, got -1'),
    (lambda: util.cos_similarity(zeros(2), zeros(3)), ValueError, 'y: expected (2,), got (3,)'),
    (lambda: util.cos_similarity(zeros((2, 2)), zeros((2, 2))), ValueError, 'x: expected (D,), got (2, 2)'),
    (lambda: util.nearest_words(zeros(1), VECTORS, WORDS), ValueError, 'query_vector: expected (2,), got (1,)'),
    (lambda: util.nearest_words(zeros(2), VECTORS, WORDS, top=-1), ValueError, 'top: expected 0 or more, got -1'),
    (lambda: util.most_similar('c', IDS, WORDS, zeros((2, 2))), ValueError,
     'word_matrix: expected 3 rows, one for each word of id_to_word, got 2'),
    (lambda: util.most_similar('c', IDS, WORDS, zeros(3)), ValueError, 'word_matrix: expected (V, D), got (3,)'),
    (lambda: util.nearest_words(zeros(2), zeros((4, 2)), WORDS), ValueError,
     'word_matrix: expected 3 rows, one for each word of id_to_word, got 4'),
    (lambda: util.analogy('a', 'b', 'c', IDS, WORDS, zeros((2, 2))), ValueError,
     'word_matrix: expected 3 rows, one for each word of id_to_word, got 2'),
    (lambda: util.eval_perplexity(None, CORPUS.reshape(5, 2), 1, 1), ValueError,
     'corpus: expected (N,), got (5, 2)'),
    (lambda: util.clip_grads([zeros(2)], NAN), ValueError, 'max_norm: expected a number above 0, got nan'),
    (lambda: util.clip_grads([zeros(2)], '5'), ValueError, "max_norm: expected a number above 0, got '5'"),
    (lambda: util.clip_grads([zeros(2), np.array([NAN, 1.0])], 5), FloatingPointError, "the gradients' norm is nan"),
    (lambda: util.eval_perplexity(None, CORPUS, 0, 5), ValueError, 'batch_size: expected 1 or more, got 0'),
    (lambda: util.eval_perplexity(None, CORPUS, 2, 2.5), TypeError, 'time_size: expected an integer, got 2.5'),
    (lambda: util.eval_perplexity(None, CORPUS, 2, 5), ValueError,
     'corpus: expected more than batch_size · time_size = 10 words, got 10'),
    (lambda: util.eval_seq2seq(None, ints(1, 4), ints(1, 1), WORDS), ValueError,
     'correct: expected (1, U), the start mark and 1 or more ids, got (1, 1)'),
    (lambda: util.eval_seq2seq(None, ints(1, 4), ints(1, 3), WORDS, beam_size=0), ValueError,
     'beam_size: expected 1 or more, got 0'),
    (lambda: util.evaluate_seq2seq(None, ints(2, 4), ints(2, 3), 0), ValueError,
     'batch_size: expected 1 or more, got 0'),
    (lambda: util.evaluate_seq2seq(None, ints(2, 4), ints(2, 1)), ValueError,
     't_test: expected (N, U), the start mark and 1 or more ids a row, got (2, 1)'),
    (lambda: numerical_gradient(np.sum, zeros(2), eps=0), ValueError,
     'eps: expected a finite number, 2.23e-308 or more, got 0'),
    (lambda: numerical_gradient(np.sum, [1.0]), ValueError,
     'x: expected an array of float64, for less precise differences mean nothing, got list'),
]

TRAINERS_AND_LOADERS = [
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(3)), ValueError, 't: expected 4 rows, as many as x, got 3'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), batch_size=1.5), TypeError,
     'batch_size: expected an integer, got 1.5'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), -1, batch_size=2), ValueError,
     'max_epoch: expected 0 or more, got -1'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), 1.5, batch_size=2), TypeError,
     'max_epoch: expected an integer, got 1.5'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), 1, 2, eval_interval=0), ValueError,
     'eval_interval: expected 1 or more, got 0'),
    (lambda: RnnlmTrainer(None, SGD()).fit(CORPUS, CORPUS, time_size='3'), TypeError,
     "time_size: expected an integer, got '3'"),
    (lambda: Trainer(None, SGD(), print), TypeError,
     'callbacks: expected a list of functions of the trainer, got <built-in function print>'),
    (lambda: Trainer(None, SGD(), None), TypeError, 'callbacks: expected a list of functions of the trainer, got None'),
    (lambda: RnnlmTrainer(None, SGD(), [5]), TypeError,
     'callbacks: expected a list of functions of the trainer, got [5]'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), 1, 2, validate=5.0), TypeError,
     'validate: expected a function without arguments that gives a number, got 5.0'),
    (lambda: StepDecay(every=0), ValueError, 'every: expected 1 or more, got 0'),
    (lambda: StepDecay(NAN), ValueError, 'factor: expected a finite number, 0 or more, got nan'),
    (lambda: CosineDecay(1.0, max_epoch=0), ValueError, 'max_epoch: expected 1 or more, got 0'),
    (lambda: CosineDecay(-1.0, max_epoch=3), ValueError, 'first: expected a finite number, 0 or more, got -1.0'),
    (lambda: CosineDecay(1.0, 3, last=INF), ValueError, 'last: expected a finite number, 0 or more, got inf'),
    (lambda: PlateauDecay(-1), ValueError, 'factor: expected a finite number, 0 or more, got -1'),
    (lambda: WarmupCosine(-1.0, 2, 9), ValueError, 'peak: expected a finite number, 0 or more, got -1.0'),
    (lambda: WarmupCosine(1.0, 9, 9), ValueError, 'total_steps: expected 10 or more, got 9'),
    (lambda: WarmupCosine(1.0, -1, 9), ValueError, 'warmup_steps: expected 0 or more, got -1'),
    (lambda: WarmupRoot(1.0, 0), ValueError, 'warmup_steps: expected 1 or more, got 0'),
    (lambda: Trainer(None, SGD(), schedule=0.1), TypeError,
     'schedule: expected a function of the updates so far that gives a learning rate, got 0.1'),
    (lambda: EarlyStopping(0), ValueError, 'patience: expected 1 or more, got 0'),
    (lambda: EarlyStopping(1.5), TypeError, 'patience: expected an integer, got 1.5'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), batch_size=5), ValueError,
     'batch_size: expected at most 4, the rows of x, got 5'),
    (lambda: Trainer(None, SGD()).fit(zeros((4, 2)), ints(4), batch_size=0), ValueError,
     'batch_size: expected 1 or more, got 0'),
    (lambda: RnnlmTrainer(None, SGD()).fit(CORPUS, CORPUS, batch_size=2, time_size=6), ValueError,
     'xs: expected at least batch_size · time_size = 12 ids, got 10'),
    (lambda: RnnlmTrainer(None, SGD()).fit(CORPUS[:1], CORPUS[:1]), ValueError,
     'xs: expected at least batch_size · time_size = 700 ids, got 1'),
    (lambda: RnnlmTrainer(None, SGD()).fit(CORPUS, CORPUS, time_size=0), ValueError,
     'time_size: expected 1 or more, got 0'),
    (lambda: spiral.load_data(1.5), ValueError, 'seed: expected an integer from 0 to 4294967295, got 1.5'),
    (lambda: spiral.load_data(-1), ValueError, 'seed: expected an integer from 0 to 4294967295, got -1'),
    (lambda: sequence.load_data(seed=-1), ValueError, 'seed: expected an integer from 0 to 4294967295, got -1'),
    (lambda: text.load_data('x.txt', vocab_size='5'), ValueError,
     "vocab_size: expected at least 3: <unk>, <eos> and one word more, got '5'"),
    (lambda: toy.load_data(size=True), ValueError, 'size: expected at least one sentence, a whole number, got True'),
    (lambda: toy.load_data(size=0), ValueError, 'size: expected at least one sentence, a whole number, got 0'),
    (lambda: toy.load_data(size=2.5), ValueError, 'size: expected at least one sentence, a whole number, got 2.5'),
    (lambda: toy.load_data(seed='x'), ValueError, "seed: expected an integer from 0 to 4294967295, got 'x'"),
    (lambda: digits.load_data(0), ValueError, 'train_size: expected 1 or more, got 0'),
    (lambda: digits.load_data(1, 1.5), TypeError, 'test_size: expected an integer, got 1.5'),
    (lambda: digits.load_data(seed='x'), ValueError, "seed: expected an integer from 0 to 4294967295, got 'x'"),
    (lambda: mnist.load_data(flatten='no'), TypeError, "flatten: expected True or False, got 'no'"),
    (lambda: images.load_data('fashion'), ValueError, "data: expected auto, mnist or digits, got 'fashion'"),
    (lambda: toy.load_data('dev'), ValueError, "data_type: expected one of train, valid, val, test, got 'dev'"),
    (lambda: ptb.load_data('dev'), ValueError, "data_type: expected one of train, valid, val, test, got 'dev'"),
]

TABLE = [pytest.param(*row, id=row[2]) for rows in (
    PARAMETERS, INPUTS, LABELS, NEGATIVE_SAMPLING, BACKWARD_FIRST, OPTIMIZERS, SIZES, MODELS, GENERATORS, UTIL,
    TRAINERS_AND_LOADERS) for row in rows]


@pytest.mark.parametrize('call, error, words', TABLE)
def test_bad_arguments(call, error, words):
    with np.errstate(all='raise'), pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert words in message
    assert '\n' not in message


# Errors that are not about an argument: they need not be in the dialect.
NO_ARGUMENT = (
    AttributeError,             # backward before forward; hasattr and pickle ask for this kind, in Python's own words
    FloatingPointError,         # a training or a model that went out of hand
)


def test_every_message_is_in_one_dialect():
    others = []
    for row in TABLE:
        call, error, _ = row.values
        with np.errstate(all='raise'), pytest.raises(error) as caught:
            call()
        message = str(caught.value)
        if issubclass(error, NO_ARGUMENT):
            assert not isinstance(caught.value, InputError), message
        elif not isinstance(caught.value, InputError) or not re.search('^[^:]+: expected .+, got .+', message):
            others.append(message)
    assert others == []


def test_lists_of_ids_are_taken_as_arrays_are():
    contexts, target, xs, ts = [[1, 3], [2, 4]], [2, 3], [[1, 2, 3], [4, 5, 6]], [[0, 1], [0, 2]]
    for make, inputs in ((lambda: CBOW(7, 2, 1, CORPUS), (contexts, target)),
                         (lambda: SkipGram(7, 2, 1, CORPUS), (contexts, target)),
                         (lambda: Rnnlm(7, 3, 2), (xs, xs)), (lambda: Seq2seq(7, 3, 2), (xs, ts))):
        losses = []
        for kind in (list, np.array):
            np.random.seed(1)
            losses.append(make().forward(*map(kind, inputs)))
        assert losses[0] == losses[1] > 0.5


def test_words_that_are_not_in_the_vocabulary_are_told_as_in_the_book(capsys):
    util.most_similar('d', IDS, WORDS, VECTORS)
    util.analogy('a', 'd', 'e', IDS, WORDS, VECTORS)
    assert capsys.readouterr().out == 'd is not found\nd is not found\n'


@pytest.mark.parametrize('gap', [20.0, 50.0, 5000.0])
def test_generate_ends_where_nearly_all_probability_is_that_of_skip_ids(gap):
    """Drawing until another id comes would take e^20, e^50 draws, or for ever."""
    model = RnnlmGen(4, 3, 2)
    model.params[-1][...] = [gap, 0, 0, gap]
    ids = model.generate(0, [0, 3], sample_size=30)
    assert set(ids[1:]) == {1, 2}


def test_a_layer_before_its_first_forward_can_be_asked_copied_and_pickled():
    layer = Affine(np.ones((2, 3)), np.ones(3))
    assert not hasattr(layer, 'x') and not hasattr(layer, 'reset_state')
    for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.forward(np.ones((1, 2))).tolist() == [[3, 3, 3]]
        assert hasattr(twin, 'x')


def test_a_forward_that_is_refused_leaves_the_one_before_as_it_was():
    layer = TimeLSTM(np.random.randn(3, 8), np.random.randn(2, 8), np.random.randn(8), stateful=True)
    layer.forward(np.random.randn(4, 5, 3))
    for xs in (zeros((2, 5, 3)), zeros((4, 5, 2))):
        with pytest.raises(ValueError, match='xs'):
            layer.forward(xs)
    assert layer.backward(np.ones((4, 5, 2))).shape == (4, 5, 3)
