"""Let BERT fill in blanks: the likeliest words for each `<mask>`, beside the probabilities that the toy language has.

`--text "the <mask> drove a red car yesterday"` asks for one of your own. It takes the weights that
`python -m ch08.transformer.train_bert` leaves behind.
"""
from typing import Annotated

import numpy

from ch06.eval import how_read
from ch08.transformer.bert import load_bert
from ch08.transformer.train_bert import MASK
from common.checks import InputError, shown
from common.cli import run
from common.evaluation import not_training
from common.figures import pyplot, show, visible, width_of
from common.functions import softmax
from common.np import to_cpu
from dataset import toy
from dataset.files import find_weights
from dataset.tokens import joined, splitter


def main(
    # text
    text: Annotated[str, 'a text, with <mask> where a word is to be found'] = 'the <mask> drove a red car yesterday',
    top: Annotated[int, 'words shown for each'] = 10,
    # model
    params: Annotated[str | None, 'the file of ch08/transformer/train_bert; none: looked for'] = None,
):
    """Print and draw; returns for each `<mask>` its likeliest words: (word, the model's probability, the true one).

    The true one is None where it is not known: of another language than the toy one, or of no sentence of it.
    """
    model, weights = load_bert(params or find_weights('BERT', made_by='ch08.transformer.train_bert'))
    tokens, _ = how_read(weights)
    words = words_of(text, weights.words, tokens)
    p = fill_in(model, words, weights.words)
    places = [i for i, word in enumerate(words) if word == MASK]
    tables = []
    for place, row in zip(places, p, strict=True):
        true = true_probabilities(words, place) if weights.about.get('corpus') == 'toy' else None
        order = (-row).argsort()[:top].tolist()
        tables.append([(weights.words[i], float(row[i]), true and true.get(weights.words[i], 0.0)) for i in order])
    for place, table in zip(places, tables, strict=True):
        print_table(words, place, table, tokens)
    draw(words, places, tables, tokens)
    show('ch08_transformer_fill_in')
    return tables


def words_of(text, vocabulary, tokens):
    """The words of a text, parted as they stand or as the corpus was, and `<mask>` between them."""
    words = text.split()
    if tokens == 'characters' or not set(words) <= set(vocabulary):
        cut = list if tokens == 'characters' else splitter(tokens)      # list: a blank before <mask> is one too
        first, *others = map(cut, text.split(MASK))
        words = first + [word for part in others for word in (MASK, *part)]
    return words


def fill_in(model, words, vocabulary):
    """The model's probabilities (M, V) of each word at the M places where words, a list, has `<mask>`."""
    word_to_id = {word: i for i, word in enumerate(vocabulary)}
    unknown = [word for word in words if word not in word_to_id]
    if unknown or MASK not in words:
        raise InputError(f'text: expected words of the corpus and a {MASK}, got {" ".join(map(shown, words))!r}'
                         + f' (it has no {", ".join(map(shown, unknown))})' * bool(unknown))
    xs = numpy.array([[word_to_id[word] for word in words]])
    with not_training(model):
        scores = model.predict_at(xs, xs == word_to_id[MASK])
    return to_cpu(softmax(scores))


def true_probabilities(words, place):
    """word -> its probability in the toy language, None where no sentence is like that."""
    try:
        return toy.masked_word_probabilities([None if word == MASK else word for word in words], place)
    except InputError:
        return None


def print_table(words, place, table, tokens):
    print(joined(['____' if i == place else word for i, word in enumerate(words)], tokens))
    width = max(width_of(shown(word)) for word, _, _ in table)
    known = table[0][2] is not None
    print(' ' * width + ' |  model' + ' |  truth' * known)
    for word, p, true in table:
        filling = ' ' * (width - width_of(shown(word)))
        print(f'{shown(word)}{filling} | {p:6.1%}' + (f' | {true:6.1%}' if known else ''))


def draw(words, places, tables, tokens):
    """For each blank its likeliest words, as bars."""
    plt = pyplot()
    longest = max(map(len, tables))
    figure, axes = plt.subplots(1, len(tables), figsize=(2 + 5 * len(tables), 1.8 + 0.4 * longest), squeeze=False)
    figure.suptitle(visible(joined(['___' if word == MASK else word for word in words], tokens)))
    for number, (ax, table) in enumerate(zip(axes[0], tables, strict=True), 1):
        rows = numpy.arange(len(table))
        known = table[0][2] is not None
        ax.barh(rows - 0.2 * known, [100 * p for _, p, _ in table], 0.4 * (1 + (not known)), label='BERT')
        if known:
            ax.barh(rows + 0.2, [100 * true for _, _, true in table], 0.4, color='C2', label='the grammar')
        ax.set_yticks(rows, [visible(shown(word)) for word, _, _ in table])
        ax.invert_yaxis()
        ax.set_xlabel('probability (%)')
        ax.grid(axis='x')
        ax.legend(loc='lower right')
        if len(tables) > 1:
            ax.set_title(f'blank {number}')


if __name__ == '__main__':
    run(main)
