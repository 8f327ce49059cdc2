"""Penn Treebank as T. Mikolov prepared it: newspaper text of 10,000 words (book, 2.4.4)."""
import numpy as np

from dataset import files, part_of_corpus

URL = 'https://raw.githubusercontent.com/tomsercu/lstm/master/data/'
SOURCES = {
    'train': files.Source('ptb/ptb.train.txt', URL + 'ptb.train.txt', 5_101_618,
                          'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf'),
    'valid': files.Source('ptb/ptb.valid.txt', URL + 'ptb.valid.txt', 399_782,
                          'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2'),
    'test': files.Source('ptb/ptb.test.txt', URL + 'ptb.test.txt', 449_945,
                         'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0'),
}
ADVICE = 'Without it: --corpus toy, or --corpus PATH for a text of your own'


def load_data(data_type: str = 'train') -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """corpus (a 1-D int64 array of word ids), word_to_id, id_to_word.

    data_type: 'train' (929,589 words), 'valid' or 'val' (73,760), 'test' (82,430). Each line's end is `<eos>`. The
    vocabulary is always that of the training text. A file that is not at hand is fetched (dataset/files.py).
    """
    part = part_of_corpus('data_type', data_type)
    train = _words('train')
    word_to_id, id_to_word = _vocab(train)
    words = train if part == 'train' else _words(part)
    corpus = np.fromiter(map(word_to_id.__getitem__, words), dtype=np.int64, count=len(words))
    return corpus, word_to_id, id_to_word


def load_vocab() -> tuple[dict[str, int], dict[int, str]]:
    """word_to_id, id_to_word: ids in order of first appearance in the training text."""
    return _vocab(_words('train'))


def _words(part: str) -> list[str]:
    text = files.read_text(files.get(SOURCES[part], ADVICE))
    return text.replace('\n', ' <eos> ').split()


def _vocab(words: list[str]) -> tuple[dict[str, int], dict[int, str]]:
    id_to_word = dict(enumerate(dict.fromkeys(words)))
    return {word: i for i, word in id_to_word.items()}, id_to_word
