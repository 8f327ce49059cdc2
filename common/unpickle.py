"""Pickles read without running them.

A pickle is a program for a small machine: one instruction calls a function, any function, and others reserve as much
memory as the file asks for. The machine here knows only the instructions that lists, dicts, tuples, text, numbers and
arrays need. pickletools reads what follows an instruction, and no name in the file ever leads to anything but the six
functions in _CALLS. Whatever the file holds, the time that it takes grows with its length and no faster.
"""
import io
import math
import pickletools
import re
from collections.abc import Callable

import numpy as np

INSTRUCTIONS = 2**21        # that a pickle may hold, each of which can take 100 bytes of memory
FEW = 256                   # integers that a dict may have as keys whatever they are; more must be 0, 1, 2 …


def plain_dtype(name):
    """The dtype of a name such as `<f4`; ValueError for other things than numbers, truth values and text."""
    if re.fullmatch(r'[<>|=]?O8?', name):
        raise ValueError('it holds Python objects, which are not read')
    if not re.fullmatch(r'[<>|=]?[biufcSU][1-9]\d{0,8}', name):
        raise ValueError(f'it holds an array of type {name[:20]!r}, not of numbers or of text')
    return np.dtype(name)


def check_size(shape, dtype, n_bytes):
    """Raise unless an array of this shape and dtype takes just n_bytes. No array is made."""
    if dtype.kind not in 'biufcSU':
        raise ValueError(f'it holds an array of {dtype}, not of numbers or of text')
    if len(shape) > 32 or not all(isinstance(n, int) and 0 <= n < 2**63 for n in shape):
        raise ValueError('it holds an array whose shape is not a tuple of lengths')
    if math.prod(shape) * dtype.itemsize != n_bytes or not dtype.itemsize:
        raise ValueError(f'it holds {n_bytes} bytes for an array {tuple(shape)} of {dtype}')


def check_text(dtype, data):
    """Raise where data, the bytes of an array of text, holds a number that is no character's."""
    if dtype.kind != 'U' or not len(data):
        return
    if np.frombuffer(data, np.dtype('u4').newbyteorder(dtype.byteorder)).max() > 0x10FFFF:
        raise ValueError('it holds text with a character that Unicode does not have')


class _Name(str):
    """A name that stands for a function or a class in the file: text, until _CALLS knows it."""


class _Type:
    """A dtype on its way: a pickle states the byte order only after it has made the dtype."""

    def __init__(self, name, align=False, copy=True):
        self.dtype = plain_dtype(name)

    def set_state(self, version, order, *_):
        self.dtype = self.dtype.newbyteorder(order)


def _array(cls, shape, code):
    """An empty array, which set_array_state fills."""
    if (cls, shape) != ('numpy ndarray', (0,)):
        raise ValueError('it holds an array that NumPy did not write')
    return np.empty(0)


def _set_array_state(array, version, shape, kind, fortran, data):
    check_size(shape, kind.dtype, len(data))
    check_text(kind.dtype, data)
    array.__setstate__((1, shape, kind.dtype, bool(fortran), bytes(data)))


def _array_of_bytes(data, kind, shape, order, axes=None):
    check_size(shape, kind.dtype, len(data))
    check_text(kind.dtype, data)
    array = np.ndarray(shape, kind.dtype, data, order='F' if order == 'F' else 'C')
    return (array if axes is None else array.transpose(axes)).copy(order='K')


def _scalar(kind, data):
    check_size((), kind.dtype, len(data))
    check_text(kind.dtype, data)
    return np.ndarray((), kind.dtype, data)[()]


def _encode(text, encoding):
    """Protocols 0 to 2 know no bytes: they write them as text in latin1."""
    if encoding != 'latin1':
        raise ValueError('it holds bytes that are not written as latin1')
    return text.encode('latin1')


_CALLS: dict[str, Callable] = {
    'numpy.core.multiarray _reconstruct': _array,
    'numpy.core.multiarray scalar': _scalar,
    'numpy.core.numeric _frombuffer': _array_of_bytes,
    'numpy dtype': _Type,
    '_codecs encode': _encode,
    'builtins bytes': lambda: b'',
}


def _name(module, name):
    """`module name`, NumPy 2's and Python 2's modules under the names that stand in _CALLS."""
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError('it asks for a name that is no text')
    full = _Name(f'{module} {name}'.replace('numpy._core.', 'numpy.core.').replace('__builtin__ ', 'builtins '))
    if full not in _CALLS and full != 'numpy ndarray':
        raise ValueError(f'it asks for {module}.{name}; only arrays, lists, dicts, text and numbers are read')
    return full


