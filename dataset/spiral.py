"""Three spiral arms in the plane, a class each: points that no straight line separates (book, 1.4.1)."""
import threading

import numpy as np

from common.checks import check_seed

CLASSES = 3
POINTS = 100    # of each class
LOCK = threading.Lock()


def load_data(seed: int | None = 1984) -> tuple[np.ndarray, np.ndarray]:
    """x (300, 2) and t one-hot (300, 3), class by class.

    Point i of class j lies at radius i/100 and angle 4j + 4·i/100 + 0.2·randn. The global np.random is seeded
    with `seed` first, as in the book; None draws on from where it stands. In threads, each gets the points of its seed.
    """
    if seed is None:
        noise = np.random.randn(CLASSES, POINTS)                                # (3, 100)
    else:
        check_seed(seed)
        state = np.random.RandomState(seed)
        noise = state.randn(CLASSES, POINTS)
        with LOCK:
            np.random.set_state(state.get_state())                              # where the book leaves it
    radius = np.arange(POINTS) / POINTS                                         # (100,)
    arm = 4.0 * np.arange(CLASSES)[:, None]                                     # (3, 1)
    angle = arm + 4.0 * radius + 0.2 * noise                                    # (3, 100)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)     # (3, 100, 2)
    t = np.repeat(np.eye(CLASSES, dtype=int), POINTS, axis=0)                   # (300, 3)
    return x.reshape(-1, 2), t
