"""Let a trained GPT write: by temperature, by the likeliest words, by the nucleus of their probabilities."""
from typing import Annotated

from ch07.generate_text import SKIP_WORDS
from ch08.transformer.gpt import load_gpt
from common.checks import InputError, shown
from common.cli import SEEDS, run
from common.np import np
from dataset.files import find_weights


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/transformer/train_gpt; none: looked for'] = None,
    # text
    start: Annotated[str, 'the first words, or of a model of characters the first characters'] = 'the',
    sample_size: Annotated[int, 'length of the text from the last of these on, in words or characters'] = 100,
    temperature: Annotated[float, 'below 1 likely words become likelier, above 1 less so'] = 1.0,
    top_k: Annotated[int | None, 'draw only among the so many likeliest'] = None,
    top_p: Annotated[float | None, 'draw only among the fewest likeliest whose probabilities add up to so much'] = None,
    cache: Annotated[bool, 'keep keys and values of the words before; without it the same text takes longer'] = True,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return a text of the model."""
    if seed is not None:
        np.random.seed(seed)
    path = params or find_weights('GPT', made_by='ch08.transformer.train_gpt')
    model, about, word_to_id, id_to_word = load_gpt(path)
    flags = about.get('flags')
    of_characters = isinstance(flags, dict) and bool(flags.get('characters'))
    words = list(start) if of_characters else start.split()
    unknown = [word for word in words if word not in word_to_id]
    if unknown or not words:
        raise InputError(f'start: expected words of the corpus, got {start!r:.200}'
                         + f' (it has no {", ".join(map(shown, unknown))})' * bool(unknown))
    skipped = ['<unk>'] if of_characters else SKIP_WORDS
    skip_ids = [word_to_id[word] for word in skipped if word in word_to_id]
    ids = model.generate([word_to_id[word] for word in words], skip_ids, sample_size, temperature, top_k, top_p, cache)
    if of_characters:
        text = ''.join(char if char in '\n\t' else shown(char) for char in (id_to_word[i] for i in ids))
    else:
        text = ' '.join(shown(id_to_word[i]) for i in ids).replace(' <eos>', '.\n')
    print(text)
    return text


if __name__ == '__main__':
    run(main)
