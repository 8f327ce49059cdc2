"""Four optimizers on their way down a long valley, f = x²/20 + y², from (−7, 2) (volume 1, 6.1)."""
from typing import Annotated

from common.cli import FROM_0, run
from common.figures import pyplot, show
from common.np import np
from common.optimizer import SGD, AdaGrad, Adam, Momentum

START = (-7.0, 2.0)


def f(x, y):
    return x**2 / 20 + y**2


def gradient(x, y):
    return x / 10, 2 * y


def walk(optimizer, steps):
    """The places where the optimizer comes by, (steps + 1, 2). x and y are two parameters of one number each."""
    params = [np.array([value]) for value in START]
    path = [START]
    for _ in range(steps):
        optimizer.update(params, list(gradient(*params)))
        path.append((float(params[0][0]), float(params[1][0])))
    return np.array(path)


def main(
    # learning rates
    sgd: Annotated[float, 'the learning rate of SGD'] = 0.95,
    momentum: Annotated[float, 'that of Momentum'] = 0.1,
    adagrad: Annotated[float, 'that of AdaGrad'] = 1.5,
    adam: Annotated[float, 'that of Adam'] = 0.3,
    # length
    steps: Annotated[int, 'updates', FROM_0] = 30,
):
    """Draw the paths over the contours; returns them, (steps + 1, 2) by the optimizer's name."""
    plt = pyplot()
    optimizers = (SGD(sgd), Momentum(momentum), AdaGrad(adagrad), Adam(adam))
    paths = {type(optimizer).__name__: walk(optimizer, steps) for optimizer in optimizers}

    figure, axes = plt.subplots(2, 2, figsize=(13, 6.8), sharex=True, sharey=True)
    x, y = np.meshgrid(np.linspace(-10, 10, 201), np.linspace(-5, 5, 201))
    for ax, optimizer, (name, path) in zip(axes.flat, optimizers, paths.items(), strict=True):
        end = path[-1]
        print(f'{name:>8}: ends at ({end[0]:7.4f}, {end[1]:7.4f}), f = {f(*end):.4f}')
        ax.contour(x, y, f(x, y), levels=np.arange(0.25, 6, 0.5)**2, cmap='Blues_r', linewidths=0.8)
        ax.plot(*path.T, '-', color='#c0392b', alpha=0.6, zorder=3)
        points = ax.scatter(*path.T, c=np.arange(len(path)), cmap='autumn_r', edgecolor='#7b241c', linewidth=0.5, s=32,
                            zorder=4)
        ax.plot(0, 0, 'k+', markersize=14, zorder=5)
        ax.annotate('start', START, (-10, 10), textcoords='offset points', ha='right')
        ax.set(title=f'{name}, learning rate {optimizer.lr:g}: f = {f(*end):.4f} at the end', xlim=(-10, 10),
               ylim=(-3.5, 3.5))
    figure.supxlabel('x')
    figure.supylabel('y')
    figure.colorbar(points, ax=axes, label='step', shrink=0.6)
    show('ch01_volume1_optimizer_paths')
    return paths


if __name__ == '__main__':
    run(main)
