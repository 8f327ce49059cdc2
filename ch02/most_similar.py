"""The words that are most like one word by the words beside them (book, 2.3.6)."""
from common.cli import run
from common.util import create_co_matrix, most_similar, preprocess


def main(text='You say goodbye and I say hello.', query='you', top=5):
    """
    text: a text to count in
    query: the word whose neighbours are sought
    top: how many neighbours
    """
    corpus, word_to_id, id_to_word = preprocess(text)
    C = create_co_matrix(corpus, len(word_to_id))
    most_similar(query, word_to_id, id_to_word, C, top=top)
    return C


if __name__ == '__main__':
    run(main)
