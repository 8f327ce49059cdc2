"""How fast is it? A training step of each of the book's models beside PyTorch's, and word2vec beside gensim's.

    python -m tests.benchmarks                  every workload, some minutes
    python -m tests.benchmarks spiral rnnlm     these
    python -m tests.benchmarks --scale          time against hidden size, time steps and vocabulary (rnnlm, gpt)
    python -m tests.benchmarks --memory NAME    peak memory beside PyTorch's (of better_rnnlm, where none is named)
    python -m tests.benchmarks --checks         the share of a step that goes into looking at what came in

The peers go into an environment apart (pip install torch==2.13.0 gensim); the table says which is missing. A step is
forward, backward, clipping where the book clips, and update, on the book's shapes (of `generate`: 100 words that Rnnlm
draws one after another); a figure is the median over the rounds of the median over a round's steps. `ratio` is peer ÷
ours: above 1 we are faster. `products` is the share of our time that the step's matrix products take when nothing
stands around them: the floor, while they keep their shapes.
Other programs that run meanwhile slow both sides, and not alike: the load printed first should be near 0. OpenBLAS's
own variables, where any is set, are printed too: OPENBLAS_CORETYPE=Haswell keeps NumPy's products, and nobody else's,
from the widest instructions of a newer processor, and doubles their time.
"""
import argparse
import contextlib
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import geometric_mean, median
from unittest import mock

import numpy as np

from ch01.two_layer_net import TwoLayerNet
from ch01.volume1.deep_convnet import FILTERS, DeepConvNet
from ch01.volume1.multi_layer_net import MultiLayerNet
from ch01.volume1.simple_convnet import SimpleConvNet
from ch04.cbow import CBOW
from ch04.run_models import RunCBOW
from ch04.run_trainer import RunLoader, RunTrainer
from ch05.simple_rnnlm import SimpleRnnlm
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from ch07.rnnlm_gen import RnnlmGen
from ch07.seq2seq import Seq2seq
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.transformer.gpt import GPT
from ch08.transformer.transformer import Transformer
from common.optimizer import SGD, Adam
from common.trainer import train_step
from dataset import ptb

PAUSE = 0.1     # seconds before each turn, for the threads of the turn before to fall asleep

# ---------------------------------------------------------------- matrix products, with nothing around them


def product(n, D, M, *batch, dtype='f'):
    """y = x W, dW = xᵀ dy, dx = dy Wᵀ: the products of an affine layer as triples (left, right, out)."""
    x, W, y = (np.ones((*batch, *shape), dtype) for shape in ((n, D), (D, M), (n, M)))
    return [(x, W, y), (x.swapaxes(-1, -2), y, np.ones_like(W)), (y, W.swapaxes(-1, -2), np.ones_like(x))]


def recurrent(N, T, D, H, gates=4):
    """The products of a recurrent layer: those of all steps at once for xs Wx and dWh, T small ones there and back."""
    G = gates * H
    hs, a, Wh, WhT = (np.ones(shape, 'f') for shape in ((T, N, H), (T, N, G), (H, G), (G, H)))
    there = [(h, Wh, np.ones((N, G), 'f')) for h in hs]
    back = [(da, WhT, np.ones((N, H), 'f')) for da in a]
    return product(N * T, D, G) + there + back + [(hs.reshape(-1, H).T, a.reshape(-1, G), np.ones_like(Wh))]


def multiply(products):
    for left, right, out in products:
        np.matmul(left, right, out=out)


def gflop(products):
    return sum(2 * out.size * left.shape[-1] for left, _, out in products) / 1e9


# ---------------------------------------------------------------- our side: a step to call, its products to be made


def step_of(model, optimizer, *batch, max_grad=None):
    return partial(train_step, model, optimizer, *batch, max_grad)


def ids(V, *shape):
    return np.random.randint(0, V, shape)


def spiral():
    step = step_of(TwoLayerNet(2, 10, 3), SGD(1.0), np.random.randn(30, 2), ids(3, 30))
    return step, lambda: product(30, 2, 10, dtype='d') + product(30, 10, 3, dtype='d')


def pictures(model, N, *shape):
    return step_of(model, Adam(), np.random.rand(N, *shape).astype('f'), ids(10, N))


