"""MNIST: 70,000 handwritten digits of 28 × 28 pixels."""
import gzip

import numpy as np

from dataset import files


def load_data(normalize=True, flatten=True, one_hot_label=False):
    """(x_train, t_train), (x_test, t_test): skeleton, to be replaced."""
    def idx(name, skip):
        return np.frombuffer(gzip.decompress((files.folder() / 'mnist' / (name + '.gz')).read_bytes())[skip:], np.uint8)

    parts = []
    for part in ('train', 't10k'):
        x = idx(part + '-images-idx3-ubyte', 16).reshape(-1, 1, 28, 28)
        t = idx(part + '-labels-idx1-ubyte', 8).copy()
        if flatten:
            x = x.reshape(len(x), -1)
        x = x.astype('f') / np.float32(255) if normalize else x.copy()
        parts.append((x, np.eye(10, dtype=np.uint8)[t] if one_hot_label else t))
    return tuple(parts)
