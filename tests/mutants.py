"""Which faults the tests notice: plants single faults at random in common and dataset, runs the quick tests on each.

    python -m tests.mutants --count 200 --seed 0 --seconds 3600

A fault is a comparison turned, + and − exchanged, a constant or a default changed, `not` dropped, a condition made True
or False, a statement dropped, min and max exchanged, an argument left out, an axis changed … It is planted in a copy of
the tree in a temporary folder, one at a time. A first run of all quick tests records which lines each of them runs; a
fault is then shown to those that run its line, the fastest first, and to those that start processes, until one fails.

What stands in a sentence for people (raise, f-strings, docstrings) gets no fault. What changes nothing, or words,
speed or a limit alone, is told apart by the tables below: somebody's verdicts, with reasons, and to be read as such.
The same seed gives the same faults as long as the sources stay the same: `--first 57` goes on where --seconds ended.
POSIX alone, one core; the exit status is 0 however many survive.
"""
import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.planting import Finder, planted

ROOT = Path(__file__).resolve().parents[1]
PLACES = ('common', 'dataset')

# Module-level constants, and functions, in which a fault changes the speed, the memory or the words alone.
SPEED = {'FEW': 'speed: from which size on the other of two equal ways is taken',
         'CHUNK': 'speed: how many windows are copied at once', 'NARROW': 'speed: the order in which they are',
         'PIECE': 'speed: how much is split off at once', 'BLOCK': 'speed: how much is worked on at once',
         'ROUNDS': 'speed: when the other of two equal ways is taken',
         'INSTRUCTIONS': 'a limit, which could as well be twice as high: a test holds that it binds',
         'ROOM': 'a limit, which could as well be twice as high: a test holds that it binds',
         'PAUSE': 'speed: of a network that fails', 'SOCKET_TIMEOUT': 'speed: of a network that fails',
         'TOTAL_TIMEOUT': 'speed: of a network that fails'}
WORDS = {'history': 'words', 'expected': 'words: a tuple as it is written'}
# (file, what stands in the line, what was planted): the verdict on one that survived.
VERDICTS = {
    ('common/cli.py', 'shutil.get_terminal_size().columns', '2 → 3'): 'words: the width of --help',
    ('common/negative_sampling_layer.py', 'parts = 2**', '16 * len(p) → 16 / len(p)'):
        'speed: with fewer parts more draws are looked up one by one',
    ('common/negative_sampling_layer.py', 'if target.ndim != 1 or', 'target.ndim != 1 or not len(target) → True'):
        'speed: a cheap look before a full one',
    ('common/negative_sampling_layer.py', 'order = ids.argsort(axis=1, ',
     "ids.argsort(axis=1, kind='stable') → ids.argsort(kind='stable')"): 'nothing: the last axis it is all the same',
    ('common/recurrent.py', 'a += b.reshape(-1, 1)', '1 → 2'): 'nothing: NumPy takes any negative length as −1',
    ('common/recurrent.py', 'dh = np.zeros_like(hs[0])', '0 → 1'): 'nothing: all steps are of one shape',
    ('common/rows.py', 'hot.reshape(V, -1, ', '1 → 2'): 'nothing: NumPy takes any negative length as −1',
    ('common/storage.py', 'array.astype(dtype, copy=False)', 'array.astype(dtype, copy=False) → array.astype(dtype)'):
        'speed: a copy more',
    ('common/ties.py', 'memory = np.zeros(size, ', '0 → 1'): 'nothing: arrays in one memory are of one type',
    ('common/time_layers.py', 'dx.astype(dtype, copy=False)', 'False → True'): 'speed: a copy more',
    ('common/time_layers.py', 'fits = cache is not None and', '0 → 1'): 'speed: memory asked for anew at each step',
    ('common/time_layers.py', 'x, t = flat(time_major(xs)), ts.T.reshape(-1)', '1 → 2'):
        'nothing: NumPy takes any negative length as −1',
    ('common/vectors.py', 'step = max(1, 2**20', '1 → 2'): 'speed: how many rows are worked on at once',
    ('dataset/sequence.py', "dtype='<u4').reshape(-1, width)", '1 → 2'):
        'nothing: NumPy takes any negative length as −1',
    ('dataset/files.py', 'thread.join(0.2)', 'dropped: thread.join(0.2)'): 'speed: it waits without rest',
    ('common/trainer.py', "ending = f' | left", '1 → 2'): 'words: from when on a line tells the time that is left',
}


# ---------------------------------------------------------------- faults


def all_places():
    """The faults of common and dataset, a list for each place."""
    found = []
    for path in sorted(path for place in PLACES for path in (ROOT / place).glob('*.py')):
        found += Finder(path.relative_to(ROOT).as_posix(), path.read_text('utf-8')).places.values()
    return found


