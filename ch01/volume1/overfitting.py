"""A deep network learns 300 digits by heart, and what helps against it (volume 1, 6.4).

Plain, it reads all pictures that it has learnt from, and far fewer of those that it has not. Beside that: weight decay;
dropout; data augmentation, which gives it other pictures in each epoch, the same ones shifted, turned and with noise;
and early stopping, which keeps a fifth of the pictures aside and takes the weights that are best on those. Weight decay
and dropout bring the two closer together from above; augmentation alone reads more of the others than plain. Early
stopping saves epochs here, and costs the pictures kept aside.
"""
from typing import Annotated, Literal

from ch01.volume1.augment import augment
from ch01.volume1.compare import Curves
from ch01.volume1.multi_layer_net import MultiLayerNet
from common.callbacks import EarlyStopping
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from common.optimizer import SGD
from common.trainer import Trainer
from dataset import images

EVERY = 5       # epochs between two looks at the accuracies


def learn(model, x, t, curves, max_epoch, batch_size, learning_rate, change=None):
    """Train with SGD, in each epoch on change(x), drawn anew, where given."""
    trainer = Trainer(model, SGD(lr=learning_rate), [curves])
    for _ in range(max_epoch):
        trainer.fit(change(x) if change else x, t, 1, batch_size, eval_interval=None)


def learn_until(model, x, t, validation, curves, max_epoch, batch_size, learning_rate, patience):
    """Train until the loss on validation, x and t, has not become lower for `patience` epochs.

    The model is then that of its best epoch, whose number is returned.
    """
    best: list = []
    stop = EarlyStopping(patience)

    def look(trainer):
        trainer.valid_list.append(float(model.forward(*validation)))
        if trainer.valid_list[-1] == trainer.best_valid():
            best[:] = [param.copy() for param in model.params]
        return stop(trainer)

    trainer = Trainer(model, SGD(lr=learning_rate), [curves, look])
    trainer.fit(x, t, max_epoch, batch_size, eval_interval=None)
    for param, value in zip(model.params, best, strict=True):
        param[...] = value
    return 1 + trainer.valid_list.index(trainer.best_valid())


def draw(curves, ends, best_epoch):
    """A panel for each of curves, a name -> Curves, the first, plain, behind all; then the ends."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 3, figsize=(14, 8))
    (_, plain), *_ = curves.items()
    for axis, (name, curve) in zip(axes.flat, curves.items(), strict=False):
        for part, color in (('train', 'C0'), ('test', 'C1')):
            if curve is not plain:
                axis.plot(plain.epochs, [100 * share for share in plain.shares[part]], ':', color=color, alpha=0.7,
                          label=f'{part}, plain')
            axis.plot(curve.epochs, [100 * share for share in curve.shares[part]], color=color, label=part)
        axis.set(title=name, xlabel='epoch', ylabel='right answers (%)', xlim=(0, plain.epochs[-1]), ylim=(0, 103))
        axis.grid(True)
    axes.flat[4].axvline(best_epoch, color='0.5', linestyle='--')
    axes.flat[4].set_title(f'early stopping: best in epoch {best_epoch}')
    last = axes.flat[5]
    for part, color, above in (('train', 'C0', -0.2), ('test', 'C1', 0.2)):
        shares = [end[part] for end in ends.values()]
        bars = last.barh([i + above for i in range(len(ends))], [100 * share for share in shares], 0.38, color=color)
        last.bar_label(bars, [f'{share:.1%}' for share in shares], padding=3)
    last.set_yticks(range(len(ends)), ends)
    last.set(title='at the end', xlabel='right answers (%)', xlim=(0, 122), ylim=(len(ends) - 0.4, -0.6))
    figure.legend(*axes.flat[1].get_legend_handles_labels(), loc='outside lower center', ncol=4)


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    train_size: Annotated[int, 'pictures to learn from, the first', range(5, 60001)] = 300,
    # model
    hidden_size: Annotated[int, 'units of each of the six hidden layers'] = 100,
    # training
    batch_size: Annotated[int, 'pictures in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the pictures; dropout takes half as many again'] = 200,
    learning_rate: Annotated[float, "of SGD, the optimizer's step size"] = 0.01,
    # against overfitting
    weight_decay_lambda: Annotated[float, 'weight decay adds ½ λ Σ W² to the loss'] = 0.1,
    dropout_ratio: Annotated[float, 'share of the units that dropout leaves out'] = 0.2,
    shift: Annotated[float, 'augmentation: by up to so many pixels'] = 2.0,
    turn: Annotated[float, 'augmentation: by up to so many degrees'] = 10.0,
    noise: Annotated[float, 'augmentation: standard deviation of the noise on each pixel'] = 0.1,
    patience: Annotated[int, 'early stopping: epochs without a better validation until it ends'] = 20,
    # chance
    seed: Annotated[int | None, 'of weights and batches, for a run that can be repeated', SEEDS] = None,
):
    """Train five times and draw the accuracies; returns name -> 'train' and 'test' -> the share at the end."""
    (x, t), test = images.load_data(data)
    x, t = x[:train_size], t[:train_size]
    if seed is not None:
        np.random.seed(seed)

    def network(**options):
        return MultiLayerNet(x.shape[1], [hidden_size] * 6, 10, **options)

    def augmented(x):
        return augment(x.reshape(-1, 1, 28, 28), shift, turn, noise).reshape(x.shape)

    settings = {'batch_size': batch_size, 'learning_rate': learning_rate}
    longer = max_epoch * 3 // 2
    curves, models = {}, {}
    for name, model, epochs, change in (
        ('plain', network(), longer, None),
        ('weight decay', network(weight_decay_lambda=weight_decay_lambda), max_epoch, None),
        ('dropout', network(use_dropout=True, dropout_ratio=dropout_ratio), longer, None),
        ('augmentation', network(), longer, augmented),
    ):
        print(f'{name}: {epochs} epochs')
        curves[name], models[name] = Curves(EVERY, train=(x, t), test=test), model
        learn(model, x, t, curves[name], epochs, change=change, **settings)

    print('early stopping')
    aside = len(x) // 5
    validation, x, t = (x[:aside], t[:aside]), x[aside:], t[aside:]
    curves['early stopping'] = Curves(EVERY, train=(x, t), test=test)
    models['early stopping'] = network()
    best_epoch = learn_until(models['early stopping'], x, t, validation, curves['early stopping'], longer,
                             patience=patience, **settings)

    ends = {name: curves[name].measure(model) for name, model in models.items()}
    for name, end in ends.items():
        print(f'{name}: train {end["train"]:.2%}, test {end["test"]:.2%}')
    draw(curves, ends, best_epoch)
    show('ch01_volume1_overfitting')
    return ends


if __name__ == '__main__':
    run(main, parallel=True)
