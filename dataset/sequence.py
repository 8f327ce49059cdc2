"""Questions and answers, character by character: additions and dates (book, 7.3 and 8.2).

The book's addition.txt and date.txt are used where they lie in files.folder()/sequence; else sets of the same kind
are made here, in memory and the same on every machine. Each line is a question and `_answer`, in a file of your own
too; shorter ones are padded with blanks.
"""
from datetime import date
from pathlib import Path

import numpy as np

from common.checks import InputError, check_seed
from dataset import files

# The characters of the book's files in order of first appearance, which is that of their ids. The sets made here take
# the same ids, so that weights trained on either kind answer the questions of both.
BOOK_CHARS = {'addition.txt': '16+75 _920384',
              'date.txt': 'septmbr 27,194_-0Aug38/TUESDYPMBR5JN6ailOcoGFynCWdILjHvhVfw'}
LINES = 50_000
LONGEST = 1000  # characters of a line
SEED = 2016     # of the sets that are made here
MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october',
          'november', 'december']
WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

_vocab: tuple[dict[str, int], dict[int, str]] = ({}, {})


def load_data(file_name: str = 'addition.txt', seed: int | None = 1984):
    """(x_train, t_train), (x_test, t_test): character ids, 90 % and 10 % after a shuffle.

    x (N, question length), t (N, answer length, the leading `_` counted), int64. The global np.random is seeded with
    `seed` first, as in the book; None leaves it as it stands. file_name: a path, or a name that is looked for in the
    current folder, then in files.folder()/sequence. Errors: FileNotFoundError; ValueError with the line's number.
    """
    global _vocab
    if seed is not None:
        check_seed(seed)
    lines, chars = _read(file_name)
    lines, split = _padded(file_name, lines)
    text = ''.join(lines)
    chars = chars or ''.join(dict.fromkeys(text))       # in order of first appearance
    codes = np.frombuffer(text.encode('utf-32-le'), dtype='<u4').reshape(len(lines), -1)      # (N, width)
    id_of_code = np.zeros(codes.max() + 1, dtype=np.int64)
    id_of_code[[ord(c) for c in chars]] = np.arange(len(chars))
    ids = id_of_code[codes]                 # (N, width)
    _vocab = {c: i for i, c in enumerate(chars)}, dict(enumerate(chars))

    if seed is not None:
        np.random.seed(seed)
    order = np.arange(len(ids))
    np.random.shuffle(order)
    x, t = ids[order, :split], ids[order, split:]
    train = len(x) - len(x) // 10
    return (x[:train], t[:train]), (x[train:], t[train:])


def get_vocab() -> tuple[dict[str, int], dict[int, str]]:
    """char_to_id, id_to_char of the file loaded last; ids in order of first appearance in it, or in the book's file."""
    return _vocab


def make_addition() -> list[str]:
    """50,000 lines such as `52+607 _659 `: distinct unordered pairs of numbers drawn as one to three digits."""
    rng = np.random.RandomState(SEED)
    digits = rng.randint(1, 4, size=(4 * LINES, 2), dtype=np.int64)
    pairs = rng.randint(0, 1000, size=(4 * LINES, 2), dtype=np.int64) % 10 ** digits
    _, first = np.unique(pairs.min(axis=1) * 1000 + pairs.max(axis=1), return_index=True)
    pairs = pairs[np.sort(first)[:LINES]]       # (50000, 2): some 60,000 of the draws are distinct
    return [f'{f"{a}+{b}":7}_{a + b:<4}' for a, b in pairs.tolist()]


def make_dates() -> list[str]:
    """50,000 distinct lines such as `JUN 17, 2013                 _2013-06-17`, of the years 1970 to 2017.

    The shares are the book's: four forms (m/d/yy, month, month's first three letters, weekday and month) in equal
    parts; of the three with letters, half in title case, a quarter in lower, a quarter in upper case.
    """
    rng = np.random.RandomState(SEED)
    start = date(1970, 1, 1).toordinal()
    span = date(2018, 1, 1).toordinal() - start
    part = LINES // 16
    questions = []                              # (question, day)

    def days(n):
        return [date.fromordinal(start + i) for i in rng.permutation(span)[:n].tolist()]

    for day in days(4 * part):
        questions.append((f'{day.month}/{day.day}/{day.year % 100:02}', day))
    for case, n in ((str.lower, part), (str.title, 2 * part), (str.upper, part)):
        drawn = days(2 * n)                     # a day in one of the two forms alone: they are alike in May
        for i, day in enumerate(drawn):
            month = MONTHS[day.month - 1]
            questions.append((case(f'{month if i < n else month[:3]} {day.day}, {day.year}'), day))
        for day in days(n):
            month = MONTHS[day.month - 1]
            questions.append((case(f'{WEEKDAYS[day.weekday()]}, {month} {day.day}, {day.year}'), day))
    return [f'{questions[i][0]:29}_{questions[i][1]}' for i in rng.permutation(LINES).tolist()]


def _read(file_name: str) -> tuple[list[str], str]:
    """The lines, and the characters in the order of their ids where that is fixed beforehand."""
    path = Path(file_name)
    if path.name == str(file_name) and not path.is_file():
        path = files.folder() / 'sequence' / file_name
        if not path.is_file() and file_name in ('addition.txt', 'date.txt'):
            return (make_addition if file_name == 'addition.txt' else make_dates)(), BOOK_CHARS[file_name]
    if not path.is_file():
        raise FileNotFoundError('file_name: expected addition.txt, date.txt or the path of a file, got '
                                f'{str(file_name)!r}')
    lines = files.read_text(path).split('\n')
    return (lines if lines[-1] else lines[:-1]), ''


def _padded(file_name: str, lines: list[str]) -> tuple[list[str], int]:
    """The lines with blanks behind questions and answers that are shorter than others, and the place of `_` in all."""
    if not lines:
        raise InputError(f'{file_name}: expected lines of a question and _answer, got nothing')
    width, split = 0, 0
    for number, line in enumerate(lines, 1):
        place = line.find('_')
        if not 0 < place < len(line) - 1:
            raise InputError(f'{file_name}, line {number}: expected a question and _answer, got {line[:40]!r}')
        if len(line) > LONGEST:         # all others would become as long
            raise InputError(f'{file_name}, line {number}: expected {LONGEST} characters at most, got {len(line)}')
        width, split = max(width, len(line) - place), max(split, place)
    parts = (line.partition('_') for line in lines)
    return [f'{question:{split}}_{answer:{width - 1}}' for question, _, answer in parts], split
