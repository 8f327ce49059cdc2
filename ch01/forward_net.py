"""Points go forward through two affine layers with a sigmoid between them: no learning yet (book, 1.2)."""
from typing import Annotated

from common.cli import SEEDS, run
from common.layers import Affine, Sigmoid
from common.np import np


def main(
    # points
    batch_size: Annotated[int, 'how many points'] = 10,
    input_size: Annotated[int, 'numbers in a point'] = 2,
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 4,
    output_size: Annotated[int, 'scores of a point'] = 3,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return the scores (N, O)."""
    if seed is not None:
        np.random.seed(seed)
    x = np.random.randn(batch_size, input_size)                                         # (N, I)
    layers = [Affine(np.random.randn(input_size, hidden_size), np.random.randn(hidden_size)),
              Sigmoid(),
              Affine(np.random.randn(hidden_size, output_size), np.random.randn(output_size))]
    for layer in layers:
        x = layer.forward(x)
    print(x)
    return x                                                                            # (N, O)


if __name__ == '__main__':
    run(main)
