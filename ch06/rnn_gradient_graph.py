"""Draw how gradients explode or vanish on their way back through an RNN's matrix products (book, 6.1.2)."""
from typing import Annotated

from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np, to_cpu


def gradient_norms(Wh, batch_size, time_size):
    """The norm of dh, over the batch size, after each of time_size steps dh ← dh Whᵀ that begin with ones: a list."""
    dh = np.ones((batch_size, len(Wh)))         # (N, H)
    norms = []
    for _ in range(time_size):
        dh = dh @ Wh.T                          # (N, H)
        norms.append(float(np.sqrt((dh**2).sum())) / batch_size)
    return norms


def main(
    batch_size: Annotated[int, 'examples over whose number the norm is divided'] = 2,
    hidden_size: Annotated[int, 'units of the RNN'] = 3,
    time_size: Annotated[int, 'steps back in time'] = 20,
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = 3,
):
    """Draw the two curves, which are returned: name -> norms."""
    plt = pyplot()
    if seed is not None:
        np.random.seed(seed)
    Wh = np.random.randn(hidden_size, hidden_size)      # (H, H)
    curves = {}
    for name, W in (('Wh = randn', Wh), ('Wh = 0.5·randn', 0.5 * Wh)):
        curves[name] = gradient_norms(W, batch_size, time_size)
        # an RNN's gradient grows in the end by this factor a step
        radius = float(abs(np.linalg.eigvals(to_cpu(W))).max())
        print(f'{name}: norm of dh {curves[name][0]:.3g} after 1 step, {curves[name][-1]:.3g} after {time_size}')
        plt.plot(range(1, time_size + 1), curves[name], marker='.', label=f'{name}, largest |eigenvalue| {radius:.2f}')
    plt.yscale('log')                           # what grows or shrinks by a factor a step is a straight line
    plt.xticks(range(0, time_size + 1, max(1, time_size // 10)))
    plt.xlabel('steps back in time')
    plt.ylabel('norm of dh / batch size (log scale)')
    plt.title('Gradient of the hidden state, back through an RNN')
    plt.legend()
    show('ch06_rnn_gradient_graph')
    return curves


if __name__ == '__main__':
    run(main)
