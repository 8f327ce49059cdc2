"""The benchmark itself: what it counts, the turns that it takes, and that it runs where no peer is installed."""
import json
import os
import time

import numpy as np
import pytest

from common import functions
from tests import benchmarks


def test_products_are_those_of_the_model():
    _, make = benchmarks.rnnlm(V=50, H=3, N=2, T=4)
    products = make()
    # Wx and its two gradients, Wh four times there and four times back, dWh at once, the affine layer's three
    assert [out.shape for _, _, out in products] == (
        [(8, 12), (3, 12), (8, 3)] + 4 * [(2, 12)] + 4 * [(2, 3)] + [(3, 12)] + [(8, 50), (3, 50), (8, 3)])
    benchmarks.multiply(products)
    assert [out.flat[0] for _, _, out in products] == [3, 24, 36] + 4 * [3] + 4 * [12] + [8] + [3, 24, 150]
    # a multiplication and an addition for each of 8 rows and each weight, three times over
    assert benchmarks.gflop(products) * 1e9 == pytest.approx(2 * 3 * 8 * (3 * 12 + 3 * 12 + 3 * 50))


def test_products_of_a_convolutional_network_are_its_multiplications():
    """Forward, and both gradients but for those of the pictures."""
    products = benchmarks.simple_convnet(N=2)[1]()
    places, filters, affine = 2 * 24 * 24, 25 * 30, 12 * 12 * 30 * 100 + 100 * 10
    assert benchmarks.gflop(products) * 1e9 == pytest.approx(2 * (2 * places * filters + 3 * 2 * affine))
    places = [28 * 28, 28 * 28, 14 * 14, 16 * 16, 8 * 8, 8 * 8]
    weights = [9 * 16, 9 * 16 * 16, 9 * 16 * 32, 9 * 32 * 32, 9 * 32 * 64, 9 * 64 * 64]
    each = [n * W for n, W in zip(places, weights, strict=True)]
    assert benchmarks.gflop(benchmarks.deep_convnet(N=2)[1]()) * 1e9 == pytest.approx(
        2 * 2 * (3 * (sum(each) + 1024 * 50 + 50 * 10) - each[0]))


def test_batched_products():
    (x, W, y), (xT, dy, dW), (_, WT, dx) = benchmarks.product(6, 4, 1, 5)
    assert [a.shape for a in (x, W, y, xT, dy, dW, WT, dx)] == [
        (5, 6, 4), (5, 4, 1), (5, 6, 1), (5, 4, 6), (5, 6, 1), (5, 4, 1), (5, 1, 4), (5, 6, 4)]


def test_scale_varies_one_size_at_a_time(monkeypatch, capsys):
    monkeypatch.setitem(benchmarks.SCALES, 'gpt', (benchmarks.gpt, {'H': 8, 'T': 3, 'V': 11}, {'H': (4, 8), 'T': (5,)}))
    rows = benchmarks.scale(['gpt'])
    assert [(row['H'], row['T'], row['V']) for row in rows] == [(4, 3, 11), (8, 3, 11), (8, 5, 11)]
    # of each of 20 T words: 12 H² weights in each of four blocks and V H behind them, and scores and sums over T words
    assert [row['gflop'] * 1e9 for row in rows] == pytest.approx([
        6 * 20 * T * (4 * (12 * H**2 + 2 * T * H) + 11 * H) for H, T in ((4, 3), (8, 3), (8, 5))])
    assert len(capsys.readouterr().out.split('\n')) == 7        # a heading, the rows, a blank line behind each size


@pytest.mark.parametrize('name', [name for name in benchmarks.STEPS if name != 'generate'])
def test_a_step_learns(name):
    sizes = {'spiral': {}, **{key: {'N': 5} for key in ('mlp', 'simple_convnet', 'deep_convnet')},
             **{key: {'V': 20, 'H': 5, 'N': 4} for key in ('cbow', 'cbow_sparse')},
             **{key: {'V': 20, 'H': 8, 'N': 3} for key in ('transformer', 'gpt')}}
    step, make_products = benchmarks.STEPS[name][0](**sizes.get(name, {'V': 20, 'H': 5, 'N': 3}))
    losses = [float(step()) for _ in range(60)]
    assert np.isfinite(losses).all() and np.mean(losses[-10:]) < losses[0]
    benchmarks.multiply(make_products())


