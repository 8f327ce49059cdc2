"""The data that the chapters learn from: spiral, sequences, Penn Treebank, a toy language, your own text."""
