"""Motion and colour between textures that were moved and recoloured by known amounts."""

import numpy as np
import pytest

from tfgan_suite.latent import edit_transfer, optical_flow

INSIDE = (slice(None), slice(4, -4), slice(4, -4))


def texture(side=48, channels=3):
    from scipy import ndimage

    noise = np.random.default_rng(0).normal(size=(side, side, channels))
    smooth = ndimage.gaussian_filter(noise, (2, 2, 0))
    return 0.8 * smooth / np.abs(smooth).max()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_translation_by_two_pixels_is_recovered(channels):
    large = texture(44, channels)
    before, after = large[None, 6:38, 6:38], large[None, 4:36, 7:39]  # down 2, left 1
    flow, colour = optical_flow.estimate(before, after)
    error = np.linalg.norm(flow - [-2.0, 1.0], axis=-1)[INSIDE]
    assert error.mean() < 0.15
    identity = np.eye(channels, channels + 1)
    assert np.abs(colour - identity)[INSIDE].mean() < 0.02


def test_a_gain_of_colour_is_recovered_and_is_no_motion():
    image = texture(32)[None]
    flow, colour = optical_flow.estimate(image, 1.2 * image)
    assert np.abs(flow[INSIDE]).mean() < 0.05
    np.testing.assert_allclose(colour[INSIDE].mean((0, 1, 2)), 1.2 * np.eye(3, 4), atol=0.03)


def test_equal_images_have_neither():
    image = texture(32)[None]
    flow, colour = optical_flow.estimate(image, image)
    assert not flow.any()
    np.testing.assert_array_equal(colour, np.broadcast_to(np.eye(3, 4), colour.shape))


def test_samples_lie_between_pixels_and_end_at_the_edge():
    ramp = np.arange(12.0).reshape(1, 3, 4, 1)
    rows, columns = np.array([[[0.5, 2.0, 9.0]]]), np.array([[[1.25, 3.0, -5.0]]])
    np.testing.assert_allclose(
        optical_flow.sample(ramp, rows, columns)[0, 0, :, 0], [3.25, 11.0, 8.0]
    )
    one = optical_flow.resize(np.full((1, 1, 1, 2), 3.0), 2, 5)
    assert one.shape == (1, 2, 5, 2) and (one == 3.0).all()
    np.testing.assert_allclose(optical_flow.halve(ramp)[0, :, :, 0], [[2.5, 4.5], [8.5, 10.5]])


# ---- the transfer to a photo --------------------------------------------------------------------


def test_an_edit_that_changes_nothing_leaves_the_photo():
    frames = np.repeat(texture(16)[None], 4, axis=0)
    photo = np.random.default_rng(1).uniform(-1, 1, (48, 48, 3)).astype("f4")
    np.testing.assert_allclose(edit_transfer.transfer(frames, photo), photo, atol=1e-3)


def test_displacements_are_looked_up_where_the_next_ones_point():
    """w1 grows with the column (x / 4), w2 is 2 everywhere: 2 + (x + 2) / 4, not 2 + x / 4."""
    columns = np.broadcast_to(np.arange(12.0), (6, 12))
    zeros = np.zeros_like(columns)
    flows = np.stack([np.stack([zeros, columns / 4], -1), np.stack([zeros, zeros + 2], -1)])
    gains = np.zeros((2, 6, 12, 1, 2))
    gains[0, ..., 0], gains[0, ..., 1] = 0.5, 0.1
    gains[1, ..., 0], gains[1, ..., 1] = 3.0, -0.2
    flow, colour = edit_transfer.compose(flows, gains)
    np.testing.assert_allclose(flow[:, :9, 1], 2 + (columns[:, :9] + 2) / 4)
    assert not flow[..., 0].any()
    np.testing.assert_allclose(colour[..., 0, :], np.broadcast_to([1.5, 0.1], (6, 12, 2)))


def test_a_larger_photo_moves_by_its_own_pixels_and_keeps_its_details():
    photo = np.random.default_rng(1).uniform(-0.5, 0.5, (60, 40, 3)).astype("f4")
    flow = np.zeros((6, 4, 2))
    flow[..., 0] = -0.5  # half of a small pixel is 5 of the photo's
    colour = np.broadcast_to(1.2 * np.eye(3, 4), (6, 4, 3, 4))
    edited = edit_transfer.apply(photo, flow, colour)
    np.testing.assert_allclose(edited[5:], 1.2 * photo[:-5], atol=1e-4)


def test_a_sequence_moves_and_recolours_what_no_frame_showed():
    """Frames of a texture that moves right by 3 pixels and loses half of its contrast."""
    from scipy import ndimage

    base = texture(48)
    shares = np.linspace(0, 1, 7)
    moved = [ndimage.shift(base, (0, 3 * s, 0), order=3, mode="nearest") for s in shares]
    frames = np.stack([(1 - s / 2) * image for s, image in zip(shares, moved)])
    detail = 0.1 * np.random.default_rng(3).uniform(-1, 1, base.shape)
    expected = 0.5 * np.roll(base + detail, 3, axis=1)
    edited = edit_transfer.transfer(frames, (base + detail).astype("f4"))
    inside = slice(8, -8)
    error = np.abs(edited - expected)[inside, inside].mean()
    unedited = np.abs(base + detail - expected)[inside, inside].mean()
    assert error < 0.15 * unedited
