"""Peeky seq2seq: every step of the decoder, and its output layer, see the encoder's h (book, 7.4.2)."""
from ch07.seq2seq import Decoder, Seq2seq
from common.checks import check_sizes
from common.layers import gather
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeLSTM
from common.weights import lstm_bias, normal


def join(*parts):
    """Arrays (N, T, …) side by side along the last axis, in the time-major memory that the next layer wants."""
    return np.concatenate([part.swapaxes(0, 1) for part in parts], axis=2).swapaxes(0, 1)


class PeekyDecoder(Decoder):
    """A decoder that puts h before what goes into its LSTM and before what comes out of it, at each step.

    xs (N, T), h (N, H) -> score (N, T, V). Book, 7.4.2; Cho et al., 2014.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx = normal(H + D, 4 * H, np.sqrt(H + D), dtype)
        lstm_Wh = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b = lstm_bias(H, forget_bias, dtype)
        affine_W = normal(2 * H, V, np.sqrt(2 * H), dtype)
        affine_b = np.zeros(V, dtype)

        self.embed = TimeEmbedding(embed_W)
        self.lstm = TimeLSTM(lstm_Wx, lstm_Wh, lstm_b, stateful=True)
        self.affine = TimeAffine(affine_W, affine_b)
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def go_on(self, xs, h):
        N, T = xs.shape
        peek = np.broadcast_to(h[:, None], (N, T, h.shape[1]))              # (N, T, H)
        hs = self.lstm.forward(join(peek, self.embed.forward(xs)))          # (N, T, H + D) -> (N, T, H)
        return self.affine.forward(join(peek, hs))                          # (N, T, 2H) -> (N, T, V)

    def backward(self, dscore):
        dout = self.affine.backward(dscore)                                 # (N, T, 2H)
        H = dout.shape[2] // 2
        din = self.lstm.backward(dout[:, :, H:])                            # (N, T, H + D)
        self.embed.backward(din[:, :, H:])
        return dout[:, :, :H].sum(axis=1) + din[:, :, :H].sum(axis=1) + self.lstm.dh     # (N, H)


class PeekySeq2seq(Seq2seq):
    """Seq2seq with a PeekyDecoder."""

    decoder_type = PeekyDecoder
