"""Tiles: they cover, their weights sum to 1, and no seam shows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core.translation_game import from_image
from tfgan_suite.inference.tiles import (
    _reflected_part,
    blend,
    tile_starts,
    tile_weights,
    translate_image,
)
from tfgan_suite.utils.image_grids import to_uint8


@pytest.mark.parametrize("multiple", [1, 4])
@pytest.mark.parametrize("length, tile, overlap", [(32, 32, 8), (36, 32, 8), (200, 32, 16),
                                                   (400, 64, 2), (1000, 64, 31)])  # fmt: skip
def test_tiles_cover_a_side(length, tile, overlap, multiple):
    found = tile_starts(length, tile, overlap, multiple)
    assert found[0] == 0 and found[-1] == length - tile
    steps = np.diff(found)
    assert (steps > 0).all() and (steps <= tile - overlap).all()
    assert all(place % multiple == 0 for place in found)
    # No more tiles than are needed for tiles on the grid.
    step = (tile - overlap) // multiple * multiple
    assert len(found) == 1 + -(-(length - tile) // step)


@pytest.mark.parametrize("starts", [[0], [0, 24], [0, 8, 16, 24], [0, 5, 20, 44]])
@pytest.mark.parametrize("margin", [0, 2])
def test_weights_sum_to_one_and_are_smooth(starts, margin):
    tile = 32
    found = tile_weights(starts, tile, margin)
    total = np.zeros(starts[-1] + tile)
    for start, weights in zip(starts, found):
        total[start : start + tile] += weights
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    assert found.min() >= 0.0
    if len(starts) > 1:
        assert (found[1:, :margin] == 0).all() and (found[:-1, tile - margin :] == 0).all()
        overlap = min(tile - step for step in np.diff(starts)) - 2 * margin
        # The steepest place of a half cosine over the overlap, and nothing at its ends.
        assert np.abs(np.diff(found)).max() <= 1.01 * np.pi / 2 / overlap
        assert found[1, margin] < 0.1 and found[0, tile - margin - 1] < 0.1


def local_network():
    """Halves twice and doubles twice; each answer depends on pixels at most 15 away."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.Conv2D(8, 4, 2, "same", activation="relu"),
            layers.Conv2D(8, 4, 2, "same", activation="relu"),
            layers.Conv2DTranspose(8, 4, 2, "same", activation="relu"),
            layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),
        ]
    )


@pytest.mark.parametrize("sides", [(100, 151), (61, 300), (64, 64)])
def test_tiles_of_a_local_network_equal_the_whole(sides):
    network = local_network()
    signature = from_image(network, 4)
    count = []

    def call(images):
        count.append(images.shape)
        return signature.call(image=tf.constant(images)).numpy()

    image = np.random.RandomState(0).uniform(-1, 1, (*sides, 3)).astype("float32")
    whole = translate_image(image, call)
    assert whole.shape == (*sides, 1) and len(count) == 1
    tiled = translate_image(image, call, tile=96, overlap=48, multiple=4)
    np.testing.assert_allclose(tiled, whole, atol=2e-6)
    if max(sides) > 96:
        assert len(count) > 2 and max(max(shape[1:3]) for shape in count[1:]) <= 96
        # Off the grid of the halvings the network answers otherwise: the grid matters.
        off = translate_image(image, call, tile=98, overlap=48, multiple=1)
        assert np.abs(off - whole).max() > 1e-3


def test_tiles_that_disagree_are_blended_without_a_seam():
    answers = iter(np.random.RandomState(1).uniform(-1, 1, 100))

    def call(images):
        return np.full((*images.shape[:3], 1), next(answers), "float32")

    found = translate_image(np.zeros((150, 200, 3), "float32"), call, tile=64, overlap=32)
    assert found.std() > 0.1
    # Between two tiles that differ by up to 2, over 16 pixels: never a jump.
    for axis in (0, 1):
        assert np.abs(np.diff(found, axis=axis)).max() <= 2 * 1.01 * np.pi / 2 / 16


