"""PSNR, SSIM and MS-SSIM against hand values and a float64 computation of the definition."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.measures import similarity


def noise(count, size, channels=3, seed=0):
    draws = np.random.RandomState(seed)
    smooth = draws.uniform(0, 200, (count, size // 4, size // 4, channels))
    return smooth.repeat(4, 1).repeat(4, 2) + draws.uniform(0, 55, (count, size, size, channels))


def terms(one, two, peak):
    """Wang's luminance and contrast-structure maps, written from the paper in float64."""
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    line /= line.sum()

    def blur(x):
        rows = np.lib.stride_tricks.sliding_window_view(x, 11, axis=0) @ line
        return np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ line

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    m1, m2 = blur(one), blur(two)
    v1, v2, v12 = blur(one * one) - m1**2, blur(two * two) - m2**2, blur(one * two) - m1 * m2
    luminance = (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1)
    return luminance, (2 * v12 + c2) / (v1 + v2 + c2)


def test_psnr_known_answers():
    grey = np.full((2, 8, 8, 1), 100, np.uint8)
    assert similarity.psnr(grey, grey + 1) == pytest.approx(48.1308, abs=1e-4)
    half = np.full((1, 8, 8, 3), 0.5)
    assert similarity.psnr(half, half + 0.1, peak=1.0) == pytest.approx(20.0)
    assert np.isinf(similarity.psnr(grey, grey)).all()
    # One grey level is 2/255 in [-1, 1]: the same number.
    scaled = grey / 127.5 - 1.0
    assert similarity.psnr(scaled, scaled + 1 / 127.5) == pytest.approx(48.1308, abs=1e-4)


def test_psnr_is_averaged_by_image():
    first = np.zeros((2, 4, 4, 1))
    second = first + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    each = similarity.psnr(first, second, peak=1.0)
    assert each == pytest.approx([20.0, 40.0])
    together = 10 * np.log10(1 / np.mean((first - second) ** 2))
    assert each.mean() - together > 7


def test_psnr_leaves_the_border_out():
    first = np.zeros((1, 10, 10, 1), np.uint8)
    second = first.copy()
    second[:, 0], second[:, :, -2] = 255, 255
    assert np.isfinite(similarity.psnr(first, second, border=1))
    assert np.isinf(similarity.psnr(first, second, border=2))


def test_ssim_known_answers():
    low, high = (np.full((1, 16, 16, 1), value, np.uint8) for value in (100, 110))
    assert similarity.ssim(low, high)[0] == pytest.approx(0.995476, abs=5e-7)
    images = noise(3, 32).astype(np.uint8)
    assert similarity.ssim(images, images) == pytest.approx([1, 1, 1], abs=1e-12)


def test_ssim_follows_the_definition():
    one, two = noise(2, 32, seed=1).round(), noise(2, 32, seed=2).round()
    mixed = (0.6 * one + 0.4 * two).round()
    expected = [
        np.mean([np.prod(terms(a[..., c], b[..., c], 255.0), axis=0).mean() for c in range(3)])
        for a, b in zip(one, mixed)
    ]
    found = similarity.ssim(one.astype(np.uint8), mixed.astype(np.uint8))
    assert found == pytest.approx(expected, abs=1e-12) and (found < 0.95).all()
    # The suite's range gives the same: it is moved to start at 0.
    scaled = similarity.ssim(one / 127.5 - 1, mixed / 127.5 - 1)
    assert scaled == pytest.approx(found, abs=1e-5)


@pytest.mark.parametrize(
    "side, scales",
    [
        (10, 0),
        (11, 1),
        (21, 1),
        (22, 2),
        (28, 2),
        (32, 2),
        (44, 3),
        (64, 3),
        (88, 4),
        (128, 4),
        (175, 4),
        (176, 5),
        (512, 5),
    ],
)
def test_scales_are_reduced_for_small_images(side, scales):
    assert similarity.scales_for(side, 2 * side) == scales


@pytest.mark.parametrize("height, width", [(64, 64), (63, 61), (45, 64)])
def test_ms_ssim_follows_the_definition(height, width):
    """Also of odd sides, of which no row or column is lost."""
    one, two = (noise(1, 64, 1, seed=seed).round()[:, -height:, :width] for seed in (3, 4))
    mixed = (0.8 * one + 0.2 * two).round()
    weights = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)
    expected, (a, b) = 1.0, (one[0, ..., 0], mixed[0, ..., 0])
    for scale, weight in enumerate(weights):
        luminance, contrast = terms(a, b, 255.0)
        value = (luminance * contrast if scale == 2 else contrast).mean()
        expected *= max(value, 0.0) ** weight
        # The official code filters with a symmetric border, then keeps every second pixel.
        a, b = (np.pad(x, (0, 1), mode="symmetric") for x in (a, b))
        a, b = ((x[:-1, :-1] + x[1:, :-1] + x[:-1, 1:] + x[1:, 1:])[::2, ::2] / 4 for x in (a, b))
    found = similarity.ms_ssim(one.astype(np.uint8), mixed.astype(np.uint8))
    assert found[0] == pytest.approx(expected, abs=1e-12) and found[0] < 0.99
    assert similarity.scale_weights(5) == similarity.WEIGHTS


