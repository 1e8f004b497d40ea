"""Statistics of styles by hand: of maps and regions, their distance, mixtures and masks."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_style import close

from tfgan_suite.errors import InputError
from tfgan_suite.style.statistics import (
    adain,
    mask_at_positions,
    mix_styles,
    split_statistics,
    statistics,
    style_distance,
)

DRAWS = np.random.RandomState(0)
MAPS = (DRAWS.uniform(0, 2, (2, 6, 5, 3)) * [1.0, 3.0, 0.5]).astype("f4")
OTHERS = (DRAWS.uniform(0, 1, (2, 4, 7, 3)) + [2.0, 0.0, 1.0]).astype("f4")


def test_known_small_case():
    """[1, 3] has mean 2 and deviation 1, [10, 14] has 12 and 2: the result is [10, 14]."""
    x = tf.constant([1.0, 3.0], shape=(1, 1, 2, 1))
    y = tf.constant([10.0, 14.0], shape=(1, 2, 1, 1))
    np.testing.assert_allclose(tf.reshape(adain(x, statistics(y)), [-1]), [10, 14], atol=3e-5)


def test_the_result_has_the_styles_mean_and_deviation():
    made = adain(MAPS, statistics(OTHERS)).numpy()
    close(made.mean((1, 2)), OTHERS.mean((1, 2)))
    close(made.std((1, 2)), OTHERS.std((1, 2)), 1e-3)
    close(adain(MAPS, statistics(MAPS)), MAPS)
    close(adain(MAPS, statistics(3 * OTHERS + 5)), 3 * made + 5, 1e-3)


def test_mean_0_and_deviation_1_is_instance_norm():
    plain = (tf.zeros((1, 1, 1, 3)), tf.ones((1, 1, 1, 3)))
    moments = MAPS.mean((1, 2), keepdims=True), MAPS.std((1, 2), keepdims=True)
    close(adain(MAPS, plain), (MAPS - moments[0]) / moments[1], 1e-3)


def test_where_things_are_in_the_style_does_not_matter():
    shuffled = OTHERS.reshape(2, -1, 3)[:, np.random.RandomState(1).permutation(28)]
    close(adain(MAPS, statistics(shuffled.reshape(2, 14, 2, 3))), adain(MAPS, statistics(OTHERS)))


def test_a_dead_channel_is_finite_and_so_is_its_gradient():
    dead = tf.Variable(tf.zeros((1, 4, 4, 2)))
    style = statistics(tf.constant(OTHERS[:1, ..., :2]))
    with tf.GradientTape() as tape:
        loss = style_distance([dead], [style])
    assert np.isfinite(tape.gradient(loss, dead)).all()
    made = adain(dead, style)
    close(made, np.broadcast_to(style[0], made.shape))


def test_statistics_of_a_region():
    region = np.zeros((1, 6, 5, 1), "f4")
    region[:, 1:3, 2:] = 1.0
    mean, deviation = statistics(MAPS, region)
    close(mean[:, 0, 0], MAPS[:, 1:3, 2:].mean((1, 2)))
    close(deviation[:, 0, 0], MAPS[:, 1:3, 2:].std((1, 2)))
    whole = statistics(MAPS)
    for everything in (np.ones_like(region), np.zeros_like(region)):
        for one, other in zip(statistics(MAPS, everything), whole):
            close(one, other)


def test_style_distance_by_hand():
    """Two channels: means differ by 1 and 2, deviations by 0: (1 + 4) / 2 on means, 5 on sums."""
    styles = [statistics(MAPS[..., :2] + np.array([1.0, 2.0], "f4"))]
    close(style_distance([MAPS[..., :2]], styles), 2.5)
    close(style_distance([MAPS[..., :2]], styles, "sum"), 5.0)
    close(style_distance([MAPS[..., :2]] * 2, styles * 2), 5.0)
    assert abs(float(style_distance([OTHERS], [statistics(OTHERS[:, ::-1])]))) < 1e-8


@pytest.mark.parametrize("channels", [64, 512])
def test_lambda_on_sums_and_on_means(channels):
    """1e-2 on sums is 0.64 on means of 64 channels and 5.12 on those of 512."""
    draws = np.random.RandomState(2)
    one, two = (draws.uniform(0, 1, (2, 3, 3, channels)).astype("f4") for _ in range(2))
    total = 1e-2 * style_distance([one], [statistics(two)], "sum")
    close(total, 1e-2 * channels * style_distance([one], [statistics(two)]))


def test_mixing_styles():
    one, two = (tf.concat(statistics(x), -1)[:, 0, 0] for x in (OTHERS, MAPS))
    close(mix_styles([one, one], [0.3, 0.7]), one)
    close(mix_styles([one, two], [1, 3]), 0.25 * one + 0.75 * two)
    close(mix_styles([one, two]), 0.5 * one + 0.5 * two)
    # The mixture of results is the result of the mixture.
    apart = 0.25 * adain(MAPS, split_statistics(one)) + 0.75 * adain(MAPS, split_statistics(two))
    close(adain(MAPS, split_statistics(mix_styles([one, two], [1, 3]))), apart)
    for weights in ([1.0], [1.0, -1.0], [0.0, 0.0]):
        with pytest.raises(InputError, match="for 2 styles"):
            mix_styles([one, two], weights)


def test_a_mask_on_the_grid_of_a_map():
    mask = np.zeros((6, 4), bool)
    mask[:, 2:] = True
    found = mask_at_positions(
        mask, (2, 1), 4
    )  # the middles are the rows 2 and 5 (of 6, cut), column 2
    np.testing.assert_array_equal(found, np.ones((1, 2, 1, 1)))
    np.testing.assert_array_equal(mask_at_positions(mask, (3, 2), 2)[0, :, :, 0], [[0, 1]] * 3)
