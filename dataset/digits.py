"""Digits made here, in MNIST's place where there is no network: letters of matplotlib's fonts, drawn as by hand.

Of each letter's outline a map is made, once: how deep in the ink, or how far from it, each place lies. A picture looks
up each of its pixels in that map. So a letter can be turned and bent, and its pen made thick or thin, with soft edges.
"""
from functools import cache
from pathlib import Path

import numpy as np

from common.checks import check_seed, check_sizes
from dataset.mnist import check_flags, finish

FONTS = {'sans': 'DejaVuSans', 'sans oblique': 'DejaVuSans-Oblique', 'bold': 'DejaVuSans-Bold',
         'mono': 'DejaVuSansMono', 'serif': 'DejaVuSerif', 'serif italic': 'DejaVuSerif-Italic',
         'stix': 'STIXGeneral', 'stix italic': 'STIXGeneralItalic', 'cm': 'cmr10', 'cm sans': 'cmss10',
         'cm mono': 'cmtt10', 'old style': 'cmmi10'}        # those that matplotlib 3.8 has too
DIGITS = '0123456789'
# Other letters that look as people write a digit: a bar for 1, an open 4, a 9 with a straight stem. Each stands beside
# the digit of every font as often as its number says.
OTHERS = {
    '0': [(3, 'O', 'sans'), (3, 'o', 'sans'), (3, 'O', 'serif italic'), (3, 'O', 'stix italic')],
    '1': [(3, 'l', 'sans'), (3, 'I', 'sans'), (3, 'l', 'cm sans'), (3, 'I', 'sans oblique'), (3, '|', 'mono'),
          (3, 'I', 'cm sans')],
    '2': [(1, 'z', 'sans'), (1, 'Z', 'sans'), (1, 'z', 'cm sans'), (1, 'Z', 'stix italic')],
    '3': [(1, 'З', 'sans'), (1, 'з', 'sans'), (1, 'Ʒ', 'sans'), (1, 'ʒ', 'sans'), (1, 'З', 'mono')],
    '4': [(2, 'Ч', 'sans'), (2, 'ч', 'sans'), (2, 'Ч', 'mono'), (2, 'ч', 'mono'), (2, 'Ч', 'sans oblique')],
    '5': [(1, 'S', 'sans')],
    '6': [(1, 'б', 'sans'), (1, 'б', 'serif'), (1, 'b', 'sans'), (1, 'б', 'mono')],
    '7': [(1, '⁊', 'sans')],
    '8': [],
    '9': [(1, 'q', 'sans'), (1, 'q', 'cm sans'), (1, 'g', 'sans'), (1, 'q', 'sans oblique'), (1, 'g', 'mono')],
}
UNLIKE = [('0', 'mono')]        # has a stroke within

CHUNK = 250         # pictures drawn at once
# The measures of a hand: means, and standard deviations where nothing else is said; lengths in halves of a letter.
SLANT, SLANTS = 0.15, 0.25
TURNS = 0.12
WIDTHS = 0.3
BENDS = 0.2
PERSPECTIVES = 0.2
LOOPS = {'4': -0.15, '6': 0.2, '9': -0.25}      # where a hand makes the loop smaller than a font does
PEN = 1.8, 4.0      # pixels of a stroke, from … to
PRESSES = 0.12      # pixels by which a stroke is thicker at one end of the picture than at its middle
SIDE, SIDES = 19.5, 0.6     # pixels from end to end, the longer way
GRAIN = 0.06        # how much darker than white ink may be

GRID = 112          # cells along a map's side
CELL = 1 / 34       # a cell's side
REACH = 18          # cells: what is farther from an edge is taken to be that far
FRAME = np.linspace(-1.8, 1.8, 24, dtype='f')       # where a picture is sought before it is drawn
POWERS = 4          # numbers of the polynomials along x, and along y, by which a picture is bent


def load_data(train_size: int = 60_000, test_size: int = 10_000, normalize: bool = True, flatten: bool = True,
              one_hot_label: bool = False, seed: int = 1984):
    """(x_train, t_train), (x_test, t_test): as many pictures and labels as train_size and test_size say.

    In the arrays of dataset.mnist. x (N, 784), without flatten (N, 1, 28, 28): float32 from 0 to 1, without normalize
    uint8 from 0 to 255. t (N,) uint8, with one_hot_label (N, 10) float32; the labels are drawn uniformly. A seed's
    first pictures are the same whatever the sizes, on every machine where matplotlib's fonts and their outlines are the
    same. The global np.random is left as it stands.
    """
    check_sizes(train_size=train_size, test_size=test_size)
    check_flags(normalize, flatten, one_hot_label)
    check_seed(seed)
    parts = []
    for part, size in enumerate((train_size, test_size)):
        x, t = _draw(size, np.random.RandomState([seed, part]))
        parts.append(finish(x, t, normalize, flatten, one_hot_label))
    return parts[0], parts[1]


