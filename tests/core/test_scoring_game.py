"""What a discriminator offers: scores that are high for real examples, and named features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core import scoring_game
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.games import ali, cgan, cyclegan, dcgan, ebgan

pytestmark = pytest.mark.usefixtures("eagerly")
SHAPE = (16, 16, 3)
IMAGES = tf.random.stateless_uniform((3, *SHAPE), (0, 0), -1.0, 1.0)


def run(game, name, **inputs):
    return game.discriminator_signatures()[name].named_outputs(**inputs)


def test_a_score_is_the_logit_and_has_gradients():
    game = dcgan.DCGAN(dcgan.build_generator(16, 3, 2, 4), dcgan.build_discriminator(16, 3, 2))
    with tf.GradientTape() as tape:
        tape.watch(IMAGES)
        score = run(game, "score", image=IMAGES)["score"]
    np.testing.assert_allclose(score, game.discriminator(IMAGES, training=False)[:, 0])
    assert np.abs(tape.gradient(score, IMAGES)).max() > 0
    features = run(game, "features", image=IMAGES)
    specs = game.discriminator_signatures()["features"].outputs
    assert [tuple(maps.shape[1:]) for maps in features.values()] == [s.shape for s in specs]
    assert [s.name for s in specs] == [f"features_{n}" for n in range(len(specs))]


def test_low_energies_are_high_scores():
    generator = ebgan.build_generator(SHAPE, "conv", width=2, latent_dim=4)
    critic = ebgan.build_critic(SHAPE, "conv", width=2, code_dim=5, norm="none")
    game = ebgan.EBGAN(generator, critic)
    reconstruction, _ = game.critic(IMAGES, training=False)
    energy = tf.reduce_mean(tf.square(IMAGES - reconstruction), (1, 2, 3))
    np.testing.assert_allclose(run(game, "score", image=IMAGES)["score"], -energy, rtol=1e-5)


def test_a_discriminator_of_labels_takes_them():
    form = (SHAPE, 5, "concat", "conv")
    networks = cgan.build_generator(*form, 2, 6), cgan.build_discriminator(*form, 2, norm="none")
    game = cgan.CGAN(*networks, classes=5)
    label = tf.constant([0, 1, 4])
    logits = game.discriminator([IMAGES, label], training=False)
    np.testing.assert_allclose(
        run(game, "score", image=IMAGES, label=label)["score"], logits[:, 0], atol=1e-6
    )


def test_a_discriminator_of_pairs_gets_the_inferred_z():
    game = ali.ALI(
        ali.build_decoder(SHAPE, "conv", 2, 4),
        ali.build_encoder(SHAPE, "conv", 2, 4, "ali"),
        ali.build_discriminator(SHAPE, "conv", 2, 4),
    )
    z = game.signatures()["encode"].call(image=IMAGES)
    expected = game.discriminator([IMAGES, z], training=False)[:, 0]
    np.testing.assert_allclose(run(game, "score", image=IMAGES)["score"], expected, atol=1e-6)


def test_features_are_the_named_maps_or_all_activations():
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, 2, "same")(image)
    x = keras.layers.ReLU(name="first")(x)
    named = keras.layers.LeakyReLU(name="features_0")(keras.layers.Conv2D(2, 3)(x))
    flat = keras.layers.Dense(4, name="features_1")(keras.layers.Flatten()(named))
    logit = keras.layers.Dense(1)(flat)
    assert scoring_game.feature_layers(keras.Model(image, logit)) == ["features_0", "features_1"]
    flat = keras.layers.Dense(4, name="features_1")(keras.layers.Flatten()(x))
    logit = keras.layers.Activation("sigmoid", name="end")(keras.layers.Dense(1)(flat))
    assert scoring_game.feature_layers(keras.Model(image, logit)) == ["first", "features_1"]


class Stub(scoring_game.ScoringGame):
    """A game of three classes with some discriminator."""

    realness = 1.0

    def __init__(self, opponent):
        self.opponent = opponent

    def signatures(self):
        label = TensorSpec("label", (), "int32", "label", 3)
        inputs = TensorSpec("z", (2,), kind="normal"), label
        return {"serving_default": Signature(inputs, TensorSpec("image", (2, 2, 1)), None, ())}


def test_of_a_score_for_each_class_that_of_the_label_counts():
    image = keras.Input((2, 2, 1), name="image")
    logits = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    game = Stub(keras.Model(image, logits))
    images, label = IMAGES[:, :2, :2, :1], tf.constant([2, 0, 1])
    score = run(game, "score", image=images, label=label)["score"]
    expected = np.asarray(game.opponent(images))[range(3), label]
    np.testing.assert_allclose(score, expected, rtol=1e-6)


def test_a_discriminator_of_images_of_several_sizes_offers_none():
    images = [keras.Input((side, side, 1)) for side in (1, 2, 4)]
    logit = keras.layers.Dense(1)(
        keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in images])
    )
    assert Stub(keras.Model(images, logit)).discriminator_signatures() == {}


def test_translators_offer_none():
    assert cyclegan.CycleGAN.discriminator_signatures(None) == {}
