"""Which kinds of image files can be read here, and what would read the others."""

from __future__ import annotations

import collections
import functools
import importlib.util
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from tfgan_suite.data.pipeline.broken_files import Unreadable
from tfgan_suite.utils import foreign_files

SUFFIXES = (
    ".png",
    ".apng",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".webp",
    ".gif",
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".tga",
)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM")
EXPECTED = "PNG, JPEG, WebP, GIF, BMP or TIFF"
_HEIF = (".heic", ".heif", ".hif")
_JPEG_2000 = (".jp2", ".j2k", ".jpf", ".jpx", ".jpc")
# Files that lie beside images and are none.
_OTHER_SUFFIXES = set(
    ".txt .json .jsonl .csv .tsv .xml .yaml .yml .toml .ini .md .rst .html .css .js .log .py .db"
    " .npz .npy .zip .tar .gz .tgz .sha256 .md5".split()
)
_OTHER_NAMES = {"readme", "license", "licence", "copying", "authors", "notice", "changelog"}
_MAGIC = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*",
    *(b"P%d%c" % (kind, blank) for kind in range(1, 7) for blank in b" \t\r\n#"),
)  # fmt: skip
_HEIF_BRANDS = {
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"
}  # fmt: skip
_REGISTERING = threading.Lock()


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Endings of the files that can be read with the packages that are installed here."""
    optional = ()
    if _pillow_reads("avif"):
        optional += (".avif",)
    if _pillow_reads("jpg_2000"):
        optional += _JPEG_2000
    if importlib.util.find_spec("pillow_heif") is not None:
        optional += _HEIF
    return SUFFIXES + optional


def formats(head: bytes, suffix: str = "") -> tuple[str, ...]:
    """Pillow's names of the formats that a file may have.

    Args:
        head: its first 32 bytes.
        suffix: its ending; decides only for TGA, whose files have no mark of their own.

    Raises:
        Unreadable: a kind that only a package reads which is not installed; names it.
    """
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis") or (brand in (b"mif1", b"msf1") and b"avif" in head[16:]):
        return _optional("AVIF", ".avif")
    if brand in _HEIF_BRANDS:
        return _optional("HEIF", ".heic")
    if head.startswith((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")):
        return _optional("JPEG2000", ".jp2")
    return (*FORMATS, "TGA") if suffix.lower() == ".tga" else FORMATS


def _optional(kind: str, suffix: str) -> tuple[str, ...]:
    """A format that needs a package.

    Raises:
        Unreadable: it is not installed.
    """
    if suffix not in suffixes():
        raise Unreadable(f"a {kind} image; {_package(suffix)}")
    if kind == "HEIF":
        _register_heif()
    return (kind,)


def is_image(path: str | os.PathLike) -> bool:
    """Whether a file is to be read as an image.

    By its ending; files without one, or with a number for one (`scan.0001`), by their first bytes.
    """
    name = os.path.basename(path)
    if name.lower().endswith(suffixes()):
        return True
    return _has_no_ending(name) and _starts_as_image(path)


def ignored_line(folder: Path, files: Iterable[str]) -> str:
    """One line about the files of a folder that may be images and are not read; "" for none.

    Args:
        folder: for the message.
        files: names of its visible files that are not read.
    """
    kinds = collections.Counter(filter(None, map(_kind, files)))
    if not kinds:
        return ""
    count = sum(kinds.values())
    return f"skipped {count} file{'s' * (count > 1)} in {folder}: {_in_words(kinds)}"


def summary(files: Iterable[str]) -> str:
    """What a folder holds in place of images, in words."""
    return _in_words(collections.Counter(_ending(name) for name in files)) or "nothing"


def _in_words(kinds: collections.Counter) -> str:
    """Counts of endings, with the packages that would read them."""
    parts = []
    for kind, count in kinds.most_common(5):
        package = _package(kind)
        parts.append(f"{count} {kind}" + (f" ({package})" if package else ""))
    return ", ".join(parts) + (", .." if len(kinds) > 5 else "")


def _kind(name: str) -> str | None:
    """The ending of a file that may be an image; `None` for what lies beside images."""
    base = Path(name).name
    if base.lower().partition(".")[0] in _OTHER_NAMES or base.lower() == "thumbs.db":
        return None
    ending = _ending(base)
    return None if ending in _OTHER_SUFFIXES else ending


def _ending(name: str) -> str:
    base = os.path.basename(name)
    return "without an ending" if _has_no_ending(base) else Path(base).suffix.lower()


def _has_no_ending(name: str) -> bool:
    suffix = Path(name).suffix[1:]
    return not suffix or suffix.isdigit()


def _package(kind: str) -> str:
    """What would read files of an ending, in a few words; "" where nothing is known to."""
    if kind in _HEIF:
        return "pip install pillow-heif reads them"
    if kind == ".avif":
        return "Pillow 11.3 or newer reads them"
    if kind in _JPEG_2000:
        return "a Pillow that was built with OpenJPEG reads them"
    return ""


def _pillow_reads(feature: str) -> bool:
    from PIL import features

    # Pillow warns of the features that it does not know.
    return feature in (*features.modules, *features.codecs) and bool(features.check(feature))


def _register_heif() -> None:
    """Teaches Pillow to read HEIF; does nothing the second time."""
    with _REGISTERING:
        from PIL import Image

        if "HEIF" not in Image.OPEN:
            import pillow_heif

            Image.init()
            pillow_heif.register_heif_opener()


def _starts_as_image(path: str | os.PathLike) -> bool:
    """Whether the first bytes of a regular file are those of an image."""
    try:
        with foreign_files.open_file(path) as file:
            head = file.read(12)
    except OSError:
        return False
    webp = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    bmp = head[:2] == b"BM" and head[6:10] == bytes(4)
    return webp or bmp or head.startswith(_MAGIC)