def _draw(size: int, rng: np.random.RandomState):
    """x (size, 1, 28, 28) and t (size,), both uint8; in chunks, for the memory of one of them."""
    x, t = np.empty((size, 1, 28, 28), np.uint8), np.empty(size, np.uint8)
    for start in range(0, size, CHUNK):
        chunk = slice(start, min(start + CHUNK, size))
        x_chunk, t_chunk = _draw_chunk(rng)
        x[chunk, 0], t[chunk] = (part[:chunk.stop - start] for part in (x_chunk, t_chunk))
    return x, t


# ---- a picture: sums, products and roots alone, which have the same bits on every machine; so no BLAS, no sine


def _draw_chunk(rng):
    """x (n, 28, 28) and t (n,), with n = CHUNK."""
    maps, stems, choices = letters()
    n = CHUNK
    t = rng.randint(0, 10, n, dtype=np.int64)
    chances = rng.random_sample(n)
    letter = np.array([choices[i][int(chance * len(choices[i]))] for i, chance in zip(t, chances, strict=True)])
    look_up = _Bent(maps, letter, *_draw_bend(rng, t))
    pen = (PEN[0] + (PEN[1] - PEN[0]) * rng.random_sample(n)).astype('f')       # pixels
    more = (pen * (2 / SIDE) - stems[letter]) / 2                               # what is added on each side of a stroke

    # first where it lies and how large it is, between places of the frame, then pixel by pixel
    depth = look_up(np.broadcast_to(FRAME, (n, len(FRAME))), np.broadcast_to(FRAME, (n, len(FRAME))))
    depth += more[:, None, None]
    step = FRAME[1] - FRAME[0]
    ink = np.clip(depth / step + 0.5, 0, 1)
    (left, right), (top, bottom) = _ends(depth.max(axis=1)), _ends(depth.max(axis=2))
    pixel = np.maximum(right - left, bottom - top) * step / (SIDE + SIDES * _around_0(rng, n))      # (n,) its side
    places = []
    for axis in (1, 2):         # x, y: the middle of the ink lies at the picture's, within a pixel, as in MNIST
        middle = (ink.sum(axis=axis) * FRAME).sum(axis=1) / ink.sum(axis=(1, 2)) - rng.random_sample(n) * pixel
        places.append((middle[:, None] + pixel[:, None] * (np.arange(28) - 13.5)).astype('f'))     # (n, 28)
    depth = look_up(*places)
    pixel = pixel.astype('f')[:, None, None]
    depth /= pixel
    depth /= _steepness(depth)              # pixels now, also where the picture is stretched
    depth += 0.5 + more[:, None, None] / pixel
    for axis, press in enumerate(PRESSES * _around_0(rng, 2, n, 1)):
        depth += np.expand_dims((press * np.linspace(-1, 1, 28)).astype('f'), 2 - axis)
    np.clip(depth, 0, 1, out=depth)         # a pixel at an edge is as bright as much of it is covered
    depth *= 255 - np.float32(GRAIN) * rng.randint(0, 256, depth.shape, dtype=np.uint8)
    return depth.astype(np.uint8), t


def _around_0(rng, *shape):
    """Numbers of mean 0 and standard deviation 1, never beyond ±2.5; not randn, which needs a logarithm."""
    return (rng.random_sample((2, *shape)).sum(axis=0) - 1) * 6 ** 0.5


def _draw_bend(rng, t):
    """turn (n, 2, 2) and bend (2, n, POWERS, POWERS), see _Bent, for pictures of the digits t (n,)."""
    n = len(t)
    order = np.arange(POWERS)[:, None] + np.arange(POWERS)                  # of y^k x^l
    bend = BENDS * _around_0(rng, 2, n, POWERS, POWERS) * ((order > 1) & (order < 5)) / np.maximum(order - 1, 1)
    bend[0, :, 1, 1] += PERSPECTIVES * _around_0(rng, n)
    bend[1, :, 2, 0] += np.array([LOOPS.get(digit, 0) for digit in DIGITS])[t]
    slant, turn, width = SLANT + SLANTS * _around_0(rng, n), TURNS * _around_0(rng, n), WIDTHS * _around_0(rng, n)
    width = np.where(width > 0, 1 + width, 1 / (1 - width))
    turn = np.stack([np.stack([1 / width, slant - turn], 1), np.stack([turn, np.ones(n)], 1)], 1)
    return turn.astype('f'), bend.astype('f')


class _Bent:
    """The maps of n letters, each behind a bend: of places in its picture, how deep in the ink they lie.

    A place (x, y) of the picture is the place turn (x, y) + Σ bend[:, k, l] p_k(y) p_l(x) of the letter, p being
    polynomials: the letter lies within −1 … 1, and beyond they go no farther.
    """

    def __init__(self, maps, letter, turn, bend):
        self.maps, self.letter, self.turn, self.bend = maps, letter, turn, bend

    def __call__(self, x, y):
        """x and y (n, side) -> depth (n, side, side), less than 0 outside the ink."""
        px, py = _polynomials(x), _polynomials(y)                                       # lists of (n, side)
        at = self.letter[:, None, None]                                                 # an index into all maps
        for axis in (1, 0):
            place = (self.turn[:, axis, :1] * x)[:, None, :] + (self.turn[:, axis, 1:] * y)[:, :, None]
            for i, p in enumerate(px):
                column = sum(self.bend[axis, :, k, i, None] * q for k, q in enumerate(py))      # (n, side)
                place += column[:, :, None] * p[:, None, :]
            place *= 1 / CELL
            place += GRID / 2
            at = at * GRID + np.clip(place, 0, GRID - 1, out=place).astype(np.int64)
        return self.maps.take(at)


