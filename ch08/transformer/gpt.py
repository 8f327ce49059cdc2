"""GPT: a language model of causal attention alone, without a state that runs on (Radford et al., 2018 and 2019)."""
import math

import numpy

from ch07.rnnlm_gen import check_drawing, draw_id
from ch08.transformer.blocks import EncoderBlock, make_norm
from common.base_model import BaseModel
from common.checks import InputError, brief, check_flag, check_id, check_shape, check_sizes
from common.evaluation import eval_perplexity
from common.layers import Embedding, gather, set_training
from common.multi_head_attention import set_cache
from common.np import np, to_cpu
from common.position_layers import LearntPositions
from common.time_layers import TimeAffine, TimeDropout, TimeSoftmaxWithLoss
from common.weight_files import load_weights
from common.weights import normal


class GPT(BaseModel):
    """Scores of the word that comes next: embedding, positions, blocks, normalization, affine.

    predict: ids (N, T) -> scores (N, T, V), T up to time_size; forward: ids and the ids one ahead -> loss. A block is
    causal attention in some heads, then a feed-forward network of `hidden` units (None: 4·D) with GELU, pre-norm.
    Positions are learnt, one vector for each of time_size, or with `rotary` turn queries and keys. The affine layer's
    matrix is the embedding's, transposed, as in BetterRnnlm.

    Each call of predict and forward sees its own words alone. With `carry` set to True, it sees those of the calls
    before too, as Rnnlm's state lets it: the last words of each stream, as many as there is place for beside the new
    ones in time_size, are read once more, before them. So no position comes up that training had not. reset_state()
    forgets them.
    """

    carry = False

    def __init__(self, vocab_size=10000, D=256, heads=4, blocks=4, time_size=70, hidden=None, dropout_ratio=0.1,
                 rotary=False, dtype='f'):
        hidden = 4 * D if hidden is None else hidden
        check_sizes(vocab_size=vocab_size, D=D, heads=heads, blocks=blocks, time_size=time_size, hidden=hidden)
        check_flag('rotary', rotary)
        self.sizes = {'vocab_size': vocab_size, 'D': D, 'heads': heads, 'blocks': blocks, 'time_size': time_size,
                      'hidden': hidden, 'rotary': bool(rotary)}
        embed_W = normal(vocab_size, D, 50, dtype)
        positions = [] if rotary else [LearntPositions(normal(time_size, D, 50, dtype))]
        self.blocks = [EncoderBlock(D, heads, hidden, dropout_ratio, 'gelu', rotary=rotary, causal=True,
                                    residual_scale=1 / math.sqrt(2 * blocks), dtype=dtype) for _ in range(blocks)]
        affine_b = np.zeros(vocab_size, dtype)

        self.layers = [Embedding(embed_W), *positions, TimeDropout(dropout_ratio), *self.blocks,
                       make_norm(D, dtype)]
        self.affine_layer = TimeAffine(embed_W.T, affine_b)         # a view: what changes one changes the other
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(*self.layers, self.affine_layer)
        self.reset_state()

    def predict(self, xs):
        xs, start = self.read(xs)
        T = xs.shape[1]
        if self.carry:
            xs = self.with_past(xs)             # (N, P + T)
        for layer in self.layers:
            xs = layer.forward(xs, start) if isinstance(layer, LearntPositions) else layer.forward(xs)
        self.past_length = xs.shape[1] - T      # P
        return self.affine_layer.forward(xs[:, -T:])        # (N, T, D) -> (N, T, V)

    def forward(self, xs, ts):
        return self.loss_layer.forward(self.predict(xs), ts)

    def backward(self, dout=1):
        dout = self.affine_layer.backward(self.loss_layer.backward(dout))       # (N, T, V) -> (N, T, D)
        if self.past_length:                    # no scores were asked for there
            dout = np.concatenate([np.zeros_like(dout[:, :1]).repeat(self.past_length, axis=1), dout], axis=1)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)         # (N, P + T, D), at the end None

    def reset_state(self):
        self.past = None                        # ids (N, P), what `carry` keeps

    def read(self, xs):
        """xs as an array, and how many words the cache holds before it; InputError unless there is place for both."""
        xs = to_cpu(xs)
        check_shape('xs', xs, 'NT')
        start = self.blocks[0].attention.cache_length
        if start + xs.shape[1] > self.sizes['time_size']:
            raise InputError(f'xs: expected up to {self.sizes["time_size"] - start} words a row, for more than '
                             f'time_size there is no place, got {xs.shape[1]}')
        return xs, start

    def with_past(self, xs):
        """xs behind the words of the calls before, as many as there is place for: (N, P + T). All of it is kept."""
        if self.past is not None:
            if len(self.past) != len(xs):
                raise InputError(f'xs: expected a batch of {len(self.past)}, as in the calls before, got {len(xs)}')
            xs = numpy.concatenate([self.past, xs], axis=1)[:, -self.sizes['time_size']:]
        self.past = xs
        return xs

    def generate(self, start_ids, skip_ids=None, sample_size=100, temperature=1.0, top_k=None, top_p=None,
                 use_cache=True):
        """start_ids, one id or a list, then sample_size − 1 ids drawn one after another: a list. No dropout.

        temperature, top_k, top_p: see ch07.rnnlm_gen. Ids in skip_ids are not drawn. Where time_size words are full,
        the model goes on from the last half of them. With use_cache the keys and values of the words before are kept,
        and each step reads the new word alone; without, all of them anew: slower, and the same ids for the same seed.
        """
        check_flag('use_cache', use_cache)
        V, time_size = self.sizes['vocab_size'], self.sizes['time_size']
        ids = list(start_ids) if np.ndim(start_ids) else [start_ids]
        if not ids:
            raise InputError('start_ids: expected one id or more, got none')
        for i in ids:
            check_id('start_ids', i, V)
        taken = check_drawing(V, skip_ids, sample_size, temperature, top_k, top_p)
        ids = [int(i) for i in ids]
        was_training, was_carrying = self.train_flg, self.carry
        set_training(self, False)
        self.carry = False
        try:
            begin = max(0, len(ids) - time_size)    # of what the model looks at
            read = begin                            # words before this are in the cache
            set_cache(self, use_cache)
            for _ in range(sample_size - 1):
                if len(ids) - begin > time_size:
                    begin = read = len(ids) - max(time_size // 2, 1)
                    set_cache(self, use_cache)      # from none
                scores = self.predict(numpy.array([ids[read:]]))    # (1, T, V)
                ids.append(draw_id(scores[0, -1], taken, temperature, top_k, top_p))
                if use_cache:
                    read = len(ids) - 1
        finally:
            set_cache(self, False)
            set_training(self, was_training)
            self.carry = was_carrying
        return ids


def load_gpt(path):
    """The model in a weight file of train_gpt, what the file says of itself (a dict), word_to_id, id_to_word.

    InputError for a file of another kind of model, and where its arrays are not of the sizes that it tells.
    """
    weights = load_weights(path)
    sizes, shapes = weights.about.get('sizes'), [array.shape for array in weights.arrays]
    names = GPT(1, 2, 1, 1, 1).sizes.keys()
    if weights.about.get('class') != 'GPT' or not isinstance(sizes, dict) or sizes.keys() != names or not all(
            isinstance(size, int) for size in sizes.values()):
        raise InputError(f'{weights.path}: expected weights of GPT, with their sizes, got those of '
                         f'{weights.about.get("class", "another model")!r:.60}')
    # the arrays are there already: nothing larger than they is made by the file's word
    V, D, T, rotary = sizes['vocab_size'], sizes['D'], sizes['time_size'], sizes['rotary']
    wanted = [(V, D)] if rotary else [(V, D), (T, D)]
    if (shapes[:len(wanted)] != wanted or len(shapes) != len(wanted) + 16 * sizes['blocks'] + 4
            or shapes[len(wanted) + 12] != (D, sizes['hidden'])):
        raise InputError(f'{weights.path}: expected arrays of the sizes that it tells, {brief(sizes)}, got others')
    model = GPT(**sizes)
    model.load_params(weights.path)
    words = weights.words or []
    if len(words) != V:
        raise InputError(f'{weights.path}: expected {V} words, got {len(words)}')
    return model, weights.about, {word: i for i, word in enumerate(words)}, dict(enumerate(words))


def gpt_perplexity(model, ids, carry=True):
    """The perplexity on ids (length,), a text read in 10 pieces side by side (fewer where it is short).

    carry: each step reads half of time_size new words and sees as many before them or more, as Rnnlm sees what its
    state holds. Without, each step reads time_size words and sees these alone: the first of them nothing.
    """
    time_size = model.sizes['time_size']
    steps = min(max(time_size // 2, 1) if carry else time_size, len(ids) - 1)
    pieces = min(10, (len(ids) - 1) // max(steps, 1))
    was_carrying, model.carry = model.carry, carry
    model.reset_state()
    try:
        return eval_perplexity(model, ids, pieces, steps, verbose=False)
    finally:
        model.carry = was_carrying
        model.reset_state()
