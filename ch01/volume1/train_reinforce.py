"""A first agent: REINFORCE learns to balance a pole on a cart, from whole episodes (Williams, 1992).

A network gives the probability of each action. Actions behind which more came than usual become likelier: the baseline
is the mean return of the batch. gymnasium brings the cart: pip install "gymnasium>=1". The weights of the best greedy
evaluation go into Policy.npz; there is no checkpoint to resume from.
"""
from typing import Annotated

import numpy

from ch01.volume1.agents import Policy, advantages, check_share, discounted_returns, drawn, improve
from ch01.volume1.episodes import Course, cart_pole, judge, keeping, play, plot_course
from common.cli import SEEDS, run
from common.interrupts import StepGuard
from common.np import np
from common.optimizer import Adam


def learn(course, environments, optimizer, *, updates, gamma, eval_interval):
    """Let course.model learn from so many batches of episodes, one in each environment."""
    check_share('gamma', gamma)
    model = course.model
    seed = int(numpy.random.randint(2**31))     # of the first batch; the environments go on by themselves
    with StepGuard() as guard:
        for update in range(1, updates + 1):
            episodes = play(model, environments, drawn, seed if update == 1 else None)
            course.returns += [float(rewards.sum()) for _, _, rewards in episodes]
            states, actions = (numpy.concatenate([episode[i] for episode in episodes]) for i in (0, 1))
            # (N, D), (N,), and (N,)
            returns = numpy.concatenate([discounted_returns(rewards, gamma) for _, _, rewards in episodes])
            improve(model, optimizer, states, (actions, advantages(returns)))
            if update % eval_interval == 0 or update == updates:
                course.evaluate(f'update {update} / {updates}')
            guard.check()


def main(
    # model
    hidden_size: Annotated[int, 'units of each hidden layer'] = 64,
    layers: Annotated[int, 'hidden layers'] = 1,
    # training
    updates: Annotated[int, 'steps of the training'] = 100,
    episodes: Annotated[int, 'episodes in one of them'] = 16,
    gamma: Annotated[float, 'what a reward is worth a step later'] = 0.99,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.01,
    # judging
    eval_interval: Annotated[int, 'updates after which the network plays greedily'] = 5,
    # chance
    seed: Annotated[int | None, 'of weights, actions and episodes, for a run that can be repeated', SEEDS] = None,
):
    """Train, save, judge and draw; returns a dict of the episodes' returns, the evaluations and the final mean."""
    flags = dict(locals())
    make = cart_pole()
    if seed is not None:
        np.random.seed(seed)
    model = Policy(4, hidden_size, 2, layers)
    course = Course(model, make)
    with keeping(course, 'Policy', flags):
        learn(course, [make() for _ in range(episodes)], Adam(learning_rate), updates=updates, gamma=gamma,
              eval_interval=eval_interval)
    mean = judge(model, make)
    plot_course(course, f'REINFORCE on CartPole, {mean:.0f} of 500 steps over 100 other episodes',
                'ch01_volume1_train_reinforce')
    return {'returns': course.returns, 'evaluations': course.evaluations, 'greedy mean': mean}


if __name__ == '__main__':
    run(main)
