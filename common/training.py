"""What a script's training leaves on disk: its weights, a checkpoint after each epoch, and what was learnt where it is
stopped."""
import hashlib
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy

from common.checkpoint import Checkpoint
from common.checks import InputError
from common.interrupts import keep_on_interrupt
from common.np import to_cpu
from common.storage import move_aside

# The flags of a script that may differ when a training goes on.
MAY_CHANGE = ('max_epoch', 'patience', 'beam_size', 'corpus', 'file_name')      # the data itself is looked at


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
    model is that one.
    """
    if not name:
        raise InputError('name: expected what the files are to be called, got nothing')
    files = Files(trainer, name, flags, data, words, save, keep_best)
    with keep_on_interrupt(files.keep_interrupted, files.path.parent):
        if resume:
            files.resume()
        callbacks = trainer.callbacks
        trainer.callbacks = [*callbacks, files.after_epoch]
        yield
        trainer.callbacks = callbacks
        files.finish()


class Files:
    """The files of one training, see `training`."""

    def __init__(self, trainer, name, flags, data, words, save, keep_best):
        self.trainer = trainer
        self.path = Path(f'{name}.npz')
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

    def make_way(self, path):
        """Move a file of this name aside, once, unless it is of this training."""
        if path not in self.ours:
            move_aside(path)
            self.ours.add(path)

    def resume(self):
        path = self.checkpoint.path
        if not path.exists():
            print(f'there is no {path} here: starting afresh')
            return
        self.checkpoint.load(self.trainer)
        self.first_epoch = self.trainer.current_epoch
        self.ours.add(path)
        if self.keep_best and self.trainer.valid_list:
            if not self.path.exists():
                raise FileNotFoundError(f'{self.path}, the best model so far, is not beside {path}')
            self.ours.add(self.path)
        print(f'resuming after epoch {self.first_epoch}')

    def after_epoch(self, trainer):
        """The best model first, the checkpoint last: it alone says that the epoch is over.

        A kill between the two leaves the checkpoint of the epoch before, from which this epoch is run again, bit for
        bit, and the best model is written again, the same.
        """
        if self.keep_best and trainer.valid_list[-1] == trainer.best_valid():
            self.write(self.path)
        self.make_way(self.checkpoint.path)
        self.checkpoint(trainer)

    def write(self, path):
        self.make_way(path)
        self.save_as(path, self.about | {'epochs': self.trainer.current_epoch})

    def keep_interrupted(self):
        path = self.path.with_name(f'{self.path.stem}_interrupted.npz')
        self.write(path)
        if self.checkpoint.path in self.ours:
            print(f'the last whole epoch is in {self.checkpoint.path}: --resume goes on from there', file=sys.stderr)
        return path

    def finish(self):
        if not self.trainer.current_epoch:
            print('nothing was learnt: no weights are written')
            return
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
