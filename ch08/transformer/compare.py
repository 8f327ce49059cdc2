"""The Transformer beside the LSTM with attention: two models that learn to write dates, the same lines in each epoch.

Both train as their own scripts have them, python -m ch08.transformer.train_dates and python -m ch08.train, one after
the other. The chart has their accuracy on the test dates over the epochs, and over the seconds that the processor has
worked since each began, on all cores together: those in which the test dates were answered are among them. A training
that is stopped cannot go on here, for its seconds would say nothing.
"""
import time
from typing import Annotated

from ch07.train_seq2seq import ANSWERED, learn
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.transformer.train_dates import warmed_up
from ch08.transformer.transformer import Transformer
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_accuracies, pyplot, show
from common.np import np
from common.optimizer import AdamW
from dataset import sequence


def main(
    # data
    file_name: Annotated[str, 'addition.txt, date.txt or the path of a file of such lines'] = 'date.txt',
    # LSTM with attention
    wordvec_size: Annotated[int, "LSTM's numbers in the vector of a character"] = 16,
    hidden_size: Annotated[int, "LSTM's units of encoder and decoder each"] = 256,
    # Transformer
    width: Annotated[int, "Transformer's numbers in the vector of a character, in all blocks"] = 128,
    feed_forward_size: Annotated[int, 'units of its feed-forward network in each block'] = 512,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    # chance
    seed: Annotated[int, 'of weights and batches of each', SEEDS] = 0,
):
    """Train both and draw; returns name -> its accuracies, and name -> the seconds at which it had them."""
    flags = dict(locals())
    train_data, test_data = sequence.load_data(file_name)
    V, steps = len(sequence.get_vocab()[0]), max_epoch * (len(train_data[0]) // batch_size)
    # name -> its class and sizes, whether it reads backwards, the gradients' largest norm, optimizer and schedule
    models = {
        'LSTM with attention': (AttentionSeq2seq, (V, wordvec_size, hidden_size), True, 5.0, {}),
        'Transformer': (Transformer, (V, width, 4, 2, feed_forward_size), False, 1.0,
                        {'optimizer': AdamW(), 'schedule': warmed_up(steps)}),
    }
    accuracies, seconds = {}, {}
    for name, (Model, sizes, reverse, max_grad, others) in models.items():
        print(f'----- {name}')
        np.random.seed(seed)
        model = Model(*sizes)
        clock = Clock()
        accuracies[name] = learn(model, train_data, test_data, flags, reverse, max_epoch, batch_size, max_grad,
                                 name=f'compare_{Model.__name__}', callbacks=[clock], **others).valid_list
        seconds[name] = clock.seconds
    plot_both(accuracies, seconds, file_name)
    show('ch08_transformer_compare')
    return accuracies, seconds


class Clock:
    """A callback: `seconds`, those that the processor has worked since it was made, after each epoch."""

    def __init__(self):
        self.start, self.seconds = time.process_time(), []

    def __call__(self, trainer):
        self.seconds.append(time.process_time() - self.start)


def plot_both(accuracies, seconds, file_name):
    """Two panels: the accuracies over the epochs, and over the seconds."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    plt.sca(left)
    plot_accuracies(accuracies, 'by epochs', ANSWERED)
    for name, ends in seconds.items():
        right.plot([0, *ends], [0, *(100 * share for share in accuracies[name])], marker='o', label=name)
    right.set_title('by time')
    right.set_xlabel("the processor's seconds since the first step, tests included")
    right.grid(True)
    right.legend()
    figure.suptitle(f'learning {file_name}')


if __name__ == '__main__':
    run(main, parallel=True)
