"""The functions that layers are built from."""
import math
from itertools import count
from numbers import Integral

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
        raise ValueError('x: an empty batch came; expected 1 or more rows of scores')
    t = np.asarray(t)
    if V > 1 and t.size == y.size and t.shape[-1] == V:
        return t.reshape(y.shape).argmax(axis=1)
    labels = t.reshape(-1)
    if len(labels) != N:
        raise ValueError(f't: {len(labels)} labels came for {N} rows of scores; expected one each')
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
        raise ValueError(f'x: scores of shape {x.shape} came; expected (N, V) with V of 1 or more') from None


def check_shape(name, array, free, *fixed):
    """ValueError unless array has the shape: for each letter of `free` any length from 1 on, then the lengths `fixed`.

    check_shape('xs', xs, 'NT', 100) wants (N, T, 100). Where each microsecond counts, a cheaper look stands before the
    call: `if xs.ndim != 3 …`.
    """
    try:
        shape = array.shape
    except AttributeError:
        raise TypeError(f'{name}: {type(array).__name__} came; expected an array ({expected(free, fixed)})') from None
    if shape[len(free):] != fixed or len(shape) < len(free) or 0 in shape:
        raise ValueError(f'{name}: shape {shape} came; expected ({expected(free, fixed)})'
                         + (', each 1 or more' if 0 in shape else ''))


def expected(free, fixed):
    return ', '.join([*free, *map(str, fixed)])


def check_integer(name, number):
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise TypeError(f'{name}: {number!r} came; expected an integer')


def check_id(name, number, size):
    """TypeError unless number is an integer, ValueError unless it lies in 0 … size − 1."""
    check_integer(name, number)
    if not 0 <= number < size:
        raise ValueError(f'{name}: {number} came; expected an id from 0 to {size - 1}')


def check_sizes(least=1, /, **sizes):
    """TypeError unless each size is an integer, ValueError unless it is `least` or more."""
    for name, size in sizes.items():
        check_integer(name, size)
        if size < least:
            raise ValueError(f'{name}: {size} came; expected {least} or more')


def check_range(name, number, low, high):
    """ValueError unless low <= number < high, which no NaN is; TypeError for what is no number."""
    try:
        inside = bool(low <= number < high)
    except TypeError:
        raise TypeError(f'{name}: {number!r} came; expected a number') from None
    if not inside:
        raise ValueError(f'{name}: {number} came; expected {low} or more and less than {high}')


def check_ids(ids, size, name):
    """TypeError unless ids are integers, ValueError unless all lie in 0 … size − 1 (size may be infinite).

    NumPy would count negative ones from the end, in silence.
    """
    if ids.dtype.kind not in 'iu':
        check_id_dtype(ids, name)
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        upper = f'to {size - 1}' if size < math.inf else 'or more'
        raise ValueError(f'{name}: ids from {ids.min()} to {ids.max()} came; expected 0 {upper}')


def check_id_dtype(ids, name):
    if ids.dtype.kind not in 'iu':
        raise TypeError(f'{name}: {ids.dtype} came; expected integers, for these are ids')


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
