"""dataset.sequence: the sets made here, the book's files where they are at hand, and files that are refused."""
import datetime
import hashlib
import re
from collections import Counter

import numpy as np
import pytest

from dataset import sequence

MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October',
          'November', 'December']
DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """A data folder without files."""
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'nothing'))


def lines_of(x, t):
    _, id_to_char = sequence.get_vocab()
    return [''.join(map(id_to_char.get, row)) for row in np.hstack([x, t]).tolist()]


def check_additions(lines):
    assert len(lines) == 50_000 and set(map(len, lines)) == {12}
    pairs = []
    for line in lines:
        a, b, total = re.fullmatch(r'(\d{1,3})\+(\d{1,3}) *_(\d{1,4}) *', line).groups()
        assert line[7] == '_' and int(a) + int(b) == int(total) and str(int(a)) == a and str(int(b)) == b
        pairs.append(tuple(sorted((a, b))))
    assert len(set(pairs)) == 50_000
    digits = Counter(len(number) for pair in pairs for number in pair)
    # one digit, then two: rarer than three, as there are fewer such pairs (in the book's file 10, 33 and 58 %)
    assert [round(digits[n] / 100_000, 1) for n in (1, 2, 3)] == [0.1, 0.3, 0.6]


def check_dates(lines):
    assert len(lines) == 50_000 and set(map(len, lines)) == {40}
    shares = Counter()
    for line in lines:
        assert line[29] == '_'
        day = datetime.date.fromisoformat(line[30:])
        assert 1970 <= day.year <= 2017
        question = line[:29].rstrip()
        month, weekday = MONTHS[day.month - 1], DAYS[day.weekday()]
        forms = {'slash': f'{day.month}/{day.day}/{day.year % 100:02}', 'month': f'{month} {day.day}, {day.year}',
                 'short': f'{month[:3]} {day.day}, {day.year}', 'day': f'{weekday}, {month} {day.day}, {day.year}'}
        cases = {'title': str, 'lower': str.lower, 'upper': str.upper}
        found = [(form, case) for form, text in forms.items() for case, change in cases.items()
                 if change(text) == question]
        assert found, line
        shares[found[0][0] if found[0][0] == 'slash' else found[0]] += 1
    for key, n in shares.items():
        expected = 0.25 if key == 'slash' else 0.125 if key[1] == 'title' else 0.0625
        assert abs(n / 50_000 - expected) < 0.016, key      # what is short in May counts as month here
    assert len(shares) == 10


def test_additions_made_here(nothing):
    (x_train, t_train), (x_test, t_test) = sequence.load_data()
    assert x_train.shape == (45_000, 7) and t_train.shape == (45_000, 5)
    assert x_test.shape == (5_000, 7) and t_test.shape == (5_000, 5)
    assert all(a.dtype == np.int64 for a in (x_train, t_train, x_test, t_test))
    assert set(sequence.get_vocab()[0]) == set('0123456789+_ ')
    check_additions(lines_of(np.vstack([x_train, x_test]), np.vstack([t_train, t_test])))


def test_dates_made_here(nothing):
    (x_train, t_train), (x_test, t_test) = sequence.load_data('date.txt')
    assert x_train.shape == (45_000, 29) and t_train.shape == (45_000, 11)
    assert x_test.shape == (5_000, 29) and t_test.shape == (5_000, 11)
    letters = set('abcdefghijlmnoprstuvwy')                 # no month or weekday has k, q, x, z
    chars = set(sequence.get_vocab()[0])
    assert chars == letters | {c.upper() for c in letters} | set('0123456789 ,-/_') and len(chars) == 59
    lines = lines_of(np.vstack([x_train, x_test]), np.vstack([t_train, t_test]))
    check_dates(lines)
    assert len({line[:29] for line in lines}) == 50_000     # no question of the test is one that was learnt


def test_made_the_same_on_every_machine():
    for make, expected in ((sequence.make_addition, '49dd301edcb4ef01'), (sequence.make_dates, 'c608f034ce52d8b9')):
        text = '\n'.join(make())
        assert hashlib.sha256(text.encode()).hexdigest()[:16] == expected


def test_made_without_touching_the_global_stream(nothing):
    np.random.seed(11)
    sequence.load_data(seed=None)
    rng = np.random.RandomState(11)
    rng.shuffle(np.arange(50_000))
    assert np.random.rand() == rng.rand()


def test_ids_shuffle_and_split(tmp_path):
    lines = [f'q{i:02} _a{i:02}' for i in range(25)]
    (tmp_path / 'own.txt').write_text('\n'.join(lines) + '\n')
    (x_train, t_train), (x_test, t_test) = sequence.load_data('own.txt', seed=5)
    assert (len(x_train), len(x_test)) == (23, 2) and x_train.shape[1] == 4 and t_train.shape[1] == 4
    char_to_id, id_to_char = sequence.get_vocab()
    assert list(char_to_id) == ['q', '0', ' ', '_', 'a', *'123456789']
    assert char_to_id == {c: i for i, c in id_to_char.items()} and sorted(id_to_char) == list(range(14))
    order = np.arange(25)
    np.random.RandomState(5).shuffle(order)
    assert lines_of(np.vstack([x_train, x_test]), np.vstack([t_train, t_test])) == [lines[i] for i in order]
    np.random.seed(5)
    assert np.array_equal(sequence.load_data('own.txt', seed=None)[0][0], x_train)
    assert not np.array_equal(sequence.load_data('own.txt')[0][0], x_train)


