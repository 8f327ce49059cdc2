"""Which sums a trained seq2seq gets wrong: where they lie, how many digits are carried, how far off the answers are.

It takes the weights that `python -m ch07.train_seq2seq` leaves behind (--peeky: those of its --peeky).
"""
from typing import Annotated

from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from common.checks import InputError
from common.cli import run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.weight_files import load_weights, lstm_sizes
from dataset import files, sequence


def main(
    # model
    params: Annotated[str | None, 'the file of ch07/train_seq2seq; none: looked for'] = None,
    peeky: Annotated[bool, 'look for that of PeekySeq2seq'] = False,
):
    """Draw; returns the sums of the test part: a list of (a, b, the answer given, or None where it is no number)."""
    _, (x, t) = sequence.load_data('addition.txt')              # (N, S), (N, 1 + T)
    char_to_id, _ = sequence.get_vocab()
    weights = load_weights(params or files.find_weights('PeekySeq2seq' if peeky else 'Seq2seq',
                                                        made_by='ch07.train_seq2seq'))
    kinds = {kind.__name__: kind for kind in (Seq2seq, PeekySeq2seq)}
    name = weights.about.get('class')
    if name not in kinds or weights.words != list(char_to_id):
        raise InputError(f'{weights.path}: expected weights of {" or ".join(kinds)} learnt from addition.txt, got '
                         f'those of {name}' + ' learnt from other characters' * (name in kinds))
    model = kinds[name](*lstm_sizes(weights))
    model.load_params(weights.path)

    reverse = bool(weights.flags.get('reverse'))
    given = answers(model, x[:, ::-1] if reverse else x, t)
    sums: list[tuple] = [(*map(int, question.split('+')), int(answer) if answer.isdigit() else None)
                         for question, answer in zip(texts(x), texts(given), strict=True)]
    right = sum(answer == a + b for a, b, answer in sums)
    title = f'{name}{", reading backwards" * reverse}: {right / len(sums):.1%} of {len(sums):,} sums right'
    print(title)
    draw(sums, title)
    show('ch07_show_mistakes')
    return sums


def answers(model, x, t, batch_size=1000):
    """What model answers to the questions x (N, S), in batches; t (N, 1 + T), the right answers -> (N, T)."""
    start_id, T = int(t[0, 0]), t.shape[1] - 1
    return np.concatenate([np.reshape(model.generate(x[i:i + batch_size], start_id, T), (-1, T))
                           for i in range(0, len(x), batch_size)])


def texts(rows):
    """The rows of character ids (N, T) as strings, without the blanks at their ends."""
    _, id_to_char = sequence.get_vocab()
    return [''.join(id_to_char[i] for i in row).strip() for row in to_cpu(np.asarray(rows)).tolist()]


def carries(a, b):
    """How many digits are carried in a + b: 2 in 57 + 65."""
    count = carry = 0
    while a or b or carry:
        carry = (a % 10 + b % 10 + carry) // 10
        count += carry
        a, b = a // 10, b // 10
    return count


def off_by(a, b, answer):
    """How far off an answer to a + b is, in words."""
    if answer is None:
        return 'no number'
    distance = abs(a + b - answer)
    return next(name for name, most in (('right', 0), ('1', 1), ('2 to 9', 9), ('10 to 99', 99), ('100 and more', 9999))
                if distance <= most)


def draw(sums, title):
    """Draw sums as main returns them, below the title."""
    figure, axes = pyplot().subplot_mosaic([['plane', 'carries'], ['plane', 'off']], figsize=(11, 6),
                                           width_ratios=(3, 2))
    right = [answer == a + b for a, b, answer in sums]
    plane = axes['plane']
    for label, is_right, color, size in (('right', True, 'C5', 4), ('wrong', False, 'C3', 6)):
        places = [(a, b) for (a, b, _), r in zip(sums, right, strict=True) if r == is_right]
        plane.scatter(*np.reshape(places, (-1, 2)).T, s=size, color=color, label=f'{label}: {len(places):,}')
    plane.set(title='where they lie', xlabel='first number', ylabel='second number', aspect='equal')
    figure.legend(*plane.get_legend_handles_labels(), loc='outside lower left', ncols=2, markerscale=3)
    bar_shares(axes['carries'], [carries(a, b) for a, b, _ in sums], right)
    axes['carries'].set(title='by the digits carried', ylabel='carried')
    names = ('1', '2 to 9', '10 to 99', '100 and more', 'no number')
    how_far = [off_by(*one) for one in sums]
    counts = [how_far.count(name) for name in names]
    axes['off'].bar_label(axes['off'].barh(names, counts, color='C3'), padding=3)
    axes['off'].set(title='how far off the wrong ones are', xlabel='answers', xlim=(0, 1.2 * max(*counts, 1)))
    axes['off'].invert_yaxis()
    figure.suptitle(title)


def bar_shares(ax, groups, right, names=None):
    """A bar for each group, as long as its share of right answers, with the number of all of them beside it.

    groups (N,): the group of each answer, right (N,): whether it is right. names: the groups in order; None: sorted.
    """
    names = [name for name in names or sorted(set(groups)) if name in groups]
    members = [[r for group, r in zip(groups, right, strict=True) if group == name] for name in names]
    shares = [100 * sum(rs) / len(rs) for rs in members]
    bars = ax.barh([str(name) for name in names], shares, color='C0')
    ax.bar_label(bars, [f'{share:.1f} % of {len(rs):,}' for share, rs in zip(shares, members, strict=True)], padding=3)
    ax.set(xlabel='right answers (%)', xlim=(0, 150), xticks=(0, 25, 50, 75, 100))
    ax.invert_yaxis()


if __name__ == '__main__':
    run(main)
