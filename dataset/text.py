"""A text file of your own as a corpus, in the form of dataset.ptb."""
import os
from array import array
from collections import defaultdict
from functools import lru_cache
from itertools import compress
from numbers import Integral
from pathlib import Path

import numpy as np

from common.checks import InputError, naming_memory, open_regular
from dataset import part_of_corpus, words
from dataset.tokens import TOKENIZERS, advice

LINE, UNK, EOS = 0, 1, 2    # while the text is read
BLOCK = 2**20               # ids that are worked on at once
KEPT = 2**26                # bytes of a text of which more is not kept, see _read_once


def load_data(path: str | Path, split: str = 'train', vocab_size: int = 10_000, tokens: str = 'words',
              encoding: str = 'utf-8'):
    """corpus (a 1-D int64 array of word ids), word_to_id, id_to_word.

    A sentence or paragraph is a line; blank lines are passed over. How lines are parted into words is told by `tokens`,
    see dataset.tokens; each line's end is `<eos>`. Of every ten lines (rounded down) the last two are kept back: the
    file's first 80 % are 'train', the next 10 % 'valid' (or 'val'), the last 10 % 'test'.
    The vocabulary is that of the train part: its vocab_size most frequent words, `<unk>` and `<eos>` always among
    them, with ids in order of first appearance; all other words are `<unk>`, and so are those of over 1,000 characters.
    Of a text with millions of different words the rarest so far are forgotten again and again as it is read.
    With the train part, a line is printed where the words do not suit the text: blanks are few, or of the parts held
    back over a tenth is `<unk>`.
    Errors: FileNotFoundError; ValueError for a file of another encoding, or that has no line for the split.
    """
    part_name = part_of_corpus('split', split)
    if not isinstance(vocab_size, Integral) or vocab_size < 3:
        raise InputError(f'vocab_size: expected at least 3: <unk>, <eos> and one word more, got {vocab_size!r}')
    if not Path(path).is_file():
        raise FileNotFoundError(f'path is {str(path)!r}, but there is no such file.')
    with naming_memory(path):
        return _load(path, part_name, vocab_size, tokens, encoding)


def _load(path, part_name, vocab_size, tokens, encoding):
    """See load_data."""
    ids, ends, known = _read_once(path, vocab_size, tokens, encoding)
    tenth = len(ends) // 10
    train, valid = ends[len(ends) - 2 * tenth - 1], ends[len(ends) - tenth - 1]
    parts = {'train': ids[:train], 'valid': ids[train:valid], 'test': ids[valid:]}
    part, train_ids = parts[part_name], parts['train']
    if not len(part):
        raise InputError(f'{path}: expected ten lines with words or more, for a {part_name} part, got {len(ends)}')

    count = _count(train_ids, len(known))       # (W,): W words in the whole text
    count[[EOS, UNK]] = 0                   # these two are kept whatever their count
    kept = words.most_frequent(count, vocab_size - 2) & (count > 0)
    kept[[EOS, UNK]] = True
    kept_id = np.where(kept, np.arange(len(known)), UNK)        # (W,)
    first = np.full(len(known), len(train_ids))                 # where each appears first; <unk> last where it does not
    for start in reversed(range(0, len(train_ids), BLOCK)):
        block = kept_id[train_ids[start:start + BLOCK]]
        first[block[::-1]] = np.arange(start, start + len(block))[::-1]
    if part_name == 'train':
        held_back = ids[train:]
        lost = _count(held_back, len(known))[kept_id == UNK].sum() / max(1, len(held_back))
        if said := advice(known, count, tokens, lost):
            print(f'{path}: {said}')
    order = np.flatnonzero(kept)
    order = order[np.argsort(first[order])]
    new_id = np.zeros(len(known), dtype=np.int64)
    new_id[order] = np.arange(len(order))
    id_to_word = {i: known[old] for i, old in enumerate(order.tolist())}
    corpus = _look_up(new_id[kept_id], part, np.empty(len(part), np.int64))
    return corpus, {word: i for i, word in id_to_word.items()}, id_to_word


def _read_once(path, vocab_size, tokens, encoding):
    """As _read. What a tokenizer has parted, which takes its time, is kept: scripts ask for one part after another."""
    state = os.stat(path)
    if tokens not in TOKENIZERS or state.st_size > KEPT:
        return _read(path, vocab_size, tokens, encoding)
    return _read_kept(Path(path).resolve(), (state.st_size, state.st_mtime_ns), vocab_size, tokens, encoding)


@lru_cache(maxsize=1)
def _read_kept(path, state, *how):
    """As _read, of a text in this state."""
    return _read(path, *how)


def _read(path, vocab_size, tokens, encoding) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The ids of all words; where each line that has any ends among them; the words by id, the first of them no word.

    Four bytes a word rather than the 60 of a list of strings: a text of 100 MB fits into the memory of a laptop.
    """
    id_of: defaultdict[str, int] = defaultdict(None, {words.LINE_END: LINE, words.UNK: UNK, words.EOS: EOS})
    id_of.default_factory = id_of.__len__       # a new word takes the next id
    ids, taken = array('i'), 0                  # what the words take, in bytes
    with open_regular(path) as file:
        for found in words.read_words(file, tokens=tokens, encoding=encoding):
            since = len(id_of)
            ids.extend(map(id_of.__getitem__, found))
            taken += words.bytes_of(id_of, since)
            if taken > words.ROOM and len(id_of) > 2 * vocab_size:
                _forget(ids, id_of)
                taken = words.bytes_of(id_of, 0)
    if not ids:
        raise InputError(f'{path}: expected a text, got no words')
    read = np.asarray(ids)
    ends = np.flatnonzero(read == LINE) + 1
    read[ends - 1] = EOS
    return read, ends, list(id_of)


def _forget(ids, id_of):
    """Make the rarer half of all words <unk>, in the ids read so far too; the others take the ids from 0 on."""
    read = np.asarray(ids)
    count = _count(read, len(id_of))
    count[[LINE, UNK, EOS]] = len(read)
    kept = words.most_frequent(count, len(id_of) // 2)
    _look_up(np.where(kept, kept.cumsum() - 1, UNK), read, read)
    left = list(compress(id_of, kept))
    id_of.clear()
    id_of.update(zip(left, range(len(left)), strict=True))


# in blocks, for NumPy makes 8 bytes of each of the ids that it is given


def _count(ids, size):
    """How often each of the ids 0 … size − 1 is there."""
    count = np.zeros(size, np.int64)
    for start in range(0, len(ids), BLOCK):
        count += np.bincount(ids[start:start + BLOCK], minlength=size)
    return count


def _look_up(table, ids, out):
    """table[ids], into out, which may be ids itself."""
    for start in range(0, len(ids), BLOCK):
        out[start:start + BLOCK] = table[ids[start:start + BLOCK]]
    return out
