"""What PyTorch says: inputs, outputs and gradients of every layer that it has too, for tests/test_fixtures.py.

    python -m tests.make_fixtures       # from the root, where torch is installed (made with 2.13.0)

writes tests/fixtures/torch.npz: plain float64 and int64 arrays, named CASE/NAME. dNAME is the gradient of NAME. Nothing
of ours is imported, and no test imports this file. Run twice, it gives equal arrays: each case draws from a seed of its
own, so that a new one changes no other.

Left out: the dropout layers, which are random, and Nesterov, for the book's formula is not torch's.
"""
import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

FILE = Path(__file__).parent / 'fixtures' / 'torch.npz'
EPSILON = 1e-7      # the one of our optimizers


def normal(*shape):
    """float64, but drawn as float32: a test in float32 begins with the same numbers."""
    return torch.randn(shape, dtype=torch.float32).double()


# ---- what stands otherwise in torch: weights are the transposes of ours; there are two biases, of which one is 0 here


def torch_weights(Wx, Wh, b):
    return Wx.T, Wh.T, b, torch.zeros_like(b)


def torch_lstm_weights(*params):
    """Our gates stand in the order f, g, i, o, torch's in the order i, f, g, o."""
    gates = [p.chunk(4, dim=-1) for p in params]
    return torch_weights(*[torch.cat((i, f, g, o), dim=-1) for f, g, i, o in gates])


def first(state, xs, Wh):
    """The state to begin with, as torch wants it (1, N, H): zeros where none is given."""
    return xs.new_zeros(1, len(xs), len(Wh)) if state is None else state[None]


# torch.rnn_tanh and torch.lstm are what nn.RNN and nn.LSTM call: they take the weights, so that gradients come to ours.
# After them: biases, one layer, no dropout, not in training, in one direction, the batch first.

def rnn(xs, Wx, Wh, b, h0=None):
    hs, _ = torch.rnn_tanh(xs, first(h0, xs, Wh), torch_weights(Wx, Wh, b), True, 1, 0.0, False, False, True)
    return hs


def lstm(xs, Wx, Wh, b, h0=None, c0=None):
    states = first(h0, xs, Wh), first(c0, xs, Wh)
    hs, _, c = torch.lstm(xs, states, torch_lstm_weights(Wx, Wh, b), True, 1, 0.0, False, False, True)
    return hs, c[0]


def bi_lstm(xs, Wx1, Wh1, b1, Wx2, Wh2, b2):
    zeros = xs.new_zeros(2, len(xs), len(Wh1))
    weights = torch_lstm_weights(Wx1, Wh1, b1) + torch_lstm_weights(Wx2, Wh2, b2)
    hs, _, _ = torch.lstm(xs, (zeros, zeros), weights, True, 1, 0.0, False, True, True)
    return hs


def rnn_cell(x, Wx, Wh, b, h_prev):
    return torch.rnn_tanh_cell(x, h_prev, *torch_weights(Wx, Wh, b))


def lstm_cell(x, Wx, Wh, b, h_prev, c_prev):
    return torch.lstm_cell(x, (h_prev, c_prev), *torch_lstm_weights(Wx, Wh, b))


def gru_cell(x, Wx, Wh, b, h_prev):
    """Written out, for torch's own multiplies by r after the product with Whh."""
    (Wxz, Wxr, Wxh), (Whz, Whr, Whh), (bz, br, bh) = (p.chunk(3, dim=-1) for p in (Wx, Wh, b))
    z = torch.sigmoid(x @ Wxz + h_prev @ Whz + bz)
    r = torch.sigmoid(x @ Wxr + h_prev @ Whr + br)
    h_hat = torch.tanh(x @ Wxh + (r * h_prev) @ Whh + bh)
    return (1 - z) * h_prev + z * h_hat


def gru(xs, Wx, Wh, b, h0=None):
    hs = [first(h0, xs, Wh)[0]]
    for x in xs.unbind(1):
        hs.append(gru_cell(x, Wx, Wh, b, hs[-1]))
    return torch.stack(hs[1:], 1)


def affine(x, W, b=None):
    return F.linear(x, W.T, b)


def softmax(x):
    return F.softmax(x, -1)


