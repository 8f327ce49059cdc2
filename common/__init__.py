"""Layers, optimizers, trainers and helpers that every chapter shares."""
import re
import sys
from pathlib import Path

from common.launcher import share_cores


def _stopped(kind, error, trace):
    """Ctrl-C while a script still imports ends it as one later does: with one line."""
    if issubclass(kind, KeyboardInterrupt):
        print('stopped', file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


share_cores()       # before NumPy is loaded

# Where a chapter's script is what Python was started for, `-m ch01.train` or `ch01/train.py`: nobody else's is touched.
_folder = Path(getattr(sys.modules['__main__'], '__file__', None) or '').parent.name
if re.fullmatch(r'ch0\d', _folder) or re.search(r' -m ch0\d\.', ' '.join(sys.orig_argv)):
    sys.excepthook = _stopped
