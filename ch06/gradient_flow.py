"""How much of a gradient is left after fifty steps back in time: through an RNN, and through LSTMs (book, 6.1.4, 6.2).

Each step multiplies an RNN's gradient by its matrix and by slopes of tanh; the gradient of an LSTM's memory cell by the
forget gate alone. What the LSTM keeps is so a question of that gate: half open, as it is with the book's first weights,
it halves the gradient at each step; a bias opens it, and so does learning.
"""
from typing import Annotated

from common.cli import SEEDS, run
from common.figures import pyplot, show
from common.np import np
from common.time_layers import LSTM, RNN


def main(
    # layers
    input_size: Annotated[int, 'numbers in an input'] = 100,
    hidden_size: Annotated[int, 'units of each layer'] = 100,
    # data
    time_size: Annotated[int, 'steps, back through which the gradient goes'] = 50,
    batch_size: Annotated[int, 'sequences of random numbers that go through'] = 20,
    # chance
    seed: Annotated[int | None, 'of the random numbers, for a run that can be repeated', SEEDS] = 1,
):
    """Draw the curves, which are returned: name -> the norms after 0 to time_size steps, the first being 1."""
    if seed is not None:
        np.random.seed(seed)
    D, H = input_size, hidden_size
    xs = np.random.randn(time_size, batch_size, D)              # (T, N, D)

    def weights(gates):
        """Wx, Wh and b as the book's models draw them."""
        G = gates * H
        return np.random.randn(D, G) / np.sqrt(D), np.random.randn(H, G) / np.sqrt(H), np.zeros(G)

    curves = {'RNN': flow_through_rnn(xs, *weights(1))}
    Wx, Wh, b = weights(4)
    for bias in (0, 1, 3):
        b[:H] = bias
        curves[f'LSTM, forget gates with bias {bias}'] = flow_through_lstm(xs, Wx, Wh, b)
    for name, norms in curves.items():
        print(f'{name}: {norms[-1]:.2g} times the gradient is left after {time_size} steps')
    draw(curves)
    show('ch06_gradient_flow')
    return curves


def flow_through_rnn(xs, Wx, Wh, b):
    """The norm of dh at each step back from the last, where it is 1. xs (T, N, D) -> a list of T + 1 numbers."""
    h = np.zeros((xs.shape[1], len(Wh)))                        # (N, H)
    cells = []
    for x in xs:
        cells.append(RNN(Wx, Wh, b))
        h = cells[-1].forward(x, h)
    dh = first_gradient(h.shape)
    norms = [norm(dh)]
    for cell in reversed(cells):
        _, dh = cell.backward(dh)
        norms.append(norm(dh))
    return norms


def flow_through_lstm(xs, Wx, Wh, b):
    """The norm of dh and dc together at each step back from the last, where that of dc is 1 and dh 0."""
    h = c = np.zeros((xs.shape[1], len(Wh)))                    # (N, H)
    cells = []
    for x in xs:
        cells.append(LSTM(Wx, Wh, b))
        h, c = cells[-1].forward(x, h, c)
    dh, dc = np.zeros(h.shape), first_gradient(c.shape)
    norms = [norm(dh, dc)]
    for cell in reversed(cells):
        _, dh, dc = cell.backward(dh, dc)
        norms.append(norm(dh, dc))
    return norms


def first_gradient(shape):
    """A random gradient of norm 1."""
    d = np.random.randn(*shape)
    return d / norm(d)


def norm(*arrays):
    """The Euclidean norm of all the arrays taken as one vector."""
    return float(np.sqrt(sum((array**2).sum() for array in arrays)))


def draw(curves):
    """Draw the norms over the steps, on an axis on which a factor a step is a straight line."""
    plt = pyplot()
    for name, norms in curves.items():
        plt.plot(norms, label=name)
    plt.yscale('log')
    plt.title('what is left of a gradient on its way back in time')
    plt.xlabel('steps back')
    plt.ylabel("norm of the state's gradient")
    plt.grid(True)
    plt.legend()


if __name__ == '__main__':
    run(main)
