"""The data that the chapters learn from: spiral, sequences, Penn Treebank, a toy language, your own text."""

# The parts of a corpus by the names that a reader may give them.
SPLITS = {'train': 'train', 'valid': 'valid', 'val': 'valid', 'test': 'test'}
