"""dataset.ptb (real text where it is at hand, a small stand-in elsewhere) and dataset.corpus."""
import hashlib
from pathlib import Path

import numpy as np
import pytest

from dataset import corpus, files, ptb, text, toy


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Three short files in place of the real ones."""
    (tmp_path / 'train').write_text(' the cat <unk> \n sat N cat \n')
    (tmp_path / 'valid').write_text(' cat the \n')
    (tmp_path / 'test').write_text(' N sat \n <unk> \n')
    monkeypatch.setattr(files, 'get', lambda source, advice: tmp_path / source.name.split('.')[1])


def test_small(small):
    ids, word_to_id, id_to_word = ptb.load_data('train')
    assert word_to_id == {'the': 0, 'cat': 1, '<unk>': 2, '<eos>': 3, 'sat': 4, 'N': 5}
    assert id_to_word == {0: 'the', 1: 'cat', 2: '<unk>', 3: '<eos>', 4: 'sat', 5: 'N'}
    assert ids.tolist() == [0, 1, 2, 3, 4, 5, 1, 3] and ids.dtype == np.int64
    assert ptb.load_data()[0].tolist() == ids.tolist()
    for name, expected in (('valid', [1, 0, 3]), ('val', [1, 0, 3]), ('test', [5, 4, 3, 2, 3])):
        ids, *vocab = ptb.load_data(name)
        assert ids.tolist() == expected and vocab == [word_to_id, id_to_word]
    assert ptb.load_vocab() == (word_to_id, id_to_word)


def test_unknown_part():
    for name in ('tset', 'Train', None):
        with pytest.raises(ValueError, match='data_type'):
            ptb.load_data(name)


def test_sources_are_https():
    assert list(ptb.SOURCES) == ['train', 'valid', 'test']
    for part, source in ptb.SOURCES.items():
        assert source.name == f'ptb/ptb.{part}.txt'
        assert source.url.startswith('https://') and source.url.endswith(Path(source.name).name)
        assert len(source.sha256) == 64


def test_without_a_network_the_last_line_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'empty'))
    monkeypatch.setattr(files, 'PAUSE', 0)
    with pytest.raises(OSError) as caught:      # conftest lets no other machine be asked
        ptb.load_data()
    lines = str(caught.value).split('\n')
    assert len(lines) == 3 and 'ptb/ptb.train.txt is not at hand' in lines[0]
    assert '--corpus toy' in lines[2] and '--corpus PATH' in lines[2]


def test_real_files_are_the_sources(real_data):
    for source in ptb.SOURCES.values():
        data = (real_data / source.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (source.size, source.sha256)
        assert files.get(source) == real_data / source.name


def test_real(real_data):
    sizes = {'train': 929_589, 'valid': 73_760, 'val': 73_760, 'test': 82_430}
    for name, size in sizes.items():
        ids, word_to_id, id_to_word = ptb.load_data(name)
        assert ids.shape == (size,) and len(word_to_id) == len(id_to_word) == 10_000
        assert all(id_to_word[i] == word for word, i in word_to_id.items())
    # the book, 2.4.4: the first words of the training text, and the ids of three words
    ids = ptb.load_data('train')[0]
    assert ids[:30].tolist() == list(range(30))
    assert [id_to_word[i] for i in range(4)] == ['aer', 'banknote', 'berlitz', 'calloway']
    assert (word_to_id['car'], word_to_id['happy'], word_to_id['lexus']) == (3856, 4428, 7426)


def test_corpus_names(small, tmp_path):
    path = tmp_path / 'own.txt'
    path.write_text('a b\n' * 20)
    for name, module in (('ptb', ptb), ('toy', toy)):
        for part in ('train', 'test'):
            ids, *vocab = corpus.load_data(name, part)
            expected, *expected_vocab = module.load_data(part)
            assert np.array_equal(ids, expected) and vocab == expected_vocab
    for part, size in (('train', 48), ('val', 6)):
        ids, *vocab = corpus.load_data(path, part)
        assert len(ids) == size and vocab == list(text.load_data(path)[1:])
        assert np.array_equal(corpus.load_data(str(path), part)[0], ids)
    with pytest.raises(FileNotFoundError, match="corpus: expected 'ptb', 'toy' or the path of a text file, got 'PTB'"):
        corpus.load_data('PTB')
