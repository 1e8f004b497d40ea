"""The shapes world: its ground truth, and an oracle that reads it and rejects everything else."""

import numpy as np
import pytest

from tfgan_suite import data
from tfgan_suite.data.synthetic import shape_parts, shapes
from tfgan_suite.errors import InputError


@pytest.fixture(scope="module", params=[16, 32, 64])
def world(request):
    return shapes.generate(360, request.param, seed=3)


@pytest.fixture(scope="module")
def real():
    return shapes.generate(360, 32, seed=5)


def floats(examples):
    return examples.images.astype(np.float32) / 127.5 - 1.0


def blurred(images):
    """A 3 x 3 binomial filter: standard deviation 0.71 pixels."""
    for axis in (1, 2):
        padded = np.pad(images, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
        parts = [np.take(padded, range(k, k + images.shape[axis]), axis) for k in range(3)]
        images = 0.25 * parts[0] + 0.5 * parts[1] + 0.25 * parts[2]
    return images


def test_the_oracle_reads_the_world(world):
    reading = shapes.read(world.images)
    assert reading.clean.mean() > 0.99
    np.testing.assert_array_equal(reading.label, world.label)
    np.testing.assert_array_equal(reading.shape, world.shape)
    np.testing.assert_array_equal(reading.colour, world.colour)
    assert np.abs(reading.box - world.box).max() < 2.0


def test_it_bears_slight_noise_and_blur(real):
    noise = np.random.default_rng(0).normal(0, 0.05, real.images.shape)
    for images in (floats(real) + noise, blurred(floats(real)), blurred(floats(real)) + noise):
        reading = shapes.read(images)
        assert reading.clean.mean() > 0.98
        assert np.mean(reading.label == real.label) > 0.98


def test_float_and_byte_images_read_alike(real):
    one, two = shapes.read(real.images), shapes.read(floats(real))
    np.testing.assert_array_equal(one.label, two.label)
    np.testing.assert_array_equal(one.clean, two.clean)


def erased(real, share):
    images = floats(real)
    for index, (left, _, right, _) in enumerate(real.box):
        images[index][:, : int(left + share * (right - left))] = images[index, 0, 0]
    return images


def repainted(real, colours):
    """Large upright shapes in the middle, in any colours `(n, 3)` from 0 to 1."""
    count, size = len(real.label), real.images.shape[1]
    middle = np.full((count, 2), size / 2.0)
    radius, angle = np.full(count, 0.25 * size), np.zeros(count)
    cover = shape_parts.coverage(real.shape, middle, radius, angle, size)[..., None]
    return 2.0 * (0.2 + cover * (colours[:, None, None] - 0.2)) - 1.0


def mixed(share):
    """The six colours, each with a share of another one."""
    return (1 - share) * shape_parts.PALETTE + share * np.roll(shape_parts.PALETTE, 2, axis=0)


def blended(real):
    """Half and half of images of two classes."""
    both = 0.5 * floats(real) + 0.5 * floats(real)[::-1]
    return both[real.label != real.label[::-1]]


def two_shapes(real):
    """Half as large, one shape beside another."""
    half = floats(real)[:, ::2, ::2]
    images = np.full_like(floats(real), -0.7)
    images[:, 8:24, :16], images[:, 8:24, 16:] = half, half[::-1]
    return images


def test_repainting_itself_keeps_shapes_clean(real):
    assert shapes.read(repainted(real, shape_parts.PALETTE[real.colour])).clean.all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda real: np.random.default_rng(0).uniform(-1, 1, real.images.shape),
        lambda real: np.random.default_rng(0).normal(0, 0.2, real.images.shape),
        lambda real: np.zeros(real.images.shape, np.float32),
        lambda real: np.full(real.images.shape, np.nan),
        lambda real: np.broadcast_to(floats(real).mean(axis=0), real.images.shape),
        lambda real: blended(real),
        lambda real: erased(real, 0.5),
        lambda real: erased(real, 0.34),
        lambda real: two_shapes(real),
        lambda real: repainted(real, mixed(0.5)[real.colour]),
        lambda real: repainted(real, mixed(0.4)[real.colour]),
        lambda real: 0.6 * floats(real) - 0.28,
        lambda real: floats(real)[real.shape == 2][:, ::-1],  # triangles that stand on their tip
    ],
    ids=[
        "noise",
        "soft noise",
        "grey",
        "nan",
        "mean image",
        "two images blended",
        "half erased",
        "a third erased",
        "two shapes",
        "mixed colours",
        "impure colours",
        "dim",
        "upside down",
    ],
)
def test_what_is_not_the_world_is_not_clean(real, spoil):
    assert shapes.read(spoil(real)).clean.mean() < 0.02


