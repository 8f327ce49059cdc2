"""Damaged and hostile files of weights, words, checkpoints and texts, each loaded in a process of little memory.

    python -m tests.hostile --seconds 3600      # from the root, in a folder where a finding may be left; --seed N

A file after which anything else happens than that it is read, or refused in one sentence that names it, ends the run:
it is kept as finding.npz, .pkl or .txt, to become a row of test_hostile_files.py.
"""
import argparse
import codecs
import io
import itertools
import json
import os
import pickle
import pickletools
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ch06.better_rnnlm import BetterRnnlm
from common import storage, weight_files
from common.checkpoint import Checkpoint
from common.optimizer import SGD
from common.trainer import RnnlmTrainer
from dataset import sequence, text

SLOW = 1.0              # seconds of the processor that no file may take, all of them being small
LIMIT = 2**30           # bytes of memory above those that the process has when it starts
SETTINGS = {'batch_size': 2, 'dropout': 0.5, 'max_grad': None}
FORBIDDEN = ('os.', 'subprocess.', 'socket.', 'shutil.', 'ctypes.', 'exec', 'import', 'pickle.')


# ---- the files

def a_trainer(seed):
    np.random.seed(seed)
    trainer = RnnlmTrainer(BetterRnnlm(5, 3, 3), SGD(lr=0.5))
    trainer.current_epoch, trainer.ppl_list, trainer.valid_list = 2, [8.0, 7.0, 6.0], [9.0, float('nan')]
    return trainer


def whole_files(trainer):
    """name -> content: weights, words and a checkpoint, in all the forms in which we or the book write them."""
    params = [param.astype('f2') for param in trainer.model.params]
    words = np.eye(8, 3, dtype='f4'), dict(enumerate(['you', 'say', 'goodbye', 'and', 'i', 'hello', '.', '말']))
    trainer.model.save_params('weights.npz')
    trainer.model.save_params('weights.pkl')
    Path('weights protocol 2.pkl').write_bytes(pickle.dumps(params, 2))
    np.savez_compressed('weights deflated.npz', **{f'param_{i}': param for i, param in enumerate(params)})
    weight_files.save_words('words.npz', *words)
    weight_files.save_words('words.pkl', *words)
    Checkpoint('checkpoint.npz', settings=SETTINGS).save(trainer)
    Path('text.txt').write_text('You say goodbye.\nI say 안녕.\n' * 10, encoding='utf-8')
    Path('lines.txt').write_text('1+1  _2  \n22+33_55 \n' * 10, encoding='utf-8')
    return {path.name: path.read_bytes() for path in sorted(Path().iterdir())}


# ---- what a test says of a file that is refused


