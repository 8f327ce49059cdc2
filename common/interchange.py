"""To other tools and back: word vectors for gensim, layers for PyTorch, models as safetensors.

Word vectors: save_word2vec('vectors.bin', word_vecs, id_to_word) writes what gensim's
KeyedVectors.load_word2vec_format('vectors.bin', binary=True) reads, and load_word2vec('vectors.bin') reads what gensim
or the word2vec program wrote. A name that ends in .bin is of a binary file, any other of a text (see
common/word2vec_files).

PyTorch: to_torch(layer) gives the module of torch.nn that computes the same, from_torch(module) the layer; both copy
the parameters, in their own dtype. A model goes over layer by layer, an Rnnlm as

    embedding, lstm, linear = map(to_torch, model.layers)
    hs, (h, c) = lstm(embedding(torch.from_numpy(xs)))

What differs. Modules with time take and give (N, T, D), as batch_first says, and get a state with each call, where our
layers are stateful. MultiheadAttention takes q, k and v, and gives its weights too; its masks are True where nobody may
look, ours where one may. A BatchNorm's momentum is 1 minus ours, and it moves running_var towards N/(N − 1) times the
batch's variance. No GRU: torch's applies r after the product with Whh, the book's before it.

safetensors: save_safetensors('rnnlm.safetensors', model, words=words) writes the arrays param_0, param_1, … that
model.save_params writes, and load_safetensors('rnnlm.safetensors', model) fills a model (see common/safetensors_files).
"""
from typing import Any

from common.checks import InputError, InputTypeError, brief, check_flag
from common.conv_layers import Convolution
from common.layers import Affine, Embedding, MatMul
from common.multi_head_attention import MultiHeadAttention
from common.norm_layers import BatchNormalization, LayerNorm
from common.np import np, to_cpu
from common.safetensors_files import load_safetensors, save_safetensors
from common.time_layers import LSTM, RNN, TimeAffine, TimeBiLSTM, TimeEmbedding, TimeLSTM, TimeRNN
from common.word2vec_files import load_word2vec, save_word2vec

__all__ = ['from_torch', 'load_safetensors', 'load_word2vec', 'save_safetensors', 'save_word2vec', 'to_torch']


# ---- to PyTorch: a layer -> the module's class, its arguments, its arrays by torch's names


def to_torch(layer, pictures=False):
    """The torch.nn module that computes what the layer does, with a copy of its parameters.

    Affine, TimeAffine, MatMul -> Linear; Embedding, TimeEmbedding -> Embedding; RNN, LSTM -> RNNCell, LSTMCell;
    TimeRNN, TimeLSTM, TimeBiLSTM -> RNN, LSTM; Convolution -> Conv2d; LayerNorm; BatchNormalization -> BatchNorm1d, or,
    where pictures is True, BatchNorm2d; MultiHeadAttention -> MultiheadAttention. The module's docstring says what
    differs.
    """
    check_flag('pictures', pictures)
    if type(layer) not in TO_TORCH:
        raise InputTypeError(f'layer: expected one of {", ".join(kind.__name__ for kind in TO_TORCH)}, got '
                             f'{type(layer).__name__}')
    torch = import_torch()
    kind, arguments, arrays = TO_TORCH[type(layer)](layer)
    if kind == 'BatchNorm1d' and pictures:
        kind = 'BatchNorm2d'
    tensors = {name: torch.from_numpy(to_cpu(np.array(array, order='C'))) for name, array in arrays.items()}
    dtype = next(iter(tensors.values())).dtype
    with torch.random.fork_rng(devices=[]):     # the weights that it draws are not kept
        module = getattr(torch.nn, kind)(**arguments, dtype=dtype)
    module.load_state_dict(tensors)
    return module.train(getattr(layer, 'train_flg', True))


def import_torch():
    try:
        import torch
    except ImportError:
        raise OSError('PyTorch is not installed: pip install torch') from None
    return torch


def linear_to_torch(layer):
    W, *b = layer.params                                    # (D, M), (M,) or (1, M)
    arrays = {'weight': W.T} | ({'bias': b[0].reshape(-1)} if b else {})
    return 'Linear', {'in_features': len(W), 'out_features': W.shape[1], 'bias': bool(b)}, arrays


def embedding_to_torch(layer):
    W, = layer.params
    return 'Embedding', {'num_embeddings': len(W), 'embedding_dim': W.shape[1]}, {'weight': W}


def recurrent_to_torch(layer):
    params = [layer.params[i:i + 3] for i in range(0, len(layer.params), 3)]        # of each direction
    Wx, Wh, _ = params[0]
    cell = isinstance(layer, RNN | LSTM)
    arrays: dict = {}
    for (Wx, Wh, b), direction in zip(params, ('', '_reverse'), strict=False):
        arrays |= recurrent_arrays(Wx, Wh, b, '' if cell else f'_l0{direction}')
    kind = ('LSTM' if Wx.shape[1] == 4 * len(Wh) else 'RNN') + 'Cell' * cell
    more = {} if cell else {'batch_first': True, 'bidirectional': len(params) == 2}
    return kind, {'input_size': len(Wx), 'hidden_size': len(Wh), **more}, arrays


