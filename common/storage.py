"""Arrays and words on disk: whole or not at all when written, as data and never as code when read.

Two formats, told apart by the file's ending: .npz holds named arrays, .pkl is the book's pickle. Both carry a
checksum where others read over it: an archive as its comment, a pickle behind its end. Always plain NumPy here, even
on a GPU: files hold what lies in main memory.
"""
import hashlib
import io
import os
import pickle
import re
import warnings
import zipfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.checks import InputError, InputTypeError, naming_memory, open_regular
from common.np import to_cpu
from common.unpickle import check_size, check_text, plain_dtype, unpickle
from common.writing import replacing

ENDINGS = ('.npz', '.pkl')
ROOM = 2**24        # bytes that the arrays of an .npz file may always unfold to
BLOCK = 2**18       # bytes read at once
MEMBERS = 2**12     # arrays that an .npz file may hold
DIRECTORY = 2**20   # bytes of the directory of an .npz file: room for MEMBERS of long names
MARK = b'dlfs2 sha256 '     # stands before a checksum


# ---- writing


def save_npz(path, arrays: dict) -> None:
    """Write the arrays under their names, without any pickle. A file already there is replaced whole.

    InputError for what load_npz would not read: other arrays than of numbers or of text, names of no use.
    """
    host = {}
    for name, array in arrays.items():
        if not isinstance(name, str) or not _is_name(name):
            raise InputError(f'{path}: expected names of 1 to 100 printable characters, got {name!r:.60}')
        if isinstance(array, np.ma.MaskedArray):
            raise InputTypeError(f'{path}, {name}: expected an array of numbers or of text, got a masked one')
        host[name] = to_cpu(array)
        check_can_be_read(f'{path}, {name}', host[name])
    if len(host) > MEMBERS:
        raise InputError(f'{path}: expected at most {MEMBERS} arrays, got {len(host)}')
    with replacing(path) as file, zipfile.ZipFile(file, 'w') as archive:
        archive.comment = MARK + checksum(host).encode()
        for name, array in host.items():
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def check_can_be_read(name, array):
    """InputTypeError for an array that would not be read back."""
    if array.dtype.hasobject:
        raise InputTypeError(f'{name}: expected an array of numbers or of text, got Python objects')
    try:
        check_size(array.shape, array.dtype, array.nbytes)
        check_text(array.dtype, array.tobytes() if array.dtype.kind == 'U' else b'')
    except ValueError:
        raise InputTypeError(f'{name}: expected an array of numbers or of text, got {array.dtype} of the shape '
                             f'{array.shape}') from None


def checksum(arrays: dict) -> str:
    """The SHA-256 of the arrays' names, types, shapes and numbers, in their order."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f'{name} {array.dtype.str} {array.shape}\n'.encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def move_aside(path) -> None:
    """Give the file of this name, where there is one, the name NAME.1.npz, or .2 … where that is taken, and say so."""
    path = Path(path)
    if path.exists():
        other = next(other for number in count(1)
                     if not (other := path.with_suffix(f'.{number}{path.suffix}')).exists())
        path.rename(other)
        print(f'{path} was there and is now {other}')


def save_pickle(path, obj) -> None:
    """Write obj as a pickle. A file already there is replaced whole.

    InputTypeError for what load_pickle would not read, sets for instance: the pickle is read once before it is written.
    """
    try:
        data = pickle.dumps(obj, 4)
        unpickle(data)
    except (ValueError, LookupError, EOFError, TypeError, AttributeError, RecursionError,
            pickle.PicklingError) as error:
        raise InputTypeError(f'{path}: expected arrays, lists, dicts, tuples, text and numbers, got others: '
                             f'{_in_one_line(error)}') from None
    with replacing(path) as file:
        file.write(data)
        file.write(MARK + hashlib.sha256(data).hexdigest().encode())


# ---- reading

def find_file(path) -> Path:
    """The path itself when a file is there, else the file of the same stem in the other format."""
    path = Path(path)
    if path.exists():       # a folder or a pipe, too: whoever opens it will say so
        return path
    if path.suffix not in ENDINGS:
        raise FileNotFoundError(f'there is no file {path}')
    other = path.with_suffix(ENDINGS[1 - ENDINGS.index(path.suffix)])
    if other.is_file():
        return other
    raise FileNotFoundError(f'there is no file {path}, nor {other}')


@contextmanager
def refusing(path):
    """Whatever goes wrong while the content of a file is worked out becomes one ValueError that names the file.

    Where memory does not suffice it stays a MemoryError, which says for what.
    """
    try:
        with naming_memory(path):
            yield
    except (LookupError, EOFError):
        raise InputError(f'{path} is refused: it is damaged or cut short') from None
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(f'{path} is refused: {_in_one_line(error)}') from None


def _in_one_line(error):
    """What an error says, without what it may quote of a file: pages of it, or what a terminal would obey."""
    return ''.join(filter(str.isprintable, ' '.join(str(error)[:200].split())))


class _InPieces(io.BufferedReader):
    """A file of which zipfile reads no more than DIRECTORY bytes at once: it wants a directory whole, however long."""

    def read(self, n=-1):
        if n is not None and n > DIRECTORY:
            raise InputError(f'it holds more than {MEMBERS} arrays')
        return super().read(n)


class _Member(NamedTuple):
    """An array in an archive: where it stands, its shape and so on, and the bytes before its first number."""

    info: zipfile.ZipInfo
    shape: tuple
    dtype: np.dtype
    order: str
    start: int


def load_npz(path, shapes: dict | None = None, besides=()) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    shapes: what is expected, name -> shape. Names and shapes are compared with the file's headers before the first
    array is read; arrays named in besides may be there too, of any shape. InputError, naming the file, for whatever
    does not fit, is not an .npz file, holds objects, unfolds to far more than its size or is not what its checksum
    says. One without a checksum, of NumPy or of an earlier version, is read too.
    """
    with _InPieces(open_regular(path).detach()) as file:
        with refusing(path):
            archive = zipfile.ZipFile(file)
            infos = _infos(archive, os.fstat(file.fileno()).st_size)
            members = {name: _read_header(archive, info) for name, info in infos.items()}
        if shapes is not None:
            check_shapes(path, shapes, {name: member.shape for name, member in members.items() if name not in besides})
        with refusing(path):
            arrays = {name: _read_array(archive, member) for name, member in members.items()}
            if archive.comment.startswith(MARK) and archive.comment != MARK + checksum(arrays).encode():
                raise InputError('it is damaged: its arrays are not those of its checksum')
    return arrays


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


