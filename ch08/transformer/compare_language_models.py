"""GPT beside Rnnlm on the toy language at equal wall time: test perplexity over seconds, and the grammar's floor.

The two learn in turn, a slice of the time each, so that whatever else the machine does meets both. For both the rate
falls to 0 along a cosine by the time that is spent, after a rise in the first twentieth of it. There is more text than
they get through more than a few times: of 12,000 sentences Rnnlm knows the words by heart after a quarter of a minute.
"""
import time
from typing import Annotated

from ch06.eval import perplexity_afresh
from ch06.rnnlm import Rnnlm
from ch08.transformer.gpt import GPT, gpt_perplexity
from common.callbacks import WarmupCosine
from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from common.optimizer import SGD, AdamW
from common.trainer import RnnlmTrainer, train_step
from dataset import toy

SLICES = 24     # of the time: a point of the curve after each


def main(
    # data
    train_size: Annotated[int, 'sentences to learn from'] = 100_000,
    # Rnnlm
    hidden_size: Annotated[int, "units of Rnnlm's LSTM, and numbers in its word vectors"] = 100,
    rnnlm_learning_rate: Annotated[float, "the highest of SGD's step sizes for Rnnlm"] = 20.0,
    rnnlm_max_grad: Annotated[float, "norm to which Rnnlm's larger gradients are scaled down"] = 0.25,
    # GPT
    wordvec_size: Annotated[int, "numbers in GPT's word vectors, and all through its blocks"] = 64,
    heads: Annotated[int, 'heads of attention in a block'] = 4,
    blocks: Annotated[int, 'blocks, one behind another'] = 2,
    gpt_learning_rate: Annotated[float, "the highest of AdamW's step sizes for GPT"] = 0.005,
    dropout: Annotated[float, "part of GPT's activations that dropout sets to zero"] = 0.0,
    # training
    seconds: Annotated[float, 'for which each of the two learns'] = 120.0,
    batch_size: Annotated[int, 'examples in one step'] = 20,
    time_size: Annotated[int, 'words that GPT sees at once, and through which Rnnlm is trained back'] = 35,
    # chance
    seed: Annotated[int | None, 'of the random numbers', SEEDS] = None,
):
    """Train both and draw; returns name -> [(seconds, test perplexity)]."""
    if seed is not None:
        np.random.seed(seed)
    ids, word_to_id, _ = toy.load_data('train', train_size)
    ids_test, _, _ = toy.load_data('test')
    V = len(word_to_id)
    gpt = GPT(V, wordvec_size, heads, blocks, time_size, dropout_ratio=dropout, rotary=True)
    rnnlm = Rnnlm(V, hidden_size, hidden_size, forget_bias=1.0)
    learners = {
        'Rnnlm': (RnnlmTrainer(rnnlm, SGD()), rnnlm_learning_rate, rnnlm_max_grad, perplexity_afresh),
        'GPT': (RnnlmTrainer(gpt, AdamW(weight_decay=0.1)), gpt_learning_rate, 1.0, gpt_perplexity)}
    spent, steps = dict.fromkeys(learners, 0.0), dict.fromkeys(learners, 0)
    curves: dict = {name: [] for name in learners}
    for i in range(1, SLICES + 1):
        for name, (trainer, rate, max_grad, perplexity) in learners.items():
            while spent[name] < seconds * i / SLICES:
                start = time.perf_counter()
                x, t = trainer.get_batch(ids[:-1], ids[1:], batch_size, time_size)
                trainer.optimizer.lr = WarmupCosine(rate, 50, 1000)(int(1000 * spent[name] / seconds))
                train_step(trainer.model, trainer.optimizer, x, t, max_grad)
                spent[name] += time.perf_counter() - start
                steps[name] += 1
            curves[name].append((spent[name], perplexity(trainer.model, ids_test)))
            print(f'{name}: {spent[name]:.0f} s, {steps[name]} steps, test perplexity {curves[name][-1][1]:.2f}')
    floor = toy.perplexity_floor()
    print(f'(no model of the toy language can do better than {floor:.2f})')
    draw(curves, floor)
    show('ch08_transformer_compare_language_models')
    return curves


def draw(curves, floor):
    """Draw what main returns over the seconds, and the floor below."""
    plt = pyplot()
    for name, points in curves.items():
        seconds, perplexities = zip(*points, strict=True)
        plt.plot(seconds, perplexities, 'o-', ms=3, label=f'{name}: {perplexities[-1]:.2f} at the end')
    plt.axhline(floor, color='k', ls='--', lw=1, label=f"the grammar's floor: {floor:.2f}")
    plt.title('the toy language, learnt in equal time')
    plt.xlabel('seconds of training')
    plt.ylabel('test perplexity')
    above = max(points[-1][1] for points in curves.values()) - floor
    plt.ylim(floor - above / 2, floor + 8 * above)      # what came in the first seconds is outside
    plt.grid(True)
    plt.legend()


if __name__ == '__main__':
    run(main)
