"""The pages, README.md and each chapter's, do what they say: Python runs, commands parse, links lead somewhere."""
import importlib
import re
import shlex
from pathlib import Path

import pytest

from common.cli import make_parser
from tests import reproduce

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
CHAPTERS = [*(ROOT / f'ch0{number}' for number in range(1, 9)), ROOT / 'ch01' / 'volume1',
            ROOT / 'ch08' / 'transformer']
PAGES = [README, ROOT / 'common' / 'README.md', *(chapter / 'README.md' for chapter in CHAPTERS)]
TRANSLATED = [ROOT / f'README.{language}.md' for language in ('ja', 'ko', 'zh')]


def name_of(path):
    return str(path.relative_to(ROOT))


def package(chapter):
    """The folder's name in an import."""
    return '.'.join(chapter.relative_to(ROOT).parts)


def blocks(path):
    """The Python of a page, block by block."""
    return re.findall(r'^```python\n(.*?)^```', path.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)


def commands(text):
    """The commands of a page's text that run a chapter's script: ('ch07.train_seq2seq', ['--reverse']) …"""
    inner = r'(?:(?:volume1|transformer)[./])?\w+'
    found = re.findall(rf'python3? (?:-m )?(ch0\d[./]{inner})(?:\.py)?((?: +[^`\s|&;]+)*)', text)
    found += re.findall(rf'`(ch0\d\.{inner})((?: +[^`\s]+)*)`', text)  # in tables without `python -m`
    return [(script.replace('/', '.'), shlex.split(flags)) for script, flags in found]


def test_readme_is_short_and_shows_code_on_its_first_screen():
    lines = README.read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 130
    assert lines.index('```python') < 20


def fences(text):
    return re.findall(r'^```.*?^```$', text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize('path', TRANSLATED, ids=name_of)
def test_a_translation_is_in_step_with_readme(path):
    """Its first screen has the same code, output and commands, and its table the same chapters and scripts."""
    english, text = README.read_text(encoding='utf-8'), path.read_text(encoding='utf-8')
    assert fences(text) == fences(english)[:5]

    def chapters(page):
        return re.findall(r'^\| \[(\d) · .*?\]\((.*?)\).* \| `(.*?)` \|$', page, re.MULTILINE)

    assert len(chapters(english)) == 8 and chapters(text) == chapters(english)
    others = {other.name for other in (README, *TRANSLATED)} - {path.name}
    assert set(re.findall(r'\]\((README[\w.]*)\)', text)) == others


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a block as a script of its own and returns its names."""
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'data'))        # what the pages show needs no data

    def run(block):
        names = {'__name__': '__main__'}
        exec(block, names)
        return names

    return run


@pytest.mark.slow
def test_the_first_block_gives_what_readme_shows(run, capsys):
    text = README.read_text(encoding='utf-8')
    names = run(blocks(README)[0])
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith('| epoch 2 |  iter 161 / 240 |') for line in printed)
    words = printed[-1].split()
    assert len(words) == 30 and words[0] == '<eos>' and set(words) <= names['word_to_id'].keys()
    said = float(re.search(r'iter 161 / 240 .* perplexity ([\d.]+)', text)[1])
    assert names['trainer'].ppl_list[-1] == pytest.approx(said, rel=0.03)       # sums differ from machine to machine
    assert f'better than {names["toy"].perplexity_floor():.2f}' in text


def test_the_other_blocks_run_as_they_stand(run):
    others = [*blocks(README)[1:], *(block for path in PAGES[1:] for block in blocks(path))]
    assert others
    for block in others:
        run(block)


@pytest.mark.parametrize('path', PAGES + TRANSLATED, ids=name_of)
def test_commands_have_flags_that_the_scripts_know(path):
    found = commands(path.read_text(encoding='utf-8'))
    assert found
    for script, flags in found:
        make_parser(importlib.import_module(script).main).parse_args(flags)


def test_a_command_is_found_wherever_it_stands():
    text = ('x && .venv/bin/python -m ch08.train --max-epoch 3 --seed 2\n| `python -m ch01.train` | `ch04.eval` (or '
            '`--model x`) `ch01.train.main(max_epoch=5)` python ch07/train_seq2seq.py --reverse; b `ch06.x --y 1` '
            'python ch01/volume1/a.py --b 2 `ch01.volume1.c`')
    assert commands(text) == [('ch08.train', ['--max-epoch', '3', '--seed', '2']), ('ch01.train', []),
                              ('ch07.train_seq2seq', ['--reverse']), ('ch01.volume1.a', ['--b', '2']),
                              ('ch04.eval', []), ('ch06.x', ['--y', '1']), ('ch01.volume1.c', [])]


@pytest.mark.parametrize('chapter', CHAPTERS, ids=name_of)
def test_a_page_names_each_script_of_its_chapter(chapter):
    page = (chapter / 'README.md').read_text(encoding='utf-8')
    scripts = [path.stem for path in chapter.glob('*.py') if 'run(main' in path.read_text(encoding='utf-8')]
    assert scripts and {f'{package(chapter)}.{name}' for name in scripts} <= {script for script, _ in commands(page)}


def anchors(path):
    """What a link to a heading of a page says behind its #, as GitHub makes it."""
    headings = re.findall(r'^#+ (.*)$', path.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('path', PAGES + TRANSLATED, ids=name_of)
def test_links_and_pictures_lead_to_files_and_headings(path):
    links = re.findall(r'\]\(([^)#]*)(#[^)]*)?\)', path.read_text(encoding='utf-8'))
    assert links
    for link, anchor in links:
        if not link.startswith('https://'):
            target = path.parent / link if link else path
            assert target.is_file(), link
            assert not anchor or anchor[1:] in anchors(target), link + anchor


@pytest.mark.parametrize('path', PAGES, ids=name_of)
def test_tables_have_as_many_cells_in_each_line(path):
    text = re.sub(r'^```.*?^```', '', path.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    tables = re.findall(r'(?:^\|.*\n)+', text, re.MULTILINE)
    assert tables
    for table in tables:
        head, rule, *rows = table.splitlines()
        assert re.fullmatch(r'(\| --- )+\|', rule) and rows
        assert {line.count('|') for line in (head, *rows)} == {rule.count('|')}, head


@pytest.mark.parametrize('chapter', CHAPTERS, ids=name_of)
def test_the_results_are_all_rows_of_the_chapter_as_reproduce_writes_them(chapter):
    page = (chapter / 'README.md').read_text(encoding='utf-8')
    lines = reproduce.lines_in(page)
    assert reproduce.with_lines(page, package(chapter), {}) == page
    assert [name for name in lines if name in reproduce.ROWS] == reproduce.rows_of(package(chapter))
    for name in reproduce.rows_of(package(chapter)):
        _, book, _, command, _ = (cell.strip() for cell in lines[name].strip('|').split('|'))
        assert (book, command) == (reproduce.ROWS[name].book, f'`{reproduce.command(name)}`')
