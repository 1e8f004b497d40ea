"""Features of readable size: a constant of each extractor, whatever the data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.data.synthetic import scenes
from tfgan_suite.features import extractors
from tfgan_suite.features.scale import power_of_ten, scale_of
from tfgan_suite.measures import features
from tfgan_suite.measures.kid import polynomial_mmd


@pytest.mark.parametrize(
    "size, expected",
    [(0.0, 1), (0.05, 1), (0.4, 1), (4.99, 1), (5.0, 10), (49.9, 10), (50, 100), (8000, 10_000),
     (0.049, 0.1), (0.0051, 0.1), (0.0049, 0.01)],
)  # fmt: skip
def test_the_power_of_ten_that_makes_a_size_readable(size, expected):
    assert power_of_ten(size) == pytest.approx(expected, rel=1e-12)
    if size:
        assert 0.05 <= size / power_of_ten(size) < 5.0


def network():
    image = keras.Input((75, 75, 3))
    x = keras.layers.GlobalAveragePooling2D(name="features")(image)
    return keras.Model(image, x)


def channel_means(factor):
    return lambda images: factor * tf.reduce_mean(images, axis=(1, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_constant_follows_from_the_network_alone(channels):
    images = scenes.generate(16, 64, seed=0)[..., :channels] / np.float32(127.5) - 1.0
    size = float(np.sqrt(np.mean(np.square(images.mean((1, 2))))))
    found = extractors.from_callable(channel_means(3.0 / size), "a", channels=channels, scale=None)
    large = extractors.from_callable(channel_means(30.0 / size), "b", channels=channels, scale=None)
    assert (scale_of(found), scale_of(large)) == (1.0, 10.0)
    assert "feature_scale" not in found.protocol()
    assert large.protocol()["feature_scale"] == 10.0
    # Other data, the same constant: the features are those of the network over 10.
    noise = np.random.RandomState(0).randint(0, 256, (7, 8, 8, channels)).astype("u1")
    scaled = features.collect([noise], large, keep_features=True).features
    np.testing.assert_allclose(scaled, large.features(noise) / 10.0, rtol=1e-6)
    np.testing.assert_allclose(scaled, found.features(noise), rtol=1e-4)


def test_what_was_not_asked_for_is_not_scaled():
    found = extractors.from_callable(channel_means(1e4), "mine")
    assert scale_of(found) == 1.0


def test_inception_stays_the_standard(monkeypatch):
    """FID of Inception's features is compared across papers; others are scaled at first use."""
    monkeypatch.setattr(extractors, "_load_application", lambda build, *_: network())
    options = {"weights": None}
    assert extractors.load("inception_v3:features", **options).scale == 1.0
    assert extractors.load("mobilenet_v2:features", **options).scale is None


def test_kid_with_features_of_ten_is_hundreds_of_thousands():
    """Why there is a constant: the kernel grows with the sixth power."""
    draws = np.random.RandomState(0)
    real, fake = draws.normal(8, 3, (50, 20)), draws.normal(9, 3, (50, 20))
    assert polynomial_mmd(real, fake) > 1e4
    assert 0 < polynomial_mmd(real / 10, fake / 10) < 1