def _is_name(name):
    return 0 < len(name) <= 100 and name.isprintable()


def _infos(archive, size) -> dict[str, zipfile.ZipInfo]:
    """What the archive says to hold, by the arrays' names. size: of the whole file, in bytes."""
    infos: dict[str, zipfile.ZipInfo] = {}
    if len(archive.infolist()) > MEMBERS:
        raise InputError(f'it holds more than {MEMBERS} arrays')
    for info in archive.infolist():
        name = info.filename.removesuffix('.npy')
        if name == info.filename:
            raise InputError(f'it holds {info.filename}, which is not an array')
        if not _is_name(name):
            raise InputError('it holds an array whose name is not short and printable')
        if name in infos:
            raise InputError(f'it holds {name} twice')
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f'{info.filename} is compressed in a way that NumPy does not write')
        infos[name] = info
    if sum(info.file_size for info in infos.values()) > ROOM + 4 * size:
        raise InputError('its arrays are far larger than the file')
    return infos


# As NumPy writes it, and others after it: no other order of the three, and nothing to be worked out.
HEADER = re.compile(r"\{'descr': ?'([^']*)', ?'fortran_order': ?(True|False), ?"
                    r"'shape': ?\(((?:\d+L?, ?)*)(\d*)\),? ?\} *\n?")


def _read_header(archive, info) -> _Member:
    with archive.open(info) as member:
        magic = member.read(8)
        lengths = {b'\x93NUMPY\x01\x00': 2, b'\x93NUMPY\x02\x00': 4}        # bytes that the header's length takes
        if magic not in lengths:
            raise InputError(f'{info.filename} is no array in version 1 or 2 of the .npy format')
        length = int.from_bytes(member.read(lengths[magic]), 'little')
        found = length <= 2000 and HEADER.fullmatch(member.read(length).decode('latin1'))
        if not found:
            raise InputError(f'{info.filename} has a header that is not of an array of numbers or of text')
        start = member.tell()
    descr, fortran, first, last = found.groups()
    shape = tuple(int(n) for n in re.findall(r'\d+', first + last))
    dtype = plain_dtype(descr)
    check_size(shape, dtype, info.file_size - start)
    return _Member(info, shape, dtype, 'F' if fortran == 'True' else 'C', start)


def _read_array(archive, member):
    info, shape, dtype, order, start = member
    try:
        data = np.empty(info.file_size - start, np.uint8)
    except MemoryError:
        raise MemoryError(f'{info.filename}, {shape} of {dtype}, has {info.file_size - start:,} bytes') from None
    with archive.open(info) as file:
        file.read(start)
        for i in range(0, len(data), BLOCK):    # zipfile copies all that it has at every step of one long read
            block = data[i:i + BLOCK]
            if file.readinto(block) != len(block):
                raise EOFError
    check_text(dtype, data)
    return np.ndarray(shape, dtype, data, order=order)


def load_pickle(path):
    """What a pickle holds: NumPy arrays and scalars, dicts, lists, tuples, str, bytes, int, float, bool, None.

    A file that asks for anything else, whose arrays do not fit their bytes, or whose checksum, where it has one, is
    another, is refused with a ValueError that names it; nothing in a file is ever run.
    """
    with open_regular(path) as file, refusing(path):
        data = file.read()
        content, _, given = data.rpartition(MARK)
        if content and len(given) == 64 and hashlib.sha256(content).hexdigest().encode() != given:
            raise InputError('it is damaged: its content is not that of its checksum')
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
