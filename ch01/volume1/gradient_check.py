"""The gradients of the two-layer network by backward, beside those by finite differences (volume 1, 5.7.3).

All 39,760 numbers are compared: two forward passes each, some seconds; backward takes a thousandth of one. Where
the two agree, backward is right. What is left of a difference is that of the loss: it takes log(y + 10⁻⁷), and
backward has the gradient of log y.
"""
import time
from typing import Annotated, Literal

from ch01.volume1.two_layer_net import TwoLayerNet
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from dataset import images

NAMES = 'W1', 'b1', 'W2', 'b2'


def draw(numerical, backward):
    """Both gradients against each other, and how far they are apart. Lists of arrays, as NAMES."""
    plt = pyplot()
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8))
    apart = [abs(n - b).ravel() for n, b in zip(numerical, backward, strict=True)]
    bins = np.logspace(-14, max(-6, float(np.log10(max(a.max() for a in apart) + 1e-14)) + 0.5), 60)
    left.axline((1e-6, 1e-6), (1, 1), color='0.8', zorder=0)
    for name, n, b, difference in zip(NAMES, numerical, backward, apart, strict=True):
        left.plot(abs(b).ravel(), abs(n).ravel(), '.', markersize=5, label=name)
        right.hist(np.maximum(difference, bins[0]), bins=bins, histtype='step', linewidth=1.5, label=name)
    left.set(title='every gradient, computed twice', xlabel='|backward|', ylabel='|finite differences|',
             xscale='log', yscale='log', xlim=(1e-6, 1), ylim=(1e-6, 1))
    right.set(title='how far apart the two are', xlabel='|numerical − backward|  (equal ones at the left end)',
              ylabel='how many', xscale='log', yscale='log')
    right.axvline(3e-7, color='0.5', linestyle='--', label="3·10⁻⁷: the book's means are below")
    left.legend()
    right.legend(loc='upper center')


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    batch_size: Annotated[int, 'pictures that the loss is of, the first'] = 3,
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 50,
    # chance
    seed: Annotated[int | None, 'of the weights, for a run that can be repeated', SEEDS] = None,
):
    """Print the mean difference for each parameter and draw all; returns the means, a dict."""
    (x, t), _ = images.load_data(data)
    x, t = x[:batch_size].astype(np.float64), t[:batch_size]    # float64: less precise differences mean nothing
    if seed is not None:
        np.random.seed(seed)

    model = TwoLayerNet(x.shape[1], hidden_size, 10, dtype='d')
    start = time.perf_counter()
    backward = model.gradient(x, t)
    middle = time.perf_counter()
    numerical = model.numerical_gradient(x, t)
    end = time.perf_counter()
    print(f'backward: {middle - start:.4f} s, finite differences: {end - middle:.1f} s')
    means = {name: float(abs(n - b).mean()) for name, n, b in zip(NAMES, numerical, backward, strict=True)}
    for name, mean in means.items():
        print(f'{name}: mean |numerical − backward| {mean:.2e}')
    draw(numerical, backward)
    show('ch01_volume1_gradient_check')
    return means


if __name__ == '__main__':
    run(main)
