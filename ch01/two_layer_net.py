"""A network of two affine layers with a sigmoid between them."""
from common.base_model import BaseModel
from common.checks import check_sizes
from common.layers import Affine, Sigmoid, SoftmaxWithLoss, gather
from common.np import np


class TwoLayerNet(BaseModel):
    """scores = sigmoid(x W1 + b1) W2 + b2, float64.

    x (N, I) -> scores (N, O); with t, labels (N,) or one-hot (N, O), the mean loss. Book, 1.4.2.
    """

    def __init__(self, input_size, hidden_size, output_size):
        check_sizes(input_size=input_size, hidden_size=hidden_size, output_size=output_size)
        I, H, O = input_size, hidden_size, output_size
        W1 = 0.01 * np.random.randn(I, H)
        b1 = np.zeros(H)
        W2 = 0.01 * np.random.randn(H, O)
        b2 = np.zeros(O)
        self.layers = [Affine(W1, b1), Sigmoid(), Affine(W2, b2)]
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers)

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x                                # (N, O)

    def forward(self, x, t):
        return self.loss_layer.forward(self.predict(x), t)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)   # (N, O)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout                             # (N, I)
