"""MNIST: 70,000 handwritten digits of 28 × 28 pixels, white on black (volume 1, 3.6)."""
import numpy as np

from common.checks import check_flag
from dataset import files

URL = 'https://ossci-datasets.s3.amazonaws.com/mnist/'


def _source(name: str, size: int, gzip_size: int, sha256: str) -> files.Source:
    return files.Source(f'mnist/{name}.gz', f'{URL}{name}.gz', size, sha256, gzip_size)


SOURCES = {
    'x_train': _source('train-images-idx3-ubyte', 47_040_016, 9_912_422,
                       'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db'),
    't_train': _source('train-labels-idx1-ubyte', 60_008, 28_881,
                       '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5'),
    'x_test': _source('t10k-images-idx3-ubyte', 7_840_016, 1_648_877,
                      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7'),
    't_test': _source('t10k-labels-idx1-ubyte', 10_008, 4_542,
                      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2'),
}
HEADERS = {'x': 16, 't': 8}     # bytes before the pixels and before the labels of an IDX file
ADVICE = 'Without it: --data digits'


def load_data(normalize: bool = True, flatten: bool = True, one_hot_label: bool = False):
    """(x_train, t_train), (x_test, t_test): 60,000 and 10,000 pictures and their labels.

    x (N, 784), without flatten (N, 1, 28, 28): float32 from 0 to 1, without normalize uint8 from 0 to 255.
    t (N,) uint8, with one_hot_label (N, 10) float32. A file that is not at hand is fetched (dataset/files.py): OSError
    where it cannot be had.
    """
    check_flags(normalize, flatten, one_hot_label)
    data = {key: np.frombuffer(files.content(SOURCES[key], ADVICE), np.uint8, offset=HEADERS[key[0]])
            for key in SOURCES}
    train, test = (finish(data[f'x_{part}'].reshape(-1, 1, 28, 28), data[f't_{part}'], normalize, flatten,
                          one_hot_label) for part in ('train', 'test'))
    return train, test


load_mnist = load_data      # its name in volume 1


def fetch_smallest(seconds: float = 5.0) -> None:
    """Fetch the smallest of the files that are not there, for a look at the network: OSError where it takes longer."""
    missing = [source for source in SOURCES.values() if not any(place.exists() for place in files.places(source))]
    if missing:
        files.content(min(missing, key=lambda source: source.served), seconds=seconds)


def check_flags(normalize, flatten, one_hot_label) -> None:
    """InputTypeError unless each is True or False."""
    check_flag('normalize', normalize)
    check_flag('flatten', flatten)
    check_flag('one_hot_label', one_hot_label)


def finish(x: np.ndarray, t: np.ndarray, normalize: bool, flatten: bool, one_hot_label: bool):
    """x (N, 1, 28, 28) and t (N,), both uint8, in the form of load_data: new arrays."""
    x = np.divide(x, 255, dtype=np.float32) if normalize else x.copy()
    if flatten:
        x = x.reshape(len(x), -1)       # (N, 784)
    return x, np.eye(10, dtype=np.float32)[t] if one_hot_label else t.copy()
