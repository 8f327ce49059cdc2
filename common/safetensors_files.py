"""Models in the safetensors format, which many tools read: named arrays behind a header, and no code.

The arrays are those of an .npz file of ours (see common/weight_files): param_0, param_1, … in the order of the forward
pass, the layers' buffers, and the vocabulary; the header's metadata holds `about`, facts as JSON. It wants the package
safetensors: pip install safetensors.
"""
import json

import numpy as np

from common.base_model import fill
from common.checks import InputError, open_regular
from common.layers import find_buffers
from common.np import to_cpu
from common.storage import MEMBERS, check_shapes, refusing
from common.weight_files import (
    BESIDES,
    Weights,
    facts_to_array,
    fit_params,
    from_text_array,
    numbered,
    words_from_arrays,
    words_to_arrays,
)
from common.writing import replacing


def import_safetensors():
    try:
        import safetensors.numpy
    except ImportError:
        raise OSError('safetensors is not installed: pip install safetensors') from None
    return safetensors


def save_safetensors(path, model, about=None, words=None) -> None:
    """Write the model's parameters and buffers; about and words as in BaseModel.save_params.

    A file already there is replaced whole.
    """
    package = import_safetensors()
    facts = facts_to_array({'class': type(model).__name__, 'sizes': getattr(model, 'sizes', None), **(about or {})})
    arrays = numbered('param', model.params) | numbered('buffer', find_buffers(model))
    arrays = {name: to_cpu(array) for name, array in arrays.items()} | (words_to_arrays(words) if words else {})
    data = package.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()},
                              metadata={'about': from_text_array(facts)})
    with replacing(path) as file:
        file.write(data)


def load_safetensors(path, model=None) -> Weights:
    """What a file of save_safetensors holds; a model's parameters and buffers are filled with it, in place.

    Names and shapes are compared with the model's before an array is read. InputError, naming the file, for whatever
    does not fit or is damaged: then the model stays as it was.
    """
    package = import_safetensors()
    open_regular(path).close()          # the package would wait for a pipe
    with refusing(path):
        file = package.safe_open(path, framework='numpy')
    with file:
        with refusing(path):
            names = sorted(file.keys(), key=lambda name: (len(name), name))
            if len(names) > MEMBERS:
                raise InputError(f'it holds more than {MEMBERS} arrays')
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names if name not in BESIDES}
        params, buffers = ([], []) if model is None else (model.params, find_buffers(model))
        if model is not None:
            wanted = numbered('param', params) | numbered('buffer', buffers)
            check_shapes(path, {name: array.shape for name, array in wanted.items()}, shapes)
        with refusing(path):
            arrays = {name: file.get_tensor(name) for name in names}
            about = json.loads((file.metadata() or {}).get('about', '{}'))
            words = words_from_arrays(arrays)
            if not isinstance(about, dict):
                raise InputError(f'expected facts by their names, got a {type(about).__name__}')
    found = [arrays[name] for name in shapes if not name.startswith('buffer_')]
    kept = [arrays[name] for name in shapes if name.startswith('buffer_')]
    if model is not None:
        found, kept = fit_params(path, found, params), fit_params(path, kept, buffers, 'buffer')
    weights = Weights(path, found, about, words, kept)
    if model is not None:
        fill(model, weights)
    return weights
