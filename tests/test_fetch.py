"""What dataset.files does with the bytes that came, without a server."""
import hashlib
import os
from pathlib import Path

import pytest

from dataset import files

TEXT = b'one line of a file\n'
SOURCE = files.Source('below/x.txt', 'https://localhost/x.txt', len(TEXT), hashlib.sha256(TEXT).hexdigest())


def test_what_came_stands_in_its_place_alone(monkeypatch):
    monkeypatch.setattr(files, '_read', lambda source, deadline: bytearray(TEXT))
    files._fetch(SOURCE, Path('new', SOURCE.name), deadline=0)
    assert Path('new', SOURCE.name).read_bytes() == TEXT and os.listdir('new/below') == ['x.txt']


def test_a_full_disk_leaves_nothing(monkeypatch):
    def full(_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(files, '_read', lambda source, deadline: bytearray(TEXT))
    monkeypatch.setattr(files.os, 'fsync', full)
    with pytest.raises(OSError, match='No space left on device'):
        files._fetch(SOURCE, Path('new', SOURCE.name), deadline=0)
    assert os.listdir('new/below') == []
