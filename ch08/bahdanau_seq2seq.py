"""Seq2seq with attention in another place: what it found goes into the LSTM itself (book, 8.4.2)."""
from typing import Any

from ch08.attention_seq2seq import AttentionDecoder, AttentionSeq2seq
from common.attention_layer import Attention
from common.checks import InputError, check_dout, check_shape, check_sizes
from common.functions import softmax
from common.layers import Layer, gather
from common.np import np
from common.recurrent import Recurrent, check_recurrent, lstm_step, lstm_step_back
from common.time_layers import LSTM, TimeAffine, TimeEmbedding
from common.weights import lstm_bias, normal


def check_weights(Wx, Wh, b):
    """InputError unless Wx (H + D, 4H), Wh (H, 4H) and b (4H,) fit together."""
    check_recurrent(Wx, Wh, b, gates=4)
    if len(Wx) <= len(Wh):
        raise InputError(f'Wx: expected (H + D, 4H), more rows than the {len(Wh)} of the context, got {Wx.shape}')


def check_inputs(params, xs, hs_enc):
    """InputError unless xs (N, T, D) and hs_enc (N, S, H) fit the weights, and each other."""
    Wx, Wh, _ = params
    check_shape('xs', xs, 'NT', len(Wx) - len(Wh))
    check_shape('hs_enc', hs_enc, 'NS', len(Wh))
    if len(hs_enc) != len(xs):
        raise InputError(f'hs_enc: expected a batch of {len(xs)}, as in xs, got {len(hs_enc)}')


class TimeAttentionLSTM(Recurrent):
    """LSTM over all steps, which is given with each x the context that attention makes of hs_enc by the h before.

    xs (N, T, D), hs_enc (N, S, H), Wx (H + D, 4H), Wh (H, 4H), b (4H,) -> [context, h] of each step (N, T, 2H).
    `.attention_weights` holds one (N, S) array a step. Book, 8.4.2; Bahdanau, Cho and Bengio, 2015, whose attention
    adds where this one multiplies.

    Where h looks next hangs on what it has found, so that all of it goes step by step; a step is feature-major, and one
    product, of z = [context, x, 1, h] and [Wx, b, Wh], as TimeLSTM's narrow one is.
    """

    n_gates = 4

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b, stateful)
        check_weights(Wx, Wh, b)
        self.c: Any = None
        self.attention_weights = None

    def set_state(self, h, c=None):
        self.h, self.c = h, c

    def reset_state(self):
        self.h, self.c = None, None

    def forward(self, xs, hs_enc):
        check_inputs(self.params, xs, hs_enc)
        (N, T, _), H = xs.shape, hs_enc.shape[2]
        W = self.joint_weights()                                # (Z, 4H), Z = H + D + 1 + H
        zs = np.empty((T + 1, len(W), N), W.dtype)              # of each step [context, x, 1, h]
        zs[:-1, H:-H - 1], zs[:, -H - 1], hs = xs.transpose(1, 2, 0), 1, zs[:, -H:]
        gates, weights = np.empty((T, 4 * H, N), W.dtype), np.empty((T, N, hs_enc.shape[1]), W.dtype)
        cs, tanh_cs = np.empty((T + 1, H, N), W.dtype), np.empty((T, H, N), W.dtype)
        out = np.empty((N, T, 2 * H), W.dtype)
        hs[0], cs[0] = self.initial(self.h, N).T, self.initial(self.c, N).T
        for t in range(T):
            h = np.ascontiguousarray(hs[t].T)                   # (N, H)
            weights[t] = softmax((hs_enc @ h[:, :, None])[:, :, 0])             # (N, S)
            zs[t, :H] = (weights[t][:, None] @ hs_enc)[:, 0].T  # (H, N)
            np.matmul(W.T, zs[t], out=gates[t])                 # (4H, N)
            lstm_step(gates[t], cs[t], cs[t + 1], tanh_cs[t], hs[t + 1])
        self.cache, self.out_shape = (hs_enc, zs, weights, gates, cs, tanh_cs), out.shape
        self.attention_weights = list(weights.copy())
        self.h, self.c = hs[T].T.copy(), cs[T].T.copy()
        out[:, :, :H], out[:, :, H:] = zs[:-1, :H].transpose(2, 0, 1), hs[1:].transpose(2, 0, 1)
        return out

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        W = self.joint_weights()                                # (Z, 4H)
        hs_enc, zs, weights, gates, cs, tanh_cs = self.cache
        N, T, H = len(hs_enc), len(gates), hs_enc.shape[2]
        douts = dout.transpose(1, 2, 0)                         # (T, 2H, N)
        das = np.empty((4 * H, T, N), W.dtype)
        dxs = np.empty((T, N, len(self.params[0]) - H), W.dtype)
        dcontexts, dss = np.empty((N, T, H), W.dtype), np.empty((N, T, hs_enc.shape[1]), W.dtype)
        dz, dc = np.zeros((len(W), N), W.dtype), np.zeros((H, N), W.dtype)
        dh = dz[-H:]
        for t in reversed(range(T)):
            dh += douts[t, H:]
            lstm_step_back(gates[t], cs[t], tanh_cs[t], dh, dc, das[:, t])
            np.matmul(W, das[:, t], out=dz)
            dxs[t] = dz[H:-H - 1].T
            dz[:H] += douts[t, :H]
            dcontexts[:, t] = dz[:H].T
            da = (hs_enc @ dcontexts[:, t, :, None])[:, :, 0]   # (N, S)
            da *= weights[t]
            dss[:, t] = da - weights[t] * da.sum(axis=1, keepdims=True)         # through the softmax
            dh += (dss[:, t, None] @ hs_enc)[:, 0].T
        self.dh = dh.T
        dWx, dWh, db = self.grads
        dW = zs[:-1].swapaxes(0, 1).reshape(len(W), T * N) @ das.reshape(4 * H, T * N).T    # (Z, 4H)
        dWx[...], db[...], dWh[...] = dW[:-H - 1], dW[-H - 1], dW[-H:]
        h_prevs = zs[:-1, -H:].transpose(2, 0, 1)               # (N, T, H)
        dhs_enc = weights.transpose(1, 2, 0) @ dcontexts        # (N, S, H)
        dhs_enc += dss.swapaxes(1, 2) @ h_prevs
        return dxs.swapaxes(0, 1), dhs_enc                      # (N, T, D), (N, S, H)

    def joint_weights(self):
        """Wx, b and Wh below one another: what z = [context, x, 1, h] is multiplied by."""
        Wx, Wh, b = self.params
        return np.concatenate((Wx, b.reshape(1, -1), Wh))


