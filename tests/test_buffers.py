"""Buffers, the running means of batch normalization, in files and checkpoints; parameters by their names."""
import copy
import gzip
import pickle
import re
import zipfile

import numpy as np
import pytest

from ch01.volume1.multi_layer_net import MultiLayerNet
from ch01.volume1.network import Network
from common.activation_layers import PRelu
from common.base_model import BaseModel
from common.callbacks import Checkpoint
from common.checks import InputError
from common.layers import Affine, find_buffers
from common.norm_layers import BatchNormalization
from common.optimizer import Adam
from common.trainer import Trainer

X, T = np.random.RandomState(1).randn(60, 4).astype('f') * 3 + 1, np.arange(60) % 3


def net(**options):
    return MultiLayerNet(4, [5, 6], 3, **{'use_batchnorm': True, **options})


def trained():
    """A net whose running moments are no longer 0."""
    model = net()
    model.forward(X, T)
    return model


def bits(model):
    return [array.tobytes() for array in [*model.params, *find_buffers(model)]]


def test_each_buffer_is_found_once_in_the_order_of_the_layers():
    one, other = BatchNormalization(np.ones(2), np.ones(2)), BatchNormalization(np.ones(2), np.ones(2))

    class Model(BaseModel):
        def __init__(self):
            self.first, self.layers, self.again = one, [Affine(np.ones((2, 2)), np.ones(2)), {'a': (other, one)}], one
            self.buffers = [*other.buffers]

    found = find_buffers(Model())
    assert {id(a) for a in found} == {id(a) for a in [*one.buffers, *other.buffers]} and len(found) == 4
    assert [a.shape for a in find_buffers(net())] == [(5,), (5,), (6,), (6,)]
    assert find_buffers(Affine(np.ones((2, 2)), np.ones(2))) == []


def test_buffers_come_back_into_the_same_arrays():
    first, second = trained(), net()
    arrays = find_buffers(second)
    assert all(array.any() for array in find_buffers(first)) and not any(array.any() for array in arrays)
    first.save_params('x.npz')
    assert zipfile.ZipFile('x.npz').namelist() == [*(f'param_{i}.npy' for i in range(10)),
                                                   *(f'buffer_{i}.npy' for i in range(4)), 'about.npy']
    second.load_params('x.npz')
    assert bits(second) == bits(first)
    assert all(a is b for a, b in zip(find_buffers(second), arrays, strict=True))
    assert second.accuracy(X, T) == first.accuracy(X, T)


