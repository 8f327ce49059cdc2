"""Seq2seq: one LSTM reads the question, another writes the answer from its last state (book, 7.3)."""
import numpy

from common.base_model import BaseModel
from common.checks import InputError, check_dout, check_id, check_shape, check_sizes
from common.layers import Layer, gather
from common.np import np, to_cpu
from common.time_layers import TimeAffine, TimeEmbedding, TimeLSTM, TimeSoftmaxWithLoss
from common.weights import lstm_bias, normal


class Encoder(Layer):
    """h, the LSTM's state after the whole question.

    xs (N, S) -> h (N, H). Book, 7.3.1.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b = lstm_bias(H, forget_bias, dtype)

        self.embed = TimeEmbedding(embed_W)
        self.lstm = TimeLSTM(lstm_Wx, lstm_Wh, lstm_b)
        self.params, self.grads = gather(self.embed, self.lstm)

    def forward(self, xs):
        self.hs = hs = self.lstm.forward(self.embed.forward(xs))        # (N, S, H)
        h = hs[:, -1]                                           # (N, H)
        self.out_shape = h.shape
        return h

    def backward(self, dh):
        check_dout('dh', dh, self.out_shape)
        dhs = np.zeros_like(self.hs)                            # (N, S, H): only the last state went on
        dhs[:, -1] = dh
        self.embed.backward(self.lstm.backward(dhs))


class Decoder(Layer):
    """The scores of the characters that may follow each of xs, by an LSTM that begins with the encoder's h.

    xs (N, T), h (N, H) -> score (N, T, V). Book, 7.3.2.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b = lstm_bias(H, forget_bias, dtype)
        affine_W = normal(H, V, np.sqrt(H), dtype)
        affine_b = np.zeros(V, dtype)

        self.embed = TimeEmbedding(embed_W)
        self.lstm = TimeLSTM(lstm_Wx, lstm_Wh, lstm_b, stateful=True)
        self.affine = TimeAffine(affine_W, affine_b)
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def forward(self, xs, h):
        xs = to_cpu(xs)
        check_shape('xs', xs, 'NT')
        check_shape('h', h, '', len(xs), len(self.lstm.params[1]))
        self.lstm.set_state(h)
        return self.go_on(xs, h)

    def go_on(self, xs, h):
        """As forward, but from the state in which the decoder stands."""
        return self.affine.forward(self.lstm.forward(self.embed.forward(xs)))   # (N, T, V)

    def backward(self, dscore):
        self.embed.backward(self.lstm.backward(self.affine.backward(dscore)))
        return self.lstm.dh                                     # (N, H)

    def generate(self, h, start_id, sample_size, beam_size=1):
        """The likeliest next id, sample_size times, each fed into the next step; start_id goes in first.

        What forward takes in h's place -> ids (N, sample_size), or a list of them where N is 1. With a beam_size above
        1, the best that beam_search finds.
        """
        check_sizes(sample_size=sample_size, beam_size=beam_size)
        check_id('start_id', start_id, len(self.embed.params[0]))
        if beam_size > 1:
            ids = self.beam_search(h, start_id, sample_size, beam_size)
            return ids if len(ids) > 1 else ids[0].tolist()
        ids = numpy.full((len(h), 1 + sample_size), start_id, np.int64)         # (N, 1 + sample_size)
        for t in range(sample_size):
            step = self.go_on if t else self.forward
            score = step(ids[:, t:t + 1], h)                    # (N, 1, V)
            ids[:, t + 1] = to_cpu(score[:, 0].argmax(axis=1))
        self.reset_state()
        return ids[:, 1:] if len(ids) > 1 else ids[0, 1:].tolist()

    def beam_search(self, h, start_id, sample_size, beam_size):
        """Of whole answers, the likeliest found by going on with the beam_size likeliest beginnings at each step.

        h as in generate -> ids (N, sample_size). Graves, 2012; Sutskever, Vinyals and Le, 2014.
        """
        N, B = len(h), beam_size
        h = h.repeat(B, axis=0)                                 # (N·B, …): the beams of a question stand together
        ids = numpy.full((N * B, 1 + sample_size), start_id, np.int64)  # (N·B, 1 + sample_size)
        log_p = np.full((N, B), -np.inf)
        log_p[:, 0] = 0                                         # at first all beams are the same: one counts
        for t in range(sample_size):
            step = self.go_on if t else self.forward
            score = step(ids[:, t:t + 1], h).reshape(N, B, -1)  # (N, B, V)
            score = score - score.max(axis=2, keepdims=True)
            log_p = log_p[:, :, None] + score - np.log(np.exp(score).sum(axis=2, keepdims=True))
            V = log_p.shape[2]
            best = np.argsort(-log_p.reshape(N, B * V), axis=1, kind='stable')[:, :B]     # (N, B)
            log_p = np.take_along_axis(log_p.reshape(N, B * V), best, axis=1)
            best = to_cpu(best)
            rows = (numpy.arange(N)[:, None] * B + best // V).reshape(-1)      # (N·B,): the beams that go on
            ids = ids[rows]
            ids[:, t + 1] = best.reshape(-1) % V
            self.keep_rows(rows)
        self.reset_state()
        return ids[::B, 1:]                                     # of each question the first, the likeliest

    def keep_rows(self, rows):
        """Go on as these rows (N,) of the batch stand, a row more than once perhaps."""
        self.lstm.set_state(self.lstm.h[rows], self.lstm.c[rows])

    def reset_state(self):
        self.lstm.reset_state()


class Seq2seq(BaseModel):
    """Mean of −log P(answer) by a decoder that knows the question through h alone.

    xs (N, S), ts (N, 1 + T) with the start id in front -> loss. Book, 7.3.3; Sutskever, Vinyals and Le, 2014.
    """

    encoder_type = Encoder      # the other kinds of seq2seq differ in these two
    decoder_type = Decoder

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f', forget_bias=0.0):
        self.sizes = {'vocab_size': vocab_size, 'wordvec_size': wordvec_size, 'hidden_size': hidden_size}
        self.encoder = self.encoder_type(vocab_size, wordvec_size, hidden_size, dtype, forget_bias)
        self.decoder = self.decoder_type(vocab_size, wordvec_size, hidden_size, dtype, forget_bias)
        self.softmax = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(self.encoder, self.decoder)

    def forward(self, xs, ts):
        xs, ts = to_cpu(xs), to_cpu(ts)
        check_shape('xs', xs, 'NT')
        if ts.ndim != 2 or ts.shape[1] < 2 or len(ts) != len(xs):
            raise InputError(f'ts: expected ({len(xs)}, 1 + T), the start id and 1 or more ids for each question, got '
                             f'{ts.shape}')
        h = self.encoder.forward(xs)                            # (N, H)
        score = self.decoder.forward(ts[:, :-1], h)             # (N, T, V): each id foretells the next
        return self.softmax.forward(score, ts[:, 1:])

    def backward(self, dout=1):
        self.encoder.backward(self.decoder.backward(self.softmax.backward(dout)))

    def generate(self, xs, start_id, sample_size, beam_size=1):
        """Answers without the start id: xs (S,) or (1, S) -> a list of ids; xs (N, S) -> ids (N, sample_size)."""
        h = self.encoder.forward(numpy.atleast_2d(to_cpu(xs)))
        return self.decoder.generate(h, start_id, sample_size, beam_size)
