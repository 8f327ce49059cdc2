"""common.cli: from a signature to flags, and to a tidy end."""
import builtins
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

import ch01.train_custom_loop
import ch05.train_custom_loop
from ch02 import count_method_small
from ch04.cbow import CBOW
from ch06 import rnn_gradient_graph, train_better_rnnlm, train_rnnlm
from common import cli
from common.base_model import BaseModel
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.interrupts import STOPS
from common.storage import load_npz
from common.trainer import Trainer

ROOT = Path(__file__).resolve().parent.parent


def sample(
    # data
    corpus: Annotated[str, 'a name'] = 'ptb',
    reverse: Annotated[bool, 'read backwards'] = False,
    # training
    model: Annotated[Literal['attention', 'peeky'], 'which model is trained'] = 'attention',
    max_epoch: Annotated[int, 'passes over the data', FROM_0] = 300,
    batch_size: Annotated[int, 'examples in one step'] = 30,
    learning_rate: Annotated[float, 'how far, 100% at most'] = 0.5,
    max_grad: Annotated[float | None, 'the largest norm'] = 5.0,
    resume: Annotated[bool, 'go on'] = True,
    # chance
    seed: Annotated[int | None, 'of the random numbers', SEEDS] = None,
):
    """Give back what came."""
    return locals()


DEFAULTS = sample()


# ---- flags

def test_without_flags_main_keeps_its_defaults():
    assert run(sample, []) == DEFAULTS


@pytest.mark.parametrize('flags, changed', [
    ('--max-epoch 3', {'max_epoch': 3}),
    ('--max-epoch 0 --seed 4294967295 --batch-size 1', {'max_epoch': 0, 'seed': 4294967295, 'batch_size': 1}),
    ('--max-grad inf', {'max_grad': float('inf')}),
    ('--corpus nan', {'corpus': 'nan'}),
    ('--learning-rate 2', {'learning_rate': 2.0}),
    ('--reverse', {'reverse': True}),
    ('--no-reverse --no-resume', {'resume': False}),
    ('--corpus toy', {'corpus': 'toy'}),
    ('--seed 1984 --max-grad none', {'seed': 1984, 'max_grad': None}),
    ('--max-grad 0.25', {'max_grad': 0.25}),
    ('--model peeky', {'model': 'peeky'}),
])
def test_flags_reach_main_with_their_types(flags, changed):
    result = run(sample, flags.split())
    assert result == DEFAULTS | changed
    assert [type(value) for value in result.values()] == [type(value) for value in (DEFAULTS | changed).values()]


def test_the_command_line_is_read_where_no_argv_is_given(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['x.py', '--seed', '7'])
    assert run(sample)['seed'] == 7


@pytest.mark.parametrize('flags, message', [
    ('--max-epoch 1.5', "argument --max-epoch: expected a whole number, got '1.5'"),
    ('--learning-rate fast', "argument --learning-rate: expected a number, got 'fast'"),
    ('--model lstm', "argument --model: expected one of attention, peeky, got 'lstm'"),
    ('--max 3', 'unrecognized arguments: --max 3'),
    ('3', 'unrecognized arguments: 3'),
    ('--batch-size 0', 'argument --batch-size: expected 1 or more, got 0'),
    ('--max-epoch -1', 'argument --max-epoch: expected 0 or more, got -1'),
    ('--seed -1', 'argument --seed: expected 0 to 4294967295, got -1'),
    ('--seed 4294967296', 'argument --seed: expected 0 to 4294967295, got 4294967296'),
    ('--learning-rate nan', "argument --learning-rate: expected a number, got 'nan'"),
    ('--max-epoch 9999999999999999999', 'expected 0 to 9223372036854775806, got 9999999999999999999'),
])
def test_wrong_flags_end_with_status_2(flags, message, capsys):
    with pytest.raises(SystemExit) as end:
        run(sample, flags.split())
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_value_may_begin_with_a_dash():
    """As a Korean particle does: no flag has other letters than ASCII's."""
    def words(start: Annotated[str, 'a hint'] = '', bold: Annotated[bool, 'a hint'] = False):
        return start, bold

    assert cli.run(words, ['--start', '-에서', '--bold']) == ('-에서', True)
    assert cli.run(words, ['--start=-에서 -는']) == ('-에서 -는', False)
    for wrong in ['--start', '-x'], ['--start', '-에서', '-는'], ['--start=책', '-는']:
        with pytest.raises(SystemExit):
            cli.run(words, wrong)


def test_a_parameter_without_default_is_required(capsys):
    def main(path: Annotated[str, 'a path']):
        return path

    assert run(main, ['--path', 'a']) == 'a'
    with pytest.raises(SystemExit):
        run(main, [])
    assert 'required: --path' in capsys.readouterr().err


@pytest.mark.parametrize('annotation, says', [
    (int, r"expected Annotated\[its type, 'its hint'\], got <class 'int'>"),
    (Annotated[int, range(3)], 'expected Annotated'),
    (Annotated[tuple, 'two of them'], "expected int, float, str, bool or Literal, got <class 'tuple'>"),
])
def test_a_parameter_that_can_be_no_flag_is_told(annotation, says):
    def main(sizes=(1, 2)):
        pass

    main.__annotations__['sizes'] = annotation
    with pytest.raises(TypeError, match='^sizes of main: ' + says):
        run(main, [])


