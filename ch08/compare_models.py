"""Three models that learn to write dates, one after the other, their accuracies in one chart (book, 8.3)."""
from ch07.compare_models import compare
from ch08.train import MODELS
from common.cli import run


def main(wordvec_size=16, hidden_size=256, batch_size=128, max_epoch=10, max_grad: float | None = 5.0,
         seed: int | None = None):
    """
    seed: of the weights and batches of each; none: they go on from where the one before left np.random
    """
    models = {'plain' if name == 'seq2seq' else name: (Model, True, None)       # all read backwards
              for name, Model in MODELS.items()}
    return compare(models, 'date.txt', (wordvec_size, hidden_size), max_epoch, batch_size, max_grad, seed,
                   'learning dates, read backwards')


if __name__ == '__main__':
    run(main)
