"""What trainers call: after each epoch schedules of the rate, early stopping, checkpoints; before each step a schedule.

A callback is any function of the trainer; where it returns True, fit ends with the weights of that epoch. Schedules
and early stopping keep nothing to themselves: they look at the trainer's epoch and `valid_list`, so that a training
that is resumed goes on as one never stopped. A schedule by step, a trainer's `schedule`, is any function of the
updates so far that gives the learning rate: the optimizer counts them, and a checkpoint keeps the count.
"""
import math

from common.checkpoint import Checkpoint
from common.checks import InputError, check_range, check_sizes
from common.evaluation import accuracy

__all__ = ['Accuracies', 'Checkpoint', 'CosineDecay', 'EarlyStopping', 'PlateauDecay', 'StepDecay',
           'WarmupCosine', 'WarmupRoot', 'epochs_without_gain']


class StepDecay:
    """lr ← lr·factor after every `every` epochs."""

    sets_rate = True

    def __init__(self, factor=0.5, every=1):
        check_range('factor', factor, 0, math.inf)
        check_sizes(every=every)
        self.factor = factor
        self.every = every

    def __call__(self, trainer):
        if trainer.current_epoch % self.every == 0:
            trainer.optimizer.lr *= self.factor


class CosineDecay:
    """lr = last + (first − last)·(1 + cos(π·epoch / max_epoch)) / 2. Loshchilov and Hutter, 2017.

    first: the rate that the optimizer is made with.
    """

    sets_rate = True

    def __init__(self, first, max_epoch, last=0.0):
        check_range('first', first, 0, math.inf)
        check_range('last', last, 0, math.inf)
        check_sizes(max_epoch=max_epoch)
        self.first = first
        self.max_epoch = max_epoch
        self.last = last

    def __call__(self, trainer):
        done = min(trainer.current_epoch / self.max_epoch, 1)
        trainer.optimizer.lr = self.last + (self.first - self.last) * (1 + math.cos(math.pi * done)) / 2


class PlateauDecay:
    """lr ← lr·factor after an epoch whose validation is not better than all before. Book, 6.5.4."""

    needs_validation = True
    sets_rate = True

    def __init__(self, factor=0.25):
        check_range('factor', factor, 0, math.inf)
        self.factor = factor

    def __call__(self, trainer):
        if epochs_without_gain(trainer.valid_list):
            trainer.optimizer.lr *= self.factor


class WarmupCosine:
    """lr of each step: in a line up to peak, which the step warmup_steps has, then half a cosine down to last.

    Steps count from 0; from total_steps on lr = last. Loshchilov and Hutter, 2017; Goyal et al., 2017.
    """

    def __init__(self, peak, warmup_steps, total_steps, last=0.0):
        check_range('peak', peak, 0, math.inf)
        check_range('last', last, 0, math.inf)
        check_sizes(0, warmup_steps=warmup_steps)
        check_sizes(warmup_steps + 1, total_steps=total_steps)
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.last = last

    def __call__(self, step):
        if step < self.warmup_steps:
            return self.peak * (step + 1) / (self.warmup_steps + 1)
        done = min((step - self.warmup_steps) / (self.total_steps - self.warmup_steps), 1)
        return self.last + (self.peak - self.last) * (1 + math.cos(math.pi * done)) / 2


class WarmupRoot:
    """lr of each step = peak·min(n/w, √(w/n)), with n = step + 1 and w = warmup_steps.

    With peak = 1/√(D·w) it is that of the Transformer. Vaswani et al., 2017, 5.3.
    """

    def __init__(self, peak, warmup_steps):
        check_range('peak', peak, 0, math.inf)
        check_sizes(warmup_steps=warmup_steps)
        self.peak = peak
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        share = (step + 1) / self.warmup_steps
        return self.peak * min(share, share**-0.5)


class Accuracies:
    """Tells the share of right answers on training and on other data; `train_list` and `valid_list` keep them.

    train, test: pairs x (N, …), t of what a classifier learns from and is tested on; of each the first `sample` rows.
    """

    def __init__(self, train, test, sample=10_000):
        check_sizes(sample=sample)
        self.train, self.test = ((x[:sample], t[:sample]) for x, t in (train, test))

    def __call__(self, trainer):
        trainer.train_list.append(accuracy(trainer.model, *self.train))
        trainer.valid_list.append(accuracy(trainer.model, *self.test))
        trainer.progress.say(f'| epoch {trainer.current_epoch} | train {trainer.train_list[-1]:.2%} | '
                             f'test {trainer.valid_list[-1]:.2%}', of_epoch=True)


class EarlyStopping:
    """Ends the training when the validation has not become better for `patience` epochs.

    The model is then that of the last epoch. To keep the best, save it in a callback where
    `trainer.valid_list[-1] == trainer.best_valid()`.
    """

    needs_validation = True
    only_looks = True       # it changes nothing: a training that is resumed asks it before its first epoch too

    def __init__(self, patience=3):
        check_sizes(patience=patience)
        self.patience = patience

    def __call__(self, trainer):
        return epochs_without_gain(trainer.valid_list) >= self.patience


def epochs_without_gain(valid_list):
    """How many epochs have passed since the best one, which is the first of equals; a NaN is no gain."""
    if not valid_list:
        raise InputError('valid_list: expected what a validation gave after each epoch, got nothing')
    ranked = [value if value == value else math.inf for value in valid_list]
    best = min(ranked)
    return len(ranked) - 1 - ranked.index(best) if best < math.inf else len(ranked)
