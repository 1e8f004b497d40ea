"""DiscoGAN: the official networks, matched features, the schedule, the three models."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, snapshot, trainable, value
from small_networks import discriminator, translator

from tfgan_suite import InputError, data
from tfgan_suite.games import discogan
from tfgan_suite.losses import feature_matching
from tfgan_suite.training import callbacks

SHAPE = (16, 16, 3)


def tiny(**options):
    """A game of the official networks, as small as they can be."""
    generators = [discogan.build_generator(SHAPE, width=4) for _ in range(2)]
    discriminators = [discogan.build_discriminator(SHAPE, width=4) for _ in range(2)]
    return discogan.DiscoGAN(*generators, *discriminators, **options)


def small(variant="discogan", norm="none", **options):
    """A game of networks of two layers, where only the game counts."""
    return discogan.DiscoGAN(
        translator(norm),
        None if variant == "gan" else translator(norm),
        discriminator(norm, features=True) if variant == "discogan" else None,
        discriminator(norm, features=True),
        **options,
    )


def images(count, seed=0):
    draws = np.random.RandomState(seed)
    return {
        key: draws.uniform(-1, 1, (count, *SHAPE)).astype("f4") for key in ("domain_a", "domain_b")
    }


class TestDiscoGAN(GameChecks):
    def make_game(self, plain=False):
        return tiny(ema_decay=0.9, weight_decay=1e-4)

    def make_small_game(self, plain=False):
        norm = "instance" if plain else "batch"
        return small(norm=norm, ema_decay=0.9, weight_decay=1e-4)

    def examples(self, count):
        return images(count)


class TestPoints(GameChecks):
    # The step is that of images.
    test_a_players_update_moves_its_own_variables_alone = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None
    test_a_step_in_half_precision_is_finite = None

    def make_game(self, plain=False):
        return points_game("discogan", 8)

    def examples(self, count):
        draws = np.random.RandomState(0)
        return {key: draws.normal(size=(count, 2)).astype("f4") for key in ("domain_a", "domain_b")}


def points_game(variant, width, **options):
    networks = [discogan.build_generator((2,), "mlp", width) for _ in range(2)]
    discriminators = [discogan.build_discriminator((2,), "mlp", width) for _ in range(2)]
    if variant == "gan":
        networks[1] = None
    if variant != "discogan":
        discriminators[0] = None
    return discogan.DiscoGAN(*networks, *discriminators, **options)


# ---- networks --------------------------------------------------------------------------------


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_official_networks_have_their_number_of_parameters():
    assert count(discogan.build_generator()) == 5_513_856
    assert count(discogan.build_generator(bottleneck=100)) == 7_153_480
    assert count(discogan.build_discriminator()) == 2_765_568


def test_the_official_discriminator_gives_one_logit_and_three_maps():
    logit, *features = discogan.build_discriminator().outputs
    assert tuple(logit.shape) == (None, 1)
    shapes = [tuple(map_.shape[1:]) for map_ in features]
    assert shapes == [(16, 16, 128), (8, 8, 256), (4, 4, 512)]


def test_the_generator_of_four_layers_takes_any_size_and_that_of_five_one():
    game = tiny()
    made = game.translate(np.zeros((2, 21, 34, 3), "f4"))
    assert made.shape == (2, 21, 34, 3) and np.abs(made).max() <= 1.0
    deep = discogan.build_generator(SHAPE, width=4, bottleneck=5)
    assert tuple(deep.input_shape) == (None, *SHAPE) and tuple(deep.output_shape[1:]) == SHAPE
    assert 1 in [layer.output.shape[1] for layer in deep.layers]


def test_networks_work_on_zero_to_one():
    """The first convolution is shown (x + 1) / 2, and a sigmoid s leaves as 2 s - 1."""
    discriminator = discogan.build_discriminator(SHAPE, width=4)
    first = next(layer for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D))
    seen = keras.Model(discriminator.inputs, first.output)
    assert np.abs(seen(-tf.ones((1, *SHAPE)))).max() == 0.0
    generator = discogan.build_generator(SHAPE, width=4)
    (kernel,) = generator.get_layer("to_image").get_weights()
    generator.get_layer("to_image").set_weights([0.0 * kernel])
    assert np.abs(generator(tf.ones((1, *SHAPE)))).max() < 1e-6


# ---- losses ----------------------------------------------------------------------------------


def test_features_of_a_permuted_batch_match():
    real = tf.random.stateless_normal((6, 4, 4, 3), [1, 2])
    mixed = tf.gather(real, [3, 0, 5, 1, 4, 2])
    assert float(feature_matching.distance([real], [mixed])) == pytest.approx(0.0, abs=1e-12)
    assert float(feature_matching.distance([real], [-real])) > 0.01


def test_features_of_ones_and_zeros_are_one_apart_in_each_map():
    shapes = [(5, 16, 16, 2), (5, 8, 8, 4), (5, 4, 4, 8)]
    ones, zeros = [tf.ones(s) for s in shapes], [tf.zeros(s) for s in shapes]
    assert float(feature_matching.distance(ones, zeros)) == pytest.approx(3.0)


def test_the_means_are_over_the_batch_before_the_square():
    real, made = tf.constant([[1.0], [3.0]]), tf.constant([[-1.0], [0.0]])
    assert float(feature_matching.distance([real], [made])) == pytest.approx(2.5**2)


class Answering:
    """Stands in for a discriminator: one logit, one feature for real and one for fake examples."""

    def __init__(self, logit, real_feature, fake_feature):
        self.logit, self.features = logit, (real_feature, fake_feature)

    def __call__(self, x, training):
        one = tf.ones((2, 1))
        real = float(tf.reduce_mean(x)) > 0.0
        return [self.logit * one, self.features[0 if real else 1] * one]


@pytest.mark.parametrize("steps, expected", [(0, 1.911), (9, 1.911), (10, 2.45), (50, 2.45)])
def test_the_weights_of_the_terms(steps, expected):
    """GAN 1, features 2, reconstruction 3, in each direction."""
    game = small(curriculum_steps=10, weight_decay=0.0)
    # softplus(-logit) = 1; features' means are sqrt 2 apart.
    discriminator = Answering(-math.log(math.e - 1), math.sqrt(2.0), 0.0)
    game.__dict__.update(discriminator_a=discriminator, discriminator_b=discriminator)
    real = tf.ones((2, *SHAPE))
    # Both made 2 sqrt 3 off, which is sqrt 3 in units of [0, 1]; their mean is negative.
    off = 1.0 - 2.0 * math.sqrt(3.0)
    for name in ("a_to_b", "b_to_a"):
        game.__dict__[name] = lambda x, training: off * real
    game.steps.assign(steps)
    terms = {name: float(term) for name, term in game.generator_terms(real, real).items()}
    for name, other in (("b", "a"), ("a", "b")):
        one_way = [f"adversarial_{name}", f"features_{name}", f"reconstruction_{other}"]
        assert sum(terms[key] for key in one_way) == pytest.approx(expected, abs=1e-5)
    assert len(terms) == 6


def test_the_plain_gan_has_no_reconstruction_to_weigh():
    adversarial, features, rate = small("gan").term_weights()
    assert (float(adversarial), float(features), float(rate)) == pytest.approx((0.1, 0.9, 0.0))


def test_undecided_discriminators():
    game = small(
        weight_decay=0.0,
        feature_weight=0.0,
        adversarial_weight=1.0,
        reconstruction_weight=0.0,
        initial_reconstruction_weight=0.0,
    )
    undecided = Answering(0.0, 0.0, 0.0)
    game.__dict__.update(discriminator_a=undecided, discriminator_b=undecided)
    x = tf.ones((2, *SHAPE))
    discriminator = {
        name: float(term) for name, term in game.discriminator_terms(x, x, x, x).items()
    }
    for domain in "ab":
        assert discriminator[f"real_{domain}"] + discriminator[f"fake_{domain}"] == pytest.approx(
            math.log(2)
        )
        made = game.generator_terms(x, x)[f"adversarial_{domain}"]
        assert float(made) == pytest.approx(math.log(2))


def test_inverse_generators_reconstruct_exactly():
    image = keras.Input(SHAPE)
    swap = keras.Model(image, keras.layers.Lambda(lambda x: x[..., ::-1])(image))
    discriminators = [discogan.build_discriminator(SHAPE, width=4) for _ in range(2)]
    game = discogan.DiscoGAN(swap, swap, *discriminators, weight_decay=0.0)
    batch = images(4)
    terms = game.generator_terms(*(tf.constant(batch[key]) for key in ("domain_a", "domain_b")))
    assert float(terms["reconstruction_a"]) == 0.0 == float(terms["reconstruction_b"])


def test_the_reconstruction_is_a_mean_in_units_of_zero_to_one():
    black, white = -tf.ones((3, 4, 4, 1)), tf.ones((3, 4, 4, 1))
    assert float(discogan.reconstruction(black, white)) == 1.0
    assert float(discogan.reconstruction(tf.zeros((5, 2)), tf.fill((5, 2), 2.0))) == 4.0


def test_weight_decay_is_half_the_square_of_all_trainable_weights():
    game = points_game("gan", 3, weight_decay=0.2)
    weights = np.concatenate([value(v).ravel() for v in trainable([game.a_to_b])])
    terms = game.generator_terms(tf.ones((4, 2)), tf.ones((4, 2)))
    assert float(terms["decay"]) == pytest.approx(0.1 * float(np.sum(weights**2)), rel=1e-5)


# ---- schedule and models ---------------------------------------------------------------------


def test_the_discriminators_move_at_every_third_iteration_and_the_generators_at_the_others():
    moves, seen = [], []

    class Spy(discogan.DiscoGAN):
        def update(self, player, terms, tape=None):
            before = snapshot(self)
            values = super().update(player, terms, tape)
            for name, networks in self.players().items():
                if any((value(v) != before[id(v)]).any() for v in trainable(networks)):
                    moves.append(name)
            return values

        def discriminator_terms(self, a, b, fake_a, fake_b):
            seen.append(("discriminators", a.numpy()[:, 0].tolist(), b.numpy()[:, 0].tolist()))
            return super().discriminator_terms(a, b, fake_a, fake_b)

        def generator_terms(self, a, b):
            seen.append(("generators", a.numpy()[:, 0].tolist(), b.numpy()[:, 0].tolist()))
            return super().generator_terms(a, b)

    game = points_game("discogan", 4)
    game.__class__ = Spy
    game.compile(
        generators=keras.optimizers.SGD(0.1),
        discriminators=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    numbers = np.arange(18, dtype="f4")[:, None] * [[1.0, 0.0]]
    batch = {"domain_a": numbers.astype("f4"), "domain_b": -numbers.astype("f4")}
    game.fit(tf.data.Dataset.from_tensor_slices(batch).batch(6), verbose=0, shuffle=False, epochs=1)
    assert moves == 3 * ["discriminators", "generators", "generators"]
    assert seen[:3] == [
        ("discriminators", [0, 3], [0, -3]),
        ("generators", [1, 4], [-1, -4]),
        ("generators", [2, 5], [-2, -5]),
    ]


@pytest.mark.parametrize("variant", ["gan", "recongan", "discogan"])
def test_the_three_models_of_the_paper(variant):
    game = points_game(variant, 4, ema_decay=0.9)
    assert game.variant == variant
    game.compile(
        generators=keras.optimizers.SGD(0.1),
        discriminators=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    batch = TestPoints().examples(12)
    history = game.fit(tf.data.Dataset.from_tensors(batch), verbose=0, shuffle=False).history
    terms = {name.split("/")[1] for name in history} - {"decay"}
    both = variant == "discogan"
    expected = {"adversarial_b", "features_b", "real_b", "fake_b"}
    expected |= {"reconstruction_a"} if variant != "gan" else set()
    if both:
        expected |= {"adversarial_a", "features_a", "real_a", "fake_a", "reconstruction_b"}
    assert terms == expected
    assert list(game.signatures()) == ["serving_default"] + ["b_to_a"] * (variant != "gan")
    assert game.translate(batch["domain_a"]).shape == (12, 2)


@pytest.mark.parametrize(
    "build, arguments, message",
    [
        (discogan.build_generator, {"shape": (64, 32, 3)}, "not square"),
        (discogan.build_generator, {"shape": (50, 50, 3)}, "size 50"),
        (discogan.build_discriminator, {"shape": (2,)}, "does not fit"),
        (discogan.build_discriminator, {"architecture": "unet"}, "conv, mlp"),
        (discogan.build_generator, {"bottleneck": -1}, "bottleneck is -1"),
    ],
)
def test_impossible_networks_are_refused(build, arguments, message):
    with pytest.raises(InputError, match=message):
        build(**arguments)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"reconstruction_weight": 1.5}, "reconstruction_weight is 1.5"),
        ({"feature_weight": -1.0}, "feature_weight is -1.0"),
        ({"generator_steps": 0}, "generator_steps is 0"),
        ({"loss": "l2"}, "l2"),
    ],
)
def test_impossible_games_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        small(**options)


def test_a_discriminator_without_features_is_refused_where_they_count():
    network = discogan.build_generator(SHAPE, width=4)
    image = keras.Input(SHAPE)
    plain = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))
    with pytest.raises(InputError, match="no features"):
        discogan.DiscoGAN(network, None, None, plain)
    with pytest.raises(InputError, match="pass b_to_a"):
        discogan.DiscoGAN(
            network, None, discogan.build_discriminator(SHAPE, width=4), plain, feature_weight=0
        )


# ---- what it learns --------------------------------------------------------------------------


def learnt(variant, seed, steps=3000):
    """Modes of B that are hit, and the error of what comes back, after training on the toy."""
    source = data.load_unpaired("modes")
    keras.utils.set_random_seed(seed)
    # Without reconstruction the two directions are two plain GANs.
    free = (
        {"reconstruction_weight": 0.0, "initial_reconstruction_weight": 0.0}
        if variant == "gan"
        else {}
    )
    model = "discogan" if variant == "gan" else variant
    game = points_game(model, 128, curriculum_steps=0, seed=seed, **free)
    adam = keras.optimizers.Adam
    game.compile(generators=adam(1e-3, 0.5), discriminators=adam(1e-3, 0.5))
    game.fit(source.batches(3 * 32, seed=seed), steps_per_epoch=steps, verbose=0)
    held_out = source.held_out(2000)
    a = held_out["domain_a"]
    made = game.translate(a, batch=2000)
    again = game.translate(made, signature="b_to_a", batch=2000)
    error = float(np.sqrt(np.mean(np.sum((again - a) ** 2, axis=1))))
    return source.report(held_out, made)["modes_found"], error


@pytest.mark.large
def test_the_toy_is_covered_and_comes_back():
    found = {
        variant: np.mean([learnt(variant, seed) for seed in range(3)], axis=0)
        for variant in ("gan", "recongan", "discogan")
    }
    (gan, lost), (_, once), (disco, twice) = found.values()
    assert disco >= gan, found
    assert max(once, twice) < 0.25 * lost, found


@pytest.mark.large
def test_shapes_keep_their_places():
    source = data.load_unpaired("hues")
    keras.utils.set_random_seed(0)
    generators = [discogan.build_generator(source.shape, width=16) for _ in range(2)]
    discriminators = [discogan.build_discriminator(source.shape, width=16) for _ in range(2)]
    game = discogan.DiscoGAN(*generators, *discriminators, curriculum_steps=150, ema_decay=0.99)
    adam = keras.optimizers.Adam
    game.compile(generators=adam(2e-4, 0.5), discriminators=adam(2e-4, 0.5))
    batches = source.batches(3 * 32, seed=0)
    game.fit(
        batches,
        steps_per_epoch=1500,
        verbose=0,
        callbacks=callbacks.linear_decay_callbacks(0.5, 1500),
    )
    held_out = source.held_out(200)
    found = source.report(held_out, game.translate(held_out["domain_a"], batch=200))
    assert found["centroid_correlation"] > 0.9 and found["blue_share"] > 0.9, found
