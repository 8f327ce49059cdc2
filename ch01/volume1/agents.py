"""What an agent learns with: two networks and their losses, a memory of what it saw, the returns of what it did.

A state is (D,) numbers, an action an id below A. N is a batch of steps, not of episodes.
"""
import math

from ch01.volume1.multi_layer_net import MultiLayerNet
from common.checks import InputError, check_array, check_ids, check_number, check_range, check_shape, check_sizes
from common.functions import softmax
from common.layers import Layer
from common.np import np
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


class ActionLoss(Layer):
    """What both losses share: the look at what comes in, actions (N,) taken and a number (N,) for each."""

    def check(self, x, t, name):
        check_shape('x', x, 'NA')
        actions, numbers = t
        N, A = x.shape
        check_array('actions', actions)
        check_array(name, numbers)
        if actions.shape != (N,) or numbers.shape != (N,):
            raise InputError(f't: expected actions ({N},) and {name} ({N},), got {actions.shape} and {numbers.shape}')
        check_ids(actions, A, 'actions')
        self.actions, self.rows = actions.astype(np.int64), np.arange(N)
        return numbers.astype(x.dtype, copy=False)


class ActionValueLoss(ActionLoss):
    """Mean of h(e), e = Q[action] − target, with h(e) = ½ e² where |e| ≤ 1, else |e| − ½ (Huber): its slope is cut at 1.

    x = Q (N, A), t = (actions (N,), targets (N,)) -> loss. Mnih et al., 2015, who call it clipping the error.
    """

    def forward(self, x, t):
        targets = self.check(x, t, 'targets')
        error = x[self.rows, self.actions] - targets                            # (N,)
        self.slope, self.shape = np.clip(error, -1, 1), x.shape
        return (self.slope * (error - 0.5 * self.slope)).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        dx = np.zeros(self.shape, self.slope.dtype)                             # (N, A)
        dx[self.rows, self.actions] = self.slope * float(dout / len(self.slope))
        return dx


class PolicyGradientLoss(ActionLoss):
    """Mean of −advantage · log π[action], with π = softmax(x): down its gradient goes what REINFORCE adds.

    x (N, A) scores, t = (actions (N,), advantages (N,)) -> loss. Where the advantage is above 0, the action becomes
    likelier. Williams, 1992.
    """

    def forward(self, x, t):
        self.advantages = self.check(x, t, 'advantages')
        self.y = softmax(x)                                                     # (N, A)
        chosen = self.y[self.rows, self.actions]                                # (N,)
        return -(self.advantages * np.log(chosen + x.dtype.type(1e-7))).mean()

    def backward(self, dout=1):
        check_number('dout', dout)
        dx = self.y.copy()                                                      # (N, A)
        dx[self.rows, self.actions] -= 1
        dx *= (self.advantages * float(dout / len(dx)))[:, None]
        return dx


# ---- what is learnt from


class ReplayBuffer:
    """The last `capacity` steps that an agent took, in arrays; a new one takes the place of the oldest.

    A step: state (D,), action, reward, the next state (D,), and whether the episode was over there. Lin, 1992.
    """

    def __init__(self, capacity, state_size):
        check_sizes(capacity=capacity, state_size=state_size)
        self.arrays = (np.zeros((capacity, state_size), 'f'), np.zeros(capacity, np.int64), np.zeros(capacity, 'f'),
                       np.zeros((capacity, state_size), 'f'), np.zeros(capacity, bool))
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
        at = np.random.randint(len(self), size=batch_size)
        return tuple(array[at] for array in self.arrays)


def td_targets(rewards, next_q, terminated, gamma):
    """r + γ max Q(next state), and r alone where the episode ended there. (N,), (N, A), (N,) -> (N,).

    An episode that was only cut short, at its limit of steps, did not end: there the future counts.
    """
    return rewards + gamma * np.where(terminated, 0, next_q.max(axis=1)).astype(rewards.dtype)


def discounted_returns(rewards, gamma):
    """G_t = r_t + γ r_{t+1} + γ² r_{t+2} + … of one episode. (T,) -> (T,)."""
    check_range('gamma', gamma, 0, 1.001)
    returns = np.zeros(len(rewards))
    later = 0.0
    for t in reversed(range(len(rewards))):
        later = rewards[t] + gamma * later
        returns[t] = later
    return returns


def advantages(returns):
    """(G − mean) / standard deviation over the batch: the mean is the baseline. (N,) -> (N,)."""
    return (returns - returns.mean()) / (returns.std() + 1e-8)


# ---- from scores to actions


def greedy(scores):
    """The action with the largest score in each row. (N, A) -> (N,)."""
    return scores.argmax(axis=1)


def drawn(scores):
    """An action for each row, drawn with the probabilities softmax(scores). (N, A) -> (N,)."""
    edges = softmax(scores).cumsum(axis=1)                                      # (N, A)
    return (np.random.rand(len(scores), 1) * edges[:, -1:] >= edges[:, :-1]).sum(axis=1)
