"""Skip-gram at full size: the neighbours predicted from a word, with negative sampling."""
from ch04.cbow import as_pairs
from ch04.negative_sampling_layer import NegativeSamplingLoss
from common.base_model import BaseModel
from common.checks import check_sizes
from common.layers import Embedding, gather
from common.np import np


class SkipGram(BaseModel):
    """The negative sampling losses of the C contexts given h, the target's vector, added up. `.word_vecs` (V, H).

    contexts ids (N, C), C = 2·window_size, target ids (N,) -> mean loss. corpus: the ids whose counts the negatives
    are drawn by. sparse: the gradients keep only the rows that a batch touches. Book, 4.3.1; Mikolov et al., 2013.
    """

    def __init__(self, vocab_size, hidden_size, window_size, corpus, dtype='f', sparse=False):
        check_sizes(vocab_size=vocab_size, hidden_size=hidden_size, window_size=window_size)
        V, H = vocab_size, hidden_size
        W_in = (0.01 * np.random.randn(V, H)).astype(dtype)
        W_out = (0.01 * np.random.randn(V, H)).astype(dtype)
        self.in_layer = Embedding(W_in, sparse)
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5, sparse=sparse)
        self.window_size = window_size
        self.params, self.grads = gather(self.in_layer, self.ns_loss)
        self.word_vecs = W_in

    def forward(self, contexts, target):
        contexts, target = as_pairs(contexts, target, self.window_size)
        h = self.in_layer.forward(target)                               # (N, H)
        return self.ns_loss.forward(h, contexts)

    def backward(self, dout=1):
        self.in_layer.backward(self.ns_loss.backward(dout))             # (N, H)
