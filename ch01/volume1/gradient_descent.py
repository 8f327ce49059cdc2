"""Slopes by differences, and the way down that they show: gradient descent on f = x0² + x1² (volume 1, chapter 4)."""
from itertools import pairwise
from typing import Annotated

from common.cli import FROM_0, run
from common.figures import pyplot, show
from common.gradient_check import numerical_gradient
from common.np import np


def curve(x):
    """0.01 x² + 0.1 x, of volume 1, 4.3.3."""
    return 0.01 * x**2 + 0.1 * x


def bowl(x):
    """x0² + x1², x (2,). Volume 1, 4.3.4."""
    return (x**2).sum()


def slope(f, x):
    """f'(x) by central differences, at a number x."""
    return float(numerical_gradient(lambda x: f(x[0]), np.array([x], 'd'))[0])


def gradient_descent(f, x, lr, steps):
    """x ← x − lr ∂f/∂x, from a copy of x (2,); returns all the places, (steps + 1, 2). Volume 1, 4.4.1."""
    x = np.array(x, 'd')
    path = [x.copy()]
    for _ in range(steps):
        x -= lr * numerical_gradient(f, x)
        path.append(x.copy())
    return np.stack(path)


def main(
    # learning rates
    learning_rate: Annotated[float, "the optimizer's step size"] = 0.1,
    too_large: Annotated[float, 'one with which each step goes past the bottom, and farther up'] = 1.1,
    too_small: Annotated[float, 'one with which little happens'] = 0.002,
    # length
    steps: Annotated[int, 'steps of each descent', FROM_0] = 100,
):
    """Draw all three; returns the slopes of the curve at 5 and 10, and the end (2,) of each descent."""
    plt = pyplot()
    slopes = {x: slope(curve, x) for x in (5.0, 10.0)}
    # three starts, equally far from the bottom, so that no path hides another
    runs = {'right': ((-3, 4), learning_rate), 'too large': ((4, 3), too_large), 'too small': ((3, -4), too_small)}
    paths = {name: gradient_descent(bowl, start, lr, steps) for name, (start, lr) in runs.items()}
    for name, (start, lr) in runs.items():
        end = paths[name][-1]
        print(f'learning rate {lr:g}, {name}: from {start} to ({end[0]:.3g}, {end[1]:.3g}) in {steps} steps')

    _, axes = plt.subplot_mosaic([['slope', 'slope'], ['field', 'descents']], figsize=(10, 9), height_ratios=(2, 3))
    draw_tangents(axes['slope'], slopes)
    draw_field(axes['field'])
    draw_descents(axes['descents'], runs, paths)
    show('ch01_volume1_gradient_descent')
    return slopes, {name: path[-1] for name, path in paths.items()}


def draw_tangents(ax, slopes):
    xs = np.linspace(0, 20, 101)
    ax.plot(xs, curve(xs), color='#444444', label='f(x) = 0.01 x² + 0.1 x')
    for (x, a), color in zip(slopes.items(), ('C0', 'C1'), strict=True):
        ax.plot(xs, curve(x) + a * (xs - x), '--', color=color, label=f'tangent at {x:g}: slope {a:.3f}')
        ax.plot(x, curve(x), 'o', color=color, markersize=9)
    ax.set(title='the slope, by differences', xlabel='x', ylabel='f(x)')
    ax.grid(True)
    ax.legend()


def contours(ax, side):
    """The bowl seen from above, on the plane from −side to side."""
    line = np.linspace(-side, side, 101)
    x0, x1 = np.meshgrid(line, line)
    ax.contourf(x0, x1, x0**2 + x1**2, levels=20, cmap='Blues', alpha=0.5)
    ax.set(xlabel='x₀', ylabel='x₁', xlim=(-side, side), ylim=(-side, side), aspect='equal')


def draw_field(ax):
    """Arrows against the gradient: the way down, the longer the steeper."""
    contours(ax, 2.2)
    line = np.linspace(-2, 2, 17)
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)                   # (289, 2)
    gradients = np.stack([numerical_gradient(bowl, place) for place in places])         # (289, 2)
    ax.quiver(*places.T, *-gradients.T, np.hypot(*gradients.T), cmap='plasma', angles='xy', scale_units='xy', scale=20,
              width=0.005)
    ax.plot(0, 0, '+', color='black', markersize=12)
    ax.set_title('against the gradient of x₀² + x₁²')


def draw_descents(ax, runs, paths):
    contours(ax, 8)
    for (name, path), color in zip(paths.items(), ('C2', 'C3', 'C1'), strict=True):
        start, lr = runs[name]
        ax.plot(*start, 's', color=color, markersize=9, zorder=4)
        ax.annotate(start, start, (-46, -14), textcoords='offset points', color=color)
        label = f'learning rate {lr:g}, {name}'
        if name == 'too large':     # it goes back and forth on one line: arcs keep the jumps apart
            ax.plot([], [], 'o-', color=color, label=label)
            ax.plot(*path.T, 'o', color=color, markersize=5)
            inside = [place for place in path if abs(place).max() < 8]
            for here, there in pairwise(inside):
                ax.annotate('', there, here, arrowprops={'arrowstyle': '->', 'color': color, 'shrinkA': 2, 'shrinkB': 2,
                                                         'connectionstyle': 'arc3,rad=0.35'})
        else:
            ax.plot(*path.T, 'o-', color=color, markersize=5, label=label)
    ax.plot(0, 0, '+', color='black', markersize=12, zorder=5)
    ax.set_title('gradient descent: squares are the starts')
    ax.legend(loc='upper center')


if __name__ == '__main__':
    run(main)
