"""Adversarial losses against values derived by hand (the papers' own, where they give them)."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.losses import adversarial

LOG2 = math.log(2.0)


def constant(value, shape=(4, 1)):
    return tf.fill(shape, tf.constant(value, tf.float32))


def discriminator_sum(loss, real, fake):
    return float(loss.real(real) + loss.fake(fake))


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_undecided_discriminator(name):
    loss = adversarial.get(name)
    total = discriminator_sum(loss, constant(0.0), constant(0.0))
    assert total == pytest.approx(2 * LOG2, abs=1e-6)
    assert adversarial.jensen_shannon_estimate(total) == pytest.approx(0.0, abs=1e-6)


def test_generator_losses_of_an_undecided_discriminator():
    assert float(adversarial.get("minimax").generator(constant(0.0))) == pytest.approx(
        -LOG2, abs=1e-6
    )
    assert float(adversarial.get("non_saturating").generator(constant(0.0))) == pytest.approx(
        LOG2, abs=1e-6
    )


def test_perfect_discriminator_reaches_the_limit_of_the_divergence():
    total = discriminator_sum(adversarial.get("non_saturating"), constant(50.0), constant(-50.0))
    assert total == pytest.approx(0.0, abs=1e-6)
    assert adversarial.jensen_shannon_estimate(total) == pytest.approx(0.693147, abs=1e-6)


def test_optimal_discriminator_of_a_two_point_world():
    """p = (.5, .5), q = (.9, .1): D* = p / (p + q), JSD = .101749, V(D*) = -1.182796."""
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    best = p / (p + q)
    np.testing.assert_allclose(best, [0.357143, 0.833333], atol=1e-6)
    logits = tf.constant(np.log(best / (1 - best)), tf.float32)
    # A batch of ten that holds each point in its exact share.
    real = tf.gather(logits, [0] * 5 + [1] * 5)
    fake = tf.gather(logits, [0] * 9 + [1])
    total = discriminator_sum(adversarial.get("minimax"), real, fake)
    assert total == pytest.approx(1.182796, abs=1e-5)
    assert adversarial.jensen_shannon_estimate(total) == pytest.approx(0.101749, abs=1e-5)


def test_gradients_at_a_logit():
    """Non-saturating: -(1 - D); minimax: -D."""
    for value in (-3.0, 0.0, 2.0):
        probability = 1 / (1 + math.exp(-value))
        for name, expected in (("non_saturating", -(1 - probability)), ("minimax", -probability)):
            logit = tf.constant([value])
            with tf.GradientTape() as tape:
                tape.watch(logit)
                loss = adversarial.get(name).generator(logit)
            assert float(tape.gradient(loss, logit)[0]) == pytest.approx(expected, abs=1e-6)


def test_losses_stay_finite_far_out():
    for name in adversarial.names():
        loss = adversarial.get(name)
        for value in (-1e4, 1e4):
            for term in (loss.real, loss.fake, loss.generator):
                logit = tf.constant([value])
                with tf.GradientTape() as tape:
                    tape.watch(logit)
                    result = term(logit)
                assert np.isfinite(float(result)), (name, value)
                assert np.isfinite(float(tape.gradient(result, logit)[0])), (name, value)


def test_label_smoothing():
    """t = .9: -.9 log D - .1 log(1 - D), smallest where D = .9."""
    loss = adversarial.get("non_saturating", label_smoothing=0.1)
    logit = math.log(9.0)
    expected = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert float(loss.real(constant(logit))) == pytest.approx(expected, abs=1e-6)
    assert float(loss.real(constant(logit + 0.1))) > expected
    assert float(loss.real(constant(logit - 0.1))) > expected
    # One-sided: the fake and generator terms stay as they are.
    plain = adversarial.get("non_saturating")
    assert float(loss.fake(constant(1.0))) == float(plain.fake(constant(1.0)))
    assert float(loss.generator(constant(1.0))) == float(plain.generator(constant(1.0)))


def test_smoothing_is_refused_where_it_means_nothing():
    with pytest.raises(InputError, match="hinge.*minimax, non_saturating"):
        adversarial.get("hinge", label_smoothing=0.1)
    for value in (-0.1, 1.0):
        with pytest.raises(InputError, match="label smoothing"):
            adversarial.get("minimax", label_smoothing=value)


def test_least_squares_values():
    zero_one = adversarial.get("least_squares")
    assert discriminator_sum(zero_one, constant(1.0), constant(0.0)) == 0.0
    assert float(zero_one.generator(constant(0.0))) == 0.5
    assert discriminator_sum(zero_one, constant(0.5), constant(0.5)) == 0.25
    assert float(zero_one.generator(constant(0.5))) == 0.125
    pearson = adversarial.least_squares(-1.0, 1.0, 0.0)
    assert discriminator_sum(pearson, constant(0.0), constant(0.0)) == 1.0
    assert float(pearson.generator(constant(0.0))) == 0.0
    assert (zero_one.threshold, pearson.threshold) == (0.5, 0.0)


@pytest.mark.parametrize("coding, expected", [((-1, 1, 0), 0.380952), ((0, 1, 1), 0.595238)])
def test_least_squares_and_pearson(coding, expected):
    """2 C(G) with the optimal discriminator; chi^2 = .380952 only where b-c = 1 and b-a = 2."""
    a, b, c = coding
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    best = tf.constant((b * p + a * q) / (p + q), tf.float32)
    generator = adversarial.least_squares(a, b, c).generator
    on_real = generator(tf.gather(best, [0] * 5 + [1] * 5))
    on_fake = generator(tf.gather(best, [0] * 9 + [1]))
    assert float(2 * (on_real + on_fake)) == pytest.approx(expected, abs=1e-5)


def test_least_squares_keeps_a_gradient_where_cross_entropy_has_none():
    gradients = {}
    for name in ("non_saturating", "least_squares"):
        value = tf.constant([10.0])
        with tf.GradientTape() as tape:
            tape.watch(value)
            loss = adversarial.get(name).generator(value)
        gradients[name] = float(tape.gradient(loss, value)[0])
    assert gradients["least_squares"] == pytest.approx(9.0)
    assert gradients["non_saturating"] == pytest.approx(-4.54e-5, rel=1e-2)


def test_least_squares_needs_two_labels():
    with pytest.raises(InputError, match="two different numbers"):
        adversarial.least_squares(1.0, 1.0, 0.0)


def test_wasserstein_values():
    loss = adversarial.get("wasserstein")
    real, fake = tf.constant([[3.0], [5.0]]), tf.constant([[1.0], [-2.0]])
    assert discriminator_sum(loss, real, fake) == pytest.approx(-4.5)
    assert float(loss.generator(fake)) == pytest.approx(0.5)
    assert float(adversarial.wasserstein_distance(real, fake)) == pytest.approx(4.5)


def test_hinge_values():
    loss = adversarial.get("hinge")
    assert discriminator_sum(loss, constant(0.0), constant(0.0)) == 2.0
    assert discriminator_sum(loss, constant(1.5), constant(-1.0)) == 0.0
    assert discriminator_sum(loss, constant(0.5), constant(-0.25)) == pytest.approx(1.25)
    assert float(loss.generator(constant(-0.25))) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "wasserstein"])
def test_means_are_over_every_element_in_float32(name):
    """A bfloat16 sum of 4096 ones stops at 256; a patch discriminator has many outputs."""
    patches = tf.cast(tf.fill((4, 32, 32, 1), 1.0), tf.bfloat16)
    loss = adversarial.get(name)
    for term in (loss.real, loss.fake, loss.generator):
        result = term(patches)
        assert result.dtype == tf.float32 and result.shape == ()
        assert float(result) == pytest.approx(float(term(constant(1.0))), abs=1e-6)


def test_get():
    with pytest.raises(InputError, match="minimax, non_saturating, least_squares, wasserstein"):
        adversarial.get("wassertein")
    own = adversarial.least_squares(-1.0, 1.0, 0.0)
    assert adversarial.get(own) is own
    assert [adversarial.get(name).name for name in adversarial.names()] == list(adversarial.names())


@pytest.mark.parametrize("loss", ["minimax", "non_saturating", "least_squares"])
def test_a_loss_knows_its_value_at_a_draw(loss):
    loss = adversarial.get(loss)
    middle = constant(loss.threshold)
    assert discriminator_sum(loss, middle, middle) == pytest.approx(loss.draw)


def test_label_smoothing_leaves_the_value_at_a_draw():
    loss = adversarial.get("non_saturating", label_smoothing=0.1)
    assert discriminator_sum(loss, constant(0.0), constant(0.0)) == pytest.approx(loss.draw)


def test_losses_without_a_telling_draw():
    assert adversarial.get("wasserstein").draw is None and adversarial.get("hinge").draw is None


def test_the_official_criterion_is_a_mean_square_without_halves():
    loss = adversarial.least_squares()
    scaled = loss.criterion_scale * float(loss.generator(constant(3.0)))
    assert scaled == pytest.approx(4.0)
    others = set(adversarial.names()) - {"least_squares"}
    assert {adversarial.get(name).criterion_scale for name in others} == {1.0}
