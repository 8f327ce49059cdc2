"""Autoencoders: their gradients, their loss by hand, what they make of noise, and their scripts in small."""
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ch01.volume1 import train_autoencoder, train_vae
from ch01.volume1.autoencoder import Autoencoder, add_noise
from ch01.volume1.vae import VariationalAutoencoder, divergence
from common.checks import InputError
from common.evaluation import not_training
from common.gradient_check import check_gradients
from common.layers import set_training
from common.loss_layers import BinaryCrossEntropyLoss
from common.optimizer import Adam
from common.trainer import train_step
from common.weight_files import load_weights


def pixels(*shape):
    return np.random.RandomState(3).rand(*shape)


def inner(model):
    """The model, but it gives the gradient of its input too, which nobody asks a network for but check_gradients."""
    model.encoder[0].needs_dx = True
    return model


# ---- the loss


def test_the_loss_of_two_pictures_by_hand():
    """sigmoid(log 3) = 3/4, sigmoid(0) = 1/2."""
    x = np.array([[math.log(3), 0.0], [-math.log(3), math.log(3)]])
    t = np.array([[1.0, 0.0], [1.0, 0.5]])
    first = math.log(4 / 3) + math.log(2)
    second = math.log(4) + 0.5 * math.log(4 / 3) + 0.5 * math.log(4)
    loss = BinaryCrossEntropyLoss()
    assert loss.forward(x, t) == pytest.approx((first + second) / 2, rel=1e-14)
    np.testing.assert_allclose(loss.backward(), [[-0.125, 0.25], [-0.375, 0.125]], rtol=1e-14)


def test_a_perfect_picture_costs_nothing_and_its_opposite_its_scores():
    t = np.array([[0, 1, 1, 0]], 'f')
    right = np.array([[-200, 200, 300, -400]], 'f')
    loss = BinaryCrossEntropyLoss()
    assert loss.forward(right, t) == 0
    assert not loss.backward().any()
    assert loss.forward(-right, t) == 1100      # by log(sigmoid) it would be infinite
    np.testing.assert_array_equal(loss.backward(), [[1, -1, -1, 1]])


def test_grey_pixels_cost_their_entropy():
    """Where y = t = 1/4: −¼·log ¼ − ¾·log ¾ each."""
    t = np.full((3, 5), 0.25)
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert BinaryCrossEntropyLoss().forward(np.full((3, 5), -math.log(3)), t) == pytest.approx(5 * entropy, rel=1e-14)


@pytest.mark.parametrize(('t', 'message'), [
    (np.array([[0.5, 1.1]]), 't: expected numbers from 0 to 1, got 0.5 to 1.1'),
    (np.array([[-0.1, 1.0]]), 't: expected numbers from 0 to 1, got -0.1 to 1.0'),
    (np.array([[0.5, np.nan]]), 't: expected numbers from 0 to 1, got nan to nan'),
    (np.array([0.5, 0.5]), r't: expected \(1, 2\), as x, with one number or more, got \(2,\)'),
])
def test_what_are_no_pixels_is_refused(t, message):
    with pytest.raises(InputError, match=f'^{message}$'):
        BinaryCrossEntropyLoss().forward(np.zeros((1, 2)), t)


# ---- the divergence


def test_divergence_by_hand():
    """N(0, 1) from itself 0, N(3, 1) from it 9/2, N(0, 4) from it 3/2 − log 2; numbers of a row are added."""
    mean = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    log_var = np.array([[0.0, 0.0], [0.0, 0.0], [math.log(4), 0.0]])
    np.testing.assert_allclose(divergence(mean, log_var), [0, 4.5, 1.5 - math.log(2) + 4.5], rtol=1e-14)


def test_divergence_by_drawing():
    """The mean of log q(z) − log p(z) over z from q comes to it."""
    mean, log_var = np.array([[0.5, -1.0]]), np.array([[-1.0, 0.4]])
    eps = np.random.randn(100_000, 2)
    z = mean + eps * np.exp(0.5 * log_var)
    drawn = (0.5 * (z**2 - eps**2 - log_var)).sum(axis=1)      # both have the same −½·log 2π
    error = drawn.std() / math.sqrt(len(drawn))
    assert error < 0.01
    assert divergence(mean, log_var)[0] == pytest.approx(drawn.mean(), abs=4 * error)


