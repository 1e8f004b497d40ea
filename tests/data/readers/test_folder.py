"""Folders of images of every kind: what a viewer would show, and which files are skipped."""

import os

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError

RED, GREEN, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (255, 255, 255), (0, 0, 0)


def read(path, size=None, channels=3):
    return image_files.read(path, size, channels)


def flat(colour, size=(8, 8), mode="RGB"):
    return Image.new(mode, size, colour)


def noise(seed, size=(20, 14)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def by_bytes(source):
    """All examples of a source as sorted rows of bytes."""
    found = source.take(len(source))["image"].reshape(len(source), -1)
    return np.array(sorted(np.round((found + 1) * 127.5).astype(int).tolist()))


# Where the stored image's top left and top right corners are shown, for EXIF's orientations:
# EXIF 2.3 says which side of the view the stored row 0 and column 0 are.
CORNERS = {
    1: ("top left", "top right"),
    2: ("top right", "top left"),
    3: ("bottom right", "bottom left"),
    4: ("bottom left", "bottom right"),
    5: ("top left", "bottom left"),
    6: ("top right", "bottom right"),
    7: ("bottom right", "top right"),
    8: ("bottom left", "top left"),
}


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation, kind):
    image = flat(WHITE, (48, 32))
    image.paste(RED, (0, 0, 16, 16))
    image.paste(GREEN, (32, 0, 48, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "jpg" else {}
    image.save(tmp_path / f"a.{kind}", exif=exif, **options)
    shown = read(tmp_path / f"a.{kind}").astype(int)
    assert shown.shape == ((32, 48, 3) if orientation < 5 else (48, 32, 3))
    places = {
        f"{v} {h}": shown[8 if v == "top" else -8, 8 if h == "left" else -8]
        for v in ("top", "bottom")
        for h in ("left", "right")
    }
    first, second = CORNERS[orientation]
    assert np.abs(places.pop(first) - RED).max() < 12
    assert np.abs(places.pop(second) - GREEN).max() < 12
    assert all(np.abs(colour - WHITE).max() < 12 for colour in places.values())


def test_a_rotated_image_is_cropped_after_it_was_turned(tmp_path):
    image = flat(BLACK, (64, 32))
    image.paste(RED, (0, 0, 14, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    shown = read(tmp_path / "a.jpg", size=32)
    assert shown.shape == (32, 32, 3) and shown.max() < 20  # the red end is cut off at the top


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    Image.fromarray(ramp).save(tmp_path / "ramp.tif")
    for name in ("ramp.png", "ramp.tif"):
        shown = read(tmp_path / name, channels=1)
        np.testing.assert_array_equal(shown[..., 0].ravel(), np.arange(256))
    np.testing.assert_array_equal(read(tmp_path / "ramp.png")[5, 5], [85, 85, 85])


def test_sixteen_bit_colour_is_scaled(tmp_path):
    import struct
    import zlib

    def chunk(kind, body):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    rows = (b"\0" + struct.pack(">3H", 65535, 32896, 257) * 4) * 4  # 255, 128, 1 times 257
    head = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    (tmp_path / "deep.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read(tmp_path / "deep.png")[2, 2], [255, 128, 1])


def test_floating_point_tiff(tmp_path):
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "half.tif")
    assert read(tmp_path / "half.tif", channels=1)[0, 0, 0] in (127, 128)
    Image.fromarray(np.full((4, 4), 7.5, np.float32)).save(tmp_path / "wide.tif")
    with pytest.raises(image_files.Unreadable, match="7.5"):
        read(tmp_path / "wide.tif")


def test_transparency_is_laid_over_white(tmp_path):
    flat((255, 0, 0, 128), mode="RGBA").save(tmp_path / "rgba.png")
    flat((0, 64), mode="LA").save(tmp_path / "la.png")
    palette = flat(0, mode="P")
    palette.putpalette([0, 0, 255, 9, 9, 9])
    palette.save(tmp_path / "palette.png", transparency=0)
    palette.save(tmp_path / "opaque.png")
    np.testing.assert_allclose(read(tmp_path / "rgba.png")[0, 0], [255, 127, 127], atol=1)
    np.testing.assert_allclose(read(tmp_path / "la.png", channels=1)[0, 0], 191, atol=1)
    assert read(tmp_path / "palette.png")[0, 0].tolist() == [255, 255, 255]
    assert read(tmp_path / "opaque.png")[0, 0].tolist() == [0, 0, 255]


def test_other_kinds(tmp_path):
    flat((255, 0, 255, 0), mode="CMYK").save(tmp_path / "cmyk.tif")  # cyan + yellow = green
    np.testing.assert_allclose(read(tmp_path / "cmyk.tif")[0, 0], [0, 255, 0], atol=2)
    flat((255, 0, 255, 0), mode="CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    np.testing.assert_allclose(read(tmp_path / "cmyk.jpg")[0, 0], [0, 255, 0], atol=4)
    flat(1, mode="1").save(tmp_path / "bit.png")
    assert np.all(read(tmp_path / "bit.png") == 255)
    flat((10, 20, 30)).save(tmp_path / "a.bmp")
    assert read(tmp_path / "a.bmp")[0, 0].tolist() == [10, 20, 30]
    frames = [flat(RED), flat(GREEN)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert read(tmp_path / "film.gif")[0, 0].tolist() == [255, 0, 0]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert read(tmp_path / "film.webp")[0, 0].tolist() == [255, 0, 0]
    noise(1).save(tmp_path / "a.webp", lossless=True)
    np.testing.assert_array_equal(read(tmp_path / "a.webp"), np.asarray(noise(1)))
    flat((0, 0, 255, 0), mode="RGBA").save(tmp_path / "clear.webp", lossless=True)
    assert np.all(read(tmp_path / "clear.webp") == 255)


def test_the_shorter_side_fits_and_the_middle_stays(tmp_path):
    image = flat(BLACK, (120, 40))
    image.paste(RED, (40, 0, 80, 40))
    image.save(tmp_path / "wide.png")
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "tall.png")
    for name in ("wide.png", "tall.png"):
        for size in (10, 40, 64):
            shown = read(tmp_path / name, size=size)
            assert shown.shape == (size, size, 3)
            assert shown[size // 2, size // 2].tolist() == [255, 0, 0]
            inner = shown[size // 4 : -size // 4, size // 4 : -size // 4]
            assert np.abs(inner.astype(int) - RED).max() < 8  # the filters ring a little


def test_one_pixel_and_huge_images(tmp_path):
    flat((7, 8, 9), (1, 1)).save(tmp_path / "dot.png")
    assert np.all(read(tmp_path / "dot.png", size=16) == [7, 8, 9])
    smooth = np.linspace(0, 255, 1600).astype(np.uint8)[None, :, None].repeat(800, 0).repeat(3, 2)
    Image.fromarray(smooth).save(tmp_path / "huge.jpg", quality=95)
    Image.fromarray(smooth).save(tmp_path / "huge.png")
    one, two = read(tmp_path / "huge.jpg", size=32), read(tmp_path / "huge.png", size=32)
    assert np.abs(one.astype(int) - two).max() <= 3  # the decoder's own scaling does no harm


@pytest.fixture
def odd_folder(tmp_path):
    """12 good images of all kinds, 3 bad files, and things to ignore."""
    folder = tmp_path / "my images"
    deep = folder / "deep" / "er"
    deep.mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for seed in range(4):
        noise(seed).save(deep / f"{seed}.png")
    noise(4).save(deep / "4.JPG", "JPEG")
    noise(5).save(deep / "5.webp")
    noise(6).convert("L").save(deep / "6.bmp")
    noise(7).convert("P").save(deep / "7.gif", save_all=True, append_images=[noise(8)])
    noise(9).convert("RGBA").save(deep / "9.tiff")
    flat((1, 2, 3), (1, 1)).save(deep / "dot.png")
    Image.fromarray(np.full((5, 5), 65535, np.uint16)).save(deep / "deep.png")
    flat((1, 2, 3, 4), mode="CMYK").save(deep / "print.jpeg")
    (deep / "empty.png").write_bytes(b"")
    (deep / "text.jpg").write_text("no image")
    whole = (deep / "4.JPG").read_bytes()
    (deep / "headless.jpg").write_bytes(whole[200:])
    (folder / "notes.txt").write_text("ignored")
    noise(10).save(folder / ".hidden/x.png")
    noise(10).save(deep / ".x.png")
    return folder


def test_an_odd_folder(odd_folder):
    calls = []
    source = data.load(odd_folder, progress=lambda done, count: calls.append((done, count)))
    assert len(source) == 12 and source.shape == (64, 64, 3) and source.classes is None
    assert source.name == "my-images"
    names = {os.path.basename(name): reason for name, reason in source.skipped}
    assert set(names) == {"empty.png", "text.jpg", "headless.jpg"}
    assert names["empty.png"] == "empty file"
    assert calls == [(number, 12) for number in range(1, 13)]
    with pytest.raises(InputError, match="3 of 15 .*(empty|headless|text)"):
        data.load(odd_folder, strict=True)


def test_streaming_gives_the_same_batches(odd_folder):
    held, streamed = (data.load(odd_folder, size=16, memory_limit=n) for n in (2**30, 0))
    assert type(held) is not type(streamed) and held.fingerprint == streamed.fingerprint
    assert held.skipped == streamed.skipped and held.shape == streamed.shape
    options = {"seed": 5, "start": 2, "horizontal_flip": True}
    pairs = zip(held.batches(5, **options).take(7), streamed.batches(5, **options))
    for one, two in pairs:
        np.testing.assert_array_equal(one["image"], two["image"])
    np.testing.assert_array_equal(held.take(9)["image"], streamed.take(9)["image"])
    assert held.batches(5, seed=0).element_spec == streamed.batches(5, seed=0).element_spec


def test_classes_are_the_sub_folders(tmp_path):
    for name in ("dog", "ant", "cat"):
        (tmp_path / name / "more").mkdir(parents=True)
        flat({"ant": 10, "cat": 20, "dog": 30}[name], mode="L").save(tmp_path / name / "1.png")
        flat({"ant": 10, "cat": 20, "dog": 30}[name], mode="L").save(tmp_path / name / "more/2.png")
    for limit in (2**30, 0):
        source = data.load(tmp_path, size=8, memory_limit=limit)
        assert source.classes == ("ant", "cat", "dog") and source.shape == (8, 8, 1)
        batch = next(iter(source.batches(6, seed=0)))
        assert batch["label"].dtype == "int32" and batch["label"].shape == (6,)
        values = np.round((batch["image"].numpy()[:, 0, 0, 0] + 1) * 127.5)
        np.testing.assert_array_equal(values, 10 * (batch["label"].numpy() + 1))
        np.testing.assert_array_equal(np.bincount(batch["label"]), [2, 2, 2])
    (tmp_path / "cat/1.png").write_bytes(b"")
    source = data.load(tmp_path, size=8)
    taken = source.take(5)
    values = np.round((taken["image"][:, 0, 0, 0] + 1) * 127.5)
    np.testing.assert_array_equal(values, 10 * (taken["label"] + 1))


def test_grey_folders_are_grey_unless_asked(tmp_path):
    flat(9, mode="L").save(tmp_path / "a.png")
    Image.fromarray(np.zeros((5, 5), np.uint16)).save(tmp_path / "b.png")
    assert data.load(tmp_path, size=8).shape == (8, 8, 1)
    assert data.load(tmp_path, size=8, channels=3).shape == (8, 8, 3)
    flat(RED).save(tmp_path / "c.png")
    assert data.load(tmp_path, size=8).shape == (8, 8, 3)
    assert data.load(tmp_path, size=8, channels=1).shape == (8, 8, 1)


def test_splits_and_single_folders(tmp_path):
    for split, count in (("train", 4), ("test", 2)):
        for label in ("a", "b"):
            folder = tmp_path / "set" / split / label
            folder.mkdir(parents=True)
            for seed in range(count):
                noise(seed).save(folder / f"{seed}.png")
    assert len(data.load(tmp_path)) == 8 and data.load(tmp_path).classes == ("a", "b")
    assert len(data.load(tmp_path / "set", split="test")) == 4
    flat_folder = tmp_path / "set/train/a"
    assert data.load(flat_folder).classes is None
    with pytest.raises(InputError, match="no images for split 'test'"):
        data.load(flat_folder, split="test")


def test_links_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / "real").mkdir()
    noise(0).save(tmp_path / "real/a.png")
    (tmp_path / "set").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "set/link")
    os.symlink(tmp_path / "set", tmp_path / "real/back")
    assert len(data.load(tmp_path / "set")) == 1


def test_a_file_cut_short_is_dropped_or_replaced(tmp_path):
    for seed in range(5):
        noise(seed, (64, 64)).save(tmp_path / f"{seed}.png")
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    held = data.load(tmp_path, size=64)
    assert len(held) == 4 and [name for name, _ in held.skipped] == ["2.png"]
    streamed = data.load(tmp_path, size=64, memory_limit=0)
    assert len(streamed) == 5 and streamed.skipped == []
    rows = by_bytes(streamed).tolist()
    stand_in = np.asarray(noise(3, (64, 64))).ravel().tolist()
    assert rows.count(stand_in) == 2 and len(rows) == 5
    assert [name for name, _ in streamed.skipped] == ["2.png"]  # once, though read twice
    list(streamed.batches(5, seed=1).take(3))
    assert len(streamed.skipped) == 1
    with pytest.raises(InputError, match="2.png"):
        data.load(tmp_path, size=64, memory_limit=0, strict=True)


def test_labels_stay_with_their_images_when_one_is_cut_short(tmp_path):
    for label in range(3):
        (tmp_path / f"class {label}").mkdir()
        for number in range(3):
            noise(9, (40, 40)).point([70 * label] * 768).save(
                tmp_path / f"class {label}" / f"{number}.bmp"
            )
    cut = tmp_path / "class 1/2.bmp"  # streamed, the next class's first one stands in
    cut.write_bytes(cut.read_bytes()[:2000])
    for limit, counts in ((2**30, [3, 2, 3]), (0, [3, 2, 4])):
        source = data.load(tmp_path, size=8, memory_limit=limit)
        batch = next(iter(source.batches(len(source), seed=0)))
        values = np.round((batch["image"].numpy()[:, 0, 0, 0] + 1) * 127.5)
        np.testing.assert_array_equal(values, 70 * batch["label"].numpy())
        assert np.bincount(batch["label"]).tolist() == counts
        assert len(source.skipped) == 1


def test_fingerprint_follows_the_files(tmp_path):
    for seed in range(3):
        noise(seed).save(tmp_path / f"{seed}.png")
    first = data.load(tmp_path, size=8).fingerprint
    assert first == data.load(tmp_path, size=8).fingerprint
    assert first != data.load(tmp_path, size=16).fingerprint
    noise(3).save(tmp_path / "1.png")
    second = data.load(tmp_path, size=8).fingerprint
    (tmp_path / "1.png").rename(tmp_path / "9.png")
    third = data.load(tmp_path, size=8).fingerprint
    (tmp_path / "9.png").unlink()
    assert len({first, second, third, data.load(tmp_path, size=8).fingerprint}) == 4


@pytest.mark.parametrize(
    "spoil,words",
    [
        (lambda f: None, ["holds no images", "nothing"]),
        (lambda f: (f / "a.txt").write_text(""), ["holds no images", "1 .txt", "PNG"]),
        (lambda f: (f / "a.heic").write_text("x"), ["1 .heic"]),
        (
            lambda f: [(f / "a.png").touch(), (f / "b.png").touch(), noise(0).save(f / "c.png")],
            ["2 of 3", "a.png: empty file"],
        ),
        (
            lambda f: [(f / "s").mkdir(), noise(0).save(f / "s/a.png"), noise(0).save(f / "b.png")],
            ["1 images itself and 1 in sub-folders (s)", "one sub-folder for each class"],
        ),
        (
            lambda f: [noise(0).save(f / "a.png"), np.savez(f / "b.npz", x=np.zeros((2, 4, 4)))],
            ["both images and b.npz"],
        ),
    ],
)
def test_bad_folders_are_explained(tmp_path, spoil, words):
    spoil(tmp_path)
    with pytest.raises(InputError) as caught:
        data.load(tmp_path)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_half_of_the_files_may_be_broken(tmp_path):
    noise(0).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    assert len(data.load(tmp_path)) == 1


def test_what_is_no_image_file_is_named_and_nothing_waits(tmp_path):
    for seed in range(8):
        noise(seed).save(tmp_path / f"{seed}.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("/dev/zero", tmp_path / "endless.png")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling.png")
    (tmp_path / "folder.png").mkdir()
    # Pillow by itself would start Ghostscript for this one.
    (tmp_path / "postscript.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    source = data.load(tmp_path, size=8)
    assert len(source) == 8
    reasons = dict(source.skipped)
    assert sorted(reasons) == ["dangling.png", "endless.png", "pipe.png", "postscript.png"]
    assert "leads nowhere" in reasons["dangling.png"] and "device" in reasons["endless.png"]
    assert "named pipe" in reasons["pipe.png"] and "known kind" in reasons["postscript.png"]
