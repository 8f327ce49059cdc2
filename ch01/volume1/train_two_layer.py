"""Train the two-layer network on handwritten digits (volume 1, 5.7): it reads about 97 % of new ones right.

It leaves behind the weights and a chart of the accuracy on training and on test pictures, which rise together: nothing
is learnt by heart.
"""
from typing import Annotated, Literal

from ch01.volume1.two_layer_net import TwoLayerNet
from common.callbacks import Accuracies
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_accuracies, pyplot, show
from common.np import np
from common.optimizer import SGD
from common.trainer import Trainer
from common.training import training
from dataset import images


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 50,
    weight_init_std: Annotated[float, 'standard deviation of the first weights'] = 0.01,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data; 17 are 10,200 steps', FROM_0] = 17,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.1,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train, save and draw; returns the trainer: train_list and valid_list hold the accuracies after each epoch."""
    flags = dict(locals())
    plt = pyplot()
    (x_train, t_train), (x_test, t_test) = images.load_data(data)       # (60000, 784), (60000,)
    if seed is not None:
        np.random.seed(seed)

    model = TwoLayerNet(x_train.shape[1], hidden_size, 10, weight_init_std)
    trainer = Trainer(model, SGD(lr=learning_rate), [Accuracies((x_train, t_train), (x_test, t_test))])
    with training(trainer, 'TwoLayerNet', flags, (x_train, t_train, x_test, t_test), resume=resume):
        trainer.fit(x_train, t_train, max_epoch, batch_size, eval_interval=None)
    plot_accuracies({'train': trainer.train_list, 'test': trainer.valid_list}, 'two layers learn to read digits')
    plt.ylim(100 * min(trainer.train_list + trainer.valid_list, default=0) - 1, 100.5)  # where the curves are
    show('ch01_volume1_train_two_layer')
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
