"""What the networks of volume 1 share: layers one after another, and a loss behind them."""
import math

from common import evaluation
from common.activation_layers import PRelu
from common.base_model import BaseModel
from common.checks import check_range
from common.gradient_check import numerical_gradient
from common.layers import SoftmaxWithLoss, gather
from common.norm_layers import BatchNormalization, LayerNorm

# what volume 1 calls the parameters of a layer, and we those that it does not have; of any other: W, b
NAMES = {BatchNormalization: ('gamma', 'beta'), LayerNorm: ('gamma', 'beta'), PRelu: ('slope',)}


class Network(BaseModel):
    """y = the layers one after another; with t, the loss of y, and ½ λ Σ W² over all weights, but no biases.

    layers: a list. loss_layer: SoftmaxWithLoss where none is given, for a classifier. λ = weight_decay_lambda.
    names: the parameters' in volume 1, W1, b1, gamma1, beta1, W2, …, by which its pickles load. Volume 1, 5.7, 6.4.2.
    """

    def __init__(self, layers, loss_layer=None, weight_decay_lambda=0):
        check_range('weight_decay_lambda', weight_decay_lambda, 0, math.inf)
        self.layers = layers
        self.loss_layer = loss_layer or SoftmaxWithLoss()
        self.weight_decay_lambda = weight_decay_lambda
        self.params, self.grads = gather(*layers)
        self.names = name_params(layers)
        layers[0].needs_dx = False

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def forward(self, x, t):
        loss = self.loss_layer.forward(self.predict(x), t)
        if self.weight_decay_lambda:
            squares = sum(float((W * W).sum()) for W in self.params if W.ndim > 1)
            loss += loss.dtype.type(0.5 * self.weight_decay_lambda * squares)
        return loss

    def backward(self, dout=1):
        dx = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        if self.weight_decay_lambda:
            for W, dW in zip(self.params, self.grads, strict=True):
                if W.ndim > 1:
                    dW += dout * self.weight_decay_lambda * W
        return dx

    # the names of volume 1

    loss = forward

    def accuracy(self, x, t, batch_size=100):
        """The share of rows x (N, …) whose largest score is that of the label in t, (N,) or one-hot (N, V)."""
        return evaluation.accuracy(self, x, t, batch_size)

    def gradient(self, x, t):
        """The gradients of the loss, a list of arrays in the order of params: copies of what backward leaves."""
        self.forward(x, t)
        self.backward()
        return [grad.copy() for grad in self.grads]

    def numerical_gradient(self, x, t):
        """The same by central differences: two forward passes for each number. For networks in float64."""
        return [numerical_gradient(lambda _: float(self.forward(x, t)), param) for param in self.params]


def name_params(layers):
    """The names of the layers' parameters: numbered, with a new number at each layer that has a matrix or filters.

    None where a layer has more of them than W and b.
    """
    names: list = []
    number = 0
    for layer in layers:
        kinds = NAMES.get(type(layer), ('W', 'b'))
        if len(layer.params) > len(kinds):
            return None
        number += any(param.ndim > 1 for param in layer.params)
        names += [f'{kind}{number}' for kind, _ in zip(kinds, layer.params, strict=False)]
    return names
