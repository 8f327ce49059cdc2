"""Language models that write text (book, 7.1)."""
from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.functions import softmax
from common.np import np


def sample_ids(model, start_id, skip_ids, sample_size, temperature=1.0, top_k=None):
    """sample_size ids, a list: start_id, then each drawn with the probability that the model gives it after the last.

    An id in skip_ids is not taken: the model reads the last word once more and another is drawn, as in the book. The
    model goes on from the state it is in, and keeps the one it ends in.
    temperature: the scores are divided by it; below 1 the likely ids become likelier.
    top_k: only the so many likeliest ids are drawn (more where scores are equal); None: all.
    With either, the ids of skip_ids have no probability from the start. Fan, Lewis and Dauphin, 2018 (top-k).
    """
    vocab_size = len(model.params[0])
    if not 0 <= start_id < vocab_size:
        raise ValueError(f'start_id: {start_id} came; expected an id from 0 to {vocab_size - 1}')
    if not 0 < temperature < float('inf'):
        raise ValueError(f'temperature: {temperature} came; expected more than 0')
    if top_k is not None and top_k < 1:
        raise ValueError(f'top_k: {top_k} came; expected 1 or more, or None')
    skip_ids = set() if skip_ids is None else {int(i) for i in skip_ids}
    if skip_ids.issuperset(range(vocab_size)):
        raise ValueError(f'skip_ids: all {vocab_size} ids came; expected at least one to be left')
    ids = [int(start_id)]
    while len(ids) < sample_size:
        score = model.predict(np.array([[ids[-1]]]))        # (1, 1, V)
        score = score.ravel().astype('d')                   # (V,): a sum of float32 is not near enough to 1 for choice
        if top_k is not None or temperature != 1:
            score[[i for i in skip_ids if 0 <= i < vocab_size]] = -np.inf
            score /= temperature
        if top_k is not None and top_k < vocab_size:
            score[score < np.partition(score, -top_k)[-top_k]] = -np.inf
        p = softmax(score)
        sampled = int(np.random.choice(len(p), size=1, p=p)[0])
        if sampled not in skip_ids:
            ids.append(sampled)
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
