"""Train seq2seq to add (book, 7.3.4 and 7.4): `57+5` is to become `62`, read and written digit by digit.

Plain it gets about one answer in ten right, with --reverse half of them, with --reverse --peeky nearly all.
"""
import time
from pathlib import Path
from typing import Annotated

from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_training, show
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from common.util import eval_seq2seq, evaluate_seq2seq
from dataset import sequence

ANSWERED = 'test questions answered correctly (%)'


def main(
    # data
    file_name: Annotated[str, 'addition.txt, date.txt or the path of a file of such lines'] = 'addition.txt',
    reverse: Annotated[bool, 'read the questions backwards'] = False,
    # model
    peeky: Annotated[bool, 'show the encoded question to every step of the decoder'] = False,
    wordvec_size: Annotated[int, 'numbers in the vector of a character'] = 16,
    hidden_size: Annotated[int, 'units of encoder and decoder each'] = 128,
    forget_bias: Annotated[float, "first bias of the LSTMs' forget gates; with 1 they remember from the start"] = 0.0,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 25,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 5.0,
    # answers
    beam_size: Annotated[int, 'answers followed side by side; 1 takes the likeliest character each time'] = 1,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train, save and draw loss and accuracy; returns the model and its accuracy after each epoch."""
    flags = dict(locals())
    train_data, test_data = sequence.load_data(file_name)
    char_to_id, _ = sequence.get_vocab()
    if seed is not None:
        np.random.seed(seed)

    model = (PeekySeq2seq if peeky else Seq2seq)(len(char_to_id), wordvec_size, hidden_size, forget_bias=forget_bias)
    trainer = learn(model, train_data, test_data, flags, reverse, max_epoch, batch_size, max_grad, beam_size, resume)
    title = type(model).__name__ + ', reading backwards,' * reverse
    plot_training(trainer, f'{title} learns {Path(file_name).name}', ANSWERED)
    show('ch07_train_seq2seq')
    return model, trainer.valid_list


def learn(model, train_data, test_data, flags, reverse, max_epoch, batch_size, max_grad, beam_size=1, resume=False,
          name=None, optimizer=None, schedule=None, callbacks=()):
    """Train; after each epoch print ten test questions and the accuracy on all, at the end save the model.

    Both data: questions (N, S), answers (N, 1 + T). reverse: questions are read backwards. flags, resume and name
    (None: that of its class) as `training` takes them, optimizer (None: Adam), schedule and callbacks as Trainer.
    Returns the trainer, whose valid_list is the accuracy after each epoch.
    """
    (x_train, t_train), (x_test, t_test) = train_data, test_data
    if not len(x_test):
        raise InputError(f'test_data: expected one question or more (ten lines in the file), got none beside '
                         f'{len(x_train)} to train on')
    if reverse:
        x_train, x_test = x_train[:, ::-1], x_test[:, ::-1]
    char_to_id, id_to_char = sequence.get_vocab()

    def report(trainer):
        for i in range(min(10, len(x_test))):
            eval_seq2seq(model, x_test[[i]], t_test[[i]], id_to_char, verbose=True, is_reverse=reverse,
                         beam_size=beam_size)
        trainer.valid_list.append(evaluate_seq2seq(model, x_test, t_test, beam_size=beam_size))
        elapsed = time.perf_counter() - start
        left = elapsed / (trainer.current_epoch - first_epoch) * (max_epoch - trainer.current_epoch)
        print(f'val acc {100 * trainer.valid_list[-1]:.3f}% | epoch {trainer.current_epoch} / {max_epoch} | '
              f'time {elapsed:.0f}[s] | left {left:.0f}[s]')

    callbacks = [report, Trainer.rewind, *callbacks]    # rewind: each epoch shuffles the lines as they came
    trainer = Trainer(model, optimizer or Adam(), callbacks, schedule)
    data = x_train, t_train, x_test, t_test, char_to_id
    with training(trainer, name or type(model).__name__, flags, data, id_to_char, resume):
        first_epoch, start = trainer.current_epoch, time.perf_counter()
        trainer.fit(x_train, t_train, max_epoch, batch_size, max_grad)
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
