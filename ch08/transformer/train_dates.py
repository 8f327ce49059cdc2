"""Learn to write dates as ISO dates with a Transformer: `september 27, 1994` is to become `1994-09-27`.

The questions are read as they are written: attention does not mind in which order. --file-name addition.txt learns to
add. It leaves behind the weights, a chart of the accuracy and a picture of where each head looks.
"""
from pathlib import Path
from typing import Annotated, Any

import numpy

from ch07.train_seq2seq import ANSWERED, learn
from ch08.transformer.transformer import Transformer
from common.callbacks import WarmupCosine
from common.checks import check_range
from common.cli import FROM_0, SEEDS, run
from common.evaluation import not_training
from common.figures import plot_training, pyplot, show, visible
from common.np import np, to_cpu
from common.optimizer import AdamW
from dataset import sequence


def main(
    # data
    file_name: Annotated[str, 'addition.txt, date.txt or the path of a file of such lines'] = 'date.txt',
    # model
    wordvec_size: Annotated[int, 'numbers in the vector of a character, in all blocks'] = 128,
    heads: Annotated[int, 'heads that these numbers are divided among'] = 4,
    blocks: Annotated[int, 'blocks of encoder and decoder each'] = 2,
    hidden_size: Annotated[int, 'units of the feed-forward network in each block'] = 512,
    dropout: Annotated[float, 'share of the numbers dropped behind the embeddings and in each block'] = 0.1,
    pre_norm: Annotated[bool, 'normalize in front of each layer; no: behind it, as in the paper'] = True,
    # training
    learning_rate: Annotated[float, 'at its peak'] = 0.001,
    warmup: Annotated[float, 'share of all steps in which the learning rate rises; then it falls as a cosine'] = 0.05,
    weight_decay: Annotated[float, "AdamW's"] = 0.01,
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 1.0,
    # answers
    beam_size: Annotated[int, 'answers followed side by side; 1 takes the likeliest character each time'] = 1,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train, save and draw; returns the model and its accuracy after each epoch."""
    flags = dict(locals())
    train_data, (x_test, t_test) = sequence.load_data(file_name)
    char_to_id, _ = sequence.get_vocab()
    if seed is not None:
        np.random.seed(seed)

    model = Transformer(len(char_to_id), wordvec_size, heads, blocks, hidden_size, dropout, pre_norm)
    steps = max_epoch * (len(train_data[0]) // batch_size)
    trainer = learn(model, train_data, (x_test, t_test), flags, False, max_epoch, batch_size, max_grad, beam_size,
                    resume, optimizer=AdamW(weight_decay=weight_decay),
                    schedule=warmed_up(steps, learning_rate, warmup))
    plot_training(trainer, f'Transformer learns {Path(file_name).name}', ANSWERED)
    show('ch08_transformer_train_dates', keep=True)
    longest = int((x_test != char_to_id[' ']).sum(axis=1).argmax())
    draw_heads(model, x_test[longest], t_test[longest])
    show('ch08_transformer_train_dates_heads', keep=True)
    return model, trainer.valid_list


def warmed_up(steps, learning_rate=0.001, warmup=0.05):
    """The rate of each of so many steps: it rises to learning_rate in a share warmup of them, then falls to 0."""
    check_range('warmup', warmup, 0, 1)
    return WarmupCosine(learning_rate, int(warmup * steps), max(1, steps))


# ---------------------------------------------------------------- a picture of all heads


def draw_heads(model, x, t):
    """Draw the map of each head in each block, of the question x (S,) and the answer that the model gives to it.

    t (1 + T,): the right answer. Returns the weights: 'encoder' (blocks, heads, S, S), 'decoder' (…, T, T), 'cross'
    (…, T, S).
    """
    plt = pyplot()
    _, id_to_char = sequence.get_vocab()
    given = [int(t[0]), *model.generate(x, int(t[0]), len(t) - 1)]
    with not_training(model):
        model.forward(x[None], numpy.array([given]))
    weights = {kind: to_cpu(a[:, 0]) for kind, a in model.attention_weights.items()}
    question, written = (''.join(id_to_char[int(i)] for i in ids) for ids in (x, given))
    title = f'{visible(question.strip(), 44)} → {visible(written[1:].strip(), 44)}'
    asked, read, answer = (list(map(visible, text)) for text in (question, written[:-1], written[1:]))
    kinds = {'encoder': ('encoder: each character looks at all', asked, asked),
             'cross': ('cross: each character to be written looks at the question', answer, asked),
             'decoder': ('decoder: each character to be written looks at those before it', answer, read)}

    blocks, heads = weights['encoder'].shape[:2]
    cell, space = max(0.17, 1.5 / len(question)), 1.1           # inches
    heights = [cell * len(rows) for _, rows, _ in kinds.values()]
    # the longest title is 8 wide
    size = max(8, heads * (cell * len(question) + 0.5)), blocks * (sum(heights) + 3 * space)
    figure = plt.figure(figsize=size)
    parts: Any = figure.subfigures(3, 1, height_ratios=[height + space for height in heights])
    for part, (kind, (text, rows, columns)) in zip(parts, kinds.items(), strict=True):
        part.suptitle(text, fontweight='bold')
        for ax, (block, head) in zip(part.subplots(blocks, heads, squeeze=False).flat, np.ndindex(blocks, heads),
                                     strict=True):
            image = ax.imshow(weights[kind][block, head], cmap='viridis', vmin=0, vmax=1)
            ax.set_title(f'block {block + 1}, head {head + 1}', fontsize='medium')
            ax.set_xticks(range(len(columns)), columns, family='monospace')
            ax.set_yticks(range(len(rows)), rows, family='monospace')
            ax.tick_params(length=2)
    figure.colorbar(image, ax=part.axes, shrink=0.8, label='attention weight')
    figure.suptitle(title)
    return weights


if __name__ == '__main__':
    run(main, parallel=True)
