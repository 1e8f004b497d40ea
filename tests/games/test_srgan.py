"""SRResNet and SRGAN: official counts, layers by known answers, losses by hand, both stages."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable
from small_networks import discriminator

from tfgan_suite import InputError, compat, data
from tfgan_suite.games import srgan
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.elementwise import PReLU
from tfgan_suite.layers.pixel_shuffle import ICNR, PixelShuffle, ShuffledConv2D, SubpixelConv2D
from tfgan_suite.layers.resizing import BicubicUpSampling2D
from tfgan_suite.measures import checkerboard
from tfgan_suite.networks.super_resolution import UPSAMPLINGS, upsample
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils import bicubic

LOW, HIGH = (6, 6, 3), (24, 24, 3)


def pairs(count, seed=0):
    draws = np.random.RandomState(seed)
    return {
        "low": draws.uniform(-1, 1, (count, *LOW)).astype("f4"),
        "high": draws.uniform(-1, 1, (count, *HIGH)).astype("f4"),
    }


def look():
    """A feature network: one frozen convolution."""
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    network.trainable = False
    return lambda images: [network(images, training=False)]


def generator(norm="batch", **options):
    return srgan.build_generator(3, 4, 4, 1, norm, **options)


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


class EnlargingChecks(GameChecks):
    batch = 4

    def examples(self, count):
        return pairs(count)

    def check_translations(self, game):
        low = pairs(4)["low"]
        made = game.translate(low)
        assert made.shape == (4, *HIGH) and made.dtype == np.float32
        assert np.abs(made).max() <= 1.0 and not np.array_equal(made[0], made[1])
        for batch in (1, 3):
            np.testing.assert_allclose(game.translate(low, batch), made, atol=1e-5)
        assert game.translate(np.zeros((1, 17, 23, 3), "f4")).shape == (1, 68, 92, 3)


BEFORE_NORMS = tuple(f"{name}/bias" for name in ("block_0_first", "block_0_second", "body"))


class TestSRResNet(EnlargingChecks):
    without_gradient = BEFORE_NORMS
    # The small variant below resumes; SRGAN has this generator and exports it.
    test_resuming_equals_never_stopping = None
    test_exports_equal_the_game = None

    def make_game(self, plain=False):
        # Batch statistics of one device's share differ from those of the whole batch.
        return srgan.SRResNet(
            generator("none" if plain else "batch", kernel=3),
            feature_weight=1.0,
            features=look(),
            total_variation_weight=1e-4,
            ema_decay=0.9,
        )

    def make_small_game(self, plain=False):
        return srgan.SRResNet(
            generator("none" if plain else "batch", upsampling="direct", kernel=3),
            feature_weight=1.0,
            features=look(),
            total_variation_weight=1e-4,
            ema_decay=0.9,
        )


class TestSRGAN(EnlargingChecks):
    without_gradient = (*BEFORE_NORMS, *(f"conv_{index}/bias" for index in range(1, 8)))

    def make_game(self, plain=False):
        norm = "none" if plain else "batch"
        return srgan.SRGAN(
            generator(norm, kernel=3),
            srgan.build_discriminator(HIGH, 2, 4, norm=norm),
            features=look(),
            adversarial_weight=0.1,
        )

    def make_small_game(self, plain=False):
        norm = "none" if plain else "batch"
        return srgan.SRGAN(
            generator(norm, upsampling="direct", kernel=3),
            discriminator(norm),
            features=look(),
            adversarial_weight=0.1,
        )


class TestTheSmallVariant(EnlargingChecks):
    """What recipes/srresnet.py plays by default: bicubic plus one sub-pixel convolution."""

    # The step is SRResNet's.
    test_a_players_update_moves_its_own_variables_alone = None
    test_two_replicas_equal_one = None
    test_a_step_in_half_precision_is_finite = None

    def make_game(self, plain=False):
        network = generator("none", upsampling="direct", skip="bicubic", kernel=3)
        return srgan.SRResNet(network, pixel_loss="l1")


# ---- networks --------------------------------------------------------------------------------


def test_the_papers_networks_have_the_papers_numbers_of_weights():
    network = srgan.build_generator()
    assert count(network) == 1_550_659
    assert network.count_params() == 1_554_883  # with the moving statistics of batch norm
    assert count(srgan.build_discriminator()) == 23_565_505


def test_a_generator_takes_images_of_any_size():
    for scale in (2, 3, 4):
        network = srgan.build_generator(1, scale, 2, 1, "none", kernel=3)
        made = network(np.zeros((1, 17, 23, 1), "f4"))
        assert made.shape == (1, 17 * scale, 23 * scale, 1)


def test_a_discriminator_with_a_pool_takes_crops_of_any_size():
    network = srgan.build_discriminator((96, 96, 3), 2, 4, head="pool")
    assert network(np.zeros((2, 33, 40, 3), "f4")).shape == (2, 1)
    assert srgan.build_discriminator((96, 96, 3), 2, 4).input_shape == (None, 96, 96, 3)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_beside_bicubic_the_network_begins_as_bicubic(upsampling):
    keras.utils.set_random_seed(0)
    network = srgan.build_generator(3, 4, 8, 2, "none", upsampling, "bicubic", 3)
    low = np.random.RandomState(0).uniform(-1, 1, (2, 9, 7, 3)).astype("f4")
    smooth = np.stack([bicubic.upscale(one, 4) for one in low])
    difference = network(low).numpy() - smooth
    assert 0 < np.sqrt((difference**2).mean()) < 0.5 * smooth.std()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: srgan.build_generator(scale=5), "2, 3, 4, 8"),
        (lambda: srgan.build_generator(norm="layer"), "batch, none"),
        (lambda: srgan.build_generator(upsampling="bilinear"), "subpixel, icnr, nearest"),
        (lambda: srgan.build_generator(skip="bicubic", output="tanh"), "use 'linear'"),
        (lambda: srgan.build_generator(width=0), "width is 0"),
        (lambda: srgan.build_discriminator(head="flat"), "dense, pool"),
        (lambda: srgan.SRResNet(generator(), pixel_loss="l3"), "mse, l1"),
        (lambda: srgan.SRResNet(generator(), pixel_weight=0.0), "more than 0"),
        (lambda: srgan.SRResNet(generator(), ema_decay=1.0), "ema_decay is 1.0"),
        (lambda: srgan.SRGAN(generator(), None, adversarial_weight=0.0), "SRResNet"),
        (lambda: PixelShuffle(0), "factor is 0"),
        (lambda: PixelShuffle(2)(np.zeros((1, 2, 2, 3), "f4")), "multiple of 4"),
        (lambda: ICNR(2)((3, 3, 4, 6)), "multiple of 4"),
        (lambda: SubpixelConv2D(6, 3, 2), "multiple of 4"),
        (lambda: ShuffledConv2D(3, 4), "odd sides"),
        (lambda: ShuffledConv2D(3, 3)(np.zeros((1, 2, 2, 4), "f4")), "a list of 4"),
        (lambda: ShuffledConv2D(3, 3)([np.zeros((1, 2, 2, 4), "f4")] * 9), "a list of 4"),
    ],
)
def test_impossible_games_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# ---- layers ----------------------------------------------------------------------------------


def test_the_pixel_shuffle_of_eight_channels():
    shuffled = PixelShuffle(2)(np.arange(8, dtype="f4").reshape(1, 1, 1, 8))
    assert shuffled.numpy().tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


@pytest.mark.parametrize(("factor", "side"), [(1, 3), (2, 1), (2, 3), (2, 9), (3, 5), (4, 7)])
def test_the_late_shuffle_is_the_early_one(factor, side):
    """Outputs and all gradients, with the same weights."""
    draw = np.random.RandomState(factor)
    x, filters = draw.normal(size=(2, 5, 4, 3)).astype("f4"), 2 * factor**2
    shapes = [(3, 3, 3, filters), (filters,), (1, 1, 2), (side, side, 2, 3), (3,)]
    weights = [draw.normal(size=shape).astype("f4") for shape in shapes]
    early = [
        Conv2D(filters, 3, padding="same"), PixelShuffle(factor), PReLU(),
        Conv2D(3, side, padding="same"),
    ]  # fmt: skip
    late = [SubpixelConv2D(filters, 3, factor, padding="same"), PReLU(),
            ShuffledConv2D(3, side, factor)]  # fmt: skip
    cotangent = draw.normal(size=(2, 5 * factor, 4 * factor, 3)).astype("f4")
    found = []
    for layers in (early, late):
        maps = image = keras.Input(x.shape[1:])
        for layer in layers:
            parts = isinstance(maps, list) and isinstance(layer, PReLU)
            maps = [layer(part) for part in maps] if parts else layer(maps)
        model = keras.Model(image, maps)
        assert model.output_shape == (None, 5 * factor, 4 * factor, 3)
        model.set_weights(weights)
        variables = [compat.tensor_variable(variable) for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(cotangent * (made := model(x, training=True)))
        found.append([made, model(x), *tape.gradient(loss, variables)])
    for one, other in zip(*found):
        scale = np.abs(one).max()
        np.testing.assert_allclose(one / scale, other / scale, atol=2e-6)
    for layer in late:
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


def test_icnr_begins_with_even_blocks():
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 4))
    network = keras.Model(image, upsample(image, 5, 2, "icnr", "up"))
    made = network(np.random.RandomState(0).normal(size=(2, 6, 7, 4)).astype("f4")).numpy()
    blocks = made.reshape(2, 6, 2, 7, 2, 5)
    np.testing.assert_allclose(np.ptp(blocks, axis=(2, 4)), 0.0, atol=1e-6)
    assert made.std() > 0.1
    again = ICNR.from_config(ICNR(2, "he_normal").get_config())
    kernel = np.asarray(again((3, 3, 2, 8)))
    assert all(np.array_equal(kernel[..., :2], kernel[..., i : i + 2]) for i in (2, 4, 6))


@pytest.mark.parametrize("kind", ["subpixel", "icnr", "nearest", "transposed"])
def test_which_layers_draw_a_checkerboard(kind):
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 8))
    network = keras.Model(image, upsample(image, 3, 2, kind, "up"))
    found = checkerboard.score(network(np.ones((1, 16, 16, 8), "f4")).numpy(), 2)
    if kind in ("icnr", "nearest"):
        assert found < 1e-6
    else:
        assert found > 0.05


def test_overlaps_of_transposed_convolutions():
    """Sums of all-ones kernels on an even input, and what the layer itself gives."""
    for kernel, expected in ((3, {1, 2, 4}), (4, {4}), (5, {4, 6, 9})):
        counts = checkerboard.overlaps(kernel, 2)
        assert set(counts.ravel().tolist()) == expected
        layer = keras.layers.Conv2DTranspose(1, kernel, 2, "same", kernel_initializer="ones")
        made = np.asarray(layer(np.ones((1, 8, 8, 1), "f4")))[0, 6:10, 6:10, 0]
        assert set(made.ravel().tolist()) == {float(n) for n in expected}


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_the_bicubic_layer_is_matlabs_up_to_the_edges(factor):
    images = np.random.RandomState(0).uniform(-1, 1, (2, 7, 5, 3)).astype("f4")
    made = BicubicUpSampling2D(factor)(images).numpy()
    expected = np.stack([bicubic.upscale(one, factor) for one in images])
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_prelu_and_its_gradients_are_keras():
    x = np.random.RandomState(0).normal(size=(2, 3, 4, 5)).astype("f4")
    layer = PReLU(initial_alpha=0.25)
    layer.build(x.shape)
    slopes = np.linspace(-0.5, 1.5, 5).reshape(1, 1, 5).astype("f4")
    layer.set_weights([slopes])
    weights = tf.constant(np.random.RandomState(1).normal(size=x.shape), tf.float32)
    found = []
    for training in (True, False):
        given = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(given)
            made = layer(given, training=training)
            loss = tf.reduce_sum(made * weights)
        variable = compat.tensor_variable(layer.trainable_variables[0])
        found.append([made, *tape.gradient(loss, [given, variable])])
    np.testing.assert_allclose(found[0][0], np.where(x > 0, x, x * slopes), atol=1e-6)
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, atol=1e-5)
    again = PReLU.from_config(layer.get_config())
    assert again.initial_alpha == 0.25 and list(again.shared_axes) == [1, 2]


# ---- losses ----------------------------------------------------------------------------------


def tensors(shift):
    high = tf.constant(pairs(2)["high"]) * 0.5
    return high, high + shift


@pytest.mark.parametrize("kind, expected", [("mse", 2 * 0.0625), ("l1", 2 * 0.25)])
def test_the_pixel_loss(kind, expected):
    game = srgan.SRResNet(generator(), pixel_loss=kind, pixel_weight=2.0)
    assert float(game.content_terms(*tensors(0.25))["pixel"]) == pytest.approx(expected, rel=1e-4)
    assert float(game.content_terms(*tensors(0.0))["pixel"]) == 0.0


def features_only(**options):
    return srgan.SRResNet(
        generator(), pixel_weight=0.0, feature_weight=1.0, features=lambda x: [x], **options
    )


def test_the_feature_loss_and_its_rescaling():
    plain = features_only(feature_scale=1.0).content_terms(*tensors(0.5))["features"]
    assert float(plain) == pytest.approx(0.25, rel=1e-5)
    scaled = features_only().content_terms(*tensors(0.5))["features"]
    assert float(scaled / plain) == pytest.approx(0.0061515, abs=5e-8)
    summed = features_only(feature_reduction="sum_channels").content_terms(*tensors(0.5))[
        "features"
    ]
    assert float(summed / scaled) == pytest.approx(3.0, rel=1e-5)
    assert float(features_only().content_terms(*tensors(0.0))["features"]) == 0.0


def test_the_losses_of_several_maps_are_added():
    game = features_only(feature_scale=1.0)
    game.use_features(lambda x: [x, 2 * x])
    found = game.content_terms(*tensors(0.5))["features"]
    assert float(found) == pytest.approx(0.25 + 1.0, rel=1e-5)


def test_total_variation_is_a_sum_over_an_image():
    game = srgan.SRResNet(generator(), total_variation_weight=0.5)
    step = np.zeros((2, *HIGH), "f4")
    step[:, :, 12:] = 1.0  # one edge of 24 rows, 3 channels
    found = game.content_terms(tf.constant(step), tf.constant(step))["variation"]
    assert float(found) == pytest.approx(0.5 * 24 * 3)


def test_without_features_a_game_opens_but_does_not_train():
    game = srgan.SRResNet(generator(), feature_weight=1.0)
    assert game.translate(pairs(1)["low"]).shape == (1, *HIGH)
    with pytest.raises(InputError, match="no feature network"):
        game.content_terms(*tensors(0.1))
    game.build_features(lambda: lambda x: [x])
    assert float(game.content_terms(*tensors(0.1))["features"]) > 0


class Says(keras.layers.Layer):
    """Answers the same for every image."""

    def __init__(self, logit, **kwargs):
        super().__init__(**kwargs)
        self.logit = logit

    def call(self, inputs):
        return tf.zeros_like(inputs[:, 0, 0, :1]) + self.logit


@pytest.mark.parametrize("logit", [0.0, 1.5])
def test_the_adversarial_losses(logit):
    image = keras.Input((None, None, 3))
    discriminator = keras.Model(image, Says(logit)(image))
    game = srgan.SRGAN(generator(), discriminator, feature_weight=0.0, pixel_weight=1.0)
    high, made = tensors(0.5)
    terms = game.discriminator_terms(high, made)
    assert float(terms["real"]) == pytest.approx(math.log1p(math.exp(-logit)), rel=1e-5)
    assert float(terms["fake"]) == pytest.approx(math.log1p(math.exp(logit)), rel=1e-5)
    generator_terms = game.generator_terms(high, made)
    assert set(generator_terms) == {"pixel", "adversarial"}
    assert float(generator_terms["adversarial"]) == pytest.approx(
        1e-3 * math.log1p(math.exp(-logit)), rel=1e-5
    )


def test_frozen_features_are_in_no_checkpoint(tmp_path):
    game = srgan.SRResNet(generator(), feature_weight=1.0, features=look())
    path = tf.train.Checkpoint(game=game).save(str(tmp_path / "ckpt"))
    shapes = [tuple(shape) for _, shape in tf.train.list_variables(path)]
    assert (9, 9, 3, 4) in shapes and (3, 3, 3, 4) not in shapes


@pytest.mark.parametrize(
    "batch, message",
    [
        ({"image": 1}, "keys \\['image'\\]"),
        (np.zeros((2, 6, 6, 3), "f4"), "single images"),
    ],
)
def test_other_batches_are_refused(batch, message):
    from tfgan_suite.core.super_resolution_game import low_and_high

    with pytest.raises(InputError, match=message):
        low_and_high(batch)


def test_originals_of_another_scale_are_refused():
    game = srgan.SRResNet(generator())
    with pytest.raises(InputError, match="outputs images of 24x24x3, .* are 12x12x3"):
        game.content_terms(tf.zeros((2, 12, 12, 3)), tf.zeros((2, *HIGH)))


def test_a_page_shows_four_columns():
    game = srgan.SRResNet(generator())
    grid = game.preview(pairs(2))
    factor = grid.shape[1] // (4 * 26 + 2)
    assert grid.shape == ((2 * 26 + 2) * factor, (4 * 26 + 2) * factor, 3)


# ---- learning --------------------------------------------------------------------------------


@pytest.mark.large
def test_the_small_network_beats_bicubic_within_500_steps():
    keras.utils.set_random_seed(0)
    source = data.load_super_resolution("scenes")
    network = srgan.build_generator(3, 4, 32, 4, "none", "direct", "bicubic", 3)
    game = srgan.SRResNet(network, pixel_loss="l1")
    game.compile(generator=FusedAdam(1e-3))
    batches = source.batches(16, seed=0, horizontal_flip=True)
    game.fit(batches, steps_per_epoch=500, verbose=0, shuffle=False)
    examples = source.held_out(40)
    found = source.report(examples, game.translate(examples["low"]))
    assert found["gain"] >= 0.2


def test_a_generator_of_subpixel_layers_comes_back_from_a_file(tmp_path):
    network = generator("none", kernel=3)
    network.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    low = pairs(1)["low"]
    np.testing.assert_array_equal(loaded(low), network(low))