def draw(count, seed):
    """So many faults, each at another place."""
    rng = random.Random(seed)
    places = all_places()
    return [rng.choice(place) for place in rng.sample(places, min(count, len(places)))]


# ---------------------------------------------------------------- tests


class Recorder:
    """A plugin of pytest: how long each test takes, which lines it runs, and whether it starts a process."""

    def __init__(self):
        self.tests, self.files, self.failed = {}, {}, set()
        self.prefixes = tuple(f'{ROOT / place}{os.sep}' for place in PLACES)
        self.lines, self.starts = {}, False
        sys.addaudithook(self.look)

    def look(self, event, _):
        if event in ('subprocess.Popen', 'os.fork', 'os.posix_spawn'):
            self.starts = True

    def trace(self, frame, event, _):
        if not frame.f_code.co_filename.startswith(self.prefixes):
            return None
        lines = self.lines.setdefault(frame.f_code.co_filename, set())

        def each(frame, event, _):
            lines.add(frame.f_lineno)
            return each
        return each

    def traced(self):
        """Trace until the hook around which this stands is over; gives its result back."""
        self.lines, self.starts = {}, False
        start = time.perf_counter()
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds = time.perf_counter() - start
            self.lines = {str(Path(name).relative_to(ROOT)): sorted(lines) for name, lines in self.lines.items()}

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        if not isinstance(collector, pytest.Module):
            return (yield)
        report = yield from self.traced()
        self.files[collector.path.name] = self.lines
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        result = yield from self.traced()
        self.tests[item.nodeid] = [self.seconds, self.starts, self.lines]
        return result

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)


class Chosen:
    """A plugin of pytest: runs all tests of these files, then these tests in their order; each with a time limit."""

    def __init__(self, tests, files):
        self.seconds, self.files = dict(tests), files

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        places = {name: i for i, name in enumerate(self.seconds)}
        items[:] = sorted((item for item in items if item.nodeid in places or item.path.name in self.files),
                          key=lambda item: places.get(item.nodeid, -1))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        signal.alarm(30 + 10 * int(self.seconds.get(item.nodeid, 3)))       # ends the process
        try:
            return (yield)
        finally:
            signal.alarm(0)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sources():
    return {path.relative_to(ROOT).as_posix(): digest(path)
            for place in (*PLACES, 'tests') for path in sorted((ROOT / place).glob('*.py'))}


def in_tree(call, tree, **options):
    """Run a call of this module in a process of its own, in the tree: its exit status, the last lines it printed."""
    env = os.environ | {'PYTHONPATH': str(tree), 'OPENBLAS_NUM_THREADS': '1', 'MPLBACKEND': 'agg'}
    with open(tree.parent / 'printed', 'w+b') as printed:
        command = [sys.executable, '-c', f'from tests import mutants; mutants.{call}']
        process = subprocess.Popen(command, cwd=tree, env=env, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                                   start_new_session=True)
        try:
            status = process.wait(**options)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)          # and what it started
            process.wait()
        printed.seek(0)
        return status, printed.read().decode(errors='replace').splitlines()[-30:]


def record_here(path):
    """In the copy of the tree: run all quick tests, and write down what they run."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)        # which nohup ignores, and tests send
    recorder = Recorder()
    pytest.main(['-q', '-p', 'no:cacheprovider'], plugins=[recorder])
    tests = {name: test for name, test in recorder.tests.items() if name not in recorder.failed}
    Path(path).write_text(json.dumps({'tests': tests, 'files': recorder.files, 'sources': sources(),
                                      'failed': sorted(recorder.failed)}))


def run_here(path):
    """In the copy of the tree: run the tests that the file names."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    limit_memory()
    chosen = json.loads(Path(path).read_text())
    files = sorted({f'tests/{name}' for name in chosen['files']} | {name.split('::')[0] for name, _ in chosen['tests']})
    sys.exit(pytest.main(['-x', '-q', '-p', 'no:cacheprovider', '--tb=line', '--basetemp', f'{path}.d', *files],
                         plugins=[Chosen(chosen['tests'], chosen['files'])]))


def limit_memory():
    """A fault may ask for all there is."""
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))


def choose(fault, record, budget):
    """[name, seconds] of the tests to be shown a fault, within a budget of seconds; whether any runs its line."""
    def runs(lines):
        its = lines.get(fault.path, ())
        return any(line in fault.lines for line in its) if fault.lines else bool(its)

    in_files = {name for name, lines in record['files'].items() if runs(lines)}
    direct, others = [], []
    for name, (seconds, starts, lines) in record['tests'].items():
        if runs(lines) or Path(name.split('::')[0]).name in in_files:
            direct.append([name, seconds])
        elif starts:
            others.append([name, seconds])
    chosen = []
    for test in (*sorted(direct, key=lambda test: test[1]), *sorted(others, key=lambda test: test[1])):
        budget -= test[1]
        if budget > 0:
            chosen.append(test)
    return chosen, bool(direct)


