"""Faults in the middle: two at once, stopped by signals, a reader or a screen that goes away. Kills: test_kills."""
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.storage import load_npz
from common.weight_files import load_words
from dataset import sequence, toy

ROOT = Path(__file__).resolve().parent.parent
ENV = os.environ | {'PYTHONPATH': str(ROOT), 'OPENBLAS_NUM_THREADS': '1', 'PYTHONIOENCODING': 'utf-8'}

SIGNALLED = int(os.environ.get('DLFS2_SIGNALLED', 50))      # a longer run is asked for in the environment

pytestmark = pytest.mark.slow      # processes in every test
posix = pytest.mark.skipif(os.name == 'nt', reason='signals and forks of POSIX')


def write_text(sentences):
    corpus, _, id_to_word = toy.load_data(size=sentences)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')


# ---- two at once

@posix
def test_a_second_training_of_the_same_name_is_refused_until_the_first_ends_or_is_killed(start):
    write_text(500)
    args = ['-m', 'ch06.train_better_rnnlm', '--corpus=small.txt', '--wordvec-size=6', '--hidden-size=6', '--name=x']
    first = start(*args, '--max-epoch', '100000')
    assert any('epoch 2 ' in line for line in first.stdout)
    for more in ([], ['--resume']):
        out, err = start(*args, *more).communicate(timeout=60)
        assert err == (f'x.lock is held by process {first.pid} on {socket.gethostname()}, another training of that '
                       'name: wait for its end, choose another name, or delete the file where that is no training\n')
        assert 'epoch' not in out
    assert not list(Path().glob('x*.1.npz')) and Path('x.lock').exists()
    first.kill()
    first.wait(60)
    assert Path('x.lock').exists()
    third = start(*args, '--max-epoch', '100000', '--resume')
    assert any(line.startswith('resuming after epoch ') for line in third.stdout)
    assert third.stdout.readline().startswith('| epoch ')
    third.send_signal(signal.SIGTERM)
    third.communicate(timeout=60)
    assert third.returncode == 130
    assert not Path('x.lock').exists() and Path('x_interrupted.npz').exists()


# ---- Ctrl-C, SIGTERM and SIGHUP

# SIGNALLER imports once and forks. From its first step on the child gets one to three signals, within 0.6 ms: every
# other time Ctrl-C alone, in the validation, which is neither a step nor a saving.
SIGNALLER = '''
import json, mmap, os, random, signal, sys, time
from collections import Counter
from pathlib import Path
from ch06 import train_better_rnnlm
from common import trainer as room
from common.cli import run

wanted, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
STOPS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
step, validate = room.train_step, train_better_rnnlm.perplexity_afresh
phase = mmap.mmap(-1, 1)    # 1 after the first step, 2 in a validation


def train_step(*args):
    loss = step(*args)
    phase[0] = 1
    return loss


def perplexity_afresh(*args):
    phase[0] = 2
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        perplexity = validate(*args)
    return perplexity


room.train_step, train_better_rnnlm.perplexity_afresh = train_step, perplexity_afresh
ends = Counter()
for number in range(wanted):
    phase[0] = 0
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for output in (1, 2):
            os.dup2(os.open(f'{number}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND), output)
        status = 1
        try:
            run(train_better_rnnlm.main, f'--corpus small.txt --wordvec-size 6 --hidden-size 6 --time-size 20 '
                f'--max-epoch 1000 --name {number}'.split())
        except SystemExit as end:
            status = end.code
        finally:
            os._exit(status)
    while phase[0] < (2 if number % 2 else 1):
        time.sleep(0.0005)
    time.sleep(chance.uniform(0, 0.015 if number % 2 else 0.3))
    for _ in range(2 if number % 2 else chance.choice([1, 2, 2, 3])):
        os.kill(pid, signal.SIGINT if number % 2 else chance.choice(STOPS))
        now = time.perf_counter()
        gap = chance.uniform(0, 0.0003)
        while time.perf_counter() < now + gap:
            pass
    status = os.waitpid(pid, 0)[1]
    kept = Path(f'{number}_interrupted.npz')
    told = f'stopped; what was learnt so far is in {kept.resolve()}\\n' in Path(f'{number}.log').read_text()
    ends[f'{os.waitstatus_to_exitcode(status)} {"kept" * kept.exists()} {"told" * told}'] += 1
print(json.dumps(ends))
'''


@posix
def test_two_signals_at_once_lose_nothing():
    write_text(500)
    done = subprocess.run([sys.executable, '-c', SIGNALLER, str(SIGNALLED), '7'], env=ENV, capture_output=True,
                          text=True, timeout=60 + SIGNALLED)
    assert done.returncode == 0, done.stderr
    print(f'{SIGNALLED} trainings that got one to three signals: {done.stdout}')
    assert json.loads(done.stdout) == {'130 kept told': SIGNALLED}
    for path in Path().glob('*_interrupted.npz'):
        assert all(np.isfinite(array).all() for array in load_npz(path).values() if array.dtype.kind == 'f')


