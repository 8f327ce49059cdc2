"""common.callbacks, and what fit does with them and with validate."""
import math

import numpy as np
import pytest

from common.callbacks import CosineDecay, EarlyStopping, PlateauDecay, StepDecay, WarmupCosine, WarmupRoot
from common.checks import InputError
from common.optimizer import SGD
from common.trainer import RnnlmTrainer, Trainer


class Still:
    """A model with nothing to learn."""

    def __init__(self):
        self.params, self.grads = [np.zeros(1)], [np.zeros(1)]

    def forward(self, x, t):
        return 1.0

    def backward(self, dout=1):
        pass


def fit(callbacks, valid, max_epoch=None, lr=1.0, kind=Trainer):
    """Train for as long as `valid` has values; returns the trainer and the rate of each epoch."""
    trainer, x, rates, values = kind(Still(), SGD(lr), callbacks), np.zeros(4, int), [], iter(valid)

    def validate():
        rates.append(trainer.optimizer.lr)
        return next(values)

    sizes = {'batch_size': 2} if kind is Trainer else {'batch_size': 2, 'time_size': 2}
    trainer.fit(x, x, max_epoch or len(valid), eval_interval=None, validate=validate, **sizes)
    return trainer, rates


@pytest.mark.parametrize('kind', [Trainer, RnnlmTrainer])
def test_validation_after_each_epoch(kind, capsys):
    trainer, _ = fit((), [3, np.float32(2.5), 4], kind=kind)
    assert trainer.valid_list == [3, 2.5, 4] and trainer.best_valid() == 2.5
    assert {type(value) for value in trainer.valid_list} == {float}
    assert capsys.readouterr().out == '| epoch 1 | valid 3.00\n| epoch 2 | valid 2.50\n| epoch 3 | valid 4.00\n'
    assert Trainer(Still(), SGD()).best_valid() == math.inf


def test_step_decay():
    assert fit([StepDecay(0.5, every=2)], [9] * 5)[1] == [1, 1, 0.5, 0.5, 0.25]


def test_cosine_decay():
    rates = fit([CosineDecay(3.0, 4, last=1.0)], [9] * 6, lr=3.0)[1]
    assert rates == pytest.approx([3, 2 + math.sqrt(0.5), 2, 2 - math.sqrt(0.5), 1, 1])


def test_plateau_decay():
    """After an epoch that is not better than all before, were it as good as the best."""
    valid = [9, 8, 8.5, 7, 7, 6]
    assert fit([PlateauDecay()], valid)[1] == [1, 1, 1, 1 / 4, 1 / 4, 1 / 16]
    assert fit([PlateauDecay(0.5)], [math.nan, 8, math.nan, 7])[1] == [1, 0.5, 0.5, 0.25]


class Watched(SGD):
    """SGD that remembers the rate of each update."""

    def update(self, params, grads):
        super().update(params, grads)
        vars(self).setdefault('rates', []).append(self.lr)


@pytest.mark.parametrize('kind', [Trainer, RnnlmTrainer])
def test_a_schedule_is_asked_before_each_step(kind, capsys):
    """Two epochs of two steps, and then a fit more: the count goes on."""
    trainer = kind(Still(), Watched(9.0), schedule=lambda step: np.float64(1 / (1 + step)))
    sizes = {'batch_size': 2} if kind is Trainer else {'batch_size': 1, 'time_size': 2}
    for max_epoch in 2, 1:
        trainer.fit(np.zeros(4, int), np.zeros(4, int), max_epoch, eval_interval=None, **sizes)
    assert trainer.optimizer.rates == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]
    assert {type(rate) for rate in trainer.optimizer.rates} == {float}      # NumPy's would make float32 wider


@pytest.mark.parametrize('kind', [Trainer, RnnlmTrainer])
@pytest.mark.parametrize('callback', [StepDecay(), CosineDecay(1.0, 3), PlateauDecay()])
def test_a_schedule_is_refused_beside_a_callback_that_sets_the_rate(kind, callback):
    name = type(callback).__name__
    with pytest.raises(InputError, match=f'^schedule: expected None beside a .* rate, got both it and {name}$'):
        kind(Still(), SGD(), [print, callback], WarmupRoot(1.0, 3))
    kind(Still(), SGD(), [EarlyStopping()], WarmupRoot(1.0, 3))


