"""The arguments that the book's functions take: their names, their order, and what they are when nothing is said.

A reader's call that leaves some out, or gives them by place, means what it means in the book.
"""
import importlib
import inspect

import pytest

# module, then a line each: function or Class or Class.method, and its arguments as the book has them. Where ours takes
# more, they come behind, and none of them must be given.
BOOK = """
common.functions
  sigmoid(x)
  relu(x)
  softmax(x)
  cross_entropy_error(y, t)
common.layers
  MatMul(W)
  Affine(W, b)
  Softmax()
  SoftmaxWithLoss()
  SoftmaxWithLoss.forward(x, t)
  SoftmaxWithLoss.backward(dout=1)
  Sigmoid()
  SigmoidWithLoss()
  SigmoidWithLoss.forward(x, t)
  SigmoidWithLoss.backward(dout=1)
  Dropout(dropout_ratio=0.5)
  Embedding(W)
common.activation_layers
  Relu()
common.norm_layers
  BatchNormalization(gamma, beta, momentum=0.9, running_mean=None, running_var=None)
common.time_layers
  RNN(Wx, Wh, b)
  RNN.forward(x, h_prev)
  RNN.backward(dh_next)
  LSTM(Wx, Wh, b)
  LSTM.forward(x, h_prev, c_prev)
  LSTM.backward(dh_next, dc_next)
  GRU(Wx, Wh, b)
  GRU.forward(x, h_prev)
  GRU.backward(dh_next)
  TimeRNN(Wx, Wh, b, stateful=False)
  TimeRNN.set_state(h)
  TimeLSTM(Wx, Wh, b, stateful=False)
  TimeLSTM.set_state(h, c=None)
  TimeGRU(Wx, Wh, b, stateful=False)
  TimeGRU.set_state(h)
  TimeBiLSTM(Wx1, Wh1, b1, Wx2, Wh2, b2, stateful=False)
  TimeEmbedding(W)
  TimeAffine(W, b)
  Simple_TimeAffine(W, b)
  TimeDropout(dropout_ratio=0.5)
  TimeSoftmaxWithLoss()
  TimeSoftmaxWithLoss.backward(dout=1)
  Simple_TimeSoftmaxWithLoss()
  Simple_TimeSoftmaxWithLoss.backward(dout=1)
  TimeSigmoidWithLoss.backward(dout=1)
common.optimizer
  SGD(lr=0.01)
  Momentum(lr=0.01, momentum=0.9)
  Nesterov(lr=0.01, momentum=0.9)
  AdaGrad(lr=0.01)
  RMSprop(lr=0.01, decay_rate=0.99)
  Adam(lr=0.001, beta1=0.9, beta2=0.999)
  SGD.update(params, grads)
common.trainer
  Trainer(model, optimizer)
  Trainer.fit(x, t, max_epoch=10, batch_size=32, max_grad=None, eval_interval=20)
  Trainer.plot(ylim=None)
  RnnlmTrainer(model, optimizer)
  RnnlmTrainer.get_batch(x, t, batch_size, time_size)
  RnnlmTrainer.fit(xs, ts, max_epoch=10, batch_size=20, time_size=35, max_grad=None, eval_interval=20)
  RnnlmTrainer.plot(ylim=None)
  remove_duplicate(params, grads)
common.base_model
  BaseModel.save_params(file_name=None)
  BaseModel.load_params(file_name=None)
common.util
  preprocess(text)
  cos_similarity(x, y, eps=1e-8)
  most_similar(query, word_to_id, id_to_word, word_matrix, top=5)
  analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5, answer=None)
  normalize(x)
  convert_one_hot(corpus, vocab_size)
  create_co_matrix(corpus, vocab_size, window_size=1)
  ppmi(C, verbose=False, eps=1e-8)
  create_contexts_target(corpus, window_size=1)
  to_cpu(x)
  to_gpu(x)
  clip_grads(grads, max_norm)
  eval_perplexity(model, corpus, batch_size=10, time_size=35)
  eval_seq2seq(model, question, correct, id_to_char, verbose=False, is_reverse=False)
dataset.spiral
  load_data(seed=1984)
dataset.sequence
  load_data(file_name='addition.txt', seed=1984)
  get_vocab()
dataset.ptb
  load_data(data_type='train')
  load_vocab()
ch01.two_layer_net
  TwoLayerNet(input_size, hidden_size, output_size)
ch01.volume1.multi_layer_net
  MultiLayerNet(input_size, hidden_size_list, output_size, activation='relu', weight_init_std='relu')
ch03.simple_cbow
  SimpleCBOW(vocab_size, hidden_size)
ch03.simple_skip_gram
  SimpleSkipGram(vocab_size, hidden_size)
ch04.negative_sampling_layer
  EmbeddingDot(W)
  UnigramSampler(corpus, power, sample_size)
  UnigramSampler.get_negative_sample(target)
  NegativeSamplingLoss(W, corpus, power=0.75, sample_size=5)
  NegativeSamplingLoss.forward(h, target)
  NegativeSamplingLoss.backward(dout=1)
ch04.cbow
  CBOW(vocab_size, hidden_size, window_size, corpus)
  CBOW.forward(contexts, target)
ch04.skip_gram
  SkipGram(vocab_size, hidden_size, window_size, corpus)
ch05.simple_rnnlm
  SimpleRnnlm(vocab_size, wordvec_size, hidden_size)
ch06.rnnlm
  Rnnlm(vocab_size=10000, wordvec_size=100, hidden_size=100)
  Rnnlm.forward(xs, ts)
  Rnnlm.backward(dout=1)
ch06.better_rnnlm
  BetterRnnlm(vocab_size=10000, wordvec_size=650, hidden_size=650, dropout_ratio=0.5)
  BetterRnnlm.predict(xs, train_flg=False)
  BetterRnnlm.backward(dout=1)
ch07.rnnlm_gen
  RnnlmGen(vocab_size=10000, wordvec_size=100, hidden_size=100)
  RnnlmGen.generate(start_id, skip_ids=None, sample_size=100)
  BetterRnnlmGen(vocab_size=10000, wordvec_size=650, hidden_size=650, dropout_ratio=0.5)
  BetterRnnlmGen.generate(start_id, skip_ids=None, sample_size=100)
ch07.seq2seq
  Encoder(vocab_size, wordvec_size, hidden_size)
  Decoder(vocab_size, wordvec_size, hidden_size)
  Seq2seq(vocab_size, wordvec_size, hidden_size)
  Seq2seq.generate(xs, start_id, sample_size)
ch07.peeky_seq2seq
  PeekyDecoder(vocab_size, wordvec_size, hidden_size)
  PeekySeq2seq(vocab_size, wordvec_size, hidden_size)
ch08.attention_seq2seq
  AttentionEncoder(vocab_size, wordvec_size, hidden_size)
  AttentionDecoder(vocab_size, wordvec_size, hidden_size)
  AttentionSeq2seq(vocab_size, wordvec_size, hidden_size)
"""

