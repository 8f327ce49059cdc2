"""Every public callable with each of its arguments replaced: an error of ours, or the right result.

Callables are discovered: one without a row in CALLS or among the layers of tests/test_battery.py fails, unless it is
named in INSIDE. A row is a function and one good value for each of its arguments.
"""
import contextlib
import importlib
import inspect
import io
import pkgutil
import re

import numpy as np
import pytest

import common
import dataset
from ch01.two_layer_net import TwoLayerNet
from ch01.volume1.agents import DQN, ActionValueLoss, Policy, PolicyGradientLoss
from ch01.volume1.autoencoder import Autoencoder
from ch01.volume1.deep_convnet import DeepConvNet
from ch01.volume1.multi_layer_net import MultiLayerNet
from ch01.volume1.simple_convnet import SimpleConvNet
from ch01.volume1.vae import VariationalAutoencoder
from ch03.simple_cbow import SimpleCBOW
from ch03.simple_skip_gram import SimpleSkipGram
from ch04.cbow import CBOW
from ch04.run_models import RunCBOW, RunSkipGram, Simple_RunCBOW, Simple_RunSkipGram
from ch04.skip_gram import SkipGram
from ch04.word_runs import make_runs
from ch05.simple_rnnlm import SimpleRnnlm
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from ch07.peeky_seq2seq import PeekyDecoder, PeekySeq2seq
from ch07.rnnlm_gen import BetterRnnlmGen, RnnlmGen
from ch07.seq2seq import Decoder, Encoder, Seq2seq
from ch08.attention_bi_seq2seq import AttentionBiEncoder, AttentionBiSeq2seq
from ch08.attention_seq2seq import AttentionDecoder, AttentionEncoder, AttentionSeq2seq
from ch08.bahdanau_seq2seq import BahdanauDecoder, BahdanauSeq2seq, Simple_TimeAttentionLSTM, TimeAttentionLSTM
from ch08.deep_attention_seq2seq import (
    DeepAttentionDecoder,
    DeepAttentionEncoder,
    DeepAttentionSeq2seq,
    TimeDeepLSTM,
)
from ch08.transformer.bert import BERT, BERTClassifier, BERTEncoder
from ch08.transformer.blocks import DecoderBlock, EncoderBlock, FeedForward
from ch08.transformer.gpt import GPT
from ch08.transformer.transformer import Transformer, TransformerDecoder, TransformerEncoder
from common import functions, negative_sampling_layer, util, weights
from common.attention_layer import causal_mask
from common.base_model import BaseModel
from common.callbacks import Accuracies, CosineDecay, EarlyStopping, PlateauDecay, StepDecay, WarmupCosine, WarmupRoot
from common.checks import InputError
from common.conv_layers import col2im, im2col
from common.evaluation import accuracy, forward_untrained, scores
from common.gradient_check import check_gradients, numerical_gradient
from common.layers import Affine, Layer, gather, set_training
from common.multi_head_attention import set_cache
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.rows import RowSparse
from common.trainer import RnnlmTrainer, Trainer
from dataset import digits, images, ptb, sequence, spiral, toy
from tests.test_battery import CASES, LAYERS, NO_LAYERS, draw

# files, signals, command lines and what a training leaves have hostile tests of their own; the rest here
ELSEWHERE = {'checkpoint', 'checks', 'cli', 'corpus', 'corpus_file', 'figures', 'files', 'interchange', 'interrupts',
             'launcher', 'lock', 'parallel', 'safetensors_files', 'storage', 'text', 'ties', 'training', 'unpickle',
             'weight_files', 'word2vec_files', 'word_map', 'wordnet', 'words', 'writing'}
