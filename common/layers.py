"""Layers without time: each has `params` and `grads`, `forward` and `backward` (book, chapters 1 to 4).

`backward` writes into the arrays of `grads`, which stay the same objects, so a model may gather them once.
"""
from typing import Any

from common.checks import (
    InputError,
    InputTypeError,
    check_array,
    check_dout,
    check_flag,
    check_ids,
    check_number,
    check_range,
    check_shape,
)
from common.functions import (
    as_array,
    cross_entropy_error,
    mean_loss,
    relu,
    sigmoid,
    smooth,
    softmax,
    subtract_labels,
    to_labels,
)
from common.np import GPU, np, to_cpu
from common.outline import describe, outline, parts_of
from common.rows import RowSparse, write_rows
from common.ties import find_ties, tie_again

__all__ = ['GPU', 'Affine', 'Dropout', 'Embedding', 'Layer', 'MatMul', 'MeanSquaredLoss', 'Sigmoid', 'SigmoidWithLoss',
           'Softmax', 'SoftmaxWithLoss', 'cross_entropy_error', 'gather', 'np', 'relu', 'set_training', 'sigmoid',
           'softmax', 'walk']


class Layer:
    """What all layers share: the parameters given, and a gradient array beside each.

    forward leaves the shape of what it gave in `out_shape`, and backward begins with check_dout(name, dout, out_shape).
    Parameters that share memory, as embed_W and embed_W.T, share it in a copy and in a pickle too.
    `buffers`, a list: arrays that training changes without a gradient, as running means. They are saved with the
    parameters. `needs_dx`, set to False on a network's first layer: nobody asks for the gradient of its input, and
    where that takes time (Affine, Convolution) backward returns None.
    """

    buffers: Any = ()
    needs_dx = True

    def __init__(self, *params):
        for i, param in enumerate(params):
            if not isinstance(param, np.ndarray) or param.dtype.kind != 'f':
                kind = getattr(param, 'dtype', type(param).__name__)
                raise InputTypeError(f'{type(self).__name__}, params[{i}]: expected an array of floats, got {kind}')
        self.params = list(params)
        self.grads = [np.zeros_like(param) for param in params]

    def forward(self, *inputs):
        raise NotImplementedError(f'{type(self).__name__}.forward')

    def backward(self, *douts):
        raise NotImplementedError(f'{type(self).__name__}.backward')

    def __repr__(self):
        """As `Affine: (2, 10), (10,), 30 parameters`, or, where these are those of layers in it, a line for each."""
        return outline(self) if parts_of(self) else ': '.join(filter(None, (type(self).__name__, describe(self))))

    def __getstate__(self):
        return vars(self) | {'ties': find_ties(self.params or [])}

    def __setstate__(self, state):
        ties = state.pop('ties')
        vars(self).update(state)
        if ties:
            tie_again(self, walk(self), ties)

    def __getattr__(self, name):
        """Called for what is not there: Python's own error, and a hint behind it where it is not a property's."""
        try:
            return self.__getattribute__(name)          # raises once more what brought us here
        except AttributeError as error:
            if hasattr(type(self), name):               # a property, with an error inside
                raise
            hint = ('does __init__ call super().__init__, or set it?' if name in ('params', 'grads')
                    else 'if backward looks for it: a forward comes first')
            raise AttributeError(f'{error} ({hint})', name=name, obj=self) from None


def gather(*layers):
    """params, grads: the lists of all the layers, one after another, in their order."""
    return ([param for layer in layers for param in layer.params],
            [grad for layer in layers for grad in layer.grads])


def walk(model):
    """model and every layer in it, at any depth, each once: a list of all that has a forward.

    Looked for in attributes, and in lists, tuples and dicts among them.
    """
    found, seen, to_do = [], set(), [model]
    while to_do:
        thing = to_do.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        inside: Any = ()
        if isinstance(thing, list | tuple):
            inside = thing
        elif isinstance(thing, dict):
            inside = thing.values()
        elif hasattr(thing, 'forward'):
            found.append(thing)
            inside = getattr(thing, '__dict__', {}).values()
        to_do.extend(reversed(list(inside)))
    return found


def find_buffers(model):
    """The buffers of the model and of every layer in it, in the order of walk, each once: a list."""
    return list({id(buffer): buffer for layer in walk(model) for buffer in getattr(layer, 'buffers', ())}.values())


def set_training(model, flag):
    """Tell every layer of the model that cares, one with a `train_flg`, whether this is training. Dropout does."""
    check_flag('flag', flag)
    for layer in walk(model):
        if hasattr(layer, 'train_flg'):
            layer.train_flg = bool(flag)


