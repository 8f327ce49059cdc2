"""Killed at random moments and resumed, a training ends as one left alone."""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_faults import ENV, posix, write_text

from common.storage import load_npz

KILLS = int(os.environ.get('DLFS2_KILLS', 50))      # a longer run is asked for in the environment

pytestmark = pytest.mark.slow      # a process

# KILLER imports once and forks: a child that trains can be killed at any moment of its work, and costs no start. In a
# byte that both share the child says where in a writing it is. Every other kill is aimed at a writing: the child
# kills itself there.
KILLER = '''
import json, mmap, os, random, select, signal, sys, time, traceback, zipfile
from ch06 import train_better_rnnlm

learning_rate, kills_wanted, chance = float(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
TRAINING, WRITING, WRITTEN, NAMED = range(4)
phase = mmap.mmap(-1, 1)
aim = [None, 0]         # a moment, and how many of its kind come before it


def pass_by(*moment):
    if moment == aim[0]:
        aim[1] -= 1
        if aim[1] < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(owner, name, during, after):
    function = getattr(owner, name)

    def watched(*args, **keywords):
        if name == 'open' and 'w' not in args:
            return function(*args, **keywords)
        phase[0] = during
        pass_by(name, 'before')
        result = function(*args, **keywords)
        phase[0] = after
        pass_by(name, 'after')
        phase[0] = TRAINING if after == NAMED else after
        return result
    setattr(owner, name, watched)


os.fsync = lambda number: None      # a disk may take long, and a kill, unlike a power cut, leaves it its time
watch(zipfile.ZipFile, 'open', WRITING, WRITING)
watch(os, 'fsync', WRITING, WRITTEN)
watch(os, 'replace', WRITTEN, NAMED)


def train(name, delay=None, aimed_at=(None, 0)):
    """Train in a child until it ends, or is killed after `delay` seconds or where it is aimed at; the phase then."""
    read, write = os.pipe()
    phase[0] = TRAINING
    pid = os.fork()
    if pid == 0:
        aim[:] = aimed_at
        status = 1
        try:
            os.dup2(os.open(f'{name}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
            train_better_rnnlm.main('small.txt', wordvec_size=6, hidden_size=6, time_size=20, max_epoch=4,
                                    learning_rate=learning_rate, name=name, resume=True, seed=1)
            sys.stdout.flush()
            status = 0
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    os.close(write)
    ended = select.select([read], [], [], delay)[0]     # the pipe ends with the child
    os.close(read)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return phase[0]
    if status:
        raise SystemExit(f'{name} failed')
    return None


start = time.perf_counter()
train('straight')
duration = time.perf_counter() - start
died, trainings = [], 0
while len(died) < kills_wanted:
    trainings += 1
    ended = False
    while not ended:
        if len(died) == kills_wanted:
            at = train(f'killed{trainings}')
        elif len(died) % 2:
            at = train(f'killed{trainings}', chance.uniform(0, duration))
        else:
            kind = chance.choice(['open', 'fsync', 'replace', 'replace'])
            moment = kind, chance.choice(['before', 'after'])
            at = train(f'killed{trainings}', None, (moment, chance.randrange(80 if kind == 'open' else 4)))
        ended = at is None
        died += [] if ended else [at]
print(json.dumps({'trainings': trainings, 'died': died}))
'''


@posix
def test_killed_at_random_moments_and_resumed_it_ends_as_one_left_alone(without_run):
    write_text(500)

    def kill(rate, kills):
        folder = Path(f'rate_{rate}')
        folder.mkdir()
        (folder / 'small.txt').write_bytes(Path('small.txt').read_bytes())
        done = subprocess.run([sys.executable, '-c', KILLER, str(rate), str(kills), '7'], env=ENV, cwd=folder,
                              capture_output=True, text=True, timeout=60 + 2 * kills)
        assert done.returncode == 0, done.stderr
        return folder, json.loads(done.stdout)

    # with 2.0 each epoch is better than those before, with 20.0 some are not
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(kill, (2.0, 20.0), (KILLS // 2, KILLS - KILLS // 2)))
    for folder, report in reports:
        # besides, killed before its first checkpoint: the next one gives way to the model that was there
        names = [path.name for path in folder.glob('*.npz') if not Path(path.stem).suffix]
        assert len(names) == 2 + 2 * report['trainings'], names
        assert not list(folder.glob('*.lock'))
        for ending in ('', '_checkpoint'):
            expected = load_npz(folder / f'straight{ending}.npz')
            assert len(expected) >= 9
            for number in range(1, report['trainings'] + 1):
                found = load_npz(folder / f'killed{number}{ending}.npz')
                assert found.keys() == expected.keys()
                for name, array in expected.items():
                    assert without_run(name, found[name]) == without_run(name, array), name
    died = [phase for _, report in reports for phase in report['died']]
    writing, written, named = (died.count(phase) for phase in (1, 2, 3))
    print(f'{len(died)} kills in {sum(report["trainings"] for _, report in reports)} trainings: {writing} while a file '
          f'was written, {written} before it took its place, {named} just after')
    assert len(died) == KILLS
    assert writing + written + named >= KILLS // 4
