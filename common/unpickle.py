"""Pickles read without running them.

A pickle is a program for a small machine: one instruction calls a function, any function, and others reserve as much
memory as the file asks for. The machine here knows only the instructions that lists, dicts, tuples, text, numbers and
arrays need. pickletools splits the file into instructions, and no name in the file ever leads to anything but the six
functions in _CALLS.
"""
import math
import pickletools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

INSTRUCTIONS = 2**22        # that a pickle may hold, each of which can take 100 bytes of memory


def check_size(shape, dtype, n_bytes):
    """Raise unless an array of this shape and dtype takes just n_bytes. No array is made."""
    if dtype.hasobject:
        raise ValueError('it holds Python objects, which are not read')
    if dtype.kind not in 'biufcSU':
        raise ValueError(f'it holds an array of {dtype}, not of numbers or of text')
    if len(shape) > 32 or not all(isinstance(n, int) and 0 <= n < 2**63 for n in shape):
        raise ValueError('it holds an array whose shape is not a tuple of lengths')
    if math.prod(shape) * dtype.itemsize != n_bytes or not dtype.itemsize:
        raise ValueError(f'it holds {n_bytes} bytes for an array {tuple(shape)} of {dtype}')


class _Name(str):
    """A name that stands for a function or a class in the file: text, until _CALLS knows it."""


class _Type:
    """A dtype on its way: a pickle states the byte order only after it has made the dtype."""

    def __init__(self, name, align=False, copy=True):
        if not re.fullmatch(r'[biufcSU][1-9]\d{0,8}', name):
            raise ValueError(f'it holds an array of type {name[:20]!r}, not of numbers or of text')
        self.dtype = np.dtype(name)

    def set_state(self, version, order, *_):
        self.dtype = self.dtype.newbyteorder(order)


def _array(cls, shape, code):
    """An empty array, which set_array_state fills."""
    if (cls, shape) != ('numpy ndarray', (0,)):
        raise ValueError('it holds an array that NumPy did not write')
    return np.empty(0)


def _set_array_state(array, version, shape, kind, fortran, data):
    check_size(shape, kind.dtype, len(data))
    array.__setstate__((1, shape, kind.dtype, bool(fortran), bytes(data)))


def _array_of_bytes(data, kind, shape, order, axes=None):
    check_size(shape, kind.dtype, len(data))
    array = np.ndarray(shape, kind.dtype, data, order='F' if order == 'F' else 'C')
    return (array if axes is None else array.transpose(axes)).copy(order='K')


def _scalar(kind, data):
    check_size((), kind.dtype, len(data))
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


def _check_keys(keys):
    """Numbers and text alone: hashing a deeply nested key could take for ever, as could large integers of one hash."""
    for key in keys:
        if not isinstance(key, str | bytes | int | float | np.generic | None):
            raise ValueError(f'it holds a dict with a key of type {type(key).__name__}; expected text or a number')
        if isinstance(key, int) and abs(key) >= 2**60:
            raise ValueError('it holds a dict with a key of 2**60 or more; expected smaller numbers')


def unpickle(data):
    """Run the instructions. stack, marks (heights of the stack to come back to) and memo are the pickle module's."""
    stack: list = []
    marks: list[int] = []
    memo: dict = {}
    made = 0            # bytes of arrays and of encoded text so far

    def pop_to_mark():
        height = marks.pop()
        items = stack[height:]
        del stack[height:]
        return items

    def target(kind):
        if type(stack[-1]) is not kind:
            raise ValueError(f'it adds items to a {type(stack[-1]).__name__}')
        return stack[-1]

    value: Any
    for count, (instruction, value, _) in enumerate(pickletools.genops(data)):
        if count == INSTRUCTIONS:
            raise ValueError(f'it holds more than {INSTRUCTIONS} instructions')
        match instruction.name:
            case 'PROTO' | 'FRAME':
                pass
            case 'STOP':
                break
            case 'NONE':
                stack.append(None)
            case 'NEWTRUE':
                stack.append(True)
            case 'NEWFALSE':
                stack.append(False)
            case ('INT' | 'BININT' | 'BININT1' | 'BININT2' | 'LONG' | 'LONG1' | 'LONG4' | 'FLOAT' | 'BINFLOAT'
                  | 'UNICODE' | 'SHORT_BINUNICODE' | 'BINUNICODE' | 'BINUNICODE8'
                  | 'SHORT_BINBYTES' | 'BINBYTES' | 'BINBYTES8' | 'BYTEARRAY8'):
                stack.append(value)
            case 'EMPTY_LIST':
                stack.append([])
            case 'EMPTY_DICT':
                stack.append({})
            case 'EMPTY_TUPLE':
                stack.append(())
            case 'MARK':
                marks.append(len(stack))
            case 'LIST':
                stack.append(pop_to_mark())
            case 'TUPLE':
                stack.append(tuple(pop_to_mark()))
            case 'TUPLE1' | 'TUPLE2' | 'TUPLE3':
                n = int(instruction.name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case 'APPEND':
                item = stack.pop()
                target(list).append(item)
            case 'APPENDS':
                items = pop_to_mark()
                target(list).extend(items)
            case 'DICT' | 'SETITEMS' | 'SETITEM':
                items = [stack.pop(-2), stack.pop()] if instruction.name == 'SETITEM' else pop_to_mark()
                if instruction.name == 'DICT':
                    stack.append({})
                _check_keys(items[::2])
                target(dict).update(zip(items[::2], items[1::2], strict=True))
            case 'PUT' | 'BINPUT' | 'LONG_BINPUT':
                memo[value] = stack[-1]
            case 'MEMOIZE':
                memo[len(memo)] = stack[-1]
            case 'GET' | 'BINGET' | 'LONG_BINGET':
                stack.append(memo[value])
            case 'GLOBAL':
                stack.append(_name(*value.split(' ', 1)))
            case 'STACK_GLOBAL':
                stack.append(_name(stack.pop(-2), stack.pop()))
            case 'REDUCE':
                args = stack.pop()
                name = stack.pop()
                if not isinstance(name, _Name) or name not in _CALLS:
                    raise ValueError('it calls something that makes no array')
                stack.append(_CALLS[name](*args))
                made += getattr(stack[-1], 'nbytes', 0) or (len(stack[-1]) if isinstance(stack[-1], bytes) else 0)
            case 'BUILD':
                state = stack.pop()
                if type(stack[-1]) is np.ndarray:
                    _set_array_state(stack[-1], *state)
                    made += stack[-1].nbytes
                elif type(stack[-1]) is _Type:
                    stack[-1].set_state(*state)
                else:
                    raise ValueError(f'it sets the state of a {type(stack[-1]).__name__}')
            case other:
                raise ValueError(f'it holds the instruction {other}, which no array, list, dict, text or number needs')
        if made > 2 * len(data):        # the same bytes used again and again: a small file could fill the memory
            raise ValueError('its arrays are larger than the file')
    return stack.pop()
