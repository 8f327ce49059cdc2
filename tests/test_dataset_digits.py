"""dataset.digits: arrays, chance, and whether the pictures look like MNIST's."""
import tracemalloc

import numpy as np
import pytest

from common.checks import InputError
from dataset import digits, mnist


@pytest.fixture(scope='module')
def some():
    """x (2000, 28, 28) and t (2000,), uint8."""
    (x, t), _ = digits.load_data(2000, 1, normalize=False, flatten=False)
    return x[:, 0], t


def test_forms(some):
    (x, t), (x_test, t_test) = digits.load_data(300, 20, normalize=False, flatten=False)
    assert x.shape == (300, 1, 28, 28) and x.dtype == np.uint8 and t.shape == (300,) and t.dtype == np.uint8
    assert x_test.shape == (20, 1, 28, 28) and t_test.shape == (20,)
    (flat, hot), (flat_test, _) = digits.load_data(300, 20, one_hot_label=True)
    assert flat.shape == (300, 784) and flat.dtype == np.float32 and flat_test.shape == (20, 784)
    assert np.array_equal(flat, x.reshape(300, 784) / np.float32(255))
    assert hot.dtype == np.float32 and hot.shape == (300, 10) and np.array_equal(hot.argmax(axis=1), t)
    assert np.array_equal(hot.sum(axis=1), np.ones(300)) and np.array_equal(x[:, 0], some[0][:300])


def test_chance():
    """The same for a seed, whatever the size; other pictures for another seed, and in the test part."""
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    (x, t), (x_test, t_test) = digits.load_data(260, 30)
    (more, labels), (more_test, _) = digits.load_data(700, 300)
    assert np.array_equal(more[:260], x) and np.array_equal(labels[:260], t) and np.array_equal(more_test[:30], x_test)
    assert not np.array_equal(x[:30], x_test) and not np.array_equal(t[:30], t_test)
    (other, _), _ = digits.load_data(260, 1, seed=1985)
    assert not np.array_equal(other, x)
    assert len(np.unique(more, axis=0)) == 700
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(('given', 'says'), [
    ({'train_size': 0}, 'train_size: expected 1 or more, got 0'),
    ({'test_size': 2.5}, 'test_size: expected an integer'),
    ({'seed': -1}, 'seed: expected an integer from 0'), ({'seed': None}, 'seed: expected an integer from 0'),
    ({'flatten': 'no'}, 'flatten: expected True or False')])
def test_bad_arguments(given, says):
    with pytest.raises(InputError, match=f'^{says}'):
        digits.load_data(**{'train_size': 3, 'test_size': 3, **given})


def test_labels_are_uniform(some):
    _, t = some
    assert (abs(np.bincount(t, minlength=10) - 200) < 60).all()      # more than four standard deviations


def test_they_lie_as_mnists_do(some):
    """White on black, about 20 pixels from end to end, in the middle by the ink, a margin of black around."""
    x, _ = some
    ink = x / 255
    lit = x > 76
    longer = np.maximum(lit.any(axis=1).sum(axis=1), lit.any(axis=2).sum(axis=1))
    assert 19 < longer.mean() < 21 and (abs(longer - 20) <= 3).mean() > 0.97
    middle = np.arange(28) - 14
    for axis in (1, 2):         # MNIST's lie within half a pixel of (14, 14), the pixels being counted from 0
        at = (ink.sum(axis=axis) @ middle) / ink.sum(axis=(1, 2))
        assert abs(at.mean()) < 0.1 and at.std() < 0.6
    assert 0.11 < ink.mean() < 0.15             # MNIST: 0.131
    assert ink.sum(axis=(1, 2)).min() > 12 and ink[:, [0, 1, 26, 27]].mean() < 0.005
    assert 0.08 < ((ink > 0.05) & (ink < 0.9)).mean() < 0.14        # soft edges
    assert (x.max(axis=(1, 2)) > 230).all()


def test_they_are_of_many_kinds(some):
    """Thick and thin, upright and slanted, as MNIST's are; no class has one shape alone."""
    x, t = some
    at = np.arange(28) - 13.5
    ink = x / x.sum(axis=(1, 2), keepdims=True, dtype='d')
    down, right = ink.sum(axis=2) @ at, ink.sum(axis=1) @ at
    height = ink.sum(axis=2) @ at**2 - down**2
    slant = -(np.einsum('nij,i,j->n', ink, at, at) - down * right) / height
    for digit in range(10):
        of = t == digit
        amount = (x[of] / 255).sum(axis=(1, 2))
        assert amount.std() > 0.17 * amount.mean() and 0.2 < slant[of].std() < 0.5
    assert 0.1 < slant.mean() < 0.3     # to the right, as most write; MNIST: 0.13


