"""The scores that CBOW gives to every word between two others: no learning yet (book, 3.2.1)."""
from typing import Annotated

from common.cli import SEEDS, run
from common.layers import MatMul
from common.np import np
from common.util import convert_one_hot, preprocess


def main(
    # model
    hidden_size: Annotated[int, 'numbers in a word vector'] = 3,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return the scores (1, 7)."""
    corpus, word_to_id, _ = preprocess('You say goodbye and I say hello.')
    V = len(word_to_id)                                                 # 7
    if seed is not None:
        np.random.seed(seed)
    in_layer = MatMul(np.random.randn(V, hidden_size))
    out_layer = MatMul(np.random.randn(hidden_size, V))

    you, _, goodbye = convert_one_hot(corpus, V)[:3, None]              # (1, V) each
    h = 0.5 * (in_layer.forward(you) + in_layer.forward(goodbye))       # (1, H)
    scores = out_layer.forward(h)                                       # (1, V)
    print(scores)
    return scores


if __name__ == '__main__':
    run(main)
