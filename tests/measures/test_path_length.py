"""PPL and separability: linear generators, perfect and independent attributes."""

import types

import linear_styles
import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.measures import path_length as ppl

MATRIX = np.random.RandomState(0).normal(size=(3, 4))


def normal(count, seed):
    return np.random.RandomState(seed % 2**31).normal(size=(count, 3)).astype("f4")


def linear(latents):
    return (latents.astype("f8") @ MATRIX).reshape(-1, 2, 2, 1)


def flat(images):
    return images.reshape(len(images), -1)


@pytest.mark.parametrize("sampling", ["full", "end"])
@pytest.mark.parametrize("epsilon", [1e-2, 1e-3])
def test_lines_through_a_linear_generator(sampling, epsilon):
    """E |A (b - a)|^2 = 2 |A|^2 for standard normal ends, wherever on the path."""
    options = {"pairs": 4000, "batch": 1000, "epsilon": epsilon, "sampling": sampling}
    found = ppl.path_length(normal, linear, flat, extractor="flat", **options)
    # Of the values inside the percentiles, as the definition says, by hand.
    assert found.name == f"PPL-w-{sampling}-flat" and found.protocol["path"] == "line"
    assert found.value == pytest.approx(2 * np.sum(MATRIX**2), rel=0.08)
    assert 0 < found.spread < 0.05 * found.value


def test_arcs_of_the_identity_have_the_length_of_the_angle():
    """|f'(t)| is the angle for ends of length 1: (pi / 2)^2 for orthogonal ones, at any t."""
    calls = []

    def corner(count, seed):
        calls.append(seed)
        return np.tile(np.float32([1, 0] if len(calls) % 2 else [0, 1]), (count, 1))

    found = ppl.path_length(
        corner, lambda z: z.reshape(-1, 1, 2, 1), flat, space="z", spherical=True, pairs=200,
        epsilon=1e-2, batch=100,
    )  # fmt: skip
    assert found.value == pytest.approx((np.pi / 2) ** 2, rel=1e-3)
    halfway = ppl.slerp(np.array([[2.0, 0]]), np.array([[0, 4.0]]), np.array([[0.5]]))
    np.testing.assert_allclose(halfway, [[3 / np.sqrt(2), 3 / np.sqrt(2)]])


def test_the_lowest_and_the_highest_percent_do_not_count():
    """One pair in a thousand that moves 1e6 times as far changes nothing."""
    state = {"first": True}

    def jumping(latents):
        made = linear(latents)
        if state.pop("first", False):
            made[0] *= 1e6
        return made

    options = {"pairs": 1000, "batch": 500, "epsilon": 1e-2}
    plain = ppl.path_length(normal, linear, flat, **options)
    found = ppl.path_length(normal, jumping, flat, **options)
    assert found.value == pytest.approx(plain.value, rel=0.01)


def test_crops_and_large_images():
    images = np.arange(64.0).reshape(1, 8, 8, 1)
    np.testing.assert_array_equal(ppl.cropped(images, ppl.FACE_CROP), images[:, 3:7, 2:6])
    large = np.arange(512.0 * 600).reshape(1, 512, 600, 1)
    means = (
        large[:, ::2, ::2] + large[:, 1::2, ::2] + large[:, ::2, 1::2] + large[:, 1::2, 1::2]
    ) / 4
    np.testing.assert_allclose(ppl.shrink(large), means)
    with pytest.raises(InputError, match="leaves nothing"):
        ppl.cropped(images, (0.5, 0.5, 0, 1))


def test_separability_of_perfect_and_of_independent_attributes():
    """1 where a plane tells them, 2 for each balanced one of which the latents say nothing."""
    draws = np.random.RandomState(1)
    latents = draws.normal(size=(4000, 5))
    normal_vector = np.arange(1, 6) / np.sqrt(55)
    side = latents @ normal_vector > 0
    latents += np.where(side, 0.5, -0.5)[:, None] * normal_vector  # a margin, which an SVM finds
    perfect = np.where(side, 0.9, 0.1)
    coins = np.where(draws.randint(0, 2, (4000, 2)) > 0, 0.9, 0.1)
    assert ppl.separability(latents, perfect[:, None]).value == pytest.approx(1.0, abs=0.005)
    assert ppl.separability(latents, coins[:, :1]).value == pytest.approx(2.0, rel=0.01)
    found = ppl.separability(latents, np.column_stack([coins, perfect]), extractor="tiny")
    assert found.value == pytest.approx(4.0, rel=0.03) and found.name == "separability-w-tiny"
    constant = ppl.separability(latents, np.full((4000, 1), 0.9))
    assert constant.value == 1.0 and constant.protocol["entropies"] == [0.0]


def test_only_the_surer_half_counts():
    """The labels of the others are those of a coin."""
    draws = np.random.RandomState(2)
    latents = draws.normal(size=(2000, 2))
    sure = np.arange(2000) % 2 == 0
    attribute = np.where(sure, latents[:, 0] > 0, draws.randint(0, 2, 2000) > 0)
    confidence = np.where(sure, 0.45, 0.05)
    probabilities = 0.5 + np.where(attribute, confidence, -confidence)
    assert ppl.separability(latents, probabilities[:, None]).value < 1.05


def test_conditional_entropy_by_hand():
    labels, predictions = np.array([1, 1, 0, 0], bool), np.array([1, 1, 1, 0], bool)
    expected = 0.75 * -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    assert ppl.conditional_entropy(labels, predictions) == pytest.approx(expected)


def test_a_generator_with_a_mapping_is_measured_in_both_spaces():
    """Images z M (S_1 + S_2): 2 |M (S_1 + S_2)|^2, in w as in z, whose paths are arcs there."""
    generator = linear_styles.generator()
    matrix = linear_styles.MAPPING @ linear_styles.SYNTHESIS.sum(0)
    network = types.SimpleNamespace(
        features=flat,
        name="flat",
        gives_logits=True,
        protocol=lambda: {"extractor": "flat"},
        describe=lambda images: (flat(images), flat(images)[:, :2]),
    )
    results = ppl.path_lengths(generator, network, 2000, 0, 500)
    names = [f"PPL-{space}-{sampling}-flat" for space in "zw" for sampling in ("full", "end")]
    assert [result.name for result in results] == names
    for result in results[2:]:
        assert result.value == pytest.approx(2 * np.sum(matrix**2), rel=0.1)
    separable = ppl.separabilities(generator, network, 400, 0, 100)
    assert [result.name for result in separable] == ["separability-z-flat", "separability-w-flat"]
    # Two logits that are linear in z are told apart by a plane, as is 1 minus the first.
    assert all(result.value < 1.1 for result in separable)


def test_bad_input():
    with pytest.raises(InputError, match="'full' or 'end'"):
        ppl.path_length(normal, linear, flat, sampling="middle")
    with pytest.raises(InputError, match="above 0"):
        ppl.path_length(normal, linear, flat, pairs=0)
    with pytest.raises(InputError, match="4 or more"):
        ppl.separability(np.zeros((3, 2)), np.zeros((3, 1)))
