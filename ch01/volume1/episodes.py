"""Where an agent lives: environments, episodes played in them, the best agent so far, its file and its picture.

An environment is what gymnasium calls so: reset(seed=None) -> (state, facts), and step(action) -> (state, reward,
terminated, truncated, facts).
"""
import warnings
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy

from ch01.volume1.agents import greedy
from common.figures import pyplot, show
from common.interrupts import keep_on_interrupt
from common.storage import move_aside

SOLVED = 195            # the mean return over 100 episodes from which CartPole counts as learnt
CHOOSING = 10_000       # the seeds of the episodes by which the best network is chosen: from here on
JUDGING = 20_000        # those of the episodes by which it is judged in the end: others


def cart_pole():
    """A function that makes one more CartPole-v1: keep a pole upright on a cart, by pushing it to the left or right.

    State: the cart's place and speed, the pole's angle and its speed. Each step gives 1; 500 steps are the most.
    Barto, Sutton and Anderson, 1983.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')     # of its own parts, which a reader cannot mend
            import gymnasium
    except ImportError:
        raise OSError('gymnasium, which holds CartPole, is not installed: pip install "gymnasium>=1"') from None
    return partial(gymnasium.make, 'CartPole-v1', disable_env_checker=True)


def play(model, environments, choose, first_seed=None):
    """One episode in each environment, side by side, so that the model sees them as a batch.

    choose(scores (n, A)) -> actions (n,). Returns, for each, states (T, D), actions (T,) and rewards (T,).
    """
    seeds = repeat(None) if first_seed is None else range(first_seed, first_seed + len(environments))
    states = [environment.reset(seed=seed)[0] for environment, seed in zip(environments, seeds, strict=False)]
    steps: list = [[] for _ in environments]
    running = list(range(len(environments)))
    while running:
        x = numpy.stack([states[i] for i in running])                           # (n, D)
        actions = choose(model.predict(x)).tolist()
        still = []
        for i, state, action in zip(running, x, actions, strict=True):
            states[i], reward, terminated, truncated, _ = environments[i].step(action)
            steps[i].append((state, action, reward))
            if not (terminated or truncated):
                still.append(i)
        running = still
    return [tuple(numpy.array(column) for column in zip(*episode, strict=True)) for episode in steps]


def greedy_returns(model, environments, first_seed):
    """The sum of the rewards of one episode in each environment, by the action of the largest score: a list."""
    return [float(rewards.sum()) for _, _, rewards in play(model, environments, greedy, first_seed)]


class Course:
    """What becomes of an agent: the return of each episode of its training, and each greedy evaluation.

    model: what is trained; make: makes an environment. The parameters of the best evaluation are kept.
    """

    def __init__(self, model, make, episodes=20):
        self.model = model
        self.judges = [make() for _ in range(episodes)]
        self.returns: list[float] = []          # of each episode of the training
        self.evaluations: list[tuple[int, float]] = []      # after so many episodes, the greedy mean
        self.best = -numpy.inf
        self.best_params = None

    def evaluate(self, said):
        """Play greedily, keep the network if none was better, and print a line. said: what the line begins with."""
        mean = float(numpy.mean(greedy_returns(self.model, self.judges, CHOOSING)))
        if mean >= self.best:
            self.best, self.best_params = mean, [param.copy() for param in self.model.params]
        self.evaluations.append((len(self.returns), mean))
        last = numpy.mean(self.returns[-20:]) if self.returns else numpy.nan
        print(f'| {said} | episode {len(self.returns)} | last 20 returns {last:.1f} | greedy {mean:.1f}')
        return mean

    def restore(self):
        """Let the model be the best that was kept."""
        for param, best in zip(self.model.params, self.best_params or self.model.params, strict=True):
            param[...] = best


@contextmanager
def keeping(course, name, flags):
    """Within it the agent learns; at its end the model is the best one, and NAME.npz is written.

    Stopped by Ctrl-C, the best one so far goes into NAME_interrupted.npz. Files of those names are moved aside first.
    """
    def save(path):
        course.restore()
        move_aside(path)
        return course.model.save_params(path, {'flags': flags, 'episodes': len(course.returns)})

    with keep_on_interrupt(partial(save, Path(f'{name}_interrupted.npz'))):
        yield
        print('weights:', save(Path(f'{name}.npz')).resolve())


def judge(model, make, episodes=100):
    """The mean return over episodes on which nothing was chosen; prints it."""
    returns = greedy_returns(model, [make() for _ in range(episodes)], JUDGING)
    print(f'greedy, over {episodes} other episodes: {numpy.mean(returns):.1f} (from {min(returns):.0f} to '
          f'{max(returns):.0f})')
    return float(numpy.mean(returns))


def plot_course(course, title, name, width=20):
    """Draw the returns of the training, their mean over the last `width` episodes, and the greedy evaluations."""
    plt = pyplot()
    plt.figure(figsize=(9, 5))
    numbers = numpy.arange(1, len(course.returns) + 1)
    plt.plot(numbers, course.returns, '.', markersize=3, color='C0', alpha=0.35, label='an episode of the training')
    sums = numpy.cumsum([0, *course.returns])
    first = numpy.maximum(numbers - width, 0)
    plt.plot(numbers, (sums[numbers] - sums[first]) / (numbers - first), color='C0', label=f'mean of the last {width}')
    plt.plot(*zip(*course.evaluations, strict=True), 'o-', color='C1', markersize=4, linewidth=1,
             label=f'greedy, mean of {len(course.judges)} episodes')
    kept = max(course.evaluations, key=lambda evaluation: evaluation[::-1])     # the last of the best
    plt.plot(*kept, '*', color='C3', markersize=15, label='the network that is kept')
    plt.axhline(SOLVED, color='gray', linestyle='--', linewidth=1, label=f'learnt: {SOLVED}')
    plt.title(title)
    plt.xlabel('episode')
    plt.ylabel('return (steps until the pole fell)')
    plt.grid(True)
    plt.legend()
    show(name)