@contextmanager
def within(seconds):
    """An AssertionError after so many seconds, wherever the program waits: for a pipe, say."""
    def late(*_):
        raise AssertionError(f'it took more than {seconds} s')

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def little_memory(path):
    """Never more than a megabyte, beside four times the file's length."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000 + 4 * os.path.getsize(path), f'{peak} bytes'


def assert_refused(load, path, match='refused'):
    """One ValueError of one line that names the file, no warning and little memory."""
    with warnings.catch_warnings(), little_memory(path):
        warnings.simplefilter('error')
        with pytest.raises(ValueError, match=match) as caught:
            load(path)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def assert_every_damage_is_a_value_error(whole, path, load):
    dice = random.Random(1)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 2, 5])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        Path(path).unlink(missing_ok=True)
        Path(path).write_bytes(data)
        try:
            load(path)
        except ValueError as error:
            assert path in str(error)
            refused += 1
    assert refused > 50
    assert os.listdir() == [path]


# ---- damage

def flip(data, dice):
    data = bytearray(data)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def put_in(data, dice):
    """Some bytes away and others in: random ones, zeros, or a call."""
    at = dice.randrange(len(data))
    new = dice.choice([dice.randbytes(dice.randrange(9)), bytes(8), b'\xff' * 8, dice.choice(CALLS)])
    return data[:at] + new + data[at + dice.choice([0, len(new), dice.randrange(9)]):]


CALLS = [b'cposix\nsystem\n(Vtouch ran\ntR', b'\x8c\x08builtins\x8c\x04eval\x93\x8c\x0eopen("ran","w")\x85R',
         b'cbuiltins\nexec\n(Vopen("ran", "w")\ntR', b'(Vtouch ran\niposix\nsystem\n', b'csubprocess\nrun\n(Vls\ntR',
         b'cnumpy\nload\n(Vran\ntR', b'cnumpy\nndarray\n((I1000000\nI1000000\ntt\x81']


def change_pickle(data, dice):
    """An instruction doubled, left out, put elsewhere or followed by a call."""
    places = [place for _, _, place in pickletools.genops(data)] + [len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(places)]
    i, j = dice.randrange(len(parts)), dice.randrange(len(parts))
    parts[i] = dice.choice([parts[i] * 2, b'', parts[j], parts[i] + dice.choice(CALLS)])
    return b''.join(parts)


PARTS = [*b'N()]}tldsuea.bR\x85\x86\x87\x88\x89\x93\x94', *CALLS, b'K\x01', b'I5\n', b'Va\n', b'C\x08' + bytes(8),
         b'h\x00', b'h\x01', b'q\x00', b'q\x05', b'p-1\n', b'cnumpy\nndarray\n', b'cnumpy\ndtype\n', b'Vf8\n', b'VU2\n',
         b'V<\n', b'cnumpy.core.multiarray\n_reconstruct\n', b'cnumpy.core.multiarray\nscalar\n',
         b'cnumpy.core.numeric\n_frombuffer\n', b'c_codecs\nencode\n', b'Vlatin1\n', b'cbuiltins\nbytes\n', b'(K\x01t',
         b'(I0\ntVb\ntR', b'(Vf8\nI00\nI01\ntR']


def other_pickle(data, dice):
    """Instructions that the machine knows, in any order, after some of the file's own."""
    own = list(pickletools.genops(data))
    start = data[:dice.choice(own)[2]] if dice.random() < 0.5 else b''
    return start + b''.join(part if isinstance(part, bytes) else bytes([part])
                            for part in dice.choices(PARTS, k=dice.randrange(1, 60))) + b'.'


HEADERS = [(b"'<f4'", [b"'<i4'", b"'<c8'", b"'|S4'", b"'|b1'", b"'|O'", b"'<U1'", b"'>f4'", b"'<f8'", b"'<m8'"]),
           (b"'fortran_order': False", [b"'fortran_order': True ", b"'fortran_order': None "]),
           (b'(3', [b'(4', b'(-3', b'(3.', b'(9', b'(33333333333']), (b'5,', [b'55,', b'0,', b'-1,'])]


