"""common.figures: a picture is shown, or written and said where; its style, its letters, and the charts."""
import logging
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties, findfont, fontManager

from common import figures
from common.figures import show


def test_show_writes_a_picture_closes_it_and_says_where(capsys):
    plt.plot([1, 2])
    show('loss')
    path = Path('loss.png').resolve()
    assert path.read_bytes().startswith(b'\x89PNG') and capsys.readouterr().out == f'picture: {path}\n'
    assert plt.get_fignums() == []


@pytest.mark.parametrize('backend, keep, written, shown', [
    ('TkAgg', False, False, True), ('module://matplotlib_inline.backend_inline', True, True, True),
    ('inline', False, False, True), ('svg', False, True, False), ('agg', True, True, False),
])
def test_a_screen_shows_and_keeps_only_on_request(backend, keep, written, shown, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(plt, 'get_backend', lambda: backend)
    monkeypatch.setattr(plt, 'show', lambda: seen.append(plt.get_fignums()))
    figure = plt.figure()
    show('p', keep=keep)
    assert Path('p.png').exists() == written == ('picture: ' in capsys.readouterr().out)
    assert seen == ([[figure.number]] if shown else [])
    assert plt.get_fignums() == []


# style

def test_our_style_lasts_until_show_and_leaves_the_readers_own_settings():
    with plt.rc_context({'lines.linewidth': 7.0}):
        before = dict(plt.rcParams)
        assert figures.pyplot() is plt
        assert plt.rcParams['figure.figsize'] == [8, 5] and plt.rcParams['figure.constrained_layout.use']
        assert plt.plot([1, 2])[0].get_linewidth() == 7
        assert to_hex(plt.gca().lines[0].get_color()) == '#0072b2'
        show('style')
        assert dict(plt.rcParams) == before


def test_the_style_goes_into_the_wheel():
    text = Path(figures.__file__).parents[1].joinpath('pyproject.toml').read_text(encoding='utf-8')
    assert figures.STYLE.is_file() and figures.STYLE.parent.name == 'common' and 'packages = ["common", ' in text


# what the colour-blind see of red, green and blue (Machado, Oliveira and Fernandes, 2009, severity 1)
SEEN = {
    'protanopia': [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    'deuteranopia': [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    'tritanopia': [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def least_difference(colors, kind):
    """The least distance between two of the colours, between 0 and √3, as seen with this kind of blindness."""
    linear = np.array([to_rgb(color) for color in colors])**2.2
    seen = np.clip(linear @ np.transpose(SEEN[kind]), 0, 1)**(1 / 2.2)
    return min(np.linalg.norm(one - other) for i, one in enumerate(seen) for other in seen[:i])


@pytest.mark.parametrize('kind', SEEN)
def test_the_colour_blind_tell_our_lines_apart_better_than_matplotlibs(kind):
    ours, theirs = ([entry['color'] for entry in style['axes.prop_cycle']][:6]
                    for style in (figures.read_style(), plt.rcParamsDefault))
    assert least_difference(ours, kind) > 1.3 * least_difference(theirs, kind) and least_difference(ours, kind) > 0.11


# letters

WATCH = '\u231a'        # which STIXGeneral has, a font that comes with matplotlib, and DejaVu Sans has not


def test_text_falls_back_to_a_font_with_its_characters(capsys):
    title, plain = plt.title(f'ten {WATCH}'), plt.xlabel('☑ plain')
    assert figures.use_fonts(plt.gcf()) == ''
    families = title.get_fontfamily()
    assert families[0] == 'sans-serif' and len(families) == 2
    assert WATCH in figures.characters_in(findfont(FontProperties(family=families[1:])))
    assert plain.get_fontfamily() == ['sans-serif']
    show('watch')           # and a warning would be an error
    assert capsys.readouterr().out.startswith('picture: ')


def test_characters_that_no_font_has_are_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(figures, 'system_fonts', lambda chars: [(findfont('STIXGeneral'), 'STIXGeneral')])
    plt.title(f'고양이\n고양이 {WATCH}')
    plt.plot([1], label='猫')
    plt.legend()
    show('boxes')
    line, picture = capsys.readouterr().out.splitlines()
    assert line.startswith('there are boxes in the picture: no font here has 猫고양이. One with them is to be')
    assert 'fonts-noto-cjk' in line and picture.startswith('picture: ')


def test_a_font_that_was_installed_later_is_found(monkeypatch):
    late = findfont('STIXGeneral')
    monkeypatch.setattr(fontManager, 'ttflist', [font for font in fontManager.ttflist if font.fname != late])
    monkeypatch.setattr(font_manager, 'findSystemFonts', lambda: [late, __file__])      # and one that is no font
    assert (late, 'STIXGeneral') in figures.system_fonts()


@pytest.mark.parametrize('chars, land, other', [('猫は', 'JP', 'KR'), ('漢字와', 'KR', 'JP'), ('猫', 'SC', 'JP')])
def test_fonts_for_east_asia_are_asked_first(chars, land, other, monkeypatch):
    names = ['Abyssinica', 'Last Resort High-Efficiency', 'Zapf', 'NanumGothic', f'Noto Serif CJK {land}',
             f'Noto Sans CJK {other}', f'Noto Sans CJK {land}']
    monkeypatch.setattr(font_manager, 'findSystemFonts', lambda: [])
    monkeypatch.setattr(fontManager, 'ttflist', [font_manager.FontEntry(fname=name, name=name) for name in names])
    found = [name for name, _ in figures.system_fonts(set(chars))]
    assert found[:3] == [f'Noto Sans CJK {land}', f'Noto Sans CJK {other}', f'Noto Serif CJK {land}']
    assert found[3:] == ['NanumGothic', 'Abyssinica', 'Zapf']


def test_letters_come_from_one_font_where_one_has_them_all(monkeypatch):
    has = {'A': '高', 'B': '고양', 'C': '고양이 猫'}
    monkeypatch.setattr(figures, 'system_fonts', lambda chars: [(name, name) for name in has])
    plain = figures.characters_in
    monkeypatch.setattr(figures, 'characters_in', lambda path: set(has[path]) if path in has else plain(path))
    title, label = plt.title('고양이'), plt.xlabel('고양 高 \u3404')
    assert figures.use_fonts(plt.gcf()) == '\u3404'
    assert title.get_fontfamily() == label.get_fontfamily() == ['sans-serif', 'C', 'A']
    plt.close()


def test_a_font_without_bold_letters_makes_no_line_on_stderr(caplog):
    assert [font.weight for font in fontManager.ttflist if font.name == 'cmr10'] == [400]
    plt.title('bold', weight='bold', family='cmr10')
    show('bold')
    assert not caplog.records and logging.getLogger('matplotlib.font_manager').level != logging.ERROR


@pytest.mark.parametrize('chars, told', [('🚗🍣', 'Noto Emoji, '), ('🚗猫', 'fonts-noto-cjk of ')])
def test_what_is_to_be_installed_depends_on_what_is_lacking(chars, told, monkeypatch, capsys):
    monkeypatch.setattr(figures, 'system_fonts', lambda chars: [])
    plt.title(chars)
    show('boxes')
    assert f'is to be installed ({told}' in capsys.readouterr().out


def test_a_word_of_blanks_can_be_seen():
    assert [figures.visible(word) for word in (' ', '  ', 'a b', '\u3000')] == ['␣', '␣␣', 'a b', '␣']


def test_a_dollar_begins_no_formula():
    for text in '$5-$10', 'で $$':
        assert is_math_text(text) and not is_math_text(figures.visible(text))
    sizes = [plt.figure().suptitle(text).get_window_extent().width for text in (figures.visible('$5'), '$5')]
    assert sizes[0] == sizes[1]     # one $ was none before, and \\$ is as wide
    plt.close('all')


def test_wide_characters_take_two_columns():
    assert [figures.width_of(text) for text in ('', 'abc', '漢字', 'ｶﾅ', 'Ａ한é')] == [0, 3, 4, 2, 5]
    assert figures.visible('昭和59年', 8) == '昭和59年' and figures.visible('昭和59年9', 8) == '昭和59…'
    assert figures.visible('abcdefghi', 8) == 'abcdefg…'


# charts

def trainer(**lists):
    made = SimpleNamespace(current_epoch=2, max_iters=None, eval_interval=None, loss_list=[], ppl_list=[],
                           valid_list=[], train_list=[])
    vars(made).update(lists)
    made.best_valid = lambda: min(made.valid_list)
    return made


def drawn(ax):
    """The lines of an axis: label -> its points."""
    return {line.get_label(): line.get_xydata().tolist() for line in ax.lines}


def test_points_lie_where_they_were_measured():
    """42 iterations an epoch, told of the 1st, 21st and 41st."""
    found = figures.places_of(trainer(max_iters=42, eval_interval=20), range(6))
    np.testing.assert_allclose(found, [1 / 42, 21 / 42, 41 / 42, 43 / 42, 63 / 42, 83 / 42])
    assert figures.places_of(trainer(max_iters=42, eval_interval=20), range(4)) == [0.5, 1, 1.5, 2]


def test_plot_perplexity_draws_what_was_measured():
    figures.plot_perplexity(trainer(ppl_list=[300, 40, 30, 20], valid_list=[25, 35]), 'a title', test=27.5, floor=5.44)
    lines = drawn(plt.gca())
    assert lines['train'] == [[0.5, 300], [1, 40], [1.5, 30], [2, 20]]
    assert lines['valid: 25.00 after epoch 1'] == [[1, 25], [2, 35]]
    assert [y for _, y in lines['test: 27.50']] == [27.5, 27.5]
    assert [y for _, y in lines['the least that a model can have: 5.44']] == [5.44, 5.44]
    low, high = plt.ylim()
    assert plt.gca().get_yscale() == 'log' and 2 < low < 5.44 and 300 < high < 600
    plt.close()


@pytest.mark.parametrize('values', [[300, 5.4], [6.3, 5.5], [100, 136, 141]])
def test_the_axis_of_perplexities_has_plain_numbers_wherever_they_are(values):
    figures.plot_perplexity(trainer(ppl_list=values), '')
    assert 2 < plt.xlim()[1] < 2.2      # the end of the second epoch, where no point is
    plt.gcf().draw_without_rendering()
    low, high = plt.ylim()
    shown = [label.get_text() for label in plt.gca().get_yticklabels()]
    assert len([number for number in map(float, shown) if low <= number <= high]) >= 3
    assert not any(label.get_text() for label in plt.gca().get_yticklabels(minor=True))
    plt.close()


def test_a_single_point_is_seen():
    for draw in figures.plot_perplexity, figures.plot_training:
        for values, marker in ([9], 'o'), ([9, 8], 'None'):
            draw(trainer(ppl_list=values, loss_list=values), '')
            assert plt.gcf().axes[0].lines[0].get_marker() == marker
            plt.close()


def test_plot_training_has_loss_and_accuracy_over_the_same_epochs():
    above, below = figures.plot_training(trainer(loss_list=[3, 2, 1, 0.5], valid_list=[0.25, 0.75]), 'a title', 'right')
    assert next(iter(drawn(above).values())) == [[0.5, 3], [1, 2], [1.5, 1], [2, 0.5]]
    assert drawn(below) == {'test': [[1, 25], [2, 75]]} and below.get_legend() is None
    above.set_xlim(0, 9)
    assert below.get_xlim() == (0, 9) and below.get_ylabel() == 'right'
    _, below = figures.plot_training(trainer(valid_list=[0.25], train_list=[0.5]), '')
    assert drawn(below) == {'test': [[1, 25]], 'train': [[1, 50]]} and below.get_legend() is not None
    plt.close('all')
