"""`np` for every layer: NumPy, or CuPy when config.GPU was set before this module was first imported."""
from common import config

GPU = config.GPU

if GPU:
    import cupy as np
    np.cuda.set_allocator(np.cuda.MemoryPool().malloc)
else:
    import numpy as np

__all__ = ['GPU', 'np']
