"""What a convolution looks for: the filters of SimpleConvNet before and after training (volume 1, 7.6).

Below them a picture, and what becomes of it behind those filters that answer it most: convolution, ReLU, pooling.
It takes the weights that `python -m ch01.volume1.train_convnet` leaves behind.
"""
from typing import Annotated, Any, Literal

from ch01.volume1.simple_convnet import SimpleConvNet
from common.checks import InputError, check_id
from common.cli import FROM_0, SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.weight_files import load_weights
from dataset import images
from dataset.files import find_weights

COLUMNS = 6         # of filters, and the filters whose answers are drawn


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    picture: Annotated[int, 'which of the test pictures is sent through', FROM_0] = 0,
    # model
    params: Annotated[str | None, 'the file of ch01.volume1.train_convnet; none: looked for'] = None,
    # chance
    seed: Annotated[int | None, 'of the filters before training; none: that of the training', SEEDS] = None,
):
    """Draw them; returns the filters before and after (F, K, K), and what is behind conv, ReLU and pool (F, …)."""
    weights = load_weights(params or find_weights('SimpleConvNet', made_by='ch01.volume1.train_convnet'))
    _, (x, t) = images.load_data(data, flatten=False)
    check_id('picture', picture, len(x))
    told = weights.flags.get('seed')
    if seed is None and isinstance(told, int) and told in SEEDS:
        seed = told
    if seed is not None:
        np.random.seed(seed)
    model = like(weights, x.shape[1:])
    before = to_cpu(model.params[0].copy())             # (F, 1, K, K)
    model.load_params(weights.path)
    after = to_cpu(model.params[0])

    maps, h = [], x[picture:picture + 1]
    for layer in model.layers[:3]:
        h = layer.forward(h)
        maps.append(to_cpu(h[0]))                       # (F, OH, OW), the same, (F, OH/2, OW/2)
    draw(before[:, 0], after[:, 0], x[picture, 0], int(t[picture]), maps)
    show('ch01_volume1_show_filters')
    return before[:, 0], after[:, 0], maps


def like(weights, input_dim):
    """A SimpleConvNet for the weights of a file, by the shapes of its arrays, with first weights of its own."""
    shapes = [np.shape(array) for array in weights.arrays]
    if [len(shape) for shape in shapes] != [4, 1, 2, 1, 2, 1]:
        raise InputError(f'{weights.path}: expected weights of SimpleConvNet, got those of '
                         f'{weights.about.get("class", "another model")!r:.60}')
    conv_param = {'filter_num': shapes[0][0], 'filter_size': shapes[0][2]}
    return SimpleConvNet(input_dim, conv_param, hidden_size=shapes[2][1], output_size=shapes[4][1])


def draw(before, after, picture, label, maps):
    """Filters (F, K, K) before and after, then for some of them what they make of the picture (H, W)."""
    plt = pyplot()
    F = min(len(after), 5 * COLUMNS)
    figure = plt.figure(figsize=(12, 11.5))
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.25), hspace=0.03)
    above, below = halves
    for ax, filters, title in zip(above.subplots(1, 2), (before, after), ('before', 'after'), strict=True):
        draw_filters(ax, filters[:F])
        ax.set_title(f'{F} filters {title} training', pad=18)     # above the numbers

    answers = maps[0].reshape(len(after), -1)
    spread = answers.max(axis=1) - answers.min(axis=1)
    chosen = np.sort(np.argsort(-spread)[:COLUMNS])     # those that answer most, above 0 and below, in their order
    rows = ('filter', 'convolution', 'ReLU', 'pooling')
    below.suptitle(f'a picture of a {label} behind the filters that answer it most (red: above 0, blue: below)')
    left, right = below.subfigures(1, 2, width_ratios=(1, 3.2))
    ax = left.subplots()
    ax.imshow(picture, cmap='gray_r')
    ax.set_title('the picture')
    ax.axis('off')
    axes = right.subplots(len(rows), len(chosen), squeeze=False)
    limit = abs(maps[0][chosen]).max()
    for column, i in zip(axes.T, chosen, strict=True):
        most = abs(after[i]).max()
        column[0].imshow(after[i], cmap='RdBu_r', vmin=-most, vmax=most)
        column[0].set_title(f'filter {i + 1}', fontsize=10)
        for ax, part in zip(column[1:], maps, strict=True):
            ax.imshow(part[i], cmap='RdBu_r', vmin=-limit, vmax=limit)
    for row, name in zip(axes, rows, strict=True):
        row[0].set_ylabel(name)
        for ax in row:
            ax.set_xticks([])
            ax.set_yticks([])


def draw_filters(ax, filters):
    """The filters (F, K, K) side by side in one picture, each from its smallest number, black, to its largest."""
    F, K, _ = filters.shape
    step = K + max(1, K // 4)               # from one filter to the next
    sheet = np.full((-(-F // COLUMNS) * step, COLUMNS * step - step + K), np.nan)
    for i, W in enumerate(filters):
        row, column = i // COLUMNS * step, i % COLUMNS * step
        sheet[row:row + K, column:column + K] = (W - W.min()) / max(W.max() - W.min(), 1e-30)
        ax.text(column + (K - 1) / 2, row - 0.6, i + 1, ha='center', va='bottom', fontsize=8)
    ax.imshow(sheet, cmap='gray')
    ax.axis('off')


if __name__ == '__main__':
    run(main)