def recurrent_arrays(Wx, Wh, b, end):
    """Weights and biases by torch's names: there are two biases, whose sum counts. Gates: f, g, i, o -> i, f, g, o."""
    order = (2, 0, 1, 3) if Wx.shape[1] == 4 * len(Wh) else (0,)
    ih, hh, bias = (in_order(a, order) for a in (Wx.T, Wh.T, b.reshape(-1)))        # (4H, D), (4H, H), (4H,)
    return {f'weight_ih{end}': ih, f'weight_hh{end}': hh, f'bias_ih{end}': bias, f'bias_hh{end}': np.zeros_like(bias)}


def in_order(a, order):
    """The equal parts of a, of its first axis, in another order."""
    parts = np.split(a, len(order))
    return np.concatenate([parts[i] for i in order])


def convolution_to_torch(layer):
    W, b = layer.params                                     # (F, C, K, L), (F,)
    F, C, K, L = W.shape
    return 'Conv2d', {'in_channels': C, 'out_channels': F, 'kernel_size': (K, L), 'stride': layer.stride,
                      'padding': layer.pad}, {'weight': W, 'bias': b}


def batch_norm_to_torch(layer):
    gamma, beta = layer.params
    return 'BatchNorm1d', {'num_features': len(gamma), 'eps': layer.eps, 'momentum': 1 - layer.momentum}, {
        'weight': gamma, 'bias': beta, 'running_mean': layer.running_mean, 'running_var': layer.running_var,
        'num_batches_tracked': np.array(0)}


def layer_norm_to_torch(layer):
    gamma, beta = layer.params
    return 'LayerNorm', {'normalized_shape': len(gamma), 'eps': layer.eps}, {'weight': gamma, 'bias': beta}


def attention_to_torch(layer):
    if layer.rotary or layer.causal:
        raise InputError('layer: expected a MultiHeadAttention that is neither rotary nor causal, for torch has the '
                         f'first not and the second as a mask of each call, got rotary={layer.rotary}, '
                         f'causal={layer.causal}')
    W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o = layer.params
    D, M = len(W_q), len(W_k)
    arrays = {'in_proj_bias': np.concatenate((b_q, b_k, b_v)), 'out_proj.weight': W_o.T, 'out_proj.bias': b_o}
    if M == D:
        arrays['in_proj_weight'] = np.concatenate((W_q.T, W_k.T, W_v.T))            # (3D, D)
    else:
        arrays |= {'q_proj_weight': W_q.T, 'k_proj_weight': W_k.T, 'v_proj_weight': W_v.T}
    return 'MultiheadAttention', {'embed_dim': D, 'num_heads': layer.heads, 'kdim': M, 'vdim': M,
                                  'batch_first': True}, arrays


TO_TORCH: dict[type, Any] = {
    **dict.fromkeys((Affine, TimeAffine, MatMul), linear_to_torch),
    **dict.fromkeys((Embedding, TimeEmbedding), embedding_to_torch),
    **dict.fromkeys((RNN, LSTM, TimeRNN, TimeLSTM, TimeBiLSTM), recurrent_to_torch),
    Convolution: convolution_to_torch, BatchNormalization: batch_norm_to_torch, LayerNorm: layer_norm_to_torch,
    MultiHeadAttention: attention_to_torch}


# ---- from PyTorch: the module, for its settings, and its arrays by torch's names -> a layer


def from_torch(module):
    """The layer that computes what a torch.nn module does, with a copy of its parameters; see to_torch for which.

    Linear becomes Affine, or MatMul where it has no bias; other biases and scales that are not there are 0 and 1 here.
    InputError for settings that our layers have not, as a second layer in an LSTM. Dropout, of which only attention has
    some, and the state of random numbers stay behind. bfloat16 becomes float32.
    """
    torch = import_torch()
    kind = type(module).__name__
    if kind not in FROM_TORCH or type(module) is not getattr(torch.nn, kind):
        raise InputTypeError(f'module: expected one of torch.nn: {", ".join(FROM_TORCH)}, got {kind}')
    arrays = {}
    for name, tensor in module.state_dict().items():
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        arrays[name] = np.array(tensor.numpy())
    return FROM_TORCH[kind](module, arrays)


def check_setting(module, name, *known):
    """InputError unless this attribute of the module is one of the known, of which the first is told."""
    found = getattr(module, name)
    if not any(found is value or found == value for value in known):
        raise InputError(f'{name} of {type(module).__name__}: expected {known[0]}, got {brief(found)}')


