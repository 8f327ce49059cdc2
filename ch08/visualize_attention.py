"""What attention looks at (book, 8.4): five test dates, and for each character of the answer where the model looked.

--question 3/14/15 asks for a date of your own. It takes the weights that `python -m ch08.train` leaves behind.
"""
import math
from typing import Annotated, Literal

import numpy

from ch08.attention_bi_seq2seq import AttentionBiSeq2seq
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.bahdanau_seq2seq import BahdanauSeq2seq
from ch08.deep_attention_seq2seq import DeepAttentionSeq2seq
from common.checks import InputError
from common.cli import SEEDS, run
from common.figures import pyplot, show, visible, width_of
from common.np import np, to_cpu
from common.weight_files import load_weights, lstm_sizes
from dataset import files, sequence

MODELS = {'attention': AttentionSeq2seq, 'bi': AttentionBiSeq2seq, 'bahdanau': BahdanauSeq2seq,
          'deep': DeepAttentionSeq2seq}


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/train, which says of which model it is; none: looked for'] = None,
    model: Annotated[Literal['attention', 'bi', 'bahdanau', 'deep'], 'whose file is looked for'] = 'attention',
    # data
    file_name: Annotated[str | None, 'what it learnt from; none: what its file says, or date.txt'] = None,
    question: Annotated[str | None, 'a date of your own, such as 3/14/15; none: five of the test part'] = None,
    # chance
    seed: Annotated[int, 'of the choice of dates', SEEDS] = 1984,
):
    """Draw the maps; returns the attention weights (5, T, S), or (1, T, S) of a question, in reading order."""
    network, (x_test, t_test) = load_network(params, model, file_name)
    if question is not None:
        attention = draw_attention(network, ids_of(question, x_test.shape[1]), None, t_test.shape[1] - 1)
    else:
        np.random.seed(seed)
        chosen = [numpy.random.randint(0, len(x_test)) for _ in range(5)]
        attention = draw_attention(network, x_test[chosen], t_test[chosen])
    show('ch08_visualize_attention')
    return attention


def load_network(params, model, file_name=None):
    """The model with attention in a file, and the test part of what it learnt from: network, (x, t).

    params: the file; None: that which ch08.train leaves for this name of MODELS. file_name: the data; None: as the file
    says, which an earlier version's does not: date.txt.
    """
    weights = load_weights(params or files.find_weights(MODELS[model].__name__, made_by='ch08.train'))
    kinds = {kind.__name__: kind for kind in MODELS.values()}
    name = str(weights.about.get('class', 'AttentionSeq2seq'))      # the book's files do not say
    if name not in kinds:
        raise InputError(f'{weights.path}: expected weights of {", ".join(kinds)}, got those of {name}')
    file_name = file_name or weights.flags.get('file_name') or 'date.txt'
    _, test_data = sequence.load_data(str(file_name))
    char_to_id, _ = sequence.get_vocab()
    if weights.words not in (None, list(char_to_id)):
        raise InputError(f'{weights.path}: expected weights learnt from the characters of {file_name}, got others')
    network = kinds[name](*lstm_sizes(weights))
    network.load_params(weights.path)
    return network, test_data


def ids_of(question, S):
    """The ids of a question's characters and of blanks up to S: (1, S)."""
    char_to_id, _ = sequence.get_vocab()
    strange = [c for c in question.ljust(S) if c not in char_to_id]     # a blank, where all questions are as long
    if strange or not 0 < len(question) <= S:
        raise InputError(f'question: expected 1 to {S} of the characters {"".join(sorted(char_to_id))!r:.200}, '
                         f'got {question!r:.60}' + f' (with {"".join(strange)!r:.20})' * bool(strange))
    return numpy.array([[char_to_id[c] for c in question.ljust(S)]])


def draw_attention(model, xs, ts, T=10):
    """Print the answers, and draw a map of the attention weights for each question, which model reads reversed.

    xs (N, S) as written, ts (N, 1 + T) the right answers, None where nobody knows them: then T is how long they are to
    be. Returns the weights (N, T, S), in reading order.
    """
    plt = pyplot()
    char_to_id, id_to_char = sequence.get_vocab()
    if ts is None:
        start_id = char_to_id['_']
    else:
        start_id, T = int(ts[0, 0]), ts.shape[1] - 1
    reversed_xs = xs[:, ::-1]
    answers = numpy.reshape(model.generate(reversed_xs, start_id, T), (len(xs), T))                       # (N, T)
    rights = answers if ts is None else ts[:, 1:]
    # the weights of all steps, while the model writes the answers that it gave
    model.forward(reversed_xs, numpy.concatenate((numpy.full((len(xs), 1), start_id), answers), axis=1))
    weights = np.stack(model.decoder.attention.attention_weights, axis=1)[:, :, ::-1]                     # (N, T, S)
    weights = to_cpu(weights)

    columns = min(len(xs), 2)
    rows = math.ceil(len(xs) / columns)
    full = len(xs) == rows * columns    # else the colours stand in the place over
    height = min(4.6 * T / xs.shape[1], 6)                                              # of a map, in inches
    size = 5.5 * columns, (height + 1.3) * rows + 0.8 * full
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax, question, right, answer, weight in zip(axes.flat, xs, rights, answers, weights, strict=False):
        image = ax.imshow(weight, cmap='viridis', vmin=0, vmax=1, aspect='equal' if height < 6 else 'auto')
        question, right, answer = (''.join(id_to_char[i] for i in ids.tolist()) for ids in (question, right, answer))
        print(f'{question.strip()} → {answer.strip()}' + f' (right: {right.strip()})' * (answer != right))
        title = f'{visible(question.strip(), 44)} → {visible(answer, 44)}'
        ax.set_title((title if width_of(title) < 50 else title.replace(' → ', '\n→ '))
                     + f'\nright: {visible(right, 40)}' * (answer != right))
        ax.set_xticks(range(len(question)), map(visible, question))
        ax.set_yticks(range(len(answer)), map(visible, answer))
        ax.set(xlabel='question as written', ylabel='answer')
        ax.tick_params(labelsize=10)
    for ax in axes.flat[len(xs):]:
        ax.axis('off')
    place = {'ax': axes, 'aspect': 40} if full else {'cax': axes.flat[-1].inset_axes((0, 0.5, 1, 0.08))}
    figure.colorbar(image, orientation='horizontal', label='attention weight: each row of a map adds up to 1', **place)
    return weights


if __name__ == '__main__':
    run(main)
