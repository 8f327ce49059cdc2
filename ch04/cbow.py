"""CBOW at full size: a word predicted from its neighbours, with negative sampling."""
from ch04.negative_sampling_layer import NegativeSamplingLoss
from common.base_model import BaseModel
from common.checks import InputError, check_shape, check_sizes
from common.layers import Embedding, gather
from common.np import np, to_cpu


def as_pairs(contexts, target, window_size):
    """Both as arrays; ValueError unless contexts are (N, 2·window_size) and target (N,)."""
    contexts, target = to_cpu(contexts), to_cpu(target)
    check_shape('target', target, 'N')
    check_shape('contexts', contexts, 'NC')
    if len(contexts) != len(target):
        raise InputError(f'target: expected {len(contexts)} ids, one for each row of contexts, got {len(target)}')
    if contexts.shape[1] != 2 * window_size:
        raise InputError(f'contexts: expected {2 * window_size} words for each target, twice the window_size, '
                         f'got {contexts.shape[1]}')
    return contexts, target


class CBOW(BaseModel):
    """The negative sampling loss of target given h, the mean of the contexts' vectors. `.word_vecs` (V, H).

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
        vectors = self.in_layer.forward(contexts)                       # (N, C, H)
        C = 2 * self.window_size
        h = np.full(C, 1 / C, vectors.dtype) @ vectors                  # (N, H): their mean, faster than .mean(axis=1)
        return self.ns_loss.forward(h, target)

    def backward(self, dout=1):
        C = 2 * self.window_size
        dh = self.ns_loss.backward(dout) / C                            # (N, H): a C-th part goes to each context
        self.in_layer.backward(dh, shared=True)
