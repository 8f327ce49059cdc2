"""Language models that write text (book, 7.1)."""
import math

import numpy

from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.checks import (
    InputError,
    InputTypeError,
    brief,
    check_id,
    check_integer,
    check_number,
    check_range,
    check_sizes,
)
from common.functions import softmax
from common.np import to_cpu

TRIES = 100     # draws of skipped ids in a row, after which they have no probability: to go on could take for ever


def sample_ids(model, start_id, skip_ids, sample_size, temperature=1.0, top_k=None, top_p=None):
    """sample_size ids, a list: start_id, then each drawn with the probability that the model gives it after the last.

    An id in skip_ids is not taken: the model reads the last word once more and another is drawn, as in the book. The
    model goes on from the state it is in, and keeps the one it ends in.
    temperature, top_k, top_p: see draw_id. With any of them, the ids of skip_ids have no probability from the start;
    else they have none after TRIES draws of them.
    """
    vocab_size = len(model.params[0])
    check_id('start_id', start_id, vocab_size)
    taken = check_drawing(vocab_size, skip_ids, sample_size, temperature, top_k, top_p)
    as_the_book = temperature == 1 and top_k is None and top_p is None
    ids = [int(start_id)]
    tries = 0
    while len(ids) < sample_size:
        score = model.predict(numpy.array([[ids[-1]]]))     # (1, 1, V)
        among = None if as_the_book and tries < TRIES else taken
        sampled = draw_id(score.ravel(), among, temperature, top_k, top_p)
        tries += 1
        if taken[sampled]:
            ids.append(sampled)
            tries = 0
    return ids


def draw_id(score, taken=None, temperature=1.0, top_k=None, top_p=None):
    """An id, drawn with the probabilities p = softmax(score).

    score (V,); taken (V,): bools, False where an id is not to be drawn; None: all are.
    temperature: the scores are divided by it; below 1 the likely ids become likelier.
    top_k: only the so many likeliest ids are drawn (more where scores are equal); None: all. Fan et al., 2018.
    top_p: only the fewest of the likeliest ids whose p add up to top_p or more, the nucleus; None: all. p is what
    taken, temperature and top_k leave. Holtzman et al., 2020.
    """
    score = to_cpu(score).astype('d')   # (V,): in float32 a small p would be lost in the sum
    if not numpy.isfinite(score).all():
        raise FloatingPointError('the model gives a score that is NaN or infinite: look at its parameters')
    if taken is not None:
        score[~taken] = -math.inf
    with numpy.errstate(over='ignore'):         # to −inf: a probability of 0
        score = (score - score.max()) / temperature
    if top_k is not None and top_k < len(score):
        score[score < numpy.partition(score, -top_k)[-top_k]] = -math.inf
    p = to_cpu(softmax(score))
    if top_p is not None:
        order = numpy.argsort(-p)                                           # (V,): the likeliest first
        p[order[int(numpy.searchsorted(p[order].cumsum(), top_p)) + 1:]] = 0
        p /= p.sum()
    cdf = p.cumsum()                    # (V,): as np.random.choice draws, but for its checks, a fifth of a word's time
    cdf /= cdf[-1]
    return int(numpy.searchsorted(cdf, numpy.random.rand(1), side='right')[0])


def check_drawing(vocab_size, skip_ids, sample_size, temperature, top_k, top_p):
    """taken (V,), see draw_id: False for the skip_ids. InputError unless all of these can be drawn with."""
    check_sizes(sample_size=sample_size)
    check_range('temperature', temperature, 0, math.inf)
    if not temperature:
        raise InputError(f'temperature: expected more than 0, got {temperature}')
    if top_k is not None:
        check_sizes(top_k=top_k)
    if top_p is not None:
        check_number('top_p', top_p)
        if not 0 < top_p <= 1:
            raise InputError(f'top_p: expected more than 0, up to 1, got {top_p}')
    try:
        skip_ids = set() if skip_ids is None else set(skip_ids)
    except TypeError:
        raise InputTypeError(f'skip_ids: expected a list of ids, got {brief(skip_ids)}') from None
    for i in skip_ids:
        check_integer('skip_ids', i)
    taken = numpy.ones(vocab_size, bool)                # (V,)
    taken[[int(i) for i in skip_ids if 0 <= i < vocab_size]] = False
    if not taken.any():
        raise InputError(f'skip_ids: expected at least one id to be left, got all {vocab_size} ids')
    return taken


class RnnlmGen(Rnnlm):
    """Rnnlm with `generate` (see sample_ids); a state is h, c (N, H)."""

    def generate(self, start_id, skip_ids=None, sample_size=100, temperature=1.0, top_k=None, top_p=None):
        return sample_ids(self, start_id, skip_ids, sample_size, temperature, top_k, top_p)

    def get_state(self):
        return self.lstm_layer.h, self.lstm_layer.c

    def set_state(self, state):
        self.lstm_layer.set_state(*state)


class BetterRnnlmGen(BetterRnnlm):
    """BetterRnnlm with `generate` (see sample_ids); a state is a list of h, c (N, H), one pair an LSTM."""

    def generate(self, start_id, skip_ids=None, sample_size=100, temperature=1.0, top_k=None, top_p=None):
        return sample_ids(self, start_id, skip_ids, sample_size, temperature, top_k, top_p)

    def get_state(self):
        return [(layer.h, layer.c) for layer in self.lstm_layers]

    def set_state(self, states):
        for layer, state in zip(self.lstm_layers, states, strict=True):
            layer.set_state(*state)
