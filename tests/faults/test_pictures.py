"""Pictures of every kind, whole and damaged, in every reader: the right pixels, or one line.

What a picture shows is computed here from the pixels that went into it, not by the reader. The fast
tests try a seeded selection; `large` tries all, and prints what became of them.
"""

import collections
import dataclasses
import io
import os
import resource
import signal
import struct
import warnings
import zlib

import numpy as np
import pytest
import tensorflow as tf
from orientations import UPRIGHT
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


@dataclasses.dataclass
class Picture:
    """One file, what it shows, and what a reader may do with it."""

    name: str
    content: bytes
    shows: np.ndarray  # uint8 (height, width, 3)
    tolerance: float = 1.0  # of the mean difference; lossy formats have more
    verdict: str = "right"  # or "refused"; "either"; "any": other pixels are possible too
    kind: str = ""


def over_white(colours, opacity):
    """Rendering of colours `(h, w, 3)` with opacity `(h, w)` in 0 to 255 on white."""
    share = opacity[..., None] / 255.0
    return np.round(colours * share + 255.0 * (1 - share)).astype(np.uint8)


def grey(values):
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, 2)


def noise(draws, *shape):
    return draws.integers(0, 256, shape, dtype=np.uint8)


def smooth(draws, height, width, bands):
    """Slopes, which lossy formats keep; no two orientations look alike."""
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    slopes = draws.uniform(40, 90, (2, bands))
    values = 20 + down[..., None] * slopes[0] * 1.4 + across[..., None] * slopes[1]
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


# Each returns a Pillow image, what it shows, and options for saving it.
def black_and_white(draws, h, w):
    bits = draws.integers(0, 2, (h, w)).astype(bool)
    return Image.fromarray(bits), grey(bits * 255), {}


def grey_noise(draws, h, w):
    values = noise(draws, h, w)
    return Image.fromarray(values), grey(values), {}


def grey_opacity(draws, h, w):
    values, opacity = noise(draws, h, w), noise(draws, h, w)
    image = Image.merge("LA", [Image.fromarray(values), Image.fromarray(opacity)])
    return image, over_white(grey(values), opacity), {}


def palette(draws, h, w):
    index, colours = noise(draws, h, w), noise(draws, 256, 3)
    image = Image.frombytes("P", (w, h), index.tobytes())
    image.putpalette(colours.tobytes())
    return image, colours[index], {}


def palette_with_a_hole(draws, h, w):
    image, shows, _ = palette(draws, h, w)
    shows = np.where((np.asarray(image) == 3)[..., None], np.uint8(255), shows)
    return image, shows, {"transparency": 3}


def palette_with_opacity(draws, h, w):
    image, shows, _ = palette(draws, h, w)
    opacity = noise(draws, 256)
    shows = over_white(shows, opacity[np.asarray(image)])
    return image, shows, {"transparency": opacity.tobytes()}


def colour(draws, h, w):
    values = noise(draws, h, w, 3)
    return Image.fromarray(values), values, {}


def colour_opacity(draws, h, w):
    values = noise(draws, h, w, 4)
    return Image.fromarray(values), over_white(values[..., :3], values[..., 3]), {}


def inks(draws, h, w, make=noise):
    """Cyan, magenta, yellow and black."""
    values = make(draws, h, w, 4)
    shows = np.round((255.0 - values[..., :3]) * (255.0 - values[..., 3:]) / 255.0)
    return Image.frombytes("CMYK", (w, h), values.tobytes()), shows.astype(np.uint8), {}


def sixteen_bits(draws, h, w):
    values = draws.integers(0, 2**16, (h, w), dtype=np.uint16)
    return Image.fromarray(values), grey(np.round(values / 257.0)), {}


def floats(draws, h, w):
    values = draws.uniform(0, 1, (h, w)).astype(np.float32)
    return Image.fromarray(values), grey(np.round(values * 255.0)), {}


def smooth_grey(draws, h, w):
    values = smooth(draws, h, w, 1)[..., 0]
    return Image.fromarray(values), grey(values), {}


def smooth_colour(draws, h, w):
    values = smooth(draws, h, w, 3)
    return Image.fromarray(values), values, {}


def smooth_inks(draws, h, w):
    return inks(draws, h, w, smooth)


