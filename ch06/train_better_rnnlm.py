"""Train the better language model: two LSTM layers, dropout, weight tying (book, 6.5.4).

The best model by validation perplexity is kept in NAME.npz, and after every epoch all that is needed to go on in
NAME_checkpoint.npz. Stopped at any moment and called again with the same flags and --resume, the training ends with
the same numbers, bit for bit, as one never stopped: on the same machine with as many BLAS threads, since sums round
by their order. (On a GPU, whose random state is not saved, the dropout masks differ.)
"""
import json
import math
import sys
from pathlib import Path
from typing import Annotated

from ch06.better_rnnlm import BetterRnnlm
from ch06.eval import perplexity_afresh, report_perplexity
from common.callbacks import EarlyStopping, PlateauDecay
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.interrupts import keep_on_interrupt
from common.np import np
from common.optimizer import SGD
from common.storage import fit_params, get_random_state, load_npz, refusing, save_npz, set_random_state
from common.trainer import RnnlmTrainer
from dataset.corpus import load_data


def save_checkpoint(path, trainer, settings):
    """All that the next epoch begins from. The LSTMs' states are not part of it: they are reset between epochs."""
    model, optimizer = trainer.model, trainer.optimizer
    save_npz(path, {'settings': np.array(json.dumps(settings)), 'current_epoch': np.array(trainer.current_epoch),
                    'ppl_list': np.array(trainer.ppl_list, 'd'), 'valid_list': np.array(trainer.valid_list, 'd'),
                    **{f'optimizer_{name}': np.array(value) for name, value in optimizer.get_state().items()},
                    **{f'param_{i}': param for i, param in enumerate(model.params)},
                    **get_random_state()})


