"""Layers for pictures: convolution, pooling, and what makes a row of a picture (volume 1, chapter 7).

Pictures are (N, C, H, W) outside. In memory the channels of a place lie side by side, (N, H, W, C): what comes out is
such memory, seen with its axes exchanged, which costs nothing.
"""
from common.checks import InputError, check_array, check_dout, check_shape, check_sizes
from common.layers import Layer, as_dtype, as_floats
from common.np import np

CHUNK = 2**21       # bytes of windows at a time: they stay in a core's cache. 1.9 times as fast as all at once
NARROW = 8          # fewer channels than this: the windows are copied place by place, in runs as long as a row


def out_size(shape, K, L, stride, pad):
    """OH, OW: how many windows of K × L stand below and beside each other, ⌊(H + 2·pad − K) / stride⌋ + 1."""
    _, _, H, W = shape
    if H + 2 * pad < K or W + 2 * pad < L:
        raise InputError(f'x: expected a height and width of {max(K - 2 * pad, 1)} and {max(L - 2 * pad, 1)} or more, '
                         f'for windows of {K} × {L} and a pad of {pad}, got {H} × {W}')
    return (H + 2 * pad - K) // stride + 1, (W + 2 * pad - L) // stride + 1


def check_pictures(name, x, C=None):
    """InputError unless x is (N, C, H, W), C being this number where it is given."""
    check_array(name, x)
    if x.ndim != 4 or not x.size or C not in (None, x.shape[1]):
        raise InputError(f'{name}: expected (N, {C or "C"}, H, W), 1 or more numbers, got {x.shape}')


def padded(x, pad, fill=0):
    """x (N, C, H, W) with pad rows and columns of `fill` on each side; x itself where pad is 0."""
    if not pad:
        return x
    N, C, H, W = x.shape
    out = np.full((N, H + 2 * pad, W + 2 * pad, C), fill, x.dtype).transpose(0, 3, 1, 2)
    out[:, :, pad:-pad, pad:-pad] = x
    return out


def unpadded(x, pad):
    return x[:, :, pad:-pad, pad:-pad] if pad else x


def windows_of(x, K, L, stride):
    """All windows of K × L, a view. x (N, H, W, C) -> (N, OH, OW, C, K, L)."""
    return np.lib.stride_tricks.sliding_window_view(x, (K, L), (1, 2))[:, ::stride, ::stride]


def im2col(x, filter_h, filter_w, stride=1, pad=0):
    """Each window as a row. x (N, C, H, W) -> (N·OH·OW, C·filter_h·filter_w). Volume 1, 7.4.3."""
    check_pictures('x', x)
    check_sizes(filter_h=filter_h, filter_w=filter_w, stride=stride)
    check_sizes(0, pad=pad)
    out_size(x.shape, filter_h, filter_w, stride, pad)
    windows = windows_of(padded(x, pad).transpose(0, 2, 3, 1), filter_h, filter_w, stride)
    return windows.reshape(-1, x.shape[1] * filter_h * filter_w)


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """Each row back to its window's place, added up where windows overlap: the gradient of im2col.

    col (N·OH·OW, C·filter_h·filter_w) -> input_shape, (N, C, H, W). Volume 1, 7.4.3.
    """
    check_sizes(filter_h=filter_h, filter_w=filter_w, stride=stride)
    check_sizes(0, pad=pad)
    N, C, H, W = input_shape
    OH, OW = out_size(input_shape, filter_h, filter_w, stride, pad)
    check_shape('col', col, '', N * OH * OW, C * filter_h * filter_w)
    windows = col.reshape(N, OH, OW, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)     # (N, C, K, L, OH, OW)
    x = np.zeros((N, C, H + 2 * pad, W + 2 * pad), col.dtype)
    for i in range(filter_h):
        for j in range(filter_w):
            place(x, i, j, OH, OW, stride)[...] += windows[:, :, i, j]
    return unpadded(x, pad).copy()


def place(x, i, j, OH, OW, stride):
    """The number at place (i, j) of every window, a view. x (N, C, H, W), padded -> (N, C, OH, OW)."""
    return x[:, :, i:i + stride * OH:stride, j:j + stride * OW:stride]


