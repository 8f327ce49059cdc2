"""A stand-in for CuPy 13 where there is no GPU: NumPy underneath, behind arrays that refuse what CuPy's refuse.

`install()` puts it in CuPy's place, before the first import of common.np. What it refuses is read off CuPy's sources:
NumPy's arrays beside its own, all implicit ways back to NumPy, dtypes that are not numbers, names and arguments that
CuPy has not (cupy_names). What crosses to the host or waits for the device is counted in `copies`, by the line that
asked for it; what goes up to the device, in `uploads`.

Where CuPy says nothing this one is stricter or as NumPy is: an index out of bounds is an IndexError (CuPy wraps it
round), of rows set twice the last stays (in CuPy, either), and the random numbers are NumPy's global ones, so that both
ways of a comparison draw the same. Speed, memory and streams it knows nothing of.
"""
import collections
import inspect
import sys
import types

import numpy

from tests import cupy_names

CHARACTERS = '?bBhHiIlLqQefdFD'                     # of the dtypes that CuPy has
copies: collections.Counter = collections.Counter()     # (file, line) -> copies to the host, and waits for the device
uploads: collections.Counter = collections.Counter()    # (file, line) -> copies to the device


def count(counter):
    """One more, for the nearest caller that is neither this file nor NumPy."""
    frame = sys._getframe(1)
    while frame.f_back and (frame.f_code.co_filename == __file__ or '/numpy/' in frame.f_code.co_filename):
        frame = frame.f_back
    counter[frame.f_code.co_filename, frame.f_lineno] += 1


def wrap(x, order=None):
    """What NumPy gave, as CuPy gives it: arrays and numbers as device arrays, of the shape () too."""
    if isinstance(x, numpy.ndarray | numpy.generic | bool | int | float | complex):
        x = numpy.asarray(x, order=order)
        if x.dtype.char not in CHARACTERS:
            raise ValueError(f'Unsupported dtype {x.dtype}')
        new = ndarray.__new__(ndarray)
        new._a = x
        return new
    if isinstance(x, tuple):
        items = [wrap(item, order) for item in x]
        return type(x)(*items) if hasattr(x, '_fields') else tuple(items)
    return [wrap(item, order) for item in x] if isinstance(x, list) else x


def bare(x):
    """An argument as NumPy wants it; TypeError for an array on the host."""
    if isinstance(x, ndarray):
        return x._a
    if isinstance(x, numpy.ndarray):
        raise TypeError(f'Unsupported type {type(x)}')
    if isinstance(x, tuple | list):
        return type(x)(map(bare, x))
    return x


def signature(text):
    """inspect.Signature of 'a axis * dtype **kwargs': which arguments there are, their defaults are NumPy's."""
    kind, parameters = inspect.Parameter.POSITIONAL_OR_KEYWORD, []
    for name in text.split():
        if name == '*':
            kind = inspect.Parameter.KEYWORD_ONLY
        elif name.startswith('**'):
            parameters.append(inspect.Parameter(name[2:], inspect.Parameter.VAR_KEYWORD))
        elif name.startswith('*'):
            parameters.append(inspect.Parameter(name[1:], inspect.Parameter.VAR_POSITIONAL))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            parameters.append(inspect.Parameter(name, kind, default=None))
    return inspect.Signature(parameters)


def table(text):
    """name -> Signature, of a text such as 'sum(a axis); take(a indices)'."""
    return {name: signature(arguments[:-1]) for name, _, arguments in
            (entry.strip().partition('(') for entry in ' '.join(text.split()).split(';'))}


# ---------------------------------------------------------------- elementwise functions


SCALARS = bool | int | float | complex | numpy.generic


