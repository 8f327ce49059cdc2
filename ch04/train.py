"""Learn word vectors from a whole corpus with CBOW or skip-gram (book, 4.3.2)."""
from pathlib import Path
from typing import Literal

from ch04.cbow import CBOW
from ch04.skip_gram import SkipGram
from common import storage
from common.cli import run
from common.interrupts import keep_on_interrupt
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from common.util import create_contexts_target
from dataset.corpus import load_data


def main(model: Literal['cbow', 'skip_gram'] = 'cbow', corpus='ptb', window_size=5, hidden_size=100, batch_size=100,
         max_epoch=10, learning_rate=0.001, sparse=False, seed: int | None = None):
    """
    sparse: row-sparse gradients and the lazy Adam: four times as fast, but the vectors of as many epochs are less good
    """
    ids, word_to_id, id_to_word = load_data(corpus)
    contexts, target = create_contexts_target(ids, window_size)         # (N, C), (N,)
    if seed is not None:
        np.random.seed(seed)
    Model = CBOW if model == 'cbow' else SkipGram
    net = Model(len(word_to_id), hidden_size, window_size, ids, sparse=sparse)
    trainer = Trainer(net, Adam(lr=learning_rate))

    def save():
        path = Path('cbow_params.npz' if model == 'cbow' else 'skipgram_params.npz').resolve()
        storage.save_words(path, net.word_vecs, id_to_word)
        return path

    with keep_on_interrupt(save):
        trainer.fit(contexts, target, max_epoch, batch_size)
        print('word vectors:', save())
    trainer.plot()
    return trainer


if __name__ == '__main__':
    run(main)
