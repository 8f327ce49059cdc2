"""Where the arrays live: set GPU = True (or the environment's DLFS2_GPU=1) before the first import of common.np."""
import os

GPU = os.environ.get('DLFS2_GPU', '') not in ('', '0')