# ---- the models


@pytest.mark.parametrize('model', [lambda: Autoencoder(6, (5, 4), 3, dtype='d'),
                                   lambda: Autoencoder(6, (), 2, dtype='d'),
                                   lambda: VariationalAutoencoder(6, (5, 4), 2, dtype='d'),
                                   lambda: VariationalAutoencoder(6, (), 3, dtype='d')])
def test_gradients(model):
    check_gradients(inner(model()), pixels(4, 6), pixels(4, 6))


def test_gradients_with_noise():
    class Noisy(Autoencoder):
        """Its pictures inside: noise hides how they come in, so there is no gradient of theirs."""

        def forward(self):
            return super().forward(pixels(4, 6), pixels(4, 6))

    check_gradients(Noisy(6, (5,), 3, noise=0.4, dtype='d'))


def test_gradients_of_a_vae_that_is_not_in_training():
    model = inner(VariationalAutoencoder(6, (5,), 2, dtype='d'))
    set_training(model, False)
    check_gradients(model, pixels(4, 6), pixels(4, 6))


def test_the_decoder_mirrors_the_encoder():
    model = Autoencoder(12, (7, 5), 3)
    assert [p.shape for p in model.params[::2]] == [(12, 7), (7, 5), (5, 3), (3, 5), (5, 7), (7, 12)]
    model = VariationalAutoencoder(12, (7, 5), 3)
    assert [p.shape for p in model.params[::2]] == [(12, 7), (7, 5), (5, 6), (3, 5), (5, 7), (7, 12)]


def test_encode_decode_and_reconstruct_of_an_autoencoder_by_hand():
    """One pixel a picture, 2x − 1 in the bottleneck, log 3 of that as the score."""
    model = Autoencoder(1, (), 1, dtype='d')
    for param, value in zip(model.params, (2.0, -1.0, math.log(3), 0.0), strict=True):
        param[...] = value
    x = np.array([[0.0], [0.5], [1.0]])
    np.testing.assert_allclose(model.encode(x), [[-1], [0], [1]])
    np.testing.assert_allclose(model.predict(x), [[-math.log(3)], [0], [math.log(3)]])
    np.testing.assert_allclose(model.reconstruct(x), [[0.25], [0.5], [0.75]])
    np.testing.assert_allclose(model.decode(np.array([[2.0]])), [[0.9]])        # 9 : 1


def vae_by_hand(log_var):
    """x is the mean, log_var whatever x is; the score is log 3 · z."""
    model = VariationalAutoencoder(1, (), 1, dtype='d')
    for param, value in zip(model.params, ([[1.0, 0.0]], [0.0, log_var], math.log(3), 0.0), strict=True):
        param[...] = value
    return model


def test_a_vae_by_hand():
    model = vae_by_hand(log_var=0.0)
    x = np.ones((1, 1))
    with not_training(model):
        assert model.forward(x, x) == pytest.approx(math.log(4 / 3) + 0.5, rel=1e-14)       # z = 1
    assert (model.reconstruction, model.divergence) == pytest.approx((math.log(4 / 3), 0.5))
    np.testing.assert_allclose(model.reconstruct(x), [[0.75]])


def test_a_vae_draws_with_the_deviation_that_it_says():
    """Scores are log 3 · z, the pixel 1/2: from them the z that were drawn, with mean 1 and deviation 3."""
    model = vae_by_hand(log_var=2 * math.log(3))
    x = np.ones((100_000, 1))
    model.forward(x, x)
    y = model.loss_layer.difference + x
    with np.errstate(divide='ignore'):
        z = (np.log(y) - np.log1p(-y)) / math.log(3)
    assert z.mean() == pytest.approx(1, abs=0.04) and z.std() == pytest.approx(3, abs=0.03)


@pytest.mark.parametrize('make', [lambda: Autoencoder(6, (20,), 4, noise=0.5),
                                  lambda: VariationalAutoencoder(6, (20,), 4)])
