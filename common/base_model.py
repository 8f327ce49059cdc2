"""What every model shares: its parameters go to a file and come back."""
from pathlib import Path
from typing import Any

from common import storage
from common.checks import InputError
from common.np import np, to_cpu


class BaseModel:
    """A layer made of layers: `params` and `grads` are theirs, in the order of the forward pass.

    A subclass sets both in its own __init__. Book, 6.4.3.
    """

    params: Any = None
    grads: Any = None
    train_flg = True        # what set_training said last

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f'{type(self).__name__} has no forward of its own')

    def backward(self, *args, **kwargs):
        raise NotImplementedError(f'{type(self).__name__} has no backward of its own')

    def save_params(self, file_name=None) -> Path:
        """Write the parameters; return the path (`ClassName.npz` in the current folder where file_name is None).

        .npz: float32 arrays param_0, param_1, …; .pkl: the book's list of float16 arrays.
        """
        path = self._path(file_name)
        params = [to_cpu(param) for param in self.params]
        if path.suffix == '.npz':
            storage.save_npz(path, {f'param_{i}': param.astype('f4') for i, param in enumerate(params)})
        else:
            storage.save_pickle(path, [param.astype('f2') for param in params])
        return path

    def load_params(self, file_name=None) -> None:
        """Fill the parameters, in place, from a file of save_params or of the book.

        Where the file is absent, the other format's file of the same stem is taken. ValueError, naming the array
        and both shapes, for a file whose arrays do not fit: then the model stays as it was. NaN is warned of.
        """
        path = storage.find_file(self._path(file_name))
        names = [f'param_{i}' for i in range(len(self.params))]
        if path.suffix == '.npz':
            arrays = storage.load_npz(path, {name: param.shape for name, param in zip(names, self.params, strict=True)})
        else:
            content = storage.load_pickle(path)
            if not isinstance(content, list):
                raise InputError(f'{path}: expected a list of {len(names)} arrays, got a {type(content).__name__}')
            if len(content) != len(names):
                raise InputError(f'{path}: expected {len(names)} arrays, got {len(content)}')
            arrays = dict(zip(names, content, strict=True))
        for param, array in zip(self.params, storage.fit_params(path, arrays, self.params), strict=True):
            param[...] = np.asarray(array)

    def _path(self, file_name):
        if self.params is None:
            raise InputError(f'params of {type(self).__name__}: expected a list of arrays, set in __init__, got None')
        path = Path(file_name or f'{type(self).__name__}.npz')
        storage.check_ending(path)
        return path