def test_annotations_that_are_strings_are_read():
    """As after `from __future__ import annotations`."""
    def main(size: "Annotated[int | None, 'how many']" = None):
        return size

    assert run(main, ['--size', '3']) == 3 and run(main, ['--size', 'none']) is None


def test_help_reads_well(capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    with pytest.raises(SystemExit) as end:
        run(sample, ['--help'])
    assert end.value.code == 0
    text = capsys.readouterr().out
    lines = ' '.join(text.split())
    for part in (
        '[flags] common.cli: from a signature to flags, and to a tidy end.',          # this module's docstring
        '--max-epoch N passes over the data (default: 300)',
        '--learning-rate X how far, 100% at most (default: 0.5)', '--corpus TEXT a name (default: ptb)',
        '--reverse, --no-reverse read backwards (default: no)', 'go on (default: yes)',
        '--seed N of the random numbers (default: none)',
        '--model {attention,peeky} which model is trained (default: attention)',
    ):
        assert part in lines, part
    assert 'Give back' not in text and 'SUPPRESS' not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_paragraphs_of_the_description_stay_apart(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], '__doc__', 'One.\n\n' + 'word ' * 40 + '\n\n    python x.py --flag\n')
    text = cli.make_parser(sample).format_help()
    assert '\n\nOne.\n\nword word' in text and '\n\n    python x.py --flag\n' in text
    assert 'word word\nword' in text


# ---- the end

def test_ctrl_c_ends_with_130_and_one_line(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        run(main, [])
    assert end.value.code == 130 and capsys.readouterr().err == 'stopped\n'


def test_run_works_in_another_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(run(sample, [])))
    thread.start()
    thread.join()
    assert results == [DEFAULTS]


def test_a_missing_file_and_a_loss_that_is_not_finite_are_one_line(capsys):
    def missing():
        Path('missing.txt').read_text()

    def own():
        raise FileNotFoundError('three\nlines\nof help')

    def diverged():
        raise FloatingPointError('the loss is nan')

    for main, message in ((missing, 'missing.txt: No such file or directory\n'), (own, 'three\nlines\nof help\n'),
                          (diverged, 'the loss is nan\n')):
        with pytest.raises(SystemExit) as end:
            run(main, [])
        assert end.value.code == 1 and capsys.readouterr().err == message


@pytest.mark.parametrize('error, says', [(MemoryError(), 'there is not enough memory'),
                                         (MemoryError('8 TiB'), '8 TiB')])