def test_noise_is_another_each_time_in_training_alone(make):
    model = make()
    x = pixels(4, 6).astype('f')
    assert model.forward(x, x) != model.forward(x, x)
    with not_training(model):
        assert model.forward(x, x) == model.forward(x, x)
        assert model.forward(x, x).dtype == np.float32


def test_noise_has_its_deviation_and_stays_in_range():
    x = np.full((200, 500), 0.5, 'f')
    noisy = add_noise(x, 0.1)
    assert noisy.dtype == np.float32 and (x == 0.5).all()
    assert noisy.mean() == pytest.approx(0.5, abs=0.002) and noisy.std() == pytest.approx(0.1, abs=0.002)
    noisy = add_noise(x, 2.0)
    assert (noisy.min(), noisy.max()) == (0, 1)
    assert (noisy == 0).mean() == pytest.approx(0.4013, abs=0.01)       # of a normal below −1/4


def test_the_clean_picture_is_the_target():
    """Behind noise that leaves nothing of a picture, the best answer is the mean of the clean ones."""
    model = Autoencoder(2, (), 1, noise=1e6)
    x = np.array([[1, 0.25]] * 50, 'f')
    optimizer = Adam(0.1)
    for param in model.params:
        param[...] = 0
    for _ in range(300):
        train_step(model, optimizer, x, x)
    with not_training(model):
        np.testing.assert_allclose(model.reconstruct(np.ones((1, 2), 'f')), [[1, 0.25]], atol=0.02)


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: Autoencoder(hidden_size_list=5), 'hidden_size_list: expected a list of sizes, got 5'),
    (lambda: Autoencoder(hidden_size_list=[5, 0]), r'hidden_size_list\[1\]: expected 1 or more, got 0'),
    (lambda: Autoencoder(bottleneck=0), 'bottleneck: expected 1 or more, got 0'),
    (lambda: Autoencoder(noise=-1), 'noise: expected a finite number, 0 or more, got -1'),
    (lambda: VariationalAutoencoder(latent_size=2.5), 'latent_size: expected an integer, got 2.5'),
    (lambda: VariationalAutoencoder(6).encode(np.zeros((3, 7))), r'x: expected \(N, 6\), got \(3, 7\)'),
])
def test_bad_input(make, message):
    with pytest.raises(InputError, match=f'^{message}$'):
        make()


# ---- pictures of pictures, and the scripts


def test_a_sheet_lays_pictures_side_by_side():
    pictures = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]])
    np.testing.assert_array_equal(train_autoencoder.sheet(pictures, 2),
                                  [[1, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]])
    np.testing.assert_array_equal(train_autoencoder.sheet(pictures[:2], 2, gap=1), [[1, 2, 0, 5, 6], [3, 4, 0, 7, 8]])


def test_a_walk_goes_from_left_to_right_and_down():
    """3 × 3 places at the quantiles 1/6, 1/2 and 5/6 of the normal: −0.967, 0 and 0.967."""
    model = VariationalAutoencoder(2, (), 2, dtype='d')
    for param, value in zip(model.params[2:], (np.eye(2), 0), strict=True):     # the score is z
        param[...] = value
    y = train_vae.walk(model, 3)
    q = 0.96742
    np.testing.assert_allclose(np.log(y / (1 - y)), [[-q, q], [0, q], [q, q], [-q, 0], [0, 0], [q, 0],
                                                     [-q, -q], [0, -q], [q, -q]], atol=1e-4)


def test_losses_and_errors_are_means_over_all_pictures():
    model = Autoencoder(1, (), 1, noise=0.5, dtype='d')     # noise is for training alone
    for param, value in zip(model.params, (2.0, -1.0, math.log(3), 0.0), strict=True):
        param[...] = value
    x = np.array([[0.0], [0.0], [0.5]])
    mean = (2 * math.log(4 / 3) + math.log(2)) / 3
    assert train_autoencoder.loss_of(model, x, x, batch_size=2) == pytest.approx(mean)      # the last batch is short
    assert train_autoencoder.squared_error(np.array([[1.0, 0.0], [0.0, 0.5]]), np.zeros((2, 2))) == 1.25 / 4


