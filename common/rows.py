"""Sums of rows by id, and gradients of which most rows are zero, as an embedding's are.

What tells an array's gradient from a RowSparse stands here alone: `stored`, `write_rows`, `add_grads` and `update_rows`
take either.
"""
from itertools import count

import numpy

from common.checks import InputError, brief, check_shape
from common.np import GPU, np, to_cpu

FEW = 64       # ids


class RowSparse:
    """An array (V, D) by its rows that may not be zero: `indices` (K,), rising, none twice, and `values` (K, D).
    On a GPU the indices stay on the host, as all ids do.

    Elsewhere called row-sparse or indexed slices. `np.asarray` gives the whole array.
    """

    def __init__(self, shape, dtype):
        if not isinstance(shape, tuple) or len(shape) != 2:
            raise InputError(f'shape: expected (V, D), rows and columns, got {brief(shape)}')
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.indices = numpy.empty(0, int)
        self.values = np.empty((0, shape[1]), dtype)

    def fill(self, idx, rows, shared=False):
        """Become the sum of rows[i] at the row idx[i]; idx, rows and shared as sum_rows takes them."""
        idx = idx.astype(np.int64, casting='same_kind', copy=False)     # beside int64, uint64 would become float64
        self.indices, self.values = sum_rows(idx, rows, shared)

    def add(self, other):
        """Add another RowSparse of the same shape."""
        self.fill(numpy.concatenate((self.indices, other.indices)), np.concatenate((self.values, other.values)))

    def add_to(self, array):
        """Add these rows to an array (V, D), in place."""
        array[self.indices] += self.values

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise InputError('copy: expected True or None, for the whole array must be made, got False')
        whole = numpy.zeros(self.shape, dtype or self.dtype)
        whole[self.indices] = to_cpu(self.values)
        return whole


# ---------------------------------------------------------------- gradients of either kind


def stored(grad):
    """The numbers of a gradient that may not be zero, to look at or to scale in place: an array."""
    return grad.values if isinstance(grad, RowSparse) else grad


def write_rows(grad, idx, rows, shared=False):
    """Make grad (V, D) the sum of rows[i] at the row idx[i], and zero elsewhere. See sum_rows."""
    expected = (*(idx.shape[:-1] if shared else idx.shape), grad.shape[1])
    if getattr(rows, 'shape', None) != expected or rows.dtype.kind != 'f':
        check_shape('dy', rows, '', *expected)
    if isinstance(grad, RowSparse):
        grad.fill(idx, rows, shared)
    else:
        grad[...] = 0
        add_at(grad, idx, rows, shared)


def add_grads(kept, other, transposed):
    """kept + other, or + otherᵀ where transposed, in the memory of one of them: of an array rather than a RowSparse."""
    if isinstance(other, RowSparse):
        if isinstance(kept, RowSparse):
            kept.add(other)
        else:
            other.add_to(kept.T if transposed else kept)
        return kept
    other = other.T if transposed else other
    if isinstance(kept, RowSparse):
        kept.add_to(other)
        return other
    kept += other
    return kept


def update_rows(update, p, grad, *state):
    """Call update(p, grad, *state), which changes p and state in place; for a RowSparse with its rows of all alone."""
    if not isinstance(grad, RowSparse):
        update(p, grad, *state)
        return
    ids = np.asarray(grad.indices)
    rows = [a.take(ids, axis=0) for a in (p, *state)]              # (K, D) each
    update(rows[0], grad.values, *rows[1:])
    for a, changed in zip((p, *state), rows, strict=True):
        a[ids] = changed


# ---------------------------------------------------------------- sums


def sum_rows(idx, rows, shared=False):
    """The ids of idx, rising, each once (K,), and for each the sum of its rows (K, D).

    idx any shape, rows idx.shape + (D,); where shared, one row serves all ids along the last axis of idx, and rows are
    idx.shape[:-1] + (D,). In the order of the ids, the rows of each are one run, and a few array operations add up all
    runs: several times as fast as np.add.at.
    """
    flat = idx.reshape(-1)                                          # (n,)
    if not len(flat):
        return flat, rows.reshape(0, rows.shape[-1])
    small = flat.max() < 2**16
    order = (flat.astype(np.uint16) if small else flat).argsort(kind='stable')     # of 16 bits: a radix sort
    flat = flat[order]
    first = numpy.concatenate(([0], numpy.flatnonzero(flat[1:] != flat[:-1]) + 1))  # (K,) where each run begins
    if shared:
        order = order // idx.shape[-1]                              # (n,): from places in idx to rows
    return flat[first], sum_runs(rows.reshape(-1, rows.shape[-1]), order, first)


def sum_runs(rows, order, first):
    """The sum of each run of rows[order], the k-th beginning at first[k]. rows (n, D) -> (K, D).

    As np.add.reduceat, but several times as fast: the second rows of all runs are added at once, then the third … While
    runs go on, each such pass has fewer rows; when there are few, the rest of each is summed by itself.
    """
    length = numpy.diff(first, append=len(order))                   # (K,)
    if GPU:
        sums = np.zeros((len(first), rows.shape[1]), rows.dtype)
        np.add.at(sums, numpy.arange(len(first)).repeat(length), rows.take(order, axis=0))
        return sums
    sums = rows.take(order[first], axis=0)
    for i in count(1):
        longer = numpy.flatnonzero(length > i)
        if len(longer) <= 2 * i:    # about C / i runs are longer than i, and a pass costs as much as two sums
            break
        sums[longer] += rows.take(order[first[longer] + i], axis=0)
    for k in longer.tolist():
        sums[k] += rows.take(order[first[k] + i:first[k] + length[k]], axis=0).sum(axis=0)
    return sums


def add_at(W, idx, rows, shared=False):
    """W[idx] += rows where repeated ids add up, in place. W (V, D); idx, rows and shared as sum_rows takes them."""
    V, D = W.shape
    if GPU:
        np.add.at(W, idx, rows[..., None, :] if shared else rows)
        return
    if V <= FEW:                    # an alphabet: a product with one-hot rows is faster
        hot = (np.arange(V)[:, None] == idx.reshape(-1)).astype(W.dtype)        # (V, n)
        if shared:
            hot = hot.reshape(V, -1, idx.shape[-1]).sum(axis=2)                 # (V, rows): how often each row counts
        with np.errstate(invalid='ignore'):
            sums = hot @ rows.reshape(-1, D)                                    # (V, D)
        if np.isfinite(sums).all():     # 0 · ∞ is NaN: one infinite row would reach all others
            W += sums
            return
    ids, sums = sum_rows(idx, rows, shared)
    W[ids] += sums
