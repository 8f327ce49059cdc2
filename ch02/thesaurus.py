"""A thesaurus beside word vectors: WordNet's synonyms, hypernyms and similarities (book, 2.2 and appendix B).

pip install nltk reads WordNet, which comes by apt install wordnet-base, or by python -m nltk.downloader wordnet. Where
gensim is installed, which brings WordSim-353, both are compared with what people say of its pairs of words.
"""
from typing import Annotated

from ch02.count_method_big import sizes_for
from common.checks import InputError, shown
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from common.util import cos_similarity, create_co_matrix, ppmi, truncated_svd
from common.word2vec_files import load_vectors
from dataset import wordnet as wordnet_files
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    # thesaurus
    word: Annotated[str, 'a noun'] = 'car',
    others: Annotated[str, 'nouns to compare it with, blanks between them'] = 'novel dog motorcycle truck',
    wordnet: Annotated[str | None, "the folder of WordNet's files; none: looked for"] = None,
    # vectors
    params: Annotated[str | None, 'a file of word vectors, as of ch04/train; none: counts, PPMI and SVD'] = None,
    corpus: Annotated[str, 'to count in: ptb, toy (made here) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    window_size: Annotated[int, 'context words on each side, to count'] = 2,
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 100,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print the look-up and the similarities, draw the hypernyms; returns {other: (path similarity, cosine)}."""
    thesaurus = wordnet_files.load_data(wordnet)
    word = '_'.join(word.split())       # ice cream is ice_cream in WordNet
    senses = {word: first_sense(thesaurus, 'word', word)}
    senses |= {name: first_sense(thesaurus, 'others', name) for name in others.split()}
    print(f'[synonyms] {shown(word)}')
    for sense in thesaurus.synsets(word, pos='n'):
        print(f' {sense.name()}: {", ".join(sense.lemma_names())} ({sense.definition()})')
    paths = {name: path_of(sense) for name, sense in senses.items()}
    print(f'\n[hypernyms] {shown(word)}, in the first sense\n {" > ".join(paths[word])}')

    if seed is not None:
        np.random.seed(seed)
    vectors = read_vectors(params) if params else count_vectors(corpus, window_size, wordvec_size, tokens, encoding)

    def similarities(name):
        return senses[word].path_similarity(senses[name]), cosine(vectors, word, name)

    found = {name: similarities(name) for name in senses if name != word}
    print(f'\n[similarity] {shown(word)}: path in WordNet, cosine of the vectors')
    for name, pair in found.items():
        print(f' {shown(name)}: {" ".join(map(as_text, pair))}')
    judge(thesaurus, vectors, wordnet_files.load_pairs())

    draw(paths, {name: f'path {as_text(path)}\ncosine {as_text(cos)}' for name, (path, cos) in found.items()})
    show('ch02_thesaurus')
    return found


def first_sense(thesaurus, argument, name):
    """The most frequent sense of a noun, which is of this argument's value."""
    senses = thesaurus.synsets(name, pos='n')
    if not senses:
        raise InputError(f'{argument}: expected nouns that WordNet knows, got {name!r}')
    return senses[0]


def path_of(sense):
    """The names of its hypernyms from the root: of several paths, which nltk gives in an order of chance, one."""
    return min([step.name() for step in path] for path in sense.hypernym_paths())


def read_vectors(params):
    """word -> vector, from a file."""
    word_vecs, word_to_id, _ = load_vectors(params)
    return {name: word_vecs[i] for name, i in word_to_id.items()}


def count_vectors(corpus, window_size, wordvec_size, tokens='words', encoding='utf-8'):
    """word -> vector, as count_method_big makes them."""
    ids, word_to_id, _ = load_data(corpus, tokens=tokens, encoding=encoding)
    W = ppmi(create_co_matrix(ids, len(word_to_id), window_size))                   # (V, V)
    word_vecs, _, _ = truncated_svd(W, sizes_for(len(word_to_id), wordvec_size))          # (V, D)
    return {name: word_vecs[i] for name, i in word_to_id.items()}


def cosine(vectors, a, b):
    """None where a word has no vector."""
    a, b = vectors.get(a.lower()), vectors.get(b.lower())
    return None if a is None or b is None else float(cos_similarity(a, b))


def as_text(number):
    return '–' if number is None else f'{number:.2f}'


# ---- against what people say


def judge(thesaurus, vectors, pairs):
    """Print the rank correlations, over the pairs of which both know both words."""
    rows = []
    for a, b, said in pairs:
        row = said, best_similarity(thesaurus, a, b), cosine(vectors, a, b)
        if None not in row:
            rows.append(row)
    if len(rows) > 2:
        said, paths, cosines = np.array(rows).T                                     # (n,) each
        print(f'\n[WordSim-353] rank correlation with people, {len(rows)} of {len(pairs)} pairs: '
              f'WordNet {spearman(said, paths):.2f}, vectors {spearman(said, cosines):.2f}')


def best_similarity(thesaurus, a, b):
    """The largest path similarity of a sense of a and one of b; None where there is none."""
    return max((first.path_similarity(second) for first in thesaurus.synsets(a, pos='n')
                for second in thesaurus.synsets(b, pos='n')), default=None)


def spearman(x, y):
    """The correlation of the ranks of x and y (n,): 1 where the larger x has the larger y throughout."""
    middle = (len(x) + 1) / 2
    return float(cos_similarity(ranks(x) - middle, ranks(y) - middle))


def ranks(x):
    """1 for the smallest of x (n,) to n for the largest; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


# ---- the tree


def draw(paths, notes):
    """The hypernyms from the root down. paths: name -> synsets from the root; notes: name -> a text beside it."""
    plt = pyplot()
    nodes = list(dict.fromkeys(tuple(path[:end]) for path in paths.values() for end in range(1, len(path) + 1)))
    columns, names = place(nodes), {tuple(path): name for name, path in paths.items()}
    parents = {node[:-1] for node in nodes}
    width, depth = max(columns.values()) + 1, max(map(len, nodes))
    plt.figure(figsize=(2 + 1.7 * width, 1 + 0.42 * depth))
    for node, x in columns.items():
        if node[:-1]:
            plt.plot([columns[node[:-1]], x], [len(node) - 1, len(node)], color='0.6', zorder=1)
        label, name = node[-1].rsplit('.', 2)[0], names.get(node)
        label = (label if name in (None, label) else f'{label} ({name})').replace('_', ' ')
        plt.text(x, len(node), label, ha='center', va='center', fontweight='bold' if name else 'normal',
                 bbox={'boxstyle': 'round', 'facecolor': '#cfe3f5' if name else 'white', 'edgecolor': '0.6'})
        if name in notes:       # below a leaf, else to the right
            place_of = ({'xytext': (4 * len(label) + 8, 0), 'ha': 'left', 'va': 'center'} if node in parents else
                        {'xytext': (0, -12), 'ha': 'center', 'va': 'top'})
            plt.annotate(notes[name], (x, len(node)), textcoords='offset points', fontsize='small', **place_of)
    plt.title(f'What {next(iter(paths))} is by WordNet, and how like the others')
    plt.xlim(-0.7, width - 0.3)
    plt.ylim(depth + 1.2, 0.5)
    plt.axis('off')


def place(nodes):
    """The column of each node, paths from the root: a leaf has its own, others stand amid their children."""
    columns: dict = {}

    def settle(node, free):
        children = [other for other in nodes if other[:-1] == node]
        for child in children:
            free = settle(child, free)
        columns[node] = sum(columns[child] for child in children) / len(children) if children else free
        return free if children else free + 1

    free = 0
    for node in nodes:
        if len(node) == 1:
            free = settle(node, free)
    return columns


if __name__ == '__main__':
    run(main)
