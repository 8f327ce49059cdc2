"""Data-parallel training over MPI: `mpiexec -n 4 python -m ch07.train_seq2seq`, see common/README.md.

Each of the four processes, called ranks, runs the whole script, with the same random numbers, parameters and data. Of
each batch a rank takes its share of the rows; the gradients are averaged, and all take the same step. What is printed,
drawn and written is rank 0's.
"""
import os
import sys
import time
import traceback
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy

from common import launcher
from common.checks import InputError
from common.layers import walk
from common.np import GPU
from common.rows import RowSparse


@cache
def world():
    """The Ranks that mpiexec started, None where it did not start several. MPI is imported by then alone.

    The first call makes all but rank 0 silent and their np.random rank 0's; from it on an exception ends all ranks.
    """
    if not launcher.launched():
        return None
    if GPU:
        launcher.refuse('DLFS2_GPU: expected none under mpiexec, for only NumPy arrays are sent, got one')
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:        # RuntimeError: it finds no MPI
        launcher.refuse(f"mpi4py: expected it, for mpiexec started several processes, got '{error}': pip install "
                        'mpi4py mpich')
    size = launcher.number(launcher.SIZE) or MPI.COMM_WORLD.size
    if MPI.COMM_WORLD.size != size:
        launcher.refuse(f'mpiexec: expected that of the MPI that mpi4py loads, {MPI.Get_library_version().split()[0]}, '
                        f'got another, whose {size} processes do not see each other (try {sys.prefix}/bin/mpiexec)')
    ranks = Ranks(MPI.COMM_WORLD)
    if ranks.size == 1:
        return None
    if ranks.rank:
        sys.stdout = open(os.devnull, 'w')      # noqa: SIM115
    sys.excepthook = ranks.excepthook
    tell_threads(ranks)
    ranks.level_chance()
    return ranks


def tell_threads(ranks):
    threads = launcher.number(launcher.THREADS)
    print(f'{ranks.size} ranks, BLAS threads of each: {threads or "as many as there are cores"}', flush=True)
    if not threads and not ranks.rank:
        print("the ranks on a machine get in each other's way: NumPy was loaded before `common`, which would share the "
              'cores out, so set OPENBLAS_NUM_THREADS=1 before mpiexec', file=sys.stderr)


def share(n):
    """The slice of n rows that is this rank's; all of them without mpiexec."""
    ranks = world()
    return slice(0, n) if ranks is None else ranks.share(n)


def total(number):
    """The sum of this number over all ranks, which all call it; the number itself without mpiexec."""
    ranks = world()
    return number if ranks is None else ranks.sum(number)


def first_before_others(make):
    """make() of rank 0, then of the others: a file that it makes where there is none is made once."""
    ranks = world()
    if ranks is not None and ranks.rank:
        ranks.comm.barrier()
    made = make()
    if ranks is not None and not ranks.rank:
        ranks.comm.barrier()
    return made


