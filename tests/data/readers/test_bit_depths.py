"""16-bit files that use fewer bits: which, what white is, and that it is said once."""

import io
import struct
import types
import zlib

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.readers import arrays, bit_depths, image_files, listing
from tfgan_suite.errors import InputError
from tfgan_suite.training import launch, run_manifest

DRAWS = np.random.default_rng(0)
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def values(bits, *shape):
    """Values of some bits, the largest among them."""
    drawn = DRAWS.integers(0, 2**bits, shape or (9, 7), dtype=np.uint16)
    drawn.flat[0] = 2**bits - 1
    return drawn


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(
        ">I", zlib.crc32(kind + content)
    )  # fmt: skip


def png(pixels, stated=None):
    """A 16-bit PNG by its specification; `stated`: its sBIT."""
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    rows = [b"\0" + row.astype(">u2").tobytes() for row in pixels]
    head = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[bands], 0, 0, 0)
    sbit = b"" if stated is None else chunk(b"sBIT", bytes([stated] * bands))
    body = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + sbit + body + chunk(b"IEND", b"")


def tiff(pixels, order="<", **tags):
    """An uncompressed 16-bit TIFF; `tags` add or replace entries, `t258=12` for example."""
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    body = pixels.astype(f"{order}u2").tobytes()
    entries = {256: width, 257: height, 258: 16, 259: 1, 262: 2 if bands == 3 else 1, 273: 8}
    entries.update({277: bands, 278: height, 279: len(body)})
    entries.update({int(name[1:]): value for name, value in tags.items()})
    start = 8 + len(body)
    after = start + 2 + 12 * len(entries) + 4
    packed, tail = b"", b""
    for tag, value in sorted(entries.items()):
        if tag == 258 and bands > 1:
            packed += struct.pack(f"{order}HHII", tag, 3, bands, after)
            tail += struct.pack(f"{order}{bands}H", *[value] * bands)
        else:
            packed += struct.pack(f"{order}HHII", tag, 4, 1, value)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(entries)) + packed + bytes(4)
    return mark + struct.pack(f"{order}I", start) + body + directory + tail


def stretched(pixels, bits):
    return np.round(pixels.astype(float) * 255.0 / (2**bits - 1)).astype(np.uint8)


def write(folder, **contents):
    folder.mkdir(exist_ok=True)
    paths = [folder / name.replace("_", ".") for name in contents]
    for path, content in zip(paths, contents.values()):
        path.write_bytes(content)
    return paths


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("encode", [png, tiff])
def test_the_fewest_bits_that_hold_a_set(tmp_path, caplog, bits, encode):
    bright, dark = values(bits), values(3)
    paths = write(tmp_path, a_png=encode(bright), b_png=encode(dark))
    assert bit_depths.decide(paths) == bits
    for path, pixels in zip(paths, (bright, dark)):  # the same white in both
        got = image_files.read(path, None, 1, bits)
        np.testing.assert_array_equal(got[..., 0], stretched(pixels, bits))
    lines = [record.getMessage() for record in caplog.records]
    line = f"{tmp_path}: 16-bit images hold at most {2**bits - 1}: read as {bits} bits;"
    assert lines == ([] if bits == 16 else [f"{line} --bit-depth 16 to change"])
    bit_depths.decide(paths)
    assert len(caplog.records) == len(lines)  # said once
    assert bit_depths.decide(paths, 13) == 13


def test_a_stated_number_counts_where_the_values_fit_it(tmp_path):
    (path,) = write(tmp_path, a_png=png(values(9), 12))
    assert bit_depths.decide([path]) == 12
    # Values that were stretched to 16 bits, as the specification wants it, have white at 65535.
    (path,) = write(tmp_path, a_png=png(values(12) * np.uint16(16), 12))
    assert bit_depths.decide([path]) == 16
    paths = write(tmp_path, a_png=png(values(9), 12), b_png=png(values(9)))
    assert bit_depths.decide(paths) == 10  # only one of the files states it
    (path,) = write(tmp_path, a_tif=tiff(values(9), t341=4095))
    assert bit_depths.decide([path]) == 12


def test_packed_values_of_12_bits_and_white_that_is_zero(tmp_path):
    pixels = values(12, 4, 6)
    flat = pixels.ravel().astype(int)
    pairs = np.stack([flat[::2] >> 4, (flat[::2] & 15) << 4 | flat[1::2] >> 8, flat[1::2] & 255], 1)
    packed = pairs.astype(np.uint8).tobytes()
    content = tiff(np.frombuffer(packed, "<u2").reshape(6, 3), t256=6, t257=4, t258=12, t278=4)
    got = image_files.decode(content, None, 1)
    np.testing.assert_array_equal(got[..., 0], stretched(pixels, 12))
    (path,) = write(tmp_path, a_tif=content)
    assert bit_depths.decide([path]) == 12
    inverted = image_files.decode(tiff(pixels, t262=0), None, 1, 12)
    np.testing.assert_array_equal(inverted[..., 0], 255 - stretched(pixels, 12))


@pytest.mark.parametrize("kind", ["png", "tiff II", "tiff MM"])
def test_colour_keeps_all_bits(tmp_path, kind):
    pixels = values(12, 9, 7, 3)
    content = png(pixels) if kind == "png" else tiff(pixels, "<" if "II" in kind else ">")
    np.testing.assert_array_equal(image_files.decode(content, None, 3, 12), stretched(pixels, 12))
    # All 16 bits: as Pillow reads it.
    np.testing.assert_array_equal(image_files.decode(content, None, 3), pixels >> 8)
    (path,) = write(tmp_path, a_bin=content)
    path = path.rename(tmp_path / ("a.png" if kind == "png" else "a.tif"))
    assert bit_depths.decide([path]) == 12


