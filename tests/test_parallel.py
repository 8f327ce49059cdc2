"""Several ranks under mpiexec: the same curve as one process, the same end for all of them, files by one.

Without mpi4py these tests are skipped, but for what is said where it is missing.
"""
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common import launcher
from common.checks import InputError
from common.cli import run
from common.parallel import share, total, world
from common.storage import load_npz
from dataset import toy
from tests import on_ranks
from tests.benchmarks_ranks import mpiexec

ROOT = Path(__file__).resolve().parent.parent
with_mpi = pytest.mark.skipif(not importlib.util.find_spec('mpi4py') or not shutil.which(mpiexec()),
                              reason="mpi4py or mpiexec is not here: pip install 'dlfs2[mpi]'")
LIMIT = 60      # seconds


def start(ranks, *args):
    """mpiexec with so many ranks of python ARGS; its output and errors in one pipe."""
    env = {name: value for name, value in os.environ.items() if name not in launcher.THREADS}
    return subprocess.Popen([mpiexec(), '-n', str(ranks), sys.executable, *args], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, env=env | {'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'agg'})


def finish(process, limit=LIMIT):
    try:
        out, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()      # what it started ends with it
        process.communicate()
        raise
    return process.returncode, out


# ---------------------------------------------------------------- the same on any number of ranks


@pytest.fixture(scope='module')
def on(tmp_path_factory):
    """What tests/on_ranks.py finds on so many ranks, started once for all tests."""
    found: dict = {}

    def on(ranks):
        if ranks not in found:
            path = tmp_path_factory.mktemp('ranks') / 'found.json'
            status, out = finish(start(ranks, '-m', 'tests.on_ranks', str(path)))
            assert status == 0, out
            found[ranks] = json.loads(path.read_text())
            assert found[ranks]['ranks'] == ranks
        return found[ranks]

    return on


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 4])
def test_ranks_take_the_steps_of_one_process(ranks, on):
    """Shares of unequal size, labels that do not count, row-sparse gradients, clipping, streams."""
    alone, found = on_ranks.models(), on(ranks)['models']
    assert found.keys() == alone.keys()
    for name, told in alone.items():
        assert len(told['curve']) > 5 and told['curve'][0] != told['curve'][-1]
        for key, numbers in told.items():
            np.testing.assert_allclose(found[name][key], numbers, rtol=1e-9, atol=1e-9, err_msg=f'{name}, {key}')


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 4])
def test_evaluation_gives_what_one_process_finds(ranks, on):
    alone, found = on_ranks.evaluations(), on(ranks)['evaluations']
    assert found.keys() == alone.keys() and 0.1 < alone['seq2seq'] < 1
    for name, value in alone.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 4])
def test_all_ranks_have_the_same_model(ranks, on):
    found = on(ranks)
    for name in ('all params', 'buffers', 'afterwards', 'average'):
        first, *others = found[name]
        assert len(others) == ranks - 1 and all(other == first for other in others), name
    assert found['average'][0] == [[[(ranks - 1) / 2] * 2] * 3, [0, (ranks - 1) / 2, ranks - 1]]
    assert len(set(found['own'])) == ranks      # dropout masks of each rank's own


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 4])
def test_word_vectors_are_the_mean_of_those_of_the_parts(ranks, on):
    joint, mean = on(ranks)['words of parts']
    np.testing.assert_allclose(joint, mean, rtol=1e-5, atol=1e-7)
    assert np.abs(joint).max() > 0.1


@with_mpi
@pytest.mark.slow
def test_a_seed_and_a_number_of_ranks_repeat_bit_for_bit(on):
    first = on(2)
    status, out = finish(start(2, '-m', 'tests.on_ranks', 'again.json'))
    assert status == 0, out
    again = json.loads(Path('again.json').read_text())
    assert again == first and first['with chance']['curve'] != on(4)['with chance']['curve']


# ---------------------------------------------------------------- a script: output, files, resuming


TRAIN = ('-m', 'ch06.train_rnnlm', '--corpus', 'small.txt', '--wordvec-size', '4', '--hidden-size', '5', '--batch-size',
         '10', '--time-size', '7', '--learning-rate', '0.1', '--seed', '1')


