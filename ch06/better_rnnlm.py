"""A better language model: two LSTM layers, dropout, weight tying (book, 6.5)."""
from common.base_model import BaseModel
from common.checks import InputError, check_sizes
from common.layers import gather, set_training
from common.np import np
from common.time_layers import (
    TimeAffine,
    TimeDropout,
    TimeEmbedding,
    TimeLSTM,
    TimeSoftmaxWithLoss,
)
from common.weights import lstm_bias, normal


class BetterRnnlm(BaseModel):
    """Scores of the word that comes next, as Rnnlm: embedding, LSTM, LSTM, affine, with dropout between them.

    The affine layer's matrix is the embedding's, transposed (Press and Wolf, 2017; Inan et al., 2017), so that
    wordvec_size must equal hidden_size. Dropout between the layers: Zaremba et al., 2014.
    """

    def __init__(self, vocab_size=10000, wordvec_size=650, hidden_size=650, dropout_ratio=0.5, dtype='f',
                 forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.sizes = {'vocab_size': V, 'wordvec_size': D, 'hidden_size': H}
        if D != H:
            raise InputError(f'wordvec_size: expected hidden_size, {H}, for embedding and affine layer share one '
                             f'matrix, got {D}')
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx1 = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh1 = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b1 = lstm_bias(H, forget_bias, dtype)
        lstm_Wx2 = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_Wh2 = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b2 = lstm_bias(H, forget_bias, dtype)
        affine_b = np.zeros(V, dtype)

        self.lstm_layers = [TimeLSTM(lstm_Wx1, lstm_Wh1, lstm_b1, stateful=True),
                            TimeLSTM(lstm_Wx2, lstm_Wh2, lstm_b2, stateful=True)]
        self.drop_layers = [TimeDropout(dropout_ratio) for _ in range(3)]
        self.layers = [TimeEmbedding(embed_W), self.drop_layers[0],
                       self.lstm_layers[0], self.drop_layers[1],
                       self.lstm_layers[1], self.drop_layers[2],
                       TimeAffine(embed_W.T, affine_b)]     # a view: what changes one changes the other
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers)

    def predict(self, xs, train_flg=False):
        set_training(self.drop_layers, train_flg)
        for layer in self.layers:
            xs = layer.forward(xs)              # (N, T, H) between the layers, at the end (N, T, V)
        return xs

    def forward(self, xs, ts, train_flg=None):
        """train_flg: whether there is dropout; None: as set_training left it, at first True."""
        return self.loss_layer.forward(self.predict(xs, self.train_flg if train_flg is None else train_flg), ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)   # (N, T, V)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)         # (N, T, H) between the layers, at the end None

    def reset_state(self):
        for layer in self.lstm_layers:
            layer.reset_state()
