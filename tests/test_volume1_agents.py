"""The agents of volume 1's review: what they learn from, by hand, and that they learn: in a corridor, on CartPole."""
import copy
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ch01.volume1 import train_dqn, train_reinforce
from ch01.volume1.agents import (
    DQN,
    ActionValueLoss,
    Policy,
    PolicyGradientLoss,
    ReplayBuffer,
    advantages,
    copy_params,
    discounted_returns,
    drawn,
    improve,
    td_targets,
)
from ch01.volume1.episodes import CHOOSING, Course, greedy_returns, keeping, play
from common.checks import InputError
from common.gradient_check import check_gradients
from common.optimizer import SGD, Adam
from common.weight_files import load_weights

ROOT = Path(__file__).resolve().parent.parent


class Corridor:
    """Five cells in a row; the way out is at the right end. Each step costs 1, and after 20 the episode is cut short.

    As gymnasium's environments are. From the left end, where it begins, the best return is −4.
    """

    def __init__(self):
        self.seeds = []

    def state(self):
        return np.eye(5, dtype='f')[self.at]

    def reset(self, seed=None):
        self.seeds.append(seed)
        self.at = self.steps = 0
        return self.state(), {}

    def step(self, action):
        self.at = max(self.at + (1 if action == 1 else -1), 0)
        self.steps += 1
        return self.state(), -1.0, self.at == 4, self.steps == 20, {}


class Always:
    """A model whose scores are the same everywhere."""

    def __init__(self, *scores):
        self.params = [np.array(scores, 'f')]

    def predict(self, x):
        return np.tile(self.params[0], (len(x), 1))


# ---- what is learnt from, by hand


def test_targets_by_hand():
    rewards = np.array([1, 1, -2], 'f')
    next_q = np.array([[3, 5], [7, 9], [-4, -8]], 'f')
    found = td_targets(rewards, next_q, np.array([False, True, False]), 0.5)
    assert found.tolist() == [1 + 0.5 * 5, 1, -2 + 0.5 * -4] and found.dtype == np.float32


def test_returns_by_hand():
    assert discounted_returns(np.array([1.0, 2.0, 4.0]), 0.5).tolist() == [1 + 1 + 1, 2 + 2, 4]
    assert discounted_returns(np.ones(4), 1).tolist() == [4, 3, 2, 1]
    assert discounted_returns(np.array([3.0, 5.0]), 0).tolist() == [3, 5]


def test_advantages_by_hand():
    np.testing.assert_allclose(advantages(np.array([1.0, 3.0, 5.0, 3.0])), np.array([-2, 0, 2, 0]) / 2**0.5, rtol=1e-6)
    assert advantages(np.array([7.0, 7.0])).tolist() == [0, 0]


def test_the_memory_forgets_the_oldest():
    memory = ReplayBuffer(3, 2)
    with pytest.raises(InputError, match='steps to draw from'):
        memory.sample(1)
    for i in range(2):
        memory.add([i, -i], i, 10 * i, [i + 0.5, 0], i == 1)
    assert len(memory) == 2 and set(memory.sample(100)[1]) == {0, 1}        # none of the empty places
    for i in range(2, 5):
        memory.add([i, -i], i, 10 * i, [i + 0.5, 0], i == 4)
    states, actions, rewards, next_states, ends = memory.sample(200)
    assert len(memory) == 3 and set(actions) == {2, 3, 4}
    np.testing.assert_array_equal(states, np.stack([actions, -actions], axis=1))
    np.testing.assert_array_equal(rewards, 10 * actions)
    np.testing.assert_array_equal(next_states[:, 0], actions + 0.5)
    np.testing.assert_array_equal(ends, actions == 4)


# ---- losses


def test_the_loss_of_action_values_by_hand():
    layer = ActionValueLoss()
    q = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    # errors 2 − 1.5 = 0.5, 3 − 7 = −4 and 5 − 2 = 3: ½ · 0.25, 4 − ½ and 3 − ½
    assert layer.forward(q, (np.array([1, 0, 0]), np.array([1.5, 7, 2]))) == pytest.approx((0.125 + 3.5 + 2.5) / 3)
    np.testing.assert_allclose(layer.backward(), np.array([[0, 0.5], [-1, 0], [1, 0]]) / 3)
    np.testing.assert_allclose(layer.backward(2), np.array([[0, 0.5], [-1, 0], [1, 0]]) / 1.5)


def test_the_loss_of_a_policy_by_hand():
    layer = PolicyGradientLoss()
    scores = np.log([[0.25, 0.75], [0.5, 0.5]])
    assert layer.forward(scores, (np.array([1, 0]), np.array([2.0, -1.0]))) == pytest.approx(
        (-2 * np.log(0.75) + np.log(0.5)) / 2, rel=1e-6)
    np.testing.assert_allclose(layer.backward(), [[0.25, -0.25], [0.25, -0.25]])