# what layers are built from, which is given what they have checked; what takes nothing; what converts anything
INSIDE = {
    'Derivations', 'normalized', 'fill', 'has_kink', 'sizes_for', 'RunModel', 'SimpleRunModel',
    'BaseTrainer', 'Optimizer', 'Progress', 'Recurrent', 'Sublayer', 'add_at', 'add_grads', 'as_array', 'as_dtype',
    'as_floats', 'attend', 'attend_back', 'fitted', 'masked_softmax', 'pieces', 'rotate', 'sinusoids', 'turned', 'wide',
    'as_ids', 'as_matrix', 'as_memory', 'as_rows', 'blocks', 'columns', 'compare', 'draw_one', 'epochs_without_gain',
    'fetch_smallest', 'find_buffers', 'finish', 'flat', 'fold', 'gelu', 'gelu_tanh', 'get_vocab', 'history',
    'forward_backward', 'share_of_step', 'label_rows', 'letters', 'load_mnist', 'load_vocab', 'title',
    'lstm_bias', 'lstm_step', 'lstm_step_back', 'make_addition', 'make_dates', 'mean_loss', 'memory_rows', 'normal',
    'not_training', 'one_or', 'out_size', 'padded', 'parse_grammar', 'parts', 'perplexity_floor', 'pick', 'picture',
    'place', 'polynomial', 'remove_duplicate', 'repeats', 'row_labels', 'score_rows', 'smooth', 'spread', 'stored',
    'subtract_labels', 'sum_rows', 'sum_runs', 'time_major', 'to_cpu', 'to_gpu', 'to_labels', 'train_step',
    'advice', 'characters_of', 'check_encoding', 'decoded', 'joined', 'likely_encoding', 'parted', 'parted_by_blanks',
    'plausible', 'script_of', 'share', 'splitter', 'starts', 'words_of',
    'unpadded', 'update_rows', 'walk', 'windows_of', 'word_probabilities', 'write_rows',
    'Live', 'arrays_of', 'count', 'describe', 'outline', 'own_layers', 'parts_of', 'places', 'running_cell',
}


def public():
    """The names of all functions and classes of common, of dataset and of the chapters' models."""
    found = set()
    for package in common, dataset:
        for module in pkgutil.iter_modules(package.__path__):
            if module.name not in ELSEWHERE:
                name = f'{package.__name__}.{module.name}'
                found |= {key for key, thing in vars(importlib.import_module(name)).items()
                          if callable(thing) and getattr(thing, '__module__', '') == name and key[0] != '_'}
    to_do = [Layer]
    while to_do:
        to_do += to_do.pop().__subclasses__()
        found |= {kind.__name__ for kind in to_do if kind.__module__.startswith(('ch', 'common'))}
    found -= {'Network'}        # what those of volume 1 are made from
    return found - INSIDE - NO_LAYERS - {key for key in found if re.match('check_(?!gradients)', key)}


F = draw()
IDS, WORDS = {'a': 0, 'b': 1, 'c': 2}, {0: 'a', 1: 'b', 2: 'c'}
CORPUS = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 3])
XS, TS = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[2, 3, 4], [5, 6, 0]])
CONTEXTS, TARGET = np.array([[0, 2], [1, 3]]), np.array([1, 2])


RUN, = make_runs(CORPUS[None], np.array([[2, 6]]))
IDS_4 = np.array([0, 3, 1, 2])


class FromCounts(BaseModel):
    """A model for what evaluates one: its loss, and its answers, are those of the ids that it is given."""

    def forward(self, xs, ts):
        return np.mean(xs == ts)

    def generate(self, xs, start_id, sample_size):
        return np.full((len(xs), sample_size), start_id)


def printed(function):
    """What function prints and returns, by a capture of its own."""
    def call(**arguments):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            function(**arguments)
        return out.getvalue()
    return call


SIZES = {'vocab_size': 7, 'wordvec_size': 3, 'hidden_size': 2}
V_H = {'vocab_size': 7, 'hidden_size': 2}
BERT_SIZES = {'vocab_size': 7, 'D': 4, 'heads': 2, 'blocks': 1, 'hidden': 5, 'T_max': 3, 'dropout_ratio': 0.5,
              'pad_id': 0}
WINDOW = {'window_size': 1, 'corpus': CORPUS, 'sparse': False}


def model(make, sizes, **inputs):
    """A row: the sizes and then the inputs of forward."""
    names = list(sizes)

    def call(**arguments):
        given = {name: arguments.pop(name) for name in names}
        net = make(**given)
        out = net.forward(**arguments)
        net.backward() if np.ndim(out) == 0 else net.backward(np.ones_like(out))
        return out, *(np.asarray(grad) for grad in net.grads)

    return call, {**sizes, **inputs}


