"""Language models that write text (book, 7.1)."""
import math

from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.checks import InputError, InputTypeError, brief, check_id, check_integer, check_range, check_sizes
from common.functions import softmax
from common.np import np

TRIES = 100     # draws of skipped ids in a row, after which they have no probability: to go on could take for ever


def sample_ids(model, start_id, skip_ids, sample_size, temperature=1.0, top_k=None):
    """sample_size ids, a list: start_id, then each drawn with the probability that the model gives it after the last.

    An id in skip_ids is not taken: the model reads the last word once more and another is drawn, as in the book. The
    model goes on from the state it is in, and keeps the one it ends in.
    temperature: the scores are divided by it; below 1 the likely ids become likelier.
    top_k: only the so many likeliest ids are drawn (more where scores are equal); None: all.
    With either, the ids of skip_ids have no probability from the start; else they have none after TRIES draws of them.
    Fan, Lewis and Dauphin, 2018 (top-k).
    """
    vocab_size = len(model.params[0])
    check_id('start_id', start_id, vocab_size)
    check_sizes(sample_size=sample_size)
    check_range('temperature', temperature, 0, math.inf)
    if not temperature:
        raise InputError(f'temperature: expected more than 0, got {temperature}')
    if top_k is not None:
        check_sizes(top_k=top_k)
    try:
        skip_ids = set() if skip_ids is None else set(skip_ids)
    except TypeError:
        raise InputTypeError(f'skip_ids: expected a list of ids, got {brief(skip_ids)}') from None
    for i in skip_ids:
        check_integer('skip_ids', i)
    taken = np.array([i not in skip_ids for i in range(vocab_size)])        # (V,)
    if not taken.any():
        raise InputError(f'skip_ids: expected at least one id to be left, got all {vocab_size} ids')
    ids = [int(start_id)]
    tries = 0
    while len(ids) < sample_size:
        score = model.predict(np.array([[ids[-1]]]))        # (1, 1, V)
        score = score.ravel().astype('d')                   # (V,): a sum of float32 is not near enough to 1 for choice
        if not np.isfinite(score).all():
            raise FloatingPointError('the model gives a score that is NaN or infinite: look at its parameters')
        if top_k is not None or temperature != 1 or tries >= TRIES:
            score[~taken] = -np.inf
            with np.errstate(over='ignore'):        # to −inf: a probability of 0
                score = (score - score.max()) / temperature
        if top_k is not None and top_k < vocab_size:
            score[score < np.partition(score, -top_k)[-top_k]] = -np.inf
        p = softmax(score)
        sampled = int(np.random.choice(len(p), size=1, p=p)[0])
        tries += 1
        if sampled not in skip_ids:
            ids.append(sampled)
            tries = 0
    return ids


class RnnlmGen(Rnnlm):
    """Rnnlm with `generate` (see sample_ids); a state is h, c (N, H)."""

    def generate(self, start_id, skip_ids=None, sample_size=100, temperature=1.0, top_k=None):
        return sample_ids(self, start_id, skip_ids, sample_size, temperature, top_k)

    def get_state(self):
        return self.lstm_layer.h, self.lstm_layer.c

    def set_state(self, state):
        self.lstm_layer.set_state(*state)


class BetterRnnlmGen(BetterRnnlm):
    """BetterRnnlm with `generate` (see sample_ids); a state is a list of h, c (N, H), one pair an LSTM."""

    def generate(self, start_id, skip_ids=None, sample_size=100, temperature=1.0, top_k=None):
        return sample_ids(self, start_id, skip_ids, sample_size, temperature, top_k)

    def get_state(self):
        return [(layer.h, layer.c) for layer in self.lstm_layers]

    def set_state(self, states):
        for layer, state in zip(self.lstm_layers, states, strict=True):
            layer.set_state(*state)
