"""What a class of a reader's own leaves out is told by its name when it is called."""
import numpy as np
import pytest

from common.layers import Layer
from common.optimizer import SGD, Optimizer
from common.trainer import BaseTrainer


class Mine(Layer):
    pass


class MyOptimizer(Optimizer):
    pass


class MyTrainer(BaseTrainer):
    pass


@pytest.mark.parametrize(('call', 'says'), [
    (lambda: Mine().forward(np.ones(2)), 'Mine.forward'),
    (lambda: Mine().forward(), 'Mine.forward'),
    (lambda: Mine().backward(np.ones(2)), 'Mine.backward'),
    (lambda: Mine().backward(), 'Mine.backward'),
    (lambda: MyOptimizer(0.1).update([np.ones(2)], [np.ones(2)]), 'MyOptimizer.update_elements'),
    (lambda: MyTrainer(None, SGD()).record(1.0), 'MyTrainer.record'),
])
def test_told_by_its_name(call, says):
    with pytest.raises(NotImplementedError) as caught:
        call()
    assert str(caught.value) == says
