"""From main's signature to command-line flags, and to a tidy end."""
import argparse
import builtins
import inspect
import math
import os
import re
import shutil
import sys
import textwrap
import traceback
import typing
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr, suppress
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated

from common.checks import InputError
from common.interrupts import Kept, handled
from common.launcher import launched, refuse

# What an int of main may be, beside its hint: a range without an end ends at sys.maxsize.
FROM_0 = range(sys.maxsize)
FROM_1 = range(1, sys.maxsize)      # that of an int beside which none stands
SEEDS = range(2**32)


def check_dataset(script):
    """End a chapter's script in one sentence where `dataset`, from which it is about to import, is another package."""
    import dataset

    root = Path(__file__).resolve().parent.parent
    chapters = [chapter for chapter in root.glob('ch0*') if chapter in Path(script).resolve().parents]
    if chapters and not hasattr(dataset, 'part_of_corpus'):
        found = getattr(dataset, '__file__', None) or next(iter(dataset.__path__))
        raise SystemExit(f'dataset: expected the one beside {root / "common"}, got another package of that name, '
                         f'{found}: run the script with python -m in the root of the checkout, or pip install -e . '
                         'there, without the other')


# Here, since all scripts come by before they import from dataset.
check_dataset(getattr(sys.modules['__main__'], '__file__', None) or '')


def run(main, argv=None, parallel=False):
    """Call main with the values that the command line gives and return its result.

    Every parameter is a flag, with the hint that --help shows beside its type:
    `max_epoch: Annotated[int, 'passes over the data', FROM_0] = 300` is `--max-epoch N`. An int is 1 or more unless a
    range stands after the hint, a float any number but NaN, a bool `--reverse` / `--no-reverse`, a Literal a choice;
    `int | None` takes a number or `none`.

    Ctrl-C, SIGTERM and SIGHUP end with one line and status 130; a missing file or network (OSError), a loss that is not
    finite (FloatingPointError) and a MemoryError with the message and status 1; a closed pipe (`| head`) in silence; an
    InputError with its sentence and status 2. Any other error keeps its traceback. In a notebook (`%run -m`) there is
    no status, and so no SystemExit, of which IPython would make a traceback: after its line, run returns None.

    parallel: main may be run by several ranks at once, `mpiexec -n 4 python -m …`: all its work is the same on all, or
    shared out by what it calls (trainers, evaluation), and it writes files by `training` and `show` alone. Where one
    rank fails, it ends them all.
    """
    with handled():
        ranks = None
        try:
            ranks = _ranks(parallel)
            return _run(main, argv, ranks)
        except SystemExit as end:
            if ranks is not None and ranks.alone:
                ranks.end(end.code if isinstance(end.code, int) else 1)
            if not hasattr(builtins, 'get_ipython'):
                raise


