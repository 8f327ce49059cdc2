"""Trainers: they cut the data into batches, drive model and optimizer, tell where they stand and plot the curve."""
import math
from contextlib import nullcontext

import numpy

from common.checks import InputError, InputTypeError, check_array, check_flag, check_range, check_shape, check_sizes
from common.figures import dots, epochs, pyplot, scale_by_ratios, show
from common.functions import as_array
from common.interrupts import StepGuard
from common.layers import find_buffers
from common.np import np, to_cpu
from common.optimizer import check_norm, clip_grads
from common.parallel import world
from common.progress import Progress
from common.rows import add_grads, stored
from common.ties import address


def train_step(model, optimizer, x, t, max_grad=None, ranks=None):
    """Forward, backward, clipping to the norm `max_grad` where given, and update. Returns the loss.

    Where that is NaN or infinite nothing is changed; FloatingPointError where the gradients' norm is.
    ranks: those of common.parallel, of which each takes its share of the rows of x and t; all return the same.
    """
    if ranks is None:
        loss = forward_backward(model, x, t)
        if not math.isfinite(loss):
            return loss
        params, grads = remove_duplicate(model.params, model.grads)
    else:
        with ranks.own_chance(optimizer.iter):
            loss, weight = share_of_step(model, x, t, ranks)
        params, grads = remove_duplicate(model.params, model.grads)
        loss, grads = ranks.mean_gradients(grads, loss, weight)
        if not math.isfinite(loss):
            return loss
    if max_grad is not None:
        clip_grads(grads, max_grad)
    optimizer.update(params, grads)
    return loss


def forward_backward(model, x, t):
    """The loss; where that is finite, the gradients stand in model.grads."""
    loss = to_cpu(model.forward(x, t))[()]      # from the GPU once: all that asks for it is here
    if math.isfinite(loss):
        model.backward()
    return loss


def share_of_step(model, x, t, ranks):
    """forward_backward on this rank's rows. Returns the loss, and how many rows or labels it is a mean over."""
    if len(x) < ranks.size:
        raise InputError(f'batch_size: expected {ranks.size} or more, a row for each rank, got {len(x)}')
    rows = ranks.share(len(x))
    x, t = x[rows], t[rows]
    if t.dtype.kind == 'i' and (t == -1).all():     # no label here, and perhaps some elsewhere
        return 0.0, 0
    loss = forward_backward(model, x, t)
    return loss, ranks.counted(model) or len(x)


def check_params(params):
    """FloatingPointError where a parameter holds NaN or infinity: gradients that were not finite have changed it."""
    for i, param in enumerate(params):
        # one product is the quickest look, but large numbers overflow in it too
        if not math.isfinite(np.vdot(param, param)) and not np.isfinite(param).all():
            raise FloatingPointError(f'params[{i}] holds NaN or infinity')


def history(last_loss, grads):
    """What there is to say of the steps before one that went wrong."""
    if last_loss is None:
        return 'it was the first step: look at the data and at the first weights'
    arrays = [stored(grad) for grad in grads]
    peaks = [float(np.abs(array).max()) if array.size else 0.0 for array in arrays]
    i = int(numpy.argmax(peaks))        # that of a NaN, if there is one
    return (f'the last finite loss was {float(last_loss):.4g}, the largest gradient {peaks[i]:.3g}, in grads[{i}]: '
            'try a smaller learning rate, or max_grad')


def check_schedule(schedule, callbacks):
    """InputError unless schedule is a function, and none of callbacks sets the learning rate, which it would undo."""
    if not callable(schedule):
        raise InputTypeError(f'schedule: expected a function of the updates so far that gives a learning rate, got '
                             f'{schedule!r}')
    if others := [type(callback).__name__ for callback in callbacks if getattr(callback, 'sets_rate', False)]:
        raise InputError(f'schedule: expected None beside a callback that sets the learning rate, got both it and '
                         f'{", ".join(others)}')


