"""A language model with a simple recurrent layer."""
from common.base_model import BaseModel
from common.checks import check_sizes
from common.layers import gather
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeRNN, TimeSoftmaxWithLoss
from common.weights import normal


class SimpleRnnlm(BaseModel):
    """The scores of the next word at each step: embedding, RNN (its state runs on from call to call), affine.

    xs, ts ids (N, T) -> mean loss. Book, 5.5.1.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f'):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.sizes = {'vocab_size': V, 'wordvec_size': D, 'hidden_size': H}
        embed_W = normal(V, D, 100, dtype)
        rnn_Wx = normal(D, H, np.sqrt(D), dtype)
        rnn_Wh = normal(H, H, np.sqrt(H), dtype)
        rnn_b = np.zeros(H, dtype)
        affine_W = normal(H, V, np.sqrt(H), dtype)
        affine_b = np.zeros(V, dtype)
        self.rnn_layer = TimeRNN(rnn_Wx, rnn_Wh, rnn_b, stateful=True)
        self.layers = [TimeEmbedding(embed_W), self.rnn_layer, TimeAffine(affine_W, affine_b)]
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers)

    def forward(self, xs, ts):
        for layer in self.layers:
            xs = layer.forward(xs)              # (N, T, D), (N, T, H), (N, T, V)
        return self.loss_layer.forward(xs, ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)   # (N, T, V)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)

    def reset_state(self):
        self.rnn_layer.reset_state()
