"""The relativistic pairing loss with R1 and R2, as options of every game from noise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat
from tfgan_suite.games import (
    ali,
    cgan,
    dcgan,
    ebgan,
    gan,
    gran,
    infogan,
    lsgan,
    sngan,
    wgan,
    wgan_gp,
)
from tfgan_suite.losses import adversarial

PAIRS = {"r1_weight": 0.5, "r2_weight": 0.25}
SHAPE = (2,)


def pairing_game(name, **options):
    """A tiny game of points, or of images where it takes nothing else, by its own builders."""
    z = {"latent_dim": 3}
    makers = {
        "ali": lambda: ali.ALI(*ali_networks(), **options),
        "cgan": lambda: cgan.CGAN(
            cgan.build_generator(SHAPE, 3, architecture="mlp", width=4, **z),
            cgan.build_discriminator(SHAPE, 3, architecture="mlp", width=4),
            classes=3,
            **options,
        ),
        "ebgan": lambda: ebgan.EBGAN(
            ebgan.build_generator(SHAPE, "mlp", 4, **z),
            ebgan.build_critic(SHAPE, "mlp", 4),
            **options,
        ),
        "gan": lambda: gan.GAN(
            gan.build_generator(SHAPE, "mlp", 4, 3),
            gan.build_discriminator(SHAPE, "mlp", 4),
            **options,
        ),
        "gan at once": lambda: gan.GAN(
            gan.build_generator(SHAPE, "mlp", 4, 3),
            gan.build_discriminator(SHAPE, "mlp", 4),
            update_mode="simultaneous",
            **options,
        ),
        "lsgan": lambda: lsgan.LSGAN(
            lsgan.build_generator(SHAPE, "mlp", 4, 3),
            lsgan.build_discriminator(SHAPE, "mlp", 4),
            **options,
        ),
        "sngan": lambda: sngan.SNGAN(
            sngan.build_generator(SHAPE, "mlp", 4, 3),
            sngan.build_discriminator(SHAPE, "mlp", 4),
            generator_batches=2,
            **options,
        ),
        "wgan": lambda: wgan.WGAN(
            wgan.build_generator(SHAPE, "mlp", 4, 3),
            wgan.build_critic(SHAPE, "mlp", 4),
            critic_steps=2,
            **options,
        ),
        "wgan_gp": lambda: wgan_gp.WGANGP(
            wgan_gp.build_generator(SHAPE, "mlp", 4, 3),
            wgan_gp.build_critic(SHAPE, "mlp", 4),
            critic_steps=2,
            **options,
        ),
        "dcgan": lambda: dcgan.DCGAN(
            dcgan.build_generator(8, 1, 2, 3), dcgan.build_discriminator(8, 1, 2), **options
        ),
        "gran": lambda: gran.GRAN(
            gran.build_generator(8, 1, 2, 3, steps=1),
            gran.build_discriminator(8, 1, 2, norm="none"),
            **options,
        ),
        "infogan": lambda: infogan.InfoGAN(
            infogan.build_generator(8, 1, 2, latent_dim=7),
            infogan.build_discriminator(8, 1, 2, norm="none"),
            infogan.build_recognition(32, 1, 3, 1, 4, norm="none"),
            categorical=1,
            classes=3,
            continuous=1,
            **options,
        ),
    }
    keras.utils.set_random_seed(1)
    game = makers[name]()
    game.compile(**{player: keras.optimizers.SGD(0.01) for player in game.players()})
    return game


def ali_networks():
    return (
        ali.build_decoder(SHAPE, "mlp", 4, 3),
        ali.build_encoder(SHAPE, "mlp", 4, 3),
        ali.build_discriminator(SHAPE, "mlp", 4, 3),
    )


def batch_of(name, count=8):
    shape = (8, 8, 1) if name in ("dcgan", "gran", "infogan") else SHAPE
    key = "image" if len(shape) == 3 else "point"
    draws = np.random.RandomState(0)
    batch = {key: tf.constant(draws.uniform(-1, 1, (count, *shape)), tf.float32)}
    return {**batch, "label": tf.constant(draws.randint(0, 3, count), tf.int32)}


GAMES = (
    "ali", "cgan", "dcgan", "ebgan", "gan", "gan at once", "gran", "infogan", "lsgan", "sngan",
    "wgan", "wgan_gp",
)  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_every_game_from_noise_takes_pairs_with_r1_and_r2(name):
    """One step: both penalties and the pairs are reported, finite, and move both players."""
    game = pairing_game(name, pairing=True, **PAIRS)
    opponent = game.opponent_name
    before = {p: weights_of(game, p) for p in game.players()}
    logs = {key: float(np.mean(value)) for key, value in game.train_step(batch_of(name)).items()}
    assert set(logs) == set(game.loss_names)
    assert {f"{opponent}/pairs", f"{opponent}/r1", f"{opponent}/r2"} <= set(logs)
    assert not {f"{opponent}/real", f"{opponent}/fake"} & set(logs)
    assert all(np.isfinite(value) for value in logs.values())
    assert logs[f"{opponent}/r2"] > 0 and logs[f"{opponent}/pairs"] > 0
    for player, values in before.items():
        after = weights_of(game, player)
        assert any(np.abs(a - b).max() > 0 for a, b in zip(after, values)), player


def weights_of(game, player):
    networks = game.players()[player]
    return [np.array(w) for network in networks for w in network.get_weights()]


def test_values_of_pairs():
    """log 2 at a gap of 0, softplus(-1) = .3133 at 1; it depends on who is paired with whom."""
    loss = adversarial.get("pairing", paired=True)
    assert float(loss.real(tf.zeros(5))) == pytest.approx(0.6931, abs=1e-4)
    assert float(loss.real(tf.ones(5))) == pytest.approx(0.3133, abs=1e-4)
    real, fake = tf.constant([0.0, 3.0]), tf.constant([1.0, 2.0])
    swapped = tf.reverse(fake, [0])
    pairs = (np.log1p(np.exp(1.0)) + np.log1p(np.exp(-1.0))) / 2
    assert float(loss.real(real - fake)) == pytest.approx(pairs, rel=1e-6)
    assert float(loss.real(real - swapped)) == pytest.approx(
        (np.log1p(np.exp(2.0)) + np.log1p(np.exp(-2.0))) / 2, rel=1e-6
    )
    assert loss.draw == pytest.approx(np.log(2.0)) and loss.threshold is None


def linear_game(weights, **options):
    """D(x) = <w, x> on points; the generator is z + b."""
    point, z = keras.Input((2,)), keras.Input((2,))
    value = keras.layers.Dense(1, use_bias=False)
    shift = keras.layers.Dense(2)
    discriminator, generator = keras.Model(point, value(point)), keras.Model(z, shift(z))
    value.set_weights([np.reshape(weights, (2, 1))])
    shift.set_weights([np.eye(2), np.zeros(2)])
    game = lsgan.LSGAN(generator, discriminator, pairing=True, **options)
    game.compile(generator=keras.optimizers.SGD(1.0), discriminator=keras.optimizers.SGD(1.0))
    return game


def test_gradients_of_both_players_by_hand():
    """With d = <w, x - x'>: dL_D/dw = -E s(-d) (x - x'), and dL_G/dx' = -s(d) w / n."""
    w = np.array([0.6, -0.8], np.float32)
    game = linear_game(w)
    real = np.array([[1.0, 0.5], [-0.5, 2.0]], np.float32)
    fake = np.array([[0.0, 1.0], [1.0, 1.0]], np.float32)
    gap = (real - fake) @ w
    kernel = compat.tensor_variable(game.discriminator.trainable_variables[0])
    with tf.GradientTape() as tape:
        loss = game.discriminator_terms(tf.constant(real), tf.constant(fake))["pairs"]
    expected = -np.mean((real - fake) / (1 + np.exp(gap))[:, None], axis=0)
    np.testing.assert_allclose(tape.gradient(loss, kernel)[:, 0], expected, rtol=1e-5)
    assert float(loss) == pytest.approx(np.mean(np.log1p(np.exp(-gap))), rel=1e-6)
    inputs = tf.Variable(fake)
    with tf.GradientTape() as tape:
        loss = game.generator_terms(tf.convert_to_tensor(inputs), tf.constant(real))["adversarial"]
    slopes = -w[None] / (1 + np.exp(-gap))[:, None] / 2
    np.testing.assert_allclose(tape.gradient(loss, inputs), slopes, rtol=1e-5)
    assert float(loss) == pytest.approx(np.mean(np.log1p(np.exp(gap))), rel=1e-6)


