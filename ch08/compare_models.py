"""Three models that learn to write dates, one after the other, their accuracies in one chart (book, 8.3)."""
from typing import Annotated

from ch07.compare_models import compare
from ch08.train import MODELS
from common.cli import FROM_0, SEEDS, run


def main(
    # models
    wordvec_size: Annotated[int, 'numbers in the vector of a character'] = 16,
    hidden_size: Annotated[int, 'units of encoder and decoder each'] = 256,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 5.0,
    # chance
    seed: Annotated[int | None, 'of weights and batches of each; none: they go on from the one before', SEEDS] = None,
):
    """Train and save the three and draw their accuracies, which are returned: name -> one an epoch."""
    models = {'plain' if name == 'seq2seq' else name: (Model, True, None)       # all read backwards
              for name, Model in MODELS.items()}
    return compare(models, 'date.txt', (wordvec_size, hidden_size), max_epoch, batch_size, max_grad, seed,
                   'learning dates, read backwards')


if __name__ == '__main__':
    run(main)
