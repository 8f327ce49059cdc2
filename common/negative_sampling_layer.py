"""Negative sampling: a softmax over the vocabulary made into a few yes-or-no questions (book, 4.2).

Ids, and what is drawn of them, stay on the host; on a GPU are the vectors.
"""
import math

import numpy

from common.checks import (
    InputError,
    check_dout,
    check_id_dtype,
    check_ids,
    check_number,
    check_range,
    check_shape,
    check_sizes,
)
from common.layers import Embedding, Layer, SigmoidWithLoss, gather
from common.np import np, to_cpu

ROUNDS = 20     # of drawing anew in UnigramSampler, before the few rows left are drawn one word at a time


def as_ids(name, ids):
    """The ids as int64, whatever integers they are: beside int64, NumPy would make floats of uint64."""
    ids = to_cpu(ids)
    check_id_dtype(ids, name)
    return ids.astype(numpy.int64, copy=False)


class EmbeddingDot(Layer):
    """score = W[idx] · h.

    h (N, D), W (V, D), idx (N,) -> (N,), or idx (N, K) -> (N, K): K words for each h. sparse: as Embedding's.
    """

    def __init__(self, W, sparse=False):
        self.embed = Embedding(W, sparse)
        self.params, self.grads = gather(self.embed)

    def forward(self, h, idx):
        W, = self.params
        check_shape('h', h, 'N', W.shape[1])
        idx = as_ids('idx', idx)
        if idx.shape[:1] != h.shape[:1] or idx.ndim > 2:
            raise InputError(f'idx: expected ({len(h)},) or ({len(h)}, K), ids for each h, got {idx.shape}')
        self.h, self.out_shape = h, idx.shape
        self.rows = self.embed.forward(idx.reshape(len(h), -1))         # (N, K, D)
        return (self.rows @ h[:, :, None]).reshape(idx.shape)           # (N, K) or (N,)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        dscore = dout.reshape(len(self.h), -1)                          # (N, K)
        self.embed.backward(dscore[:, :, None] * self.h[:, None, :])    # (N, K, D)
        return (dscore[:, None, :] @ self.rows)[:, 0]                   # (N, D)


def word_probabilities(corpus, power, sample_size):
    """P(word) ∝ count(word)^power, for enough words that sample_size others are left beside any target.

    corpus: ids, any shape -> (V,), V the largest id + 1. Book, 4.2.6.
    """
    corpus = as_ids('corpus', corpus)
    check_ids(corpus, math.inf, 'corpus')
    check_sizes(sample_size=sample_size)
    check_range('power', power, -math.inf, math.inf)
    counts = numpy.bincount(corpus.reshape(-1))             # (V,)
    words = int((counts > 0).sum())
    if sample_size >= words:
        raise InputError(f'corpus: expected {sample_size + 1} different words or more, the target and sample_size '
                         f'others, got {words}')
    p = numpy.zeros(len(counts))
    with numpy.errstate(all='ignore'):                      # what overflows is told below
        p[counts > 0] = counts[counts > 0] ** float(power)  # whatever the power, a word never seen is never drawn
        p /= p.sum()
    if not (p > 0).sum() > sample_size:
        raise InputError(f'power: expected one that leaves more than sample_size, {sample_size}, words a probability '
                         f'above 0, got {power}')
    return p


def draw_one(word_p, taken):
    """One word by word_p (V,), but none of the ids `taken`: their probability is 0, that of the others scaled up."""
    p = word_p.copy()
    p[[word for word in taken if 0 <= word < len(p)]] = 0
    return int(numpy.random.choice(len(p), p=p / p.sum()))


class Simple_UnigramSampler:
    """UnigramSampler, one word at a time: slow, to read. Book, 4.2.6."""

    def __init__(self, corpus, power, sample_size):
        self.word_p = word_probabilities(corpus, power, sample_size)        # (V,)
        self.vocab_size = len(self.word_p)
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        """target (N,) -> ids (N, sample_size)."""
        target = as_ids('target', target)
        check_shape('target', target, 'N')
        ids = numpy.empty((len(target), self.sample_size), numpy.int64)
        for n, word in enumerate(target.tolist()):
            taken = [word]
            for _ in range(self.sample_size):
                taken.append(draw_one(self.word_p, taken))
            ids[n] = taken[1:]
        return ids                                              # (N, sample_size)


class Simple_NegativeSamplingLoss(Layer):
    """NegativeSamplingLoss of one target for each h, a score and a loss for one word at a time: slow, to read.

    h (N, D), target (N,) -> loss. W (V, D). Book, 4.2.7.
    """

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        super().__init__(W)
        check_shape('W', W, 'VD')
        corpus = to_cpu(corpus)
        check_ids(corpus, len(W), 'corpus')
        self.sampler = Simple_UnigramSampler(corpus, power, sample_size)
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(1 + sample_size)]      # the first for the target
        self.loss_layers = [SigmoidWithLoss() for _ in range(1 + sample_size)]

    def forward(self, h, target):
        W, = self.params
        target = as_ids('target', target)
        check_shape('h', h, 'N', W.shape[1])
        check_shape('target', target, '', len(h))
        check_ids(target, len(W), 'target')
        negative = self.sampler.get_negative_sample(target)             # (N, S)
        yes, no = numpy.ones(len(h), int), numpy.zeros(len(h), int)     # (N,)

        score = self.embed_dot_layers[0].forward(h, target)             # (N,)
        loss = self.loss_layers[0].forward(score, yes)
        for k in range(1, 1 + self.sampler.sample_size):
            score = self.embed_dot_layers[k].forward(h, negative[:, k - 1])
            loss += self.loss_layers[k].forward(score, no)
        return loss

    def backward(self, dout=1):
        dW, = self.grads
        dW[...] = 0
        dh = 0
        for embed_dot, loss_layer in zip(self.embed_dot_layers, self.loss_layers, strict=True):
            dh += embed_dot.backward(loss_layer.backward(dout))         # (N, D)
            dW += embed_dot.grads[0]
        return dh