class ufunc:
    """One of CuPy's elementwise functions, by NumPy's of the same name."""

    SCATTERS = ('add', 'subtract', 'maximum', 'minimum', 'bitwise_and', 'bitwise_or', 'bitwise_xor')

    def __init__(self, name):
        self.real = getattr(numpy, name)
        self.__name__ = name

    def __call__(self, *args, out=None, dtype=None, casting='same_kind', **others):
        if others:
            raise TypeError(f'Wrong arguments {others}')
        args, given = args[:self.real.nin], args[self.real.nin:]
        out = given[0] if given else out[0] if isinstance(out, tuple) else out
        for x in (*args, *([] if out is None else [out])):
            if not isinstance(x, ndarray | SCALARS):
                raise TypeError(f'Unsupported type {type(x)}')
        if not isinstance(out, ndarray | None):
            raise TypeError(f'Unsupported type {type(out)}')
        ndim = max((x.ndim for x in args if isinstance(x, ndarray)), default=0)
        # a device array () counts by its dtype, a number of Python's or NumPy's by its kind alone
        plain = [x._a.reshape((1,) * ndim) if isinstance(x, ndarray) and not x.ndim else
                 x._a if isinstance(x, ndarray) else x.item() if isinstance(x, numpy.generic) and ndim else x
                 for x in args]
        keywords = {} if dtype is None else {'dtype': dtype}
        with numpy.errstate(all='ignore'):
            if out is not None:
                self.real(*plain, out=out._a, casting=casting, **keywords)
                return out
            return wrap(self.real(*plain, casting=casting, **keywords), order='C')

    def at(self, a, indices, b=None):
        if self.__name__ not in self.SCATTERS:
            raise NotImplementedError(f'`{self.__name__}.at` is not supported yet')
        if self.__name__ == 'add' and a.dtype.char not in 'iIQLefd':
            raise TypeError(f'cupy.add.at does not support {a.dtype}')
        self.real.at(a._a, as_index(indices), asarray(b, a.dtype)._a)

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        if self.__name__ not in ('add', 'multiply'):
            raise NotImplementedError(f'`{self.__name__}.reduce` is not supported yet')
        return (array.sum if self.__name__ == 'add' else array.prod)(axis, dtype, out, keepdims)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        if self.__name__ not in ('add', 'multiply'):
            raise NotImplementedError(f'`{self.__name__}.accumulate` is not supported yet')
        return (array.cumsum if self.__name__ == 'add' else array.cumprod)(axis, dtype, out)

    def reduceat(self, array, indices, axis=0):
        if self.__name__ != 'add':
            raise NotImplementedError(f'`{self.__name__}.reduceat` is not supported yet')
        return wrap(self.real.reduceat(bare(array), bare(indices), axis))

    def outer(self, A, B):
        return wrap(self.real.outer(bare(array(A)), bare(array(B))))


UFUNCS = {name: ufunc(name) for name in cupy_names.UFUNCS.split()}


# ---------------------------------------------------------------- arrays


def as_index(index):
    """An index as NumPy wants it. Arrays on the host go up; a mask makes the device count, and the host wait for it."""
    items = []
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, numpy.ndarray | list):
            item = array(item)
            item = item if item.size else item.astype('i')
        if isinstance(item, ndarray):
            if item.dtype.kind not in 'iub':
                raise IndexError(f'arrays used as indices must be of integer or boolean type. (actual: {item.dtype})')
            if item.dtype.kind == 'b':
                count(copies)
            item = item._a
        items.append(item)
    return (*items, Ellipsis) if not any(item is Ellipsis for item in items) else tuple(items)


