"""CBOW in its simple form: a word predicted from its neighbours, with a softmax over the whole vocabulary."""
from common.base_model import BaseModel
from common.checks import check_shape, check_sizes
from common.layers import MatMul, SoftmaxWithLoss, gather
from common.np import np


class SimpleCBOW(BaseModel):
    """scores = h W_out, with h the mean of the contexts' rows of W_in. `.word_vecs` (V, H) is W_in.

    contexts one-hot (N, C, V), target one-hot (N, V) or labels (N,) -> mean loss. Book, 3.4.1.
    """

    def __init__(self, vocab_size, hidden_size, dtype='f'):
        check_sizes(vocab_size=vocab_size, hidden_size=hidden_size)
        V, H = vocab_size, hidden_size
        W_in = (0.01 * np.random.randn(V, H)).astype(dtype)
        W_out = (0.01 * np.random.randn(H, V)).astype(dtype)
        self.in_layer = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = gather(self.in_layer, self.out_layer)
        self.word_vecs = W_in

    def forward(self, contexts, target):
        check_shape('contexts', contexts, 'NC', len(self.word_vecs))
        # The mean of the products with W_in is the product with the mean: one layer serves all contexts.
        x = contexts.mean(axis=1, dtype=self.word_vecs.dtype)           # (N, V)
        h = self.in_layer.forward(x)                                    # (N, H)
        return self.loss_layer.forward(self.out_layer.forward(h), target)

    def backward(self, dout=1):
        dscores = self.loss_layer.backward(dout)                        # (N, V)
        self.in_layer.backward(self.out_layer.backward(dscores))
