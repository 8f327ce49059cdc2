"""Transformer: attention alone reads the question and writes the answer, all characters of either at once."""
from ch07.seq2seq import Decoder, Encoder, Seq2seq
from ch08.transformer.blocks import DecoderBlock, EncoderBlock, make_norm
from common.checks import check_shape, check_sizes
from common.evaluation import not_training
from common.layers import gather
from common.multi_head_attention import set_cache
from common.np import np, to_cpu
from common.position_layers import SinusoidalPositions
from common.time_layers import TimeAffine, TimeDropout, TimeEmbedding, TimeSoftmaxWithLoss
from common.weights import normal, xavier


def make_input(V, D, dropout_ratio, dtype):
    """The layers that make vectors of ids (N, T) -> (N, T, D): embedding, positions, dropout.

    The numbers of the embedding are about as large as those of the positions, up to 1.
    """
    return [TimeEmbedding(normal(V, D, 1, dtype)), SinusoidalPositions(), TimeDropout(dropout_ratio)]


class TransformerEncoder(Encoder):
    """A state of each character of the question, in which it has looked at all others, in as many rounds as blocks.

    xs (N, S) -> hs (N, S, D). Vaswani et al., 2017, 3.1.
    """

    def __init__(self, vocab_size, wordvec_size, heads, blocks, hidden_size, dropout_ratio=0.1, pre_norm=True,
                 dtype='f'):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, blocks=blocks)
        V, D = vocab_size, wordvec_size
        self.embed, self.positions, self.dropout = make_input(V, D, dropout_ratio, dtype)
        self.blocks = [EncoderBlock(D, heads, hidden_size, dropout_ratio, pre_norm=pre_norm, dtype=dtype)
                       for _ in range(blocks)]
        self.norm = make_norm(D, dtype)
        self.layers = [self.embed, self.positions, self.dropout, *self.blocks, self.norm]
        self.params, self.grads = gather(*self.layers)

    def forward(self, xs):
        for layer in self.layers:
            xs = layer.forward(xs)
        return xs                                               # (N, S, D)

    def backward(self, dhs):
        for layer in reversed(self.layers):
            dhs = layer.backward(dhs)


class TransformerDecoder(Decoder):
    """The scores of the characters that may follow each of xs, which looks at those before it and at the question.

    xs (N, T), enc_hs (N, S, D) -> score (N, T, V). While it writes, it is given one character at a time, and its
    attentions keep the keys and values of those before.
    """

    def __init__(self, vocab_size, wordvec_size, heads, blocks, hidden_size, dropout_ratio=0.1, pre_norm=True,
                 dtype='f'):
        check_sizes(vocab_size=vocab_size, wordvec_size=wordvec_size, blocks=blocks)
        V, D = vocab_size, wordvec_size
        self.embed, self.positions, self.dropout = make_input(V, D, dropout_ratio, dtype)
        self.blocks = [DecoderBlock(D, heads, hidden_size, dropout_ratio, pre_norm=pre_norm, dtype=dtype)
                       for _ in range(blocks)]
        self.norm = make_norm(D, dtype)
        self.affine = TimeAffine(xavier(D, V, dtype), np.zeros(V, dtype))
        self.params, self.grads = gather(self.embed, *self.blocks, self.norm, self.affine)

    def forward(self, xs, enc_hs):
        xs = to_cpu(xs)
        check_shape('xs', xs, 'NT')
        start = self.blocks[0].attention.cache_length           # the characters written so far; 0 without a cache
        x = self.dropout.forward(self.positions.forward(self.embed.forward(xs), start))     # (N, T, D)
        for block in self.blocks:
            x = block.forward(x, enc_hs)
        return self.affine.forward(self.norm.forward(x))        # (N, T, V)

    def backward(self, dscore):
        dx = self.norm.backward(self.affine.backward(dscore))   # (N, T, D)
        denc_hs = 0
        for block in reversed(self.blocks):
            dx, d = block.backward(dx)
            denc_hs = denc_hs + d
        self.embed.backward(self.positions.backward(self.dropout.backward(dx)))
        return denc_hs                                          # (N, S, D)

    def generate(self, h, start_id, sample_size, beam_size=1):
        """As Decoder's, with the encoder's states enc_hs (N, S, D) in h's place."""
        set_cache(self, True)
        try:
            return super().generate(h, start_id, sample_size, beam_size)
        finally:
            self.reset_state()

    def go_on(self, xs, h):
        return self.forward(xs, h)

    def keep_rows(self, rows):
        for block in self.blocks:       # not the keys and values of enc_hs: a question's rows are all of the same
            block.attention.past = block.attention.past[:, rows]

    def reset_state(self):
        set_cache(self, False)


class Transformer(Seq2seq):
    """Mean of −log P(answer) by a Transformer, encoder and decoder: Seq2seq without a recurrence.

    xs (N, S), ts (N, 1 + T) with the start id in front -> loss. V = vocab_size, D = wordvec_size, in so many heads;
    hidden_size: the units of the feed-forward networks. Encoder and decoder have so many blocks each, and a LayerNorm
    behind the last. Positions are sinusoidal. Vaswani et al., 2017.

    There is no mask of padding: the blanks that make the questions equally long are characters as others are, as they
    are to the LSTMs. generate is without dropout.
    """

    def __init__(self, vocab_size, wordvec_size=128, heads=4, blocks=2, hidden_size=512, dropout_ratio=0.1,
                 pre_norm=True, dtype='f'):
        self.sizes = {'vocab_size': vocab_size, 'wordvec_size': wordvec_size, 'heads': heads, 'blocks': blocks,
                      'hidden_size': hidden_size, 'pre_norm': pre_norm}
        sizes = vocab_size, wordvec_size, heads, blocks, hidden_size, dropout_ratio, pre_norm, dtype
        self.encoder = TransformerEncoder(*sizes)
        self.decoder = TransformerDecoder(*sizes)
        self.softmax = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(self.encoder, self.decoder)

    def generate(self, xs, start_id, sample_size, beam_size=1):
        with not_training(self):
            return super().generate(xs, start_id, sample_size, beam_size)

    @property
    def attention_weights(self):
        """What looked where in the last forward: 'encoder' (blocks, N, heads, S, S), 'decoder' (…, T, T), 'cross'
        (…, T, S)."""
        enc, dec = self.encoder.blocks, self.decoder.blocks
        layers = {'encoder': [block.attention for block in enc], 'decoder': [block.attention for block in dec],
                  'cross': [block.cross_attention for block in dec]}
        return {kind: np.stack([layer.attention_weights for layer in row]) for kind, row in layers.items()}
