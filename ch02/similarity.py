"""The similarity of `you` and `i` by the words beside them (book, 2.3.5)."""
from typing import Annotated

from common.checks import InputError
from common.cli import run
from common.util import cos_similarity, create_co_matrix, preprocess


def main(
    text: Annotated[str, 'a text that holds the words you and i'] = 'You say goodbye and I say hello.',
):
    """Print and return the cosine of the two words."""
    corpus, word_to_id, _ = preprocess(text)
    if not {'you', 'i'} <= word_to_id.keys():
        raise InputError(f'text: expected one that holds the words you and i, got {text!r}')
    C = create_co_matrix(corpus, len(word_to_id))
    similarity = cos_similarity(C[word_to_id['you']], C[word_to_id['i']])
    print(similarity)
    return similarity


if __name__ == '__main__':
    run(main)
