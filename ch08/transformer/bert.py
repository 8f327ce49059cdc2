"""BERT: an encoder that reads a text from both sides, and learns by guessing words that are hidden from it.

Devlin et al., 2019. Here with norms before the sublayers (Xiong et al., 2020), without next-sentence prediction.
"""
import numpy

from ch08.transformer.blocks import EncoderBlock, make_norm
from common.base_model import BaseModel
from common.checks import (
    InputError,
    InputTypeError,
    check_dout,
    check_id,
    check_id_dtype,
    check_ids,
    check_range,
    check_shape,
    check_sizes,
)
from common.layers import Affine, Embedding, SoftmaxWithLoss, gather
from common.np import np, to_cpu
from common.position_layers import LearntPositions
from common.storage import refusing
from common.time_layers import TimeSoftmaxWithLoss
from common.weight_files import load_weights
from common.weights import normal, xavier

HIDDEN = -1     # the label of a word that is not asked for


class BERTEncoder(BaseModel):
    """A vector for each word, from all words of its row: embedding and positions, blocks, a norm.

    ids xs (N, T), T up to T_max -> hs (N, T, D). pad_id: the id that fills rows up, which no word looks at; None: rows
    are full. hidden: the units of the blocks' feed-forward networks, with GELU.
    """

    def __init__(self, vocab_size=10001, D=128, heads=4, blocks=2, hidden=512, T_max=64, dropout_ratio=0.1, pad_id=None,
                 dtype='f'):
        check_sizes(0, blocks=blocks)
        check_sizes(vocab_size=vocab_size, D=D, T_max=T_max)
        if pad_id is not None:
            check_id('pad_id', pad_id, vocab_size)
        self.sizes = {'vocab_size': vocab_size, 'D': D, 'heads': heads, 'blocks': blocks, 'hidden': hidden,
                      'T_max': T_max, 'dropout_ratio': dropout_ratio, 'pad_id': pad_id}
        self.pad_id = pad_id
        self.embed_W = normal(vocab_size, D, np.sqrt(D), dtype)
        self.embed = Embedding(self.embed_W)
        self.positions = LearntPositions(normal(T_max, D, np.sqrt(D), dtype))
        self.blocks = [EncoderBlock(D, heads, hidden, dropout_ratio, 'gelu', dtype=dtype) for _ in range(blocks)]
        self.norm = make_norm(D, dtype)
        self.params, self.grads = gather(self.embed, self.positions, *self.blocks, self.norm)

    def forward(self, xs):
        xs = to_cpu(xs)
        check_shape('xs', xs, 'NT')
        mask = None if self.pad_id is None else self.words_in(xs)[:, None, None, :]     # (N, 1, 1, T)
        hs = self.positions.forward(self.embed.forward(xs))     # (N, T, D)
        for block in self.blocks:
            hs = block.forward(hs, mask)
        self.out_shape = hs.shape
        return self.norm.forward(hs)

    def backward(self, dhs):
        check_dout('dhs', dhs, self.out_shape)
        dhs = self.norm.backward(dhs)
        for block in reversed(self.blocks):
            dhs = block.backward(dhs)
        self.embed.backward(self.positions.backward(dhs))

    def words_in(self, xs):
        """Bools of xs' shape: True where there is a word, and no padding."""
        return numpy.ones(xs.shape, bool) if self.pad_id is None else xs != self.pad_id


class BERT(BaseModel):
    """Scores of the words that are hidden in a text: BERTEncoder, and a product with the embedding, transposed.

    forward: ids xs (N, T), in which a mask stands for hidden words, and ts (N, T), the ids that were there, −1 where no
    word is asked for -> the mean of −log p of those asked for. Only their scores are computed. predict: xs -> scores
    (N, T, V). The mask, and the padding where there is one, are among the V ids.
    """

    def __init__(self, vocab_size=10001, D=128, heads=4, blocks=2, hidden=512, T_max=64, dropout_ratio=0.1, pad_id=None,
                 dtype='f'):
        self.encoder = BERTEncoder(vocab_size, D, heads, blocks, hidden, T_max, dropout_ratio, pad_id, dtype)
        self.sizes = self.encoder.sizes
        self.output = Affine(self.encoder.embed_W.T, np.zeros(vocab_size, dtype))
        self.loss_layer = TimeSoftmaxWithLoss()
        self.params, self.grads = gather(self.encoder, self.output)

    def predict(self, xs):
        return self.output.forward(self.encoder.forward(xs))    # (N, T, V)

    def predict_at(self, xs, places):
        """Scores (M, V) of the M places at which places, bools (N, T), is True."""
        return self.output.forward(self.encoder.forward(xs)[to_cpu(places).nonzero()])

    def forward(self, xs, ts):
        xs, ts = to_cpu(xs), to_cpu(ts)
        check_shape('xs', xs, 'NT')
        check_shape('ts', ts, '', *xs.shape)
        check_id_dtype(ts, 'ts')
        self.places = places = ts != HIDDEN                     # (N, T), M of them True
        if not places.any():
            raise InputError(f'ts: expected at least one word that is asked for, got {HIDDEN} alone')
        check_ids(ts[places], len(self.encoder.embed_W), 'ts')
        scores = self.predict_at(xs, places)
        return self.loss_layer.forward(scores[None], ts[places][None])

    def backward(self, dout=1):
        dscores, = self.loss_layer.backward(dout)               # (M, V)
        dhs = np.zeros(self.encoder.out_shape, dscores.dtype)   # (N, T, D)
        dhs[self.places.nonzero()] = self.output.backward(np.ascontiguousarray(dscores))
        self.encoder.backward(dhs)


