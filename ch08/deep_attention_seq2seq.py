"""Seq2seq with attention, three LSTMs deep on each side, with skip connections (book, 8.4.3 and 8.5.1)."""
from typing import Any

from ch08.attention_seq2seq import AttentionDecoder, AttentionEncoder, AttentionSeq2seq
from common.attention_layer import TimeAttention
from common.checks import InputError, check_shape, check_sizes
from common.layers import Layer, gather
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeLSTM
from common.weights import lstm_bias, normal


class TimeDeepLSTM(Layer):
    """LSTMs one above the other: hs = lstm(xs), and from the second on hs ← lstm(hs) + hs, a skip connection.

    xs (N, T, D), and of each LSTM Wx (D or H, 4H), Wh (H, 4H), b (4H,) -> hs (N, T, H). Gradients go down the sums as
    they are, past any number of LSTMs. `.h` and `.c` are the states of all L, (N, L, H), and after backward `.dh` is
    the gradient of h. Book, 8.4.3; He et al., 2016; Wu et al., 2016.
    """

    def __init__(self, *weights, stateful=False):
        if not weights or len(weights) % 3:
            raise InputError(f'weights: expected Wx, Wh and b of each LSTM, got {len(weights)} arrays')
        self.lstms = [TimeLSTM(Wx, Wh, b, stateful)
                      for Wx, Wh, b in zip(weights[::3], weights[1::3], weights[2::3], strict=True)]
        H = len(weights[1])
        for Wx in weights[3::3]:
            check_shape('Wx', Wx, '', H, 4 * H)
        self.params, self.grads = gather(*self.lstms)

    def forward(self, xs):
        first, *others = self.lstms
        hs = first.forward(xs)                                  # (N, T, H)
        for lstm in others:
            hs = hs + lstm.forward(hs)
        return hs

    def backward(self, dhs):
        first, *others = self.lstms
        for lstm in reversed(others):
            dhs = dhs + lstm.backward(dhs)                      # (N, T, H)
        return first.backward(dhs)                              # (N, T, D)

    def stacked(self, name):
        """The arrays (N, H) that all LSTMs have by this name, as (N, L, H); None where they have none."""
        arrays = [getattr(lstm, name) for lstm in self.lstms]
        return None if arrays[0] is None else np.stack(arrays, axis=1)

    @property
    def h(self):
        return self.stacked('h')

    @property
    def c(self):
        return self.stacked('c')

    @property
    def dh(self):
        return self.stacked('dh')

    def set_state(self, h, c=None):
        """h, c (N, L, H)."""
        for i, lstm in enumerate(self.lstms):
            lstm.set_state(h[:, i], None if c is None else c[:, i])

    def reset_state(self):
        for lstm in self.lstms:
            lstm.reset_state()


def three_lstms(D, H, dtype, forget_bias, stateful=False):
    """A TimeDeepLSTM of three, xs (N, T, D) -> hs (N, T, H), with first weights."""
    weights = []
    for width in (D, H, H):
        weights += [normal(width, 4 * H, np.sqrt(width), dtype), normal(H, 4 * H, np.sqrt(H), dtype),
                    lstm_bias(H, forget_bias, dtype)]
    return TimeDeepLSTM(*weights, stateful=stateful)


class DeepAttentionEncoder(AttentionEncoder):
    """The states after each character of the question, at the top of three LSTMs.

    xs (N, S) -> hs (N, S, H).
    """

    lstm: Any

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = TimeEmbedding(normal(V, D, 100, dtype))
        self.lstm = three_lstms(D, H, dtype, forget_bias)
        self.params, self.grads = gather(self.embed, self.lstm)


class DeepAttentionDecoder(AttentionDecoder):
    """AttentionDecoder with three LSTMs; attention, and the output layer, see the top of them.

    xs (N, T), enc_hs (N, S, H) -> score (N, T, V). The encoder's last state is that from which each of the three
    begins.
    """

    lstm: Any

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = TimeEmbedding(normal(V, D, 100, dtype))
        self.lstm = three_lstms(D, H, dtype, forget_bias, stateful=True)
        self.attention = TimeAttention()
        self.affine = TimeAffine(normal(2 * H, V, np.sqrt(2 * H), dtype), np.zeros(V, dtype))
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def forward(self, xs, enc_hs):
        check_shape('enc_hs', enc_hs, 'NS', len(self.lstm.params[1]))
        self.lstm.set_state(np.repeat(enc_hs[:, -1:], len(self.lstm.lstms), axis=1))        # (N, 3, H)
        return self.go_on(xs, enc_hs)

    def backward(self, dscore):
        denc_hs = self.go_back(dscore)
        denc_hs[:, -1] += self.lstm.dh.sum(axis=1)
        return denc_hs                                          # (N, S, H)


class DeepAttentionSeq2seq(AttentionSeq2seq):
    """AttentionSeq2seq with a DeepAttentionEncoder and a DeepAttentionDecoder."""

    encoder_type = DeepAttentionEncoder
    decoder_type = DeepAttentionDecoder
