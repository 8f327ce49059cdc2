"""Training on a corpus of any size: block by block, from runs, with a step that frequent words survive."""
import copy
import math
import time
from contextlib import nullcontext

import numpy

from ch04.word_runs import make_runs
from common.checks import InputError, check_id_dtype, check_ids, check_range, check_shape, check_sizes
from common.interrupts import StepGuard
from common.optimizer import Optimizer
from common.trainer import BaseTrainer, check_params

LOOK = 10       # runs, of which the loss of one is worked out


class DampedSGD(Optimizer):
    """p ← p − η/(1 + η·c)·g for each row of a RowSparse gradient, η the learning rate times the parameter's step size.

    c is the row's curvature, as the models of ch04.run_models say it. A frequent word stands in a run dozens of times,
    and all of its steps are taken at once, from where it was: together they overshoot. Where η·c is small this is SGD;
    where it is large, a Newton step. With c exact it would be that of implicit SGD: Toulis and Airoldi, 2017.
    """

    def __init__(self, lr=0.1):
        super().__init__(lr)

    def update(self, params, grads, curvatures=(), step_sizes=()):
        self.iter += 1
        for p, grad, c, size in zip(params, grads, curvatures, step_sizes, strict=True):
            rate = self.lr * size
            p[grad.indices] -= (rate / (1 + rate * c))[:, None] * grad.values


