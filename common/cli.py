"""From main's signature to command-line flags, and to a tidy end."""
import argparse
import inspect
import math
import os
import re
import shutil
import signal
import sys
import textwrap
import traceback
import typing
from contextlib import suppress
from pathlib import Path
from types import UnionType

from common.checks import InputError
from common.interrupts import STOPS, Kept, handled

# What --help says of a hyperparameter of which main's own docstring says nothing.
GLOSSARY = {
    'batch_size': 'examples in one step',
    'beam_size': 'answers followed side by side when the model writes; 1 takes the likeliest character each time',
    'corpus': 'ptb, toy (made here, no network needed) or the path of a text file',
    'dropout': 'part of the activations that dropout sets to zero',
    'forget_bias': "first bias of the LSTMs' forget gates; with 1 they remember from the start",
    'hidden_size': 'units of the hidden layer',
    'learning_rate': "the optimizer's step size",
    'max_epoch': 'passes over the training data',
    'max_grad': 'norm to which larger gradients are scaled down',
    'model': 'which model is trained',
    'resume': 'go on where the last run stopped',
    'reverse': 'read the questions backwards',
    'peeky': 'show the encoded question to every step of the decoder',
    'sample_size': 'how many are drawn',
    'seed': 'seed of the random numbers, for a run that can be repeated exactly',
    'time_size': 'time steps through which gradients flow back',
    'temperature': 'below 1 likely words become likelier, above 1 less so',
    'top': 'how many words are shown',
    'top_k': 'draw only among the so many likeliest',
    'window_size': 'context words on each side',
    'wordvec_size': 'numbers in a word vector',
}

# The least and the largest that a flag may say; a size is 1 at least.
RANGES = {'max_epoch': (0, math.inf), 'patience': (1, math.inf), 'seed': (0, 2**32 - 1), 'top': (1, math.inf),
          'top_k': (1, math.inf)}


def run(main, argv=None):
    """Call main with the values that the command line gives and return its result.

    Every parameter is a flag: `max_epoch=300` is `--max-epoch N`, a bool `--reverse` / `--no-reverse`, a Literal a
    choice, `int | None` takes a number or `none`. Ctrl-C, SIGTERM and SIGHUP end with one line and status 130; a
    missing file or network (OSError), a loss that is not finite (FloatingPointError) and a MemoryError with the message
    and status 1; a closed pipe (`| head`) in silence; an InputError with its sentence and status 2. Any other error
    keeps its traceback.
    """
    if sys.stdout is None:      # closed (`>&-`), or pythonw
        sys.stdout = open(os.devnull, 'w')      # noqa: SIM115
    if hasattr(sys.stdout, 'reconfigure'):
        # A console that lacks a character prints `?`; a pipe (`| tee log`) gets each line when it is printed.
        sys.stdout.reconfigure(errors='replace', line_buffering=True)
    try:
        with handled(signal.default_int_handler, STOPS[1:]):        # as SIGINT: KeyboardInterrupt
            return main(**vars(make_parser(main).parse_args(argv)))
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


def _flush():
    """Write out what was printed; where nobody reads any more, let the rest and Python's own last flush go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser(main) -> argparse.ArgumentParser:
    """The parser whose flags are main's parameters. A flag that is not given is left to main's own default."""
    width = min(shutil.get_terminal_size().columns, 100) - 2
    parser = argparse.ArgumentParser(
        usage='%(prog)s [flags]', description=_wrapped(sys.modules[main.__module__].__doc__ or '', width),
        argument_default=argparse.SUPPRESS, allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=width))
    hints, texts = typing.get_type_hints(main), GLOSSARY | _parameter_lines(main)
    for name, parameter in inspect.signature(main).parameters.items():
        required = parameter.default is parameter.empty
        default = None if required else parameter.default
        options = _options(name, hints.get(name, str if default is None else type(default)))
        shown = {'True': 'yes', 'False': 'no', 'None': 'none'}.get(str(default), default)
        action = parser.add_argument('--' + name.replace('_', '-'), required=required, **options)
        ending = '(required)' if required else f'(default: {shown})'
        action.help = f'{texts.get(name, "")} {ending}'.strip().replace('%', '%%')
    return parser


def _options(name, kind):
    """add_argument's keywords for a parameter of this type."""
    optional = False
    if typing.get_origin(kind) in (typing.Union, UnionType):
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        optional = len(kinds) < len(typing.get_args(kind))
        kind = kinds[0]
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        return {'choices': choices, 'type': type(choices[0])}
    if kind is bool:
        return {'action': argparse.BooleanOptionalAction}
    metavar = {int: 'N', float: 'X', str: 'TEXT'}.get(kind)
    if metavar is None:
        raise TypeError(f'{name} of main: expected int, float, str, bool or Literal, got {kind}')

    low, high = RANGES.get(name, (1 if name.endswith('_size') else -math.inf, math.inf))

    def value(text):
        if optional and text.lower() == 'none':
            return None
        result = kind(text)
        if kind is not str and not low <= result <= high:       # nor is a NaN
            expected = f'{low} to {high}' if high < math.inf else f'{low} or more' if low > -math.inf else 'a number'
            raise argparse.ArgumentTypeError(f'expected {expected}, got {text}')
        return result

    value.__name__ = kind.__name__      # argparse: "invalid int value"
    return {'type': value, 'metavar': metavar}


def _parameter_lines(main):
    """The lines `name: text` of main's docstring, each with the deeper lines below it: name -> text."""
    names = '|'.join(inspect.signature(main).parameters) or '$.'
    found = re.findall(rf'^({names}): (.*(?:\n +.*)*)', inspect.getdoc(main) or '', re.MULTILINE)
    return {name: ' '.join(text.split()) for name, text in found}


def _wrapped(doc, width):
    """The paragraphs of a docstring, each filled to the width; indented ones (commands, tables) as they are."""
    paragraphs = inspect.cleandoc(doc).split('\n\n')
    return '\n\n'.join(p if re.search('^ ', p, re.MULTILINE) else textwrap.fill(p, width) for p in paragraphs)
