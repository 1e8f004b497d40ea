"""R3GAN: pairs with both penalties, the plain ResNets, schedules, labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.games import r3gan
from tfgan_suite.layers import grouped_convolution
from tfgan_suite.layers.basis import BasisProjection, LearnedBasis
from tfgan_suite.layers.blur import BlurDownSampling2D, BlurUpSampling2D
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.utils.schedules import CosineSchedule, HalfLifeDecay

SHAPE = (8, 8, 1)
# Depthwise convolutions: 8 groups of one channel.
SMALL = {"width": 4, "cardinality": 8, "blocks_per_stage": 1}


def networks(shape=SHAPE, classes=None, latent_dim=6, **sizes):
    sizes = {**SMALL, **sizes}
    generator = r3gan.build_generator(shape, classes=classes, latent_dim=latent_dim, **sizes)
    return generator, r3gan.build_discriminator(shape, classes=classes, **sizes)


def zero_kernels(network):
    """The last convolution of each block, which starts at 0."""
    return [v for v in trainable([network]) if not np.any(value(v)) and len(v.shape) == 4]


def fill(network):
    """Leaves the state in which blocks are the identity and pass no gradient to their insides."""
    draws = np.random.RandomState(5)
    for variable in zero_kernels(network):
        variable.assign(draws.normal(0, 0.2, variable.shape))
    return network


def scheduled(*players, **options):
    return r3gan.R3GAN(
        *players,
        gamma=CosineSchedule(0.5, 0.05, 3),
        ema_decay=HalfLifeDecay(CosineSchedule(0.0, 4.0, 3)),
        seed=3,
        **options,
    )


def small_networks():
    """One layer of each kind."""
    z, image = keras.Input((6,)), keras.Input(SHAPE)
    x = BlurUpSampling2D()(LearnedBasis((4, 4))(Dense(2, use_bias=False)(z)))
    generator = keras.Model(z, Conv2D(1, 1)(x))
    x = Conv2D(4, 3, padding="same", groups=4, activation="tanh")(Conv2D(4, 1)(image))
    x = BasisProjection()(BlurDownSampling2D()(x))
    return generator, keras.Model(image, Dense(1)(x))


class TestR3GAN(GameChecks):
    batch = 4
    replicas_rate = 0.01

    def make_game(self, plain=False):
        return scheduled(*map(fill, networks()))

    def make_small_game(self, plain=False):
        return scheduled(*small_networks())

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestWithLabels(TestR3GAN):
    # The step and the layers with a state are those of the game without labels; `test_cgan.py`
    # exports a generator with labels.
    test_a_step_in_half_precision_is_finite = None
    test_exports_equal_the_game = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        return scheduled(*map(fill, networks(classes=3)), classes=3)

    def examples(self, count):
        return {**super().examples(count), "label": np.arange(count, dtype="i4") % 3}


class TestPoints(GameChecks):
    plain_differs = False
    test_a_step_in_half_precision_is_finite = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        sizes = {"architecture": "mlp", "width": 8}
        return r3gan.R3GAN(*networks((2,), latent_dim=3, **sizes), gamma=0.1, seed=3)

    def examples(self, count):
        return {"point": np.random.RandomState(0).uniform(-1, 1, (count, 2)).astype("f4")}


# ---- the losses ---------------------------------------------------------------------------------


def linear_game(weights, gamma=0.0, **options):
    """D(x) = <w, x> and G(z) = z on points."""
    point, z = keras.Input((2,)), keras.Input((2,))
    head, identity = keras.layers.Dense(1, use_bias=False), keras.layers.Dense(2, use_bias=False)
    players = keras.Model(z, identity(z)), keras.Model(point, head(point))
    head.set_weights([np.reshape(np.float32(weights), (2, 1))])
    identity.set_weights([np.eye(2, dtype="f4")])
    game = r3gan.R3GAN(*players, gamma=gamma, **options)
    game.compile(
        generator=keras.optimizers.SGD(0.0),
        discriminator=keras.optimizers.SGD(0.0),
        run_eagerly=True,
    )
    return game


@pytest.mark.parametrize("gap, expected", [(0.0, 0.6931), (1.0, 0.3133)])
def test_losses_of_a_gap(gap, expected):
    """Of D: softplus(-gap); of G: softplus(gap), where the fake stands below its partner."""
    game = linear_game([1.0, 0.0])
    real, fake = tf.constant([[gap, 5.0]] * 3), tf.zeros((3, 2))
    pairs = game.discriminator_terms(real, fake)["pairs"]
    assert float(pairs) == pytest.approx(expected, abs=1e-4)
    generator = game.generator_terms(fake, real)["adversarial"]
    assert float(generator) == pytest.approx(np.log1p(np.exp(gap)), rel=1e-5)


def test_the_loss_depends_on_who_is_paired_with_whom():
    """Swapping two fakes changes it; a loss against the mean of the batch would stay."""
    game = linear_game([1.0, 0.0])
    real, fake = tf.constant([[0.0, 0.0], [3.0, 0.0]]), tf.constant([[1.0, 0.0], [2.0, 0.0]])
    losses = [
        float(game.discriminator_terms(real, partners)["pairs"])
        for partners in (fake, tf.reverse(fake, [0]))
    ]
    by_hand = [np.log1p(np.exp([1.0, -1.0])).mean(), np.log1p(np.exp([2.0, -2.0])).mean()]
    np.testing.assert_allclose(losses, by_hand, rtol=1e-6)


def test_both_penalties_of_a_linear_discriminator_follow_gamma():
    """Together gamma |w|^2, |w|^2 = 25; gamma falls from 0.5 to 0.05 in two steps."""
    game = linear_game([3.0, 4.0], gamma=CosineSchedule(0.5, 0.05, 2))
    points = tf.zeros((3, 2))
    for gamma in (0.5, 0.275, 0.05, 0.05):
        terms = game.discriminator_terms(points, points)
        assert float(terms["r1"]) == pytest.approx(gamma / 2 * 25, rel=1e-5)
        assert float(terms["r2"]) == pytest.approx(gamma / 2 * 25, rel=1e-5)
        game.steps.assign_add(1)


def test_each_player_gets_noise_of_its_own():
    seen = []

    class Spy(r3gan.R3GAN):
        def fakes(self, latent, label):
            seen.append(latent.numpy())
            return super().fakes(latent, label)

    game = Spy(*networks((2,), architecture="mlp", width=4))
    game.compile(
        generator=keras.optimizers.SGD(), discriminator=keras.optimizers.SGD(), run_eagerly=True
    )
    game.fit(np.zeros((8, 2), "f4"), batch_size=4, verbose=0, shuffle=False)
    assert len(seen) == 4 and len({draw.tobytes() for draw in seen}) == 4


# ---- the networks -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def initial():
    """Networks of two sizes of maps as they start: generator, discriminator."""
    keras.utils.set_random_seed(1)
    sizes = {"width": 16, "cardinality": 4, "blocks_per_stage": 2}
    return networks((16, 16, 3), latent_dim=8, **sizes)


def test_blocks_start_as_the_identity_and_both_networks_as_linear_maps(initial):
    generator, discriminator = initial
    images = tf.random.stateless_normal((2, 16, 16, 3), [1, 2])
    first, second, third = select_outputs(discriminator, [f"features_{n}" for n in range(3)])(
        images
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[:, :8, :8], third)
    z = tf.random.stateless_normal((2, 8), [3, 4])
    np.testing.assert_allclose(generator(3 * z), 3 * generator(z), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(discriminator(-images), -discriminator(images), rtol=1e-4)


def test_the_insides_of_a_block_learn_from_the_second_step_on():
    """At first only the last convolution gets a gradient, as it is 0."""
    keras.utils.set_random_seed(2)
    game = r3gan.R3GAN(*networks())
    game.compile(
        generator=keras.optimizers.SGD(0.1),
        discriminator=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    block = [layer for layer in game.generator.layers if "conv2d" in layer.name][:3]
    moved = []
    for _ in range(2):
        before = [value(layer.kernel) for layer in block]
        game.train_step(tf.random.stateless_uniform((4, *SHAPE), [5, 6], -1.0, 1.0))
        moved.append([not np.array_equal(value(b.kernel), a) for a, b in zip(before, block)])
    assert moved == [[False, False, True], [True, True, True]]


def test_initial_weights_have_the_papers_spread():
    """gain / sqrt(fan_in), gain sqrt(2 / 1.04) L^(-1/4) inside the L = 8 blocks, 1 elsewhere."""
    keras.utils.set_random_seed(3)
    generator = r3gan.build_generator((32, 32, 3), width=64, cardinality=8)
    kernels = [value(layer.kernel) for layer in generator.layers if hasattr(layer, "kernel")]
    linear, expand, grouped, last = kernels[:4]
    assert np.std(linear) == pytest.approx(64**-0.5, rel=0.05)
    inside = np.sqrt(2 / 1.04) * 8**-0.25
    assert np.std(expand) == pytest.approx(inside / 8, rel=0.05)
    assert grouped.shape == (3, 3, 16, 128)
    assert np.std(grouped) == pytest.approx(inside / 12, rel=0.05)
    assert not last.any()
    assert np.std(kernels[-1]) == pytest.approx(1 / 8, rel=0.15)
    assert np.std(value(generator.get_layer("basis").basis)) == pytest.approx(1, rel=0.1)
    # The features start at spread 1; interpolation of a random basis takes some of it.
    z = tf.random.stateless_normal((64, 64), [1, 1])
    adds = [layer.name for layer in generator.layers if isinstance(layer, keras.layers.Add)]
    spread = [float(np.std(maps)) for maps in select_outputs(generator, adds[::2])(z)]
    np.testing.assert_allclose(spread, interpolated_spread(4), rtol=0.1)
    assert all(0.35 < each < 1.1 for each in spread)


def interpolated_spread(stages):
    """Standard deviation of white noise of 4x4 pixels after each doubling with 1 3 3 1."""
    line, spread = np.eye(4), []
    for _ in range(stages):
        spread.append(np.mean((line @ line.T).diagonal()))
        up = np.zeros((2 * len(line), len(line)))
        for pixel in range(len(line)):
            for offset, weight in zip(range(-1, 3), (0.25, 0.75, 0.75, 0.25)):
                if 0 <= 2 * pixel + offset < len(up):
                    up[2 * pixel + offset, pixel] = weight
        line = up @ line
    return spread  # the square root of a square: rows and columns alike


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def block_parameters(width, groups):
    expanded = 2 * width
    return 2 * width * expanded + 9 * expanded * expanded // groups + 2 * expanded


@pytest.mark.parametrize(
    "size, stages",
    [
        (32, [(768, 96)] * 4),
        # FFHQ: half the channels and half the groups at each doubling above 32 pixels.
        (256, [(768, 96)] * 4 + [(384, 48), (192, 24), (96, 12)]),
    ],
)
def test_parameters_at_the_papers_scale(monkeypatch, size, stages):
    monkeypatch.setattr(r3gan, "_normal", lambda gain: "zeros")
    # On CPUs, 96 groups are 96 convolutions: one operation is enough to count by.
    native = lambda x, w, strides, padding, *_: tf.nn.conv2d(x, w, strides, padding)  # noqa: E731
    monkeypatch.setattr(grouped_convolution, "convolution", native)
    blocks = sum(2 * block_parameters(*stage) for stage in stages)
    widths = [width for width, _ in stages]
    transitions = sum(a * b for a, b in zip(widths, widths[1:]) if a != b)
    ends = 3 * widths[-1] + 16 * 768
    shape = (size, size, 3)
    assert count(r3gan.build_generator(shape)) == blocks + transitions + ends + 64 * 768
    assert count(r3gan.build_discriminator(shape)) == blocks + transitions + ends + 768


@pytest.mark.parametrize(
    "size, crop, stages",
    [
        (32, True, [(4, 32, 8), (8, 16, 4), (16, 8, 2), (32, 4, 1)]),
        (28, True, [(4, 32, 8), (7, 16, 4), (14, 8, 2), (28, 4, 1)]),
        (28, False, [(7, 16, 4), (14, 8, 2), (28, 4, 1)]),
    ],
)
def test_channels_and_groups_are_halved_above_the_size_of_the_full_width(size, crop, stages):
    """From 4 pixels on, 7 are one doubling above; inside a block there are twice the channels."""
    shape = (size, size, 3)
    sizes = {
        "width": 32, "cardinality": 8, "blocks_per_stage": 1, "full_width_size": 4, "crop": crop
    }  # fmt: skip
    generator, discriminator = networks(shape, **sizes)
    for network, expected in ((generator, stages), (discriminator, stages[::-1])):
        found = [
            (layer.output.shape[1], layer.output.shape[3], layer.groups)
            for layer in network.layers
            if isinstance(layer, Conv2D) and layer.kernel_size == (3, 3)
        ]
        assert found == [(side, 2 * channels, groups) for side, channels, groups in expected]


@pytest.mark.parametrize("size, margin", [(10, (1, 2)), (12, (1, 1)), (14, (0, 1))])
def test_cropped_maps_are_the_middle_of_larger_ones(size, margin):
    """5, 6 or 7 of 8 rows: the discriminator puts zeros where the generator cropped."""
    generator, discriminator = networks((size, size, 3), width=8, cardinality=2, crop=True)
    crop = next(x for x in generator.layers if isinstance(x, keras.layers.Cropping2D))
    zeros = next(x for x in discriminator.layers if isinstance(x, keras.layers.ZeroPadding2D))
    assert crop.cropping == zeros.padding == (margin, margin)
    assert crop.output.shape[1:3] == zeros.input.shape[1:3] == (size // 2, size // 2)
    assert [layer.size for layer in generator.layers if layer.name == "basis"] == [(4, 4)]
    assert r3gan.may_crop(size) and not r3gan.may_crop(16)


def test_a_stage_sees_4x4_maps_whole_but_not_7x7_ones():
    for crop, whole in ((True, True), (False, False)):
        generator, _ = networks((28, 28, 1), width=8, cardinality=1, blocks_per_stage=2, crop=crop)
        for weights in generator.trainable_variables:  # the last convolutions start at 0
            weights.assign(tf.random.stateless_uniform(weights.shape, [1, 2]))
        start = generator.get_layer("basis").output
        blocks = [layer for layer in generator.layers if isinstance(layer, keras.layers.Add)]
        maps = tf.ones((1, *start.shape[1:]))
        with tf.GradientTape() as tape:
            tape.watch(maps)
            pixel = tf.reduce_sum(keras.Model(start, blocks[1].output)(maps)[:, 1, 1])
        slope = np.abs(tape.gradient(pixel, maps)).sum((0, 3))
        assert slope.max() > 0 and (slope > 0).all() == whole


def test_labels_add_a_table_and_a_projection():
    plain, labelled = networks(), networks(classes=3)
    # 6 numbers per class, which double what enters the basis; 4 per class and a square at the end.
    assert count(labelled[0]) - count(plain[0]) == 3 * 6 + 6 * 4
    assert count(labelled[1]) - count(plain[1]) == 3 * 4 + 4 * 4 - 4


def test_the_logit_is_the_inner_product_of_features_and_the_class():
    _, discriminator = networks(classes=3)
    images = tf.random.stateless_normal((2, *SHAPE), [1, 2])
    features, table = discriminator.get_layer("logit").input
    ends = keras.Model(discriminator.inputs, [features, table])
    for label in range(3):
        inputs = [images, tf.fill((2,), label)]
        vectors, row = ends(inputs)
        expected = np.sum(np.array(vectors) * np.array(row), 1, keepdims=True)
        np.testing.assert_allclose(discriminator(inputs), expected, rtol=1e-4, atol=1e-6)
        kernel = next(v for v in trainable([discriminator]) if tuple(v.shape) == (3, 4))
        np.testing.assert_allclose(row[0], value(kernel)[label], rtol=1e-6)


def test_generated_images_are_clipped_where_they_are_shown():
    generator, discriminator = networks()
    generator.layers[-1].set_weights([100 * w for w in generator.layers[-1].get_weights()])
    game = r3gan.R3GAN(generator, discriminator)
    z = tf.random.stateless_normal((4, 6), [1, 2])
    shown = game.generate(z=z)
    assert np.abs(generator(z)).max() > 2 and np.abs(shown).max() == 1.0
    np.testing.assert_array_equal(shown, np.clip(generator(z), -1, 1))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"architecture": "conv"}, "resnet, mlp"),
        ({"width": 20, "cardinality": 96}, "40 channels in 96 groups"),
        ({"cardinality": 0}, "cardinality is 0"),
        ({"blocks_per_stage": 0}, "blocks_per_stage is 0"),
        ({"full_width_size": 0}, "full_width_size is 0"),
        ({"classes": 0}, "classes is 0"),
        ({"shape": (50, 50, 3)}, "size 50"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    for build in (r3gan.build_generator, r3gan.build_discriminator):
        with pytest.raises(InputError, match=said):
            build(**arguments)


def test_impossible_games_are_refused():
    for arguments, said in (
        ({"gamma": -1.0}, "r1_weight is -1"),
        ({"classes": 0}, "classes is 0"),
        ({"label_smoothing": 0.1}, "no probabilities"),
        ({"rate": 1.0}, "unknown arguments"),
    ):
        with pytest.raises(InputError, match=said):
            linear_game([1.0, 0.0], **arguments)
