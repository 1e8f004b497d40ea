"""The embedded worlds of translators: what they hold, and that their oracles can tell."""

import numpy as np
import pytest

from tfgan_suite.data.synthetic import domains, eyes, modes, textures
from tfgan_suite.errors import InputError


def scaled(images):
    return images.astype(np.float32) / 127.5 - 1.0


@pytest.fixture(scope="module")
def stripes():
    found = textures.generate(200, 32, 5)
    return found, {"source": scaled(found.maps), "target": scaled(found.images)}


def test_one_map_has_many_right_images(stripes):
    found, examples = stripes
    assert set(np.unique(found.phase)) == {0, 1, 2, 3}
    other = scaled(textures.generate(200, 32, 5).images)
    np.testing.assert_array_equal(other, examples["target"])
    # Other phases: just as right, but far from this target. Every pixel is one of two equally
    # likely colours .569 apart on the mean of channels, so a fresh draw is off by .285.
    period = 4
    region, back = textures.regions(examples["source"])
    redrawn = np.empty_like(examples["target"])
    draw = np.random.default_rng(0).integers(0, period, (200, 3))
    for index in range(200):
        for number in range(3):
            material = back[index] if number == 0 else 1 - back[index]
            full = scaled(textures.stripes(material, draw[index, number], 32))
            mask = region[index] == number
            redrawn[index][mask] = full[mask]
    report = textures.report(examples, redrawn)
    assert report["clean_share"] == 1.0 and report["right_l1"] < 1e-6
    assert 0.25 < report["l1"] < 0.32
    assert abs(report["sharpness"] - 1.0) < 0.02


def test_regions_are_read_back(stripes):
    found, examples = stripes
    region, back = textures.regions(examples["source"])
    np.testing.assert_array_equal(back, found.material[:, 0])
    assert set(np.unique(region)) == {0, 1, 2}
    for number in range(3):
        area = (region == number).mean(axis=(1, 2))
        assert area.min() > 0.05  # every image has its background and both rectangles


def test_a_blur_and_a_wrong_texture_are_found_out(stripes):
    found, examples = stripes
    mean = scaled(textures.STRIPES).mean(axis=1)  # of each material
    kind = (examples["source"][..., 1] > examples["source"][..., 0]).astype(int)
    blurred = textures.report(examples, mean[kind])
    assert blurred["clean_share"] == 0.0 and blurred["sharpness"] < 0.3
    np.testing.assert_allclose(blurred["l1"], 0.2875, atol=0.01)  # 73.3 / 2 / 127.5
    np.testing.assert_allclose(blurred["right_l1"], blurred["l1"], atol=1e-6)
    swapped = examples["target"].copy()
    swapped[...] = np.roll(examples["target"], 1, axis=0)
    assert textures.report(examples, swapped)["clean_share"] < 0.6
    turned = textures.report(
        {"source": examples["target"], "target": examples["source"]}, examples["target"], "BtoA"
    )
    assert turned["accuracy"] > 0.9 and "clean_share" not in turned  # stripes keep their hue


def test_textures_at_other_sizes_and_wrong_ones():
    assert textures.generate(3, 64).images.shape == (3, 64, 64, 3)
    assert textures.generate(3, 20).maps.shape == (3, 20, 20, 3)
    with pytest.raises(InputError, match="size"):
        textures.generate(3, 8)


@pytest.mark.parametrize("world", domains.WORLDS)
def test_the_truth_of_the_truth_is_the_image(world):
    a, b = (domains.generate(world, side, 50, 32, 7) for side in "ab")
    np.testing.assert_array_equal(a.truth, b.images)
    np.testing.assert_array_equal(b.truth, a.images)
    places, _ = domains.centroids(scaled(b.images))
    assert np.abs(places - b.centre).max() < 0.7
    assert a.centre.min() > 3 and a.centre.max() < 29


def test_colours_change_places():
    found = domains.generate("colours", "a", 100, 32, 1)
    np.testing.assert_array_equal(found.truth, found.images[..., ::-1])
    # The sheet's reference: doing nothing is off by .165.
    before = scaled(found.images)
    assert 0.12 < np.abs(before - before[..., ::-1]).mean() < 0.2


def test_held_out_brightness_is_beyond_the_trained_range():
    found = domains.generate("colours", "a", 100, 32, 1, beyond=True)
    top = found.images.max(axis=(1, 2, 3)) / 255.0
    assert found.beyond.tolist() == [False, True] * 50
    assert top[~found.beyond].max() <= 0.8 + 0.003 and top[found.beyond].min() >= 0.8 - 0.003
    assert domains.generate("colours", "a", 500).images.max() <= 0.8 * 255 + 1


def test_outlines_are_the_edges_of_what_they_enclose():
    found = domains.generate("outlines", "a", 50, 32, 1)
    lit, filled = (images.max(axis=3) > 60 for images in (found.images, found.truth))
    assert np.all(filled[lit]) and np.all(lit.sum(axis=(1, 2)) < 0.75 * filled.sum(axis=(1, 2)))
    inside = np.clip(np.round(found.centre - 0.5).astype(int), 0, 31)
    middle = np.arange(50), inside[:, 1], inside[:, 0]
    assert np.all(filled[middle]) and not np.any(lit[middle])


