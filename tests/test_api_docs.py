"""The docstrings as pages of HTML: pdoc makes them without a warning, and no word of them is lost on the way."""
import ast
import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ['common', 'dataset', *(f'ch0{number}' for number in range(1, 9))]
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob('*.py'))


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """module's path -> the text of its page."""
    pytest.importorskip('pdoc')
    folder = tmp_path_factory.mktemp('pages')
    done = subprocess.run([sys.executable, '-W', 'error', '-m', 'pdoc', '--no-show-source', '-o', folder, *PACKAGES],
                          cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, '')

    def text(path):
        name = path.relative_to(ROOT).with_suffix('')
        page = folder / (name.parent if name.name == '__init__' else name).with_suffix('.html')
        return html.unescape(re.sub('<[^>]*>', '', page.read_text(encoding='utf-8')))

    return {path: text(path) for path in MODULES}


def docstrings(path):
    """(name, text) of a module and of its public classes, methods and functions; where it has an __all__, of those."""
    def public(node):
        for child in node.body:
            if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and not child.name.startswith('_'):
                yield child
                if isinstance(child, ast.ClassDef):
                    yield from public(child)

    tree = ast.parse(path.read_text(encoding='utf-8'))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            listed = ast.unparse(node.value)
            tree.body = [child for child in tree.body if repr(getattr(child, 'name', None)) in listed]
            break
    return [(getattr(node, 'name', 'module'), text) for node in (tree, *public(tree))
            if (text := ast.get_docstring(node))]


@pytest.mark.slow
def test_each_page_has_its_docstrings_word_by_word(pages):
    """A `<word>` without backticks would be taken for a tag of HTML, and be gone."""
    assert len(pages) > 120

    def run_together(text):
        return re.sub(r'[\s`]+', '', text)

    lost = [f'{path.relative_to(ROOT)}: {name}' for path, page in pages.items() for name, text in docstrings(path)
            if run_together(text) not in run_together(page)]
    assert not lost, "\n".join(lost)
