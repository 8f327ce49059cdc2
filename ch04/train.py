"""Learn word vectors from a whole corpus with CBOW or skip-gram (book, 4.3.2)."""
from typing import Annotated, Literal

from ch02.count_method_big import frequent_words
from ch04.cbow import CBOW
from ch04.skip_gram import SkipGram
from common.cli import FROM_0, SEEDS, run
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from common.training import training
from common.util import create_contexts_target
from common.weight_files import save_words
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    window_size: Annotated[int, 'context words on each side'] = 5,
    # model
    model: Annotated[Literal['cbow', 'skip_gram'], 'which model is trained'] = 'cbow',
    hidden_size: Annotated[int, 'numbers in a word vector'] = 100,
    sparse: Annotated[bool, 'row-sparse gradients, lazy Adam: four times as fast, an epoch teaches less'] = False,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 100,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.001,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train word vectors, save them and draw the loss; returns the trainer."""
    flags = dict(locals())
    ids, word_to_id, id_to_word = load_data(corpus, tokens=tokens, encoding=encoding)
    contexts, target = create_contexts_target(ids, window_size)         # (N, C), (N,)
    if seed is not None:
        np.random.seed(seed)
    Model = CBOW if model == 'cbow' else SkipGram
    net = Model(len(word_to_id), hidden_size, window_size, ids, sparse=sparse)
    trainer = Trainer(net, Adam(lr=learning_rate))

    def save(path, about):
        save_words(path, net.word_vecs, id_to_word, about | {'frequent': frequent_words(ids, id_to_word)})

    name = 'cbow_params' if model == 'cbow' else 'skipgram_params'
    with training(trainer, name, flags, (ids, word_to_id), resume=resume, save=save):
        trainer.fit(contexts, target, max_epoch, batch_size)
    trainer.plot(name='ch04_train')
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
