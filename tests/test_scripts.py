"""Every chapter script: found, importable, runnable from inside its folder, with a --help that explains each flag."""
import importlib
import inspect
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.script import make_parser

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in ROOT.glob('ch0*/*.py') if 'run(main)' in path.read_text(encoding='utf-8'))

# The book's scripts, chapter by chapter, and two of ours, compare_models.
NAMES = """
ch01 forward_net show_spiral_dataset train train_custom_loop
ch02 count_method_big count_method_small most_similar ppmi show_ptb similarity
ch03 cbow_predict train
ch04 eval train
ch05 train train_custom_loop
ch06 clip_grads eval rnn_gradient_graph train_better_rnnlm train_rnnlm
ch07 compare_models generate_better_text generate_text show_addition_dataset train_seq2seq
ch08 compare_models train visualize_attention
"""


def test_all_are_there():
    assert sorted((path.parent.name, path.stem) for path in SCRIPTS) == sorted(
        (chapter, name) for chapter, *names in map(str.split, NAMES.strip().splitlines()) for name in names)


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: f'{path.parent.name}.{path.stem}')
def test_help_explains_each_flag(path):
    module = importlib.import_module(f'{path.parent.name}.{path.stem}')
    parser = make_parser(module.main)
    assert ' '.join(module.__doc__.split('\n\n')[0].split()) in ' '.join(parser.format_help().split())
    for action in parser._actions[1:]:      # all but --help itself
        assert re.match(r'\w.* \(default: ', action.help), action
    assert [action.dest for action in parser._actions[1:]] == list(inspect.signature(module.main).parameters)


def test_runs_inside_its_folder():
    def help_of(path):
        return subprocess.run([sys.executable, path.name, '--help'], cwd=path.parent, capture_output=True, text=True,
                              env={**os.environ, 'PYTHONPATH': str(ROOT), 'OPENBLAS_NUM_THREADS': '1'})

    with ThreadPoolExecutor(2) as pool:
        for path, done in zip(SCRIPTS, pool.map(help_of, SCRIPTS), strict=True):
            assert (done.returncode, done.stderr) == (0, ''), path
            assert done.stdout.startswith(f'usage: {path.name} [flags]')
