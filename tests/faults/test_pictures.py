"""Pictures of every kind, whole and damaged, in every reader: the right pixels, or one line.

What a picture shows is computed from the pixels that went into it, not by the reader. The fast
tests try a seeded selection; `large` tries all, and prints what became of them.
"""

import collections
import io
import os
import resource
import signal
import warnings

import numpy as np
import pytest
import tensorflow as tf
from damaged_pictures import write
from picture_formats import grey, noise
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.content_style import load_content_style
from tfgan_suite.data.readers import image_files, image_scaling, listing
from tfgan_suite.data.simulated import resize_and_crop
from tfgan_suite.errors import InputError
from tfgan_suite.inference import files as inference_files
from tfgan_suite.study import make
from tfgan_suite.utils import bicubic

MOST_BYTES = 2 * 2**30


@pytest.fixture(autouse=True)
def limits():
    """No hang, no more than 2 GiB, and no warning of Pillow."""

    def hang(*_):
        raise AssertionError("a reader hangs")

    signal.signal(signal.SIGALRM, hang)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    signal.alarm(0)
    assert not [w for w in caught if "PIL" in w.filename and w.category is UserWarning]
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES


def judge(picture, outcome, scale=lambda shows: shows):
    """Whether an outcome, pixels or a reason, is one of those that the picture may have."""
    if isinstance(outcome, str):
        assert picture.verdict != "right", (picture.kind, picture.name, outcome)
        assert "\n" not in outcome and 0 < len(outcome) < 300 and "site-packages" not in outcome
        return "refused"
    assert outcome.dtype == np.uint8 and outcome.ndim == 3 and outcome.shape[2] == 3
    if picture.verdict == "any":
        return "read, damaged"
    assert picture.verdict != "refused", (picture.kind, picture.name)
    wanted = scale(picture.shows)
    assert outcome.shape == wanted.shape, (picture.kind, outcome.shape, wanted.shape)
    difference = np.abs(outcome.astype(int) - wanted)
    limit = picture.tolerance
    assert difference.mean() <= limit and (limit > 1 or difference.max() <= 2), (
        picture.kind, picture.name, difference.mean(), difference.max()
    )  # fmt: skip
    return "read right"


def attempt(function):
    signal.alarm(30)
    try:
        return function()
    except image_files.Unreadable as error:
        return str(error)
    finally:
        signal.alarm(0)


def report(title, counts):
    print(f"\n{title}: {sum(counts.values())} tried: " + ", ".join(
        f"{number} {outcome}" for outcome, number in sorted(counts.items())))  # fmt: skip


COUNTS = [pytest.param(24, id="fast"), pytest.param(1000, marks=pytest.mark.large, id="all")]


@pytest.mark.parametrize("count", COUNTS)
def test_the_reader_of_files_and_of_bytes(tmp_path, count):
    counts = collections.Counter()
    for name, picture in write(tmp_path / "photos", 0, count).items():
        path = tmp_path / "photos" / name
        outcome = attempt(lambda path=path: image_files.read(path, None, 3))
        counts[judge(picture, outcome)] += 1
        header = attempt(lambda path=path: image_files.header(path))
        if not isinstance(outcome, str):
            assert (header.height, header.width) == outcome.shape[:2] or picture.verdict == "any"
        small = attempt(lambda path=path: image_files.read(path, 9, 1))
        assert isinstance(small, str) == isinstance(outcome, str) or picture.verdict == "any"
        tool = attempt(lambda path=path: inference_files.read(path, 3))
        assert np.array_equal(tool, outcome)
        if picture.content and not name.endswith(".tga"):
            content = picture.content
            content = attempt(lambda content=content: image_files.decode(content, None, 3))
            assert np.array_equal(content, outcome)
    report("files", counts)


def of_stream(stream, key):
    """Pixels of a stream's examples, and the names of the files that it skipped."""
    pixels = stream.fetch(tf.range(stream.count, dtype=tf.int64))[key].numpy()
    return pixels, [os.path.basename(str(file).split(" + ")[0]) for file, _ in stream.skipped]


def folder_source(path):
    source = data.load(path, size=12, channels=3)
    pixels = source.fetch(tf.range(len(source), dtype=tf.int64))["image"].numpy()
    return pixels, [name for name, _ in source.skipped]


def pairs(path):
    source = data.load_pairs(f"{path},{path}", size=12, channels=3, target_channels=3)
    return of_stream(source.streams[0], "target")


def unpaired(path):
    source = data.load_unpaired(f"{path},{path}", size=12, channels=3)
    return of_stream(source.streams[1], "domain_b")


def simulated(path):
    source = data.load_simulated(f"{path},{path}", size=(8, 12), channels=3)
    return of_stream(source.streams[0], "simulated")


def content_style(path):
    source = load_content_style(f"{path},{path}", crop=8, side=16)
    return of_stream(source.streams[1], "style")


def super_resolution(path):
    source = data.load_super_resolution(path, scale=2, crop=16)
    images = source._images
    return [high for high, _ in images._images], [name for name, _ in images.skipped]


def square(shows):
    return image_scaling.fit_array(shows, 12, 3)