def batch_norm(x, gamma, beta, mean, var, training=True):
    """With ε and momentum as ours are by default; mean and var are given back, for torch moves them in place.

    In training torch moves var towards n/(n − 1) times the batch's variance, ours towards the batch's.
    """
    n = x.numel() / len(gamma)
    moved = [mean.clone(), var.clone()]
    y = F.batch_norm(x, *moved, gamma, beta, training, 0.1, 1e-6)
    if training:
        moved[1] = 0.9 * var + (moved[1] - 0.9 * var) * (n - 1) / n
    return y, *moved


def layer_norm(x, gamma, beta):
    return F.layer_norm(x, gamma.shape, gamma, beta)


def attention(hs_enc, hs_dec):
    """Keys and values are the same here, and nothing is scaled."""
    return F.scaled_dot_product_attention(hs_dec, hs_enc, hs_enc, scale=1)


def masked_attention(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, mask)


def heads(x, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, memory=None, mask=None, h=2):
    """Of h heads; torch wants (T, N, D), and its True hides."""
    memory = x if memory is None else memory
    hidden = None if mask is None else ~mask
    y, _ = F.multi_head_attention_forward(
        x.transpose(0, 1), memory.transpose(0, 1), memory.transpose(0, 1), x.shape[2], h, None,
        torch.cat((b_q, b_k, b_v)), None, None, False, 0.0, W_o.T, b_o, attn_mask=hidden, need_weights=False,
        use_separate_proj_weight=True, q_proj_weight=W_q.T, k_proj_weight=W_k.T, v_proj_weight=W_v.T)
    return y.transpose(0, 1)


def causal_heads(x, *params):
    T = x.shape[1]
    return heads(x, *params, mask=torch.ones(T, T, dtype=torch.bool).tril())


def block(x, *params, activation=F.relu, pre_norm=True, causal=False):
    """Two heads; in post-norm each norm stands behind its layer, in the parameters too."""
    attend = causal_heads if causal else heads
    if not pre_norm:
        (*attention, gamma1, beta1), (W1, b1, W2, b2, gamma2, beta2) = params[:10], params[10:]
        x = layer_norm(x + attend(x, *attention), gamma1, beta1)
        return layer_norm(x + affine(activation(affine(x, W1, b1)), W2, b2), gamma2, beta2)
    (gamma1, beta1, *attention), (gamma2, beta2, W1, b1, W2, b2) = params[:10], params[10:]
    x = x + attend(layer_norm(x, gamma1, beta1), *attention)
    return x + affine(activation(affine(layer_norm(x, gamma2, beta2), W1, b1)), W2, b2)


def time_cross_entropy(xs, ts):
    """ts: labels (N, T), of which -1 is ignored, or one-hot (N, T, V)."""
    if ts.shape == xs.shape:
        return F.cross_entropy(xs.flatten(0, 1), ts.flatten(0, 1).double())
    return F.cross_entropy(xs.flatten(0, 1), ts.flatten(), ignore_index=-1)


def smoothed(x, t):
    """Cross entropy with a label smoothing of 0.1, over the last axis."""
    t = t.flatten() if t.ndim < x.ndim else t.double().flatten(0, -2)
    return F.cross_entropy(x.flatten(0, -2), t, ignore_index=-1, label_smoothing=0.1)


def mean_squared_loss(y, t):
    return F.mse_loss(y, t.double(), reduction='sum') / (2 * len(y))


def yes_no_cross_entropy(x, t):
    return F.binary_cross_entropy_with_logits(x, t.double())


# ---- layers: a function of torch, its outputs' names, its arguments: a tensor, or the shape of one of normal numbers

N, T, D, H, V = 3, 4, 3, 2, 7
XS, HS = (N, T, D), (N, T, H)
IDS = torch.tensor([[0, 4, 4, 1], [4, 6, 0, 4], [2, 2, 6, 4]])              # (N, T), some more than once
LABELS = torch.tensor([[0, -1, 3, 1], [-1, -1, 2, 6], [2, 2, 0, -1]])
YES_NO = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1]])
ONE_HOT = F.one_hot(IDS, V)                                                 # (N, T, V)


def ramp(*shape):
    """From −90 to 90: softmax and sigmoid come near 0 and 1."""
    return torch.linspace(-90, 90, math.prod(shape)).double().reshape(shape)


def weights(gates, D=D, H=H):
    return {'Wx': (D, gates * H), 'Wh': (H, gates * H), 'b': (gates * H,)}


def numbered(shapes, k):
    return {f'{name}{k}': shape for name, shape in shapes.items()}


