"""Files are whole or absent; nothing but a regular file is replaced or read; what a killed process left is cleared."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import storage, writing
from tests.hostile import within


@pytest.mark.parametrize('save, path', [(storage.save_npz, 'x.npz'), (storage.save_pickle, 'x.pkl')])
def test_an_error_while_writing_leaves_the_old_file_whole(save, path, monkeypatch):
    save(path, {'a': np.arange(3)})
    before = Path(path).read_bytes()

    class Broken:
        def __reduce__(self):
            raise RuntimeError('disk on fire')

    def write_half(file, array, **_):
        file.write(b'half')
        raise RuntimeError('disk on fire')

    monkeypatch.setattr(np.lib.format, 'write_array', write_half)
    with pytest.raises(RuntimeError, match='disk on fire'):
        save(path, {'big': np.zeros(1000)} if save is storage.save_npz else [np.zeros(100_000), Broken()])
    assert Path(path).read_bytes() == before
    assert os.listdir() == [path]


def test_a_ctrl_c_before_the_file_takes_its_place_leaves_the_old_one(monkeypatch):
    storage.save_pickle('x.pkl', 'old')

    def interrupted(_):
        assert sorted(len(name) > 5 for name in os.listdir()) == [False, True]      # the old one and the part
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.save_pickle('x.pkl', 'new')
    assert storage.load_pickle('x.pkl') == 'old' and os.listdir() == ['x.pkl']


def test_writing_into_a_folder_that_is_not_there_names_it():
    with pytest.raises(FileNotFoundError, match=r'no folder .*nowhere'):
        storage.save_npz('nowhere/x.npz', {})


@pytest.mark.skipif(os.name == 'nt', reason='permissions and links of POSIX')
def test_a_written_file_has_usual_permissions_and_a_link_stays_a_link():
    os.mkdir('there')
    os.symlink('there/x.pkl', 'link.pkl')
    storage.save_pickle('link.pkl', 1)
    assert os.path.islink('link.pkl') and os.listdir('there') == ['x.pkl']
    Path('usual').touch()
    assert os.stat('there/x.pkl').st_mode == os.stat('usual').st_mode


def test_find_file():
    Path('a.pkl').touch()
    assert storage.find_file('a.pkl') == storage.find_file('a.npz') == Path('a.pkl')
    Path('a.npz').touch()
    assert storage.find_file('a.npz') == Path('a.npz') and storage.find_file('a.pkl') == Path('a.pkl')
    with pytest.raises(FileNotFoundError, match=r'no file ch/b\.v2\.pkl, nor ch/b\.v2\.npz'):
        storage.find_file(Path('ch/b.v2.pkl'))
    with pytest.raises(FileNotFoundError, match=r'no file a\.txt$'):
        storage.find_file('a.txt')


@pytest.mark.skipif(os.name == 'nt', reason='permissions of POSIX')
def test_a_file_keeps_its_permissions():
    for mode in (0o600, 0o640, 0o664):
        storage.save_npz('x.npz', {'a': np.zeros(2)})
        os.chmod('x.npz', mode)
        storage.save_npz('x.npz', {'a': np.ones(2)})
        assert os.stat('x.npz').st_mode & 0o777 == mode and storage.load_npz('x.npz')['a'].tolist() == [1, 1]
        os.unlink('x.npz')


@pytest.mark.skipif(os.name == 'nt', reason='permissions of POSIX')
def test_a_private_file_is_private_from_its_first_byte(monkeypatch):
    storage.save_pickle('x.pkl', 'old')
    os.chmod('x.pkl', 0o600)
    modes, chmod = [], os.chmod

    def watched(path, mode):
        modes.append(os.stat(path).st_mode & 0o777)
        chmod(path, mode)

    monkeypatch.setattr(os, 'chmod', watched)
    storage.save_pickle('x.pkl', 'new')
    assert modes == [0o600] and os.stat('x.pkl').st_mode & 0o777 == 0o600


def out_of_the_way():
    """What is there but is no regular file, by its name: made in the current folder."""
    os.mkdir('folder.npz')
    os.mkfifo('pipe.npz')
    os.symlink('/dev/null', 'device.npz')
    os.symlink('pipe.npz', 'to a pipe.npz')
    os.symlink('loop.npz', 'loop.npz')
    return ['folder.npz', 'pipe.npz', 'device.npz', 'to a pipe.npz', 'loop.npz']


def what_lies_at(name):
    """All but the time of the last look at it."""
    found = os.lstat(name)
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


@pytest.mark.skipif(os.name == 'nt', reason='pipes and links of POSIX')
def test_what_is_no_regular_file_is_never_replaced():
    names = out_of_the_way()
    before = {name: what_lies_at(name) for name in names}
    for name in names:
        with pytest.raises(OSError, match=r'cannot be written: expected a regular file or nothing there'):
            writing.check_target(name)
        if name != 'device.npz':        # root's own, should this test ever fail
            with pytest.raises(OSError, match=r'cannot be written: expected a regular file or nothing there'):
                storage.save_npz(name, {'a': np.zeros(2)})
    assert {name: what_lies_at(name) for name in before} == before and len(os.listdir()) == len(names)


@pytest.mark.skipif(os.name == 'nt', reason='pipes and links of POSIX')
@pytest.mark.parametrize('load', [storage.load_npz, storage.load_pickle])
def test_what_is_no_regular_file_is_never_read(load):
    """A pipe that nobody writes into would be waited for, and /dev/zero has no end."""
    os.symlink('/dev/zero', 'endless.npz')
    for name in [*out_of_the_way(), 'endless.npz']:
        with within(10), pytest.raises(OSError, match=f'{name}|loop') as caught:
            load(name)
        assert name in ('folder.npz', 'loop.npz') or 'expected a regular file, got a pipe' in str(caught.value)


def test_what_cannot_be_written_is_told_beforehand(monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, _: Path(path).name != 'x.npz')       # root may write everything
    assert writing.check_target('y.npz') == Path.cwd() / 'y.npz'
    Path('x.npz').write_bytes(b'precious')
    with pytest.raises(PermissionError, match=r'x\.npz cannot be written: the file, or its folder, is read-only'):
        storage.save_npz('x.npz', {})
    assert Path('x.npz').read_bytes() == b'precious'
    os.mkdir('gone')
    os.chdir('gone')
    os.rmdir('../gone')
    try:
        with pytest.raises(FileNotFoundError, match=r'^x\.npz cannot be written: the current folder was deleted$'):
            writing.check_target('x.npz')
    finally:
        os.chdir(Path(__file__).parent)


@pytest.mark.skipif(os.name == 'nt', reason='processes are not asked for there')
def test_what_a_killed_process_left_is_cleared_by_the_next_save_of_that_name():
    code = """
