"""Let a trained GPT write: by temperature, by the likeliest words, by the nucleus of their probabilities."""
from typing import Annotated

from ch06.eval import how_read, ids_of
from ch07.generate_text import as_text, opening, skip_ids
from ch08.transformer.gpt import load_gpt
from common.cli import SEEDS, run
from common.np import np
from common.weight_files import load_weights
from dataset.files import find_weights


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/transformer/train_gpt; none: looked for'] = None,
    # text
    start: Annotated[str | None, 'the first words, or characters; none: the, or the first of the corpus'] = None,
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
    model, _, word_to_id, id_to_word = load_gpt(path)
    tokens, _ = how_read(load_weights(path))
    if start is None:
        start = opening('the', 1, word_to_id, tokens)
    ids = model.generate(ids_of(start, word_to_id, tokens), skip_ids(word_to_id, tokens), sample_size, temperature,
                         top_k, top_p, cache)
    text = as_text(ids, id_to_word, tokens)
    print(text)
    return text


if __name__ == '__main__':
    run(main)
