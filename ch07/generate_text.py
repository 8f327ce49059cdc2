"""Let a trained language model write (book, 7.1)."""
from typing import Annotated

import numpy

from ch06.eval import load_model
from ch07.rnnlm_gen import RnnlmGen
from common.checks import InputError, shown
from common.cli import SEEDS, run
from common.np import np
from dataset.files import find_weights

SKIP_WORDS = ('N', '<unk>', '$')        # in PTB: a number, a rare word, and the sign before amounts


def write_text(model, beginning, word_to_id, id_to_word, sample_size, temperature=1.0, top_k=None):
    """The words of `beginning` and sample_size − 1 drawn after them, one sentence a line.

    The model, whose state is reset first, reads all words but the last and generates from that one on.
    """
    words = beginning.split()
    unknown = [word for word in words if word not in word_to_id]
    if unknown or not words:
        raise InputError(f'start: expected words of the corpus, got {beginning!r}'
                         + f' (it has no {", ".join(map(shown, unknown))})' * bool(unknown))
    *first_ids, start_id = (word_to_id[word] for word in words)
    skip_ids = [word_to_id[word] for word in SKIP_WORDS if word in word_to_id]
    model.reset_state()
    for i in first_ids:
        model.predict(numpy.array([[i]]))
    ids = first_ids + model.generate(start_id, skip_ids, sample_size, temperature, top_k)
    return ' '.join(shown(id_to_word[i]) for i in ids).replace(' <eos>', '.\n')


def main(
    # model
    corpus: Annotated[str | None, 'what it was learnt from, where the file does not say: ptb, toy or a path'] = None,
    params: Annotated[str | None, 'the file of ch06/train_rnnlm; none: looked for'] = None,
    # text
    start: Annotated[str, 'the first word'] = 'you',
    sample_size: Annotated[int, 'length of the text in words'] = 100,
    temperature: Annotated[float, 'below 1 likely words become likelier, above 1 less so'] = 1.0,
    top_k: Annotated[int | None, 'draw only among the so many likeliest'] = None,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return a text of the model."""
    if seed is not None:
        np.random.seed(seed)
    path = params or find_weights('Rnnlm', made_by='ch06.train_rnnlm')
    model, _, word_to_id, id_to_word = load_model(RnnlmGen, path, corpus)
    text = write_text(model, start, word_to_id, id_to_word, sample_size, temperature, top_k)
    print(text)
    return text


if __name__ == '__main__':
    run(main)
