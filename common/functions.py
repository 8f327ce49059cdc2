"""The functions that layers are built from."""
from common.checks import InputError, check_ids
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