SHARP = (black_and_white, grey_noise, palette, colour)
JPEG = {"quality": 97, "subsampling": 0}
# Format, ending, options for saving, and what it can hold. Lossy ones come last.
FORMATS = [
    ("PNG", "png", {}, (*SHARP, grey_opacity, palette_with_a_hole, palette_with_opacity,
                        colour_opacity, sixteen_bits)),
    ("WEBP", "webp", {"lossless": True, "exact": True}, (colour, colour_opacity)),
    ("BMP", "bmp", {}, SHARP),
    ("GIF", "gif", {}, (grey_noise, palette, palette_with_a_hole)),
    ("PPM", "ppm", {}, (black_and_white, grey_noise, colour)),
    ("TGA", "tga", {}, (grey_noise, colour)),
    ("TIFF", "tif", {}, (*SHARP, colour_opacity, inks, sixteen_bits, floats)),
    ("TIFF", "tiff", {"compression": "tiff_lzw"}, (*SHARP, colour_opacity, inks, sixteen_bits)),
    ("TIFF", "tif", {"compression": "tiff_adobe_deflate", "strip_size": 999},
     (*SHARP, inks, floats)),
    ("TIFF", "tif", {"compression": "packbits"}, SHARP),
    ("TIFF", "tif", {"compression": "group4"}, (black_and_white,)),
    ("TIFF", "tif", {"compression": "jpeg", "quality": 97}, (smooth_grey, smooth_colour)),
    ("JPEG", "jpg", JPEG, (smooth_grey, smooth_colour, smooth_inks)),
    ("JPEG", "jpeg", {**JPEG, "progressive": True}, (smooth_grey, smooth_colour, smooth_inks)),
]  # fmt: skip
LOSSY = (smooth_grey, smooth_colour, smooth_inks)
TURNED = ("PNG", "WEBP", "TIFF", "JPEG")
KINDS = [(*entry[:3], content) for entry in FORMATS for content in entry[3]]


def saved_by_pillow(draws, h, w):
    kind, ending, options, content = KINDS[draws.integers(len(KINDS))]
    image, shows, more = content(draws, h, w)
    turn = int(draws.integers(1, 9)) if kind in TURNED and draws.integers(2) else 1
    if turn > 1:
        exif = Image.Exif()
        exif[0x0112] = turn
        options = {**options, "exif": exif}
    file = io.BytesIO()
    image.save(file, kind, **options, **more)
    name = f"{kind} {content.__name__} {options.get('compression', '')}"
    tolerance = 5.0 if content in LOSSY else 1.0
    return Picture(f".{ending}", file.getvalue(), UPRIGHT[turn](shows), tolerance, kind=name)


def written_pnm(draws, h, w):
    """PNM with any largest value, in bytes, words or digits."""
    bands, top = int(draws.choice([1, 3])), int(draws.choice([1, 7, 255, 1023, 4095, 65535]))
    values = draws.integers(0, top + 1, (h, w, bands))
    is_text = bool(draws.integers(2))
    number = {1: 5, 3: 6}[bands] - 3 * is_text
    body = values.astype(np.uint8 if top < 256 else ">u2").tobytes()
    if is_text:
        body = " ".join(map(str, values.ravel())).encode() + b"\n"
    shows = np.broadcast_to(np.round(values * 255.0 / top), (h, w, 3)).astype(np.uint8)
    head = f"P{number}\n# made by hand\n{w} {h}\n{top}\n".encode()
    return Picture(".pnm", head + body, shows, kind=f"PNM P{number} {top}")


