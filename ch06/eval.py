"""The test perplexity of a trained language model (book, 6.4.4)."""
from typing import Annotated, Literal

from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.cli import run
from common.util import eval_perplexity
from dataset import toy
from dataset.corpus import load_data
from dataset.files import find_weights


def perplexity_afresh(model, ids):
    """The perplexity on ids (length,), read from a fresh state, which is fresh again afterwards.

    In the book's 10 pieces, 35 steps at a time; a text too short for these (350 words) in fewer, or in shorter steps.
    """
    time_size = min(35, len(ids) - 1)
    batch_size = min(10, (len(ids) - 1) // max(time_size, 1))
    model.reset_state()
    perplexity = eval_perplexity(model, ids, batch_size, time_size)
    model.reset_state()
    return perplexity


def report_perplexity(model, ids, corpus):
    """Print and return the perplexity on ids (length,), the test part of the corpus, which the toy language limits."""
    perplexity = perplexity_afresh(model, ids)
    print(f'test perplexity: {perplexity:.2f}')
    if corpus == 'toy':
        print(f'(no model of the toy language can do better than {toy.perplexity_floor():.2f})')
    return perplexity


def main(
    # model
    model: Annotated[Literal['rnnlm', 'better_rnnlm'], 'the model that was trained'] = 'rnnlm',
    params: Annotated[str | None, 'its file; none: looked for'] = None,
    wordvec_size: Annotated[int | None, "as in training; none: the model's default"] = None,
    hidden_size: Annotated[int | None, "as in training; none: the model's default"] = None,
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
):
    """Print and return the test perplexity."""
    ids, word_to_id, _ = load_data(corpus, 'test')
    Model, stem = (Rnnlm, 'Rnnlm') if model == 'rnnlm' else (BetterRnnlm, 'BetterRnnlm')
    sizes = {'wordvec_size': wordvec_size, 'hidden_size': hidden_size}
    net = Model(len(word_to_id), **{name: size for name, size in sizes.items() if size is not None})
    net.load_params(params or find_weights(stem, 'ch06'))
    return report_perplexity(net, ids, corpus)


if __name__ == '__main__':
    run(main)
