"""Seq2seq with attention: each step of the decoder looks back at all states of the encoder (book, 8.2)."""
from ch07.peeky_seq2seq import join
from ch07.seq2seq import Decoder, Encoder, Seq2seq
from common.attention_layer import TimeAttention
from common.checks import check_shape, check_sizes
from common.layers import gather
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeLSTM
from common.weights import lstm_bias, normal


class AttentionEncoder(Encoder):
    """The LSTM's states after each character of the question.

    xs (N, S) -> hs (N, S, H). Book, 8.2.1.
    """

    def forward(self, xs):
        return self.lstm.forward(self.embed.forward(xs))        # (N, S, H)

    def backward(self, dhs):
        self.embed.backward(self.lstm.backward(dhs))


class AttentionDecoder(Decoder):
    """A decoder whose output layer sees, before the LSTM's state, the context that attention makes of enc_hs.

    xs (N, T), enc_hs (N, S, H) -> score (N, T, V). `.attention.attention_weights` holds one (N, S) array a step.
    Book, 8.2.2; Luong, Pham and Manning, 2015.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b = lstm_bias(H, forget_bias, dtype)
        affine_W = normal(2 * H, V, np.sqrt(2 * H), dtype)
        affine_b = np.zeros(V, dtype)

        self.embed = TimeEmbedding(embed_W)
        self.lstm = TimeLSTM(lstm_Wx, lstm_Wh, lstm_b, stateful=True)
        self.attention = TimeAttention()
        self.affine = TimeAffine(affine_W, affine_b)
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def forward(self, xs, enc_hs):
        check_shape('enc_hs', enc_hs, 'NS', len(self.lstm.params[1]))
        self.lstm.set_state(enc_hs[:, -1])
        return self.go_on(xs, enc_hs)

    def go_on(self, xs, enc_hs):
        hs = self.lstm.forward(self.embed.forward(xs))          # (N, T, H)
        context = self.attention.forward(enc_hs, hs)            # (N, T, H)
        return self.affine.forward(join(context, hs))           # (N, T, 2H) -> (N, T, V)

    def backward(self, dscore):
        denc_hs = self.go_back(dscore)
        denc_hs[:, -1] += self.lstm.dh
        return denc_hs                                          # (N, S, H)

    def go_back(self, dscore):
        """As backward, but without the state in which the LSTM stood at first."""
        dout = self.affine.backward(dscore)                     # (N, T, 2H)
        H = dout.shape[2] // 2
        denc_hs, dhs = self.attention.backward(dout[:, :, :H])  # (N, S, H), (N, T, H)
        dhs += dout[:, :, H:]
        self.embed.backward(self.lstm.backward(dhs))
        return denc_hs                                          # (N, S, H)


class AttentionSeq2seq(Seq2seq):
    """Seq2seq with an AttentionEncoder and an AttentionDecoder."""

    encoder_type = AttentionEncoder
    decoder_type = AttentionDecoder
