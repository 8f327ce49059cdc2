"""How a training may end, and where it does not begin: locks, runs, files that cannot be written, a second Ctrl-C."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ch01.two_layer_net import TwoLayerNet
from common import interrupts
from common.callbacks import Checkpoint
from common.interrupts import handled
from common.lock import Lock
from common.optimizer import SGD
from common.storage import load_npz
from common.trainer import Trainer
from common.training import training


class Stop(Exception):
    """Stands for a kill."""


# ---- one training a name

def fit(name='x', resume=False, keep_best=False, max_epoch=1, valid=1.0):
    np.random.seed(3)
    trainer, x = Trainer(TwoLayerNet(3, 4, 4), SGD()), np.ones((8, 3), 'f')
    with training(trainer, name, {}, resume=resume, keep_best=keep_best):
        trainer.fit(x, np.zeros(8, int), max_epoch, 4, eval_interval=None, validate=lambda: valid)
    return trainer


def other_process():
    """The number of a process that lives, and that of one that has ended."""
    ended = subprocess.run([sys.executable, '-c', 'import os; print(os.getpid())'], capture_output=True, text=True,
                           timeout=60)
    return os.getppid(), int(ended.stdout)


def test_the_lock_says_who_and_is_released_on_every_end():
    for error in (None, ValueError, KeyboardInterrupt, OSError):
        trainer = Trainer(TwoLayerNet(3, 4, 4), SGD())
        try:
            with training(trainer, 'x', {}):
                assert Path('x.lock').read_text() == f'process {os.getpid()} on {socket.gethostname()}\n'
                if error:
                    raise error
        except (ValueError, KeyboardInterrupt, OSError) as found:
            assert isinstance(found, error)
        assert not Path('x.lock').exists()


@pytest.mark.skipif(os.name == 'nt', reason='there an open file says that its process lives')
def test_a_lock_of_a_living_process_is_refused_and_that_of_an_ended_one_taken_over(capsys):
    living, ended = other_process()
    here = socket.gethostname()
    for text in (f'process {living} on {here}\n', 'packages = 3\n'):
        Path('x.lock').write_text(text)
        with pytest.raises(OSError, match=r'x.lock is (held by process|in the way: expected nothing, or)'):
            fit()
        assert Path('x.lock').read_text() == text and [path.name for path in Path().glob('x*')] == ['x.lock']
    # ended; of our own number, which an older process had; of one that none has; killed before it wrote
    for process in (f'{ended}', f'{os.getpid()}', f'{10**20}', None):
        text = f'process {process} on {here}\n' if process else ''
        Path('x.lock').write_text(text)
        assert fit().current_epoch == 1 and not Path('x.lock').exists()
    assert 'x.lock' not in capsys.readouterr().out
    Path('x.lock').write_text(f'process {living} on elsewhere\n')
    fit()
    assert (f'x.lock is held by process {living} on elsewhere, which cannot be asked from here: it is taken over\n'
            in capsys.readouterr().out)


def test_two_trainings_of_one_name_in_one_process():
    with training(Trainer(TwoLayerNet(3, 4, 4), SGD()), 'x', {}):
        with pytest.raises(OSError, match=rf'^x.lock is held by process {os.getpid()} on '):
            fit()
        fit('y')
        assert Path('x.lock').exists() and not Path('y.lock').exists()


def test_who_was_taken_for_dead_finds_out_before_it_writes(capsys):
    x, trainer = np.ones((8, 3), 'f'), Trainer(TwoLayerNet(3, 4, 4), SGD())
    trainer.callbacks = [lambda trainer: trainer.current_epoch == 1 and Path('x.lock').unlink(),        # made again
                         lambda trainer: trainer.current_epoch == 2 and Path('x.lock').write_text('process 7 on a\n')]
    with pytest.raises(OSError, match=r'^x.lock was taken over by process 7 on a: two at once would'), \
            training(trainer, 'x', {}):
        trainer.fit(x, np.zeros(8, int), 3, 4, eval_interval=None)
    assert load_npz('x_checkpoint.npz')['current_epoch'] == 1
    assert Path('x_interrupted.npz').exists() and not Path('x.npz').exists()
    assert Path('x.lock').read_text() == 'process 7 on a\n'        # it is not ours


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no forks here')
def test_a_child_does_not_release_what_its_parent_holds():
    with Lock('x.lock') as lock:
        pid = os.fork()
        if pid == 0:        # which leaves by sys.exit(), say
            try:
                lock.__exit__()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        assert Path('x.lock').exists()
    assert not Path('x.lock').exists()


def test_resume_refuses_the_best_model_of_another_run():
    fit(keep_best=True)
    foreign = Path('x.npz').read_bytes()
    fit(keep_best=True)
    fit(resume=True, keep_best=True, max_epoch=2)       # its own goes on
    own = Path('x.npz').read_bytes()
    Path('x.npz').write_bytes(foreign)
    with pytest.raises(ValueError, match=r"^best_model: expected 'of run \w{12}', with which x_checkpoint\.npz was "
                                         r"made, got 'of run \w{12}'$"):
        fit(resume=True, keep_best=True, max_epoch=3)
    assert Path('x.npz').read_bytes() == foreign and not Path('x_interrupted.npz').exists()
    Path('x.npz').write_bytes(own)
    assert fit(resume=True, keep_best=True, max_epoch=3).current_epoch == 3
    arrays = load_npz('x.npz')      # that of the version before
    np.savez('x.npz', **{name: array for name, array in arrays.items() if name != 'about'})
    assert fit(resume=True, keep_best=True, max_epoch=4, valid=2.0).current_epoch == 4
    assert fit(resume=True, keep_best=True, max_epoch=5, valid=0.5).current_epoch == 5


def test_a_run_draws_its_name_from_no_seed():
    """Two runs of one seed have two names, and np.random is where it would be."""
    about = []
    for name in ('x', 'y'):
        fit(name, keep_best=True)
        about.append((json.loads(load_npz(f'{name}.npz')['about'].tobytes())['run'], np.random.rand()))
    assert about[0][0] != about[1][0] and about[0][1] == about[1][1]


def test_a_kill_before_the_first_checkpoint_leaves_none_of_another_run(monkeypatch):
    fit(keep_best=True)
    before = Path('x_checkpoint.npz').read_bytes()

    def killed(*args):
        raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(Checkpoint, 'save', killed)
        fit(keep_best=True)
    assert not Path('x_checkpoint.npz').exists() and Path('x_checkpoint.1.npz').read_bytes() == before
    assert fit(resume=True, keep_best=True).current_epoch == 1


# ---- what cannot be written

def test_a_target_that_cannot_be_written_is_told_before_the_first_step(monkeypatch):
    monkeypatch.setattr(Trainer, 'fit', lambda *args, **keywords: pytest.fail('it began'))
    for name in ('x.npz', 'x_checkpoint.npz', 'x_interrupted.npz'):
        Path(name).mkdir()
        with pytest.raises(OSError, match=rf'{name} cannot be written: expected '):
            fit()
        Path(name).rmdir()
    for bad in ('nowhere/x', 'x' * 300):
        with pytest.raises(OSError):
            fit(bad)
    if hasattr(os, 'symlink') and os.name != 'nt':
        Path('x_interrupted.npz').symlink_to('nowhere/y.npz')       # a link whose folder is gone
        with pytest.raises(OSError, match=r'cannot be written: there is no folder'):
            fit()
        Path('x_interrupted.npz').unlink()
    assert not [path for path in Path().rglob('*') if path.suffix != '.txt']


@pytest.mark.skipif(os.name == 'nt', reason='there a folder in which a process is cannot be deleted')
def test_a_current_folder_that_was_deleted(tmp_path, monkeypatch):
    (tmp_path / 'deleted').mkdir()
    monkeypatch.chdir(tmp_path / 'deleted')
    (tmp_path / 'deleted').rmdir()
    monkeypatch.setattr(Trainer, 'fit', lambda *args, **keywords: pytest.fail('it began'))
    with pytest.raises(OSError, match=r'^the current folder was deleted: expected a folder to leave results in$'):
        fit()


# ---- signals

@pytest.mark.slow
def test_a_second_ctrl_c_at_any_line_on_the_way_to_the_saving_loses_nothing():
    """The first comes in the validation, the second at the n-th thing that Python does then, for every n."""
    def train(place):
        """Whether the second came before the end; it leaves x_interrupted.npz."""
        seen = 0

        def trace(frame, event, arg):
            nonlocal seen
            if frame.f_code.co_filename != __file__:
                seen += 1
                if seen == place:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0)
            return trace

        def validate():
            frame = sys._getframe()
            sys.settrace(trace)         # frames that begin from here on …
            while frame := frame.f_back:
                frame.f_trace = trace   # … and those that wait for this one
            os.kill(os.getpid(), signal.SIGINT)
            return 1.0

        trainer = Trainer(TwoLayerNet(3, 4, 4), SGD())
        try:
            with training(trainer, 'x', {}, save=lambda path, about: Path(path).write_bytes(b'kept')):
                trainer.fit(np.zeros((8, 3)), np.zeros(8, int), 2, 4, eval_interval=None, validate=validate)
        except KeyboardInterrupt:
            return seen >= place
        finally:
            sys.settrace(None)
        pytest.fail('the signal ended nothing')

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for place in count(1):
            came = train(place)
            assert Path('x_interrupted.npz').read_bytes() == b'kept', place
            Path('x_interrupted.npz').unlink()
            if not came:
                break
        assert place > 50
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_works_again_for_whoever_goes_on_after_one(monkeypatch):
    before, clock = signal.signal(signal.SIGINT, signal.default_int_handler), 100.0
    monkeypatch.setattr(interrupts, 'time', SimpleNamespace(monotonic=lambda: clock))
    try:
        with handled():
            for at, raises in ((100.0, True), (100.1, False), (101.9, False), (102.1, True), (103, False)):
                clock, ended = at, False
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0)
                except KeyboardInterrupt:
                    ended = True
                assert ended == raises, at
    finally:
        signal.signal(signal.SIGINT, before)