def load_checkpoint(path, trainer, settings):
    """Put the trainer, its model and optimizer, and np.random where save_checkpoint found them: all of it or nothing.

    ValueError, naming the file and what is wrong in it, for one that is damaged, of other settings or of another kind.
    """
    arrays = load_npz(path)
    if 'settings' not in arrays:
        raise InputError(f'{path}: expected a checkpoint of this script, got {", ".join(arrays)[:60] or "nothing"}')
    with refusing(f'settings of {path}'):
        made_with = json.loads(arrays['settings'].item())
    if not isinstance(made_with, dict) or made_with.keys() != settings.keys() or not all(
            isinstance(value, str | int | float | None) for value in made_with.values()):
        raise InputError(f'{path}: expected the settings of this script, {", ".join(settings)}, got other ones')
    for name, value in made_with.items():
        if settings[name] != value:
            raise InputError(f'{name}: expected {value!r:.60}, with which {path} was made, got {settings[name]!r}')

    def take(name, kinds, ndim, is_fit, expected):
        if name not in arrays:
            raise InputError(f'{path}, {name}: expected {expected}, got nothing')
        array = arrays[name]
        if array.dtype.kind not in kinds or array.ndim != ndim or not is_fit(array):
            found = f'an array {array.shape}' if array.ndim else repr(array.item())[:60]
            raise InputError(f'{path}, {name}: expected {expected}, got {found}')
        return array.tolist()

    epoch = take('current_epoch', 'i', 0, lambda array: array >= 0, 'a number of epochs')
    ppl_list = take('ppl_list', 'f', 1, lambda array: not (array < 0).any(), 'perplexities')
    valid_list = take('valid_list', 'f', 1, lambda array: len(array) == epoch and not (array < 0).any(),
                      f'perplexities of {epoch} epochs')
    state = {'lr': take('optimizer_lr', 'if', 0, lambda array: 0 <= array < math.inf, 'a finite number, 0 or more'),
             'iter': take('optimizer_iter', 'i', 0, lambda array: array >= 0, 'a number of updates')}
    model = trainer.model
    params = fit_params(path, {name: array for name, array in arrays.items() if name.startswith('param_')},
                        model.params)
    with refusing(path):
        set_random_state(arrays)        # the last that is checked and the first that is changed
    for param, array in zip(model.params, params, strict=True):
        param[...] = np.asarray(array)
    trainer.optimizer.set_state(state)
    trainer.current_epoch, trainer.ppl_list, trainer.valid_list = epoch, ppl_list, valid_list


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
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
    """Train, save and test the language model; returns the trainer and the test perplexity of the best epoch."""
    if not name:
        raise InputError('name: expected what the two files are to be called, got nothing')
    best, checkpoint = Path(f'{name}.npz'), Path(f'{name}_checkpoint.npz')
    first = Path(f'{name}_first.npz')       # the first best model, until the checkpoint of its epoch is there
    for path in (checkpoint, best):
        if path.exists() and not resume:
            raise FileExistsError(f'{path} is there from an earlier training and would be overwritten: go on from the '
                                  'checkpoint with --resume, choose another --name, or move the file away')
    ids, word_to_id, _ = load_data(corpus, 'train')
    ids_valid, ids_test = (load_data(corpus, part)[0] for part in ('valid', 'test'))
    if seed is not None:
        np.random.seed(seed)
    model = BetterRnnlm(len(word_to_id), wordvec_size, hidden_size, dropout, forget_bias=forget_bias)
    optimizer = SGD(lr=learning_rate)
    trainer = RnnlmTrainer(model, optimizer)

    # all but max_epoch and patience, which may grow; the corpus by its size, for a path may be written in many ways
    settings = {'corpus': f'{len(ids)} words, {len(word_to_id)} different', 'batch_size': batch_size,
                'wordvec_size': wordvec_size, 'hidden_size': hidden_size, 'time_size': time_size,
                'learning_rate': learning_rate, 'max_grad': max_grad, 'dropout': dropout,
                'forget_bias': forget_bias, 'seed': seed}

    def settle():
        if trainer.best_valid() < math.inf and first.exists() and not best.exists():
            first.replace(best)

    if resume and checkpoint.exists():
        load_checkpoint(checkpoint, trainer, settings)
        settle()
        if trainer.best_valid() < math.inf and not best.exists():
            raise FileNotFoundError(f'{best}, the best model so far, is not beside {checkpoint}')
        print(f'resuming after epoch {trainer.current_epoch} of {max_epoch}')
    elif resume and best.exists():
        raise FileNotFoundError(f'{checkpoint} is not beside {best}, which a new training would overwrite: move that '
                                'away, or choose another --name')
    elif resume:
        print(f'there is no {checkpoint} here: starting afresh')

    trainer.last_epoch = max_epoch

    def is_over(trainer):
        return patience is not None and trainer.valid_list and EarlyStopping(patience)(trainer)

    def keep():
        path = model.save_params(f'{name}_interrupted.npz')
        if checkpoint.exists():
            print(f'the last whole epoch is in {checkpoint}: --resume goes on from there', file=sys.stderr)
        return path

    with keep_on_interrupt(keep, best.parent):
        while trainer.current_epoch < max_epoch and not is_over(trainer):
            trainer.fit(ids[:-1], ids[1:], 1, batch_size, time_size, max_grad)
            ppl = perplexity_afresh(model, ids_valid)
            print(f'valid perplexity: {ppl:.2f}')
            # The best model first, the checkpoint last: it alone says that the epoch is over. A kill between the two
            # leaves the checkpoint of the epoch before, from which this epoch is run again, bit for bit, and the best
            # model is written again, the same. The other way round, the best model of this epoch would be lost. The
            # very first one waits under a name of its own: without a checkpoint, `best` is a model of somebody else's.
            if ppl < trainer.best_valid():
                model.save_params(best if best.exists() else first)
            trainer.valid_list.append(ppl)
            PlateauDecay(factor=0.25)(trainer)
            save_checkpoint(checkpoint, trainer, settings)
            settle()
            print(f'epoch {trainer.current_epoch} of {max_epoch} is in {checkpoint}')
            print('-' * 50)
    if trainer.best_valid() < math.inf:
        model.load_params(best)
    return trainer, report_perplexity(model, ids_test, corpus)


if __name__ == '__main__':
    run(main)