X, H_PREV, C_PREV, H0, C0 = {'x': (N, D)}, {'h_prev': (N, H)}, {'c_prev': (N, H)}, {'h0': (N, H)}, {'c0': (N, H)}
WIDE = {'xs': XS} | weights(4)                                              # 2·D > H
NARROW = {'xs': (N, T, 2)} | weights(4, D=2, H=5)

PICTURES = (2, 3, 4, 3)                                                     # (N, C, H, W)
SCALE = {'gamma': (3,), 'beta': (3,)}
MOMENTS = {'mean': torch.tensor([0.5, -1, 2]).double(), 'var': torch.tensor([1.5, 0.25, 3]).double()}
NORMED = 'y mean_after var_after'

MASK = torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]).bool()      # (3, 4)
HEADS = {'W_q': (4, 4), 'W_k': (4, 4), 'W_v': (4, 4), 'W_o': (4, 4), 'b_q': (4,), 'b_k': (4,), 'b_v': (4,), 'b_o': (4,)}
FEED = {'W1': (4, 5), 'b1': (5,), 'W2': (5, 4), 'b2': (4,)}
NORM1, NORM2 = ({f'gamma{k}': (4,), f'beta{k}': (4,)} for k in (1, 2))

LAYERS = {
    'mat_mul': (affine, 'y', {'x': (5, 3), 'W': (3, 4)}),
    'affine': (affine, 'y', {'x': (5, 3), 'W': (3, 4), 'b': (4,)}),
    'relu': (F.relu, 'y', {'x': (5, 3)}),
    'leaky_relu': (F.leaky_relu, 'y', {'x': (5, 3)}),
    'p_relu': (F.prelu, 'y', {'x': (5, 3), 'slope': (1,)}),
    'p_relu_channels': (F.prelu, 'y', {'x': PICTURES, 'slope': (3,)}),
    'elu': (F.elu, 'y', {'x': (5, 3)}),
    'elu_alpha': (partial(F.elu, alpha=0.3), 'y', {'x': (5, 3)}),
    'tanh': (torch.tanh, 'y', {'x': (5, 3)}),
    'gelu': (F.gelu, 'y', {'x': (5, 3)}),
    'gelu_large': (F.gelu, 'y', {'x': ramp(5, 3) / 10}),
    'gelu_tanh': (partial(F.gelu, approximate='tanh'), 'y', {'x': (5, 3)}),
    'gelu_tanh_large': (partial(F.gelu, approximate='tanh'), 'y', {'x': ramp(5, 3) / 10}),
    'batch_norm': (batch_norm, NORMED, {'x': (5, 3)} | SCALE | MOMENTS),
    'batch_norm_pictures': (batch_norm, NORMED, {'x': PICTURES} | SCALE | MOMENTS),
    'batch_norm_off': (partial(batch_norm, training=False), NORMED, {'x': PICTURES} | SCALE | MOMENTS),
    'layer_norm': (layer_norm, 'y', {'x': (5, 3)} | SCALE),
    'layer_norm_wide': (layer_norm, 'y', {'x': (N, T, 3)} | SCALE),
    'convolution': (F.conv2d, 'y', {'x': (2, 2, 5, 4), 'W': (3, 2, 3, 2), 'b': (3,)}),
    'convolution_stride_pad': (partial(F.conv2d, stride=2, padding=1), 'y',
                               {'x': (2, 2, 6, 5), 'W': (3, 2, 3, 3), 'b': (3,)}),
    'convolution_channels': (partial(F.conv2d, padding=1), 'y', {'x': (2, 9, 4, 4), 'W': (8, 9, 3, 3), 'b': (8,)}),
    'pooling': (partial(F.max_pool2d, kernel_size=2), 'y', {'x': (2, 3, 4, 5)}),
    'pooling_overlapping': (partial(F.max_pool2d, kernel_size=(3, 2), stride=1, padding=1), 'y', {'x': (2, 3, 4, 5)}),
    'average_pooling': (partial(F.avg_pool2d, kernel_size=(3, 2), stride=2, padding=1), 'y', {'x': (2, 3, 4, 5)}),
    'mean_squared_loss': (mean_squared_loss, 'loss', {'y': (3, 2), 't': IDS[:, :2]}),
    'binary_cross_entropy': (lambda x, t: x.shape[1] * yes_no_cross_entropy(x, t), 'loss', {'x': (3, 4), 't': YES_NO}),
    'sigmoid': (torch.sigmoid, 'y', {'x': (5, 3)}),
    'sigmoid_large': (torch.sigmoid, 'y', {'x': ramp(5, 3)}),
    'softmax': (softmax, 'y', {'x': (5, 3)}),
    'softmax_large': (softmax, 'y', {'x': ramp(5, 3)}),
    'softmax_with_loss': (F.cross_entropy, 'loss', {'x': (T, V), 't': IDS[0]}),
    'softmax_with_loss_one_hot': (lambda x, t: F.cross_entropy(x, t.double()), 'loss', {'x': (T, V), 't': ONE_HOT[0]}),
    'softmax_with_loss_smooth': (smoothed, 'loss', {'x': (T, V), 't': IDS[0]}),
    'softmax_with_loss_smooth_one_hot': (smoothed, 'loss', {'x': (T, V), 't': ONE_HOT[0]}),
    'sigmoid_with_loss': (yes_no_cross_entropy, 'loss', {'x': (T,), 't': YES_NO[0]}),
    'embedding': (F.embedding, 'y', {'idx': IDS, 'W': (V, 2)}),
    'embedding_many': (F.embedding, 'y', {'idx': 11 * IDS, 'W': (70, 2)}),
    'embedding_dot': (lambda h, idx, W: (F.embedding(idx, W) @ h[:, :, None])[:, :, 0], 'y',
                      {'h': (N, D), 'idx': IDS, 'W': (V, D)}),
    'weight_sum': (lambda hs, a: torch.einsum('nth,nt->nh', hs, a), 'y', {'hs': HS, 'a': (N, T)}),
    'attention_weight': (lambda hs, h: softmax(torch.einsum('nth,nh->nt', hs, h)), 'a', {'hs': HS, 'h': (N, H)}),
    'attention': (lambda hs, h: attention(hs, h[:, None])[:, 0], 'y', {'hs': HS, 'h': (N, H)}),
    'rnn': (rnn_cell, 'h_next', X | weights(1) | H_PREV),
    'lstm': (lstm_cell, 'h_next c_next', X | weights(4) | H_PREV | C_PREV),
    'gru': (gru_cell, 'h_next', X | weights(3) | H_PREV),
    'time_rnn': (rnn, 'hs', {'xs': XS} | weights(1)),
    'time_rnn_state': (rnn, 'hs', {'xs': XS} | weights(1) | H0),
    'time_lstm_wide': (lstm, 'hs c_last', WIDE),
    'time_lstm_wide_state': (lstm, 'hs c_last', WIDE | H0 | C0),
    'time_lstm_narrow': (lstm, 'hs c_last', NARROW),
    'time_lstm_narrow_state': (lstm, 'hs c_last', NARROW | {'h0': (N, 5), 'c0': (N, 5)}),
    'time_gru': (gru, 'hs', {'xs': XS} | weights(3)),
    'time_gru_state': (gru, 'hs', {'xs': XS} | weights(3) | H0),
    'time_bi_lstm': (bi_lstm, 'hs', {'xs': XS} | numbered(weights(4), 1) | numbered(weights(4), 2)),
    'time_embedding': (F.embedding, 'ys', {'xs': IDS, 'W': (V, D)}),
    'time_affine': (affine, 'ys', {'xs': XS, 'W': (D, V), 'b': (V,)}),
    'time_attention': (attention, 'ys', {'hs_enc': (N, 5, H), 'hs_dec': HS}),
    'scaled_dot_product_attention': (F.scaled_dot_product_attention, 'y',
                                     {'q': (2, 3, 2), 'k': (2, 4, 2), 'v': (2, 4, 3)}),
    'scaled_dot_product_attention_mask': (masked_attention, 'y', {'q': (2, 2, 3, 2), 'k': (2, 2, 4, 2),
                                                                  'v': (2, 2, 4, 1), 'mask': MASK}),
    'multi_head_attention': (heads, 'y', {'x': (2, 3, 4)} | HEADS),
    'multi_head_attention_cross': (heads, 'y', {'x': (2, 3, 4)} | HEADS | {'W_k': (3, 4), 'W_v': (3, 4)}
                                   | {'memory': (2, 4, 3), 'mask': MASK}),
    'block_pre_norm': (partial(block, activation=partial(F.gelu, approximate='tanh'), causal=True), 'y',
                       {'x': (2, 3, 4)} | NORM1 | HEADS | NORM2 | FEED),
    'block_post_norm': (partial(block, pre_norm=False), 'y', {'x': (2, 3, 4)} | HEADS | NORM1 | FEED | NORM2),
    'time_softmax_with_loss': (time_cross_entropy, 'loss', {'xs': (N, T, V), 'ts': IDS}),
    'time_softmax_with_loss_ignored': (time_cross_entropy, 'loss', {'xs': (N, T, V), 'ts': LABELS}),
    'time_softmax_with_loss_one_hot': (time_cross_entropy, 'loss', {'xs': (N, T, V), 'ts': ONE_HOT}),
    'time_softmax_with_loss_large': (time_cross_entropy, 'loss', {'xs': ramp(T, V, N).permute(2, 0, 1), 'ts': LABELS}),
    'time_softmax_with_loss_smooth': (smoothed, 'loss', {'xs': (N, T, V), 'ts': LABELS}),
    'time_softmax_with_loss_smooth_large': (smoothed, 'loss', {'xs': ramp(T, V, N).permute(2, 0, 1), 'ts': LABELS}),
    'time_sigmoid_with_loss': (yes_no_cross_entropy, 'loss', {'xs': (N, T), 'ts': YES_NO}),
}


