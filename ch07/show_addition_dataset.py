"""A first look at the additions (book, 7.2.3): the arrays, and one question with its answer."""
from typing import Annotated

from common.cli import run
from dataset import sequence


def main(
    file_name: Annotated[str, 'addition.txt, date.txt or the path of a file of such lines'] = 'addition.txt',
):
    """Print the shapes and the first pair; returns x_train, t_train, x_test and t_test."""
    (x_train, t_train), (x_test, t_test) = sequence.load_data(file_name)
    _, id_to_char = sequence.get_vocab()
    print('training:', x_train.shape, t_train.shape)
    print('test:    ', x_test.shape, t_test.shape)
    print()
    for name, ids in (('question', x_train[0]), ('answer', t_train[0])):
        print(f'{name}:', ids)
        print(repr(''.join(id_to_char[i] for i in ids.tolist())))
    return x_train, t_train, x_test, t_test


if __name__ == '__main__':
    run(main)
