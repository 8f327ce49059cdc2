"""dataset.corpus_file: a text of any size as ids on disk, made once."""
import os
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from common.checks import InputError
from dataset import corpus_file, files, words
from dataset.corpus_file import open_corpus

ROOT = Path(__file__).resolve().parent.parent
ENV = os.environ | {'PYTHONPATH': str(ROOT)}


def write(content, path='my.txt'):
    Path(path).write_bytes(content.encode())
    return path


def in_words(found):
    return [found.id_to_word[i] for i in found.ids.tolist()]


def test_ids_by_count():
    write('The cat\n\n sat on  the\tMAT \r\n')
    found = open_corpus('my.txt', min_count=1)
    assert found.id_to_word == {0: '<eos>', 1: 'the', 2: 'cat', 3: 'sat', 4: 'on', 5: 'mat', 6: '<unk>'}
    assert found.word_to_id == {word: i for i, word in found.id_to_word.items()}
    assert found.ids.tolist() == [1, 2, 0, 3, 4, 1, 5, 0] and found.counts.tolist() == [2, 2, 1, 1, 1, 1, 0]
    assert isinstance(found.ids, np.memmap) and found.ids.dtype == np.int32 and not found.ids.flags.writeable
    assert sorted(os.listdir()) == ['my.txt', 'my.txt.ids']


def test_which_words_are_kept():
    write('a a a b b c\n')
    for arguments, expected in (({'min_count': 2}, 'a a a b b <unk> <eos>'), ({}, '<unk> ' * 6 + '<eos>'),
                                ({'min_count': 1, 'vocab_size': 3}, 'a a a <unk> <unk> <unk> <eos>'),
                                ({'min_count': 3, 'vocab_size': 9}, 'a a a <unk> <unk> <unk> <eos>')):
        found = open_corpus('my.txt', **arguments)
        assert in_words(found) == expected.split()
        assert found.counts.tolist() == [in_words(found).count(found.id_to_word[i]) for i in range(len(found.counts))]


def test_as_a_plain_form_has_it():
    """Random texts against a Counter."""
    dice = random.Random(3)
    for number in range(30):
        lines = [dice.choices(['a', 'b', 'é', '말', '<unk>', '<eos>'], k=dice.randrange(5)) for _ in range(40)]
        write('\n'.join(map(' '.join, lines)) + ' x', f'{number}.txt')
        lines[-1] = (' '.join(lines[-1]) + ' x').split()
        text = [word for line in lines if line for word in (*line, '<eos>')]
        least = dice.randrange(1, 20)
        kept = {word for word, count in Counter(text).items() if count >= least} | {'<unk>', '<eos>'}
        text = [word if word in kept else '<unk>' for word in text]
        found = open_corpus(f'{number}.txt', min_count=least)
        assert in_words(found) == text and set(found.word_to_id) == kept
        assert found.counts.tolist() == [text.count(found.id_to_word[i]) for i in range(len(kept))]
        assert (np.diff(found.counts) <= 0).all()


def test_it_is_made_once(monkeypatch):
    write('a b a b\n')
    first = open_corpus(Path('my.txt'), min_count=1)
    prepare, made = corpus_file._prepare, []
    monkeypatch.setattr(corpus_file, '_prepare', lambda *args: (made.append(1), prepare(*args)))
    again = open_corpus('my.txt', min_count=1)
    assert not made and again.ids.tolist() == first.ids.tolist() == [0, 1, 0, 1, 2]
    assert again.counts.tolist() == [2, 2, 1, 0] and again.word_to_id == {'a': 0, 'b': 1, '<eos>': 2, '<unk>': 3}
    # another text of the same length, another length, other arguments
    os.utime(write('b b a b\n'), (1e9, 1e9))
    assert in_words(open_corpus('my.txt', min_count=1)) == ['b', 'b', 'a', 'b', '<eos>'] and len(made) == 1
    os.utime(write('c b a b d\n'), (1e9, 1e9))
    assert in_words(open_corpus('my.txt', min_count=1)) == ['c', 'b', 'a', 'b', 'd', '<eos>'] and len(made) == 2
    assert in_words(open_corpus('my.txt', min_count=2)) == ['<unk>', 'b', '<unk>', 'b', '<unk>', '<eos>']
    assert len(open_corpus('my.txt', min_count=2, vocab_size=3).counts) == 3 and len(made) == 4
    monkeypatch.setattr(corpus_file, 'VERSION', 99)
    open_corpus('my.txt', min_count=2, vocab_size=3)
    assert len(made) == 5 and first.ids.tolist() == [0, 1, 0, 1, 2]        # what is open stays as it was