def _ranks(parallel):
    """What mpiexec started, None without it."""
    if not launched():
        return None
    try:
        if not parallel:
            refuse('mpiexec: expected a script that shares its work among the ranks, got one that each would '
                   'run whole: start it without mpiexec')
        from common.parallel import world  # here, for without mpiexec it is not asked for

        return world()
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _run(main, argv, ranks):
    if sys.stdout is None:      # closed (`>&-`), or pythonw
        sys.stdout = open(os.devnull, 'w')      # noqa: SIM115
    if hasattr(sys.stdout, 'reconfigure'):
        # A console that lacks a character prints `?`; a pipe (`| tee log`) gets each line when it is printed.
        sys.stdout.reconfigure(errors='replace', line_buffering=True)
    try:
        with ranks.ending() if ranks else nullcontext():
            return main(**vars(_arguments(main, argv, ranks)))
    except KeyboardInterrupt as stop:
        if not isinstance(stop, Kept):
            print('stopped', file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except OSError as error:
        print(f'{error.filename}: {error.strerror}' if error.filename else error, file=sys.stderr)
        raise SystemExit(1) from None
    except (FloatingPointError, MemoryError) as error:      # a loss that is not finite, sizes too large
        print(str(error) or 'there is not enough memory', file=sys.stderr)
        raise SystemExit(1) from None
    except ImportError as error:
        # As from MPLBACKEND=qtagg where there is no Qt. With no choice made matplotlib finds out what there is.
        if not any('matplotlib' in Path(frame.filename).parts for frame in traceback.extract_tb(error.__traceback__)):
            raise
        print(f'there is no picture: {error}. With MPLBACKEND=agg in the environment it goes into a file',
              file=sys.stderr)
        raise SystemExit(1) from None
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    finally:
        _flush()


def _arguments(main, argv, ranks):
    """What the command line gives; what is wrong in it is the same on all ranks, and rank 0 tells."""
    with redirect_stderr(None) if ranks and ranks.rank else nullcontext():
        return make_parser(main).parse_args(joined_values(sys.argv[1:] if argv is None else argv))


def joined_values(argv):
    """--words -에서 as --words=-에서: flags are ASCII, so that it is a value, but argparse would take it for a flag."""
    words: list[str] = []
    for word in argv:
        flag = bool(words) and words[-1].startswith('--') and '=' not in words[-1]
        if flag and word.startswith('-') and not word.isascii():
            words[-1] += f'={word}'
        else:
            words.append(word)
    return words


def _flush():
    """Write out what was printed; where nobody reads any more, let the rest and Python's own last flush go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser(main) -> argparse.ArgumentParser:
    """The parser whose flags are main's parameters. A flag that is not given is left to main's own default.

    TypeError for a parameter that is not Annotated with a hint, or of a type that no flag can have.
    """
    width = min(shutil.get_terminal_size().columns, 100) - 2
    parser = argparse.ArgumentParser(
        usage='%(prog)s [flags]', description=_wrapped(sys.modules[main.__module__].__doc__ or '', width),
        argument_default=argparse.SUPPRESS, allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=width))
    for name, parameter in inspect.signature(main, eval_str=True).parameters.items():
        required = parameter.default is parameter.empty
        shown = {'True': 'yes', 'False': 'no', 'None': 'none'}.get(str(parameter.default), parameter.default)
        hint, options = _hint_and_options(name, parameter.annotation)
        action = parser.add_argument('--' + name.replace('_', '-'), required=required, **options)
        action.help = f'{hint} {"(required)" if required else f"(default: {shown})"}'.replace('%', '%%')
    return parser


def _hint_and_options(name, annotation):
    """What --help says of a parameter of main that is annotated so, and add_argument's keywords for it."""
    if typing.get_origin(annotation) is not Annotated or not isinstance(annotation.__metadata__[0], str):
        raise TypeError(f"{name} of main: expected Annotated[its type, 'its hint'], got {annotation}")
    kind, hint, *values = typing.get_args(annotation)
    optional = typing.get_origin(kind) in (typing.Union, UnionType)
    if optional:
        kind, = (part for part in typing.get_args(kind) if part is not NoneType)
    choices = typing.get_args(kind)     # of a Literal
    if kind is bool:
        return hint, {'action': argparse.BooleanOptionalAction}
    read: Callable
    if kind is int:
        metavar, read = 'N', partial(_whole, values[0] if values else FROM_1)
    elif kind is float:
        metavar, read = 'X', _number
    elif kind is str:
        metavar, read = 'TEXT', str
    elif typing.get_origin(kind) is typing.Literal:
        metavar, read = f'{{{",".join(map(str, choices))}}}', partial(_choice, choices)
    else:
        raise TypeError(f'{name} of main: expected int, float, str, bool or Literal, got {kind}')
    return hint, {'metavar': metavar,
                  'type': lambda text: None if optional and text.lower() == 'none' else read(text)}


def _whole(values, text):
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'expected a whole number, got {text!r}') from None
    if number not in values:
        is_open = number < values[0] and values.stop == sys.maxsize
        expected = f'{values[0]} or more' if is_open else f'{values[0]} to {values[-1]}'
        raise argparse.ArgumentTypeError(f'expected {expected}, got {text}')
    return number


def _number(text):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise argparse.ArgumentTypeError(f'expected a number, got {text!r}')
    return number


def _choice(choices, text):
    for choice in choices:
        if str(choice) == text:
            return choice
    raise argparse.ArgumentTypeError(f'expected one of {", ".join(map(str, choices))}, got {text!r}')


def _wrapped(doc, width):
    """The paragraphs of a docstring, each filled to the width; indented ones (commands, tables) as they are."""
    paragraphs = inspect.cleandoc(doc).split('\n\n')
    return '\n\n'.join(p if re.search('^ ', p, re.MULTILINE) else textwrap.fill(p, width) for p in paragraphs)
