"""Losses of pictures."""
from common.checks import InputError, check_array, check_number
from common.functions import sigmoid
from common.layers import Layer
from common.np import np


class BinaryCrossEntropyLoss(Layer):
    """Σ −t·log y − (1 − t)·log(1 − y) over each row, the mean over the batch, with y = sigmoid(x).

    x scores (N, …), t pixels of the same shape, each from 0 to 1 -> loss, in nats a row. Computed from the scores, as
    max(x, 0) − x·t + log(1 + exp(−|x|)): no logarithm of 0, however large they are. Where t is neither 0 nor 1, the
    smallest loss, at y = t, is not 0 but the entropy of t. Kingma and Welling, 2014, C.1.
    """

    def forward(self, x, t):
        check_array('x', x)
        x = np.asarray(x)
        check_array('t', t)
        if x.shape != t.shape or not x.size or not x.ndim:
            raise InputError(f't: expected {x.shape}, as x, with one number or more, got {t.shape}')
        if not (t.min() >= 0 and t.max() <= 1):         # NaN fails both
            raise InputError(f't: expected numbers from 0 to 1, got {t.min()} to {t.max()}')
        y = sigmoid(x)
        t = np.asarray(t, y.dtype)
        self.difference = y - t                         # (N, …)
        losses = np.maximum(x, 0) - x * t + np.log1p(np.exp(-abs(x)))       # (N, …)
        return losses.sum() / losses.dtype.type(len(x))

    def backward(self, dout=1):
        check_number('dout', dout)
        return self.difference * float(dout / len(self.difference))