# What is ours: these values too are a promise. (train_flg, in the book True: None is what the attribute says, which is
# True where nobody set it.)
OURS = """
common.layers
  Dropout.forward(x, train_flg=None)
  SoftmaxWithLoss(label_smoothing=0.0)
  Embedding(W, sparse=False)
common.activation_layers
  LeakyRelu(slope=0.01)
  Elu(alpha=1.0)
  Gelu(approximate=False)
common.norm_layers
  BatchNormalization(gamma, beta, momentum=0.9, running_mean=None, running_var=None, eps=1e-6)
  BatchNormalization.forward(x, train_flg=None)
  LayerNorm(gamma, beta, eps=1e-5)
common.time_layers
  TimeSoftmaxWithLoss(label_smoothing=0.0)
  Simple_TimeSoftmaxWithLoss(label_smoothing=0.0)
common.optimizer
  AdamW(lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01)
common.attention_layer
  causal_mask(T, S=None)
  ScaledDotProductAttention.forward(q, k, v, mask=None)
common.multi_head_attention
  MultiHeadAttention(W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, heads, rotary=False, causal=False)
  MultiHeadAttention.forward(x, memory=None, mask=None)
common.position_layers
  SinusoidalPositions.forward(xs, start=0)
  LearntPositions.forward(xs, start=0)
common.negative_sampling_layer
  EmbeddingDot(W, sparse=False)
  NegativeSamplingLoss(W, corpus, power=0.75, sample_size=5, sparse=False)
  Simple_NegativeSamplingLoss(W, corpus, power=0.75, sample_size=5)
  Simple_NegativeSamplingLoss.backward(dout=1)
common.weights
  lstm_bias(hidden_size, forget_bias=0.0, dtype='f')
common.util
  nearest_words(query_vector, word_matrix, id_to_word, exclude=(), top=5)
  truncated_svd(M, n_components, n_oversamples=10, n_iter=10)
  evaluate_seq2seq(model, x_test, t_test, batch_size=1000, beam_size=1)
common.trainer
  Trainer(model, optimizer, callbacks=(), schedule=None)
  RnnlmTrainer(model, optimizer, callbacks=(), schedule=None)
common.gradient_check
  numerical_gradient(f, x, eps=1e-5)
common.callbacks
  CosineDecay(first, max_epoch, last=0.0)
  WarmupCosine(peak, warmup_steps, total_steps, last=0.0)
  WarmupRoot(peak, warmup_steps)
  StepDecay(factor=0.5, every=1)
  PlateauDecay(factor=0.25)
  EarlyStopping(patience=3)
dataset.text
  load_data(path, split='train', vocab_size=10000, tokens='words', encoding='utf-8')
dataset.corpus_file
  open_corpus(path, min_count=5, vocab_size=None, prepared=None, tokens='words', encoding='utf-8')
dataset.mnist
  load_data(normalize=True, flatten=True, one_hot_label=False)
  load_mnist(normalize=True, flatten=True, one_hot_label=False)
dataset.digits
  load_data(train_size=60_000, test_size=10_000, normalize=True, flatten=True, one_hot_label=False, seed=1984)
dataset.images
  load_data(data='auto', normalize=True, flatten=True, one_hot_label=False)
dataset.toy
  load_data(data_type='train', size=None, seed=1984)
  next_word_probabilities(prefix)
  masked_word_probabilities(words, place)
  derives(words)
ch01.volume1.autoencoder
  Autoencoder(input_size=784, hidden_size_list=(256, 64), bottleneck=32, noise=0.0, dtype='f')
ch01.volume1.vae
  VariationalAutoencoder(input_size=784, hidden_size_list=(256, 64), latent_size=2, dtype='f')
ch01.volume1.simple_convnet
  SimpleConvNet(input_dim=(1, 28, 28), conv_param=None, hidden_size=100, output_size=10, weight_init_std=0.01)
ch01.volume1.deep_convnet
  DeepConvNet(input_dim=(1, 28, 28), hidden_size=50, output_size=10, dropout_ratio=0.5)
ch04.cbow
  CBOW(vocab_size, hidden_size, window_size, corpus, dtype='f', sparse=False)
ch06.rnnlm
  Rnnlm(vocab_size=10000, wordvec_size=100, hidden_size=100, dtype='f', forget_bias=0.0)
ch06.better_rnnlm
  BetterRnnlm.forward(xs, ts, train_flg=None)
ch07.rnnlm_gen
  RnnlmGen.generate(start_id, skip_ids=None, sample_size=100, temperature=1.0, top_k=None, top_p=None)
ch07.seq2seq
  Seq2seq(vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0)
  Seq2seq.generate(xs, start_id, sample_size, beam_size=1)
ch08.transformer.blocks
  FeedForward(D, hidden, activation='relu', residual_scale=1.0, dtype='f')
  EncoderBlock(D, heads, hidden, dropout_ratio=0.1, activation='relu', pre_norm=True, rotary=False)
  DecoderBlock(D, heads, hidden, dropout_ratio=0.1, activation='relu', pre_norm=True, rotary=False)
ch08.transformer.gpt
  GPT(vocab_size=10000, D=256, heads=4, blocks=4, time_size=70, hidden=None, dropout_ratio=0.1, rotary=False, dtype='f')
  GPT.generate(start_ids, skip_ids=None, sample_size=100, temperature=1.0, top_k=None, top_p=None, use_cache=True)
ch08.transformer.bert
  BERT(vocab_size=10001, D=128, heads=4, blocks=2, hidden=512, T_max=64, dropout_ratio=0.1, pad_id=None)
  BERT.backward(dout=1)
  mask_words(ids, mask_id, vocab_size, pad_id=None, share=0.15)
ch08.transformer.transformer
  Transformer(vocab_size, wordvec_size=128, heads=4, blocks=2, hidden_size=512, dropout_ratio=0.1, pre_norm=True)
  Transformer.generate(xs, start_id, sample_size, beam_size=1)
  Transformer.backward(dout=1)
ch08.transformer.train_dates
  warmed_up(steps, learning_rate=0.001, warmup=0.05)
ch08.attention_bi_seq2seq
  AttentionBiSeq2seq(vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0)
ch08.bahdanau_seq2seq
  BahdanauSeq2seq(vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0)
ch08.deep_attention_seq2seq
  DeepAttentionSeq2seq(vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0)
"""

