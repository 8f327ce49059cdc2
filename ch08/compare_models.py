"""Three models that learn to write dates, one after the other, their accuracies in one chart (book, 8.3)."""
from ch07.train_seq2seq import learn, plot_accuracies
from ch08.train import MODELS
from common.np import np
from common.script import run, show
from dataset import sequence


def main(wordvec_size=16, hidden_size=256, batch_size=128, max_epoch=10, max_grad: float | None = 5.0,
         seed: int | None = None):
    """
    seed: of the weights and batches of each; none: they go on from where the one before left np.random
    """
    train_data, test_data = sequence.load_data('date.txt')
    char_to_id, _ = sequence.get_vocab()
    curves = {}
    for name, Model in MODELS.items():
        print(f'----- {name}')
        if seed is not None:
            np.random.seed(seed)
        model = Model(len(char_to_id), wordvec_size, hidden_size)
        curves[name] = learn(model, train_data, test_data, True, max_epoch, batch_size, max_grad)
    plot_accuracies(curves, 'learning dates, read backwards')
    show('accuracies')
    return curves


if __name__ == '__main__':
    run(main)
