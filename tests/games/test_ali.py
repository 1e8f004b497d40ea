"""ALI: pairs of examples and codes, the swapped labels, the ladders of the paper, BiGAN."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, snapshot, trainable, value

from tfgan_suite import InputError, data
from tfgan_suite.features import layer_outputs
from tfgan_suite.games import ali

SHAPE = (8, 8, 1)
LATENT = 5


def images(count):
    return np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")


def tiny(plain=False, variant="ali", dropout=0.0, **options):
    return ali.ALI(
        ali.build_decoder(SHAPE, "conv", 4, LATENT, norm=not plain),
        ali.build_encoder(SHAPE, "conv", 4, LATENT, variant, norm=not plain),
        ali.build_discriminator(SHAPE, "conv", 4, LATENT, dropout=dropout),
        seed=3,
        **options,
    )


class TestALI(GameChecks):
    def make_game(self, plain=False):
        return tiny(plain, dropout=0.3, ema_decay=0.9)

    def examples(self, count):
        return {"image": images(count)}

    def test_every_signature_is_exported(self, exported):
        game, result = exported
        loaded = tf.saved_model.load(str(result.path))
        for name, expected in (
            ("encode", game.encode(images(3))),
            ("reconstruct", game.reconstruct(images(3))),
        ):
            found = loaded.signatures[name](image=tf.constant(images(3)))
            (found,) = found.values()
            np.testing.assert_allclose(found, expected, atol=1e-5)
        files = [tf.io.encode_png(np.uint8(np.round((p + 1) * 127.5))) for p in images(2)]
        (again,) = loaded.signatures["reconstruct_png"](image_bytes=tf.stack(files)).values()
        assert tf.io.decode_png(again[0]).shape == SHAPE
        described = json.loads((result.path / "card.json").read_text())["export"]["signatures"]
        assert described["encode"]["output"]["shape"] == [LATENT]


def test_bigan_takes_the_stabilisers_and_gives_one_code_for_an_example():
    game = tiny(variant="bigan", latent="uniform", r1_weight=0.5, dropout=0.3)
    rates = {"generator": keras.optimizers.SGD(0.1), "discriminator": keras.optimizers.SGD(0.1)}
    game.compile(**rates, run_eagerly=True)
    history = game.fit(images(8), batch_size=8, verbose=0).history
    assert set(history) == set(game.loss_names) and "discriminator/r1" in history
    assert all(np.isfinite(values).all() for values in history.values())
    assert game.encode(images(3)).shape == (3, LATENT)
    assert game.signatures()["serving_default"].inputs[0].kind == "uniform"


class Fixed(ali.ALI):
    """The game with given answers of the discriminator, in order."""

    def answer(self, *logits):
        answers = iter([tf.constant(a)[:, None] for a in logits])
        self.__dict__["discriminator"] = lambda pair, training: next(answers)
        return self


def fixed(**options):
    game = tiny(**options)
    game.__class__ = Fixed
    return game


def terms_of(game, a_q, a_p):
    x, z = tf.zeros((len(a_q), *SHAPE)), tf.zeros((len(a_q), LATENT))
    discriminator = game.answer(a_q, a_p).discriminator_terms(x, z, x, z)
    both = game.answer(a_q, a_p).generator_terms(x, z, x, z)
    return float(sum(discriminator.values())), float(sum(both.values()))


def test_both_losses_of_an_undecided_discriminator_are_two_log_2():
    assert terms_of(fixed(), [0.0], [0.0]) == pytest.approx((1.386294, 1.386294), abs=1e-6)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "wasserstein"])
def test_encoder_and_decoder_both_ask_for_the_other_answer(loss):
    a_q, a_p = [0.3, -2.0], [1.5, -0.4]
    middle = 1.0 if loss == "least_squares" else 0.0
    asked = terms_of(fixed(loss=loss), a_q, a_p)[1]
    mirrored = terms_of(fixed(loss=loss), [middle - a for a in a_q], [middle - a for a in a_p])
    assert asked == pytest.approx(mirrored[0], abs=1e-6)


def test_the_minimax_loss_is_the_discriminators_negated():
    discriminator, both = terms_of(fixed(loss="minimax"), [0.3, -2.0], [1.5, -0.4])
    assert both == pytest.approx(-discriminator, abs=1e-6)


def test_gradients_at_the_encoders_answer():
    a_q = tf.Variable([[0.7]])
    probability = 1 / (1 + math.exp(-0.7))
    for terms, expected in (
        ("discriminator_terms", probability - 1),
        ("generator_terms", probability),
    ):
        game, x, z = fixed(), tf.zeros((1, *SHAPE)), tf.zeros((1, LATENT))
        answers = iter([a_q, tf.zeros((1, 1))])
        with tf.GradientTape() as tape:
            game.__dict__["discriminator"] = lambda pair, training, given=answers: next(given) * 1.0
            loss = sum(getattr(game, terms)(x, z, x, z).values())
        assert float(tape.gradient(loss, a_q)[0, 0]) == pytest.approx(expected, abs=1e-6)


def test_the_encoder_draws_from_mu_and_sigma():
    game, noise = tiny(), tf.random.stateless_normal((20_000, LATENT), [1, 2])
    mean = tf.constant([[1.0, -2.0, 0.0, 3.0, 0.5]])
    sure = game.sample_posterior(tf.concat([mean, tf.fill((1, LATENT), -30.0)], 1), noise[:4])
    np.testing.assert_allclose(sure, np.repeat(mean, 4, 0), atol=1e-6)
    log_deviation = tf.constant([[0.0, 0.5, -1.0, 1.0, -0.3]])
    drawn = game.sample_posterior(tf.concat([mean, log_deviation], 1), noise)
    np.testing.assert_allclose(np.std(drawn, 0), np.exp(log_deviation[0]), rtol=0.02)
    moments = tf.concat([mean, log_deviation], 1)
    assert np.array_equal(game.sample_posterior(moments), mean)
    assert np.array_equal(tiny(variant="bigan").sample_posterior(mean, noise), mean)


@pytest.mark.parametrize("variant", ["ali", "bigan"])
def test_encoder_and_decoder_move_together_and_the_discriminator_does_not(variant):
    game = tiny(variant=variant)
    rates = {"generator": keras.optimizers.SGD(1.0), "discriminator": keras.optimizers.SGD(0.0)}
    game.compile(**rates, run_eagerly=True)
    before = snapshot(game)
    game.fit(images(8), batch_size=8, verbose=0)
    for network, moves in (
        (game.generator, True),
        (game.encoder, True),
        (game.discriminator, False),
    ):
        changed = [np.abs(value(v) - before[id(v)]).max() > 0 for v in trainable([network])]
        assert all(changed) if moves else not any(changed), network.name


def test_the_discriminator_sees_pairs_that_belong_together():
    game, seen = tiny(), []
    game.__dict__["discriminator"] = lambda pair, training: seen.append(pair) or tf.zeros((2, 1))
    real, inferred = tf.ones((2, *SHAPE)), tf.ones((2, LATENT))
    game.discriminator_terms(real, inferred, -real, -inferred)
    game.generator_terms(real, inferred, -real, -inferred)
    for example, code in seen:
        assert float(example[0, 0, 0, 0]) == float(code[0, 0])
    assert [float(pair[1][0, 0]) for pair in seen] == [1, -1, 1, -1]


def maps(network, kinds):
    return [layer.output.shape[1] for layer in network.layers if layer.__class__.__name__ in kinds]


def test_the_ladders_of_the_paper():
    decoder = ali.build_decoder(width=2, latent_dim=4)
    encoder = ali.build_encoder(width=2, latent_dim=4)
    discriminator = ali.build_discriminator(width=2, latent_dim=4, dropout=0.5)
    assert maps(encoder, ["Conv2D"]) == [28, 13, 10, 4, 1, 1]
    assert maps(discriminator, ["Conv2D"]) == [28, 13, 10, 4, 1]
    assert maps(decoder, ["Conv2DTranspose", "Conv2D"]) == [4, 10, 13, 28, 32, 32, 32]
    big = ali.build_encoder((64, 64, 3), "paper", 2, 4)
    assert maps(big, ["Conv2D"]) == [63, 29, 13, 4, 1, 1]
    back = ali.build_decoder((64, 64, 3), "paper", 2, 4)
    assert maps(back, ["Conv2DTranspose", "Conv2D"]) == [4, 13, 29, 63, 64, 64]


def count(network):
    return sum(int(np.prod(v.shape)) for v in trainable([network]))


def test_the_cifar_networks_have_the_tables_number_of_parameters():
    norms = 2 * (32 + 64 + 128 + 256 + 512 + 512)
    kernels = 25 * 3 * 32 + 16 * (32 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 512 * 512
    assert count(ali.build_encoder()) == kernels + norms + 512 * 128 + 128
    norms = 2 * (256 + 128 + 64 + 32 + 32 + 32)
    kernels = 16 * (64 * 256 + 256 * 128 + 128 * 64 + 64 * 32) + 25 * 32 * 32 + 32 * 32
    assert count(ali.build_decoder()) == kernels + norms + 32 * 3 + 32 * 32 * 3
    image = 25 * 3 * 64 + 16 * (32 * 128 + 64 * 256 + 128 * 512 + 256 * 1024)
    image += 64 + 128 + 256 + 512 + 1024
    code = 64 * 1024 + 1024 + 512 * 1024 + 1024
    joint = 1024 * 2048 + 2048 + 1024 * 2048 + 2048 + 1024 + 1
    assert count(ali.build_discriminator()) == image + code + joint


def test_the_decoder_starts_at_the_mean_of_the_data():
    drawn = ali.build_decoder(width=2, latent_dim=4, mean=-0.6)(tf.zeros((1, 4)))
    np.testing.assert_allclose(drawn, -0.6, atol=1e-5)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_small_nets_fit_common_sizes(size):
    shape = (size, size, 3)
    decoder = ali.build_decoder(shape, "conv", 2, 3)
    discriminator = ali.build_discriminator(shape, "conv", 2, 3)
    encoder = ali.build_encoder(shape, "conv", 2, 3)
    drawn = decoder(tf.zeros((2, 3)))
    assert drawn.shape == (2, *shape) and encoder(drawn).shape == (2, 6)
    assert discriminator([drawn, tf.zeros((2, 3))]).shape == (2, 1)
    assert (
        layer_outputs.select_outputs(discriminator, ["features_1"])([drawn, tf.zeros((2, 3))])[
            0
        ].shape[1]
        == size // 4
    )


def test_dropout_drops_in_training_alone_and_by_the_draws():
    layer = ali.StatelessDropout(0.25, name="drop")
    ones, asked = tf.ones((1, 4)), []

    def draw(shape, name):
        asked.append((shape, name))
        return tf.constant([[0.0, 0.24, 0.25, 0.9]])

    with ali.dropout_noise(draw):
        found = layer(ones, training=True)
        assert np.array_equal(layer(ones, training=False), ones)
    np.testing.assert_allclose(found, [[0, 0, 4 / 3, 4 / 3]], rtol=1e-6)
    assert asked == [((1, 4), "drop")]
    with pytest.raises(RuntimeError, match="dropout_noise"):
        layer(ones, training=True)


@pytest.mark.parametrize(
    "build, arguments, said",
    [
        (ali.build_discriminator, {"shape": (28, 28, 1)}, "32 and 64"),
        (ali.build_discriminator, {"dropout": 1.0}, "dropout is 1.0"),
        (ali.build_decoder, {"mean": -1.0}, "mean is -1.0"),
        (ali.build_encoder, {"variant": "vae"}, "ali, bigan"),
        (ali.build_decoder, {"shape": (2,), "architecture": "conv"}, "does not fit"),
    ],
)
def test_impossible_networks_are_refused(build, arguments, said):
    with pytest.raises(InputError, match=said):
        build(**arguments)


def test_an_encoder_of_another_latent_is_refused():
    networks = ali.build_encoder((2,), "mlp", 4, 3), ali.build_discriminator((2,), "mlp", 4, 2)
    with pytest.raises(InputError, match=r"4 \(mu and log sigma\) or 2"):
        ali.ALI(ali.build_decoder((2,), "mlp", 4, 2), *networks)


def test_matched_gaussians_leave_the_discriminator_undecided():
    """x and z from N(0, 1) with G(z) = z and E(x) = x: every pair is equally likely."""

    def identity(name):
        network = keras.Sequential([keras.Input((1,), name=name), keras.layers.Dense(1)])
        network.set_weights([np.ones((1, 1), "f4"), np.zeros(1, "f4")])
        return network

    keras.utils.set_random_seed(0)
    discriminator = ali.build_discriminator((1,), "mlp", 8, 1)
    game = ali.ALI(identity("z"), identity("point"), discriminator)
    game.compile(generator=keras.optimizers.SGD(0.0), discriminator=keras.optimizers.Adam(1e-3))
    real = np.random.RandomState(1).normal(size=(12_800, 1)).astype("f4")
    game.fit(real, batch_size=128, epochs=2, verbose=0)
    points = np.linspace(-1.5, 1.5, 13, dtype="f4")[:, None]
    answers = tf.sigmoid(discriminator([points, points])).numpy()
    assert np.abs(answers - 0.5).max() < 0.08


@pytest.mark.large
def test_the_grid_of_gaussians_is_covered_and_inverted():
    source = data.load("grid")
    keras.utils.set_random_seed(0)
    game = ali.ALI(
        ali.build_decoder((2,), "mlp", 64, 2),
        ali.build_encoder((2,), "mlp", 64, 2),
        ali.build_discriminator((2,), "mlp", 48, 2),
        ema_decay=0.999,
    )
    adam = keras.optimizers.Adam
    game.compile(generator=adam(1e-3, 0.5), discriminator=adam(1e-3, 0.5))
    game.fit(source.batches(128, seed=0), steps_per_epoch=8000, epochs=1, verbose=0)
    assert source.report(game.generate(10_000))["modes_found"] >= 15
    codes = game.encode(source.take(5000)["point"])
    assert np.abs(codes.mean(0)).max() < 0.2