def mlp(N=100, sizes=(784, 100, 100, 100, 100, 10)):
    first, *others = (product(N, D, M) for D, M in pairwise(sizes))
    return pictures(MultiLayerNet(784, [100] * 4, 10), N, 784), lambda: [*first[:2], *chain(*others)]


def simple_convnet(N=100):
    step = pictures(SimpleConvNet(), N, 1, 28, 28)
    return step, lambda: product(N * 24 * 24, 25, 30)[:2] + product(N, 4320, 100) + product(N, 100, 10)


def deep_convnet(N=100):
    def products():
        found, C, side = [], 1, 28
        for i, (F, pad) in enumerate(FILTERS):
            side += 2 * pad - 2
            found += product(N * side**2, 9 * C, F)[:3 if i else 2]
            C, side = F, side // (1 + i % 2)
        return found + product(N, 1024, 50) + product(N, 50, 10)

    return pictures(DeepConvNet(), N, 1, 28, 28), products


def simple_rnnlm(V=418, H=100, N=10, T=5):
    step = step_of(SimpleRnnlm(V, H, H), SGD(0.1), ids(V, N, T), ids(V, N, T))
    return step, lambda: recurrent(N, T, H, H, gates=1) + product(N * T, H, V)


def rnnlm(V=10000, H=100, N=20, T=35):
    step = step_of(Rnnlm(V, H, H), SGD(20.0), ids(V, N, T), ids(V, N, T), max_grad=0.25)
    return step, lambda: recurrent(N, T, H, H) + product(N * T, H, V)


def generate(V=10000, H=100, words=100):
    step = partial(RnnlmGen(V, H, H).generate, 0, sample_size=1 + words)
    return step, lambda: words * [product(1, D, M)[0] for D, M in ((H, 4 * H), (H, 4 * H), (H, V))]


def better_rnnlm(V=10000, H=650, N=20, T=35):
    step = step_of(BetterRnnlm(V, H, H), SGD(20.0), ids(V, N, T), ids(V, N, T), max_grad=0.25)
    return step, lambda: recurrent(N, T, H, H) + recurrent(N, T, H, H) + product(N * T, H, V)


def seq2seq(V=13, D=16, H=128, N=128, S=7, T=4):
    step = step_of(Seq2seq(V, D, H), Adam(), ids(V, N, S), ids(V, N, 1 + T), max_grad=5.0)
    return step, lambda: recurrent(N, S, D, H) + recurrent(N, T, D, H) + product(N * T, H, V)


def attention(V=59, D=16, H=256, N=128, S=29, T=10):
    step = step_of(AttentionSeq2seq(V, D, H), Adam(), ids(V, N, S), ids(V, N, 1 + T), max_grad=5.0)
    return step, lambda: (recurrent(N, S, D, H) + recurrent(N, T, D, H) + product(T, H, S, N) + product(T, S, H, N)
                          + product(N * T, 2 * H, V))


def block_products(N, T, D):
    """Of a transformer's block: q, k and v at once, the scores, their sums, the output, two of feed-forward."""
    return [*product(N * T, D, 3 * D), *product(T, D, T, N), *product(T, T, D, N), *product(N * T, D, D),
            *product(N * T, D, 4 * D), *product(N * T, 4 * D, D)]


def transformer(V=59, H=128, N=128, S=29, T=10):
    model = Transformer(V, H, hidden_size=4 * H, dropout_ratio=0.0)
    step = step_of(model, Adam(), ids(V, N, S), ids(V, N, 1 + T), max_grad=5.0)
    cross = [*product(N * T, H, H), *product(N * S, H, 2 * H), *product(T, H, S, N), *product(T, S, H, N),
             *product(N * T, H, H)]
    return step, lambda: 2 * (block_products(N, S, H) + block_products(N, T, H) + cross) + product(N * T, H, V)


def gpt(V=10000, H=256, N=20, T=35):
    step = step_of(GPT(V, H, time_size=T, dropout_ratio=0.0), Adam(), ids(V, N, T), ids(V, N, T), max_grad=1.0)
    return step, lambda: 4 * block_products(N, T, H) + product(N * T, H, V)


