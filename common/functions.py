"""The functions that layers are built from."""
from common.np import GPU, np


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
    """Labels (N,) from labels or one-hot rows: t is one-hot when it is shaped like the scores y (N, V)."""
    return t.argmax(axis=-1) if t.size == y.size and t.ndim == y.ndim else t


def cross_entropy_error(y, t):
    """Mean of −log(y[label] + 1e-7). y (N, V) or (V,); t labels (N,) or one-hot like y. Book, 1.3.1."""
    t = to_labels(t, y).reshape(-1)                 # (N,)
    y = y.reshape(-1, y.shape[-1])                  # (N, V)
    check_ids(t, y.shape[1], 't')
    return -np.log(y[np.arange(len(y)), t] + 1e-7).mean()


def check_ids(ids, size, name):
    """ValueError unless all ids lie in 0 … size − 1. NumPy would count negative ones from the end, in silence."""
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(f'{name}: ids from {ids.min()} to {ids.max()} came; expected 0 to {size - 1}')


def add_at(W, idx, rows):
    """W[idx] += rows where repeated ids add up, in place. W (V, D), idx any shape, rows idx.shape + (D,).

    Sorting the ids first, so that each row of W is touched once, is faster than np.add.at.
    """
    idx, rows = idx.reshape(-1), rows.reshape(-1, W.shape[1])
    if not len(idx):
        return
    if GPU:
        np.add.at(W, idx, rows)
        return
    order = idx.argsort(kind='stable')
    idx = idx[order]
    first = np.concatenate(([0], np.flatnonzero(idx[1:] != idx[:-1]) + 1))       # where each id begins
    W[idx[first]] += np.add.reduceat(rows[order], first, axis=0)
