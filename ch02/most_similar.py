"""The words that are most like one word by the words beside them (book, 2.3.6)."""
from typing import Annotated

from common.cli import run
from common.util import create_co_matrix, most_similar, preprocess


def main(
    text: Annotated[str, 'a text to count in'] = 'You say goodbye and I say hello.',
    query: Annotated[str, 'the word whose neighbours are sought'] = 'you',
    top: Annotated[int, 'how many neighbours'] = 5,
):
    """Print the neighbours of the word; returns the counts (V, V)."""
    corpus, word_to_id, id_to_word = preprocess(text)
    C = create_co_matrix(corpus, len(word_to_id))
    most_similar(query, word_to_id, id_to_word, C, top=top)
    return C


if __name__ == '__main__':
    run(main)
