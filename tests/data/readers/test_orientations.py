"""EXIF orientations: every value, in every format, against the definition of EXIF 2.3."""

import io
import warnings

import numpy as np
import pytest
from orientations import UPRIGHT
from PIL import Image, TiffImagePlugin

from tfgan_suite.data.readers import image_files

STORED = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
LOSSLESS = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}


def encode(kind, orientation):
    content, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(STORED).save(content, kind, exif=exif, **LOSSLESS.get(kind, {}))
    return content.getvalue()


def stored_pixels(kind):
    content = io.BytesIO()
    Image.fromarray(STORED).save(content, kind, **LOSSLESS.get(kind, {}))
    return np.asarray(Image.open(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_in_every_format(tmp_path, kind):
    pixels = stored_pixels(kind)
    for orientation, turn in UPRIGHT.items():
        path = tmp_path / f"{orientation}.{kind.lower()}"
        path.write_bytes(encode(kind, orientation))
        np.testing.assert_array_equal(image_files.read(path, None, 3), turn(pixels))
        header = image_files.header(path)
        assert (header.height, header.width) == turn(pixels).shape[:2], orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_mean_nothing_are_ignored(kind, orientation):
    pixels = image_files.decode(encode(kind, orientation), None, 3)
    np.testing.assert_array_equal(pixels, stored_pixels(kind))


@pytest.mark.parametrize("kind, value", [(2, "abc"), (7, b"x"), (2, "6")])
def test_orientations_of_another_type_are_ignored(kind, value):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274], tags.tagtype[274] = value, kind
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.fromarray(STORED).save(content, "TIFF", tiffinfo=tags)
        np.testing.assert_array_equal(image_files.decode(content.getvalue(), None, 3), STORED)


def test_a_text_that_claims_to_be_longer_than_the_file():
    """tensorflow-io's EXIF decoder reads beyond the end of this one, and the process dies."""
    text = b"\x01\x0e\0\x02\x07\0\0\x65\0\0\0\x26"
    orientation = b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    block = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + text + orientation + bytes(4) + b"x" * 100
    content = io.BytesIO()
    Image.fromarray(STORED).save(content, "JPEG", exif=block, **LOSSLESS["JPEG"])
    pixels = image_files.decode(content.getvalue(), None, 3)
    np.testing.assert_array_equal(pixels, UPRIGHT[6](stored_pixels("JPEG")))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_leaves_the_pixels():
    for block in (b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 60):
        damaged = io.BytesIO()
        Image.fromarray(STORED).save(damaged, "JPEG", exif=block, quality=100, subsampling=0)
        np.testing.assert_array_equal(
            image_files.decode(damaged.getvalue(), None, 3), stored_pixels("JPEG")
        )