class ndarray:
    """cupy.ndarray: `_a` is what lies on the device."""

    __hash__ = None
    __array_priority__ = 100
    _methods = table(cupy_names.METHODS)
    _plain = ('shape', 'dtype', 'ndim', 'size', 'strides', 'itemsize', 'nbytes', 'flags')

    def __init__(self, shape, dtype=float, order='C'):
        self._a = wrap(numpy.empty(shape, dtype, order))._a

    def __getattr__(self, name):
        if name in self._plain:
            return getattr(self._a, name)
        if name in ('T', 'real', 'imag', 'base', 'flat'):
            return wrap(getattr(self._a, name))
        if name not in self._methods:
            raise AttributeError(f"'ndarray' object has no attribute '{name}'")
        return lambda *args, **keywords: self._call(name, args, keywords)

    def _call(self, name, args, keywords):
        bound = self._methods[name].bind(*args, **keywords)
        if name in ('take', 'put'):         # what names places may come from the host
            args = tuple(array(x) if isinstance(x, numpy.ndarray | list) else x for x in args)
        if name in ('item', 'tolist', 'tobytes', 'nonzero', 'compress'):
            count(copies)
        if name == 'repeat' and isinstance(args[0], ndarray):
            raise ValueError('cupy.ndaray cannot be specified as `repeats` argument.')
        if name in ('min', 'max', 'clip') and None in (keywords.get('out', 0),):
            keywords.pop('out')
        if name == 'copy' and not bound.arguments:
            keywords['order'] = 'C'
        with numpy.errstate(all='ignore'):
            result = getattr(self._a, name)(*bare(args), **{key: bare(x) for key, x in keywords.items()})
        if bound.arguments.get('out') is not None:
            return bound.arguments['out']
        return result if name in ('item', 'tolist', 'tobytes') else wrap(result)

    @property
    def shape(self):
        return self._a.shape

    @shape.setter
    def shape(self, shape):
        self._a.shape = shape

    def get(self, stream=None, order='C', out=None, blocking=True):
        count(copies)
        return self._a.copy()

    def set(self, arr, stream=None):
        count(uploads)
        self._a[...] = arr

    def _refuse(self, *_, **__):
        raise TypeError('Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy '
                        'array explicitly.')

    __array__ = _refuse

    @property
    def __cuda_array_interface__(self):
        return {**self._a.__array_interface__, 'version': 3}

    def __array_ufunc__(self, real, method, *inputs, **keywords):
        if real.__name__ not in UFUNCS:
            return NotImplemented
        one = UFUNCS[real.__name__]
        return (one if method == '__call__' else getattr(one, method))(*inputs, **keywords)

    def __array_function__(self, real, types, args, keywords):
        owner = cupy
        for part in real.__module__.split('.')[1:]:
            owner = getattr(owner, part, None)
        mine = getattr(owner, real.__name__, None)
        if mine is None or not all(issubclass(t, ndarray | numpy.ndarray) for t in types):
            return NotImplemented
        return mine(*args, **keywords)

    def __len__(self):
        if not self.ndim:
            raise TypeError('len() of unsized object')
        return len(self._a)

    def __iter__(self):
        if not self.ndim:
            raise TypeError('iteration over a 0-d array')
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return wrap(self._a[as_index(index)])

    def __setitem__(self, index, value):
        place = as_index(index)
        if not isinstance(value, ndarray | SCALARS):
            whole = isinstance(index, slice) and index == slice(None) and isinstance(value, numpy.ndarray)
            if whole and (value.shape, value.dtype) != (self.shape, self.dtype):
                raise ValueError('copying a numpy.ndarray to a cupy.ndarray by empty slice assignment must ensure '
                                 'arrays have same shape and dtype')
            by_ids = any(isinstance(item, numpy.ndarray) for item in place)
            if not whole and not by_ids and numpy.shape(value):
                raise ValueError('non-scalar numpy.ndarray cannot be used for fill')
            value = array(value, self.dtype)
        with numpy.errstate(all='ignore'):
            self._a[place] = bare(value)

    def __bool__(self):
        if self.size > 1:
            raise ValueError('The truth value of an array with more than one element is ambiguous. Use a.any() or '
                             'a.all()')
        return bool(self.get())

    def __int__(self):
        return int(self.get())

    def __float__(self):
        return float(self.get())

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self.get())

    def __str__(self):
        return str(self.get())

    def __format__(self, form):
        return format(self.get(), form)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return array, (self.get(),)


def operator(name, swapped=False, in_place=False):
    def method(self, other):
        if not isinstance(other, ndarray | numpy.ndarray | SCALARS):
            if name in ('equal', 'not_equal') and (other is None or other is Ellipsis):
                return cupy.full(self.shape, name == 'not_equal')
            return NotImplemented
        if name == 'matmul':
            return cupy.matmul(*((other, self) if swapped else (self, other)))
        if in_place:
            return UFUNCS[name](self, other, out=self)
        return UFUNCS[name](*((other, self) if swapped else (self, other)))

    return method


for short, long in {'add': 'add', 'sub': 'subtract', 'mul': 'multiply', 'truediv': 'true_divide', 'mod': 'remainder',
                    'floordiv': 'floor_divide', 'pow': 'power', 'and': 'bitwise_and', 'or': 'bitwise_or',
                    'xor': 'bitwise_xor', 'lshift': 'left_shift', 'rshift': 'right_shift',
                    'matmul': 'matmul'}.items():
    setattr(ndarray, f'__{short}__', operator(long))
    setattr(ndarray, f'__r{short}__', operator(long, swapped=True))
    if short != 'matmul':           # x @= y is x = x @ y, as it is for CuPy's
        setattr(ndarray, f'__i{short}__', operator(long, in_place=True))
for short, long in {'eq': 'equal', 'ne': 'not_equal', 'lt': 'less', 'le': 'less_equal', 'gt': 'greater',
                    'ge': 'greater_equal'}.items():
    setattr(ndarray, f'__{short}__', operator(long))
for short, long in {'neg': 'negative', 'pos': 'positive', 'abs': 'absolute', 'invert': 'invert'}.items():
    setattr(ndarray, f'__{short}__', lambda self, long=long: UFUNCS[long](self))


