"""WordNet, the thesaurus of Princeton (book, 2.2 and appendix B), read by nltk; and WordSim-353, judged by people.

nltk comes by pip install nltk. WordNet comes into nltk's own place by python -m nltk.downloader wordnet, or as a
package of Debian's, apt install wordnet-base. WordSim-353 comes with gensim.
"""
import importlib.util
import io
import warnings
from pathlib import Path

from common.checks import InputError, open_regular

DEBIAN = Path('/usr/share/wordnet')
LEXNAMES = 45       # files in which the lexicographers wrote; Debian's package leaves out the list of their names


def load_data(folder=None):
    """nltk's reader of WordNet, from this folder, or else from nltk's own place or from Debian's.

    OSError where nltk or WordNet is not installed, InputError where the files in the folder are not WordNet's.
    """
    try:
        import nltk
    except ImportError:
        raise OSError('nltk, which reads WordNet, is not installed: pip install nltk') from None
    if folder is None:
        try:
            nltk.corpus.wordnet.ensure_loaded()
            return nltk.corpus.wordnet
        except LookupError:
            folder = DEBIAN
    folder = Path(folder).resolve()
    if not (folder / 'data.noun').is_file():
        raise OSError(f'WordNet is not in {folder}: apt install wordnet-base, or python -m nltk.downloader wordnet')
    nltk.data.path.append(str(folder))      # nltk reads files in the folders that are named there alone
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')     # that there are no other languages
            return reader()(str(folder), None)
    except (nltk.corpus.reader.wordnet.WordNetError, OSError, ValueError, LookupError, AssertionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise InputError(f"{folder}: expected WordNet's files, got others: {reason}") from None


def reader():
    """nltk's class, which also reads a folder by itself: without lexnames, and without nltk's own WordNet."""
    from nltk.corpus.reader import WordNetCorpusReader

    class Reader(WordNetCorpusReader):
        def open(self, file):
            if file == 'lexnames' and not Path(self.root, file).exists():
                return io.StringIO(''.join(f'{i:02} file{i} 0\n' for i in range(LEXNAMES)))
            return super().open(file)

        def map_wn(self, version='wordnet'):
            """To the synsets of nltk's own, by which it knows other languages: none."""

    return Reader


def load_pairs():
    """WordSim-353: a list of (word, word, mean of what people said, from 0 to 10). Empty where there is no gensim.

    Finkelstein et al., 2002.
    """
    found = importlib.util.find_spec('gensim')
    if found is None or found.origin is None:
        return []
    return read_pairs(Path(found.origin).parent / 'test' / 'test_data' / 'wordsim353.tsv')


def read_pairs(path):
    """The pairs of a file of lines `word word mean`, tabs between them, as load_pairs gives them."""
    with open_regular(path) as file:
        lines = file.read().decode('utf-8').splitlines()
    rows = [line.split('\t')[:3] for line in lines if line and not line.startswith('#')]
    return [(first, second, float(mean)) for first, second, mean in rows]