class UnigramSampler:
    """Draws negatives with P(word) ∝ count(word)^power: per row no word twice, and never the row's target.

    corpus: ids (any shape). `.word_p` (V,) holds the probabilities. Book, 4.2.6.
    """

    def __init__(self, corpus, power, sample_size):
        self.word_p = p = word_probabilities(corpus, power, sample_size)    # (V,)
        self.vocab_size = len(p)
        self.sample_size = sample_size
        self.cumulative = self.word_p.cumsum()
        self.cumulative /= self.cumulative[-1]                  # so that no draw from [0, 1) falls behind the last word
        # For each of many equal parts of [0, 1), the word at its beginning: right for all but a few draws. A power of
        # two, so that no rounding moves a draw into another part.
        parts = 2**int(16 * len(p)).bit_length()
        self.word_at = self.cumulative.searchsorted(numpy.arange(parts) / parts, side='right')

    def get_negative_sample(self, target):
        """target (N,) -> ids (N, sample_size).

        All are drawn at once, then only those that repeat an earlier entry of their row or the target are drawn anew,
        until nothing does. An entry's final value is thus its first draw that is new to its row: sampling
        without replacement.
        """
        target = as_ids('target', target)
        if target.ndim != 1 or not len(target):
            check_shape('target', target, 'N')
        N = len(target)
        ids = numpy.empty((N, 1 + self.sample_size), numpy.int64)  # the target stands first in its row
        ids[:, 0] = target
        ids[:, 1:] = self.draw((N, self.sample_size))
        rows = numpy.arange(N)                                  # the rows that may hold a repeat
        for _ in range(ROUNDS):
            if not len(rows):
                break
            again = repeats(ids[rows])                          # (rows, 1 + sample_size)
            rows, again = rows[again.any(axis=1)], again[again.any(axis=1)]
            drawn = ids[rows]
            drawn[again] = self.draw(int(again.sum()))
            ids[rows] = drawn
        for row in rows:
            self.replace_repeats(ids[row])
        return ids[:, 1:]                                       # (N, sample_size)

    def replace_repeats(self, ids):
        """Replace the repeats in one row (1 + sample_size,), in order, each by a draw from what is left.

        The same distribution without a rejection: for rows whose target or first entries hold nearly all probability.
        """
        for k in range(1, len(ids)):
            if ids[k] in ids[:k]:
                ids[k] = draw_one(self.word_p, ids[:k])

    def draw(self, size):
        """Ids by word_p, an array of this size: the words in whose part of [0, 1) uniform numbers fall."""
        u = numpy.random.rand(*numpy.atleast_1d(size))
        ids = self.word_at[(u * len(self.word_at)).astype(numpy.intp)]
        behind = self.cumulative[ids] <= u                      # the part goes on with other words
        ids[behind] = self.cumulative.searchsorted(u[behind], side='right')
        return ids


def repeats(ids):
    """True where an entry stands earlier in its row too. ids (N, K) -> (N, K)."""
    order = ids.argsort(axis=1, kind='stable')
    ordered = numpy.take_along_axis(ids, order, axis=1)
    again = numpy.zeros(ids.shape, bool)
    numpy.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again


class NegativeSamplingLoss(Layer):
    """Mean over the batch of the loss of telling the target from sample_size words drawn at random.

    h (N, D), target (N,) -> loss: −log σ(W[target]·h) − Σ log σ(−W[negative]·h).
    target may be (N, C), C targets for each h: their losses are added. W (V, D). sparse: as Embedding's. Book, 4.2.7.
    """

    def __init__(self, W, corpus, power=0.75, sample_size=5, sparse=False):
        self.embed_dot = EmbeddingDot(W, sparse)
        corpus = to_cpu(corpus)
        check_ids(corpus, len(W), 'corpus')     # counting them would take as much memory as the largest asks for
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layer = SigmoidWithLoss()
        self.params, self.grads = gather(self.embed_dot)

    def forward(self, h, target):
        W, = self.params
        target = as_ids('target', target)
        check_shape('h', h, 'N', W.shape[1])
        N = len(h)
        if target.shape[:1] != (N,) or target.ndim > 2:
            raise InputError(f'target: expected ({N},) or ({N}, C), for h has {N} rows, got {target.shape}')
        positive = target.reshape(-1, 1)                        # (N·C, 1)
        negative = self.sampler.get_negative_sample(positive[:, 0])     # (N·C, S)
        ids = numpy.concatenate((positive, negative), axis=1).reshape(N, -1)    # (N, C·(1 + S))
        label = numpy.zeros(ids.shape, numpy.int64)
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
        check_number('dout', dout)
        return self.embed_dot.backward(self.loss_layer.backward(dout * self.K))     # (N, D)
