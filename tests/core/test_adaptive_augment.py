"""ADA by its definition: each change by known draws, the controller by known outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core import adaptive_augment
from tfgan_suite.core.latent_game import Regularization
from tfgan_suite.games import dcgan

SIDE = 8
ONE_SIGMA = 0.8413447  # share of a normal distribution below its deviation
CHOICES = ("flip", "quarter turns", "luma flip")


def images(channels=3, width=SIDE):
    return np.random.RandomState(0).uniform(-1, 1, (2, SIDE, width, channels)).astype("f4")


def changed(array, p=1.0, **draws):
    """The images when every change happens and is neutral, but those with draws."""

    def draw(shape, name):
        if name.endswith("happens"):
            return tf.zeros(shape)
        name = name.replace(" ", "_")
        neutral = 0.0 if name in [word.replace(" ", "_") for word in CHOICES] else 0.5
        return tf.fill(shape, np.float32(draws.get(name, neutral)))

    return adaptive_augment.augment(tf.constant(array), p, draw).numpy()


def random_draw(shape, name):
    return tf.random.stateless_uniform(shape, [len(name), sum(map(ord, name))])


@pytest.mark.parametrize("channels, width", [(3, SIDE), (1, SIDE), (3, 12)])
def test_without_probability_nothing_changes_a_bit(channels, width):
    array = images(channels, width)
    same = adaptive_augment.augment(tf.constant(array), 0.0, random_draw)
    assert np.array_equal(same, array)
    other = adaptive_augment.augment(tf.constant(array), 1.0, random_draw).numpy()
    assert np.isfinite(other).all() and np.abs(other - array).max() > 0.1


def test_flips_and_quarter_turns_move_whole_pixels():
    array = images()
    assert np.array_equal(changed(array), array)
    assert np.array_equal(changed(array, flip=0.5), array[:, :, ::-1])
    quarter = changed(array, quarter_turns=0.25)
    assert np.array_equal(quarter, np.rot90(array, 1, (1, 2)))
    assert np.array_equal(changed(array, quarter_turns=0.5), array[:, ::-1, ::-1])
    # The continuous rotation by the same angle, (2 * 3/4 - 1) pi.
    np.testing.assert_allclose(changed(array, first_rotation=0.75), quarter, atol=1e-5)
    # An eighth of 8 pixels; what comes in from outside is a reflection.
    moved = changed(array, shift_x=0.9999)
    assert np.array_equal(moved[:, :, :-1], array[:, :, 1:])
    assert np.array_equal(moved[:, :, -1], array[:, :, -2])


def test_colours_follow_their_formulas():
    array = images()
    for draws, expected in (
        ({"brightness": ONE_SIGMA}, array + 0.2),
        ({"contrast": ONE_SIGMA}, array * np.sqrt(2.0)),
        ({"hue": 5 / 6}, np.roll(array, 1, 3)),  # by a third of a turn
        ({"luma flip": 0.5}, array - 2 * array.mean(3, keepdims=True)),
        ({"saturation": ONE_SIGMA}, 2 * array - array.mean(3, keepdims=True)),
    ):
        draws = {name.replace(" ", "_"): number for name, number in draws.items()}
        np.testing.assert_allclose(changed(array, **draws), expected, atol=2e-6, err_msg=str(draws))
    grey = images(channels=1)
    np.testing.assert_allclose(changed(grey, luma_flip=0.5), -grey, atol=1e-6)


def test_a_larger_scale_shows_a_smaller_part():
    ramp = np.tile(np.arange(9.0, dtype="f4")[None, None, :, None], (1, 9, 1, 1)) - 4.0
    factor = 2.0**0.2
    np.testing.assert_allclose(
        changed(ramp, scale=1 - ONE_SIGMA)[0, 4, :, 0], ramp[0, 4, :, 0] / factor, atol=1e-5
    )


def test_each_change_happens_with_its_probability():
    chances = adaptive_augment._Chances(tf.constant(0.3), 4000, random_draw)
    assert np.mean(chances.uniform("a", -1.0) >= 0) == pytest.approx(0.3, abs=0.03)
    assert np.mean(chances.choice("flip", 2) == 1) == pytest.approx(0.15, abs=0.02)
    assert np.std(chances.normal("b")) == pytest.approx(np.sqrt(0.3), abs=0.04)


def test_the_gradient_is_the_transpose():
    first, second = (tf.constant(images()[[i, 1 - i]]) for i in (0, 1))
    change = lambda x: adaptive_augment.augment(x, 0.7, random_draw)  # noqa: E731
    with tf.GradientTape() as tape:
        tape.watch(first)
        total = tf.reduce_sum(change(first) * second)
    gradient = tape.gradient(total, first)
    # The changes are affine: their difference at two images is their linear part.
    linear = tf.reduce_sum((change(second) - change(tf.zeros_like(second))) * second)
    assert float(tf.reduce_sum(gradient * second)) == pytest.approx(float(linear), rel=1e-4)


def test_overfitting_is_the_mean_sign_of_outputs_or_of_pairs():
    real, fake = (
        tf.constant([[1.0], [2.0], [-1.0], [3.0]]),
        tf.constant([[0.0], [3.0], [-2.0], [4.0]]),
    )
    assert float(adaptive_augment.overfitting(real, fake, 0.0)) == 0.5
    assert float(adaptive_augment.overfitting(real, fake, 1.5)) == 0.0
    assert float(adaptive_augment.overfitting(real, fake, None)) == 0.0
    assert float(adaptive_augment.overfitting(real[:3], fake[:3], None, -1.0)) == pytest.approx(
        -1 / 3
    )


def test_the_controller_moves_p_by_the_images_of_four_batches():
    controller = adaptive_augment.AdaptiveAugment(0.6, 1000)

    def observe(*values):
        for number in values:
            controller.observe(tf.constant(number), 100)
        return float(controller.p)

    assert observe(1.0, 1.0, 1.0) == 0.0
    assert observe(0.0) == pytest.approx(0.4)  # the mean is 0.75
    assert observe(0.5, 0.6, 0.6, 0.6) == 0.0
    assert observe(0.5, 0.5, 0.5, 0.5) == 0.0  # never below
    assert observe(*[1.0] * 16) == 1.0  # nor above


def game_with_ada(**options):
    keras.utils.set_random_seed(0)
    generator = dcgan.build_generator(size=8, channels=1, width=2, latent_dim=3)
    discriminator = dcgan.build_discriminator(size=8, channels=1, width=2, norm="none")
    return dcgan.DCGAN(generator, discriminator, augment="ada", ada_images=32, seed=1, **options)


@pytest.mark.parametrize("pairing", [False, True])
def test_a_game_moves_its_probability_and_a_resumed_one_goes_on(tmp_path, pairing):
    """All outputs for real images are above 0, half of them above the partner: 1 or 0."""
    game, resumed = (game_with_ada(pairing=pairing, ada_target=0.5) for _ in range(2))
    assert "discriminator/augment_p" in game.loss_names
    real, fake = tf.ones((8, 1)), tf.reshape(tf.constant([0.0, 2.0] * 4), (8, 1))
    examples = tf.constant(np.random.RandomState(0).uniform(-1, 1, (8, 8, 8, 1)).astype("f4"))
    assert np.array_equal(game.augment_inputs(examples, "real"), examples)

    def score(game, times):
        for _ in range(times):
            game.adversarial_terms(real, fake)

    if pairing:
        game.augmenter.p.assign(1.0)
    score(game, 3)
    before = game.augmenter.p.numpy()
    path = tf.train.Checkpoint(game=game).save(str(tmp_path / "half"))
    tf.train.Checkpoint(game=resumed).restore(path).assert_consumed()
    for each in (game, resumed):
        score(each, 1)
        assert each.augmenter.p.numpy() == before + (-1.0 if pairing else 1.0)
        assert each._reported.terms["discriminator/augment_p"][-1] == each.augmenter.p.numpy()
    changed_images = [each.augment_inputs(examples, "real").numpy() for each in (game, resumed)]
    assert np.array_equal(*changed_images)
    assert np.array_equal(changed_images[0], examples) == pairing


@pytest.mark.parametrize(
    "options, words",
    [
        ({"augment": "ada,color"}, "pass it alone"),
        ({"augment": "ada", "ada_target": 1.5}, r"in \[-1, 1\]"),
        ({"augment": "ada", "ada_images": 0}, "at least 1"),
        ({"augment": "adda"}, "is unknown"),
    ],
)
def test_what_is_no_such_augmentation_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Regularization(**options)