def check_bias(b, M):
    """ValueError unless b is (M,), or (1, M), which adds up alike."""
    if b.shape != (1, M):
        check_shape('b', b, '', M)


def check_affine(W, b):
    """ValueError unless W (D, M) and b (M,) or (1, M) fit together."""
    check_shape('W', W, 'DM')
    check_bias(b, W.shape[1])


def check_last(name, x, D):
    """ValueError unless x is (…, D), with one number or more."""
    if x.shape[-1:] != (D,) or not x.size:
        raise InputError(f'{name}: expected (…, {D}), 1 or more numbers, got {x.shape}')


def as_dtype(name, x, dtype):
    """x as an array of this dtype: one-hot rows come as integers."""
    if type(x) is np.ndarray and x.dtype is dtype:
        return x
    return as_array(name, x).astype(dtype, copy=False)


def as_floats(name, x):
    """x, or its numbers as float64 where they are integers."""
    check_array(name, x)
    return np.asarray(x) if x.dtype.kind == 'f' else np.asarray(x, 'd')


def as_rows(x):
    """(…, D) -> (n, D), one row for each place before the last axis."""
    return x.reshape(-1, x.shape[-1])


class MatMul(Layer):
    """y = x W.

    x (…, D), W (D, M) -> y (…, M). Book, 1.2.2.
    """

    def __init__(self, W):
        super().__init__(W)
        check_shape('W', W, 'DM')

    def forward(self, x):
        W, = self.params
        x = as_dtype('x', x, W.dtype)
        if x.ndim != 2 or x.shape[1] != len(W) or not len(x):
            check_last('x', x, len(W))
        self.x = x
        y = x @ W if x.ndim == 2 else (as_rows(x) @ W).reshape(*x.shape[:-1], -1)           # (…, M)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        W, = self.params
        dW, = self.grads
        check_dout('dy', dy, self.out_shape)
        x = self.x
        if x.ndim != 2:
            x, dy = as_rows(x), as_rows(dy)     # (n, D), (n, M)
        np.matmul(x.T, dy, out=dW)              # (D, M)
        dx = dy @ W.T                           # (n, D)
        return dx if x is self.x else dx.reshape(self.x.shape)  # (…, D)


class Affine(Layer):
    """y = x W + b.

    x (…, D), W (D, M), b (M,) or (1, M) -> y (…, M). Book, 1.3.3.
    """

    def __init__(self, W, b):
        super().__init__(W, b)
        check_affine(W, b)

    def forward(self, x):
        W, b = self.params
        x = as_dtype('x', x, W.dtype)
        if x.ndim != 2 or x.shape[1] != len(W) or not len(x):
            check_last('x', x, len(W))
        self.x = x
        y = x @ W + b if x.ndim == 2 else (as_rows(x) @ W + b).reshape(*x.shape[:-1], -1)   # (…, M)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        W, _ = self.params
        dW, db = self.grads
        check_dout('dy', dy, self.out_shape)
        x = self.x
        if x.ndim != 2:
            x, dy = as_rows(x), as_rows(dy)     # (n, D), (n, M)
        np.matmul(x.T, dy, out=dW)              # (D, M)
        np.add.reduce(dy, axis=0, out=db.reshape(-1))   # (M,): dy.sum without its detour, 1 % of a small step each
        if not self.needs_dx:
            return None
        dx = dy @ W.T                           # (n, D)
        return dx if x is self.x else dx.reshape(self.x.shape)  # (…, D)


class Softmax(Layer):
    """y = softmax(x) over the last axis. x (N, V) -> y (N, V); `.out` keeps it."""

    def forward(self, x):
        self.out = out = softmax(x)
        return out.copy()                       # (N, V): the caller's, to write into too

    def backward(self, dy):
        check_dout('dy', dy, self.out.shape)
        dx = self.out * dy                      # (N, V)
        dx -= self.out * dx.sum(axis=-1, keepdims=True)
        return dx


class SoftmaxWithLoss(Layer):
    """Mean over the batch of −log softmax(x)[t], or of −Σ t·log softmax(x) where t are soft labels.

    x (N, V), t labels (N,), or rows (N, V), one-hot or of probabilities -> loss. `.y` keeps the probabilities, `.t` the
    labels, (N,) where rows are one-hot. Book, 1.3.1. With a label_smoothing ε above 0, the labels that count, and that
    `.t` keeps, are the soft ones (1 − ε)·t + ε/V, (N, V).
    """

    def __init__(self, label_smoothing=0.0):
        super().__init__()
        check_range('label_smoothing', label_smoothing, 0, 1)
        self.label_smoothing = label_smoothing

    def forward(self, x, t):
        t = to_labels(t, x)                     # (N,), or soft (N, V)
        y = softmax(x)                          # of x's shape
        if self.label_smoothing:
            t = smooth(t, (len(t), y.shape[-1]), self.label_smoothing, y.dtype)
        self.y, self.t = y, t
        return mean_loss(y.reshape(len(t), -1), t)

    def backward(self, dout=1):
        if type(dout) is not int:
            check_number('dout', dout)
        N = len(self.t)
        dx = self.y.copy()                      # (…, V)
        subtract_labels(dx.reshape(N, -1), self.t)
        dx *= dout / N
        return dx


