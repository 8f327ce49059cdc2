"""Gradients before and after clipping: scaled down together until their norm is max_norm (book, 6.1.4).

The picture shows it of gradients of two numbers, as arrows: the long ones end on the circle, their direction stays.
"""
from typing import Annotated

from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.util import clip_grads


def norm(grads):
    """The Euclidean norm of all the arrays taken as one vector."""
    return float(np.sqrt(sum((grad**2).sum() for grad in grads)))


def main(
    max_norm: Annotated[float, 'norm to which larger gradients are scaled down'] = 5.0,
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print the gradients of two matrices before and after, and draw others; returns the first ones, clipped."""
    if seed is not None:
        np.random.seed(seed)
    dW1, dW2 = np.random.rand(3, 3) * 10, np.random.rand(3, 3) * 10
    grads = [dW1, dW2]
    print(f'before: norm {norm(grads):.4f}, dW1 {dW1.ravel()}')
    clip_grads(grads, max_norm)
    print(f'after:  norm {norm(grads):.4f}, dW1 {dW1.ravel()}')

    angles = 2 * np.pi * (np.arange(9) + 0.3 * np.random.randn(9)) / 9
    lengths = max_norm * (0.3 + 1.5 * np.random.rand(9))
    draw(np.stack((lengths * np.cos(angles), lengths * np.sin(angles)), axis=1), max_norm)
    show('ch06_clip_grads')
    return grads


def draw(arrows, max_norm):
    """Draw arrows (n, 2), gradients of two numbers, and over them what clipping makes of each, which is returned."""
    clipped = arrows.copy()
    for arrow in clipped:
        clip_grads([arrow], max_norm)       # in place
    arrows, clipped = to_cpu(arrows), to_cpu(clipped)
    _, ax = pyplot().subplots(figsize=(6.5, 6.5))
    for before, color, width, label in ((arrows, 'C5', 0.008, 'before'), (clipped, 'C0', 0.008, 'after')):
        ax.quiver(*np.zeros_like(before.T), *before.T, color=color, width=width, angles='xy', scale_units='xy', scale=1,
                  label=label, zorder=3)
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(max_norm * np.cos(turn), max_norm * np.sin(turn), '--', color='C3', label=f'norm {max_norm:g}')
    side = 1.1 * max(abs(arrows).max(), max_norm)
    ax.set(title='longer gradients are cut to max_norm; their direction stays', xlabel='first number',
           ylabel='second number', aspect='equal', xlim=(-side, side), ylim=(-side, side))
    ax.grid(True)
    ax.legend(loc='upper left')
    return clipped


if __name__ == '__main__':
    run(main)
