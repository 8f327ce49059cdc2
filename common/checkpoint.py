"""All that a training needs to go on as if it had never been stopped, in one file."""
import json
import math
from typing import Any

import numpy

from common import storage
from common.checks import InputError, InputTypeError, check_sizes
from common.layers import find_buffers, walk
from common.np import np, to_cpu
from common.trainer import remove_duplicate
from common.weight_files import fit_params, library, numbered


class Checkpoint:
    """After every `every` epochs writes model, optimizer, trainer and np.random into the file `path`.

        trainer = Trainer(model, Adam(), [Checkpoint('x_checkpoint.npz')])      # as the last of the callbacks
        Checkpoint('x_checkpoint.npz').load(trainer)        # another day; then fit with the same arguments

    The training then ends with the same numbers, bit for bit, as one never stopped: on the same machine with as many
    BLAS threads, since sums round by their order. (On a GPU, whose random state is not saved, dropout masks differ.)
    settings: what must be the same when it goes on, a dict of texts, numbers and None.
    """

    def __init__(self, path, every=1, settings=None):
        storage.check_ending(path)
        check_sizes(every=every)
        self.path = path
        self.every = every
        self.settings = settings or {}
        for name, value in self.settings.items():
            if not isinstance(value, str | int | float | None) or value != value:
                raise InputTypeError(f'settings: expected texts, numbers and None, got {value!r:.60} for {name}')

    def __call__(self, trainer):
        if trainer.current_epoch % self.every == 0:
            self.save(trainer)

    def save(self, trainer):
        """Write the file; one already there is replaced whole. InputError for numbers that load would refuse.

        Under mpiexec every rank calls this, and load: rank 0 writes, and reads, what all have.
        """
        model = trainer.model
        optimizer: dict[str, Any] = {}
        for name, value in trainer.optimizer.get_state().items():
            if isinstance(value, list):
                optimizer |= numbered(f'optimizer_{name}', value)
            elif value is not None:     # None: before the first update
                optimizer[f'optimizer_{name}'] = numpy.array(value)
        settings = self.all_settings(trainer) | {'library': library()}
        state = {name: to_cpu(value) for name, value in (trainer.get_state() | optimizer).items()}
        self.trainer_state(state, trainer.curve)
        self.optimizer_numbers(state)
        states = gathered_states(trainer)
        if not is_first(trainer):
            return
        storage.save_npz(self.path, {
            'settings': numpy.array(json.dumps(settings)), **state,
            **numbered('param', model.params), **numbered('buffer', find_buffers(model)),
            **{name: value for name, value in states.items() if value is not None},
            **get_random_state()})

    def all_settings(self, trainer):
        return {'model_class': type(trainer.model).__name__,
                'optimizer_class': type(trainer.optimizer).__name__, **self.settings}

    def load(self, trainer):
        """Put the trainer, its model and optimizer, and np.random where save found them: all of it or nothing.

        InputError, naming the file and what is wrong in it, for one that is damaged, of other settings or of another
        kind of model or optimizer.
        """
        if is_first(trainer):
            self.read(trainer)
        if trainer.ranks is not None:
            follow_first(trainer)

    def read(self, trainer):
        model, optimizer = trainer.model, trainer.optimizer
        arrays = storage.load_npz(self.path)
        self.check_settings(arrays, self.all_settings(trainer))
        state = self.trainer_state(arrays, trainer.curve)
        optimizer_state = self.optimizer_state(arrays, model.params, optimizer.arrays)
        params = fit_params(self.path, in_order(arrays, 'param'), model.params)
        buffers = find_buffers(model)
        moments = fit_params(self.path, in_order(arrays, 'buffer'), buffers, 'buffer')
        states = []
        for name, layer, attribute in stateful(model):
            value = None
            if name in arrays:
                H = len(layer.params[1])
                value = np.asarray(self.take(arrays, name, 'f', 2, f'(N, {H})', lambda a, H=H: a.shape[1] == H))
            states.append((layer, attribute, value))
        with storage.refusing(self.path):
            set_random_state(arrays)        # the last that is checked and the first that is changed
        for mine, array in zip([*model.params, *buffers], [*params, *moments], strict=True):
            mine[...] = np.asarray(array)
        for layer, attribute, value in states:
            setattr(layer, attribute, value)
        optimizer.set_state(optimizer_state)
        trainer.set_state(state)

    def check_settings(self, arrays, settings):
        """InputError unless the file is a checkpoint, and each setting in it that is one here is the same."""
        if 'settings' not in arrays:
            raise InputError(f'{self.path}: expected a checkpoint, got {", ".join(arrays)[:60] or "nothing"}')
        with storage.refusing(f'{self.path}, settings'):
            made_with = json.loads(arrays['settings'].item())
            if not isinstance(made_with, dict):
                raise InputError(f'expected names and values, got a {type(made_with).__name__}')
        for name, value in settings.items():
            if name in made_with and made_with[name] != value:
                raise InputError(f'{name}: expected {made_with[name]!r:.60}, with which {self.path} was made, got '
                                 f'{value!r}')

    def take(self, arrays, name, kinds, ndim, expected, is_fit=lambda array: True):
        """The array of this name; InputError unless its dtype is one of kinds, it has ndim axes and is_fit of it."""
        if name not in arrays:
            raise InputError(f'{self.path}, {name}: expected {expected}, got nothing')
        array = arrays[name]
        if array.dtype.kind not in kinds or array.ndim != ndim or not is_fit(array):
            found = f'an array {array.shape} of {array.dtype}' if array.ndim else repr(array.item())[:60]
            raise InputError(f'{self.path}, {name}: expected {expected}, got {found}')
        return array

    def trainer_state(self, arrays, curve):
        """What trainer.set_state takes. A checkpoint of an earlier version has neither losses nor time_idx."""
        def is_count(array):
            return array >= 0

        epoch = self.take(arrays, 'current_epoch', 'i', 0, 'a number of epochs', is_count)
        state = {'current_epoch': epoch,
                 curve: self.take(arrays, curve, 'f', 1, 'losses or perplexities', lambda a: not (a < 0).any()),
                 'valid_list': self.take(arrays, 'valid_list', 'f', 1, f'nothing, or a number for each of {epoch} '
                                         'epochs', lambda a: len(a) in (0, epoch) and not (a < 0).any())}
        if 'train_list' in arrays:
            state['train_list'] = self.take(arrays, 'train_list', 'f', 1, f'nothing, or a number for each of {epoch} '
                                            'epochs', lambda a: len(a) in (0, epoch) and not (a < 0).any())
        if 'losses' in arrays:
            state['losses'] = self.take(arrays, 'losses', 'f', 1, 'losses')
        if 'time_idx' in arrays:
            state['time_idx'] = self.take(arrays, 'time_idx', 'i', 0, 'a place in the stream', is_count)
        if 'order' in arrays:
            state['order'] = self.take(arrays, 'order', 'i', 1, 'the numbers 0, 1, 2 … in some order',
                                       lambda a: (numpy.sort(a) == numpy.arange(len(a))).all())
        return state

    def optimizer_numbers(self, arrays):
        lr = self.take(arrays, 'optimizer_lr', 'if', 0, 'a finite number, 0 or more', lambda a: 0 <= a < math.inf)
        updates = self.take(arrays, 'optimizer_iter', 'i', 0, 'a number of updates', lambda a: a >= 0)
        return {'lr': lr.item(), 'iter': updates.item()}

    def optimizer_state(self, arrays, params, names):
        """What optimizer.set_state takes. names: of its lists of arrays, one array a parameter."""
        state: dict[str, Any] = self.optimizer_numbers(arrays)
        different, _ = remove_duplicate(params, [np.zeros(()) for _ in params])
        for name in names:
            found = in_order(arrays, f'optimizer_{name}')
            fitted = fit_params(self.path, found, different, f'optimizer_{name}') if found else None
            state[name] = fitted and [np.asarray(array) for array in fitted]
        return state


