"""Let a trained language model write (book, 7.1)."""
from typing import Annotated

from ch07.rnnlm_gen import RnnlmGen
from common.checks import InputError
from common.cli import SEEDS, run
from common.np import np
from dataset.corpus import load_data
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
                         + f' (it has no {", ".join(unknown)})' * bool(unknown))
    *first_ids, start_id = (word_to_id[word] for word in words)
    skip_ids = [word_to_id[word] for word in SKIP_WORDS if word in word_to_id]
    model.reset_state()
    for i in first_ids:
        model.predict(np.array([[i]]))
    ids = first_ids + model.generate(start_id, skip_ids, sample_size, temperature, top_k)
    return ' '.join(id_to_word[i] for i in ids).replace(' <eos>', '.\n')


def main(
    # model
    corpus: Annotated[str, 'the one that the model was trained on: ptb, toy or the path of a text file'] = 'ptb',
    params: Annotated[str | None, 'the file of ch06/train_rnnlm; none: looked for'] = None,
    wordvec_size: Annotated[int, 'numbers in a word vector'] = 100,
    hidden_size: Annotated[int, 'units of the LSTM'] = 100,
    # text
    start: Annotated[str, 'the first word'] = 'you',
    sample_size: Annotated[int, 'length of the text in words'] = 100,
    temperature: Annotated[float, 'below 1 likely words become likelier, above 1 less so'] = 1.0,
    top_k: Annotated[int | None, 'draw only among the so many likeliest'] = None,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return a text of the model."""
    _, word_to_id, id_to_word = load_data(corpus)
    if seed is not None:
        np.random.seed(seed)
    model = RnnlmGen(len(word_to_id), wordvec_size, hidden_size)
    model.load_params(params or find_weights('Rnnlm', 'ch06'))
    text = write_text(model, start, word_to_id, id_to_word, sample_size, temperature, top_k)
    print(text)
    return text


if __name__ == '__main__':
    run(main)