def columns(x, K, L, stride, pad_h, pad_w):
    """Pictures and their windows, some at a time: yields a slice of N, and (n·OH·OW, K·L·C), valid until the next.

    x (N, H, W, C). The order within a row is that of the filters as `as_matrix` lays them out.
    """
    N, H, W, C = x.shape
    OH, OW = (H + 2 * pad_h - K) // stride + 1, (W + 2 * pad_w - L) // stride + 1
    n = min(N, max(1, CHUNK // (OH * OW * K * L * C * x.itemsize)))
    frame = np.zeros((n, H + 2 * pad_h, W + 2 * pad_w, C), x.dtype) if pad_h or pad_w else None
    windows = windows_of(x if frame is None else frame, K, L, stride).transpose(0, 1, 2, 4, 5, 3)   # …, K, L, C)
    for i in range(0, N, n):
        some = slice(i, i + n)
        m = min(n, N - i)
        if frame is not None:
            frame[:m, pad_h:pad_h + H, pad_w:pad_w + W] = x[some]
        here = windows[some] if frame is None else windows[:m]                  # (m, OH, OW, K, L, C)
        if i == 0 or m < n:
            col = np.empty((K, L, C, m, OH, OW) if C < NARROW else (m, OH, OW, K, L, C), x.dtype)
        if C < NARROW:
            np.copyto(col, here.transpose(3, 4, 5, 0, 1, 2))
            yield some, col.reshape(K * L * C, -1).T
        else:
            np.copyto(col, here)
            yield some, col.reshape(-1, K * L * C)


def as_matrix(W):
    """Filters (F, C, K, L) -> (K·L·C, F)."""
    return W.transpose(2, 3, 1, 0).reshape(-1, len(W))


class Convolution(Layer):
    """y[n, f, i, j] = Σ over c, k, l of x[n, c, i·stride + k, j·stride + l] · W[f, c, k, l], + b[f], x padded by zeros.

    W (F, C, K, L), b (F,), x (N, C, H, W) -> y (N, F, OH, OW). Volume 1, 7.4.4.
    As Simple_Convolution, with one product for many windows; backward, a window of dy meets the filters turned round.
    """

    def __init__(self, W, b, stride=1, pad=0):
        super().__init__(W, b)
        check_shape('W', W, 'FCKL')
        check_shape('b', b, '', len(W))
        check_sizes(stride=stride)
        check_sizes(0, pad=pad)
        self.stride, self.pad = stride, pad

    def forward(self, x):
        W, b = self.params
        F, C, K, L = W.shape
        check_pictures('x', x, C)
        OH, OW = out_size(x.shape, K, L, self.stride, self.pad)
        self.x = x = as_dtype('x', x, W.dtype).transpose(0, 2, 3, 1)            # (N, H, W, C)
        filters = as_matrix(W)                                                  # (K·L·C, F)
        bias = np.tile(b, OW)                                                   # wide: many numbers an addition
        y = np.empty((len(x), OH, OW, F), W.dtype)
        for some, col in columns(x, K, L, self.stride, self.pad, self.pad):
            part = y[some]                                                      # (n, OH, OW, F)
            np.matmul(col, filters, out=part.reshape(-1, F))
            wide = part.reshape(-1, OW * F)
            wide += bias
        y = y.transpose(0, 3, 1, 2)                                             # (N, F, OH, OW)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dy = np.ascontiguousarray(dy.transpose(0, 2, 3, 1))                     # (N, OH, OW, F)
        OW, F = dy.shape[2:]
        dy.reshape(-1, OW * F).sum(axis=0).reshape(OW, F).sum(axis=0, out=self.grads[1])
        return self.backward_through_windows_of_dy(dy) if self.needs_dx else self.backward_without_dx(dy)

    def backward_without_dx(self, dy):
        F, C, K, L = self.params[0].shape
        total = np.zeros((K * L * C, F), dy.dtype)
        for some, col in columns(self.x, K, L, self.stride, self.pad, self.pad):
            total += col.T @ dy[some].reshape(-1, F)
        self.grads[0][...] = total.reshape(K, L, C, F).transpose(3, 2, 0, 1)

    def backward_through_windows_of_dy(self, dy):
        """The windows of dy serve both gradients: times the filters turned round they are dx, times x they are dW."""
        W, x = self.params[0], self.x
        F, C, K, L = W.shape
        dy = self.with_stride_1(dy)
        pad_h, pad_w = K - 1 - self.pad, L - 1 - self.pad
        # a pad as wide as a filter sees windows of nothing but zeros, which give no gradient
        dy = dy[:, max(-pad_h, 0):dy.shape[1] + min(pad_h, 0), max(-pad_w, 0):dy.shape[2] + min(pad_w, 0)]
        turned = as_matrix(W[:, :, ::-1, ::-1].swapaxes(0, 1))                  # (K·L·F, C)
        dx = np.empty(x.shape, W.dtype)                                         # (N, H, W, C)
        total = np.zeros((K * L * F, C), W.dtype)
        for some, col in columns(dy, K, L, 1, max(pad_h, 0), max(pad_w, 0)):    # (n·H·W, K·L·F)
            np.matmul(col, turned, out=dx[some].reshape(-1, C))
            total += col.T @ x[some].reshape(-1, C)
        self.grads[0][...] = total.reshape(K, L, F, C)[::-1, ::-1].transpose(2, 3, 0, 1)
        return dx.transpose(0, 3, 1, 2)

    def with_stride_1(self, dy):
        """dy with zeros for the windows that the stride left out: (N, H + 2·pad − K + 1, W + 2·pad − L + 1, F)."""
        if self.stride == 1:
            return dy
        F, _, K, L = self.params[0].shape
        N, H, W, _ = self.x.shape
        whole = np.zeros((N, H + 2 * self.pad - K + 1, W + 2 * self.pad - L + 1, F), dy.dtype)
        whole[:, ::self.stride, ::self.stride] = dy
        return whole


class Simple_Convolution(Convolution):
    """Convolution, window by window."""

    def forward(self, x):
        W, b = self.params
        F, C, K, L = W.shape
        check_pictures('x', x, C)
        OH, OW = out_size(x.shape, K, L, self.stride, self.pad)
        self.x = x = padded(as_dtype('x', x, W.dtype), self.pad)
        y = np.empty((len(x), F, OH, OW), W.dtype)
        for i in range(OH):
            for j in range(OW):
                window = x[:, :, i * self.stride:i * self.stride + K, j * self.stride:j * self.stride + L]
                y[:, :, i, j] = np.tensordot(window, W, ((1, 2, 3), (1, 2, 3))) + b             # (N, F)
        self.out_shape = y.shape
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        W, _ = self.params
        dW, db = self.grads
        K, L = W.shape[2:]
        dx = np.zeros_like(self.x)
        dW[...] = 0
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                at = (slice(None), slice(None), slice(i * self.stride, i * self.stride + K),
                      slice(j * self.stride, j * self.stride + L))
                dW += np.tensordot(dy[:, :, i, j], self.x[at], (0, 0))                          # (F, C, K, L)
                dx[at] += np.tensordot(dy[:, :, i, j], W, (1, 0))                               # (N, C, K, L)
        db[...] = dy.sum(axis=(0, 2, 3))
        return unpadded(dx, self.pad)


class Pooling(Layer):
    """y = the maximum of each window; pads count as −∞. The gradient goes to the first of equals.

    x (N, C, H, W) -> y (N, C, OH, OW). Volume 1, 7.3.
    As Simple_Pooling, with all windows at once, place by place.
    """

    fill = -np.inf

    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        super().__init__()
        check_sizes(pool_h=pool_h, pool_w=pool_w, stride=stride)
        check_sizes(0, pad=pad)
        if pad >= min(pool_h, pool_w):
            raise InputError(f'pad: expected less than the window, {pool_h} × {pool_w}, got {pad}')
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad

    def begin(self, x):
        """x with its pads, and an array of floats."""
        check_pictures('x', x)
        size = out_size(x.shape, self.pool_h, self.pool_w, self.stride, self.pad)
        self.out_shape = (*x.shape[:2], *size)
        x = padded(as_floats('x', x), self.pad, self.fill)
        self.padded_shape = x.shape
        return x

    def zeros(self, dtype):
        """Of the padded x's shape, the gradient to be."""
        N, C, H, W = self.padded_shape
        return np.zeros((N, H, W, C), dtype).transpose(0, 3, 1, 2)

    def places(self, x):
        """The numbers at the first place of all windows, at the second, …: views (N, C, OH, OW)."""
        OH, OW = self.out_shape[2:]
        return [place(x, i, j, OH, OW, self.stride) for i in range(self.pool_h) for j in range(self.pool_w)]

    def put(self, dnumbers, gradient):
        """dnumbers += gradient, where windows do not overlap by a plain copy: a third of backward's time."""
        if self.stride >= max(self.pool_h, self.pool_w):
            dnumbers[...] = gradient
        else:
            dnumbers += gradient

    def forward(self, x):
        first, *others = self.places(self.begin(x))
        y = first.copy(order='K')
        self.larger = []                        # of each place but the first: where it beats all before it
        for numbers in others:
            self.larger.append(numbers > y)
            np.maximum(y, numbers, out=y)
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.zeros(dy.dtype)
        first, *others = self.places(dx)
        for dnumbers, larger in zip(reversed(others), reversed(self.larger), strict=True):
            taken = dy * larger                 # what the places behind it have left
            self.put(dnumbers, taken)
            dy = dy - taken
        self.put(first, dy)
        return unpadded(dx, self.pad)


class AveragePooling(Pooling):
    """y = the mean of each window; pads count as 0. x (N, C, H, W) -> y (N, C, OH, OW)."""

    fill = 0

    def forward(self, x):
        y = sum(self.places(self.begin(x)))
        y *= 1 / (self.pool_h * self.pool_w)
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.zeros(dy.dtype)
        share = dy * (1 / (self.pool_h * self.pool_w))
        for dnumbers in self.places(dx):
            self.put(dnumbers, share)
        return unpadded(dx, self.pad)


class Simple_Pooling(Pooling):
    """Pooling, window by window."""

    def windows(self, x):
        """The place (i, j) of each window in y, and the window (N, C, pool_h, pool_w), a view of x."""
        for i in range(self.out_shape[2]):
            for j in range(self.out_shape[3]):
                k, l = i * self.stride, j * self.stride
                yield i, j, x[:, :, k:k + self.pool_h, l:l + self.pool_w]

    def forward(self, x):
        self.x = x = self.begin(x)
        y = np.empty(self.out_shape, x.dtype)
        for i, j, window in self.windows(x):
            y[:, :, i, j] = window.max(axis=(2, 3))
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.zeros(dy.dtype)
        N, C = self.out_shape[:2]
        pictures, channels = np.ogrid[:N, :C]
        for (i, j, window), (_, _, dwindow) in zip(self.windows(self.x), self.windows(dx), strict=True):
            best = window.reshape(N, C, -1).argmax(axis=2)                      # (N, C): the first of equals
            dwindow[pictures, channels, best // self.pool_w, best % self.pool_w] += dy[:, :, i, j]
        return unpadded(dx, self.pad)


class Simple_AveragePooling(Simple_Pooling):
    """AveragePooling, window by window."""

    fill = 0

    def forward(self, x):
        x = self.begin(x)
        y = np.empty(self.out_shape, x.dtype)
        for i, j, window in self.windows(x):
            y[:, :, i, j] = window.mean(axis=(2, 3))
        return y

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        dx = self.zeros(dy.dtype)
        for i, j, dwindow in self.windows(dx):
            dwindow += dy[:, :, i, j, None, None] / (self.pool_h * self.pool_w)
        return unpadded(dx, self.pad)


class Flatten(Layer):
    """Each picture as a row: x (N, C, H, W) -> (N, C·H·W), in that order; any axes behind the first."""

    def forward(self, x):
        check_array('x', x)
        if x.ndim < 2 or not x.size:
            raise InputError(f'x: expected (N, …), 1 or more numbers, got {x.shape}')
        y = np.empty(x.shape, x.dtype)
        y[...] = x                              # in the order of its axes, wherever they lie in memory
        self.shape = x.shape
        self.out_shape = (len(x), y[0].size)
        return y.reshape(self.out_shape)

    def backward(self, dy):
        check_dout('dy', dy, self.out_shape)
        N, C, *others = self.shape
        dx = np.moveaxis(np.empty((N, *others, C), dy.dtype), -1, 1)
        dx[...] = dy.reshape(self.shape)
        return dx
