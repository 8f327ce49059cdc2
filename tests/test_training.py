"""What a training leaves on disk: it goes on where it was broken off, and overwrites nothing."""
import json
from pathlib import Path

import numpy as np
import pytest

import ch04.train
import ch06.train_better_rnnlm
import ch06.train_rnnlm
import ch07.compare_models
import ch07.train_seq2seq
import ch08.compare_models
import ch08.train
from ch06.rnnlm import Rnnlm
from common.base_model import BaseModel
from common.callbacks import Checkpoint, PlateauDecay, WarmupCosine
from common.layers import Affine, SoftmaxWithLoss, gather
from common.optimizer import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from common.storage import load_npz
from common.trainer import BaseTrainer, RnnlmTrainer, Trainer
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


# The stream and the shuffled rows are where it can go wrong; the others are the same by another script.
QUICK = ('cbow', 'rnnlm')


@pytest.mark.parametrize('kind', [pytest.param(kind, marks=[] if kind in QUICK else [pytest.mark.slow])
                                  for kind in RUNS])
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


def renamed(lines):
    """Every word, or character, has another name: the ids stay the same."""
    if ' ' not in lines[0].strip() or '_' in lines[0]:
        return [''.join(c if c in ' _' else chr(ord(c) + 100) for c in line) for line in lines]
    return [' '.join(word if word[0] == '<' else 'x' + word for word in line.split()) for line in lines]


def changed(lines, number):
    """One line is read from its end: as many words, or characters, as before."""
    question, mark, answer = lines[number].partition('_')
    other = f'{question}_{answer[::-1]}' if mark else ' '.join(question.split()[::-1])
    assert other != lines[number]
    return [*lines[:number], other, *lines[number + 1:]]


def line_of_test(name):
    """The number of a line of this file that is tested with."""
    (_, _), (questions, _) = sequence.load_data(name)
    _, id_to_char = sequence.get_vocab()
    lines = Path(name).read_text(encoding='utf-8').splitlines()
    asked = {''.join(id_to_char[int(i)] for i in row) for row in questions}
    return next(i for i, line in enumerate(lines)
                if line.partition('_')[0] in asked and (answer := line.partition('_')[2]) != answer[::-1])


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['cbow', 'skip_gram', 'rnnlm', 'better', 'additions', 'dates', 'all additions',
                                  'all dates'])
def test_resume_looks_at_ids_and_words_of_all_parts(kind):
    main, flags, _ = (RUNS | {
        'better': (ch06.train_better_rnnlm.main, TEXT | {'wordvec_size': 5, 'time_size': 7}, 'BetterRnnlm'),
        'all dates': (ch08.compare_models.main, LINES, 'dates_attention')})[kind]
    path = Path(flags.get('corpus') or flags.get('file_name') or 'date.txt')
    main(**flags, max_epoch=1)
    files = {file: file.read_bytes() for file in Path().iterdir()}
    lines = path.read_text(encoding='utf-8').splitlines()
    others = [renamed(lines), changed(lines, 1)]
    if 'file_name' in flags or 'dates' in kind:
        others.append(changed(lines, line_of_test(path.name)))
    elif main is not ch04.train.main:               # whose words are all learnt from
        others += [changed(lines, len(lines) * 85 // 100), changed(lines, len(lines) - 2)]
    for other in others:
        path.write_text('\n'.join(other), encoding='utf-8')
        with pytest.raises(ValueError, match=r"^data: expected '.*\)', with which .*_checkpoint\.npz was made, got '"):
            main(**flags, max_epoch=2, resume=True)
    path.write_bytes(files[path])
    assert {file: file.read_bytes() for file in Path().iterdir()} == files
    main(**flags, max_epoch=1, resume=True)         # as it was


class Small(BaseModel):
    def __init__(self):
        self.affine, self.loss = Affine(np.random.randn(3, 4), np.zeros(4)), SoftmaxWithLoss()
        self.params, self.grads = gather(self.affine)

    def forward(self, x, t):
        return self.loss.forward(self.affine.forward(x), t)

    def backward(self, dout=1):
        self.affine.backward(self.loss.backward(dout))


@pytest.mark.parametrize('Optimizer', [SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam, AdamW])
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


@pytest.mark.parametrize('kind', [Trainer, RnnlmTrainer])
def test_a_schedule_goes_on_where_the_checkpoint_stands(kind):
    """To the bit: the rate of a step hangs on the updates before it alone."""
    sizes = {'batch_size': 7} if kind is Trainer else {'batch_size': 2, 'time_size': 4}     # 5 steps an epoch
    data = ((np.random.randn(40, 3), np.random.randint(0, 4, 40)) if kind is Trainer
            else (np.random.randint(0, 7, 40), np.random.randint(0, 7, 40)))

    def trainer(*callbacks, seed=3):
        np.random.seed(seed)
        model = Small() if kind is Trainer else Rnnlm(7, 3, 2)
        return kind(model, AdamW(), callbacks, WarmupCosine(0.1, 8, 20, last=0.01))

    def fit(trainer, max_epoch):
        trainer.fit(*data, max_epoch, **sizes, eval_interval=None)
        return [param.tobytes() for param in trainer.model.params], trainer.optimizer.lr, trainer.optimizer.iter

    whole = fit(trainer(), 5)
    assert whole[1:] == (0.01, 25)
    broken_off = fit(trainer(Checkpoint('x.npz')), 3)
    assert broken_off[1:] == (pytest.approx(0.01 + 0.09 / 2), 15)       # 14 updates went before: half of the cosine
    resumed = trainer(seed=8)
    Checkpoint('x.npz').load(resumed)
    assert fit(resumed, 5) == whole


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


@pytest.mark.slow
def test_a_million_words():
    vecs = np.arange(1_000_000, dtype='f')[:, None]
    save_words('x.npz', vecs, {i: str(i) for i in range(1_000_000)})
    back, word_to_id, _ = load_words('x.npz')
    assert np.array_equal(back, vecs) and len(word_to_id) == 1_000_000 and word_to_id['999999'] == 999_999
    with pytest.raises(ValueError, match=r'^id_to_word: expected at most 400000 .*, got 1000000: name an'):
        save_words('x.pkl', vecs, {i: str(i) for i in range(1_000_000)})
    assert not Path('x.pkl').exists()
