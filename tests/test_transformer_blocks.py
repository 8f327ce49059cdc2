"""ch08.transformer.blocks: gradients of all variants, where norms stand, masks, dropout, first weights, the cache."""
import numpy as np
import pytest

from ch08.transformer.bert import BERT
from ch08.transformer.blocks import DecoderBlock, EncoderBlock, FeedForward, Sublayer
from common.checks import InputError
from common.gradient_check import check_gradients
from common.layers import Affine, set_training
from common.multi_head_attention import MultiHeadAttention, set_cache
from common.norm_layers import LayerNorm

N, T, S, D = 2, 3, 4, 4
r = np.random.randn
variants = pytest.mark.parametrize('activation, pre_norm, rotary, ratio', [
    ('relu', True, False, 0), ('gelu', True, True, 0.3), ('gelu', False, False, 0.3), ('relu', False, True, 0)])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def shuffled(block):
    """With all parameters drawn anew: the first biases are 0, the first gammas 1."""
    for param in block.params:
        param[...] = r(*param.shape)
    return block


@variants
@pytest.mark.parametrize('causal', [False, True])
def test_gradients_of_an_encoder_block(activation, pre_norm, rotary, ratio, causal):
    block = shuffled(EncoderBlock(D, 2, 5, ratio, activation, pre_norm, rotary, causal, dtype='d'))
    check_gradients(block, r(N, T, D))
    check_gradients(block, r(N, T, D), mask=np.arange(T) < np.array([2, 3])[:, None, None, None])


@variants
def test_gradients_of_a_decoder_block(activation, pre_norm, rotary, ratio):
    block = shuffled(DecoderBlock(D, 2, 5, ratio, activation, pre_norm, rotary, dtype='d'))
    check_gradients(block, r(N, T, D), r(N, S, D))
    seen = np.arange(S) < np.array([2, 4])[:, None, None, None]
    check_gradients(block, r(N, T, D), r(N, S, D), mask=np.eye(T, dtype=bool), memory_mask=seen)


def by_hand(block, x, memory=None):
    """What the block's own layers give, put together as the papers print it. Without dropout."""
    for sublayer in block.layers:
        f, norm = sublayer.layer, sublayer.norm
        inputs = (memory,) if f is getattr(block, 'cross_attention', None) else ()
        x = (x + f.forward(norm.forward(x), *inputs) if block.layers[0].pre_norm
             else norm.forward(x + f.forward(x, *inputs)))
    return x


@pytest.mark.parametrize('pre_norm', [False, True])
def test_where_the_norms_and_shortcuts_stand(pre_norm):
    x, memory = r(N, T, D), r(N, S, D)
    block = shuffled(EncoderBlock(D, 2, 5, 0, pre_norm=pre_norm, dtype='d'))
    close(block.forward(x), by_hand(block, x))
    block = shuffled(DecoderBlock(D, 2, 5, 0, pre_norm=pre_norm, dtype='d'))
    close(block.forward(x, memory), by_hand(block, x, memory))
    assert [layer.layer for layer in block.layers] == [block.attention, block.cross_attention, block.feed_forward]


@pytest.mark.parametrize('pre_norm', [False, True])
def test_parameters_stand_in_forwards_order(pre_norm):
    attention, norm, feed = [(4, 4)] * 4 + [(4,)] * 4, [(4,)] * 2, [(4, 5), (5,), (5, 4), (4,)]
    pairs = [norm + attention, norm + feed] if pre_norm else [attention + norm, feed + norm]
    block = EncoderBlock(4, 2, 5, pre_norm=pre_norm)
    assert [p.shape for p in block.params] == pairs[0] + pairs[1]
    block = DecoderBlock(4, 2, 5, pre_norm=pre_norm)
    assert [p.shape for p in block.params] == pairs[0] * 2 + pairs[1]
    assert {p.dtype.char for p in block.params} == {'f'} and [g.shape for g in block.grads] == pairs[0] * 2 + pairs[1]


