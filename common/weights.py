"""First weights, drawn from the global np.random."""
import math

from common.checks import check_range, check_sizes
from common.np import np


def normal(rows, columns, divisor, dtype='f'):
    """Normal numbers with the standard deviation 1 / divisor -> (rows, columns)."""
    return (np.random.randn(rows, columns) / divisor).astype(dtype)


def xavier(rows, columns, dtype='f'):
    """Normal numbers with the standard deviation 1/√rows -> (rows, columns): for sigmoid and tanh. Glorot, 2010."""
    check_sizes(rows=rows, columns=columns)
    return normal(rows, columns, math.sqrt(rows), dtype)


def he(rows, columns, dtype='f'):
    """Normal numbers with the standard deviation √(2/rows) -> (rows, columns): for ReLU. He et al., 2015."""
    check_sizes(rows=rows, columns=columns)
    return normal(rows, columns, math.sqrt(rows / 2), dtype)


def lstm_bias(hidden_size, forget_bias=0.0, dtype='f'):
    """The first b (4H,) of an LSTM: zeros, and forget_bias for the gate f. Jozefowicz, Zaremba and Sutskever, 2015."""
    check_range('forget_bias', forget_bias, -math.inf, math.inf)
    b = np.zeros(4 * hidden_size, dtype)
    b[:hidden_size] = forget_bias
    return b
