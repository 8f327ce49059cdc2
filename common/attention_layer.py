"""Attention: for each decoder state, a mean of the encoder's states weighted by how well they agree (book, 8.1)."""
from common.checks import InputError, check_dout, check_shape
from common.functions import softmax
from common.layers import Layer, Softmax


class WeightSum(Layer):
    """c = Σ_t a_t hs_t. hs (N, T, H), a (N, T) -> c (N, H)."""

    def forward(self, hs, a):
        check_shape('hs', hs, 'NTH')
        check_shape('a', a, '', *hs.shape[:2])
        self.hs, self.a, self.out_shape = hs, a, (hs.shape[0], hs.shape[2])
        return (a[:, :, None] * hs).sum(axis=1)                 # (N, H)

    def backward(self, dc):
        check_dout('dc', dc, self.out_shape)
        dhs = self.a[:, :, None] * dc[:, None, :]               # (N, T, H)
        da = (self.hs * dc[:, None, :]).sum(axis=2)             # (N, T)
        return dhs, da


class AttentionWeight(Layer):
    """a = softmax over t of hs_t · h. hs (N, T, H), h (N, H) -> a (N, T)."""

    def __init__(self):
        super().__init__()
        self.softmax = Softmax()

    def forward(self, hs, h):
        check_shape('hs', hs, 'NTH')
        check_shape('h', h, '', len(hs), hs.shape[2])
        self.hs, self.h, self.out_shape = hs, h, hs.shape[:2]
        return self.softmax.forward((hs * h[:, None, :]).sum(axis=2))   # (N, T)

    def backward(self, da):
        check_dout('da', da, self.out_shape)
        ds = self.softmax.backward(da)[:, :, None]              # (N, T, 1)
        dhs = ds * self.h[:, None, :]                           # (N, T, H)
        dh = (ds * self.hs).sum(axis=1)                         # (N, H)
        return dhs, dh


class Attention(Layer):
    """AttentionWeight, then WeightSum: one decoding step, to read.

    hs (N, T, H), h (N, H) -> c (N, H); `.attention_weight` (N, T) keeps the weights. Book, 8.1.4.
    """

    def __init__(self):
        super().__init__()
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()
        self.attention_weight = None

    def forward(self, hs, h):
        a = self.attention_weight_layer.forward(hs, h)          # (N, T)
        self.attention_weight = a.copy()
        return self.weight_sum_layer.forward(hs, a)

    def backward(self, dc):
        dhs_sum, da = self.weight_sum_layer.backward(dc)
        dhs_weight, dh = self.attention_weight_layer.backward(da)
        return dhs_sum + dhs_weight, dh                         # (N, T, H), (N, H)


class TimeAttention(Layer):
    """Attention of all decoding steps in three matrix products, to run.

    hs_enc (N, S, H), hs_dec (N, T, H) -> (N, T, H). `.attention_weights` holds one (N, S) array a decoding step.
    """

    def __init__(self):
        super().__init__()
        self.attention_weights = None

    def forward(self, hs_enc, hs_dec):
        check_shape('hs_enc', hs_enc, 'NSH')
        check_shape('hs_dec', hs_dec, 'NT', hs_enc.shape[2])
        if len(hs_dec) != len(hs_enc):
            raise InputError(f'hs_dec: expected a batch of {len(hs_enc)}, as in hs_enc, got {len(hs_dec)}')
        self.hs_enc, self.hs_dec, self.out_shape = hs_enc, hs_dec, hs_dec.shape
        self.a = a = softmax(hs_dec @ hs_enc.swapaxes(1, 2))    # (N, T, S)
        self.attention_weights = list(a.swapaxes(0, 1).copy())
        return a @ hs_enc                                       # (N, T, H)

    def backward(self, dout):
        check_dout('dout', dout, self.out_shape)
        da = dout @ self.hs_enc.swapaxes(1, 2)                  # (N, T, S)
        da *= self.a
        ds = da - self.a * da.sum(axis=2, keepdims=True)        # (N, T, S): through the softmax
        dhs_enc = self.a.swapaxes(1, 2) @ dout                  # (N, S, H)
        dhs_enc += ds.swapaxes(1, 2) @ self.hs_dec
        return dhs_enc, ds @ self.hs_enc                        # (N, S, H), (N, T, H)