def test_feed_forward_by_hand():
    layer = FeedForward(2, 3, dtype='d')
    for param, a in zip(layer.params, ([[1, -1, 0], [0, 2, 1]], [0, 0, -9], [[1, 0], [0, 1], [5, 5]], [10, 20]),
                        strict=True):
        param[...] = a
    assert layer.forward(np.array([[[3.0, 1], [-1, 4]]])).tolist() == [[[13, 20], [10, 29]]]


def test_an_encoder_block_looks_where_the_mask_shows_and_a_causal_one_never_ahead():
    x = r(N, T, D)
    for block, options in ((EncoderBlock(D, 2, 5, 0, causal=True, dtype='d'), {}),
                           (EncoderBlock(D, 2, 5, 0, dtype='d'), {'mask': np.tri(T, dtype=bool)})):
        y = block.forward(x, **options)
        later = np.concatenate((x[:, :2], x[:, 2:] + 1), axis=1)
        close(block.forward(later, **options)[:, :2], y[:, :2])
        assert not np.triu(block.attention.attention_weights, 1).any()


def test_a_decoder_block_is_causal_and_sees_all_of_its_memory_or_what_the_mask_shows():
    block, x, memory = DecoderBlock(D, 2, 5, 0, dtype='d'), r(N, T, D), r(N, S, D)
    block.forward(x, memory)
    assert not np.triu(block.attention.attention_weights, 1).any() and block.cross_attention.attention_weights.all()
    seen = np.arange(S) < 3
    y = block.forward(x, memory, memory_mask=seen[None])
    close(y, block.forward(x, memory[:, :3]))


# ---- dropout


class Ones(Affine):
    """A layer that gives ones."""

    def forward(self, x):
        return np.ones_like(x)

    def backward(self, dy):
        self.seen = dy
        return np.zeros_like(dy)


@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_dropout_hits_what_the_layer_gives_and_no_shortcut(dtype):
    f = Ones(np.ones((2, 2), dtype), np.zeros(2, dtype))
    sublayer = Sublayer(f, 2, 0.25, dtype=dtype)
    x = np.full((100, 50, 2), 7, dtype)
    y = sublayer.forward(x) - 7
    assert y.dtype == dtype and len(np.unique(y)) == 2
    np.testing.assert_allclose(np.unique(y), [0, 4 / 3], rtol=1e-6)
    assert abs((y == 0).mean() - 0.25) < 0.02
    dx = sublayer.backward(np.ones_like(x))
    np.testing.assert_allclose(f.seen, y, rtol=1e-5)        # the same mask comes back
    assert (dx == 1).all()
    set_training(sublayer, False)
    assert (sublayer.forward(x) == 8).all()
    assert (sublayer.backward(np.ones_like(x)) == 1).all() and (f.seen == 1).all()


def test_dropout_repeats_with_the_seed_and_is_off_at_0():
    block, x = EncoderBlock(D, 2, 5, 0.5), r(N, T, D).astype('f')
    ys = []
    for seed in 1, 1, 2:
        np.random.seed(seed)
        ys.append(block.forward(x).tolist())
    assert ys[0] == ys[1] != ys[2]
    np.random.seed(1)
    EncoderBlock(D, 2, 5, 0).forward(x)     # draws its weights alone
    state = np.random.get_state()[1].tolist()
    np.random.seed(1)
    EncoderBlock(D, 2, 5, 0)
    assert np.random.get_state()[1].tolist() == state


# ---- first weights


def test_first_weights():
    block = DecoderBlock(64, 4, 256, residual_scale=0.1)
    for layer in block.attention, block.cross_attention:
        W_q, W_k, W_v, W_o, *biases = layer.params
        assert [round(float(W.std() * 8), 1) for W in (W_q, W_k, W_v, W_o * 10)] == [1] * 4
        assert not any(b.any() for b in biases) and layer.heads == 4
    W1, b1, W2, b2 = block.feed_forward.params
    assert round(float(W1.std() * 8), 1) == round(float(W2.std() * 10 * 16), 1) == 1 and not b1.any() and not b2.any()
    for sublayer in block.layers:
        gamma, beta = sublayer.norm.params
        assert (gamma == 1).all() and not beta.any()


