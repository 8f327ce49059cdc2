"""The GPU path, held by a stand-in for CuPy (cupy_double): the same numbers as NumPy's, and one wait a step.

A stand-in shows what CuPy refuses, and when the host waits; not that a GPU's own numbers are right, nor its speed.
"""
import json
import os
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def environment(gpu):
    return {**os.environ, 'PYTHONPATH': str(ROOT), 'DLFS2_GPU': gpu, 'MPLBACKEND': 'agg', 'OPENBLAS_NUM_THREADS': '1'}


def python(code, gpu='yes'):
    return subprocess.run([sys.executable, '-c', code], env=environment(gpu), capture_output=True, text=True,
                          timeout=60)


def both(what, seconds=60):
    """What gpu_driver finds, on NumPy and on the stand-in: two dicts of arrays; and where the host waited."""
    def run(gpu):
        Path(gpu).mkdir()
        done = subprocess.run([sys.executable, '-m', 'tests.gpu_driver', what, 'found.npz'], cwd=gpu,
                              env=environment(gpu), capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stderr
        with np.load(Path(gpu, 'found.npz')) as arrays:
            return dict(arrays)

    with ThreadPoolExecutor(2) as pool:
        cpu, gpu = pool.map(run, ('no', 'yes'))
    waits = json.loads(str(gpu.pop('copies')))
    assert json.loads(str(cpu.pop('copies'))) == {key: {} for key in waits}
    return cpu, gpu, waits


def assert_close(cpu, gpu, float32, float64=1e-11):
    """Equal but for such a share of the array's largest number, or of 0.1 where all are smaller."""
    assert cpu.keys() == gpu.keys() and cpu
    for name, array in cpu.items():
        assert (array.shape, array.dtype) == (gpu[name].shape, gpu[name].dtype), name
        atol = max(np.abs(array).max(initial=0), 0.1) * (float32 if array.dtype == np.float32 else float64)
        np.testing.assert_allclose(gpu[name], array, rtol=0, atol=atol, err_msg=name)


# ---- whether there is one


@pytest.mark.parametrize('text, expected', [(text, False) for text in ('', ' ', '0', 'no', 'No', 'false', 'off')]
                         + [(text, True) for text in ('1', 'yes', 'TRUE', 'on')])
def test_no_means_no(text, expected, monkeypatch):
    monkeypatch.setenv('DLFS2_GPU', text)
    assert runpy.run_path(str(ROOT / 'common' / 'config.py'))['GPU'] is expected


def test_no_gpu_is_numpy():
    done = python('from common.np import GPU, np; print(GPU, np.__name__)', gpu='no')
    assert (done.stdout, done.stderr) == ('False numpy\n', '')


def test_anything_else_is_told():
    done = python('import common.layers', gpu='maybe')
    assert done.stderr.splitlines()[-1] == ("common.checks.InputError: DLFS2_GPU: expected yes, no, true, false, on, "
                                            "off, 1 or 0, got 'maybe'")


# ---- the stand-in refuses what CuPy refuses


@pytest.fixture
def double():
    from tests import cupy_double

    with np.errstate(all='ignore'):
        yield cupy_double


@pytest.mark.parametrize('call, error, message', [
    (lambda cp, a: np.asarray(a), TypeError, 'Implicit conversion to a NumPy array is not allowed'),
    (lambda cp, a: np.float32(a.sum()), TypeError, 'Implicit conversion'),
    (lambda cp, a: np.ones(3)[a.astype(int)], TypeError, 'Implicit conversion'),
    (lambda cp, a: a + np.ones(3), TypeError, "Unsupported type <class 'numpy.ndarray'>"),
    (lambda cp, a: np.ones(3) * a, TypeError, 'Unsupported type'),
    (lambda cp, a: a @ np.ones(3), TypeError, 'Unsupported type'),
    (lambda cp, a: a.__iadd__(np.ones(3)), TypeError, 'Unsupported type'),
    (lambda cp, a: cp.exp(np.ones(3)), TypeError, 'Unsupported type'),
    (lambda cp, a: cp.concatenate([a, np.ones(3)]), TypeError, 'Unsupported type'),
    (lambda cp, a: cp.where(a > 0, a, np.ones(3)), TypeError, 'Unsupported type'),
    (lambda cp, a: cp.mean([1.0, 2.0]), AttributeError, 'list'),
    (lambda cp, a: a.__setitem__(0, np.ones(3)), ValueError, 'cannot be used for fill'),
    (lambda cp, a: cp.array(['a']), ValueError, 'Unsupported dtype'),
    (lambda cp, a: cp.array([None]), ValueError, 'Unsupported dtype'),
    (lambda cp, a: cp.array([a.sum(), 1.0]), TypeError, 'Implicit conversion'),
    (lambda cp, a: cp.errstate, AttributeError, "module 'cupy' has no attribute 'errstate'"),
    (lambda cp, a: cp.put_along_axis, AttributeError, 'put_along_axis'),
    (lambda cp, a: cp.linalg.eigvals, AttributeError, 'eigvals'),
    (lambda cp, a: cp.random.get_state, AttributeError, 'get_state'),
    (lambda cp, a: a.max(initial=0), TypeError, 'initial'),
    (lambda cp, a: a.argsort(kind='stable'), TypeError, 'kind'),
    (lambda cp, a: cp.argsort(a, kind='quicksort'), ValueError, 'kind can only be None'),
    (lambda cp, a: cp.add(a, a, where=a > 0), TypeError, 'Wrong arguments'),
    (lambda cp, a: cp.multiply.at(a, [0], 1), NotImplementedError, 'at'),
    (lambda cp, a: cp.random.choice(3), NotImplementedError, 'without specifying size'),
    (lambda cp, a: {a.sum(): 1}, TypeError, 'unhashable'),
    (lambda cp, a: [1, 2, 3][a.astype(int)[0]], TypeError, 'indices must be integers'),
])
def test_refused(double, call, error, message):
    with pytest.raises(error, match=message):
        call(double.cupy, double.cupy.arange(3).astype('f'))


def test_what_comes_out_stays_there(double):
    cp = double.cupy
    a = cp.arange(6).reshape(2, 3).astype('f')
    for x in (a.sum(), a[0, 0], next(iter(a[0])), cp.abs(-1.0), np.exp(a)[0, 0], np.float32(2) * a[0, 0], a.mean() > 1):
        assert type(x) is cp.ndarray and x.shape == ()
    a[0, 0].fill(5)                                         # a view, not a number
    assert a.get()[0, 0] == 5
    assert a[np.array([1])].shape == (1, 3)                 # ids on the host may name rows
    assert (a * np.float64(2)).dtype == np.float32 and (a * a.sum(dtype='d')).dtype == np.float64


def test_waits_are_counted(double):
    a = double.cupy.arange(3)
    double.copies.clear()
    assert float(a[1]) == 1 and bool(a[1]) and a.tolist() == [0, 1, 2] and a[a > 1].shape == (1,)
    assert double.cupy.flatnonzero(a).shape == (2,) and a.sum().item() == 3
    assert sum(double.copies.values()) == 6
    assert {Path(name).name for name, _ in double.copies} == {'test_gpu.py'}


# ---- ours on it


def test_layers_give_the_same_numbers():
    cpu, gpu, waits = both('layers')
    assert_close(cpu, gpu, 1e-5)
    waiting = {name.split()[0] for name, files in waits.items() if files} - {'before'}
    # those to read, and one that was given its pixels on the GPU, and looks at them
    assert waiting == {'Simple_ScaledDotProductAttention', 'Simple_MultiHeadAttention', 'BinaryCrossEntropyLoss'}


def test_each_model_waits_once_a_step_for_the_loss():
    cpu, gpu, waits = both('steps')
    assert_close(cpu, gpu, 1e-5)
    waits.pop('before')
    assert len(waits) == 25
    assert {name: files for name, files in waits.items() if files != {'common/np.py': 3}} == {}


def test_faults_that_readers_met():
    cpu, gpu, _ = both('faults')
    text = cpu.pop('printed').item()
    assert gpu.pop('printed').item() == text and '[query] c' in text
    assert_close(cpu, gpu, 1e-5, 1e-5)
    assert (gpu['tied 1 -2'] == 1).all() and (gpu['tied 0 -2'] != 1).all()


def test_a_seed_is_of_the_host_too():
    """On which batches and negatives are drawn."""
    done = python("""
from tests import cupy_double
cupy_double.install()
seen = []
cupy_double.cupy.random.seed = seen.append
import numpy
from common.np import np
np.random.seed(7)
print(seen, numpy.random.rand() == numpy.random.RandomState(7).rand())
""")
    assert (done.stdout, done.stderr) == ('[7] True\n', '')


@pytest.mark.slow
def test_training_scripts_give_the_same_numbers():
    cpu, gpu, _ = both('scripts', seconds=100)
    assert_close(cpu, gpu, 2e-3, 2e-3)      # Adam makes whole steps of roundings
    assert len({name.split(':')[0] for name in cpu}) == 29
