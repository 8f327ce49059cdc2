"""The functions that layers are built from."""
from itertools import count

from common.checks import InputError, check_ids
from common.np import np

FEW = 64       # ids


def sigmoid(x):
    """1 / (1 + exp(−x)), elementwise, as a tanh: it never overflows. Any shape."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def relu(x):
    """max(0, x), elementwise. Any shape."""
    return np.maximum(0, x)


def softmax(x):
    """exp(x) / Σ exp(x) over the last axis, shifted by the maximum so that it never overflows. Any rank."""
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    y /= y.sum(axis=-1, keepdims=True)
    return y


def to_labels(t, y):
    """Labels (N,) from labels or one-hot rows: t is one-hot when it holds as many rows of V as the scores y (N, V)."""
    N, V = y.shape
    if not N:
        raise InputError('x: expected 1 or more rows of scores, got an empty batch')
    t = np.asarray(t)
    if V > 1 and t.size == y.size and t.shape[-1] == V:
        return t.reshape(y.shape).argmax(axis=1)
    labels = t.reshape(-1)
    if len(labels) != N:
        raise InputError(f't: expected {N} labels, one for each row of scores, got {len(labels)}')
    check_ids(labels, V, 't')
    return labels


def mean_loss(y, labels):
    """Mean of −log(y[label] + 1e-7). y (N, V), labels (N,)."""
    return -np.log(y[np.arange(len(y)), labels] + 1e-7).mean()


def cross_entropy_error(y, t):
    """Mean of −log(y[label] + 1e-7). y (N, V) or (V,); t labels (N,) or one-hot like y. Book, 1.3.1."""
    y = score_rows(y)                               # (N, V)
    return mean_loss(y, to_labels(t, y))


def score_rows(x):
    """Scores (N, V), of those that come as (V,) or (…, V)."""
    try:
        return x.reshape(-1, x.shape[-1])
    except (IndexError, ValueError):
        raise InputError(f'x: expected scores (N, V) with V of 1 or more, got {x.shape}') from None


def sum_rows(idx, rows):
    """The ids of idx, rising, each once (K,), and for each the sum of its rows (K, D).

    idx any shape, rows idx.shape + (D,). In the order of the ids, the rows of each are one run, and a few array
    operations add up all runs: several times as fast as np.add.at.
    """
    flat = idx.reshape(-1)                                          # (n,)
    if not len(flat):
        return flat, rows.reshape(0, rows.shape[-1])
    small = flat.max() < 2**16
    order = (flat.astype(np.uint16) if small else flat).argsort(kind='stable')     # of 16 bits: a radix sort
    flat = flat[order]
    first = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))        # (K,) where each run begins
    if idx.ndim > 1 and rows.strides[-2] == 0:                      # one row for all ids along the last axis of idx
        rows, order = rows[..., 0, :], order // idx.shape[-1]
    return flat[first], sum_runs(rows.reshape(-1, rows.shape[-1]), order, first)


def sum_runs(rows, order, first):
    """The sum of each run of rows[order], the k-th beginning at first[k]. rows (n, D) -> (K, D).

    As np.add.reduceat, but several times as fast: the second rows of all runs are added at once, then the third … While
    runs go on, each such pass has fewer rows; when there are few, the rest of each is summed by itself.
    """
    length = np.diff(first, append=len(order))                      # (K,)
    sums = rows.take(order[first], axis=0)
    for i in count(1):
        longer = np.flatnonzero(length > i)
        if len(longer) <= 2 * i:    # about C / i runs are longer than i, and a pass costs as much as two sums
            break
        sums[longer] += rows.take(order[first[longer] + i], axis=0)
    for k in longer.tolist():
        sums[k] += rows.take(order[first[k] + i:first[k] + length[k]], axis=0).sum(axis=0)
    return sums


def add_at(W, idx, rows):
    """W[idx] += rows where repeated ids add up, in place. W (V, D), idx any shape, rows idx.shape + (D,)."""
    V, D = W.shape
    if V <= FEW:                    # an alphabet: a product with one-hot rows is faster
        W += (np.arange(V)[:, None] == idx.reshape(-1)).astype(W.dtype) @ rows.reshape(-1, D)
        return
    ids, sums = sum_rows(idx, rows)
    W[ids] += sums