class Simple_TimeAttentionLSTM(Layer):
    """TimeAttentionLSTM as a row of the cells Attention and LSTM: slow, to read. It begins with hs_enc's last state."""

    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        check_weights(Wx, Wh, b)

    def forward(self, xs, hs_enc):
        check_inputs(self.params, xs, hs_enc)
        h, out = hs_enc[:, -1], []                              # (N, H)
        c = np.zeros_like(h)
        self.steps = [(Attention(), LSTM(*self.params)) for _ in range(xs.shape[1])]
        self.enc_shape, self.out_shape = hs_enc.shape, (*xs.shape[:2], 2 * h.shape[1])
        for t, (attention, lstm) in enumerate(self.steps):
            context = attention.forward(hs_enc, h)              # (N, H)
            h, c = lstm.forward(np.hstack((context, xs[:, t])), h, c)
            out.append(np.hstack((context, h)))
        return np.stack(out, axis=1)                            # (N, T, 2H)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        N, _, H = self.enc_shape
        dhs_enc, dxs = np.zeros(self.enc_shape, dout.dtype), []
        dh, dc = np.zeros((2, N, H), dout.dtype)
        for t, (attention, lstm) in reversed(list(enumerate(self.steps))):
            dx, dh, dc = lstm.backward(dh + dout[:, t, H:], dc)
            denc, dh_looking = attention.backward(dx[:, :H] + dout[:, t, :H])
            dhs_enc += denc
            dh = dh + dh_looking
            dxs.append(dx[:, H:])
        dhs_enc[:, -1] += dh
        for i, grad in enumerate(self.grads):
            grad[...] = sum(lstm.grads[i] for _, lstm in self.steps)
        return np.stack(dxs[::-1], axis=1), dhs_enc             # (N, T, D), (N, S, H)


class BahdanauDecoder(AttentionDecoder):
    """A decoder whose LSTM is given, before each character, what attention by its state before found in enc_hs.

    xs (N, T), enc_hs (N, S, H) -> score (N, T, V). The output layer sees both, as AttentionDecoder's does. Book, 8.4.2.
    """

    lstm: Any
    attention: Any

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
        self.lstm = TimeAttentionLSTM(lstm_Wx, lstm_Wh, lstm_b, stateful=True)
        self.attention = self.lstm                              # where the attention weights are looked for
        self.affine = TimeAffine(affine_W, affine_b)
        self.params, self.grads = gather(self.embed, self.lstm, self.affine)

    def go_on(self, xs, enc_hs):
        return self.affine.forward(self.lstm.forward(self.embed.forward(xs), enc_hs))       # (N, T, V)

    def go_back(self, dscore):
        dxs, denc_hs = self.lstm.backward(self.affine.backward(dscore))
        self.embed.backward(dxs)
        return denc_hs                                          # (N, S, H)


class BahdanauSeq2seq(AttentionSeq2seq):
    """AttentionSeq2seq with a BahdanauDecoder."""

    decoder_type = BahdanauDecoder