# The settings that each of the book's scripts trains with.
SCRIPTS = """
ch01.train              hidden_size=10 batch_size=30 max_epoch=300 learning_rate=1.0
ch01.train_custom_loop  hidden_size=10 batch_size=30 max_epoch=300 learning_rate=1.0
ch01.volume1.train_two_layer        hidden_size=50 weight_init_std=0.01 batch_size=100 max_epoch=17 learning_rate=0.1
ch01.volume1.gradient_check         hidden_size=50 batch_size=3
ch01.volume1.compare_optimizers     hidden_size=100 batch_size=128 steps=2000 learning_rate=0.01
ch01.volume1.compare_optimizers     adam_learning_rate=0.001
ch01.volume1.compare_first_weights  hidden_size=100 batch_size=128 steps=2000 learning_rate=0.01
ch01.volume1.batch_norm             train_size=1000 hidden_size=100 batch_size=100 max_epoch=20 learning_rate=0.01
ch01.volume1.overfitting            train_size=300 hidden_size=100 batch_size=100 max_epoch=200 learning_rate=0.01
ch01.volume1.overfitting            weight_decay_lambda=0.1 dropout_ratio=0.2
ch01.volume1.hyperparameters        data_size=500 hidden_size=100 batch_size=100 max_epoch=50 draws=100
ch01.volume1.hyperparameters        lr_low=1e-6 lr_high=1e-2 weight_decay_low=1e-8 weight_decay_high=1e-4
ch01.volume1.train_convnet      filter_num=30 filter_size=5 hidden_size=100 learning_rate=0.001
ch01.volume1.train_convnet      batch_size=100 max_epoch=20
ch01.volume1.train_deep_convnet hidden_size=50 dropout=0.5 learning_rate=0.001 batch_size=100 max_epoch=20
ch02.count_method_big   window_size=2 wordvec_size=100
ch02.thesaurus          word='car' window_size=2 wordvec_size=100
ch03.train              window_size=1 hidden_size=5 batch_size=3 max_epoch=1000
ch04.train              window_size=5 hidden_size=100 batch_size=100 max_epoch=10
ch04.train_runs         window_size=5 hidden_size=100 run_size=1500 negatives=32 max_epoch=5 learning_rate=0.1
ch05.train              corpus_size=1000 wordvec_size=100 hidden_size=100 batch_size=10 time_size=5 max_epoch=100
ch05.train              learning_rate=0.1
ch05.train_custom_loop  corpus_size=1000 wordvec_size=100 hidden_size=100 batch_size=10 time_size=5 max_epoch=100
ch05.train_custom_loop  learning_rate=0.1
ch06.train_rnnlm        wordvec_size=100 hidden_size=100 batch_size=20 time_size=35 max_epoch=4
ch06.train_rnnlm        learning_rate=20.0 max_grad=0.25
ch06.train_better_rnnlm wordvec_size=650 hidden_size=650 batch_size=20 time_size=35 max_epoch=40
ch06.train_better_rnnlm learning_rate=20.0 max_grad=0.25 dropout=0.5
ch07.train_seq2seq      wordvec_size=16 hidden_size=128 batch_size=128 max_epoch=25 max_grad=5.0 reverse=False
ch07.train_seq2seq      peeky=False
ch08.transformer.train_gpt  wordvec_size=256 heads=4 blocks=4 dropout=0.3 batch_size=20 max_grad=1.0
ch08.train              wordvec_size=16 hidden_size=256 batch_size=128 max_epoch=10 max_grad=5.0 model='attention'
ch08.transformer.train_dates    file_name='date.txt' wordvec_size=128 heads=4 blocks=2 hidden_size=512 dropout=0.1
ch08.transformer.train_dates    learning_rate=0.001 warmup=0.05 weight_decay=0.01 batch_size=128 max_epoch=10
ch08.transformer.train_dates    max_grad=1.0 pre_norm=True
ch08.transformer.compare        wordvec_size=16 hidden_size=256 width=128 feed_forward_size=512 batch_size=128
ch08.transformer.compare        max_epoch=10
"""


def rows(table):
    """(module, name, arguments as text) of each line that is indented, under its module's."""
    module = ''
    for line in table.strip().splitlines():
        if line.startswith(' '):
            name, arguments = line.strip().removesuffix(')').split('(', 1)
            yield module, name, arguments
        else:
            module = line


@pytest.mark.parametrize(('module', 'name', 'arguments'), [*rows(BOOK), *rows(OURS)])
def test_arguments_and_their_defaults(module, name, arguments):
    function = importlib.import_module(module)
    for part in name.split('.'):
        function = getattr(function, part)
    ours = [p for p in inspect.signature(function).parameters.values() if p.name != 'self']
    wanted = inspect.signature(eval(f'lambda {arguments}: None')).parameters.values()
    assert [(p.name, p.default) for p in ours[:len(wanted)]] == [(p.name, p.default) for p in wanted]
    assert not [p.name for p in ours[len(wanted):]
                if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@pytest.mark.parametrize('line', SCRIPTS.strip().splitlines())
def test_settings_of_the_books_scripts(line):
    module, *settings = line.split()
    ours = inspect.signature(importlib.import_module(module).main).parameters
    wanted = eval(f'dict({", ".join(settings)})')
    assert {name: ours[name].default for name in wanted} == wanted
