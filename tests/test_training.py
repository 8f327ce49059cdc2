"""What a training leaves on disk: it goes on where it was broken off, and overwrites nothing."""
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

import ch04.train
import ch06.train_rnnlm
import ch07.compare_models
import ch07.train_seq2seq
import ch08.train
from common import interrupts
from common.base_model import BaseModel
from common.callbacks import Checkpoint, PlateauDecay
from common.interrupts import handled
from common.layers import Affine, SoftmaxWithLoss, gather
from common.lock import Lock
from common.optimizer import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from common.storage import load_npz
from common.trainer import BaseTrainer, Trainer
from common.training import training
from common.weight_files import load_words, save_words
from dataset import sequence, toy


@pytest.fixture(autouse=True)
def small_data():
    """A text, additions and dates, found in the current folder before the book's."""
    corpus, _, id_to_word = toy.load_data(size=300)
    Path('small.txt').write_text(' '.join(id_to_word[i] for i in corpus).replace(' <eos> ', '\n'), encoding='utf-8')
    Path('sums.txt').write_text('\n'.join(sequence.make_addition()[:300]), encoding='utf-8')
    Path('date.txt').write_text('\n'.join(sequence.make_dates()[:300]), encoding='utf-8')


TEXT = {'corpus': 'small.txt', 'batch_size': 10, 'hidden_size': 5, 'seed': 1}
LINES = {'batch_size': 32, 'wordvec_size': 4, 'hidden_size': 5, 'seed': 1}
RUNS = {        # main, its arguments, the name of its files
    'cbow': (ch04.train.main, TEXT | {'window_size': 2}, 'cbow_params'),
    'skip_gram': (ch04.train.main, TEXT | {'window_size': 1, 'model': 'skip_gram', 'sparse': True}, 'skipgram_params'),
    'rnnlm': (ch06.train_rnnlm.main, TEXT | {'wordvec_size': 4, 'time_size': 7}, 'Rnnlm'),      # the stream runs on
    'plateau': (ch06.train_rnnlm.main, TEXT | {'wordvec_size': 4, 'time_size': 7, 'schedule': 'plateau'}, 'Rnnlm'),
    'additions': (ch07.train_seq2seq.main, LINES | {'file_name': 'sums.txt', 'peeky': True}, 'PeekySeq2seq'),
    'dates': (ch08.train.main, LINES, 'AttentionSeq2seq'),
    'all additions': (ch07.compare_models.main, LINES | {'file_name': 'sums.txt'}, 'reversed'),
}


class Stop(Exception):
    """Stands for a kill."""


def stop_in_epoch(monkeypatch, number):
    train_epoch, begun = BaseTrainer.train_epoch, []

    def stopping(*args):
        begun.append(1)
        if len(begun) == number:
            raise Stop
        train_epoch(*args)

    monkeypatch.setattr(BaseTrainer, 'train_epoch', stopping)


def assert_same(path, expected):
    found = load_npz(path)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize('kind', RUNS)
def test_a_resumed_training_ends_as_one_never_stopped(kind, monkeypatch):
    main, flags, name = RUNS[kind]
    main(**flags, max_epoch=3)
    expected = [load_npz(f'{name}{ending}.npz') for ending in ('', '_checkpoint')]
    for path in Path().glob('*.npz'):
        path.unlink()
    with monkeypatch.context() as patch, pytest.raises(Stop):
        stop_in_epoch(patch, 6 if kind == 'all additions' else 3)       # the third of the second model
        main(**flags, max_epoch=3)
    assert not Path(f'{name}.npz').exists()
    np.random.seed(99)
    main(**flags, max_epoch=3, resume=True)
    assert_same(f'{name}.npz', expected[0])
    assert_same(f'{name}_checkpoint.npz', expected[1])
    assert not list(Path().glob('*.1.npz'))
    before = {path: path.read_bytes() for path in Path().glob('*.npz')}
    main(**flags, max_epoch=3, resume=True)             # which is over: there is nothing to do
    assert {path: path.read_bytes() for path in Path().glob('*.npz')} == before


def test_going_on_for_more_epochs_is_as_if_it_had_been_so_from_the_start():
    main, flags, _ = RUNS['rnnlm']
    straight, _ = main(**flags, max_epoch=3)
    Path('Rnnlm_checkpoint.npz').unlink()
    main(**flags, max_epoch=2)
    longer, _ = main(**flags, max_epoch=3, resume=True)
    assert longer.ppl_list == straight.ppl_list and longer.current_epoch == 3
    for param, other in zip(longer.model.params, straight.model.params, strict=True):
        np.testing.assert_array_equal(param, other)


def test_other_data_or_flags_are_refused():
    main, flags, _ = RUNS['additions']
    main(**flags, max_epoch=1)
    with pytest.raises(ValueError, match=r'^hidden_size: expected 5, with which Peeky\w+\.npz .* got 6$'):
        main(**flags | {'hidden_size': 6}, max_epoch=2, resume=True)
    lines = Path('sums.txt').read_text(encoding='utf-8').splitlines()
    Path('sums.txt').write_text('\n'.join([*lines[1:], lines[0]]), encoding='utf-8')
    with pytest.raises(ValueError, match=r"^data: expected '270, 270, 30, 30, 13 \(\w+\)', with which .*, got '270, "):
        main(**flags, max_epoch=2, resume=True)
    Path('PeekySeq2seq_checkpoint.npz').rename('Seq2seq_checkpoint.npz')
    with pytest.raises(ValueError, match=r"^model_class: expected 'PeekySeq2seq', with which .* got 'Seq2seq'$"):
        main(**flags | {'peeky': False}, max_epoch=2, resume=True)


