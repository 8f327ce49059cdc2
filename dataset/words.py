"""The words of a text file, some at a time: a file of any size, and of any lines, takes the memory of a block of it."""
import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

from dataset.files import text_blocks
from dataset.tokens import splitter, starts

UNK, EOS, LINE_END = '<unk>', '<eos>', '\n'     # no word of a text is the last
LONGEST = 1000      # characters of a word; a longer one is <unk>
PIECE = 2**14       # characters of a line that are not yet split
ROOM = 2**29        # bytes that the different words of a text may take while it is read


def read_words(file, tell: bool = True, tokens: str = 'words', encoding: str = 'utf-8') -> Iterator[list[str]]:
    """The words of a text file, open for reading bytes: a list of them for each block that is read.

    Behind a line's words stands LINE_END; lines without any are passed over. In place of a word of more than LONGEST
    characters stands UNK, which is told once, in a line. tokens: how lines are parted, see dataset.tokens. ValueError
    as of files.text_blocks.
    """
    words_of = splitter(tokens)

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
    for block in text_blocks(file, encoding):
        *lines, rest = (rest + block).split('\n')
        found = []
        for line in lines:
            words = split(line)
            if words or begun:
                found += words
                found.append(LINE_END)
            begun = False
        if len(rest) > PIECE:
            whole, rest = parted(rest, tokens)
            words = split(whole)
            found += words
            begun = begun or bool(words)
        yield found
    words = split(rest)
    if words or begun:
        yield [*words, LINE_END]


def parted(line: str, tokens: str) -> tuple[str, str]:
    """A line that goes on, cut before its last word; or, if blanks part none, behind its last sentence.

    Of a last word that is too long, what shows that it is.
    """
    if tokens == 'characters':
        end = len(line.rstrip())        # the blanks may be the line's last
        return line[:end], line[end:]
    if line[-1].isspace():
        return line, ''
    end = len(line)
    place = end - len(line.rsplit(None, 1)[-1])
    if end - place > LONGEST and tokens == 'blanks':
        return line[:place], line[place:place + LONGEST + 1]
    if end - place > PIECE and tokens == 'words':
        *_, place, last = (place, place, *starts(line, place))      # the last two may be one with what comes
        if end - last > LONGEST:
            return line[:last], re.sub(r'(?<=\w)\W', 'x', line[last:last + LONGEST + 1])    # still one word
    elif end - place > PIECE and tokens != 'blanks':
        place = max(line.rfind(sign, 0, -1) + 1 for sign in '。！？．.') or end
    return line[:place], line[place:]


def bytes_of(words: dict, since: int) -> int:
    """What the words of a dict take, from the since-th on: some 150 bytes each, and at most 4 for a character."""
    new = len(words) - since
    return 150 * new + 4 * sum(map(len, islice(reversed(words), new)))


def most_frequent(counts: np.ndarray, size: int) -> np.ndarray:
    """Which of the words (V,) are the `size` of the largest counts, as bools; of equal ones the first."""
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind='stable')[:size]] = True
    return kept