def test_another_place():
    write('a b\n')
    os.mkdir('elsewhere')
    assert len(open_corpus('my.txt', prepared='elsewhere/ids').ids) == 3
    assert os.listdir('elsewhere') == ['ids'] and 'my.txt.ids' not in os.listdir()


@pytest.mark.parametrize('damage', [lambda data: data[:-1], lambda data: data + b'\0', lambda data: data[:40],
                                    lambda data: data.replace(b'"size"', b'"siez"'),
                                    lambda data: data.replace(b'"words": [', b'"words": 7 '),
                                    lambda data: data.replace(b'}', b']')])
def test_one_that_is_not_whole_is_made_anew(damage):
    write('a b a b a\n')
    open_corpus('my.txt', min_count=1)
    whole = Path('my.txt.ids').read_bytes()
    Path('my.txt.ids').write_bytes(damage(whole))
    assert open_corpus('my.txt', min_count=1).ids.tolist() == [0, 1, 0, 1, 0, 2]
    assert Path('my.txt.ids').read_bytes() == whole


@pytest.mark.parametrize('other', [b'', b'a list of my own', b'{"dlfs'])
def test_another_file_of_that_name_is_left_alone(other):
    write('a b a b a\n')
    Path('my.txt.ids').write_bytes(other)
    with pytest.raises(ValueError, match=r'^my\.txt\.ids is in the way: expected nothing there, or the ids of a text'):
        open_corpus('my.txt')
    assert Path('my.txt.ids').read_bytes() == other


# ---- what goes wrong while it is made

def test_what_is_stopped_leaves_nothing(monkeypatch):
    write('a b a b a\n')
    open_corpus('my.txt', min_count=1)
    before = Path('my.txt.ids').read_bytes()
    read_words = words.read_words

    def stopped(file, tell, *how):
        yield from read_words(file, tell, *how)
        if not tell:        # the second time
            assert len(os.listdir()) == 3
            raise KeyboardInterrupt

    monkeypatch.setattr(words, 'read_words', stopped)
    with pytest.raises(KeyboardInterrupt):
        open_corpus('my.txt', min_count=2)
    assert Path('my.txt.ids').read_bytes() == before and len(os.listdir()) == 2


@pytest.mark.parametrize('other', ['a b a b a\nc\n', 'c b a b a\n'])
def test_a_text_that_changes_while_it_is_read(monkeypatch, other):
    write('a b a b a\n')
    read_words = words.read_words

    def changing(file, tell, *how):
        yield from read_words(file, tell, *how)
        if tell:
            os.utime(write(other), (1e9, 1e9))

    monkeypatch.setattr(words, 'read_words', changing)
    with pytest.raises(ValueError, match=r'^my\.txt: expected a text that stays as it is, but it was changed'):
        open_corpus('my.txt')
    assert os.listdir() == ['my.txt']


KILLED = """
import os, signal
from dataset.corpus_file import open_corpus
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
open_corpus('my.txt', min_count=1)
"""


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
def test_what_a_kill_leaves_is_cleared_away():
    write('a b a b a\n')
    assert subprocess.run([sys.executable, '-c', KILLED], env=ENV, timeout=60).returncode == -9
    left = set(os.listdir()) - {'my.txt'}
    assert len(left) == 1 and 'my.txt.ids' not in left
    assert open_corpus('my.txt', min_count=1).ids.tolist() == [0, 1, 0, 1, 0, 2]
    assert sorted(os.listdir()) == ['my.txt', 'my.txt.ids']