@pytest.mark.parametrize('make', [DQN, Policy])
@pytest.mark.parametrize('layers', [1, 2])
def test_gradients(make, layers):
    model = make(3, 4, 3, layers, dtype='d')
    model.layers[0].needs_dx = True
    for b in model.params[1::2]:        # no 0, so that no hidden unit stands at the kink of its ReLU
        b[...] = np.random.randn(len(b))
    actions = np.array([0, 2, 1, 2, 0, 1])
    check_gradients(model, np.random.randn(6, 3), (actions, 2 * np.random.randn(6)), tolerance=1e-4)


@pytest.mark.parametrize('make', [ActionValueLoss, PolicyGradientLoss])
def test_gradients_of_the_scores(make):
    check_gradients(make(), np.random.randn(6, 3), (np.array([0, 2, 1, 2, 0, 1]), 2 * np.random.randn(6)))


def test_the_expected_gradient_is_that_of_the_expected_return():
    """One state, three actions with rewards r: E[−r ∇log π] over the actions is −∇ Σ π r. Williams, 1992, theorem 1."""
    scores, rewards, eps = np.array([[0.3, -0.5, 0.9]]), np.array([2.0, -1.0, 0.5]), 1e-6

    def probabilities(x):
        return np.exp(x) / np.exp(x).sum()

    expected = np.array([probabilities(scores + row) @ rewards - probabilities(scores - row) @ rewards
                         for row in eps * np.eye(3)[:, None]])[:, 0] / (2 * eps)
    layer, found = PolicyGradientLoss(), np.zeros((1, 3))
    for action, p in enumerate(probabilities(scores)[0]):
        layer.forward(scores, (np.array([action]), rewards[[action]]))
        found -= p * layer.backward()
    np.testing.assert_allclose(found[0], expected, atol=1e-8)


@pytest.mark.parametrize(('t', 'message'), [
    ((np.array([0, 2]), np.ones(2)), 'actions: expected ids from 0 to 1'),
    ((np.array([0]), np.ones(2)), r't: expected actions \(2,\)'),
    ((np.array([0, 1]), np.ones((2, 1))), r't: expected actions \(2,\)'),
    ((np.array([0.0, 1.0]), np.ones(2)), 'actions: expected integers'),
])
@pytest.mark.parametrize('make', [DQN, Policy])
def test_what_does_not_fit_is_told(make, t, message):
    with pytest.raises(InputError, match=message):
        make(3, 4, 2).forward(np.ones((2, 3), 'f'), t)


def test_a_loss_that_is_not_finite_changes_nothing():
    model = DQN(3, 4, 2)
    before = copy.deepcopy(model.params)
    with pytest.raises(FloatingPointError, match='the loss is nan'):
        improve(model, SGD(), np.ones((1, 3), 'f'), (np.array([0]), np.array([np.nan])))
    for param, old in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(param, old)


# ---- episodes


def test_actions_are_drawn_with_their_probabilities():
    p = np.array([0.2, 0.0, 0.5, 0.3])
    counts = np.bincount(drawn(np.tile(np.log(p + 1e-30), (20000, 1))), minlength=4)
    assert counts[1] == 0
    np.testing.assert_allclose(counts / 20000, p, atol=0.015)       # five standard deviations


def test_episodes_side_by_side_end_each_at_its_own_time():
    rooms = [Corridor() for _ in range(3)]

    def choose(scores):         # the first two go right; the third goes left, and is alone after four steps
        assert scores.shape == ((3, 2) if rooms[2].steps < 4 else (1, 2))
        return np.array([1, 1, 0])[-len(scores):]

    episodes = play(Always(0, 0), rooms, choose, first_seed=7)
    assert [room.seeds for room in rooms] == [[7], [8], [9]]
    assert [rewards.sum() for _, _, rewards in episodes] == [-4, -4, -20]
    states, actions, _ = episodes[1]
    assert states.argmax(axis=1).tolist() == [0, 1, 2, 3] and actions.tolist() == [1, 1, 1, 1]
    assert greedy_returns(Always(0, 1), rooms, 0) == [-4] * 3 and greedy_returns(Always(1, 0), rooms, 0) == [-20] * 3


