"""The spiral's points: three classes that no straight line separates (book, 1.4.1)."""
from common.cli import run
from common.figures import pyplot, show
from dataset import spiral


def plot_points(x, t):
    """Scatter the points x (N, 2), each class of the one-hot t (N, 3) with a marker of its own."""
    plt = pyplot()
    for j, marker in enumerate('ox^'):
        points = x[t[:, j] == 1]
        plt.scatter(points[:, 0], points[:, 1], s=40, marker=marker, label=f'class {j}')
    plt.xlabel('x[:, 0]')
    plt.ylabel('x[:, 1]')
    plt.xticks((-1, -0.5, 0, 0.5, 1))
    plt.yticks((-1, -0.5, 0, 0.5, 1))
    plt.gca().set_aspect('equal')
    plt.legend(loc='lower right')


def main():
    """Draw the points; returns x (300, 2) and the one-hot t (300, 3)."""
    plt = pyplot()
    x, t = spiral.load_data()
    print('x', x.shape)
    print('t', t.shape)
    plot_points(x, t)
    plt.title('the spiral')
    show('ch01_show_spiral_dataset')
    return x, t


if __name__ == '__main__':
    run(main)
