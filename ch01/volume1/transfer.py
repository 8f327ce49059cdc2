"""What was learnt on one kind of picture helps with another: a network that knows made digits reads 500 of MNIST.

A DeepConvNet learns to read digits that are made here. Its convolutions are kept, and new affine layers behind them
learn from a few pictures: once with the convolutions as they are (frozen), once with all layers learning on
(fine-tuned). Beside both stands a network that begins from nothing. With --data digits the few are made digits too,
others than those of the first training: then nearly all that there is to know is known before.

A frozen layer gives a picture the same features in every epoch: so these are computed once, and the affine layers alone
are a network, which learns from them.
"""
from typing import Annotated, Literal

from ch01.volume1.deep_convnet import FILTERS, DeepConvNet
from ch01.volume1.network import Network
from common.cli import FROM_0, SEEDS, run
from common.evaluation import accuracy, scores
from common.figures import pyplot, show
from common.layers import Affine
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from dataset import digits, images

KEPT = 2 * len(FILTERS)     # parameters of the convolutions, W and b of each
SOURCE_SEED = 1             # of made digits that are not those of images.load_data


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'the few pictures: MNIST where it can be had, else digits made here'] = 'auto',
    source_size: Annotated[int, 'made digits to learn from first'] = 10000,
    train_size: Annotated[int, 'the few pictures to learn from then, the first of them'] = 500,
    test_size: Annotated[int, 'pictures to test on, likewise'] = 1000,
    # model
    dropout: Annotated[float, 'part of the activations that dropout sets to zero'] = 0.5,
    # training
    source_epoch: Annotated[int, 'passes over the made digits', FROM_0] = 3,
    max_epoch: Annotated[int, 'passes over the few pictures', FROM_0] = 30,
    batch_size: Annotated[int, 'pictures in one step'] = 50,
    learning_rate: Annotated[float, "Adam's step size"] = 0.001,
    # chance
    seeds: Annotated[int, 'how often all is run, each time with other weights'] = 3,
    seed: Annotated[int, 'the first of the seeds', SEEDS] = 0,
):
    """Train and draw; returns the test accuracies: way of learning -> a list for each seed, a number an epoch.

    And that of the first training alone, which has seen none of the few pictures.
    """
    train, test = images.load_data(data, flatten=False)
    x_train, t_train = (rows[:train_size] for rows in train)    # (N, 1, 28, 28), (N,)
    x_test, t_test = (rows[:test_size] for rows in test)
    np.random.seed(seed)
    source = DeepConvNet(x_train.shape[1:], dropout_ratio=dropout)
    (x_made, t_made), _ = digits.load_data(source_size, 1, flatten=False, seed=SOURCE_SEED)
    print(f'first training: {len(x_made):,} made digits')
    Trainer(source, Adam(learning_rate)).fit(x_made, t_made, source_epoch, batch_size)
    unfitted = accuracy(source, x_test, t_test)
    print(f'with no more than that: {unfitted:.2%} right')

    curves: dict = {'from scratch': [], 'convolutions frozen': [], 'convolutions fine-tuned': []}
    for i in range(seeds):
        for way, runs in curves.items():
            np.random.seed((seed + i) % len(SEEDS))
            model = DeepConvNet(x_train.shape[1:], dropout_ratio=dropout)
            if way != 'from scratch':
                for param, learnt in list(zip(model.params, source.params, strict=True))[:KEPT]:
                    param[...] = learnt
            x, x_other = x_train, x_test
            if way == 'convolutions frozen':
                model, x, x_other = behind_convolutions(model, x_train, x_test)
            runs.append(learn(model, x, t_train, x_other, t_test, max_epoch, batch_size, learning_rate))
            print(f'{way}, seed {seed + i}: ' + (f'{runs[-1][-1]:.2%} right' if runs[-1] else 'not trained'))
    few = f'{len(x_train):,} pictures of {images.title()} to learn from'
    draw(curves, unfitted, f'{few}: does it help to know made digits?')
    show('ch01_volume1_transfer')
    return curves, unfitted


def behind_convolutions(model, *pictures):
    """model's affine layers as a network of their own, and for each of pictures (N, …) what they get of it (N, D)."""
    first = next(i for i, layer in enumerate(model.layers) if isinstance(layer, Affine))
    convolutions = Network(model.layers[:first])
    return Network(model.layers[first:]), *(scores(convolutions, x) for x in pictures)


def learn(model, x_train, t_train, x_test, t_test, max_epoch, batch_size, learning_rate):
    """Train with Adam; returns the test accuracy after each epoch."""
    def test(trainer):
        trainer.valid_list.append(accuracy(model, x_test, t_test))

    trainer = Trainer(model, Adam(learning_rate), [test])
    trainer.fit(x_train, t_train, max_epoch, batch_size, eval_interval=None)
    return trainer.valid_list


def draw(curves, unfitted, title):
    """Each way's mean over its runs, in a band from the least to the most of them, and where they could begin."""
    from matplotlib.ticker import MaxNLocator

    plt = pyplot()
    for way, runs in curves.items():
        shares = 100 * np.array(runs)                   # (seeds, epochs)
        epochs = np.arange(1, shares.shape[1] + 1)
        ending = f', at the end {shares[:, -1].mean():.1f}%' if shares.size else ''
        line, = plt.plot(epochs, shares.mean(axis=0), label=way + ending)
        plt.fill_between(epochs, shares.min(axis=0), shares.max(axis=0), color=line.get_color(), alpha=0.2)
    plt.axhline(100 * unfitted, color='gray', linestyle='--', label=f'made digits alone {unfitted:.1%}')
    plt.title(title)
    plt.xlabel('epoch')
    plt.ylabel('right answers on test pictures (%)')
    plt.gca().xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    plt.grid(True)
    plt.legend()


if __name__ == '__main__':
    run(main, parallel=True)
