"""Teach BERT a language by hiding words from it (Devlin et al., 2019): it is to say what stood there.

15 % of the words are asked for, others in each epoch. For validation every seventh word is hidden, always the same
ones. Of the toy language the right probabilities are known: they give the loss that no model can beat.
"""
from typing import Annotated

import numpy

from ch08.transformer.bert import BERT, HIDDEN, as_sentences, mask_words
from common.callbacks import WarmupCosine
from common.cli import FROM_0, SEEDS, run
from common.evaluation import not_training
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.optimizer import AdamW
from common.trainer import Trainer
from common.training import training
from dataset import toy
from dataset.corpus import load_data
from dataset.tokens import Tokens

MASK = '<mask>'


def main(
    # data
    corpus: Annotated[str, 'toy (made here), ptb or the path of a text file'] = 'toy',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    time_size: Annotated[int, 'words in a row: as many as a text is cut into, or a toy sentence may have'] = 64,
    # model
    wordvec_size: Annotated[int, 'numbers in a word vector, and all through the blocks'] = 128,
    heads: Annotated[int, 'heads of attention in a block'] = 4,
    blocks: Annotated[int, 'blocks, one behind another'] = 2,
    hidden_size: Annotated[int, 'units of the feed-forward network in a block'] = 512,
    dropout: Annotated[float, 'part of what a sublayer adds that dropout sets to zero'] = 0.1,
    # training
    batch_size: Annotated[int, 'rows in one step'] = 64,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 30,
    learning_rate: Annotated[float, "the highest of AdamW's step sizes, after a warm-up; then down to 0"] = 0.001,
    weight_decay: Annotated[float, 'of matrices'] = 0.01,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 1.0,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights, masks and batches; none: another each time', SEEDS] = None,
):
    """Train, save and test; returns the test loss (nats) and accuracy of hidden words, and the best that can be."""
    flags = dict(locals())
    if seed is not None:
        np.random.seed(seed)
    ids, word_to_id, id_to_word = load_data(corpus, 'train', tokens, encoding)
    parts = [ids, *(load_data(corpus, part, tokens, encoding)[0] for part in ('valid', 'test'))]
    mask_id = len(word_to_id)
    words = {**id_to_word, mask_id: MASK}
    pad_id = word_to_id['<eos>'] if corpus == 'toy' else None
    x_train, x_valid, x_test = (as_rows(part, time_size, pad_id) for part in parts)

    model = BERT(len(words), wordvec_size, heads, blocks, hidden_size, time_size, dropout, pad_id)
    total = max_epoch * (len(x_train) // batch_size)
    schedule = WarmupCosine(learning_rate, total // 20, max(total, 1))
    xs_valid, ts_valid = hide(x_valid, mask_id, pad_id)

    def report(trainer):
        """train_list keeps the accuracy here, since a checkpoint keeps that list."""
        loss, right = measure(model, xs_valid, ts_valid)
        trainer.valid_list.append(loss)
        trainer.train_list.append(right)
        print(f'| epoch {trainer.current_epoch} | valid loss {loss:.3f} | right {right:.1%}')

    trainer = Trainer(model, AdamW(learning_rate, weight_decay=weight_decay), [report], schedule)
    trainer.last_epoch = max_epoch
    with training(trainer, 'BERT', flags, (x_train, x_valid, word_to_id), words, resume, keep_best=True):
        for _ in range(trainer.current_epoch, max_epoch):
            trainer.goes_on = True      # each epoch is a fit, with masks of its own, that goes on with the one before
            xs, ts = mask_words(x_train, mask_id, len(words), pad_id)
            trainer.fit(xs, ts, trainer.current_epoch + 1, batch_size, max_grad, eval_interval=50)

    xs_test, ts_test = hide(x_test, mask_id, pad_id)
    loss, right = measure(model, xs_test, ts_test)
    found, floor = {'loss': loss, 'accuracy': right}, None
    print(f'test: loss {loss:.3f}, right {right:.1%}')
    if corpus == 'toy':
        floor = best_of(xs_valid, ts_valid, id_to_word, pad_id)
        loss, right = best_of(xs_test, ts_test, id_to_word, pad_id)
        found |= {'loss of the truth': loss, 'accuracy of the truth': right}
        print(f'the grammar itself: loss {loss:.3f}, right {right:.1%}; better than that is chance')
    draw(trainer, floor)
    show('ch08_transformer_train_bert')
    return found


def as_rows(ids, T, pad_id):
    """A stream of ids as rows (N, T): its sentences, filled up by pad_id; where that is None, the stream cut up."""
    if pad_id is not None:
        return as_sentences(ids, pad_id)
    T = min(T, len(ids))
    return numpy.asarray(ids[:len(ids) // T * T]).reshape(-1, T)


def hide(ids, mask_id, pad_id):
    """Every seventh word of ids (N, T), counted over all rows, hidden: xs, ts as mask_words gives them."""
    is_word = numpy.ones(ids.shape, bool) if pad_id is None else ids != pad_id
    asked = is_word & (is_word.cumsum().reshape(ids.shape) % 7 == 0)
    return numpy.where(asked, mask_id, ids), numpy.where(asked, ids, HIDDEN)


def probabilities(model, xs, ts, batch_size=200):
    """log p (M, V) of each word at the M places of xs (N, T) that ts asks for, row by row; no dropout."""
    found = []
    with not_training(model):
        for i in range(0, len(xs), batch_size):
            places = ts[i:i + batch_size] != HIDDEN
            if places.any():
                scores = model.predict_at(xs[i:i + batch_size], places)
                scores -= scores.max(axis=1, keepdims=True)
                scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
                found.append(scores)
    return to_cpu(np.concatenate(found))


def measure(model, xs, ts):
    """The mean of −log p of the words that ts asks for, and the share of them that are the likeliest."""
    labels = ts[ts != HIDDEN]                                   # (M,)
    log_p = probabilities(model, xs, ts)
    loss = -log_p[numpy.arange(len(labels)), labels].mean()
    right = (log_p.argmax(axis=1) == labels).mean()
    return float(loss), float(right)


def truth(xs, ts, id_to_word, pad_id):
    """The toy language's own probabilities of what ts asks for, as probabilities gives a model's: p (M, V − 1)."""
    word_to_id = {word: i for i, word in id_to_word.items()}
    found = []
    for x, t in zip(xs, ts, strict=True):
        words = [id_to_word.get(int(i)) for i in x[x != pad_id]]        # None for the mask
        for place in numpy.flatnonzero(t != HIDDEN):
            p = numpy.zeros(len(id_to_word))
            for word, share in toy.masked_word_probabilities(words, int(place)).items():
                p[word_to_id[word]] = share
            found.append(p)
    return numpy.stack(found)


def best_of(xs, ts, id_to_word, pad_id):
    """What measure would give of a model that knows the toy language: of the accuracy, the expected one, for many of
    the likeliest words are equally likely, and it is chance which is right."""
    p, labels = truth(xs, ts, id_to_word, pad_id), ts[ts != HIDDEN]
    return float(-numpy.log(p[numpy.arange(len(labels)), labels]).mean()), float(p.max(axis=1).mean())


def draw(trainer, floor):
    """Loss and accuracy of hidden words over the epochs; floor: those that no model can beat, or None."""
    from matplotlib.ticker import MaxNLocator

    plt = pyplot()
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8))
    epochs = numpy.arange(1, len(trainer.valid_list) + 1)
    steps = numpy.arange(len(trainer.loss_list)) * len(epochs) / max(len(trainer.loss_list), 1)
    left.plot(steps, trainer.loss_list, alpha=0.5, label='train: 15 % asked for, others each epoch')
    left.plot(epochs, trainer.valid_list, 'o-', markersize=3, label='valid: every seventh word')
    right.plot(epochs, 100 * numpy.array(trainer.train_list), 'o-', color='C1', markersize=3, label='valid')
    if floor:
        loss, share = floor
        left.axhline(loss, color='gray', linestyle='--', label=f'the grammar itself: {loss:.3f}')
        right.axhline(100 * share, color='gray', linestyle='--', label=f'the grammar itself, on average: {share:.1%}')
    left.set_title('guessing hidden words')
    left.set_ylabel('loss (nats a word)')
    right.set_title('the likeliest word is the right one')
    right.set_ylabel('right (%)')
    for ax in (left, right):
        ax.set_xlabel('epoch')
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(True)
        ax.legend()


if __name__ == '__main__':
    run(main, parallel=True)
