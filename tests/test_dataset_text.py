"""dataset.text: a file of one's own."""
import random
import tracemalloc

import numpy as np
import pytest

from dataset import text


@pytest.fixture
def write(tmp_path):
    def write(content, encoding='utf-8'):
        path = tmp_path / 'my.txt'
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path
    return write


def words(path, *args, **kwargs):
    ids, word_to_id, id_to_word = text.load_data(path, *args, **kwargs)
    assert ids.dtype == np.int64 and ids.ndim == 1
    assert sorted(id_to_word) == list(range(len(id_to_word))) and all(id_to_word[i] == w for w, i in word_to_id.items())
    return [id_to_word[i] for i in ids.tolist()]


def test_ids_by_first_appearance(write):
    ids, word_to_id, id_to_word = text.load_data(write('The cat\n\n sat  the\tMAT \n   \nCat'))
    assert id_to_word == {0: 'the', 1: 'cat', 2: '<eos>', 3: 'sat', 4: 'mat', 5: '<unk>'}
    assert ids.tolist() == [0, 1, 2, 3, 0, 4, 2, 1, 2]
    assert word_to_id == {'the': 0, 'cat': 1, '<eos>': 2, 'sat': 3, 'mat': 4, '<unk>': 5}


def test_rare_words(write):
    path = write('b a c a\nb d a\n')
    assert words(path, vocab_size=4) == ['b', 'a', '<unk>', 'a', '<eos>', 'b', '<unk>', 'a', '<eos>']
    assert words(path, vocab_size=3) == ['<unk>', 'a', '<unk>', 'a', '<eos>', '<unk>', '<unk>', 'a', '<eos>']
    _, word_to_id, _ = text.load_data(path, vocab_size=4)
    assert sorted(word_to_id) == ['<eos>', '<unk>', 'a', 'b']
    assert len(text.load_data(path, vocab_size=6)[1]) == len(text.load_data(path)[1]) == 6


def test_unk_in_the_text_counts_as_one_of_the_vocabulary(write):
    path = write('<unk> <unk> a a b\n')
    assert words(path, vocab_size=3) == ['<unk>', '<unk>', 'a', 'a', '<unk>', '<eos>']
    assert words(path, vocab_size=4) == ['<unk>', '<unk>', 'a', 'a', 'b', '<eos>']


def test_parts_in_order(write):
    path = write(''.join(f'w{i} x\n' for i in range(25)))
    assert words(path)[::3] == [f'w{i}' for i in range(21)]
    known = text.load_data(path)[1:]
    for name in ('valid', 'val', 'test'):
        assert words(path, name) == ['<unk>', 'x', '<eos>'] * 2         # w21 … w24 are not in the train part
        assert text.load_data(path, name)[1:] == known and 'w21' not in known[0]
    path = write('a\n' * 8 + 'b a\n' + 'a b a\n')
    assert words(path, 'valid') == ['<unk>', 'a', '<eos>'] and words(path, 'test') == ['a', '<unk>', 'a', '<eos>']


@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_line_ends(write, end):
    lines = [f'w{i} x' for i in range(10)]
    expected = [word for line in lines[:8] for word in (*line.split(), '<eos>')]
    for content in (end.join(lines), end.join(lines) + end, end + (end + ' ' + end).join(lines)):
        path = write(content)
        assert words(path) == expected and words(path, 'test') == ['<unk>', 'x', '<eos>']


def test_an_eos_in_the_text_ends_no_line(write):
    path = write('a <eos> b\n' * 10)
    assert words(path) == ['a', '<eos>', 'b', '<eos>'] * 8 and words(path, 'valid') == ['a', '<eos>', 'b', '<eos>']


def test_words_of_equal_count_are_kept_in_order(write):
    path = write('d c b a a\n')
    assert words(path, vocab_size=4) == ['d', '<unk>', '<unk>', 'a', 'a', '<eos>']
    assert words(path, vocab_size=5) == ['d', 'c', '<unk>', 'a', 'a', '<eos>']


