"""Are half floats enough? The trained DeepConvNet, its weights and the pictures rounded to float16 (volume 1, 8.3.4).

It computes in float32, for a processor without half floats is slow at them; what is rounded is what would be stored and
sent. It takes the weights that `python -m ch01.volume1.train_deep_convnet` leaves behind.
"""
from typing import Annotated, Literal

from ch01.volume1.deep_convnet import DeepConvNet
from common.checks import InputError
from common.cli import run
from common.evaluation import scores
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.weight_files import load_weights, narrowed
from dataset import images
from dataset.files import find_weights


def main(
    # data
    data: Annotated[Literal['auto', 'mnist', 'digits'],
                    'pictures: MNIST where it can be had, else digits made here'] = 'auto',
    test_size: Annotated[int | None, 'how many pictures to test on, the first of them; none: all'] = None,
    # model
    params: Annotated[str | None, 'the file of ch01.volume1.train_deep_convnet; none: looked for'] = None,
):
    """Print and draw what rounding changes; returns the two accuracies, and how many answers are others."""
    weights = load_weights(params or find_weights('DeepConvNet', made_by='ch01.volume1.train_deep_convnet'))
    _, test = images.load_data(data, flatten=False)
    x, t = (rows[:test_size] for rows in test)
    model = like(weights, x.shape[1:])
    model.load_params(weights.path)
    before = to_cpu(scores(model, x))                                   # (N, O)
    whole = np.concatenate([param.reshape(-1) for param in model.params])
    for i, param in enumerate(model.params):
        param[...] = narrowed(f'param_{i}', param, np.float16)
    after = to_cpu(scores(model, x.astype(np.float16).astype(x.dtype)))

    t = to_cpu(t)
    accuracies = [float((y.argmax(axis=1) == t).mean()) for y in (before, after)]
    turned = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
    for kind, accuracy, size in zip(('float32', 'float16'), accuracies, (4, 2), strict=True):
        print(f'{kind}: {accuracy:.2%} of {len(x):,} test pictures right, {size * whole.size:,} bytes of weights')
    print(f'{turned} answers are others')
    draw(to_cpu(whole), before, after)
    show('ch01_volume1_half_floats')
    return *accuracies, turned


def like(weights, input_dim):
    """A DeepConvNet for the weights of a file, by the shapes of its arrays."""
    shapes = [np.shape(array) for array in weights.arrays]
    if [len(shape) for shape in shapes] != [4, 1] * 6 + [2, 1] * 2:
        raise InputError(f'{weights.path}: expected weights of DeepConvNet, got those of '
                         f'{weights.about.get("class", "another model")!r:.60}')
    return DeepConvNet(input_dim, hidden_size=shapes[12][1], output_size=shapes[14][1])


def draw(whole, before, after):
    """How large the weights (n,) are beside what float16 can hold, and how far rounding moves the scores (N, O)."""
    plt = pyplot()
    half = np.finfo(np.float16)
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    sizes = abs(whole[whole != 0])
    low, high = float(half.smallest_subnormal) / 10, float(half.max) * 10
    left.hist(sizes, bins=np.geomspace(low, high, 100))
    left.set_xscale('log')
    left.set_title(f'{whole.size:,} weights, and what float16 can hold')
    left.set_xlabel('size of a weight')
    left.set_ylabel('how many')
    top = 1.4 * left.get_ylim()[1]
    left.set_ylim(top=top)
    for edge, text, side, height in ((half.smallest_subnormal, 'none\n smaller', 'left', 0.98),
                                     (half.smallest_normal, 'below: fewer than 11 bits', 'left', 0.86),
                                     (half.max, 'none larger', 'right', 0.98)):
        left.axvline(edge, color='C3', linestyle='--')
        left.text(edge, height * top, f' {text} \n {edge:.1e} ', color='C3', ha=side, va='top')

    ordered = np.sort(before, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]           # (N,) by how much the highest score leads
    moves = abs(after - before).max(axis=1)             # (N,)
    turned = before.argmax(axis=1) != after.argmax(axis=1)
    right.loglog(margins[~turned], moves[~turned], '.', markersize=3, alpha=0.4, label='the same answer')
    right.loglog(margins[turned], moves[turned], 'x', color='C3', label=f'another answer ({turned.sum()})')
    ends = np.array(right.get_xlim())
    bottom, top = right.get_ylim()
    right.plot(ends, ends / 2, color='gray', label='half the lead: below it no answer can turn')
    right.set_xlim(ends)
    right.set_ylim(bottom, max(top, 10 * moves.max()))
    right.set_title('how far rounding moves the scores')
    right.set_xlabel('lead of the highest score over the second')
    right.set_ylabel('largest change of a score')
    right.legend(loc='upper left')


if __name__ == '__main__':
    run(main)