class BaseTrainer:
    """What both trainers share.

    `callbacks`, a list, are called with the trainer after each epoch (see common.callbacks); where one returns True,
    fit ends. `.valid_list` holds what fit's `validate()` gave after each epoch, a number that is the better the
    smaller it is; `.current_epoch` goes on counting over fits. Who calls fit once an epoch may set `.last_epoch`, so
    that the lines tell the time that is left for all.

    `schedule`, a function: before each step the optimizer's lr becomes schedule(optimizer.iter), which counts the
    updates so far. What a callback does to the rate would not last: one of ours that sets it is refused beside it.

    What a trainer is at the end of an epoch goes into a file by get_state; after set_state, the next fit goes on with
    the one that was broken off: its max_epoch counts the epochs before too.

    `ranks`: under mpiexec those of common.parallel, which train together, else None. What decides when fit ends is
    rank 0's.
    """

    label = ''      # of what is printed and plotted
    curve = ''      # the name of the list that record appends to

    def __init__(self, model, optimizer, callbacks=(), schedule=None):
        if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
            raise InputTypeError(f'callbacks: expected a list of functions of the trainer, got {callbacks!r}')
        if schedule is not None:
            check_schedule(schedule, callbacks)
        self.model = model
        self.optimizer = optimizer
        self.callbacks = callbacks
        self.schedule = schedule
        self.valid_list = []
        self.train_list = []
        self.eval_interval = None
        self.max_iters = None
        self.current_epoch = 0
        self.last_epoch = None
        self.progress = Progress(self.draw)
        self.losses = []        # since the last point of the curve
        self.last_loss = None
        self.ranks = world()
        self.goes_on = False    # whether the next fit goes on with one that was broken off

    def best_valid(self):
        """The smallest of valid_list, infinity where it is empty. A NaN is never the best."""
        return min((value for value in self.valid_list if value == value), default=math.inf)

    def record(self, mean_loss):
        """Keep the point of the curve that belongs to this loss, and return it."""
        raise NotImplementedError(f'{type(self).__name__}.record')

    def rewind(self):
        """Begin with the data anew, as each fit does. As a callback: each epoch does."""
        self.losses = []

    def get_state(self):
        """Where the training stands, as arrays by their names."""
        return {'current_epoch': numpy.array(self.current_epoch), 'losses': numpy.array(self.losses),
                **{name: numpy.array(getattr(self, name), 'd') for name in (self.curve, 'valid_list', 'train_list')}}

    def set_state(self, state):
        """Go on from what get_state gave. A name that is missing there is left as it is."""
        self.current_epoch = int(state['current_epoch'])
        setattr(self, self.curve, state[self.curve].tolist())
        self.valid_list = state['valid_list'].tolist()
        self.train_list = state['train_list'].tolist() if 'train_list' in state else []
        self.losses = list(state.get('losses', ()))     # of their own type, in which they are added up
        self.goes_on = True

    def plot(self, ylim=None, name=None):
        """Draw the curve: in a window, or into name.png (label.png where it is None) where there is no screen.

        ylim: the two ends of a linear axis upwards, as the book's (0, 500). Returns the axes.
        """
        ax = pyplot().gca()
        self.draw(ax)
        if ylim is not None:
            ax.set(yscale='linear', ylim=ylim)
        show(name or self.label)
        return ax

    def draw(self, ax):
        """Draw the curve, and the validations where there is one an epoch, on these axes."""
        values = getattr(self, self.curve)
        interval = self.eval_interval or math.inf
        # an epoch that is shorter than the interval has a point of the curve all the same
        is_short = self.max_iters is not None and self.max_iters < interval
        ax.plot(range(is_short, is_short + len(values)), values, dots(values), label='train')
        if self.max_iters and self.valid_list and len(self.valid_list) == self.current_epoch:
            points = 1 if is_short else math.ceil(self.max_iters / interval)        # of an epoch
            ax.plot(range(points, points * self.current_epoch + 1, points), self.valid_list, 'o-', label='valid')
        ax.set(title=f'training {type(self.model).__name__}', ylabel=self.label)
        times = f' (×{self.eval_interval})' * (self.eval_interval not in (None, 1))
        epochs(ax, 'epoch' if is_short else f'iterations{times}')
        ax.legend()

    def train(self, batches, max_iters, max_epoch, max_grad, eval_interval, validate, verbose):
        """The loop of fit. batches() gives the max_iters pairs x, t of an epoch.

        FloatingPointError where a loss is NaN or infinite: the model stays as the step before left it. So too where,
        without max_grad, gradients were, which a finite loss may hide: that is seen in the parameters, each
        eval_interval and at the end of an epoch, before it is validated and saved.
        """
        check_sizes(0, max_epoch=max_epoch)
        if eval_interval is not None:
            check_sizes(eval_interval=eval_interval)
        if max_grad is not None:
            check_norm('max_grad', max_grad)
        check_flag('verbose', verbose)
        if validate is not None and not callable(validate):
            raise InputTypeError('validate: expected a function without arguments that gives a number, got '
                                 f'{validate!r}')
        if validate is None and any(getattr(callback, 'needs_validation', False) for callback in self.callbacks):
            raise InputError('validate: expected a function that gives the loss or the perplexity on other data, for '
                             'there is a callback that looks at it, got None')
        self.eval_interval = eval_interval
        self.max_iters = max_iters
        first_epoch = 0
        if self.goes_on:
            had_ended = any(callback(self) for callback in self.callbacks if getattr(callback, 'only_looks', False))
            first_epoch = max_epoch if had_ended else self.current_epoch
        else:
            self.rewind()
        self.goes_on = False
        self.last_loss = None
        last_epoch = self.last_epoch or self.current_epoch + max_epoch - first_epoch
        telling = self.progress.of(last_epoch, max_iters, eval_interval, verbose)
        # of several ranks none may leave the others waiting: a Ctrl-C that comes between two epochs waits too
        with telling, StepGuard(self.ranks.any) if self.ranks else nullcontext():
            for _ in range(first_epoch, max_epoch):
                self.train_epoch(batches, max_iters, max_grad)
                if validate is not None:
                    self.valid_list.append(self.of_first(float(validate())))
                    self.progress.say(f'| epoch {self.current_epoch} | valid {self.valid_list[-1]:.2f}', True)
                answers = [callback(self) for callback in self.callbacks]
                # a bool: neither a path nor a number
                if self.of_first(any(isinstance(answer, bool | numpy.bool_) and answer for answer in answers)):
                    break

    def of_first(self, value):
        """Rank 0's value, this one where there are no ranks."""
        return value if self.ranks is None else self.ranks.from_first(value)

    def level(self):
        """Give the ranks, before an epoch, the same parameters and the same np.random: rank 0's."""
        if self.ranks is not None:
            self.ranks.copy_from_first(self.model.params)
            self.ranks.level_chance()

    def train_epoch(self, batches, max_iters, max_grad):
        self.level()
        with StepGuard(self.ranks and self.ranks.any) as guard:
            for iters, (x, t) in enumerate(batches()):
                try:
                    if self.schedule is not None:
                        rate = self.schedule(self.optimizer.iter)
                        check_range('schedule', rate, 0, math.inf)
                        self.optimizer.lr = float(rate)
                    loss = train_step(self.model, self.optimizer, x, t, max_grad, self.ranks)
                    if not math.isfinite(loss):
                        raise FloatingPointError(f'the loss is {float(loss)}')
                    is_due = self.progress.due(iters)
                    if (is_due and iters) or iters == max_iters - 1:
                        check_params(self.model.params)
                except FloatingPointError as error:
                    raise FloatingPointError(
                        f'{error} in epoch {self.current_epoch + 1}, iteration {iters + 1} of {max_iters}; '
                        f'{history(self.last_loss, self.model.grads)}') from error
                self.losses.append(loss)
                self.last_loss = loss
                if is_due:
                    value = self.record(float(sum(self.losses)) / len(self.losses))
                    self.progress.line(self.current_epoch + 1, iters, f'{self.label} {value:.2f}')
                    self.losses = []
                guard.check()
            if self.ranks is not None:      # running means, each rank's over its own shares
                self.ranks.average(find_buffers(self.model))
            self.current_epoch += 1


