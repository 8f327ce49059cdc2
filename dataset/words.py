"""The words of a text file, some at a time: a file of any size, and of any lines, takes the memory of a block of it."""
from collections.abc import Iterator
from itertools import islice

import numpy as np

from dataset.files import text_blocks

UNK, EOS, LINE_END = '<unk>', '<eos>', '\n'     # no word of a text is the last: it is a blank
LONGEST = 1000      # characters of a word; a longer one is <unk>
PIECE = 2**14       # characters of a line that are not yet split
ROOM = 2**29        # bytes that the different words of a text may take while it is read


def words_of(line: str) -> list[str]:
    """The words of a line, or of a piece of it that ends at a blank: what stands between blanks, in lower case."""
    return line.lower().split()


def read_words(file, tell: bool = True) -> Iterator[list[str]]:
    """The words of a text file in UTF-8, open for reading bytes: a list of them for each block that is read.

    Behind a line's words stands LINE_END; lines without any are passed over. In place of a word of more than LONGEST
    characters stands UNK, which is told once, in a line. ValueError as of files.text_blocks.
    """
    def split(line):
        nonlocal tell
        words = words_of(line)
        if len(line) > LONGEST:
            for i, word in enumerate(words):
                if len(word) > LONGEST:
                    if tell:
                        print(f'{file.name}: words of over {LONGEST:,} characters are {UNK}: {word[:20]!r}… is one')
                        tell = False
                    words[i] = UNK
        return words

    rest, begun = '', False         # the line that has no end yet, and whether words of it have been handed on
    for block in text_blocks(file):
        *lines, rest = (rest + block).split('\n')
        found = []
        for line in lines:
            words = split(line)
            if words or begun:
                found += words
                found.append(LINE_END)
            begun = False
        if len(rest) > PIECE:       # all but its last word, which may go on; of a long one what shows that it is long
            last = '' if rest[-1].isspace() else rest.rsplit(None, 1)[-1]
            words = split(rest[:len(rest) - len(last)])
            found += words
            begun = begun or bool(words)
            rest = last[:LONGEST + 1]
        yield found
    words = split(rest)
    if words or begun:
        yield [*words, LINE_END]


def bytes_of(words: dict, since: int) -> int:
    """What the words of a dict take, from the since-th on: some 150 bytes each, and at most 4 for a character."""
    new = len(words) - since
    return 150 * new + 4 * sum(map(len, islice(reversed(words), new)))


def most_frequent(counts: np.ndarray, size: int) -> np.ndarray:
    """Which of the words (V,) are the `size` of the largest counts, as bools; of equal ones the first."""
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind='stable')[:size]] = True
    return kept
