"""How good are the word vectors of ch04.train_runs? Beside gensim's, where that is installed.

    python -m tests.word_quality                        CBOW on PTB, 1, 5 and 10 epochs, three seeds
    python -m tests.word_quality --model skip_gram --epochs 1 5
    python -m tests.word_quality --toy 1250000          one epoch on 10 million words of the toy language

On PTB: Spearman's correlation of the vectors' cosines with what people say of 353 pairs of words (WordSim-353; the
file comes with gensim's test data, or --pairs names it), those whose words are both in the vocabulary. On toy: of the
nearest words of one that stands in a list of the grammar, five or as many as there are others in its list, the share
that stand there too. A row is the mean over the seeds, the figure of each, and words learnt per second of processor
time. Both sides: window 5, five negatives, no subsampling, one core (OPENBLAS_NUM_THREADS=1).
"""
import argparse
import time
from functools import partial

import numpy as np

from ch02.thesaurus import spearman
from ch04.run_models import RunCBOW, RunSkipGram
from ch04.run_trainer import RunLoader, RunTrainer
from common.util import normalize
from dataset import ptb, toy, wordnet
from tests.benchmarks import installed

SIZE, WINDOW = 100, 5


# ---------------------------------------------------------------- what is measured


def read_pairs(path, word_to_id):
    """ids (N, 2) and people's marks (N,) of the pairs whose words, in lower case, are both known."""
    known = [(word_to_id[first.lower()], word_to_id[second.lower()], mark)
             for first, second, mark in wordnet.read_pairs(path)
             if first.lower() in word_to_id and second.lower() in word_to_id]
    return np.array([pair[:2] for pair in known]), np.array([mark for _, _, mark in known])


def agreement(pairs, W):
    """Spearman's correlation of the pairs' cosines with the marks."""
    (first, second), marks = pairs[0].T, pairs[1]
    W = normalize(W)
    return spearman((W[first] * W[second]).sum(axis=1), marks)


def word_lists(word_to_id):
    """The lists of the toy grammar, symbols that become one word each of several, as lists of ids."""
    rules = toy.parse_grammar().values()
    return [[word_to_id[word] for _, (word,) in rule] for rule in rules
            if len(rule) > 1 and all(len(symbols) == 1 and symbols[0] in word_to_id for _, symbols in rule)]


def share_in_list(lists, W, most=5):
    """Of each word's nearest, `most` or as many as its list has others, the share that stand in its list: the mean."""
    W = normalize(W)
    shares = []
    for members in lists:
        k = min(most, len(members) - 1)
        cosines = W[members] @ W.T                                      # (M, V)
        cosines[np.arange(len(members)), members] = -np.inf
        nearest = np.argsort(-cosines, axis=1)[:, :k]
        shares += np.isin(nearest, members).mean(axis=1).tolist()
    return np.mean(shares)


# ---------------------------------------------------------------- who learns


def ours(ids, id_to_word, model, epochs, seed):
    np.random.seed(seed)
    loader = RunLoader(ids, np.bincount(ids, minlength=len(id_to_word)))
    net = (RunCBOW if model == 'cbow' else RunSkipGram)(len(loader.words), SIZE)
    RunTrainer(net).fit(loader, epochs, WINDOW, eval_interval=None)
    W = np.zeros((len(id_to_word), SIZE), 'f')
    W[loader.words] = net.word_vecs
    return W


def gensims(ids, id_to_word, model, epochs, seed):
    from gensim.models import Word2Vec
    words = [id_to_word[i] for i in ids.tolist()]
    sentences = [words[i:i + 10000] for i in range(0, len(words), 10000)]
    net = Word2Vec(sentences, vector_size=SIZE, window=WINDOW, negative=5, sg=int(model == 'skip_gram'), min_count=1,
                   sample=0, epochs=epochs, workers=1, seed=seed + 1)
    W = np.zeros((len(id_to_word), SIZE), 'f')
    for i, word in id_to_word.items():
        if word in net.wv:
            W[i] = net.wv[word]
    return W


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.word_quality', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', choices=('cbow', 'skip_gram'), default='cbow')
    parser.add_argument('--epochs', type=int, nargs='+', metavar='N', help='default: 1 5 10; 1 on toy')
    parser.add_argument('--seeds', type=int, default=3, metavar='N', help='how many (default: 3)')
    parser.add_argument('--first-seed', type=int, default=0, metavar='N', help='the first of them (default: 0)')
    parser.add_argument('--toy', type=int, metavar='N', help='N sentences of the toy language in place of PTB')
    parser.add_argument('--pairs', metavar='FILE', help='word, word, mark, with tabs between; none: from gensim')
    args = parser.parse_args(argv)
    if args.toy:
        ids, word_to_id, id_to_word = toy.load_data(size=args.toy)
        judge = partial(share_in_list, word_lists(word_to_id))
    else:
        ids, word_to_id, id_to_word = ptb.load_data()
        if args.pairs is None:
            from gensim.test.utils import datapath
            args.pairs = datapath('wordsim353.tsv')
        pairs = read_pairs(args.pairs, word_to_id)
        print(len(pairs[1]), 'pairs')
        judge = partial(agreement, pairs)
    sides = {'ours': ours} | ({'gensim': gensims} if installed('gensim') else {})
    print(f'{"":<10}{"epochs":>8}{"mean":>8}{"words/s":>12}   seeds')
    for epochs in args.epochs or ([1] if args.toy else [1, 5, 10]):
        for name, learn in sides.items():
            start, figures = time.process_time(), []
            for seed in range(args.first_seed, args.first_seed + args.seeds):
                figures.append(judge(learn(ids, id_to_word, args.model, epochs, seed)))
            pace = args.seeds * epochs * len(ids) / (time.process_time() - start)
            print(f'{name:<10}{epochs:>8}{np.mean(figures):>8.3f}{pace:>12,.0f}   '
                  + ' '.join(f'{figure:.3f}' for figure in figures), flush=True)


if __name__ == '__main__':
    main()
