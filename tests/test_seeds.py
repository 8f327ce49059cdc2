"""The seeds that data sets take: all that np.random takes, from 0 to the largest."""
import numpy as np
import pytest

from common.checks import InputError, check_seed
from dataset import digits, sequence, spiral, toy

LARGEST = 4294967295        # 32 bits


@pytest.mark.parametrize('seed', [0, 1, LARGEST, np.uint32(LARGEST), np.int64(0)])
def test_from_0_to_the_largest(seed):
    check_seed(seed)
    state = np.random.RandomState(seed)
    x, _ = spiral.load_data(seed)
    angle = 0.04 + state.randn(2)[1] * 0.2                  # of the second point, whose radius is 0.01
    np.testing.assert_allclose(x[1], [0.01 * np.sin(angle), 0.01 * np.cos(angle)], rtol=1e-6)


@pytest.mark.parametrize('load', [spiral.load_data, lambda seed: sequence.load_data(seed=seed),
                                  lambda seed: toy.load_data(seed=seed), lambda seed: digits.load_data(seed=seed),
                                  check_seed])
@pytest.mark.parametrize('seed', [LARGEST + 1, -1, 0.0])
def test_none_beyond(load, seed):
    with pytest.raises(InputError, match=r'^seed: expected an integer from 0 to 4294967295, got '):
        load(seed)
