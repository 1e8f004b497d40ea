"""The benchmark of super-resolution: its baseline, its protocol, what it leaves out."""

import os

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.measures import checkerboard, similarity, super_resolution
from tfgan_suite.utils import bicubic


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def smooth(height, width, seed=0):
    """An image that bicubic enlarges well, but not exactly."""
    coarse = np.random.RandomState(seed).uniform(0, 255, (height // 8, width // 8, 3))
    return np.round(bicubic.resize(coarse, height, width)).clip(0, 255).astype("u1")


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "a.png", smooth(64, 48))
    save(tmp_path / "b.png", smooth(51, 66, 1))
    save(tmp_path / "c.png", smooth(16, 64, 2))
    (tmp_path / "d.png").write_bytes((tmp_path / "a.png").read_bytes()[:70])
    return tmp_path


def nearest(low):
    return low.repeat(4, 0).repeat(4, 1)


def test_images_too_large_to_measure_are_named_before_decoding(folder, monkeypatch):
    monkeypatch.setattr(super_resolution, "MAX_PIXELS", 64 * 48)
    table = super_resolution.benchmark(nearest, folder, name="nearest", log=lambda line: None)
    assert table.images == ("a.png",)
    reason = "66x51 pixels; expected at most 3072 in all: cut it into parts"
    assert table.skipped["b.png"] == reason


def test_every_image_and_the_mean(folder):
    told = []
    table = super_resolution.benchmark(nearest, folder, name="nearest", log=told.append)
    assert table.images == ("a.png", "b.png")
    assert set(table.skipped) == {"c.png", "d.png"} and len(told) == 2
    assert table.skipped["c.png"] == "64x16 pixels; the measure needs 19"
    for index, (height, width, seed) in enumerate([(64, 48, 0), (51, 66, 1)]):
        high = bicubic.crop_to_multiple(smooth(height, width, seed), 4)
        low = bicubic.downscale(high, 4)
        for method, made in (("nearest", nearest(low)), ("bicubic", bicubic.upscale(low, 4))):
            inside = (similarity.luma(made) - similarity.luma(high))[4:-4, 4:-4]
            expected = 10 * np.log10(255**2 / np.mean(inside**2))
            found = table.values[method]["PSNR-Y"][index]
            assert found == pytest.approx(expected, abs=1e-9)
    each = table.values["nearest"]["PSNR-Y"]
    assert table.mean("nearest", "PSNR-Y") == pytest.approx(sum(each) / 2)
    assert table.mean("bicubic", "PSNR-Y") > table.mean("nearest", "PSNR-Y") + 2
    assert table.mean("bicubic", "SSIM-Y") > table.mean("nearest", "SSIM-Y")
    psnr, ssim, energy = table.results("nearest")
    assert (psnr.name, ssim.name, energy.name) == ("PSNR-Y", "SSIM-Y", "gradient-energy")
    assert psnr.protocol["border"] == 4 and psnr.protocol["each"]["a.png"] == each[0]
    assert psnr.protocol["bicubic"] == pytest.approx(table.mean("bicubic", "PSNR-Y"))


def test_bicubic_alone_and_as_a_method_are_one(folder):
    alone = super_resolution.benchmark(None, folder)
    assert list(alone.values) == ["bicubic"]
    given = super_resolution.benchmark(lambda low: bicubic.upscale(low, 4), folder)
    assert given.values["network"] == given.values["bicubic"] == alone.values["bicubic"]


def test_small_versions_of_the_data_are_used(tmp_path):
    high = smooth(64, 64)
    save(tmp_path / "HR" / "a.png", high)
    save(tmp_path / "LRx4" / "a.png", np.full((16, 16, 3), 7, "u1"))
    seen = []
    super_resolution.benchmark(lambda low: seen.append(low) or nearest(low), tmp_path)
    assert (seen[0] == 7).all()


def test_gradient_energy():
    bars = np.zeros((8, 8, 1), np.uint8)
    bars[:, ::2] = 255
    # Luma goes from 16 to 235 at every step across, nowhere down.
    assert super_resolution.gradient_energy(bars) == pytest.approx(219.0)
    assert super_resolution.gradient_energy(np.full((8, 8, 3), 90, np.uint8)) == 0.0


def test_blur_has_less_energy_and_the_original_as_much_as_itself(folder):
    table = super_resolution.benchmark(None, "scenes")
    assert len(table.images) == 40
    assert all(value < 1.0 for value in table.values["bicubic"]["gradient-energy"])
    assert 0.3 < table.mean("bicubic", "gradient-energy") < 0.95
    high = smooth(64, 48)
    assert super_resolution.gradient_energy(high) / super_resolution.gradient_energy(high) == 1.0


def test_the_distance_in_features(folder):
    table = super_resolution.benchmark(
        nearest, folder, features=lambda x: [x, 2 * x], name="nearest", features_name="two"
    )
    found = table.values["nearest"]["feature-distance-two"][0]
    high = bicubic.crop_to_multiple(smooth(64, 48), 4)
    error = (nearest(bicubic.downscale(high, 4)).astype(float) - high) / 127.5
    assert found == pytest.approx(5 * np.mean(error**2), rel=1e-4)


def test_nothing_to_measure_is_an_error(tmp_path):
    save(tmp_path / "small.png", smooth(16, 16))
    with pytest.raises(InputError, match="small.png: 16x16 pixels; the measure needs 19"):
        super_resolution.benchmark(None, tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        super_resolution.benchmark(None, tmp_path / "nowhere")


def test_an_equal_image_is_infinitely_good(tmp_path):
    save(tmp_path / "even.png", np.full((32, 32, 3), 90, "u1"))
    table = super_resolution.benchmark(None, tmp_path)
    (psnr, *_) = table.results("bicubic")
    assert psnr.value == np.inf and '"inf"' in psnr.to_json()
    assert psnr.protocol["each"] == {"even.png": "inf"}


@pytest.mark.skipif("SET5" not in os.environ, reason="SET5 names no folder with HR and LRx4")
def test_the_known_baseline_of_set5():
    table = super_resolution.benchmark(None, os.environ["SET5"])
    assert len(table.images) == 5
    assert table.mean("bicubic", "PSNR-Y") == pytest.approx(28.42, abs=0.05)
    assert table.mean("bicubic", "SSIM-Y") == pytest.approx(0.8104, abs=0.002)


# ---- checkerboards ---------------------------------------------------------------------------


def test_the_score_is_the_largest_difference_of_a_place():
    even = np.full((1, 32, 32, 2), 0.3)
    assert checkerboard.score(even, 2) == pytest.approx(0.0, abs=1e-12)
    even[:, ::2, ::2, 1] += 0.4  # one place of four: its mean is 0.3 above that of all
    assert checkerboard.score(even, 2) == pytest.approx(0.3)
    edges = np.full((1, 32, 32, 1), 0.3)
    edges[:, :6] = 1.0
    assert checkerboard.score(edges, 2) == pytest.approx(0.0, abs=1e-12)


def test_overlaps():
    assert checkerboard.overlaps(3, 2).tolist() == [[4, 2], [2, 1]]
    assert set(checkerboard.overlaps(4, 2).ravel()) == {4}
    with pytest.raises(InputError, match="kernel 0"):
        checkerboard.overlaps(0, 2)
    with pytest.raises(InputError, match="nothing inside"):
        checkerboard.score(np.zeros((1, 8, 8, 1)), 2)
