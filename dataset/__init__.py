"""The data that the chapters learn from: spiral, sequences, Penn Treebank, a toy language, your own text, digits."""
from common.checks import InputError

# The parts of a corpus by the names that a reader may give them.
SPLITS = {'train': 'train', 'valid': 'valid', 'val': 'valid', 'test': 'test'}


def part_of_corpus(argument: str, name: str) -> str:
    """'train', 'valid' or 'test', whichever the argument's value names."""
    if not isinstance(name, str) or name not in SPLITS:
        raise InputError(f'{argument}: expected one of {", ".join(SPLITS)}, got {name!r}')
    return SPLITS[name]
