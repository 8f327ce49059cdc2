"""Four optimizers learn to read digits from the same first weights and the same batches (volume 1, 6.1.8).

SGD is by far the slowest, then comes Momentum; AdaGrad and Adam are alike. The chart shows the loss of each over 2,000
steps.
"""
import copy
from typing import Annotated, Literal

from ch01.volume1.compare import draw_batches, last_mean, losses_of, plot_losses
from ch01.volume1.multi_layer_net import MultiLayerNet
from common.cli import SEEDS, run
from common.figures import pyplot, scale_by_ratios, show
from common.np import np
from common.optimizer import SGD, AdaGrad, Adam, Momentum
from dataset import images


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    # model
    hidden_size: Annotated[int, 'units of each of the four hidden layers'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 128,
    steps: Annotated[int, 'updates of each optimizer'] = 2000,
    learning_rate: Annotated[float, 'of SGD, Momentum and AdaGrad'] = 0.01,
    adam_learning_rate: Annotated[float, 'of Adam'] = 0.001,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train with each and draw the losses; returns the mean loss of each over its last 100 steps."""
    plt = pyplot()
    (x, t), _ = images.load_data(data)
    if seed is not None:
        np.random.seed(seed)

    first = MultiLayerNet(x.shape[1], [hidden_size] * 4, 10, weight_init_std='he')
    batches = draw_batches(len(x), batch_size, steps)
    curves = {}
    for optimizer in (SGD(learning_rate), Momentum(learning_rate), AdaGrad(learning_rate), Adam(adam_learning_rate)):
        name = type(optimizer).__name__
        curves[name] = losses_of(copy.deepcopy(first), optimizer, x, t, batches)
        print(f'{name}: mean loss of the last steps {last_mean(curves[name]):.3f}')
    plot_losses(curves, 'four optimizers, one network')
    scale_by_ratios(plt.gca())
    show('ch01_volume1_compare_optimizers')
    return {name: last_mean(losses) for name, losses in curves.items()}


if __name__ == '__main__':
    run(main)
