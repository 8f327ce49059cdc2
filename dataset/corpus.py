"""The corpus that a script's --corpus names."""
from pathlib import Path

from common.checks import InputError
from dataset import ptb, text, toy


def load_data(name: str | Path, data_type: str = 'train', tokens: str = 'words', encoding: str = 'utf-8'):
    """corpus, word_to_id, id_to_word of 'ptb', of 'toy', or of a text file by its path; see their own modules.

    tokens, encoding: how a text file is read, see text.load_data.
    """
    if name in ('ptb', 'toy') and tokens not in ('words', 'blanks'):
        raise InputError(f"tokens: expected 'words' for {name}, whose words are parted already, got {tokens!r:.60}")
    if name == 'ptb':
        return ptb.load_data(data_type)
    if name == 'toy':
        return toy.load_data(data_type)
    if not Path(name).is_file():
        raise FileNotFoundError(f"corpus: expected 'ptb', 'toy' or the path of a text file, got {str(name)!r}")
    return text.load_data(name, data_type, tokens=tokens, encoding=encoding)
