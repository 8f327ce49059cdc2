"""Let a trained language model write (book, 7.1)."""
from typing import Annotated

import numpy

from ch06.eval import how_read, ids_of, load_model
from ch07.rnnlm_gen import RnnlmGen
from common.cli import SEEDS, run
from common.np import np
from common.weight_files import load_weights
from dataset.files import find_weights
from dataset.tokens import joined, script_of

SKIP_WORDS = ('N', '<unk>', '$')        # in PTB: a number, a rare word, and the sign before amounts


def write_text(model, beginning, word_to_id, id_to_word, sample_size, temperature=1.0, top_k=None, tokens='blanks'):
    """The words of `beginning` and sample_size − 1 drawn after them, one sentence a line.

    The model, whose state is reset first, reads all words but the last and generates from that one on.
    """
    *first_ids, start_id = ids_of(beginning, word_to_id, tokens)
    model.reset_state()
    for i in first_ids:
        model.predict(numpy.array([[i]]))
    ids = first_ids + model.generate(start_id, skip_ids(word_to_id, tokens), sample_size, temperature, top_k)
    return as_text(ids, id_to_word, tokens)


def opening(usual, count, word_to_id, tokens='blanks'):
    """How a text begins if nobody says: with the book's words where the corpus has them, else with its own first."""
    if all(word in word_to_id for word in usual.split()):
        return usual
    first = [word for word in word_to_id if word != '<unk>']        # by first appearance
    end = first.index('<eos>') if '<eos>' in first[1:] else count
    return joined(first[:min(end, count)], tokens)


def skip_ids(word_to_id, tokens):
    skipped = ['<unk>'] if tokens == 'characters' else SKIP_WORDS
    return [word_to_id[word] for word in skipped if word in word_to_id]


def as_text(ids, id_to_word, tokens):
    """The words of these ids as a text. Where the corpus has no full stops, as PTB, lines end with one all the same."""
    words = set(id_to_word.values())
    bare = tokens in ('words', 'blanks') and not words & set('.。!?！？') and script_of(''.join(words)) is None
    return joined([id_to_word[i] for i in ids], tokens, '.' * bare)


def main(
    # model
    corpus: Annotated[str | None, 'what it was learnt from, where the file does not say: ptb, toy or a path'] = None,
    params: Annotated[str | None, 'the file of ch06/train_rnnlm; none: looked for'] = None,
    # text
    start: Annotated[str | None, 'the first words; none: you, or the first word of a corpus without it'] = None,
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
    tokens, _ = how_read(load_weights(path))
    if start is None:
        start = opening('you', 1, word_to_id, tokens)
    text = write_text(model, start, word_to_id, id_to_word, sample_size, temperature, top_k, tokens)
    print(text)
    return text


if __name__ == '__main__':
    run(main)
