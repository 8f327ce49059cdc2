"""Train the language model with one LSTM layer (book, 6.4.4)."""
from functools import partial
from typing import Annotated, Literal

from ch06.eval import draw_perplexity, perplexity_afresh, report_perplexity
from ch06.rnnlm import Rnnlm
from common.callbacks import CosineDecay, EarlyStopping, PlateauDecay
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
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 100,
    hidden_size: Annotated[int, 'units of the LSTM'] = 100,
    forget_bias: Annotated[float, "first bias of the LSTMs' forget gates; with 1 they remember from the start"] = 0.0,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 20,
    time_size: Annotated[int, 'time steps through which gradients flow back'] = 35,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 4,
    learning_rate: Annotated[float, "the optimizer's step size"] = 20.0,
    schedule: Annotated[Literal['none', 'plateau', 'cosine'], 'plateau: a quarter of the rate; cosine: to 0'] = 'none',
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 0.25,
    patience: Annotated[int | None, 'stop after so many epochs without a better validation'] = None,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train, save, test and draw the language model; returns the trainer and the test perplexity."""
    flags = dict(locals())
    ids, word_to_id, id_to_word = load_data(corpus, 'train', tokens, encoding)
    ids_valid, ids_test = (load_data(corpus, part, tokens, encoding)[0] for part in ('valid', 'test'))
    if seed is not None:
        np.random.seed(seed)
    model = Rnnlm(len(word_to_id), wordvec_size, hidden_size, forget_bias=forget_bias)
    callbacks: list = []
    if schedule == 'plateau':
        callbacks.append(PlateauDecay())
    elif schedule == 'cosine':
        callbacks.append(CosineDecay(learning_rate, max_epoch))
    if patience is not None:
        callbacks.append(EarlyStopping(patience))
    validate = partial(perplexity_afresh, model, ids_valid) if callbacks else None
    trainer = RnnlmTrainer(model, SGD(lr=learning_rate), callbacks)
    with training(trainer, 'Rnnlm', flags, (ids, ids_valid, ids_test, word_to_id), id_to_word, resume):
        trainer.fit(ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad, validate=validate)
    perplexity = report_perplexity(model, ids_test, corpus)
    draw_perplexity(trainer, corpus, perplexity)
    show('ch06_train_rnnlm')
    return trainer, perplexity


if __name__ == '__main__':
    run(main, parallel=True)
