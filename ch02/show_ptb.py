"""A first look at the Penn Treebank (book, 2.4.4)."""
from typing import Annotated

from common.checks import shown
from common.cli import run
from common.np import np
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
):
    """Print the first words and some ids; returns the ids (length,)."""
    ids, word_to_id, id_to_word = load_data(corpus, tokens=tokens, encoding=encoding)
    print('corpus size:', len(ids))
    with np.printoptions(linewidth=200):        # in one line
        print('corpus[:30]:', ids[:30])
    print()
    for i in range(3):
        print(f'id_to_word[{i}]:', shown(id_to_word[i]))
    print()
    for word in ('car', 'happy', 'lexus'):
        print(f"word_to_id['{word}']:", word_to_id.get(word, 'not in this corpus'))
    return ids          # not the vocabularies, of which a notebook would show every word


if __name__ == '__main__':
    run(main)
