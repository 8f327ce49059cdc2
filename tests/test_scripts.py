"""Every chapter script: found, importable, runnable from inside its folder, with a --help that explains each flag.

And what they train is the same each time.
"""
import compileall
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.cli import make_parser

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in ROOT.glob('ch0*/**/*.py') if 'run(main' in path.read_text(encoding='utf-8'))


def module_name(path):
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts)


# Those that the book names, and which keep their names.
BOOK = """
ch01 forward_net show_spiral_dataset train train_custom_loop
ch02 count_method_big count_method_small most_similar ppmi show_ptb similarity
ch03 cbow_predict train
ch04 eval train
ch05 train train_custom_loop
ch06 clip_grads eval rnn_gradient_graph train_better_rnnlm train_rnnlm
ch07 generate_better_text generate_text show_addition_dataset train_seq2seq
ch08 train visualize_attention
"""


def test_the_books_scripts_are_there():
    found = {(path.parent.name, path.stem) for path in SCRIPTS}
    assert found >= {(chapter, name) for chapter, *names in map(str.split, BOOK.strip().splitlines()) for name in names}


@pytest.mark.parametrize('path', SCRIPTS, ids=module_name)
def test_help_explains_each_flag(path):
    module = importlib.import_module(module_name(path))
    parser = make_parser(module.main)
    assert ' '.join(module.__doc__.split('\n\n')[0].split()) in ' '.join(parser.format_help().split())
    for action in parser._actions[1:]:      # all but --help itself
        assert re.match(r'\w.* \(default: ', action.help), action
    assert [action.dest for action in parser._actions[1:]] == list(inspect.signature(module.main).parameters)


@pytest.mark.slow
def test_runs_inside_its_folder():
    def help_of(path):
        return subprocess.run([sys.executable, path.name, '--help'], cwd=path.parent, capture_output=True, text=True,
                              env={**os.environ, 'PYTHONPATH': str(ROOT), 'OPENBLAS_NUM_THREADS': '1'},
                              timeout=60)

    with ThreadPoolExecutor(2) as pool:
        for path, done in zip(SCRIPTS, pool.map(help_of, SCRIPTS), strict=True):
            assert (done.returncode, done.stderr) == (0, ''), path
            assert done.stdout.startswith(f'usage: {path.name} [flags]')


@pytest.mark.slow
def test_a_foreign_package_named_as_ours_is_told():
    """A package named dataset, or common, comes first: one sentence, with the way out; in the root none of it."""
    for name in ('dataset', 'common'):
        Path(f'before_{name}', name).mkdir(parents=True)
        Path(f'before_{name}', name, '__init__.py').touch()

    def run(name, args, folder='.'):
        path = os.pathsep.join([os.path.abspath(f'before_{name}'), str(ROOT)])
        return subprocess.run([sys.executable, *args, '--help'], cwd=folder, capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'PYTHONPATH': path})

    for args in (['-m', 'ch07.train_seq2seq'], [ROOT / 'ch07' / 'train_seq2seq.py'], [ROOT / 'ch01' / 'train.py'],
                 ['-m', 'ch02.show_ptb'], ['-m', 'ch01.train']):
        done = run('dataset', args)
        found = Path('before_dataset', 'dataset', '__init__.py').absolute()
        assert done.returncode == 1 and done.stdout == '' and done.stderr.count('\n') == 1
        assert done.stderr.startswith(f'dataset: expected the one beside {ROOT / "common"}, got another package')
        assert str(found) in done.stderr and 'pip install -e .' in done.stderr
    for args in (['-m', 'ch07.train_seq2seq'], [ROOT / 'ch07' / 'train_seq2seq.py'], ['-m', 'ch02.show_ptb']):
        done = run('common', args)
        assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
            f'ImportError: common: expected the one beside {ROOT / "ch01"}, got another package of that name')
    for name in ('dataset', 'common'):
        done = run(name, ['-m', 'ch07.train_seq2seq'], ROOT)
        assert (done.returncode, done.stderr) == (0, '')
    done = run('dataset', ['-c', 'import common.cli, ch07.seq2seq'])        # a reader's own program may have a dataset
    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.slow