# ---- dicts


def _key(key):
    """A key as it is kept: text, or an integer, NumPy's too, of less than 2**60."""
    if isinstance(key, str):
        return str(key)
    if type(key) is not int and not isinstance(key, np.integer):
        raise ValueError(f'it holds a dict with a key of type {type(key).__name__}; expected text or an integer')
    if abs(int(key)) >= 2**60:
        raise ValueError('it holds a dict with a key of 2**60 or more; expected smaller integers')
    return int(key)


def _fill(target, keys, values):
    """Put the items into an empty dict.

    Integers can be chosen so that each has to be compared with all before it, and 50,000 of them take half a minute.
    Those of FEW keys may do so; of more there must be 0, 1, 2 … without a gap, as the ids of words are: put in
    in this order, none of them meets another.
    """
    integers = [key for key in keys if type(key) is int]
    if len(integers) > FEW:
        different = np.unique(integers)
        n = len(different)
        if n > FEW and (different[0] != 0 or different[-1] != n - 1):
            raise ValueError(f'it holds a dict of {n} integers as keys; expected 0 to {n - 1}, for they are so many')
        target.update(dict.fromkeys(range(n)) if n > FEW else {})
    target.update(zip(keys, values, strict=True))


# ---- the machine


class _Machine:
    """stack, marks (heights of the stack to come back to) and memo are the pickle module's.

    The memo is a list, which grows by one place or two at an instruction: a dict's keys could be chosen too.
    """

    def __init__(self, size):
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: list = []
        self.dicts: dict[int, tuple[dict, list]] = {}       # id -> dict, its keys and values, which are put in last
        self.room = 2 * size        # bytes of arrays and of encoded text that may still be made: the same ones used
                                    # again and again would fill the memory from a small file

    def nothing(self, value):
        pass

    def push(self, value):
        self.stack.append(value)

    def push_true(self, value):
        self.stack.append(True)

    def push_false(self, value):
        self.stack.append(False)

    def push_list(self, value):
        self.stack.append([])

    def push_tuple(self, value):
        self.stack.append(())

    def push_dict(self, value):
        self.stack.append({})

    def mark(self, value):
        self.marks.append(len(self.stack))

    def pop_to_mark(self):
        height = self.marks.pop()
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def list_to_mark(self, value):
        self.stack.append(self.pop_to_mark())

    def tuple_to_mark(self, value):
        self.stack.append(tuple(self.pop_to_mark()))

    def dict_to_mark(self, value):
        items = self.pop_to_mark()
        self.stack.append({})
        self.add_items(items)

    def tuple_of(self, n):
        self.stack[-n:] = [tuple(self.stack[-n:])]

    def append(self, value):
        item = self.stack.pop()
        self.target(list).append(item)

    def append_to_mark(self, value):
        items = self.pop_to_mark()
        self.target(list).extend(items)

    def set_item(self, value):
        items = [self.stack.pop(-2), self.stack.pop()]
        self.add_items(items)

    def set_to_mark(self, value):
        items = self.pop_to_mark()
        self.add_items(items)

    def add_items(self, items):
        if len(items) % 2:
            raise IndexError
        target = self.target(dict)
        _, waiting = self.dicts.setdefault(id(target), (target, []))
        waiting.extend(item if i % 2 else _key(item) for i, item in enumerate(items))

    def target(self, kind):
        if type(self.stack[-1]) is not kind:
            raise ValueError(f'it adds items to a {type(self.stack[-1]).__name__}')
        return self.stack[-1]

    def put(self, place):
        if not 0 <= place <= len(self.memo) + 1:
            raise IndexError
        if place > len(self.memo):          # Python 2 begins with place 1
            self.memo.append(None)
        self.memo[place:place + 1] = [self.stack[-1]]

    def memoize(self, value):
        self.memo.append(self.stack[-1])

    def get(self, place):
        if place < 0:
            raise IndexError
        self.stack.append(self.memo[place])

    def push_name(self, value):
        self.stack.append(_name(*value.split(' ', 1)))

    def name_of_stack(self, value):
        self.stack.append(_name(self.stack.pop(-2), self.stack.pop()))

    def call(self, value):
        args = self.stack.pop()
        name = self.stack.pop()
        if not isinstance(name, _Name) or name not in _CALLS:
            raise ValueError('it calls something that makes no array')
        made = _CALLS[name](*args)
        self.take_room(len(made) if isinstance(made, bytes) else getattr(made, 'nbytes', 0))
        self.stack.append(made)

    def set_state(self, value):
        state = self.stack.pop()
        if type(self.stack[-1]) is np.ndarray:
            _set_array_state(self.stack[-1], *state)
            self.take_room(self.stack[-1].nbytes)
        elif type(self.stack[-1]) is _Type:
            self.stack[-1].set_state(*state)
        else:
            raise ValueError(f'it sets the state of a {type(self.stack[-1]).__name__}')

    def take_room(self, n_bytes):
        self.room -= n_bytes
        if self.room < 0:
            raise ValueError('its arrays are larger than the file')