def test_a_step_of_generate_draws_words_one_after_another():
    step, make_products = benchmarks.generate(V=20, H=5, words=7)
    ids = step()
    assert len(ids) == 1 + 7 and ids[0] == 0 and len(set(ids)) > 2
    products = make_products()
    assert [out.shape for _, _, out in products] == 7 * [(1, 20), (1, 20), (1, 20)]     # x Wx, h Wh and the scores
    assert benchmarks.gflop(products) * 1e9 == pytest.approx(7 * 3 * 2 * 5 * 20)


def test_what_is_set_for_openblas_is_said(monkeypatch):
    monkeypatch.setenv('OPENBLAS_CORETYPE', 'Haswell')
    assert benchmarks.machine()['OPENBLAS_CORETYPE'] == 'Haswell'


def test_the_checks_of_a_step_are_found_and_what_they_take(monkeypatch, capsys):
    step = benchmarks.our_step('spiral')
    step()      # the first update looks at more
    calls = benchmarks.checks_of(step)
    assert [call.func.__name__ for call in calls] == ['check_array', 'check_ids'] + 3 * ['check_dout']
    assert calls[0].args[0] == 'x' and calls[1].args[1:] == (3, 't')
    assert calls[1].func is functions.check_ids         # and not what stood in its place
    monkeypatch.setattr(benchmarks, 'median_ms', lambda step, runs: {300: 0.05, 1000: 0.002}[runs])
    benchmarks.main(['spiral', '--checks'])
    assert capsys.readouterr().out.splitlines()[-1].split() == ['spiral', '0.050', 'ms', '2.0', 'µs', '4.00%']


@pytest.mark.slow
def test_each_side_has_its_own_process_and_they_take_turns():
    results = benchmarks.in_turn(2, ours=process_and_time, peer=None, products=process_and_time)
    (ours, t1), (ours_again, t3) = results['ours']
    (bare, t2), (bare_again, t4) = results['products']
    assert results['peer'] == [] and ours == ours_again and bare == bare_again
    assert len({ours, bare, os.getpid()}) == 3
    assert t1 < t2 < t3 < t4


def process_and_time():
    return os.getpid(), time.time()


def test_table_and_ratios(monkeypatch, tmp_path, capsys):
    turns = iter([{'ours': [2, 1, 9], 'peer': [4, 4, 9], 'products': [1, 1, 1]},
                  {'ours': [10, 10, 10], 'peer': [5, 5, 4], 'products': [9, 9, 9]},
                  {'ours': [2000], 'peer': [1000], 'products': [500]}])
    monkeypatch.setattr(benchmarks, 'in_turn', lambda rounds, **sides: next(turns))
    monkeypatch.setattr(benchmarks.ptb, 'load_data', lambda: (range(10000), {}, {}))
    benchmarks.main(['word2vec', 'rnnlm', 'spiral', '--json', str(tmp_path / 'figures.json')])
    lines = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert ['spiral', '2.000', 'ms', '4.000', 'ms', '2.00', '50%'] in lines
    assert ['word2vec', '5,000', 'words/s', '10,000', 'words/s', '0.50', '25%'] in lines
    report = json.loads((tmp_path / 'figures.json').read_text())
    assert report['geometric_mean'] == pytest.approx(1)             # of 2 and 1/2; word2vec does not count
    assert report['workloads']['rnnlm']['rounds']['peer'] == [5, 5, 4]


@pytest.mark.slow
def test_runs_without_any_peer(monkeypatch, capsys):
    def no_network():
        raise OSError('ptb is not at hand\nsecond line')

    monkeypatch.setattr(benchmarks, 'installed', lambda package: False)
    monkeypatch.setattr(benchmarks.ptb, 'load_data', no_network)
    benchmarks.main(['spiral', 'word2vec', '--rounds', '1'])
    spiral, word2vec = capsys.readouterr().out.splitlines()[-2:]
    assert spiral.startswith('spiral') and spiral.split()[3:-1] == ['no', 'torch']
    assert word2vec.split(maxsplit=1) == ['word2vec', 'left out: ptb is not at hand']


def test_unknown_workload(capsys):
    with pytest.raises(SystemExit):
        benchmarks.main(['spirale'])
    assert 'no such workload: spirale' in capsys.readouterr().err
