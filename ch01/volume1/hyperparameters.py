"""A random search for learning rate and weight decay (volume 1, 6.5).

100 times both are drawn, evenly over their logarithms, a network learns 400 pictures with them, and 100 others, the
validation data, say how good they were. The best twenty are drawn, and all in the plane of the two. The test pictures
are looked at once, at the end, with the best: on the validation data it looks better than it is, for they chose it.
"""
import math
import sys
from typing import Annotated, Literal, NamedTuple

import numpy

from ch01.volume1.compare import Curves
from ch01.volume1.multi_layer_net import MultiLayerNet
from common.checks import check_range
from common.cli import SEEDS, run
from common.evaluation import accuracy
from common.figures import epochs, pyplot, show
from common.np import np
from common.optimizer import SGD
from common.trainer import Trainer
from dataset import images


class Draw(NamedTuple):
    """One draw of the search, and what came of it."""

    validation: float       # the share of right answers at the end
    lr: float
    weight_decay: float
    curves: Curves
    model: MultiLayerNet


def log_uniform(low, high):
    """A number from low to high, both above 0, each power of ten between them as likely as the other."""
    return math.exp(numpy.random.uniform(math.log(low), math.log(high)))


def learn(x, t, validation, lr, weight_decay, hidden_size, max_epoch, batch_size):
    """Train a network with these settings -> Draw. Where it ends in NaN, for lr was too large, it counts as 0 %."""
    model = MultiLayerNet(x.shape[1], [hidden_size] * 6, 10, weight_decay_lambda=weight_decay)
    curves = Curves(train=(x, t), validation=validation)
    try:
        with numpy.errstate(all='ignore'):
            Trainer(model, SGD(lr), [curves]).fit(x, t, max_epoch, batch_size, eval_interval=None)
    except FloatingPointError:
        return Draw(0.0, lr, weight_decay, curves, model)
    return Draw(curves.shares['validation'][-1], lr, weight_decay, curves, model)


def draw_curves(best):
    """The curves of the best draws, each in a panel."""
    plt = pyplot()
    rows = -(-len(best) // 5)
    figure, axes = plt.subplots(rows, 5, figsize=(13, 1 + 2.3 * rows), sharex=True, sharey=True,
                                squeeze=False)
    for i, (axis, draw) in enumerate(zip(axes.flat, best, strict=False)):
        for part, style in (('train', '--'), ('validation', '-')):
            axis.plot(draw.curves.epochs, [100 * share for share in draw.curves.shares[part]], style, label=part)
        axis.set_title(f'{i + 1}: {draw.validation:.0%}, lr {draw.lr:.1e}, λ {draw.weight_decay:.0e}', fontsize=9)
        axis.set_ylim(0, 103)
        axis.grid(True)
    for axis in axes.flat[len(best):]:
        axis.set_visible(False)
    for axis in axes[-1]:
        epochs(axis)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc='outside upper right', ncols=2)
    figure.supylabel('right answers (%)')
    figure.suptitle(f'the best {len(best)} draws')


def draw_plane(draws):
    """All draws in the plane of learning rate and weight decay, coloured by the validation accuracy."""
    plt = pyplot()
    plt.figure(figsize=(7.5, 5.5))
    plt.scatter([draw.lr for draw in draws], [draw.weight_decay for draw in draws], s=60, edgecolors='0.4',
                c=[100 * draw.validation for draw in draws], linewidths=0.5)
    plt.colorbar(label='right answers on the validation data (%)')
    best = max(draws, key=lambda draw: draw.validation)
    plt.plot(best.lr, best.weight_decay, 'o', markersize=16, markerfacecolor='none', markeredgecolor='C3',
             markeredgewidth=2, label='the best')
    plt.xscale('log')
    plt.yscale('log')
    plt.xlabel('learning rate')
    plt.ylabel('weight decay λ')
    plt.title(f'{len(draws)} draws of learning rate and weight decay')
    plt.legend(loc='upper left')


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    data_size: Annotated[int, 'pictures, the first; a fifth validates, the rest is learnt', range(5, 60001)] = 500,
    # model
    hidden_size: Annotated[int, 'units of each of the six hidden layers'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the pictures in each draw'] = 50,
    # search
    draws: Annotated[int, 'pairs of learning rate and weight decay that are tried'] = 100,
    lr_low: Annotated[float, 'the smallest learning rate'] = 1e-6,
    lr_high: Annotated[float, 'the largest'] = 1e-2,
    weight_decay_low: Annotated[float, 'the smallest λ of the weight decay ½ λ Σ W²'] = 1e-8,
    weight_decay_high: Annotated[float, 'the largest'] = 1e-4,
    # chance
    seed: Annotated[int | None, 'of draws, weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Search, draw, and print the best five; returns of the best lr, weight decay, validation and test accuracy."""
    for name, low, high in (('lr', lr_low, lr_high), ('weight_decay', weight_decay_low, weight_decay_high)):
        check_range(f'{name}_low', low, sys.float_info.min, math.inf)
        check_range(f'{name}_high', high, low, math.inf)
    (x, t), (x_test, t_test) = images.load_data(data)
    if seed is not None:
        np.random.seed(seed)
    order = numpy.random.permutation(min(data_size, len(x)))
    aside, rest = numpy.split(order, [len(order) // 5])

    tried = []
    for i in range(draws):
        tried.append(learn(x[rest], t[rest], (x[aside], t[aside]), log_uniform(lr_low, lr_high),
                           log_uniform(weight_decay_low, weight_decay_high), hidden_size, max_epoch, batch_size))
        if (i + 1) % max(1, draws // 10) == 0:
            print(f'{i + 1} of {draws} drawn, the best validation so far {max(draw.validation for draw in tried):.0%}')

    tried.sort(key=lambda draw: -draw.validation)
    for i, draw in enumerate(tried[:5]):
        print(f'best {i + 1}: validation {draw.validation:.2%}, lr {draw.lr:.2e}, weight decay {draw.weight_decay:.2e}')
    best = tried[0]
    test = accuracy(best.model, x_test, t_test)
    print(f'the best of them on the test data: {test:.2%}')
    draw_curves(tried[:20])
    show('ch01_volume1_hyperparameters')
    draw_plane(tried)
    show('ch01_volume1_hyperparameters_plane')
    return {'lr': best.lr, 'weight decay': best.weight_decay, 'validation': best.validation, 'test': test}


if __name__ == '__main__':
    run(main, parallel=True)
