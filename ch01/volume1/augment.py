"""More pictures out of those there are: each shifted, turned and with noise on it, a little and at random."""
import math

import numpy as np  # pictures, and what is done to them before they are learnt from, lie on the host

from common.checks import InputError, check_array, check_range

BLOCK = 100     # pictures taken at a time: what they need fits into a core's cache


def augment(x, shift=2, turn=10, noise=0.1):
    """The pictures x (N, C, H, W), floats, each moved by chance -> of the same shape and dtype.

    Each is shifted by up to `shift` pixels down and to the right (or up and to the left), turned by up to `turn`
    degrees about its middle, all uniformly drawn, and gets normal noise of the standard deviation `noise` on every
    pixel. What comes in from outside is 0. Drawn from the global np.random; call it anew for each epoch.
    """
    check_pictures(x)
    for name, number in (('shift', shift), ('turn', turn), ('noise', noise)):
        check_range(name, number, 0, math.inf)
    N = len(x)
    down, right = np.random.uniform(-shift, shift, (2, N))
    moved = move(x, down, right, np.random.uniform(-turn, turn, N))
    if noise:
        # A generator of its own, seeded by the global one: it gives float32, in a quarter of the time.
        draw = np.random.default_rng(np.random.randint(2**31 - 1))
        for i in range(0, N, BLOCK):
            block = moved[i:i + BLOCK]
            block += np.asarray(noise, x.dtype) * draw.standard_normal(block.shape, 'f')
    return moved


def move(x, down, right, angle):
    """The pictures x (N, C, H, W), each turned about its middle, then shifted -> of the same shape and dtype.

    down, right: pixels, (N,). angle: degrees, (N,), against the clock. For every pixel of the result the place in x
    that it comes from is found, and the four pixels round that place are mixed (bilinear interpolation).
    """
    check_pictures(x)
    angle = np.radians(angle)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]       # (N, 1)
    N, _, H, W = x.shape
    middle, centre = (H - 1) / 2, (W - 1) / 2
    below = np.arange(H) - middle - np.asarray(down)[:, None]       # (N, H): of each row of the result, seen from the
    beside = np.arange(W) - centre - np.asarray(right)[:, None]     # (N, W)  middle of the picture before its shift
    # The place in x: row = middle + cos·below + sin·beside, column = centre − sin·below + cos·beside
    parts = [part.astype(x.dtype) for part in (middle + cos * below, sin * beside, centre - sin * below, cos * beside)]
    out = np.empty_like(x)
    for i in range(0, N, BLOCK):
        row_y, row_x, column_y, column_x = (part[i:i + BLOCK] for part in parts)
        out[i:i + BLOCK] = sample(x[i:i + BLOCK], row_y[:, :, None] + row_x[:, None, :],
                                  column_y[:, :, None] + column_x[:, None, :])
    return out


def sample(x, rows, columns):
    """The values of x (N, C, H, W) at places between its pixels; 0 outside. rows, columns (N, h, w) -> (N, C, h, w)."""
    N, C, H, W = x.shape
    # Zeros all round: one row above and two below, so that every place, clipped, has four pixels round it.
    padded = np.zeros((N, H + 3, W + 3, C), x.dtype)
    padded[:, 1:H + 1, 1:W + 1] = x.transpose(0, 2, 3, 1)
    pixels = padded.reshape(-1, C)                                  # (N (H + 3) (W + 3), C)
    rows, columns = np.clip(rows + 1, 0, H + 1), np.clip(columns + 1, 0, W + 1)
    above, left = rows.astype(np.intp), columns.astype(np.intp)     # (N, h, w)
    rows -= above
    columns -= left
    down, right = rows[..., None], columns[..., None]               # (N, h, w, 1): how far between two pixels
    at = above * (W + 3) + left
    at += np.arange(N)[:, None, None] * ((H + 3) * (W + 3))
    upper = mix(pixels, at, 1, right)
    lower = mix(pixels, at + (W + 3), 1, right)
    lower -= upper
    lower *= down
    upper += lower
    return upper.transpose(0, 3, 1, 2)


def mix(pixels, at, step, share):
    """(1 − share)·pixels[at] + share·pixels[at + step]."""
    first, second = pixels.take(at, axis=0), pixels.take(at + step, axis=0)
    second -= first
    second *= share
    first += second
    return first


def check_pictures(x):
    check_array('x', x)
    if x.ndim != 4 or x.dtype.kind != 'f':
        raise InputError(f'x: expected floats (N, C, H, W), got {x.dtype} {x.shape}')
