"""Train a recurrent language model on the first thousand words of a corpus (book, 5.5.4)."""
from pathlib import Path
from typing import Annotated

from ch05.simple_rnnlm import SimpleRnnlm
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_perplexity, show
from common.np import np
from common.optimizer import SGD
from common.trainer import RnnlmTrainer
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    corpus_size: Annotated[int, 'how many words of the corpus to learn from'] = 1000,
    # model
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 100,
    hidden_size: Annotated[int, 'units of the RNN'] = 100,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 10,
    time_size: Annotated[int, 'time steps through which gradients flow back'] = 5,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 100,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.1,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train the model and draw its perplexity; returns the trainer."""
    ids = load_data(corpus, tokens=tokens, encoding=encoding)[0][:corpus_size]
    vocab_size = int(ids.max()) + 1
    xs, ts = ids[:-1], ids[1:]                  # each word's label is the next
    if seed is not None:
        np.random.seed(seed)
    model = SimpleRnnlm(vocab_size, wordvec_size, hidden_size)
    trainer = RnnlmTrainer(model, SGD(lr=learning_rate))
    trainer.fit(xs, ts, max_epoch, batch_size, time_size)
    plot_perplexity(trainer, f'SimpleRnnlm learns {len(ids):,} words of {Path(corpus).name} by heart')
    show('ch05_train')
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