def linear_from_torch(_, arrays):
    W = np.ascontiguousarray(arrays['weight'].T)
    return Affine(W, arrays['bias']) if 'bias' in arrays else MatMul(W)


def embedding_from_torch(module, arrays):
    for name, usual in (('max_norm', None), ('padding_idx', None), ('scale_grad_by_freq', False)):
        check_setting(module, name, usual)
    return Embedding(arrays['weight'], sparse=module.sparse)


def recurrent_from_torch(module, arrays):
    """RNNCell, LSTMCell, RNN, LSTM. The names of an array end in nothing (a cell's), _l0 or _l0_reverse."""
    ends = sorted(name.removeprefix('weight_ih') for name in arrays if name.startswith('weight_ih'))
    gates, cell = len(arrays[f'weight_ih{ends[0]}']) // module.hidden_size, ends == ['']
    if not cell:
        check_setting(module, 'num_layers', 1)
        check_setting(module, 'proj_size', 0)
    if gates == 1:
        check_setting(module, 'nonlinearity', 'tanh')
        if not cell:
            check_setting(module, 'bidirectional', False)
    params = [param for end in ends for param in recurrent_params(arrays, end, gates)]
    if cell:
        return (LSTM if gates == 4 else RNN)(*params)
    return (TimeRNN if gates == 1 else TimeLSTM if len(ends) == 1 else TimeBiLSTM)(*params)


def recurrent_params(arrays, end, gates):
    """Wx, Wh, b from torch's arrays whose names end so: one bias, the sum of two. Gates: i, f, g, o -> f, g, i, o."""
    order = (1, 2, 0, 3) if gates == 4 else (0,)
    ih, hh = (in_order(arrays[f'weight_{name}{end}'], order) for name in ('ih', 'hh'))
    b = np.zeros(len(ih), ih.dtype)
    if f'bias_ih{end}' in arrays:
        b += in_order(arrays[f'bias_ih{end}'] + arrays[f'bias_hh{end}'], order)
    return np.ascontiguousarray(ih.T), np.ascontiguousarray(hh.T), b


def convolution_from_torch(module, arrays):
    stride, pad = module.stride[0], module.padding[0] if isinstance(module.padding, tuple) else 0
    check_setting(module, 'stride', (stride, stride))
    check_setting(module, 'padding', (pad, pad), 'valid')
    check_setting(module, 'dilation', (1, 1))
    check_setting(module, 'groups', 1)
    check_setting(module, 'padding_mode', 'zeros')
    W = arrays['weight']
    return Convolution(W, arrays.get('bias', np.zeros(len(W), W.dtype)), stride, pad)


def scale_and_shift(arrays, D, dtype):
    """gamma and beta, 1 and 0 where a module has none."""
    return arrays.get('weight', np.ones(D, dtype)), arrays.get('bias', np.zeros(D, dtype))


def batch_norm_from_torch(module, arrays):
    check_setting(module, 'track_running_stats', True)
    if module.momentum is None:
        raise InputError(f'momentum of {type(module).__name__}: expected a number, got None')
    mean, var = arrays['running_mean'], arrays['running_var']
    gamma, beta = scale_and_shift(arrays, len(mean), mean.dtype)
    layer = BatchNormalization(gamma, beta, 1 - module.momentum, mean, var, module.eps)
    layer.train_flg = module.training
    return layer


def layer_norm_from_torch(module, arrays):
    D = module.normalized_shape[-1]
    check_setting(module, 'normalized_shape', (D,))
    gamma, beta = scale_and_shift(arrays, D, 'f')
    return LayerNorm(gamma, beta, module.eps)


def attention_from_torch(module, arrays):
    check_setting(module, 'bias_k', None)
    check_setting(module, 'add_zero_attn', False)
    D = module.embed_dim
    if 'in_proj_weight' in arrays:
        weights = np.split(arrays['in_proj_weight'], 3)     # (D, D) each
    else:
        weights = [arrays[f'{name}_proj_weight'] for name in 'qkv']
    W_o = arrays['out_proj.weight']
    W_q, W_k, W_v, W_o = (np.ascontiguousarray(W.T) for W in (*weights, W_o))
    b_q, b_k, b_v = map(np.copy, np.split(arrays.get('in_proj_bias', np.zeros(3 * D, W_o.dtype)), 3))
    b_o = arrays.get('out_proj.bias', np.zeros(D, W_o.dtype))
    return MultiHeadAttention(W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, module.num_heads)


FROM_TORCH: dict[str, Any] = {
    'Linear': linear_from_torch, 'Embedding': embedding_from_torch,
    **dict.fromkeys(('RNNCell', 'LSTMCell', 'RNN', 'LSTM'), recurrent_from_torch),
    'Conv2d': convolution_from_torch, 'BatchNorm1d': batch_norm_from_torch, 'BatchNorm2d': batch_norm_from_torch,
    'LayerNorm': layer_norm_from_torch, 'MultiheadAttention': attention_from_torch}
