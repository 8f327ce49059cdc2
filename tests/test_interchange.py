"""To PyTorch and back. Where torch is installed, each module's outputs are compared with the layer's.

Elsewhere the arrays that would go to torch are put, by torch's names, into what torch's documentation says that a
module computes, written out here; the answers come from fixtures/torch.npz, as PyTorch gave them.
"""
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from common import interchange
from common.activation_layers import Relu
from common.checks import InputError
from common.conv_layers import Convolution
from common.functions import sigmoid, softmax
from common.interchange import FROM_TORCH, TO_TORCH, from_torch, load_safetensors, save_safetensors, to_torch
from common.layers import Affine, Embedding, MatMul
from common.multi_head_attention import MultiHeadAttention
from common.norm_layers import BatchNormalization, LayerNorm
from common.time_layers import GRU, LSTM, RNN, TimeAffine, TimeBiLSTM, TimeEmbedding, TimeGRU, TimeLSTM, TimeRNN
from tests.test_fixtures import arrays_of

N, T, D, H = 3, 4, 5, 2
F = np.random.RandomState(1).randn


def weights(gates, D=D):
    return F(D, gates * H), F(H, gates * H), F(gates * H)


def heads(M=6):
    return [F(6, 6), F(M, 6), F(M, 6), F(6, 6), F(6), F(6), F(6), F(6)]


IDS = np.array([[0, 4, 4, 1], [4, 6, 0, 4]])
PICTURES = F(2, 3, 6, 5)
# a layer, and its inputs
LAYERS = {
    'Affine': (Affine(F(D, H), F(H)), F(N, D)),
    'Affine (1, M)': (Affine(F(D, H), F(1, H)), F(N, T, D)),
    'MatMul': (MatMul(F(D, H)), F(N, D)),
    'TimeAffine': (TimeAffine(F(H, D).T, F(H)), F(N, T, D)),            # a transposed view, as a tied one
    'Embedding': (Embedding(F(7, D)), IDS),
    'TimeEmbedding': (TimeEmbedding(F(7, D)), IDS),
    'RNN': (RNN(*weights(1)), F(N, D), F(N, H)),
    'LSTM': (LSTM(*weights(4)), F(N, D), F(N, H), F(N, H)),
    'TimeRNN': (TimeRNN(*weights(1)), F(N, T, D)),
    'TimeLSTM': (TimeLSTM(*weights(4)), F(N, T, D)),
    'TimeLSTM, D = H': (TimeLSTM(*weights(4, H)), F(N, T, H)),
    'TimeBiLSTM': (TimeBiLSTM(*weights(4), *weights(4)), F(N, T, D)),
    'Convolution': (Convolution(F(4, 3, 3, 2), F(4), stride=2, pad=1), PICTURES),
    'BatchNormalization': (BatchNormalization(F(D), F(D), 0.7, F(D), abs(F(D)), 1e-4), F(N, D)),
    'BatchNormalization of pictures': (BatchNormalization(F(3), F(3)), PICTURES),
    'LayerNorm': (LayerNorm(F(D), F(D), 1e-3), F(N, T, D)),
    'MultiHeadAttention': (MultiHeadAttention(*heads(), heads=2), F(N, T, 6)),
    'MultiHeadAttention with a memory': (MultiHeadAttention(*heads(5), heads=3), F(N, T, 6), F(N, 7, 5)),
}


def states(tensors):
    """Our states (N, H) as torch's cells want them: h, or (h, c)."""
    return () if not tensors else (tensors[0],) if len(tensors) == 1 else (tuple(tensors),)


def torch_answer(layer, module, torch, *inputs):
    """What the module gives for what is given to the layer, as an array, or two."""
    x, *more = map(torch.from_numpy, inputs)
    if isinstance(layer, MultiHeadAttention):
        memory = more[0] if more else x
        return module(x, memory, memory)[0].detach().numpy()
    out = module(x, *states(more))
    if isinstance(layer, TimeRNN | TimeLSTM | TimeBiLSTM):
        return out[0].detach().numpy()
    return tuple(part.detach().numpy() for part in out) if isinstance(out, tuple) else out.detach().numpy()