def _polynomials(x):
    """1 and x, and about the Legendre polynomials of x² and x³, with x kept within −1 … 1."""
    x = np.clip(x, -1, 1)
    return [np.ones_like(x), x, x * x - np.float32(0.35), x * (x * x - np.float32(0.6))]


def _ends(depth):
    """depth (n, side) -> the first and the last place where it is 0, between the places where it is known."""
    n, side = depth.shape

    def first(depth):
        i = np.maximum((depth > 0).argmax(axis=1), 1)
        inside, outside = depth[np.arange(n), i], depth[np.arange(n), i - 1]
        return i - np.clip(inside / np.maximum(inside - outside, np.float32(1e-6)), 0, 1)
    return first(depth), side - 1 - first(depth[:, ::-1])


def _steepness(depth):
    """By how much depth (n, side, side) grows from a pixel to the next, 0.4 or more, as in the middle of a stroke."""
    square = np.zeros_like(depth)
    square[:, 1:-1] = (depth[:, 2:] - depth[:, :-2]) ** 2
    square[:, :, 1:-1] += (depth[:, :, 2:] - depth[:, :, :-2]) ** 2
    np.sqrt(square, out=square)
    square /= 2
    return np.maximum(square, np.float32(0.4), out=square)


# ---- letters


@cache
def letters():
    """maps (L, GRID, GRID), the widths of their strokes (L,), and for each digit a list of the letters to draw from.

    A map tells how deep each cell lies in the ink; it is less than 0 outside. Float32; a letter's longer side is 2.
    """
    choices = [[(1, digit, font) for font in FONTS if (digit, font) not in UNLIKE] + OTHERS[digit] for digit in DIGITS]
    masks = {(letter, font): _mask(letter, FONTS[font]) for some in choices for _, letter, font in some}
    ink = np.stack(list(masks.values()))
    # a cell's centre is half a cell nearer to the edge than to the next centre beyond it
    maps = np.where(ink, _distance(ink) - np.float32(0.5), np.float32(0.5) - _distance(~ink)) * np.float32(CELL)
    stems = 4 * np.maximum(maps, 0).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))     # depth is a fourth of it on the average
    number = {letter: i for i, letter in enumerate(masks)}
    return maps, stems, [[number[letter, font] for times, letter, font in some for _ in range(times)]
                         for some in choices]


def _mask(letter: str, font: str) -> np.ndarray:
    """Which cells' centres (GRID, GRID) lie within the letter's outline: where it winds round them, not 0 times."""
    import matplotlib  # here, because it takes longer than all other imports
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    file = Path(matplotlib.get_data_path(), 'fonts', 'ttf', f'{font}.ttf')
    polygons = TextPath((0, 0), letter, size=100, prop=FontProperties(fname=file)).to_polygons()
    points = np.concatenate(polygons)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 2 / CELL / (high - low).max()
    winding = np.zeros((GRID, GRID + 1), int)
    for polygon in polygons:
        corners = (polygon - (low + high) / 2) * [scale, -scale] + GRID / 2     # y goes down
        (xa, ya), (xb, yb) = corners[:-1].T, corners[1:].T
        centre = np.arange(GRID)[:, None] + 0.5                                 # (GRID, 1)
        row, edge = np.nonzero((ya <= centre) != (yb <= centre))                # the edges that cross a row of centres
        xa, ya, xb, yb = xa[edge], ya[edge], xb[edge], yb[edge]
        x = xa + (row + 0.5 - ya) / (yb - ya) * (xb - xa)
        np.add.at(winding, (row, np.ceil(x - 0.5).astype(int)), np.where(yb > ya, 1, -1))
    return winding.cumsum(axis=1)[:, :GRID] != 0


def _distance(masks: np.ndarray) -> np.ndarray:
    """From each cell of masks (L, GRID, GRID) to the nearest that is not True, between centres, REACH at most.

    First along the columns, then d² = min over s of (its neighbour s cells along)² + s².
    """
    d = np.where(masks, np.float32(REACH), np.float32(0))
    for y in range(1, GRID):
        np.minimum(d[:, y], d[:, y - 1] + 1, out=d[:, y])
    for y in range(GRID - 2, -1, -1):
        np.minimum(d[:, y], d[:, y + 1] + 1, out=d[:, y])
    d *= d
    least = d.copy()
    for s in range(1, REACH):
        np.minimum(least[:, :, s:], d[:, :, :-s] + s * s, out=least[:, :, s:])
        np.minimum(least[:, :, :-s], d[:, :, s:] + s * s, out=least[:, :, :-s])
    return np.sqrt(least)
