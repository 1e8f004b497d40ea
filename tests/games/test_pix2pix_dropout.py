"""pix2pix: dropout at inference draws versions of an image, and its noise is that of any size."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_pix2pix import SHAPE, compiled, pairs

from tfgan_suite.games import pix2pix
from tfgan_suite.layers.stateless_dropout import VARIANTS, dropout_noise, variant_noise


def test_dropout_stays_on_where_it_is_requested_and_only_there():
    game = compiled(keep_dropout=True)
    images = pairs(2)["source"]
    assert np.array_equal(game.translate(images), game.translate(images))
    first, again, other = (
        game.translate(images, signature="varied", seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert 0 < np.abs(first - other).mean() < 0.2
    assert list(compiled().signatures()) == ["serving_default"]


def test_a_version_of_an_image_does_not_depend_on_the_rest_of_the_batch():
    game = compiled(keep_dropout=True)
    call = game.signatures()["varied"].call
    images = tf.repeat(tf.constant(pairs(1)["source"]), 3, axis=0)
    versions = call(image=images, variant=tf.constant([5, 9, 5])).numpy()
    np.testing.assert_allclose(versions[0], versions[2], atol=1e-6)
    assert np.abs(versions[0] - versions[1]).max() > 1e-3
    alone = call(image=images[:1], variant=tf.constant([9])).numpy()
    np.testing.assert_allclose(alone[0], versions[1], atol=1e-5)


def test_variant_noise_is_uniform_and_uncorrelated():
    draw = variant_noise(tf.constant([0, 1, VARIANTS - 1]))
    shape = (3, 16, 16, 512)
    found = [draw(shape, name).numpy().reshape(3, -1) for name in ("one", "two")]
    rows = np.concatenate(found) / VARIANTS
    assert rows.min() >= 0.0 and rows.max() < 1.0
    counts = np.stack([np.histogram(row, 16, (0, 1))[0] for row in rows]) / rows.shape[1]
    np.testing.assert_allclose(counts, 1 / 16, atol=0.003)
    kept = (rows >= 0.5).astype("f4") - 0.5
    # Against each other, and against themselves one place on, one channel row on, one prime on.
    shifted = [np.roll(kept, places, 1) for places in (1, 512, 512 * 16, VARIANTS)]
    correlation = 4 * (kept @ kept.T) / rows.shape[1] - np.eye(6)
    assert np.abs(correlation).max() < 0.02
    assert max(np.abs(4 * (kept * other).mean(1)).max() for other in shifted) < 0.02


def test_variant_noise_works_for_any_size():
    number = tf.constant([7, 8])
    run = tf.function(
        lambda x: variant_noise(number)((2, tf.shape(x)[1], tf.shape(x)[2], 3), "here"),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
        autograph=False,
    )
    known = variant_noise(number)((2, 4, 5, 3), "here")
    np.testing.assert_array_equal(run(tf.zeros((2, 4, 5, 3))), known)


def test_a_version_drops_half_of_the_features_and_doubles_the_rest():
    network = pix2pix.build_generator(SHAPE, width=2)
    layer = next(layer for layer in network.layers if layer.name == "dropout_0")
    with dropout_noise(variant_noise(tf.constant([3]))):
        dropped = layer(tf.ones((1, 32, 32, 16)), training=False).numpy()
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert dropped.mean() == pytest.approx(1.0, abs=0.03)