def test_penalties_of_a_linear_discriminator():
    """Each is weight / 2 times |w|^2 = 25; every second step counts twice, others nothing."""
    game = linear_game([3.0, 4.0], r1_weight=0.5, r2_weight=0.25)
    points = tf.zeros((3, 2))
    terms = game.discriminator_terms(points, points)
    assert float(terms["r1"]) == pytest.approx(6.25) and float(terms["r2"]) == pytest.approx(3.125)
    game = linear_game([3.0, 4.0], r2_weight=0.25, r1_every=2)
    assert float(game.discriminator_terms(points, points)["r2"]) == pytest.approx(6.25)
    game.steps.assign(1)
    terms = game.discriminator_terms(points, points)
    assert float(terms["r2"]) == 0.0 and "r1" not in terms


def test_r2_is_the_squared_slope_at_the_generated_points():
    """By finite differences of D at the fakes, not at the real points."""
    game = pairing_game("lsgan", pairing=True, r2_weight=2.0)
    fake = np.random.RandomState(1).normal(size=(5, 2))
    terms = game.discriminator_terms(tf.ones((5, 2)), tf.constant(fake, tf.float32))
    squares = np.zeros(5)
    for axis in range(2):
        step = 1e-2 * np.eye(2)[axis]
        above, below = (np.array(game.discriminator(fake + s * step))[:, 0] for s in (1, -1))
        squares += ((above - below) / 2e-2) ** 2
    assert float(terms["r2"]) == pytest.approx(squares.mean(), rel=2e-2)