def optimizer(kind):
    """A row: what the optimizer is made from."""
    rates = {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}

    def call(**given):
        param = np.ones((2, 3))
        kind(**given).update([param], [param / 2])
        return param

    return call, rates


def answers(make, **arguments):
    return lambda **given: make(7, 3, 2).generate(**given), {'start_id': 1, 'sample_size': 3, **arguments}


def agent(kind):
    """A row: an agent's network, and the steps that it learns from."""
    def call(x, actions, numbers, **sizes):
        net = kind(**sizes, dtype='d')
        out = net.forward(x, (actions, numbers))
        net.backward()
        return out, net.grads

    return call, {'state_size': 3, 'hidden_size': 2, 'action_size': 4, 'layers': 1, **STEPS}


def loss_of_steps(kind):
    def call(x, actions, numbers):
        loss = kind()
        return loss.forward(x, (actions, numbers)), loss.backward()

    return call, STEPS


STEPS = {'x': F(2, 3), 'actions': np.array([0, 2]), 'numbers': F(2)}
BLOCK = {'D': 4, 'heads': 2, 'hidden': 3, 'dropout_ratio': 0.5, 'activation': 'relu', 'pre_norm': True, 'rotary': True}
SEEN = np.tri(3, dtype=bool)
TRANSFORMER = {'vocab_size': 7, 'wordvec_size': 4, 'heads': 2, 'blocks': 1, 'hidden_size': 3}
LM, QA, ENC = {'xs': XS, 'ts': TS}, {'xs': XS, 'ts': TS}, F(2, 3, 2)
CALLS = {
    'sigmoid': (functions.sigmoid, {'x': F(2, 3)}),
    'relu': (functions.relu, {'x': F(2, 3)}),
    'erf': (functions.erf, {'x': F(2, 3)}),
    'softmax': (functions.softmax, {'x': F(2, 3)}),
    'cross_entropy_error': (functions.cross_entropy_error, {'y': abs(F(2, 3)), 't': np.array([0, 2])}),
    'xavier': (weights.xavier, {'rows': 3, 'columns': 2}),
    'he': (weights.he, {'rows': 3, 'columns': 2}),
    'preprocess': (lambda text: util.preprocess(text)[0], {'text': 'you say hello.'}),
    'convert_one_hot': (util.convert_one_hot, {'corpus': CORPUS, 'vocab_size': 7}),
    'create_co_matrix': (util.create_co_matrix, {'corpus': CORPUS, 'vocab_size': 7, 'window_size': 2}),
    'create_contexts_target': (util.create_contexts_target, {'corpus': CORPUS, 'window_size': 2}),
    'ppmi': (util.ppmi, {'C': util.create_co_matrix(CORPUS, 7), 'verbose': False, 'eps': 1e-8}),
    'truncated_svd': (util.truncated_svd, {'M': F(4, 5), 'n_components': 2, 'n_oversamples': 2, 'n_iter': 3}),
    'normalize': (util.normalize, {'x': F(2, 3)}),
    'cos_similarity': (util.cos_similarity, {'x': F(3), 'y': F(3), 'eps': 1e-8}),
    'nearest_words': (util.nearest_words, {'query_vector': F(2), 'word_matrix': F(3, 2), 'id_to_word': WORDS,
                                           'exclude': {'a'}, 'top': 2}),
    'most_similar': (printed(util.most_similar), {'query': 'a', 'word_to_id': IDS, 'id_to_word': WORDS,
                                                  'word_matrix': F(3, 2), 'top': 2}),
    'analogy': (printed(util.analogy), {'a': 'a', 'b': 'b', 'c': 'c', 'word_to_id': IDS, 'id_to_word': WORDS,
                                        'word_matrix': F(3, 2), 'top': 2, 'answer': 'b'}),
    'eval_perplexity': (lambda **given: util.eval_perplexity(FromCounts(), **given),
                        {'corpus': CORPUS, 'batch_size': 2, 'time_size': 2, 'verbose': False}),
    'eval_seq2seq': (lambda **given: util.eval_seq2seq(FromCounts(), id_to_char=WORDS, **given),
                     {'question': XS[:1], 'correct': np.array([[1, 1, 2]]), 'verbose': False, 'is_reverse': False,
                      'beam_size': 1}),
    'evaluate_seq2seq': (lambda **given: util.evaluate_seq2seq(FromCounts(), **given),
                         {'x_test': XS, 't_test': np.array([[1, 1, 2], [1, 1, 1]]), 'batch_size': 1, 'beam_size': 1}),
    'forward_untrained': (lambda **given: forward_untrained(Rnnlm(7, 3, 2), **given), LM),
    'numerical_gradient': (lambda **given: numerical_gradient(lambda x: (x**2).sum(), **given),
                           {'x': F(2, 3), 'eps': 1e-5}),
    'check_gradients': (lambda tolerance, eps: check_gradients(Affine(F(3, 2), F(2)), F(2, 3), tolerance=tolerance,
                                                               eps=eps), {'tolerance': 1e-5, 'eps': 1e-5}),
    'accuracy': (lambda **given: accuracy(MultiLayerNet(2, [3], 4, dtype='d'), **given),
                 {'x': F(4, 2), 't': np.array([0, 3, 1, 2]), 'batch_size': 2}),
    'scores': (lambda **given: scores(MultiLayerNet(2, [3], 4, dtype='d'), **given), {'x': F(4, 2), 'batch_size': 2}),
    'Accuracies': (lambda sample: Accuracies((F(4, 2), IDS_4), (F(4, 2), IDS_4), sample).train[0], {'sample': 2}),
    'im2col': (im2col, {'x': F(1, 2, 3, 3), 'filter_h': 2, 'filter_w': 2, 'stride': 1, 'pad': 1}),
    'col2im': (lambda **given: col2im(input_shape=(1, 2, 3, 3), **given),
               {'col': F(4, 8), 'filter_h': 2, 'filter_w': 2, 'stride': 1, 'pad': 0}),
    'MultiLayerNet': model(lambda **sizes: MultiLayerNet(**sizes, hidden_size_list=[3], use_dropout=True), {
        'input_size': 2, 'output_size': 4, 'activation': 'relu', 'weight_init_std': 0.1, 'weight_decay_lambda': 0.1,
        'dropout_ratio': 0.5, 'use_batchnorm': True}, x=F(3, 2), t=TS[0] % 4),
    'gather': (lambda **given: gather(Affine(*given.values()))[0], {'W': F(3, 2), 'b': F(2)}),
    'set_training': (lambda flag: set_training(Affine(F(3, 2), F(2)), flag), {'flag': True}),
    'set_cache': (lambda flag: set_cache(EncoderBlock(4, 2, 3), flag), {'flag': True}),
    'causal_mask': (causal_mask, {'T': 2, 'S': 4}),
    'RowSparse': (lambda shape: np.asarray(RowSparse(shape, 'd')), {'shape': (3, 2)}),
    'StepDecay': (lambda **given: vars(StepDecay(**given)), {'factor': 0.5, 'every': 2}),
    'CosineDecay': (lambda **given: vars(CosineDecay(**given)), {'first': 1.0, 'max_epoch': 3, 'last': 0.1}),
    'PlateauDecay': (lambda factor: vars(PlateauDecay(factor)), {'factor': 0.5}),
    'WarmupCosine': (lambda **given: WarmupCosine(**given)(3),
                     {'peak': 1.0, 'warmup_steps': 2, 'total_steps': 9, 'last': 0.1}),
    'WarmupRoot': (lambda **given: WarmupRoot(**given)(3), {'peak': 1.0, 'warmup_steps': 2}),
    'EarlyStopping': (lambda patience: vars(EarlyStopping(patience)), {'patience': 2}),
    'UnigramSampler': (lambda target, **given: negative_sampling_layer.UnigramSampler(
        **given).get_negative_sample(target), {'corpus': CORPUS, 'power': 0.75, 'sample_size': 2, 'target': TARGET}),
    'Simple_UnigramSampler': (lambda target, **given: negative_sampling_layer.Simple_UnigramSampler(
        **given).get_negative_sample(target), {'corpus': CORPUS, 'power': 0.75, 'sample_size': 2, 'target': TARGET}),
    'load_data': (spiral.load_data, {'seed': 1984}),
    'sequence.load_data': (sequence.load_data, {'seed': 1984}),
    'toy.load_data': (lambda **given: toy.load_data(**given)[0], {'data_type': 'train', 'size': 20, 'seed': 1984}),
    'next_word_probabilities': (toy.next_word_probabilities, {'prefix': ['you']}),
    'masked_word_probabilities': (toy.masked_word_probabilities, {'words': ['it', 'was', 'cold', 'yesterday'],
                                                                  'place': 2}),
    'derives': (toy.derives, {'words': ['it', 'was', 'cold', 'yesterday']}),
    'digits.load_data': (lambda **given: digits.load_data(**given), {
        'train_size': 3, 'test_size': 2, 'normalize': True, 'flatten': True, 'one_hot_label': False, 'seed': 1984}),
    'images.load_data': (lambda data: images.load_data(data), {'data': 'fashion'}),
    'ptb.load_data': (lambda data_type: ptb.load_data(data_type), {'data_type': 'dev'}),
    'clip_grads': (lambda max_norm: util.clip_grads([F(2, 3)], max_norm), {'max_norm': 0.5}),
    'Trainer': (lambda **given: Trainer(TwoLayerNet(2, 3, 4), SGD()).fit(F(4, 2), np.arange(4), **given),
                {'max_epoch': 1, 'batch_size': 2, 'max_grad': 1.0, 'eval_interval': 1, 'verbose': True}),
    'RnnlmTrainer': (lambda **given: RnnlmTrainer(Rnnlm(7, 3, 2), SGD()).fit(CORPUS, CORPUS, **given),
                     {'max_epoch': 1, 'batch_size': 2, 'time_size': 2, 'max_grad': 1.0, 'eval_interval': 1,
                      'verbose': True}),
    **{kind.__name__: optimizer(kind) for kind in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW)},
    'TwoLayerNet': model(TwoLayerNet, {'input_size': 2, 'hidden_size': 3, 'output_size': 4}, x=F(3, 2), t=TS[0] % 4),
    'Autoencoder': model(Autoencoder, {'input_size': 4, 'hidden_size_list': [3], 'bottleneck': 2, 'noise': 0.5},
                         x=abs(F(3, 4)), t=abs(F(3, 4))),
    'VariationalAutoencoder': model(VariationalAutoencoder, {'input_size': 4, 'hidden_size_list': [3],
                                                             'latent_size': 2}, x=abs(F(3, 4)), t=abs(F(3, 4))),
    'SimpleConvNet': model(SimpleConvNet, {'input_dim': (1, 6, 6), 'conv_param': {'filter_size': 3}, 'hidden_size': 3,
                                           'output_size': 4, 'weight_init_std': 0.5}, x=F(3, 1, 6, 6), t=TS[0] % 4),
    'DeepConvNet': model(DeepConvNet, {'input_dim': (1, 4, 4), 'hidden_size': 3, 'output_size': 4,
                                       'dropout_ratio': 0.5}, x=F(3, 1, 4, 4), t=TS[0] % 4),
    'DQN': agent(DQN),
    'Policy': agent(Policy),
    'ActionValueLoss': loss_of_steps(ActionValueLoss),
    'PolicyGradientLoss': loss_of_steps(PolicyGradientLoss),
    'SimpleCBOW': model(SimpleCBOW, V_H, contexts=util.convert_one_hot(CONTEXTS, 7), target=TARGET),
    'SimpleSkipGram': model(SimpleSkipGram, V_H, contexts=util.convert_one_hot(CONTEXTS, 7),
                            target=util.convert_one_hot(TARGET, 7)),
    'CBOW': model(CBOW, {**V_H, **WINDOW}, contexts=CONTEXTS, target=TARGET),
    'SkipGram': model(SkipGram, {**V_H, **WINDOW}, contexts=CONTEXTS, target=TARGET),
    **{kind.__name__: model(kind, {**V_H, 'sample_size': 5}, run=RUN, window_size=1)
       for kind in (RunCBOW, RunSkipGram, Simple_RunCBOW, Simple_RunSkipGram)},
    'SimpleRnnlm': model(SimpleRnnlm, SIZES, **LM),
    'Rnnlm': model(Rnnlm, {**SIZES, 'forget_bias': 0.0}, **LM),
    'BetterRnnlm': model(BetterRnnlm, {**SIZES, 'wordvec_size': 2, 'dropout_ratio': 0.5}, **LM, train_flg=True),
    'RnnlmGen': answers(RnnlmGen, skip_ids=np.array([5, 6]), temperature=0.5, top_k=3, top_p=0.8),
    'BetterRnnlmGen': answers(lambda V, D, H: BetterRnnlmGen(V, H, H), skip_ids=[5, 6], temperature=0.5, top_k=3,
                              top_p=0.8),
    'GPT': model(GPT, {'vocab_size': 7, 'D': 4, 'heads': 2, 'blocks': 1, 'time_size': 3, 'hidden': 5,
                       'dropout_ratio': 0.5, 'rotary': True}, **LM),
    'GPT.generate': (lambda **given: GPT(7, 4, 2, 1, 3).generate(**given), {
        'start_ids': 1, 'skip_ids': [5, 6], 'sample_size': 5, 'temperature': 0.5, 'top_k': 3, 'top_p': 0.8,
        'use_cache': True}),
    'Encoder': model(Encoder, SIZES, xs=XS),
    'Decoder': model(Decoder, SIZES, xs=XS, h=F(2, 2)),
    'PeekyDecoder': model(PeekyDecoder, SIZES, xs=XS, h=F(2, 2)),
    'AttentionEncoder': model(AttentionEncoder, SIZES, xs=XS),
    'AttentionDecoder': model(AttentionDecoder, SIZES, xs=XS, enc_hs=ENC),
    'Seq2seq': model(Seq2seq, SIZES, **QA),
    'FeedForward': model(FeedForward, {'D': 4, 'hidden': 3, 'activation': 'gelu', 'residual_scale': 0.5}, x=F(2, 3, 4)),
    'EncoderBlock': model(EncoderBlock, {**BLOCK, 'causal': False}, x=F(2, 3, 4), mask=SEEN),
    'DecoderBlock': model(DecoderBlock, BLOCK, x=F(2, 3, 4), memory=F(2, 5, 4), mask=SEEN, memory_mask=SEEN[:, :1]),
    'PeekySeq2seq': model(PeekySeq2seq, SIZES, **QA),
    'AttentionSeq2seq': model(AttentionSeq2seq, SIZES, **QA),
    'BERTEncoder': model(BERTEncoder, BERT_SIZES, xs=XS),
    'BERT': model(BERT, BERT_SIZES, xs=XS, ts=np.where(XS % 2, XS, -1)),
    'BERTClassifier': model(lambda classes, **sizes: BERTClassifier(BERTEncoder(**sizes), classes),
                            {'classes': 2, **BERT_SIZES}, xs=XS, ts=np.array([0, 1])),
    'TransformerEncoder': model(TransformerEncoder, {**TRANSFORMER, 'dropout_ratio': 0.5}, xs=XS),
    'TransformerDecoder': model(TransformerDecoder, {**TRANSFORMER, 'dropout_ratio': 0.5}, xs=XS, enc_hs=F(2, 3, 4)),
    'Transformer': model(Transformer, {**TRANSFORMER, 'dropout_ratio': 0.5, 'pre_norm': False}, **QA),
    'Seq2seq.generate': answers(Seq2seq, xs=XS, beam_size=2),
    'AttentionSeq2seq.generate': answers(AttentionSeq2seq, xs=XS, beam_size=1),
    'Transformer.generate': answers(lambda V, D, H: Transformer(V, 4, 2, 1, H), xs=XS, beam_size=2),
    'AttentionBiEncoder': model(AttentionBiEncoder, SIZES, xs=XS),
    'AttentionBiSeq2seq': model(AttentionBiSeq2seq, SIZES, **QA),
    'BahdanauDecoder': model(BahdanauDecoder, SIZES, xs=XS, enc_hs=ENC),
    'BahdanauSeq2seq': model(BahdanauSeq2seq, SIZES, **QA),
    'DeepAttentionEncoder': model(DeepAttentionEncoder, SIZES, xs=XS),
    'DeepAttentionDecoder': model(DeepAttentionDecoder, SIZES, xs=XS, enc_hs=ENC),
    'DeepAttentionSeq2seq': model(DeepAttentionSeq2seq, SIZES, **QA),
    'TimeAttentionLSTM': model(TimeAttentionLSTM, {'Wx': F(5, 8), 'Wh': F(2, 8), 'b': F(8)}, xs=F(2, 4, 3),
                               hs_enc=ENC),
    'Simple_TimeAttentionLSTM': model(Simple_TimeAttentionLSTM, {'Wx': F(5, 8), 'Wh': F(2, 8), 'b': F(8)},
                                      xs=F(2, 4, 3), hs_enc=ENC),
    'TimeDeepLSTM': model(lambda **given: TimeDeepLSTM(*given.values()), {
        'Wx1': F(3, 8), 'Wh1': F(2, 8), 'b1': F(8), 'Wx2': F(2, 8), 'Wh2': F(2, 8), 'b2': F(8)}, xs=F(2, 4, 3)),
    **{f'{kind.__name__}.generate': answers(kind, xs=XS, beam_size=2)
       for kind in (AttentionBiSeq2seq, BahdanauSeq2seq, DeepAttentionSeq2seq)},
}


