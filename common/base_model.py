"""What every model shares: its parameters go to a file and come back."""
import warnings
from pathlib import Path
from typing import Any

import numpy

from common import ties, weight_files
from common.checks import InputError
from common.layers import Layer, find_buffers
from common.np import np, to_cpu
from common.outline import outline
from common.storage import check_ending


class BaseModel(Layer):
    """A layer made of layers: `params` and `grads` are theirs, in the order of the forward pass (see layers.gather).

    A subclass sets both in its own __init__, and may set `sizes`, a dict of its sizes, which its files then tell, and
    `names`, a list, one name a parameter, as 'W1': then pickles of volume 1, dicts of arrays, load too. Book, 6.4.3.
    """

    params: Any = None
    grads: Any = None
    sizes: Any = None
    names: Any = None
    train_flg = True        # what set_training said last

    def __init__(self):
        """A subclass makes its layers here; it need not call this one."""

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f'{type(self).__name__} has no forward of its own')

    def backward(self, *args, **kwargs):
        raise NotImplementedError(f'{type(self).__name__} has no backward of its own')

    def __repr__(self):
        return outline(self)

    def save_params(self, file_name=None, about=None, words=None) -> Path:
        """Write the parameters; return the path (`ClassName.npz` in the current folder where file_name is None).

        .npz: arrays param_0, param_1, …, the layers' buffers as buffer_0, …, and what the file is: class, sizes, dtype,
        and the facts in `about`, a dict such as {'corpus': 'ptb'}; words: the vocabulary, a list in the order of the
        ids. .pkl: the book's list of float16 arrays alone, which is an InputError where there are buffers.
        """
        path = self._path(file_name)
        facts = {'class': type(self).__name__, 'sizes': self.sizes,
                 'dtype': str(self.params[0].dtype) if self.params else None, **(about or {})}
        weight_files.save_params(path, self.params, facts, words, find_buffers(self))
        return path

    def load_params(self, file_name=None) -> None:
        """Fill the parameters and buffers, in place, from a file of save_params or of the book.

        Where the file is absent, the other format's file of the same stem is taken. InputError, naming the array
        and both shapes, for a file whose arrays do not fit, or in which arrays differ that are one here: then the model
        stays as it was. NaN is warned of, and a .pkl where there are buffers: they stay as they were.
        """
        path = self._path(file_name)
        fill(self, weight_files.load_weights(path, self.params, find_buffers(self), self.names))

    def _path(self, file_name):
        if self.params is None:
            raise InputError(f'params of {type(self).__name__}: expected a list of arrays, set in __init__, got None')
        if file_name == '':
            raise InputError("file_name: expected a name that ends in .npz or .pkl, got ''")
        path = Path(f'{type(self).__name__}.npz' if file_name is None else file_name)
        check_ending(path)
        return path


def fill(model, weights) -> None:
    """Write the arrays of a file, which fit (see weight_files), into the model's parameters and buffers.

    InputError where arrays differ that are one in the model, which then stays as it was; where the file holds no
    buffers, a warning, and the model's stay.
    """
    path, arrays, _, _, found = weights
    buffers = find_buffers(model)
    for i, array in ties.tied(arrays, ties.find_ties(model.params)).items():
        if not numpy.array_equal(to_cpu(array), arrays[i], equal_nan=True):
            raise InputError(f'{path}, param_{i}: expected the numbers of the array that it is tied to, got others')
    if len(found) < len(buffers):
        warnings.warn(f'{path} holds no buffers (running means): those of {type(model).__name__} stay as they are',
                      stacklevel=3)
        buffers = []
    for mine, array in zip([*model.params, *buffers], [*arrays, *found], strict=True):
        mine[...] = np.asarray(array)