def test_the_oracle_of_domains_can_tell():
    found = domains.generate("hues", "a", 200, 32, 1)
    examples = {"domain_a": scaled(found.images), "truth_a": scaled(found.truth)}
    same = domains.report(examples, examples["domain_a"])
    assert same["error"] == same["unchanged"] > 0.03
    assert same["blue_share"] == 0.0 and same["centroid_correlation"] > 0.999
    right = domains.report(examples, examples["truth_a"])
    assert right["error"] == 0.0 and right["blue_share"] == 1.0
    assert right["centroid_correlation"] > 0.999 and "error_beyond" not in right
    mirrored = domains.report(examples, examples["truth_a"][:, :, ::-1])
    assert abs(mirrored["centroid_correlation"]) < 0.01  # -1 across, 1 down
    stuck = domains.report(examples, np.repeat(examples["truth_a"][:1], 200, axis=0))
    assert stuck["centroid_correlation"] == 0.0 and stuck["blue_share"] == 1.0
    both = domains.generate("colours", "a", 40, 32, 1, beyond=True)
    examples = {
        "domain_a": scaled(both.images),
        "truth_a": scaled(both.truth),
        "beyond": both.beyond[:, None].astype(np.float32),
    }
    outputs = np.where(both.beyond[:, None, None, None], 0.25, 0.0) + examples["truth_a"]
    report = domains.report(examples, outputs)
    np.testing.assert_allclose([report["error"], report["error_beyond"]], [0.0, 0.25], atol=1e-6)


def test_modes_lie_where_the_paper_puts_them():
    for side, count, radius in (("a", 5, 2.0), ("b", 10, 4.0)):
        points, label = modes.generate(side, 5000, 3)
        assert np.bincount(label).tolist() == [5000 // count] * count
        np.testing.assert_allclose(np.linalg.norm(modes.CENTRES[side], axis=1), radius)
        off = points - modes.CENTRES[side][label]
        assert abs(off.std() - 0.1) < 0.004 and abs(off.mean()) < 0.006


def test_the_oracle_of_modes_can_tell():
    points, label = modes.generate("a", 1000, 3)
    examples = {"domain_a": points}
    # Each mode of A goes to two of B, by the side of its centre that a point lies on.
    side = (points[:, 0] > modes.CENTRES["a"][label, 0]).astype(int)
    spread = modes.report(examples, modes.CENTRES["b"][2 * label + side])
    assert spread["modes_found"] == 10 and spread["good_share"] == 1.0
    assert spread["reached_from"] == [1] * 10 and sum(spread["counts"]) == 1000
    collapsed = modes.report(examples, np.repeat(modes.CENTRES["b"][:1], 1000, axis=0))
    assert collapsed["modes_found"] == 1 and collapsed["reached_from"] == [5] + [0] * 9
    lost = modes.report(examples, np.full((1000, 2), np.nan))
    assert lost["modes_found"] == 0 and lost["good_share"] == 0.0
    few = modes.CENTRES["b"][np.where(np.arange(1000) < 19, 3, 0)]
    assert modes.report(examples, few)["modes_found"] == 1  # 1.9 % are too few


@pytest.mark.parametrize("size", [(35, 55), (70, 110)])
def test_pupils_are_read_back(size):
    unit = size[0] / 35
    for real, mean, most in ((False, 0.15, 0.5), (True, 0.4, 1.5)):
        found = eyes.generate(200, size, 4, real=real)
        assert found.images.shape == (200, *size, 1)
        off = np.linalg.norm(eyes.read(found.images) - found.pupil, axis=1)
        assert off.mean() < mean * unit and off.max() < most * unit, (real, off.mean(), off.max())
        np.testing.assert_allclose(
            eyes.read(scaled(found.images)), eyes.read(found.images), atol=1e-3
        )


def test_real_eyes_are_the_same_eyes_in_another_light():
    clean, real = (eyes.generate(300, seed=4, real=flag) for flag in (False, True))
    np.testing.assert_array_equal(clean.pupil, real.pupil)
    looks = [eyes._statistics(scaled(found.images)) for found in (clean, real)]
    assert looks[0]["level"] - looks[1]["level"] > 0.1
    # The slope of the light gives a little back of what the gain of .5 to .7 takes away.
    assert looks[0]["contrast"] > 1.1 * looks[1]["contrast"]


def test_the_oracle_of_eyes_can_tell():
    clean, real = (eyes.generate(100, seed=seed, real=seed > 5) for seed in (4, 6))
    examples = {
        "simulated": scaled(clean.images),
        "real": scaled(real.images),
        "label": clean.pupil,
    }
    same = eyes.report(examples, examples["simulated"])
    assert same["change"] == 0.0 and same["label_kept_share"] == 1.0
    assert same["level_gap"] == same["raw_level_gap"] > 0.05
    moved = eyes.report(examples, np.roll(examples["simulated"], 2, axis=2))
    assert moved["label_kept_share"] == 0.0
    np.testing.assert_allclose(moved["pupil_shift"], 2.0, atol=0.2)
    refined = scaled(eyes.generate(100, seed=4, real=True).images)
    better = eyes.report(examples, refined)
    assert better["label_kept_share"] > 0.95
    for name in ("level", "contrast", "grain"):
        assert better[f"{name}_gap"] < 0.5 * better[f"raw_{name}_gap"]


def test_eyes_need_room():
    with pytest.raises(InputError, match="24 high"):
        eyes.generate(3, (16, 40))
    with pytest.raises(InputError, match="1.4 times"):
        eyes.generate(3, (35, 35))