def of_layer(name, case):
    """A row for a layer of the battery: its constructor's arguments, then forward's; then backward."""
    given, inputs = CASES[name][case](draw())
    kind = LAYERS[name]
    first = list(inspect.signature(kind).parameters)[:len(given)]
    if kind.__init__ is Layer.__init__:
        first = []
    second = list(inspect.signature(kind.forward).parameters)[1:1 + len(inputs)]

    def call(**arguments):
        layer = kind(*(arguments[key] for key in first))
        outs = layer.forward(*(arguments[key] for key in second))
        outs = outs if isinstance(outs, tuple) else (outs,)
        back = layer.backward(*(np.ones_like(out) for out in outs if np.ndim(out)))
        return outs, back, [np.asarray(grad) for grad in layer.grads]

    return call, {**dict(zip(first, given, strict=True)), **dict(zip(second, inputs, strict=True))}


CALLS.update({f'{name}-{case}': of_layer(name, case) for name in LAYERS for case in range(len(CASES.get(name, ())))})


def bad_values(good):
    """kind -> value: what comes instead of a good one."""
    if isinstance(good, np.ndarray):
        some = {'list': good.tolist(), 'rank+': good[None], 'rank-': good[0], 'empty': good[:0]}
        if good.dtype.kind == 'f':
            spoilt = good.copy()
            spoilt.flat[-1] = np.nan
            some |= {'nan': spoilt, 'ints': np.ones(good.shape, int)}
        else:
            some |= {'floats': good + 0.5, 'nan': np.full(good.shape, np.nan)}
        return some | {'text': good.astype('U'), 'complex': good + 1j, 'objects': np.full(good.shape, None),
                       'none': None, 'str': 'a'}
    if isinstance(good, bool):
        return {'list': [True], 'str': 'False', 'rank+': np.array([True, False])}
    if isinstance(good, int | float):
        some = {'list': [good], 'none': None, 'str': 'a', 'nan': float('nan'), 'rank+': np.array([good, good]),
                'empty': np.zeros(0), 'complex': 1j}
        return some | ({'floats': 1.5} if isinstance(good, int) else {})
    if isinstance(good, str):
        return {'list': [good], 'none': None, 'number': 1, 'rank+': np.array([1, 2])}
    return {'none': None, 'number': 1.5, 'text': np.array(['a', 'b'])}       # a mapping, a collection


