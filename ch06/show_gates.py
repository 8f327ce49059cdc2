"""What an LSTM does while it reads a sentence: its gates, its memory cell and its output, word by word (book, 6.2).

It takes the weights that `python -m ch06.train_rnnlm` leaves behind (or the book's). Of the units those are drawn whose
memory changes most; the ones that forget least stand at the top.
"""
from typing import Annotated

from ch06.eval import how_read, ids_of, load_model
from ch06.rnnlm import Rnnlm
from common.checks import shown
from common.cli import run
from common.figures import pyplot, show, visible
from common.np import np, to_cpu
from common.time_layers import LSTM
from common.weight_files import load_weights
from dataset.corpus import load_data
from dataset.files import find_weights

NAMES = {'f': 'forget gate f', 'i': 'input gate i', 'o': 'output gate o', 'g': 'new content g', 'c': 'memory cell c',
         'h': 'output h'}


def main(
    # model
    params: Annotated[str | None, 'the file of ch06/train_rnnlm; none: looked for'] = None,
    corpus: Annotated[str | None, 'what it was learnt from, where the file does not say: ptb, toy or a path'] = None,
    # text
    sentence: Annotated[str | None, 'words of the corpus; none: its first for validation'] = None,
    units: Annotated[int, 'how many units are drawn'] = 24,
):
    """Draw; returns the words, the units, and the numbers of all units: name -> (T, H)."""
    path = params or find_weights('Rnnlm', made_by='ch06.train_rnnlm')
    model, learnt_from, word_to_id, id_to_word = load_model(Rnnlm, path, corpus)
    how = how_read(load_weights(path))
    if sentence is None:
        ids = to_cpu(load_data(learnt_from, 'valid', *how)[0])[:18].tolist()
        end = word_to_id.get('<eos>')
        ids = [end, *ids[:ids.index(end) + 1]] if end in ids else ids
    else:
        ids = ids_of(sentence, word_to_id, how[0], 'sentence')
    seen = read(model, np.array(ids))
    chosen = choose(seen, units)
    words = [shown(id_to_word[i]) for i in ids]
    draw(words, chosen, seen)
    show('ch06_show_gates')
    return words, chosen, seen


def read(model, ids):
    """What model's LSTM holds after each word of ids (T,), from a fresh state: name -> (T, H)."""
    embed_W, Wx, Wh, b, *_ = model.params
    cell = LSTM(Wx, Wh, b)
    h = c = np.zeros((1, len(Wh)), Wh.dtype)            # (1, H)
    seen: dict = {name: [] for name in NAMES}
    for x in embed_W[ids]:                              # (D,)
        h, c = cell.forward(x[None], h, c)
        _, _, _, f, g, i, o, _ = cell.cache
        for name, value in {'f': f, 'i': i, 'o': o, 'g': g, 'c': c, 'h': h}.items():
            seen[name].append(to_cpu(value[0]))
    return {name: np.stack(values) for name, values in seen.items()}


def choose(seen, count):
    """The `count` units whose memory changes most, those with the largest mean forget gate first."""
    changing = (-seen['c'].std(axis=0)).argsort(kind='stable')[:count]
    return changing[(-seen['f'].mean(axis=0)[changing]).argsort(kind='stable')]


def draw(words, units, seen):
    """A map for each name of seen: a row a unit, a column a word."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 3, figsize=(max(11, 0.6 * len(words)), 8), sharex=True, sharey=True)
    for ax, (name, title) in zip(axes.flat, NAMES.items(), strict=True):
        values = seen[name][:, units].T                 # (units, T)
        if name in 'fio':       # between closed, 0, and open, 1
            image = ax.imshow(values, aspect='auto', cmap='viridis', vmin=0, vmax=1)
        else:
            most = abs(values).max() if name == 'c' else 1
            image = ax.imshow(values, aspect='auto', cmap='RdBu_r', vmin=-most, vmax=most)
        ax.set_title(title)
        ax.set_yticks(())
        ax.set_xticks(range(len(words)), [visible(word) for word in words], fontsize=10)
        for label in ax.get_xticklabels():      # one letter stands upright
            label.set_rotation(90 * (len(label.get_text()) > 1))
        figure.colorbar(image, ax=ax, shrink=0.8, aspect=30)
    figure.supylabel(f'{len(units)} units, the ones that forget least at the top')


if __name__ == '__main__':
    run(main)
