"""Images that an earlier start decoded: the same bits, never stale, never in the way."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.pipeline import decoded_cache, decoding
from tfgan_suite.data.readers import image_files
from tfgan_suite.utils import notices, progress_line
from tfgan_suite.utils.progress_line import ProgressLine

DRAWS = np.random.RandomState(0)


def save(path, size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(DRAWS.randint(0, 256, (*size, 3)).astype("u1")).save(path)


@pytest.fixture
def images(tmp_path):
    """Two classes of two images, a broken one, and a file of another kind."""
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"):
        save(tmp_path / "images" / name)
    (tmp_path / "images" / "dogs" / "3.png").write_bytes(b"no image")
    (tmp_path / "images" / "dogs" / "odd.xyz").write_bytes(b"")
    return tmp_path / "images"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(decoded_cache, "FEWEST", 1)
    with decoded_cache.using(tmp_path / "cache"):
        yield tmp_path / "cache"


@pytest.fixture
def undecodable(monkeypatch):
    """`undecodable("read")`: from now on this function of `image_files` may not be called."""

    def refuse(*arguments, **options):
        raise AssertionError("a file was decoded")

    return lambda *names: [monkeypatch.setattr(image_files, name, refuse) for name in names]


def contents(source):
    facts = (source.name, source.shape, source.classes, source.fingerprint, source.skipped)
    return facts, {key: array.tolist() for key, array in source.take(len(source)).items()}


def test_a_second_start_decodes_nothing_and_gets_the_same_bits(
    images, cache, undecodable, monkeypatch
):
    with decoded_cache.using(None):
        expected = contents(data.load(images, size=8))
    assert contents(data.load(images, size=8)) == expected
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(notices, "_SAID", set())  # of a new process
    undecodable("read", "probe", "header")
    with notices.recording() as lines:
        assert contents(data.load(images, size=8)) == expected
    assert any("xyz" in line for line in lines)
    with pytest.raises(AssertionError, match="decoded"):
        data.load(images, size=4)


@pytest.mark.parametrize("change", ["written", "added", "removed", "renamed"])
def test_stale_images_are_decoded_again_and_their_entry_goes(images, cache, change):
    before = data.load(images, size=8)
    path = images / "cats" / "2.png"
    if change == "written":
        content = path.read_bytes()
        save(path)
        assert path.read_bytes() != content
        os.utime(path, ns=(1, 1))
    elif change == "added":
        save(images / "cats" / "3.png")
    elif change == "removed":
        path.unlink()
    else:
        path.rename(images / "cats" / "0.png")
    after = data.load(images, size=8)
    with decoded_cache.using(None):
        assert contents(after) == contents(data.load(images, size=8))
    assert contents(after) != contents(before)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("damage", ["cut", "zeroed", "no facts", "other facts"])
def test_a_damaged_entry_is_made_again(images, cache, damage):
    expected = contents(data.load(images, size=8))
    (entry,) = cache.iterdir()
    if damage == "cut":
        content = (entry / "image").read_bytes()
        (entry / "image").write_bytes(content[:-5])
    elif damage == "zeroed":
        content = (entry / "image").read_bytes()
        (entry / "image").write_bytes(content[:-9] + bytes(9))
    elif damage == "no facts":
        (entry / "entry.json").unlink()
    else:
        facts = json.loads((entry / "entry.json").read_text())
        facts["arrays"]["image"][1][0] += 1
        (entry / "entry.json").write_text(json.dumps(facts))
    assert contents(data.load(images, size=8)) == expected
    assert (entry / "entry.json").exists()


@pytest.mark.parametrize("function", ["mkdtemp", "rename", "sync_tree"])
def test_a_full_or_read_only_disk_stops_nothing(images, cache, monkeypatch, function):
    home = {
        "mkdtemp": decoded_cache.tempfile,
        "rename": os,
        "sync_tree": decoded_cache.files,
    }[function]

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home, function, fail)
    assert len(data.load(images, size=8)) == 4
    assert list(cache.iterdir()) == []


def test_of_two_processes_one_writes(images, cache, monkeypatch):
    rename = os.rename

    def lose(part, folder):
        os.mkdir(folder)  # the other process was faster
        (folder / "entry.json").write_text("{}")
        rename(part, folder)

    monkeypatch.setattr(os, "rename", lose)
    assert len(data.load(images, size=8)) == 4
    (entry,) = cache.iterdir()
    assert (entry / "entry.json").read_text() == "{}"


def test_small_sets_and_full_disks_have_no_entry(images, cache, monkeypatch):
    monkeypatch.setattr(decoded_cache, "FEWEST", 500)
    data.load(images, size=8)
    monkeypatch.setattr(decoded_cache, "FEWEST", 1)
    usage = type("usage", (), {"free": 100})
    monkeypatch.setattr(decoded_cache.shutil, "disk_usage", lambda path: usage)
    data.load(images, size=8)
    assert not cache.exists() or list(cache.iterdir()) == []


def test_entries_of_deleted_files_go(images, cache, tmp_path):
    data.load(images, size=8)
    save(tmp_path / "others" / "1.png")
    images.rename(tmp_path / "elsewhere")
    (cache / ".part-old").mkdir()
    os.utime(cache / ".part-old", (1, 1))
    data.load(tmp_path / "others", size=8)
    assert len(list(cache.iterdir())) == 1


def test_pairs_of_images_are_kept_too(tmp_path, cache, undecodable):
    for split in ("train", "test"):
        for number in range(3):
            save(tmp_path / "pairs" / split / f"{number}.png", (8, 16))

    def load(split):
        source = data.load_pairs(tmp_path / "pairs", size=8, split=split)
        return {key: array.tolist() for key, array in source.take(3).items()}

    with decoded_cache.using(None):
        expected = [load(split) for split in ("train", "test")]
    assert [load(split) for split in ("train", "test")] == expected
    undecodable("read")  # headers are read: they say which side is which
    assert [load(split) for split in ("train", "test")] == expected


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_progress_line_on_a_terminal_and_in_a_log(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])

    def run(stream, seconds):
        now[0] = 0.0  # steps of an eighth and a half of a second are exact
        line = ProgressLine("decoding", 200, stream)
        for done in range(1, 201):
            now[0] += seconds / 200
            line.update(done)
        line.close()
        return stream.getvalue()

    assert run(Terminal(), 0.9) == run(io.StringIO(), 29) == ""
    text = run(Terminal(), 25.0)
    assert text.startswith("\rdecoding: 8 of 200 (4%), 24 s left\r") and text.count("\n") == 1
    assert text.rstrip().endswith("decoding: 200 in 25 s")
    lines = run(io.StringIO(), 100).splitlines()
    assert len(lines) == 3 and lines[0] == "decoding: 60 of 200 (30%), 70 s left"


def test_reading_in_parallel_keeps_the_order(monkeypatch, capsys):
    monkeypatch.setattr(progress_line, "LOG", 0.0)
    read = decoding.read_in_parallel(lambda n: n * n, range(50), "squares")
    assert list(read) == [n * n for n in range(50)]
    assert capsys.readouterr().out == ""
    with decoding.reporting():
        assert sum(decoding.read_in_parallel(int, range(3), "counting")) == 3
    assert "counting: 2 of 3 (66%)" in capsys.readouterr().out
