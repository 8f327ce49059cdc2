"""How the two-layer network of ch01.train comes to bend its boundary round the spiral: six moments of its training.

Below them the loss and the share of points on the right side, epoch by epoch, with lines where the six are.
"""
from typing import Annotated

from ch01.train import draw_boundary
from ch01.two_layer_net import TwoLayerNet
from common.cli import SEEDS, run
from common.evaluation import accuracy
from common.figures import plot_training, pyplot, show
from common.np import np
from common.optimizer import SGD
from common.trainer import Trainer
from dataset import spiral


def main(
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 10,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 30,
    max_epoch: Annotated[int, 'passes over the training data'] = 300,
    learning_rate: Annotated[float, "the optimizer's step size"] = 1.0,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train and draw; returns the trainer and the epochs of the six moments."""
    x, t = spiral.load_data()
    if seed is not None:
        np.random.seed(seed)
    model = TwoLayerNet(input_size=2, hidden_size=hidden_size, output_size=3)

    plt = pyplot()
    epochs = moments(max_epoch)
    strip, curves = plt.figure(figsize=(10, 6)).subfigures(2, 1, height_ratios=(1, 2))
    axes = iter(strip.subplots(1, len(epochs), sharey=True, squeeze=False).flat)

    def look(trainer):
        trainer.valid_list.append(accuracy(model, x, t))
        if trainer.current_epoch in epochs:
            ax = next(axes)
            draw_boundary(ax, model, x, t, size=4)
            ax.set(title=f'epoch {trainer.current_epoch}', xticks=(), yticks=())

    trainer = Trainer(model, SGD(lr=learning_rate), [look])
    trainer.fit(x, t, max_epoch, batch_size, eval_interval=10)
    for ax in plot_training(trainer, 'on the way there', 'points of the right colour (%)', curves):
        for epoch in epochs:
            ax.axvline(epoch, color='0.7', linestyle='--', linewidth=1, zorder=0)
    show('ch01_boundary_by_epoch')
    return trainer, epochs


def moments(max_epoch):
    """The epochs to look at, six or fewer: the last is max_epoch, those before are closer and closer together."""
    return sorted({max(1, round(max_epoch * share)) for share in (0.05, 0.12, 0.25, 0.4, 0.6, 1)})


if __name__ == '__main__':
    run(main)