def change_npz(data, dice):
    """Members swapped, renamed, left out, doubled or changed inside, in an archive whose checksums are right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [[info.filename, archive.read(info)] for info in archive.infolist()]
    one, other = dice.choice(members), dice.choice(members)
    match dice.randrange(8):
        case 0:
            one[1], other[1] = other[1], one[1]
        case 1:
            one[0] = dice.choice([other[0], 'x.npy', 'param_99.npy', '../x.npy', one[0][:-4]])
        case 2:
            members.remove(one)
        case 3:
            members.append(['new.npy', one[1]])
        case 4 | 5:
            old, new = dice.choice(HEADERS)
            one[1] = one[1].replace(old, dice.choice(new))
        case _:
            one[1] = flip(one[1], dice)
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, 'w') as archive:
        warnings.simplefilter('ignore')     # a name that stands twice is meant
        for name, member in members:
            archive.writestr(name, member)
    return content.getvalue()


def cut(data, dice):
    return data[:dice.randrange(len(data))]


CHANGES = {'.npz': [change_npz] * 3, '.pkl': [change_pickle, change_pickle, other_pickle, other_pickle], '.txt': []}


def mutant(name, data, dice):
    """A damaged copy of the file, as a disk, a network or somebody who means it would make one."""
    if name.endswith('.pkl') and dice.random() < 0.8:
        data = data.partition(storage.MARK)[0]      # without the checksum, which would end most trials
    return dice.choice([flip, flip, cut, put_in, *CHANGES[Path(name).suffix]])(data, dice)


# ---- loading: in a process of its own

def limit_memory():
    """LIMIT bytes from now on; returns what tells how many were taken at most, in MB."""
    import resource

    def status(key):
        return int(Path('/proc/self/status').read_text().split(key)[1].split()[0]) << 10

    start = status('VmSize:')
    resource.setrlimit(resource.RLIMIT_AS, (start + LIMIT, start + LIMIT))
    return lambda: (status('VmPeak:') - start) >> 20


class Watch:
    """What Python reports of files, processes and imports while a file is loaded."""

    def __init__(self):
        self.path, self.seen = None, []
        sys.addaudithook(self)

    def __call__(self, event, args):
        if self.path is None:
            return
        # os.open tells no mode, but flags
        elsewhere = event == 'open' and (str(args[0]) != self.path or args[1] not in ('r', 'rb', None)
                                         or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if event.startswith(FORBIDDEN) or elsewhere:
            self.seen.append((event, str(args)[:200]))


def state_of(trainer):
    return ([param.tobytes() for param in trainer.model.params], trainer.optimizer.get_state(), trainer.current_epoch,
            str(trainer.ppl_list + trainer.valid_list),
            [np.asarray(part).tobytes() for part in np.random.get_state()])


def load(kind, path, trainer):
    if kind.startswith('weights'):
        trainer.model.load_params(path)
    elif kind.startswith('checkpoint'):
        Checkpoint(path, settings=SETTINGS).load(trainer)
    elif kind == 'text.txt':
        ids, _, id_to_word = text.load_data(path)
        assert ids.dtype == np.int64 and ids.min() >= 0 and ids.max() < len(id_to_word)
    elif kind == 'lines.txt':
        (x, t), _ = sequence.load_data(path, seed=None)
        assert x.dtype == t.dtype == np.int64 and len(x) == len(t)
    else:
        vecs, word_to_id, id_to_word = weight_files.load_words(path)
        assert vecs.dtype == np.float32 and vecs.ndim == 2 and list(id_to_word) == list(range(len(vecs)))
        assert all(type(i) is int and id_to_word[i] == word for word, i in word_to_id.items())


def check_load(kind, path, trainer, watch):
    """'sound' or 'refused': load a file and see that nothing else happens."""
    before = state_of(trainer)
    start = time.process_time()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter('always')
        watch.path = path
        try:
            load(kind, path, trainer)
            result = 'sound'
        except (ValueError, OSError) as error:
            result = 'refused'
            message = str(error)
            assert path in message and message.isprintable() and len(message) < 400, message
        finally:
            watch.path = None
    assert time.process_time() - start < SLOW
    assert not watch.seen, watch.seen
    for warning in warned:
        assert warning.category is UserWarning and path in str(warning.message) and 'NaN' in str(warning.message)
    if result == 'refused':
        assert state_of(trainer) == before
    else:
        assert all(param.dtype == np.float32 for param in trainer.model.params)
        assert type(trainer.current_epoch) is int and type(trainer.optimizer.lr) in (int, float)
        assert len(trainer.valid_list) in (0, trainer.current_epoch)
    return result, bool(warned)


def fuzz(seconds, seed):
    """Load mutants of all files in turn, in the current folder, until the time is over; returns what was counted."""
    dice = random.Random(seed)
    files = whole_files(a_trainer(seed=1))
    trainer = a_trainer(seed=2)
    for name in files:      # what Python imports at the first load is in memory then
        load(name, name, trainer)
        Path(name).unlink()
    for encoding in ('raw_unicode_escape', 'utf-16-le', 'utf-16-be', 'cp932', 'cp949', 'euc_jp', 'gb18030', 'big5',
                     'cp1252'):
        codecs.lookup(encoding)     # what an error may guess
    watch, counts = Watch(), dict.fromkeys(['sound', 'refused', 'warned'], 0)
    peak = limit_memory()
    end = time.monotonic() + seconds
    for name in itertools.cycle(files):
        if time.monotonic() > end:
            break
        path, content = f'finding{Path(name).suffix}', mutant(name, files[name], dice)
        Path(path).write_bytes(content)
        try:
            result, warned = check_load(name, path, trainer, watch)
        except BaseException:
            print(f'{Path(path).absolute()}: a {name} of seed {seed}', file=sys.stderr)
            raise
        counts[result] += 1
        counts['warned'] += warned
        if result == 'sound':
            trainer = a_trainer(seed=2)
        Path(path).unlink()     # to write over it would wait for the disk
    return counts | {'left behind': os.listdir(), 'MB': peak()}


# ---- bombs: small files that ask for far more memory than they have bytes

def npy(shape, dtype, data=b''):
    file = io.BytesIO()
    np.lib.format.write_array_header_2_0(file, {'descr': dtype, 'fortran_order': False, 'shape': shape})
    return file.getvalue() + data


def npz(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, member in members.items():
            archive.writestr(f'{name}.npy', member)
    return content.getvalue()


def bombs():
    """(kind, content)."""
    bomb = npz({'param_0': npy((5, 3), '<U1000000') + bytes(60_000_000)})       # of the right shape
    yield from ((kind, bomb) for kind in ('weights.npz', 'words.npz', 'checkpoint.npz'))
    yield 'weights.npz', npz({'param_0': b'\x93NUMPY\x02\x00\0\0\0\x04' + bytes(2**26)})     # a header of 64 MB
    # arrays of no bytes and a billion rows
    none, vecs = npy((10**9, 0), '<f4'), npy((1, 3), '<f4', bytes(12))
    yield 'words.npz', npz({'word_vecs': none, 'words': npy((10**9, 0), '<U1')})
    yield 'words.npz', npz({'word_vecs': vecs, 'words': npy((10**9, 0), '<U1')})
    yield 'checkpoint.npz', npz({'settings': npy((10**9, 0), '<U1')})
    words = {'word_vecs': np.empty((10**9, 0), 'f4'), 'word_to_id': {}, 'id_to_word': {0: 'a'}}
    yield 'words.pkl', pickle.dumps(words)
    yield 'weights.pkl', pickle.dumps([np.empty((10**9, 0), 'f4')] * 9)
    # one block of bytes for many arrays
    block = npz({'x': npy((2**18,), '<f4', os.urandom(2**20))})
    yield 'words.npz', same_member_often(block, 3000)
    # lists in lists, ten of the same in each, as the name of a function: written out they take 10**30 letters
    lists = b']\x94' + b''.join(b'](' + b'h%c' % i * 10 + b'e\x94' for i in range(30))
    yield 'weights.pkl', b'\x80\x04' + lists + b'h\x1eN\x93.'
    # a text of settings that goes deep
    deep = np.array('[' * 200_000)
    yield 'checkpoint.npz', npz({'settings': npy((), deep.dtype.str, deep.tobytes())})


def same_member_often(archive, n):
    """The same entry n times in the archive's directory."""
    directory, end = archive.rindex(b'PK\x01\x02'), archive.rindex(b'PK\x05\x06')
    entry = archive[directory:end]
    tail = struct.pack('<4s4H2IH', b'PK\x05\x06', 0, 0, n, n, n * len(entry), directory, 0)
    return archive[:directory] + entry * n + tail


def load_bombs():
    """Load the files in the current folder, `number kind`."""
    storage.load_npz('warm.npz')        # what Python imports for the first file is no bomb's doing
    trainer, watch = a_trainer(seed=2), Watch()
    peak, slowest = limit_memory(), 0.0
    for path in sorted(map(str, Path().glob('* *'))):
        start = time.process_time()
        try:
            assert check_load(path.split()[1], path, trainer, watch) == ('refused', False)
        except BaseException:
            print(path, file=sys.stderr)
            raise
        slowest = max(slowest, time.process_time() - start)
    return {'seconds': slowest, 'MB': peak()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=20)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--bombs', action='store_true', help='load the files in the current folder instead')
    given = parser.parse_args()
    if given.bombs:
        print(json.dumps(load_bombs()))
        return
    home, seed = os.getcwd(), random.randrange(2**32) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            print(json.dumps(fuzz(given.seconds, seed) | {'seed': seed}))
        finally:
            for path in Path().glob('finding.*'):
                shutil.copy(path, home)
            os.chdir(home)


if __name__ == '__main__':
    main()