def test_tensorflow_computes_the_same_to_its_precision():
    one, two = (noise(2, 180, seed=seed)[:, 1:, :177].round().astype(np.float32) for seed in (8, 9))
    mixed = (0.7 * one + 0.3 * two).round()
    for ours, theirs in (
        (similarity.ssim, tf.image.ssim),
        (similarity.ms_ssim, tf.image.ssim_multiscale),
    ):
        found = ours(one.astype(np.uint8), mixed.astype(np.uint8))
        assert found == pytest.approx(theirs(one, mixed, 255.0).numpy(), abs=2e-3)


def test_opposite_images():
    """Structure turned over: SSIM is negative, MS-SSIM stops at 0."""
    one = noise(1, 32, 1)
    one = (one - one.min()) / np.ptp(one)
    assert similarity.ssim(one, 1 - one, peak=1.0)[0] < -0.1
    assert similarity.ms_ssim(one, 1 - one, peak=1.0)[0] == 0.0


def test_luma_is_bt601():
    colours = np.array([[[[0, 0, 0], [255, 255, 255], [255, 0, 0]]]], np.uint8)
    assert similarity.luma(colours).ravel() == pytest.approx([16.0, 235.0, 16 + 65.481])
    grey = np.full((1, 1, 1, 1), 255, np.uint8)
    assert similarity.luma(grey).item() == 235.0


def test_super_resolution_by_the_papers_protocol():
    original = noise(1, 40, seed=5)[0].astype(np.uint8)
    made = original.copy()
    made[:4], made[:, -4:] = 0, 0  # the rim does not count
    assert np.isinf(float(similarity.super_resolution([made], [original])[0]))
    # One grey level in all channels is 219/255 of a level in luma.
    grey = np.full((40, 24, 3), 100, np.uint8)
    found, alike = similarity.super_resolution([grey + 1, original], [grey, original])
    assert found.name == "PSNR-Y" and alike.name == "SSIM-Y"
    assert found.protocol["each"][0] == pytest.approx(48.1308 + 20 * np.log10(255 / 219), abs=1e-4)
    assert alike.protocol["each"][1] == pytest.approx(1.0, abs=1e-12)
    assert alike.value == pytest.approx(np.mean(alike.protocol["each"]))
    assert found.protocol["border"] == 4 and found.spread is None and alike.spread < 0.1
    # An original that the factor does not divide is cut to the middle.
    wider = np.pad(original, ((1, 1), (1, 2), (0, 0)))
    assert np.isinf(float(similarity.super_resolution([original], [wider])[0]))
    with pytest.raises(InputError, match="does not fit"):
        similarity.super_resolution([original], [np.pad(original, ((9, 9), (9, 9), (0, 0)))])


def test_diversity_is_within_classes():
    """One class of copies, one of unrelated images."""
    copies = np.repeat(noise(1, 32, seed=6), 6, axis=0)
    others = noise(6, 32, seed=7)
    images = np.concatenate([copies, others]).astype(np.uint8)
    labels = np.repeat([4, 9], 6)
    found = similarity.diversity(images, labels, pairs=20, seed=1)
    classes = found.protocol["classes"]
    assert classes[4] == pytest.approx(1.0, abs=1e-9) and classes[9] < 0.5
    assert found.value == pytest.approx((classes[4] + classes[9]) / 2)
    assert found.name == "MS-SSIM-2" and sum(found.protocol["weights"]) == pytest.approx(1)
    assert found == similarity.diversity(images, labels, pairs=20, seed=1)
    alone = similarity.diversity(images, np.array([4] * 6 + [9] * 5 + [7]), pairs=2)
    assert alone.protocol["left_out"] == [7]


@pytest.mark.parametrize(
    "first, second, arguments, said",
    [
        (np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 1)), {}, "cannot be compared"),
        (np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 3), np.uint8), {}, "convert both to uint8"),
        (np.full((1, 16, 16, 3), 7.0), np.zeros((1, 16, 16, 3)), {}, "from 7 to 7"),
        (np.full((1, 16, 16, 3), -0.5), np.zeros((1, 16, 16, 3)), {"peak": 1}, r"\[0, 1\]"),
        (np.full((1, 16, 16, 3), np.nan), np.zeros((1, 16, 16, 3)), {}, "finite"),
        (np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8, 3)), {}, "too small"),
        (np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 3)), {"border": 8}, "leaves nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, arguments, said):
    with pytest.raises(InputError, match=said):
        similarity.ssim(first, second, **arguments)


def test_too_many_scales_are_refused():
    with pytest.raises(InputError, match="take 1 to 2"):
        similarity.ms_ssim(np.zeros((1, 32, 32, 1)), np.zeros((1, 32, 32, 1)), scales=5)
