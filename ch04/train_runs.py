"""Learn word vectors from a corpus of any size, as fast as compiled word2vec does (Mikolov et al., 2013).

CBOW or skip-gram on runs of the corpus that share their negatives; frequent words can be thinned out, rare ones left
out. All of a text file is learnt from, as ids that are made once and stay on disk. Several processes, `mpiexec -n 4`,
take a part of the corpus each. `python -m ch04.eval` judges the vectors.
"""
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from ch04.run_models import RunCBOW, RunSkipGram
from ch04.run_trainer import RunLoader, RunTrainer
from common.cli import FROM_0, SEEDS, run
from common.np import np
from common.parallel import first_before_others
from common.training import training
from common.weight_files import save_words
from dataset.corpus import load_data
from dataset.corpus_file import open_corpus
from dataset.tokens import Tokens


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    window_size: Annotated[int, 'context words on each side, at most; each run draws its own'] = 5,
    min_count: Annotated[int | None, 'rarer words are left out, those of a text file <unk>; none: 1, or 5'] = None,
    sample: Annotated[float, 'share of the corpus above which a word is thinned out, as 0.001; 0: none is'] = 0.0,
    # model
    model: Annotated[Literal['cbow', 'skip_gram'], 'which model is trained'] = 'cbow',
    hidden_size: Annotated[int, 'numbers in a word vector'] = 100,
    # training
    run_size: Annotated[int, 'words of the corpus in one step'] = 1500,
    negatives: Annotated[int, 'words drawn for each run, which count as 5 for each of its words'] = 32,
    max_epoch: Annotated[int, 'passes over the corpus', FROM_0] = 5,
    learning_rate: Annotated[float, 'the first step size; it falls to 0'] = 0.1,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train word vectors, save them and draw the loss; returns the trainer."""
    flags = dict(locals())
    if corpus not in ('ptb', 'toy') and Path(corpus).is_file():
        ids, counts, word_to_id, id_to_word = first_before_others(
            partial(open_corpus, corpus, 5 if min_count is None else min_count, tokens=tokens, encoding=encoding))
        loader = RunLoader(ids, counts, run_size, negatives, 1, sample)
    else:
        ids, word_to_id, id_to_word = load_data(corpus, tokens=tokens, encoding=encoding)
        loader = RunLoader(ids, None, run_size, negatives, 1 if min_count is None else min_count, sample)
    if seed is not None:
        np.random.seed(seed)
    Model = RunCBOW if model == 'cbow' else RunSkipGram
    net = Model(len(loader.words), hidden_size)
    trainer = RunTrainer(net, learning_rate)

    def save(path, about):
        save_words(path, net.word_vecs, {i: id_to_word[word] for i, word in enumerate(loader.words.tolist())}, about)

    with training(trainer, 'word_vectors', flags, (ids, word_to_id), resume=resume, save=save):
        trainer.fit(loader, max_epoch, window_size, eval_interval=max(1, len(loader) // 5))
    trainer.plot(name='ch04_train_runs')
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
