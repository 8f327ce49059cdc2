"""Seven activation functions and their slopes: what goes forward, and what comes back (volume 1, 3.2 and 5.5)."""
from typing import Annotated

from common.activation_layers import Elu, Gelu, LeakyRelu, PRelu, Relu, Tanh
from common.cli import run
from common.figures import pyplot, show
from common.layers import Sigmoid
from common.np import np, to_cpu


def main(
    # what the bent ones do below 0
    leaky: Annotated[float, 'slope of the leaky ReLU'] = 0.01,
    prelu: Annotated[float, 'that of the PReLU, where it begins to learn'] = 0.25,
    alpha: Annotated[float, 'how far below 0 the ELU goes'] = 1.0,
):
    """Draw them; returns x (801,) and, by the function's name, its values and its slopes (801,)."""
    layers = {'sigmoid': Sigmoid(), 'tanh': Tanh(), 'ReLU': Relu(), 'leaky ReLU': LeakyRelu(leaky),
              'PReLU': PRelu(np.array([prelu])), 'ELU': Elu(alpha), 'GELU': Gelu()}
    x = np.linspace(-4, 4, 801).reshape(-1, 1)                    # (801, 1)
    curves = {}
    for name, layer in layers.items():
        y = layer.forward(x)
        dx = layer.backward(np.ones_like(y))        # with 1 from above, what comes back is the slope
        curves[name] = to_cpu(y.ravel()), to_cpu(dx.ravel())
        print(f'{name:>10}: {y.min():6.3f} to {y.max():.3f}, slope {dx.min():6.3f} to {dx.max():.3f}')
    x = to_cpu(x.ravel())
    draw(x, curves)
    show('ch01_volume1_activations')
    return x, curves


def draw(x, curves):
    """A panel each, with the slope dashed, and one with all."""
    plt = pyplot()
    _, axes = plt.subplots(2, 4, figsize=(12, 6.5), sharex=True, sharey=True)
    *panels, together = axes.flat
    for i, (ax, (name, (y, slope))) in enumerate(zip(panels, curves.items(), strict=True)):
        ax.plot(x, y, color=f'C{i}', linewidth=2.5, label='function')
        ax.plot(x, slope, '--', color='#333333', linewidth=1.5, label='slope')
        ax.set_title(name)
        together.plot(x, y, color=f'C{i}', linewidth=1.8, label=name)
    together.set_title('all seven')
    panels[0].legend(loc='upper left')
    together.legend(loc='upper left', fontsize=9)
    for ax in axes.flat:
        ax.axhline(0, color='#bbbbbb', linewidth=0.8, zorder=0)
        ax.axvline(0, color='#bbbbbb', linewidth=0.8, zorder=0)
        ax.set(ylim=(-1.3, 3.2))
        ax.grid(True)
    for ax in axes[1]:
        ax.set_xlabel('x')


if __name__ == '__main__':
    run(main)