def written_tiles(draws, h, w):
    """TIFF in tiles of 16x16 pixels, with or without deflate, in both orders of bytes."""
    values, packed = noise(draws, h, w, 3), bool(draws.integers(2))
    order, mark = (("<", b"II*\0"), (">", b"MM\0*"))[draws.integers(2)]
    padded = np.zeros((-(-h // 16) * 16, -(-w // 16) * 16, 3), np.uint8)
    padded[:h, :w] = values
    tiles = [
        padded[top : top + 16, left : left + 16].tobytes()
        for top in range(0, h, 16)
        for left in range(0, w, 16)
    ]
    tiles = [zlib.compress(tile) for tile in tiles] if packed else tiles
    body, starts = b"", []
    for tile in tiles:
        starts.append(8 + len(body))
        body += tile
    lengths = [len(tile) for tile in tiles]
    lists = {258: [8, 8, 8], 324: starts, 325: lengths}
    tags = {256: [w], 257: [h], 259: [8 if packed else 1], 262: [2], 277: [3], 322: [16], 323: [16]}
    tags, tail = {**tags, **lists}, b""
    position, entries = 8 + len(body), b""
    after = position + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        packed_numbers = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            offset = struct.pack(f"{order}I", after + len(tail))
            tail, packed_numbers = tail + packed_numbers, offset
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed_numbers
    head = mark + struct.pack(f"{order}I", position)
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return Picture(".tif", head + body + directory + tail, values, kind=f"TIFF tiles {packed}")


def whole_picture(draws, even=False, least=1):
    height, width = int(draws.integers(least, 200)), int(draws.integers(least, 300))
    if draws.integers(8) == 0 and least == 1:
        height, width = int(draws.integers(1, 4)), int(draws.integers(1, 4))
    make_one = (*[saved_by_pillow] * 8, written_pnm, written_tiles)[draws.integers(10)]
    return make_one(draws, height, width + (width % 2 if even else 0))


def flip(content, draws):
    content = bytearray(content)
    for at in draws.integers(0, len(content), draws.integers(1, 9)):
        content[at] ^= int(draws.integers(1, 256))
    return bytes(content)


def lie(content, draws):
    """The same file with a size of its own choice in the header."""
    sides = draws.choice([0, 1, 7, 400, 30_000, 65_535, 2**31 - 1], 2).astype(int).tolist()
    if content[:4] == b"\x89PNG":
        head = struct.pack(">II", *sides) + content[24:29]
        check = struct.pack(">I", zlib.crc32(b"IHDR" + head))
        return content[:16] + head + check + content[33:]
    if content[:2] == b"BM":
        return content[:18] + struct.pack("<ii", *sides) + content[26:]
    if content[:3] == b"GIF":
        return content[:6] + struct.pack("<HH", *(side % 65536 for side in sides)) + content[10:]
    if content[:1] == b"P":
        lines = content.split(b"\n", 3)
        return b"\n".join([lines[0], b"%d %d" % tuple(sides), *lines[2:]])
    start = next((content.find(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in content), -1)
    if content[:2] == b"\xff\xd8" and start > 0:
        head = struct.pack(">HH", *(side % 65536 for side in sides))
        return content[: start + 5] + head + content[start + 9 :]
    return flip(content[:64], draws) + content[64:]


def damaged(picture, draws, states):
    """The picture in one of many states, of which the first seven are bad, and its verdict."""
    state, content = int(draws.integers(states)), picture.content
    is_text = "PNM P2" in picture.kind or "PNM P3" in picture.kind
    has_no_mark = picture.name == ".tga"
    change = {}
    if state == 0:
        cut = int(draws.integers(1, len(content)))
        change = {"content": content[:cut], "verdict": "any" if is_text else "either"}
    elif state == 1:
        change = {"content": flip(content, draws), "verdict": "any"}
    elif state == 2 and not has_no_mark:
        change = {"content": lie(content, draws), "verdict": "any"}
    elif state == 3:
        change = {"content": content + noise(draws, 50).tobytes()}
        change["verdict"] = "any" if is_text else "right"
    elif state == 4 and not has_no_mark:
        change = {"name": str(draws.choice([".png", ".JPG", ".webp", ".tif", ".bmp", ".gif", ""]))}
    elif state == 5:
        change = {"content": b"", "verdict": "refused"}
    elif state == 6:
        change = {
            "content": noise(draws, 900).tobytes(),
            "verdict": "any" if has_no_mark else "refused",
        }
    return dataclasses.replace(picture, **change)


def pictures(seed, count, states=12, **options):
    draws = np.random.default_rng(seed)
    for number in range(count):
        picture = damaged(whole_picture(draws, **options), draws, states)
        yield dataclasses.replace(picture, name=f"{number:03}{picture.name}")


def write(folder, seed, count, **options):
    """A folder of pictures, and of what only looks like some: by name."""
    folder.mkdir()
    written = {picture.name: picture for picture in pictures(seed, count, **options)}
    for name, picture in written.items():
        (folder / name).write_bytes(picture.content)
    os.mkfifo(folder / "pipe.png")
    (folder / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    nothing = np.zeros((1, 1, 3), np.uint8)
    for name in ("pipe.png", "nowhere.jpg"):
        written[name] = Picture(name, b"", nothing, verdict="refused", kind=name)
    (folder / "folder.png").mkdir()
    return {n: p for n, p in written.items() if n in set(listing.find_images(folder))}


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
