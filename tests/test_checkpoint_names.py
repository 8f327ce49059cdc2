"""What a checkpoint may be called, told before the first epoch."""
import os

import pytest

from common.callbacks import Checkpoint
from common.checks import InputError


@pytest.mark.parametrize('name', ['model', 'model.txt', 'model.npz.part'])
def test_another_ending_is_refused_at_once(name):
    with pytest.raises(InputError, match=r': expected a name that ends in \.npz or \.pkl, got '):
        Checkpoint(name)
    assert not os.listdir()