# What each script of a training is called with, and the file that its message names ('' where the training takes
# seconds and a whole run leaves no file either).
TRAININGS = {
    'ch01.train': ('--max-epoch 100000', ''),
    'ch01.train_custom_loop': ('--max-epoch 100000', ''),
    'ch03.train': ('--max-epoch 100000', ''),
    'ch04.train': ('--corpus small.txt --max-epoch 1000', 'cbow_params_interrupted.npz'),
    'ch05.train': ('--corpus small.txt --max-epoch 10000', ''),
    'ch05.train_custom_loop': ('--corpus small.txt --max-epoch 10000', ''),
    'ch06.train_rnnlm': ('--corpus small.txt --max-epoch 10000', 'Rnnlm_interrupted.npz'),
    'ch06.train_better_rnnlm': ('--corpus small.txt --wordvec-size 200 --hidden-size 200 --batch-size 1 --time-size 1',
                                'BetterRnnlm_interrupted.npz'),     # an epoch of seconds, which does not end before
    'ch07.train_seq2seq': ('--file-name small_additions.txt --peeky --max-epoch 10000', 'PeekySeq2seq_interrupted.npz'),
    'ch07.compare_models': ('--file-name small_additions.txt --max-epoch 10000', 'plain_interrupted.npz'),
    'ch08.train': ('', 'AttentionSeq2seq_interrupted.npz'),
    'ch08.compare_models': ('', 'dates_attention_interrupted.npz'),
}


@pytest.fixture
def start():
    """Starts Python with these arguments, and ends it with the test."""
    processes = []

    def start(*args, **changes):
        keywords = {'env': ENV, 'encoding': 'utf-8', 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE} | changes
        processes.append(subprocess.Popen([sys.executable, *args], **keywords))
        return processes[-1]

    yield start
    for process in processes:       # also those whose test failed
        with process:
            process.kill()


@posix
@pytest.mark.parametrize('script', TRAININGS)
def test_stopped_by_a_signal_a_training_keeps_what_was_learnt(script, start):
    write_text(500)
    Path('small_additions.txt').write_text('\n'.join(sequence.make_addition()[:1500]), encoding='utf-8')
    flags, name = TRAININGS[script]
    for number, folder in ((signal.SIGINT, 'a'), (signal.SIGTERM, 'b')):
        Path(folder).mkdir()
        process = start('-m', script, *flags.replace('small', '../small').split(), cwd=folder)
        assert any('epoch 1 ' in line for line in process.stdout)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and 'Traceback' not in out + err
        path = Path(folder, name).resolve()
        assert err == (f'stopped; what was learnt so far is in {path}\n' if name else 'stopped\n')
        assert [p.name for p in Path(folder).iterdir()] == [name] * bool(name)
        if script == 'ch04.train':
            word_vecs, word_to_id, _ = load_words(path)
            assert word_vecs.shape == (len(word_to_id), 100)
        elif name:
            arrays = load_npz(path)
            learnt = [array for array in arrays.values() if array.ndim == 1]        # the biases begin with zeros
            assert len(arrays) >= 6 and len(learnt) >= 2 and any(bias.any() for bias in learnt)
            assert all(np.isfinite(array).all() for array in arrays.values())


# Tests that were begun as `nohup` begins them, in the background: SIGHUP and SIGINT are ignored.
BEGUN_BY_NOHUP = '''
import signal, sys
import pytest
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'conftest', 'test_here.py']))
'''

TESTS = '''
import os, signal, subprocess, sys, time
import pytest
SIGNALS = [signal.SIGINT, signal.SIGHUP]

@pytest.mark.parametrize('number', SIGNALS)
def test_a_child_hears_it(number):
    with subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); import time; time.sleep(60)'],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.readline()
        child.send_signal(number)
    assert child.returncode in (-number, 1)

@pytest.mark.parametrize('number', SIGNALS)
def test_the_tests_do_not(number):
    os.kill(os.getpid(), number)
    time.sleep(0)

def test_waits_without_end():
    subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])
'''


@posix
def test_tests_in_the_background_end():
    Path('test_here.py').write_text(TESTS, encoding='utf-8')
    env = ENV | {'PYTHONPATH': f'{ROOT}{os.pathsep}{ROOT / "tests"}', 'DLFS2_TEST_SECONDS': '3'}
    done = subprocess.run([sys.executable, '-c', BEGUN_BY_NOHUP], env=env, capture_output=True, text=True, timeout=60)
    assert '\nE       Failed: 3 seconds have passed\n' in done.stdout
    assert done.stdout.splitlines()[-1].startswith('1 failed, 4 passed in ')


IN_TERMINAL = '''
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module(sys.argv.pop(1), run_name='__main__')
'''


