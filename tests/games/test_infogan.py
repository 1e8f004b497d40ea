"""InfoGAN: the bound in nats, whom its gradient reaches, codes as inputs, the official networks."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, path_of, snapshot, trainable, value

from tfgan_suite import InputError
from tfgan_suite.core import latent_samples
from tfgan_suite.export import load
from tfgan_suite.games import infogan

SHAPE = (8, 8, 1)


def images(count):
    return np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")


def tiny(plain=False, categorical=1, classes=3, continuous=2, learned=False, **options):
    codes = categorical * classes + continuous
    norm = "none" if plain else "batch"
    return infogan.InfoGAN(
        infogan.build_generator(8, 1, 4, 4 + codes, norm=not plain),
        infogan.build_discriminator(8, 1, 4, norm),
        infogan.build_recognition(64, categorical, classes, continuous, 8, learned, norm),
        categorical=categorical,
        classes=classes,
        continuous=continuous,
        seed=3,
        **options,
    )


class TestInfoGAN(GameChecks):
    def make_game(self, plain=False):
        return tiny(plain, learned=True, ema_decay=0.9, r1_weight=0.5)

    def examples(self, count):
        return {"image": images(count)}

    def test_an_export_takes_noise_and_codes(self, exported):
        game, result = exported
        loaded = load(result.path)
        assert [spec.name for spec in loaded.inputs()] == ["z", "category", "continuous"]
        assert loaded.sample(4).shape == (4, *SHAPE)
        given = {"category": 2, "continuous": [0.5, -1.0]}
        z = loaded.inputs()[0].draw(4, [1, 0]).numpy()
        drawn = game.generate(z=z, category=[2] * 4, continuous=[[0.5, -1.0]] * 4)
        found = loaded.sample(4, seed=1, **given)
        np.testing.assert_allclose(found / 127.5 - 1.0, drawn, atol=0.5 / 127.5 + 1e-4)


def told_of(logits=None, means=None):
    """Q's outputs for one example."""
    return tf.constant([[*(logits or []), *(means or [])]], tf.float32)


def bound(game, told, category=0, continuous=()):
    codes = {
        "category": tf.fill((1, game.categorical), category),
        "continuous": tf.constant([continuous], tf.float32),
    }
    return {name: float(nats) for name, nats in game.information(told, codes).items()}


@pytest.mark.parametrize(
    "logits, nats",
    [([0.0] * 10, 0.0), ([50.0] + [0.0] * 9, 2.302585), ([math.log(9)] + [0.0] * 9, 1.609438)],
)
def test_the_information_of_a_categorical_code(logits, nats):
    game = tiny(classes=10, continuous=0)
    assert bound(game, told_of(logits)) == {"mi_cat": pytest.approx(nats, abs=1e-5)}


def test_the_information_of_continuous_codes():
    game, log_2 = tiny(categorical=0, continuous=2), math.log(2)
    exact = bound(game, told_of(means=[0.3, -0.8]), continuous=[0.3, -0.8])
    assert exact == {"mi_cont": pytest.approx(2 * (-0.918939 + log_2), abs=1e-5)}
    draws = np.random.RandomState(0).uniform(-1, 1, (100_000, 2)).astype("f4")
    codes = {"category": tf.zeros((100_000, 0), tf.int32), "continuous": draws}
    nothing = game.information(tf.zeros((100_000, 2)), codes)["mi_cont"]
    assert float(nothing) == pytest.approx(2 * (-1.085606 + log_2), abs=2e-3)


def test_a_learned_deviation_tightens_the_bound():
    game = tiny(categorical=0, continuous=1, learned=True)
    sure = bound(game, tf.constant([[0.4, -2.0]]), continuous=[0.4])["mi_cont"]
    assert sure == pytest.approx(2.0 - 0.918939 + math.log(2), abs=1e-5)
    wrong = bound(game, tf.constant([[0.4, -2.0]]), continuous=[0.9])["mi_cont"]
    assert wrong == pytest.approx(sure - 0.5 * (0.5 * math.exp(2)) ** 2, rel=1e-4)


def test_codes_given_to_other_images_tell_nothing():
    game, count = tiny(classes=10, continuous=0), 5000
    category = np.random.RandomState(1).randint(0, 10, (count, 1)).astype("i4")
    told = tf.one_hot(category[:, 0], 10) * 4.0
    shuffled = np.random.RandomState(2).permutation(category)
    empty = tf.zeros((count, 0))
    read = game.information(told, {"category": category, "continuous": empty})["mi_cat"]
    lost = game.information(told, {"category": shuffled, "continuous": empty})["mi_cat"]
    assert float(read) > 1.9 and float(lost) < 0.0


def moved(game, player):
    """Largest change of each network in one step in which one player learns from L_I alone."""
    rates = {p: 1.0 if p == player else 0.0 for p in game.players()}
    game.compile(**{p: keras.optimizers.SGD(rate) for p, rate in rates.items()}, run_eagerly=True)
    zero = lambda logits, **_: tf.reduce_sum(logits) * 0.0  # noqa: E731
    game.adversarial = infogan_loss(zero)
    before = snapshot(game)
    game.fit(images(8), batch_size=8, verbose=0)
    networks = [n for nets in game.players().values() for n in nets]
    return {
        network.name.split("_")[1]: {
            path_of(v): np.abs(value(v) - before[id(v)]).max() for v in trainable([network])
        }
        for network in networks
    }


def infogan_loss(term):
    from tfgan_suite.losses.adversarial import AdversarialLoss

    return AdversarialLoss("nothing", term, term, term)


