"""Ctrl-C, SIGTERM and a terminal that is closed: a step is finished first, and what was learnt is kept."""
import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

# What ends a training: Ctrl-C, SIGTERM and, where there is such a thing, a terminal that is closed.
STOPS = tuple(getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP') if hasattr(signal, name))

ONE_STOP = 2.0      # seconds after a KeyboardInterrupt in which further signals say nothing new


class Stops:
    """The handler of STOPS: the first raises KeyboardInterrupt, after the running step where one is running.

    Those that follow within two seconds, or while something is saved, do nothing: they would end what the first one
    began, the way to the saving and the saving itself. (Ctrl-\\ ends a process at once.)
    """

    def __init__(self):
        self.in_step = False
        self.saving = False
        self.waiting = False            # whether one came in a step, whose end it waits for
        self.raised_at = -math.inf

    def __call__(self, signum, frame):
        if self.saving or time.monotonic() < self.raised_at + ONE_STOP:
            return
        if self.in_step and not (self.waiting and signum == signal.SIGINT):
            self.waiting = True
        else:
            self.stop()

    def stop(self):
        self.raised_at = time.monotonic()
        self.in_step = self.waiting = False
        raise KeyboardInterrupt


@contextmanager
def handled():
    """STOPS go to the Stops that this gives, which is that of a `handled` around this one, where there is one.

    In the main thread alone: Python lets no other set handlers. One that is ignored, as SIGHUP under `nohup`, stays
    ignored, and one that other code than Python's handles (None stands for it) could not be put back.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: old for number in STOPS if (old := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    stops = next((old for old in before.values() if isinstance(old, Stops)), None) or Stops()
    try:
        for number in before:
            signal.signal(number, stops)
        yield stops
    finally:
        for number in reversed(before):     # SIGINT last: its own handler may raise before the others are put back
            signal.signal(number, before[number])


class StepGuard:
    """Holds back Ctrl-C, SIGTERM and SIGHUP while a step runs, so that no parameter is left half-updated.

    `check()`, called between steps, raises KeyboardInterrupt if one came. Who presses Ctrl-C once more does not want to
    wait: it raises at once.

    together, of several processes that must stop after the same step: whether what it is given holds in any of them.
    """

    def __init__(self, together=None):
        self.together = together

    def __enter__(self):
        self.handled = handled()
        self.stops = self.handled.__enter__()
        self.was_in_step = self.stops.in_step
        self.stops.in_step = True
        return self

    def __exit__(self, error, *_):
        self.stops.in_step = self.was_in_step
        try:
            # an OSError: that of printing to a terminal which is gone, which no other process sees
            if error is None or (issubclass(error, OSError) and self.together is None):
                self.check()
        finally:
            self.handled.__exit__(None, None, None)

    def check(self):
        if self.together(self.stops.waiting) if self.together else self.stops.waiting:
            self.stops.stop()


class Kept(KeyboardInterrupt):
    """A Ctrl-C after which something was saved and the reader was told so."""


def check_folder(folder):
    """OSError where there is no such folder, or it cannot be written."""
    try:
        path = Path(folder).absolute()
    except FileNotFoundError:
        raise FileNotFoundError('the current folder was deleted: expected a folder to leave results in') from None
    if not path.is_dir() or not os.access(folder, os.W_OK):
        raise PermissionError(f'{path} cannot be written: expected a folder to leave results in')


@contextmanager
def keep_on_interrupt(save, folder='.'):
    """On Ctrl-C, and an OSError such as that of a reader who is gone (`| head`), call save() -> path and say where.

        with keep_on_interrupt(model.save_params):
            trainer.fit(...)
            model.save_params()         # in here, so that a Ctrl-C in its midst loses nothing

    Then the error goes on. A second signal does not disturb the saving. OSError at once, not after hours, where the
    `folder` into which save() writes cannot be written.
    """
    check_folder(folder)
    with handled() as stops:
        try:
            yield
        except (KeyboardInterrupt, OSError) as stop:
            stops.saving = True
            try:
                message = f'stopped; what was learnt so far is in {Path(save()).resolve()}'
                with suppress(OSError):     # of a terminal that is gone
                    print(message, file=sys.stderr)
            except OSError as error:        # a full disk, as a rule, of which `stop` may have told before
                raise (stop if isinstance(stop, OSError) else error) from None
            finally:
                stops.raised_at = time.monotonic()
                stops.saving = False
            if isinstance(stop, OSError):
                raise
            raise Kept(message) from None
