"""benchmarks/baselines.py: curves that are recovered exactly, and the folders that are written."""

import baselines
import numpy as np
import pytest
from PIL import Image


def pixels(seed=0):
    return np.random.RandomState(seed).randint(0, 256, (6, 5, 4, 3)) / 255.0


def test_the_curve_that_made_the_target_is_found():
    source = pixels()
    np.testing.assert_allclose(
        baselines.fit_constant(source, source * [0.25, 0.5, 1.0]), [0.25, 0.5, 1.0]
    )
    np.testing.assert_allclose(
        baselines.fit_gamma(source, source ** [2.0, 0.5, 1.0]), [2.0, 0.5, 1.0], rtol=1e-6
    )


def test_black_channels_and_unreachable_means():
    black = np.zeros((2, 3, 3, 1))
    np.testing.assert_array_equal(baselines.fit_constant(black, black + 0.5), [1.0])
    grey = np.full((2, 3, 3, 1), 128 / 255)
    assert baselines.fit_gamma(grey, black) == pytest.approx(64.0)


def test_curves_work_on_zero_to_one_and_stay_inside():
    source = pixels() * 2 - 1
    dark = pixels() * 0.5 - 1.0  # a quarter of the source's light
    found = baselines.curves(source, dark)
    np.testing.assert_allclose(found["constant"](source), dark, atol=1e-6)
    np.testing.assert_array_equal(found["unchanged"](source), source)
    bright = baselines.curves(dark, source)["constant"](source)
    assert bright.max() == 1.0 and bright.dtype == np.float32


def test_folders_of_both_directions_are_written(tmp_path, capsys):
    values = {"trainA": (80, 120), "trainB": (40, 60), "testA": (100,), "testB": (30, 50)}
    for part, greys in values.items():
        (tmp_path / "data" / part).mkdir(parents=True)
        for grey in greys:
            Image.new("RGB", (8, 8), (grey,) * 3).save(tmp_path / "data" / part / f"{grey}.png")
    assert baselines.main([str(tmp_path / "data"), str(tmp_path / "out"), "--size", "8"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    (halved,) = (tmp_path / "out/AtoB/constant").iterdir()
    np.testing.assert_array_equal(np.asarray(Image.open(halved)), np.full((8, 8, 3), 50))
    assert len(list((tmp_path / "out/BtoA/gamma").iterdir())) == 2
    assert baselines.main([str(tmp_path / "none"), str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