class Ranks:
    """The processes that train together: this one is `rank` of `size`. All call the same methods in the same order.

    comm: an MPI communicator. Sums add up in an order of MPI's own, the same each time: all ranks get the same bits.
    """

    def __init__(self, comm):
        from mpi4py import MPI  # where there is a communicator it is loaded

        self.comm, self.in_place = comm, MPI.IN_PLACE
        self.rank, self.size = comm.rank, comm.size
        self.endings = comm.Dup()       # apart from what the others may still be waiting for
        self.buffer = numpy.empty(0, 'f')
        self.model, self.counting = None, []
        self.alone: bool | None = None  # whether this rank failed, and not all of them; None while it has not

    # ---------------------------------------------------------------- shares, and what all have

    def share(self, n):
        """The slice of n rows that is this rank's. The shares differ by one row at most."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def sum(self, number):
        return self.comm.allreduce(number)

    def any(self, flag):
        return bool(self.comm.allreduce(int(flag)))

    def from_first(self, thing):
        """Rank 0's thing, whatever Python can pickle."""
        return self.comm.bcast(thing)

    def copy_from_first(self, arrays):
        """Fill the arrays, in place, with rank 0's."""
        for array in arrays:
            flat = numpy.ascontiguousarray(array)
            self.comm.Bcast(flat)
            array[...] = flat

    def gather(self, rows):
        """On rank 0 the rows of all, one under the other, elsewhere None; None too where rows are None."""
        parts = [part for part in self.comm.gather(rows) or () if part is not None]
        return numpy.concatenate(parts) if parts else None

    def average(self, arrays):
        """Fill the arrays, in place, with their means over the ranks: models that were trained apart become one."""
        for array in arrays:
            flat = numpy.ascontiguousarray(array, numpy.result_type(array, 'f'))
            flat = flat.copy() if numpy.shares_memory(flat, array) else flat
            self.comm.Allreduce(self.in_place, flat)
            array[...] = flat / flat.dtype.type(self.size)

    # ---------------------------------------------------------------- a step

    def counted(self, model):
        """The labels that model's last loss is a mean over, if it has a layer that counts them, else 0."""
        if model is not self.model:         # to look for it takes 2 % of a small step
            self.model, self.counting = model, [layer for layer in walk(model) if hasattr(layer, 'counted')]
        return sum(layer.counted for layer in self.counting)

    def mean_gradients(self, grads, loss, weight):
        """(loss, grads) over all ranks: the means of the ranks' own, weighed by the rows or labels that each counted.

        grads: arrays and RowSparse; weight: what loss and grads are means over on this rank, 0 where it has none. The
        arrays lie one behind another in a buffer, for which one Allreduce does; they are views of it, until the next
        call. Of the row-sparse, ids and rows go round. Where a loss is not finite, grads are None.
        """
        dense = [grad for grad in grads if not isinstance(grad, RowSparse)]
        size = sum(grad.size for grad in dense)
        dtype = numpy.result_type('f', *{grad.dtype for grad in dense})
        if self.buffer.shape != (size + 2,) or self.buffer.dtype != dtype:
            self.buffer = numpy.empty(size + 2, dtype)
        flat, usable, place = self.buffer, weight and numpy.isfinite(loss), 0
        means = []      # of dense
        for grad in dense:
            mean = flat[place:place + grad.size].reshape(grad.shape)
            if usable:
                numpy.multiply(grad, mean.dtype.type(weight), out=mean)
            else:
                mean[...] = 0       # what stands in grad is of another step
            means.append(mean)
            place += grad.size
        flat[-2:] = loss * weight if weight else 0, weight
        self.comm.Allreduce(self.in_place, flat)
        loss, weights = flat[-2:]
        if not weights:
            raise InputError('t: expected at least one label in a batch that counts, got none')
        loss = loss / weights
        if not numpy.isfinite(loss):
            return loss, None
        flat[:-2] *= 1 / weights
        others = iter(means)
        return loss, [self.mean_rows(grad, weight / weights) if isinstance(grad, RowSparse) else next(others)
                      for grad in grads]

    def mean_rows(self, grad, factor):
        """The sum over all ranks of factor times a RowSparse: another one."""
        rows = grad.values * grad.values.dtype.type(factor)                 # (K, D)
        counts = numpy.array(self.comm.allgather(len(rows)))                # (size,)
        ids = numpy.empty(counts.sum(), numpy.int64)
        self.comm.Allgatherv(grad.indices.astype(numpy.int64), (ids, counts))
        all_rows = numpy.empty((len(ids), grad.shape[1]), rows.dtype)
        self.comm.Allgatherv(rows, (all_rows, counts * grad.shape[1]))
        mean = RowSparse(grad.shape, grad.dtype)
        mean.fill(ids, all_rows)
        return mean

    def level_chance(self):
        """Make np.random draw the same numbers on all ranks: rank 0's."""
        numpy.random.set_state(self.from_first(numpy.random.get_state()))

    @contextmanager
    def own_chance(self, step):
        """Within it np.random draws numbers of this rank and this step alone; then it is again as it was, on all ranks.

        So dropout masks and negative samples differ between the ranks, and shuffled rows do not. (To exchange the bit
        generator would be quicker, but loses the second of a pair of normal numbers.)
        """
        state: Any = numpy.random.get_state()
        numpy.random.seed([*state[1][:4], state[2], step % 2**32, self.rank])
        try:
            yield
        finally:
            numpy.random.set_state(state)

    # ---------------------------------------------------------------- ends

    def all_end(self, seconds):
        """Whether all ranks come here within so many seconds."""
        meeting, late = self.endings.Ibarrier(), time.monotonic() + seconds
        while not meeting.Test():
            if time.monotonic() > late:
                return False
            time.sleep(0.01)
        return True

    @contextmanager
    def ending(self):
        """Around all that a rank does: where all fail alike rank 0 alone tells of it; where one does, it is `alone`."""
        try:
            yield
        except BaseException as error:
            self.fails(error)
            raise

    def fails(self, error):
        # after Ctrl-C, what was learnt is written by rank 0, for which the others wait
        waits = 60 if self.rank and isinstance(error, KeyboardInterrupt) else 1
        self.alone = not self.all_end(waits)
        if self.alone and self.rank and not isinstance(error, SystemExit):
            print(f'rank {self.rank}:', end=' ', file=sys.stderr)
        elif self.rank and not self.alone:
            sys.stderr = open(os.devnull, 'w')      # noqa: SIM115

    def end(self, status):
        """End all ranks, which may be waiting for this one."""
        for stream in sys.stdout, sys.stderr:
            stream.flush()
        time.sleep(0.3)         # what was just printed has a way to go through mpiexec
        self.comm.Abort(status)

    def excepthook(self, kind, error, trace):
        """Tell of what no one caught, and end all ranks where they do not end by themselves."""
        if self.alone is None:
            self.fails(error)
        traceback.print_exception(kind, error, trace)
        if self.alone:
            self.end(1)