NO_GRADIENT = {'c_last', *MOMENTS, 'mean_after', 'var_after'}


def layer_arrays(function, outputs, arguments):
    """Arguments, outputs, and the gradients of both; those of the outputs are normal numbers.

    None comes to the cell c_last, for ours takes none there, nor to a batch norm's moments.
    """
    arguments = {name: normal(*a) if isinstance(a, tuple) else a for name, a in arguments.items()}
    leaves = {name: a.requires_grad_() for name, a in arguments.items()
              if a.is_floating_point() and name not in NO_GRADIENT}
    ys = function(*arguments.values())
    ys = dict(zip(outputs.split(), ys if isinstance(ys, tuple) else (ys,), strict=True))
    dys = {name: normal(*y.shape) for name, y in ys.items() if name not in NO_GRADIENT}
    grads = torch.autograd.grad([ys[name] for name in dys], list(leaves.values()), list(dys.values()))
    return arguments | ys | {f'd{name}': d for name, d in (dys | dict(zip(leaves, grads, strict=True))).items()}


# ---- optimizers: torch's, made from our arguments, and these


def adam(params, lr, beta1, beta2):
    return torch.optim.Adam(params, lr, (beta1, beta2))


def adam_w(params, lr, beta1, beta2, weight_decay):
    """Of one matrix: torch's decay is for parameters of any shape."""
    return torch.optim.AdamW(params, lr, (beta1, beta2), weight_decay=weight_decay)


