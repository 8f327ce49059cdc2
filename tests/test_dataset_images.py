"""dataset.images: which data it is, and the one line that says so."""
import time

import numpy as np
import pytest

from common.checks import InputError
from dataset import digits, files, images, mnist


def fake(value):
    def load_data(normalize=True, flatten=True, one_hot_label=False):
        part = np.full((3, 784), value), (normalize, flatten, one_hot_label)
        return part, part
    return load_data


@pytest.fixture
def none(tmp_path, monkeypatch):
    """An empty folder of data; made digits that take no time."""
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'none'))
    monkeypatch.setattr(digits, 'load_data', fake(2))
    monkeypatch.setattr(files, 'PAUSE', 0)


def test_by_name(monkeypatch, none, capsys):
    monkeypatch.setattr(mnist, 'load_data', fake(1))
    monkeypatch.setattr(mnist, 'fetch_smallest', lambda: None)
    for data, value, title in (('mnist', 1, 'MNIST'), ('digits', 2, 'made digits'), ('auto', 1, 'MNIST')):
        (x, options), (x_test, _) = images.load_data(data, normalize=False, one_hot_label=True)
        assert (x == value).all() and len(x_test) == 3 and options == (False, True, True)
        assert capsys.readouterr().out == f'images: {title}, 3 to learn from and 3 to test on\n'
        assert images.title() == title
    assert images.load_data(flatten=False)[0][1] == (True, False, False)


def test_auto_without_a_network(none, capsys):
    (x, _), _ = images.load_data()          # conftest lets no other machine be asked
    out = capsys.readouterr().out
    assert (x == 2).all() and images.title() == 'made digits'
    assert out.startswith('images: made digits, 3 to learn from and 3 to test on (no MNIST: ') and out.count('\n') == 1
    assert 'another machine' in out and len(out) < 250
    with pytest.raises(OSError, match=r'is not at hand(.|\n)*--data digits$'):
        images.load_data('mnist')
    assert images.title() == 'made digits' and capsys.readouterr().out.count('\n') <= 1


def test_auto_with_a_network_that_does_not_answer(none, monkeypatch, capsys):
    monkeypatch.setattr(files.urllib.request.OpenerDirector, 'open', lambda *args, **keywords: time.sleep(30))
    real = mnist.fetch_smallest
    monkeypatch.setattr(mnist, 'fetch_smallest', lambda: real(seconds=0.3))
    start = time.monotonic()
    (x, _), _ = images.load_data()
    assert (x == 2).all() and time.monotonic() - start < 3
    assert 'only 0 of 4542 bytes came in 0.3 s' in capsys.readouterr().out


def test_auto_with_a_damaged_file(tmp_path, monkeypatch, none, capsys):
    for source in mnist.SOURCES.values():
        path = tmp_path / 'none' / source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'damaged')
    assert (images.load_data()[0][0] == 2).all()
    assert 'differs from the file expected there' in capsys.readouterr().out
    with pytest.raises(OSError, match='differs from the file expected there'):
        images.load_data('mnist')


def test_the_smallest_that_is_missing_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path))
    asked = []
    monkeypatch.setattr(files, 'content', lambda source, seconds: asked.append((source.name, seconds)))
    mnist.fetch_smallest()
    (tmp_path / 'mnist').mkdir()
    for key in ('t_test', 'x_test'):
        (tmp_path / mnist.SOURCES[key].name).touch()
    mnist.fetch_smallest()
    for key in ('t_train', 'x_train'):
        (tmp_path / mnist.SOURCES[key].name).with_suffix('').touch()
    mnist.fetch_smallest()
    assert asked == [('mnist/t10k-labels-idx1-ubyte.gz', 5.0), ('mnist/train-labels-idx1-ubyte.gz', 5.0)]


@pytest.mark.parametrize('name', ['MNIST', 'fashion', '', None, 3, ['mnist'], np.array(['mnist', 'auto'])])
def test_other_names(name):
    with pytest.raises(InputError, match=r'^data: expected auto, mnist or digits, got '):
        images.load_data(name)


def test_flags_are_flags(none):
    for name in ('normalize', 'flatten', 'one_hot_label'):
        with pytest.raises(InputError, match=f'^{name}: expected True or False, got None'):
            images.load_data('digits', **{name: None})