# what is taken, and right: (row, argument, kind)
RIGHT = {
    ('ppmi', 'C', 'floats'), ('SimpleCBOW', 'contexts', 'floats'), ('SimpleSkipGram', 'target', 'floats'),  # no ids
    ('nearest_words', 'query_vector', 'nan'), ('nearest_words', 'word_matrix', 'nan'),      # left out
    ('most_similar', 'word_matrix', 'nan'), ('analogy', 'word_matrix', 'nan'),
    ('nearest_words', 'exclude', 'text'),                                                   # an array of words
    *((f'{kind}Pooling-0', 'x', 'nan') for kind in ('', 'Average', 'Simple_', 'Simple_Average')),   # in no window
    ('accuracy', 'x', 'nan'),                                                               # some label
    ('analogy', 'answer', 'none'), ('load_data', 'seed', 'none'), ('sequence.load_data', 'seed', 'none'),
    *((name, 'pad_id', 'none') for name in ('BERT', 'BERTEncoder', 'BERTClassifier')),        # rows are full
    ('toy.load_data', 'size', 'none'), ('Trainer', 'max_grad', 'none'), ('Trainer', 'eval_interval', 'none'),
    ('RnnlmTrainer', 'max_grad', 'none'), ('RnnlmTrainer', 'eval_interval', 'none'), ('RnnlmGen', 'skip_ids', 'none'),
    ('RnnlmGen', 'skip_ids', 'empty'), ('RnnlmGen', 'top_k', 'none'), ('BetterRnnlmGen', 'skip_ids', 'none'),
    ('BetterRnnlmGen', 'top_k', 'none'), ('SimpleConvNet', 'conv_param', 'none'), ('RnnlmGen', 'top_p', 'none'),
    ('BetterRnnlmGen', 'top_p', 'none'), ('GPT', 'hidden', 'none'),
    ('GPT.generate', 'start_ids', 'rank+'), ('GPT.generate', 'skip_ids', 'none'), ('GPT.generate', 'top_k', 'none'),
    ('GPT.generate', 'top_p', 'none'),
}
RIGHT |= {(name, argument, 'none') for argument in ('mask', 'memory', 'memory_mask') for name in CALLS}
RIGHT |= {('causal_mask', 'S', 'none'), ('LearntPositions-1', 'W', 'nan')}      # behind the last position
RIGHT |= {(f'{name}BatchNormalization-{case}', f'running_{moment}', 'none')         # begins with zeros
          for name in ('', 'Simple_') for case in (4, 5) for moment in ('mean', 'var')}


