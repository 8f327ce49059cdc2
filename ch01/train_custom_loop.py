"""The same training as ch01/train with its loop written out: what a Trainer does (book, 1.4.3)."""
from typing import Annotated

import numpy

from ch01.train import show_boundary
from ch01.two_layer_net import TwoLayerNet
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.optimizer import SGD
from dataset import spiral


def main(
    # model
    hidden_size: Annotated[int, 'units of the hidden layer'] = 10,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 30,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 300,
    learning_rate: Annotated[float, "the optimizer's step size"] = 1.0,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train the network and draw its loss and where it parts the classes; returns the losses."""
    plt = pyplot()
    x, t = spiral.load_data()
    if seed is not None:
        np.random.seed(seed)
    model = TwoLayerNet(input_size=2, hidden_size=hidden_size, output_size=3)
    optimizer = SGD(lr=learning_rate)

    max_iters = len(x) // batch_size
    if not max_iters:
        raise InputError(f'batch_size: expected at most {len(x)}, the rows of x, got {batch_size}')
    losses, loss_list = [], []
    for epoch in range(max_epoch):
        order = numpy.random.permutation(len(x))                        # (N,)
        x, t = x[order], t[order]
        for iters in range(max_iters):
            batch = slice(iters * batch_size, (iters + 1) * batch_size)
            losses.append(to_cpu(model.forward(x[batch], t[batch])))
            model.backward()
            optimizer.update(model.params, model.grads)
            if (iters + 1) % 10 == 0:
                loss_list.append(float(numpy.mean(losses)))
                losses = []
                print(f'| epoch {epoch + 1} |  iter {iters + 1} / {max_iters} | loss {loss_list[-1]:.2f}')

    plt.plot(loss_list, label='train')
    plt.xlabel('iterations (×10)')
    plt.ylabel('loss')
    plt.title('training TwoLayerNet')
    plt.grid(True)
    plt.legend()
    show('ch01_train_custom_loop_loss')
    show_boundary(model, x, t, 'ch01_train_custom_loop_boundary')
    return loss_list


if __name__ == '__main__':
    run(main)
