"""StyleGAN: sizes of the paper's networks, adaptive instance norm, growth, truncation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError
from tfgan_suite.games import stylegan, stylegan2
from tfgan_suite.layers import style_inputs
from tfgan_suite.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.resizing import NearestUpSampling2D
from tfgan_suite.layers.style_modulation import StyleNormalization
from tfgan_suite.networks import growing, style

SHAPE = (16, 16, 1)


def networks(classes=None, shape=SHAPE):
    return (
        stylegan.build_generator(shape, 5, 6, 2, 16, 4, classes),
        stylegan.build_discriminator(shape, 16, 4, classes=classes),
    )


def small_networks(group_size):
    """Three levels, of one layer of each kind in all."""
    w = keras.Input((6, 4), name="w")
    noise, images, x = [], [], None
    for level, size in enumerate((4, 8, 16)):
        for index in (2 * level, 2 * level + 1):
            noise.append(keras.Input((size, size, 1), name=f"noise_{index}"))
        if x is None:
            x = style_inputs.LearnedConstant((4, 4, 2), "ones")(w)
        else:
            x = NearestUpSampling2D()(x)
        x = style_inputs.NoiseBiasActivation(1.0, True)([x, noise[-2]])
        x = keras.layers.Add()([x, noise[-1]])
        if level < 2:
            numbers = EqualizedDense(4, gain=1.0)(style_inputs.StyleOfLayer(2 * level)(w))
            x = StyleNormalization()([x, numbers])
        images.append(EqualizedConv2D(1, 1, gain=1.0)(x))
    entries = lambda size: EqualizedConv2D(2, 1)  # noqa: E731
    halve = lambda size: keras.layers.AveragePooling2D(2)  # noqa: E731
    flat, logit, deviation = keras.layers.Flatten(), EqualizedDense(1), MinibatchDeviation(2)
    head = lambda x: logit(flat(deviation(x) if group_size else x))  # noqa: E731
    synthesis = keras.Model([w, *noise], images, name="synthesis")
    generator = style.joined(style.build_mapping(6, 3, 4, 1), synthesis)
    return generator, growing.build_growing_discriminator(SHAPE, entries, halve, head, "small")


def game_of(*players, images_shown=24, **options):
    """A game in mid-fade: 16 pixels begin after 8 images and are stable after 32."""
    options = {"r1_weight": 0.5, "seed": 3, **options}
    game = stylegan.StyleGAN(*players, stable_images=8, fade_images=24, **options)
    game.images_shown.assign(images_shown)
    game.begun_phase.assign(game.schedule.phase(images_shown))
    return game


class TestStyleGAN(GameChecks):
    # Four steps of 4 images pass the end of the fade.
    batch = 4
    replicas_rate = 0.01
    exported_formats = ("saved_model", "tflite_float32")

    def make_game(self, plain=False):
        return game_of(*small_networks(0 if plain else 2))

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}

    # The layer from the 4 pixel maps to RGB belongs to a level that training skips.
    test_every_player_gets_finite_gradients_that_are_not_zero = None


def eager(game, rate=0.0):
    sgd = {player: keras.optimizers.SGD(rate) for player in game.players()}
    game.compile(**sgd, run_eagerly=True)
    return game


# ---- the networks -------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_parameters_of_the_papers_networks():
    with pytest.MonkeyPatch.context() as patch:
        # To draw 49 million weights takes longer than to count them.
        patch.setattr(keras.initializers, "RandomNormal", lambda *_: "zeros")
        generator, discriminator = stylegan.build_generator(), stylegan.build_discriminator()
    mapping, synthesis = map(generator.get_layer, ("mapping", "synthesis"))
    assert count(mapping) == 2_101_248
    counts = {
        size: 2_101_248 + count(keras.Model(synthesis.inputs, synthesis.outputs[: level + 1]))
        for level, size in enumerate(growing.level_sizes((1024, 1024, 3)))
    }
    assert counts[1024] == count(generator) == 26_219_627
    assert counts[32] == 22_841_356 and counts[64] == 25_137_935 and counts[128] == 25_843_858
    assert counts[256] == 26_086_229 and counts[512] == 26_179_768
    assert count(discriminator) == 23_087_249


def test_every_variable_of_the_levels_in_use_gets_a_gradient():
    keras.utils.set_random_seed(1)
    game = eager(game_of(*networks(classes=3), classes=3), rate=1.0)
    before = {id(v): value(v) for p in game.players().values() for v in trainable(p)}
    images = np.random.RandomState(1).uniform(-1, 1, (4, *SHAPE)).astype("f4")
    game.train_step({"image": images, "label": np.arange(4, dtype="i4") % 3})
    still = {
        getattr(v, "path", v.name).split(":")[0]
        for p in game.players().values()
        for v in trainable(p)
        if np.array_equal(value(v), before[id(v)])
    }
    # Training skips 4 pixels as a level of its own; the fade from 8 to 16 uses both RGB layers.
    skipped = {
        f"{layer}/{name}" for layer in ("to_rgb_4", "from_rgb_4") for name in ("kernel", "bias")
    }
    assert still == skipped
    # Of a score for each class that of the image's own counts.
    score = game.discriminator_signatures()["score"]
    assert [spec.name for spec in score.inputs] == ["image", "label"]
    scores = [score.call(tf.constant(images), tf.fill([4], n)).numpy() for n in range(3)]
    mixed = score.call(tf.constant(images), tf.constant([2, 0, 1, 2])).numpy()
    np.testing.assert_array_equal(mixed, [scores[2][0], scores[0][1], scores[1][2], scores[2][3]])
    assert not np.allclose(scores[0], scores[1])


def test_styles_of_a_new_generator_leave_its_maps_normalized():
    """AdaIN's scale is s + 1 with s = 0 on average, and its offset starts at 0."""
    keras.utils.set_random_seed(2)
    generator, _ = networks()
    layer = next(
        each
        for each in generator.get_layer("synthesis").layers
        if isinstance(each, StyleNormalization)
    )
    maps = np.random.RandomState(3).normal(3.0, 5.0, (2, 8, 8, 4)).astype("f4")
    outputs = np.array(layer([maps, np.zeros((2, 8), "f4")]))
    np.testing.assert_allclose(outputs.mean((1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(outputs.std((1, 2)), 1.0, atol=1e-4)


@pytest.mark.parametrize("size", [48, 4])
def test_impossible_sizes_are_refused(size):
    for build in (stylegan.build_generator, stylegan.build_discriminator):
        with pytest.raises(InputError, match=f"size {size} is not 4 times a power of 2"):
            build((size, size, 3))
    with pytest.raises(InputError, match="no layers 'mapping'"):
        game_of(networks()[1], networks()[1])


# ---- growth and styles --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def varied():
    keras.utils.set_random_seed(4)
    generator, discriminator = networks()
    draws = np.random.RandomState(5)
    for variable in trainable([generator]):
        variable.assign_add(draws.normal(0, 0.3, variable.shape))
    average = generator.get_layer("mapping").get_layer("styles").average
    average.assign(draws.normal(size=average.shape))
    return generator, discriminator


def test_alpha_of_0_is_the_smaller_image_enlarged(varied):
    game = game_of(*varied, images_shown=8, ema_decay=0.0)
    assert game.level == 1  # 8 pixels
    before = game.generate(3, seed=1)
    game.images_shown.assign(9)
    assert game.level == 2 and float(game.alpha) < 0.05
    np.testing.assert_allclose(game.generate(3, seed=1), before, atol=0.15)
    np.testing.assert_array_equal(before, np.repeat(np.repeat(before[:, ::2, ::2], 2, 1), 2, 2))
    w = game.styles(3, None, "test")
    faded = game.images(w, "test")
    synthesis = stylegan.synthesis_at(game.generator, 2, True)
    old, new = synthesis([w, *game.noise_maps(synthesis, 3, "test")])
    alpha = float(game.alpha)
    expected = (1 - alpha) * growing.enlarge(old, 2) + alpha * new
    np.testing.assert_allclose(faded, expected, atol=1e-5)


def test_crossovers_stay_within_the_layers_of_the_level(varied):
    game = game_of(*varied, images_shown=0, mixing=1.0)
    crossovers = set()
    for _ in range(30):
        w = game.styles(2, None, "test").numpy()
        crossovers |= {n for n in range(1, 6) if not np.array_equal(w[:, n], w[:, n - 1])}
        game.steps.assign_add(1)
    assert crossovers == {1, 2, 3}  # of 4 layers at 8 pixels


def test_psi_of_0_is_the_average_image_and_a_cutoff_leaves_the_later_layers(varied):
    game = game_of(*varied, images_shown=100, ema_decay=0.0)
    z = tf.random.stateless_normal((3, 5), [4, 5])
    run = lambda psi: game.run_signature({"z": z, "psi": np.full(3, psi, "f4")}, "generate")  # noqa: E731
    same = run(0.0)["image"]
    np.testing.assert_allclose(same, np.repeat(same[:1], 3, 0), atol=1e-5)
    np.testing.assert_allclose(run(1.0)["image"], game.generate(z=z), atol=1e-5)
    psi = np.repeat(np.float32([[0.7, 0.7, 1, 1, 1, 1]]), 3, 0)
    w = game.run_signature({"z": z, "psi": psi}, "mapping")["w"]
    plain = np.array(game.mapping(game.generator)(z))
    average = value(game.generator.get_layer("mapping").get_layer("styles").average)
    np.testing.assert_allclose(w[:, 2:], plain[:, 2:], atol=1e-6)
    np.testing.assert_allclose(w[:, :2], average + 0.7 * (plain[:, :2] - average), rtol=1e-4)


def test_r1_is_ten_at_every_step_and_weights_have_the_papers_half_life(varied):
    game = stylegan.StyleGAN(*varied)
    assert (game.regularization.r1_weight, game.regularization.r1_every) == (10.0, 1)
    assert game._ema_decays["generator"] == pytest.approx(0.997784, abs=1e-6)
    assert (
        stylegan2.StyleGAN2(
            *(stylegan2.build_generator((8, 8, 3), 5, 6, 1, 16, 4), varied[1])
        ).regularization.r1_every
        == 16
    )