OPTIMIZERS = {
    'sgd': (torch.optim.SGD, {'lr': 0.1}),
    'momentum': (torch.optim.SGD, {'lr': 0.1, 'momentum': 0.8}),        # the same as ours where lr stays as it is
    'ada_grad': (lambda params, lr: torch.optim.Adagrad(params, lr, eps=EPSILON), {'lr': 0.1}),
    'rms_prop': (lambda params, lr, decay_rate: torch.optim.RMSprop(params, lr, decay_rate, EPSILON),
                 {'lr': 0.01, 'decay_rate': 0.9}),
    'adam': (adam, {'lr': 0.01, 'beta1': 0.8, 'beta2': 0.95}),
    'adam_w': (adam_w, {'lr': 0.01, 'beta1': 0.8, 'beta2': 0.95, 'weight_decay': 0.3}),
}


def optimizer_arrays(make, options):
    """The options, a parameter p, its gradients gs of six updates, and what it is after each, ps."""
    p, gs = normal(4, 3), normal(6, 4, 3)
    gs[:, 0] *= 1e-7            # so small that ε counts
    gs[0, 1] = 0
    arrays = options | {'p': p.clone(), 'gs': gs}
    optimizer, ps = make([p], **options), []
    for t, g in enumerate(gs, 1):
        if 'beta2' in options:  # torch adds ε to √(v / (1 − β2^t)), ours to √v
            optimizer.param_groups[0]['eps'] = EPSILON / math.sqrt(1 - options['beta2']**t)
        p.grad = g
        optimizer.step()
        ps.append(p.clone())
    return arrays | {'ps': torch.stack(ps)}


def clip_arrays(max_norm):
    """Two gradients, and what they are when clipped."""
    grads = {'a': normal(4, 3), 'b': normal(5)}
    params = [torch.zeros_like(g) for g in grads.values()]
    for p, g in zip(params, grads.values(), strict=True):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(params, max_norm)
    return {'max_norm': max_norm} | grads | {f'{name}_clipped': p.grad for name, p in zip(grads, params, strict=True)}


