"""Three models that learn to write dates, one after the other, their accuracies in one chart (book, 8.3)."""
from typing import Annotated

from ch07.compare_models import compare
from ch07.train_seq2seq import plot_accuracies
from ch08.train import MODELS
from common.cli import FROM_0, SEEDS, run
from common.figures import show


def main(
    # models
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
    """Train and save the three and draw their accuracies, which are returned: name -> one an epoch."""
    flags = dict(locals())
    models = {'plain' if name == 'seq2seq' else name: (Model, True) for name, Model in MODELS.items()}
    curves = compare(models, 'date.txt', flags, stem='dates_')
    plot_accuracies(curves, 'learning dates, read backwards')
    show('ch08_compare_models')
    return curves


if __name__ == '__main__':
    run(main)