@pytest.mark.parametrize("sides", [(5, 9), (32, 16), (33, 100), (1, 1)])
def test_a_network_of_one_size_takes_every_image(sides):
    shapes = set()

    def call(images):
        shapes.add(images.shape)
        return -images

    image = np.random.RandomState(0).uniform(-1, 1, (*sides, 1)).astype("float32")
    found = translate_image(image, call, size=(32, 16))
    np.testing.assert_allclose(found, -image, atol=1e-6)
    assert shapes == {(1, 32, 16, 1)}


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (7, 3), (9, 16)])
def test_tiles_beyond_the_edge_see_the_image_reflected(shape):
    image = np.random.RandomState(0).randint(0, 256, (*shape, 3)).astype("u1")
    padded = np.pad(image, [(0, 40), (0, 30), (0, 0)], mode="reflect")
    for start in ((0, 0), (4, 1), (30, 20)):
        part = _reflected_part(image, start, (8, 9))
        np.testing.assert_array_equal(
            part, padded[start[0] : start[0] + 8, start[1] : start[1] + 9]
        )


def test_impossible_tiles_are_refused():
    image = np.zeros((100, 100, 1), "float32")
    with pytest.raises(InputError, match="from 2 to 16"):
        translate_image(image, lambda x: x, tile=32, overlap=17)
    with pytest.raises(InputError, match="at least 8"):
        translate_image(image, lambda x: x, tile=4)


def test_an_export_gets_tiles_within_its_limit():
    from tfgan_suite.core.signatures import TensorSpec, count_pixels
    from tfgan_suite.inference.translator import Translator

    sizes, spec = [], TensorSpec("image", (None, None, 3))

    def call(images):
        sizes.append(images.shape[1:3])
        return -images

    image = np.random.default_rng(0).uniform(-1, 1, (100, 70, 3)).astype("f4")
    for tile in (0, 128, 32):
        sizes.clear()
        translator = Translator("export", "AtoB", spec, spec, call, multiple=4, limit=64 * 64)
        np.testing.assert_allclose(translator(image, tile), -image, atol=1e-6)
        assert all(count_pixels(size, 4) <= 64 * 64 for size in sizes)
        assert max(map(max, sizes)) == (32 if tile == 32 else 64) and len(sizes) > 1
    sizes.clear()
    Translator("export", "AtoB", spec, spec, call, multiple=4, limit=7200)(image)
    assert sizes == [(100, 70)]  # 100 x 72 pixels


@pytest.mark.parametrize(
    "sides, size", [((100, 151), None), ((61, 70), (32, 16)), ((20, 20), None)]
)
def test_bytes_give_the_bytes_of_the_float_result(sides, size):
    """Row by row: only a row of tiles is in memory as float32."""

    def call(images):
        return np.tanh(images[..., :2] * 1.7 + images[:, ::-1, :, 1:])

    pixels = np.random.RandomState(0).randint(0, 256, (*sides, 3)).astype("u1")
    image = pixels.astype("float32") / 127.5 - 1.0
    options = {"tile": 32, "overlap": 8, "multiple": 4, "size": size}
    result = translate_image(image, call, **options)
    assert result.dtype == np.float32 and result.shape == (*sides, 2)
    small = translate_image(pixels, call, **options)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, to_uint8(result))


def test_blending_sums_the_weighted_tiles_of_any_factor():
    """Against the definition, with the whole result in memory."""
    image = np.random.RandomState(1).uniform(-1, 1, (40, 52, 1)).astype("float32")

    def call(images):
        return images.repeat(3, 1).repeat(3, 2) * (1 + images.mean())

    starts = [tile_starts(40, 16, 4), tile_starts(52, 16, 4)]
    down, across = (tile_weights([3 * s for s in places], 48, 3) for places in starts)
    expected = np.zeros((120, 156, 1), np.float32)
    for top, vertical in zip(starts[0], down):
        for left, horizontal in zip(starts[1], across):
            tile = call(image[None, top : top + 16, left : left + 16])[0]
            weight = (vertical[:, None] * horizontal).astype(np.float32)
            expected[3 * top : 3 * top + 48, 3 * left : 3 * left + 48] += weight[..., None] * tile
    np.testing.assert_array_equal(blend(image, call, starts, [16, 16], 1, 3), expected)
