"""The functions that layers are built from."""
import numpy

from common.checks import NUMBERS, InputError, InputTypeError, check_array, check_ids
from common.np import GPU, np, to_cpu

SUM_TO_1 = 1e-3     # how near soft labels must come to it: in float16, three thirds make 0.9998


def as_array(name, x):
    """x as an array of numbers, be it a list of them or one number; InputTypeError for all else."""
    try:
        array = np.asarray(x)
    except ValueError:          # of rows that are not equally long
        raise InputTypeError(f'{name}: expected an array of numbers, got {type(x).__name__}') from None
    if array.dtype.kind not in NUMBERS:
        raise InputTypeError(f'{name}: expected an array of numbers, got {getattr(x, "dtype", type(x).__name__)}')
    return array


def sigmoid(x):
    """1 / (1 + exp(−x)), elementwise, as a tanh: it never overflows. Any shape.

    The absolute error is the rounding of numbers near 1: 1e-7 in float32, 2e-16 in float64. The relative error of
    values smaller than that is large, and below about −20 (float32) or −38 (float64) they are 0. The exponential form
    is exact there too, but its overflow must be silenced, which makes a step of ch01's network 2 % slower.
    """
    y = np.tanh(0.5 * as_array('x', x))
    y *= 0.5
    y += 0.5
    return y


def relu(x):
    """max(0, x), elementwise. Any shape."""
    x = as_array('x', x)
    y = np.zeros_like(x)
    return np.maximum(x, y, out=y)      # between two arrays NumPy's maximum is more than twice as fast as beside a 0


# erf(x) = tanh(x·P(x²)/Q(x²)) for |x| up to the limit; from there on it is 1. P and Q are a fit of our own to
# atanh(erf(x))/x, of the least relative error of erf: 3e-9 for float32, 1e-17 for float64. As no coefficient is
# negative, their sums lose no digit. Constants first.
ERF = {
    'f': (5, (1.128379171, 0.2797533582, 0.04261967686, 0.002175587904),
             (1, 0.1568451922, 0.02367040415, 0.0003243408287)),
    'd': (5.95, (1.1283791670955126, 0.63666662592491075, 0.20189724662954042, 0.041729401936920721,
                 0.0060519602289163098, 0.00062959739908552425, 4.6143791427290865e-05, 2.3038151384957425e-06,
                 6.4982872808159342e-08, 4.7097323418410421e-10),
                (1, 0.47315125818676218, 0.1360176252681394, 0.025203957221323459, 0.0032833264922992739,
                 0.00030458323535991085, 1.9188766753422432e-05, 8.1072110471343322e-07,
                 1.3916714569261313e-08, 2.8878207750319452e-11)),
}


def erf(x):
    """2/√π ∫₀ˣ exp(−t²) dt, elementwise: relative error below 4e-7 in float32, 7e-16 in float64. Any shape.

    As a tanh, which NumPy has in fast code: 18 passes without a branch.
    """
    x = as_array('x', x)
    x = x if x.dtype.kind == 'f' else x.astype('d')
    limit, P, Q = ERF['d' if x.itemsize > 4 else 'f']
    u = np.clip(x, -limit, limit)
    square = u * u
    u *= polynomial(P, square)
    u /= polynomial(Q, square)
    return np.tanh(u).astype(x.dtype, copy=False)


def polynomial(coefficients, x):
    """Σ coefficients[i]·xⁱ, for two of them or more, by Horner's rule."""
    *rest, last = coefficients
    y = x * last
    y += rest.pop()
    for c in reversed(rest):
        y *= x
        y += c
    return y


def softmax(x):
    """exp(x) / Σ exp(x) over the last axis, shifted by the maximum so that it never overflows. Any rank."""
    x = as_array('x', x)
    if not x.ndim or not x.shape[-1]:
        raise InputError(f'x: expected scores (…, V) with V of 1 or more, got {x.shape}')
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    y /= y.sum(axis=-1, keepdims=True)
    return y