class Small(BaseModel):
    def __init__(self):
        self.affine, self.loss = Affine(np.random.randn(3, 4), np.zeros(4)), SoftmaxWithLoss()
        self.params, self.grads = gather(self.affine)

    def forward(self, x, t):
        return self.loss.forward(self.affine.forward(x), t)

    def backward(self, dout=1):
        self.affine.backward(self.loss.backward(dout))


@pytest.mark.parametrize('Optimizer', [SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam])
@pytest.mark.parametrize('every', [1, 2])
def test_a_checkpoint_of_a_readers_own_model(Optimizer, every):
    x, t = np.random.randn(40, 3), np.random.randint(0, 4, 40)

    def trainer(*callbacks):
        np.random.seed(3)
        return Trainer(Small(), Optimizer(0.1), [PlateauDecay(0.5), *callbacks])

    def fit(trainer, max_epoch):        # 40 / 7: some steps belong to no point of the curve when an epoch ends
        trainer.fit(x, t, max_epoch, 7, eval_interval=3, validate=lambda: 1.0)
        return [param.tolist() for param in trainer.model.params], trainer.loss_list, trainer.optimizer.lr

    expected = fit(trainer(), 5)
    fit(trainer(Checkpoint('x.npz', every)), 3)
    resumed = trainer()
    np.random.seed(8)
    Checkpoint('x.npz').load(resumed)
    assert resumed.current_epoch == (3 if every == 1 else 2)
    assert fit(resumed, 5) == expected
    with pytest.raises(ValueError, match='optimizer_class: expected'):
        Checkpoint('x.npz').load(Trainer(Small(), SGD() if Optimizer is Adam else Adam()))


def test_files_of_before_give_way_once_a_training():
    Path('x.npz').write_bytes(b'old')
    Path('x.1.npz').write_bytes(b'older')
    Path('x_checkpoint.npz').write_bytes(b'old checkpoint')
    Path('x_interrupted.npz').write_bytes(b'old interrupted')
    x, t = np.random.randn(40, 3), np.random.randint(0, 4, 40)
    trainer = Trainer(Small(), SGD())
    with training(trainer, 'x', {}):
        trainer.fit(x, t, 3, 7)
    assert Path('x.2.npz').read_bytes() == b'old' and Path('x.1.npz').read_bytes() == b'older'
    assert Path('x_checkpoint.1.npz').read_bytes() == b'old checkpoint'
    assert Path('x_interrupted.npz').read_bytes() == b'old interrupted'
    trainer = Trainer(Small(), SGD())
    with pytest.raises(KeyboardInterrupt), training(trainer, 'x', {}):
        trainer.fit(x, t, 1, 7)
        raise KeyboardInterrupt
    assert Path('x_interrupted.1.npz').read_bytes() == b'old interrupted'
    assert len(list(Path().glob('x*.npz'))) == 8


# ---- one training a name

def fit(name='x', resume=False, keep_best=False, max_epoch=1, valid=1.0):
    np.random.seed(3)
    trainer, x = Trainer(Small(), SGD()), np.ones((8, 3), 'f')
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
        trainer = Trainer(Small(), SGD())
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
    with training(Trainer(Small(), SGD()), 'x', {}):
        with pytest.raises(OSError, match=rf'^x.lock is held by process {os.getpid()} on '):
            fit()
        fit('y')
        assert Path('x.lock').exists() and not Path('y.lock').exists()


def test_who_was_taken_for_dead_finds_out_before_it_writes(capsys):
    x, trainer = np.ones((8, 3), 'f'), Trainer(Small(), SGD())
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

        trainer = Trainer(Small(), SGD())
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


# ---- files of the version before: arrays alone

def test_a_checkpoint_of_the_version_before_goes_on():
    """Those of train_better_rnnlm had neither the trainer's losses nor its place, nor the class of the model."""
    main, flags, _ = RUNS['rnnlm']
    main(**flags, max_epoch=2)
    arrays = load_npz('Rnnlm_checkpoint.npz')
    settings = json.loads(arrays['settings'].item())
    old = {name: value for name, value in settings.items() if name in ('batch_size', 'hidden_size', 'seed')}
    kept = {name: array for name, array in arrays.items() if name not in ('losses', 'time_idx') and 'state' not in name}
    old['corpus'] = '10 words, 5 different'
    np.savez('Rnnlm_checkpoint.npz', **kept | {'settings': np.array(json.dumps(old))})
    trainer, _ = main(**flags, max_epoch=3, resume=True)
    assert trainer.current_epoch == 3 and len(trainer.ppl_list) > len(arrays['ppl_list'])


def test_words_come_back_as_they_were():
    words = ['a', 'a\0', '\0', '', '말하다', 'x' * 300_000, '\udc80', ' ', 'b']
    save_words('x.npz', np.arange(9.).reshape(9, 1), dict(enumerate(words)))
    assert Path('x.npz').stat().st_size < 310_000       # a long word takes its own length, not that of all
    assert list(load_words('x.npz')[2].values()) == words
    np.savez('old.npz', word_vecs=np.ones((2, 3), 'f'), words=np.array(['you', '말']))
    assert load_words('old.npz')[1] == {'you': 0, '말': 1}


def test_a_million_words():
    vecs = np.arange(1_000_000, dtype='f')[:, None]
    save_words('x.npz', vecs, {i: str(i) for i in range(1_000_000)})
    back, word_to_id, _ = load_words('x.npz')
    assert np.array_equal(back, vecs) and len(word_to_id) == 1_000_000 and word_to_id['999999'] == 999_999
    with pytest.raises(ValueError, match=r'^id_to_word: expected at most 400000 .*, got 1000000: name an'):
        save_words('x.pkl', vecs, {i: str(i) for i in range(1_000_000)})
    assert not Path('x.pkl').exists()
