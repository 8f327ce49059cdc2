"""A variational autoencoder: each picture becomes a cloud in a plane, and each place of the plane a picture."""
from ch01.volume1.autoencoder import stack, through
from ch01.volume1.multi_layer_net import check_hidden
from common.base_model import BaseModel
from common.checks import check_shape, check_sizes
from common.functions import sigmoid
from common.layers import gather
from common.loss_layers import BinaryCrossEntropyLoss
from common.np import np


def divergence(mean, log_var):
    """½ Σ (μ² + σ² − 1 − log σ²): of the normal (μ, σ²) from the normal (0, 1), the Kullback-Leibler divergence.

    mean, log_var (N, L) -> (N,), in nats. Kingma and Welling, 2014, appendix B.
    """
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)


class VariationalAutoencoder(BaseModel):
    """Pictures x (N, I) -> mean and log variance (N, L) -> z = mean + ε·√variance -> scores (N, I), with normal ε.

    The loss is that of the scores as pixels t (N, I), plus the divergence of z from the normal (0, 1), both as the mean
    over the batch: −ELBO, an upper bound of −log p(t). `.reconstruction` and `.divergence` keep the two. ε is drawn
    anew each time; where it is not training, it is 0. Encoder and decoder are as Autoencoder's. Kingma and Welling,
    2014.
    """

    def __init__(self, input_size=784, hidden_size_list=(256, 64), latent_size=2, dtype='f'):
        check_sizes(input_size=input_size, latent_size=latent_size)
        check_hidden(hidden_size_list)
        sizes = [input_size, *hidden_size_list]
        self.encoder = stack([*sizes, 2 * latent_size], dtype)
        self.decoder = stack([latent_size, *sizes[::-1]], dtype)
        self.loss_layer = BinaryCrossEntropyLoss()
        self.params, self.grads = gather(*self.encoder, *self.decoder)
        self.encoder[0].needs_dx = False
        self.sizes = {'input_size': input_size, 'hidden_size_list': list(hidden_size_list), 'latent_size': latent_size}

    def encode(self, x):
        """mean, log variance: (N, L) each."""
        check_shape('x', x, 'N', self.sizes['input_size'])
        mean, log_var = np.split(through(self.encoder, x), 2, axis=1)
        return mean, log_var

    def decode(self, z):
        return sigmoid(through(self.decoder, z))                    # (N, I)

    def reconstruct(self, x):
        mean, _ = self.encode(x)
        return self.decode(mean)

    def forward(self, x, t):
        mean, log_var = self.encode(x)
        deviation = np.exp(0.5 * log_var)                           # (N, L)
        noise = np.random.randn(*mean.shape) if self.train_flg else np.zeros(mean.shape)
        noise = noise.astype(mean.dtype)
        self.mean, self.deviation, self.noise = mean, deviation, noise
        scores = through(self.decoder, mean + noise * deviation)    # (N, I)
        self.reconstruction = self.loss_layer.forward(scores, t)
        self.divergence = divergence(mean, log_var).mean()
        return self.reconstruction + self.divergence

    def backward(self, dout=1):
        dz = self.loss_layer.backward(dout)                         # (N, I)
        for layer in reversed(self.decoder):
            dz = layer.backward(dz)                                 # at the end (N, L)
        share = float(dout / len(dz))                               # of each row in the mean
        dmean = dz + share * self.mean
        dlog_var = 0.5 * (dz * self.noise * self.deviation + share * (self.deviation**2 - 1))
        dh = np.concatenate([dmean, dlog_var], axis=1)              # (N, 2L)
        for layer in reversed(self.encoder):
            dh = layer.backward(dh)
        return dh