@posix
@pytest.mark.parametrize('signalled', [True, False])        # not: a training that was begun with setsid, or disowned
@pytest.mark.parametrize('script', ['ch06.train_rnnlm', 'ch06.train_better_rnnlm'])
def test_a_terminal_that_is_closed(script, signalled, start):
    write_text(500)
    flags, name = TRAININGS[script]
    ours, theirs = os.openpty()
    process = start(*(['-c', IN_TERMINAL] if signalled else ['-m']), script, *flags.split(), start_new_session=True,
                    stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b''
    while b'epoch 1 ' not in shown:
        shown += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(60) in (1, 130)     # 1: that of the last words, which nobody could read
    arrays = load_npz(name)
    assert len(arrays) >= 6 and all(np.isfinite(array).all() for array in arrays.values())


# ---- a reader that goes away

@posix
@pytest.mark.parametrize('script, flags, name', [
    ('ch01.train', '', ''), ('ch02.ppmi', '', ''),
    ('ch06.train_rnnlm', '--corpus small.txt --time-size 5', 'Rnnlm_interrupted.npz'),
    ('ch06.train_better_rnnlm', '--corpus small.txt --wordvec-size 6 --hidden-size 6', 'BetterRnnlm_interrupted.npz')])
def test_head_is_no_error(script, flags, name, start):
    write_text(500)
    process = start('-m', script, *flags.split())
    if script != 'ch02.ppmi':       # whose lines all come at once
        assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(60) == 1
    path = Path(name).resolve()
    assert err == (f'stopped; what was learnt so far is in {path}\n' if name else '')
    assert not name or len(load_npz(path)) >= 6


@posix
@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full here')
def test_a_full_device_and_a_closed_stdout(start):
    write_text(500)
    full_disk = '[Errno 28] No space left on device\n'
    for args, says in ((['ch01.train'], full_disk), (
            ['ch06.train_rnnlm', '--corpus', 'small.txt', '--time-size', '5'],
            f'stopped; what was learnt so far is in {Path("Rnnlm_interrupted.npz").resolve()}\n{full_disk}')):
        with open('/dev/full', 'w') as full:
            process = start('-m', *args, stdout=full)
            err = process.communicate(timeout=60)[1]
        assert (process.returncode, err) == (1, says)
    assert len(load_npz('Rnnlm_interrupted.npz')) >= 6
    done = subprocess.run([f'"{sys.executable}" -m ch02.ppmi >&-'], shell=True, env=ENV, capture_output=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, b'')


# ---- a screen that is not there, or goes away

SCREENS = ('DISPLAY', 'WAYLAND_DISPLAY', 'MPLBACKEND')
WITHOUT_SCREEN = {name: value for name, value in ENV.items() if name not in SCREENS}

# A screen is said to be there, but no toolkit: what stands as None in sys.modules cannot be imported.
NO_TOOLKIT = '''
import runpy, sys
from matplotlib import _c_internal_utils as utils
utils.display_is_valid = utils.xdisplay_is_valid = lambda: True
for name in 'PyQt6 PySide6 PyQt5 PySide2 gi wx tkinter _tkinter AppKit matplotlib.backends._macosx'.split():
    sys.modules[name] = None
sys.argv[1:] = []
runpy.run_module('ch06.rnn_gradient_graph', run_name='__main__')
'''

# A backend whose window the reader closes at once.
CLOSING = '''
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

def show(*args, **kwargs):
    print('windows:', len(Gcf.get_all_fig_managers()))
    Gcf.destroy_all()
'''


def test_no_display_and_no_toolkit():
    for args in (['-m', 'ch06.rnn_gradient_graph'], ['-c', NO_TOOLKIT]):
        done = subprocess.run([sys.executable, *args], env=WITHOUT_SCREEN, capture_output=True, encoding='utf-8',
                              timeout=60)
        assert (done.returncode, done.stderr) == (0, '')
        path = Path('ch06_rnn_gradient_graph.png').resolve()
        assert f'picture: {path}\n' in done.stdout
        path.unlink()


def test_a_toolkit_asked_for_that_is_not_there():
    for name in ('qtagg', 'tkagg'):
        done = subprocess.run([sys.executable, '-c', NO_TOOLKIT], env=WITHOUT_SCREEN | {'MPLBACKEND': name},
                              capture_output=True, encoding='utf-8', timeout=60)
        assert done.returncode == 1 and done.stderr.startswith('there is no picture: '), done.stderr
        assert 'MPLBACKEND=agg' in done.stderr and len(done.stderr.splitlines()) == 1


def test_windows_that_are_closed():
    Path('closing.py').write_text(CLOSING, encoding='utf-8')
    env = ENV | {'MPLBACKEND': 'module://closing', 'PYTHONPATH': f'{ROOT}{os.pathsep}{Path.cwd()}'}
    done = subprocess.run([sys.executable, '-m', 'ch01.train', '--max-epoch', '2'], env=env, capture_output=True,
                          encoding='utf-8', timeout=60)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.count('windows: 1\n') == 2 and list(Path().glob('*.png')) == []
