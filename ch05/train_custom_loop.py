"""The same training as ch05/train with its loop written out: what an RnnlmTrainer does (book, 5.5.3)."""
from typing import Annotated

import numpy

from ch05.simple_rnnlm import SimpleRnnlm
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.figures import epochs, pyplot, scale_by_ratios, show
from common.np import np
from common.optimizer import SGD
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
    """Train the model and draw its perplexity; returns that of each epoch."""
    plt = pyplot()
    ids = load_data(corpus, tokens=tokens, encoding=encoding)[0][:corpus_size]
    vocab_size = int(ids.max()) + 1
    xs, ts = ids[:-1], ids[1:]                  # each word's label is the next
    print(f'corpus size: {len(ids)}, vocabulary size: {vocab_size}')
    if seed is not None:
        np.random.seed(seed)
    model = SimpleRnnlm(vocab_size, wordvec_size, hidden_size)
    optimizer = SGD(lr=learning_rate)

    max_iters = len(xs) // (batch_size * time_size)
    if not max_iters:
        raise InputError(f'corpus_size: expected more than batch_size · time_size = {batch_size * time_size}, got '
                         f'{len(ids)} words')
    offsets = numpy.arange(batch_size) * (len(xs) // batch_size)        # (N,): where each row of the batch begins
    time_idx = 0
    ppl_list = []
    for epoch in range(max_epoch):
        total_loss = 0.0
        for _ in range(max_iters):
            steps = numpy.arange(time_idx, time_idx + time_size)        # (T,)
            at = (offsets[:, None] + steps) % len(xs)                   # (N, T): round to the front at the end
            time_idx += time_size
            total_loss += float(model.forward(xs[at], ts[at]))
            model.backward()
            optimizer.update(model.params, model.grads)
        ppl_list.append(float(numpy.exp(total_loss / max_iters)))
        print(f'| epoch {epoch + 1} | perplexity {ppl_list[-1]:.2f}')

    plt.plot(range(1, max_epoch + 1), ppl_list, label='train')
    plt.title(f'SimpleRnnlm learns {len(ids):,} words by heart')
    epochs(plt.gca())
    plt.ylabel('perplexity')
    scale_by_ratios(plt.gca())
    plt.legend()
    show('ch05_train_custom_loop')
    return ppl_list


if __name__ == '__main__':
    run(main)
