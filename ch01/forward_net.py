"""Points go forward through two affine layers with a sigmoid between them: no learning yet (book, 1.2)."""
from common.cli import run
from common.layers import Affine, Sigmoid
from common.np import np


def main(batch_size=10, input_size=2, hidden_size=4, output_size=3, seed: int | None = None):
    """
    batch_size: how many points
    input_size: numbers in a point
    output_size: scores of a point
    """
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
