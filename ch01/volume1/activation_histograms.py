"""What first weights do to the activations of five layers: saturated, all alike, or spread (volume 1, 6.2.2)."""
import math
from typing import Annotated

from common.activation_layers import Relu
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.layers import MatMul, Sigmoid
from common.np import np
from common.weights import normal

# the row's name, its activation, and the standard deviation of weights behind n units
SETTINGS = (
    ('sigmoid, 1', Sigmoid, lambda n: 1),
    ('sigmoid, 0.01', Sigmoid, lambda n: 0.01),
    ('sigmoid, Xavier', Sigmoid, lambda n: 1 / math.sqrt(n)),
    ('ReLU, 0.01', Relu, lambda n: 0.01),
    ('ReLU, Xavier', Relu, lambda n: 1 / math.sqrt(n)),
    ('ReLU, He', Relu, lambda n: math.sqrt(2 / n)),
)


def forward(x, activation, std, layers):
    """The activations behind each layer, a list of (N, D). x (N, D); the weights have the standard deviation std."""
    D = x.shape[1]
    outs = []
    for _ in range(layers):
        x = activation().forward(MatMul(normal(D, D, 1 / std, 'd')).forward(x))
        outs.append(x)
    return outs


def main(
    # network
    layers: Annotated[int, 'how many'] = 5,
    units: Annotated[int, 'of each layer, and numbers in an input'] = 100,
    # data
    inputs: Annotated[int, 'rows of normal numbers that go in'] = 1000,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Draw a row of histograms for each setting.

    Returns, by the setting's name, (layers, 4): mean, standard deviation, shares below 0.05 and above 0.95.
    """
    plt = pyplot()
    if seed is not None:
        np.random.seed(seed)
    x = np.random.randn(inputs, units)                                  # (N, D)
    measured = {}
    figure, axes = plt.subplots(len(SETTINGS), layers, figsize=(2.3 * layers + 1.5, 11.5),
                                sharex=True, sharey=True, squeeze=False)
    print('the last layer:')
    for row, (name, activation, std) in zip(axes, SETTINGS, strict=True):
        outs = forward(x, activation, std(units), layers)
        measured[name] = np.array([[y.mean(), y.std(), (y < 0.05).mean(), (y > 0.95).mean()] for y in outs])
        mean, deviation, low, high = measured[name][-1]
        print(f'{name:>16}: mean {mean:.3f}, deviation {deviation:.3g}, below 0.05 {low:.0%}, above 0.95 {high:.0%}')
        draw_row(row, outs, 'C0' if activation is Sigmoid else 'C1')
        row[0].set_ylabel(name.replace(', ', '\nweights: '), fontsize=11)
    for i, ax in enumerate(axes[0]):
        ax.set_title(f'layer {i + 1}\n{ax.get_title()}', fontsize=10)
    figure.supxlabel('activation: above each panel mean ± standard deviation; what is above 1 stands in the last bar')
    figure.suptitle('share (%) of the activations in each of 30 bars, cut off at 25 %')
    show('ch01_volume1_activation_histograms')
    return measured


def draw_row(axes, outs, color):
    for ax, y in zip(axes, outs, strict=True):
        shares, edges = np.histogram(np.clip(y, 0, 1), bins=30, range=(0, 1))
        ax.bar(edges[:-1], shares / y.size * 100, width=1 / 30, align='edge', color=color)
        ax.set(xlim=(0, 1), ylim=(0, 25), xticks=(0, 0.5, 1), yticks=(0, 10, 20))
        ax.set_title(f'{y.mean():.2g} ± {y.std():.2g}', fontsize=10)
        ax.grid(True)


if __name__ == '__main__':
    run(main)