# ---------------------------------------------------------------- functions


def array(obj, dtype=None, copy=True, order='K', subok=False, ndmin=0, *, blocking=False):
    """cupy.array: of a device array, of what NumPy takes, or of a list of nothing but device arrays of one shape."""
    if isinstance(obj, ndarray):
        return wrap(numpy.array(obj._a, dtype, copy=True, order=order, ndmin=ndmin)) if copy else asarray(obj, dtype)
    if isinstance(obj, list | tuple) and obj and all(isinstance(item, ndarray) for item in obj):
        return wrap(numpy.array([item._a for item in obj], dtype, ndmin=ndmin))
    count(uploads)
    return wrap(numpy.array(obj, dtype, order=order, ndmin=ndmin))          # of a list with device arrays: TypeError


def asarray(a, dtype=None, order=None, *, blocking=False):
    if not isinstance(a, ndarray):
        return array(a, dtype)
    return a if dtype is None or a.dtype == dtype else wrap(a._a.astype(dtype))


def ascontiguousarray(a, dtype=None):
    a = asarray(a, dtype)
    return a if a.flags.c_contiguous else wrap(numpy.array(a._a, order='C'))


def asnumpy(a, stream=None, order='C', out=None, *, blocking=True):
    return a.get() if isinstance(a, ndarray) else numpy.asarray(a, order=order)


FREE = {'zeros', 'ones', 'empty', 'arange', 'eye', 'identity', 'tri', 'linspace', 'logspace', 'indices', 'full'}
SEQUENCES = {'concatenate', 'stack', 'hstack', 'vstack', 'dstack', 'column_stack', 'row_stack', 'broadcast_arrays',
             'meshgrid', 'einsum', 'ix_', 'atleast_1d', 'atleast_2d', 'atleast_3d', 'result_type', 'broadcast', 'diff'}
TELL = {'ndim', 'shape', 'size', 'isscalar', 'can_cast', 'result_type', 'common_type', 'min_scalar_type',
        'may_share_memory', 'shares_memory', 'iscomplexobj', 'isrealobj', 'isfortran'}         # no array comes out
WAIT = {'nonzero', 'flatnonzero', 'argwhere', 'unique', 'bincount', 'compress', 'extract', 'in1d', 'isin', 'union1d',
        'intersect1d', 'setdiff1d', 'setxor1d', 'trim_zeros', 'place', 'piecewise', 'array_equal', 'histogram'}


def function(name, arguments, owner=numpy):
    """CuPy's function of this name, by NumPy's: with these arguments, for device arrays."""
    real = getattr(owner, name, None)

    def call(*args, **keywords):
        bound = arguments.bind(*args, **keywords).arguments
        first = next(iter(bound.values()), None)
        if name not in FREE | SEQUENCES | TELL and not isinstance(first, ndarray):
            bare(first)         # TypeError for an array on the host
            raise AttributeError(f"cupy.{name}: '{type(first).__name__}' object is no cupy.ndarray")
        if name in WAIT or (name == 'where' and len(bound) == 1):
            count(copies)
        if name in ('sort', 'argsort') and bound.get('kind') not in (None, 'stable'):
            raise ValueError("kind can only be None or 'stable'")
        if name == 'take':
            args = tuple(array(x) if isinstance(x, numpy.ndarray | list) else x for x in args)
        if name == 'searchsorted' and not isinstance(bound['v'], ndarray):
            raise NotImplementedError('Only int or ndarray are supported for v')
        if name in ('concatenate', 'stack', 'hstack', 'vstack'):
            for item in first:
                if not isinstance(item, ndarray):
                    raise TypeError(f'Unsupported type {type(item)}' if isinstance(item, numpy.ndarray) else
                                    'Only cupy arrays can be concatenated')
        with numpy.errstate(all='ignore'):
            result = real(*bare(args), **{key: bare(x) for key, x in keywords.items()})
        if bound.get('out') is not None:
            return bound['out']
        return result if name in TELL else wrap(result)

    call.__name__ = name
    return call


def ndim(a):
    return a.ndim if isinstance(a, ndarray) else numpy.ndim(a)


def shape(a):
    return a.shape if isinstance(a, ndarray) else numpy.shape(a)


