"""The data that the chapters learn from: spiral, sequences, Penn Treebank, a toy language, your own text."""

from numbers import Integral

# The parts of a corpus by the names that a reader may give them.
SPLITS = {'train': 'train', 'valid': 'valid', 'val': 'valid', 'test': 'test'}


def part_of_corpus(argument: str, name: str) -> str:
    """'train', 'valid' or 'test', whichever the argument's value names."""
    if name not in SPLITS:
        raise ValueError(f'{argument} is {name!r}, but should be one of {", ".join(SPLITS)}.')
    return SPLITS[name]


def check_seed(seed: int) -> None:
    """ValueError for what np.random does not take as a seed."""
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f'seed is {seed!r}, but should be an integer from 0 to 2**32 - 1.')
