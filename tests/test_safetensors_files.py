"""Models as safetensors: what is saved comes back bit for bit, and other tools read it; the rest is refused."""
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from ch01.volume1.multi_layer_net import MultiLayerNet
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.checks import InputError
from common.interchange import load_safetensors, save_safetensors
from common.layers import Affine

safetensors = pytest.importorskip('safetensors.numpy')
SIZES = 7, 3, 3
WORDS = ['you', 'say', '말', '\ud800', '', 'b', '.']


def changed(model):
    """The same kind, with other numbers; and a copy of these."""
    for param in model.params:
        param[...] = np.random.randn(*param.shape)
    return [param.copy() for param in model.params]


@pytest.mark.parametrize('make', [lambda: Rnnlm(*SIZES), lambda: BetterRnnlm(*SIZES), lambda: Rnnlm(*SIZES, dtype='d'),
                                  lambda: MultiLayerNet(4, [5], 3, use_batchnorm=True)])
def test_round_trip(make):
    model = make()
    params = changed(model)
    for buffer in getattr(model, 'buffers', ()):
        buffer += 1
    save_safetensors('x.safetensors', model, {'corpus': 'ptb'}, WORDS)
    other = make()
    changed(other)
    weights = load_safetensors('x.safetensors', other)
    for mine, param in zip(other.params, params, strict=True):
        assert mine.dtype == param.dtype and mine.tobytes() == param.tobytes()
    assert weights.about['class'] == type(model).__name__ and weights.about['corpus'] == 'ptb'
    assert weights.words == WORDS
    alone = load_safetensors('x.safetensors')
    assert [array.tobytes() for array in alone.arrays] == [param.tobytes() for param in params]


def test_running_means_come_back():
    model, other = (MultiLayerNet(4, [5], 3, use_batchnorm=True) for _ in range(2))
    model.forward(np.random.randn(6, 4).astype('f4'), np.arange(6) % 3)
    save_safetensors('x.safetensors', model)
    assert len(load_safetensors('x.safetensors', other).buffers) == 2
    x = np.random.randn(6, 4).astype('f4')
    np.testing.assert_array_equal(model.predict(x), other.predict(x))


def test_the_package_itself_reads_them():
    model = Affine(np.arange(6.0).reshape(3, 2).T, np.ones(3, 'f4'))        # a transposed view
    save_safetensors('x.safetensors', model)
    arrays = safetensors.load_file('x.safetensors')
    assert set(arrays) == {'param_0', 'param_1'} and arrays['param_1'].dtype == np.float32
    assert arrays['param_0'].tolist() == [[0, 2, 4], [1, 3, 5]]


def test_what_does_not_fit_leaves_the_model_as_it_was():
    model = BetterRnnlm(*SIZES)
    before = changed(model)
    arrays = {f'param_{i}': param for i, param in enumerate(before)}
    other = {**arrays, 'param_0': np.ones((7, 4), 'f4')}
    untied = {**arrays, 'param_7': arrays['param_7'] + 1}
    for bad, says in (({}, r'param_0: expected \(7, 3\), got nothing'),
                      (other, r'param_0: expected \(7, 3\), got \(7, 4\)'),
                      ({**arrays, 'extra': np.ones(1)}, 'extra: expected no such array'),
                      ({**arrays, 'param_8': np.ones(7, int)}, 'param_8: expected an array of floating-point numbers'),
                      (untied, 'param_0: expected the numbers of the array that it is tied to')):
        bad = {name: np.ascontiguousarray(array) for name, array in bad.items()}
        safetensors.save_file(bad, 'x.safetensors')
        with pytest.raises(InputError, match=rf'^x\.safetensors, {says}'):
            load_safetensors('x.safetensors', model)
        assert all(np.array_equal(a, b) for a, b in zip(model.params, before, strict=True))


def header(facts, rest=b''):
    text = json.dumps(facts).encode()
    return struct.pack('<Q', len(text)) + text + rest


def test_damaged_files_are_refused():
    model = Affine(np.ones((2, 2)), np.ones(2))
    save_safetensors('x.safetensors', model)
    whole = Path('x.safetensors').read_bytes()
    huge = {'dtype': 'F64', 'shape': [10**9, 10**9], 'data_offsets': [0, 8 * 10**18]}
    for bad in (*(whole[:end] for end in range(0, len(whole), 7)), struct.pack('<Q', 2**62), header([1]),
                header({'param_0': huge}, bytes(8)),
                header({'param_0': {'dtype': 'F64', 'shape': [1], 'data_offsets': [0, 4]}}, bytes(4)),
                header({'__metadata__': {'about': '[1]'}}), header({'__metadata__': {'about': '{'}}),
                header({'words': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}, bytes(4))):
        Path('x.safetensors').write_bytes(bad)
        with pytest.raises(InputError, match=r'^x\.safetensors is refused: '):
            load_safetensors('x.safetensors')
    with pytest.raises(FileNotFoundError):
        load_safetensors('y.safetensors')
