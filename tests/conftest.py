"""What every test shares: a seeded np.random, a folder of its own, no window, no other machine, a time limit, signals
that do not depend on who started it, and the real data where it is at hand."""
import os
import re
import signal
import socket
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from common import progress
from common.interrupts import STOPS

matplotlib.use('Agg')


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(0)


@pytest.fixture
def clock(monkeypatch):
    """What trainings tell time by: it stands still until told otherwise; clock.step seconds go by at each look."""
    clock = SimpleNamespace(now=100.0, step=0.0)

    def look():
        clock.now += clock.step
        return clock.now

    monkeypatch.setattr(progress, 'time', SimpleNamespace(perf_counter=look, time=look))
    return clock


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Scripts leave weights and pictures in the current folder: let that be a new one for each test."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def floating_point_errors():
    """Raised, but for underflow to 0, which is what is meant: exp of a score far below the maximum."""
    with np.errstate(divide='raise', over='raise', invalid='raise'):
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Other machines, by address or by name, cannot be reached."""
    def guard(owner, function, place):
        real = getattr(owner, function)

        def guarded(*args, **keywords):
            host = args[place][0] if isinstance(args[place], tuple) else args[place]       # (host, port), host or path
            if str(host) not in ('None', '', 'localhost', '::1') and not str(host).startswith(('127.', '/')):
                raise OSError(f'a test asked for another machine: {function} {args[place]}')
            return real(*args, **keywords)

        monkeypatch.setattr(owner, function, guarded)

    guard(socket, 'getaddrinfo', 0)
    guard(socket.socket, 'connect', 1)
    guard(socket.socket, 'connect_ex', 1)
    guard(socket.socket, 'sendto', -1)


@pytest.fixture(autouse=True)
def signals_reach_children():
    """A signal that is ignored here (SIGHUP under `nohup`, SIGINT behind `&`) is not ignored in what a test starts.

    A program inherits that a signal is ignored, but no handler: so one that does nothing stands here instead.
    """
    ignored = [number for number in STOPS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


LIMIT = int(os.environ.get('DLFS2_TEST_SECONDS', 120))      # more is asked for where the faults are to be many


@pytest.fixture(autouse=True)
def time_limit(signals_reach_children, request):
    """A test that waits without end fails after two minutes, or as its mark says: `pytest.mark.time_limit(300)`.

    (Windows has no alarm: tests have limits of their own.)
    """
    if not hasattr(signal, 'SIGALRM'):
        yield
        return
    mark = request.node.get_closest_marker('time_limit')
    limit = max(LIMIT, mark.args[0]) if mark else LIMIT

    def late(*_):
        pytest.fail(f'{limit} seconds have passed')

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def without_run():
    """What an array of this name in a file holds, but for the name of the run, which is of chance: the same bit for bit
    where two trainings are."""
    def without_run(name, array):
        if name not in ('about', 'settings'):
            return array.dtype, array.shape, array.tobytes()
        text = array.item() if array.dtype.kind == 'U' else array.tobytes().decode()
        text, found = re.subn('("run": "|of run )[0-9a-f]{12}"', '', text)
        assert found == 1, text
        return text

    return without_run


@pytest.fixture
def real_data():
    """The folder that DLFS2_DATA names, with PTB and the book's weights; the test is skipped without it."""
    if not DATA:
        pytest.skip('DLFS2_DATA is not set: the real data is not at hand')
    return Path(DATA)


# Read once, made absolute before any test changes the folder.
DATA = os.environ.get('DLFS2_DATA') and str(Path(os.environ['DLFS2_DATA']).resolve())
if DATA:
    os.environ['DLFS2_DATA'] = DATA
