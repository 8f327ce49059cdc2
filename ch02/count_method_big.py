"""Word vectors from a whole corpus: counts, PPMI and SVD (book, 2.4.4); some words' neighbours, and a map of them."""
import re
import time
from contextlib import contextmanager
from typing import Annotated

import numpy

from common.checks import InputError
from common.cli import SEEDS, run
from common.figures import show
from common.np import np, to_cpu
from common.util import analogy as print_analogy
from common.util import create_co_matrix, most_similar, ppmi, truncated_svd
from common.word_map import draw_word_map
from dataset.corpus import load_data
from dataset.tokens import Tokens

QUERIES = ('you', 'year', 'car', 'toyota')


def queries_of(ids, word_to_id, id_to_word):
    """The book's four words where the corpus has any of them, else four of frequent_words."""
    return QUERIES if any(query in word_to_id for query in QUERIES) else frequent_words(ids, id_to_word)


def frequent_words(ids, id_to_word, count=4):
    """The most frequent words after the first hundred, which stand in all texts; of few words, from the middle on."""
    counts = numpy.bincount(to_cpu(ids), minlength=len(id_to_word))                 # (V,)
    return behind_the_first([id_to_word[i] for i in (-counts).argsort(kind='stable').tolist()], count)


def behind_the_first(words, count=4):
    """Some of words behind the first hundred; of few, from the middle on. Neither signs nor `<unk>`, `<eos>` count."""
    words = [word for word in words if word.isalnum()]
    return words[min(100, len(words) // 2):][:count]


def sizes_for(vocab_size, wordvec_size):
    """How many numbers a vector has: at most a third of the words, for with as many as words no two are alike."""
    return min(wordvec_size, max(2, vocab_size // 3), vocab_size)


def parse_analogy(text):
    """a, b and c of a:b=c, or of a：b＝c, as keyboards of East Asia write it."""
    parts = [part.strip() for part in re.split('[:：=＝]', text)]
    if len(parts) != 3 or not all(parts) or not re.search('[:：].*[=＝]', text):
        raise InputError(f'analogy: expected a:b=c, a is to b as c is to what is asked, got {text!r:.100}')
    return parts


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
    wordvec_size: Annotated[int, 'numbers in a word vector; of few words a third of them at most'] = 100,
    # questions
    words: Annotated[str | None, "whose neighbours, blanks between; none: the book's four, or frequent ones"] = None,
    analogy: Annotated[str | None, 'a:b=c, a is to b as c is to what is asked'] = None,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and draw the neighbours of some words; returns word_vecs, word_to_id and id_to_word."""
    asked = parse_analogy(analogy) if analogy else None
    ids, word_to_id, id_to_word = load_data(corpus, tokens=tokens, encoding=encoding)
    vocab_size = len(word_to_id)
    if seed is not None:
        np.random.seed(seed)

    with step('counting co-occurrence'):
        C = create_co_matrix(ids, vocab_size, window_size)
    with step('calculating PPMI'):
        W = ppmi(C)
    with step('calculating SVD'):
        word_vecs, _, _ = truncated_svd(W, sizes_for(vocab_size, wordvec_size))     # (V, D)

    queries = words.split() if words else queries_of(ids, word_to_id, id_to_word)
    for query in queries:
        most_similar(query, word_to_id, id_to_word, word_vecs, top=5)
    if asked:
        a, b, c = asked
        print_analogy(a, b, c, word_to_id, id_to_word, word_vecs, top=5)
    draw_word_map(word_vecs, word_to_id, id_to_word, queries, 'word vectors by counting')
    show('ch02_count_method_big')
    return word_vecs, word_to_id, id_to_word


if __name__ == '__main__':
    run(main)
