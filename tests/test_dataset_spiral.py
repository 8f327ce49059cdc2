"""dataset.spiral: the book's points, drawn one by one here."""
import math
import sys
import threading

import numpy as np

from dataset import spiral


def test_points_follow_the_formula_and_the_drawing_order():
    x, t = spiral.load_data(seed=7)
    rng = np.random.RandomState(7)
    for j in range(3):
        for i in range(100):
            angle = 4 * j + 4 * i / 100 + 0.2 * rng.randn()
            row = 100 * j + i
            assert math.isclose(x[row, 0], i / 100 * math.sin(angle), abs_tol=1e-14)
            assert math.isclose(x[row, 1], i / 100 * math.cos(angle), abs_tol=1e-14)
            assert t[row].tolist() == [int(j == k) for k in range(3)]
    assert x.shape == (300, 2) and t.shape == (300, 3) and x.dtype == np.float64 and t.dtype.kind == 'i'
    assert np.random.randn() == rng.randn()     # what comes after is drawn from where the book would draw it


def test_seed():
    x = spiral.load_data()[0]
    assert np.array_equal(x, spiral.load_data(seed=1984)[0])
    np.random.seed(1984)
    assert np.array_equal(x, spiral.load_data(seed=None)[0])
    assert not np.array_equal(x, spiral.load_data(seed=None)[0])


def test_threads_that_load_at_once_get_the_points_of_their_seed():
    interval, found = sys.getswitchinterval(), []
    begin = threading.Barrier(8)

    def load(seed):
        begin.wait(60)
        for _ in range(200):
            found.append((seed, spiral.load_data(seed)[0].tobytes()))

    threads = [threading.Thread(target=load, args=(seed,)) for seed in (1984, 1984, 1984, 1984, 1, 2, 3, 4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == 1600 and len(set(found)) == 5
