"""What a training tells while it runs: lines, or in a notebook one line in its place with the curve below it."""
import io
import math
import sys
import time
from contextlib import contextmanager

import numpy

from common.figures import STYLE

PAUSE = 1       # seconds between two pictures, of which each takes some 50 ms


class Progress:
    """Tells the book's line every `eval_interval` iterations, and the time that is left once that can be told.

    draw(ax) draws the curve, for a notebook. last_epoch: the one after which all is done. Several fits with the same
    last_epoch are one piece of work.
    """

    def __init__(self, draw):
        self.draw = draw
        self.last_epoch = None
        self.verbose = True
        self.live = None

    @contextmanager
    def of(self, last_epoch, max_iters, eval_interval, verbose):
        """Within it a fit tells where it stands, unless verbose is False."""
        if last_epoch != self.last_epoch:
            self.start, self.done = time.perf_counter(), 0
        self.last_epoch, self.max_iters, self.eval_interval = last_epoch, max_iters, eval_interval
        self.verbose = verbose
        cell = running_cell()
        if not verbose or cell is None:
            self.live = None
        elif self.live is None or self.live.cell != cell:       # several fits in one cell have one place
            self.live = Live(cell, self.draw)
        try:
            yield
        finally:
            if self.live is not None:
                self.live.update()

    def due(self, iters):
        self.done += 1
        return self.eval_interval is not None and iters % self.eval_interval == 0

    def line(self, epoch, iters, what):
        elapsed = time.perf_counter() - self.start
        to_do = (self.last_epoch - epoch + 1) * self.max_iters - iters - 1
        ending = f' | left {elapsed / self.done * to_do:.0f}[s]' if elapsed > 1 else ''
        self.say(f'| epoch {epoch} |  iter {iters + 1} / {self.max_iters} | time {int(elapsed)}[s] | {what}{ending}')

    def say(self, text, of_epoch=False):
        """Print a line. In a notebook it takes the place of the one before, the last of an epoch stays behind it."""
        if self.live is not None:
            self.live.say(text, of_epoch)
        elif self.verbose:
            print(text)


def running_cell():
    """The number of the notebook's cell that runs, None where we are in no notebook."""
    if 'IPython' not in sys.modules:        # the kernel of a notebook has it loaded
        return None
    shell = sys.modules['IPython'].get_ipython()
    return shell.execution_count if hasattr(shell, 'kernel') else None      # IPython in a terminal has no kernel


class Live:
    """A line and the curve below it in the output of a notebook's cell, drawn anew in their place."""

    def __init__(self, cell, draw):
        self.cell = cell
        self.draw = draw
        self.lines = ['', '']       # of the last iterations, and of the last epoch
        self.drawn = -math.inf
        self.places: list = []      # IPython's handles of the line and of the picture

    def say(self, text, of_epoch):
        self.lines[of_epoch] = text
        if time.perf_counter() >= self.drawn + PAUSE:
            self.update()

    def update(self):
        """Show the lines as they are, and the curve once it has two points."""
        from IPython.display import Image, display

        shown: list = [({'text/plain': ' '.join(filter(None, self.lines))}, True)]
        if picture := self.picture():
            shown.append((Image(picture), False))
        for i, (thing, raw) in enumerate(shown):
            if i < len(self.places):
                self.places[i].update(thing, raw=raw)
            else:
                self.places.append(display(thing, raw=raw, display_id=True))
        self.drawn = time.perf_counter()

    def picture(self):
        """The curve as a PNG file's bytes, None where there is no line yet. It leaves the reader's figures alone."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context(fname=STYLE):
            figure = Figure(figsize=(7, 3))
            ax = figure.add_subplot()
            self.draw(ax)
            if not any(numpy.size(line.get_xdata()) > 1 for line in ax.lines):
                return None
            file = io.BytesIO()
            figure.savefig(file)
        return file.getvalue()
