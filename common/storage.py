"""Arrays and words on disk: whole or not at all when written, as data and never as code when read.

Two formats, told apart by the file's ending: .npz holds named arrays, .pkl is the book's pickle. Always plain
NumPy here, even on a GPU: files hold what lies in main memory.
"""
import math
import os
import pickle
import uuid
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from common.checks import InputError, InputTypeError
from common.np import to_cpu
from common.unpickle import check_size, unpickle

ENDINGS = ('.npz', '.pkl')
ROOM = 2**24        # bytes that the arrays of an .npz file may always unfold to
BLOCK = 2**18       # bytes read at once


# ---- writing

@contextmanager
def replacing(path):
    """A file open for writing beside `path`, which takes its place once all of it is on disk."""
    path = Path(os.path.realpath(path))      # a link stays a link: its target is replaced
    if not path.parent.is_dir():
        raise FileNotFoundError(f'{path} cannot be written: there is no folder {path.parent}')
    part = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:8]}')
    try:
        with open(part, 'xb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (str(part), None):      # None: a full disk
            error.filename = str(path)      # the name that the reader knows
        raise


def save_npz(path, arrays: dict) -> None:
    """Write the arrays under their names, without any pickle. A file already there is replaced whole."""
    host = {name: to_cpu(array) for name, array in arrays.items()}
    for name, array in host.items():
        if array.dtype.hasobject:
            raise InputTypeError(f'{path}, {name}: expected an array of numbers or of text, got Python objects')
    with replacing(path) as file, zipfile.ZipFile(file, 'w') as archive:
        for name, array in host.items():
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def save_pickle(path, obj) -> None:
    """Write obj as a pickle. A file already there is replaced whole."""
    with replacing(path) as file:
        pickle.dump(obj, file)


# ---- reading

def find_file(path) -> Path:
    """The path itself when a file is there, else the file of the same stem in the other format."""
    path = Path(path)
    if path.is_file():
        return path
    if path.suffix not in ENDINGS:
        raise FileNotFoundError(f'there is no file {path}')
    other = path.with_suffix(ENDINGS[1 - ENDINGS.index(path.suffix)])
    if other.is_file():
        return other
    raise FileNotFoundError(f'there is no file {path}, nor {other}')


@contextmanager
def refusing(path):
    """Whatever goes wrong while the content of a file is worked out becomes one ValueError that names the file."""
    try:
        yield
    except (LookupError, EOFError):
        raise InputError(f'{path} is refused: it is damaged or cut short') from None
    except MemoryError:
        raise InputError(f'{path} is refused: it takes more memory than there is') from None
    except Exception as error:
        # it may quote the file: pages of it, or what a terminal would obey
        reason = ''.join(filter(str.isprintable, ' '.join(str(error)[:200].split())))
        raise InputError(f'{path} is refused: {reason}') from None


def load_npz(path, shapes: dict | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    shapes: what is expected, name -> shape. Names and shapes are compared with the file's headers before the first
    array is read. ValueError, naming the file, for whatever does not fit, is not an .npz file, holds objects or unfolds
    to far more than its size.
    """
    with open(path, 'rb') as file:
        with refusing(path):
            archive = zipfile.ZipFile(file)
            members = _members(archive, os.fstat(file.fileno()).st_size)
            found = {name: _read_shape(archive, info) for name, info in members.items()}
        if shapes is not None:
            check_shapes(path, shapes, found)
        with refusing(path):
            return {name: _read_array(archive, info) for name, info in members.items()}


def check_shapes(path, expected: dict, found: dict) -> None:
    """Raise a ValueError for the first array that is missing, too many or of another shape than expected.

    Both dicts: name -> shape.
    """
    for name, shape in expected.items():
        if name not in found:
            raise InputError(f'{path}, {name}: expected {tuple(shape)}, got nothing (the file holds {len(found)} '
                             f'arrays, not {len(expected)})')
        if tuple(found[name]) != tuple(shape):
            raise InputError(f'{path}, {name}: expected {tuple(shape)}, got {tuple(found[name])}')
    for name, shape in found.items():
        if name not in expected:
            raise InputError(f'{path}, {name}: expected no such array besides the other {len(expected)}, got '
                             f'{tuple(shape)}')


def _members(archive, size) -> dict[str, zipfile.ZipInfo]:
    """What the archive says to hold, by the arrays' names. size: of the whole file, in bytes."""
    members = {}
    for info in archive.infolist():
        name = info.filename.removesuffix('.npy')
        if name == info.filename:
            raise InputError(f'it holds {info.filename}, which is not an array')
        if len(name) > 100 or not name.isprintable():
            raise InputError('it holds an array whose name is not short and printable')
        if name in members:
            raise InputError(f'it holds {name} twice')
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f'{info.filename} is compressed in a way that NumPy does not write')
        members[name] = info
    if sum(info.file_size for info in members.values()) > ROOM + 4 * size:
        raise InputError('its arrays are far larger than the file')
    return members


def _read_header(info, member):
    """shape, dtype and order of the array that follows in the open member."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise InputError(f'{info.filename} is in version {version} of the .npy format; expected (1, 0) or (2, 0)')
    check_size(shape, dtype, info.file_size - member.tell())
    return shape, dtype, 'F' if fortran else 'C'


def _read_shape(archive, info):
    with archive.open(info) as member:
        return _read_header(info, member)[0]


def _read_array(archive, info):
    with archive.open(info) as member:
        shape, dtype, order = _read_header(info, member)
        data = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
        for i in range(0, len(data), BLOCK):    # zipfile copies all that it has at every step of one long read
            block = data[i:i + BLOCK]
            if member.readinto(block) != len(block):
                raise EOFError
        return np.ndarray(shape, dtype, data, order=order)


def load_pickle(path):
    """What a pickle holds: NumPy arrays and scalars, dicts, lists, tuples, str, bytes, int, float, bool, None.

    A file that asks for anything else, or whose arrays do not fit their bytes, is refused with a ValueError that
    names it; nothing in a file is ever run.
    """
    data = Path(path).read_bytes()
    with refusing(path):
        return unpickle(data)


# ---- words

def save_words(path, word_vecs, id_to_word) -> None:
    """Write word vectors (V, D) and their words (id_to_word: id -> word).

    .npz: `word_vecs` float32 and `words`, text in the order of the ids. .pkl: the book's dict of word_vecs float16,
    word_to_id and id_to_word.
    """
    word_vecs = to_cpu(word_vecs)
    if sorted(id_to_word) != list(range(len(word_vecs))):
        raise InputError(f'id_to_word: expected the ids 0 to {len(word_vecs) - 1}, one for each vector, got '
                         f'{len(id_to_word)} ids')
    words = [id_to_word[i] for i in range(len(word_vecs))]
    if word_vecs.ndim != 2 or len(set(words)) != len(words) or not all(isinstance(word, str) for word in words):
        raise InputError(f'word_vecs: expected (V, D) and V different words, all text, got {word_vecs.shape} and '
                         f'{len(set(words))} words')
    if check_ending(path) == '.npz':
        save_npz(path, {'word_vecs': word_vecs.astype('f4'), 'words': np.array(words, dtype=str)})
    else:
        word_to_id = {word: i for i, word in enumerate(words)}
        save_pickle(path, {'word_vecs': word_vecs.astype('f2'), 'word_to_id': word_to_id,
                           'id_to_word': dict(enumerate(words))})


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
        words = content.get('words', np.empty(0))
        with refusing(path):
            id_to_word = dict(enumerate(words.tolist())) if words.shape == (size,) else {}
    if not isinstance(id_to_word, dict) or len(id_to_word) != size or id_to_word.keys() != set(range(size)):
        raise InputError(f'{path}: expected one word for each of the ids 0 to {size - 1}, got other ids')
    id_to_word = {i: id_to_word[i] for i in range(size)}
    if not all(isinstance(word, str) for word in id_to_word.values()):
        raise InputError(f'{path}: expected words that are text, got some that are not')
    word_to_id = {word: i for i, word in id_to_word.items()}
    if len(word_to_id) != size:
        raise InputError(f'{path}: expected {size} different words, one for each vector, got {len(word_to_id)}')
    return as_type(path, 'word_vecs', word_vecs, np.float32), word_to_id, id_to_word


def check_ending(path) -> str:
    """.npz or .pkl, whichever the path ends in; ValueError for any other ending."""
    if Path(path).suffix not in ENDINGS:
        raise InputError(f'{path}: expected a name that ends in .npz or .pkl, got {Path(path).suffix or "nothing"!r}')
    return Path(path).suffix


def is_floats(array) -> bool:
    """Whether this is a NumPy array of floating-point numbers."""
    return isinstance(array, np.ndarray) and array.dtype.kind == 'f'


def as_type(path, name, array, dtype, level=3) -> np.ndarray:
    """The array of this name in a file as an array of dtype, with a warning where it holds NaN or infinity then.

    level: how many calls up the warning points, 3 at the caller's caller.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        array = array.astype(dtype, copy=False)
    strange = array.size - np.count_nonzero(np.isfinite(array))
    if strange:
        warnings.warn(f'{name} of {path} holds {strange} numbers that are NaN or infinite', stacklevel=level)
    return array


def fit_params(path, arrays: dict, params) -> list[np.ndarray]:
    """The arrays param_0, param_1, … of a file in the types of params, a model's, each of which it is to fill.

    ValueError, naming the file and the array, unless there is an array of floating-point numbers of the right shape
    for each. NaN and infinity are warned of.
    """
    expected = {f'param_{i}': param for i, param in enumerate(params)}
    for name, array in arrays.items():
        if not is_floats(array):
            kind = f'an array of {array.dtype}' if isinstance(array, np.ndarray) else f'a {type(array).__name__}'
            raise InputError(f'{path}, {name}: expected an array of floating-point numbers, got {kind}')
    check_shapes(path, {name: param.shape for name, param in expected.items()},
                 {name: array.shape for name, array in arrays.items()})
    filled = []
    for name, param in expected.items():        # a comprehension would be a call more in some Pythons
        filled.append(as_type(path, name, arrays[name], param.dtype, level=4))
    return filled


# ---- random state

def get_random_state() -> dict[str, np.ndarray]:
    """The state of the global np.random as plain arrays named random_…, to be saved beside others with save_npz."""
    state: Any = np.random.get_state()
    _, keys, position, has_gauss, gauss = state
    return {'random_keys': keys, 'random_position': np.array(position),
            'random_has_gauss': np.array(has_gauss), 'random_gauss': np.array(gauss)}


def set_random_state(arrays: dict) -> None:
    """Put the global np.random where get_random_state found it. Other arrays in the dict are left alone."""
    names = ('random_keys', 'random_position', 'random_has_gauss', 'random_gauss')
    for name in names:
        if name not in arrays:
            raise InputError(f'{name}: expected an array of the random state, got nothing')
    keys, position, has_gauss, gauss = (arrays[name] for name in names)
    if keys.shape != (624,) or keys.dtype != np.uint32:
        raise InputError(f'random_keys: expected (624,) of uint32, got {keys.shape} of {keys.dtype}')
    # NumPy does not check the position, and would read behind the end of the keys.
    for name, array, last in (('random_position', position, 624), ('random_has_gauss', has_gauss, 1)):
        if array.shape != () or array.dtype.kind != 'i' or not 0 <= array <= last:
            raise InputError(f'{name}: expected a number from 0 to {last}, got {array[:3] if array.ndim else array}')
    if gauss.shape != () or not is_floats(gauss) or not np.isfinite(gauss):
        raise InputError(f'random_gauss: expected a finite number, got {gauss[:3] if gauss.ndim else gauss}')
    np.random.set_state(('MT19937', keys, int(position), int(has_gauss), float(gauss)))
