"""Ctrl-C, SIGTERM and a terminal that is closed: a step is finished first, and what was learnt is kept."""
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

# What ends a training: Ctrl-C, SIGTERM and, where there is such a thing, a terminal that is closed.
STOPS = tuple(getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP') if hasattr(signal, name))


@contextmanager
def handled(handler, numbers=STOPS):
    """These signals go to this handler, in the main thread: Python lets no other set handlers.

    One that is ignored, as SIGHUP under `nohup`, stays ignored, and one that other code than Python's handles (None
    stands for it) could not be put back.
    """
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in numbers:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


class StepGuard:
    """Holds back Ctrl-C, SIGTERM and SIGHUP while a step runs, so that no parameter is left half-updated.

    `check()`, called between steps, raises KeyboardInterrupt if one came. Who presses Ctrl-C once more does not want to
    wait: it raises at once.
    """

    def __enter__(self):
        self.caught = False
        self.handled = handled(self.catch)
        self.handled.__enter__()
        return self

    def __exit__(self, error, *_):
        self.handled.__exit__(None, None, None)
        if error is None or issubclass(error, OSError):     # that of printing to a terminal which is gone
            self.check()

    def catch(self, signum, frame):
        if self.caught and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.caught = True

    def check(self):
        if self.caught:
            raise KeyboardInterrupt


class Kept(KeyboardInterrupt):
    """A Ctrl-C after which something was saved and the reader was told so."""


@contextmanager
def keep_on_interrupt(save, folder='.'):
    """On Ctrl-C, and an OSError such as that of a reader who is gone (`| head`), call save() -> path and say where.

        with keep_on_interrupt(model.save_params):
            trainer.fit(...)
            model.save_params()         # in here, so that a Ctrl-C in its midst loses nothing

    Then the error goes on. A second Ctrl-C does not disturb the saving. OSError at once, not after hours, where the
    `folder` into which save() writes cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise PermissionError(f'{folder.absolute()} cannot be written: expected a folder to leave results in')
    try:
        yield
    except (KeyboardInterrupt, OSError) as stop:
        with handled(signal.SIG_IGN):
            try:
                message = f'stopped; what was learnt so far is in {Path(save()).resolve()}'
            except OSError as error:        # a full disk, as a rule, of which `stop` may have told before
                raise (stop if isinstance(stop, OSError) else error) from None
            with suppress(OSError):     # of a terminal that is gone
                print(message, file=sys.stderr)
        if isinstance(stop, OSError):
            raise
        raise Kept(message) from None