class Sigmoid(Layer):
    """y = 1 / (1 + exp(−x)), elementwise; `.out` keeps y."""

    def forward(self, x):
        self.out = out = sigmoid(x)
        return np.copy(out)                     # the caller's, to write into too

    def backward(self, dy):
        check_dout('dy', dy, self.out.shape)
        return dy * self.out * (1 - self.out)


class MeanSquaredLoss(Layer):
    """½ Σ (y − t)², the mean over the batch.

    y (N, …), t of the same shape -> loss. Volume 1, 4.2.1.
    """

    def forward(self, y, t):
        y = as_floats('y', y)
        check_array('t', t)
        if y.shape != t.shape or not y.size or not y.ndim:
            raise InputError(f't: expected {y.shape}, as y, with one number or more, got {t.shape}')
        self.difference = difference = y - np.asarray(t, y.dtype)
        return (0.5 * np.vdot(difference, difference) / len(y)).astype(y.dtype)

    def backward(self, dout=1):
        check_number('dout', dout)
        return self.difference * float(dout / len(self.difference))


class SigmoidWithLoss(Layer):
    """Mean of −log(y + 1e-7) where t is 1 and of −log(1 − y + 1e-7) where t is 0, with y = sigmoid(x).

    x of any shape, t of the same -> loss; `.y` keeps the probabilities. Book, 4.2.4.
    """

    def forward(self, x, t):
        check_array('x', x)
        check_array('t', t)
        t = to_cpu(t)
        if not x.size:
            raise InputError(f'x: expected 1 or more scores, got {x.shape}')
        if x.shape != t.shape or not ((t == 0) | (t == 1)).all():
            seen = f'from {t.min()} to {t.max()}' if t.size else 'without a number'
            raise InputError(f't: expected {x.shape}, each 0 or 1, got labels {t.shape} {seen}')
        y = sigmoid(x)
        self.y, self.t = y, np.array(t, y.dtype)  # t a copy: backward wants the labels of now
        return -np.log(np.where(self.t, y, 1 - y) + 1e-7).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        return (self.y - self.t) * float(dout / self.y.size)


def check_ratio(dropout_ratio):
    check_range('dropout_ratio', dropout_ratio, 0, 1)
    return float(dropout_ratio)     # of NumPy's numbers, a float64 would make float32 arrays wider


class Dropout(Layer):
    """Zero a share `dropout_ratio` of x in training; scale by what would remain (1 − ratio) otherwise. Any shape."""

    def __init__(self, dropout_ratio=0.5):
        super().__init__()
        self.dropout_ratio = check_ratio(dropout_ratio)
        self.train_flg = True

    def forward(self, x, train_flg=None):
        """train_flg: whether this is training; None: as the attribute of that name says."""
        check_array('x', x)
        x = np.asarray(x)
        if train_flg is None:
            train_flg = self.train_flg
        check_flag('train_flg', train_flg)
        mask = np.random.rand(*x.shape) > self.dropout_ratio if train_flg else 1 - self.dropout_ratio
        self.mask = mask
        self.out_shape = x.shape
        return x * mask

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        return dy * self.mask


class Embedding(Layer):
    """y = W[idx]: the rows of W that idx names.

    W (V, D), idx any shape -> y idx.shape + (D,). sparse: the gradient is a RowSparse, which keeps only the rows that
    idx names, and optimizers change only those. Book, 4.1.
    """

    def __init__(self, W, sparse=False):
        super().__init__(W)
        check_shape('W', W, 'VD')
        check_flag('sparse', sparse)
        if sparse:
            self.grads = [RowSparse(W.shape, W.dtype)]

    def forward(self, idx):
        W, = self.params
        idx = to_cpu(idx)
        check_ids(idx, len(W), 'idx')
        idx = idx.astype(np.int64)              # a copy: backward wants the ids of now
        self.idx = idx
        return W.take(idx, axis=0)              # (..., D); twice as fast as W[idx]

    def backward(self, dy, shared=False):
        """dy of y's shape; where shared, one row for all ids along the last axis of idx: idx.shape[:-1] + (D,)."""
        write_rows(self.grads[0], self.idx, dy, shared)         # (V, D)
