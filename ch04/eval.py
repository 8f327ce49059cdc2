"""Judge word vectors by the neighbours of some words, with a map of them, and by analogies (book, 4.4)."""
from pathlib import Path
from typing import Annotated

from ch02.count_method_big import QUERIES, behind_the_first, parse_analogy
from common.cli import run
from common.figures import show
from common.util import analogy as print_analogy
from common.util import most_similar
from common.weight_files import load_weights
from common.word2vec_files import load_vectors
from common.word_map import draw_word_map
from dataset.files import find_weights

# a is to b as c is to the fourth, which the vectors are to find
ANALOGIES = (('king', 'man', 'queen', 'woman'), ('take', 'took', 'go', 'went'),
             ('car', 'cars', 'child', 'children'), ('good', 'better', 'bad', 'worse'))


def main(
    # vectors
    params: Annotated[str | None, 'a file of ch04/train, train_runs, the book, gensim …; none: looked for'] = None,
    # questions
    words: Annotated[str | None, "whose neighbours, blanks between; none: the book's four, or frequent ones"] = None,
    analogy: Annotated[str | None, "a:b=c, a is to b as c is to what is asked; none: the book's four"] = None,
):
    """Print the neighbours and the analogies, draw the map; returns word_vecs, word_to_id and id_to_word."""
    path = params or find_weights('cbow_params', 'word_vectors', made_by='ch04.train_runs')
    asked = [parse_analogy(analogy)] if analogy else ANALOGIES
    word_vecs, word_to_id, id_to_word = load_vectors(path)
    print(f'{len(word_vecs):,} vectors: {path}')
    queries = words.split() if words else QUERIES
    if not words and not any(query in word_to_id for query in QUERIES):
        queries = behind_the_first(word_to_id)      # which are by first appearance
        if Path(path).suffix == '.npz' and Path(path).is_file():        # the book's pickle tells nothing more
            queries = load_weights(path).about.get('frequent', queries)
    for query in queries:
        most_similar(query, word_to_id, id_to_word, word_vecs, top=5)
    print('-' * 50)
    for a, b, c, *_ in asked:
        if analogy or {a, b, c} <= word_to_id.keys():
            print_analogy(a, b, c, word_to_id, id_to_word, word_vecs, top=5)
    draw_word_map(word_vecs, word_to_id, id_to_word, queries, 'word vectors by word2vec')
    show('ch04_eval')
    return word_vecs, word_to_id, id_to_word


if __name__ == '__main__':
    run(main)