def test_as_a_plain_form_has_it(write):
    """Random texts against sets and loops."""
    dice = random.Random(3)
    for _ in range(50):
        lines = [[dice.choice(['a', 'b', 'c', 'd', 'é', 'x', '<unk>', '<eos>']) for _ in range(dice.randrange(4))]
                 for _ in range(dice.randrange(10, 60))]
        path = write('\n'.join(map(' '.join, lines)) + ' end')
        lines[-1] = (' '.join(lines[-1]) + ' end').split()
        lines = [[*line, '<eos>'] for line in lines if line]
        tenth = len(lines) // 10
        train = [word for line in lines[:len(lines) - 2 * tenth] for word in line]
        size = dice.randrange(3, 9)
        known = sorted({*train} - {'<unk>', '<eos>'}, key=lambda word: (-train.count(word), train.index(word)))
        known = [*known[:size - 2], '<unk>', '<eos>']
        train = [word if word in known else '<unk>' for word in train]
        assert words(path, vocab_size=size) == train
        assert list(text.load_data(path, vocab_size=size)[1]) == list(dict.fromkeys([*train, '<unk>']))
        if tenth:
            test = [word if word in known else '<unk>' for line in lines[-tenth:] for word in line]
            assert words(path, 'test', vocab_size=size) == test


@pytest.mark.slow
@pytest.mark.parametrize('word', ['x' * 3_000_000, 'ab ' * 600_000, '가나 ' * 300_000])
def test_a_long_single_line_takes_little_time_and_memory(write, word):
    """Some 2 MB; where there are blanks, more words than are split off at once."""
    path = write(word)
    tracemalloc.start()
    try:
        ids, word_to_id, _ = text.load_data(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    first = word.split()[0] if ' ' in word else '<unk>'
    assert word_to_id == dict(zip(dict.fromkeys([first, '<eos>', '<unk>']), range(3), strict=False))
    assert len(ids) == len(word.split()) + 1 and not ids[:-1].any()
    assert peak < 20 * len(word.encode())


def test_korean_japanese_mark_and_crlf(write):
    path = write('나는 밥을 먹었다\r\n나는 잔다\r\n', 'utf-8-sig')
    assert words(path) == ['나는', '밥을', '먹었다', '<eos>', '나는', '잔다', '<eos>']
    assert words(write('私 は　猫\nÉcole\x85été')) == ['私', 'は', '猫', '<eos>', 'école', 'été', '<eos>']


@pytest.mark.parametrize('content', ['', '\n\n', ' \t\r\n', '\ufeff', ' ' * 3_000_000, '\x85\u2028\n', '\r\r'])
def test_empty(write, content):
    with pytest.raises(ValueError, match=r'my\.txt: expected a text, got no words'):
        text.load_data(write(content))


def test_refused(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.txt'):
        text.load_data(tmp_path / 'absent.txt')
    with pytest.raises(FileNotFoundError, match='there is no such file'):
        text.load_data(str(tmp_path))
    with pytest.raises(ValueError, match=r'my\.txt: expected UTF-8, got .* at byte 3'):
        text.load_data(write(b'abc\xff\xfe'))
    with pytest.raises(ValueError, match=r'my\.txt: expected UTF-8, got .* at byte 6'):        # the mark counts
        text.load_data(write(b'\xef\xbb\xbfabc\xff\xfe'))
    with pytest.raises(ValueError, match=r'my\.txt: expected UTF-8, got .* at byte 1000003'):
        text.load_data(write(b'a b ' * 250_000 + b'abc\xed\xa0\x80'))      # half of a surrogate pair
    with pytest.raises(ValueError, match=r'my\.txt: expected a text, got a NUL at byte 5'):
        text.load_data(write('a b \n\0b'))
    for encoding, says in (('utf-16', 'expected UTF-8, got '), ('utf-16-le', 'expected a text, got a NUL at byte 1')):
        with pytest.raises(ValueError, match=says):
            text.load_data(write('a b\n' * 20, encoding))
    with pytest.raises(ValueError, match=r'expected utf-16, got .* looks like utf-16-le: --encoding utf-16-le$'):
        text.load_data(write('a b\n' * 20, 'utf-16-le'), encoding='utf-16')      # without the mark that tells
    path = write('a\n' * 9)
    assert words(path) == ['a', '<eos>'] * 9
    for name in ('valid', 'test'):
        says = rf'my\.txt: expected ten lines with words or more, for a {name} part, got 9'
        with pytest.raises(ValueError, match=says):
            text.load_data(path, name)
    with pytest.raises(ValueError, match=r"split: expected one of .*, got 'dev'"):
        text.load_data(path, 'dev')
    with pytest.raises(ValueError, match=r'vocab_size: expected at least 3: .*, got 2'):
        text.load_data(path, vocab_size=2)
