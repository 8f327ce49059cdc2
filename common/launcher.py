"""What mpiexec, where it started this process, says in the environment. Nothing here imports NumPy, or MPI."""
import os
import sys

from common.checks import InputError

# MPICH and Intel, PMIx (Slurm's srun), Open MPI
RANK = 'PMI_RANK', 'PMIX_RANK', 'OMPI_COMM_WORLD_RANK'
SIZE = 'PMI_SIZE', 'OMPI_COMM_WORLD_SIZE'
ON_THIS_MACHINE = 'MPI_LOCALNRANKS', 'OMPI_COMM_WORLD_LOCAL_SIZE'

# What says to OpenBLAS, MKL and Accelerate how many threads a matrix product may take; it is read when NumPy is loaded.
THREADS = 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'


def number(names):
    """The first of these in the environment that is a number, or None."""
    return next((int(text) for name in names if (text := os.environ.get(name, '')).isdecimal()), None)


def launched():
    """Whether mpiexec started several processes, of which this is one."""
    return number(RANK) is not None and number(SIZE) != 1


def rank():
    """This process's number, 0 without mpiexec too: what is drawn and written is rank 0's."""
    return number(RANK) or 0 if launched() else 0


def refuse(message):
    """InputError on rank 0, an end in silence elsewhere: where there is no MPI to agree by who tells."""
    if rank():
        raise SystemExit(2)
    raise InputError(message)


def share_cores():
    """Let the ranks on one machine share its cores: so many BLAS threads each. A number that the user set stays.

    Without it each takes them all, and they take turns: several times as slow. Too late once NumPy is loaded.
    """
    ranks = number(ON_THIS_MACHINE)
    if not launched() or not ranks or number(THREADS) or 'numpy' in sys.modules:
        return
    # the cores that this process may use: where mpiexec gave each rank its own, these alone
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    for name in THREADS:
        os.environ[name] = str(max(1, cores // ranks))
