"""common.trainer: the lines printed, the order of the batches, what an interrupt leaves, and shared parameters."""
import math
import os
import re
import signal
import threading

import matplotlib.pyplot as plt
import numpy as np
import pytest

from common import trainer as room
from common.interrupts import STOPS
from common.optimizer import SGD
from common.rows import RowSparse
from common.trainer import RnnlmTrainer, Trainer, remove_duplicate


class Recorder:
    """A model that keeps the batches that it is given; its loss and gradient are the step's number."""

    def __init__(self):
        self.params, self.grads = [np.zeros(2)], [np.zeros(2)]
        self.batches = []

    def forward(self, x, t):
        self.batches.append((x.tolist(), t.tolist()))
        return float(len(self.batches))

    def backward(self, dout=1):
        self.grads[0][...] = len(self.batches)


def updates(model):
    """How many SGD(lr=1) updates the parameters have had: each took off one more than the one before."""
    total = -model.params[0][0]
    return (math.isqrt(8 * int(total) + 1) - 1) // 2


# Trainer

def test_lines_and_curve(capsys, clock):
    trainer = Trainer(Recorder(), SGD())
    x = np.zeros((9, 2))
    trainer.fit(x, x, max_epoch=2, batch_size=2, eval_interval=2)
    # losses 1 to 8: lines at iterations 1 and 3 of four, each with the mean since the line before, over epochs too
    assert trainer.loss_list == [1, 2.5, 4.5, 6.5]
    assert capsys.readouterr().out == ('| epoch 1 |  iter 1 / 4 | time 0[s] | loss 1.00\n'
                                       '| epoch 1 |  iter 3 / 4 | time 0[s] | loss 2.50\n'
                                       '| epoch 2 |  iter 1 / 4 | time 0[s] | loss 4.50\n'
                                       '| epoch 2 |  iter 3 / 4 | time 0[s] | loss 6.50\n')
    assert trainer.current_epoch == 2 and trainer.eval_interval == 2
    trainer.fit(x, x, max_epoch=1, batch_size=2, eval_interval=3)
    assert capsys.readouterr().out == ('| epoch 3 |  iter 1 / 4 | time 0[s] | loss 9.00\n'
                                       '| epoch 3 |  iter 4 / 4 | time 0[s] | loss 11.00\n')
    assert trainer.loss_list == [1, 2.5, 4.5, 6.5, 9, 11] and trainer.current_epoch == 3
    assert {type(loss) for loss in trainer.loss_list} == {float}


def test_time_left(capsys, clock):
    clock.step = 10.0           # one look at the start, one at each line
    Trainer(Recorder(), SGD()).fit(np.zeros((8, 2)), np.zeros(8), max_epoch=2, batch_size=2, eval_interval=2)
    assert capsys.readouterr().out == ('| epoch 1 |  iter 1 / 4 | time 10[s] | loss 1.00 | left 70[s]\n'
                                       '| epoch 1 |  iter 3 / 4 | time 20[s] | loss 2.50 | left 33[s]\n'
                                       '| epoch 2 |  iter 1 / 4 | time 30[s] | loss 4.50 | left 18[s]\n'
                                       '| epoch 2 |  iter 3 / 4 | time 40[s] | loss 6.50 | left 6[s]\n')


@pytest.mark.parametrize('make', [Trainer, RnnlmTrainer])
def test_time_left_over_several_fits(make, capsys, clock):
    clock.step = 10.0
    trainer, x = make(Recorder(), SGD()), np.arange(8)
    trainer.last_epoch = 3
    for _ in range(3):
        trainer.fit(x, x, 1, 2, **({} if make is Trainer else {'time_size': 1}), eval_interval=4)
    # 12 iterations; a line after the 1st, 5th and 9th, each 10 s after the one before
    found = re.findall(r'epoch (\d) .* time (\d+).* left (\d+)', capsys.readouterr().out)
    assert found == [('1', '10', '110'), ('2', '20', '28'), ('3', '30', '10')]
    trainer.last_epoch = None
    trainer.fit(x, x, 2, 2, **({} if make is Trainer else {'time_size': 1}), eval_interval=4)      # begins anew
    assert re.findall(r'epoch (\d) .* time (\d+).* left (\d+)', capsys.readouterr().out)[0] == ('4', '10', '70')


