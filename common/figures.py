"""Pictures on their way to the reader's eye: their style, their letters, the charts that several chapters draw."""
import logging
import math
import re
import textwrap
import unicodedata
import warnings
from contextlib import contextmanager
from pathlib import Path

from common.launcher import rank

# matplotlib's backends that draw into files only.
WITHOUT_WINDOW = {'agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template'}
STYLE = Path(__file__).with_name('dlfs2.mplstyle')


def pyplot():
    """matplotlib.pyplot, in the style of dlfs2.mplstyle until `show`. A setting of the reader's own stays as it is.

    It imports matplotlib, which takes longer than everything else together: call it where the drawing begins.
    """
    import matplotlib.pyplot as plt

    change_style(plt, plt.rcParamsDefault, read_style())
    return plt


def read_style():
    """The settings of our style: name -> value."""
    from matplotlib import rc_params_from_file

    return rc_params_from_file(STYLE, use_default_template=False)


def change_style(plt, old, new):
    """Give each setting of our style that is as in old the value that it has in new."""
    for name in read_style():
        if plt.rcParams[name] == old[name]:
            plt.rcParams[name] = new[name]


def show(name: str, keep: bool = False) -> None:
    """Show the current matplotlib figure and close it.

    In a window or a notebook where there is one; else, and always with keep, as `name.png` in the current folder, whose
    path is printed. Of several ranks the first shows it. Characters that no font has are told in one line.
    """
    import matplotlib.pyplot as plt

    figure = plt.gcf()
    if rank():
        plt.close(figure)
        return
    with silent_fonts():
        if lacking := use_fonts(figure):
            emoji = '\U0001f000' < min(lacking) < '\U00020000'
            known = ('Noto Emoji, a font in black and white, has emoji' if emoji else
                     'fonts-noto-cjk of Debian and Ubuntu, or Noto Sans CJK, has Japanese, Korean and Chinese')
            print(f'there are boxes in the picture: no font here has {lacking[:20]}. One with them is to be installed '
                  f'({known})')
        screen = plt.get_backend().lower() not in WITHOUT_WINDOW
        if keep or not screen:
            path = Path(f'{name}.png').resolve()
            figure.savefig(path)
            print(f'picture: {path}')
        if screen:
            plt.show()
    plt.close(figure)
    change_style(plt, read_style(), plt.rcParamsDefault)


@contextmanager
def silent_fonts():
    """Draw without a line for each character that no font has, and for a font without the weight that is asked for."""
    logger = logging.getLogger('matplotlib.font_manager')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Glyph .* missing from')
            yield
    finally:
        logger.setLevel(level)


def use_fonts(figure):
    """Let texts whose font lacks some of their characters, as 日本語, fall back to fonts of this system that have them.

    One font where one has them all, so that the letters of a picture look alike. Returns the characters that none has,
    as a string.
    """
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.text import Text

    def of_text(text):
        """The characters for which no font of the text's families has a glyph."""
        chars = set(text.get_text())
        for family in text.get_fontfamily() if not text.get_text().isascii() else ():
            chars -= characters_in(findfont(FontProperties(family=[family])))
        return set() if text.get_text().isascii() else chars - set('\n')

    texts = [(text, chars) for text in figure.findobj(Text) if (chars := of_text(text))]
    wanted = set().union(*(chars for _, chars in texts))
    have: dict = {}     # family -> what it has of them
    for path, family in system_fonts(wanted) if wanted else ():
        have[family] = wanted & characters_in(path)
        if have[family] == wanted:
            break
    families = []
    while best := max(have, key=lambda family: len(have[family] & wanted), default=None):
        if not have[best] & wanted:
            break
        families.append(best)
        wanted -= have[best]
    for text, _ in texts:
        text.set_fontfamily([*text.get_fontfamily(), *families])
    return ''.join(sorted(wanted))


def visible(text, columns=None):
    """A reader's text as a label: what is all blanks, a word of --tokens characters, as ␣; a $ begins no formula.

    columns: as many are shown at most, the last as … then.
    """
    if columns is not None and width_of(text) > columns:
        while width_of(text) >= columns:
            text = text[:-1]
        text += '…'
    return text.replace('$', r'\$') if text.strip() else '␣' * len(text)


def width_of(text):
    """How many columns a text takes: a Chinese, Japanese or Korean character takes two."""
    return sum(1 + (unicodedata.east_asian_width(char) in 'WF') for char in text)


def characters_in(path):
    """The characters that the font in a file has."""
    from matplotlib.font_manager import get_font

    return set(map(chr, get_font(path).get_charmap()))


