"""Which dates a trained model gets wrong: those written in which way, of which month, and which of the digits.

It takes the weights that `python -m ch08.train` leaves behind. After ten epochs hardly any is wrong; a model of
--max-epoch 2 is the better one to look at.
"""
import re
from typing import Annotated, Literal

from ch07.show_mistakes import answers, bar_shares, texts
from ch08.visualize_attention import load_network
from common.cli import run
from common.figures import pyplot, show
from dataset.sequence import MONTHS

FORMS = {'3/14/15': r'\d+/\d+/\d+', 'mar 14, 2015': r'\w{3} \d+, \d+', 'march 14, 2015': r'\w{3,} \d+, \d+',
         'saturday, march\n14, 2015': r'\w+, \w+ \d+, \d+'}


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/train, which says of which model it is; none: looked for'] = None,
    model: Annotated[Literal['attention', 'bi', 'bahdanau', 'deep'], 'whose file is looked for'] = 'attention',
):
    """Draw; returns the dates of the test part: a list of (question, right answer, answer given)."""
    network, (x, t) = load_network(params, model, 'date.txt')   # (N, S), (N, 1 + T)
    given = answers(network, x[:, ::-1], t)
    dates = list(zip(texts(x), texts(t[:, 1:]), texts(given), strict=True))
    right = sum(answer == given for _, answer, given in dates)
    title = f'{type(network).__name__}: {right / len(dates):.1%} of {len(dates):,} dates right'
    print(title)
    draw(dates, title)
    show('ch08_show_mistakes')
    return dates


def form_of(question):
    """The first of FORMS that a question is written in. (May is as long as its first three letters.)"""
    return next((form for form, pattern in FORMS.items() if re.fullmatch(pattern, question)), 'other')


def draw(dates, title):
    """Draw dates as main returns them, below the title."""
    figure, axes = pyplot().subplot_mosaic([['form', 'month'], ['place', 'month']], figsize=(11, 6.5))
    right = [answer == given for _, answer, given in dates]
    bar_shares(axes['form'], [form_of(question) for question, _, _ in dates], right, [*FORMS, 'other'])
    axes['form'].set_title('by the way they are written')
    bar_shares(axes['month'], [MONTHS[int(answer[5:7]) - 1] for _, answer, _ in dates], right, MONTHS)
    axes['month'].set_title('by month')
    length = len(dates[0][1])
    wrong = [100 * sum(given[i:i + 1] != answer[i] for _, answer, given in dates) / len(dates) for i in range(length)]
    axes['place'].bar(range(length), wrong, color='C3')
    axes['place'].set_xticks(range(length), 'yyyy-mm-dd')
    axes['place'].set(title='by the place in the answer', ylabel='wrong characters (%)', ylim=(0, max(*wrong, 1)))
    axes['place'].grid(True, axis='y')
    figure.suptitle(title)


if __name__ == '__main__':
    run(main)
