"""How much faster are several ranks? A step of the book's models shared among them, beside one process.

    python -m tests.benchmarks_ranks                        attention, seq2seq, transformer, rnnlm, better_rnnlm, gpt
    python -m tests.benchmarks_ranks --ranks 4 rnnlm        of four, for one
    python -m tests.benchmarks_ranks --paper                computed: time against ranks, for three networks

The whole batch stays as it is: each rank takes its share. Ranks have one BLAS thread each; beside them stand one
process with one and one with as many threads as there are ranks. A figure is the median over the rounds, in which the
sides take turns, of the median over a round's steps. Needs mpi4py and the mpiexec beside Python or on the PATH.

--paper (OPENBLAS_NUM_THREADS=1): R ranks take the time that one takes for an R-th of the batch, update included, which
is measured here, and that of a ring on a network: 2·(R − 1)/R times the bytes of the gradients, and 2·(R − 1) messages,
30 µs each.
"""
import argparse
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

from common.parallel import world
from common.trainer import remove_duplicate
from tests.benchmarks import STEPS, machine, median_ms

BATCH = {'attention': 128, 'seq2seq': 128, 'transformer': 128, 'rnnlm': 20, 'better_rnnlm': 20, 'gpt': 20}
RANKS = 1, 2, 4, 8, 16, 32
MESSAGE = 30e-3     # ms: what a message of no length takes between two machines over TCP


def mpiexec():
    """The mpiexec that came with pip, or that of the machine."""
    beside = Path(sys.prefix, 'bin', 'mpiexec')
    return str(beside) if beside.exists() else shutil.which('mpiexec') or 'mpiexec'


def step_ms(name, ranks):
    """ms a step, in a process of its own or several ranks, with one BLAS thread each; ranks below 0: -ranks threads."""
    command = [sys.executable, '-m', 'tests.benchmarks_ranks', '--step', name]
    if ranks > 1:
        command = [mpiexec(), '-n', str(ranks), *command]
    threads = str(max(1, -ranks))
    out = subprocess.run(command, env=os.environ | {'OPENBLAS_NUM_THREADS': threads}, check=True, timeout=600,
                         capture_output=True, text=True).stdout
    return float(out.split()[-1])


def compare(names, ranks, rounds):
    sides = {'one rank': 1, f'{ranks} BLAS threads': -ranks, f'{ranks} ranks': ranks}
    print(f'{"ms a step":<14}' + ''.join(f'{side:>16}' for side in sides) + f'{"times one rank":>16}')
    for name in names:
        found = {side: [] for side in sides}
        for _ in range(rounds):
            for side, count in sides.items():
                found[side].append(step_ms(name, count))
        times = [median(values) for values in found.values()]
        print(f'{name:<14}' + ''.join(f'{ms:>16.2f}' for ms in times) + f'{times[0] / times[-1]:>16.2f}', flush=True)


def paper(names):
    """The table, in Markdown: ms a step, and in brackets how many times as fast as one rank."""
    print('| ms a step | 1 rank | ' + ' | '.join(f'{R} ranks' for R in RANKS[1:]) + ' |')
    print('| --- |' + ' ---: |' * len(RANKS))
    for name in names:
        make, steps = STEPS[name]
        compute = {}
        for R in RANKS:
            if BATCH[name] // R:
                step = make(N=-(-BATCH[name] // R))[0]     # the largest share, for which the others wait
                compute[R] = median_ms(step, max(3, steps // 3))
                params, _ = remove_duplicate(step.args[0].params, step.args[0].grads)
        size = sum(param.nbytes for param in params)
        line(f'**{name}**, {size / 1e6:.1f} MB: computing alone', compute, compute[1])
        for speed in 1, 10, 100:
            line(f'with {speed} Gbit/s', {R: ms + ring_ms(R, size, speed) for R, ms in compute.items()}, compute[1])


def line(label, times, one):
    cells = [f'{times[R]:.1f} ({one / times[R]:.1f})' if R in times else '' for R in RANKS]
    print(f'| {label} | ' + ' | '.join(cells) + ' |', flush=True)


def ring_ms(ranks, size, speed):
    """ms that an Allreduce of so many bytes takes on a ring with this speed, in Gbit/s."""
    return 2 * (ranks - 1) / ranks * size * 8 / (speed * 1e6) + 2 * (ranks - 1) * MESSAGE


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.benchmarks_ranks', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(BATCH)} (default: all)')
    parser.add_argument('--ranks', type=int, default=2, metavar='N', help='processes (default: 2)')
    parser.add_argument('--rounds', type=int, default=3, metavar='N', help='turns of each side (default: 3)')
    parser.add_argument('--paper', action='store_true', help='step time against ranks, computed')
    parser.add_argument('--step', metavar='NAME', help='(what each side calls)')
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(BATCH):
        parser.error(f'no such workload: {", ".join(sorted(unknown))}')
    if args.step:
        make, steps = STEPS[args.step]
        print(median_ms(partial(make()[0], ranks=world()), steps))
        return
    print(', '.join(f'{name} {value}' for name, value in machine().items()))
    if args.paper:
        paper(args.names or BATCH)
    else:
        compare(args.names or list(BATCH), args.ranks, args.rounds)


if __name__ == '__main__':
    main()
