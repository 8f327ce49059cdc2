"""Word vectors in the formats of the word2vec program, text and binary, which gensim and many others read and write.

Both begin with a line of two numbers, V D. Text: then a line a word, with its D numbers, a blank before each. Binary:
then each word, a blank, its D numbers as float32, little-endian, and a line end, which may be missing. Words are UTF-8.
"""
import os
import re
from pathlib import Path

import numpy as np

from common.checks import InputError, check_flag, open_regular, shown
from common.storage import ENDINGS, as_type, refusing
from common.weight_files import checked_words, load_words, narrowed
from common.writing import replacing

LONGEST = 10_000    # bytes of a word
NUMBER = 50         # bytes of a number in a text, with its blank


def is_binary(path, binary) -> bool:
    """What the caller says, or, where that is None, whether the name ends in .bin."""
    if binary is None:
        return Path(path).suffix == '.bin'
    check_flag('binary', binary)
    return bool(binary)


def save_word2vec(path, word_vecs, id_to_word, binary=None) -> None:
    """Write word vectors (V, D), as float32, and their words (id_to_word: id -> word), in the order of the ids.

    binary: None is yes where the name ends in .bin. A file already there is replaced whole. InputError for a word that
    holds a blank or a line end, for there its vector would begin.
    """
    binary = is_binary(path, binary)
    word_vecs, words = checked_words(word_vecs, id_to_word)
    word_vecs = narrowed('word_vecs', word_vecs, '<f4')
    encoded = [as_bytes(word) for word in words]
    with replacing(path) as file:
        file.write(b'%d %d\n' % word_vecs.shape)
        for word, numbers in zip(encoded, word_vecs, strict=True):
            # as text, each has the fewest digits from which its float32 comes back
            file.write(word + b' ' + (numbers.tobytes() if binary else ' '.join(numbers.astype('U')).encode()) + b'\n')


def as_bytes(word):
    """The word in UTF-8; InputError for one that such a file cannot hold."""
    try:
        encoded = word.encode()
    except UnicodeEncodeError:
        encoded = b''
    if not encoded or len(encoded) > LONGEST or re.search(rb'\s', encoded):
        raise InputError(f'id_to_word: expected words of 1 to {LONGEST:,} bytes in UTF-8, without blanks and line '
                         f'ends, got {word!r:.60}')
    return encoded


def load_word2vec(path, binary=None) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """word_vecs (V, D) float32, word_to_id, id_to_word, as the word2vec program, gensim or save_word2vec wrote them.

    binary: None is yes where the name ends in .bin. InputError, naming the file, for one that is cut short, holds more
    than its first line says, a word twice, or what is no number; before memory for the vectors is asked for, the file
    is looked at for being long enough. NaN and infinite numbers are warned of.
    """
    binary = is_binary(path, binary)
    with open_regular(path) as file, refusing(path):
        V, D = read_sizes(file, binary)
        word_vecs = np.empty((V, D), '<f4')
        word_to_id: dict[str, int] = {}
        for i in range(V):
            word = (read_binary if binary else read_line)(file, i, word_vecs[i]).decode()
            if word in word_to_id:
                raise InputError(f'it holds the word {shown(word[:60])} twice')
            word_to_id[word] = i
        if file.read(2).strip():
            raise InputError(f'it holds more than the {V:,} vectors of which its first line tells')
    return as_type(path, 'word_vecs', word_vecs, np.float32), word_to_id, {i: word for word, i in word_to_id.items()}


def load_vectors(path) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """word_vecs, word_to_id, id_to_word of any file of word vectors: word2vec's where its name ends in .bin, .txt or
    .vec, else one of weight_files."""
    ending = Path(path).suffix
    if ending not in (*ENDINGS, '.bin', '.txt', '.vec'):
        raise InputError(f'{path}: expected a name that ends in .npz, .pkl, .bin, .txt or .vec (of gensim: what '
                         f'save_word2vec_format writes), got {ending or "nothing"!r}')
    return (load_words if ending in ENDINGS else load_word2vec)(path)


def read_sizes(file, binary):
    """V and D, from the first line; InputError where the file is too short for them."""
    line = file.readline(100)
    if line.startswith(b'\x1f\x8b'):
        raise InputError('it is packed: gunzip it first')
    if line.startswith(b'\xba\x16O/'):
        raise InputError('it is a model of fastText, whose word vectors are in the .vec file beside it')
    found = re.fullmatch(rb'\s*(\d{1,12})\s+(\d{1,12})\s*\n', line)
    if not found:
        raise InputError(f'expected two numbers, of words and of each vector\'s, as its first line, got {line!r:.60}')
    V, D = map(int, found.groups())
    least = 4 * D + 2 if binary else 2 * D + 2      # a word of one byte and a blank; in a text 1 digit for each number
    rest = os.fstat(file.fileno()).st_size - len(line)
    if not V or not D or rest < V * least:
        raise InputError(f'expected {V:,} vectors of {D:,} numbers, 1 or more, as its first line says, got '
                         f'{rest:,} bytes, which cannot hold them')
    return V, D


def read_line(file, i, numbers):
    """The word of the next line of a text, whose numbers are written into `numbers` (D,)."""
    line = file.readline(LONGEST + NUMBER * len(numbers))
    if not line.endswith(b'\n'):
        raise InputError(f'line {i + 2} is cut short, or far too long')
    word, *found = line.split() or [b'']
    if len(found) != len(numbers):
        raise InputError(f'line {i + 2}: expected a word and {len(numbers)} numbers, got {len(found)} numbers')
    try:
        with np.errstate(over='ignore'):
            numbers[...] = found
    except ValueError:
        raise InputError(f'line {i + 2}: expected a word and {len(numbers)} numbers, got others') from None
    return word


def read_binary(file, i, numbers):
    """The next word of a binary file, whose numbers are read into `numbers` (D,)."""
    word = bytearray()
    while (byte := file.read(1)) != b' ':
        if not byte:
            raise EOFError
        if len(word) == LONGEST:
            raise InputError(f'word {i + 1} has more than {LONGEST:,} bytes: is this file binary?')
        word += byte
    word = word.lstrip(b'\n')       # the line end behind the vector before
    if not word:
        raise InputError(f'word {i + 1}: expected 1 byte or more, got none')
    if file.readinto(numbers) != numbers.nbytes:
        raise EOFError
    return word