def copyto(dst, src, casting='same_kind', where=None):
    if isinstance(src, numpy.ndarray) and src.size != 1:
        raise ValueError('non-scalar numpy.ndarray cannot be used for copyto')
    numpy.copyto(dst._a, src if isinstance(src, numpy.ndarray) else bare(src), casting,
                 where=True if where is None else bare(where))


def zeros_like(a, dtype=None, order='K', subok=None, shape=None):
    return wrap(numpy.zeros_like(bare(a), dtype, order, shape=shape))


class grid:
    """mgrid or ogrid."""

    def __init__(self, real):
        self.real = real

    def __getitem__(self, key):
        return wrap(self.real[key])


# ---------------------------------------------------------------- the modules


def choice(a, size=None, replace=True, p=None):
    if size is None:
        raise NotImplementedError('choice() without specifying size is not supported yet')
    if not replace and p is not None:
        raise NotImplementedError
    if p is not None:
        count(copies)               # it looks whether they add up to 1
        p = asarray(p)._a
    return wrap(numpy.random.choice(a._a if isinstance(a, ndarray) else a, size, replace, p))


def permutation(a):
    return wrap(numpy.random.permutation(a._a if isinstance(a, ndarray) else a))


def shuffle(a):
    if not isinstance(a, ndarray):
        raise TypeError('The array must be cupy.ndarray')
    numpy.random.shuffle(a._a)


def seed(seed=None):
    numpy.random.seed(seed)


def uniform(low=0.0, high=1.0, size=None, dtype=float):
    low, high = (x if numpy.isscalar(x) else asarray(x)._a for x in (low, high))
    return wrap(numpy.asarray(numpy.random.uniform(low, high, size), dtype))


def drawing(name, arguments):
    real = getattr(numpy.random, name, None)

    def call(*args, **keywords):
        bound = arguments.bind(*args, **keywords)
        dtype = bound.arguments.pop('dtype', None)
        if name == 'randint':
            return wrap(real(**bound.arguments, dtype=dtype or int))
        return wrap(numpy.asarray(real(*bound.args, **{} if bound.args else bound.arguments), dtype))

    call.__name__ = name
    return call


class RandomState:
    """cupy.random.RandomState, by one of NumPy."""

    def __init__(self, seed=None, method=None):
        self._state = numpy.random.RandomState(seed)

    def __getattr__(self, name):
        if name not in RANDOM:
            raise AttributeError(f"'RandomState' object has no attribute '{name}'")
        return lambda *args, **keywords: wrap(getattr(self._state, name)(*args, **keywords))


RANDOM = table(cupy_names.RANDOM)


def module(name, *sources):
    made = types.ModuleType(name)
    for source in sources:
        vars(made).update(source)
    return made


def as_strided(x, shape=None, strides=None):
    return wrap(numpy.lib.stride_tricks.as_strided(bare(x), shape, strides))


def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    return wrap(numpy.lib.stride_tricks.sliding_window_view(bare(x), window_shape, axis))


class MemoryPool:
    def malloc(self, size):
        raise NotImplementedError


cupy = module(
    'cupy',
    {name: getattr(numpy, name) for name in cupy_names.FROM_NUMPY.split() if hasattr(numpy, name)},
    {name: function(name, arguments) for name, arguments in table(cupy_names.FUNCTIONS).items()},
    UFUNCS,
    {'array': array, 'asarray': asarray, 'asanyarray': asarray, 'ascontiguousarray': ascontiguousarray,
     'asnumpy': asnumpy, 'ndim': ndim, 'shape': shape, 'copyto': copyto, 'ndarray': ndarray, 'ufunc': ufunc,
     'mgrid': grid(numpy.mgrid), 'ogrid': grid(numpy.ogrid), '__version__': '13.6.0',
     'random': module('cupy.random', {name: drawing(name, arguments) for name, arguments in RANDOM.items()},
                      {'choice': choice, 'permutation': permutation, 'shuffle': shuffle, 'seed': seed,
                       'uniform': uniform, 'RandomState': RandomState}),
     'linalg': module('cupy.linalg', {name: function(name, arguments, numpy.linalg)
                                      for name, arguments in table(cupy_names.LINALG).items()}),
     'lib': module('cupy.lib', {'stride_tricks': module('cupy.lib.stride_tricks', {
         'as_strided': as_strided, 'sliding_window_view': sliding_window_view})}),
     'cuda': module('cupy.cuda', {'MemoryPool': MemoryPool, 'set_allocator': lambda malloc: None})})


def install():
    """Let `import cupy` find this one, in this process."""
    sys.modules['cupy'] = cupy
