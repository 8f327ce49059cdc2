"""What attention looks at (book, 8.4): five test dates, and for each character of the answer where the model looked.

It takes the weights that `python -m ch08.train` leaves behind.
"""
from typing import Annotated, Literal

from ch08.attention_bi_seq2seq import AttentionBiSeq2seq
from ch08.attention_seq2seq import AttentionSeq2seq
from ch08.bahdanau_seq2seq import BahdanauSeq2seq
from ch08.deep_attention_seq2seq import DeepAttentionSeq2seq
from common.checks import InputError
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.weight_files import load_weights, lstm_sizes
from dataset import files, sequence

MODELS = {'attention': AttentionSeq2seq, 'bi': AttentionBiSeq2seq, 'bahdanau': BahdanauSeq2seq,
          'deep': DeepAttentionSeq2seq}


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/train, which says of which model it is; none: looked for'] = None,
    model: Annotated[Literal['attention', 'bi', 'bahdanau', 'deep'], 'whose file is looked for'] = 'attention',
    # chance
    seed: Annotated[int, 'of the choice of dates', SEEDS] = 1984,
):
    """Draw the maps; returns the attention weights (5, T, S), in reading order."""
    _, (x_test, t_test) = sequence.load_data('date.txt')
    char_to_id, _ = sequence.get_vocab()
    weights = load_weights(params or files.find_weights(MODELS[model].__name__, made_by='ch08.train'))
    kinds = {kind.__name__: kind for kind in MODELS.values()}
    name = str(weights.about.get('class', 'AttentionSeq2seq'))      # the book's files do not say
    if name not in kinds:
        raise InputError(f'{weights.path}: expected weights of {", ".join(kinds)}, got those of {name}')
    if weights.words not in (None, list(char_to_id)):
        raise InputError(f'{weights.path}: expected weights learnt from the characters of date.txt, got others')
    network = kinds[name](*lstm_sizes(weights))
    network.load_params(weights.path)

    np.random.seed(seed)
    chosen = [np.random.randint(0, len(x_test)) for _ in range(5)]
    attention = draw_attention(network, x_test[chosen], t_test[chosen])
    show('ch08_visualize_attention')
    return attention


def draw_attention(model, xs, ts):
    """Draw a map of the attention weights for each question; model reads them reversed, the maps have reading order.

    xs (N, S) as written, ts (N, 1 + T) the right answers. Returns the weights (N, T, S), in reading order.
    """
    plt = pyplot()
    _, id_to_char = sequence.get_vocab()
    reversed_xs = xs[:, ::-1]
    answers = np.reshape(model.generate(reversed_xs, int(ts[0, 0]), ts.shape[1] - 1), (len(xs), -1))      # (N, T)
    # the weights of all steps, while the model writes the answers that it gave
    model.forward(reversed_xs, np.concatenate((ts[:, :1], answers), axis=1))
    weights = np.stack(model.decoder.attention.attention_weights, axis=1)[:, :, ::-1]                     # (N, T, S)
    weights = to_cpu(weights)

    rows = len(xs) // 2 + 1     # two maps in a row, and a place over for the colours
    figure, axes = plt.subplots(rows, 2, figsize=(15, 3.1 * rows), squeeze=False)
    for ax, question, right, answer, weight in zip(axes.flat, xs, ts[:, 1:], answers, weights, strict=False):
        image = ax.imshow(weight, cmap='viridis', vmin=0, vmax=1)
        question, right, answer = (''.join(id_to_char[i] for i in ids.tolist()) for ids in (question, right, answer))
        ax.set_title(f'{question.strip()} → {answer}' + f' (wrong: {right})' * (answer != right))
        ax.set_xticks(range(len(question)), question.replace(' ', '␣'))
        ax.set_yticks(range(len(answer)), answer)
        ax.set_xlabel('date as written')
        ax.set_ylabel('answer')
        ax.tick_params(labelsize='large')
    for ax in axes.flat[len(xs):]:
        ax.axis('off')
    figure.colorbar(image, cax=axes.flat[-1].inset_axes((0, 0.5, 1, 0.08)), orientation='horizontal',
                    label='attention weight: each row of a map adds up to 1')
    return weights


if __name__ == '__main__':
    run(main)
