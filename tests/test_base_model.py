"""Parameters on their way to a file and back, and files that do not fit."""
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ch01.two_layer_net import TwoLayerNet
from ch06.better_rnnlm import BetterRnnlm
from common import storage
from common.base_model import BaseModel
from common.layers import Affine, MatMul, Sigmoid


class Reader(BaseModel):
    """Written as the book's readers do: params and grads set by hand, no super().__init__()."""

    def __init__(self):
        W = np.random.randn(3, 4).astype('f')
        b = np.random.randn(4).astype('f')
        self.params = [W, b, W.T]                                   # the last one tied, as in BetterRnnlm
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x):
        return x @ self.params[0] + self.params[1]


class Other(Reader):
    pass


def bits(model):
    return [param.tobytes() for param in model.params]


@pytest.mark.parametrize('file_name', [None, 'x.npz', Path('x.npz'), 'x.pkl', './x.pkl'])
def test_parameters_come_back_into_the_same_arrays(file_name):
    first, second = Reader(), Reader()
    arrays = list(second.params)
    grads = list(second.grads)
    path = first.save_params(file_name)
    assert path == Path(file_name or 'Reader.npz') and path.is_file()
    second.load_params(file_name)
    for array, param, grad, old in zip(arrays, second.params, second.grads, grads, strict=True):
        assert array is param and param.dtype == np.float32 and grad is old
    assert np.shares_memory(second.params[0], second.params[2])
    half = 'f2' if path.suffix == '.pkl' else 'f4'
    for a, b in zip(first.params, second.params, strict=True):
        assert (a.astype(half).astype('f4') == b).all() and b.any()


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_the_npz_holds_named_arrays_in_their_own_type_and_no_pickle(dtype):
    model = Reader()
    model.params = [param.astype(dtype) for param in model.params]
    model.save_params()
    assert zipfile.ZipFile('Reader.npz').namelist() == ['param_0.npy', 'param_1.npy', 'param_2.npy', 'about.npy']
    with np.load('Reader.npz', allow_pickle=False) as file:
        for i, param in enumerate(model.params):
            assert file[f'param_{i}'].dtype == dtype and (file[f'param_{i}'] == param).all()


def test_the_pkl_is_the_books_list_of_float16_arrays():
    model = Reader()
    model.save_params('x.pkl')
    with open('x.pkl', 'rb') as file:
        arrays = pickle.load(file)
    assert type(arrays) is list and [a.dtype for a in arrays] == [np.float16] * 3
    assert [a.tolist() for a in arrays] == [p.astype('f2').tolist() for p in model.params]


def test_the_other_format_is_taken_where_the_named_one_is_absent():
    first, second, third = Reader(), Reader(), Reader()
    first.save_params()
    second.load_params('Reader.pkl')
    assert bits(second) == bits(first)
    Path('Reader.npz').unlink()
    first.save_params('Reader.pkl')
    third.load_params()
    assert (third.params[1] == first.params[1].astype('f2')).all()


def test_each_class_has_its_own_file():
    Reader().save_params()
    Other().save_params()
    assert sorted(p.name for p in Path().iterdir()) == ['Other.npz', 'Reader.npz']


