"""Large images are written in parts; what is read back is what was written."""

import io

import numpy as np
import pytest
from PIL import Image

from tfgan_suite.inference import files
from tfgan_suite.utils import large_images

PIXELS = np.random.default_rng(3).integers(0, 256, (61, 47, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("band", [1, 47 * 7, 2**20])
def test_png_parts_hold_the_pixels(monkeypatch, channels, band):
    monkeypatch.setattr(large_images, "_BAND_PIXELS", band)
    pixels = PIXELS[..., :channels]
    content = b"".join(large_images.png_parts(pixels))
    image = Image.open(io.BytesIO(content))
    image.verify()  # the checksums
    image = Image.open(io.BytesIO(content))
    assert image.mode == {1: "L", 3: "RGB"}[channels]
    np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_keeps_the_colours_of_every_pixel(tmp_path, channels, monkeypatch):
    monkeypatch.setattr(large_images, "_BAND_PIXELS", 16 * 7)
    # Columns of two colours: at half resolution they would mix.
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, ::2, 0], pixels[:, 1::2, 2] = 255, 255
    pixels = pixels[..., :channels]
    large_images.write_jpeg(tmp_path / "a.jpg", pixels)
    decoded = np.asarray(Image.open(tmp_path / "a.jpg"), int).reshape(pixels.shape)
    assert np.abs(decoded - pixels).max() < 40
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_commands_write_large_images_in_parts(tmp_path, monkeypatch, name):
    files.write(tmp_path / f"small_{name}", PIXELS)
    monkeypatch.setattr(large_images, "LARGE_PIXELS", 100)
    files.write(tmp_path / name, PIXELS)
    large, small = (np.asarray(Image.open(tmp_path / n), int) for n in (name, f"small_{name}"))
    assert np.abs(large - small).max() <= (0 if name == "a.png" else 3)
    assert (tmp_path / name).read_bytes() != (tmp_path / f"small_{name}").read_bytes()


@pytest.mark.parametrize("write", [large_images.write_png, large_images.write_jpeg])
def test_a_full_disk_is_the_reason_and_no_part_stays(tmp_path, write, monkeypatch):
    import builtins
    import errno

    real_open = builtins.open

    def limited(path, mode="r", **options):
        file = real_open(path, mode, **options)
        if mode != "wb":
            return file

        class Full(io.RawIOBase):
            writable = lambda self: True  # noqa: E731
            fileno = file.fileno

            def write(self, content):
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self):
                file.close()
                super().close()

        return Full()

    monkeypatch.setattr(builtins, "open", limited)
    with pytest.raises(OSError, match="No space left on device"):
        write(tmp_path / "a.png", PIXELS)
    assert not list(tmp_path.iterdir())