def to_labels(t, y):
    """What t says of the scores y (…, V), of which there are N: labels (N,), int64 of their own, or soft ones (N, V).

    t holds labels (N,) or (…), be it with axes of length 1 more or less, such as (N, 1), or, where it is of y's size
    and V wide, rows (see row_labels).
    """
    check_array('x', y)
    N, V = score_rows(y).shape
    if not N:
        raise InputError('x: expected 1 or more rows of scores, got an empty batch')
    t = to_cpu(t)           # where its values can be looked at without waiting for the GPU
    if t.shape != y.shape[:-1]:
        if V > 1 and t.size == y.size and t.shape[-1] == V:
            return np.asarray(row_labels('t', t.reshape(N, V)))
        lengths, expected = ([n for n in shape if n > 1] for shape in (t.shape, y.shape[:-1]))
        if t.size != N or lengths not in ([N], expected, []):
            raise InputError(f't: expected {y.shape[:-1]}, labels, or one-hot rows {y.shape}, got {t.shape}')
    check_ids(t, V, 't')
    return np.array(t.reshape(-1), np.int64)


def row_labels(name, rows):
    """Labels (N,) of rows (N, V) that are one-hot, one number 1 and the others 0; else the rows, as soft labels.

    Soft labels are the probabilities of the V words: 0 or more each, and each row adds up to 1. Both are NumPy's, for
    rows are looked at on the host.
    """
    check_array(name, rows)
    rows = to_cpu(rows)
    labels = rows.argmax(axis=1)                                # (N,)
    if numpy.count_nonzero(rows) == len(rows) and (rows[numpy.arange(len(rows)), labels] == 1).all():
        return labels
    low, total = rows.min(), rows.sum(axis=1, dtype='d')
    if not (low >= 0 and (abs(total - 1) < SUM_TO_1).all()):    # NaN fails both
        raise InputError(f'{name}: expected one-hot rows, a 1 and zeros, or rows of 0 or more that add up to 1, got '
                         f'rows from {low} that add up to {total.min()} to {total.max()}')
    return rows.copy()


def pick(x, t):
    """x at each row's label, or the mean of the row that soft labels make. x (N, V), t (N,) or (N, V) -> (N,)."""
    return x[np.arange(len(t)), t] if t.ndim == 1 else (x * t).sum(axis=1, dtype=x.dtype)


def subtract_labels(y, t, weight=1):
    """y −= weight · one-hot(t), or weight · t where labels are soft, in place.

    y (N, V), t (N,) or (N, V), weight a number or (N,). With y the softmax, that is the gradient of −log y[t].
    """
    if t.ndim == 1:
        y[np.arange(len(t)), t] -= weight
    else:
        y -= (t.T * weight).T


def smooth(t, shape, ratio, dtype):
    """(1 − ratio)·t + ratio/V: soft labels that leave each of the V words a little. Szegedy et al., 2016.

    t (N,) or soft (N, V), shape (N, V) -> (N, V).
    """
    rows = np.full(shape, ratio / shape[1], dtype)
    subtract_labels(rows, t, ratio - 1)
    return rows


def mean_loss(y, t):
    """Mean of −log(y[t] + 1e-7), or of −Σ t·log(y + 1e-7) where labels are soft. y (N, V), t (N,) or (N, V)."""
    log_p = np.log(pick(y, t) + 1e-7) if t.ndim == 1 else pick(np.log(y + 1e-7), t)      # (N,)
    if GPU or log_p.itemsize < 4:               # float16, which mean adds up in float32
        return -log_p.mean()
    return log_p.dtype.type(-np.add.reduce(log_p) / len(log_p))     # log_p.mean without its detour, 3 % of ch01's step


def cross_entropy_error(y, t):
    """Mean of −log(y[label] + 1e-7). y (N, V) or (V,); t labels (N,), or one-hot or soft like y. Book, 1.3.1."""
    y = as_array('y', y)
    return mean_loss(score_rows(y), to_labels(t, y))


def score_rows(x):
    """Scores (N, V), of those that come as (V,) or (…, V)."""
    if not x.shape or not x.shape[-1]:
        raise InputError(f'x: expected scores (N, V) with V of 1 or more, got {x.shape}')
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
