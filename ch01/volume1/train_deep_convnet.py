"""Train DeepConvNet, six convolutions deep, to read digits, and draw those that it misreads (volume 1, 8.1).

With --augment it learns from pictures that are shifted, turned and made noisy anew in every epoch. An epoch on all of
MNIST takes about a minute; NAME.npz is the model of the last one.
"""
from typing import Annotated, Literal

import numpy

from ch01.volume1.augment import augment as moved
from ch01.volume1.deep_convnet import DeepConvNet
from ch01.volume1.train_convnet import draw_accuracies
from common.callbacks import Accuracies
from common.cli import FROM_0, SEEDS, run
from common.evaluation import scores
from common.figures import pyplot, show
from common.functions import softmax
from common.np import np, to_cpu
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from dataset import images

SHOWN = 40      # misread pictures at most, eight in a row


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    train_size: Annotated[int | None, 'how many pictures to learn from, the first of them; none: all'] = None,
    test_size: Annotated[int | None, 'how many to test on, likewise'] = None,
    augment: Annotated[bool, 'learn from pictures shifted, turned and made noisy anew in every epoch'] = False,
    # model
    hidden_size: Annotated[int, 'units of the hidden affine layer'] = 50,
    dropout: Annotated[float, 'part of the activations that dropout sets to zero'] = 0.5,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 20,
    learning_rate: Annotated[float, "Adam's step size"] = 0.001,
    # files
    name: Annotated[str, 'what the weights and the checkpoint are called'] = 'DeepConvNet',
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train, save and draw; returns the trainer (valid_list: accuracies) and which test pictures it misreads."""
    flags = dict(locals())
    train, test = images.load_data(data, flatten=False)
    x_train, t_train = (rows[:train_size] for rows in train)    # (N, 1, 28, 28), (N,)
    x_test, t_test = (rows[:test_size] for rows in test)
    if seed is not None:
        np.random.seed(seed)

    model = DeepConvNet(x_train.shape[1:], hidden_size, dropout_ratio=dropout)
    # rewind: each epoch is a fit of its own, with pictures of its own
    trainer = Trainer(model, Adam(learning_rate), [Accuracies((x_train, t_train), (x_test, t_test)), Trainer.rewind])
    with training(trainer, name, flags, (x_train, t_train, x_test, t_test), resume=resume):
        trainer.last_epoch = max_epoch
        for epoch in range(trainer.current_epoch, max_epoch):
            x = moved(x_train) if augment else x_train
            trainer.fit(x, t_train, epoch + 1 if trainer.goes_on else 1, batch_size, eval_interval=100)
    draw_accuracies(trainer, f'DeepConvNet reads {images.title()}' + ', learnt from augmented pictures' * augment)
    show('ch01_volume1_train_deep_convnet_accuracy')
    misread = draw_misread(model, x_test, t_test)
    show('ch01_volume1_train_deep_convnet_misread')
    return trainer, misread


def find_misread(y, t):
    """Which rows of the scores y (N, O) are highest elsewhere than at t (N,): the surest first."""
    probabilities = to_cpu(softmax(y)).max(axis=1)
    wrong, = (y.argmax(axis=1) != t).nonzero()
    return wrong[numpy.argsort(-probabilities[wrong], kind='stable')]


def draw_misread(model, x, t):
    """Of the pictures x (N, 1, H, W) of digits t (N,) those that the model misreads, the surest mistakes first.

    Each with what it is, what was read and its probability. Returns their places (n,).
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    plt = pyplot()
    y = to_cpu(scores(model, x))            # (N, O)
    misread = find_misread(y, t)
    drawn = misread[:SHOWN]
    rows = max(1, -(-len(drawn) // 8))
    figure, axes = plt.subplots(rows, 8, figsize=(12, 0.8 + 1.75 * rows), squeeze=False,
                                layout=ConstrainedLayoutEngine(h_pad=0.1))
    count = (f'{len(misread):,} of {len(x):,} test pictures of {images.title()} are misread '
             f'({len(misread) / len(x):.2%})')
    figure.suptitle(count + f'; the {SHOWN} surest mistakes' * (len(misread) > SHOWN) + ': digit → what was read')
    for ax in axes.flat:
        ax.axis('off')
    for ax, i in zip(axes.flat, drawn, strict=False):
        ax.imshow(to_cpu(x[i, 0]), cmap='gray_r')
        ax.set_title(f'{t[i]} → {y[i].argmax()}  {softmax(y[i]).max():.0%}')
    return to_cpu(misread)


if __name__ == '__main__':
    run(main, parallel=True)
