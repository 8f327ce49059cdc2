"""Gradients of which most rows are zero, as an embedding's are: only the rows that a batch touched are kept."""
from common.checks import InputError
from common.functions import sum_rows
from common.np import np


class RowSparse:
    """An array (V, D) by its rows that may not be zero: `indices` (K,), rising, none twice, and `values` (K, D).

    Elsewhere called row-sparse or indexed slices. `np.asarray` gives the whole array.
    """

    def __init__(self, shape, dtype):
        if len(shape) != 2:
            raise InputError(f'shape: expected (V, D), rows and columns, got {shape}')
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.indices = np.empty(0, int)
        self.values = np.empty((0, shape[1]), dtype)

    def fill(self, idx, rows):
        """Become the sum of rows[i] at the row idx[i]. idx ids of any shape, repeated or not, rows idx.shape + (D,)."""
        self.indices, self.values = sum_rows(idx, rows)

    def add(self, other):
        """Add another RowSparse of the same shape."""
        self.fill(np.concatenate((self.indices, other.indices)), np.concatenate((self.values, other.values)))

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise InputError('copy: expected True or None, for the whole array must be made, got False')
        whole = np.zeros(self.shape, dtype or self.dtype)
        whole[self.indices] = self.values
        return whole