@pytest.fixture
def small_text():
    corpus, _, id_to_word = toy.load_data(size=300)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')


def train(ranks, *flags):
    status, out = finish(start(ranks, *TRAIN, *flags))
    assert status == 0, out
    return out


@with_mpi
@pytest.mark.slow
def test_resumed_on_as_many_ranks_bit_for_bit_on_others_to_rounding(small_text):
    """The LSTM's state runs on from epoch to epoch: each rank has that of its own streams."""
    out = train(2, '--max-epoch', '2')
    for once in ('| epoch 1 |  iter 1 /', 'weights: ', 'picture: ', 'test perplexity: '):
        assert out.count(once) == 1, out
    assert sorted(path.name for path in Path().glob('Rnnlm*')) == ['Rnnlm.npz', 'Rnnlm_checkpoint.npz']
    assert load_npz('Rnnlm_checkpoint.npz')['state_0_h'].shape == (10, 5)
    shutil.copy('Rnnlm_checkpoint.npz', 'two.npz')
    train(2, '--max-epoch', '3')
    expected = load_npz('Rnnlm.npz')

    shutil.copy('two.npz', 'Rnnlm_checkpoint.npz')
    assert 'resuming after epoch 2' in train(2, '--max-epoch', '3', '--resume')
    found = load_npz('Rnnlm.npz')
    for name in (name for name in expected if name.startswith('param')):
        assert found[name].tobytes() == expected[name].tobytes(), name

    shutil.copy('two.npz', 'Rnnlm_checkpoint.npz')
    train(3, '--max-epoch', '3', '--resume')
    found = load_npz('Rnnlm.npz')
    for name in (name for name in expected if name.startswith('param')):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


# ---------------------------------------------------------------- one end for all


# Trains a small net; in the callback, rank 1 or all do what the first argument says.
FAILING = '''
import os, sys, time
import numpy as np
from ch01.two_layer_net import TwoLayerNet
from common.checks import InputError
from common.cli import run
from common.optimizer import SGD
from common.parallel import world
from common.trainer import Trainer
from common.training import training

what, whom = sys.argv.pop(1), sys.argv.pop(1)
here = whom == 'all' or world().rank == int(whom)

def callback(trainer):
    time.sleep(0.01)
    if what == 'wait' and trainer.current_epoch == 2:
        print('ready', *world().comm.allgather(os.getpid()), flush=True)
    if here and what == 'InputError':
        raise InputError('x: broken')
    if here and what == 'ValueError':
        raise ValueError('broken')
    if here and what == 'kill':
        os.kill(os.getpid(), 9)

def main():
    x, t = np.random.randn(40, 2), np.random.randint(0, 3, 40)
    if here and what == 'nan':
        x[...] = np.nan
    if here and what == 'label':
        t[...] = 7
    trainer = Trainer(TwoLayerNet(2, 4, 3), SGD(0.1), [callback])
    with training(trainer, 'Net', {}):
        trainer.fit(x, t, 10_000, 1 if what == 'small' else 20, eval_interval=None)

if __name__ == '__main__':
    run(main, parallel=True)
'''


@pytest.fixture
def failing():
    Path('failing.py').write_text(FAILING, encoding='utf-8')
    return lambda *args, ranks=2: start(ranks, 'failing.py', *args)


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('what, whom, status, says', [
    ('InputError', '1', 2, 'rank 1: x: broken'),
    ('InputError', '0', 2, 'x: broken'),
    ('InputError', 'all', 2, 'x: broken'),
    ('ValueError', '1', 1, 'ValueError: broken'),
    ('label', '1', 2, 'rank 1: '),
    ('nan', '1', 1, 'the loss is nan in epoch 1, iteration 1 of 2'),
    ('small', 'all', 2, 'batch_size: expected 2 or more, a row for each rank, got 1'),
    ('kill', '1', 9, ''),
])
def test_a_rank_that_fails_ends_all_with_its_message(what, whom, status, says, failing):
    found, out = finish(failing(what, whom), 30)
    assert found == status and says in out, out
    if says:
        assert out.count(says) == 1, out
    if whom != '1':
        assert 'rank 1' not in out, out


