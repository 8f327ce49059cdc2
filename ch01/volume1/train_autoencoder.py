"""Train an autoencoder: digits through a bottleneck and back (Hinton and Salakhutdinov, 2006).

32 numbers are enough for a digit that is hard to tell from its original; with --bottleneck 2 digits blur, but the two
numbers are a map of them, which is drawn too. With --noise 0.5 it learns to clean noisy digits (Vincent et al., 2008).
"""
import math
from typing import Annotated, Literal

import numpy

from ch01.volume1.autoencoder import Autoencoder, add_noise
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.evaluation import not_training
from common.figures import pyplot, show
from common.np import np, to_cpu, to_gpu
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from dataset import images

DRAWN = 5000        # points in the plane: more hide one another


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'], 'pictures: MNIST where it can be had, else digits made here']
    = 'auto',
    noise: Annotated[float, 'standard deviation of the noise to be cleaned away, pixels being 0 to 1'] = 0.0,
    # model
    hidden_size: Annotated[int, 'units of the layer beside the pixels, on both sides'] = 256,
    inner_size: Annotated[int, 'units of the layer beside the bottleneck, on both sides'] = 64,
    bottleneck: Annotated[int, 'numbers that a picture must pass as'] = 32,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 20,
    learning_rate: Annotated[float, "Adam's step size"] = 0.001,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights, batches and noise; none: another each time', SEEDS] = None,
):
    """Train, save and draw; returns, of the test pictures, the loss and the mean squared error of a pixel.

    With noise, also the error that noisy pixels have before they are cleaned.
    """
    flags = dict(locals())
    if not 0 <= noise < math.inf:
        raise InputError(f'noise: expected a finite number, 0 or more, got {noise}')
    if seed is not None:
        np.random.seed(seed)
    (x_train, _), (x_test, t_test) = images.load_data(data)
    x_seen = add_noise(x_test, noise) if noise else x_test          # (N, 784): what the model is tested on

    model = Autoencoder(x_train.shape[1], (hidden_size, inner_size), bottleneck, noise)
    trainer = Trainer(model, Adam(learning_rate))
    with training(trainer, type(model).__name__, flags, (x_train, x_test), resume=resume):
        trainer.fit(x_train, x_train, max_epoch, batch_size, eval_interval=200,
                    validate=lambda: loss_of(model, x_seen, x_test))

    y = model.reconstruct(x_seen)
    found = {'loss': loss_of(model, x_seen, x_test), 'error': squared_error(y, x_test)}
    if noise:
        found['noisy error'] = squared_error(x_seen, x_test)
    for name, value in found.items():
        print(f'{name}: {value:.4g}')

    places = first_of_each(t_test)
    rows = {'original': x_test, 'noisy': x_seen, 'cleaned': y} if noise else {'original': x_test, 'rebuilt': y}
    draw_rows({label: x[places] for label, x in rows.items()},
              f'test digits through a bottleneck of {bottleneck}, error of a pixel {found["error"]:.4f}'
              + (f', before {found["noisy error"]:.4f}' if noise else ''))
    show('ch01_volume1_train_autoencoder')
    if bottleneck == 2:
        plot_bottleneck(model.encode(x_seen[:DRAWN]), t_test[:DRAWN])
        show('ch01_volume1_train_autoencoder_plane')
    return found


def loss_of(model, x, t, batch_size=1000):
    """The loss of pictures x (N, I) beside t (N, I), in nats a picture. It is not training meanwhile."""
    with not_training(model):
        return sum(float(model.forward(x[i:i + batch_size], t[i:i + batch_size])) * len(x[i:i + batch_size])
                   for i in range(0, len(x), batch_size)) / len(x)


def squared_error(y, x):
    """The mean of (y − x)² over all pixels of all pictures, (N, I) each."""
    return float(np.square(y - to_gpu(x)).mean())


def first_of_each(t):
    """The places of the first 0, the first 1 … in the labels t (N,)."""
    return [int(numpy.flatnonzero(t == label)[0]) for label in numpy.unique(t)]


def sheet(pictures, columns, gap=0):
    """Square pictures (n, I) side by side, `columns` in a row, a gap of so many white pixels between -> one picture."""
    side = math.isqrt(pictures.shape[1])
    cells = numpy.pad(to_cpu(pictures).reshape(-1, columns, side, side), [(0, 0), (0, 0), (0, gap), (0, gap)])
    return cells.swapaxes(1, 2).reshape(-1, columns * (side + gap))[:-gap or None, :-gap or None]


def draw_rows(rows, title):
    """Draw pictures in rows under one another. rows: a row's label -> its pictures (n, I), n the same in all."""
    plt = pyplot()
    n = len(next(iter(rows.values())))
    fig, axes = plt.subplots(len(rows), 1, figsize=(n, 1.1 * len(rows) + 0.4), squeeze=False)
    fig.suptitle(title)
    for ax, (label, pictures) in zip(axes[:, 0], rows.items(), strict=True):
        ax.imshow(sheet(pictures, n, gap=2), cmap='gray_r', vmin=0, vmax=1)
        ax.set_ylabel(label)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)


def plot_bottleneck(z, t):
    """Draw the plane of a 2-wide bottleneck: z (N, 2), digits t (N,)."""
    from matplotlib.ticker import FixedLocator, NullLocator

    plt = pyplot()
    plt.figure(figsize=(7.5, 6))
    draw_plane(z, t)
    plt.title('where test digits lie between encoder and decoder')
    plt.xlabel('first number of the bottleneck')
    plt.ylabel('second number')
    plt.xscale('asinh')     # far out like a logarithm: most digits crowd around 0
    plt.yscale('asinh')
    for axis in plt.gca().xaxis, plt.gca().yaxis:
        axis.set_major_locator(FixedLocator([-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100]))
        axis.set_major_formatter('{x:g}')
        axis.set_minor_locator(NullLocator())


def draw_plane(z, t):
    """Draw places z (N, 2) as points into the current axes, coloured by their digits t (N,).

    In the middle of a digit's points stands the digit: ten colours are more than the colour-blind tell apart.
    """
    plt = pyplot()
    z, t = to_cpu(z), to_cpu(t)
    points = plt.scatter(z[:, 0], z[:, 1], s=8, c=t, cmap='tab10', vmin=0, vmax=9, linewidths=0, alpha=0.7)
    for digit in numpy.unique(t).tolist():
        plt.text(*numpy.median(z[t == digit], axis=0), digit, ha='center', va='center', fontweight='bold',
                 bbox={'boxstyle': 'circle,pad=0.15', 'facecolor': 'white', 'alpha': 0.8, 'linewidth': 0})
    colours, labels = points.legend_elements(num=list(range(10)))
    plt.legend(colours, labels, title='digit', loc='center left', bbox_to_anchor=(1, 0.5))


if __name__ == '__main__':
    run(main, parallel=True)
