"""Pictures of digits by the name that a script's --data gives."""
from common.checks import InputError
from dataset import digits, mnist

TITLES = {'mnist': 'MNIST', 'digits': 'made digits'}

_used = 'mnist'


def load_data(data: str = 'auto', normalize: bool = True, flatten: bool = True, one_hot_label: bool = False):
    """(x_train, t_train), (x_test, t_test) of 'mnist', of 'digits', or 'auto': MNIST where it can be had, else digits.

    Prints in one line which it is. The arrays are those of dataset.mnist. Without a network 'auto' takes some seconds at
    most to see that; 'mnist' then is an OSError.
    """
    global _used
    if not isinstance(data, str) or data not in ('auto', *TITLES):
        raise InputError(f'data: expected auto, mnist or digits, got {data!r}')
    mnist.check_flags(normalize, flatten, one_hot_label)
    why_not = mnist.why_not() if data == 'auto' else ''
    if data == 'digits' or why_not:
        loaded, found = digits, 'digits made here'
    else:
        loaded, found = mnist, 'MNIST'
    train, test = loaded.load_data(normalize=normalize, flatten=flatten, one_hot_label=one_hot_label)
    _used = 'mnist' if loaded is mnist else 'digits'
    print(f'images: {found}, {len(train[0]):,} to learn from and {len(test[0]):,} to test on'
          + f' (MNIST: {why_not})' * bool(why_not))
    return train, test


def title() -> str:
    """How a picture's title names the data that was loaded last: 'MNIST' or 'made digits'."""
    return TITLES[_used]