def cbow(N=100, V=10000, H=100, window_size=5, sparse=False):
    corpus = np.repeat(np.arange(V), V // np.arange(1, V + 1))      # by Zipf's law: word k stands V/k times
    model = CBOW(V, H, window_size, corpus, sparse=sparse)
    step = step_of(model, Adam(), ids(V, N, 2 * window_size), ids(V, N))
    return step, lambda: product(6, H, 1, N)                        # the target and 5 negatives, in each row


# name: our step and its products, steps in a round. The peer's step is the function of this name in tests/peers.py.
STEPS = {'spiral': (spiral, 300), 'mlp': (mlp, 200), 'simple_convnet': (simple_convnet, 30),
         'deep_convnet': (deep_convnet, 15), 'simple_rnnlm': (simple_rnnlm, 200), 'rnnlm': (rnnlm, 20),
         'generate': (generate, 10), 'better_rnnlm': (better_rnnlm, 6), 'seq2seq': (seq2seq, 40),
         'attention': (attention, 12), 'transformer': (transformer, 15), 'gpt': (gpt, 10), 'cbow': (cbow, 50),
         'cbow_sparse': (partial(cbow, sparse=True), 100)}


# ---------------------------------------------------------------- timing


def installed(package):
    return importlib.util.find_spec(package) is not None


def median_ms(step, runs, warmup=3):
    for _ in range(warmup):
        step()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)[runs // 2]


def our_step(name):
    np.random.seed(0)
    return STEPS[name][0]()[0]


def peer_step(name):
    import torch

    from tests import peers
    torch.manual_seed(0)
    return getattr(peers, name)()


def products_step(name):
    return partial(multiply, STEPS[name][0]()[1]())


SIDES = {'ours': our_step, 'peer': peer_step, 'products': products_step}


def step_ms(make, name):
    return median_ms(make(name), STEPS[name][1])


# word2vec: ms a pass over PTB, all that comes before the first step included; tests/word_quality.py says how good the
# vectors are. The size of the runs and the number of the negatives they share are ours to choose: ch04.train_runs's.
WINDOW, SIZE, RUN, NEGATIVES, PASSES = 5, 100, 1500, 32, 3


def our_pass_ms():
    corpus, _, _ = ptb.load_data()
    np.random.seed(0)
    start = time.perf_counter()
    loader = RunLoader(corpus, None, RUN, NEGATIVES)
    RunTrainer(RunCBOW(len(loader.words), SIZE)).fit(loader, PASSES, WINDOW, eval_interval=None)
    return 1e3 * (time.perf_counter() - start) / PASSES


def gensim_pass_ms():
    from gensim.models import Word2Vec
    corpus, _, id_to_word = ptb.load_data()
    words = [id_to_word[i] for i in corpus.tolist()]
    sentences = [words[i:i + 10000] for i in range(0, len(words), 10000)]
    start = time.perf_counter()
    Word2Vec(sentences, vector_size=SIZE, window=WINDOW, negative=5, sg=0, min_count=1, sample=0, epochs=PASSES,
             workers=1, seed=1)
    return 1e3 * (time.perf_counter() - start) / PASSES


def products_pass_ms():
    return len(ptb.load_data()[0]) / RUN * median_ms(partial(multiply, product(RUN, SIZE, NEGATIVES)), 50)


def in_turn(rounds, **sides):
    """What each side's function returns, called in turn: a dict of lists, an empty one for a side that is None.

    Each side has a process of its own. In one process, ours and PyTorch taking turns step by step are slower, up to
    eightfold: the idle threads of the one's pool spin and hold the cores. Turns of many steps mend that, but each
    side's page faults still depend on what the other did to malloc's heap: rnnlm took 47 to 57 ms, with 0 to 2,000.
    """
    workers = {side: ProcessPoolExecutor(1, get_context('spawn')) for side, call in sides.items() if call}
    results: dict = {side: [] for side in sides}
    for _ in range(rounds):
        for side, worker in workers.items():
            time.sleep(PAUSE)
            results[side].append(worker.submit(sides[side]).result())
    for worker in workers.values():
        worker.shutdown()
    return results


# ---------------------------------------------------------------- what the command line asks for


def compare(names, rounds):
    """The table, a line for each workload. Returns its figures, times in ms, and the geometric mean of the ratios."""
    print(f'{"workload":<14}{"ours":>18}{"peer":>18}{"ratio":>8}{"products":>10}')
    report: dict = {}
    for name in names:
        words, package, sides = None, 'torch', {side: partial(step_ms, make, name) for side, make in SIDES.items()}
        if name == 'word2vec':
            package, sides = 'gensim', {'ours': our_pass_ms, 'peer': gensim_pass_ms, 'products': products_pass_ms}
            try:
                words = len(ptb.load_data()[0])
            except OSError as error:        # neither here nor to be fetched
                print(f'{name:<14}left out: {str(error).splitlines()[0]}')
                continue
        if not installed(package):
            sides['peer'] = None
        times = in_turn(rounds, **sides)
        ours, peer, products = (median(values) if values else None for values in times.values())
        ratio, share = peer and peer / ours, products / ours
        report[name] = {'ours': ours, 'peer': peer, 'ratio': ratio, 'products': share, 'rounds': times}
        shown = [f'{1e3 * words / ms:,.0f} words/s' if words else f'{ms:.3f} ms' for ms in (ours, peer) if ms]
        shown += [f'{ratio:.2f}'] if ratio else [f'no {package}', '']
        print(f'{name:<14}{shown[0]:>18}{shown[1]:>18}{shown[2]:>8}{share:>10.0%}', flush=True)
    ratios = [report[name]['ratio'] for name in STEPS if name in report and report[name]['ratio']]
    mean = geometric_mean(ratios) if ratios else None
    if mean:
        print(f'geometric mean of the {len(ratios)} ratios to PyTorch: {mean:.2f}')
    return {'workloads': report, 'geometric_mean': mean}


# name: its step, its sizes, and the values of each that is varied
SCALES = {'rnnlm': (rnnlm, {'H': 100, 'T': 35, 'V': 10000},
                    {'H': (64, 128, 256, 512, 1024), 'T': (5, 10, 20, 35, 70, 140),
                     'V': (1000, 2500, 5000, 10000, 20000, 40000)}),
          'gpt': (gpt, {'H': 256, 'T': 35, 'V': 10000},
                  {'H': (64, 128, 256, 512, 1024), 'T': (32, 64, 128, 256, 512, 1024)})}


def scale(names):
    """A step as one size grows. Where GFLOP/s does not fall, time grows no faster than the arithmetic."""
    report = []
    print(f'{"":<8}{"H":>6}{"T":>6}{"V":>8}{"ms":>12}{"GFLOP":>10}{"GFLOP/s":>10}{"products":>10}')
    for workload in names:
        make, usual, sweeps = SCALES[workload]
        for name, values in sweeps.items():
            for value in values:
                sizes = usual | {name: value}
                step, make_products = make(**sizes)
                products = make_products()
                ms, bare_ms = median_ms(step, 5, 1), median_ms(partial(multiply, products), 5, 1)
                work = gflop(products)
                report.append({'workload': workload} | sizes | {'ms': ms, 'gflop': work, 'products': bare_ms / ms})
                print(f'{workload:<8}{sizes["H"]:>6}{sizes["T"]:>6}{sizes["V"]:>8}{ms:>12.2f}{work:>10.3f}'
                      f'{1e3 * work / ms:>10.1f}{bare_ms / ms:>10.0%}', flush=True)
            print()
    return report


def peak_mb(make, name, steps=5):
    """Peak memory in MB of this process: with its libraries alone, and after some steps."""
    import resource  # Unix has it, Windows does not

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024) / 1e6

    step = make(name)
    imported = peak()           # and a model's first weights
    for _ in range(steps):
        step()
    return imported, peak()


