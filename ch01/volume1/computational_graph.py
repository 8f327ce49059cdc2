"""A computational graph: what two apples and three oranges cost, and what each number does to it (volume 1, 5.4)."""
import math
from typing import Annotated

from common.cli import FROM_0, run
from common.figures import pyplot, show


class AddLayer:
    """z = x + y. Volume 1, 5.4.2."""

    def forward(self, x, y):
        return x + y

    def backward(self, dz):
        return dz, dz                           # dx, dy


class MulLayer:
    """z = x y. Volume 1, 5.4.1."""

    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dz):
        return dz * self.y, dz * self.x         # dx, dy: the factors change places


# each number of the graph: from where to where its arrow goes in the picture
ARROWS = {'apples': ((0, 5.6), (2, 4.8)), 'apple price': ((0, 4), (2, 4.8)),
          'orange price': ((0, 2.6), (2, 1.8)), 'oranges': ((0, 1), (2, 1.8)),
          'all apples': ((2, 4.8), (4, 3.3)), 'all oranges': ((2, 1.8), (4, 3.3)), 'before tax': ((4, 3.3), (6, 3.3)),
          'tax': ((4.4, 1.3), (6, 3.3)), 'price': ((6, 3.3), (8, 3.3))}
NODES = {(2, 4.8): '×', (2, 1.8): '×', (4, 3.3): '+', (6, 3.3): '×'}


def main(
    # what is bought
    apples: Annotated[int, 'how many', FROM_0] = 2,
    apple_price: Annotated[float, 'of one'] = 100.0,
    oranges: Annotated[int, 'how many', FROM_0] = 3,
    orange_price: Annotated[float, 'of one'] = 150.0,
    tax: Annotated[float, 'the factor for it'] = 1.1,
):
    """Draw the graph; returns its values and, by the same names, the gradients of the price."""
    all_apples, all_oranges, both, taxed = MulLayer(), MulLayer(), AddLayer(), MulLayer()

    v = {'apples': apples, 'apple price': apple_price, 'oranges': oranges, 'orange price': orange_price, 'tax': tax}
    v['all apples'] = all_apples.forward(apple_price, apples)
    v['all oranges'] = all_oranges.forward(orange_price, oranges)
    v['before tax'] = both.forward(v['all apples'], v['all oranges'])
    v['price'] = taxed.forward(v['before tax'], tax)

    d = {'price': 1.0}
    d['before tax'], d['tax'] = taxed.backward(d['price'])
    d['all apples'], d['all oranges'] = both.backward(d['before tax'])
    d['orange price'], d['oranges'] = all_oranges.backward(d['all oranges'])
    d['apple price'], d['apples'] = all_apples.backward(d['all apples'])

    for name in ARROWS:
        print(f'{name:>12}: {v[name]:8.6g}   gradient {d[name]:8.6g}')
    draw(v, d)
    show('ch01_volume1_computational_graph')
    return v, d


def draw(values, gradients):
    """The graph, each arrow with its value above it (forward) and below it the gradient of the price (backward)."""
    plt = pyplot()
    _, ax = plt.subplots(figsize=(13, 7))
    blue, red = '#1f5fa8', '#c0392b'
    for name, (start, end) in ARROWS.items():
        ax.annotate('', end, start, zorder=1, arrowprops={
            'arrowstyle': '-|>', 'color': '#777777', 'lw': 1.5, 'mutation_scale': 18,
            'shrinkA': 22 if start in NODES else 2, 'shrinkB': 22 if end in NODES else 2})
        (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
        length = math.hypot(dx, dy)
        x, y, up = x + 0.47 * dx, y + 0.47 * dy, (-0.22 * dy / length, 0.22 * dx / length)     # up: across the arrow
        for number, side, color in ((values[name], 1, blue), (gradients[name], -1, red)):
            ax.text(x + side * up[0], y + side * up[1], f'{number:.6g}', color=color, fontsize=14, ha='center',
                    va='center', rotation=math.degrees(math.atan2(dy, dx)))
        if start not in NODES:
            ax.text(start[0] - 0.08, start[1], name, ha='right', va='center', fontsize=14)
    for (x, y), sign in NODES.items():
        ax.plot(x, y, 'o', markersize=38, markerfacecolor='#fff3d6', markeredgecolor='#555555', zorder=2)
        ax.text(x, y, sign, ha='center', va='center', fontsize=22, zorder=3)
    ax.text(8.08, 3.3, 'price', ha='left', va='center', fontsize=14)
    ax.text(8.6, 5.5, 'forward →  what each number is', color=blue, fontsize=14, ha='right')
    ax.text(8.6, 5.1, '← backward  what one more of it adds to the price', color=red, fontsize=14, ha='right')
    ax.set(xlim=(-1.4, 8.8), ylim=(0.5, 6), aspect='equal')
    ax.set_title('what the fruit costs, and what each number does to the price', fontsize=16)
    ax.axis('off')


if __name__ == '__main__':
    run(main)
