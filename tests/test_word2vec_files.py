"""Word vectors in word2vec's own formats: gensim reads ours and we its; damaged files are refused in a sentence."""
import gzip
from pathlib import Path

import numpy as np
import pytest

from ch02 import thesaurus
from ch04 import eval as ch04_eval
from common.checks import InputError
from common.interchange import load_word2vec, save_word2vec

WORDS = ['you', 'say.', '말하다', '別れ', 'ñandú\u3000', "'s", '\u2028x']
ENDINGS = pytest.mark.parametrize('path', ['x.txt', 'x.bin'])


def vectors(V=7, D=5):
    """Of many magnitudes, a third of which is not a short decimal."""
    return (np.random.randn(V, D) * 10.0**np.random.randint(-30, 30, (V, D))).astype('f4')


@ENDINGS
def test_round_trip(path):
    vecs = vectors()
    save_word2vec(path, vecs, dict(enumerate(WORDS)))
    back, word_to_id, id_to_word = load_word2vec(path)
    assert back.dtype == np.float32 and back.tobytes() == vecs.tobytes()
    assert id_to_word == dict(enumerate(WORDS)) and [word_to_id[word] for word in WORDS] == list(range(len(WORDS)))
    back[0] = 0     # they may be written into


def test_the_files_are_what_the_program_writes():
    vecs = np.array([[0.5, -1], [2, 1e-5]])
    save_word2vec('x.txt', vecs, {1: 'bye', 0: 'you'})
    assert Path('x.txt').read_bytes() == b'2 2\nyou 0.5 -1.0\nbye 2.0 1e-05\n'
    save_word2vec('x.bin', vecs, {0: 'you', 1: 'bye'})
    numbers = vecs.astype('<f4')
    assert Path('x.bin').read_bytes() == (b'2 2\nyou ' + numbers[0].tobytes() + b'\nbye ' + numbers[1].tobytes()
                                          + b'\n')
    save_word2vec('x.vec', vecs, {0: 'you', 1: 'bye'}, binary=True)
    assert Path('x.vec').read_bytes() == Path('x.bin').read_bytes()
    assert load_word2vec('x.vec', binary=True)[0].tolist() == numbers.tolist()


@ENDINGS
def test_gensim_reads_ours_and_we_its(path):
    models = pytest.importorskip('gensim.models')
    binary, vecs = path == 'x.bin', vectors()
    save_word2vec(path, vecs, dict(enumerate(WORDS)))
    theirs = models.KeyedVectors.load_word2vec_format(path, binary=binary)
    assert theirs.index_to_key == WORDS and theirs.vectors.tobytes() == vecs.tobytes()
    theirs.save_word2vec_format('theirs' + path, binary=binary)
    back, _, id_to_word = load_word2vec('theirs' + path)
    assert list(id_to_word.values()) == WORDS and back.tobytes() == vecs.tobytes()


def test_an_ending_of_no_vectors_is_told():
    Path('x.kv').touch()
    with pytest.raises(InputError, match=r"^x\.kv: expected a name that ends in .*\.vec \(.*\), got '\.kv'$"):
        ch04_eval.main('x.kv')


@pytest.mark.parametrize('path', ['x.bin', 'x.txt', 'x.vec'])
def test_the_scripts_that_look_at_vectors_take_such_files(path, capsys):
    vecs = np.array([[1, 0, 0], [0, 1, 0], [1, 0.5, 0], [0, 1, 0.5]], 'f')
    save_word2vec(path, vecs, {0: '犬', 1: '猫', 2: '犬たち', 3: '猫たち'})
    found, word_to_id, _ = ch04_eval.main(path, words='犬', analogy='犬:犬たち=猫')
    assert found.tobytes() == vecs.tobytes() and word_to_id['猫たち'] == 3
    shown = capsys.readouterr().out
    assert '\n[query] 犬\n 犬たち: 0.89442' in shown and '\n[analogy] 犬:犬たち = 猫:?\n 猫たち: ' in shown
    assert Path('ch04_eval.png').exists()
    np.testing.assert_array_equal(thesaurus.read_vectors(path)['犬たち'], vecs[2])


def test_blanks_where_the_c_program_leaves_them():
    Path('x.txt').write_bytes(b' 2  3 \nyou 1 2 3 \nbye 4 5 6 \n\n')
    assert load_word2vec('x.txt')[0].tolist() == [[1, 2, 3], [4, 5, 6]]