def memory(names):
    """Peak memory in MB of a process that takes some steps, ours and PyTorch's: all, and above what imports take.

    Linux counts in what the parent held when it started the process: so this comes first, while that is little.
    """
    report = {}
    print(f'{"peak memory":<14}{"ours":>18}{"PyTorch":>18}{"ratio":>8}{"of steps":>10}')
    for name in names:
        peaks = in_turn(1, ours=partial(peak_mb, our_step, name),
                        peer=partial(peak_mb, peer_step, name) if installed('torch') else None)
        (before, ours), *others = (values[0] for values in peaks.values() if values)
        report[name] = {'ours': [before, ours], 'peer': others[0] if others else None}
        shown = [f'{ours:.0f} MB', 'no torch', '', '']
        if others:
            peer_before, peer = others[0]
            shown[1:] = f'{peer:.0f} MB', f'{ours / peer:.2f}', f'{(ours - before) / (peer - peer_before):.2f}'
        print(f'{name:<14}{shown[0]:>18}{shown[1]:>18}{shown[2]:>8}{shown[3]:>10}', flush=True)
    return report


def checks_of(step):
    """The calls of the library's functions check_… in one step, as functions without arguments."""
    calls = []

    def recorded(check):
        def call(*args):
            calls.append(partial(check, *args))
            check(*args)
        return call

    with contextlib.ExitStack() as patches:
        for module in [m for name, m in sys.modules.items() if re.match(r'(common|ch0[1-8])\.', name)]:
            for name, check in [item for item in vars(module).items() if item[0].startswith('check_')]:
                patches.enter_context(mock.patch.object(module, name, recorded(check)))
        step()
    return calls