def test_the_information_reaches_generator_trunk_and_q_but_not_the_discriminators_head():
    changes = moved(tiny(plain=True), "discriminator")
    head = list(changes["discriminator"])[-2:]
    assert all(changes["discriminator"][name] == 0.0 for name in head)
    assert (
        max(changes["discriminator"].values()) > 0.0 and max(changes["recognition"].values()) > 0.0
    )
    assert max(changes["generator"].values()) == 0.0
    changes = moved(tiny(plain=True), "generator")
    assert max(changes["generator"].values()) > 0.0
    assert max(changes["discriminator"].values()) == max(changes["recognition"].values()) == 0.0


def test_without_weights_q_alone_learns_to_read():
    control = {"lambda_categorical": 0.0, "lambda_continuous": 0.0}
    changes = moved(tiny(plain=True, **control), "discriminator")
    assert max(changes["recognition"].values()) > 0.0
    assert max(changes["discriminator"].values()) == 0.0
    assert max(moved(tiny(plain=True, **control), "generator")["generator"].values()) == 0.0


def test_q_learns_the_codes_of_the_very_images_it_sees():
    """With a generator that prints its code, the bound rises to the code's entropy."""
    game = tiny(plain=True, classes=3, continuous=0)
    x = keras.Input((7,))
    paint = keras.layers.Dense(64, use_bias=False)
    stamp = keras.Model(x, keras.layers.Reshape(SHAPE)(paint(x)))
    weights = np.zeros((7, 64), "f4")
    for code in range(3):
        weights[4 + code, code * 20 : code * 20 + 20] = 1.0
    paint.set_weights([weights])
    keras.utils.set_random_seed(0)
    playing = infogan.InfoGAN(
        stamp, game.discriminator, game.recognition, classes=3, continuous=0, seed=0
    )
    playing.compile(generator=keras.optimizers.SGD(0.0), discriminator=keras.optimizers.Adam(3e-3))
    data = tf.data.Dataset.from_tensors(images(32)).repeat()
    history = playing.fit(data, steps_per_epoch=40, epochs=3, verbose=0).history
    assert history["discriminator/mi_cat"][-1] > 0.9 * math.log(3)
    assert history["discriminator/code_accuracy"][-1] == pytest.approx(1.0, abs=0.02)
    drawn = playing.generate(z=np.zeros((3, 4), "f4"), category=[2, 0, 1])
    assert playing.infer(drawn)["category"][:, 0].tolist() == [2, 0, 1]


def test_the_generators_input_is_noise_then_one_hot_then_continuous():
    game = tiny(categorical=2, classes=3, continuous=1)
    z = tf.constant([[9.0, 9.0, 9.0, 9.0]])
    row = game.assemble(z, tf.constant([[2, 0]]), tf.constant([[0.25]]))
    assert row.numpy().tolist() == [[9, 9, 9, 9, 0, 0, 1, 1, 0, 0, 0.25]]
    assert game.signatures()["serving_default"].inputs[1].shape == (2,)
    assert game.generate(5).shape == (5, *SHAPE)


def test_codes_are_uniform_and_new_at_every_step():
    game = tiny(classes=3)
    many = tf.zeros((6000, *SHAPE))
    latent, codes = game.sample_latents(many, "z")
    shares = np.bincount(codes["category"][:, 0], minlength=3) / 6000
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    assert np.abs(codes["continuous"]).max() <= 1.0 and np.std(codes["continuous"]) > 0.55
    again = game.assemble(latent[:, :4], **codes)
    assert np.array_equal(latent, again)
    game.steps.assign_add(1)
    assert not np.array_equal(game.sample_latents(many, "z")[1]["category"], codes["category"])


def test_settling_uses_all_kinds_of_codes(monkeypatch):
    monkeypatch.setattr(latent_samples, "RECALIBRATION_BATCHES", 100)
    game = tiny(classes=3)
    game.generator.layers[1].kernel.assign(
        np.eye(9, 64, dtype="f4") * np.array([0, 0, 0, 0, 3, 3, 3, 0, 0], "f4")[:, None]
    )
    game.recalibrate_batch_norm()
    norm = next(x for x in game.generator.layers if "batch_norm" in x.name)
    np.testing.assert_allclose(value(norm.moving_mean)[4:7], 1.0, atol=0.06)


def count(network):
    return sum(int(np.prod(v.shape)) for v in trainable([network]))


def test_the_mnist_networks_have_the_papers_number_of_parameters():
    dense = 74 * 1024 + 1024 * 7 * 7 * 128
    norms = 2 * (1024 + 7 * 7 * 128 + 64)
    assert count(infogan.build_generator()) == dense + 16 * (128 * 64 + 64) + 1 + norms
    trunk = 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128 + 7 * 7 * 128 * 1024 + 2 * 1024
    assert count(infogan.build_discriminator()) == trunk + 1024 + 1
    assert count(infogan.build_recognition()) == 1024 * 128 + 2 * 128 + 128 * 12 + 12


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_networks_fit_common_sizes(size):
    assert infogan.build_generator(size, 3, 2, 5).output_shape == (None, size, size, 3)
    assert (
        infogan.build_discriminator(size, 3, 2).get_layer("features_0").output.shape[1] == size // 2
    )


def test_codes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        infogan.InfoGAN(
            infogan.build_generator(8, 1, 4, 9),
            infogan.build_discriminator(8, 1, 4),
            infogan.build_recognition(64, 1, 4, 2),
            classes=3,
        )
    with pytest.raises(InputError, match="0 or more"):
        tiny(lambda_continuous=-1.0)
    with pytest.raises(InputError, match="expected one or more"):
        infogan.build_recognition(8, 0, 10, 0)
