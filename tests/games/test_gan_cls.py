"""GAN-CLS: official counts, known values of its losses, three calls for three kinds of pairs."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError, text
from tfgan_suite.games import gan_cls

SHAPE = (8, 8, 3)
TEXTS = ["a red circle", "a blue square", "the red square", "a blue disc"]
ENCODER = text.BagOfWords.learn(TEXTS)


def networks(shape=SHAPE, text_dim=ENCODER.dim, norm="batch", **options):
    keras.utils.set_random_seed(0)
    form = {"text_dim": text_dim, "width": 2, "proj_dim": 3}
    generator = gan_cls.build_generator(shape, latent_dim=4, **form, **options)
    return generator, gan_cls.build_discriminator(shape, norm=norm, **form, **options)


def plain_networks():
    z, vector = keras.Input((4,), name="z"), keras.Input((ENCODER.dim,), name="embedding")
    x = keras.layers.Dense(192, "tanh")(keras.layers.Concatenate()([z, vector]))
    generator = keras.Model([z, vector], keras.layers.Reshape(SHAPE)(x))
    return generator, networks(norm="none")[1]


class TestGANINTCLS(GameChecks):
    batch = 4

    def make_game(self, plain=False):
        # Halves of a batch are interpolated: two devices have other halves than one.
        weight = 0.0 if plain else 1.0
        pair = plain_networks() if plain else networks()
        return gan_cls.GANCLS(*pair, encoder=ENCODER, interp_weight=weight, seed=3)

    def make_small_game(self, plain=False):
        if plain:
            return self.make_game(plain=True)
        return gan_cls.GANCLS(
            *networks(residual=False), encoder=ENCODER, interp_weight=1.0, ema_decay=0.9, seed=3
        )

    def examples(self, count):
        random = np.random.RandomState(0)
        texts = random.randint(0, 4, count)
        return {
            "image": random.uniform(-1, 1, (count, *SHAPE)).astype("f4"),
            "text": np.array([TEXTS[row].encode() for row in texts], object),
            "embedding": ENCODER.encode([TEXTS[row] for row in texts]),
            "mismatched_embedding": ENCODER.encode([TEXTS[row - 1] for row in texts]),
        }


def game_of(pair=None, **options):
    game = gan_cls.GANCLS(*(pair or networks(norm="none")), seed=1, **options)
    game.compile("sgd", run_eagerly=True)
    return game


def scoring(game, **logits):
    """A game whose discriminator answers by the first number of the vector it gets."""
    values = list(logits.values())
    game.score = lambda images, text: tf.gather(tf.constant(values), tf.cast(text[:, :1], tf.int32))
    return game


def logit(probability):
    return math.log(probability / (1 - probability))


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_official_parameter_counts():
    """Of the released code at its scale; biases of convolutions, which it zeroes, come on top."""
    generator, discriminator = gan_cls.build_generator(), gan_cls.build_discriminator()
    assert count(generator) == 18_905_472 and count(discriminator) == 4_030_080
    for network, total in ((generator, 18_909_699), (discriminator, 4_032_321)):
        convolutions = [n for n in network.layers if "conv" in type(n).__name__.lower()]
        biases = sum(layer.filters for layer in convolutions)
        assert count(network) + biases == total
        assert not any(layer.use_bias for layer in convolutions)


def test_the_sentence_joins_alike_in_every_place_and_nowhere_else():
    _, discriminator = networks()
    tile = keras.Model(discriminator.inputs, discriminator.get_layer("text_map").output)
    images = tf.random.stateless_uniform((4, *SHAPE), [0, 0], -1.0, 1.0)
    vectors = tf.constant(ENCODER.encode(TEXTS))
    maps = tile([images, vectors]).numpy()
    assert maps.shape[1:3] == (4, 4) and (maps == maps[:, :1, :1]).all()
    assert np.abs(maps[0] - maps[1]).max() > 0
    kernel = discriminator.get_layer("joint").kernel
    zeroed = value(kernel)
    zeroed[:, :, -3:] = 0.0  # the rows of the text
    kernel.assign(zeroed)
    right, wrong = (discriminator([images, v]).numpy() for v in (vectors, vectors[::-1]))
    assert np.array_equal(right, wrong)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9])
def test_undecided_players_lose_what_the_paper_says(weight):
    game = scoring(game_of(cls_weight=weight), all=0.0)
    images, vectors = tf.zeros((4, *SHAPE)), tf.zeros((4, ENCODER.dim))
    batch = {"mismatched_embedding": vectors}
    terms = game.discriminator_terms(images, images, vectors, batch)
    assert float(sum(terms.values())) == pytest.approx(2 * math.log(2), rel=1e-6)
    assert ("mismatched" in terms) == (weight > 0)
    assert float(sum(game.generator_terms(images, vectors).values())) == pytest.approx(
        math.log(2), rel=1e-6
    )


def test_the_terms_of_known_probabilities():
    game = game_of(cls_weight=0.5)
    logits = (tf.constant([[logit(p)]]) for p in (0.9, 0.2, 0.4))
    terms = {k: float(v) for k, v in game.matching_terms(*logits, 0.5).items()}
    expected = {"real": -math.log(0.9), "mismatched": 0.1116, "fake": 0.2554}
    assert terms == pytest.approx(expected, abs=1e-4)
    assert sum(terms.values()) == pytest.approx(0.4723, abs=1e-4)


def test_pairs_of_the_pairing_loss_are_weighted_in_the_same_way():
    game = game_of(pairing=True)
    real, wrong, fake = (tf.constant([[x]]) for x in (1.0, 0.0, -1.0))
    terms = game.matching_terms(real, wrong, fake, 0.25)
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    expected = {"pairs": 0.75 * softplus(-2.0), "mismatched": 0.25 * softplus(-1.0)}
    assert {k: float(v) for k, v in terms.items()} == pytest.approx(expected, rel=1e-5)
    assert set(game.adversarial_names) == {"pairs", "mismatched"}


def test_each_kind_of_pair_has_a_call_of_its_own():
    """Batch norm must not compare real with generated images, nor right with wrong sentences."""
    game, seen = game_of(networks()), []

    def score(images, text):
        seen.append((images.numpy(), text.numpy()))
        return tf.reduce_sum(images, (1, 2, 3))[:, None] + text[:, :1]

    game.score = score
    real, fake = tf.ones((4, *SHAPE)), -tf.ones((4, *SHAPE))
    right, wrong = tf.zeros((4, ENCODER.dim)), tf.ones((4, ENCODER.dim))
    game.discriminator_terms(real, fake, right, {"mismatched_embedding": wrong})
    assert [(int(i[0, 0, 0, 0]), int(t[0, 0])) for i, t in seen] == [(1, 0), (1, 1), (-1, 0)]


def test_a_mismatched_image_keeps_the_sentence_and_is_of_another_class():
    game, seen = game_of(mismatch="image"), []
    assert game.batch_keys == ("image", "embedding")

    def score(images, text):
        seen.append((images.numpy()[:, 0, 0, 0], text.numpy()[:, 0]))
        return text[:, :1]

    game.score = score
    images = tf.ones((4, *SHAPE)) * tf.range(4.0)[:, None, None, None]
    vectors = tf.ones((4, ENCODER.dim)) * tf.range(4.0)[:, None]
    game.discriminator_terms(images, images, vectors, {"label": tf.constant([0, 0, 1, 0])})
    assert seen[1][0].tolist() == [2, 2, 3, 2] and seen[1][1].tolist() == [0, 1, 2, 3]


def test_without_classes_another_image_has_another_sentence():
    vectors = tf.constant([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert gan_cls.other_rows(vectors).numpy().tolist() == [2, 2, 0]
    assert gan_cls.other_rows(vectors[:2]).numpy().tolist() == [0, 1]


def test_interpolated_rows_are_the_middles_of_both_halves():
    game = game_of(interp_weight=1.0)
    vectors = tf.random.stateless_normal((64, ENCODER.dim), [0, 1])
    between = game.interpolated(vectors).numpy()
    assert between.shape == (32, ENCODER.dim)
    np.testing.assert_allclose(between[5], (vectors[5] + vectors[37]) / 2, rtol=1e-6)
    game.interpolation = "random"
    shares = (game.interpolated(vectors) - between) / (vectors[32:] - vectors[:32])
    np.testing.assert_allclose(shares, np.repeat(shares[:, :1], ENCODER.dim, 1), atol=1e-4)
    assert np.abs(shares).max() <= 1.0 and np.std(shares[:, 0]) > 0.3


def test_the_generator_gets_half_a_batch_more_and_the_discriminator_never_does():
    game, seen = game_of(interp_weight=0.5), []

    def score(images, text):
        seen.append(len(images))
        return tf.zeros((len(images), 1))

    game.score = score
    images, vectors = tf.zeros((64, *SHAPE)), tf.zeros((64, ENCODER.dim))
    terms = {k: float(v) for k, v in game.generator_terms(images, vectors).items()}
    # Means over 96: 64 of weight 1 and 32 of weight 1/2.
    expected = {"adversarial": math.log(2) * 64 / 96, "interpolated": math.log(2) * 16 / 96}
    assert seen == [96] and terms == pytest.approx(expected, rel=1e-5)
    seen.clear()
    game.discriminator_terms(images, images, vectors, {"mismatched_embedding": vectors})
    assert seen == [64, 64, 64]


def test_players_meet_different_z():
    game, seen = game_of(), []
    noise = game.noise
    game.noise = lambda shape, salt, *args, **kwargs: seen.append(salt) or noise(shape, salt, *args)
    batch = TestGANINTCLS().examples(4)
    batch.pop("text")
    game.train_step({key: tf.constant(array) for key, array in batch.items()})
    assert len(seen) == len(set(seen)) == 2


@pytest.mark.parametrize("shape", [(16, 16, 3), (32, 32, 1)])
def test_other_sizes_end_at_four_pixels_too(shape):
    generator, discriminator = networks(shape, residual=False, hidden_units=5)
    image = generator([tf.zeros((2, 4)), tf.zeros((2, ENCODER.dim))])
    assert image.shape == (2, *shape)
    assert discriminator([image, tf.zeros((2, ENCODER.dim))]).shape == (2, 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"mismatch": "label"}, "mismatch is 'label'; it must be one of text, image"),
        ({"cls_weight": 1.5}, r"cls_weight is 1.5.*\[0, 1\]"),
        ({"interp_weight": -1.0}, "interp_weight is -1.0"),
        ({"interpolation": "slerp"}, "interpolation is 'slerp'"),
    ],
)
def test_impossible_options_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        gan_cls.GANCLS(*networks(), **arguments)


def test_impossible_networks_are_refused():
    for shape, words in (((48, 48, 3), "32 and 64"), ((64, 32, 3), "square ones")):
        with pytest.raises(InputError, match=words):
            gan_cls.build_generator(shape)
    with pytest.raises(InputError, match="norm is 'layer'"):
        gan_cls.build_discriminator(norm="layer")


class TestStyleEncoder(GameChecks):
    batch = 4
    exported_formats = ("saved_model", "tflite_float32")

    def make_game(self, plain=False):
        game = gan_cls.GANCLS(*plain_networks(), encoder=ENCODER)
        norm = "none" if plain else "batch"
        return gan_cls.StyleEncoder(game, gan_cls.build_style_encoder(SHAPE, 4, 2, norm), seed=3)

    def examples(self, count):
        return TestGANINTCLS().examples(count)

    def test_output_has_the_promised_shape_and_range(self, fresh):
        style, images = fresh(), self.examples(4)["image"]
        drawn = style.transfer(images, "a red circle")
        assert drawn.shape == images.shape and np.abs(drawn).max() <= 1.0
        z = style.run_signature({"image": images})["z"]
        expected = style.game.generate(z=z, text="a red circle")
        np.testing.assert_allclose(drawn, expected, atol=1e-5)


def test_the_style_encoder_finds_z_again_and_leaves_the_generator_alone():
    """A generator that shows z in its pixels, and a linear network that can read it there."""
    z, vector = keras.Input((4,)), keras.Input((ENCODER.dim,))
    x = keras.layers.Dense(192, "tanh", kernel_initializer="orthogonal")(z)
    x = keras.layers.Add()([x, keras.layers.Dense(192, kernel_initializer="zeros")(vector)])
    generator = keras.Model([z, vector], keras.layers.Reshape(SHAPE)(x))
    image = keras.Input(SHAPE)
    network = keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(image)))
    style = gan_cls.StyleEncoder(gan_cls.GANCLS(generator, networks()[1], encoder=ENCODER), network)
    style.compile(style=keras.optimizers.Adam(0.03))
    before = [w.copy() for w in style.generator.get_weights()]
    batch = TestGANINTCLS().examples(16)
    style.fit(tf.data.Dataset.from_tensors(batch).repeat(150), verbose=0, shuffle=False)
    latent = np.random.RandomState(1).normal(size=(200, 4)).astype("f4")
    found = style.run_signature({"image": style.game.generate(z=latent, text="a red circle")})["z"]
    for dimension in range(4):
        assert np.corrcoef(latent[:, dimension], found[:, dimension])[0, 1] > 0.5
    assert all(np.array_equal(a, b) for a, b in zip(before, style.generator.get_weights()))
    with pytest.raises(InputError, match="returns 3 numbers, but z has 4"):
        gan_cls.StyleEncoder(style.game, gan_cls.build_style_encoder(SHAPE, 3, 2))