def test_nothing_printed_without_an_interval(capsys):
    trainer, x = Trainer(Recorder(), SGD()), np.zeros((8, 2))
    trainer.fit(x, x, max_epoch=2, batch_size=4, eval_interval=None)
    assert capsys.readouterr().out == '' and trainer.loss_list == [] and trainer.current_epoch == 2
    trainer = RnnlmTrainer(Recorder(), SGD())
    trainer.fit(np.arange(8), np.arange(8), max_epoch=1, batch_size=2, time_size=2, eval_interval=None)
    assert capsys.readouterr().out == '' and trainer.ppl_list == [] and trainer.current_epoch == 1


def test_order_of_the_batches():
    """Each epoch shuffles what the epoch before had shuffled, and drops what does not fill a batch."""
    x, t, model = np.arange(10) + 100, np.arange(10) + 200, Recorder()
    np.random.seed(7)
    trainer = Trainer(model, SGD())
    trainer.fit(x, t, max_epoch=3, batch_size=4, eval_interval=None)
    trainer.fit(x, t, max_epoch=1, batch_size=10, eval_interval=None)         # begins with the order given
    random, expected = np.random.RandomState(7), []
    order = list(range(10))
    for _ in range(3):
        order = [order[i] for i in random.permutation(np.arange(10))]
        expected += [order[:4], order[4:8]]
    expected.append(random.permutation(np.arange(10)).tolist())
    assert model.batches == [([100 + i for i in batch], [200 + i for i in batch]) for batch in expected]
    assert x.tolist() == list(range(100, 110)) and t.tolist() == list(range(200, 210))


def test_lists_are_taken_as_arrays_are():
    seen = []
    for x, t in (([[1, 2], [3, 4], [5, 6]], [0, 1, 0]), (np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 1, 0]))):
        model = Recorder()
        np.random.seed(3)
        Trainer(model, SGD()).fit(x, t, max_epoch=2, batch_size=2, eval_interval=None)
        seen.append(model.batches)
    assert seen[0] == seen[1] and len(seen[0]) == 2 and seen[0][0][0][0] in ([1, 2], [3, 4], [5, 6])


def test_gradients_are_clipped_and_shared_ones_added():
    model = Recorder()
    model.params, model.grads = [model.params[0]] * 2, [np.zeros(2), np.zeros(2)]
    model.backward = lambda: [g.__setitem__(..., v) for g, v in zip(model.grads, ([1, 2], [2, 2]), strict=True)]
    x = np.zeros((2, 1))
    Trainer(model, SGD(lr=1)).fit(x, x, max_epoch=1, batch_size=2, eval_interval=None)
    assert model.params[0].tolist() == [-3, -4]         # once, by the sum
    Trainer(model, SGD(lr=1)).fit(x, x, max_epoch=1, batch_size=2, max_grad=0.5, eval_interval=None)
    np.testing.assert_allclose(model.params[0], [-3.3, -4.4], rtol=1e-5)      # |(3, 4)| = 5, a tenth is left
    x = np.arange(4)
    RnnlmTrainer(model, SGD(lr=1)).fit(x, x, 1, batch_size=2, time_size=2, max_grad=1, eval_interval=None)
    np.testing.assert_allclose(model.params[0], [-3.9, -5.2], rtol=1e-5)


@pytest.mark.parametrize('n, options, what', [
    (5, {'t': np.zeros(4)}, 't: expected 5 rows, as many as x, got 4'),
    (5, {'batch_size': 6}, 'batch_size: expected at most 5, the rows of x, got 6'),
    (5, {'batch_size': 0}, 'batch_size: expected 1 or more, got 0'),
    (5, {'batch_size': -2}, 'batch_size: expected 1 or more, got -2'),
    (0, {}, 'batch_size: expected at most 0, the rows of x, got 2'),
    (5, {'eval_interval': 0}, 'eval_interval: expected 1 or more, got 0'),
    (5, {'max_grad': 0}, 'max_grad: expected a number above 0, got 0'),
    (5, {'max_grad': '5'}, "max_grad: expected a number above 0, got '5'")])