@ENDINGS
def test_words_that_would_not_come_back_are_refused(path):
    for bad in ('new york', '', 'a\n', 'a\tb', '\ud800', 'x' * 10_001):
        with pytest.raises(InputError, match=r'^id_to_word: expected words of 1 to 10,000 bytes .*, got \''):
            save_word2vec(path, np.ones((2, 2)), {0: 'you', 1: bad})
    with pytest.raises(InputError, match='id_to_word: expected the ids 0 to 1'):
        save_word2vec(path, np.ones((2, 2)), {0: 'you'})
    with pytest.raises(InputError, match=r'word_vecs: expected numbers up to 3\.40282e\+38'):
        save_word2vec(path, np.full((1, 2), 1e39), {0: 'you'})
    with pytest.raises(InputError, match="binary: expected True or False, got 'yes'"):
        save_word2vec(path, np.ones((1, 2)), {0: 'you'}, binary='yes')
    assert not Path(path).exists()


# a file, and what is said of it
BAD = {
    'x.txt': [
        (b'', 'expected two numbers, of words and of each vector\'s, as its first line, got '),
        (b'you 1 2 3\n', 'expected two numbers'), (b'2\n', 'expected two numbers'), (b'-2 3\n', 'expected two numbers'),
        (b'\x1f\x8b\x08', 'gunzip it first'),
        (b'\xba\x16O/\x0c\0\0\0', 'a model of fastText, .* in the .vec file'),
        (b'0 3\n', 'expected 0 vectors'), (b'1 0\nyou\n', 'expected 1 vectors of 0 numbers'),
        (b'999999999999 999999999999\nyou 1\n', 'got 6 bytes, which cannot hold them'),
        (b'3 2\nyou 1 2\nb 1 2\n', 'expected 3 vectors of 2 numbers, .*, got 14 bytes'),
        (b'2 2\nyou 1 2\nbye 1 2', 'line 3 is cut short'), (b'2 2\nyou 1 2\nbye 1\n', 'line 3: .* 2 numbers, got 1'),
        (b'2 2\nnew york 1 2\nbye 1 2\n', 'line 2: .* 2 numbers, got 3'), (b'2 2\nyou 1 2\n\nbye 3 4\n', 'line 3: .*0'),
        (b'2 2\nyou 1 x\nbye 1 2\n', 'line 2: expected a word and 2 numbers, got others'),
        (b'2 2\nyou 1 2\nyou 1 2\n', 'holds the word you twice'),
        (b'1 2\nyou 1 2\nbye 1 2\n', 'more than the 1 vectors'),
        (b'1 2\n\xb8\xbb 1 2\n', 'utf-8'), (b'1 2\n' + b'x' * 20_000, 'line 2 is cut short, or far too long'),
    ],
    'x.bin': [
        (b'1 1\na 1.0', 'expected 1 vectors of 1 numbers, .*, got 5 bytes'),
        (b'1 2\nyou ' + bytes(7), 'damaged or cut short'),
        (b'2 1\na ' + bytes(4) + b'\nbcdefg', 'damaged or cut short'), (b'1 1\nabcdefgh', 'damaged or cut short'),
        (b'1 1\n' + b'x' * 20_000, 'has more than 10,000 bytes: is this file binary'),
        (b'1 1\n' + b' ' + bytes(8), 'word 1: expected 1 byte or more, got none'),
        (b'900000000 900000000\na ' + bytes(4), 'cannot hold them'), (b'3 1\na ' + bytes(4) * 3, 'cannot hold them'),
        (b'1 1\na ' + bytes(4) + b'\nb ' + bytes(4), 'more than the 1 vectors'),
        (b'2 1\na ' + bytes(4) + b'a ' + bytes(4), 'holds the word a twice'), (b'1 1\n\xff ' + bytes(4), 'utf-8'),
    ]}


@pytest.mark.parametrize('path, content, says', [(path, *row) for path, rows in BAD.items() for row in rows])
def test_bad_files_are_refused(path, content, says):
    Path(path).write_bytes(content)
    with pytest.raises(InputError, match=rf'^{path} is refused: .*({says})'):
        load_word2vec(path)


def test_a_file_cut_short_anywhere_is_refused():
    for path in ('x.txt', 'x.bin'):
        save_word2vec(path, np.round(vectors(3, 2)), {0: 'a', 1: 'bc', 2: '말'})
        whole = Path(path).read_bytes()
        for end in range(len(whole) - (path == 'x.bin')):       # the last line end may be missing
            Path(path).write_bytes(whole[:end])
            with pytest.raises(InputError, match=r'is refused'):
                load_word2vec(path)


def test_numbers_that_are_infinite_are_warned_of():
    Path('x.txt').write_text('1 3\nyou nan 1e39 1\n')
    with pytest.warns(UserWarning, match=r'word_vecs of x\.txt holds 2 numbers that are NaN or infinite'):
        load_word2vec('x.txt')


def test_a_packed_file_and_none():
    Path('x.bin').write_bytes(gzip.compress(b'1 1\na 0000'))
    with pytest.raises(InputError, match='gunzip it first'):
        load_word2vec('x.bin')
    with pytest.raises(FileNotFoundError):
        load_word2vec('y.bin')
