"""The corpus that a script's --corpus names."""
from pathlib import Path

from dataset import ptb, text, toy


def load_data(name: str | Path, data_type: str = 'train'):
    """corpus, word_to_id, id_to_word of 'ptb', of 'toy', or of a text file by its path; see their own modules."""
    if name == 'ptb':
        return ptb.load_data(data_type)
    if name == 'toy':
        return toy.load_data(data_type)
    if not Path(name).is_file():
        raise FileNotFoundError(f"corpus: expected 'ptb', 'toy' or the path of a text file, got {str(name)!r}")
    return text.load_data(name, data_type)
