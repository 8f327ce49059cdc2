"""The same network learns from first weights of three sizes (volume 1, 6.2.4): 0.01, Xavier's and He's.

With a standard deviation of 0.01 next to nothing comes through five layers, neither forward nor backward, and it does
not learn at all; He's, made for ReLU, learns fastest.
"""
from typing import Annotated, Literal

from ch01.volume1.compare import draw_batches, last_mean, losses_of, plot_losses
from ch01.volume1.multi_layer_net import MultiLayerNet
from common.cli import SEEDS, run
from common.figures import show
from common.np import np
from common.optimizer import SGD
from dataset import images

FIRST_WEIGHTS = {'0.01': 0.01, 'Xavier': 'xavier', 'He': 'he'}     # standard deviations: 0.01, √(1/n), √(2/n)


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    # model
    hidden_size: Annotated[int, 'units of each of the four hidden layers'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 128,
    steps: Annotated[int, 'updates of each network'] = 2000,
    learning_rate: Annotated[float, "of SGD, the optimizer's step size"] = 0.01,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train from each and draw the losses; returns the mean loss of each over its last 100 steps."""
    (x, t), _ = images.load_data(data)
    if seed is not None:
        np.random.seed(seed)

    batches = draw_batches(len(x), batch_size, steps)
    curves = {}
    for name, std in FIRST_WEIGHTS.items():
        model = MultiLayerNet(x.shape[1], [hidden_size] * 4, 10, weight_init_std=std)
        curves[name] = losses_of(model, SGD(learning_rate), x, t, batches)
        print(f'{name}: mean loss of the last steps {last_mean(curves[name]):.3f}')
    plot_losses(curves, 'three sizes of first weights')
    show('ch01_volume1_compare_first_weights')
    return {name: last_mean(losses) for name, losses in curves.items()}


if __name__ == '__main__':
    run(main)
