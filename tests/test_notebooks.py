"""The chapters' notebooks: stored without outputs, titled as their pages, and run from top to bottom."""
import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = [ROOT / f'ch0{number}' / 'notebook.ipynb' for number in range(1, 9)]
FOUND = [path for path in NOTEBOOKS if path.exists()]
SECONDS = 300

# before the first cell, in the kernel: who asks for another machine is told no
NO_NETWORK = """
import socket
def blocked(*args, **keywords):
    raise OSError('a notebook asked for another machine')
socket.create_connection = socket.getaddrinfo = blocked
"""


# an answer where it stands, as a reader would try it; it leaves the notebook's names and its chance as they were
ANSWER = """
import numpy
state = numpy.random.get_state()
exec({!r}, dict(globals()))
numpy.random.set_state(state)
"""


def chapter(path):
    return path.parent.name


def read(path):
    return json.loads(path.read_text(encoding='utf-8'))


def sources(path):
    """(kind, text) of a notebook's cells, the kinds being 'code' and 'markdown'."""
    return [(cell['cell_type'], ''.join(cell['source'])) for cell in read(path)['cells']]


def prose(path):
    return '\n'.join(text for kind, text in sources(path) if kind == 'markdown')


def answers(text):
    """The Python of the answers that are folded away in a text of markdown, block by block."""
    folded = ''.join(re.findall('<details>.*?</details>', text, re.DOTALL))
    return re.findall(r'^```python\n(.*?)^```', folded, re.MULTILINE | re.DOTALL)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """What a kernel is started in: our code, no settings of the reader's, no data, no network, pictures in place."""
    startup = tmp_path / 'ipython' / 'profile_default' / 'startup'
    startup.mkdir(parents=True)
    (startup / 'no_network.py').write_text(NO_NETWORK)
    (tmp_path / 'data').mkdir()
    for name, value in {'IPYTHONDIR': tmp_path / 'ipython', 'DLFS2_DATA': tmp_path / 'data', 'PYTHONPATH': ROOT,
                        'OPENBLAS_NUM_THREADS': 1, 'PYDEVD_DISABLE_FILE_VALIDATION': 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv('MPLBACKEND', raising=False)


def execute(cells):
    """Run these cells, texts of code, one after another in a new kernel; returns what each put out, lists of dicts."""
    nbclient, nbformat = pytest.importorskip('nbclient'), pytest.importorskip('nbformat')
    pytest.importorskip('ipykernel')
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name='python3',
                            resources={'metadata': {'path': os.getcwd()}}).execute()
    return [cell['outputs'] for cell in notebook['cells']]


def test_each_chapter_has_one():
    assert FOUND == NOTEBOOKS


@pytest.mark.parametrize('path', FOUND, ids=chapter)
def test_stored_without_outputs(path):
    notebook = read(path)
    assert (notebook['nbformat'], notebook['nbformat_minor']) == (4, 5)
    code = [cell for cell in notebook['cells'] if cell['cell_type'] == 'code']
    assert len(code) > 5 and all((cell['outputs'], cell['execution_count']) == ([], None) for cell in code)
    ids = [cell['id'] for cell in notebook['cells']]
    assert len(set(ids)) == len(ids) and all(re.fullmatch('[a-z0-9-]{1,32}', name) for name in ids)


@pytest.mark.parametrize('path', FOUND, ids=chapter)
def test_begins_as_its_page(path):
    page = (path.parent / 'README.md').read_text(encoding='utf-8').splitlines()
    kind, title = sources(path)[0]
    assert title.splitlines()[:3] == page[:3] and kind == 'markdown'
    assert '](README.md)' in title


@pytest.mark.parametrize('path', FOUND, ids=chapter)
def test_links_lead_to_files(path):
    for link in re.findall(r'\]\(([^)#]+)', prose(path)):
        assert link.startswith('https://') or (path.parent / link).is_file(), link


@pytest.mark.slow
@pytest.mark.time_limit(SECONDS)
@pytest.mark.parametrize('path', FOUND, ids=chapter)
def test_runs_from_top_to_bottom(path, kernel):
    """The folded answers too, each where it stands. No cell writes to stderr; a picture stands in its place."""
    assert answers(prose(path))
    cells = []
    for kind, text in sources(path):
        cells += [text] if kind == 'code' else map(ANSWER.format, answers(text))
    outputs = [output for cell in execute(cells) for output in cell]
    assert [output['text'] for output in outputs if output.get('name') == 'stderr'] == []
    assert any('image/png' in output.get('data', ()) for output in outputs)
    assert list(Path.cwd().glob('*.png')) == []


def test_answers_are_found():
    text = ('```python\nno = 0\n```\nWhy?\n<details><summary>Answer</summary>\n\n```python\na = 1\nb = 2\n```\nSo.\n'
            '```\nprinted\n```\n</details>\n```python\nno\n```\n<details>\n\n```python\nc\n```\n\n</details>')
    assert answers(text) == ['a = 1\nb = 2\n', 'c\n']


@pytest.mark.slow
def test_an_answer_sees_the_names_before_it_and_leaves_them(kernel):
    answer = 'def double(): return 2 * a\na = 3\nnumpy.random.seed(1)\nprint(double())'
    out = execute(['import numpy\na = 1\nnumpy.random.seed(0)', ANSWER.format(answer),
                   'print(a, "double" in globals(), numpy.random.rand() == numpy.random.RandomState(0).rand())'])
    assert [cell[0]['text'] for cell in out[1:]] == ['6\n', '1 False True\n']


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_no_other_machine_is_reached(kernel):
    out, = execute(['import os; print(os.environ["DLFS2_DATA"], os.listdir(os.environ["DLFS2_DATA"]))'])
    assert out[0]['text'] == f'{Path("data").resolve()} []\n'
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match='asked for another machine'):
        execute(['from urllib.request import urlopen', 'urlopen("http://127.0.0.1:9")'])


@pytest.mark.slow
def test_a_fit_has_one_place_in_its_cell(kernel):
    """A line and the curve, which end with the last epoch; nothing where it is not verbose."""
    loud, silent = execute([
        'import numpy as np\n'
        'from ch01.two_layer_net import TwoLayerNet\n'
        'from common.optimizer import SGD\n'
        'from common.trainer import Trainer\n'
        'trainer = Trainer(TwoLayerNet(2, 3, 4), SGD())\n'
        'x, t = np.random.randn(40, 2), np.arange(40) % 4\n'
        'trainer.fit(x, t, 30, 4, eval_interval=2)',
        'trainer.fit(x, t, 5, 4, verbose=False)'])
    assert silent == [] and [output['output_type'] for output in loud] == ['display_data'] * 2
    line, picture = (output['data'] for output in loud)
    assert re.fullmatch(r'\| epoch 30 \|  iter 9 / 10 \| time \d\[s\] \| loss 1\.[34]\d.*', line['text/plain'])
    assert picture['image/png'].startswith('iVBOR')
