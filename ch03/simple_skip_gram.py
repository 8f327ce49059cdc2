"""Skip-gram in its simple form: the neighbours predicted from a word, with a softmax over the whole vocabulary."""
from common.base_model import BaseModel
from common.checks import check_shape, check_sizes
from common.layers import MatMul, SoftmaxWithLoss, gather
from common.np import np


class SimpleSkipGram(BaseModel):
    """scores = h W_out, with h the target's row of W_in. `.word_vecs` (V, H) is W_in.

    contexts one-hot (N, C, V), target one-hot (N, V) -> the losses of the C contexts, added up. Book, 3.5.2.
    """

    def __init__(self, vocab_size, hidden_size, dtype='f'):
        check_sizes(vocab_size=vocab_size, hidden_size=hidden_size)
        V, H = vocab_size, hidden_size
        W_in = (0.01 * np.random.randn(V, H)).astype(dtype)
        W_out = (0.01 * np.random.randn(H, V)).astype(dtype)
        self.in_layer = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.params, self.grads = gather(self.in_layer, self.out_layer)
        self.word_vecs = W_in
        self.loss_layers = []       # one a context, made by forward

    def forward(self, contexts, target):
        check_shape('target', target, 'N', len(self.word_vecs))
        check_shape('contexts', contexts, 'NC', len(self.word_vecs))
        h = self.in_layer.forward(target.astype(self.word_vecs.dtype))  # (N, H)
        scores = self.out_layer.forward(h)                              # (N, V)
        self.loss_layers = [SoftmaxWithLoss() for _ in range(contexts.shape[1])]
        return np.stack([layer.forward(scores, contexts[:, c]) for c, layer in enumerate(self.loss_layers)]).sum()

    def backward(self, dout=1):
        dscores = sum(layer.backward(dout) for layer in self.loss_layers)       # (N, V)
        self.in_layer.backward(self.out_layer.backward(dscores))
