"""Train the better language model: two LSTM layers, dropout, weight tying (book, 6.5.4).

The matrix that turns words into vectors is, transposed, the one that scores the words: see BetterRnnlm. Where an epoch
brings no better validation, the learning rate becomes a quarter. NAME.npz is the model of the best epoch so far.
Stopped at any moment and called again with the same flags and --resume, the training ends with the same numbers.
"""
from functools import partial
from typing import Annotated

from ch06.better_rnnlm import BetterRnnlm
from ch06.eval import draw_perplexity, perplexity_afresh, report_perplexity
from common.callbacks import EarlyStopping, PlateauDecay
from common.cli import FROM_0, SEEDS, run
from common.figures import show
from common.np import np
from common.optimizer import SGD
from common.trainer import RnnlmTrainer
from common.training import training
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    # model
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 650,
    hidden_size: Annotated[int, 'units of each LSTM'] = 650,
    dropout: Annotated[float, 'part of the activations that dropout sets to zero'] = 0.5,
    forget_bias: Annotated[float, "first bias of the LSTMs' forget gates; with 1 they remember from the start"] = 0.0,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 20,
    time_size: Annotated[int, 'time steps through which gradients flow back'] = 35,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 40,
    learning_rate: Annotated[float, 'the first; a quarter of it after each epoch without a better validation'] = 20.0,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 0.25,
    patience: Annotated[int | None, 'stop after so many epochs without a better validation'] = None,
    # files
    name: Annotated[str, 'what the two files are called'] = 'BetterRnnlm',
    resume: Annotated[bool, 'go on from the checkpoint'] = False,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train, save, test and draw the language model; returns the trainer and the test perplexity of the best epoch."""
    flags = dict(locals())
    ids, word_to_id, id_to_word = load_data(corpus, 'train', tokens, encoding)
    print(f'corpus size: {len(ids)}, vocabulary size: {len(word_to_id)}')
    ids_valid, ids_test = (load_data(corpus, part, tokens, encoding)[0] for part in ('valid', 'test'))
    if seed is not None:
        np.random.seed(seed)
    model = BetterRnnlm(len(word_to_id), wordvec_size, hidden_size, dropout, forget_bias=forget_bias)
    # rewind: each epoch begins at the first word again, as a fit of its own would
    callbacks = [PlateauDecay(factor=0.25), RnnlmTrainer.rewind, *([EarlyStopping(patience)] if patience else [])]
    trainer = RnnlmTrainer(model, SGD(lr=learning_rate), callbacks)
    data = ids, ids_valid, ids_test, word_to_id
    with training(trainer, name, flags, data, id_to_word, resume, keep_best=True):
        trainer.fit(ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad,
                    validate=partial(perplexity_afresh, model, ids_valid))
    perplexity = report_perplexity(model, ids_test, corpus)
    draw_perplexity(trainer, corpus, perplexity)
    show('ch06_train_better_rnnlm')
    return trainer, perplexity


if __name__ == '__main__':
    run(main, parallel=True)
