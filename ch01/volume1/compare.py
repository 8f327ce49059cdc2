"""What the pages share that train several networks to compare them."""
import math

import numpy

from common.checks import check_sizes
from common.evaluation import accuracy
from common.figures import pyplot
from common.trainer import train_step


class Curves:
    """As a trainer's callback: keeps the share of right answers on each of `data`, after each `every`-th epoch.

    data: x (N, …), t by a name each. `.epochs` holds the epochs looked at, `.shares` a list of shares by each name.
    Nothing is printed.
    """

    def __init__(self, every=1, **data):
        check_sizes(every=every)
        self.every = every
        self.data = data
        self.epochs = []
        self.shares: dict = {name: [] for name in data}

    def __call__(self, trainer):
        if trainer.current_epoch % self.every == 0:
            self.epochs.append(trainer.current_epoch)
            for name, share in self.measure(trainer.model).items():
                self.shares[name].append(share)

    def measure(self, model):
        """The share of right answers of the model on each of data, a dict."""
        return {name: accuracy(model, x, t, batch_size=500) for name, (x, t) in self.data.items()}


def draw_batches(N, batch_size, steps):
    """The rows that each step learns from, drawn with replacement -> (steps, batch_size).

    All that is compared learns from the same ones. Volume 1, 4.5.2.
    """
    check_sizes(batch_size=batch_size, steps=steps)
    return numpy.random.randint(N, size=(steps, batch_size))


def losses_of(model, optimizer, x, t, batches):
    """Train with one step for each row of batches (steps, N), ids of rows of x and t -> the losses, a list of floats.

    FloatingPointError where one is NaN or infinite.
    """
    losses = []
    for i, batch in enumerate(batches):
        losses.append(float(train_step(model, optimizer, x[batch], t[batch])))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f'the loss of step {i + 1} is {losses[-1]}: try a smaller learning rate')
    return losses


def smooth_curve(values, width=51):
    """Each of values (N,) mixed with those beside it, `width` (odd) in all, by a Kaiser window -> (N,)."""
    window = numpy.kaiser(width, 2)
    padded = numpy.pad(numpy.asarray(values, 'd'), width // 2, mode='reflect')
    return numpy.convolve(padded, window / window.sum(), mode='valid')


def plot_losses(curves, title):
    """Draw the loss of each step, smoothed. curves: a label -> the losses, a list."""
    plt = pyplot()
    for label, losses in curves.items():
        plt.plot(range(1, len(losses) + 1), smooth_curve(losses), label=label)
    plt.title(title)
    plt.xlabel('step')
    plt.ylabel('loss, smoothed')
    plt.grid(True)
    plt.legend()


def last_mean(losses, count=100):
    """The mean of the last `count` losses."""
    return float(numpy.mean(losses[-count:]))
