"""common.progress: what a fit tells in a terminal, in a notebook, and not at all; what the two have in common."""
import io
import sys
from types import ModuleType, SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from common.callbacks import Accuracies
from common.optimizer import SGD
from common.trainer import RnnlmTrainer, Trainer


class Counting:
    """A model whose losses are 1, 2, 3 …, and which is right about class 0."""

    def __init__(self):
        self.params, self.grads = [np.zeros(2)], [np.zeros(2)]
        self.steps = 0

    def forward(self, x, t):
        self.steps += 1
        return float(self.steps)

    def backward(self, dout=1):
        pass

    def predict(self, x):
        return np.eye(2)[np.zeros(len(x), int)]


class Handle:
    """What IPython.display.display gives for a display_id."""

    def __init__(self, thing):
        self.shown = [thing]

    def update(self, thing, raw=False):
        assert raw == isinstance(thing, dict)
        self.shown.append(thing)


@pytest.fixture
def notebook(monkeypatch):
    """IPython as in a notebook: .places are what was displayed, each with all that stood there; .shell is IPython's."""
    plt.figure().savefig(io.BytesIO())      # matplotlib looks for IPython at its first figure of a kind, and not again
    Figure().savefig(io.BytesIO())
    plt.close()
    notebook = SimpleNamespace(places=[], shell=SimpleNamespace(kernel=object(), execution_count=1))

    def display(thing, raw=False, display_id=None):
        assert display_id is True and raw == isinstance(thing, dict)
        notebook.places.append(Handle(thing))
        return notebook.places[-1]

    ipython, module = ModuleType('IPython'), ModuleType('IPython.display')
    ipython.get_ipython = lambda: notebook.shell
    module.display, module.Image = display, lambda data: data
    monkeypatch.setitem(sys.modules, 'IPython', ipython)
    monkeypatch.setitem(sys.modules, 'IPython.display', module)
    return notebook


X, T = np.zeros((8, 2)), np.array([0, 0, 0, 1, 0, 0, 0, 1])
LINE = '| epoch 2 |  iter 3 / 4 | time 0[s] | loss 6.50'


def texts(place):
    return [thing['text/plain'] for thing in place.shown]


def test_a_notebook_has_one_line_and_one_picture(notebook, clock, capsys):
    """The first line at once, then no more than one a second; in the end the last of all, with the curve."""
    trainer = Trainer(Counting(), SGD())
    trainer.fit(X, T, 2, 2, eval_interval=2)
    line, picture = notebook.places
    assert texts(line) == ['| epoch 1 |  iter 1 / 4 | time 0[s] | loss 1.00', LINE]
    assert [png[:4] for png in picture.shown] == [b'\x89PNG']
    assert capsys.readouterr().out == '' and plt.get_fignums() == []


def test_the_line_changes_once_a_second_and_keeps_what_the_last_epoch_gave(notebook, clock):
    clock.step = 0.3
    x, t = X[:4], T[:4]
    trainer = Trainer(Counting(), SGD(), [Accuracies((x, t), (x, t))])
    trainer.fit(x, t, 3, 2, eval_interval=1, validate=lambda: 0.5)
    line, picture = notebook.places
    told = texts(line)
    assert 3 < len(told) < 12       # of 12 lines
    assert told[0].endswith('loss 1.00')
    assert told[-1].endswith('loss 6.00 | left 0[s] | epoch 3 | train 75.00% | test 75.00%')
    assert len(set(picture.shown)) > 2      # the curve grows


def test_fits_in_one_cell_share_a_place_and_another_cell_has_its_own(notebook, clock):
    trainer = Trainer(Counting(), SGD())
    for _ in range(3):
        trainer.fit(X, T, 1, 2, eval_interval=2)
    assert len(notebook.places) == 2
    notebook.shell.execution_count = 2
    trainer.fit(X, T, 1, 2, eval_interval=2)
    assert len(notebook.places) == 4
    assert texts(notebook.places[0])[-1].startswith('| epoch 3 |') and '| epoch 4 |' in texts(notebook.places[2])[-1]


def test_the_last_line_is_there_where_a_fit_breaks_off(notebook, clock):
    class Breaks(Counting):
        def forward(self, x, t):
            loss = super().forward(x, t)
            return loss if loss < 6 else float('nan')

    with pytest.raises(FloatingPointError, match='the loss is nan'):
        Trainer(Breaks(), SGD()).fit(X, T, 2, 2, eval_interval=2)
    assert texts(notebook.places[0])[-1] == '| epoch 2 |  iter 1 / 4 | time 0[s] | loss 4.50'


@pytest.mark.parametrize('make, options', [(Trainer, {'batch_size': 2}), (RnnlmTrainer, {'batch_size': 2,
                                                                                         'time_size': 1})])
def test_not_verbose_prints_nothing(make, options, notebook, capsys, monkeypatch):
    trainer = make(Counting(), SGD(), [Accuracies((X, T), (X, T))])
    ids = np.arange(8)
    trainer.fit(ids, ids, 2, **options, eval_interval=2, validate=lambda: 3.0, verbose=False)
    curve = list(getattr(trainer, trainer.curve))
    assert notebook.places == [] and capsys.readouterr().out == '' and len(curve) == 4
    monkeypatch.delitem(sys.modules, 'IPython')
    trainer.fit(ids, ids, 1, **options, eval_interval=2, validate=lambda: 3.0, verbose=False)
    assert capsys.readouterr().out == ''
    trainer.fit(ids, ids, 1, **options, eval_interval=4, validate=lambda: 3.0)
    assert capsys.readouterr().out.splitlines()[1:] == ['| epoch 4 | valid 3.00',
                                                        '| epoch 4 | train 75.00% | test 75.00%']


@pytest.mark.parametrize('shell', [None, SimpleNamespace(execution_count=1)])
def test_lines_where_ipython_is_no_notebook(shell, notebook, capsys):
    """Loaded without a shell of its own, as by a library, or in a terminal."""
    notebook.shell = shell
    Trainer(Counting(), SGD()).fit(X, T, 1, 2, eval_interval=4)
    assert notebook.places == [] and '| epoch 1 |  iter 1 / 4 |' in capsys.readouterr().out


def test_the_picture_leaves_the_readers_figure_and_settings_alone(notebook, clock):
    figure, ax = plt.subplots()
    before = dict(plt.rcParams)
    Trainer(Counting(), SGD()).fit(X, T, 2, 2, eval_interval=2)
    assert plt.gcf() is figure and plt.gca() is ax and not ax.lines and dict(plt.rcParams) == before
    plt.close(figure)


def test_what_is_drawn_is_the_trainers_curve(notebook, monkeypatch):
    drawn = []
    monkeypatch.setattr(Trainer, 'draw', lambda self, ax: drawn.append((ax.plot(self.loss_list), list(self.loss_list))))
    Trainer(Counting(), SGD()).fit(X, T, 2, 2, eval_interval=2)
    assert drawn[-1][1] == [1, 2.5, 4.5, 6.5]
    assert tuple(drawn[-1][0][0].figure.get_size_inches()) == (7, 3)


def test_verbose_is_a_flag():
    with pytest.raises(TypeError, match="verbose: expected True or False, got 'no'"):
        Trainer(Counting(), SGD()).fit(X, T, 1, 2, verbose='no')