def show(fault, tree, tests, files):
    """Plant the fault, run the tests, take it out again: (survived, what is to be said of it)."""
    path = tree / fault.path
    source = path.read_bytes()
    wanted = tree.parent / 'chosen'
    wanted.write_text(json.dumps({'tests': tests, 'files': sorted(files)}))
    try:
        forget(path)
        path.write_bytes(planted(source.decode(), fault))
        status, printed = in_tree(f'run_here({str(wanted)!r})', tree, timeout=600)
    finally:
        path.write_bytes(source)
        forget(path)
    if status in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        return True, 'SURVIVED'
    if status is None or status == -signal.SIGALRM:
        return False, 'noticed: it goes on for ever'
    by = [line.split(' - ')[0].split(maxsplit=1)[1] for line in printed if line.startswith(('FAILED ', 'ERROR '))]
    return False, f'noticed by {by[0]}' if by else f'noticed: exit status {status}, {printed[-1:]}'


def forget(path):
    """Remove the byte code of a module: it is told from its source by length and second, too coarse for us."""
    for code in (path.parent / '__pycache__').glob(f'{path.stem}.*.pyc'):
        code.unlink()


def verdict(fault):
    """Why a fault that survived changes no more than words, speed or a limit; None where it does."""
    line = (ROOT / fault.path).read_text('utf-8').splitlines()[fault.node.lineno - 1]
    return SPEED.get(fault.owner) or WORDS.get(fault.owner) or next(
        (why for (path, part, what), why in VERDICTS.items()
         if path == fault.path and part in line and what == fault.what), None)


def recorded(tree, path):
    """What the first run wrote down, and which test files are newer: all tests of these are shown each fault.

    Read from the path where it still fits the sources of common and dataset.
    """
    if path.exists():
        record = json.loads(path.read_text())
        now = sources()
        if all(record['sources'].get(name) == now[name] for name in now if not name.startswith('tests/')):
            return record, {Path(name).name for name, sha in now.items()
                            if name.startswith('tests/test_') and record['sources'].get(name) != sha}
    print('recording which lines each test runs …', flush=True)
    status, printed = in_tree(f'record_here({str(path)!r})', tree)
    if status:
        raise SystemExit('\n'.join(printed))
    record = json.loads(path.read_text())
    print(f'{len(record["tests"])} tests pass; these fail as it is, and are left out: {record["failed"] or "none"}',
          flush=True)
    return record, set()


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.mutants', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=200, metavar='N', help='how many faults (default: 200)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='which ones (default: 0)')
    parser.add_argument('--first', type=int, default=0, metavar='N', help='begin with that one (default: 0)')
    parser.add_argument('--only', metavar='N,N', help='only those')
    parser.add_argument('--seconds', type=float, default=float('inf'), metavar='N', help='plant none after that long')
    parser.add_argument('--tests', type=float, default=60, metavar='N', help='seconds of tests a fault (default: 60)')
    parser.add_argument('--record', metavar='FILE', help='where the first run is kept, to be used again')
    args = parser.parse_args(argv)
    start = time.monotonic()
    faults = draw(args.count, args.seed)
    numbers = [int(n) for n in args.only.split(',')] if args.only else range(args.first, len(faults))
    print(f'{len(all_places())} places for a fault, {len(faults)} drawn', flush=True)
    survivors, done = [], 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, 'tree')
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns('.git', '__pycache__', '.*_cache', '*.egg-info'))
        record, changed = recorded(tree, Path(args.record).resolve() if args.record else Path(folder, 'record'))
        for number in numbers:
            if time.monotonic() - start > args.seconds:
                print(f'time is up: go on with --first {number}')
                break
            fault = faults[number]
            tests, runs = choose(fault, record, args.tests)
            survived, text = show(fault, tree, tests, changed)
            done += 1
            if survived:
                why = verdict(fault)
                survivors.append(why)
                text += ('' if runs else ', no test runs it') + (f' ({why})' if why else '')
            print(f'{number:>3} {fault.path}:{fault.node.lineno}  {fault.what[:150]}  {text}', flush=True)
    harmless = sum(why is not None for why in survivors)
    matter = done - harmless
    caught = done - len(survivors)
    print(f'{done} faults: {caught} noticed, {len(survivors)} survived, {harmless} of these change nothing, or words, '
          f'speed or a limit alone; of those that matter {caught} of {matter} are noticed '
          f'({caught / max(matter, 1):.1%})')


if __name__ == '__main__':
    main()
