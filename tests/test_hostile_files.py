"""Damaged and hostile files of weights, words and checkpoints: refused in one sentence, and nothing changes."""
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import storage, weight_files
from common.checkpoint import Checkpoint
from tests.hostile import SETTINGS, a_trainer, bombs, load, state_of


def run(*args):
    """What hostile.py prints when it is run in the current folder."""
    root = str(Path(__file__).parents[1])
    environment = os.environ | {'PYTHONPATH': root, 'OPENBLAS_NUM_THREADS': '1'}
    child = subprocess.run([sys.executable, '-m', 'tests.hostile', *args], env=environment, capture_output=True,
                           text=True, timeout=100)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != 'linux', reason='a limit on memory as Linux has it')
@pytest.mark.parametrize('seconds', [2, pytest.param(18, marks=pytest.mark.slow)])
def test_damaged_files(seconds):
    counts = run('--seconds', str(seconds), '--seed', '1')
    print(counts)
    assert counts['refused'] > 50 * seconds and counts['sound'] > 10 * seconds      # on a slow machine, too
    assert counts['left behind'] == [] and counts['MB'] < 200


@pytest.mark.skipif(sys.platform != 'linux', reason='a limit on memory as Linux has it')
def test_small_files_that_ask_for_much_memory():
    np.savez('warm.npz', x=np.zeros(1))
    for i, (kind, content) in enumerate(bombs(), 1):
        Path(f'{i:02} {kind}').write_bytes(content)
        assert len(content) < 2_000_000
    assert i == 12
    counts = run('--bombs')
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


@pytest.mark.parametrize('name', ['settings', 'current_epoch', 'optimizer_lr', 'random_position'])
def test_a_checkpoint_with_a_character_that_unicode_does_not_have(name, checkpoint):
    path, arrays = checkpoint
    trainer = a_trainer(seed=2)
    before = state_of(trainer)
    np.savez(path, **arrays | {name: np.array(0x110000, 'u4').view('U1')})
    with pytest.raises(ValueError, match=r'^checkpoint\.npz is refused: it holds text with a character that Unicode'):
        Checkpoint(path, settings=SETTINGS).load(trainer)
    assert state_of(trainer) == before


def test_a_checkpoint_that_could_not_be_loaded_is_not_saved(checkpoint):
    path, _ = checkpoint
    before = Path(path).read_bytes()
    for attribute, value, message in (('lr', np.inf, 'optimizer_lr: expected a finite number, 0 or more, got inf'),
                                      ('lr', -1.0, 'optimizer_lr: .* got -1'),
                                      ('valid_list', [1.0], r'valid_list: expected nothing, or a number for each')):
        trainer = a_trainer(seed=1)
        setattr(trainer if attribute == 'valid_list' else trainer.optimizer, attribute, value)
        with pytest.raises(ValueError, match=message):
            Checkpoint(path, settings=SETTINGS).save(trainer)
    for value in ((1, 2), [1], np.float32(1), float('nan'), b'a'):
        with pytest.raises(TypeError, match=r'^settings: expected texts, numbers and None, got .* for sizes$'):
            Checkpoint(path, settings={'sizes': value})
    assert Path(path).read_bytes() == before


def test_a_checkpoint_into_a_model_with_a_read_only_array_changes_nothing(checkpoint):
    path, _ = checkpoint
    trainer = a_trainer(seed=2)
    trainer.model.params[3].flags.writeable = False
    before = state_of(trainer)
    with pytest.raises(ValueError, match=r'^param_3: expected an array that can be filled from checkpoint\.npz'):
        Checkpoint(path, settings=SETTINGS).load(trainer)
    assert state_of(trainer) == before


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
