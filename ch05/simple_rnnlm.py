"""A language model with a simple recurrent layer."""
from common.base_model import BaseModel
from common.checks import check_sizes
from common.np import np
from common.time_layers import TimeAffine, TimeEmbedding, TimeRNN, TimeSoftmaxWithLoss


class SimpleRnnlm(BaseModel):
    """The scores of the next word at each step: embedding, RNN (its state runs on from call to call), affine.

    xs, ts ids (N, T) -> mean loss. Book, 5.5.1.
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size, dtype='f'):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, hidden_size=hidden_size)
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed_W = (np.random.randn(V, D) / 100).astype(dtype)
        rnn_Wx = (np.random.randn(D, H) / np.sqrt(D)).astype(dtype)
        rnn_Wh = (np.random.randn(H, H) / np.sqrt(H)).astype(dtype)
        rnn_b = np.zeros(H, dtype)
        affine_W = (np.random.randn(H, V) / np.sqrt(H)).astype(dtype)
        affine_b = np.zeros(V, dtype)
        self.rnn_layer = TimeRNN(rnn_Wx, rnn_Wh, rnn_b, stateful=True)
        self.layers = [TimeEmbedding(embed_W), self.rnn_layer, TimeAffine(affine_W, affine_b)]
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params = [param for layer in self.layers for param in layer.params]
        self.grads = [grad for layer in self.layers for grad in layer.grads]

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
