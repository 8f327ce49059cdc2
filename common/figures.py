"""Pictures on their way to the reader's eye."""
from pathlib import Path

# matplotlib's backends that draw into files only.
WITHOUT_WINDOW = {'agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template'}


def show(name: str, keep: bool = False) -> None:
    """Show the current matplotlib figure and close it.

    In a window or a notebook where there is one; else, and always with keep, as `name.png` in the current folder, whose
    path is printed.
    """
    # Imported here, because it takes longer than everything else together.
    import matplotlib.pyplot as plt

    figure = plt.gcf()
    screen = plt.get_backend().lower() not in WITHOUT_WINDOW
    if keep or not screen:
        path = Path(f'{name}.png').resolve()
        figure.savefig(path)
        print(f'picture: {path}')
    if screen:
        plt.show()
    plt.close(figure)