class BERTClassifier(BaseModel):
    """Scores of the classes of a text: the mean of what an encoder gives for its words, and an affine layer.

    encoder: a BERTEncoder, which learns on with it: its arrays are the classifier's too. forward: ids xs (N, T),
    labels ts (N,) -> loss; predict: xs -> scores (N, classes).
    """

    def __init__(self, encoder, classes=2):
        if not isinstance(encoder, BERTEncoder):
            raise InputTypeError(f'encoder: expected a BERTEncoder, got {type(encoder).__name__}')
        check_sizes(classes=classes)
        _, D = encoder.embed_W.shape
        dtype = encoder.embed_W.dtype
        self.sizes = {**encoder.sizes, 'classes': classes}
        self.encoder = encoder
        self.output = Affine(xavier(D, classes, dtype), np.zeros(classes, dtype))
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = gather(encoder, self.output)

    def predict(self, xs):
        hs = self.encoder.forward(xs)                           # (N, T, D)
        words = self.encoder.words_in(to_cpu(xs))               # (N, T)
        counts = numpy.maximum(words.sum(axis=1, keepdims=True), 1)
        self.share = share = np.asarray(words / counts, hs.dtype)  # (N, T): what each word counts in the mean
        return self.output.forward(np.einsum('nt,ntd->nd', share, hs))

    def forward(self, xs, ts):
        return self.loss_layer.forward(self.predict(xs), ts)

    def backward(self, dout=1):
        dmean = self.output.backward(self.loss_layer.backward(dout))            # (N, D)
        self.encoder.backward(self.share[:, :, None] * dmean[:, None, :])


def mask_words(ids, mask_id, vocab_size, pad_id=None, share=0.15):
    """Hide words: xs, what a BERT is to read, and ts, the words that it is asked for, −1 elsewhere; both (N, T).

    Of the words of each row of ids (N, T), which are not pad_id, a share is asked for: one at least, and drawn anew at
    each call. Of these 80 % become mask_id, 10 % any word of the vocabulary, and 10 % stay. Devlin et al., 2019, 3.1.
    """
    ids = to_cpu(ids)
    check_sizes(2 + (pad_id is not None), vocab_size=vocab_size)
    check_id('mask_id', mask_id, vocab_size)
    check_range('share', share, 0, 1)
    check_shape('ids', ids, 'NT')
    check_ids(ids, vocab_size, 'ids')
    if pad_id is not None:
        check_id('pad_id', pad_id, vocab_size)
    is_word = numpy.ones(ids.shape, bool) if pad_id is None else ids != pad_id
    n = is_word.sum(axis=1, keepdims=True)                      # (N, 1)
    wanted = numpy.minimum(numpy.maximum(numpy.rint(share * n), 1), n)
    lots = numpy.where(is_word, numpy.random.rand(*ids.shape), 1)  # (N, T)
    asked = lots.argsort(axis=1).argsort(axis=1) < wanted       # (N, T): those of the lowest lots
    others = numpy.array([i for i in range(vocab_size) if i not in (mask_id, pad_id)])
    drawn = others[numpy.random.randint(len(others), size=ids.shape)]
    fate = numpy.random.rand(*ids.shape)
    xs = numpy.where(asked & (fate < 0.8), mask_id, numpy.where(asked & (fate >= 0.9), drawn, ids))
    return xs, numpy.where(asked, ids, HIDDEN)


def as_sentences(corpus, end_id):
    """The sentences of a stream of ids (length,), a row each: (N, T), without end_id, with which shorter ones are
    filled up."""
    corpus = to_cpu(corpus)
    check_shape('corpus', corpus, 'N')
    ends = numpy.flatnonzero(corpus == end_id)
    starts = numpy.concatenate((numpy.zeros(1, ends.dtype), ends[:-1] + 1))
    n = ends - starts
    if not n.any():
        raise InputError(f'corpus: expected a sentence or more, each with {end_id} at its end, got none')
    at = starts[:, None] + numpy.arange(int(n.max()))           # (N, T)
    rows = corpus[numpy.minimum(at, len(corpus) - 1)]
    rows[at >= ends[:, None]] = end_id
    return rows[n > 0]


def load_bert(path):
    """The BERT in a file of train_bert, and the file's Weights: words, the mask among them, and what was learnt from.

    InputError for a file of another model.
    """
    weights = load_weights(path)
    sizes, words, shapes = weights.about.get('sizes'), weights.words, [array.shape for array in weights.arrays]
    if weights.about.get('class') != 'BERT' or not isinstance(sizes, dict) or not words:
        raise InputError(f'{weights.path}: expected weights of BERT and its words, got those of '
                         f'{weights.about.get("class", "another model")!r:.60}')
    with refusing(weights.path):
        # the arrays are there already: nothing larger than they is made by the file's word
        V, D, T, hidden = (sizes[name] for name in ('vocab_size', 'D', 'T_max', 'hidden'))
        if (shapes[:2] != [(V, D), (T, D)] or len(words) != V or len(shapes) != 6 + 16 * sizes['blocks']
                or (sizes['blocks'] and shapes[14] != (D, hidden))):
            raise InputError('expected arrays of the sizes that it tells, got others')
        model = BERT(**sizes)
    model.load_params(weights.path)
    return model, weights
