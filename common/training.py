"""What a script's training leaves on disk: its weights, a checkpoint after each epoch, and what was learnt where it is
stopped."""
import hashlib
import sys
import uuid
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy

from common.checkpoint import Checkpoint, is_first
from common.checks import InputError
from common.interrupts import check_folder, handled, keep_on_interrupt
from common.layers import find_buffers
from common.lock import Lock
from common.np import to_cpu
from common.storage import move_aside, replacing
from common.weight_files import load_weights

# The flags of a script that may differ when a training goes on.
MAY_CHANGE = ('max_epoch', 'patience', 'beam_size', 'corpus', 'encoding', 'file_name')   # the data is looked at


@contextmanager
def training(trainer, name, flags, data=(), words=None, resume=False, save=None, keep_best=False):
    """Within it, trainer.fit writes NAME_checkpoint.npz after each epoch; at its end NAME.npz is written.

        with training(trainer, 'Rnnlm', flags, (ids, word_to_id), resume=resume):
            trainer.fit(ids[:-1], ids[1:], max_epoch)

    Stopped by Ctrl-C, what was learnt goes into NAME_interrupted.npz. With resume, the trainer first goes to where the
    checkpoint stands, if there is one. Files of those names from before are never overwritten: they become
    NAME.1.npz, .2 …
    flags: main's arguments, which the files keep, and which must be the same when it goes on, but for MAY_CHANGE. data:
    what is learnt from, arrays and vocabularies: it must be the same too. words: the vocabulary that the file of the
    weights keeps, a list or id_to_word. save(path, about): writes other files than model.save_params does.
    keep_best: NAME.npz is the model of the epoch with the best validation, from that epoch on, and at the end the
    model is that one. It and the checkpoint say of which run they are, and go on together alone.

    OSError at once, not after hours, where these files cannot be written, or while another training of that name runs:
    NAME.lock stands there as long as one does. Under mpiexec rank 0 alone has to do with files.
    """
    if not name:
        raise InputError('name: expected what the files are to be called, got nothing')
    files = Files(trainer, name, flags, data, words, save, keep_best)
    if is_first(trainer):
        check_folder(files.path.parent)
    with handled(), files.lock if is_first(trainer) else nullcontext():     # handled: nor does a second signal
        if is_first(trainer):                                               # disturb the release
            files.check()
        if resume:
            files.resume()
        keeping = keep_on_interrupt(files.keep_interrupted, files.path.parent) if is_first(trainer) else nullcontext()
        with keeping:
            callbacks = trainer.callbacks
            trainer.callbacks = [*callbacks, files.after_epoch]
            yield
            trainer.callbacks = callbacks
            if is_first(trainer):
                files.finish()
            if trainer.ranks is not None:       # the best model, where that is kept
                trainer.ranks.copy_from_first([*trainer.model.params, *find_buffers(trainer.model)])


class Untouched(Exception):
    """Ends the writing of a file before it takes its place."""


class Files:
    """The files of one training, see `training`."""

    def __init__(self, trainer, name, flags, data, words, save, keep_best):
        self.trainer = trainer
        self.path = Path(f'{name}.npz')
        self.interrupted = self.path.with_name(f'{self.path.stem}_interrupted.npz')
        self.lock = Lock(f'{name}.lock')
        self.keep_best = keep_best
        self.save_as = save or (lambda path, about: trainer.model.save_params(path, about, self.words))
        self.words: list[str] | None = [words[i] for i in range(len(words))] if words else None
        flags = {key: value if isinstance(value, int | float | None) else str(value) for key, value in flags.items()
                 if key not in ('name', 'resume')}
        self.about = {'flags': flags} | ({'corpus': flags['corpus']} if 'corpus' in flags else {})
        settings = {key: value for key, value in flags.items() if key not in MAY_CHANGE}
        if data:
            settings['data'] = fingerprint(data)
        self.checkpoint = Checkpoint(Path(f'{name}_checkpoint.npz'), settings=settings)
        self.first_epoch = 0
        self.ours = set()       # the files that this training wrote

    def check(self):
        """OSError where one of the files could not be written: each is begun, and taken back."""
        for path in (self.path, self.checkpoint.path, self.interrupted):
            with suppress(Untouched), replacing(path):
                raise Untouched

    def make_way(self, path):
        """Move a file of this name aside, once, unless it is of this training."""
        if path not in self.ours:
            move_aside(path)
            self.ours.add(path)

    def resume(self):
        path = self.checkpoint.path
        if not self.trainer.of_first(path.exists()):
            print(f'there is no {path} here: starting afresh')
            return
        if not is_first(self.trainer):
            self.checkpoint.load(self.trainer)
            return
        if self.keep_best and self.path.exists() and (run := load_weights(self.path).about.get('run')):
            self.be_run(run)        # that of an earlier version is of none
        self.checkpoint.load(self.trainer)
        self.first_epoch = self.trainer.current_epoch
        self.ours.add(path)
        if self.keep_best and self.trainer.valid_list:
            if not self.path.exists():
                raise FileNotFoundError(f'{self.path}, the best model so far, is not beside {path}')
            self.ours.add(self.path)
        print(f'resuming after epoch {self.first_epoch}')

    def be_run(self, name):
        """Let the best model and the checkpoint say that they are of the run of this name."""
        self.about['run'] = name
        self.checkpoint.settings['best_model'] = f'of run {name}'

    def after_epoch(self, trainer):
        """The best model first, the checkpoint last: it alone says that the epoch is over.

        A kill between the two leaves the checkpoint of the epoch before, from which this epoch is run again, bit for
        bit, and the best model is written again, the same.
        """
        if not is_first(trainer):
            self.checkpoint(trainer)    # which asks all ranks for their states
            return
        self.lock.check()
        self.make_way(self.checkpoint.path)     # that of another run does not stay beside the best model of this one
        if self.keep_best and 'run' not in self.about:
            self.be_run(uuid.uuid4().hex[:12])      # of a chance that no seed knows
        if self.keep_best and trainer.valid_list[-1] == trainer.best_valid():
            self.write(self.path)
        self.checkpoint(trainer)

    def write(self, path):
        self.make_way(path)
        self.save_as(path, self.about | {'epochs': self.trainer.current_epoch})

    def keep_interrupted(self):
        self.write(self.interrupted)
        if self.checkpoint.path in self.ours:
            print(f'the last whole epoch is in {self.checkpoint.path}: --resume goes on from there', file=sys.stderr)
        return self.interrupted

    def finish(self):
        if not self.trainer.current_epoch:
            print('nothing was learnt: no weights are written')
            return
        self.lock.check()
        if self.keep_best:
            if self.path in self.ours:
                self.trainer.model.load_params(self.path)
        elif self.trainer.current_epoch > self.first_epoch or not self.path.exists():
            self.write(self.path)
        print('weights:', self.path.resolve())


def fingerprint(data):
    """The lengths of all arrays and vocabularies (dicts) in data, and a hash over what they hold, in their order."""
    digest = hashlib.sha256()
    for part in data:
        if isinstance(part, dict):
            digest.update(repr(list(part.items())).encode('utf-8', 'surrogatepass'))
        else:
            array = numpy.ascontiguousarray(to_cpu(part))
            digest.update(f'{array.dtype.str}{array.shape}'.encode())
            digest.update(array.data)
    return f'{", ".join(str(len(part)) for part in data)} ({digest.hexdigest()[:16]})'
