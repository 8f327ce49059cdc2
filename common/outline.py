"""What layers and models look like when they are printed: kinds, shapes, numbers of parameters."""
import math
from itertools import groupby
from typing import Any

from common.ties import find_ties


def outline(thing):
    """A layer or model and its number of parameters, and below it a line for each of its layers."""
    head, params = type(thing).__name__, thing.params
    if params:
        number = count(params)
        shared = ', shared ones counted once' if number < sum(param.size for param in params) else ''
        head += f': {number:,} parameters{shared}, {params[0].dtype}'
    known = set(map(id, params or ()))
    layers = own_layers(thing)
    lost = [param for _, layer in layers for param in arrays_of(layer) if id(param) not in known]
    if lost:
        head += f' (without {count(lost):,} of its layers, not in params, that do not learn: see gather)'
    rows = [(name, type(layer).__name__, describe(layer)) for name, layer in layers]
    name, kind = (max((len(row[i]) for row in rows), default=0) for i in (0, 1))
    return '\n'.join([head, *(f'  {row[0]:<{name}}  {row[1]:<{kind}}  {row[2]}'.rstrip() for row in rows)])


def describe(layer):
    """The shapes of a layer's parameters, or the kinds of the layers they belong to, and how many numbers these are.

    Of over six, equal ones in a row are counted. '' where it has none.
    """
    params = arrays_of(layer)
    if not params:
        return ''
    parts = [type(part).__name__ for part in parts_of(layer)] or [str(param.shape) for param in params]
    if len(params) > 6:
        runs = [(part, len(list(run))) for part, run in groupby(parts)]
        parts = [f'{n} × {part}' if n > 1 else part for part, n in runs]
    return f'{", ".join(parts) if len(parts) <= 6 else f"{len(params)} arrays"}, {count(params):,} parameters'


def parts_of(layer):
    """The layers of which each has some of its parameters, and together all: a list, empty unless these are several."""
    parts = [part for _, part in own_layers(layer) if arrays_of(part)]
    return parts if len(parts) > 1 and sum(len(arrays_of(part)) for part in parts) == len(arrays_of(layer)) else []


def arrays_of(layer):
    return getattr(layer, 'params', None) or []


def count(params):
    """How many numbers the arrays hold; memory that two of them share, as embed_W and embed_W.T, counts once."""
    twice = sum(sum(math.prod(member.shape) for member in members) - size for size, members in find_ties(params))
    return sum({id(param): param.size for param in params}.values()) - twice


def own_layers(thing):
    """The layers in a layer's or model's attributes, `layers` first, and in lists, tuples and dicts: [(name, layer)].

    Each once, by the first of its names; none that is in one before it.
    """
    found, seen = [], set()
    for name, part in places(thing):
        if hasattr(part, 'forward') and id(part) not in seen:
            found.append((name, part))
            seen |= {id(part), *(id(inner) for _, inner in places(part))}
    return found


def places(thing):
    """(name, value) of its attributes, `layers` first, and behind each of those that are lists … of what is in it."""
    for name, part in sorted(getattr(thing, '__dict__', {}).items(), key=lambda pair: pair[0] != 'layers'):
        pairs: Any = enumerate(part) if isinstance(part, list | tuple) else getattr(part, 'items', dict)()
        yield name, part
        yield from ((f'{name}[{key!r}]', inner) for key, inner in pairs)