def in_order(arrays, stem):
    """The arrays that `numbered` named, stem_0, stem_1, … as far as they go: a list."""
    found: list = []
    while f'{stem}_{len(found)}' in arrays:
        found.append(arrays[f'{stem}_{len(found)}'])
    return found


def stateful(model):
    """For each state that runs on from batch to batch: its name in a file, its layer and the attribute there."""
    layers = [layer for layer in walk(model) if getattr(layer, 'stateful', False)]
    return [(f'state_{i}_{state}', layer, state) for i, layer in enumerate(layers) for state in ('h', 'c')
            if hasattr(layer, state)]


# ---- several ranks


def is_first(trainer):
    """Whether this process is the one that reads and writes files."""
    return trainer.ranks is None or not trainer.ranks.rank


def gathered_states(trainer):
    """The states by their names in a file; of several ranks, rank 0 has the rows (N, H) of all."""
    states = {name: getattr(layer, state) for name, layer, state in stateful(trainer.model)}
    return states if trainer.ranks is None else {name: trainer.ranks.gather(h) for name, h in states.items()}


def follow_first(trainer):
    """Make a trainer, its model and optimizer what rank 0's are, but that of states (N, H) each rank has its rows."""
    ranks, model, optimizer = trainer.ranks, trainer.model, trainer.optimizer
    ranks.copy_from_first([*model.params, *find_buffers(model)])
    for _, layer, state in stateful(model):
        h = ranks.from_first(getattr(layer, state))
        setattr(layer, state, None if h is None else h[ranks.share(len(h))])
    optimizer.set_state(ranks.from_first(optimizer.get_state()))
    trainer.set_state(ranks.from_first(trainer.get_state()))


# ---- np.random


def get_random_state() -> dict[str, numpy.ndarray]:
    """The state of the global numpy.random as plain arrays named random_…, to be saved beside others with save_npz."""
    state: Any = numpy.random.get_state()
    _, keys, position, has_gauss, gauss = state
    return {'random_keys': keys, 'random_position': numpy.array(position),
            'random_has_gauss': numpy.array(has_gauss), 'random_gauss': numpy.array(gauss)}


def set_random_state(arrays: dict) -> None:
    """Put the global numpy.random where get_random_state found it. Other arrays in the dict are left alone."""
    names = ('random_keys', 'random_position', 'random_has_gauss', 'random_gauss')
    for name in names:
        if name not in arrays:
            raise InputError(f'{name}: expected an array of the random state, got nothing')
    keys, position, has_gauss, gauss = (arrays[name] for name in names)
    if keys.shape != (624,) or keys.dtype != numpy.uint32:
        raise InputError(f'random_keys: expected (624,) of uint32, got {keys.shape} of {keys.dtype}')
    # NumPy does not check the position, and would read behind the end of the keys.
    for name, array, last in (('random_position', position, 624), ('random_has_gauss', has_gauss, 1)):
        if array.shape != () or array.dtype.kind != 'i' or not 0 <= array <= last:
            raise InputError(f'{name}: expected a number from 0 to {last}, got {array[:3] if array.ndim else array}')
    if gauss.shape != () or not storage.is_floats(gauss) or not numpy.isfinite(gauss):
        raise InputError(f'random_gauss: expected a finite number, got {gauss[:3] if gauss.ndim else gauss}')
    numpy.random.set_state(('MT19937', keys, int(position), int(has_gauss), float(gauss)))
