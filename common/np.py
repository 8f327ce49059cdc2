"""`np` for every layer: NumPy, or CuPy when config.GPU was set before this module was first imported.

On a GPU lie the parameters and all that is computed of them. Ids, labels and masks had best stay on the host: there
layers look at them, and send them up. So the host waits once a step, for the loss; float data goes either way.
"""
import numpy

from common import config

GPU = config.GPU

if GPU:
    try:
        import cupy as np
    except ModuleNotFoundError:
        raise ImportError('DLFS2_GPU (or config.GPU): expected CuPy, got none: pip install cupy-cuda12x') from None
    np.cuda.set_allocator(np.cuda.MemoryPool().malloc)

    seed_gpu = np.random.seed

    def seed_both(number=None):
        seed_gpu(number)
        numpy.random.seed(number)

    np.random.seed = seed_both      # batches, negatives and words are drawn on the host
else:
    import numpy as np

# glibc hands the memory of freed arrays back to the system, and is given it anew, page by page, at the next step. How
# much it keeps is set by the largest array freed so far (mallopt(3), M_MMAP_THRESHOLD): this one, never touched, makes
# it 64 MB. A step of volume 1's SimpleConvNet takes half the time by it. Other systems do nothing here.
numpy.empty(2**25 - 2**16, 'u1')

__all__ = ['GPU', 'np']     # what `from common.np import *` gives


def to_cpu(x):
    """x as a NumPy array, on the host."""
    return np.asnumpy(x) if GPU else np.asarray(x)


def to_gpu(x):
    """x as a CuPy array where config.GPU is set, else as a NumPy array."""
    return np.asarray(x)
