"""Files of trained parameters and of word vectors, which say what they are.

Beside its arrays an .npz file of ours holds `about`, facts as JSON (class, sizes, dtype, corpus, library, flags of the
script), and, where a vocabulary belongs to it, its words. Files without these, of the book or of earlier versions, are
read too. What a file says of itself is shown and compared; no array is made by its word alone. What would not be read
back is refused when it is saved.
"""
import json
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.checks import InputError, InputTypeError, shown
from common.np import to_cpu
from common.storage import (
    as_type,
    check_ending,
    check_shapes,
    find_file,
    is_floats,
    load_npz,
    load_pickle,
    refusing,
    save_npz,
    save_pickle,
)

IN_A_PICKLE = 400_000       # words: five instructions each, of those that a pickle may hold (see unpickle)
BESIDES = ('about', 'words', 'word_ends')       # the arrays that are no parameters


class Weights(NamedTuple):
    """What a file holds: path, parameters, what it says of itself, words (None: it has none), the layers' buffers."""

    path: Path
    arrays: list[np.ndarray]
    about: dict
    words: list[str] | None
    buffers: list[np.ndarray]

    @property
    def flags(self) -> dict:
        """Those of the script that made the file; none where it tells no dict of them. Values may be anything."""
        flags = self.about.get('flags')
        return flags if isinstance(flags, dict) else {}


def library() -> str:
    """Name and version of this library, as the files carry it."""
    try:
        return f'dlfs2 {metadata.version("dlfs2")}'
    except metadata.PackageNotFoundError:       # run from a checkout that is not installed
        return 'dlfs2'


# ---- text as arrays


def as_text_array(text: str) -> np.ndarray:
    """The text's UTF-8 as uint8 (n,): unlike NumPy's own text, it keeps NULs and takes no more than its length."""
    return np.frombuffer(text.encode('utf-8', 'surrogatepass'), np.uint8)


def from_text_array(array) -> str:
    if array.dtype != np.uint8 or array.ndim != 1:
        raise InputError(f'expected text as uint8 (n,), got {array.dtype} {array.shape}')
    return array.tobytes().decode('utf-8', 'surrogatepass')


def facts_to_array(about: dict) -> np.ndarray:
    """The facts as JSON, with this library's name among them."""
    try:
        return as_text_array(json.dumps({'library': library(), **about}))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputTypeError(f'about: expected texts, numbers, lists and dicts, got others: {error}') from None


def words_to_arrays(words: list[str]) -> dict[str, np.ndarray]:
    """`words`, the UTF-8 of all words, one behind another, and `word_ends` (V,), where each of them ends."""
    for word in words:
        if not isinstance(word, str):
            raise InputTypeError(f'words: expected words that are text, got {word!r:.60}')
    encoded = [word.encode('utf-8', 'surrogatepass') for word in words]
    return {'words': np.frombuffer(b''.join(encoded), np.uint8),
            'word_ends': np.cumsum([len(word) for word in encoded], dtype=np.int64)}


def words_from_arrays(arrays) -> list[str] | None:
    """The words that words_to_arrays stored, or that an earlier version stored as an array of text; None: no words."""
    words, ends = arrays.get('words'), arrays.get('word_ends')
    if words is None:
        return None
    if words.dtype.kind == 'U' and words.ndim == 1:
        return words.tolist()
    if (words.dtype != np.uint8 or words.ndim != 1 or ends is None or ends.dtype != np.int64 or ends.ndim != 1
            or not len(ends) or ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] != len(words)):
        raise InputError('expected words as uint8 (n,) and their rising ends as int64 (V,), got others')
    text = words.tobytes()
    return [text[start:end].decode('utf-8', 'surrogatepass') for start, end in zip([0, *ends], ends, strict=False)]


def narrowed(name, array, dtype):
    """The array as dtype; InputError where a finite number in it would become infinite."""
    with np.errstate(over='ignore'):
        narrow = array.astype(dtype)
    lost = np.isinf(narrow) & np.isfinite(array)
    if lost.any():
        better = 'name an .npz file' if narrow.itemsize == 2 else 'scale them'
        raise InputError(f'{name}: expected numbers up to {np.finfo(dtype).max:.6g}, for it is saved as '
                         f'{narrow.dtype}, got {array[lost][0]:.6g}: {better}')
    return narrow


# ---- parameters of a model


def numbered(stem, arrays) -> dict:
    """The arrays by the names stem_0, stem_1, …"""
    return {f'{stem}_{i}': array for i, array in enumerate(arrays)}