# ---- the cache


@pytest.mark.parametrize('rotary', [False, True])
@pytest.mark.parametrize('pre_norm', [False, True])
def test_bit_by_bit_gives_the_same(pre_norm, rotary):
    x, memory = r(N, 5, D), r(N, S, D)
    for block, inputs in ((EncoderBlock(D, 2, 5, 0, 'gelu', pre_norm, rotary, True, dtype='d'), ()),
                          (DecoderBlock(D, 2, 5, 0, 'gelu', pre_norm, rotary, dtype='d'), (memory,))):
        shuffled(block)
        whole = block.forward(x, *inputs)
        set_cache(block, True)
        ys = [block.forward(x[:, i:j], *inputs) for i, j in ((0, 2), (2, 3), (3, 4), (4, 5))]
        set_cache(block, False)
        close(np.concatenate(ys, axis=1), whole)
        assert not any(layer.layer.caching for layer in block.layers if isinstance(layer.layer, MultiHeadAttention))


# ---- bad input

x, m = np.ones((2, 3, 4)), np.ones((2, 5, 4))
BAD = {
    "activation: expected one of relu, gelu, got 'tanh'": lambda: FeedForward(2, 3, 'tanh'),
    'hidden: expected 1 or more, got 0': lambda: FeedForward(2, 0),
    'heads: expected a divisor of 4, the width, got 3': lambda: EncoderBlock(4, 3, 5),
    'pre_norm: expected True or False, got 2': lambda: EncoderBlock(4, 2, 5, pre_norm=2),
    'dropout_ratio: expected 0 or more and less than 1, got 1': lambda: EncoderBlock(4, 2, 5, 1),
    'residual_scale: expected a finite number, 0 or more, got -1': lambda: EncoderBlock(4, 2, 5, residual_scale=-1),
    'x: expected (N, T, 4), got (2, 3, 5)': lambda: EncoderBlock(4, 2, 5).forward(np.ones((2, 3, 5))),
    'x: expected (N, T, 4), got (3, 4)': lambda: DecoderBlock(4, 2, 5).forward(x[0], m),
    'memory: expected (N, S, 4), got (2, 5, 3)': lambda: DecoderBlock(4, 2, 5).forward(x, m[..., :3]),
    'memory: expected an array (N, S, 4), got NoneType': lambda: DecoderBlock(4, 2, 5).forward(x, None),
    'memory: expected a batch of 2, as in x, got 1': lambda: DecoderBlock(4, 2, 5).forward(x, m[:1]),
    'train_flg: expected True or False, got None': lambda: off_by_none(EncoderBlock(4, 2, 5)).forward(x),
}


def off_by_none(block):
    block.layers[0].train_flg = None
    return block


@pytest.mark.parametrize('message', BAD)
def test_bad_input(message):
    with pytest.raises(InputError) as info:
        BAD[message]()
    assert str(info.value) == message


def test_norms_are_layer_norms_of_the_width():
    assert all(isinstance(layer.norm, LayerNorm) and layer.norm.params[0].shape == (4,)
               for layer in DecoderBlock(4, 2, 5).layers)


def test_a_blocks_repr_names_what_it_is_made_of():
    block = EncoderBlock(8, 2, 16)
    assert repr(block).splitlines() == ['EncoderBlock: 600 parameters, float32',
                                        '  layers[0]  Sublayer  MultiHeadAttention, LayerNorm, 304 parameters',
                                        '  layers[1]  Sublayer  FeedForward, LayerNorm, 296 parameters']
    assert repr(block.attention) == 'MultiHeadAttention: 4 × (8, 8), 4 × (8,), 288 parameters'
    encoder, = (line for line in repr(BERT(10, 8, 2, 3, 16, 6)).splitlines() if line.startswith('  encoder'))
    assert encoder.split('  ')[-1] == 'Embedding, LearntPositions, 3 × EncoderBlock, LayerNorm, 1,944 parameters'