W, B = np.ones((3, 4), 'f'), np.ones(4, 'f')
NPZ = {
    r'x\.npz, param_2: expected \(4, 3\), got nothing \(the file holds 2 arrays, not 3\)': [W, B],
    r'x\.npz, param_3: expected no such array besides the other 3, got \(1,\)': [W, B, W.T, np.ones(1, 'f')],
    r'x\.npz, param_1: expected \(4,\), got \(5,\)': [W, np.ones(5, 'f'), W.T],
    r'x\.npz, param_2: expected \(4, 3\), got \(3, 4\)': [W, B, W],
    r'x\.npz, param_1: expected \(4,\), got \(1, 4\)': [W, B[None], W.T],
    r'x\.npz, param_0: expected \(3, 4\), got \(\)': [np.float32(1), B, W.T],
    r'x\.npz, param_2: expected an array of floating-point numbers, got an array of <U1$': [W, B, np.full((4, 3), 'a')],
    r'x\.npz, param_1: expected an array of floating-point numbers, got an array of int64$': [W, B.astype('i8'), W.T],
    r'x\.npz, param_1: expected an array of floating-point numbers, got an array of bool$': [W, B.astype('?'), W.T],
    r'x\.npz, param_0: expected an array of floating-point numbers, got an array of complex64$':
        [W.astype('F'), B, W.T],
    r'x\.npz, param_0: expected an array of floating-point numbers, got an array of \|S1$':
        [np.full((3, 4), b'a'), B, W.T],
}
PKL = {
    r'x\.pkl: expected 3 arrays, got 2$': [W, B],
    r'x\.pkl: expected 3 arrays, got 4$': [W, B, W.T, B],
    r'x\.pkl, param_1: expected \(4,\), got \(5,\)': [W, np.ones(5, 'f'), W.T],
    r'x\.pkl, param_2: expected \(4, 3\), got \(3, 4\)': [W, B, W],
    r'x\.pkl, param_1: expected \(4,\), got \(\)': [W, np.array(1.), W.T],
    r'x\.pkl: expected a list of 3 arrays, for this model has no names for them, got a dict$': {'word_vecs': W},
    r'x\.pkl: expected a list of 3 arrays, got a ndarray$': np.ones((3, 4)),
    r'x\.pkl: expected a list of 3 arrays, got a tuple$': (W, B, W.T),
    r'x\.pkl, param_2: expected an array of floating-point numbers, got a list$': [W, B, [[1.] * 3] * 4],
    r'x\.pkl, param_1: expected an array of floating-point numbers, got an array of <U1$': [W, np.full(4, 'a'), W.T],
    r'x\.pkl, param_1: expected an array of floating-point numbers, got an array of int32$': [W, B.astype('i4'), W.T],
    r'x\.pkl, param_1: expected an array of floating-point numbers, got an array of complex128$':
        [W, B.astype('D'), W.T],
    r'x\.pkl, param_0: expected an array of floating-point numbers, got a NoneType$': [None, B, W.T],
}


@pytest.mark.parametrize('message', [*NPZ, *PKL])
def test_a_file_that_does_not_fit_is_refused_and_the_model_stays_as_it_was(message):
    if message in NPZ:
        path = 'x.npz'
        np.savez(path, **{f'param_{i}': array for i, array in enumerate(NPZ[message])})
    else:
        path = 'x.pkl'
        Path(path).write_bytes(pickle.dumps(PKL[message]))
    model = Reader()
    before = bits(model)
    with pytest.raises(ValueError, match=message):
        model.load_params(path)
    assert bits(model) == before


def test_an_npz_is_refused_before_any_array_is_read(monkeypatch):
    np.savez('x.npz', param_0=W, param_1=B, param_2=W)
    monkeypatch.setattr(storage, '_read_array', lambda *_: pytest.fail('an array was read'))
    with pytest.raises(ValueError, match='param_2'):
        Reader().load_params('x.npz')


def test_a_broken_file_leaves_the_model_as_it_was():
    model = Reader()
    model.save_params('x.npz')
    whole = bytearray(Path('x.npz').read_bytes())
    at = whole.index(model.params[2].astype('f4').tobytes(order='F'))
    whole[at] ^= 1              # the last array no longer has its checksum
    Path('x.npz').write_bytes(whole)
    for param in model.params[:2]:
        param += 1
    before = bits(model)
    with pytest.raises(ValueError, match=r'x\.npz is refused'):
        model.load_params('x.npz')
    assert bits(model) == before


@pytest.mark.parametrize('file_name', ['x.npz', 'x.pkl'])
def test_a_model_with_an_array_that_cannot_be_written_stays_as_it_was(file_name):
    Reader().save_params(file_name)
    model = Reader()
    model.params[1] = np.broadcast_to(np.float32(1), (4,))
    before = bits(model)
    with pytest.raises(ValueError, match=rf'^param_1: expected an array .* filled from {file_name}, got a read-only'):
        model.load_params(file_name)
    assert bits(model) == before


def test_no_name_is_not_the_default_name():
    model = Reader()
    model.save_params()
    for use in (model.load_params, model.save_params):
        with pytest.raises(ValueError, match=r"^file_name: expected a name that ends in \.npz or .pkl, got ''"):
            use('')


