"""Pictures of digits by the name that a script's --data gives."""
from common.checks import InputError
from dataset import digits, mnist

TITLES = {'mnist': 'MNIST', 'digits': 'made digits'}

_used = 'mnist'


def load_data(data: str = 'auto', normalize: bool = True, flatten: bool = True, one_hot_label: bool = False):
    """(x_train, t_train), (x_test, t_test) of 'mnist', of 'digits', or 'auto': MNIST where it can be had, else digits.

    Prints in one line which it is. The arrays are those of dataset.mnist. Without a network 'auto' takes some seconds
    at most to see that; 'mnist' then is an OSError.
    """
    global _used
    if not isinstance(data, str) or data not in ('auto', *TITLES):
        raise InputError(f'data: expected auto, mnist or digits, got {data!r}')
    mnist.check_flags(normalize, flatten, one_hot_label)
    options = {'normalize': normalize, 'flatten': flatten, 'one_hot_label': one_hot_label}
    why = ''
    if data != 'digits':
        try:
            if data == 'auto':
                mnist.fetch_smallest()
            train, test = mnist.load_data(**options)
        except OSError as error:
            if data == 'mnist':
                raise
            why = ' (no MNIST: ' + str(error).split('\n')[0].split('could not be fetched: ')[-1] + ')'
    _used = 'digits' if data == 'digits' or why else 'mnist'
    if _used == 'digits':
        train, test = digits.load_data(**options)
    print(f'images: {title()}, {len(train[0]):,} to learn from and {len(test[0]):,} to test on{why}')
    return train, test


def title() -> str:
    """How a picture's title names the data that was loaded last: 'MNIST' or 'made digits'."""
    return TITLES[_used]
