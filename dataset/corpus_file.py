"""A text file of any size as a memory-mapped file of word ids, which is made once and then opened.

It stands beside the text as TEXT.ids: a line of JSON that says of which text it is, how it was made, and which words
there are; then their counts as int64; then the ids as int32.
"""
import json
import os
import sys
from collections import Counter
from itertools import compress, islice, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.checks import InputError, check_sizes, naming_memory, open_regular
from common.writing import check_target, replacing
from dataset import words
from dataset.tokens import advice

MARK = b'{"dlfs2 corpus": '     # how such a file begins
VERSION = 3                     # another where words, or such a file, are read in another way
ALIGNED = 64                    # the line of JSON is as many bytes long, or twice, three times …
MUCH = 10_000_000               # bytes of text; fewer are done before a line is read


class CorpusFile(NamedTuple):
    """The ids of all words of a text (n,) int32, read only; how often each word stands there (V,); the vocabulary."""

    ids: np.memmap
    counts: np.ndarray
    word_to_id: dict[str, int]
    id_to_word: dict[int, str]


def open_corpus(path: str | Path, min_count: int = 5, vocab_size: int | None = None,
                prepared: str | Path | None = None, tokens: str = 'words', encoding: str = 'utf-8') -> CorpusFile:
    """The text of a file as ids that stay on disk: no more of them is in memory than is looked at.

    Text, words and line ends as in dataset.text, but all of the text is one corpus. The vocabulary: the words that
    stand there min_count times or more, of these the vocab_size most frequent; `<unk>`, which stands in the
    place of all others, and `<eos>` are always among them, be it with a count of 0. Ids go by count, the largest first;
    of equal ones these two, then the first that appear.
    Where there is no file of the ids yet, or one of another text (by its size and the time of its last change) or of
    other arguments, it is made first: the text is read twice. prepared: its path, where it is not to be TEXT.ids. Two
    processes that make it at once do not disturb each other; one that is stopped leaves none.
    Of a text with millions of different words the rarest so far are forgotten again and again while they are counted
    (as ReduceVocab of word2vec.c does), which is told; so a word that is always rare may be missed, but the counts are
    those of the text.
    It remembers tokens and encoding too, see dataset.tokens: 'blanks' is the fastest.
    Errors: FileNotFoundError; ValueError for a file of another encoding, that has no words or changes while it is read,
    and where another file has the name; OSError where it cannot be written.
    """
    check_sizes(min_count=min_count)
    if vocab_size is not None:
        check_sizes(3, vocab_size=vocab_size)
    if not Path(path).is_file():
        raise FileNotFoundError(f'path is {str(path)!r}, but there is no such file.')
    target = Path(f'{path}.ids' if prepared is None else prepared)
    with naming_memory(path), open_regular(path) as file:
        settings = {'min_count': int(min_count), 'vocab_size': None if vocab_size is None else int(vocab_size),
                    'tokens': tokens, 'encoding': encoding}
        facts = {'dlfs2 corpus': VERSION} | _state_of(file) | settings
        found = _open(target, facts)
        if found is None:
            check_target(target)        # now, not after minutes
            _prepare(file, target, facts)
            found = _open(target, facts)
        if found is None:
            raise OSError(f'{target}: it was changed by another process as soon as it was made')
        return found


def _state_of(file) -> dict:
    """What tells that a text is still the same: its size in bytes, and when it was changed, in ns."""
    state = os.fstat(file.fileno())
    return {'bytes': state.st_size, 'changed': state.st_mtime_ns}


def _open(target, facts) -> CorpusFile | None:
    """What a file of ids holds; None where there is none, or it is of other facts, or not whole."""
    if not target.exists():
        return None
    with open_regular(target) as file:
        line = file.readline() if file.read(len(MARK)) == MARK else b''
        if not line:
            raise InputError(f'{target} is in the way: expected nothing there, or the ids of a text, got another file')
        try:
            about = json.loads(MARK + line)
            names, size = about['words'], about['size']
            whole = os.fstat(file.fileno()).st_size == file.tell() + 8 * len(names) + 4 * size
        except (ValueError, KeyError, TypeError):
            return None
        if not whole or any(about.get(key) != value for key, value in facts.items()):
            return None
        counts = np.frombuffer(file.read(8 * len(names)), '<i8')
        ids = np.memmap(file, '<i4', 'r', offset=file.tell(), shape=(size,))
    return CorpusFile(ids, counts, {word: i for i, word in enumerate(names)}, dict(enumerate(names)))


