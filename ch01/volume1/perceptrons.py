"""Perceptrons: AND, NAND and OR, each by one straight line, and XOR, which takes two layers (volume 1, chapter 2)."""
from common.cli import run
from common.figures import pyplot, show
from common.np import np

POINTS = ((0, 0), (1, 0), (0, 1), (1, 1))
# w1, w2 and b, of volume 1
WEIGHTS = {'AND': (0.5, 0.5, -0.7), 'NAND': (-0.5, -0.5, 0.7), 'OR': (0.5, 0.5, -0.2)}


def perceptron(x1, x2, w1, w2, b):
    """1 where w1 x1 + w2 x2 + b > 0, else 0. x1, x2: numbers, or arrays of one shape. Volume 1, 2.3."""
    return (np.asarray(w1 * x1 + w2 * x2 + b) > 0).astype(int)


def AND(x1, x2):
    return perceptron(x1, x2, *WEIGHTS['AND'])


def NAND(x1, x2):
    return perceptron(x1, x2, *WEIGHTS['NAND'])


def OR(x1, x2):
    return perceptron(x1, x2, *WEIGHTS['OR'])


def XOR(x1, x2):
    """AND of NAND and OR: no single line parts its answers, but two do. Volume 1, 2.5."""
    return AND(NAND(x1, x2), OR(x1, x2))


# a gate, and the lines that its first layer draws
GATES = {AND: ['AND'], NAND: ['NAND'], OR: ['OR'], XOR: ['NAND', 'OR']}


def draw(ax, gate):
    """The plane by the gate's answer, its lines, and the four points."""
    side = np.linspace(-0.5, 1.5, 601)
    x1, x2 = np.meshgrid(side, side)                                    # (601, 601)
    ax.contourf(x1, x2, gate(x1, x2), levels=[-0.5, 0.5, 1.5], colors=['#f6d5c9', '#cfe3f5'])
    for name in GATES[gate]:
        w1, w2, b = WEIGHTS[name]
        label = f'{name}: {w1:g} x₁ {w2:+g} x₂ {b:+g} = 0'.replace('-', '−')
        ax.plot(side, -(w1 * side + b) / w2, color='#444444', label=label)
    for point in POINTS:
        answer = int(gate(*point))
        ax.scatter(*point, s=330, zorder=3, color=['#c8553d', '#2f6fa8'][answer], edgecolor='white', linewidth=2)
        ax.annotate(answer, point, color='white', weight='bold', ha='center', va='center', zorder=4)
    ax.set(title=gate.__name__, xlabel='x₁', ylabel='x₂', xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=(0, 1),
           yticks=(0, 1), aspect='equal')
    ax.legend(loc='upper center', bbox_to_anchor=(0.5, -0.12), frameon=False)


def main():
    """Print the truth tables and draw the four planes; returns the answers to the four points, a gate's list each."""
    plt = pyplot()
    answers = {gate.__name__: [int(gate(*point)) for point in POINTS] for gate in GATES}
    print('x1 x2 |', ' '.join(f'{name:>4}' for name in answers))
    for i, (x1, x2) in enumerate(POINTS):
        print(f'{x1:>2} {x2:>2} |', ' '.join(f'{column[i]:>4}' for column in answers.values()))

    figure, axes = plt.subplots(2, 2, figsize=(8, 9.4))
    for ax, gate in zip(axes.flat, GATES, strict=True):
        draw(ax, gate)
    figure.suptitle('where each gate answers 1 (blue) and 0 (red)')
    show('ch01_volume1_perceptrons')
    return answers


if __name__ == '__main__':
    run(main)