def test_a_hole_and_a_bright_background_are_not_clean(real):
    holed = floats(real)
    for index, (x, y) in enumerate(real.centre.astype(int)):
        holed[index, y - 2 : y + 3, x - 2 : x + 3] = holed[index, 0, 0]
    bright = repainted(real, shape_parts.PALETTE[real.colour])
    bright = np.where(np.abs(bright + 0.6).max(axis=3, keepdims=True) < 0.01, 0.9, bright)
    assert shapes.read(holed).clean.mean() < 0.02
    assert shapes.read(bright).clean.mean() < 0.02


def test_report_counts_clean_images_only(real):
    six = [np.flatnonzero(real.label == label)[0] for label in (0, 0, 7, 17)]
    images = np.concatenate([floats(real)[six], np.zeros((4, 32, 32, 3))])
    found = shapes.report(images)
    assert found["images"] == 8 and found["clean_share"] == 0.5 and found["classes_seen"] == 3
    assert found["counts"]["red circle"] == 2
    assert found["counts"]["green square"] == 1 and found["counts"]["cyan triangle"] == 1
    assert sum(found["counts"].values()) == 4 and len(found["counts"]) == 18


def test_ground_truth_matches_the_pixels(world):
    size = world.images.shape[1]
    inside = np.abs(world.images.astype(int) - world.images[:, :1, :1]).max(axis=3) > 60
    for index in range(0, 360, 17):
        rows, columns = np.nonzero(inside[index])
        left, top, right, bottom = world.box[index]
        assert abs(columns.min() - left) < 1.6 and abs(columns.max() + 1 - right) < 1.6
        assert abs(rows.min() - top) < 1.6 and abs(rows.max() + 1 - bottom) < 1.6
        # An upright edge falls on a whole pixel or misses it, so half a pixel can be lost.
        near = max(0.5, 0.02 * size)
        assert abs(columns.mean() + 0.5 - world.centre[index, 0]) <= near
        assert abs(rows.mean() + 0.5 - world.centre[index, 1]) <= near
    names = [shapes.CLASSES[label] for label in world.label[:5]]
    shape_names = [shapes.SHAPES[shape] for shape in world.shape[:5]]
    assert all(name.endswith(shape) for name, shape in zip(names, shape_names))


def test_areas_do_not_depend_on_the_shape():
    for shape in range(3):
        cover = shape_parts.coverage(
            np.array([shape]), np.array([[32.0, 32.0]]), np.array([15.0]), np.array([0.2]), 64
        )
        assert cover.sum() == pytest.approx(np.pi * 15.0**2, rel=0.01)
        axis = np.arange(64) + 0.5
        assert (cover[0].sum(axis=0) @ axis) / cover.sum() == pytest.approx(32.0, abs=0.05)
        assert (cover[0].sum(axis=1) @ axis) / cover.sum() == pytest.approx(32.0, abs=0.05)


def test_seeds_decide_and_sizes_show_the_same_scenes():
    one, two = shapes.generate(40, 32, seed=1), shapes.generate(40, 64, seed=1)
    np.testing.assert_array_equal(one.images, shapes.generate(40, 32, seed=1).images)
    np.testing.assert_array_equal(one.label, two.label)
    np.testing.assert_allclose(one.box * 2, two.box, rtol=1e-5)
    assert not np.array_equal(one.images, shapes.generate(40, 32, seed=2).images)
    assert np.bincount(shapes.generate(360, 16).label).tolist() == [20] * 18


def test_bad_requests_are_explained():
    with pytest.raises(InputError, match="16"):
        shapes.generate(10, 8)
    with pytest.raises(InputError, match="1 or more"):
        shapes.generate(0)
    with pytest.raises(InputError, match=r"expected \(n, size, size, 3\)"):
        shapes.read(np.zeros((2, 32, 32, 1), np.uint8))
    with pytest.raises(InputError, match="int64"):
        shapes.read(np.zeros((2, 32, 32, 3), np.int64))


def test_the_source_has_names_labels_and_the_oracle():
    source = data.load("shapes")
    assert source.shape == (32, 32, 3) and len(source) == 6000 and source.name == "shapes"
    assert source.classes == shapes.CLASSES and source.skipped == []
    taken = source.take(100)
    np.testing.assert_array_equal(shapes.read(taken["image"]).label, taken["label"])
    assert source.report(taken["image"])["clean_share"] == 1.0
    test = data.load("shapes", split="test")
    assert len(test) == 1000 and test.fingerprint != source.fingerprint
    assert test.fingerprint == data.load("shapes", split="test").fingerprint
    grey = data.load("shapes", size=48, channels=1, split="test")
    assert grey.shape == (48, 48, 1) and grey.report is None