def test_files_without_a_checksum_are_read():
    """Those of the version before: NumPy's own archives, and `about` and the words beside."""
    first, second = Reader(), Reader()
    first.save_params('x.npz', {'corpus': 'ptb'}, ['a', 'b'])
    with np.load('x.npz') as file:
        arrays = dict(file)
    np.savez('y.npz', **arrays)
    second.load_params('y.npz')
    assert bits(second) == bits(first)
    Path('x.pkl').write_bytes(pickle.dumps([param.astype('f2') for param in first.params], 2))
    second.load_params('x.pkl')
    assert second.params[1].tolist() == first.params[1].astype('f2').tolist()


def test_names_that_are_no_format_or_no_file():
    model = Reader()
    for name in ('x.txt', 'x', 'x.npz.bak'):
        with pytest.raises(ValueError, match=rf'^{name}: expected a name that ends in \.npz or \.pkl, got '):
            model.save_params(name)
        with pytest.raises(ValueError, match=rf'^{name}: expected a name that ends in \.npz or \.pkl, got '):
            model.load_params(name)
    with pytest.raises(FileNotFoundError, match=r'Reader\.npz, nor Reader\.pkl'):
        model.load_params()
    assert list(Path().iterdir()) == []


def test_what_a_subclass_has_not_written():
    class Empty(BaseModel):
        pass

    model = Empty()
    assert model.params is None and model.grads is None
    with pytest.raises(NotImplementedError, match='Empty has no forward'):
        model.forward(1, 2)
    with pytest.raises(NotImplementedError, match='Empty has no backward'):
        model.backward()
    with pytest.raises(ValueError, match='params of Empty: expected a list of arrays, set in __init__, got None'):
        model.save_params()
    with pytest.raises(ValueError, match='params of Empty: expected a list of arrays, set in __init__, got None'):
        model.load_params()


def test_the_books_weights_fill_a_model(real_data):
    class Rnnlm(BaseModel):
        def __init__(self, V=10000, D=100, H=100):
            shapes = [(V, D), (D, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)]
            self.params = [np.zeros(shape, 'f') for shape in shapes]

    model = Rnnlm()
    model.load_params(real_data / 'weights/Rnnlm.pkl')
    arrays = storage.load_pickle(real_data / 'weights/Rnnlm.pkl')
    assert all((param == array).all() and param.any() for param, array in zip(model.params, arrays, strict=True))
    small = Rnnlm(V=5000)
    with pytest.raises(ValueError, match=r'Rnnlm\.pkl, param_0: expected \(5000, 100\), got \(10000, 100\)'):
        small.load_params(real_data / 'weights/Rnnlm.npz')
    assert not any(param.any() for param in small.params)


# repr

def test_a_models_repr_has_a_line_for_each_layer():
    assert repr(TwoLayerNet(2, 10, 3)).splitlines() == [
        'TwoLayerNet: 63 parameters, float64',
        '  layers[0]   Affine           (2, 10), (10,), 30 parameters',
        '  layers[1]   Sigmoid',
        '  layers[2]   Affine           (10, 3), (3,), 33 parameters',
        '  loss_layer  SoftmaxWithLoss']


def test_in_a_repr_tied_parameters_count_once_and_so_does_a_layer_with_two_names():
    model = BetterRnnlm(10, 4, 4)
    lines = repr(model).splitlines()
    each = 4 * 16 + 4 * 16 + 16
    assert lines[0] == f'BetterRnnlm: {10 * 4 + 2 * each + 10} parameters, shared ones counted once, float32'
    assert [line.split()[0] for line in lines[1:]] == [*(f'layers[{i}]' for i in range(7)), 'loss_layer']


def test_repr_of_models_written_by_hand():
    class Bare(BaseModel):
        def __init__(self):
            self.parts = {'out': Sigmoid()}

    class Wrong(BaseModel):
        pass

    class Forgot(BaseModel):
        def __init__(self):
            self.layers = [Affine(np.zeros((2, 3), 'f'), np.zeros(3, 'f')), MatMul(np.zeros((3, 4), 'f'))]
            self.params, self.grads = self.layers[0].params, self.layers[0].grads

    assert repr(Forgot()).splitlines()[0] == (
        'Forgot: 9 parameters, float32 (without 12 of its layers, not in params, that do not learn: see gather)')
    assert repr(Bare()) == "Bare\n  parts['out']  Sigmoid" and repr(Wrong()) == 'Wrong'
    assert repr(Reader()) == 'Reader: 16 parameters, shared ones counted once, float32'
