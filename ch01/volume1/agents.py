"""What an agent learns with: two networks and their losses, a memory of what it saw, the returns of what it did.

A state is (D,) numbers, an action an id below A. N is a batch of steps, not of episodes.
"""
import math

import numpy

from ch01.volume1.multi_layer_net import MultiLayerNet
from common.checks import (
    InputError,
    InputTypeError,
    check_array,
    check_ids,
    check_number,
    check_shape,
    check_sizes,
)
from common.functions import pick, softmax, subtract_labels
from common.layers import Layer
from common.np import np, to_cpu
from common.trainer import train_step


class DQN(MultiLayerNet):
    """x (N, D) states -> Q (N, A): the discounted return that is expected behind each action. Mnih et al., 2015.

    forward(x, (actions, targets)), (N,) each, is the loss of ActionValueLoss. layers: how many hidden ones, ReLU.
    """

    def __init__(self, state_size, hidden_size, action_size, layers=2, dtype='f'):
        super().__init__(state_size, hidden_sizes(hidden_size, layers), action_size, dtype=dtype)
        self.loss_layer = ActionValueLoss()


class Policy(MultiLayerNet):
    """x (N, D) states -> scores (N, A), whose softmax is the probability of each action. Williams, 1992.

    forward(x, (actions, advantages)), (N,) each, is the loss of PolicyGradientLoss. layers: how many hidden ones, ReLU.
    """

    def __init__(self, state_size, hidden_size, action_size, layers=2, dtype='f'):
        super().__init__(state_size, hidden_sizes(hidden_size, layers), action_size, dtype=dtype)
        self.loss_layer = PolicyGradientLoss()


def hidden_sizes(hidden_size, layers):
    check_sizes(hidden_size=hidden_size, layers=layers)
    return [hidden_size] * layers


def check_share(name, number):
    """InputError unless number lies in 0 … 1, both ends included."""
    check_number(name, number)
    if not 0 <= number <= 1:
        raise InputError(f'{name}: expected 0 to 1, got {number}')


def improve(model, optimizer, x, t):
    """One step of training on states x (N, D) and t, as the model's forward takes them; returns the loss."""
    loss = train_step(model, optimizer, x, t)
    if not math.isfinite(loss):
        raise FloatingPointError(f'the loss is {float(loss)}: try a smaller learning rate')
    return loss


def copy_params(source, target):
    """Let the parameters of target be those of source."""
    for old, new in zip(target.params, source.params, strict=True):
        old[...] = new


# ---- losses


def check_steps(x, t, name):
    """Scores x (N, A) and t = (actions, numbers), (N,) each, must fit; returns actions int64, numbers as x's type."""
    check_shape('x', x, 'NA')
    if x.dtype.kind != 'f':
        raise InputTypeError(f'x: expected an array of floats, got {x.dtype}')
    actions, numbers = t
    check_array('actions', actions)
    check_array(name, numbers)
    N, A = x.shape
    if actions.shape != (N,) or numbers.shape != (N,):
        raise InputError(f't: expected actions ({N},) and {name} ({N},), got {actions.shape} and {numbers.shape}')
    check_ids(to_cpu(actions), A, 'actions')
    return np.array(actions, np.int64), np.asarray(numbers, x.dtype)


class ActionValueLoss(Layer):
    """Mean of h(e), e = Q[action] − target, with h(e) = ½ e² where |e| ≤ 1, else |e| − ½ (Huber): its slope ends at ±1.

    x = Q (N, A), t = (actions (N,), targets (N,)) -> loss. Mnih et al., 2015, who call it clipping the error.
    """

    def forward(self, x, t):
        self.actions, targets = check_steps(x, t, 'targets')
        error = x[np.arange(len(x)), self.actions] - targets                    # (N,)
        self.slope, self.shape = np.clip(error, -1, 1), x.shape
        return (self.slope * (error - 0.5 * self.slope)).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        N = len(self.slope)
        dx = np.zeros(self.shape, self.slope.dtype)                             # (N, A)
        dx[np.arange(N), self.actions] = self.slope * float(dout / N)
        return dx


class PolicyGradientLoss(Layer):
    """Mean of −advantage · log(π[action] + 1e-7), π = softmax(x): where the advantage is above 0, the action is to
    become likelier.

    x (N, A) scores, t = (actions (N,), advantages (N,)) -> loss. Williams, 1992.
    """

    def forward(self, x, t):
        self.actions, self.advantages = check_steps(x, t, 'advantages')
        self.y = softmax(x)                                                     # (N, A)
        return (self.advantages * -np.log(pick(self.y, self.actions) + 1e-7)).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        dx = self.y.copy()                                                      # (N, A)
        subtract_labels(dx, self.actions)
        dx *= (self.advantages * float(dout / len(dx)))[:, None]
        return dx


# ---- what is learnt from


class ReplayBuffer:
    """The last `capacity` steps that an agent took, in arrays; a new one takes the place of the oldest.

    A step: state (D,), action, reward, the next state (D,), and whether the episode was over there. Lin, 1992.
    """

    def __init__(self, capacity, state_size):
        check_sizes(capacity=capacity, state_size=state_size)
        self.arrays = (numpy.zeros((capacity, state_size), 'f'), numpy.zeros(capacity, numpy.int64),
                       numpy.zeros(capacity, 'f'), numpy.zeros((capacity, state_size), 'f'),
                       numpy.zeros(capacity, bool))
        self.capacity = capacity
        self.added = 0

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, state, action, reward, next_state, terminated):
        at = self.added % self.capacity
        for array, value in zip(self.arrays, (state, action, reward, next_state, terminated), strict=True):
            array[at] = value
        self.added += 1

    def sample(self, batch_size):
        """States (N, D), actions (N,), rewards (N,), next states (N, D), ends (N,): any of those kept, N draws."""
        if not self.added:
            raise InputError('batch_size: expected steps to draw from, but none was added yet')
        at = numpy.random.randint(len(self), size=batch_size)
        return tuple(array[at] for array in self.arrays)


def td_targets(rewards, next_q, terminated, gamma):
    """r + γ max Q(next state), and r alone where the episode ended there. (N,), (N, A), (N,) -> (N,).

    An episode that was only cut short, at its limit of steps, did not end: there the future counts.
    """
    return rewards + gamma * numpy.where(terminated, 0, to_cpu(next_q).max(axis=1)).astype(rewards.dtype)


def discounted_returns(rewards, gamma):
    """G_t = r_t + γ r_{t+1} + γ² r_{t+2} + … of one episode. (T,) -> (T,)."""
    returns, later = [], 0.0
    for reward in reversed(rewards.tolist()):
        later = reward + gamma * later
        returns.append(later)
    return numpy.array(returns[::-1])


def advantages(returns):
    """(G − mean) / standard deviation over the batch: the mean is the baseline. (N,) -> (N,)."""
    return (returns - returns.mean()) / (returns.std() + 1e-8)


# ---- from scores to actions


def greedy(scores):
    """The action with the largest score in each row. (N, A) -> (N,)."""
    return to_cpu(scores).argmax(axis=1)


def drawn(scores):
    """An action for each row, drawn with the probabilities softmax(scores). (N, A) -> (N,)."""
    edges = to_cpu(softmax(scores)).cumsum(axis=1)                              # (N, A)
    return (numpy.random.rand(len(scores), 1) * edges[:, -1:] >= edges[:, :-1]).sum(axis=1)
