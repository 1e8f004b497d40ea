"""Large images: their memory is known beforehand, and bands give the bits of the whole."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tfgan_suite.data.readers import deep_images, image_bands, image_files, image_scaling
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
    assert cost(rgb, "TIFF") == 8 and cost(rgb, "BMP") == 8 and cost(rgb, "WEBP") == 16
    turned = Image.Exif()
    turned[0x0112] = 6
    assert cost(rgb, "TIFF", exif=turned) == 12
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
        "down, cut it into parts, or save it in another format"
    )
    with pytest.raises(image_files.Unreadable) as caught:
        image_files.read(tmp_path / "a.png", None, 3)
    assert str(caught.value) == message
    assert small_budget.used == 0
    # As a small square it needs no copy of its own size.
    assert image_files.read(tmp_path / "a.png", 16, 3).shape == (16, 16, 3)


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