def test_a_generator_of_pairs_learns_from_its_partners_only_by_weight():
    """No gradient reaches the real examples' outputs, which only weigh the pairs."""
    game = linear_game([1.0, 0.0])
    real = tf.Variable([[5.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = game.generator_terms(tf.zeros((1, 2)), tf.convert_to_tensor(real))["adversarial"]
    assert tape.gradient(loss, real) is None
    assert float(loss) == pytest.approx(np.log1p(np.exp(5.0)), rel=1e-6)


def test_the_two_terms_of_ali_have_the_gradient_of_one_loss():
    """softplus(a_q - a_p) for a joint discriminator: encoder and decoder share it."""
    game = pairing_game("ali", pairing=True)
    a_q, a_p = tf.Variable([0.3]), tf.Variable([-0.4])
    with tf.GradientTape() as tape:
        q, p = tf.convert_to_tensor(a_q), tf.convert_to_tensor(a_p)
        total = game.generator_loss(-q, lambda: -p) + game.generator_loss(p, lambda: q)
    share = 1 / (1 + np.exp(-0.7))
    gradients = tape.gradient(total, [a_q, a_p])
    np.testing.assert_allclose([float(g[0]) for g in gradients], [share, -share], rtol=1e-5)


def test_a_draw_of_pairs_is_healthy_and_a_win_is_told():
    game = pairing_game("lsgan", pairing=True)
    assert game.diagnose({"discriminator/pairs": 0.69}) == []
    (message,) = game.diagnose({"discriminator/pairs": 0.001})
    assert "0.69 is a draw" in message


def test_games_of_other_forms_do_not_take_pairs():
    assert "pairing" not in adversarial.names() and "pairing" in adversarial.names(paired=True)
    with pytest.raises(InputError, match="'pairing' is unknown"):
        adversarial.get("pairing")
    with pytest.raises(InputError, match="no probabilities to smooth"):
        pairing_game("dcgan", loss="pairing", label_smoothing=0.1)
    assert pairing_game("dcgan", loss="pairing").loss_names == (
        "generator/adversarial", "discriminator/pairs",
    )  # fmt: skip
