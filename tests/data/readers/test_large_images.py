"""Large images: their memory is known beforehand, and bands give the bits of the whole."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import InputError, data
from tfgan_suite.data.readers import (
    cropped_files,
    deep_images,
    image_bands,
    image_files,
    image_scaling,
    super_resolution_files,
)
from tfgan_suite.data.readers.resolution_pairs import ResolutionPairs
from tfgan_suite.utils import bicubic
from tfgan_suite.utils.memory_budget import MemoryBudget

SIZE = (61, 47)  # width, height
KINDS = ("1", "L", "LA", "P", "P transparent", "RGB", "RGB transparent", "RGBA", "CMYK", "YCbCr",
         "I;16", "F")  # fmt: skip
MIB = 2**20


def noise(mode, size=SIZE):
    draws = np.random.default_rng(7)
    width, height = size

    def values(channels):
        return draws.integers(0, 256, (height, width, channels), dtype=np.uint8)

    if mode == "1":
        return Image.fromarray(values(1)[..., 0]).convert("1")
    if mode in ("L", "P", "P transparent"):
        image = Image.fromarray(values(1)[..., 0])
        if mode == "L":
            return image
        image = image.convert("P")
        image.putpalette(draws.integers(0, 256, 768).tolist())
        if mode == "P transparent":
            image.info["transparency"] = bytes(draws.integers(0, 256, 256).tolist())
        return image
    if mode == "I;16":
        return Image.fromarray(draws.integers(0, 65536, (height, width)).astype(np.uint16))
    if mode == "F":
        return Image.fromarray(draws.random((height, width)).astype(np.float32))
    if mode == "RGB transparent":
        image = Image.fromarray(values(3))
        image.info["transparency"] = image.getpixel((3, 3))
        return image
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.merge(mode, [Image.fromarray(values(1)[..., 0]) for _ in range(channels)])


def converted(image, size, channels, turn):
    """By `image_files._pixels`, with an orientation."""
    scale = deep_images.grey_scale(image, None)
    return image_files._pixels(image, image_files._UPRIGHT.get(turn), scale, size, channels)


@pytest.mark.parametrize("mode", KINDS)
def test_bands_give_the_bits_of_the_whole(mode, monkeypatch):
    cases = [
        (size, channels, turn)
        for turn in (1, 2, 3, 4, 5, 6, 7, 8)
        for size in (None, 9, 47, 90)
        for channels in (1, 3)
    ]
    image = noise(mode)
    whole = [converted(image, *case) for case in cases]
    monkeypatch.setattr(image_bands, "BAND_PIXELS", 500)
    assert len(image_bands.boxes(SIZE)) == 6
    for case, expected in zip(cases, whole):
        np.testing.assert_array_equal(converted(image, *case), expected, err_msg=str(case))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_arrays_in_bands_give_the_bits_of_pillow(mode, monkeypatch):
    image = noise(mode)
    plain = image_scaling.to_mode(image, 3)
    monkeypatch.setattr(image_bands, "BAND_PIXELS", 500)
    pixels = np.asarray(image).reshape(SIZE[1], SIZE[0], -1)
    np.testing.assert_array_equal(image_scaling.fit_array(pixels, None, 3), np.asarray(plain))
    for size, kind in ((9, Image.Resampling.LANCZOS), (90, Image.Resampling.BICUBIC)):
        whole = plain.resize((size, size), kind, box=(7.0, 0.0, 54.0, 47.0))
        np.testing.assert_array_equal(image_scaling.fit_array(pixels, size, 3), whole)
    if mode != "RGBA":
        whole = image.resize((26, 20), Image.Resampling.LANCZOS)
        part = image_scaling.resize_shorter_side(pixels, 20)
        np.testing.assert_array_equal(part, np.asarray(whole).reshape(20, 26, -1))


def test_bands_cover_every_row_once():
    for width, height in ((1, 1), (13000, 13000), (2**21, 3), (5, 2**20)):
        bands = image_bands.boxes((width, height))
        assert bands[0][0] == 0 and bands[-1][1] == height
        assert all(first[1] == second[0] for first, second in zip(bands, bands[1:]))
        assert all((b - t) * width <= max(width, 2**20) for t, b in bands)


def opened(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    content.seek(0)
    return Image.open(content)


def test_memory_is_known_from_the_header():
    size, pixels = (400, 300), 120_000
    rgb, grey = noise("RGB", size), noise("L", size)

    def cost(image, kind, **options):
        header = opened(image, kind, **options)
        assert image_bands.decoding_bytes(header, header.size) % pixels == 0
        return image_bands.decoding_bytes(header, header.size) // pixels

    assert cost(grey, "PNG") == 1 and cost(noise("P", size), "PNG") == 1
    assert cost(noise("I;16", size), "PNG") == 2
    assert cost(rgb, "PNG") == cost(noise("RGBA", size), "PNG") == 4
    assert cost(rgb, "JPEG") == cost(noise("CMYK", size), "JPEG") == 4 and cost(grey, "JPEG") == 1
    # A progressive file's coefficients: 2 bytes each, of 3 components, or of 1 and 2 quarters.
    assert cost(rgb, "JPEG", progressive=True, subsampling=0) == 4 + 6
    assert cost(rgb, "JPEG", progressive=True, subsampling=2) == 4 + 3
    assert cost(grey, "JPEG", progressive=True) == 1 + 2
    assert cost(rgb, "TIFF") == 4 and cost(rgb, "TIFF", compression="tiff_lzw") == 8
    assert cost(rgb, "BMP") == 8 and cost(rgb, "WEBP") == 16
    assert cost(rgb, "TGA") == 8
    turned = Image.Exif()
    turned[0x0112] = 6
    assert cost(rgb, "TIFF", exif=turned) == 8
    # Of the result: a band, and either the image or what is scaled across and the square.
    assert image_bands.result_bytes(size, 3, None) == 32 * MIB + 3 * pixels
    assert image_bands.result_bytes(size, 1, 64) == 32 * MIB + 4 * 64 * (400 + 64)


def test_the_largest_image_that_pillow_opens_fits():
    pixels = 2 * Image.MAX_IMAGE_PIXELS
    assert 4 * pixels + image_bands.result_bytes((13377, 13377), 3, None) < image_bands.BUDGET.limit


def test_a_reduced_photograph_costs_its_reduced_size():
    header = opened(noise("RGB", (400, 304)), "JPEG", progressive=True, subsampling=0)
    header.draft(None, (100, 76))
    assert header.size == (100, 76)
    expected = 4 * 100 * 76 + 6 * 400 * 304
    assert image_bands.decoding_bytes(header, (400, 304)) == expected


@pytest.fixture
def small_budget(monkeypatch):
    budget = MemoryBudget(34 * MIB)  # a band and 2 MiB: 300,000 RGB pixels and their result
    monkeypatch.setattr(image_bands, "BUDGET", budget)
    return budget


def test_an_image_over_the_budget_is_refused_by_its_size(small_budget, tmp_path, monkeypatch):
    noise("RGB", (600, 550)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    message = (
        "600x550 pixels, which take 34 MiB to decode as PNG; expected at most 34 MiB: scale it "
        "down, cut it into parts, or raise the limit with tfgan_suite.data.set_image_memory"
    )
    with pytest.raises(image_files.Unreadable) as caught:
        image_files.read(tmp_path / "a.png", None, 3)
    assert str(caught.value) == message
    assert small_budget.used == 0
    # As a small square it needs no copy of its own size.
    assert image_files.read(tmp_path / "a.png", 16, 3).shape == (16, 16, 3)


def test_the_limit_is_set_by_a_function(small_budget, tmp_path):
    noise("RGB", (600, 550)).save(tmp_path / "a.png")
    data.set_image_memory(2**26)
    assert small_budget.limit == 2**26
    assert image_files.read(tmp_path / "a.png", None, 3).shape == (550, 600, 3)
    with pytest.raises(InputError, match="the memory for images is 1000 bytes; expected at least"):
        data.set_image_memory(1000)


def test_more_pixels_than_pillow_opens(monkeypatch):
    content = io.BytesIO()
    noise("L").save(content, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    message = "2867 pixels, more than Pillow opens; expected at most 2000: scale it down"
    with pytest.raises(image_files.Unreadable, match=message):
        image_files.decode(content.getvalue(), None, 1)


def test_readers_wait_for_each_other(small_budget, tmp_path):
    for index in range(6):
        noise("RGB", (520, 500)).save(tmp_path / f"{index}.png", compress_level=1)
    used, lock = [], threading.Lock()

    def use(pixels):
        with lock:
            used.append(small_budget.used)
        return int(pixels[0, 0, 0])

    def read(index):
        return image_files.read(tmp_path / f"{index}.png", None, 3, use=use)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(read, range(6), timeout=30))) == 1
    assert used == [32 * MIB + 7 * 520 * 500] * 6  # one at a time, until `use` has returned


def test_the_memory_is_returned_where_decoding_or_use_fails(small_budget, tmp_path):
    noise("RGB").save(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:3000])
    with pytest.raises(image_files.Unreadable):
        image_files.read(tmp_path / "cut.png", None, 3)
    with pytest.raises(ZeroDivisionError):
        image_files.read(tmp_path / "a.png", None, 3, use=lambda pixels: 1 // 0)
    assert small_budget.used == 0


def test_photographs_are_reduced_only_above_a_stated_size(monkeypatch):
    content = io.BytesIO()
    noise("RGB", (400, 304)).save(content, "JPEG")
    plain = image_files.decode(content.getvalue(), None, 3)
    small = image_files.decode(content.getvalue(), None, 3, shorter_side=40)
    np.testing.assert_array_equal(small, plain)
    monkeypatch.setattr(image_bands, "REDUCED_PIXELS", 400 * 304 - 1)
    for side, shape in ((0, (304, 400)), (77, (304, 400)), (76, (152, 200)), (19, (38, 50))):
        reduced = image_files.decode(content.getvalue(), None, 3, shorter_side=side)
        assert reduced.shape == (*shape, 3)
    with Image.open(content) as header:  # what the reduced pixels are: the decoder's own
        header.draft(None, (80, 80))
        half = np.asarray(header.convert("RGB"))
    reduced = image_files.decode(content.getvalue(), None, 3, shorter_side=40)
    np.testing.assert_array_equal(reduced, half)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("height, width", [(47 // 4, 61 // 4), (90, 100), (20, 61)])
def test_bicubic_bands_give_the_bits_of_the_whole(height, width, dtype, monkeypatch):
    pixels = np.asarray(noise("RGB")).astype(dtype)
    monkeypatch.setattr(bicubic, "_BAND_VALUES", 2**40)
    whole = bicubic.resize(pixels, height, width)
    part = bicubic.resize(pixels, height, width, slice(3, 9), slice(2, 8))
    assert whole.dtype == (np.uint8 if dtype == np.uint8 else np.float64)
    monkeypatch.setattr(bicubic, "_BAND_VALUES", 700)
    np.testing.assert_array_equal(bicubic.resize(pixels, height, width), whole)
    rows = bicubic.resize(pixels, height, width, slice(3, 9), slice(2, 8))
    np.testing.assert_array_equal(rows, part)
    np.testing.assert_array_equal(part, whole[3:9, 2:8])


def test_a_streamed_image_is_in_memory_only_while_it_is_used(small_budget, tmp_path):
    """Windows and crops of large images are copies, so that the images themselves can go."""
    sides = (600, 400)  # 240,000 pixels
    for index in range(2):
        noise("RGB", sides).save(tmp_path / f"{index}.png")
    whole = np.asarray(noise("RGB", sides))
    paths = sorted(tmp_path.iterdir())
    images = cropped_files.load_cropped(paths, side=0, crop=32, memory_limit=1000)
    windows = images._read_windows(np.array([0, 1]), np.array([[0.0, 0.0], [0.5, 0.5]], np.float32))
    np.testing.assert_array_equal(windows[0], whole[:32, :32])
    np.testing.assert_array_equal(windows[1], whole[184:216, 284:316])
    pairs = ResolutionPairs.from_files(
        super_resolution_files.find(tmp_path, 4, "train"), 32, scale=4, channels=3, strict=True,
        memory_limit=1000, progress=None,
    )  # fmt: skip
    high, low = pairs.crop(1, np.array([0.0, 0.999]), 32)
    np.testing.assert_array_equal(high, whole[:32, -32:])
    np.testing.assert_array_equal(low, bicubic.downscale(whole, 4)[:8, -8:])
    assert high.base is None and low.base is None and small_budget.used == 0


def test_a_low_resolution_file_is_read_while_the_other_is_in_memory(small_budget, tmp_path):
    """Two reservations of one thread: neither waits for the other, also in many threads."""
    for folder, sides in (("HR", (520, 500)), ("LR", (130, 125))):
        (tmp_path / folder).mkdir()
        for index in range(4):
            noise("RGB", sides).save(tmp_path / folder / f"{index}.png")
    pairs = super_resolution_files.find(tmp_path, 4, "train")
    small_budget.limit = 2 * 34 * MIB
    with ThreadPoolExecutor(4) as pool:
        read = pool.map(lambda pair: super_resolution_files.read(pair, 4, 3), pairs, timeout=30)
        assert [low.shape for _, low in read] == [(125, 130, 3)] * 4
    assert small_budget.used == 0


def test_the_memory_of_large_images_goes_back_to_the_system():
    image_files.decode(opened(noise("L"), "PNG").fp.getvalue(), None, 1)
    assert Image.core.get_block_size() >= 2**26


_PEAK = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from tfgan_suite.data.readers import image_files
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(4) as pool:
    shapes = list(pool.map(lambda path: image_files.read(path, 64, 3).shape, sys.argv[1:]))
assert shapes == [(64, 64, 3)] * 4, shapes
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)
"""


@pytest.mark.large
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize("mode", ["RGBA", "P", "I;16"])
def test_four_readers_of_13000_pixels_a_side_take_less_than_the_budget(mode, tmp_path):
    side = 13_000
    if mode == "I;16":
        image = Image.fromarray(np.zeros((side, side), np.uint16))
    else:
        image = Image.new(mode, (side, side))
    image.save(tmp_path / "0.png", compress_level=1)
    del image
    for index in range(1, 4):
        os.link(tmp_path / "0.png", tmp_path / f"{index}.png")
    words = [sys.executable, "-c", _PEAK, *sorted(map(str, tmp_path.iterdir()))]
    peak = int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    assert peak < image_bands.BUDGET.limit // MIB + 100
