"""Optimizers: `update(params, grads)` changes the parameters in place (book, 1.3.6; volume 1, 6.1); clipping.

Beside each formula: p a parameter, g its gradient. ε is 1e-7, added outside the root.

Where a gradient is a RowSparse, the formula is applied to its rows alone, of the parameter and of the state: the lazy
form. For SGD and AdaGrad that is the same as the whole gradient, for in the other rows g = 0 changes nothing. For
Momentum, Nesterov, RMSprop and Adam it is not: with the whole gradient, v, h and m of the other rows would decay (and
p go on moving with v or m) at each update; here they rest until their row comes again. Adam's t counts all updates.
So too AdamW: what decays at an update is the rows that came.
"""
import copy
import math
from numbers import Real

import numpy

from common.blocks import BLOCK, blocks
from common.checks import InputError, check_arrays, check_range, check_sizes
from common.np import GPU, np
from common.rows import stored, update_rows
from common.ties import address

EPSILON = 1e-7


class Optimizer:
    """What all share: the learning rate, which may be changed between calls, and arrays of state, one a parameter.

    The state is made at the first update: from then on the same params must come in the same order.
    """

    arrays: tuple[str, ...] = ()        # the names of the state's lists, one array a parameter in each
    numbers = ('lr', 'iter')

    def __init__(self, lr):
        check_range('lr', lr, 0, math.inf)
        self.lr = lr
        self.iter = 0       # updates so far
        for name in self.arrays:
            setattr(self, name, None)

    def update(self, params, grads):
        """params, grads: lists of arrays, one gradient a parameter."""
        if self.iter == 0:      # later ones are as the first were, or have no shape
            check_arrays('params', params)
            check_arrays('grads', grads)
        if len(params) != len(grads):
            raise InputError(f'grads: expected {len(params)} arrays, one for each of params, got {len(grads)}')
        if not 0 <= self.lr < math.inf:     # it may have been changed since; a look, for a call would cost more
            check_range('lr', self.lr, 0, math.inf)
        for name in self.arrays:
            if getattr(self, name) is None:
                setattr(self, name, [np.zeros_like(p) for p in params])
            elif len(getattr(self, name)) != len(params):
                raise InputError(f'params: expected as many as at the first update, {len(getattr(self, name))}, '
                                 f'got {len(params)}')
        self.iter += 1
        for p, g, *state in zip(params, grads, *(getattr(self, name) for name in self.arrays), strict=True):
            if p.shape != g.shape:          # NumPy would stretch the smaller one
                raise InputError(f'grads: expected {p.shape}, the shape of the parameter, got {g.shape}')
            if state and p.shape != state[0].shape:
                raise InputError(f'params: expected {state[0].shape}, as at the first update, got {p.shape}')
            update_rows(self.update_one, p, g, *state)

    def update_one(self, p, g, *state):
        """Change one parameter p and its arrays of the state, all of g's shape, in place.

        For an optimizer that looks at the whole parameter, at its shape or its norm. This one goes through
        update_elements.
        """
        if p.size <= BLOCK:
            self.update_elements(p, g, *state)
        else:
            for block in blocks(p, g, *state):
                self.update_elements(*block)

    def update_elements(self, p, g, *state):
        """Change p and its arrays of the state in place, each number by what stands at its own place alone.

        What comes here is a parameter or any part of it, of any shape: a large one comes as flat runs of BLOCK numbers.
        """
        raise NotImplementedError(f'{type(self).__name__}.update_elements')

    def get_state(self):
        """A dict of numbers and lists of arrays (None before the first update): a copy, to be saved."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.numbers + self.arrays}

    def set_state(self, state):
        """Go on from what get_state gave."""
        if missing := [name for name in self.numbers + self.arrays if name not in state]:
            raise InputError(f'state: expected {", ".join(missing)} too, for {type(self).__name__}, got '
                             f'{", ".join(state) or "nothing"}')
        check_range('lr', state['lr'], 0, math.inf)
        check_sizes(0, iter=state['iter'])
        for name in self.arrays:
            if not isinstance(state[name], list | None):
                raise InputError(f'{name}: expected a list of arrays or None, got a {type(state[name]).__name__}')
        for name in self.numbers + self.arrays:
            setattr(self, name, copy.deepcopy(state[name]))


class SGD(Optimizer):
    """p ← p − lr·g."""

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def update_elements(self, p, g):
        p -= self.lr * g


class Momentum(Optimizer):
    """v ← μ·v − lr·g, p ← p + v, with μ = momentum."""

    arrays = ('v',)

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__(lr)
        check_range('momentum', momentum, 0, 1)
        self.momentum = momentum

    def update_elements(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += v


class Nesterov(Momentum):
    """v ← μ·v − lr·g, p ← p + μ²·v − (1 + μ)·lr·g with the new v, as the book prints it. μ = momentum."""

    def update_elements(self, p, g, v):
        v *= self.momentum
        v -= self.lr * g
        p += self.momentum**2 * v
        p -= (1 + self.momentum) * self.lr * g


class AdaGrad(Optimizer):
    """h ← h + g², p ← p − lr·g/(√h + ε). Duchi et al., 2011."""

    arrays = ('h',)

    def __init__(self, lr=0.01):
        super().__init__(lr)

    def update_elements(self, p, g, h):
        h += g * g
        p -= self.lr * g / (np.sqrt(h) + EPSILON)


class RMSprop(Optimizer):
    """h ← ρ·h + (1 − ρ)·g², p ← p − lr·g/(√h + ε), with ρ = decay_rate. Tieleman and Hinton, 2012."""

    arrays = ('h',)

    def __init__(self, lr=0.01, decay_rate=0.99):
        super().__init__(lr)
        check_range('decay_rate', decay_rate, 0, 1)
        self.decay_rate = decay_rate

    def update_elements(self, p, g, h):
        h *= self.decay_rate
        h += (1 - self.decay_rate) * g * g
        p -= self.lr * g / (np.sqrt(h) + EPSILON)


class Adam(Optimizer):
    """m ← m + (1 − β1)(g − m), v ← v + (1 − β2)(g² − v), p ← p − lr_t·m/(√v + ε).

    lr_t = lr·√(1 − β2^t)/(1 − β1^t) at the t-th update. Kingma and Ba, 2015.
    """

    arrays = ('m', 'v')

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        super().__init__(lr)
        check_range('beta1', beta1, 0, 1)
        check_range('beta2', beta2, 0, 1)
        self.beta1, self.beta2 = beta1, beta2

    def update_elements(self, p, g, m, v):
        lr_t = self.lr * (1 - self.beta2**self.iter) ** 0.5 / (1 - self.beta1**self.iter)
        scratch = g - m
        scratch *= 1 - self.beta1
        m += scratch
        np.multiply(g, g, out=scratch)
        scratch -= v
        scratch *= 1 - self.beta2
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += EPSILON
        np.divide(m, scratch, out=scratch)
        scratch *= lr_t
        p -= scratch


class AdamW(Adam):
    """p ← p − lr·λ·p, then Adam's step, with λ = weight_decay. Loshchilov and Hutter, 2019.

    The decay is for matrices alone, parameters of two axes or more: biases and the scales of norms go without.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01):
        super().__init__(lr, beta1, beta2)
        check_range('weight_decay', weight_decay, 0, math.inf)
        self.weight_decay = weight_decay

    def update_one(self, p, g, m, v):
        if p.ndim < 2:
            super().update_one(p, g, m, v)
            return
        keep = 1 - float(self.lr * self.weight_decay)
        for part, *others in blocks(p, g, m, v):        # both passes over a block while it is in the cache
            part *= keep
            self.update_elements(part, *others)


