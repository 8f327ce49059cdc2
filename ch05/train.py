"""Train a recurrent language model on the first thousand words of a corpus (book, 5.5.4)."""
from ch05.simple_rnnlm import SimpleRnnlm
from common.cli import run
from common.np import np
from common.optimizer import SGD
from common.trainer import RnnlmTrainer
from dataset.corpus import load_data


def main(corpus='ptb', corpus_size=1000, batch_size=10, wordvec_size=100, hidden_size=100, time_size=5,
         learning_rate=0.1, max_epoch=100, seed: int | None = None):
    """
    corpus_size: how many words of the corpus to learn from
    """
    ids = load_data(corpus)[0][:corpus_size]
    vocab_size = int(ids.max()) + 1
    xs, ts = ids[:-1], ids[1:]                  # each word's label is the next
    if seed is not None:
        np.random.seed(seed)
    model = SimpleRnnlm(vocab_size, wordvec_size, hidden_size)
    trainer = RnnlmTrainer(model, SGD(lr=learning_rate))
    trainer.fit(xs, ts, max_epoch, batch_size, time_size)
    trainer.plot()
    return trainer


if __name__ == '__main__':
    run(main)
