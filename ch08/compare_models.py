"""Three models that learn to write dates, one after the other, their accuracies in one chart (book, 8.3).

With --beyond it is attention beside its other forms: read from both ends, in another place, three LSTMs deep (8.4).
"""
from typing import Annotated

from ch07.compare_models import compare
from ch07.train_seq2seq import ANSWERED
from ch08.train import MODELS
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_accuracies, show


def main(
    # models
    beyond: Annotated[bool, "attention and its other forms in place of the book's three"] = False,
    wordvec_size: Annotated[int, 'numbers in the vector of a character'] = 16,
    hidden_size: Annotated[int, 'units of encoder and decoder each'] = 256,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 5.0,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches of each; none: they go on from the one before', SEEDS] = None,
):
    """Train and save the models and draw their accuracies, which are returned: name -> one an epoch."""
    flags = dict(locals())
    names = ('attention', 'bi', 'bahdanau', 'deep') if beyond else ('attention', 'seq2seq', 'peeky')
    models = {'plain' if name == 'seq2seq' else name: (MODELS[name], True) for name in names}
    curves = compare(models, 'date.txt', flags, stem='dates_')
    plot_accuracies(curves, 'learning dates, read backwards', ANSWERED)
    show('ch08_compare_models' + '_beyond' * beyond)
    return curves


if __name__ == '__main__':
    run(main, parallel=True)
