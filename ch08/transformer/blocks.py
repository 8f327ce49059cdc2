"""What transformers are stacked from: attention and a feed-forward network, each with a normalization and a shortcut.

First weights are normal numbers of the standard deviation 1/√n, n the numbers that each is a sum of (xavier), biases 0.
"""
import math
from functools import partial

from common.activation_layers import Gelu, Relu
from common.checks import InputError, brief, check_dout, check_flag, check_range, check_shape, check_sizes
from common.layers import Affine, Layer, as_dtype, check_ratio, gather
from common.multi_head_attention import MultiHeadAttention
from common.norm_layers import LayerNorm
from common.np import np
from common.weights import xavier

ACTIVATIONS: dict = {'relu': Relu, 'gelu': partial(Gelu, approximate=True)}       # the exact one takes longer


class FeedForward(Layer):
    """y = activation(x W1 + b1) W2 + b2, at each position alone.

    x (N, T, D), W1 (D, hidden), W2 (hidden, D) -> y (N, T, D). activation: 'relu', or 'gelu', its tanh form.
    residual_scale: see EncoderBlock. Vaswani et al., 2017, 3.3.
    """

    def __init__(self, D, hidden, activation='relu', residual_scale=1.0, dtype='f'):
        check_sizes(D=D, hidden=hidden)
        check_range('residual_scale', residual_scale, 0, math.inf)
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise InputError(f'activation: expected one of {", ".join(ACTIVATIONS)}, got {brief(activation)}')
        W1, b1 = xavier(D, hidden, dtype), np.zeros(hidden, dtype)
        W2, b2 = xavier(hidden, D, dtype), np.zeros(D, dtype)
        W2 *= residual_scale

        self.layers = [Affine(W1, b1), ACTIVATIONS[activation](), Affine(W2, b2)]
        self.params, self.grads = gather(*self.layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        self.out_shape = x.shape
        return x

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


def make_attention(D, heads, rotary=False, causal=False, residual_scale=1.0, dtype='f'):
    """A MultiHeadAttention with first weights; its W_o is multiplied by residual_scale."""
    check_sizes(D=D)
    check_range('residual_scale', residual_scale, 0, math.inf)
    W_q, W_k, W_v, W_o = (xavier(D, D, dtype) for _ in range(4))
    b_q, b_k, b_v, b_o = (np.zeros(D, dtype) for _ in range(4))
    W_o *= residual_scale
    return MultiHeadAttention(W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, heads, rotary, causal)


def make_norm(D, dtype='f'):
    """A LayerNorm with first weights, which leave what it normalizes as it is."""
    return LayerNorm(np.ones(D, dtype), np.zeros(D, dtype))


class Sublayer(Layer):
    """y = x + dropout(f(norm(x))), pre-norm, or y = norm(x + dropout(f(x))), post-norm, with f a layer.

    x (N, T, D) -> y (N, T, D). More inputs of forward are f's, and what f's backward returns for them comes behind dx.
    Vaswani et al., 2017, 3.1 (post-norm); Xiong et al., 2020 (pre-norm).

    Dropout scales what it keeps by 1/(1 − ratio) in training, as TimeDropout does; its mask is drawn from 16 bits a
    number, for a third of the time: the ratio is that of the nearest 1/65536.
    """

    def __init__(self, layer, D, dropout_ratio=0.1, pre_norm=True, dtype='f'):
        check_sizes(D=D)
        check_flag('pre_norm', pre_norm)
        self.dropout_ratio = check_ratio(dropout_ratio)
        self.layer, self.norm = layer, make_norm(D, dtype)
        self.pre_norm, self.train_flg = pre_norm, True
        self.params, self.grads = gather(self.norm, layer) if pre_norm else gather(layer, self.norm)

    def forward(self, x, *inputs):
        y = self.layer.forward(self.norm.forward(x) if self.pre_norm else x, *inputs)
        self.mask = self.draw(y)
        if self.mask is not None:
            y *= self.mask
        y += x                                  # y is ours: no other array is made
        self.out_shape = y.shape
        return y if self.pre_norm else self.norm.forward(y)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        if not self.pre_norm:
            dy = self.norm.backward(dy)
        dx = self.layer.backward(dy if self.mask is None else dy * self.mask)
        dx, *others = dx if isinstance(dx, tuple) else (dx,)
        if self.pre_norm:
            dx = self.norm.backward(dx)
        dx += dy
        return (dx, *others) if others else dx

    def draw(self, y):
        """What dropout multiplies y by, of its shape; None where it does nothing."""
        check_flag('train_flg', self.train_flg)
        dropped = round(self.dropout_ratio * 65536)             # of 65536 equally likely numbers
        if not (self.train_flg and dropped):
            return None
        keep = np.random.randint(0, 65536, y.shape, np.uint16) >= dropped
        return np.multiply(keep, 65536 / (65536 - dropped), dtype=y.dtype)


class EncoderBlock(Layer):
    """Self-attention, then feed-forward, each a Sublayer: an encoder's block, or with `causal` GPT's.

    x (N, T, D) -> y (N, T, D); mask: bools that stretch to (N, heads, T, T), True where a position may look.
    activation: 'relu' or 'gelu'. rotary: see MultiHeadAttention. residual_scale: what the first weights of both
    sublayers' last products are multiplied by; GPT-2 takes 1/√(2·blocks), so that the sums stay as they are.
    """

    def __init__(self, D, heads, hidden, dropout_ratio=0.1, activation='relu', pre_norm=True, rotary=False,
                 causal=False, residual_scale=1.0, dtype='f'):
        self.attention = make_attention(D, heads, rotary, causal, residual_scale, dtype)
        self.feed_forward = FeedForward(D, hidden, activation, residual_scale, dtype)

        self.layers = [Sublayer(layer, D, dropout_ratio, pre_norm, dtype)
                       for layer in (self.attention, self.feed_forward)]
        self.params, self.grads = gather(*self.layers)

    def forward(self, x, mask=None):
        attend, feed = self.layers
        x = check_x(x, self)
        return feed.forward(attend.forward(x, None, mask))

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


class DecoderBlock(Layer):
    """Causal self-attention, attention to the encoder's states, then feed-forward, each a Sublayer.

    x (N, T, D), memory (N, S, D) -> y (N, T, D); mask, memory_mask: bools that stretch to (N, heads, T, T) and
    (N, heads, T, S), True where a position may look. The rest is as with EncoderBlock.
    """

    def __init__(self, D, heads, hidden, dropout_ratio=0.1, activation='relu', pre_norm=True, rotary=False,
                 residual_scale=1.0, dtype='f'):
        self.attention = make_attention(D, heads, rotary, True, residual_scale, dtype)
        self.cross_attention = make_attention(D, heads, False, False, residual_scale, dtype)
        self.feed_forward = FeedForward(D, hidden, activation, residual_scale, dtype)

        self.layers = [Sublayer(layer, D, dropout_ratio, pre_norm, dtype)
                       for layer in (self.attention, self.cross_attention, self.feed_forward)]
        self.params, self.grads = gather(*self.layers)

    def forward(self, x, memory, mask=None, memory_mask=None):
        attend, cross, feed = self.layers
        x = check_x(x, self)
        check_shape('memory', memory, 'NS', x.shape[2])
        return feed.forward(cross.forward(attend.forward(x, None, mask), memory, memory_mask))

    def backward(self, dy):
        """-> dx (N, T, D), dmemory (N, S, D)."""
        attend, cross, feed = self.layers
        dx, dmemory = cross.backward(feed.backward(dy))
        return attend.backward(dx), dmemory


def check_x(x, block):
    """x in the parameters' dtype; InputError unless it is (N, T, D)."""
    W_o = block.attention.params[3]
    check_shape('x', x, 'NT', len(W_o))
    return as_dtype('x', x, W_o.dtype)