def numbers(thing):
    """All numbers in a result, in order, as a list of flat arrays."""
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, list | tuple):
        return [array for part in thing for array in numbers(part)]
    return [] if thing is None or isinstance(thing, str) else [np.ravel(thing)]


def same(some, others):
    some, others = numbers(some), numbers(others)
    return len(some) == len(others) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-6, equal_nan=True) for a, b in zip(some, others, strict=True))


def outcome(name, argument, value):
    call, good = CALLS[name]
    np.random.seed(0)
    with np.errstate(all='ignore'):
        return call(**{**good, argument: value})


def test_every_public_callable_has_a_row():
    rows = {name.split('-')[0].split('.')[0] for name in CALLS}
    assert public() - rows == set()
    assert rows - public() - {'sequence', 'toy', 'digits', 'images', 'ptb', 'load_data'} == set()


def is_right(name, argument, kind, result, bad):
    """Whether the result of a call that was not refused is that of the same numbers given well, or holds their NaN."""
    good = CALLS[name][1][argument]
    if (name, argument, kind) in RIGHT:
        return True
    if kind in ('list', 'rank+', 'objects'):        # another shape of the same
        return same(result, outcome(name, argument, good))
    if kind == 'rank-':
        return same(result, outcome(name, argument, good[:1]))
    if kind == 'ints':
        return same(result, outcome(name, argument, bad.astype(float)))
    if kind == 'nan':
        return any(np.isnan(a).any() for a in numbers(result))
    return kind == 'empty' and not any(a.any() for a in numbers(result))


@pytest.mark.parametrize('name', CALLS)
def test_bad_arguments_are_errors_of_ours_or_count_as_good_ones(name):
    wrong = []
    for argument, good in CALLS[name][1].items():
        for kind, bad in bad_values(good).items():
            try:
                if not is_right(name, argument, kind, outcome(name, argument, bad), bad):
                    wrong.append(f'{argument}: {kind} is taken')
            except (InputError, FloatingPointError) as error:
                if not re.fullmatch('.+: expected .+, got .+', str(error)):
                    wrong.append(f'{argument}: {kind}: {error}')
            except Exception as error:      # any other is not ours
                wrong.append(f'{argument}: {kind}: {type(error).__name__}: {error}')
    assert wrong == []


def test_the_table_is_as_large_as_it_says():
    assert sum(len(bad_values(value)) for _, good in CALLS.values() for value in good.values()) > 3500