import os, signal, sys
from common import storage
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
storage.save_pickle(sys.argv[1], 1)
"""
    environment = os.environ | {'PYTHONPATH': str(Path(__file__).parents[1])}
    for name in ('x.pkl', 'x.pkl', 'y.pkl'):
        done = subprocess.run([sys.executable, '-c', code, name], env=environment, timeout=60)
        assert done.returncode == -9
    left = os.listdir()
    assert sorted(name[:6] for name in left) == ['.x.pkl', '.x.pkl', '.y.pkl'][1:]      # the second cleared the first
    part, = (name for name in left if name.startswith('.x'))
    machine, pid = part.split('.')[3].split('-')[:2]
    others = [part.replace(f'-{pid}-', f'-{os.getppid()}-'),        # of a process that is alive,
              part.replace(f'-{pid}-', f'-{os.getpid()}-'),         # of another thread here,
              part.replace(machine, '0' * 8),                       # of another machine, of a file of another name
              part.replace('.x.pkl', '.x.pkl.1'), '.x.pkl.0a1b2c3d']
    for name in others:
        Path(name).touch()
    storage.save_pickle('x.pkl', 2)
    assert sorted(os.listdir()) == sorted([*others, 'x.pkl', *(name for name in left if name.startswith('.y'))])
    os.utime(others[1], (1e9, 1e9))     # of a process that had our number before us
    storage.save_pickle('x.pkl', 3)
    assert others[1] not in os.listdir() and storage.load_pickle('x.pkl') == 3


