"""pix2pix: log 2 at the start, exact pixel losses, conditioning, exports."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, snapshot, trainable, value
from small_networks import discriminator
from tiny_pix2pix import SHAPE, compiled, pairs, tiny

from tfgan_suite import InputError, data
from tfgan_suite.export import export
from tfgan_suite.games import pix2pix
from tfgan_suite.networks import translators
from tfgan_suite.training.optimizers import FusedAdam


class TestPix2Pix(GameChecks):
    traces_half_precision = True
    batch = 4

    def make_game(self, plain=False):
        return tiny(ema_decay=0.9, keep_dropout=True)

    def make_small_game(self, plain=False):
        # Batch statistics of one device's share differ from those of the whole batch.
        norm = "instance" if plain else "batch"
        generator = translators.build_unet(SHAPE, width=2, depth=2, norm=norm)
        critic = discriminator(norm, channels=6)
        return pix2pix.Pix2Pix(generator, critic, ema_decay=0.9, keep_dropout=True, seed=3)

    def examples(self, count):
        return pairs(count)

    def test_versions_are_exported_to_every_format(self, exported):
        game, result = exported
        report = json.loads((result.path / "parity.json").read_text())["signatures"]
        assert report["varied"]["tflite_float32"]["max_difference"] <= 1e-4
        assert report["varied"]["tflite_int8"]["psnr"] > 15
        loaded = tf.saved_model.load(str(result.path)).signatures["varied"]
        # A size that is no multiple of 16: continued inside, and cut back.
        images = tf.constant(np.random.RandomState(1).uniform(-1, 1, (2, 20, 30, 3)), tf.float32)
        (found,) = loaded(image=images, variant=tf.constant([4, 9])).values()
        assert found.shape == images.shape
        expected = game.signatures()["varied"].call(image=images, variant=tf.constant([4, 9]))
        np.testing.assert_allclose(found, expected, atol=1e-5)


# ---- losses ----------------------------------------------------------------------------------


class Says(keras.layers.Layer):
    """Answers the same for every patch."""

    def __init__(self, logit, **kwargs):
        super().__init__(**kwargs)
        self.logit = logit

    def call(self, inputs):
        return tf.zeros_like(inputs[:, ::4, ::4, :1]) + self.logit


def game_with(logit=0.0, channels=6, **options):
    image = keras.Input((None, None, channels))
    discriminator = keras.Model(image, Says(logit)(image))
    generator = pix2pix.build_generator(SHAPE, width=2, dropout=0.0)
    return pix2pix.Pix2Pix(generator, discriminator, **options)


def tensors(count=2):
    batch = pairs(count)
    return tf.constant(batch["source"]), tf.constant(batch["target"])


def test_a_discriminator_that_cannot_tell_loses_log_2():
    source, target = tensors()
    game = game_with(0.0)
    discriminator = game.discriminator_terms(source, target, target)
    assert float(discriminator["real"] + discriminator["fake"]) == pytest.approx(
        math.log(2.0), rel=1e-6
    )
    assert float(game.generator_terms(source, target, target)["adversarial"]) == pytest.approx(
        math.log(2.0), rel=1e-6
    )


def test_a_sure_discriminator():
    """For logit a: softplus(-a) / 2 for real, softplus(a) / 2 for fake, softplus(-a) for G."""
    source, target = tensors()
    game = game_with(1.5, adversarial_weight=2.0)
    discriminator = game.discriminator_terms(source, target, target)
    soft = [math.log1p(math.exp(-1.5)), math.log1p(math.exp(1.5))]
    assert float(discriminator["real"]) == pytest.approx(soft[0] / 2, rel=1e-5)
    assert float(discriminator["fake"]) == pytest.approx(soft[1] / 2, rel=1e-5)
    adversarial = game.generator_terms(source, target, target)["adversarial"]
    assert float(adversarial) == pytest.approx(2 * soft[0], rel=1e-5)


@pytest.mark.parametrize("kind, expected", [("l1", 100 * 0.25), ("l2", 100 * 0.0625)])
def test_the_pixel_loss_is_a_mean_over_pixels_and_channels(kind, expected):
    source, target = tensors()
    game = game_with(pixel_loss=kind)
    terms = game.generator_terms(source, target, target + 0.25)
    assert float(terms[kind]) == pytest.approx(expected, rel=1e-5)
    assert float(game.generator_terms(source, target, target)[kind]) == 0.0


def test_least_squares_and_label_smoothing_are_options():
    source, target = tensors()
    squares = game_with(0.5, loss="least_squares").discriminator_terms(source, target, target)
    assert float(squares["real"]) == float(squares["fake"]) == pytest.approx(0.25 / 4)
    smooth = game_with(1.5, label_smoothing=0.1).discriminator_terms(source, target, target)
    soft = 0.9 * math.log1p(math.exp(-1.5)) + 0.1 * math.log1p(math.exp(1.5))
    assert float(smooth["real"]) == pytest.approx(soft / 2, rel=1e-5)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_discriminator_sees_the_source_beside_both_images_or_beside_none(conditional):
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, inputs):
            seen.append(inputs)
            return inputs[..., :1]

    image = keras.Input((None, None, 6 if conditional else 3))
    discriminator = keras.Model(image, Spy()(image))
    generator = pix2pix.build_generator(SHAPE, width=2, dropout=0.0)
    game = pix2pix.Pix2Pix(generator, discriminator, conditional=conditional)
    source, target = tensors()
    fake = target * 0.5
    seen.clear()
    game.discriminator_terms(source, target, fake)
    game.generator_terms(source, target, fake)
    for inputs, images in zip(seen, (target, fake, fake)):
        expected = tf.concat([source, images], -1) if conditional else images
        np.testing.assert_array_equal(inputs, expected)
    assert len(seen) == 3


@pytest.mark.parametrize("conditional", [True, False])
def test_both_images_of_a_pair_are_augmented_alike(conditional):
    shown = []

    class Spy(keras.layers.Layer):
        def call(self, inputs):
            shown.append(inputs)
            return inputs[..., :1]

    image = keras.Input((None, None, 6 if conditional else 3))
    discriminator = keras.Model(image, Spy()(image))
    generator = pix2pix.build_generator(SHAPE, width=2, dropout=0.0)
    game = pix2pix.Pix2Pix(
        generator, discriminator, conditional=conditional, augment="color,translation,cutout"
    )
    source, _ = tensors()
    shown.clear()
    game.discriminator_terms(source, source, source)
    game.generator_terms(source, source, source)
    for inputs in shown:
        *sources, images = np.split(inputs, 2 if conditional else 1, -1)
        assert not np.array_equal(images, source)
        assert all(np.array_equal(images, changed) for changed in sources)
    real, fake, generated = shown  # each has changes of its own
    assert not np.array_equal(real, fake) and not np.array_equal(fake, generated)


@pytest.mark.parametrize(
    "options, names",
    [
        ({}, ["discriminator/fake", "discriminator/real", "generator/adversarial", "generator/l1"]),
        (
            {"pixel_weight": 0.0},
            ["discriminator/fake", "discriminator/real", "generator/adversarial"],
        ),
        ({"adversarial_weight": 0.0}, ["generator/l1"]),
        ({"adversarial_weight": 0.0, "pixel_loss": "l2"}, ["generator/l2"]),
        (
            {"conditional": False, "architecture": "encoder_decoder", "outputs": 1},
            ["discriminator/fake", "discriminator/real", "generator/adversarial", "generator/l1"],
        ),
        (
            {"architecture": "resnet", "norm": "instance"},
            ["discriminator/fake", "discriminator/real", "generator/adversarial", "generator/l1"],
        ),
    ],
)
def test_every_model_of_the_paper_can_be_played(options, names):
    game = compiled(**options)
    before = snapshot(game)
    batch = pairs(2, options.get("outputs", 3))
    history = game.fit(tf.data.Dataset.from_tensors(batch), verbose=0, shuffle=False).history
    assert sorted(history) == names == sorted(game.loss_names)
    assert set(game.players()) == {name.split("/")[0] for name in names}
    for networks in game.players().values():
        assert any((value(v) != before[id(v)]).any() for v in trainable(networks))


def test_the_discriminator_is_updated_first_and_the_generator_meets_the_updated_one():
    order = []

    class Spy(pix2pix.Pix2Pix):
        def update(self, player, terms, tape=None):
            values = super().update(player, terms, tape)
            order.append((player, float(tf.reduce_sum(self.discriminator.trainable_variables[0]))))
            return values

    game = Spy(
        pix2pix.build_generator(SHAPE, width=2), pix2pix.build_discriminator(SHAPE, layers=1)
    )
    game.compile(
        generator=keras.optimizers.SGD(0.1),
        discriminator=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    start = float(tf.reduce_sum(game.discriminator.trainable_variables[0]))
    game.fit(tf.data.Dataset.from_tensors(pairs(1)), verbose=0, shuffle=False)
    assert [player for player, _ in order] == ["discriminator", "generator"]
    assert order[0][1] == order[1][1] != start


def test_a_perfect_generator_leaves_the_pixel_loss_nothing():
    source, _ = tensors()
    game = game_with(0.0)
    terms = game.generator_terms(source, source, source)
    assert float(terms["l1"]) == 0.0 and float(terms["adversarial"]) == pytest.approx(0.6931, 1e-3)


# ---- exports ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "architecture, upsampling", [("encoder_decoder", "subpixel"), ("resnet", "bilinear")]
)
def test_the_other_generators_are_exported_too(tmp_path, architecture, upsampling):
    """The papers' forms are exported by the game's own checks; bilinear repeats pixels, too."""
    game = compiled(architecture=architecture, outputs=1, norm="instance", upsampling=upsampling)
    result = export(
        game,
        tmp_path,
        name="tiny",
        size=SHAPE[:2],
        formats=("saved_model", "tflite_float32"),
        representative=game.representative(pairs(4, 1)),
    )
    report = json.loads((result.path / "parity.json").read_text())["signatures"]
    assert report["serving_default"]["tflite_float32"]["max_difference"] <= 1e-4


# ---- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: tiny(pixel_weight=-1.0), "neither may be negative"),
        (lambda: tiny(pixel_weight=0.0, adversarial_weight=0.0), "one must be more than 0"),
        (lambda: tiny(pixel_loss="l3"), "'l1' or 'l2'"),
        (lambda: tiny(ema_decay=1.0), "ema_decay is 1.0"),
        (lambda: tiny(loss="hinge", label_smoothing=0.1), "no probabilities to smooth"),
        (lambda: game_with(channels=3), "takes 3 channels; it must take 6: 3 of the source"),
        (lambda: game_with(channels=6, conditional=False), "it must take 3: 3 of the translation"),
        (lambda: game_with(adversarial_weight=0.0), "with a discriminator"),
        (lambda: pix2pix.Pix2Pix(tiny().generator, None), "with no discriminator"),
        (lambda: tiny(architecture="vnet"), "unet, encoder_decoder, resnet"),
        (
            lambda: pix2pix.build_discriminator(SHAPE),
            "too small for a patch discriminator of 3 layers",
        ),
        (lambda: pix2pix.pair({"image": 1}), "keys \\['image'\\], but this game learns from pairs"),
        (lambda: pix2pix.pair(tf.zeros((2, 4, 4, 3))), "single images"),
    ],
)
def test_impossible_games_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_batch_may_be_a_tuple():
    source, target = pix2pix.pair((np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 1)), "more"))
    assert source.dtype == target.dtype == tf.float32 and float(tf.reduce_sum(target)) == 0.0


# ---- learning --------------------------------------------------------------------------------


@pytest.mark.large
def test_the_unet_learns_the_identity_better_than_the_encoder_decoder():
    coarse = np.random.RandomState(0).uniform(-1, 1, (64, 8, 8, 3)).astype("f4")
    images = np.repeat(np.repeat(coarse, 2, 1), 2, 2)
    errors = {}
    for architecture in ("unet", "encoder_decoder"):
        game = compiled(
            architecture=architecture, adversarial_weight=0.0, dropout=0.0, norm="instance"
        )
        game.compile(generator=keras.optimizers.Adam(2e-3, 0.5))
        batches = tf.data.Dataset.from_tensor_slices((images, images)).repeat().batch(8)
        game.fit(batches, steps_per_epoch=200, epochs=1, verbose=0)
        errors[architecture] = np.abs(game.translate(images) - images).mean()
    assert errors["unet"] < 0.7 * errors["encoder_decoder"]


@pytest.mark.large
def test_the_discriminator_brings_back_the_stripes_that_the_pixel_loss_blurs():
    """The reference run of the embedded textures: 32 pixels, batch 4, 1,500 steps."""
    source = data.load_pairs("textures")
    found = {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        shared = {"width": 16, "norm": "instance", "affine": True}
        game = pix2pix.Pix2Pix(
            pix2pix.build_generator(source.shape, **shared),
            pix2pix.build_discriminator(source.shape, layers=2, **shared) if weight else None,
            adversarial_weight=weight,
        )
        game.compile(**{player: FusedAdam(2e-4, 0.5) for player in game.players()})
        game.fit(source.batches(4, seed=0), steps_per_epoch=1500, verbose=0, shuffle=False)
        examples = source.held_out(200)
        found[weight] = source.report(examples, game.translate(examples["source"]))
    assert found[0.0]["sharpness"] < 0.9
    assert found[1.0]["sharpness"] >= found[0.0]["sharpness"] + 0.2
    assert found[0.0]["l1"] < found[1.0]["l1"] < 1.1 * found[0.0]["l1"]
