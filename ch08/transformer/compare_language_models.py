"""GPT beside Rnnlm on the toy language at equal wall time: test perplexity over seconds, and the grammar's floor.

The two learn in turn, a slice of the time each, so that whatever else the machine does meets both. For both the rate
falls to 0 along a cosine by the time that is spent, after a rise in the first twentieth of it. What counts of each is
where its validation was best: who begins to learn the text by heart is judged by what came before.
"""
import time
from typing import Annotated

from ch06.eval import perplexity_afresh
from ch06.rnnlm import Rnnlm
from ch08.transformer.gpt import GPT, gpt_perplexity
from common.callbacks import WarmupCosine
from common.cli import SEEDS, run
from common.figures import show
from common.np import np
from common.optimizer import Adam, AdamW
from common.trainer import RnnlmTrainer, train_step
from dataset import toy

SLICES = 24     # of the time: a point of the curve after each


def main(
    # Rnnlm
    hidden_size: Annotated[int, "units of Rnnlm's LSTM, and numbers in its word vectors"] = 100,
    rnnlm_learning_rate: Annotated[float, "the highest of Adam's step sizes for Rnnlm"] = 0.01,
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
    """Train both and draw; returns name -> [(seconds, valid perplexity, test perplexity)]."""
    if seed is not None:
        np.random.seed(seed)
    ids, word_to_id, _ = toy.load_data('train')
    parts = [toy.load_data(part)[0] for part in ('valid', 'test')]
    V = len(word_to_id)
    gpt = GPT(V, wordvec_size, heads, blocks, time_size, dropout_ratio=dropout, rotary=True)
    rnnlm = Rnnlm(V, hidden_size, hidden_size, forget_bias=1.0)
    learners = {
        'Rnnlm': (RnnlmTrainer(rnnlm, Adam()), rnnlm_learning_rate, perplexity_afresh),
        'GPT': (RnnlmTrainer(gpt, AdamW(weight_decay=0.1)), gpt_learning_rate, gpt_perplexity)}
    spent, steps = dict.fromkeys(learners, 0.0), dict.fromkeys(learners, 0)
    curves: dict = {name: [] for name in learners}
    for i in range(1, SLICES + 1):
        for name, (trainer, rate, perplexity) in learners.items():
            while spent[name] < seconds * i / SLICES:
                start = time.perf_counter()
                x, t = trainer.get_batch(ids[:-1], ids[1:], batch_size, time_size)
                trainer.optimizer.lr = WarmupCosine(rate, 50, 1000)(int(1000 * spent[name] / seconds))
                train_step(trainer.model, trainer.optimizer, x, t, max_grad=1.0)
                spent[name] += time.perf_counter() - start
                steps[name] += 1
            curves[name].append((spent[name], *(perplexity(trainer.model, part) for part in parts)))
            _, valid, test = curves[name][-1]
            print(f'{name}: {spent[name]:.0f} s, {steps[name]} steps, perplexity: valid {valid:.2f}, test {test:.2f}')
    for name, points in curves.items():
        second, _, test = best(points)
        print(f'{name}: test perplexity {test:.2f} where its validation was best, at {second:.0f} s')
    floor = toy.perplexity_floor()
    print(f'(no model of the toy language can do better than {floor:.2f})')
    draw(curves, floor)
    show('ch08_transformer_compare_language_models')
    return curves


def best(points):
    """That of main's points (seconds, valid perplexity, test perplexity) whose validation is the best."""
    return min(points, key=lambda point: point[1])


def draw(curves, floor):
    """Draw what main returns over the seconds, and the floor below."""
    import matplotlib.pyplot as plt  # here, so that --help need not wait for it

    plt.figure(layout='constrained')
    for name, points in curves.items():
        seconds, _, tests = zip(*points, strict=True)
        second, _, test = best(points)
        line, = plt.plot(seconds, tests, 'o-', ms=3, label=f'{name}: {test:.2f} where its validation was best')
        plt.plot(second, test, 'o', ms=9, mfc='none', color=line.get_color())
    plt.axhline(floor, color='k', ls='--', lw=1, label=f"the grammar's floor: {floor:.2f}")
    plt.title('the toy language, learnt in equal time')
    plt.xlabel('seconds of training')
    plt.ylabel('test perplexity')
    plt.ylim(floor - 0.2, 2 * max(best(points)[2] for points in curves.values()) - floor)
    plt.grid(alpha=0.3)
    plt.legend()


if __name__ == '__main__':
    run(main)