def system_fonts(chars=''):
    """(path, family) of the fonts here, those for Japanese, Korean and Chinese by their names first.

    Of these, the ones that have all three lead, in the forms of the land where chars, a text's characters, are written.
    With those that were installed after matplotlib made its list.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    for path in set(findSystemFonts()) - known:
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):     # a file that is no font
            continue
    fonts = [font for font in fontManager.ttflist if font.style == 'normal' and font.weight in (400, 'normal')
             and not font.name.startswith('Last Resort')]       # which has a box for each character
    asian = re.compile('CJK|Noto Sans [JKST]|Source Han|Gothic|IPA|Hei|Song|Hiragino|Meiryo|Nanum|Malgun|PingFang')
    text = ''.join(chars)
    land = 'JP' if re.search('[ぁ-ヿ]', text) else 'KR' if re.search('[가-힣]', text) else 'SC'
    fonts.sort(key=lambda font: (not asian.search(font.name), 'CJK' not in font.name, 'Mono' in font.name,
                                 'Serif' in font.name, land not in font.name, font.name))
    return [(font.fname, font.name) for font in fonts]


def plot_accuracies(curves, title, ylabel='right answers (%)'):
    """Draw shares of right answers over the epochs, the first being 1. curves: a curve's label -> its shares."""
    plt = pyplot()
    for label, accuracies in curves.items():
        plt.plot(range(1, len(accuracies) + 1), [100 * accuracy for accuracy in accuracies], marker='o', label=label)
    plt.title(title)
    epochs(plt.gca())
    plt.ylabel(ylabel)
    plt.ylim(-3, 103)       # the marks at 0 and 100 stay whole
    plt.legend()


def epochs(ax, label='epoch'):
    """Let whole epochs, or what the label says, be what stands below, and lines lead up from them."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel(label)
    ax.xaxis.set_major_locator(MaxNLocator(steps=(1, 2, 5, 10), integer=True, min_n_ticks=1))
    ax.grid(True)


def dots(values):
    """How values are drawn: as a line; a single one, which makes no line, as a dot."""
    return 'o' if len(values) == 1 else '-'


def places_of(trainer, values):
    """Where the values of a trainer's curve lie on an axis of epochs: each at the last iteration that it is a mean of.

    Evenly where these are not known, as after fits that differ.
    """
    epochs, iters, interval = trainer.current_epoch, trainer.max_iters, trainer.eval_interval
    if iters and interval and len(values) == epochs * math.ceil(iters / interval):
        return [epoch + (i + 1) / iters for epoch in range(epochs) for i in range(0, iters, interval)]
    return [epochs * (i + 1) / len(values) for i in range(len(values))]


def plot_perplexity(trainer, title, test=None, floor=None):
    """Draw a language model's perplexity over the epochs, the smaller the better, on an axis where ratios are lengths.

    trainer: its ppl_list and, where there is one, its valid_list. test: the perplexity on the test part. floor: the
    least that a model can have.
    """
    plt = pyplot()
    plt.plot(places_of(trainer, trainer.ppl_list), trainer.ppl_list, dots(trainer.ppl_list), label='train', linewidth=1)
    if trainer.valid_list:
        best = trainer.best_valid()
        plt.plot(range(1, len(trainer.valid_list) + 1), trainer.valid_list, 'o-',
                 label=f'valid: {best:.2f} after epoch {trainer.valid_list.index(best) + 1}')
    if test is not None:
        plt.axhline(test, color='C2', label=f'test: {test:.2f}')
    if floor is not None:
        plt.axhline(floor, color='k', linestyle='--', label=f'the least that a model can have: {floor:.2f}')
    plt.title(title)
    epochs(plt.gca())
    plt.xlim(right=1.03 * max(1, trainer.current_epoch))       # the end of the last epoch is seen
    plt.ylabel('perplexity')
    scale_by_ratios(plt.gca())
    plt.legend()


def scale_by_ratios(ax):
    """A logarithmic axis upwards that fits what is drawn, with plain numbers, also where these are close together."""
    from matplotlib.ticker import AutoLocator, LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale('log')
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 5 * low else AutoLocator())
    ax.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    ax.yaxis.set_minor_formatter(NullFormatter())


def plot_training(trainer, title, ylabel='right answers (%)', figure=None):
    """Draw the loss and, below it over the same epochs, the share of right answers.

    trainer: its loss_list, its valid_list, which holds the shares on other data, and its train_list, if it has any.
    figure: where to draw, a part of a figure or None, a new one. Returns the two axes.
    """
    figure = figure or pyplot().figure(figsize=(8, 6))
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(places_of(trainer, trainer.loss_list), trainer.loss_list, dots(trainer.loss_list), color='C3')
    above.set(title=title, ylabel='loss', ylim=(0, None))
    above.grid(True)
    curves = {'test': trainer.valid_list} | ({'train': trainer.train_list} if trainer.train_list else {})
    for label, shares in curves.items():
        below.plot(range(1, len(shares) + 1), [100 * share for share in shares], '-' if len(shares) > 50 else 'o-',
                   label=label)
    below.set(ylabel=textwrap.fill(ylabel, 24), ylim=(-3, 103))
    epochs(below)
    if len(curves) > 1:
        below.legend()
    return above, below