class RunLoader:
    """Runs of a corpus, block by block. Memory is a block's, however long the corpus.

    ids: any 1-D array of integers, one mapped from a file too. counts (V,): how often each word stands there; None:
    they are counted. Words that stand there less than min_count times are left out, as if the corpus did not hold
    them: `words` (V',) are the ids of the others, whose places in it are the ids in the runs. sample: words with a
    larger share of the corpus are left out at random, and stay with the probability √(sample/share) + sample/share;
    0: all stay. run_size: the words of a run, about; negatives: those it shares, drawn with
    P(word) ∝ count(word)^0.75. Mikolov et al., 2013.
    """

    def __init__(self, ids, counts=None, run_size=1500, negatives=32, min_count=1, sample=0.0, block_size=100_000):
        check_sizes(run_size=run_size, negatives=negatives, min_count=min_count, block_size=block_size)
        check_range('sample', sample, 0, math.inf)
        check_shape('ids', ids, 'N')
        check_id_dtype(ids, 'ids')
        self.ids = ids
        self.run_size, self.negatives, self.block_size = run_size, negatives, block_size
        counts = count_words(ids, block_size) if counts is None else numpy.asarray(counts)
        check_shape('counts', counts, 'V')
        self.words = numpy.flatnonzero(counts >= min_count)             # (V',)
        if not len(self.words):
            raise InputError(f'min_count: expected at most {counts.max()}, the count of the most frequent word, got '
                             f'{min_count}')
        self.new_id = numpy.full(len(counts), -1, numpy.int32)          # (V,): −1 for a word that is left out
        self.new_id[self.words] = numpy.arange(len(self.words))
        counts = counts[self.words].astype('d')
        share = counts / counts.sum()
        self.stays = numpy.minimum(1, numpy.sqrt(sample / share) + sample / share) if sample else None  # (V',)
        self.cumulative = numpy.cumsum(counts**0.75)
        self.cumulative /= self.cumulative[-1]

    def __len__(self):
        """The number of blocks."""
        return -(-len(self.ids) // self.block_size)

    def part(self, i, n):
        """The i-th of n RunLoaders of parts of the corpus, all as long; at its end fewer than n words are left out."""
        size = len(self.ids) // n
        if not size:
            raise InputError(f'ids: expected {n} or more, one for each part, got {len(self.ids)}')
        part = copy.copy(self)
        part.ids = self.ids[i * size:(i + 1) * size]
        return part

    def block(self, i):
        """The runs of the i-th block: as long as one another, of about run_size words; [] where no two words stay."""
        ids = numpy.asarray(self.ids[i * self.block_size:(i + 1) * self.block_size])
        check_ids(ids, len(self.new_id), 'ids')
        ids = self.new_id[ids]
        ids = ids[ids >= 0]
        if self.stays is not None:
            ids = ids[numpy.random.random_sample(len(ids)) < self.stays[ids]]
        if len(ids) < 2:
            return []
        R = max(1, round(len(ids) / self.run_size))
        B = len(ids) // R       # the last words, fewer than R, are left out
        drawn = numpy.random.random_sample((R, self.negatives))
        negatives = self.cumulative.searchsorted(drawn, side='right').astype(numpy.int32)
        return make_runs(ids[:R * B].reshape(R, B), negatives)


def count_words(ids, block_size=100_000):
    """How often each id stands in ids (N,), of any length -> (V,), V the largest id + 1."""
    counts = numpy.zeros(0, numpy.int64)
    for start in range(0, len(ids), block_size):
        block = numpy.asarray(ids[start:start + block_size])
        check_ids(block, math.inf, 'ids')
        found = numpy.bincount(block, minlength=len(counts))
        found[:len(counts)] += counts
        counts = found
    return counts


class RunTrainer(BaseTrainer):
    """Trains a model of ch04.run_models on the runs of a RunLoader; the learning rate falls to 0 in a straight line.

    `.loss_list` holds the mean loss of a word (skip-gram: of a pair) in each tenth run, a mean over `eval_interval`
    blocks. Under mpiexec each rank learns from its part of the corpus, and after each block all go on from the mean of
    their models (Ji et al., 2019).
    """

    label = 'loss'
    curve = 'loss_list'

    def __init__(self, model, learning_rate=0.1, callbacks=()):
        super().__init__(model, DampedSGD(learning_rate), callbacks)
        self.learning_rate = learning_rate
        self.loss_list = []

    def record(self, mean_loss):
        self.loss_list.append(mean_loss)
        return mean_loss

    def fit(self, loader, max_epoch=5, window_size=5, eval_interval=10, verbose=True):
        """window_size: the widest; each run has one of 1 … window_size, drawn for it. Ctrl-C ends it after a block.

        verbose is as in Trainer.fit.
        """
        check_sizes(window_size=window_size)
        if len(loader.words) != len(self.model.word_vecs):
            raise InputError(f'loader: expected one of {len(self.model.word_vecs)} words, as many as the model has, '
                             f'got {len(loader.words)}')
        self.loader = loader if self.ranks is None else loader.part(self.ranks.rank, self.ranks.size)
        self.window_size = window_size
        self.end = max_epoch if self.goes_on else self.current_epoch + max_epoch
        self.train(None, len(self.loader), max_epoch, None, eval_interval, None, verbose)

    def train_epoch(self, batches, max_iters, max_grad):
        self.level()
        start = time.perf_counter()
        with StepGuard(self.ranks and self.ranks.any) as guard:
            for i in range(max_iters):
                done = (self.current_epoch + i / max_iters) / self.end
                self.optimizer.lr = self.learning_rate * (1 - done)
                with self.ranks.own_chance(self.current_epoch * max_iters + i) if self.ranks else nullcontext():
                    self.train_block(self.loader.block(i))
                if self.ranks is not None:
                    self.ranks.average(self.model.params)
                is_due = self.progress.due(i)
                if (is_due or i == max_iters - 1) and self.losses:
                    if not math.isfinite(self.losses[-1]):
                        raise FloatingPointError(f'the loss is {self.losses[-1]} in epoch {self.current_epoch + 1}, '
                                                 f'block {i + 1} of {max_iters}: try a smaller learning rate')
                    check_params(self.model.params)
                if is_due and self.losses:
                    value = self.record(sum(self.losses) / len(self.losses))
                    words = min((i + 1) * self.loader.block_size, len(self.loader.ids))
                    words *= self.ranks.size if self.ranks else 1
                    pace = words / (time.perf_counter() - start)
                    self.progress.line(self.current_epoch + 1, i, f'loss {value:.2f} | {pace:,.0f} words/s')
                    self.losses = []
                guard.check()
            self.current_epoch += 1

    def train_block(self, runs):
        model = self.model
        for r, run in enumerate(runs):
            is_looked_at = r % LOOK == 0
            loss = model.forward(run, numpy.random.randint(1, self.window_size + 1), is_looked_at)
            if is_looked_at:
                self.losses.append(loss / model.terms)
            model.backward()
            self.optimizer.update(model.params, model.grads, model.curvatures, model.step_sizes)
