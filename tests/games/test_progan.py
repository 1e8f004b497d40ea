"""ProGAN: networks that grow, fades, the losses, and what is saved of growth."""

import keras
import numpy as np
import pytest
from harness import GameChecks, trainable

from tfgan_suite.games import progan
from tfgan_suite.layers.elementwise import ChannelBias
from tfgan_suite.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.normalization import PixelNormalization
from tfgan_suite.layers.resizing import NearestUpSampling2D
from tfgan_suite.networks import growing
from tfgan_suite.utils.growth_schedule import GrowthSchedule

SHAPE = (8, 8, 1)
SMALL = {"fmap_base": 32, "fmap_max": 8}


def networks(shape=SHAPE, classes=None, group_size=4, latent_dim=8, **sizes):
    sizes = {**SMALL, **sizes}
    return (
        progan.build_generator(shape, latent_dim=latent_dim, classes=classes, **sizes),
        progan.build_discriminator(shape, group_size=group_size, classes=classes, **sizes),
    )


def small_networks(classes, group_size):
    """Two levels of one layer of each kind."""
    z = keras.Input((3,), name="z")
    x = keras.layers.Reshape((4, 4, 2))(EqualizedDense(32, use_bias=False)(z))
    x = PixelNormalization()(ChannelBias()(x))
    images = [EqualizedConv2D(1, 1, gain=1.0)(x)]
    images.append(EqualizedConv2D(1, 1, gain=1.0)(NearestUpSampling2D()(x)))
    entries = lambda size: EqualizedConv2D(2, 1)  # noqa: E731
    halve = lambda size: keras.layers.AveragePooling2D(2)  # noqa: E731
    flat, score, deviation = keras.layers.Flatten(), EqualizedDense(1), MinibatchDeviation()
    head = lambda x: score(flat(deviation(x) if group_size else x))  # noqa: E731
    return keras.Model(z, images), growing.build_growing_discriminator(
        SHAPE, entries, halve, head, "small"
    )


def fading(images_shown=24, classes=None, group_size=4, build=networks, **options):
    """A game in mid-fade: level 1 begins after 8 images and is stable after 32."""
    game = progan.ProGAN(
        *build(classes=classes, group_size=group_size),
        stable_images=8,
        fade_images=24,
        classes=classes,
        seed=3,
        **options,
    )
    game.images_shown.assign(images_shown)
    game.begun_phase.assign(game.schedule.phase(images_shown))
    return game


class TestProGAN(GameChecks):
    # Four steps of 4 images pass the end of the fade.
    batch = 4
    replicas_rate = 0.01

    def make_game(self, plain=False):
        return fading(group_size=0 if plain else 4)

    def make_small_game(self, plain=False):
        return fading(group_size=0 if plain else 4, build=small_networks)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestWithLabels(TestProGAN):
    # The step and the layers are those of the game without labels.
    test_keras_evaluates_and_saves_it = None
    test_a_step_in_half_precision_is_finite = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        return fading(classes=3)

    def examples(self, count):
        return {**super().examples(count), "label": np.arange(count, dtype="i4") % 3}


# ---- the networks -------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.fixture(scope="module")
def papers_counts():
    """Trainable numbers of the paper's networks up to each size, generator and discriminator."""
    with pytest.MonkeyPatch.context() as patch:
        # To draw 46 million weights takes longer than to count them.
        patch.setattr(keras.initializers, "RandomNormal", lambda *_: "zeros")
        generator, discriminator = progan.build_generator(), progan.build_discriminator()
    return {
        size: (
            count(keras.Model(generator.inputs, generator.outputs[: level + 1])),
            count(keras.Model(discriminator.inputs, discriminator.outputs[: level + 1])),
        )
        for level, size in enumerate(growing.level_sizes(1024))
    }


def test_parameters_of_the_papers_networks(papers_counts):
    assert papers_counts == {
        4: (6_556_163, 6_561_793),
        8: (11_277_318, 11_283_457),
        16: (15_998_473, 16_005_121),
        32: (20_719_628, 20_726_785),
        64: (22_490_383, 22_498_049),
        128: (22_933_394, 22_941_313),
        256: (23_044_309, 23_052_353),
        512: (23_072_120, 23_080_225),
        1024: (23_079_115, 23_087_249),
    }


@pytest.mark.parametrize(
    "size, expected",
    [(16, (250_825, 251_649)), (32, (324_876, 325_761)), (64, (352_687, 353_633))],
)
def test_parameters_of_small_networks(size, expected):
    sizes = {"fmap_base": 1024, "fmap_max": 64, "latent_dim": 64}
    assert tuple(map(count, networks((size, size, 3), **sizes))) == expected


# ---- growth -------------------------------------------------------------------------------------


def test_the_papers_schedule():
    """Levels of detail left at 1024 pixels, 600,000 images a half phase (the code's examples)."""
    schedule = GrowthSchedule(9, 600_000, 600_000)
    for thousands, lod in (
        (0, 8), (600, 8), (900, 7.5), (1200, 7), (9000, 1), (9300, 0.5), (9600, 0), (20_000, 0),
    ):  # fmt: skip
        images = 1000 * thousands
        level = schedule.level(images)
        alpha = float(schedule.alpha(images, level))
        assert 8 - level + 1 - alpha == pytest.approx(lod), thousands
    assert 4 << schedule.level(900_000) == 8
    assert [schedule.phase(1000 * k) for k in (0, 600, 601, 1199, 1200, 1801, 9600)] == [
        0, 0, 1, 1, 2, 3, 16,
    ]  # fmt: skip