def test_bad_sizes(n, options, what):
    trainer, options = Trainer(Recorder(), SGD()), {'t': np.zeros(n), 'batch_size': 2, 'max_epoch': 1, **options}
    with pytest.raises(ValueError, match=what):
        trainer.fit(np.zeros((n, 3)), **options)
    assert not trainer.model.batches


# RnnlmTrainer

def test_get_batch_reads_on_and_wraps_round():
    trainer, x = RnnlmTrainer(Recorder(), SGD()), np.arange(12) * 10
    expected = [[[0, 10, 20, 30, 40], [40, 50, 60, 70, 80], [80, 90, 100, 110, 0]],       # places 0, 4, 8 to begin with
                [[50, 60, 70, 80, 90], [90, 100, 110, 0, 10], [10, 20, 30, 40, 50]],
                [[100, 110, 0, 10, 20], [20, 30, 40, 50, 60], [60, 70, 80, 90, 100]]]
    for batch in expected:
        xs, ts = trainer.get_batch(x, x + 1, batch_size=3, time_size=5)
        assert xs.tolist() == batch
        assert ts.tolist() == [[v + 1 for v in row] for row in batch]
    trainer.time_idx = 0
    assert trainer.get_batch(x[:11], x[:11], 2, 3)[0].tolist() == [[0, 10, 20], [50, 60, 70]]     # 5 = 11 // 2


def test_rnnlm_lines_and_curve(capsys, clock):
    model = Recorder()
    trainer = RnnlmTrainer(model, SGD())
    xs = np.arange(13)
    trainer.fit(xs, xs + 1, max_epoch=2, batch_size=2, time_size=2, eval_interval=2)
    e = [math.exp(v) for v in (1, 2.5, 4, 5.5)]         # losses 1 | 2 3 | 4 | 5 6
    assert trainer.ppl_list == pytest.approx(e, rel=1e-12) and trainer.eval_interval == 2
    assert capsys.readouterr().out == (f'| epoch 1 |  iter 1 / 3 | time 0[s] | perplexity {e[0]:.2f}\n'
                                       f'| epoch 1 |  iter 3 / 3 | time 0[s] | perplexity {e[1]:.2f}\n'
                                       f'| epoch 2 |  iter 1 / 3 | time 0[s] | perplexity {e[2]:.2f}\n'
                                       f'| epoch 2 |  iter 3 / 3 | time 0[s] | perplexity {e[3]:.2f}\n')
    # the stream is read on over the epochs of a fit …
    assert [x for x, _ in model.batches] == [[[i, i + 1], [(i + 6) % 13, (i + 7) % 13]] for i in (0, 2, 4, 6, 8, 10)]
    assert all(np.array_equal(np.array(t), np.array(x) + 1) for x, t in model.batches)
    # … and from its beginning in the next fit
    trainer.fit(xs.tolist(), (xs + 1).tolist(), max_epoch=1, batch_size=2, time_size=2, eval_interval=5)
    assert model.batches[6] == model.batches[0]
    assert trainer.current_epoch == 3
    assert capsys.readouterr().out == f'| epoch 3 |  iter 1 / 3 | time 0[s] | perplexity {math.exp(7):.2f}\n'


@pytest.mark.parametrize('options, what', [
    ({'ts': np.arange(9)}, 'ts: expected 10 ids, as many as xs, got 9'),
    ({'batch_size': 6}, 'xs: expected at least batch_size · time_size = 12 ids, got 10'),
    ({'batch_size': 0}, 'batch_size: expected 1 or more, got 0'),
    ({'time_size': 0}, 'time_size: expected 1 or more, got 0'),
    ({'batch_size': -1, 'time_size': -2}, 'batch_size: expected 1 or more, got -1'),
    ({'eval_interval': 0}, 'eval_interval: expected 1 or more, got 0'),
    ({'max_grad': math.nan}, 'max_grad: expected a number above 0, got nan')])
def test_rnnlm_bad_sizes(options, what):
    trainer = RnnlmTrainer(Recorder(), SGD())
    options = {'ts': np.arange(10), 'batch_size': 2, 'time_size': 2, 'max_epoch': 1, **options}
    with pytest.raises(ValueError, match=what):
        trainer.fit(np.arange(10), **options)
    assert not trainer.model.batches


# interrupts

