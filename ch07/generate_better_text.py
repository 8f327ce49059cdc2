"""Let the better language model write, and go on with a sentence that is given (book, 7.1)."""
from typing import Annotated

from ch06.eval import how_read, ids_of, load_model
from ch07.generate_text import opening, write_text
from ch07.rnnlm_gen import BetterRnnlmGen
from common.cli import SEEDS, run
from common.np import np
from common.weight_files import load_weights
from dataset.files import find_weights


def main(
    # model
    corpus: Annotated[str | None, 'what it was learnt from, where the file does not say: ptb, toy or a path'] = None,
    params: Annotated[str | None, 'the file of ch06/train_better_rnnlm; none: looked for'] = None,
    # text
    start: Annotated[str | None, 'the first words of one text; none: you, or of the corpus'] = None,
    sentence: Annotated[str | None, 'how another begins; none: the meaning of life is, or as the corpus'] = None,
    sample_size: Annotated[int, 'length of each text in words'] = 100,
    temperature: Annotated[float, 'below 1 likely words become likelier, above 1 less so'] = 1.0,
    top_k: Annotated[int | None, 'draw only among the so many likeliest'] = None,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Print and return two texts of the model."""
    if seed is not None:
        np.random.seed(seed)
    path = params or find_weights('BetterRnnlm', made_by='ch06.train_better_rnnlm')
    model, _, word_to_id, id_to_word = load_model(BetterRnnlmGen, path, corpus)
    tokens, _ = how_read(load_weights(path))
    beginnings = [given if given is not None else opening(usual, count, word_to_id, tokens)
                  for given, usual, count in ((start, 'you', 1), (sentence, 'the meaning of life is', 5))]
    for name, beginning in zip(('start', 'sentence'), beginnings, strict=True):
        ids_of(beginning, word_to_id, tokens, name)     # both are looked at before the first is gone on with
    texts = []
    for beginning in beginnings:
        texts.append(write_text(model, beginning, word_to_id, id_to_word, sample_size, temperature, top_k, tokens))
        print(texts[-1])
        print('-' * 50)
    return texts


if __name__ == '__main__':
    run(main)
