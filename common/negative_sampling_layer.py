"""Negative sampling: a softmax over the vocabulary made into a few yes-or-no questions (book, 4.2)."""
import math

from common.checks import InputError, check_id_dtype, check_ids, check_range, check_shape, check_sizes
from common.layers import Embedding, Layer, SigmoidWithLoss, gather
from common.np import np

ROUNDS = 20     # of drawing anew in UnigramSampler, before the few rows left are settled one by one


class EmbeddingDot(Layer):
    """score = W[idx] · h.

    h (N, D), W (V, D), idx (N,) -> (N,), or idx (N, K) -> (N, K): K words for each h. sparse: as Embedding's.
    """

    def __init__(self, W, sparse=False):
        self.embed = Embedding(W, sparse)
        self.params, self.grads = gather(self.embed)

    def forward(self, h, idx):
        W, = self.params
        if h.ndim != 2 or h.shape[1] != W.shape[1] or not len(h):
            check_shape('h', h, 'N', W.shape[1])
        if idx.shape[:1] != h.shape[:1] or idx.ndim > 2:
            raise InputError(f'idx: expected ({len(h)},) or ({len(h)}, K), ids for each h, got {idx.shape}')
        self.h = h
        self.rows = self.embed.forward(idx.reshape(len(h), -1))         # (N, K, D)
        return (self.rows @ h[:, :, None]).reshape(idx.shape)           # (N, K) or (N,)

    def backward(self, dout):
        dscore = dout.reshape(len(self.h), -1)                          # (N, K)
        self.embed.backward(dscore[:, :, None] * self.h[:, None, :])    # (N, K, D)
        return (dscore[:, None, :] @ self.rows)[:, 0]                   # (N, D)


class UnigramSampler:
    """Draws negatives with P(word) ∝ count(word)^power: per row no word twice, and never the row's target.

    corpus: ids (any shape). `.word_p` (V,) holds the probabilities. Book, 4.2.6.
    """

    def __init__(self, corpus, power, sample_size):
        corpus = np.asarray(corpus)
        check_ids(corpus, math.inf, 'corpus')
        check_sizes(sample_size=sample_size)
        check_range('power', power, -math.inf, math.inf)
        counts = np.bincount(corpus.reshape(-1))                # (V,)
        words = int((counts > 0).sum())
        if sample_size >= words:
            raise InputError(f'sample_size: expected less than {words}, the different words of the corpus, got '
                             f'{sample_size}')
        p = np.zeros(len(counts))
        with np.errstate(all='ignore'):                         # what overflows is told below
            p[counts > 0] = counts[counts > 0] ** float(power)  # whatever the power, a word never seen is never drawn
            self.word_p = p / p.sum()                           # (V,)
        if not (self.word_p > 0).sum() > sample_size:
            raise InputError(f'power: expected one that leaves more than sample_size, {sample_size}, words a '
                             f'probability above 0, got {power}')
        self.vocab_size = len(p)
        self.sample_size = sample_size
        self.cumulative = self.word_p.cumsum()
        self.cumulative /= self.cumulative[-1]                  # so that no draw from [0, 1) falls behind the last word
        # For each of many equal parts of [0, 1), the word at its beginning: right for all but a few draws. A power of
        # two, so that no rounding moves a draw into another part.
        parts = 2**int(16 * len(p)).bit_length()
        self.word_at = self.cumulative.searchsorted(np.arange(parts) / parts, side='right')

    def get_negative_sample(self, target):
        """target (N,) -> ids (N, sample_size).

        All are drawn at once, then only those that repeat an earlier entry of their row or the target are drawn anew,
        until nothing does. An entry's final value is thus its first draw that is new to its row: sampling
        without replacement.
        """
        target = np.asarray(target)
        if target.ndim != 1 or not len(target):
            check_shape('target', target, 'N')
        check_id_dtype(target, 'target')
        N = len(target)
        ids = np.empty((N, 1 + self.sample_size), np.int64)     # the target stands first in its row
        ids[:, 0] = target
        ids[:, 1:] = self.draw((N, self.sample_size))
        rows = np.arange(N)                                     # the rows that may hold a repeat
        for _ in range(ROUNDS):
            if not len(rows):
                break
            again = repeats(ids[rows])                          # (rows, 1 + sample_size)
            rows, again = rows[again.any(axis=1)], again[again.any(axis=1)]
            drawn = ids[rows]
            drawn[again] = self.draw(int(again.sum()))
            ids[rows] = drawn
        for row in rows:
            self.settle(ids[row])
        return ids[:, 1:]                                       # (N, sample_size)

    def settle(self, ids):
        """Replace the repeats in one row (1 + sample_size,), in order, each by a draw from what is left.

        The same distribution without a rejection: for rows whose target or first entries hold nearly all probability.
        """
        for k in range(1, len(ids)):
            if ids[k] in ids[:k]:
                p = self.word_p.copy()
                p[ids[:k][(ids[:k] >= 0) & (ids[:k] < len(p))]] = 0
                ids[k] = np.random.choice(len(p), p=p / p.sum())

    def draw(self, size):
        """Ids by word_p, an array of this size: the words in whose part of [0, 1) uniform numbers fall."""
        u = np.random.rand(*np.atleast_1d(size))
        ids = self.word_at[(u * len(self.word_at)).astype(np.intp)]
        behind = self.cumulative[ids] <= u                      # the part goes on with other words
        ids[behind] = self.cumulative.searchsorted(u[behind], side='right')
        return ids


