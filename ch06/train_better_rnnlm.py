"""Train the better language model: two LSTM layers, dropout, weight tying (book, 6.5.4).

The best model by validation perplexity is kept in NAME.npz, and after every epoch all that is needed to go on in
NAME_checkpoint.npz. Stopped at any moment and called again with the same flags and --resume, the training ends with
the same numbers, bit for bit, as one never stopped: on the same machine with as many BLAS threads, since sums round
by their order. (On a GPU, whose random state is not saved, the dropout masks differ.)
"""
import json
import math
from pathlib import Path

from ch06.better_rnnlm import BetterRnnlm
from ch06.eval import report_perplexity, valid_perplexity
from common.callbacks import EarlyStopping, PlateauDecay
from common.np import np
from common.optimizer import SGD
from common.script import keep_on_interrupt, run
from common.storage import get_random_state, load_npz, save_npz, set_random_state
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
    """Put the trainer, its model and optimizer, and np.random where save_checkpoint found them."""
    arrays = load_npz(path)
    if 'settings' not in arrays:
        raise ValueError(f'{path} is no checkpoint of this script: it holds {", ".join(arrays) or "nothing"}')
    for name, value in json.loads(arrays['settings'].item()).items():
        if settings[name] != value:
            raise ValueError(f'{name}: {settings[name]} came, but {path} was made with {value}; expected the same')
    for i, param in enumerate(trainer.model.params):
        param[...] = np.asarray(arrays[f'param_{i}'])
    optimizer = trainer.optimizer
    optimizer.set_state({name: arrays[f'optimizer_{name}'].item() for name in optimizer.get_state()})
    trainer.current_epoch = arrays['current_epoch'].item()
    trainer.ppl_list = arrays['ppl_list'].tolist()
    trainer.valid_list = arrays['valid_list'].tolist()
    set_random_state(arrays)


def main(corpus='ptb', batch_size=20, wordvec_size=650, hidden_size=650, time_size=35, learning_rate=20.0, max_epoch=40,
         max_grad: float | None = 0.25, dropout=0.5, forget_bias=0.0, patience: int | None = None, name='BetterRnnlm',
         resume=False, seed: int | None = None):
    """
    patience: stop after so many epochs without a better validation
    learning_rate: the first; a quarter of it after each epoch in which validation does not improve
    name: what the two files are called
    resume: go on from the checkpoint
    """
    best, checkpoint = Path(f'{name}.npz'), Path(f'{name}_checkpoint.npz')
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
    if resume and checkpoint.exists():
        load_checkpoint(checkpoint, trainer, settings)
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
        if checkpoint.exists():
            print(f'the last whole epoch is in {checkpoint}: --resume goes on from there')
        return model.save_params(f'{name}_interrupted.npz')

    with keep_on_interrupt(keep):
        while trainer.current_epoch < max_epoch and not is_over(trainer):
            trainer.fit(ids[:-1], ids[1:], 1, batch_size, time_size, max_grad)
            ppl = valid_perplexity(model, ids_valid)
            print(f'valid perplexity: {ppl:.2f}')
            # The best model first, the checkpoint last: it alone says that the epoch is over. A kill between the two
            # leaves the checkpoint of the epoch before, from which this epoch is run again, bit for bit, and the best
            # model is written again, the same. The other way round, the best model of this epoch would be lost.
            if ppl < trainer.best_valid():
                model.save_params(best)
            trainer.valid_list.append(ppl)
            PlateauDecay(factor=0.25)(trainer)
            save_checkpoint(checkpoint, trainer, settings)
            print(f'epoch {trainer.current_epoch} of {max_epoch} is in {checkpoint}')
            print('-' * 50)
    if trainer.best_valid() < math.inf:
        model.load_params(best)
    return trainer, report_perplexity(model, ids_test, corpus)


if __name__ == '__main__':
    run(main)
