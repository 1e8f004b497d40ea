"""Photographs under open licences: the list, and what becomes of a file."""

import pathlib
import re
import runpy

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recipe():
    return runpy.run_path(str(ROOT / "recipes" / "open_photos.py"))


def test_every_photograph_has_an_author_and_an_open_licence(recipe):
    rows = recipe["rows"](pathlib.Path("/"))
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) == 78 and recipe["TEST"] < set(names)
    assert all(row["author"] and row["file"].startswith("/usr/share/") for row in rows)
    licences = {row["licence"] for row in rows}
    assert all(re.fullmatch(r"CC0|CC BY(-SA)? [34]\.0|L?GPL-[23]\+?", text) for text in licences)


def test_wallpapers_shrink_and_stamps_lie_on_white(recipe, tmp_path):
    row = {"name": "big", "file": str(tmp_path / "big.png"), "package": "mate-backgrounds"}
    Image.new("RGB", (4000, 1000), "red").save(row["file"])
    assert recipe["convert"](row, tmp_path) == "train/big.png"
    assert Image.open(tmp_path / "train/big.png").size == (1280, 320)
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:30, 20:50] = (0, 0, 200, 255)
    pixels[12, 22] = 0
    Image.fromarray(pixels).save(tmp_path / "stamp.png")
    stamp = {"file": str(tmp_path / "stamp.png"), "package": "tuxpaint-stamps-default"}
    assert recipe["convert"]({**stamp, "name": "LadyBird"}, tmp_path) == "test/LadyBird.png"
    result = np.asarray(Image.open(tmp_path / "test/LadyBird.png"))
    assert result.shape == (20, 30, 3)
    assert result[2, 2].tolist() == [255, 255, 255] and result[0, 0].tolist() == [0, 0, 200]


def test_packages_that_are_not_installed_are_named(recipe, tmp_path, capsys):
    assert recipe["main"](["--root", str(tmp_path), "--out", str(tmp_path / "photos")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "install them with apt-get install lomiri-wallpapers-16.04" in line
    assert not (tmp_path / "photos").exists()
