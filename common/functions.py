"""The functions that layers are built from."""
from common.checks import InputError, InputTypeError, check_ids
from common.np import np


def sigmoid(x):
    """1 / (1 + exp(−x)), elementwise, as a tanh: it never overflows. Any shape.

    The absolute error is the rounding of numbers near 1: 1e-7 in float32, 2e-16 in float64. The relative error of
    values smaller than that is large, and below about −20 (float32) or −38 (float64) they are 0. The exponential form
    is exact there too, but its overflow must be silenced, which makes a step of ch01's network 2 % slower.
    """
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
    """Labels (N,), int64 of their own, from labels or one-hot rows for the scores y (…, V), of which there are N.

    t is one-hot when it is of y's size and its rows are V wide; labels are (N,) or of the shape (…), be it with axes
    of length 1 more or less.
    """
    N, V = score_rows(y).shape
    if not N:
        raise InputError('x: expected 1 or more rows of scores, got an empty batch')
    t = np.asarray(t)
    if t.shape != y.shape[:-1]:
        if V > 1 and t.size == y.size and t.shape[-1] == V:
            return t.reshape(N, V).argmax(axis=1)
        lengths, expected = ([n for n in shape if n > 1] for shape in (t.shape, y.shape[:-1]))
        if t.size != N or lengths not in ([N], expected, []):
            raise InputError(f't: expected {y.shape[:-1]}, labels, or one-hot rows {y.shape}, got {t.shape}')
    check_ids(t, V, 't')
    return t.astype(np.int64).reshape(-1)


def mean_loss(y, labels):
    """Mean of −log(y[label] + 1e-7). y (N, V), labels (N,)."""
    log_p = np.log(y[np.arange(len(y)), labels] + 1e-7)
    if log_p.itemsize < 4:                      # float16, which mean adds up in float32
        return -log_p.mean()
    return log_p.dtype.type(-np.add.reduce(log_p) / len(log_p))     # log_p.mean without its detour, 3 % of ch01's step


def cross_entropy_error(y, t):
    """Mean of −log(y[label] + 1e-7). y (N, V) or (V,); t labels (N,) or one-hot like y. Book, 1.3.1."""
    return mean_loss(score_rows(y), to_labels(t, y))


def score_rows(x):
    """Scores (N, V), of those that come as (V,) or (…, V)."""
    try:
        return x.reshape(-1, x.shape[-1])
    except AttributeError:
        raise InputTypeError(f'x: expected an array of scores (N, V), got {type(x).__name__}') from None
    except (IndexError, ValueError):
        raise InputError(f'x: expected scores (N, V) with V of 1 or more, got {x.shape}') from None
