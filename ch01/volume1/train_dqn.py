"""A first agent: DQN learns to balance a pole on a cart, from the steps that it remembers (Mnih et al., 2015).

A network says of each action what return it promises, Q. An older copy of itself teaches it r + γ max Q(next state).
gymnasium brings the cart: pip install "gymnasium>=1". The weights of the best greedy evaluation go into DQN.npz; there
is no checkpoint to resume from, for the memory is not saved.
"""
import copy
from typing import Annotated

import numpy

from ch01.volume1.agents import DQN, ReplayBuffer, check_share, copy_params, greedy, improve, td_targets
from ch01.volume1.episodes import Course, cart_pole, judge, keeping, plot_course
from common.cli import SEEDS, run
from common.interrupts import StepGuard
from common.np import np
from common.optimizer import Adam


def learn(course, environment, optimizer, *, steps, gamma, reward_scale, batch_size, memory_size, first_steps,
          train_interval, target_interval, epsilon, epsilon_steps, eval_interval):
    """Let course.model learn from so many steps in the environment. See main for what the others mean."""
    check_share('gamma', gamma)
    check_share('epsilon', epsilon)
    model = course.model
    teacher = copy.deepcopy(model)
    state, _ = environment.reset(seed=int(numpy.random.randint(2**31)))
    memory = ReplayBuffer(memory_size, len(state))
    total = 0.0
    with StepGuard() as guard:
        for step in range(1, steps + 1):
            scores = model.predict(state[None])                                 # (1, A)
            action = int(greedy(scores)[0])
            if numpy.random.rand() < 1 - (1 - epsilon) * min(step / epsilon_steps, 1):
                action = numpy.random.randint(scores.shape[1])
            next_state, reward, terminated, truncated, _ = environment.step(action)
            memory.add(state, action, reward * reward_scale, next_state, terminated)
            state, total = next_state, total + reward
            if terminated or truncated:
                course.returns.append(total)
                state, total = environment.reset()[0], 0.0

            if step >= first_steps and step % train_interval == 0:
                states, actions, rewards, next_states, ends = memory.sample(batch_size)
                targets = td_targets(rewards, teacher.predict(next_states), ends, gamma)    # (N,)
                improve(model, optimizer, states, (actions, targets))
            if step % target_interval == 0:
                copy_params(model, teacher)
            if step % eval_interval == 0 or step == steps:
                course.evaluate(f'step {step} / {steps}')
            guard.check()


def main(
    # model
    hidden_size: Annotated[int, 'units of each hidden layer'] = 64,
    layers: Annotated[int, 'hidden layers'] = 2,
    # training
    steps: Annotated[int, 'steps in the environment'] = 50000,
    gamma: Annotated[float, 'what a reward is worth a step later'] = 0.99,
    # errors above 1 are clipped, and with them what the pole's fall has to tell: so Q should stay near 1. With rewards
    # of 1 it should come to 100, and can run away beyond 100,000
    reward_scale: Annotated[float, 'factor of the rewards from which it learns'] = 0.01,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.001,
    batch_size: Annotated[int, 'remembered steps in one step of the training'] = 64,
    memory_size: Annotated[int, 'steps that are remembered'] = 50000,
    first_steps: Annotated[int, 'steps before the training begins'] = 1000,
    train_interval: Annotated[int, 'steps in the environment for one of the training'] = 2,
    target_interval: Annotated[int, 'steps after which the network that gives the targets becomes the new one'] = 200,
    # exploration
    epsilon: Annotated[float, 'share of the actions that are drawn at random in the end; it begins with 1'] = 0.05,
    epsilon_steps: Annotated[int, 'steps until it has come down to that'] = 10000,
    # judging
    eval_interval: Annotated[int, 'steps after which the network plays greedily'] = 2000,
    # chance
    seed: Annotated[int | None, 'of weights, exploration and episodes, for a run that can be repeated', SEEDS] = None,
):
    """Train, save, judge and draw; returns a dict of the episodes' returns, the evaluations and the final mean."""
    flags = dict(locals())
    make = cart_pole()
    if seed is not None:
        np.random.seed(seed)
    model = DQN(4, hidden_size, 2, layers)
    course = Course(model, make)
    with keeping(course, 'DQN', flags):
        learn(course, make(), Adam(learning_rate), steps=steps, gamma=gamma, reward_scale=reward_scale,
              batch_size=batch_size, memory_size=memory_size, first_steps=first_steps, train_interval=train_interval,
              target_interval=target_interval, epsilon=epsilon, epsilon_steps=epsilon_steps,
              eval_interval=eval_interval)
    mean = judge(model, make)
    plot_course(course, f'DQN on CartPole, {mean:.0f} of 500 steps over 100 other episodes',
                'ch01_volume1_train_dqn')
    return {'returns': course.returns, 'evaluations': course.evaluations, 'greedy mean': mean}


if __name__ == '__main__':
    run(main)
