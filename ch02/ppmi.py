"""Counts and the positive pointwise mutual information that comes of them (book, 2.4.1)."""
from typing import Annotated

from common.cli import run
from common.np import np
from common.util import create_co_matrix, ppmi, preprocess


def main(
    text: Annotated[str, 'a text to count in'] = 'You say goodbye and I say hello.',
):
    """Print and return the counts and the PPMI, (V, V) each."""
    corpus, word_to_id, _ = preprocess(text)
    C = create_co_matrix(corpus, len(word_to_id))
    W = ppmi(C)
    with np.printoptions(precision=3):
        print('co-occurrence matrix')
        print(C)
        print('-' * 50)
        print('PPMI')
        print(W)
    return C, W


if __name__ == '__main__':
    run(main)
