"""Seq2seq with attention whose encoder reads the question from both ends (book, 8.4.1)."""
from typing import Any

from ch08.attention_seq2seq import AttentionEncoder, AttentionSeq2seq
from common.checks import check_sizes
from common.layers import gather
from common.np import np
from common.time_layers import TimeAffine, TimeBiLSTM, TimeEmbedding
from common.weights import lstm_bias, normal


class AttentionBiEncoder(AttentionEncoder):
    """The states of two LSTMs, one reading forward and one backward, brought from 2H to the decoder's H by a product.

    xs (N, S) -> hs (N, S, H). Each knows what stands before its character and what behind. In the last, from which the
    decoder begins, the forward half has read all. Book, 8.4.1; Schuster and Paliwal, 1997.
    """

    lstm: Any

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx1 = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh1 = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b1 = lstm_bias(H, forget_bias, dtype)
        lstm_Wx2 = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh2 = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b2 = lstm_bias(H, forget_bias, dtype)
        affine_W = normal(2 * H, H, np.sqrt(2 * H), dtype)
        affine_b = np.zeros(H, dtype)

        self.embed = TimeEmbedding(embed_W)
        self.lstm = TimeBiLSTM(lstm_Wx1, lstm_Wh1, lstm_b1, lstm_Wx2, lstm_Wh2, lstm_b2)
        self.affine = TimeAffine(affine_W, affine_b)
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def forward(self, xs):
        hs = self.lstm.forward(self.embed.forward(xs))          # (N, S, 2H)
        return self.affine.forward(hs)                          # (N, S, H)

    def backward(self, dhs):
        self.embed.backward(self.lstm.backward(self.affine.backward(dhs)))


class AttentionBiSeq2seq(AttentionSeq2seq):
    """AttentionSeq2seq with an AttentionBiEncoder."""

    encoder_type = AttentionBiEncoder