def checks(names):
    """The time of those calls alone, beside the step's. A look that stands before one (`if x.ndim …`) is left out."""
    print(f'{"workload":<14}{"ours":>18}{"checks":>18}{"share":>8}')
    report = {}
    for name in names:
        step = our_step(name)
        ms = median_ms(step, STEPS[name][1])
        calls = checks_of(step)
        checks_ms = median_ms(lambda calls=calls: [call() for call in calls], 1000)
        report[name] = {'ours': ms, 'checks': checks_ms}
        print(f'{name:<14}{ms:>15.3f} ms{1e3 * checks_ms:>15.1f} µs{checks_ms / ms:>8.2%}', flush=True)
    return report


def machine():
    """Where and when this was measured, and how busy it was with other things."""
    info = Path('/proc/cpuinfo')
    cpu = re.search('model name\\s*: (.*)', info.read_text()) if info.exists() else None
    blas = np.show_config(mode='dicts')['Build Dependencies']['blas']
    return {'cpu': cpu[1] if cpu else platform.processor() or platform.machine(),
            'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
            'system': platform.system(), 'python': platform.python_version(), 'numpy': np.__version__,
            'blas': f'{blas["name"]} {blas["version"]}',
            **{name: importlib.metadata.version(name) for name in ('torch', 'gensim') if installed(name)},
            **{name: value for name, value in os.environ.items() if name.startswith('OPENBLAS_')},
            'load': f'{os.getloadavg()[0]:.1f}' if hasattr(os, 'getloadavg') else None,
            'date': datetime.date.today().isoformat()}


def main(argv=None):
    names = [*STEPS, 'word2vec']
    parser = argparse.ArgumentParser(prog='python -m tests.benchmarks', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(names)} (default: all)')
    parser.add_argument('--rounds', type=int, default=3, metavar='N', help='turns of each side (default: 3)')
    parser.add_argument('--scale', action='store_true', help='steps of rnnlm and gpt, sizes from small to large')
    parser.add_argument('--memory', action='store_true', help='peak memory of the steps')
    parser.add_argument('--checks', action='store_true', help='the share of a step that goes into checks')
    parser.add_argument('--json', metavar='FILE', help='write all figures here')
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(names):
        parser.error(f'no such workload: {", ".join(sorted(unknown))}')
    if args.rounds < 1:
        parser.error(f'--rounds: expected 1 or more, got {args.rounds}')
    report: dict = {'machine': machine()}
    print(', '.join(f'{name} {value}' for name, value in report['machine'].items()))
    if args.memory:
        report['memory'] = memory([name for name in STEPS if name in args.names] or ['better_rnnlm'])
    if args.scale:
        report['scale'] = scale([name for name in SCALES if name in args.names] or SCALES)
    if args.checks:
        report['checks'] = checks([name for name in STEPS if name in args.names] or STEPS)
    elif not (args.memory or args.scale):
        report |= compare([name for name in names if name in args.names] or names, args.rounds)
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
