"""Which files of a folder are images, and what is said of the others."""

import importlib.machinery
import sys
import types

import numpy as np
import pytest
from PIL import Image, features

from tfgan_suite.data.readers import image_files, image_kinds, listing
from tfgan_suite.errors import InputError

PIXELS = np.kron(
    np.random.default_rng(0).integers(0, 256, (3, 4, 3)), np.ones((16, 16, 1), int)
).astype(np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)


@pytest.fixture
def folder(tmp_path):
    for name in (
        ".hidden.heic",
        "Thumbs.db",
        "labels.csv",
        "a.txt",
        "meta.json",
        "README",
        "LICENSE",
    ):
        (tmp_path / name).write_bytes(b"x")
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


@pytest.fixture
def without_heif(monkeypatch):
    monkeypatch.setattr(image_kinds, "suffixes", lambda: image_kinds.SUFFIXES)


def test_files_that_may_be_images_are_named(folder, caplog, without_heif):
    assert listing.find_images(folder) == ["a.png"]
    assert not caplog.records
    for name in ("1.heic", "2.HEIC", "3.heic", "4.psd", "5.avif", "notes"):
        (folder / name).write_bytes(b"x")
    listing.find_images(folder)
    listing.list_images(folder)  # said once
    (line,) = lines(caplog)
    head, kinds = line.split(": ", 1)
    assert head == f"skipped 6 files in {folder}"
    assert sorted(kinds.split(", ")) == [
        "1 .avif (Pillow 11.3 or newer reads them)",
        "1 .psd",
        "1 without an ending",
        "3 .heic (pip install pillow-heif reads them)",
    ]


def test_a_folder_of_nothing_else_names_what_it_holds(tmp_path, without_heif):
    (tmp_path / "a.heic").write_bytes(HEIC)
    with pytest.raises(InputError, match=r"found: 1 .heic \(pip install pillow-heif"):
        listing.find_images(tmp_path)


def test_images_without_an_ending_are_read(folder, caplog):
    for name in ("plain", "scan.0001"):
        Image.fromarray(PIXELS).save(folder / name, "PNG")
        np.testing.assert_array_equal(image_files.read(folder / name, None, 3), PIXELS)
    (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01")
    assert listing.find_images(folder) == ["a.png", "plain", "scan.0001"]
    assert "1 without an ending" in lines(caplog)[0]


@pytest.mark.parametrize("ending", [".avif", ".jp2", ".tga", ".pbm", ".dib"])
def test_further_formats(tmp_path, ending):
    needed = {".avif": "avif", ".jp2": "jpg_2000"}.get(ending)
    if needed and not features.check(needed):
        pytest.skip(f"this Pillow was built without {needed}")
    path, image = tmp_path / f"a{ending}", Image.fromarray(PIXELS)
    if ending == ".pbm":
        image = image.convert("1", dither=Image.Dither.NONE)
    image.save(path, **({"quality": 100} if ending == ".avif" else {}))
    wanted = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(image_files.read(path, None, 3) - wanted).mean() < (4 if ending == ".avif" else 1)
    assert listing.find_images(tmp_path) == [path.name]


def test_heif_is_refused_with_the_name_of_its_package(tmp_path, without_heif):
    (tmp_path / "a.jpg").write_bytes(HEIC)
    with pytest.raises(image_files.Unreadable, match="HEIF image; pip install pillow-heif"):
        image_files.read(tmp_path / "a.jpg", None, 3)


def test_heif_is_read_where_its_package_is_installed(tmp_path, monkeypatch):
    registered = []

    def register():
        registered.append("HEIF")
        # In place of the decoder: what it would read is not the point here.
        factory = lambda file, name: Image.new("RGB", (3, 2), (9, 8, 7))  # noqa: E731
        monkeypatch.setitem(Image.OPEN, "HEIF", (factory, None))

    package = types.ModuleType("pillow_heif")
    package.register_heif_opener = register
    package.__spec__ = importlib.machinery.ModuleSpec("pillow_heif", None)
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    image_kinds.suffixes.cache_clear()
    try:
        (tmp_path / "a.heic").write_bytes(HEIC)
        assert listing.find_images(tmp_path) == ["a.heic"]
        for _ in range(2):
            assert image_files.read(tmp_path / "a.heic", None, 3).tolist()[0][0] == [9, 8, 7]
        assert registered == ["HEIF"]
    finally:
        image_kinds.suffixes.cache_clear()
