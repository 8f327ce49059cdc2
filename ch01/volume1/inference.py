"""Digits read by a network with given weights, volume 1's sample_weight.pkl; which it takes for which (volume 1, 3.6).

The file comes with volume 1's code (its folder ch03). No script makes it: ch01.volume1.train_two_layer trains a network
of your own.
"""
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy

from ch01.volume1.multi_layer_net import MultiLayerNet
from common.cli import run
from common.evaluation import scores
from common.figures import pyplot, show
from common.functions import softmax
from common.np import np, to_cpu
from dataset import files, images


def find_sample_weight() -> Path:
    """The path of sample_weight.pkl: in the current folder, in the data folder's weights, or its weights/volume1."""
    weights = files.folder() / 'weights'
    for place in (Path(), weights / 'volume1', weights):
        if (place / 'sample_weight.pkl').is_file():
            return place / 'sample_weight.pkl'
    raise FileNotFoundError(f'sample_weight.pkl is neither here nor in {weights / "volume1"}: it comes with the code '
                            'of volume 1 (ch03), and no script makes it. python -m ch01.volume1.train_two_layer trains '
                            'a network of your own.')


def load_network(path):
    """A network 784–50–100–10 with sigmoids and the weights of a file: a dict of arrays W1, b1, W2, b2, W3, b3."""
    model = MultiLayerNet(784, [50, 100], 10, activation='sigmoid')
    model.names = ['W1', 'b1', 'W2', 'b2', 'W3', 'b3']
    model.load_params(path)
    return model


def main(
    # weights
    params: Annotated[str | None, "the book's sample_weight.pkl; none: looked for"] = None,
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'], 'pictures: MNIST where it can be had, else digits made here']
    = 'auto',
    batch_size: Annotated[int, 'pictures that go through the network together'] = 100,
):
    """Print the accuracy and draw the confusion matrix; returns the accuracy, and the matrix (10, 10) of counts."""
    model = load_network(params or find_sample_weight())
    _, (x, t) = images.load_data(data, flatten=True)                    # (N, 784), (N,)
    y = softmax(to_cpu(scores(model, x, batch_size)))                   # (N, 10)
    given = y.argmax(axis=1)
    confusion = numpy.zeros((10, 10), int)                              # row: what it is, column: what it is taken for
    numpy.add.at(confusion, (t, given), 1)
    accuracy = float((given == t).mean())
    print(f'accuracy: {accuracy:.2%} of {len(t):,} pictures')

    draw(confusion, accuracy, x, t, y)
    show('ch01_volume1_inference')
    return accuracy, confusion


def draw(confusion, accuracy, x, t, y):
    """The matrix, and beside it the four least certain right answers and the four most certain mistakes."""
    plt = pyplot()
    figure = plt.figure(figsize=(13, 7))
    parts: Any = figure.subfigures(1, 3, width_ratios=(2, 1, 1))
    matrix, right, wrong = parts
    draw_confusion(matrix.subplots(), confusion, accuracy)
    order = y.max(axis=1).argsort(kind='stable')                        # (N,): the least certain first
    is_right = (y.argmax(axis=1) == t)[order]
    for column, title, chosen in ((right, 'right, but in doubt', order[is_right][:4]),
                                  (wrong, 'wrong, and certain of it', order[~is_right][:-5:-1])):
        column.suptitle(title)
        axes = column.subplots(4, 2, width_ratios=(1, 1.5))
        for (ax, bars), i in zip(axes, chosen, strict=False):
            draw_picture(ax, bars, x[i].reshape(28, 28), int(t[i]), y[i])
        for ax in axes[len(chosen):].flat:
            ax.axis('off')


def draw_confusion(ax, confusion, accuracy):
    counts = np.log10(1 + confusion)
    ax.imshow(counts, cmap='Blues')
    for i, row in enumerate(confusion):
        for j, count in enumerate(row):
            if count:
                ax.text(j, i, count, ha='center', va='center', color='white' if counts[i, j] > 2 else '#333333',
                        weight='bold' if i == j else 'normal')
    ax.set(title=f'{accuracy:.2%} of {confusion.sum():,} pictures read right', xlabel='what the network says',
           ylabel='what it is', xticks=range(10), yticks=range(10))


def draw_picture(ax, bars, picture, label, y):
    """A picture (28, 28) and the probabilities y (10,) beside it."""
    ax.imshow(picture, cmap='gray_r')
    ax.set(xticks=(), yticks=())
    given = int(y.argmax())
    colors = ['#c9d3dd'] * 10
    colors[given] = 'C3'
    colors[label] = 'C2'
    bars.barh(range(10), y, color=colors)
    bars.set(xlim=(0, 1), xticks=(0, 0.5, 1), yticks=range(10))
    bars.set_title(f'{given}: {y[given]:.1%}' + f', but it is a {label}' * (given != label), fontsize=10)
    bars.tick_params(labelsize=8)
    bars.invert_yaxis()


if __name__ == '__main__':
    run(main)
