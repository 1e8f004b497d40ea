"""Which files are read and written, and the gallery."""

import base64
import errno
import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.data.readers.image_files import Unreadable
from tfgan_suite.inference import files
from tfgan_suite.inference import gallery as gallery_module
from tfgan_suite.inference.gallery import Gallery


def image(path, colour=(10, 20, 30), size=(6, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def output_names(jobs, output):
    return {job.name: job.output.relative_to(output).as_posix() for job in jobs}


def test_a_folder_keeps_its_names_and_sub_folders(tmp_path):
    given, output = tmp_path / "in", tmp_path / "in" / "done"
    for name in ("b.jpg", "a.png", "sub/a.bmp", "both.png", "both.jpg", ".hidden/c.png",
                 "done/old.png"):  # fmt: skip
        image(given / name)
    (given / "notes.txt").write_text("no image")
    jobs = files.plan(given, output)
    assert output_names(jobs, output) == {
        "a.png": "a.png", "b.jpg": "b.png", "both.jpg": "both.jpg.png", "both.png": "both.png.png",
        "sub/a.bmp": "sub/a.png",
    }  # fmt: skip
    assert [job.input for job in jobs] == [given / job.name for job in jobs]


def test_one_image_goes_to_a_file_or_a_folder(tmp_path):
    given = image(tmp_path / "in.webp")
    for output, expected in (("x.png", "x.png"), ("y.JPG", "y.JPG"), ("folder", "folder/in.png")):
        (job,) = files.plan(given, tmp_path / output)
        assert job.output == tmp_path / expected
    (tmp_path / "odd.png").mkdir()
    assert files.plan(given, tmp_path / "odd.png")[0].output == tmp_path / "odd.png" / "in.png"


def test_true_answers_are_found_by_name(tmp_path):
    given, truths = tmp_path / "in", tmp_path / "truths"
    for name in ("a.png", "sub/b.png", "sub/c.png", "d.png"):
        image(given / name)
    for name in ("a.jpg", "sub/b.jpg", "c.jpg"):
        image(truths / name)
    found = {job.name: job.target for job in files.plan(given, tmp_path / "out", truths)}
    assert found == {
        "a.png": truths / "a.jpg", "sub/b.png": truths / "sub" / "b.jpg",
        "sub/c.png": truths / "c.jpg", "d.png": None,
    }  # fmt: skip
    (job,) = files.plan(given / "d.png", tmp_path / "o.png", truths / "c.jpg")
    assert job.target == truths / "c.jpg"


def test_refusals(tmp_path):
    one, folder = image(tmp_path / "in" / "a.png"), tmp_path / "in"
    (tmp_path / "empty").mkdir()
    cases = [
        ((tmp_path / "nowhere", tmp_path / "o"), "does not exist"),
        ((tmp_path / "empty", tmp_path / "o"), "no images"),
        ((folder, tmp_path / "o.png"), "is not a folder"),
        ((one, tmp_path / "o.gif"), "use .png, .jpg, .jpeg, .webp"),
        ((one, one), "would overwrite"),
        ((folder, folder), "would overwrite"),
        ((one, tmp_path / "o", tmp_path / "nowhere"), "--target"),
        ((one, tmp_path / "o", image(tmp_path / "t" / "z.png").parent), "named like"),
    ]
    for arguments, said in cases:
        with pytest.raises(InputError, match=said):
            files.plan(*arguments)
    assert Image.open(one).getpixel((0, 0)) == (10, 20, 30)


def test_reading_scales_the_shorter_side(tmp_path):
    path = image(tmp_path / "a.png", size=(60, 20))
    assert files.read(path, 3).shape == (20, 60, 3)
    small = files.read(path, 1, size=10)
    assert small.shape == (10, 30, 1) and small.dtype == np.uint8
    assert files.read(path, 3, size=40).shape == (40, 120, 3)
    assert (files.read(path, 3, size=10) == [10, 20, 30]).all()


def test_pairs_are_halved_by_direction():
    pixels = np.concatenate([np.full((2, 3, 3), 1), np.full((2, 3, 3), 9)], 1).astype("u1")
    source, target = files.split_pair(pixels, "AtoB")
    assert (source == 1).all() and (target == 9).all() and source.shape == (2, 3, 3)
    source, target = files.split_pair(pixels, "BtoA")
    assert (source == 9).all() and (target == 1).all()
    with pytest.raises(Unreadable, match="5 pixels wide"):
        files.split_pair(pixels[:, :5], "AtoB")


@pytest.mark.parametrize(
    "name, channels, loss", [("a.png", 3, 0), ("a.png", 1, 0), ("a.jpg", 3, 3)]
)
def test_written_images_are_what_was_made(tmp_path, name, channels, loss):
    column = np.linspace(0, 255, 32)[:, None, None]
    pixels = np.broadcast_to(column, (32, 24, channels)).astype("u1").copy()
    files.write(tmp_path / "new" / name, pixels)
    found = files.read(tmp_path / "new" / name, channels).astype(int)
    assert np.abs(found - pixels).max() <= loss


class Page(html.parser.HTMLParser):
    """Collects the images and checks that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.cells, self.heads = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes))
            self.cells[-1] += 1
        elif tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.cells.append(0)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "th":
            self.heads.append(text)


def test_the_gallery_is_one_file_with_every_image(tmp_path):
    random = np.random.RandomState(0)
    small = [random.randint(0, 256, (8, 6, channels)).astype("u1") for channels in (1, 3, 3)]
    large = np.full((300, 900, 3), 77, "u1")
    gallery = Gallery("<b>&", "note")
    gallery.add('"a" <script>.png', *small, note="6x8")
    gallery.add("large", large, large)
    gallery.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in text and "http" not in text and 'href="' not in text
    page = Page(text)
    assert page.open == [] and page.heads == ["input", "output", "target"]
    assert page.cells == [0, 0, 3, 0, 2]  # head, name and images of each row
    decoded = []
    for shown in page.images:
        kind, data = shown["src"].split(";base64,")
        decoded.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
        assert decoded[-1].shape[:2] == (int(shown["height"]), int(shown["width"]))
        assert kind == f"data:image/{'png' if decoded[-1].shape[0] == 8 else 'jpeg'}"
    for found, pixels in zip(decoded, small):
        assert np.array_equal(found, pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    assert decoded[3].shape == (171, 512, 3) and np.abs(decoded[3].astype(int) - 77).max() <= 2


def test_rows_wait_in_a_file_and_the_page_is_the_same(tmp_path, monkeypatch):
    def page(spooled):
        monkeypatch.setattr(gallery_module, "SPOOLED", spooled)
        gallery = Gallery("title")
        for index in range(50):
            gallery.add(f"{index}", *[np.full((200, 150, 3), index, "u1")] * (2 + index % 2))
        assert gallery._rows._rolled == (spooled == 1000) and len(gallery) == 50
        gallery.write(tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text("utf-8") == gallery.page()
        return gallery.page()

    assert page(1000) == page(2**25)


def test_a_gallery_whose_rows_do_not_fit_on_the_disk_is_said(monkeypatch):
    gallery = Gallery("title")

    def full(content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gallery._rows, "write", full, raising=False)
    with pytest.raises(InputError, match="cannot write to .* .No space left on device"):
        gallery.add("a", *[np.zeros((4, 4, 3), "u1")] * 2)


def test_pixels_are_counted_before_decoding(tmp_path, monkeypatch):
    path = image(tmp_path / "a.png", size=(60, 40))
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    files.check_pixels(path, 2400, "advice")
    with pytest.raises(Unreadable) as caught:
        files.check_pixels(path, 2399, "cut it")
    assert str(caught.value) == "60x40 pixels; expected at most 2399 in all: cut it"
    message = "60x40 pixels, which would become 240x160; expected at most 38399 in all"
    with pytest.raises(Unreadable, match=message):
        files.check_pixels(path, 240 * 160 - 1, "cut it", factor=4)
    files.check_pixels(path, 600, "", size=20)  # 30x20
    with pytest.raises(Unreadable, match="would become 30x20"):
        files.check_pixels(path, 599, "", size=20)
    files.check_pixels(path, 2400, "", size=80, enlarge=False)
    with pytest.raises(Unreadable, match="would become 120x80"):
        files.check_pixels(path, 2400, "", size=80)
    monkeypatch.undo()
    (tmp_path / "b.png").write_text("no image")
    files.check_pixels(tmp_path / "b.png", 1, "")  # `read` says what it is


def test_a_gallery_without_true_answers_has_two_columns():
    gallery = Gallery("title")
    gallery.add("a", *[np.zeros((4, 4, 3), "u1")] * 2)
    assert Page(gallery.page()).heads == ["input", "output"]


def test_a_gallery_holds_names_that_are_not_utf8(tmp_path):
    from tfgan_suite.inference.gallery import Gallery

    pixels = np.zeros((2, 2, 3), np.uint8)
    gallery = Gallery("run \udcff")
    gallery.add("bad\udcff.png", pixels, pixels)
    gallery.write(tmp_path / "page.html")
    assert "bad\\udcff.png" in (tmp_path / "page.html").read_text("utf-8")
