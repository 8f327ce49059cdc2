"""The perplexity of a loss: its exponential, infinite where that could leave float64's range."""
import math

import pytest

from common.optimizer import SGD
from common.trainer import RnnlmTrainer


@pytest.mark.parametrize(('loss', 'perplexity'), [(0.0, 1.0), (2.0, 7.38905609893065), (699.9, math.exp(699.9)),
                                                  (700.0, math.inf), (1e9, math.inf), (math.inf, math.inf)])
def test_record(loss, perplexity):
    trainer = RnnlmTrainer(None, SGD())
    assert trainer.record(loss) == pytest.approx(perplexity, rel=1e-12)
    assert trainer.ppl_list == [pytest.approx(perplexity, rel=1e-12)]