def test_negative_elbo_is_the_mean_over_all_pictures_of_drawn_z():
    model = vae_by_hand(log_var=-60.0)      # next to no noise
    x = np.array([[1.0], [1.0], [0.0]])
    found = train_vae.measure(model, x, batch_size=2)
    assert found['reconstruction'] == pytest.approx((2 * math.log(4 / 3) + math.log(2)) / 3)
    assert found['divergence'] == pytest.approx((0.5 * 2 + 0 + 3 * 0.5 * 59) / 3)
    assert found['negative ELBO'] == pytest.approx(found['reconstruction'] + found['divergence'])


@pytest.fixture
def bars(monkeypatch):
    """Pictures of 8 × 8 instead of MNIST: label k is a white bar in row k % 5 that is k // 5 + 1 pixels high."""
    def load_data(data, flatten=True):
        t = np.arange(400) % 10
        x = np.zeros((400, 8, 8), 'f')
        for k in range(10):
            x[t == k, k % 5:k % 5 + k // 5 + 1] = 1
        x *= np.random.RandomState(0).uniform(0.8, 1, x.shape)
        return (x.reshape(400, 64)[:300], t[:300]), (x.reshape(400, 64)[300:], t[300:])

    monkeypatch.setattr('dataset.images.load_data', load_data)


SMALL = {'hidden_size': 24, 'inner_size': 12, 'batch_size': 10, 'learning_rate': 0.01, 'seed': 1}


@pytest.mark.slow
def test_train_autoencoder_in_small(bars, tmp_path):
    found = train_autoencoder.main(bottleneck=2, max_epoch=12, **SMALL)
    assert set(found) == {'loss', 'error'}
    assert found['error'] < 0.01        # 0.12 where each answer is the mean picture
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'Autoencoder.npz', 'Autoencoder_checkpoint.npz', 'ch01_volume1_train_autoencoder.png',
                     'ch01_volume1_train_autoencoder_plane.png'}
    sizes = load_weights(tmp_path / 'Autoencoder.npz').about['sizes']
    assert sizes == {'input_size': 64, 'hidden_size_list': [24, 12], 'bottleneck': 2}
    assert Autoencoder(**sizes).load_params() is None


@pytest.mark.slow
def test_a_denoising_autoencoder_in_small(bars, tmp_path):
    found = train_autoencoder.main(bottleneck=6, noise=0.5, max_epoch=12, **SMALL)
    assert found['noisy error'] == pytest.approx(0.12, abs=0.02)
    assert found['error'] < found['noisy error'] / 4
    assert not (tmp_path / 'ch01_volume1_train_autoencoder_plane.png').exists()
    with pytest.raises(InputError, match=r'^noise: expected a finite number, 0 or more, got -1\.0$'):
        train_autoencoder.main(noise=-1.0)


@pytest.mark.slow
def test_a_training_that_goes_on_ends_the_same(bars):
    whole = train_autoencoder.main(noise=0.5, max_epoch=2, **SMALL)
    train_autoencoder.main(noise=0.5, max_epoch=1, **SMALL)
    assert train_autoencoder.main(noise=0.5, max_epoch=2, resume=True, **SMALL) == whole


@pytest.mark.slow
def test_train_vae_in_small(bars, tmp_path):
    before = train_vae.main(max_epoch=0, **SMALL)
    found = train_vae.main(max_epoch=12, **SMALL)
    assert found['negative ELBO'] == pytest.approx(found['reconstruction'] + found['divergence'])
    assert found['negative ELBO'] < 25 < before['negative ELBO']
    assert 1 < found['divergence'] < 10        # ten pictures told apart take log 10 nats
    assert (tmp_path / 'ch01_volume1_train_vae.png').exists()
    sizes = load_weights(tmp_path / 'VariationalAutoencoder.npz').about['sizes']
    assert sizes == {'input_size': 64, 'hidden_size_list': [24, 12], 'latent_size': 2}
    assert VariationalAutoencoder(**sizes).load_params() is None


def test_a_digit_stands_in_the_middle_of_its_points():
    z = np.array([[0, 0], [1, 2], [9, 4], [5, 5]], 'd')
    train_autoencoder.plot_bottleneck(z, np.array([3, 3, 3, 7]))
    assert {text.get_text(): text.get_position() for text in plt.gca().texts} == {'3': (1, 2), '7': (5, 5)}
    plt.close()