def window(shows):
    scaled = image_scaling.resize_shorter_side(shows, 16)
    top, left = ((side - 8 + 1) // 2 for side in scaled.shape[:2])
    return scaled[top : top + 8, left : left + 8]


LOADERS = {
    "folder": (folder_source, square),
    "pairs": (pairs, square),
    "unpaired": (unpaired, square),
    "simulated": (simulated, lambda shows: resize_and_crop(shows, (8, 12))),
    "content_style": (content_style, window),
    "super_resolution": (super_resolution, lambda shows: bicubic.crop_to_multiple(shows, 2)),
}
FEW = [pytest.param(8, id="fast"), pytest.param(200, marks=pytest.mark.large, id="all")]


@pytest.mark.parametrize("count", FEW)
@pytest.mark.parametrize("loader", LOADERS)
def test_loaders_of_folders(tmp_path, loader, count):
    """Every picture of a folder is among the examples, in order, or is named."""
    load, scale = LOADERS[loader]
    written = write(tmp_path / "photos", 1, count, least=17, states=20)
    signal.alarm(300)
    pixels, skipped = load(tmp_path / "photos")
    signal.alarm(0)
    kept = [name for name in sorted(written) if name not in skipped]
    assert set(skipped) <= set(written) and len(kept) == len(pixels)
    counts = collections.Counter(judge(written[name], "named") for name in skipped)
    counts.update(judge(written[name], image, scale) for name, image in zip(kept, pixels))
    report(loader, counts)


@pytest.mark.parametrize("count", FEW)
def test_images_side_by_side(tmp_path, count):
    written = write(tmp_path / "photos", 2, count, least=17, even=True, states=20)
    for name, picture in written.items():
        if picture.shows.shape[1] % 2 or picture.verdict == "any":
            (tmp_path / "photos" / name).unlink()  # an odd width refuses the whole folder
    written = {name: written[name] for name in listing.find_images(tmp_path / "photos")}
    source = data.load_pairs(tmp_path / "photos", size=12, channels=3, target_channels=3)
    pixels, skipped = of_stream(source.streams[0], "target")
    kept = [name for name in sorted(written) if name not in skipped]
    assert len(kept) == len(pixels)
    counts = collections.Counter(judge(written[name], "named") for name in skipped)
    for name, image in zip(kept, pixels):
        half = written[name].shows.shape[1] // 2
        counts[judge(written[name], image, lambda x, half=half: square(x[:, half:]))] += 1
    report("side by side", counts)


@pytest.mark.parametrize("count", FEW)
def test_a_study(tmp_path, count):
    written = write(tmp_path / "photos", 3, count, states=20)
    sides = (tmp_path / "photos", tmp_path / "photos")
    options = {"kind": "mos", "trials": 2 * len(written), "size": 12, "catch": 0}
    study = make.make(*sides, tmp_path / "study.html", **options)
    skipped = {os.path.basename(path): reason for path, reason in study.skipped}
    for name, picture in written.items():
        if name in skipped or picture.verdict == "refused":
            judge(picture, skipped[name])
    assert study.trials >= 2 * (len(written) - len(skipped))


@pytest.mark.parametrize("loader", LOADERS)
def test_every_loader_reads_twelve_bits_as_white_and_names_what_it_skips(tmp_path, caplog, loader):
    load, scale = LOADERS[loader]
    draws = np.random.default_rng(4)
    folder = tmp_path / "photos"
    folder.mkdir()
    deep = [draws.integers(0, 4096, (20, 24), dtype=np.uint16) for _ in range(2)]
    for number, values in enumerate(deep):
        values[0, 0] = 4095
        Image.fromarray(values).save(folder / f"{number}.png")
    (folder / "a.psd").write_bytes(b"8BPS")
    pixels, skipped = load(folder)
    assert not skipped
    for values, image in zip(deep, pixels):
        wanted = scale(grey(np.round(values * (255.0 / 4095))))
        assert np.abs(image.astype(int) - wanted).max() <= 1
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count(f"skipped 1 file in {folder}: 1 .psd") == 1
    (line,) = (line for line in lines if "bits" in line)
    assert line.startswith(f"{folder}: 16-bit images hold at most 4095: read as 12 bits")


def test_a_folder_of_nothing_readable_is_one_line(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        (photos / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(number))
    for load, _ in LOADERS.values():
        with pytest.raises(InputError, match="cannot be read.*0.png") as caught:
            load(photos)
        assert "\n" not in str(caught.value)


def test_libtiff_prints_no_lines_of_its_own(capfd):
    """Pillow raises what the reader then says; the library's own lines name no file."""
    pixels, refused = noise(np.random.default_rng(0), 60, 50, 3), 0
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        whole = io.BytesIO()
        Image.fromarray(pixels).save(whole, "TIFF", compression=compression)
        for seed in range(12):
            draws, content = np.random.default_rng(seed), bytearray(whole.getvalue())
            for position in draws.integers(8, len(content), 12):
                content[position] = draws.integers(256)
            try:
                image_files.decode(bytes(content), None, 3)
            except image_files.Unreadable as error:
                refused += 1
                assert str(error) and "\n" not in str(error)
    assert refused > 5
    assert capfd.readouterr().err == ""
