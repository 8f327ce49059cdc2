"""Parameters that share memory, as embed_W and embed_W.T do: found, and tied again after a copy took them apart."""
from typing import NamedTuple

import numpy

from common.np import np


class Member(NamedTuple):
    """One array of a tie: its place in the list, and how it lies in the memory that all of the tie share."""

    place: int
    offset: int         # in numbers, from the beginning of that memory to the array's first
    shape: tuple
    strides: tuple      # in bytes


def address(a):
    """Where the array's memory begins."""
    interface = a.__array_interface__ if isinstance(a, numpy.ndarray) else a.__cuda_array_interface__
    return interface['data'][0]


def bounds(a):
    """The addresses of the array's first byte and of the one behind its last, whatever the order of its axes."""
    reach = [(n - 1) * stride for n, stride in zip(a.shape, a.strides, strict=True)]
    return (address(a) + sum(r for r in reach if r < 0),
            address(a) + sum(r for r in reach if r > 0) + a.itemsize)


def find_ties(arrays):
    """The ties among arrays: a list of (size, members), for each piece of memory that two or more of them lie in.

    size: the numbers in that memory. An array that stands in the list several times counts once.
    """
    different = {id(a): (*bounds(a), i) for i, a in enumerate(arrays) if a.size}
    groups: list = []
    for low, high, i in sorted(different.values()):
        if groups and low < groups[-1][1]:      # it begins before the ones so far end
            groups[-1][1] = max(groups[-1][1], high)
            groups[-1][2].append(i)
        else:
            groups.append([low, high, [i]])
    ties = []
    for low, high, indices in groups:
        if len(indices) > 1:
            itemsize = arrays[indices[0]].itemsize
            ties.append(((high - low) // itemsize,
                         [Member(i, (address(arrays[i]) - low) // itemsize, arrays[i].shape, arrays[i].strides)
                          for i in indices]))
    return ties


def tied(arrays, ties):
    """For each place in ties an array like arrays[place], with the same numbers, in memory that the whole tie shares.

    Where the numbers differ, those of the last array are in all. Returns place -> array.
    """
    found = {}
    for size, members in ties:
        memory = np.zeros(size, arrays[members[0].place].dtype)
        for place, offset, shape, strides in members:
            found[place] = np.lib.stride_tricks.as_strided(memory[offset:], shape, strides)
            found[place][...] = np.asarray(arrays[place])
    return found


def tie_again(model, layers, ties):
    """Let the params of the model and of its layers share memory as ties say, in lists and in attributes."""
    new = {id(model.params[i]): array for i, array in tied(model.params, ties).items()}
    for layer in (model, *layers):
        layer.params = [new.get(id(param), param) for param in layer.params]
        for name, value in list(vars(layer).items()):
            if id(value) in new:
                setattr(layer, name, new[id(value)])