@pytest.mark.parametrize('move', [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copied_model_has_buffers_of_its_own(move):
    model = trained()
    twin = move(model)
    assert bits(twin) == bits(model)
    before = bits(model)
    twin.forward(X[:7], T[:7])
    assert bits(model) == before and find_buffers(twin)[0].tobytes() != find_buffers(model)[0].tobytes()


def test_the_books_pickle_has_no_place_for_buffers(tmp_path):
    with pytest.raises(InputError, match=r"^x\.pkl: expected a name that ends in \.npz, .* the 4 buffers .*'\.pkl'"):
        net().save_params('x.pkl')
    assert not list(tmp_path.iterdir())


def test_a_pickle_of_parameters_leaves_the_buffers_and_says_so():
    plain, model = trained(), trained()
    with open('x.pkl', 'wb') as file:
        pickle.dump([param.astype('d') for param in plain.params], file)
    buffers = [array.tobytes() for array in find_buffers(model)]
    with pytest.warns(UserWarning, match=r'^x\.pkl holds no buffers .*: those of MultiLayerNet stay as they') as seen:
        model.load_params('x.pkl')
    assert seen[0].filename == __file__
    assert [param.tolist() for param in model.params] == [param.tolist() for param in plain.params]
    assert [array.tobytes() for array in find_buffers(model)] == buffers


def without_buffers(arrays):
    return {name: array for name, array in arrays.items() if 'buffer' not in name}


FILES = {
    r'buffer_0: expected \(5,\), got nothing \(the file holds 10 arrays, not 14\)': without_buffers,
    r'buffer_3: expected \(6,\), got nothing': lambda arrays: {k: a for k, a in arrays.items() if k != 'buffer_3'},
    r'buffer_1: expected \(5,\), got \(7,\)': lambda arrays: arrays | {'buffer_1': np.ones(7)},
    r'buffer_2: expected an array of floating-point numbers, got an array of int64': lambda arrays: arrays | {
        'buffer_2': np.ones(6, 'i8')},
    r'buffer_4: expected no such array besides the other 14, got \(1,\)': lambda arrays: arrays | {
        'buffer_4': np.ones(1)},
}


@pytest.mark.parametrize('message', FILES)
def test_a_file_whose_buffers_do_not_fit_is_refused(message):
    trained().save_params('x.npz')
    with np.load('x.npz') as file:
        arrays = dict(file)
    np.savez('y.npz', **FILES[message](arrays))
    model = net()
    before = bits(model)
    with pytest.raises(InputError, match=rf'^y\.npz, {message}'):
        model.load_params('y.npz')
    assert bits(model) == before


def test_a_file_with_buffers_is_refused_by_a_model_without():
    layers = trained().layers
    Network([layers[0]]).save_params('x.npz')
    with np.load('x.npz') as file:
        np.savez('y.npz', buffer_0=np.ones(5, 'f'), **file)
    with pytest.raises(InputError, match=r'^y\.npz, buffer_0: expected no such array besides the other 2, got \(5,\)'):
        Network([layers[0]]).load_params('y.npz')


# checkpoints

class Stop(Exception):
    pass


def fit(model, *callbacks):
    trainer = Trainer(model, Adam(0.01), callbacks)
    trainer.fit(X, T, max_epoch=5, batch_size=8, eval_interval=None)
    return model


def test_stopped_and_resumed_it_ends_as_one_never_stopped():
    np.random.seed(3)
    whole = fit(net(use_dropout=True))

    def stop(trainer):
        if trainer.current_epoch == 3:
            raise Stop

    np.random.seed(3)
    with pytest.raises(Stop):
        fit(net(use_dropout=True), Checkpoint('x.npz', 2), stop)
    np.random.seed(7)
    resumed = Trainer(net(use_dropout=True), Adam(0.01))
    Checkpoint('x.npz', 2).load(resumed)
    assert resumed.current_epoch == 2
    resumed.fit(X, T, max_epoch=5, batch_size=8, eval_interval=None)
    assert bits(resumed.model) == bits(whole)


def test_a_checkpoint_without_buffers_is_refused_whole():
    model = trained()
    trainer = Trainer(model, Adam())
    Checkpoint('x.npz').save(trainer)
    with np.load('x.npz') as file:
        np.savez('y.npz', **without_buffers(dict(file)))
    before = bits(model)
    with pytest.raises(InputError, match=r'^y\.npz, buffer_0: expected \(5,\), got nothing'):
        Checkpoint('y.npz').load(trainer)
    assert bits(model) == before


# parameters by their names, as volume 1 pickles them

def write(arrays):
    with open('params.pkl', 'wb') as file:
        pickle.dump(arrays, file)


def test_names():
    assert MultiLayerNet(4, [5], 3).names == ['W1', 'b1', 'W2', 'b2']
    assert net().names == ['W1', 'b1', 'gamma1', 'beta1', 'W2', 'b2', 'gamma2', 'beta2', 'W3', 'b3']
    affine = Affine(np.ones((2, 2)), np.ones(2))
    assert Network([affine, PRelu(np.ones(1)), affine]).names == ['W1', 'b1', 'slope1', 'W2', 'b2']
    model = MultiLayerNet(4, [5], 3)
    assert Network([model, affine]).names is None       # more than W and b in the first


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_a_dict_of_arrays_loads_by_name(dtype):
    first, second = (MultiLayerNet(4, [5, 5], 5) for _ in range(2))
    for param in first.params:
        param[...] = np.random.randn(*param.shape)
    arrays = dict(zip(first.names, (param.astype(dtype) for param in first.params), strict=True))
    write({name: arrays[name] for name in ('b3', 'W2', 'b1', 'W3', 'b2', 'W1')})
    old = list(second.params)
    second.load_params('params.pkl')
    assert bits(second) == bits(first)
    assert all(a is b for a, b in zip(second.params, old, strict=True))


W, B = np.ones((4, 3), 'f'), np.ones(3, 'f')
DICTS = {
    'params.pkl: expected arrays named W1, b1, got no b1': {'W1': W},
    'params.pkl: expected arrays named W1, b1, got no W1, b1': {'w1': W, 'B1': B},
    'params.pkl: expected arrays named W1, b1, got W2, b2 too': {'W1': W, 'b1': B, 'W2': W, 'b2': B},
    'params.pkl: expected arrays named W1, b1, got \\x1b[2J too': {'W1': W, 'b1': B, '\x1b[2J': W},
    'params.pkl, W1: expected (4, 3), got (3, 4)': {'b1': B, 'W1': W.T},
    'params.pkl, b1: expected (3,), got (1, 3)': {'b1': B[None], 'W1': W},
    'params.pkl, b1: expected an array of floating-point numbers, got a list': {'b1': [1.0] * 3, 'W1': W},
}


@pytest.mark.parametrize('message', DICTS)
def test_a_dict_that_does_not_fit_is_refused(message):
    model = Network([Affine(W + 1, B + 1)])
    write(DICTS[message])
    with pytest.raises(InputError, match=f'^{re.escape(message)}$'):
        model.load_params('params.pkl')
    assert all((param == 2).all() for param in model.params)


def test_the_books_sample_weights(real_data):
    """Volume 1, 3.6.2: 93.52 % of MNIST's test images."""
    with gzip.open(real_data / 'mnist/t10k-images-idx3-ubyte.gz') as file:
        x = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype('f') / 255
    with gzip.open(real_data / 'mnist/t10k-labels-idx1-ubyte.gz') as file:
        t = np.frombuffer(file.read(), np.uint8, offset=8)
    model = MultiLayerNet(784, [50, 100], 10, activation='sigmoid')
    model.load_params(real_data / 'weights/volume1/sample_weight.pkl')
    assert model.accuracy(x, t) == 0.9352