@pytest.mark.parametrize('rate', [-1.0, math.nan, math.inf, None, 'fast'])
def test_a_rate_that_is_none(rate):
    trainer = Trainer(Still(), SGD(0.5), schedule=lambda step: rate)
    with pytest.raises(InputError, match=r'^schedule: expected a .*number.*, got '):
        trainer.fit(np.zeros(4), np.zeros(4), 1, 2, eval_interval=None)
    assert trainer.optimizer.lr == 0.5


def test_warmup_cosine():
    rates = [WarmupCosine(3.0, 2, 6, last=1.0)(step) for step in range(8)]
    assert rates == pytest.approx([1, 2, 3, 2 + math.sqrt(0.5), 2, 2 - math.sqrt(0.5), 1, 1])
    assert [WarmupCosine(2.0, 0, 2)(step) for step in range(4)] == pytest.approx([2, 1, 0, 0])


def test_warmup_root():
    """1/√D · min(1/√n, n/w^1.5), as Vaswani et al. have it, with D = 4 and w = 4."""
    schedule = WarmupRoot(1 / math.sqrt(4 * 4), 4)
    assert [schedule(n - 1) for n in (1, 2, 4, 9, 100)] == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 6, 1 / 20])


def test_early_stopping():
    trainer, _ = fit([EarlyStopping(2)], [9, 8, 8.5, 7, 7.5, 7, 1])
    assert trainer.valid_list == [9, 8, 8.5, 7, 7.5, 7] and trainer.current_epoch == 6
    trainer, _ = fit([EarlyStopping(3)], [math.nan] * 5)
    assert trainer.current_epoch == 3


def test_all_callbacks_are_called_before_the_end():
    trainer, _ = fit([EarlyStopping(1), StepDecay(0.1)], [1, 2, 3])
    assert trainer.current_epoch == 2 and trainer.optimizer.lr == pytest.approx(0.01)


def test_a_callback_of_ones_own():
    seen = []
    fit([lambda trainer: seen.append(trainer.current_epoch)], [1, 1, 1])
    assert seen == [1, 2, 3]
    for answer, epochs in ((np.bool_(True), 1), (True, 1), (np.bool_(False), 2), ('model.npz', 2), (7, 2)):
        assert fit([lambda trainer, answer=answer: answer], [1, 1])[0].current_epoch == epochs


@pytest.mark.parametrize('callback', [PlateauDecay(), EarlyStopping()])
def test_validation_is_asked_for(callback):
    trainer = Trainer(Still(), SGD(), [print, callback])
    with pytest.raises(ValueError, match=r'validate: expected a function that gives the loss .*, got None'):
        trainer.fit(np.zeros(4), np.zeros(4), 1, 2, eval_interval=None)
    assert trainer.current_epoch == 0
    with pytest.raises(ValueError, match='valid_list: expected what a validation gave after each epoch, got nothing'):
        callback(trainer)


def test_nothing_is_kept_between_epochs():
    """A resumed training, of which only the trainer's lists and the rate are put back, goes on as one never stopped."""
    valid = [9, 8, 8.5, 7, 7.5, 7.2, 7.1]
    whole, _ = fit([PlateauDecay(), EarlyStopping(3)], valid)
    first, _ = fit([PlateauDecay(), EarlyStopping(3)], valid[:5])
    second = Trainer(Still(), SGD(first.optimizer.lr), [PlateauDecay(), EarlyStopping(3)])
    second.valid_list, second.current_epoch = first.valid_list, first.current_epoch
    values = iter(valid[5:])
    second.fit(np.zeros(4), np.zeros(4), 9, 2, eval_interval=None, validate=lambda: next(values))
    assert (second.valid_list, second.current_epoch, second.optimizer.lr) == (
        whole.valid_list, whole.current_epoch, whole.optimizer.lr)