def repeats(ids):
    """True where an entry stands earlier in its row too. ids (N, K) -> (N, K)."""
    order = ids.argsort(axis=1, kind='stable')
    ordered = np.take_along_axis(ids, order, axis=1)
    again = np.zeros(ids.shape, bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again


class NegativeSamplingLoss(Layer):
    """Mean over the batch of the loss of telling the target from sample_size words drawn at random.

    h (N, D), target (N,) -> loss: −log σ(W[target]·h) − Σ log σ(−W[negative]·h).
    target may be (N, C), C targets for each h: their losses are added. W (V, D). sparse: as Embedding's. Book, 4.2.7.
    """

    def __init__(self, W, corpus, power=0.75, sample_size=5, sparse=False):
        self.embed_dot = EmbeddingDot(W, sparse)
        corpus = np.asarray(corpus)
        check_ids(corpus, len(W), 'corpus')     # counting them would take as much memory as the largest asks for
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layer = SigmoidWithLoss()
        self.params, self.grads = gather(self.embed_dot)

    def forward(self, h, target):
        W, = self.params
        target = np.asarray(target)
        N = len(h)
        if not N:
            check_shape('h', h, 'N', W.shape[1])
        if target.shape[:1] != (N,) or target.ndim > 2:
            raise InputError(f'target: expected ({N},) or ({N}, C), for h has {N} rows, got {target.shape}')
        positive = target.reshape(-1, 1)                        # (N·C, 1)
        negative = self.sampler.get_negative_sample(positive[:, 0])     # (N·C, S)
        ids = np.concatenate((positive, negative), axis=1).reshape(N, -1)       # (N, C·(1 + S))
        label = np.zeros(ids.shape, np.int64)
        label[:, ::1 + self.sampler.sample_size] = 1
        self.K = ids.shape[1]
        try:
            score = self.embed_dot.forward(h, ids)              # (N, K)
        except ValueError:
            check_ids(target, len(W), 'target')                 # among ids it has no name
            raise
        loss = self.loss_layer.forward(score, label)            # the mean over N and K
        return np.multiply(loss, self.K, dtype=loss.dtype)

    def backward(self, dout=1):
        return self.embed_dot.backward(self.loss_layer.backward(dout * self.K))     # (N, D)
