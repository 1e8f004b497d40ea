"""Super-resolution's data: MATLAB's bicubic, pairs of files, crops that belong together."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite import InputError, data
from tfgan_suite.data.readers import super_resolution_files
from tfgan_suite.data.super_resolution import flip_and_rotate
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.measures import similarity
from tfgan_suite.utils import bicubic, image_grids

# ---- bicubic ---------------------------------------------------------------------------------


def test_the_weights_of_a_fourth_are_matlabs():
    places, weights = bicubic.resize_weights(64, 16)
    half = [-0.001709, -0.010986, -0.018311, -0.011963, 0.022705, 0.097412, 0.181885, 0.240967]
    assert weights.shape == (16, 16)
    assert weights[8] == pytest.approx([*half, *half[::-1]], abs=1e-6)
    assert places[8].tolist() == list(range(26, 42))
    assert weights.sum(1) == pytest.approx(np.ones(16))


def test_edges_are_continued_by_their_mirror_image():
    places, _ = bicubic.resize_weights(16, 4)
    assert places[0].tolist() == [5, 4, 3, 2, 1, 0, *range(10)]
    assert places[-1].tolist() == [*range(6, 16), 15, 14, 13, 12, 11, 10]


def test_even_images_stay_even_and_ramps_stay_ramps():
    even = bicubic.resize(np.full((20, 24, 3), 7.0), 5, 6)
    assert even.shape == (5, 6, 3) and np.allclose(even, 7.0)
    ramp = np.arange(64.0)[:, None, None] * np.ones((1, 8, 1))
    small = bicubic.downscale(ramp, 4)
    assert np.diff(small[3:-3, 0, 0]) == pytest.approx(4.0 * np.ones(9))
    large = bicubic.upscale(small, 4)
    np.testing.assert_allclose(large[20:-20], ramp[20:-20], atol=1e-9)


def test_the_middle_is_what_tensorflow_computes():
    image = np.random.RandomState(0).rand(48, 40, 3).astype("f4")
    small = tf.image.resize(image, (12, 10), "bicubic", antialias=True).numpy()
    ours = bicubic.downscale(image, 4)
    np.testing.assert_allclose(ours[3:-3, 3:-3], small[3:-3, 3:-3], atol=2e-6)
    large = tf.image.resize(image, (192, 160), "bicubic").numpy()
    ours = bicubic.upscale(image, 4)
    np.testing.assert_allclose(ours[12:-12, 12:-12], large[12:-12, 12:-12], atol=2e-5)


def test_bytes_are_rounded_after_each_axis():
    image = np.random.RandomState(1).randint(0, 256, (16, 20, 3)).astype("u1")
    rows = np.floor(bicubic.resize(image.astype(float), 4, 20) + 0.5).clip(0, 255)
    expected = np.floor(bicubic.resize(rows, 4, 5) + 0.5).clip(0, 255)
    found = bicubic.downscale(image, 4)
    assert found.dtype == np.uint8 and np.array_equal(found, expected)


def test_a_part_is_a_part_of_the_whole():
    image = np.random.RandomState(2).randint(0, 256, (40, 52, 1)).astype("u1")
    part = bicubic.resize(image, 10, 13, slice(3, 8), slice(0, 4))
    assert np.array_equal(part, bicubic.downscale(image, 4)[3:8, :4])


def test_sides_that_do_not_divide_are_refused_and_can_be_cut():
    image = np.zeros((13, 18, 3), np.uint8)
    with pytest.raises(InputError, match="18x13 pixels cannot be made 4 times smaller"):
        bicubic.downscale(image, 4)
    assert bicubic.crop_to_multiple(image, 4).shape == (12, 16, 3)


# ---- files -----------------------------------------------------------------------------------


def places_image(height, width):
    """Every pixel says where it is: red the row, green the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows], -1).astype("u1")


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Images of several sizes, a broken and a small one."""
    for index, size in enumerate([(64, 64), (50, 71), (100, 40), (66, 34)]):
        save(tmp_path / f"{index}.png", places_image(*size))
    save(tmp_path / "small.png", places_image(20, 90))
    (tmp_path / "broken.png").write_bytes((tmp_path / "0.png").read_bytes()[:80])
    return tmp_path


def test_small_versions_are_found_by_their_names(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "HR" / f"{name}.png", places_image(40, 48))
        save(tmp_path / "LRx4" / f"{name}.png", places_image(10, 12))
        save(tmp_path / "div" / f"{name}x4.png", places_image(10, 12))
    for spec in (tmp_path, f"{tmp_path / 'HR'},{tmp_path / 'div'}"):
        pairs = super_resolution_files.find(spec, 4)
        assert [pair.name for pair in pairs] == ["a.png", "b.png"]
        high, low = super_resolution_files.read(pairs[1], 4, 3)
        assert high.shape == (40, 48, 3) and np.array_equal(low, places_image(10, 12))
    source = data.load_super_resolution(tmp_path, crop=32)
    taken = source.take(1)
    row = np.round((taken["low"][0, 0, 0] + 1) * 127.5)
    # The low-resolution image is the file, not what bicubic would make of the large one.
    assert row[0] <= 2 and row[1] <= 4
    with pytest.raises(InputError, match="no low-resolution versions for scale 2: found .*LRx4"):
        super_resolution_files.find(tmp_path, 2)


def test_pairs_that_do_not_fit_are_refused(tmp_path):
    save(tmp_path / "HR" / "a.png", places_image(64, 64))
    save(tmp_path / "LR" / "a.png", places_image(20, 16))
    with pytest.raises(InputError, match="a.png has 16x20; expected 16x16, 4 times smaller"):
        data.load_super_resolution(tmp_path, crop=32)
    save(tmp_path / "HR" / "b.png", places_image(64, 64))
    with pytest.raises(InputError, match="1 of 2 images .* no low-resolution version"):
        data.load_super_resolution(tmp_path, crop=32)


@pytest.mark.parametrize("memory_limit", [2**31, 0])
def test_images_appear_smaller_too(folder, memory_limit):
    given = {"crop": 32, "memory_limit": memory_limit}
    source = data.load_super_resolution(folder, downscale_factors="0.75, 0.5", **given)
    sizes = source._images.sizes
    if memory_limit:
        # 48x48, 36x52 of 38x53, 72x28 and 48x24 are too small, unsaid; 32x32.
        assert sizes == [(64, 64), (48, 68), (100, 40), (64, 32), (48, 48), (36, 52), (32, 32)]
    else:  # the broken one is noticed when it is read, in all its sizes at once
        source._images.crop(sizes.index((64, 64), 1), np.zeros(2), 32)
    assert sorted(name for name, _ in source.skipped) == ["broken.png", "small.png"]
    (pair,) = [p for p in super_resolution_files.find(folder, 4) if p.name == "0.png"]
    half = super_resolution_files.read(dataclasses.replace(pair, factor=0.5), 4, 3)
    expected = bicubic.resize(places_image(64, 64), 32, 32)
    assert np.array_equal(half[0], expected)
    assert np.array_equal(half[1], bicubic.downscale(expected, 4))
    found = source._images.crop(sizes.index((32, 32)), np.zeros(2), 32)
    assert np.array_equal(found[0], half[0]) and np.array_equal(found[1], half[1])
    plain = data.load_super_resolution(folder, **given)
    assert source.fingerprint != plain.fingerprint and len(source) > len(plain)


def test_impossible_factors_are_refused(folder, tmp_path):
    for wrong in ("1.5", "0.9,x", (0.5, 0.0)):
        with pytest.raises(InputError, match="downscale_factors is .*above 0 and below 1"):
            data.load_super_resolution(folder, crop=32, downscale_factors=wrong)
    with pytest.raises(InputError, match="leave out downscale_factors"):
        data.load_super_resolution("scenes", downscale_factors=(0.5,))
    save(tmp_path / "own" / "HR" / "a.png", places_image(64, 64))
    save(tmp_path / "own" / "LR" / "a.png", places_image(16, 16))
    with pytest.raises(InputError, match="low-resolution versions of their own"):
        data.load_super_resolution(tmp_path / "own", crop=32, downscale_factors=(0.5,))


def test_broken_and_small_images_are_named(folder):
    source = data.load_super_resolution(folder, crop=32)
    reasons = dict(source.skipped)
    assert reasons["small.png"] == "88x20 pixels, smaller than the crop of 32"
    assert "broken" in reasons["broken.png"] and len(reasons) == 2
    # 64x64: 4 crops; 48x68: 2; 100x40: 3; 64x32: 2.
    assert len(source) == 11 and source.shape == (8, 8, 3)
    with pytest.raises(InputError, match="smaller than the crop of 96"):
        data.load_super_resolution(folder, crop=96)
    with pytest.raises(InputError, match="cannot be read"):
        data.load_super_resolution(folder, crop=32, strict=True)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"scale": 1}, "scale is 1"),
        ({"crop": 90}, "multiple of the scale 4"),
        ({"crop": 16}, "at least 32"),
        ({"channels": 2}, "channels"),
        ({"crop": 128}, "96x96"),
        ({"split": "all"}, "'train' or 'test'"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        data.load_super_resolution("scenes", **options)


def test_an_unknown_word_is_refused():
    with pytest.raises(InputError, match="did you mean 'scenes'"):
        data.load_super_resolution("scene")


# ---- crops -----------------------------------------------------------------------------------


def values(batch, key):
    return np.round((np.asarray(batch[key]) + 1) * 127.5).astype("u1")


@pytest.mark.parametrize("limit", [2**31, 0])
def test_crops_of_both_sizes_lie_at_the_same_place(folder, limit):
    source = data.load_super_resolution(folder, crop=32, memory_limit=limit)
    images = {
        size: bicubic.downscale(bicubic.crop_to_multiple(places_image(*size), 4), 4)
        for size in [(64, 64), (50, 71), (100, 40), (66, 34)]
    }
    seen = set()
    for batch in source.batches(4, seed=3).take(6):
        for high, low in zip(values(batch, "high"), values(batch, "low")):
            top, left = int(high[0, 0, 0]), int(high[0, 0, 1])
            assert top % 4 == 0 and left % 4 == 0
            assert np.array_equal(high[..., 0], top + np.mgrid[:32, :32][0])
            assert np.array_equal(high[..., 1], left + np.mgrid[:32, :32][1])
            place = slice(top // 4, top // 4 + 8), slice(left // 4, left // 4 + 8)
            assert any(np.array_equal(low, whole[place]) for whole in images.values())
            seen.add((top, left))
    assert len(seen) > 10


def test_streamed_images_give_the_same_batches(tmp_path):
    for index in range(3):
        random = np.random.RandomState(index).randint(0, 256, (40 + 4 * index, 52, 3))
        save(tmp_path / f"{index}.png", random.astype("u1"))
    held, streamed = (
        data.load_super_resolution(tmp_path, crop=32, memory_limit=limit) for limit in (2**31, 0)
    )
    assert held.fingerprint == streamed.fingerprint
    for one, other in zip(held.batches(2, seed=1).take(3), streamed.batches(2, seed=1).take(3)):
        assert all(np.array_equal(one[key], other[key]) for key in ("low", "high"))


@pytest.fixture(scope="module")
def world():
    return data.load_super_resolution("scenes")


def test_a_batch_is_a_function_of_seed_and_step(folder):
    source = data.load_super_resolution(folder, crop=32)
    whole = list(source.batches(6, seed=5, horizontal_flip=True).take(4))
    (again,) = source.batches(6, seed=5, start=3, horizontal_flip=True).take(1)
    (other,) = source.batches(6, seed=6, start=3, horizontal_flip=True).take(1)
    for key in ("low", "high"):
        assert np.array_equal(whole[3][key], again[key])
        assert not np.array_equal(whole[3][key], other[key])
    context = tf.distribute.InputContext(1, 0, 2)
    parts = list(source.batches(6, seed=5, horizontal_flip=True, input_context=context).take(4))
    for key in ("low", "high"):
        joined = np.concatenate([parts[2][key], parts[3][key]])
        assert np.array_equal(joined, whole[1][key])


def test_both_sizes_are_turned_alike(world):
    (batch,) = world.batches(32, seed=0, horizontal_flip=True).take(1)
    for high, low in zip(values(batch, "high"), values(batch, "low")):
        # The crop is the whole image; rounding after each axis may differ once turned.
        assert np.abs(bicubic.downscale(high, 4).astype(int) - low).max() <= 2


def test_the_eight_positions_are_all_different():
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    turned = flip_and_rotate(tf.repeat(image, 8, 0), tf.range(8)).numpy()[..., 0]
    assert len({tuple(one.ravel()) for one in turned}) == 8
    assert np.array_equal(turned[0], image[0, ..., 0])
    assert np.array_equal(turned[1], image[0, :, ::-1, 0])
    assert np.array_equal(turned[2], image[0, ::-1, :, 0])
    assert np.array_equal(turned[4], image[0, ..., 0].T)


def test_held_out_images_are_those_of_the_test_split(tmp_path):
    for split, side in (("train", 40), ("test", 64)):
        for index in range(2):
            save(tmp_path / split / f"{index}.png", places_image(side, side))
    source = data.load_super_resolution(tmp_path, crop=32)
    found = source.held_out(5)
    assert found["high"].shape == (2, 32, 32, 3) and found["low"].shape == (2, 8, 8, 3)
    assert values(found, "high")[0, 0, 0].tolist() == [16, 16, 0]
    assert len(source.take(2)["low"]) == 2


def test_grey_images():
    with pytest.raises(InputError, match="colour"):
        data.load_super_resolution("scenes", channels=1)


def test_scenes_are_drawn_from_their_seed_and_read_by_the_benchmarks_measure(world):
    assert np.array_equal(scenes.generate(2, 32, 4), scenes.generate(2, 32, 4))
    assert not np.array_equal(scenes.generate(1, 32, 4), scenes.generate(1, 32, 5))
    examples = world.held_out(6)
    smooth = np.stack([np.clip(bicubic.upscale(one, 4), -1, 1) for one in examples["low"]])
    found = world.report(examples, smooth)
    # Bytes enlarged in two rounded steps, or floats rounded once.
    assert abs(found["gain"]) < 0.02 and 20 < found["bicubic_psnr_y"] < 30
    assert world.report(examples, examples["high"])["psnr_y"] == np.inf
    pair = (image_grids.to_uint8(images) for images in (smooth, examples["high"]))
    psnr, _ = similarity.super_resolution(*map(list, pair))
    assert found["psnr_y"] == psnr.value