class Trainer(BaseTrainer):
    """Trains `model` with `optimizer` on batches drawn at random. Book, 1.4.4.

    `.loss_list` holds the mean loss of each `eval_interval` iterations.
    """

    label = 'loss'
    curve = 'loss_list'

    def __init__(self, model, optimizer, callbacks=(), schedule=None):
        super().__init__(model, optimizer, callbacks, schedule)
        self.loss_list = []
        self.order = None       # the rows, as the epochs so far shuffled them; None: as they came

    def record(self, mean_loss):
        self.loss_list.append(mean_loss)
        return mean_loss

    def fit(self, x, t, max_epoch=10, batch_size=32, max_grad=None, eval_interval=20, validate=None,
            verbose=True):
        """x (N, …), t (N, …). Shuffles once an epoch; a last batch that is not full is dropped.

        It prints a line every eval_interval iterations; in a notebook one line changes in its place, with the curve
        below it; with verbose=False nothing.

        Ctrl-C ends it after the running step with KeyboardInterrupt: what was learnt until then is in the model.
        """
        x, t = as_rows('x', x), as_rows('t', t)
        if len(x) != len(t):
            raise InputError(f't: expected {len(x)} rows, as many as x, got {len(t)}')
        check_sizes(batch_size=batch_size)
        if batch_size > len(x):
            raise InputError(f'batch_size: expected at most {len(x)}, the rows of x, got {batch_size}')
        max_iters = len(x) // batch_size

        def batches():
            places = numpy.arange(len(x))       # (N,): shuffled in place of the data, which is never copied whole
            shuffled = numpy.random.permutation(places)
            self.order = shuffled if self.order is None else self.order[shuffled]
            for iters in range(max_iters):
                batch = self.order[iters * batch_size:(iters + 1) * batch_size]
                yield x[batch], t[batch]

        self.train(batches, max_iters, max_epoch, max_grad, eval_interval, validate, verbose)

    def rewind(self):
        super().rewind()
        self.order = None

    def get_state(self):
        return super().get_state() | ({} if self.order is None else {'order': self.order})

    def set_state(self, state):
        super().set_state(state)
        self.order = state.get('order')


