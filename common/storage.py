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
from itertools import count
from pathlib import Path

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


def move_aside(path) -> None:
    """Give the file of this name, where there is one, the name NAME.1.npz, or .2 … where that is taken, and say so."""
    path = Path(path)
    if path.exists():
        other = next(other for number in count(1)
                     if not (other := path.with_suffix(f'.{number}{path.suffix}')).exists())
        path.rename(other)
        print(f'{path} was there and is now {other}')


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


def load_npz(path, shapes: dict | None = None, besides=()) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    shapes: what is expected, name -> shape. Names and shapes are compared with the file's headers before the first
    array is read; arrays named in besides may be there too, of any shape. InputError, naming the file, for whatever
    does not fit, is not an .npz file, holds objects or unfolds to far more than its size.
    """
    with open(path, 'rb') as file:
        with refusing(path):
            archive = zipfile.ZipFile(file)
            members = _members(archive, os.fstat(file.fileno()).st_size)
            found = {name: _read_shape(archive, info) for name, info in members.items()}
        if shapes is not None:
            check_shapes(path, shapes, {name: shape for name, shape in found.items() if name not in besides})
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
