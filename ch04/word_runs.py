"""Runs: words as they stand in the corpus, with the negatives they share. Sums over their windows, and by word."""
from typing import Any, NamedTuple

import numpy

from common.checks import InputError, check_shape
from common.np import np

FEW = 8     # words: sums that as few or fewer share are one small product


# ---------------------------------------------------------------- sums


def sums_of_next(x, n):
    """y[t] = x[t] + x[t + 1] + … + x[t + n − 1]: about 2·log₂ n additions of arrays. x (T, …) -> (T − n + 1, …)."""
    if n == 1:
        return x
    half = sums_of_next(x, n // 2)
    y = half[:len(half) - n // 2] + half[n // 2:]                       # the next 2·(n // 2)
    return y[:-1] + x[n - 1:] if n % 2 else y


def window_sums(x, window_size):
    """y[t] = Σ x[t + d] over 0 < |d| <= window_size, where there is such a row. x (B, D) -> (B, D).

    Its own transpose: with dy it gives dx.
    """
    B, D = x.shape
    padded = np.zeros((B + 2 * window_size, D), x.dtype)
    padded[window_size:window_size + B] = x
    y = sums_of_next(padded, 2 * window_size + 1)
    y -= x
    return y


def neighbours(B, window_size):
    """How many words of a run of B stand in the window of each. -> (B,)"""
    t = np.arange(B)
    return np.minimum(t, window_size) + np.minimum(t[::-1], window_size)


class Run(NamedTuple):
    """Words of the corpus in a row and the negatives they share, with what it takes to sum rows by word.

    `order` lists the places of `words` so: the first place of each word, the words that stand more often before others;
    the second places of those that have one; the third … The sums then are those of parts of one array.
    """

    words: Any      # (B + K,): the B words of the run, then K negatives
    size: int       # B
    rows: Any       # (U,): the different words, rising
    row: Any        # (B + K,): rows[row] = words
    order: Any      # (B + K,)
    ranks: Any      # (B + K,): of the words at those places, 0 that of the most frequent
    rank: Any       # (U,): of rows
    levels: Any     # how many words have a first, a second, a third … place: a list


def make_runs(ids, negatives):
    """A list of R Runs. ids (R, B), the words of each; negatives (R, K): arrays on the host, that of a GPU too."""
    check_shape('ids', ids, 'RB')
    check_shape('negatives', negatives, 'RK')
    if len(negatives) != len(ids):
        raise InputError(f'negatives: expected a row for each of {len(ids)} runs, got {len(negatives)}')
    words = numpy.concatenate((ids, negatives), axis=1)                 # (R, n)
    R, n = words.shape
    key = words.astype(numpy.uint16) if words.max() < 2**16 else words  # 16 bits are sorted by radix
    order = key.argsort(axis=1, kind='stable')
    rising = numpy.take_along_axis(words, order, axis=1)
    is_first = numpy.ones((R, n), bool)
    is_first[:, 1:] = rising[:, 1:] != rising[:, :-1]
    first = numpy.flatnonzero(is_first)                 # (U,), the words of all runs: where each begins in rising
    length = numpy.diff(first, append=R * n)            # (U,): how often it stands there
    run = first // n                                    # (U,)
    ends = numpy.bincount(run, minlength=R).cumsum()    # (R,) of each run's words among the U
    begins = ends - numpy.bincount(run, minlength=R)
    rank = numpy.empty_like(first)                      # (U,), by length, within the run
    rank[numpy.lexsort((-length, run))] = numpy.arange(len(first))
    rank -= begins[run]

    # Each place of rising goes to the part of its level, 0 at the first place of a word, 1 at the second …, and there
    # to the word's rank.
    level = numpy.arange(R * n) - numpy.repeat(first, length)                           # (R·n,)
    ranks = numpy.repeat(rank, length)
    deepest = length.max()
    part = numpy.repeat(run * deepest, length) + level
    levels = numpy.bincount(part, minlength=R * deepest).reshape(R, deepest)
    to = (numpy.cumsum(levels) - levels.reshape(-1))[part] + ranks
    in_order, ranks_in_order, row = (numpy.empty(R * n, numpy.intp) for _ in range(3))
    in_order[to] = order.reshape(-1)
    ranks_in_order[to] = ranks
    numpy.put_along_axis(row.reshape(R, n), order, numpy.repeat(numpy.arange(len(first)) - begins[run],
                                                                length).reshape(R, n), axis=1)
    rows = np.asarray(rising.reshape(-1)[first].astype(numpy.intp))
    words, row, in_order, ranks_in_order = (np.asarray(a.reshape(R, n)) for a in (words, row, in_order, ranks_in_order))
    rank = np.asarray(rank)
    return [Run(words[r], ids.shape[1], rows[begins[r]:ends[r]], row[r], in_order[r], ranks_in_order[r],
                rank[begins[r]:ends[r]], levels[r, :numpy.count_nonzero(levels[r])].tolist()) for r in range(R)]


def sum_by_word(run, x):
    """The sum of the rows x[i] of each word, in the order of run.rows. x (B + K, D) -> (U, D)."""
    x = x.take(run.order, axis=0)
    done = run.levels[0]
    sums = x[:done]
    for count in run.levels[1:]:
        if count <= FEW:
            hot = np.arange(count)[:, None] == run.ranks[done:]         # (count, places that are left)
            sums[:count] += hot.astype(x.dtype) @ x[done:]
            break
        sums[:count] += x[done:done + count]
        done += count
    return sums.take(run.rank, axis=0)