def test_too_little_memory_is_one_line(error, says, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as end:
        run(main, [])
    assert end.value.code == 1 and capsys.readouterr().err == says + '\n'


# ---- bad input and bugs

def test_an_input_error_is_one_line_and_status_2(capsys):
    def sizes(batch_size: Annotated[int, 'of a batch'] = 0):
        Trainer(None, None).fit([1, 2], [3, 4], batch_size=batch_size)

    def kind():         # a TypeError too
        Trainer(None, None).fit([1, 2], [3, 4], batch_size=1.5)

    def file():
        Path('x.npz').write_bytes(b'no weights')
        load_npz('x.npz')

    def deep():         # of one layer, about what another one gave it
        CBOW(7, 2, 1, np.arange(7)).forward(np.zeros((3, 2), int), np.array([0, 1, 7]))

    def own():          # a reader may raise it too
        raise InputError('speed: expected 1 or more, got 0')

    for main, argv, message in (
        (sizes, [], 'batch_size: expected 1 or more, got 0'),
        (sizes, ['--batch-size', '3'], 'batch_size: expected at most 2, the rows of x, got 3'),
        (kind, [], 'batch_size: expected an integer, got 1.5'),
        (file, [], 'x.npz is refused: File is not a zip file'),
        (deep, [], 'target: expected ids from 0 to 6, got 0 to 7'),
        (own, [], 'speed: expected 1 or more, got 0'),
        (train_rnnlm.main, ['--corpus', 'toy', '--time-size', '9999'],
         'xs: expected at least batch_size · time_size = 199980 ids, got 96123'),
        (train_better_rnnlm.main, ['--corpus', 'toy', '--hidden-size', '5'],
         'wordvec_size: expected hidden_size, 5, for embedding and affine layer share one matrix, got 650'),
        (count_method_small.main, ['--text', 'a'], "text: expected two different words or more, got 'a'"),
        (ch01.train_custom_loop.main, ['--batch-size', '301'],
         'batch_size: expected at most 300, the rows of x, got 301'),
        (ch05.train_custom_loop.main, ['--corpus', 'toy', '--corpus-size', '9'],
         'corpus_size: expected more than batch_size · time_size = 50, got 9 words'),
    ):
        with pytest.raises(SystemExit) as end:
            run(main, argv)
        assert end.value.code == 2 and capsys.readouterr().err == message + '\n'


def test_in_a_notebook_an_end_is_its_line_alone(monkeypatch, capsys):
    """IPython would make a traceback and a warning of a SystemExit."""
    monkeypatch.setattr(builtins, 'get_ipython', lambda: None, raising=False)

    def stopped():
        raise KeyboardInterrupt

    def bug():
        raise ValueError('a bug')

    for main, argv, says in ((stopped, [], 'stopped\n'), (sample, ['--batch-size', '0'], 'got 0\n')):
        assert run(main, argv) is None
        assert capsys.readouterr().err.endswith(says)
    assert run(sample, ['--seed', '1'])['seed'] == 1
    with pytest.raises(ValueError, match='a bug'):
        run(bug, [])


class Silly(BaseModel):
    def forward(self, x, t):
        return super().forward(x, t)


def test_any_other_error_keeps_its_traceback(capsys):
    def numpys():       # raised in the library's file, but not by the library
        rnn_gradient_graph.gradient_norms(np.ones((2, 3)), 2, 5)

    def readers():      # whatever it says
        raise ValueError('batch_size: expected 1 or more, got 0')

    def unwritten():
        Silly().forward(1, 2)

    def no_module():
        import no_such_module  # noqa: F401

    for main, kind, last in ((numpys, ValueError, 'gradient_norms'), (readers, ValueError, 'readers'),
                             (unwritten, NotImplementedError, 'forward'),
                             (no_module, ModuleNotFoundError, 'no_module')):
        with pytest.raises(kind) as caught:
            run(main, [])
        assert type(caught.value) is kind and caught.traceback[-1].name == last
        assert capsys.readouterr().err == ''


# ---- as a program

PROGRAM = '''"""A program."""
import time
from typing import Annotated

from common.cli import run


def main(
    lines: Annotated[int, 'how many'] = 3,
    wait: Annotated[bool, 'go on without end'] = False,
    word: Annotated[str, 'what is said'] = 'é말',
):
    for i in range(lines):
        print(i, word)
    while wait:
        time.sleep(0.01)


if __name__ == '__main__':
    run(main)
'''


@pytest.fixture
def program():
    Path('ch').mkdir()
    Path('ch/__init__.py').touch()
    Path('ch/program.py').write_text(PROGRAM, encoding='utf-8')
    env = os.environ | {'PYTHONPATH': str(ROOT), 'PYTHONIOENCODING': 'utf-8', 'PYTHONUNBUFFERED': ''}

    processes, limits = [], []

    def start(*args, **changes):
        keywords = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'env': env} | changes
        processes.append(subprocess.Popen([sys.executable, *args], **keywords))
        limits.append(threading.Timer(60, processes[-1].kill))
        limits[-1].start()
        return processes[-1]

    start.env = env
    yield start
    for process, limit in zip(processes, limits, strict=True):
        limit.cancel()
        process.kill()


def test_the_three_ways_of_running(program):
    expected = b'0 \xc3\xa9\xeb\xa7\x90\n'
    for args, folder in ((['ch/program.py'], '.'), (['-m', 'ch.program'], '.'), (['program.py'], 'ch')):
        out, err = program(*args, '--lines', '1', cwd=folder).communicate()
        assert out.replace(b'\r', b'') == expected and err == b''


def test_help_of_a_program_shows_its_own_docstring(program):
    out, _ = program('ch/program.py', '--help').communicate()
    assert b'A program.' in out and b'usage: ' in out and b'--wait, --no-wait' in out


@pytest.mark.skipif(os.name == 'nt', reason='pipes of POSIX')
@pytest.mark.parametrize('flags', [['--lines', '100000'], ['--lines', '1'], ['--help']])
def test_a_closed_pipe_is_no_error(program, flags):
    process = program('ch/program.py', *flags)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert err == b'' and process.wait() in (0, 1)


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full here')
def test_a_full_disk_is_one_line(program):
    with open('/dev/full', 'w') as full:
        process = program('ch/program.py', stdout=full)
        err = process.communicate()[1]
    assert process.returncode == 1 and err == b'[Errno 28] No space left on device\n'


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
@pytest.mark.parametrize('number', STOPS)
def test_signals_end_a_program_with_130(program, number):
    process = program('ch/program.py', '--lines', '1', '--wait', preexec_fn=lambda: signal.signal(
        signal.SIGINT, signal.default_int_handler))
    assert process.stdout.readline()        # a line gets through the pipe at once
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130 and err == b'stopped\n'


def test_a_character_that_the_console_lacks_becomes_a_question_mark(program):
    process = program('ch/program.py', '--lines', '1', env=program.env | {'PYTHONIOENCODING': 'latin-1'})
    out, err = process.communicate()
    assert out.split() == [b'0', b'\xe9?'] and err == b'' and process.returncode == 0


def test_the_command_line_does_not_import_matplotlib_or_numpy(program):
    code = ('import sys, common.cli, common.interrupts, common.figures; '
            'print([m for m in ("matplotlib", "numpy") if m in sys.modules])')
    assert program('-c', code).communicate()[0].strip() == b'[]'