# ---- models: the loss, from the parameters in our order and then ids


def rnnlm(embed_W, Wx, Wh, b, affine_W, affine_b, xs, ts):
    hs, _ = lstm(F.embedding(xs, embed_W), Wx, Wh, b)
    return time_cross_entropy(affine(hs, affine_W, affine_b), ts)


def better_rnnlm(embed_W, Wx1, Wh1, b1, Wx2, Wh2, b2, affine_b, xs, ts):
    """Without dropout; embedding and affine layer share one matrix."""
    hs, _ = lstm(F.embedding(xs, embed_W), Wx1, Wh1, b1)
    hs, _ = lstm(hs, Wx2, Wh2, b2)
    return time_cross_entropy(affine(hs, embed_W.T, affine_b), ts)


def seq2seq(kind, enc_W, enc_Wx, enc_Wh, enc_b, dec_W, dec_Wx, dec_Wh, dec_b, affine_W, affine_b, xs, ts):
    hs_enc, _ = lstm(F.embedding(xs, enc_W), enc_Wx, enc_Wh, enc_b)
    h, ys = hs_enc[:, -1], F.embedding(ts[:, :-1], dec_W)
    peek = h[:, None].expand(-1, ys.shape[1], -1)
    if kind == 'peeky':
        ys = torch.cat((peek, ys), -1)
    hs, _ = lstm(ys, dec_Wx, dec_Wh, dec_b, h)
    if kind == 'peeky':
        hs = torch.cat((peek, hs), -1)
    if kind == 'attention':
        hs = torch.cat((attention(hs_enc, hs), hs), -1)
    return time_cross_entropy(affine(hs, affine_W, affine_b), ts[:, 1:])


def seq2seq_shapes(dec_D, affine_H):
    """With what the decoder's LSTM and its output layer take in, for H = 4."""
    return ({f'enc_{name}': shape for name, shape in ({'W': (V, D)} | weights(4, H=4)).items()}
            | {f'dec_{name}': shape for name, shape in ({'W': (V, D)} | weights(4, dec_D, H=4)).items()}
            | {'affine_W': (affine_H, V), 'affine_b': (V,), 'xs': IDS, 'ts': IDS.flip(0)})


MODELS = {
    'rnnlm': (rnnlm, {'embed_W': (V, 2)} | weights(4, D=2, H=5)
              | {'affine_W': (5, V), 'affine_b': (V,), 'xs': IDS, 'ts': IDS.flip(0)}),
    'better_rnnlm': (better_rnnlm, {'embed_W': (V, D)} | numbered(weights(4, H=D), 1) | numbered(weights(4, H=D), 2)
                     | {'affine_b': (V,), 'xs': IDS, 'ts': IDS.flip(0)}),
    'seq2seq': (partial(seq2seq, 'plain'), seq2seq_shapes(D, 4)),
    'peeky_seq2seq': (partial(seq2seq, 'peeky'), seq2seq_shapes(4 + D, 8)),
    'attention_seq2seq': (partial(seq2seq, 'attention'), seq2seq_shapes(D, 8)),
}


def model_arrays(function, arguments):
    """Arguments, the loss, and each parameter after one step of SGD."""
    arguments = {name: normal(*a) if isinstance(a, tuple) else a for name, a in arguments.items()}
    params = {name: a.clone().requires_grad_() for name, a in arguments.items() if a.is_floating_point()}
    loss = function(*(arguments | params).values())
    loss.backward()
    torch.optim.SGD(params.values(), lr=0.5).step()
    return arguments | {'lr': 0.5, 'loss': loss} | {f'{name}_after': p for name, p in params.items()}


def main():
    cases = [(name, layer_arrays, case) for name, case in LAYERS.items()]
    cases += [(name, optimizer_arrays, case) for name, case in OPTIMIZERS.items()]
    cases += [('clip', clip_arrays, (0.25,)), ('clip_not', clip_arrays, (100.0,))]
    cases += [(name, model_arrays, case) for name, case in MODELS.items()]
    arrays = {}
    for case, compute, arguments in cases:
        torch.manual_seed(1984)
        for name, a in compute(*arguments).items():
            arrays[f'{case}/{name}'] = a.detach().numpy() if isinstance(a, torch.Tensor) else np.array(a)
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **arrays)
    print(f'{FILE.name}: {len(cases)} cases, {len(arrays)} arrays, {FILE.stat().st_size} bytes')


if __name__ == '__main__':
    main()