def test_one_that_was_imported_runs_without_a_warning():
    """As by %run -m in a notebook; Python warns of modules in general, and of those that are not ours still does."""
    code = """
import runpy, sys, ch01.train_custom_loop, json.tool
sys.argv[1:] = ['--help']
try:
    runpy.run_module(MODULE, run_name='__main__', alter_sys=True)
except SystemExit as end:
    assert end.code == 0
"""
    warned = []
    for module in ('ch01.train', 'json.tool'):
        done = subprocess.run([sys.executable, '-c', code.replace('MODULE', repr(module))], timeout=60,
                              capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
        assert done.stdout.startswith('usage: ')
        warned.append('RuntimeWarning' in done.stderr)
    assert warned == [False, True]


# Each kind of model through its script, in small: prints a hash over all bits of the parameters, a line each.
SAME = """
import contextlib, hashlib, io
from pathlib import Path

import ch01.train, ch03.train, ch04.train, ch05.train, ch06.train_better_rnnlm, ch06.train_rnnlm
import ch07.train_seq2seq, ch08.train
from common.np import np
from common.util import to_cpu
from dataset import sequence, toy
from matplotlib.figure import Figure

Figure.savefig = lambda *args: None     # which takes longer than all trainings
corpus, _, id_to_word = toy.load_data(size=600)
Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', chr(10)), encoding='utf-8')
dates = sequence.make_dates()[:500]
Path('date.txt').write_text(chr(10).join(dates), encoding='utf-8')      # found before the book's 50,000
small = {'wordvec_size': 8, 'hidden_size': 8, 'batch_size': 10, 'max_epoch': 2, 'seed': 1}
text = {'corpus': 'small.txt', 'time_size': 10} | small
words = {'corpus': 'small.txt', 'hidden_size': 8, 'max_epoch': 1, 'seed': 1}

for make in (
    lambda: ch01.train.main(max_epoch=3, seed=1).model,
    lambda: ch03.train.main(max_epoch=9, seed=1).model,
    lambda: ch03.train.main(model='skip_gram', max_epoch=9, seed=1).model,
    lambda: ch04.train.main(**words).model,
    lambda: ch04.train.main(**words, model='skip_gram', sparse=True).model,
    lambda: ch05.train.main(**text).model,
    lambda: ch06.train_rnnlm.main(**text)[0].model,
    lambda: ch06.train_better_rnnlm.main(**text)[0].model,
    lambda: ch07.train_seq2seq.main(file_name='date.txt', **small)[0],
    lambda: ch07.train_seq2seq.main(file_name='date.txt', peeky=True, reverse=True, **small)[0],
    lambda: ch08.train.main(**small)[0],
):
    np.random.seed()        # from the system's chance
    with contextlib.redirect_stdout(io.StringIO()):
        model = make()
    bits = b''.join(to_cpu(param).tobytes() for param in model.params)
    print(type(model).__name__, hashlib.sha256(bits).hexdigest())
"""


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(tmp_path):
    def bits_of(number):
        folder = tmp_path / number
        folder.mkdir()
        env = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONHASHSEED': number, 'MPLBACKEND': 'agg'}
        done = subprocess.run([sys.executable, '-c', SAME], cwd=folder, env=env, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(bits_of, '12')
    assert first[::2] == ['TwoLayerNet', 'SimpleCBOW', 'SimpleSkipGram', 'CBOW', 'SkipGram', 'SimpleRnnlm', 'Rnnlm',
                          'BetterRnnlm', 'Seq2seq', 'PeekySeq2seq', 'AttentionSeq2seq']
    assert first == second and len(set(first[1::2])) == 11


@pytest.mark.skipif(os.name == 'nt', reason='signals of POSIX')
@pytest.mark.parametrize('args', [['-m', 'ch01.train'], ['-m', 'ch07.generate_text'],
                                  [ROOT / 'ch06' / 'eval.py'], [ROOT / 'ch02' / 'most_similar.py']])
def test_ctrl_c_while_a_script_imports_is_one_line(args):
    Path('numpy').mkdir()
    Path('numpy/__init__.py').write_text('import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n')
    path = os.pathsep.join(['.', str(ROOT)])
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'PYTHONPATH': path})
    assert (done.returncode, done.stderr) == (-2, 'stopped\n')      # of SIGINT, which a shell calls 130


def test_who_imports_a_chapter_keeps_their_own_excepthook():
    code = 'import sys, ch01; print(sys.excepthook is sys.__excepthook__)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.stdout == 'True\n', done.stderr


@pytest.mark.slow
def test_an_installation_without_sources_tells_errors_in_one_sentence():
    for package in ('common', 'dataset', 'ch01', 'ch06'):
        shutil.copytree(ROOT / package, Path(package), ignore=shutil.ignore_patterns('__pycache__', '*.md', '*.png'))
    assert compileall.compile_dir('.', quiet=1, legacy=True)
    for path in Path().rglob('*.py'):
        path.unlink()
    for args, message in ((['-m', 'ch01.forward_net', '--seed', '-1'], 'expected 0 to 4294967295, got -1'),
                          (['-m', 'ch06.eval', '--params', 'x.txt'], 'x.txt: expected a name that ends in .npz or')):
        done = subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'PYTHONPATH': str(Path.cwd())})
        assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, done.stderr
