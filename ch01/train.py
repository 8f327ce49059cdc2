"""Train a two-layer network on the spiral, and draw where it parts the classes (book, 1.4)."""
from typing import Annotated

import numpy

from ch01.show_spiral_dataset import plot_points
from ch01.two_layer_net import TwoLayerNet
from common.cli import FROM_0, SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.optimizer import SGD
from common.trainer import Trainer
from dataset import spiral


def draw_boundary(ax, model, x, t, size=25):
    """Colour the plane by the class that the model finds at each place, with the points x (N, 2), t (N, 3) on it."""
    side = numpy.linspace(-1.2, 1.2, 400)
    a, b = numpy.meshgrid(side, side)                                   # (400, 400)
    scores = to_cpu(model.predict(numpy.stack([a.ravel(), b.ravel()], axis=1)))  # (160000, 3)
    ax.contourf(a, b, scores.argmax(axis=1).reshape(a.shape), levels=[-0.5, 0.5, 1.5, 2.5],
                colors=['C0', 'C1', 'C2'], alpha=0.25)
    plot_points(ax, x, t, size)


def show_boundary(model, x, t, name):
    """Show the plane as draw_boundary colours it."""
    _, ax = pyplot().subplots(figsize=(6, 6))
    draw_boundary(ax, model, x, t)
    ax.set(title='decision boundary', xlabel='x[:, 0]', ylabel='x[:, 1]')
    ax.legend(loc='lower right')
    show(name)


def main(
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 10,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 30,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 300,
    learning_rate: Annotated[float, "the optimizer's step size"] = 1.0,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train the network and draw its loss and where it parts the classes; returns the trainer."""
    x, t = spiral.load_data()
    if seed is not None:
        np.random.seed(seed)
    model = TwoLayerNet(input_size=2, hidden_size=hidden_size, output_size=3)
    trainer = Trainer(model, SGD(lr=learning_rate))
    trainer.fit(x, t, max_epoch, batch_size, eval_interval=10)
    trainer.plot(name='ch01_train_loss')
    show_boundary(model, x, t, 'ch01_train_boundary')
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
