"""A text file of your own as a corpus, in the form of dataset.ptb."""
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np

from dataset import SPLITS


def load_data(path: str | Path, split: str = 'train', vocab_size: int = 10_000):
    """corpus (a 1-D int64 array of word ids), word_to_id, id_to_word.

    The text is UTF-8, a sentence or paragraph a line; blank lines are passed over. Words are what stands between
    blanks, in lower case; each line's end is `<eos>`. Of every ten lines (rounded down) the last two are kept back:
    the file's first 80 % are 'train', the next 10 % 'valid' (or 'val'), the last 10 % 'test'.
    The vocabulary is that of the train part: its vocab_size most frequent words, `<unk>` and `<eos>` always among
    them, with ids in order of first appearance; all other words are `<unk>`.
    Errors: FileNotFoundError; ValueError for a file that is not UTF-8, or that has no line for the split.
    """
    if split not in SPLITS:
        raise ValueError(f'split is {split!r}, but should be one of {", ".join(SPLITS)}.')
    if vocab_size < 3:
        raise ValueError(f'vocab_size is {vocab_size}, but should be at least 3: <unk>, <eos> and one word more.')
    lines = _read(Path(path))
    tenth = len(lines) // 10
    train = len(lines) - 2 * tenth
    parts = {'train': lines[:train], 'valid': lines[train:train + tenth], 'test': lines[train + tenth:]}
    if not parts[SPLITS[split]]:
        raise ValueError(f'{path} has {len(lines)} lines with words, but should have ten or more '
                         f'for a {SPLITS[split]} part.')

    words = _words(parts['train'])
    count = Counter(words)
    del count['<eos>'], count['<unk>']      # these two are kept whatever their count
    known = {'<eos>', '<unk>', *(word for word, _ in count.most_common(vocab_size - 2))}
    id_to_word = dict(enumerate(dict.fromkeys(chain((w if w in known else '<unk>' for w in words), ['<unk>']))))
    word_to_id = {word: i for i, word in id_to_word.items()}

    if SPLITS[split] != 'train':
        words = _words(parts[SPLITS[split]])
    unk = word_to_id['<unk>']
    corpus = np.fromiter((word_to_id.get(word, unk) for word in words), dtype=np.int64, count=len(words))
    return corpus, word_to_id, id_to_word


def _read(path: Path) -> list[list[str]]:
    """The words of every line that has any."""
    if not path.is_file():
        raise FileNotFoundError(f'path is {str(path)!r}, but there is no such file.')
    try:
        text = path.read_text(encoding='utf-8-sig')     # -sig: a byte order mark is no part of the first word
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not UTF-8: {error.reason} at byte {error.start}.') from None
    lines = [line.split() for line in text.lower().split('\n') if not line.isspace() and line]
    if not lines:
        raise ValueError(f'{path} is empty, but should hold a text.')
    return lines


def _words(lines: list[list[str]]) -> list[str]:
    return [word for line in lines for word in (*line, '<eos>')]
