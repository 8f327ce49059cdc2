"""Pictures on their way to the reader's eye."""
from pathlib import Path

from common.launcher import rank

# matplotlib's backends that draw into files only.
WITHOUT_WINDOW = {'agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template'}


def show(name: str, keep: bool = False) -> None:
    """Show the current matplotlib figure and close it.

    In a window or a notebook where there is one; else, and always with keep, as `name.png` in the current folder, whose
    path is printed. Of several ranks the first shows it.
    """
    # Imported here, because it takes longer than everything else together.
    import matplotlib.pyplot as plt

    figure = plt.gcf()
    if rank():
        plt.close(figure)
        return
    screen = plt.get_backend().lower() not in WITHOUT_WINDOW
    if keep or not screen:
        path = Path(f'{name}.png').resolve()
        figure.savefig(path)
        print(f'picture: {path}')
    if screen:
        plt.show()
    plt.close(figure)


def plot_accuracies(curves, title, ylabel='right answers (%)'):
    """Draw shares of right answers over the epochs, the first being 1. curves: a curve's label -> its shares."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    for label, accuracies in curves.items():
        plt.plot(range(1, len(accuracies) + 1), [100 * accuracy for accuracy in accuracies], marker='o', label=label)
    plt.title(title)
    plt.xlabel('epoch')
    plt.ylabel(ylabel)
    plt.gca().xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    plt.ylim(-3, 103)       # the marks at 0 and 100 stay whole
    plt.grid(alpha=0.3)
    plt.legend()
