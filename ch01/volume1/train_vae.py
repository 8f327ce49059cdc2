"""Train a variational autoencoder on digits, and walk through the plane of its 2 numbers (Kingma and Welling, 2014).

−ELBO, a bound on −log p, comes to about 142 nats a test picture. Each place of the plane is a digit, and
neighbours change into one another.
"""
from statistics import NormalDist
from typing import Annotated, Literal

import numpy

from ch01.volume1.train_autoencoder import DRAWN, draw_plane, sheet
from ch01.volume1.vae import VariationalAutoencoder
from common.cli import FROM_0, SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from dataset import images


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'], 'pictures: MNIST where it can be had, else digits made here']
    = 'auto',
    # model
    hidden_size: Annotated[int, 'units of the layer beside the pixels, on both sides'] = 256,
    inner_size: Annotated[int, 'units of the layer beside the latent numbers, on both sides'] = 64,
    latent_size: Annotated[int, 'numbers that a picture becomes; a picture is drawn where they are 2'] = 2,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 30,
    learning_rate: Annotated[float, "Adam's step size"] = 0.001,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights, batches and latent numbers; none: another each time', SEEDS] = None,
):
    """Train, save and draw; returns −ELBO and its two parts, in nats a test picture."""
    flags = dict(locals())
    if seed is not None:
        np.random.seed(seed)
    (x_train, _), (x_test, t_test) = images.load_data(data)

    model = VariationalAutoencoder(x_train.shape[1], (hidden_size, inner_size), latent_size)
    trainer = Trainer(model, Adam(learning_rate))
    with training(trainer, type(model).__name__, flags, (x_train, x_test), resume=resume):
        trainer.fit(x_train, x_train, max_epoch, batch_size, eval_interval=200,
                    validate=lambda: measure(model, x_test)['negative ELBO'])

    found = measure(model, x_test)
    for name, value in found.items():
        print(f'{name}: {value:.2f}')
    if latent_size == 2:
        mean, _ = model.encode(x_test[:DRAWN])
        draw_walk(model, mean, t_test[:DRAWN])
        show('ch01_volume1_train_vae')
    return found


def measure(model, x, batch_size=1000):
    """−ELBO of pictures x (N, I) and its two parts, in nats a picture, with one z drawn for each."""
    parts = numpy.zeros(2)
    for i in range(0, len(x), batch_size):
        batch = x[i:i + batch_size]
        model.forward(batch, batch)     # in training, as a model is from the start: ε is not 0
        parts += len(batch) * numpy.array([float(model.reconstruction), float(model.divergence)])
    reconstruction, divergence = (parts / len(x)).tolist()
    return {'negative ELBO': reconstruction + divergence, 'reconstruction': reconstruction, 'divergence': divergence}


def walk(model, n=20):
    """n × n pictures (n·n, I), decoded at the quantiles of the normal in both directions, the highest row first.

    Between neighbours lies the same share of what the normal draws.
    """
    z = [NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)]
    return model.decode(numpy.array([(a, b) for b in reversed(z) for a in z], model.params[0].dtype))


def draw_walk(model, z, t):
    """Draw the walk, and beside it the same square with the places z (N, 2) of digits t (N,) in it."""
    plt = pyplot()
    share = numpy.vectorize(NormalDist().cdf)   # of what the normal draws, below a number: 0 to 1
    ticks = [-2, -1, -0.5, 0, 0.5, 1, 2]
    _, axes = plt.subplots(1, 2, figsize=(14, 6.8))
    for ax, title in zip(axes, ['digits decoded all over the plane', 'test digits, encoded'], strict=True):
        plt.sca(ax)
        plt.title(title)
        plt.xticks(share(ticks), list(map(str, ticks)))
        plt.yticks(share(ticks), list(map(str, ticks)))
        plt.xlabel('first latent number')
        plt.ylabel('second latent number')
    axes[0].imshow(sheet(walk(model), 20), cmap='gray_r', vmin=0, vmax=1, extent=(0, 1, 0, 1))
    draw_plane(share(to_cpu(z)), t)
    plt.axis((0, 1, 0, 1))
    axes[1].set_aspect('equal')


if __name__ == '__main__':
    run(main, parallel=True)
