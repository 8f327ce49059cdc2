"""How near do models of the toy language come to the truth? Its grammar gives each word's exact probability.

Rnnlm and GPT say what comes next; BERT what stands in a gap, from both sides. After each epoch the mean KL divergence
from the truth is taken over test sentences: how many nats a word a model loses by not knowing the grammar.
"""
import time
from typing import Annotated

from ch06.rnnlm import Rnnlm
from ch08.transformer.bert import BERT, HIDDEN, as_sentences, mask_words
from ch08.transformer.gpt import GPT
from ch08.transformer.train_bert import probabilities, truth
from common.callbacks import CosineDecay, WarmupCosine
from common.cli import FROM_0, SEEDS, run
from common.evaluation import not_training
from common.figures import pyplot, show
from common.np import np
from common.optimizer import SGD, AdamW
from common.trainer import RnnlmTrainer, Trainer
from dataset import toy


def main(
    # data
    train_size: Annotated[int, 'sentences to learn from'] = 12000,
    test_size: Annotated[int, 'sentences on which models are set beside the truth'] = 200,
    # model
    rnn_size: Annotated[int, "units of Rnnlm's LSTM, and numbers in its word vectors"] = 100,
    wordvec_size: Annotated[int, 'numbers in a word vector of a transformer; four times as many are hidden'] = 128,
    heads: Annotated[int, 'heads of attention in a block'] = 4,
    blocks: Annotated[int, 'blocks, one behind another'] = 2,
    dropout: Annotated[float, 'part of what a sublayer adds that dropout sets to zero'] = 0.1,
    # training
    time_size: Annotated[int, 'words that a language model reads at once'] = 35,
    batch_size: Annotated[int, 'pieces of text that a language model reads side by side'] = 20,
    bert_batch_size: Annotated[int, 'sentences that BERT reads side by side'] = 64,
    max_epoch: Annotated[int, 'passes over the sentences', FROM_0] = 12,
    rnn_learning_rate: Annotated[float, "SGD's first step size, for Rnnlm; along a cosine to 0"] = 20.0,
    learning_rate: Annotated[float, "AdamW's highest step size, for transformers; along a cosine to 0"] = 0.001,
    # chance
    seed: Annotated[int, 'of weights, masks and batches', SEEDS] = 0,
):
    """Train and draw; returns for each model its points: seconds of the processor, mean KL in nats a word."""
    ids, word_to_id, id_to_word = toy.load_data('train', train_size)
    eos, mask_id = word_to_id['<eos>'], len(word_to_id)
    sentences = as_sentences(toy.load_data('test', test_size)[0], eos)
    next_test, gap_test = next_words(sentences, eos, id_to_word), gaps(sentences, eos, mask_id, id_to_word)

    found = {}
    np.random.seed(seed)
    rnnlm = Rnnlm(len(word_to_id), rnn_size, rnn_size)
    watch = Watch('Rnnlm', lambda: next_divergence(rnnlm, *next_test))
    RnnlmTrainer(rnnlm, SGD(rnn_learning_rate), [CosineDecay(rnn_learning_rate, max_epoch), watch]).fit(
        ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad=0.25, eval_interval=None)
    found['Rnnlm'] = watch.points

    np.random.seed(seed)
    gpt = GPT(len(word_to_id), wordvec_size, heads, blocks, time_size, dropout_ratio=dropout)
    watch = Watch('GPT', lambda: next_divergence(gpt, *next_test))
    steps = max_epoch * ((len(ids) - 1) // (batch_size * time_size))
    RnnlmTrainer(gpt, AdamW(learning_rate), [watch], rise_and_fall(learning_rate, steps)).fit(
        ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad=1.0, eval_interval=None)
    found['GPT'] = watch.points

    np.random.seed(seed)
    bert = BERT(mask_id + 1, wordvec_size, heads, blocks, 4 * wordvec_size, time_size, dropout, eos)
    watch = Watch('BERT', lambda: gap_divergence(bert, *gap_test))
    rows = as_sentences(ids, eos)
    trainer = Trainer(bert, AdamW(learning_rate), [watch],
                      rise_and_fall(learning_rate, max_epoch * (len(rows) // bert_batch_size)))
    for _ in range(max_epoch):
        xs, ts = mask_words(rows, mask_id, mask_id + 1, eos)
        trainer.fit(xs, ts, 1, bert_batch_size, 1.0, eval_interval=None)
    found['BERT'] = watch.points

    draw(found)
    show('ch08_transformer_compare_to_truth')
    return found


class Watch:
    """A callback: points gets (seconds of training, divergence()) after each epoch; what it takes itself is left out.

    Seconds of the processor, so that other work on the machine does not count.
    """

    def __init__(self, name, divergence):
        self.name, self.divergence = name, divergence
        self.points = [(0.0, divergence())]
        self.start = time.process_time()

    def __call__(self, trainer):
        seconds = self.points[-1][0] + time.process_time() - self.start
        self.points.append((seconds, self.divergence()))
        print(f'{self.name}: {seconds:.0f} s, {self.points[-1][1]:.4f} nats a word from the truth')
        self.start = time.process_time()


def rise_and_fall(peak, steps):
    return WarmupCosine(peak, steps // 20, max(steps, 1))


def next_words(sentences, eos, id_to_word):
    """What a language model reads of sentences (N, T), where it is asked for the next word, and the truth there.

    xs (N, T + 1), `<eos>` and the words; places, bools alike, M of them True; p (M, V).
    """
    word_to_id = {word: i for i, word in id_to_word.items()}
    xs = np.hstack((np.full((len(sentences), 1), eos), sentences))
    lengths = (sentences != eos).sum(axis=1)
    places = np.arange(xs.shape[1]) <= lengths[:, None]
    p = np.zeros((int(places.sum()), len(id_to_word)))
    rows = iter(p)
    for sentence, n in zip(sentences, lengths, strict=True):
        words = [id_to_word[int(i)] for i in sentence[:n]]
        for i in range(n + 1):
            row = next(rows)
            for word, share in toy.next_word_probabilities(words[:i]).items():
                row[word_to_id[word]] = share
    return xs, places, p


def gaps(sentences, eos, mask_id, id_to_word):
    """Sentences (N, T) with each of their M words hidden in turn: xs, ts (M, T) as BERT takes them, and the truth of
    the hidden word, p (M, V)."""
    row, place = np.nonzero(sentences != eos)
    hidden = np.arange(sentences.shape[1]) == place[:, None]            # (M, T)
    whole = sentences[row]
    xs, ts = np.where(hidden, mask_id, whole), np.where(hidden, whole, HIDDEN)
    return xs, ts, truth(xs, ts, id_to_word, eos)


def next_divergence(model, xs, places, p):
    """Of a language model: the mean KL divergence from p of what it says at these places, each sentence on its own."""
    with not_training(model):
        model.reset_state()
        scores = model.predict(xs)[places].astype('d')          # (M, V)
        model.reset_state()
    scores -= scores.max(axis=1, keepdims=True)
    return divergence(p, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def gap_divergence(model, xs, ts, p):
    """The same of a BERT."""
    return divergence(p, probabilities(model, xs, ts)[:, :p.shape[1]])


def divergence(p, log_q):
    """The mean over rows of Σ p·log(p/q). p, log_q (M, V)."""
    log_p = np.log(np.where(p > 0, p, 1))
    return float((p * (log_p - log_q)).sum(axis=1).mean())


def draw(found):
    """KL from the truth over the seconds of training, a line a model."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    plt = pyplot()
    for name, points in found.items():
        seconds, nats = zip(*points, strict=True)
        what = 'the word in a gap' if name == 'BERT' else 'the next word'
        plt.semilogy(seconds, nats, 'o-', markersize=4, label=f'{name}: {what}, at the end {nats[-1]:.3f}')
    axis = plt.gca().yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter('{x:g}'))
    axis.set_minor_formatter(NullFormatter())
    plt.title('how far from the truth: words of the toy language')
    plt.xlabel('seconds of the processor, in training')
    plt.ylabel('mean KL divergence (nats a word)')
    plt.grid(True)
    plt.legend()


if __name__ == '__main__':
    run(main, parallel=True)
