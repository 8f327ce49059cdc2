"""Train GPT, a language model of causal attention, on words or on the characters of a text (Radford et al., 2019).

NAME.npz is the model of the epoch with the best validation. At the end the test perplexity is told twice: with the
context carried over from what was read before, as Rnnlm carries its state, and without.
"""
from functools import partial
from pathlib import Path
from typing import Annotated

from ch08.transformer.gpt import GPT, gpt_perplexity
from common.callbacks import EarlyStopping, WarmupCosine
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_perplexity, show
from common.np import np
from common.optimizer import AdamW
from common.trainer import RnnlmTrainer
from common.training import training
from dataset import toy
from dataset.corpus import load_data
from dataset.tokens import Tokens


def main(
    # data
    corpus: Annotated[str, 'ptb, toy (made here, no network needed) or the path of a text file'] = 'ptb',
    tokens: Annotated[Tokens, 'how its lines become words; ja, ko, zh: of those languages'] = 'words',
    encoding: Annotated[str, 'in which the text file is: utf-8, cp932, cp949, gb18030, utf-16 …'] = 'utf-8',
    # model
    wordvec_size: Annotated[int, 'numbers in a word vector, and all through the blocks'] = 256,
    heads: Annotated[int, 'heads of attention in a block'] = 4,
    blocks: Annotated[int, 'blocks, one behind another'] = 4,
    rotary: Annotated[bool, 'positions turn queries and keys; else each has a vector, which is learnt'] = True,
    dropout: Annotated[float, 'part of the activations that dropout sets to zero'] = 0.3,
    # training
    batch_size: Annotated[int, 'examples in one step'] = 20,
    time_size: Annotated[int, 'words that are seen at once'] = 70,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 20,
    learning_rate: Annotated[float, "the highest of AdamW's step sizes; the last is 0, along a cosine"] = 0.001,
    warmup_steps: Annotated[int, 'steps in which it rises (a tenth of all at most)', FROM_0] = 200,
    weight_decay: Annotated[float, 'how much of a matrix is taken off, times the step size'] = 0.1,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 1.0,
    patience: Annotated[int | None, 'stop after so many epochs without a better validation'] = None,
    # files
    name: Annotated[str, 'what the files are called'] = 'GPT',
    resume: Annotated[bool, 'go on from the checkpoint'] = False,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = None,
):
    """Train, save, test and draw; returns the trainer and the best epoch's two test perplexities, by their names."""
    flags = dict(locals())
    ids, word_to_id, id_to_word = load_data(corpus, 'train', tokens, encoding)
    print(f'corpus size: {len(ids)}, vocabulary size: {len(word_to_id)}')
    ids_valid, ids_test = (load_data(corpus, part, tokens, encoding)[0] for part in ('valid', 'test'))
    if seed is not None:
        np.random.seed(seed)

    model = GPT(len(word_to_id), wordvec_size, heads, blocks, time_size, dropout_ratio=dropout, rotary=rotary)
    steps = max_epoch * ((len(ids) - 1) // (batch_size * time_size))
    schedule = WarmupCosine(learning_rate, min(warmup_steps, steps // 10), max(steps, 1))
    callbacks = [EarlyStopping(patience)] if patience else []
    trainer = RnnlmTrainer(model, AdamW(learning_rate, weight_decay=weight_decay), callbacks, schedule)
    with training(trainer, name, flags, (ids, ids_valid, ids_test, word_to_id), id_to_word, resume, keep_best=True):
        trainer.fit(ids[:-1], ids[1:], max_epoch, batch_size, time_size, max_grad,
                    validate=partial(gpt_perplexity, model, ids_valid))

    found = {'with context carried over': gpt_perplexity(model, ids_test, carry=True),
             'without': gpt_perplexity(model, ids_test, carry=False)}
    for how, perplexity in found.items():
        print(f'test perplexity, {how}: {perplexity:.2f}')
    floor = toy.perplexity_floor() if corpus == 'toy' else None
    if floor:
        print(f'(no model of the toy language can do better than {floor:.2f})')
    plot_perplexity(trainer, f'GPT on {Path(corpus).name}', found['with context carried over'], floor)
    show('ch08_transformer_train_gpt')
    return trainer, found


if __name__ == '__main__':
    run(main, parallel=True)