def test_a_letter_is_its_outline():
    """The maps of depth: a bar's strokes are its width, an 8 has two holes, a 0 one."""
    maps, stems, choices = digits.letters()
    assert maps.shape[1:] == (digits.GRID, digits.GRID) and len(maps) == len(stems) and len(choices) == 10
    assert all(some and max(some) < len(maps) for some in choices)

    def holes(number):
        """Regions outside the ink but the one around, by spreading from a corner again and again."""
        free, found = maps[number] < 0, -1
        while free.any():
            region = np.zeros_like(free)
            region.flat[free.argmax()] = True
            while True:
                grown = region.copy()
                grown[1:] |= region[:-1]
                grown[:-1] |= region[1:]
                grown[:, 1:] |= region[:, :-1]
                grown[:, :-1] |= region[:, 1:]
                grown &= free
                if (grown == region).all():
                    break
                region = grown
            free = free & ~region
            found += 1
        return found

    assert [holes(some[0]) for some in choices] == [1, 0, 0, 0, 1, 0, 1, 0, 2, 1]       # of DejaVu Sans
    bar = digits._mask('I', 'DejaVuSans')
    rows, columns = np.flatnonzero(bar.any(axis=1)), np.flatnonzero(bar.any(axis=0))
    assert len(rows) == round(2 / digits.CELL) and bar[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].all()
    assert abs(len(columns) / len(rows) - 0.135) < 0.02         # 0.0986 of an em wide, 0.729 high
    depth = digits._distance(bar[None])[0]
    assert depth.max() == (len(columns) + 1) // 2 and depth[~bar].max() == 0


def test_distances():
    masks = np.zeros((1, digits.GRID, digits.GRID), bool)
    masks[0, 20:30, 40:60] = True
    masks[0, 25, 50] = False
    d = digits._distance(masks)[0]
    y, x = np.nonzero(~masks[0])
    for i, j in ((20, 40), (25, 41), (24, 50), (27, 53), (22, 45), (29, 59), (0, 0)):
        assert d[i, j] == pytest.approx(np.sqrt(((y - i)**2 + (x - j)**2).min()))
    assert digits._distance(np.ones_like(masks)).min() == digits.REACH


def test_memory_grows_with_the_pictures_alone():
    digits.letters()
    tracemalloc.start()
    digits.load_data(2000, 1, normalize=False)
    small = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    digits.load_data(6000, 1, normalize=False)
    large = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert large - small < 4000 * 785 * 2.5         # nothing else grows


def nearest_mean(x, t, x_test, t_test):
    """The share that is told right by the nearest of the ten mean pictures."""
    means = np.stack([x[t == digit].mean(axis=0) for digit in range(10)])
    far = ((x_test[:, None] - means) ** 2).sum(axis=2)
    return (far.argmin(axis=1) == t_test).mean()


def test_a_class_can_be_told_from_the_others():
    (x, t), (x_test, t_test) = digits.load_data(2000, 500)
    assert nearest_mean(x, t, x_test, t_test) > 0.5


@pytest.mark.slow
def test_they_stand_in_for_mnist(real_data):
    if not (real_data / 'mnist').is_dir():
        pytest.skip('MNIST is not at hand')
    (x, t), _ = digits.load_data(2000, 1)
    _, (x_test, t_test) = mnist.load_data()
    assert nearest_mean(x, t, x_test[:1000], t_test[:1000]) > 0.5       # MNIST's own means: 0.77


def test_steepness():
    """Of a slope it is the slope, also between the axes; nothing is flatter than 0.4."""
    y, x = np.mgrid[:8, :8].astype('f')
    slopes = np.stack([3 * x, 3 * x + 4 * y, 0.1 * y])
    inner = digits._steepness(slopes)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, np.broadcast_to(np.float32([3, 5, 0.4])[:, None, None], inner.shape), rtol=1e-5)


@pytest.mark.parametrize('stretch', [1, 2.5])
def test_edges_are_as_soft_in_a_wide_letter(stretch, monkeypatch):
    """A bar, upright, as many times as wide: an edge's grey is that of one pixel, on either side."""
    def upright(rng, t):
        turn = np.broadcast_to(np.float32([[1 / stretch, 0], [0, 1]]), (len(t), 2, 2))
        return turn, np.zeros((2, len(t), digits.POWERS, digits.POWERS), 'f')

    maps, stems, choices = digits.letters()
    monkeypatch.setattr(digits, 'letters', lambda: (maps, stems, [choices[1][-1:]] * 10))       # an I without serifs
    monkeypatch.setattr(digits, '_draw_bend', upright)
    monkeypatch.setattr(digits, 'PRESSES', 0)
    monkeypatch.setattr(digits, 'GRAIN', 0)
    (x, _), _ = digits.load_data(200, 1, flatten=False)
    middle = x[:, 0, 10:18]
    grey = ((middle > 0.05) & (middle < 0.95)).sum(axis=2)
    assert abs(grey.mean() - 2 * 0.9) < 0.35 and (middle.max(axis=2) > 0.7).all()
    if stretch == 1:
        assert abs(middle.sum(axis=2).mean() - sum(digits.PEN) / 2) < 0.3