def save_params(path, params, about: dict, words=None, buffers=()) -> None:
    """Write a model's parameters.

    .npz: arrays param_0, param_1, …, buffer_0, … in their own types, `about`, and the words where given. .pkl: the
    book's list of float16 arrays, which has no place for more.
    """
    ending = check_ending(path)
    if buffers and ending == '.pkl':
        raise InputError(f"{path}: expected a name that ends in .npz, for the book's list of parameters has no place "
                         f'for the {len(buffers)} buffers (running means) of this model, got {ending!r}')
    named = numbered('param', params) | numbered('buffer', buffers)
    arrays = {name: to_cpu(array) for name, array in named.items()}
    for name, array in arrays.items():
        if not is_floats(array):
            raise InputTypeError(f'{name}: expected an array of floating-point numbers, got an array of {array.dtype}')
    if ending == '.npz':
        save_npz(path, arrays | {'about': facts_to_array(about)} | (words_to_arrays(words) if words else {}))
    else:
        save_pickle(path, [narrowed(name, array, 'f2') for name, array in arrays.items()])


def load_weights(path, params=None, buffers=(), names=None) -> Weights:
    """The weights in a file of save_params or of the book.

    params, buffers: a model's, which the arrays are to fill: then all arrays fit them, and have their types; names: of
    its params, for a pickle of volume 1, a dict of arrays. (No pickle holds buffers.) Where the file is absent, that of
    the other format and the same stem is taken. InputError, naming the file, for whatever is wrong.
    """
    check_ending(path)
    path = find_file(path)
    if path.suffix == '.npz':
        weights, names = weights_of_npz(path, params, buffers), None
    else:
        arrays, names = arrays_of_pickle(path, params, names)
        weights = Weights(path, arrays, {}, None, [])
    if params is None:
        return weights
    arrays = fit_params(path, weights.arrays, params, names=names)
    found = fit_params(path, weights.buffers, buffers if weights.buffers else (), 'buffer')
    return weights._replace(arrays=arrays, buffers=found)


def weights_of_npz(path, params, buffers) -> Weights:
    """See load_weights."""
    shapes = None
    if params is not None:
        named = numbered('param', params) | numbered('buffer', buffers)
        shapes = {name: array.shape for name, array in named.items()}
    content = load_npz(path, shapes, BESIDES)
    about: Any = {}
    with refusing(path):
        words = words_from_arrays(content)
        if 'about' in content:
            about = json.loads(from_text_array(content['about']))
            if not isinstance(about, dict):
                raise InputError(f'expected facts by their names, got a {type(about).__name__}')
    names = sorted(content.keys() - set(BESIDES), key=lambda name: (len(name), name))
    return Weights(path, [content[name] for name in names if not name.startswith('buffer_')], about, words,
                   [content[name] for name in names if name.startswith('buffer_')])


def arrays_of_pickle(path, params, names):
    """The list of arrays in a pickle of the book, and their names where it is a dict, else None. See load_weights."""
    arrays = load_pickle(path)
    if isinstance(arrays, dict) and names:
        return in_order(path, arrays, names), names
    if not isinstance(arrays, list):
        no_names = params is not None and isinstance(arrays, dict)
        raise InputError(f'{path}: expected a list of {"" if params is None else f"{len(params)} "}arrays'
                         f'{", for this model has no names for them" * no_names}, got a {type(arrays).__name__}')
    if params is not None and len(arrays) != len(params):
        raise InputError(f'{path}: expected {len(params)} arrays, got {len(arrays)}')
    return arrays, None


def in_order(path, arrays, names):
    """The arrays of a dict as a list in the order of their names; InputError unless it has these names alone."""
    missing = [name for name in names if name not in arrays]
    more = [str(name) for name in arrays if name not in names]
    if missing or more:
        found = 'no ' + ', '.join(missing) if missing else ', '.join(more) + ' too'
        raise InputError(f'{path}: expected arrays named {", ".join(names)}, got {shown(found[:200])}')
    return [arrays[name] for name in names]


def fit_params(path, arrays, params, stem='param', names=None) -> list[np.ndarray]:
    """The arrays of a file in the types of params, a model's, each of which it is to fill.

    They are called stem_0, stem_1, …, or by the names given. InputError, naming the file and the array, unless each is
    an array of floating-point numbers of the right shape, and each of params can be written. NaN and infinity are
    warned of.
    """
    names = names or [f'{stem}_{i}' for i in range(max(len(arrays), len(params)))]
    for name, param in zip(names, params, strict=False):
        if not getattr(param.flags, 'writeable', True):     # CuPy's have no such flag
            raise InputError(f'{name}: expected an array that can be filled from {path}, got a read-only one')
    found = dict(zip(names, arrays, strict=False))
    for name, array in found.items():
        if not is_floats(array):
            kind = f'an array of {array.dtype}' if isinstance(array, np.ndarray) else f'a {type(array).__name__}'
            raise InputError(f'{path}, {name}: expected an array of floating-point numbers, got {kind}')
    check_shapes(path, {name: param.shape for name, param in zip(names, params, strict=False)},
                 {name: array.shape for name, array in found.items()})
    filled = []
    for (name, array), param in zip(found.items(), params, strict=True):    # a comprehension can be a call more
        filled.append(as_type(path, name, array, param.dtype, level=5))
    return filled


