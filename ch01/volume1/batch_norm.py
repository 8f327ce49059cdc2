"""Batch normalization against first weights of sixteen sizes (volume 1, 6.3.2).

The standard deviation of the first weights goes from 1 to 0.0001. With batch normalization the network learns from all
of them. Without it there are two from which it learns well, those near He's; small ones leave it where it begins,
and from the largest it ends in NaN, which the picture says.
"""
from typing import Annotated, Literal

import numpy

from ch01.volume1.compare import Curves
from ch01.volume1.multi_layer_net import MultiLayerNet
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from common.optimizer import SGD
from common.trainer import Trainer
from dataset import images


def learn(x, t, std, use_batchnorm, hidden_size, max_epoch, batch_size, learning_rate):
    """Train with SGD from first weights of this standard deviation -> accuracies after each epoch, whether it diverged.

    Where a loss or a parameter is not finite, the accuracies end before.
    """
    model = MultiLayerNet(x.shape[1], [hidden_size] * 5, 10, weight_init_std=std, use_batchnorm=use_batchnorm)
    curves = Curves(train=(x, t))
    try:
        with numpy.errstate(all='ignore'):  # what overflows on the way to NaN
            Trainer(model, SGD(lr=learning_rate), [curves]).fit(x, t, max_epoch, batch_size, eval_interval=None)
    except FloatingPointError:
        return curves.shares['train'], True
    return curves.shares['train'], False


def draw(results, max_epoch):
    """A panel for each standard deviation. results: (std, {label: (accuracies, diverged)}) for each."""
    plt = pyplot()
    figure, axes = plt.subplots(4, 4, figsize=(12, 10), sharex=True, sharey=True)
    for axis, (std, found) in zip(axes.flat, results, strict=True):
        for (label, (accuracies, diverged)), style in zip(found.items(), ('-', '--'), strict=True):
            line, = axis.plot(range(1, len(accuracies) + 1), [100 * share for share in accuracies], style, label=label)
            if diverged:
                axis.plot(len(accuracies) + 1, 10, 'x', color=line.get_color(), markersize=9, markeredgewidth=2)
                axis.text(max_epoch, 10, f'{label}: diverged', ha='right', va='center', color=line.get_color())
        axis.set_title(f'first weights: {std:.2g}', fontsize=10)
        axis.set(xlim=(0, max_epoch + 1), ylim=(0, 104))
        axis.grid(True)
    figure.supxlabel('epoch')
    figure.supylabel('right answers on the training data (%)')
    lines, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc='outside upper center', ncol=2)


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    train_size: Annotated[int, 'pictures to learn from, the first'] = 1000,
    # model
    hidden_size: Annotated[int, 'units of each of the five hidden layers'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the pictures'] = 20,
    learning_rate: Annotated[float, "of SGD, the optimizer's step size"] = 0.01,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train 16 networks with and 16 without it and draw the accuracies.

    Returns label -> the last accuracy for each standard deviation, None where it ended in NaN.
    """
    (x, t), _ = images.load_data(data)
    x, t = x[:train_size], t[:train_size]
    if seed is not None:
        np.random.seed(seed)

    results = []
    for std in np.logspace(0, -4, num=16).tolist():
        found = {label: learn(x, t, std, use_batchnorm, hidden_size, max_epoch, batch_size, learning_rate)
                 for label, use_batchnorm in (('with batch normalization', True), ('without', False))}
        results.append((std, found))
        ends = (f'{label} {"diverged" if diverged else f"{accuracies[-1]:.1%}"}'
                for label, (accuracies, diverged) in found.items())
        print(f'first weights {std:.2g}: {", ".join(ends)}')
    draw(results, max_epoch)
    show('ch01_volume1_batch_norm')
    return {label: [None if found[label][1] else found[label][0][-1] for _, found in results]
            for label in results[0][1]}


if __name__ == '__main__':
    run(main, parallel=True)
