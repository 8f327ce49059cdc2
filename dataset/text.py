"""A text file of your own as a corpus, in the form of dataset.ptb."""
import re
from array import array
from collections import defaultdict
from numbers import Integral
from pathlib import Path

import numpy as np

from common.checks import InputError, naming_memory
from dataset import files, part_of_corpus

EOS, UNK = 0, 1     # while the text is read
PIECE = 2**18       # words of a line that are split off at once


def load_data(path: str | Path, split: str = 'train', vocab_size: int = 10_000):
    """corpus (a 1-D int64 array of word ids), word_to_id, id_to_word.

    The text is UTF-8, a sentence or paragraph a line; blank lines are passed over. Words are what stands between
    blanks, in lower case; each line's end is `<eos>`. Of every ten lines (rounded down) the last two are kept back:
    the file's first 80 % are 'train', the next 10 % 'valid' (or 'val'), the last 10 % 'test'.
    The vocabulary is that of the train part: its vocab_size most frequent words, `<unk>` and `<eos>` always among
    them, with ids in order of first appearance; all other words are `<unk>`.
    Errors: FileNotFoundError; ValueError for a file that is not UTF-8, or that has no line for the split.
    """
    part_name = part_of_corpus('split', split)
    if not isinstance(vocab_size, Integral) or vocab_size < 3:
        raise InputError(f'vocab_size: expected at least 3: <unk>, <eos> and one word more, got {vocab_size!r}')
    with naming_memory(path):
        ids, ends, words = _read(Path(path))
    tenth = len(ends) // 10
    train, valid = ends[len(ends) - 2 * tenth - 1], ends[len(ends) - tenth - 1]
    parts = {'train': ids[:train], 'valid': ids[train:valid], 'test': ids[valid:]}
    part, train_ids = parts[part_name], parts['train']
    if not len(part):
        raise InputError(f'{path}: expected ten lines with words or more, for a {part_name} part, got {len(ends)}')

    count = np.bincount(train_ids, minlength=len(words))        # (W,): W words in the whole text
    count[[EOS, UNK]] = 0                   # these two are kept whatever their count
    kept = np.zeros(len(words), dtype=bool)
    kept[np.argsort(-count, kind='stable')[:vocab_size - 2]] = True     # of equal ones the first that appear
    kept &= count > 0
    kept[[EOS, UNK]] = True
    kept_id = np.where(kept, np.arange(len(words)), UNK)        # (W,)
    first = np.full(len(words), len(train_ids))                 # where each appears first; <unk> last where it does not
    first[kept_id[train_ids[::-1]]] = np.arange(len(train_ids))[::-1]
    order = np.flatnonzero(kept)
    order = order[np.argsort(first[order])]
    new_id = np.zeros(len(words), dtype=np.int64)
    new_id[order] = np.arange(len(order))
    id_to_word = {i: words[old] for i, old in enumerate(order.tolist())}
    return new_id[kept_id][part], {word: i for i, word in id_to_word.items()}, id_to_word


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The ids of all words; where each line that has any ends among them; the words by id: <eos>, <unk>, the others.

    Four bytes a word rather than the 60 of a list of strings: a text of 100 MB fits into the memory of a laptop.
    """
    if not path.is_file():
        raise FileNotFoundError(f'path is {str(path)!r}, but there is no such file.')
    text = files.read_text(path)
    id_of: defaultdict[str, int] = defaultdict(None, {'<eos>': EOS, '<unk>': UNK})
    id_of.default_factory = id_of.__len__       # a new word takes the next id
    ids, ends = array('i'), array('q')
    for line in re.finditer('.+', text):
        rest = line[0].lower()
        start = len(ids)
        while rest:                         # in pieces, for the whole text can be one line
            words = rest.split(None, PIECE)
            rest = words.pop() if len(words) > PIECE else ''
            ids.extend(map(id_of.__getitem__, words))
        if len(ids) > start:
            ids.append(EOS)
            ends.append(len(ids))
    if not ends:
        raise InputError(f'{path}: expected a text, got no words')
    return np.asarray(ids), np.asarray(ends), list(id_of)
