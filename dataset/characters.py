"""The characters of a text file of your own as a corpus, in the form of dataset.ptb."""
from pathlib import Path

import numpy as np

from common.checks import InputError
from dataset import files, part_of_corpus

UNK = '<unk>'


def load_data(path: str | Path, split: str = 'train'):
    """corpus (a 1-D int64 array of character ids), char_to_id, id_to_char.

    The text is UTF-8, and a line's end is a character too. Its first 80 % are 'train', the next 10 % 'valid' (or
    'val'), the last 10 % 'test'. The vocabulary is that of the train part, with ids in order of first appearance, and
    `<unk>` behind them, which stands for all other characters.
    Errors: FileNotFoundError; ValueError for a file that is not UTF-8, or of fewer than ten characters.
    """
    part = part_of_corpus('split', split)
    if not Path(path).is_file():
        raise FileNotFoundError(f'path is {str(path)!r}, but there is no such file.')
    text = files.read_text(Path(path))
    tenth = len(text) // 10
    if not tenth:
        raise InputError(f'{path}: expected ten characters or more, got {len(text)}')
    train, valid = len(text) - 2 * tenth, len(text) - tenth
    chars = [*dict.fromkeys(text[:train]), UNK]
    char_to_id = {char: i for i, char in enumerate(chars)}
    parts = {'train': text[:train], 'valid': text[train:valid], 'test': text[valid:]}
    ids = np.fromiter((char_to_id.get(char, len(chars) - 1) for char in parts[part]), np.int64, len(parts[part]))
    return ids, char_to_id, dict(enumerate(chars))
