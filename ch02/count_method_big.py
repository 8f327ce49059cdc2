"""Word vectors from a whole corpus: counts, PPMI and SVD (book, 2.4.4); some words' neighbours, and a map of them."""
import time
from contextlib import contextmanager
from typing import Annotated

from common.cli import SEEDS, run
from common.figures import show
from common.np import np
from common.util import create_co_matrix, most_similar, ppmi, truncated_svd
from common.word_map import draw_word_map
from dataset.corpus import load_data
from dataset.tokens import Tokens

QUERIES = ('you', 'year', 'car', 'toyota')


@contextmanager
def step(name):
    """Print what is being done, and how long it took."""
    print(name, '...', end=' ', flush=True)
    start = time.perf_counter()
    yield
    print(f'{time.perf_counter() - start:.1f}[s]')


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    # vectors
    window_size: Annotated[int, 'context words on each side'] = 2,
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 100,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and draw the neighbours of some words; returns word_vecs, word_to_id and id_to_word."""
    ids, word_to_id, id_to_word = load_data(corpus, tokens=tokens, encoding=encoding)
    vocab_size = len(word_to_id)
    if seed is not None:
        np.random.seed(seed)

    with step('counting co-occurrence'):
        C = create_co_matrix(ids, vocab_size, window_size)
    with step('calculating PPMI'):
        W = ppmi(C)
    with step('calculating SVD'):
        # a short text has fewer words than that
        word_vecs, _, _ = truncated_svd(W, min(wordvec_size, vocab_size))     # (V, D)

    for query in QUERIES:
        most_similar(query, word_to_id, id_to_word, word_vecs, top=5)
    draw_word_map(word_vecs, word_to_id, id_to_word, QUERIES, 'word vectors by counting')
    show('ch02_count_method_big')
    return word_vecs, word_to_id, id_to_word


if __name__ == '__main__':
    run(main)
