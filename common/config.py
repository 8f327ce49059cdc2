"""Where the arrays live: set GPU = True (or the environment's DLFS2_GPU=1) before the first import of common.np."""
import os

from common.checks import InputError

SWITCH = {'': False, '0': False, 'no': False, 'false': False, 'off': False,
          '1': True, 'yes': True, 'true': True, 'on': True}

_text = os.environ.get('DLFS2_GPU', '')
if _text.strip().lower() not in SWITCH:
    raise InputError(f'DLFS2_GPU: expected yes, no, true, false, on, off, 1 or 0, got {_text!r}')
GPU = SWITCH[_text.strip().lower()]
