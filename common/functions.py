"""The functions that layers are built from."""
from common.np import np


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
    """Labels (N,) from labels or one-hot rows: t is one-hot when it holds as many numbers as the scores y (N, V)."""
    N, V = y.shape
    labels = t.reshape(y.shape).argmax(axis=1) if t.size == y.size and V > 1 else t.reshape(-1)
    if len(labels) != N:
        raise ValueError(f't: {len(labels)} labels came for {N} rows of scores; expected one each')
    check_ids(labels, V, 't')
    return labels


def cross_entropy_error(y, t):
    """Mean of −log(y[label] + 1e-7). y (N, V) or (V,); t labels (N,) or one-hot like y. Book, 1.3.1."""
    y = y.reshape(-1, y.shape[-1])                  # (N, V)
    return -np.log(y[np.arange(len(y)), to_labels(t, y)] + 1e-7).mean()


def check_ids(ids, size, name):
    """TypeError unless ids are integers, ValueError unless all lie in 0 … size − 1.

    NumPy would count negative ones from the end, in silence.
    """
    if ids.dtype.kind not in 'iu':
        raise TypeError(f'{name}: {ids.dtype} came; expected integers, for these are ids')
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(f'{name}: ids from {ids.min()} to {ids.max()} came; expected 0 to {size - 1}')


def sum_rows(idx, rows):
    """The ids of idx, rising, each once (K,), and for each the sum of its rows (K, D).

    idx any shape, rows idx.shape + (D,), or a broadcast view of that shape. Sorted by id, the rows of each id are one
    run, and a few array operations add up all runs: several times as fast as np.add.at.
    """
    flat = idx.reshape(-1)                                          # (n,)
    if not len(flat):
        return flat, rows.reshape(0, rows.shape[-1])
    small = flat.max() < 2**16
    order = (flat.astype(np.uint16) if small else flat).argsort(kind='stable')     # of 16 bits: a radix sort
    flat = flat[order]
    first = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))        # (K,) where each run begins
    rows = rows[np.unravel_index(order, idx.shape)]                 # (n, D), a copy
    return flat[first], sum_runs(rows, first)


def sum_runs(rows, first):
    """The sum of each run of rows (n, D), the k-th beginning at first[k] -> (K, D): np.add.reduceat, but faster.

    Most runs are short: their second rows are added at once, then their third …; what is left of long ones, one by one.
    """
    short = 8
    length = np.diff(first, append=len(rows))                       # (K,)
    sums = rows[first]
    for i in range(1, short):
        longer = np.flatnonzero(length > i)
        sums[longer] += rows[first[longer] + i]
    for k in np.flatnonzero(length > short):
        sums[k] += rows[first[k] + short:first[k] + length[k]].sum(axis=0)
    return sums


def add_at(W, idx, rows):
    """W[idx] += rows where repeated ids add up, in place. W (V, D), idx any shape, rows idx.shape + (D,)."""
    ids, sums = sum_rows(idx, rows)
    W[ids] += sums
