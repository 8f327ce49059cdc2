"""A language model with one LSTM layer (book, 6.4)."""
from common.base_model import BaseModel
from common.checks import check_sizes
from common.layers import gather
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeLSTM, TimeSoftmaxWithLoss
from common.weights import lstm_bias, normal


class Rnnlm(BaseModel):
    """Scores of the word that comes next: embedding, LSTM, affine.

    predict: ids (N, T) -> scores (N, T, V); forward: ids and the ids one ahead -> loss. The LSTM's state runs on from
    one call to the next until reset_state().
    """

    def __init__(self, vocab_size=10000, wordvec_size=100, hidden_size=100, dtype='f', forget_bias=0.0):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.sizes = {'vocab_size': V, 'wordvec_size': D, 'hidden_size': H}
        embed_W = normal(V, D, 100, dtype)
        lstm_Wx = normal(D, 4 * H, np.sqrt(D), dtype)
        lstm_Wh = normal(H, 4 * H, np.sqrt(H), dtype)
        lstm_b = lstm_bias(H, forget_bias, dtype)
        affine_W = normal(H, V, np.sqrt(H), dtype)
        affine_b = np.zeros(V, dtype)

        self.lstm_layer = TimeLSTM(lstm_Wx, lstm_Wh, lstm_b, stateful=True)
        self.layers = [TimeEmbedding(embed_W), self.lstm_layer, TimeAffine(affine_W, affine_b)]
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers)

    def predict(self, xs):
        for layer in self.layers:
            xs = layer.forward(xs)              # (N, T, D), (N, T, H), (N, T, V)
        return xs

    def forward(self, xs, ts):
        return self.loss_layer.forward(self.predict(xs), ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)   # (N, T, V)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)         # (N, T, H), (N, T, D), None

    def reset_state(self):
        self.lstm_layer.reset_state()
