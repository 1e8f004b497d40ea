"""docs/CREDITS.md names every image of the repository, with an open licence."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = "benchmarks docs examples recipes saved_models tests tfgan_suite".split()
IMAGES = set(".avif .bmp .gif .heic .ico .jpeg .jpg .png .svg .tif .tiff .webp".split())
# What a row may state; a licence that forbids uses or changes (NC, ND) is not open.
OPEN = re.compile(
    r"this repository's|MIT|Apache-2\.0|BSD-3-Clause|public domain|CC0|L?GPL-[23](?:\.\d)?\+?"
    r"|CC BY(?:-SA)? [34]\.0"
)
ROW = re.compile(r"^\| `([^`]+)` \|(?:[^|\n]*\|){2}([^|\n]*)\|$", re.MULTILINE)


def images(root, folders):
    """Paths of the image files in the root and in some of its folders."""
    files = [*root.iterdir(), *(file for name in folders for file in (root / name).rglob("*"))]
    return {
        file.relative_to(root).as_posix()
        for file in files
        if file.suffix.lower() in IMAGES and file.is_file()
    }


def credited(page):
    """Licence by file, as the table's rows state it."""
    return {file: licence.strip() for file, licence in ROW.findall(page)}


@pytest.fixture(scope="module")
def credit_rows():
    return credited((ROOT / "docs" / "CREDITS.md").read_text("utf-8"))


def own_images():
    """Images that users keep beside the repository's: those that git does not track."""
    git = ["git", "-C", str(ROOT), "ls-files", "--others", "-z"]
    try:
        names = subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        return set()  # no checkout, such as an archive
    return set(names)


def test_every_image_is_credited_and_every_credit_has_its_image(credit_rows):
    assert set(credit_rows) == images(ROOT, FOLDERS) - own_images()


def test_every_licence_is_open(credit_rows):
    closed = {file: text for file, text in credit_rows.items() if not OPEN.fullmatch(text)}
    assert closed == {}


def test_an_image_without_credit_or_with_a_closed_licence_is_seen(tmp_path):
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "face.JPG").touch()
    (tmp_path / "docs" / "page.md").touch()
    (tmp_path / "logo.svg").touch()
    assert images(tmp_path, ["docs"]) == {"docs/deep/face.JPG", "logo.svg"}
    rows = credited("| file | shows | source | licence |\n| `a.png` | x | y | CC BY-NC-SA 4.0 |\n")
    assert rows == {"a.png": "CC BY-NC-SA 4.0"}
    assert not OPEN.fullmatch(rows["a.png"]) and OPEN.fullmatch("CC BY-SA 4.0")
