"""Pictures of digits by the name that a script's --data gives."""
from dataset import mnist


def load_data(data='auto', normalize=True, flatten=True, one_hot_label=False):
    """(x_train, t_train), (x_test, t_test) of 'mnist' or 'digits', or 'auto': MNIST where it can be had, else digits.

    Prints in one line which it is. Skeleton, to be replaced.
    """
    train, test = mnist.load_data(normalize, flatten, one_hot_label)
    print(f'images: MNIST, {len(train[0]):,} to learn from and {len(test[0]):,} to test on')
    return train, test