@with_mpi
@pytest.mark.slow
@pytest.mark.parametrize('signum, rank', [(signal.SIGINT, None), (signal.SIGTERM, None), (signal.SIGINT, 1)])
def test_a_signal_ends_all_and_keeps_what_was_learnt_once(signum, rank, failing):
    """That of a Ctrl-C goes to mpiexec, which hands it on to all ranks; one comes to rank 1 alone."""
    process = failing('wait', 'all')
    line = next(line for line in process.stdout if line.startswith('ready'))
    os.kill(process.pid if rank is None else int(line.split()[1 + rank]), signum)
    began = time.monotonic()
    status, out = finish(process, 30)
    assert status == 130 and time.monotonic() - began < 15
    assert out.count('what was learnt so far is in') == 1 and 'Traceback' not in out, out
    assert sorted(path.name for path in Path().glob('Net*')) == ['Net_checkpoint.npz', 'Net_interrupted.npz']


# ---------------------------------------------------------------- what is said, and what is not there


def launched(monkeypatch, rank, size=2):
    monkeypatch.setenv('PMI_RANK', str(rank))
    monkeypatch.setenv('PMI_SIZE', str(size))


def test_without_mpiexec_nothing_is_imported_or_shared(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mpi4py', None)        # to import it would be an ImportError
    for name in launcher.RANK:
        monkeypatch.delenv(name, raising=False)
    assert world.__wrapped__() is None and share(7) == slice(0, 7) and total(3) == 3 and launcher.rank() == 0
    launched(monkeypatch, 0, size=1)
    assert world.__wrapped__() is None


def test_mpiexec_without_mpi4py_is_told_once_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mpi4py', None)
    launched(monkeypatch, 0)
    with pytest.raises(InputError, match=r"^mpi4py: expected it, .* pip install mpi4py mpich$"):
        world.__wrapped__()
    launched(monkeypatch, 1)
    with pytest.raises(SystemExit) as end:
        world.__wrapped__()
    assert end.value.code == 2


@pytest.mark.parametrize('rank', [0, 1])
def test_a_script_that_shares_nothing_says_so_once(rank, monkeypatch, capsys):
    launched(monkeypatch, rank)
    with pytest.raises(SystemExit) as end:
        run(lambda: pytest.fail('it was run'), [])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith('mpiexec: expected a script that shares') == (rank == 0)


@pytest.mark.parametrize('env, expected', [
    ({'PMI_RANK': '0', 'PMI_SIZE': '2', 'MPI_LOCALNRANKS': '2'}, '3'),
    ({'OMPI_COMM_WORLD_RANK': '1', 'OMPI_COMM_WORLD_SIZE': '16', 'OMPI_COMM_WORLD_LOCAL_SIZE': '8'}, '1'),
    ({'PMI_RANK': '0', 'PMI_SIZE': '2', 'MPI_LOCALNRANKS': '2', 'OMP_NUM_THREADS': '4'}, None),      # the user's choice
    ({'PMI_RANK': '0', 'PMI_SIZE': '1', 'MPI_LOCALNRANKS': '1'}, None),
    ({}, None),
])
def test_ranks_on_one_machine_share_its_cores(env, expected, monkeypatch):
    for name in [*launcher.THREADS, *launcher.RANK, *launcher.SIZE, *launcher.ON_THIS_MACHINE]:
        monkeypatch.setenv(name, '')        # so that what is set here is taken back afterwards
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(6)), raising=False)
    launcher.share_cores()
    assert 'OPENBLAS_NUM_THREADS' not in os.environ     # NumPy is loaded: too late
    monkeypatch.delitem(sys.modules, 'numpy')
    launcher.share_cores()
    assert os.environ.get('OPENBLAS_NUM_THREADS') == expected


@with_mpi
@pytest.mark.slow
def test_the_first_line_says_how_many_threads_or_that_none_could_be_set():
    code = 'from common.parallel import world; world()'
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    status, out = finish(start(2, '-c', code))
    assert (status, out) == (0, f'2 ranks, BLAS threads of each: {max(1, cores // 2)}\n')
    status, out = finish(start(2, '-c', 'import numpy; ' + code))
    assert status == 0 and out.count('set OPENBLAS_NUM_THREADS=1 before mpiexec') == 1, out
