"""Thousands of damaged and hostile weight, word and checkpoint files, each loaded in a process of little memory.

A longer run: `python tests/test_hostile_files.py 20000` (mutants of each file, beside those cut short).
"""
import codecs
import errno
import io
import itertools
import json
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ch06.better_rnnlm import BetterRnnlm
from common import storage, weight_files
from common.checkpoint import Checkpoint
from common.optimizer import SGD
from common.trainer import RnnlmTrainer

ROUNDS = 600            # mutants of each of the seven files; 500 of a bit flipped are among them
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
    return {path.name: path.read_bytes() for path in sorted(Path().iterdir())}


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


def mutants(name, data, rounds, dice):
    yield from (data[:n] for n in range(0, len(data), 64))
    change = change_npz if name.endswith('.npz') else change_pickle
    yield from (flip(data, dice) for _ in range(rounds * 5 // 6))
    yield from (dice.choice([put_in, change])(data, dice) for _ in range(rounds // 6))


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
        elsewhere = event == 'open' and (str(args[0]) != self.path or args[1] not in ('r', 'rb'))
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
    else:
        vecs, word_to_id, id_to_word = weight_files.load_words(path)
        assert vecs.dtype == np.float32 and vecs.ndim == 2 and list(id_to_word) == list(range(len(vecs)))
        assert all(type(i) is int and id_to_word[i] == word for word, i in word_to_id.items())


def check_load(kind, path, trainer, watch):
    """'sound' or 'refused': load a file and see that nothing else happens."""
    before = state_of(trainer)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter('always')
        watch.path = path
        try:
            load(kind, path, trainer)
            result = 'sound'
        except (ValueError, OSError) as error:
            result = 'refused'
            message = str(error)
            assert path in message and '\n' not in message and len(message) < 400, message
            assert not isinstance(error.__context__, MemoryError), message
        finally:
            watch.path = None
    assert not watch.seen, watch.seen
    for warning in warned:
        assert warning.category is UserWarning and path in str(warning.message) and 'NaN' in str(warning.message)
    if result == 'refused':
        assert state_of(trainer) == before
        assert not warned or 'checkpoint' in kind, message
    else:
        assert all(param.dtype == np.float32 for param in trainer.model.params)
        assert type(trainer.current_epoch) is int and type(trainer.optimizer.lr) in (int, float)
        assert trainer.current_epoch == len(trainer.valid_list)
    return result, bool(warned)


def fuzz(rounds):
    dice = random.Random(1)
    files = whole_files(a_trainer(seed=1))
    trainer = a_trainer(seed=2)
    for name in files:      # what Python imports at the first load is in memory then
        load(name, name, trainer)
        Path(name).unlink()
    codecs.lookup('raw_unicode_escape')
    watch, counts = Watch(), dict.fromkeys(['sound', 'refused', 'warned'], 0)
    peak = limit_memory()
    for name, data in files.items():
        path = 'mutant' + Path(name).suffix
        for i, mutant in enumerate(mutants(name, data, rounds, dice)):
            Path(path).write_bytes(mutant)
            try:
                result, warned = check_load(name, path, trainer, watch)
            except BaseException:
                print(f'mutant {i} of {name}', file=sys.stderr)
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


if __name__ == '__main__':
    print(json.dumps(load_bombs() if sys.argv[1] == 'bombs' else fuzz(int(sys.argv[1]))))


# ---- the tests

def run(*args):
    """What this file prints when it is run, in the current folder."""
    root = str(Path(__file__).parents[1])
    environment = os.environ | {'PYTHONPATH': root, 'OPENBLAS_NUM_THREADS': '1'}
    child = subprocess.run([sys.executable, __file__, *args], env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.skipif(sys.platform != 'linux', reason='a limit on memory as Linux has it')
@pytest.mark.slow
def test_thousands_of_damaged_files():
    counts = run(str(ROUNDS))
    print(counts)
    assert counts['refused'] + counts['sound'] > 2000 and counts['refused'] > 1500 and counts['sound'] > 100
    assert counts['warned'] > 5
    assert counts['left behind'] == [] and counts['MB'] < 200


@pytest.mark.skipif(sys.platform != 'linux', reason='a limit on memory as Linux has it')
def test_small_files_that_ask_for_much_memory():
    np.savez('warm.npz', x=np.zeros(1))
    for i, (kind, content) in enumerate(bombs(), 1):
        Path(f'{i:02} {kind}').write_bytes(content)
        assert len(content) < 2_000_000
    assert i == 12
    counts = run('bombs')
    assert counts['seconds'] < 1 and counts['MB'] < 50, counts
    assert len(os.listdir()) == 13


# ---- checkpoints that are not what they should be

@pytest.fixture
def checkpoint():
    """path, its arrays."""
    Checkpoint('checkpoint.npz', settings=SETTINGS).save(a_trainer(seed=1))
    return 'checkpoint.npz', storage.load_npz('checkpoint.npz')


MISSING, WORD = object(), np.array('two')
NOTHING = 'expected .*, got nothing'
WRONG = {   # name: values, and what the error says of them besides the file and the name
    'settings': [(MISSING, 'expected a checkpoint, got current_epoch, '),
                 (np.array('{'), 'refused'), (np.array('[]'), 'refused: expected names and values, got a list'),
                 (np.array('{"batch_size": 3}'), 'batch_size: expected 3, .* got 2'), (np.array(3), 'refused'),
                 (WORD[None][:0], 'refused'),
                 (np.array('{"model_class": "Rnnlm"}'), "model_class: expected 'Rnnlm', .*, got 'BetterRnnlm'"),
                 (np.array(json.dumps(SETTINGS | {'dropout': [[]]})), r'dropout: expected \[\[\]\], .* got 0\.5'),
                 (np.array(json.dumps(SETTINGS | {'dropout': 0.25})), r'dropout: expected 0\.25, .* made, got 0\.5')],
    'current_epoch': [(MISSING, NOTHING), (np.array(-1), '-1'), (np.array(2.0), r'2\.0'), (WORD, "'two'"),
                      (np.array([2]), r'array \(1,\)'), (np.array(True), 'True')],
    'ppl_list': [(MISSING, NOTHING), (np.array([1, 2]), r'\(2,\)'), (np.ones((2, 2)), r'\(2, 2\)'),
                 (np.array([1, -np.inf]), r'\(2,\)'), (np.array(['x']), r'\(1,\)')],
    'valid_list': [(MISSING, NOTHING), (np.ones(3), r'nothing, or a number for each of 2 epochs, got .*\(3,\)'),
                   (np.ones((2, 1)), r'\(2, 1\)'), (np.array([1, -1.]), r'\(2,\)'), (np.array([1, 2]), r'\(2,\)')],
    'optimizer_lr': [(MISSING, NOTHING), (np.array(np.nan), 'nan'), (np.array(np.inf), 'inf'), (WORD, "'two'"),
                     (np.array(-1.0), r'-1\.0'), (np.ones(1), r'\(1,\)'), (np.array(1j), '1j')],
    'optimizer_iter': [(MISSING, NOTHING), (np.array(-1), '-1'), (np.array(1.5), r'1\.5')],
    'param_1': [(MISSING, NOTHING), (np.ones((3, 11)), r'expected \(3, 12\), got \(3, 11\)'),
                (np.ones((3, 12), 'i4'), 'int32'), (np.ones((3, 12), 'F'), 'complex64')],
    'param_9': [(np.ones(2), r'expected no such array besides the other 9, got \(2,\)')],
    'random_keys': [(MISSING, NOTHING), (np.ones(623, 'u4'), r'\(623,\)'), (np.ones(624), 'float64')],
    'random_position': [(MISSING, NOTHING), (np.array(625), '625'), (np.array(-1), '-1'), (np.array(np.nan), 'nan'),
                        (np.array([1, 2]), r'\[1 2\]'), (WORD, 'two')],
    'random_has_gauss': [(MISSING, NOTHING), (np.array(2), 'got 2$'), (np.array(2**40), '2'),
                         (np.array([0]), r'\[0\]')],
    'random_gauss': [(MISSING, NOTHING), (np.array(np.nan), 'nan'), (np.array(1j), '1j'), (np.ones(2), r'\[1')],
}


@pytest.mark.parametrize('name', WRONG)
def test_a_checkpoint_with_one_wrong_array_changes_nothing(name, checkpoint):
    path, arrays = checkpoint
    trainer = a_trainer(seed=2)
    before = state_of(trainer)
    for value, message in WRONG[name]:
        rest = {other: array for other, array in arrays.items() if other != name}
        np.savez(path, **rest if value is MISSING else rest | {name: value})
        with pytest.raises(ValueError, match=message) as caught:
            Checkpoint(path, settings=SETTINGS).load(trainer)
        assert path in str(caught.value) and (name in str(caught.value) or name == 'settings'), value
        assert '\n' not in str(caught.value) and state_of(trainer) == before


def test_a_whole_checkpoint_changes_everything(checkpoint):
    path, _ = checkpoint
    trainer = a_trainer(seed=2)
    Checkpoint(path, settings=SETTINGS).load(trainer)
    found = state_of(trainer)
    Checkpoint(path, settings=SETTINGS).save(trainer)
    np.random.seed(3)
    assert found[2:4] == (2, '[8.0, 7.0, 6.0, 9.0, nan]')
    other = a_trainer(seed=1)
    assert found[:2] == state_of(other)[:2] and found[0] != state_of(a_trainer(seed=2))[0]
    Checkpoint(path, settings=SETTINGS).load(other)
    assert state_of(other) == found


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nan_in_a_file_is_warned_of(value, checkpoint):
    path, arrays = checkpoint
    arrays['param_3'][4] = value
    storage.save_npz(path, arrays)
    trainer = a_trainer(seed=2)
    before = state_of(trainer)
    with pytest.raises(UserWarning, match=r'param_3 of checkpoint\.npz holds 1 numbers that are NaN or infinite'):
        Checkpoint(path, settings=SETTINGS).load(trainer)
    assert state_of(trainer) == before      # where warnings are errors, one that changes nothing
    with pytest.warns(UserWarning, match='param_3') as warned:
        Checkpoint(path, settings=SETTINGS).load(trainer)
    assert len(warned) == 1 and trainer.model.params[3].tobytes() == arrays['param_3'].tobytes()

    for file_name in ('x.npz', 'x.pkl'):
        trainer.model.save_params(file_name)
        other = a_trainer(seed=2)
        with pytest.warns(UserWarning, match=rf'param_3 of {file_name} holds 1 numbers') as warned:
            other.model.load_params(file_name)
        assert [warning.filename for warning in warned] == [__file__]       # where the reader's call stands
        assert not np.isfinite(other.model.params[3][4])
        weight_files.save_words(file_name, np.array([[1, value], [value, 2]]), {0: 'a', 1: 'b'})
        with pytest.warns(UserWarning, match=rf'word_vecs of {file_name} holds 2 numbers') as warned:
            assert not np.isfinite(weight_files.load_words(file_name)[0][0, 1])
        assert [warning.filename for warning in warned] == [__file__]


def test_a_number_too_large_for_the_model_is_warned_of_as_infinite():
    model = a_trainer(seed=2).model
    arrays = {f'param_{i}': param.astype('f8') for i, param in enumerate(model.params)}
    arrays['param_1'][1, 2] = 1e300
    np.savez('x.npz', **arrays)
    with pytest.warns(UserWarning, match=r'param_1 of x\.npz holds 1 numbers') as warned:
        model.load_params('x.npz')
    assert len(warned) == 1 and model.params[1][1, 2] == np.inf and np.isfinite(model.params[0]).all()


# ---- files that cannot be read or written

@pytest.mark.parametrize('name', ['weights.npz', 'weights.pkl', 'words.npz', 'words.pkl', 'checkpoint.npz'])
def test_a_folder_an_empty_file_and_one_that_may_not_be_read(name, monkeypatch):
    trainer = a_trainer(seed=2)
    before = state_of(trainer)
    Path(name).mkdir()
    with pytest.raises(OSError, match=name):
        load(name, name, trainer)
    Path(name).rmdir()
    Path(name).touch()
    with pytest.raises(ValueError, match=name):
        load(name, name, trainer)

    def refuse(*args, **kwargs):        # the tests may run as root, who may read everything
        raise PermissionError(13, 'Permission denied', name)

    monkeypatch.setattr(Path, 'read_bytes', refuse)
    monkeypatch.setattr('builtins.open', refuse)
    with pytest.raises(PermissionError, match=name):
        load(name, name, trainer)
    assert state_of(trainer) == before


@pytest.mark.skipif(os.name == 'nt', reason='limits of POSIX')
@pytest.mark.parametrize('name', ['weights.npz', 'weights.pkl', 'words.npz', 'words.pkl', 'checkpoint.npz'])
def test_a_disk_that_fills_up_while_saving(name):
    """At any byte: the limit on a file's size stands in for the disk's."""
    import resource

    trainer = a_trainer(seed=1)

    def save():
        if name.startswith('weights'):
            trainer.model.save_params(name)
        elif name.startswith('words'):
            weight_files.save_words(name, trainer.model.params[0], dict(enumerate('abcde')))
        else:
            Checkpoint(name, settings=SETTINGS).save(trainer)

    save()
    before = Path(name).read_bytes()
    for param in trainer.model.params:
        param += 1
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for n in [*range(0, len(before), 97), len(before) - 1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, limits[1]))
        try:
            with pytest.raises(OSError, match=f'too large.*{name}') as caught:
                save()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.errno == errno.EFBIG
        assert Path(name).read_bytes() == before and os.listdir() == [name]
    save()
    assert Path(name).read_bytes() != before