def test_vocabulary_is_that_of_the_last_file(tmp_path):
    (tmp_path / 'a.txt').write_text('ab_c\n')
    (tmp_path / 'b.txt').write_text('xy_z\n')
    sequence.load_data('a.txt')
    first = sequence.get_vocab()
    sequence.load_data('b.txt')
    assert sequence.get_vocab()[0] == {'x': 0, 'y': 1, '_': 2, 'z': 3}
    assert first[0] == {'a': 0, 'b': 1, '_': 2, 'c': 3}     # and what was handed out before stays as it was


def test_where_a_file_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'data'))
    places = [tmp_path / 'data/sequence/addition.txt', tmp_path / 'addition.txt', tmp_path / 'sub/addition.txt']
    for i, path in enumerate(places):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{i}_{i}\n')
        # a bare name: the current folder before the data folder; a name with a folder: just that
        sequence.load_data('sub/addition.txt' if i == 2 else 'addition.txt')
        assert str(i) in sequence.get_vocab()[0]
    sequence.load_data(tmp_path / 'addition.txt')
    assert '1' in sequence.get_vocab()[0]
    for name in ('other.txt', 'absent/date.txt'):
        with pytest.raises(FileNotFoundError, match=name):
            sequence.load_data(name)


@pytest.mark.parametrize(('content', 'says'), [
    ('1+1_2 \n1+1 2 \n1+1_2 \n', "line 2: expected a question and _answer, got '1\\+1 2 '"),
    ('1+1_2 \n\n1+1_2 \n', "line 2: expected a question and _answer, got ''"),
    ('1+1_2\n' + '1' * 998 + '_23\n', 'line 2: expected 1000 characters at most, got 1001'),
    ('1+1 2 \n', "line 1: expected a question and _answer, got '1\\+1 2 '"),
    ('_1+1\n', "line 1: expected a question and _answer, got '_1\\+1'"),
    ('1+1_\n', "line 1: expected a question and _answer, got '1\\+1_'"),
    ('', ': expected lines of a question and _answer, got nothing'),
    (b'1+\xff_2\n', 'expected UTF-8, got .* at byte 2'),
    (b'\xef\xbb\xbf1+\xff_2\n', 'expected UTF-8, got .* at byte 5'),
    ('1+\0_2\n', 'expected a text, got a NUL at byte 2'),
    ('ついたち_1\n'.encode('cp932') * 20, '; it looks like cp932: save it as UTF-8$'),      # no flag is named here
    ('1+1_2\n'.encode('utf-16'), '; it looks like utf-16: save it as UTF-8$'),
    ('\n', "line 1: expected a question and _answer, got ''"),
    (' ' * 10, "line 1: expected a question and _answer, got ' {10}'"),
    ('1' * 3_000_000, "line 1: expected a question and _answer, got '1{40}'$"),
])
def test_refused(tmp_path, content, says):
    (tmp_path / 'bad.txt').write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=rf'bad\.txt.*{says}'):
        sequence.load_data('bad.txt')


def test_one_line(tmp_path):
    (tmp_path / 'one.txt').write_text('1+1_2')
    (x_train, t_train), (x_test, t_test) = sequence.load_data('one.txt')
    assert (x_train.shape, t_train.shape, x_test.shape, t_test.shape) == ((1, 3), (1, 2), (0, 3), (0, 2))
    assert lines_of(x_train, t_train) == ['1+1_2']


def test_what_is_shorter_is_padded(tmp_path):
    (tmp_path / 'own.txt').write_text('1+1_2\n999+1_1000\n12+3_1_5\n3+3  _6 ')
    (x, t), _ = sequence.load_data('own.txt')
    assert (x.shape, t.shape) == ((4, 5), (4, 5))
    assert sorted(lines_of(x, t)) == ['1+1  _2   ', '12+3 _1_5 ', '3+3  _6   ', '999+1_1000']


def test_korean_and_crlf(tmp_path):
    (tmp_path / 'ko.txt').write_bytes('하나_1\r\n둘 _2'.encode())
    (x, t), _ = sequence.load_data('ko.txt')
    assert sorted(lines_of(x, t)) == ['둘 _2', '하나_1']


def test_real(real_data):
    for name, size in (('addition.txt', 13), ('date.txt', 59)):
        (x_train, t_train), (x_test, t_test) = sequence.load_data(name)
        char_to_id, _ = sequence.get_vocab()
        # by first appearance in the file: the sets that are made here must have the same ids
        assert len(char_to_id) == size and ''.join(char_to_id) == sequence.BOOK_CHARS[name]
        lines = (real_data / 'sequence' / name).read_text().splitlines()
        order = np.arange(50_000)
        np.random.RandomState(1984).shuffle(order)
        assert lines_of(x_train, t_train) == [lines[i] for i in order[:45_000]]
        assert lines_of(x_test, t_test) == [lines[i] for i in order[45_000:]]
        (check_additions if name == 'addition.txt' else check_dates)(lines)