# ---- making it


def _prepare(file, target, facts):
    """Read the text twice, and write the file of its ids."""
    if facts['bytes'] > MUCH:
        print(f'making {target}, once: {facts["bytes"] / 1e6:.0f} MB of text are read twice')
    known, size = _vocabulary(_in_blocks(file, target, 0, facts), facts, file.name)
    head = json.dumps(facts | {'size': size, 'words': known}, ensure_ascii=False).encode()
    head += b' ' * (-(len(head) + 1) % ALIGNED) + b'\n'
    id_of = {word: i for i, word in enumerate(known)}
    id_of[words.LINE_END] = id_of[words.EOS]
    unk = id_of[words.UNK]
    counts = np.zeros(len(known), '<i8')
    with replacing(target) as out:
        out.write(head)
        out.write(counts)       # their place: a count may be lower than the true one while words are forgotten
        for found in _in_blocks(file, target, 50, facts):
            ids = np.fromiter(map(id_of.get, found, repeat(unk)), '<i4', len(found))
            np.add.at(counts, ids, 1)       # not bincount, which makes an array of all words
            out.write(ids)
        if counts.sum() != size or any(facts[key] != value for key, value in _state_of(file).items()):
            raise InputError(f'{file.name}: expected a text that stays as it is, but it was changed while it was read')
        out.seek(len(head))
        out.write(counts)
    print(f'{target}: {size:,} ids of {len(known):,} words')


def _in_blocks(file, target, percent, facts):
    """The words of the text in blocks, with a line that says how far it is, from these percent on."""
    file.seek(0)
    size, shown = os.fstat(file.fileno()).st_size, -1
    for found in words.read_words(file, not percent, facts['tokens'], facts['encoding']):
        yield found
        now = percent + 50 * file.tell() // max(1, size)
        if now > shown and sys.stdout.isatty():     # what is printed next stands in its place
            shown = now
            print(f'making {target}: {now} %', end='\r', flush=True)


def _vocabulary(blocks, facts, name) -> tuple[list[str], int]:
    """The words of the vocabulary, the most frequent first, and the number of all words in the text."""
    vocab_size = facts['vocab_size']
    count: Counter[str] = Counter({words.UNK: 0, words.EOS: 0, words.LINE_END: 0})
    size = taken = 0
    told = False
    for found in blocks:
        size += len(found)
        since = len(count)
        count.update(found)
        taken += words.bytes_of(count, since)
        if taken > words.ROOM and len(count) > 2 * (vocab_size or 2):
            if not told:
                print(f'{name} has more different words than are kept: the rarest so far are forgotten')
                told = True
            count = _frequent_half(count)
            taken = words.bytes_of(count, 0)
    if not size:
        raise InputError(f'{name}: expected a text, got no words')
    count[words.EOS] += count.pop(words.LINE_END)
    counts = np.fromiter(count.values(), np.int64, len(count))
    counts[:2] = 0              # <unk> and <eos> are kept whatever their count
    kept = counts >= facts['min_count']
    if vocab_size is not None:
        kept &= words.most_frequent(counts, vocab_size - 2)
    kept[:2] = True
    counts[1] = count[words.EOS]
    counts[0] = size - counts[kept].sum()
    said = advice(list(islice(count, 5000)), counts[:5000], facts['tokens'])
    if not said and vocab_size is None and counts[0] > size / 2:
        said = (f'{counts[0] / size:.0%} of the words stand there fewer than {facts["min_count"]} times and are <unk>: '
                'try --min-count 1')
    if said:
        print(f'{name}: {said}')
    order = np.argsort(-counts[kept], kind='stable')
    known = list(compress(count, kept))
    return [known[i] for i in order.tolist()], size


def _frequent_half(count):
    """The more frequent half of the words, and the first three, which are none, whatever their count."""
    counts = np.fromiter(count.values(), np.int64, len(count))
    counts[:3] = np.iinfo(np.int64).max
    return Counter(dict(compress(count.items(), words.most_frequent(counts, len(counts) // 2))))
