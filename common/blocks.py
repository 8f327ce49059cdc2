"""Large arrays in pieces that fit into a core's cache, so that several passes over each stay there."""
from common.np import GPU

BLOCK = 2**16       # numbers: 256 KB of float32 an array


def blocks(*arrays):
    """The arrays, all of one shape, cut into flat runs of BLOCK numbers; whole where they do not lie in one piece."""
    if GPU or not all(a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    flat = [a.reshape(-1) for a in arrays]
    for i in range(0, flat[0].size, BLOCK):
        yield [a[i:i + BLOCK] for a in flat]


def parts(rows):
    """Slices of the first axis of rows (n, D), each of some BLOCK numbers."""
    step = len(rows) if GPU else max(1, BLOCK // rows.shape[1])
    return [slice(i, i + step) for i in range(0, len(rows), step)]