@pytest.mark.slow
def test_two_that_make_it_at_once():
    write('a b a c\n' * 30_000)
    code = "from dataset.corpus_file import open_corpus; print(open_corpus('my.txt').ids[::7].tolist()[:6])"
    both = [subprocess.Popen([sys.executable, '-c', code], env=ENV, stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    last = [one.communicate(timeout=100)[0].splitlines()[-1] for one in both]
    assert last == ['[0, 0, 1, 2, 3, 0]'] * 2 and sorted(os.listdir()) == ['my.txt', 'my.txt.ids']


@pytest.mark.parametrize('content, says', [(b'ab\n\xff', r'my\.txt: expected UTF-8, got invalid start byte at byte 3'),
                                           (b'ab\n\0', r'my\.txt: expected a text, got a NUL at byte 3'),
                                           (b' \n\n', r'my\.txt: expected a text, got no words')])
def test_what_is_no_text(content, says):
    Path('my.txt').write_bytes(content)
    with pytest.raises(ValueError, match=says):
        open_corpus('my.txt')
    assert os.listdir() == ['my.txt']


def test_bad_arguments(monkeypatch):
    for call, says in ((lambda: open_corpus('my.txt', min_count=0), '^min_count: expected 1 or more, got 0$'),
                       (lambda: open_corpus('my.txt', min_count=1.5), r'^min_count: expected an integer, got 1\.5$'),
                       (lambda: open_corpus('my.txt', vocab_size=2), '^vocab_size: expected 3 or more, got 2$')):
        with pytest.raises(ValueError, match=says):
            call()
    with pytest.raises(FileNotFoundError, match=r"^path is 'my\.txt', but there is no such file\.$"):
        open_corpus('my.txt')
    write('a\n')
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*nowhere'):
        open_corpus('my.txt', prepared='nowhere/ids')
    monkeypatch.setattr(os, 'access', lambda *_: False)     # root may write everywhere
    with pytest.raises(PermissionError, match=r'my\.txt\.ids cannot be written: the file, or its folder, is read-only'):
        open_corpus('my.txt')
    assert os.listdir() == ['my.txt']


# ---- memory

@pytest.mark.slow
@pytest.mark.parametrize('many_lines', [True, False])
def test_memory_is_that_of_a_block_and_of_the_words(many_lines):
    """2 MB in 1,000 words, as lines and as one line, are read and written within 1.5 MB."""
    line = ' '.join(f'w{i}' for i in range(1000)) + ('\n' if many_lines else ' ')
    write(line * (2_000_000 // len(line)) + '😀')
    tracemalloc.start()
    try:
        found = open_corpus('my.txt')
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.ids) > 400_000 and len(found.counts) == 1002 and peak < 1.5e6


def test_rare_words_are_forgotten_in_time(monkeypatch, capsys):
    """Many words of one appearance: few are held at once, and the counts of the frequent ones are those of the text."""
    dice = random.Random(1)
    lines = [' '.join([f'w{n}x{i}' for i in range(10)] + dice.choices('abcd', [8, 4, 2, 1], k=5)) for n in range(2000)]
    write('\n'.join(lines))
    monkeypatch.setattr(files, 'BLOCK', 1000)
    monkeypatch.setattr(words, 'ROOM', 100_000)
    half, sizes = corpus_file._frequent_half, []
    monkeypatch.setattr(corpus_file, '_frequent_half', lambda count: (sizes.append(len(count)), half(count))[1])
    found = open_corpus('my.txt', min_count=3)
    text = ' '.join(lines).split()
    assert list(found.word_to_id) == ['<unk>', 'a', 'b', '<eos>', 'c', 'd']
    assert found.counts.tolist() == [20_000, *map(text.count, 'ab'), 2000, *map(text.count, 'cd')]
    assert 20 < len(sizes) < 100 and max(sizes) < 800
    assert capsys.readouterr().out.count('my.txt has more different words than are kept: the rarest so far are') == 1


# ---- what is said

def test_what_is_said(monkeypatch, capsys):
    write('a ' + 'x' * 2000 + '\n')
    open_corpus('my.txt', min_count=1)
    assert capsys.readouterr().out == (
        f"my.txt: words of over 1,000 characters are <unk>: '{'x' * 20}'… is one\nmy.txt.ids: 3 ids of 3 words\n")
    open_corpus('my.txt', min_count=1)
    assert capsys.readouterr().out == ''


def test_how_far_it_is(monkeypatch, capsys):
    write('a b c d\n' * 4)
    monkeypatch.setattr(files, 'BLOCK', 8)
    monkeypatch.setattr(corpus_file, 'MUCH', 20)
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True, raising=False)
    open_corpus('my.txt')
    first, *progress, last = capsys.readouterr().out.replace('\r', '\n').splitlines()
    progress.remove('my.txt: 80% of the words stand there fewer than 5 times and are <unk>: try --min-count 1')
    assert first == 'making my.txt.ids, once: 0 MB of text are read twice'
    shown = [int(line.removeprefix('making my.txt.ids: ').removesuffix(' %')) for line in progress]
    assert shown == sorted(shown) and shown[0] < 20 and {25, 50, 75} < {*shown} and shown[-1] == 100
    assert last == 'my.txt.ids: 20 ids of 2 words'


def test_a_text_without_words():
    for text in ('', '\n \n'):
        write(text)
        with pytest.raises(InputError, match=r'^my\.txt: expected a text, got no words$'):
            open_corpus('my.txt')