_RUN: dict[str, Callable] = {
    'PROTO': _Machine.nothing, 'FRAME': _Machine.nothing,
    'NONE': _Machine.push, 'NEWTRUE': _Machine.push_true, 'NEWFALSE': _Machine.push_false,
    'INT': _Machine.push, 'BININT': _Machine.push, 'BININT1': _Machine.push, 'BININT2': _Machine.push,
    'LONG': _Machine.push, 'LONG1': _Machine.push, 'LONG4': _Machine.push, 'FLOAT': _Machine.push,
    'BINFLOAT': _Machine.push, 'UNICODE': _Machine.push, 'SHORT_BINUNICODE': _Machine.push,
    'BINUNICODE': _Machine.push, 'BINUNICODE8': _Machine.push, 'SHORT_BINBYTES': _Machine.push,
    'BINBYTES': _Machine.push, 'BINBYTES8': _Machine.push, 'BYTEARRAY8': _Machine.push,
    'EMPTY_LIST': _Machine.push_list, 'EMPTY_DICT': _Machine.push_dict, 'EMPTY_TUPLE': _Machine.push_tuple,
    'MARK': _Machine.mark, 'LIST': _Machine.list_to_mark, 'TUPLE': _Machine.tuple_to_mark,
    'TUPLE1': lambda machine, _: machine.tuple_of(1), 'TUPLE2': lambda machine, _: machine.tuple_of(2),
    'TUPLE3': lambda machine, _: machine.tuple_of(3), 'APPEND': _Machine.append, 'APPENDS': _Machine.append_to_mark,
    'DICT': _Machine.dict_to_mark, 'SETITEM': _Machine.set_item, 'SETITEMS': _Machine.set_to_mark,
    'PUT': _Machine.put, 'BINPUT': _Machine.put, 'LONG_BINPUT': _Machine.put, 'MEMOIZE': _Machine.memoize,
    'GET': _Machine.get, 'BINGET': _Machine.get, 'LONG_BINGET': _Machine.get,
    'GLOBAL': _Machine.push_name, 'STACK_GLOBAL': _Machine.name_of_stack,
    'REDUCE': _Machine.call, 'BUILD': _Machine.set_state,
}


def _read_name(stream):
    """The two lines of GLOBAL; pickletools would look for escapes in them, with a warning for those that are none."""
    module, name = stream.readline(), stream.readline()
    if not name.endswith(b'\n'):
        raise EOFError
    return f'{module[:-1].decode()} {name[:-1].decode()}'


_READ = {code.name: code.arg.reader if code.arg else lambda stream: None for code in pickletools.opcodes}
_READ['GLOBAL'] = _read_name
_NAMES = {code.code.encode('latin1'): code.name for code in pickletools.opcodes}
_STEPS = {code: (_READ[name], _RUN[name]) for code, name in _NAMES.items() if name in _RUN}


def unpickle(data):
    """What the pickle holds; an error of some kind for one that is not sound."""
    machine, stream = _Machine(len(data)), io.BytesIO(data)
    for _ in range(INSTRUCTIONS):
        code = stream.read(1)
        if code == b'.':
            break
        if code not in _STEPS:
            if not code:
                raise EOFError
            raise ValueError(f'it holds the instruction {_NAMES.get(code, code.hex())}, which no array, list, dict, '
                             'text or number needs')
        read, run = _STEPS[code]
        run(machine, read(stream))
    else:
        raise ValueError(f'it holds more than {INSTRUCTIONS} instructions')
    for target, items in machine.dicts.values():
        _fill(target, items[::2], items[1::2])
    return machine.stack.pop()