def test_the_best_network_is_kept_and_files_are_moved_aside(capsys):
    model = Policy(5, 3, 2)
    right, left = copy.deepcopy(model), copy.deepcopy(model)
    for network, action in ((right, 1), (left, 0)):
        network.params[-1][action] = 1000
    course = Course(model, Corridor, episodes=2)
    for number in range(2):
        with keeping(course, 'Policy', {'seed': number}):
            for network in (left, right, left):
                copy_params(network, model)
                course.evaluate('step')
    assert [mean for _, mean in course.evaluations] == [-20, -4, -20] * 2 and course.judges[1].seeds[-1] == CHOOSING + 1
    for name, seed in (('Policy.1.npz', 0), ('Policy.npz', 1)):
        weights = load_weights(name)
        assert weights.arrays[-1].tolist() == right.params[-1].tolist()
        assert weights.about['flags'] == {'seed': seed} and weights.about['class'] == 'Policy'
    assert 'Policy.npz was there and is now Policy.1.npz' in capsys.readouterr().out


def test_what_was_learnt_is_kept_on_ctrl_c(capsys):
    course = Course(DQN(5, 3, 2), Corridor, episodes=2)
    with pytest.raises(KeyboardInterrupt), keeping(course, 'DQN', {}):
        course.evaluate('step')
        best = course.model.params[0].copy()
        course.model.params[0] += 1
        os.kill(os.getpid(), signal.SIGINT)
    assert sorted(path.name for path in Path().iterdir()) == ['DQN_interrupted.npz']
    np.testing.assert_array_equal(load_weights('DQN_interrupted.npz').arrays[0], best)
    assert 'what was learnt so far is in' in capsys.readouterr().err


DQN_FLAGS = {'gamma': 0.9, 'reward_scale': 0.5, 'batch_size': 16, 'memory_size': 500, 'first_steps': 50,
             'train_interval': 2, 'target_interval': 20, 'eval_interval': 500, 'epsilon': 0.1, 'epsilon_steps': 500}


def test_dqn_finds_the_way_out():
    course = Course(DQN(5, 16, 2), Corridor, episodes=1)
    train_dqn.learn(course, Corridor(), Adam(0.005), steps=1500, **DQN_FLAGS)
    assert [mean for _, mean in course.evaluations][-1] == -4 and course.returns[0] < -4
    # from each cell the value of going right: −1 − 0.9 − …, as many as there are steps to go, times reward_scale
    q = course.model.predict(np.eye(5, dtype='f')[:4])
    np.testing.assert_allclose(q[:, 1], 0.5 * np.array([-3.439, -2.71, -1.9, -1]), atol=0.1)


def test_reinforce_finds_the_way_out():
    course = Course(Policy(5, 16, 2), Corridor, episodes=1)
    rooms = [Corridor() for _ in range(8)]
    train_reinforce.learn(course, rooms, Adam(0.02), updates=30, gamma=0.99, eval_interval=10)
    assert course.evaluations[-1] == (240, -4)
    assert np.mean(course.returns[:16]) < -8 and np.mean(course.returns[-16:]) > -5
    assert len({room.seeds[0] for room in rooms}) == 8 and rooms[0].seeds[1:] == [None] * 29


@pytest.mark.parametrize(('name', 'value'), [('gamma', 1.1), ('epsilon', -0.1), ('gamma', float('nan'))])
def test_shares_are_from_0_to_1(name, value):
    course = Course(DQN(5, 3, 2), Corridor, episodes=1)
    with pytest.raises(InputError, match=f'{name}: expected 0 to 1, got'):
        train_dqn.learn(course, Corridor(), SGD(), steps=1, **DQN_FLAGS | {name: value})


# ---- the scripts


@pytest.mark.parametrize('script', ['train_dqn', 'train_reinforce'])
def test_without_gymnasium_one_sentence_says_what_to_install(script):
    code = f'import sys; sys.modules["gymnasium"] = None; from ch01.volume1.{script} import main, run; run(main)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.count('\n') == 1 and 'pip install "gymnasium' in done.stderr
    assert os.listdir() == []


@pytest.mark.slow
def test_dqn_on_cart_pole():
    pytest.importorskip('gymnasium')
    flags = {'steps': 1500, 'first_steps': 100, 'eval_interval': 500, 'hidden_size': 8, 'seed': 3}
    result = train_dqn.main(**flags)
    assert [episode for episode, _ in result['evaluations']][-1] == len(result['returns'])
    assert 8 <= result['greedy mean'] <= 500 and 1400 < sum(result['returns']) <= 1500      # a step gives 1
    assert Path('DQN.npz').is_file() and Path('ch01_volume1_train_dqn.png').is_file()
    assert train_dqn.main(**flags) == result


@pytest.mark.slow
def test_reinforce_on_cart_pole():
    pytest.importorskip('gymnasium')
    result = train_reinforce.main(updates=30, seed=0)
    assert len(result['returns']) == 480 and result['greedy mean'] > 100        # untrained 10 to 40
    assert Path('Policy.npz').is_file() and Path('ch01_volume1_train_reinforce.png').is_file()
