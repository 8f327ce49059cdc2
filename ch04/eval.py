"""Judge word vectors by the neighbours of some words, with a map of them, and by analogies (book, 4.4)."""
from typing import Annotated

from common.cli import run
from common.figures import show
from common.util import analogy, most_similar
from common.weight_files import load_words
from common.word_map import draw_word_map
from dataset.files import find_weights

QUERIES = ('you', 'year', 'car', 'toyota')
# a is to b as c is to the fourth, which the vectors are to find
ANALOGIES = (('king', 'man', 'queen', 'woman'), ('take', 'took', 'go', 'went'),
             ('car', 'cars', 'child', 'children'), ('good', 'better', 'bad', 'worse'))


def main(
    # vectors
    params: Annotated[str | None, "the file of ch04/train (or of the book's); none: looked for"] = None,
):
    """Print the neighbours and the analogies, draw the map; returns word_vecs, word_to_id and id_to_word."""
    word_vecs, word_to_id, id_to_word = load_words(params or find_weights('cbow_params', made_by='ch04.train'))
    for query in QUERIES:
        most_similar(query, word_to_id, id_to_word, word_vecs, top=5)
    print('-' * 50)
    for a, b, c, _ in ANALOGIES:
        analogy(a, b, c, word_to_id, id_to_word, word_vecs, top=5)
    draw_word_map(word_vecs, word_to_id, id_to_word, QUERIES, 'word vectors by word2vec')
    show('ch04_eval')
    return word_vecs, word_to_id, id_to_word


if __name__ == '__main__':
    run(main)
