"""Words as points: counts, PPMI and SVD of one sentence (book, 2.4.3)."""
from typing import Annotated

import numpy

from common.checks import InputError
from common.cli import run
from common.figures import pyplot, show
from common.util import create_co_matrix, ppmi, preprocess
from common.word_map import place_labels


def main(
    text: Annotated[str, 'a text to count in'] = 'You say goodbye and I say hello.',
    window_size: Annotated[int, 'context words on each side'] = 1,
):
    """Print the first word's rows of the three matrices and draw the words; returns U (V, V)."""
    plt = pyplot()
    corpus, word_to_id, id_to_word = preprocess(text)
    if len(word_to_id) < 2:
        raise InputError(f'text: expected two different words or more, got {text!r}')
    C = create_co_matrix(corpus, len(word_to_id), window_size)
    W = ppmi(C)
    U, _, _ = numpy.linalg.svd(W)               # (V, V)
    with numpy.printoptions(precision=3):
        print(C[0])
        print(W[0])
        print(U[0])

    x, y = U[:, :2].T
    plt.scatter(x, y)
    places: dict = {}       # words with the same neighbours fall on one point and share its label
    for i, word in id_to_word.items():
        places.setdefault((round(float(x[i]), 3), round(float(y[i]), 3)), []).append(word)
    plt.margins(x=0.15, y=0.1)
    plt.xlabel('first singular vector')
    plt.ylabel('second singular vector')
    plt.title('words with the same neighbours fall on one point')
    place_labels(plt.gca(), list(places), [', '.join(words) for words in places.values()])
    show('ch02_count_method_small')
    return U


if __name__ == '__main__':
    run(main)
