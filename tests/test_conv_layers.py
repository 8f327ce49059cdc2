"""Convolution and pooling: the fast form beside the plain one, and both beside numbers worked out by hand."""
import numpy as np
import pytest

from common.checks import InputError
from common.conv_layers import (
    AveragePooling,
    Convolution,
    Flatten,
    Pooling,
    Simple_AveragePooling,
    Simple_Convolution,
    Simple_Pooling,
    col2im,
    im2col,
)

BOTH = pytest.mark.parametrize('kind', [Convolution, Simple_Convolution])


def assert_pair(fast, plain, x, r):
    """Both give the same, forward and backward."""
    y, expected = fast.forward(x), plain.forward(x)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=1e-12)
    dy = r.randn(*y.shape)
    dx, expected = fast.backward(dy), plain.backward(dy)
    if fast.needs_dx:
        np.testing.assert_allclose(dx, expected, atol=1e-12)
    else:
        assert dx is None
    for grad, expected in zip(fast.grads, plain.grads, strict=True):
        np.testing.assert_allclose(grad, expected, atol=1e-12)


def pictures(r, i, *shape):
    """(N, C, H, W), every other time as a view of (N, H, W, C) memory."""
    N, C, H, W = shape
    return r.randn(N, H, W, C).transpose(0, 3, 1, 2) if i % 2 else r.randn(*shape)


def test_convolution_is_its_plain_form():
    r = np.random.RandomState(0)
    for i in range(150):
        N, C, F = r.randint(1, 12, 3)
        K, L, stride, pad = r.randint(1, 5), r.randint(1, 5), r.randint(1, 4), r.randint(0, 6)
        W, b = r.randn(F, C, K, L), r.randn(F)
        H, width = (max(k - 2 * pad, 1) + r.randint(0, 9) for k in (K, L))
        fast = Convolution(W, b, stride, pad)
        fast.needs_dx = i % 3 > 0
        assert_pair(fast, Simple_Convolution(W, b, stride, pad), pictures(r, i, N, C, H, width), r)


def test_convolution_in_several_chunks_is_its_plain_form(monkeypatch):
    """The windows of 7 pictures, of which two fit into a chunk, or not even one."""
    r = np.random.RandomState(1)
    for C, pad in ((3, 0), (3, 2), (9, 0), (9, 1)):
        W, b, x = r.randn(4, C, 3, 3), r.randn(4), r.randn(7, C, 6, 6)
        for chunk in (2 * 8 * (6 + 2 * pad - 2) ** 2 * 9 * C, 1):
            monkeypatch.setattr('common.conv_layers.CHUNK', chunk)
            for needs_dx in (True, False):
                fast = Convolution(W, b, 1, pad)
                fast.needs_dx = needs_dx
                assert_pair(fast, Simple_Convolution(W, b, 1, pad), x, r)


@pytest.mark.parametrize(('fast', 'plain'), [(Pooling, Simple_Pooling), (AveragePooling, Simple_AveragePooling)])
def test_pooling_is_its_plain_form(fast, plain):
    r = np.random.RandomState(0)
    for i in range(100):
        pool_h, pool_w, stride = r.randint(1, 4, 3)
        pad = r.randint(0, min(pool_h, pool_w))
        x = np.round(pictures(r, i, *r.randint(1, 4, 2), *r.randint(3, 10, 2)))     # with many equals
        assert_pair(fast(pool_h, pool_w, stride, pad), plain(pool_h, pool_w, stride, pad), x, r)


