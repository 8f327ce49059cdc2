"""Train the language model with one LSTM layer (book, 6.4.4)."""
from functools import partial
from typing import Literal

from ch06.eval import perplexity_afresh, report_perplexity
from ch06.rnnlm import Rnnlm
from common.callbacks import CosineDecay, EarlyStopping, PlateauDecay
from common.cli import run
from common.interrupts import keep_on_interrupt
from common.np import np
from common.optimizer import SGD
from common.trainer import RnnlmTrainer
from dataset.corpus import load_data


def main(corpus='ptb', batch_size=20, wordvec_size=100, hidden_size=100, time_size=35, learning_rate=20.0, max_epoch=4,
         max_grad: float | None = 0.25, forget_bias=0.0, schedule: Literal['none', 'plateau', 'cosine'] = 'none',
         patience: int | None = None, seed: int | None = None):
    """
    schedule: of the learning rate: plateau: a quarter after an epoch without a better validation; cosine: down to 0
    patience: stop after so many epochs without a better validation
    """
    ids, word_to_id, _ = load_data(corpus, 'train')
    ids_valid, ids_test = (load_data(corpus, part)[0] for part in ('valid', 'test'))
    if seed is not None:
        np.random.seed(seed)
    model = Rnnlm(len(word_to_id), wordvec_size, hidden_size, forget_bias=forget_bias)
    schedules = {'none': (), 'plateau': (PlateauDecay(),), 'cosine': (CosineDecay(learning_rate, max_epoch),)}
    callbacks = (*schedules[schedule], *(() if patience is None else (EarlyStopping(patience),)))
    validate = partial(perplexity_afresh, model, ids_valid) if callbacks else None
    trainer = RnnlmTrainer(model, SGD(lr=learning_rate), callbacks)
    with keep_on_interrupt(model.save_params):
        trainer.fit(ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad, validate=validate)
        print('parameters:', model.save_params())      # before the picture: a window may stand open for long
    trainer.plot(ylim=(0, 500))
    return trainer, report_perplexity(model, ids_test, corpus)


if __name__ == '__main__':
    run(main)