def lstm_sizes(weights: Weights) -> tuple[int, int, int]:
    """vocab_size, wordvec_size, hidden_size of a model whose first arrays are embed_W (V, D), Wx and Wh (H, 4H)."""
    shapes = [np.shape(array) for array in weights.arrays[:3]]
    if [len(shape) for shape in shapes] != [2, 2, 2] or shapes[0][1] != shapes[1][0]:
        raise InputError(f'{weights.path}: expected embed_W (V, D), Wx (D, 4H) and Wh (H, 4H) as its first arrays, got '
                         f'{", ".join(map(str, shapes)) or "none"}')
    return shapes[0][0], shapes[0][1], shapes[2][0]


# ---- word vectors


def save_words(path, word_vecs, id_to_word, about: dict | None = None) -> None:
    """Write word vectors (V, D) and their words (id_to_word: id -> word).

    .npz: `word_vecs` float32, the words in the order of the ids, and `about`. .pkl: the book's dict of word_vecs
    float16, word_to_id and id_to_word.
    """
    word_vecs, words = checked_words(word_vecs, id_to_word)
    if check_ending(path) == '.npz':
        save_npz(path, {'word_vecs': narrowed('word_vecs', word_vecs, 'f4'), **words_to_arrays(words),
                        'about': facts_to_array(about or {})})
    else:
        if len(words) > IN_A_PICKLE:
            raise InputError(f'id_to_word: expected at most {IN_A_PICKLE} words for a .pkl file, got {len(words)}: '
                             'name an .npz file')
        word_to_id = {word: i for i, word in enumerate(words)}
        save_pickle(path, {'word_vecs': narrowed('word_vecs', word_vecs, 'f2'), 'word_to_id': word_to_id,
                           'id_to_word': dict(enumerate(words))})


def checked_words(word_vecs, id_to_word) -> tuple[np.ndarray, list[str]]:
    """The vectors (V, D) in main memory, and their words in the order of the ids; InputError unless they fit."""
    word_vecs = to_cpu(word_vecs)
    if sorted(id_to_word) != list(range(len(word_vecs))):
        raise InputError(f'id_to_word: expected the ids 0 to {len(word_vecs) - 1}, one for each vector, got '
                         f'{len(id_to_word)} ids')
    if not word_vecs.size:
        raise InputError(f'word_vecs: expected one vector or more, of one number or more, got {word_vecs.shape}')
    words = [id_to_word[i] for i in range(len(word_vecs))]
    if word_vecs.ndim != 2 or len(set(words)) != len(words) or not all(isinstance(word, str) for word in words):
        raise InputError(f'word_vecs: expected (V, D) and V different words, all text, got {word_vecs.shape} and '
                         f'{len(set(words))} words')
    return word_vecs, words


def load_words(path) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """word_vecs (V, D) float32, word_to_id, id_to_word, as save_words or the book wrote them."""
    check_ending(path)
    path = find_file(path)
    content = load_npz(path) if path.suffix == '.npz' else load_pickle(path)
    word_vecs: Any = content.get('word_vecs') if isinstance(content, dict) else None
    if not is_floats(word_vecs) or word_vecs.ndim != 2 or not word_vecs.size:
        raise InputError(f'{path}: expected word_vecs (V, D) of floats, and V words, got no word vectors')
    size = len(word_vecs)
    id_to_word: Any = content.get('id_to_word')
    if path.suffix == '.npz':
        with refusing(path):
            id_to_word = dict(enumerate(words_from_arrays(content) or []))
    if not isinstance(id_to_word, dict) or len(id_to_word) != size or id_to_word.keys() != set(range(size)):
        raise InputError(f'{path}: expected one word for each of the ids 0 to {size - 1}, got other ids')
    id_to_word = {i: id_to_word[i] for i in range(size)}
    if not all(isinstance(word, str) for word in id_to_word.values()):
        raise InputError(f'{path}: expected words that are text, got some that are not')
    word_to_id = {word: i for i, word in id_to_word.items()}
    if len(word_to_id) != size:
        raise InputError(f'{path}: expected {size} different words, one for each vector, got {len(word_to_id)}')
    return as_type(path, 'word_vecs', word_vecs, np.float32), word_to_id, id_to_word
