"""dataset.words: a text read in blocks has the words of one read at once."""
import random

import numpy as np
import pytest

from dataset import files, text, tokens, words


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / 'my.txt'
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write


def read(path, **how):
    with open(path, 'rb') as file:
        return [word for found in words.read_words(file, **how) for word in found]


def test_wherever_a_block_ends(write, monkeypatch):
    """Random texts against Python's own split; of lines longer than a piece, and of words that are too long, too."""
    dice = random.Random(5)
    monkeypatch.setattr(words, 'LONGEST', 3)
    parts = ['a', 'Bb', '나는', '😀', 'é', ' ', '  ', '\t', '\u3000', '\n', '\r\n', '\r', '\n\n',
             ',', '3', '.', '<', '>', '-']
    for size in [*range(1, 12)] * 20:
        content = ''.join(dice.choices(parts, k=dice.randrange(60)))
        lines = [line.split() for line in content.lower().replace('\r\n', '\n').replace('\r', '\n').split('\n')]
        expected = [word if len(word) <= 3 else '<unk>' for line in lines if line for word in (*line, '\n')]
        path = write(content.encode('utf-8-sig' if size > 2 and dice.random() < 0.5 else 'utf-8'))
        monkeypatch.setattr(files, 'BLOCK', size)
        monkeypatch.setattr(words, 'PIECE', dice.choice([1, 4, 100]))
        assert read(path, tokens='blanks') == expected
        for how, parted in (('words', tokens.words_of), ('characters', tokens.characters_of)):
            lines = [parted(line) for line in content.replace('\r\n', '\n').replace('\r', '\n').split('\n')]
            assert read(path, tokens=how) == [word if len(word) <= 3 else '<unk>' for line in lines if line
                                              for word in (*line, '\n')]


@pytest.mark.parametrize('size', [1, 2, 3, 5, 100])
def test_the_place_of_what_is_no_text(write, monkeypatch, size):
    monkeypatch.setattr(files, 'BLOCK', size)
    for content, says in ((b'ab \xed\x95\x9c\xff', 'UTF-8, got invalid start byte at byte 6'),
                          (b'ab \xed\x95', 'UTF-8, got unexpected end of data at byte 3'),
                          (b'\xef\xbb\xbfab\n\xe0\x80', 'UTF-8, got invalid continuation byte at byte 6'),
                          ('한 a\0'.encode(), 'a text, got a NUL at byte 5')):
        with pytest.raises(ValueError, match=rf'my\.txt: expected {says}$'):
            read(write(content))


def test_a_word_of_over_1000_characters(write, capsys):
    """However long it is, and in a line of its own, or of many pieces; told once."""
    for size in (1001, 10**6):
        long = '말' * size
        path = write(f'a {"b" * 1000}\n{long}\nc {long} {long} d\n')
        assert read(path) == ['a', 'b' * 1000, '\n', '<unk>', '\n', 'c', '<unk>', '<unk>', 'd', '\n']
        assert capsys.readouterr().out == (f"{path}: words of over 1,000 characters are <unk>: '{'말' * 20}'… is one\n")
        ids, word_to_id, _ = text.load_data(path)
        assert list(word_to_id) == ['a', 'b' * 1000, '<eos>', '<unk>', 'c', 'd']
        assert ids.tolist() == [0, 1, 2, 3, 2, 4, 3, 3, 5, 2]
        assert capsys.readouterr().out.count('characters are <unk>') == 1


def test_rare_words_are_forgotten_in_time(write, monkeypatch):
    """dataset.text of a text with many words of one appearance: its frequent words, and all ids, are as ever."""
    dice = random.Random(1)
    lines = [' '.join([f'w{n}x{i}' for i in range(10)] + dice.choices('abcd', [8, 4, 2, 1], k=5)) for n in range(2000)]
    path = write('\n'.join(lines))
    monkeypatch.setattr(files, 'BLOCK', 1000)
    expected = [text.load_data(path, part, vocab_size=6) for part in ('train', 'test')]
    assert sorted(expected[0][1]) == ['<eos>', '<unk>', 'a', 'b', 'c', 'd']
    monkeypatch.setattr(words, 'ROOM', 100_000)
    known = []
    forget = text._forget
    monkeypatch.setattr(text, '_forget', lambda ids, id_of: (known.append(len(id_of)), forget(ids, id_of)))
    for part, whole in zip(('train', 'test'), expected, strict=True):
        corpus, *vocab = text.load_data(path, part, vocab_size=6)
        assert np.array_equal(corpus, whole[0]) and vocab == list(whole[1:])
    assert 40 < len(known) < 200 and max(known) < 800


def test_most_frequent():
    assert words.most_frequent(np.array([1, 3, 1, 3, 2, 1]), 4).tolist() == [True, True, False, True, True, False]
    assert words.most_frequent(np.array([5, 5]), 9).tolist() == [True, True]


def test_bytes_of():
    assert words.bytes_of({'abc': 1, 'de': 2, 'f': 3}, 1) == 2 * 150 + 4 * 3
