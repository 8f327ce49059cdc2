"""A file that was there is given the next name that is free."""
import os
from pathlib import Path

import pytest

from common.storage import move_aside


@pytest.mark.parametrize('kind', [str, Path])
def test_named_by_text_or_by_a_path(kind, capsys):
    for text in ('first', 'second'):
        Path('x.npz').write_text(text)
        move_aside(kind('x.npz'))
    move_aside(kind('x.npz'))           # nothing there any more
    assert sorted(os.listdir()) == ['x.1.npz', 'x.2.npz'] and Path('x.2.npz').read_text() == 'second'
    assert capsys.readouterr().out.splitlines() == ['x.npz was there and is now x.1.npz',
                                                    'x.npz was there and is now x.2.npz']
