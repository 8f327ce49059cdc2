"""What comes in is looked at here: one kind of error, one sentence, the argument's name first."""
import math
import os
import re
import stat
from contextlib import contextmanager
from numbers import Integral, Real

NUMBERS = 'fiub'      # NumPy's kinds: floats, integers, without a sign too, and bools


class InputError(ValueError):
    """What came in is not what was expected; the message is one sentence that names the argument, or the file."""


class InputTypeError(InputError, TypeError):
    """An InputError where the type is wrong: a TypeError too."""


def check_shape(name, array, free, *fixed):
    """ValueError unless array has the shape: for each letter of `free` any length from 1 on, then the lengths `fixed`.

    check_shape('xs', xs, 'NT', 100) wants (N, T, 100). Where each microsecond counts, a cheaper look stands before the
    call: `if xs.ndim != 3 …`.
    """
    try:
        shape, kind = array.shape, array.dtype.kind
    except AttributeError:
        raise InputTypeError(f'{name}: expected an array ({expected(free, fixed)}), got '
                             f'{type(array).__name__}') from None
    if kind not in NUMBERS:
        check_array(name, array)
    if shape[len(free):] != fixed or len(shape) < len(free) or 0 in shape:
        raise InputError(f'{name}: expected ({expected(free, fixed)}){", each 1 or more" * (0 in shape)}, got {shape}')


def check_dout(name, dout, shape):
    """InputError unless dout, the gradient that backward was given, is of this shape, that of what forward gave.

    NumPy would stretch a dout of many other shapes in silence.
    """
    if getattr(dout, 'shape', None) != shape or dout.dtype.kind != 'f':
        check_shape(name, dout, '', *shape)


def expected(free, fixed):
    """How a tuple of these lengths is written: N, T, 100."""
    lengths = ', '.join([*free, *map(str, fixed)])
    return lengths + ',' * (len(free) + len(fixed) == 1)


def check_array(name, x):
    """InputTypeError unless x is an array of numbers."""
    try:
        kind = x.dtype.kind
    except AttributeError:
        raise InputTypeError(f'{name}: expected an array, got {type(x).__name__}') from None
    if kind not in NUMBERS:
        raise InputTypeError(f'{name}: expected an array of numbers, got {x.dtype}')


def brief(thing):
    """How a message shows what came in: as Python writes it, or its type where that takes more than a few words."""
    text = repr(thing)
    return text if len(text) <= 60 and text.isprintable() else type(thing).__name__


def check_arrays(name, arrays):
    """InputTypeError unless arrays is a list of arrays."""
    if not isinstance(arrays, list | tuple):
        raise InputTypeError(f'{name}: expected a list of arrays, got {type(arrays).__name__}')
    for i, array in enumerate(arrays):
        check_array(f'{name}[{i}]', array)


def check_integer(name, number):
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise InputTypeError(f'{name}: expected an integer, got {brief(number)}')


def check_number(name, number):
    """InputTypeError unless number is one: Python's, NumPy's, or an array of the shape ()."""
    if not isinstance(number, Real) and (getattr(number, 'shape', None) != () or number.dtype.kind not in NUMBERS):
        raise InputTypeError(f'{name}: expected a number, got {brief(number)}')


def check_id(name, number, size):
    """TypeError unless number is an integer, ValueError unless it lies in 0 … size − 1."""
    check_integer(name, number)
    if not 0 <= number < size:
        raise InputError(f'{name}: expected an id from 0 to {size - 1}, got {number}')


def check_sizes(least=1, /, **sizes):
    """TypeError unless each size is an integer, ValueError unless it is `least` or more."""
    for name, size in sizes.items():
        check_integer(name, size)
        if size < least:
            raise InputError(f'{name}: expected {least} or more, got {size}')


def check_range(name, number, low, high):
    """ValueError unless low <= number < high, which no NaN is; TypeError for what is no number."""
    check_number(name, number)
    if not low <= number < high:
        if high < math.inf:
            raise InputError(f'{name}: expected {low} or more and less than {high}, got {number}')
        wanted = 'a finite number' if low == -math.inf else f'a finite number, {low:.3g} or more'
        raise InputError(f'{name}: expected {wanted}, got {number}')


def check_ids(ids, size, name):
    """TypeError unless ids are integers, ValueError unless all lie in 0 … size − 1 (size may be infinite).

    NumPy would count negative ones from the end, in silence.
    """
    if ids.dtype.kind not in 'iu':
        check_id_dtype(ids, name)
    if ids.size and ids.astype('u8').max() >= min(size, 2**63):     # without a sign, a negative one is larger than all
        wanted = f'from 0 to {size - 1}' if size < math.inf else 'of 0 or more'
        raise InputError(f'{name}: expected ids {wanted}, got {ids.min()} to {ids.max()}')


def check_id_dtype(ids, name):
    if ids.dtype.kind not in 'iu':
        raise InputTypeError(f'{name}: expected integers, for these are ids, got {ids.dtype}')


def check_flag(name, flag):
    """InputTypeError unless flag is True or False, be it NumPy's or 1 or 0: any text is true."""
    try:
        known = flag in {True, False}
    except TypeError:       # a list, an array
        known = False
    if not known:
        raise InputTypeError(f'{name}: expected True or False, got {brief(flag)}')


def check_seed(seed: int) -> None:
    """InputError for what np.random does not take as a seed."""
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 2**32:
        raise InputError(f'seed: expected an integer from 0 to {2**32 - 1}, got {seed!r}')


# ---- files, and what stands in them


def open_regular(path):
    """The file, open for reading bytes: every file that comes in is opened here.

    OSError, without waiting, for what is no regular file, at the end of links too: a pipe or a device could have no
    end, or wait for ever for its first byte.
    """
    file = open(path, 'rb', opener=_without_waiting)        # noqa: SIM115       the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f'{path}: expected a regular file, got a pipe or a device')
    return file


def _without_waiting(name, flags):
    return os.open(name, flags | getattr(os, 'O_NONBLOCK', 0))      # Windows has no such flag, nor such pipes


@contextmanager
def naming_memory(path):
    """A MemoryError within it names the file, and what was asked for: an array, or the file's own bytes."""
    try:
        yield
    except MemoryError as error:
        if str(path) in str(error):     # it has been named already
            raise
        try:
            asked = str(error) or f'the file has {os.path.getsize(path):,} bytes'
        except OSError:
            asked = 'its size is not known'
        raise MemoryError(f'{path} takes more memory than there is: {asked}') from None


def shown(text: str) -> str:
    """The text as a terminal can show it: what would move its cursor, clear it or turn its lines round is escaped."""
    return re.sub('[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]',
                  lambda found: found[0].encode('unicode_escape').decode(), text)
