"""SRResNet and SRGAN: what every game promises, what is saved and refused, and learning."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks
from small_networks import discriminator
from small_srgan import HIGH, generator, look, pairs

from tfgan_suite import InputError, data
from tfgan_suite.games import srgan
from tfgan_suite.layers.pixel_shuffle import ICNR, PixelShuffle, ShuffledConv2D, SubpixelConv2D
from tfgan_suite.training.optimizers import FusedAdam


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