def check_norm(name, norm):
    """InputError unless this is a number above 0."""
    if not isinstance(norm, Real) or not float(norm) > 0:
        raise InputError(f'{name}: expected a number above 0, got {norm!r}')


def clip_grads(grads, max_norm: float) -> None:
    """Scale grads in place by max_norm / (norm + 1e-6) where that is below 1. Book, 6.1.4.

    norm is the Euclidean norm of all the arrays taken as one vector. An array that stands in the list twice, or as its
    own transpose, counts twice there and is scaled once. FloatingPointError where the norm is NaN or infinite: nothing
    is changed then. On a GPU it is not looked at: the gradients become zero or NaN, which the next loss tells.
    """
    check_norm('max_norm', max_norm)
    check_arrays('grads', grads)
    arrays = [stored(grad) for grad in grads]
    flat = [array.ravel(order='K') for array in arrays]     # views, of Fortran-ordered arrays too
    if GPU:         # all of it there: the host waits for no number
        rate = np.minimum(max_norm / (sum(np.dot(array, array) for array in flat)**0.5 + 1e-6), 1)
        for array in {(address(array), array.size): array for array in arrays}.values():
            array *= rate
        return
    with numpy.errstate(all='ignore'):
        norm = sum(float(np.dot(array, array)) for array in flat) ** 0.5
        if norm == math.inf:        # the squares overflow: those of the shares of the largest do not
            peak = max(float(np.abs(array).max(initial=0)) for array in flat)
            norm = peak * sum(float(np.dot(array / peak, array / peak)) for array in flat) ** 0.5
    if not math.isfinite(norm):
        raise FloatingPointError(f"the gradients' norm is {norm}")
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        for array in {(address(array), array.size): array for array in arrays}.values():
            array *= rate
