"""common.figures: a picture is shown, or written and said where."""
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

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
