"""Train SimpleConvNet, a small convolutional network, to read digits (volume 1, 7.5).

It leaves the weights, from which ch01.volume1.show_filters draws what the network looks for, and a chart of the
accuracy. --train-size 5000 --test-size 1000 is a matter of seconds.
"""
from typing import Annotated, Literal

from ch01.volume1.simple_convnet import SimpleConvNet
from common.callbacks import Accuracies
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_accuracies, pyplot, show
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from dataset import images


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    train_size: Annotated[int | None, 'how many pictures to learn from, the first of them; none: all'] = None,
    test_size: Annotated[int | None, 'how many to test on, likewise'] = None,
    # model
    filter_num: Annotated[int, 'filters of the convolution'] = 30,
    filter_size: Annotated[int, 'their side in pixels'] = 5,
    hidden_size: Annotated[int, 'units of the hidden layer'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 20,
    learning_rate: Annotated[float, "Adam's step size"] = 0.001,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train, save and draw; returns the trainer: train_list and valid_list are its accuracies after each epoch."""
    flags = dict(locals())
    train, test = images.load_data(data, flatten=False)
    x_train, t_train = (rows[:train_size] for rows in train)    # (N, 1, 28, 28), (N,)
    x_test, t_test = (rows[:test_size] for rows in test)
    if seed is not None:
        np.random.seed(seed)

    model = SimpleConvNet(x_train.shape[1:], {'filter_num': filter_num, 'filter_size': filter_size}, hidden_size)
    trainer = Trainer(model, Adam(learning_rate), [Accuracies((x_train, t_train), (x_test, t_test))])
    with training(trainer, 'SimpleConvNet', flags, (x_train, t_train, x_test, t_test), resume=resume):
        trainer.fit(x_train, t_train, max_epoch, batch_size, eval_interval=100)
    draw_accuracies(trainer, f'SimpleConvNet reads {images.title()}')
    show('ch01_volume1_train_convnet')
    return trainer


def draw_accuracies(trainer, title):
    """The accuracies that Accuracies left in the trainer, on an axis that begins below the lowest of them."""
    plt = pyplot()
    curves = {'training': trainer.train_list, 'test': trainer.valid_list}
    plot_accuracies({f'{name}, at the end {shares[-1]:.2%}' if shares else name: shares
                     for name, shares in curves.items()}, title)
    room = 105 - 100 * min([*trainer.train_list, *trainer.valid_list], default=0)
    plt.ylim(100 - room, 100 + room / 20)
    plt.legend()


if __name__ == '__main__':
    run(main, parallel=True)
