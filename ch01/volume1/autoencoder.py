"""An autoencoder, which may be a denoising one: pictures through a bottleneck and back."""
import math
from itertools import pairwise

from ch01.volume1.multi_layer_net import check_hidden
from ch01.volume1.network import Network
from common.activation_layers import Relu
from common.checks import check_range, check_sizes
from common.functions import sigmoid
from common.layers import Affine, as_dtype
from common.loss_layers import BinaryCrossEntropyLoss
from common.np import np
from common.weights import he


def stack(sizes, dtype='f'):
    """Affine layers from size to size, a ReLU between two of them: a list. First weights by He."""
    layers: list = []
    for n, m in pairwise(sizes):
        layers += [Affine(he(n, m, dtype), np.zeros(m, dtype)), Relu()]
    return layers[:-1]


def through(layers, x):
    """x (N, …) through the layers, one after another."""
    for layer in layers:
        x = layer.forward(x)
    return x


def add_noise(x, noise):
    """x + noise·ε with normal ε, cut to 0 … 1 so that they are pixels still. x floats, of any shape."""
    x = np.asarray(x)
    noisy = x + (noise * np.random.randn(*x.shape)).astype(x.dtype)
    return np.clip(noisy, 0, 1, out=noisy)


class Autoencoder(Network):
    """Pictures x (N, I) -> z (N, bottleneck) -> scores (N, I); the loss is that of these as the pixels t (N, I).

    The encoder's affine layers go from input_size over the hidden sizes to the bottleneck, a ReLU between two of them;
    the decoder's go the same way back. predict gives scores, reconstruct the pixels: sigmoid(scores). Hinton and
    Salakhutdinov, 2006. noise: in training x is seen through so much noise, each time another, and t as it is: the
    model learns to clean. Vincent et al., 2008.
    """

    def __init__(self, input_size=784, hidden_size_list=(256, 64), bottleneck=32, noise=0.0, dtype='f'):
        check_sizes(input_size=input_size, bottleneck=bottleneck)
        check_hidden(hidden_size_list)
        check_range('noise', noise, 0, math.inf)
        sizes = [input_size, *hidden_size_list, bottleneck]
        self.encoder = stack(sizes, dtype)
        self.decoder = stack(sizes[::-1], dtype)
        self.noise = noise
        self.sizes = {'input_size': input_size, 'hidden_size_list': list(hidden_size_list), 'bottleneck': bottleneck}
        super().__init__(self.encoder + self.decoder, BinaryCrossEntropyLoss())

    def forward(self, x, t):
        if self.train_flg and self.noise:
            x = add_noise(as_dtype('x', x, self.params[0].dtype), self.noise)
        return super().forward(x, t)

    def encode(self, x):
        return through(self.encoder, x)             # (N, bottleneck)

    def decode(self, z):
        return sigmoid(through(self.decoder, z))    # (N, I)

    def reconstruct(self, x):
        return self.decode(self.encode(x))
