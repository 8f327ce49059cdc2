"""`np` for every layer: NumPy, or CuPy when config.GPU was set before this module was first imported."""
from common import config

GPU = config.GPU

if GPU:
    import cupy as np
    np.cuda.set_allocator(np.cuda.MemoryPool().malloc)
else:
    import numpy as np

__all__ = ['GPU', 'np']     # what `from common.np import *` gives


def to_cpu(x):
    """x as a NumPy array."""
    return np.asnumpy(x) if GPU else np.asarray(x)


def to_gpu(x):
    """x as a CuPy array where config.GPU is set, else as a NumPy array."""
    return np.asarray(x)
