"""The spiral's points: three classes that no straight line separates (book, 1.4.1)."""
from common.cli import run
from common.figures import pyplot, show
from dataset import spiral


def plot_points(ax, x, t, size=25):
    """Scatter the points x (N, 2), each class of the one-hot t (N, 3) with a marker of its own."""
    for j, marker in enumerate('ox^'):
        points = x[t[:, j] == 1]
        ax.scatter(points[:, 0], points[:, 1], s=size, marker=marker, label=f'class {j}')
    ax.set(aspect='equal', xticks=(-1, -0.5, 0, 0.5, 1), yticks=(-1, -0.5, 0, 0.5, 1))


def main():
    """Draw the points; returns x (300, 2) and the one-hot t (300, 3)."""
    x, t = spiral.load_data()
    print('x', x.shape)
    print('t', t.shape)
    _, ax = pyplot().subplots(figsize=(6, 6))
    plot_points(ax, x, t)
    ax.set(title='the spiral', xlabel='x[:, 0]', ylabel='x[:, 1]')
    ax.legend(loc='lower right')
    show('ch01_show_spiral_dataset')
    return x, t


if __name__ == '__main__':
    run(main)