@pytest.fixture(params=STOPS, ids=lambda stop: stop.name)
def signum(request):
    """A signal whose handler, outside of fit, fails the test instead of ending it."""
    signum = request.param
    before = signal.signal(signum, lambda *_: pytest.fail('the signal came through to the outer handler'))
    yield signum
    signal.signal(signum, before)


@pytest.fixture(params=[Trainer, RnnlmTrainer])
def fit(request):
    """fit(model) trains either kind for 4 epochs of 4 iterations with SGD(lr=1)."""
    x = np.arange(16)
    sizes = {'batch_size': 4} if request.param is Trainer else {'batch_size': 2, 'time_size': 2}
    return lambda model: request.param(model, SGD(lr=1)).fit(x, x, max_epoch=4, eval_interval=None, **sizes)


def interrupting(signum, at_step, times=1):
    """A model whose forward is interrupted in the middle at one of its steps."""
    model = Recorder()
    plain = model.forward

    def forward(x, t):
        loss = plain(x, t)
        if loss == at_step:
            for _ in range(times):
                os.kill(os.getpid(), signum)
        return loss

    model.forward = forward
    return model


@pytest.mark.parametrize('at_step', [1, 6, 16])
def test_an_interrupted_step_is_finished(signum, fit, at_step):
    handler, model = signal.getsignal(signum), interrupting(signum, at_step)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    assert len(model.batches) == at_step
    assert updates(model) == at_step
    assert signal.getsignal(signum) is handler


def test_a_second_ctrl_c_does_not_wait(signum, fit):
    """Nobody's finger is behind two of the other signals: a terminal that is closed may send two."""
    handler, model = signal.getsignal(signum), interrupting(signum, 3, times=2)
    with pytest.raises(KeyboardInterrupt):
        fit(model)
    assert len(model.batches) == 3 and updates(model) == (2 if signum == signal.SIGINT else 3)
    assert signal.getsignal(signum) is handler


def test_an_interrupt_between_the_last_step_and_the_end_is_not_lost(signum):
    class Late(Trainer):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == 'current_epoch' and value == 2:
                os.kill(os.getpid(), signum)

    with pytest.raises(KeyboardInterrupt):
        Late(Recorder(), SGD()).fit(np.zeros(4), np.zeros(4), max_epoch=2, batch_size=2, eval_interval=None)