@BOTH
def test_convolution_by_hand(kind):
    """Volume 1, 7.2.2: 4 × 4 and a filter of 3 × 3, then with a bias, then with a stride."""
    x = np.array([[1., 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])[None, None]
    W = np.array([[2., 0, 1], [0, 1, 2], [1, 0, 2]])[None, None]
    assert kind(W, np.zeros(1)).forward(x).tolist() == [[[[15, 16], [6, 15]]]]
    assert kind(W, np.array([3.0])).forward(x).tolist() == [[[[18, 19], [9, 18]]]]
    # 6 × 6 with its pads, of which the four windows of stride 3 stand in the corners
    assert kind(W, np.zeros(1), stride=3, pad=1).forward(x).tolist() == [[[[7, 2], [8, 3]]]]


@pytest.mark.parametrize('kind', [Pooling, Simple_Pooling])
def test_pooling_by_hand(kind):
    """Volume 1, 7.3; of equals the first takes the gradient, and a pad is no maximum."""
    x = np.array([[1., 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]])[None, None]
    layer = kind(2, 2)
    assert layer.forward(x).tolist() == [[[[2, 3], [4, 2]]]]
    assert layer.backward(np.array([[[[1., 2], [3, 4]]]])).tolist() == [[[
        [0, 1, 0, 0], [0, 0, 0, 2], [0, 0, 0, 4], [0, 3, 0, 0]]]]
    layer = kind(2, 2)
    layer.forward(np.ones((1, 1, 2, 2)))
    assert layer.backward(np.ones((1, 1, 1, 1))).tolist() == [[[[1, 0], [0, 0]]]]
    assert kind(3, 3, 2, 1).forward(-x).tolist() == [[[[0, 0], [0, 0]]]]


def test_average_pooling_counts_pads_as_zeros():
    layer = AveragePooling(2, 2, 2, 1)
    assert layer.forward(np.full((1, 1, 2, 2), 8.0)).tolist() == [[[[2, 2], [2, 2]]]]
    assert layer.backward(np.full((1, 1, 2, 2), 4.0)).tolist() == [[[[1, 1], [1, 1]]]]


def test_im2col_has_a_window_in_each_row_and_col2im_adds_them_up():
    x = np.arange(2 * 2 * 3 * 3.0).reshape(2, 2, 3, 3)
    col = im2col(x, 2, 2)
    assert col.shape == (8, 8)
    assert col[0].tolist() == [0, 1, 3, 4, 9, 10, 12, 13]           # C, then the window's rows
    assert col[3].tolist() == [4, 5, 7, 8, 13, 14, 16, 17]
    assert im2col(x, 3, 3, stride=2, pad=1)[0].tolist() == [0, 0, 0, 0, 0, 1, 0, 3, 4, 0, 0, 0, 0, 9, 10, 0, 12, 13]
    counts = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])            # in how many windows a number stands
    np.testing.assert_array_equal(col2im(col, x.shape, 2, 2), x * counts)
    np.testing.assert_array_equal(col2im(im2col(x, 1, 1, 1, 1), x.shape, 1, 1, 1, 1), x)


def test_a_row_of_a_picture_is_in_the_order_of_its_axes():
    x = np.arange(24.0).reshape(1, 3, 4, 2).transpose(0, 3, 1, 2)   # (N, C, H, W), a view of (N, H, W, C)
    layer = Flatten()
    assert layer.forward(x)[0].tolist() == [*range(0, 24, 2), *range(1, 24, 2)]
    np.testing.assert_array_equal(layer.backward(layer.forward(x)), x)


X = np.ones((2, 3, 5, 4))


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: Convolution(np.ones((2, 3, 3, 3)), np.ones(2)).forward(np.ones((2, 2, 5, 5))),
     r'x: expected \(N, 3, H, W\), 1 or more numbers, got \(2, 2, 5, 5\)'),
    (lambda: Convolution(np.ones((2, 3, 6, 5)), np.ones(2)).forward(X),
     'x: expected a height and width of 6 and 5 or more, for windows of 6 × 5 and a pad of 0, got 5 × 4'),
    (lambda: Convolution(np.ones((2, 3, 3)), np.ones(2)), r'W: expected \(F, C, K, L\), got \(2, 3, 3\)'),
    (lambda: Convolution(np.ones((2, 3, 3, 3)), np.ones(3)), r'b: expected \(2,\), got \(3,\)'),
    (lambda: Convolution(np.ones((2, 3, 3, 3)), np.ones(2), 0), 'stride: expected 1 or more, got 0'),
    (lambda: Convolution(np.ones((2, 3, 3, 3)), np.ones(2), 1, -1), 'pad: expected 0 or more, got -1'),
    (lambda: Pooling(2, 3, 2, 2), 'pad: expected less than the window, 2 × 3, got 2'),
    (lambda: Pooling(2, 2).forward(X[0]), r'x: expected \(N, C, H, W\), 1 or more numbers, got \(3, 5, 4\)'),
    (lambda: col2im(np.ones((8, 9)), (2, 2, 3, 3), 2, 2), r'col: expected \(8, 8\), got \(8, 9\)'),
    (lambda: Flatten().forward(np.ones(3)), r'x: expected \(N, …\), 1 or more numbers, got \(3,\)')])
def test_bad_input_is_told(call, message):
    with pytest.raises(InputError, match=message):
        call()
