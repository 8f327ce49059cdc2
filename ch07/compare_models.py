"""The three ways to learn to add, one after the other, their accuracies in one chart (book, 7.4)."""
from typing import Annotated

from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from ch07.train_seq2seq import ANSWERED, learn
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_accuracies, show
from common.np import np
from dataset import sequence


def main(
    # data
    file_name: Annotated[str, 'addition.txt, date.txt or the path of a file of such lines'] = 'addition.txt',
    # models
    wordvec_size: Annotated[int, 'numbers in the vector of a character'] = 16,
    hidden_size: Annotated[int, 'units of encoder and decoder each'] = 128,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 25,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 5.0,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches of each; none: they go on from the one before', SEEDS] = None,
):
    """Train and save the three and draw their accuracies, which are returned: name -> one an epoch."""
    flags = dict(locals())
    models = {'plain': (Seq2seq, False), 'reversed': (Seq2seq, True), 'reversed + peeky': (PeekySeq2seq, True)}
    curves = compare(models, file_name, flags)
    plot_accuracies(curves, f'learning {file_name}', ANSWERED)
    show('ch07_compare_models')
    return curves


def compare(models, file_name, flags, stem=''):
    """Train each of the models on the file; returns their accuracies, name -> one an epoch.

    models: name -> its class, whether it reads backwards. flags: those of the script. stem: before the files' names.
    """
    train_data, test_data = sequence.load_data(file_name)
    char_to_id, _ = sequence.get_vocab()
    curves = {}
    for name, (Model, reverse) in models.items():
        print(f'----- {name}')
        if flags['seed'] is not None:
            np.random.seed(flags['seed'])
        model = Model(len(char_to_id), flags['wordvec_size'], flags['hidden_size'])
        curves[name] = learn(model, train_data, test_data, flags | {'reverse': reverse}, reverse, flags['max_epoch'],
                             flags['batch_size'], flags['max_grad'], resume=flags['resume'],
                             name=stem + name.replace(' + ', '_')).valid_list
    return curves


if __name__ == '__main__':
    run(main, parallel=True)