def test_an_interrupt_that_is_ignored_stays_ignored(fit):
    """As `nohup` and a shell's `&` ask for."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    model = interrupting(signal.SIGINT, 2)
    try:
        fit(model)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    except KeyboardInterrupt:
        pytest.fail('the ignored signal ended fit')
    finally:
        signal.signal(signal.SIGINT, before)
    assert updates(model) == 16


def test_handlers_are_put_back_after_an_end_and_an_error(signum, fit):
    handler, model = signal.getsignal(signum), Recorder()
    fit(model)
    assert signal.getsignal(signum) is handler and updates(model) == 16
    model.backward = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        fit(model)
    assert signal.getsignal(signum) is handler


def test_fit_in_another_thread(fit):
    model = Recorder()
    thread = threading.Thread(target=fit, args=(model,))
    thread.start()
    thread.join()
    assert updates(model) == 16


# plot

@pytest.mark.parametrize('make, name, values, scale', [(Trainer, 'loss', 'loss_list', 'linear'),
                                                       (RnnlmTrainer, 'perplexity', 'ppl_list', 'log')])
@pytest.mark.parametrize('interval, label', [(20, 'iterations (×20)'), (1, 'iterations')])
def test_plot(make, name, values, scale, interval, label, tmp_path, capsys):
    trainer = make(Recorder(), SGD())
    setattr(trainer, values, [3.0, 2.0, 1.5])
    trainer.eval_interval = interval
    ax = trainer.plot(ylim=(0, 4))
    path = tmp_path / f'{name}.png'
    assert path.read_bytes().startswith(b'\x89PNG') and str(path) in capsys.readouterr().out
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()) == (label, name, (0, 4))
    assert all(place == int(place) for place in ax.get_xticks())
    assert ax.get_yscale() == 'linear' and trainer.plot().get_yscale() == scale
    assert ax.lines[0].get_ydata().tolist() == [3, 2, 1.5] and ax.get_title() == 'training Recorder'
    assert not plt.get_fignums()


@pytest.mark.parametrize('interval, label', [(2, 'iterations (×2)'), (4, 'iterations (×4)'), (5, 'epoch')])
def test_points_of_short_epochs_are_epochs(interval, label, monkeypatch):
    """Four iterations an epoch: with an interval of five, the curve has a point an epoch."""
    trainer = Trainer(Recorder(), SGD())
    trainer.fit(np.zeros(8), np.zeros(8), 3, 2, eval_interval=interval)
    seen = []
    monkeypatch.setattr(room, 'show', lambda name: seen.append(
        (name, plt.gca().get_xlabel(), plt.gca().lines[0].get_xdata().tolist())))
    trainer.plot()
    plt.close()
    assert seen == [('loss', label, list(range(len(trainer.loss_list))) if interval < 5 else [1, 2, 3])]


@pytest.mark.parametrize('interval, at', [(1, [4, 8, 12]), (3, [2, 4, 6]), (4, [1, 2, 3]), (9, [1, 2, 3]),
                                          (None, [1, 2, 3])])
def test_validation_is_drawn_where_the_epochs_end(interval, at, monkeypatch):
    trainer, valid = Trainer(Recorder(), SGD()), iter([9, 8, 7])
    trainer.fit(np.zeros(8), np.zeros(8), 3, 2, eval_interval=interval, validate=lambda: next(valid))
    seen = []
    monkeypatch.setattr(room, 'show', lambda name: seen.extend(plt.gca().lines))
    trainer.plot()
    plt.close()
    train, valid = seen
    assert len(train.get_xdata()) == len(trainer.loss_list)
    assert (valid.get_xdata().tolist(), valid.get_ydata().tolist()) == (at, [9, 8, 7])


# a loss that is not finite

@pytest.mark.parametrize('make', [Trainer, RnnlmTrainer])
@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_training(make, value):
    model, x, losses = Recorder(), np.arange(16), {6: value}
    plain = model.forward
    model.forward = lambda x, t: losses.get(int(plain(x, t)), 0.5 * len(model.batches))
    model.params.append(np.zeros(3))
    model.grads.append(np.array([0.0, -70.0, 1.0]))
    sizes = {'batch_size': 4} if make is Trainer else {'batch_size': 2, 'time_size': 2}
    trainer = make(model, SGD(lr=1))
    with pytest.raises(FloatingPointError) as error:
        trainer.fit(x, x, max_epoch=3, eval_interval=None, **sizes)
    assert str(error.value) == (
        f'the loss is {value} in epoch 2, iteration 2 of 4; the last finite loss was 2.5, the largest gradient 70, '
        'in grads[1]: try a smaller learning rate, or max_grad')
    assert updates(model) == 5 and trainer.current_epoch == 1           # the sixth changed nothing


def test_gradients_that_are_not_finite_change_nothing():
    model, x = Recorder(), np.zeros(4)
    plain = model.backward

    def backward(dout=1):
        plain()
        if len(model.batches) == 3:
            model.grads[0][1] = math.nan

    model.backward = backward
    with pytest.raises(FloatingPointError, match=r"the gradients' norm is nan in epoch 2, iteration 1 of 2; the last "
                                                 r'finite loss was 2, the largest gradient nan, in grads\[0\]'):
        Trainer(model, SGD(lr=1)).fit(x, x, 2, 2, max_grad=100, eval_interval=None)
    assert len(model.batches) == 3 and updates(model) == 2


@pytest.mark.parametrize('value', [math.nan, math.inf])
@pytest.mark.parametrize('interval, at', [(2, 3), (3, 4), (None, 6)])
def test_parameters_that_are_not_finite_behind_a_finite_loss(value, interval, at):
    """Spoilt in the third of six steps: seen at the next look, and nothing of the epoch is validated or saved."""
    model, x = Recorder(), np.zeros(12)
    model.params.append(np.zeros((2, 2)))
    model.grads.append(np.zeros((2, 2)))
    plain, seen = model.backward, []

    def backward(dout=1):
        plain()
        model.grads[1][1, 0] = value if len(model.batches) == 3 else 0

    model.backward = backward
    largest = at if at > 3 else value
    says = (rf'^params\[1\] holds NaN or infinity in epoch 1, iteration {at} of 6; the last finite loss was {at - 1}, '
            rf'the largest gradient {largest}, in grads\[[01]\]: try a smaller learning rate, or max_grad$')
    with pytest.raises(FloatingPointError, match=says):
        Trainer(model, SGD(), [seen.append]).fit(x, x, 2, 2, eval_interval=interval, validate=lambda: seen.append(1))
    assert len(model.batches) == at and seen == []


def test_large_parameters_are_finite():
    model = Recorder()
    model.params[0] = np.full(2, 1e30, 'f')      # whose squares are infinite
    Trainer(model, SGD()).fit(np.zeros(4), np.zeros(4), 1, 2)
    assert len(model.batches) == 2


def test_a_first_loss_that_is_not_finite():
    model = Recorder()
    model.forward = lambda x, t: np.float32('nan')
    with pytest.raises(FloatingPointError, match='the loss is nan in epoch 1, iteration 1 of 2; it was the first step: '
                                                 'look at the data'):
        Trainer(model, SGD()).fit(np.zeros(4), np.zeros(4), 1, 2)


def test_a_nan_counts_as_the_largest_gradient():
    sparse = RowSparse((4, 2), 'd')
    sparse.fill(np.array([1]), np.array([[3.0, 9.0]]))
    assert 'gradient 9, in grads[1]' in room.history(1.0, [np.ones(2), sparse, np.zeros((0, 3))])
    assert 'gradient nan, in grads[0]' in room.history(1.0, [np.array([1.0, math.nan]), sparse])
    assert 'gradient inf, in grads[1]' in room.history(1.0, [np.ones(1), np.array([-math.inf])])


def test_a_perplexity_too_large_for_a_float_is_infinite(capsys):
    model, x = Recorder(), np.arange(8)
    model.forward = lambda x, t: 1e4
    trainer = RnnlmTrainer(model, SGD())
    trainer.fit(x, x, 1, batch_size=2, time_size=2, eval_interval=5)
    assert trainer.ppl_list == [math.inf] and 'perplexity inf' in capsys.readouterr().out


# remove_duplicate

def test_shared_parameters_are_kept_once():
    W, b, other = np.zeros((2, 3)), np.zeros(2), np.zeros((2, 3))       # other: as long and as full of zeros as W
    params = [W, b, W, other, W.T]
    grads = [np.full((2, 3), 1.0), np.array([5.0, 6.0]), np.full((2, 3), 10.0), np.full((2, 3), 3.0),
             np.array([[100.0, 400], [200, 500], [300, 600]])]
    params_given, grads_given = list(params), list(grads)
    new_params, new_grads = remove_duplicate(params, grads)
    assert [id(p) for p in new_params] == [id(W), id(b), id(other)]
    assert [g.tolist() for g in new_grads] == [[[111, 211, 311], [411, 511, 611]], [5, 6], [[3] * 3] * 2]
    assert len(params) == len(grads) == 5
    assert all(a is b for a, b in zip(params + grads, params_given + grads_given, strict=True))


@pytest.mark.parametrize('shape', [(3, 3), (4, 1), (1, 4), (1, 1)])
def test_a_transposed_view_is_the_same_parameter(shape):
    W, g, gT = np.random.randn(*shape), np.random.randn(*shape), np.random.randn(*shape[::-1])
    expected = g + gT.T
    new_params, new_grads = remove_duplicate([W.T, W], [gT.copy(), g.copy()])
    assert len(new_params) == 1 and new_params[0].shape == shape[::-1]
    np.testing.assert_allclose(new_grads[0], expected.T)
    new_params, new_grads = remove_duplicate([W, W.T], [g.copy(), gT.copy()])
    assert len(new_params) == 1 and new_params[0] is W
    np.testing.assert_allclose(new_grads[0], expected)


def test_parts_of_one_array_are_not_the_same_parameter():
    W = np.zeros((4, 4))
    parts = [W, W[0], W[:2], W[2:], W[:, :2], W[:, 0]]
    new_params, new_grads = remove_duplicate(parts, [np.ones(p.shape) for p in parts])
    assert [p.shape for p in new_params] == [p.shape for p in parts]
    assert all((g == 1).all() for g in new_grads)
