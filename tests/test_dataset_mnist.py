"""dataset.mnist (the real files where they are at hand, small ones elsewhere), and files known by what they hold."""
import gzip
import hashlib
import os
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from common.checks import InputError
from dataset import files, mnist

PIXELS = np.arange(3 * 784).reshape(3, 28, 28) % 251
LABELS = [7, 0, 9]


def idx(array, magic=None):
    """An IDX file: a magic number with the number of axes, their lengths, the bytes."""
    array = np.asarray(array)
    lengths = b''.join(length.to_bytes(4, 'big') for length in array.shape)
    return (magic or bytes([0, 0, 8, array.ndim])) + lengths + array.astype('u1').tobytes()


RAW = {'x_train': idx(PIXELS), 't_train': idx(LABELS), 'x_test': idx(PIXELS[::-1][:2]), 't_test': idx([9, 0])}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Four small files, packed, in place of the real ones: their sources by name."""
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    monkeypatch.setattr(files, 'PAUSE', 0)
    (tmp_path / 'mnist').mkdir()
    sources = {key: source._replace(size=len(RAW[key]), sha256=hashlib.sha256(RAW[key]).hexdigest())
               for key, source in mnist.SOURCES.items()}
    monkeypatch.setattr(mnist, 'SOURCES', sources)
    for key, source in sources.items():
        (tmp_path / source.name).write_bytes(gzip.compress(RAW[key]))
    return sources


def test_small(small):
    (x_train, t_train), (x_test, t_test) = mnist.load_data()
    assert x_train.shape == (3, 784) and x_train.dtype == np.float32
    assert x_train[1, 5] == np.float32(PIXELS[1, 0, 5] / 255) and x_train.max() == np.float32(250 / 255)
    assert t_train.tolist() == LABELS and t_train.dtype == np.uint8
    assert np.array_equal(x_test, x_train[[2, 1]]) and t_test.tolist() == [9, 0]
    assert mnist.load_mnist is mnist.load_data


def test_forms(small):
    (x, t), _ = mnist.load_data(normalize=False, flatten=False, one_hot_label=True)
    assert x.dtype == np.uint8 and x.shape == (3, 1, 28, 28) and np.array_equal(x[:, 0], PIXELS)
    assert t.dtype == np.float32 and t.tolist() == [[float(i == label) for i in range(10)] for label in LABELS]
    (again, labels), _ = mnist.load_data(normalize=False)
    assert again.shape == (3, 784) and np.array_equal(again.reshape(x.shape), x)
    again += 1      # what is loaded is the reader's to write into
    labels += 1
    assert np.array_equal(mnist.load_data(normalize=False)[0][0] + 1, again)


@pytest.mark.parametrize('name', ['normalize', 'flatten', 'one_hot_label'])
def test_flags_are_flags(name):
    with pytest.raises(InputError, match=f"^{name}: expected True or False, got 'no'$"):
        mnist.load_data(**{name: 'no'})


def members(raw):
    """The same content, as compressors may pack it."""
    yield gzip.compress(raw, 1)
    yield gzip.compress(raw, 0)                                     # not made smaller
    yield gzip.compress(raw, mtime=12345)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packer.compress(raw) + packer.flush()
    end = zlib.crc32(raw).to_bytes(4, 'little') + len(raw).to_bytes(4, 'little')
    yield b'\x1f\x8b\x08\x18' + bytes(4) + b'\x02\x03train-images\0a comment\0' + deflated + end
    yield raw                                                       # a browser that unpacks, and keeps the name


def test_another_compressor(small, tmp_path):
    path = tmp_path / small['x_train'].name
    packed = list(members(RAW['x_train']))
    assert len(set(packed)) == 5
    for content in packed:
        path.write_bytes(content)
        assert files.content(small['x_train']) == RAW['x_train'] and files.get(small['x_train']) == path
    path.unlink()
    raw = path.with_suffix('')
    raw.write_bytes(gzip.compress(RAW['x_train']))                  # and one that is packed, without .gz
    assert files.content(small['x_train']) == RAW['x_train'] and files.get(small['x_train']) == raw
    raw.write_bytes(RAW['x_train'])
    assert files.content(small['x_train']) == RAW['x_train'] and files.get(small['x_train']) == raw
    path.write_bytes(b'damaged')                                    # one that is whole will do
    assert mnist.load_data()[0][0].shape == (3, 784)
    raw.write_bytes(RAW['x_train'][:-1])
    path.write_bytes(gzip.compress(RAW['x_train']))
    assert files.get(small['x_train']) == path


BOMB = gzip.compress(bytes(3_000_000), 9)       # of 2,950 bytes: no longer than the true file can be
HOSTILE = {
    'empty': b'', 'only the start': b'\x1f\x8b', 'text': b'my own digits', 'bomb': BOMB,
    'truncated': gzip.compress(RAW['x_train'])[:-1], 'header alone': gzip.compress(RAW['x_train'])[:10],
    'truncated raw': RAW['x_train'][:-1], 'more raw': RAW['x_train'] + b'\0',
    'more packed': gzip.compress(RAW['x_train'] + b'\0'), 'more behind': gzip.compress(RAW['x_train']) + b'more',
    'twice': gzip.compress(RAW['x_train']) * 2, 'many of nothing': gzip.compress(b'') * 100,
    'a wrong checksum': gzip.compress(RAW['x_train'])[:-5] + b'!' + gzip.compress(RAW['x_train'])[-4:],
    'a length that lies': gzip.compress(RAW['x_train'].replace(b'\0\0\0\3', b'\xff\xff\xff\xff', 1)),
    'a wrong magic number': gzip.compress(idx(PIXELS, magic=b'\0\0\x0d\3')),
    'a longer axis': gzip.compress(RAW['x_train'].replace(b'\0\0\0\x1c', b'\0\0\0\x1d', 1)),
    'one pixel': gzip.compress(idx(PIXELS + (np.arange(3 * 784).reshape(3, 28, 28) == 99))),
    'a long comment': b'\x1f\x8b\x08\x10' + bytes(6) + b'x' * 2000,
    'a long file': bytes(5_000_000),
}


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_file_is_refused_and_left_alone(name, small, tmp_path):
    path = tmp_path / small['x_train'].name
    path.write_bytes(HOSTILE[name])
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises(OSError, match=r'train-images-idx3-ubyte\.gz differs from the file expected there') as caught:
        mnist.load_data()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert '\n' not in str(caught.value) and path.read_bytes() == HOSTILE[name]
    assert time.process_time() - start < 1 and peak < 500_000


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='pipes of POSIX')
@pytest.mark.parametrize('make', [os.mkdir, getattr(os, 'mkfifo', None)])
def test_a_folder_or_a_pipe_in_a_files_place(make, small, tmp_path, monkeypatch):
    path = tmp_path / small['t_train'].name
    path.unlink()
    make(path)
    with pytest.raises(OSError, match=r'train-labels-idx1-ubyte\.gz differs from the file expected there'):
        mnist.load_data()
    monkeypatch.delenv('DLFS2_DATA')
    monkeypatch.setattr(files, 'folder', lambda: tmp_path)
    with pytest.raises(OSError, match=r'train-labels-idx1-ubyte\.gz: expected a regular file or nothing there'):
        mnist.load_data()


def test_fetched(small, tmp_path, monkeypatch):
    """Whatever compressor the server uses; what it sends is written as it came, and nothing that is another file."""
    source = small['t_train']
    path = tmp_path / source.name
    for content in members(RAW['t_train']):
        path.unlink()
        monkeypatch.setattr(files, '_read', lambda source, deadline, content=content: bytearray(content))
        assert files.content(source) == RAW['t_train'] and path.read_bytes() == content
    for content, says in ((gzip.compress(RAW['t_test']), 'bytes came, not 11'), (BOMB[:900], 'over 11 bytes came'),
                          (gzip.compress(RAW['t_train'])[:-3], 'no whole gzip'), (b'<html>', '6 bytes came'),
                          (gzip.compress(idx([7, 0, 8])), 'another SHA-256'),
                          (b'\x1f\x8b\x08\0' + bytes(30), 'no whole gzip')):
        path.unlink(missing_ok=True)
        monkeypatch.setattr(files, '_read', lambda source, deadline, content=content: bytearray(content))
        with pytest.raises(OSError, match=f'could not be fetched: .*{says}'):
            files.content(source)
        assert sorted(os.listdir(path.parent)) == sorted(os.path.basename(s.name) for s in small.values()
                                                         if s is not source)


def test_without_a_network_the_last_line_says_what_else_there_is(small, tmp_path):
    (tmp_path / small['x_test'].name).unlink()
    with pytest.raises(OSError) as caught:      # conftest lets no other machine be asked
        mnist.load_data()
    lines = str(caught.value).split('\n')
    assert len(lines) == 3 and 'mnist/t10k-images-idx3-ubyte.gz is not at hand' in lines[0]
    assert lines[2] == 'Without it: --data digits'


def test_sources():
    names = {'x_train': 'train-images-idx3-ubyte', 't_train': 'train-labels-idx1-ubyte',
             'x_test': 't10k-images-idx3-ubyte', 't_test': 't10k-labels-idx1-ubyte'}
    for key, source in mnist.SOURCES.items():
        assert source.name == f'mnist/{names[key]}.gz' and len(source.sha256) == 64
        assert source.url == f'https://ossci-datasets.s3.amazonaws.com/mnist/{names[key]}.gz'
    assert [source.served for source in mnist.SOURCES.values()] == [9_912_422, 28_881, 1_648_877, 4_542]
    assert mnist.SOURCES['x_train'].size < mnist.SOURCES['x_train'].largest < 48_000_000


@pytest.mark.slow
def test_real(real_data):
    if not (real_data / 'mnist').is_dir():
        pytest.skip('MNIST is not at hand')
    (x_train, t_train), (x_test, t_test) = mnist.load_data(normalize=False)
    assert x_train.shape == (60_000, 784) and x_test.shape == (10_000, 784)
    # volume 1, 3.6.1: the first digit is a 5
    assert t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4] and t_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(t_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert abs(x_train.mean() / 255 - 0.1307) < 1e-4 and abs(x_train.std() / 255 - 0.3081) < 1e-4
