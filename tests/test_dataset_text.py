"""dataset.text: a file of one's own."""
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


def test_korean_japanese_mark_and_crlf(write):
    path = write('나는 밥을 먹었다\r\n나는 잔다\r\n', 'utf-8-sig')
    assert words(path) == ['나는', '밥을', '먹었다', '<eos>', '나는', '잔다', '<eos>']
    assert words(write('私 は　猫\nÉcole\x85été')) == ['私', 'は', '猫', '<eos>', 'école', 'été', '<eos>']


@pytest.mark.parametrize('content', ['', '\n\n', ' \t\r\n', '\ufeff'])
def test_empty(write, content):
    with pytest.raises(ValueError, match=r'my\.txt is empty'):
        text.load_data(write(content))


def test_refused(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.txt'):
        text.load_data(tmp_path / 'absent.txt')
    with pytest.raises(FileNotFoundError, match='there is no such file'):
        text.load_data(str(tmp_path))
    with pytest.raises(ValueError, match=r'my\.txt is not UTF-8: .* at byte 3'):
        text.load_data(write(b'abc\xff\xfe'))
    path = write('a\n' * 9)
    assert words(path) == ['a', '<eos>'] * 9
    for name in ('valid', 'test'):
        with pytest.raises(ValueError, match=r'my\.txt has 9 lines.*ten or more'):
            text.load_data(path, name)
    with pytest.raises(ValueError, match="split is 'dev'"):
        text.load_data(path, 'dev')
    with pytest.raises(ValueError, match='vocab_size is 2'):
        text.load_data(path, vocab_size=2)
