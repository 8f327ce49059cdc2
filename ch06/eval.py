"""The test perplexity of a trained language model (book, 6.4.4)."""
import os
from pathlib import Path
from typing import Annotated, Literal

from ch06.better_rnnlm import BetterRnnlm
from ch06.rnnlm import Rnnlm
from common.checks import InputError, shown
from common.cli import run
from common.figures import plot_perplexity
from common.util import eval_perplexity
from common.weight_files import load_weights, lstm_sizes
from dataset import toy
from dataset.corpus import load_data
from dataset.files import find_weights
from dataset.tokens import splitter


def perplexity_afresh(model, ids, verbose=False):
    """The perplexity on ids (length,), read from a fresh state, which is fresh again afterwards.

    In the book's 10 pieces, 35 steps at a time; a text too short for these (350 words) in fewer, or in shorter steps.
    """
    time_size = min(35, len(ids) - 1)
    batch_size = min(10, (len(ids) - 1) // max(time_size, 1))
    model.reset_state()
    perplexity = eval_perplexity(model, ids, batch_size, time_size, verbose)
    model.reset_state()
    return perplexity


def report_perplexity(model, ids, corpus):
    """Print and return the perplexity on ids (length,), the test part of the corpus, which the toy language limits."""
    perplexity = perplexity_afresh(model, ids, verbose=True)
    print(f'test perplexity: {perplexity:.2f}')
    if corpus == 'toy':
        print(f'(no model of the toy language can do better than {toy.perplexity_floor():.2f})')
    return perplexity


def draw_perplexity(trainer, corpus, test):
    """Draw the perplexity of a training on the corpus, and what it came to on the test part."""
    plot_perplexity(trainer, f'{type(trainer.model).__name__} on {Path(corpus).name}', test,
                    toy.perplexity_floor() if corpus == 'toy' else None)


def load_model(Model, path, corpus=None, encoding=None):
    """The model in a weight file and its vocabulary: model, learnt_from, word_to_id, id_to_word.

    Sizes and vocabulary are those of the file, and learnt_from is the corpus that it names. One without these, of the
    book or of an earlier version, takes the words of the corpus, ptb where None. InputError where a corpus is named
    that has other words than the file. encoding: of its text; None: as that of what was learnt from.
    """
    weights = load_weights(path)
    learnt_from = weights.about.get('corpus')
    V, *sizes = lstm_sizes(weights)
    words = weights.words
    if corpus is not None or words is None:
        # of these two the names tell, without a corpus that may have to be fetched
        found = [] if {corpus, learnt_from} == {'ptb', 'toy'} else list(
            load_data(corpus or 'ptb', 'valid', *how_read(weights, encoding))[1])
        if len(found) != V or words not in (None, found):
            expected = f'{learnt_from!r:.100}' if learnt_from else f'one of {V} different words'
            raise InputError(f'corpus: expected {expected}, from which {weights.path} was learnt, got '
                             f'{corpus or "ptb"!r}')
        words = found
    model = Model(V, *sizes)
    if len(weights.arrays) != len(model.params):
        raise InputError(f'{weights.path}: expected weights of {Model.__name__}, got those of '
                         f'{weights.about.get("class", "another model")!r:.60}')
    model.load_params(weights.path)
    return model, learnt_from or corpus or 'ptb', {word: i for i, word in enumerate(words)}, dict(enumerate(words))


def how_read(weights, encoding=None):
    """tokens, encoding: how the corpus of a weight file was read; by blanks where it says nothing, or PTB and toy.

    encoding: another one, unless None.
    """
    if weights.about.get('corpus') in ('ptb', 'toy'):
        return 'blanks', 'utf-8'
    return str(weights.flags.get('tokens', 'blanks')), encoding or str(weights.flags.get('encoding', 'utf-8'))


def ids_of(text, word_to_id, tokens, name='start'):
    """The ids of the words of a text, parted as they stand or as the corpus was; InputError for others."""
    words = text.split()
    if tokens == 'characters' or not all(word in word_to_id for word in words):
        words = splitter(tokens)(text)
    unknown = [word for word in words if word not in word_to_id]
    if unknown or not words:
        raise InputError(f'{name}: expected words of the corpus, got {text!r:.200}'
                         + f' (it has no {", ".join(map(shown, unknown))})' * bool(unknown))
    return [word_to_id[word] for word in words]


def main(
    # model
    model: Annotated[Literal['rnnlm', 'better_rnnlm'], 'the model that was trained'] = 'rnnlm',
    params: Annotated[str | None, 'its file; none: looked for'] = None,
    # data
    corpus: Annotated[str | None, 'ptb, toy or the path of a text file; none: what the file was learnt from'] = None,
    encoding: Annotated[str | None, 'in which the text file is; none: as what the file was learnt from'] = None,
):
    """Print and return the test perplexity."""
    Model, stem = (Rnnlm, 'Rnnlm') if model == 'rnnlm' else (BetterRnnlm, 'BetterRnnlm')
    path = params or find_weights(stem, made_by=f'ch06.train_{model}')
    weights = load_weights(path)
    learnt_from = str(weights.about.get('corpus') or 'ptb')
    if corpus is None and learnt_from not in ('ptb', 'toy'):
        if not os.path.isfile(learnt_from):     # False for a name that no file can have
            raise InputError(f'corpus: expected {learnt_from!r:.200}, from which {path} was learnt, got nothing; it is '
                             'not here: say where')
        corpus = learnt_from
    net, *_ = load_model(Model, path, corpus, encoding)
    corpus = corpus or learnt_from
    return report_perplexity(net, load_data(corpus, 'test', *how_read(weights, encoding))[0], corpus)


if __name__ == '__main__':
    run(main, parallel=True)
