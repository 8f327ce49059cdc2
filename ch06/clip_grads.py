"""Gradients before and after clipping: scaled down together until their norm is max_norm (book, 6.1.4)."""
from typing import Annotated

from common.cli import SEEDS, run
from common.np import np
from common.util import clip_grads


def norm(grads):
    """The Euclidean norm of all the arrays taken as one vector."""
    return float(np.sqrt(sum((grad**2).sum() for grad in grads)))


def main(
    max_norm: Annotated[float, 'norm to which larger gradients are scaled down'] = 5.0,
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print some gradients before and after; returns them, clipped."""
    if seed is not None:
        np.random.seed(seed)
    dW1, dW2 = np.random.rand(3, 3) * 10, np.random.rand(3, 3) * 10
    grads = [dW1, dW2]
    print(f'before: norm {norm(grads):.4f}, dW1 {dW1.ravel()}')
    clip_grads(grads, max_norm)
    print(f'after:  norm {norm(grads):.4f}, dW1 {dW1.ravel()}')
    return grads


if __name__ == '__main__':
    run(main)