class RnnlmTrainer(BaseTrainer):
    """Trains a language model on a stream of ids, read in order (truncated BPTT). Book, 5.5.4.

    `.ppl_list` holds the perplexity over each `eval_interval` iterations.
    """

    label = 'perplexity'
    curve = 'ppl_list'

    def __init__(self, model, optimizer, callbacks=(), schedule=None):
        super().__init__(model, optimizer, callbacks, schedule)
        self.ppl_list = []
        self.time_idx = 0

    def record(self, mean_loss):
        self.ppl_list.append(math.exp(mean_loss) if mean_loss < 700 else math.inf)
        return self.ppl_list[-1]

    def draw(self, ax):
        super().draw(ax)
        scale_by_ratios(ax)

    def get_batch(self, x, t, batch_size, time_size):
        """The next time_size ids at each of batch_size places of the stream, wrapping round -> (N, T), (N, T)."""
        x, t = to_cpu(x), to_cpu(t)
        offsets = numpy.arange(batch_size) * (len(x) // batch_size)     # (N,)
        steps = numpy.arange(self.time_idx, self.time_idx + time_size)  # (T,)
        self.time_idx += time_size
        at = (offsets[:, None] + steps) % len(x)                        # (N, T)
        return x[at], t[at]

    def fit(self, xs, ts, max_epoch=10, batch_size=20, time_size=35, max_grad=None, eval_interval=20, validate=None,
            verbose=True):
        """xs, ts: ids (length,), ts one ahead of xs. verbose and Ctrl-C are as in Trainer.fit."""
        xs, ts = to_cpu(as_array('xs', xs)), to_cpu(as_array('ts', ts))
        check_shape('xs', xs, 'N')
        check_shape('ts', ts, 'N')
        if len(xs) != len(ts):
            raise InputError(f'ts: expected {len(xs)} ids, as many as xs, got {len(ts)}')
        check_sizes(batch_size=batch_size, time_size=time_size)
        max_iters = len(xs) // (batch_size * time_size)
        if not max_iters:
            raise InputError(f'xs: expected at least batch_size · time_size = {batch_size * time_size} ids, got '
                             f'{len(xs)}')

        def batches():
            return (self.get_batch(xs, ts, batch_size, time_size) for _ in range(max_iters))

        self.train(batches, max_iters, max_epoch, max_grad, eval_interval, validate, verbose)

    def rewind(self):
        super().rewind()
        self.time_idx = 0

    def get_state(self):
        return super().get_state() | {'time_idx': numpy.array(self.time_idx)}

    def set_state(self, state):
        super().set_state(state)
        self.time_idx = int(state.get('time_idx', 0))


def as_rows(name, rows):
    """rows as an array with one axis at least; one that is an array is left as it is, wherever it lies."""
    if isinstance(rows, list | tuple):
        rows = as_array(name, rows)
    check_array(name, rows)
    if not rows.shape:
        raise InputError(f'{name}: expected rows (N, …), got a single number')
    return rows


def remove_duplicate(params, grads):
    """Both lists, with a parameter that stands twice kept once and its gradients added.

    Twice means the same memory, as it is or transposed (weight tying). The gradient that is kept is added to in place.
    """
    if len(params) != len(grads):
        raise InputError(f'grads: expected {len(params)} arrays, one for each of params, got {len(grads)}')
    if all(param.base is None for param in params) and len(set(map(id, params))) == len(params):
        return list(params), list(grads)        # each has memory of its own: no more to look at, 3 % of a small step
    places: dict = {}       # where a parameter lies -> its place in the new lists
    new_params: list = []
    new_grads: list = []
    for param, grad in zip(params, grads, strict=True):
        layout = tuple(sorted(zip(param.shape, param.strides, strict=True)))     # the same for W and W.T
        place = places.setdefault((address(param), layout), len(new_params))
        if place == len(new_params):
            new_params.append(param)
            new_grads.append(grad)
        else:
            first_param = new_params[place]
            transposed = (param.shape, param.strides) != (first_param.shape, first_param.strides)
            new_grads[place] = add_grads(new_grads[place], grad, transposed)
    return new_params, new_grads
