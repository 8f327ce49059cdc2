"""Learn word vectors from one sentence with the simple CBOW or skip-gram (book, 3.4.2)."""
from typing import Annotated, Literal

from ch03.simple_cbow import SimpleCBOW
from ch03.simple_skip_gram import SimpleSkipGram
from common.checks import shown
from common.cli import FROM_0, SEEDS, run
from common.figures import show
from common.np import np
from common.optimizer import Adam
from common.trainer import Trainer
from common.util import convert_one_hot, create_contexts_target, preprocess
from common.word_map import draw_word_map


def main(
    # data
    text: Annotated[str, 'a text to learn from'] = 'You say goodbye and I say hello.',
    window_size: Annotated[int, 'context words on each side'] = 1,
    # model
    model: Annotated[Literal['cbow', 'skip_gram'], 'which model is trained'] = 'cbow',
    hidden_size: Annotated[int, 'numbers in a word vector'] = 5,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 3,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 1000,
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.001,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train, draw the loss and the words, print their vectors; returns the trainer."""
    corpus, word_to_id, id_to_word = preprocess(text)
    vocab_size = len(word_to_id)
    contexts, target = create_contexts_target(corpus, window_size)      # (N, C), (N,)
    contexts = convert_one_hot(contexts, vocab_size)                    # (N, C, V)
    target = convert_one_hot(target, vocab_size)                        # (N, V)
    if seed is not None:
        np.random.seed(seed)
    Model = SimpleCBOW if model == 'cbow' else SimpleSkipGram
    net = Model(vocab_size, hidden_size)
    trainer = Trainer(net, Adam(lr=learning_rate))
    trainer.fit(contexts, target, max_epoch, batch_size)
    trainer.plot(name='ch03_train')
    draw_word_map(net.word_vecs, word_to_id, id_to_word, list(word_to_id), f"{Model.__name__}'s word vectors")
    show('ch03_train_words')
    with np.printoptions(linewidth=10_000):     # a word a line, however its numbers are written
        for word_id, word in id_to_word.items():
            print(shown(word), net.word_vecs[word_id])
    return trainer


if __name__ == '__main__':
    run(main, parallel=True)