@pytest.mark.parametrize("bands", [2, 4])
def test_opacity_of_16_bits_lies_over_white(bands):
    pixels = values(12, 9, 7, bands)
    share = (pixels[..., -1:] / 4095.0).clip(0, 1)
    wanted = stretched(pixels[..., :-1], 12) * share + 255.0 * (1 - share)
    got = image_files.decode(png(pixels), None, 3, 12)
    np.testing.assert_allclose(got, np.broadcast_to(wanted, got.shape), atol=1.5)


def test_other_images_are_the_same_bits_at_any_depth():
    grey = DRAWS.integers(0, 256, (9, 7), dtype=np.uint8)
    colour = DRAWS.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    content = io.BytesIO()
    for pixels in (grey, colour):
        for kind in ("PNG", "TIFF", "JPEG", "PPM"):
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, kind)
            plain = image_files.decode(content.getvalue(), None, 3)
            deep = image_files.decode(content.getvalue(), None, 3, 12)
            np.testing.assert_array_equal(plain, deep)
    # Pillow stretches a PGM by the largest value that it states.
    pixels = values(12)
    pgm = b"P5 7 9 4095\n" + pixels.astype(">u2").tobytes()
    for depth in (None, 12):
        got = image_files.decode(pgm, None, 1, depth)
        np.testing.assert_array_equal(got[..., 0], stretched(pixels, 12))


@pytest.mark.parametrize("pixels", [values(14), values(14, 9, 7, 3)])
def test_values_of_more_bits_are_refused(pixels):
    with pytest.raises(image_files.Unreadable, match="to 16383, expected 0 to 4095.*--bit-depth"):
        image_files.decode(png(pixels), None, 3, 12)


def test_mixed_and_broken_folders(tmp_path):
    eight = io.BytesIO()
    Image.fromarray(values(8).astype(np.uint8)).save(eight, "PNG")
    paths = write(tmp_path, a_png=eight.getvalue(), b_png=png(values(12))[:60], c_txt=b"")
    assert bit_depths.decide(paths) is None
    paths += write(tmp_path, d_png=png(values(10)))
    assert bit_depths.decide(paths) == 10
    with pytest.raises(InputError, match="bit depth is 7"):
        bit_depths.decide(paths, 7)


def test_integers_in_arrays(tmp_path, caplog):
    train, test = values(12, 3, 6, 6, 1), values(9, 2, 6, 6, 1)
    np.savez(tmp_path / "a.npz", x_train=train, x_test=test)
    for split, pixels in (("train", train), ("test", test)):  # one white for both splits
        source = data.load(tmp_path / "a.npz", split=split)
        got = source.fetch(np.arange(len(pixels)))["image"].numpy()
        np.testing.assert_array_equal(got, stretched(pixels, 12))
        assert source.bit_depth == 12
    (record,) = caplog.records
    assert "integers hold at most 4095: read as 12 bits" in record.getMessage()
    np.testing.assert_array_equal(arrays.to_bytes(train, "a", 16)[0], stretched(train, 16))
    with pytest.raises(InputError, match="0 to 1023 at 10 bits"):
        arrays.to_bytes(train, "a", 10)
    with pytest.raises(InputError, match="65536"):
        arrays.to_bytes(np.full((1, 2, 2, 1), 65536), "a")
    small = values(8, 1, 2, 2, 1)  # 8 bits as ever
    np.testing.assert_array_equal(arrays.to_bytes(small, "a")[0], small)


def test_a_folder_decides_for_all_of_its_splits(tmp_path):
    for split, bits in (("train", 9), ("test", 12)):
        write(tmp_path / split, a_png=png(values(bits)))
    sources = [data.load(tmp_path, split=split, size=4) for split in ("train", "test")]
    assert [source.bit_depth for source in sources] == [12, 12]
    assert sources[0].fingerprint != data.load(tmp_path, size=4, bit_depth=16).fingerprint
    assert len(listing.find_images(tmp_path)) == 2


@pytest.mark.parametrize(
    "typed, recorded, at_hand, used",
    [(None, 12, 14, 12), (None, "older", 12, 16), (None, None, 12, 12), (14, 12, 12, 14)],
)
def test_a_run_goes_on_with_its_own_depth(monkeypatch, typed, recorded, at_hand, used):
    constants = {} if recorded == "older" else {"bit_depth": recorded}
    run = types.SimpleNamespace(bound_manifest=lambda: {"constants": constants})
    options = types.SimpleNamespace(bit_depth=typed)
    source = types.SimpleNamespace(bit_depth=typed or at_hand)
    again = lambda _, options: types.SimpleNamespace(bit_depth=options.bit_depth)  # noqa: E731
    monkeypatch.setattr(launch, "load_data", again)
    assert launch._keep_bit_depth(run, {}, options, source).bit_depth == used
    assert options.bit_depth == used


def test_only_another_depth_differs():
    manifest = {"recipe": "a", "data": {"fingerprint": "f"}}
    old, new = ({**manifest, "constants": c} for c in ({}, {"bit_depth": 16}))
    assert run_manifest.differences(old, new) == []
    new["constants"]["bit_depth"] = 12
    assert run_manifest.differences(old, new) == ["bit_depth 16 (now 12)"]


def test_turned_files_of_all_bits():
    pixels = values(12, 9, 7, 3)
    content = tiff(pixels, t274=6)
    np.testing.assert_array_equal(
        image_files.decode(content, None, 3, 12), stretched(pixels[::-1].swapaxes(0, 1), 12)
    )
