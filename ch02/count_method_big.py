"""Word vectors from a whole corpus: counts, PPMI and SVD (book, 2.4.4)."""
import time
from contextlib import contextmanager

from common.cli import run
from common.np import np
from common.util import create_co_matrix, most_similar, ppmi, truncated_svd
from dataset.corpus import load_data


@contextmanager
def step(name):
    """Print what is being done, and how long it took."""
    print(name, '...', end=' ', flush=True)
    start = time.perf_counter()
    yield
    print(f'{time.perf_counter() - start:.1f}[s]')


def main(corpus='ptb', window_size=2, wordvec_size=100, seed: int | None = None):
    corpus, word_to_id, id_to_word = load_data(corpus)
    vocab_size = len(word_to_id)
    if seed is not None:
        np.random.seed(seed)

    with step('counting co-occurrence'):
        C = create_co_matrix(corpus, vocab_size, window_size)
    with step('calculating PPMI'):
        W = ppmi(C)
    with step('calculating SVD'):
        # a short text has fewer words than that
        word_vecs, _, _ = truncated_svd(W, min(wordvec_size, vocab_size))     # (V, D)

    for query in ('you', 'year', 'car', 'toyota'):
        most_similar(query, word_to_id, id_to_word, word_vecs, top=5)
    return word_vecs, word_to_id, id_to_word


if __name__ == '__main__':
    run(main)
