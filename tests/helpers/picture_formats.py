"""Pictures in every format that the readers know, with the pixels that each shows.

The pixels come from what went into a file, not from a reader.
"""

import dataclasses
import io
import struct
import zlib

import numpy as np
from orientations import UPRIGHT
from PIL import Image


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
