"""common.interrupts: signals, and what a training that is stopped leaves behind."""
import os
import signal
import time
from pathlib import Path

import pytest

from common import interrupts
from common.cli import run
from common.interrupts import STOPS, keep_on_interrupt


def test_sigterm_is_a_ctrl_c_and_the_old_handler_comes_back():
    seen = []

    def old(*_):
        seen.append('old')

    def main():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except KeyboardInterrupt:
            seen.append('ctrl-c')
            raise

    before = signal.signal(signal.SIGTERM, old)
    try:
        with pytest.raises(SystemExit) as end:
            run(main, [])
        assert end.value.code == 130 and seen == ['ctrl-c']
        assert signal.getsignal(signal.SIGTERM) is old
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
def test_a_hangup_that_is_ignored_stays_ignored():
    """As `nohup` asks for."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(lambda: os.kill(os.getpid(), signal.SIGHUP) or 'done', []) == 'done'
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize('stop, status', [(KeyboardInterrupt, 130), (BrokenPipeError, 1)])
def test_with_something_kept_an_end_says_where_and_only_that(stop, status, capsys):
    def main():
        with keep_on_interrupt(lambda: 'x.npz'):
            raise stop

    with pytest.raises(SystemExit) as end:
        run(main, [])
    assert end.value.code == status
    assert capsys.readouterr().err == f'stopped; what was learnt so far is in {Path("x.npz").resolve()}\n'


def test_keep_on_interrupt_saves_on_ctrl_c_alone():
    calls = []
    with keep_on_interrupt(lambda: calls.append('saved')):
        pass
    with pytest.raises(ValueError), keep_on_interrupt(lambda: calls.append('saved')):
        raise ValueError
    assert calls == []
    with pytest.raises(KeyboardInterrupt, match=r'learnt so far is in .*x\.npz'), \
            keep_on_interrupt(lambda: calls.append('saved') or 'x.npz'):
        raise KeyboardInterrupt
    assert calls == ['saved']


@pytest.mark.parametrize('stop', [KeyboardInterrupt(), OSError(5, 'Input/output error')])
def test_a_saving_that_fails_ends_with_one_error(stop, capsys):
    def main():
        with keep_on_interrupt(save):
            raise stop

    def save():
        raise OSError(28, 'No space left on device')

    with pytest.raises(SystemExit) as end:
        run(main, [])
    assert end.value.code == 1
    what = 'Errno 5] Input/output error' if isinstance(stop, OSError) else 'Errno 28] No space left on device'
    assert capsys.readouterr().err == f'[{what}\n'


@pytest.mark.parametrize('number', STOPS)
def test_a_second_ctrl_c_does_not_disturb_the_saving(number):
    def save():
        os.kill(os.getpid(), number)
        for _ in range(1000):
            pass
        return 'x.npz'

    def old(*_):
        pytest.fail('the signal came through')

    before = signal.signal(number, old)
    try:
        with pytest.raises(interrupts.Kept), keep_on_interrupt(save):
            raise KeyboardInterrupt
        assert signal.getsignal(number) is old
    finally:
        signal.signal(number, before)


def test_a_folder_that_cannot_be_written_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: (Path(path), mode) != (Path('.'), os.W_OK))
    with pytest.raises(PermissionError, match='cannot be written: expected a folder'), keep_on_interrupt(None):
        pytest.fail('the training began')