def check(actual, expected, tolerance=1e-12):
    for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (actual, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize('train', [True, False])
def test_outputs_are_those_of_torch_both_ways(name, train):
    torch = pytest.importorskip('torch')
    layer, *inputs = LAYERS[name]
    layer.train_flg = train
    before = torch.random.get_rng_state()
    module = to_torch(layer, pictures='pictures' in name)
    assert module.training == train and torch.equal(torch.random.get_rng_state(), before)
    assert all(param.requires_grad and param.dtype == torch.float64 for param in module.parameters())
    back = from_torch(module)
    assert type(back).__name__.removeprefix('Time') == type(layer).__name__.removeprefix('Time')
    answer = torch_answer(layer, module, torch, *inputs)
    check(layer.forward(*inputs), answer)
    check(back.forward(*inputs), answer)
    if name.startswith('Batch'):        # both moved as far
        check((layer.running_mean, back.running_mean), (module.running_mean.numpy(),) * 2)
    for mine, param in zip(back.params, layer.params, strict=True):
        np.testing.assert_array_equal(mine, param.reshape(mine.shape))
        assert not np.shares_memory(mine, param) and mine.flags.c_contiguous
        mine[...] = 0                               # nor does the module see it
    check(torch_answer(layer, module, torch, *inputs), answer)


def modules(torch):
    """Modules as a user of torch makes them, and their inputs."""
    nn, rand = torch.nn, torch.randn
    return {
        'no bias': (nn.Linear(5, 3, bias=False), rand(2, 5)),
        'embedding': (nn.Embedding(7, 3, padding_idx=1), torch.tensor(IDS)),
        'lstm': (nn.LSTM(5, 4), rand(3, 2, 5)),         # two biases that are not 0, (T, N, D)
        'lstm without a bias': (nn.LSTM(5, 4, bias=False, batch_first=True), rand(2, 3, 5)),
        'both ways': (nn.LSTM(5, 4, bidirectional=True, batch_first=True), rand(2, 3, 5)),
        'rnn': (nn.RNN(5, 4, batch_first=True), rand(2, 3, 5)),
        'conv': (nn.Conv2d(3, 4, (3, 2), padding='valid', bias=False), rand(2, 3, 5, 5)),
        'batch norm': (nn.BatchNorm2d(3, affine=False).eval(), rand(2, 3, 5, 5)),
        'layer norm': (nn.LayerNorm(5, elementwise_affine=False), rand(2, 3, 5)),
        'layer norm without a shift': (nn.LayerNorm(5, bias=False), rand(2, 3, 5)),
        'attention': (nn.MultiheadAttention(6, 2, bias=False, batch_first=True), rand(2, 3, 6)),
        'half': (nn.Linear(5, 3, dtype=torch.bfloat16), rand(2, 5).bfloat16()),
    }


@pytest.mark.parametrize('name', ['no bias', 'embedding', 'lstm', 'lstm without a bias', 'both ways', 'rnn', 'conv',
                                  'batch norm', 'layer norm', 'layer norm without a shift', 'attention', 'half'])
def test_modules_made_in_torch(name):
    torch = pytest.importorskip('torch')
    torch.manual_seed(0)
    module, x = modules(torch)[name]
    with torch.no_grad():
        answer = module(x, x, x)[0] if name == 'attention' else module(x)
    answer = answer[0] if isinstance(answer, tuple) else answer
    if name == 'half':
        answer, x = answer.float(), x.float()
    if name == 'lstm':
        answer, x = answer.swapaxes(0, 1), x.swapaxes(0, 1)
    layer = from_torch(module)
    assert layer.params == [] or layer.params[0].dtype == np.float32
    check(layer.forward(x.numpy()), answer.numpy(), 1e-2 if name == 'half' else 1e-6)


def test_modules_that_we_have_not_are_refused():
    torch = pytest.importorskip('torch')
    nn = torch.nn
    for module, says in (
            (nn.GRU(3, 2), 'module: expected one of torch.nn: Linear, .*, got GRU'),
            (nn.LSTM(3, 2, num_layers=2), 'num_layers of LSTM: expected 1, got 2'),
            (nn.LSTM(3, 4, proj_size=2), 'proj_size of LSTM: expected 0, got 2'),
            (nn.RNN(3, 2, nonlinearity='relu'), "nonlinearity of RNN: expected tanh, got 'relu'"),
            (nn.RNN(3, 2, bidirectional=True), 'bidirectional of RNN: expected False, got True'),
            (nn.RNNCell(3, 2, nonlinearity='relu'), "nonlinearity of RNNCell: expected tanh, got 'relu'"),
            (nn.Embedding(3, 2, max_norm=1.0), 'max_norm of Embedding: expected None, got 1.0'),
            (nn.Embedding(3, 2, padding_idx=0), 'padding_idx of Embedding: expected None, got 0'),
            (nn.Conv2d(2, 2, 3, stride=(1, 2)), r'stride of Conv2d: expected \(1, 1\), got \(1, 2\)'),
            (nn.Conv2d(2, 2, 3, padding=(0, 1)), r'padding of Conv2d: expected \(0, 0\), got \(0, 1\)'),
            (nn.Conv2d(2, 2, 3, padding='same'), r"padding of Conv2d: expected \(0, 0\), got 'same'"),
            (nn.Conv2d(2, 2, 3, dilation=2), r'dilation of Conv2d: expected \(1, 1\), got \(2, 2\)'),
            (nn.Conv2d(2, 2, 3, groups=2), 'groups of Conv2d: expected 1, got 2'),
            (nn.Conv2d(2, 2, 3, padding=1, padding_mode='reflect'), 'padding_mode of Conv2d: expected zeros, got'),
            (nn.BatchNorm1d(2, track_running_stats=False), 'track_running_stats of BatchNorm1d: expected True, got'),
            (nn.BatchNorm1d(2, momentum=None), 'momentum of BatchNorm1d: expected a number, got None'),
            (nn.LayerNorm((2, 3)), r'normalized_shape of LayerNorm: expected \(3,\), got \(2, 3\)'),
            (nn.MultiheadAttention(4, 2, add_zero_attn=True), 'add_zero_attn of .*: expected False, got True'),
            (nn.MultiheadAttention(4, 2, add_bias_kv=True), 'bias_k of MultiheadAttention: expected None, got'),
            (type('Linear', (nn.Linear,), {})(2, 3), 'module: expected one of torch.nn: .*, got Linear'),
            (np.ones(3), 'module: expected one of .*, got ndarray')):
        with pytest.raises(InputError, match=says):
            from_torch(module)


def test_a_whole_model_goes_over():
    torch = pytest.importorskip('torch')
    from ch06.rnnlm import Rnnlm
    model, xs = Rnnlm(7, 3, 4), IDS
    embedding, lstm, linear = map(to_torch, model.layers)
    hs, (h, c) = lstm(embedding(torch.from_numpy(xs)))
    scores = linear(hs).detach().numpy()
    assert scores.dtype == np.float32
    check(model.predict(xs), scores, 1e-6)
    check((model.lstm_layer.h, model.lstm_layer.c), (h[0].detach().numpy(), c[0].detach().numpy()), 1e-6)


def test_layers_that_torch_has_not_are_refused():
    for layer, says in ((Relu(), 'layer: expected one of Affine, .*, MultiHeadAttention, got Relu'),
                        (GRU(*weights(3)), 'layer: expected one of .*, got GRU'),
                        (TimeGRU(*weights(3)), 'layer: expected one of .*, got TimeGRU'),
                        (F(3), 'layer: expected one of .*, got ndarray')):
        with pytest.raises(InputError, match=says):
            to_torch(layer)
    for more in ({'causal': True}, {'rotary': True}):
        with pytest.raises(InputError, match=r'layer: expected .* neither rotary nor causal, .*, got .*=True'):
            TO_TORCH[MultiHeadAttention](MultiHeadAttention(*heads(), heads=1, **more))
    with pytest.raises(InputError, match="pictures: expected True or False, got 'yes'"):
        to_torch(LAYERS['Affine'][0], pictures='yes')


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    for call in (lambda: to_torch(LAYERS['Affine'][0]), lambda: from_torch(1)):
        with pytest.raises(OSError, match=r'^PyTorch is not installed: pip install torch$'):
            call()
    for call in (lambda: save_safetensors('x', Affine(F(D, H), F(H))), lambda: load_safetensors('x')):
        with pytest.raises(OSError, match=r'^safetensors is not installed: pip install safetensors$'):
            call()


# ---- without torch: what its documentation says that a module computes from its arrays


def linear(x, a):
    return x @ a['weight'].T + a['bias']


def lstm_steps(x, a, end):
    """nn.LSTM's formulas: x (N, T, D) -> h (N, T, H), of gates i, f, g, o."""
    H = a[f'weight_hh{end}'].shape[1]
    h, c, hs = np.zeros((len(x), H)), np.zeros((len(x), H)), []
    for t in range(x.shape[1]):
        gates = (x[:, t] @ a[f'weight_ih{end}'].T + a[f'bias_ih{end}']
                 + h @ a[f'weight_hh{end}'].T + a[f'bias_hh{end}'])
        i, f, g, o = (gates[:, k * H:(k + 1) * H] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs, 1)


def lstm(x, a):
    return lstm_steps(x, a, '_l0')


def bi_lstm(x, a):
    return np.concatenate((lstm_steps(x, a, '_l0'), lstm_steps(x[:, ::-1], a, '_l0_reverse')[:, ::-1]), 2)


def rnn(x, a):
    h, hs = np.zeros((len(x), len(a['weight_hh_l0']))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ a['weight_ih_l0'].T + a['bias_ih_l0'] + h @ a['weight_hh_l0'].T + a['bias_hh_l0'])
        hs.append(h)
    return np.stack(hs, 1)


def lookup(x, a):
    return a['weight'][x]


def batch_norm(x, a):
    mean, var, gamma, beta = (a[name][:, None, None] for name in ('running_mean', 'running_var', 'weight', 'bias'))
    return (x - mean) / np.sqrt(var + 1e-6) * gamma + beta


def layer_norm(x, a):
    return ((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)) * a['weight'] + a['bias']


def attention(x, a):
    """nn.MultiheadAttention's, of two heads: in_proj holds q's weights, k's and v's below one another."""
    q, k, v = np.split(x @ a['in_proj_weight'].T + a['in_proj_bias'], 3, -1)        # (N, T, D) each
    y = [softmax(q[..., own] @ k[..., own].swapaxes(1, 2) / np.sqrt(2)) @ v[..., own]
         for own in (slice(0, 2), slice(2, 4))]
    return np.concatenate(y, -1) @ a['out_proj.weight'].T + a['out_proj.bias']


def torch_convolution(x, a):
    """Window by window, of stride 2, one ring of zeros."""
    W, x = a['weight'], np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    K, L = W.shape[2:]
    rows, columns = range(0, x.shape[2] - K + 1, 2), range(0, x.shape[3] - L + 1, 2)
    return np.stack([np.stack([np.einsum('nckl,fckl->nf', x[:, :, i:i + K, j:j + L], W) for j in columns], -1)
                     for i in rows], -2) + a['bias'][:, None, None]


def off(gamma, beta, mean, var):
    layer = BatchNormalization(gamma, beta, running_mean=mean, running_var=var)
    layer.train_flg = False
    return layer


ONE_WAY = {'num_layers': 1, 'proj_size': 0, 'bidirectional': False, 'nonlinearity': 'tanh'}
# case in the fixtures: layer, names of parameters, of input and output, torch's formula, the module's kind and settings
CASES = {
    'affine': (Affine, 'W b', 'x y', linear, 'Linear', {}),
    'embedding': (Embedding, 'W', 'idx y', lookup, 'Embedding',
                  {'max_norm': None, 'padding_idx': None, 'scale_grad_by_freq': False, 'sparse': False}),
    'time_rnn': (TimeRNN, 'Wx Wh b', 'xs hs', rnn, 'RNN', {'hidden_size': 2, **ONE_WAY}),
    'time_lstm_wide': (TimeLSTM, 'Wx Wh b', 'xs hs', lstm, 'LSTM', {'hidden_size': 2, **ONE_WAY}),
    'time_lstm_narrow': (TimeLSTM, 'Wx Wh b', 'xs hs', lstm, 'LSTM', {'hidden_size': 5, **ONE_WAY}),
    'time_bi_lstm': (TimeBiLSTM, 'Wx1 Wh1 b1 Wx2 Wh2 b2', 'xs hs', bi_lstm, 'LSTM', {'hidden_size': 2, **ONE_WAY}),
    'convolution_stride_pad': (lambda W, b: Convolution(W, b, 2, 1), 'W b', 'x y', torch_convolution, 'Conv2d', {
        'stride': (2, 2), 'padding': (1, 1), 'dilation': (1, 1), 'groups': 1, 'padding_mode': 'zeros'}),
    'batch_norm_off': (off, 'gamma beta mean var', 'x y', batch_norm, 'BatchNorm2d', {
        'track_running_stats': True, 'momentum': 0.1, 'eps': 1e-6, 'training': False}),
    'layer_norm': (LayerNorm, 'gamma beta', 'x y', layer_norm, 'LayerNorm', {'normalized_shape': (3,), 'eps': 1e-5}),
    'multi_head_attention': (lambda *params: MultiHeadAttention(*params, heads=2), 'W_q W_k W_v W_o b_q b_k b_v b_o',
                             'x y', attention, 'MultiheadAttention', {
        'bias_k': None, 'add_zero_attn': False, 'embed_dim': 4, 'num_heads': 2}),
}


@pytest.mark.parametrize('case', CASES)
def test_arrays_are_in_the_order_that_torch_documents(case):
    make, params, names, formula, kind, settings = CASES[case]
    arrays, (x, y) = arrays_of(case, 'd'), names.split()
    layer = make(*(arrays[name] for name in params.split()))
    _, _, given = TO_TORCH[type(layer)](layer)
    check(formula(arrays[x], given), arrays[y])
    if 'bias_hh_l0' in given:           # torch's own are both drawn
        given['bias_ih_l0'], given['bias_hh_l0'] = given['bias_ih_l0'] - 0.25, given['bias_hh_l0'] + 0.25
    back = FROM_TORCH[kind](SimpleNamespace(**settings), given)
    check(back.forward(arrays[x]), arrays[y])


def test_every_kind_stands_in_a_table_here():
    assert {type(layer) for layer, *_ in LAYERS.values()} == set(TO_TORCH)
    assert {kind for *_, kind, _ in CASES.values()} == set(FROM_TORCH) - {'RNNCell', 'LSTMCell', 'BatchNorm1d'}
    assert set(interchange.__all__) == {'to_torch', 'from_torch', 'save_word2vec', 'load_word2vec', 'save_safetensors',
                                        'load_safetensors'}
