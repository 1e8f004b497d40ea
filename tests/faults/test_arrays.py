"""Arrays, IDX files, label files and study files that somebody damaged: one line, or right values.

The fast tests try a seeded selection; `large` tries all.
"""

import copy
import functools
import gzip
import io
import json
import os
import zipfile

import numpy as np
import pytest

from tfgan_suite.data.readers import idx, label_files, npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils import memory_budget

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
SELECTIONS = [pytest.param(40, id="fast"), pytest.param(600, marks=pytest.mark.large, id="all")]


def outcome(read, *names):
    """What a reader returns, or `None` after a refusal of one line with one of the names."""
    try:
        return read()
    except InputError as error:
        text = str(error)
        assert "\n" not in text and len(text) < 700 and any(name in text for name in names)
        return None


def damage(content, draws):
    """Cuts, flips, inserts, repeats or zeroes some bytes."""
    content = bytearray(content)
    kind, at = draws.integers(5), int(draws.integers(len(content)))
    if kind == 0:
        return bytes(content[:at])
    if kind == 1:
        for index in draws.integers(0, len(content), draws.integers(1, 9)):
            content[index] ^= int(draws.integers(1, 256))
    elif kind == 2:
        content[at:at] = draws.integers(0, 256, 7, dtype=np.uint8).tobytes()
    elif kind == 3:
        content += content[at:]
    else:
        content[at : at + 40] = bytes(40)
    return bytes(content)


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def npy(shape, dtype="|u1", body=b"", order=False):
    head = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + body


@pytest.mark.parametrize("count", SELECTIONS)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_npz_files(tmp_path, count, save):
    content, path = io.BytesIO(), tmp_path / "some.npz"
    save(content, image=IMAGES, label=np.arange(6), text=np.array(["a", "bc"]))
    draws = np.random.default_rng(1)
    for _ in range(count):
        path.write_bytes(damage(content.getvalue(), draws))
        images = outcome(lambda: npz_files.read_arrays(path, ["image"]), "some.npz")
        # The checksum holds: what can be read is right.
        assert images is None or np.array_equal(images[0], IMAGES)


@pytest.mark.parametrize(
    "content,words",
    [
        (npy((10, 4)), "40 bytes; found 0"),
        (npy((2**40, 2**40)), "found 0"),
        (npy((2, 2), "|u1", b"1234567"), "4 bytes; found 7"),
        (npy((1,), "|O", b"x"), "Python objects"),
        (npy((-4,), "|u1", b"1234"), "no shape"),
        (npy((True, 4), "|u1", b"1234"), "no shape"),
        (npy((4,), "what", b"1234"), "cannot be read"),
        (npy((4,), [("a", "|O")], b"1234"), "Python objects"),
        (b"\x80\x04K\x01.", "not an array"),
        (npy((4,)).replace(b"'shape'", b"'shapf'"), "cannot be read"),
    ],
)
def test_headers_that_lie(tmp_path, content, words):
    path = zipped(tmp_path / "lies.npz", image=content)
    with pytest.raises(InputError, match=f"lies.npz.*{words}"):
        npz_files.read_arrays(path, ["image"])


def test_pickles_are_never_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    np.savez(tmp_path / "evil.npz", image=np.array([Evil()], object))
    with pytest.raises(InputError, match="Python objects"):
        npz_files.read_arrays(tmp_path / "evil.npz", ["image"])
    assert not (tmp_path / "ran").exists()


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path):
    size = 2**28 + 1024
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("image.npy", "w") as member:
            member.write(npy((size,)))
            for start in range(0, size, 2**22):
                member.write(bytes(min(2**22, size - start)))
    with pytest.raises(InputError, match="bomb.npz: image would take 0.3 GiB"):
        npz_files.read_arrays(tmp_path / "bomb.npz", ["image"])


def test_arrays_that_do_not_fit_into_the_free_memory(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", image=IMAGES)
    (tmp_path / "a-idx3-ubyte").write_bytes(
        b"\0\0\x08\x03" + np.array([6, 20, 3], ">u4").tobytes() + IMAGES.tobytes()
    )
    readers = {
        "a.npz": lambda path: npz_files.read_arrays(path, ["image"])[0],
        "a-idx3-ubyte": lambda path: idx.read_idx(path, (3,)),
    }
    monkeypatch.setattr(npz_files, "_BOMB_BYTES", 100)
    monkeypatch.setattr(idx, "_ALWAYS_READ", 100)
    for free in (None, IMAGES.size, IMAGES.size - 1):
        monkeypatch.setattr(memory_budget, "available_bytes", lambda free=free: free)
        for name, read in readers.items():
            if free == IMAGES.size - 1:
                with pytest.raises(InputError, match=f"{name}.* would take 0.0 GiB.*are free: use"):
                    read(tmp_path / name)
            else:
                np.testing.assert_array_equal(read(tmp_path / name).ravel(), IMAGES.ravel())


def test_other_files_called_npz(tmp_path):
    with open(tmp_path / "array.npz", "wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(InputError, match=r"single array \(.npy\)"):
        npz_files.array_names(tmp_path / "array.npz")
    with zipfile.ZipFile(tmp_path / "book.npz", "w") as file:
        file.writestr("word/document.xml", "hello")
    with pytest.raises(InputError, match="zip file without arrays.*word/document.xml"):
        npz_files.array_names(tmp_path / "book.npz")
    np.savez(tmp_path / "order.npz", image=np.asfortranarray(IMAGES))
    (images,) = npz_files.read_arrays(tmp_path / "order.npz", ["image"])
    np.testing.assert_array_equal(images, IMAGES)


def idx_bytes(array, shape=None):
    sides = np.array(shape or array.shape, ">u4")
    return bytes([0, 0, 8, len(sides)]) + sides.tobytes() + array.tobytes()


@pytest.mark.parametrize("count", SELECTIONS)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_idx_files(tmp_path, count, packed):
    grey, path = IMAGES[..., 0], tmp_path / "train-images-idx3-ubyte"
    content = gzip.compress(idx_bytes(grey), mtime=0) if packed else idx_bytes(grey)
    draws = np.random.default_rng(2)
    for _ in range(count):
        path.write_bytes(damage(content, draws))
        images = outcome(lambda: idx.read_idx(path, (3, 4)), path.name)
        # Without a checksum, bytes may differ; their number cannot.
        assert images is None or images.dtype == np.uint8 and images.ndim in (3, 4)


@pytest.mark.parametrize("sides", [(2**32 - 1,) * 3, (2**31, 2**31, 4), (2**16, 2**16, 2**16 * 2)])
def test_idx_headers_that_overflow(tmp_path, sides):
    path = tmp_path / "train-images-idx3-ubyte"
    for pack in (bytes, lambda content: gzip.compress(content)):
        path.write_bytes(pack(idx_bytes(IMAGES, sides)))
        with pytest.raises(InputError, match="truncated or damaged"):
            idx.read_idx(path, (3,))


TABLES = [
    (b"file,label\na.png,1\nb.png,2\n", [[1], [2]]),
    (b"\xef\xbb\xbffile,label\r\na.png,1\r\nb.png,2\r\n", [[1], [2]]),
    (b'file,label\n"a.png","1\n"\nb.png,2\n', [[1], [2]]),
    (b"a.png,1,2\nb.png,3,4\n", [[1, 2], [3, 4]]),
]
BROKEN = [
    b"", b"\0", b"a.png\nb.png\n", b"a.png,1\nb.png,1,2\n", b"a.png,1\nb.png,\xff\n", b'"a.png,1',
    b"a.png,1\0\nb.png,2\n", b"a.png,nan\nb.png,1\n", b"a.png,1e300\nb.png,1\n", b"label;file\n1;a",
    b"a.png,1\n", b'a.png,"' + b"1" * 200_000 + b'"\n',
]  # fmt: skip
DOCUMENTS = [
    "[" * 100_000, "{}", "[]", "null", '{"a.png": {}}',
    '{"a.png": [1], "b.png": [1' + "0" * 400 + "]}",
    '{"a.png": "\\ud800", "b.png": 1}', '{"a.png": true, "b.png": [[1]]}', '[{"file": 1}, 2]', "1",
    '[{"file": "a.png", "x": 1}, {"file": "b.png"}]', '{"a.png": [1], "b.png": [NaN]}',
]  # fmt: skip


@pytest.mark.parametrize("content,rows", TABLES)
def test_tables_that_can_be_read(tmp_path, content, rows):
    (tmp_path / "labels.csv").write_bytes(content)
    values, _ = label_files.load_labels(tmp_path, ["a.png", "b.png"])
    assert values.tolist() == rows


@pytest.mark.parametrize("index", range(len(BROKEN) + len(DOCUMENTS)))
def test_label_files_that_cannot_be_read(tmp_path, index):
    contents = [("csv", c) for c in BROKEN] + [("json", c.encode()) for c in DOCUMENTS]
    ending, content = contents[index]
    (tmp_path / f"labels.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=f"labels.{ending}") as error:
        label_files.load_labels(tmp_path, ["a.png", "b.png"])
    assert "\n" not in str(error.value) and len(str(error.value)) < 700


VALUES = (
    None, True, -1, 0, 10**400, 1.5,
    "", "x", "\ud800", [], {}, [[]], ["\ud800"], {"a": []}, [1] * 3,
)  # fmt: skip


def edited(content, draws):
    """A copy with one value, anywhere in it, replaced or left out."""
    content = copy.deepcopy(content)
    holder = content
    while True:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = keys[draws.integers(len(keys))]
        deeper = holder[key]
        if isinstance(deeper, (dict, list)) and deeper and draws.random() < 0.85:
            holder = deeper
            continue
        if draws.random() < 0.15:
            del holder[key]
        else:
            holder[key] = VALUES[draws.integers(len(VALUES))]
        return content


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A study and its key of each kind."""
    from answering import write_images

    from tfgan_suite.study.make import make

    home = tmp_path_factory.mktemp("studies")
    folders = [write_images(home / name, 6, seed=seed) for seed, name in enumerate("ab")]
    made = {
        kind: make(*folders, home / f"{kind}.html", kind, trials=6)
        for kind in ("preference", "turing", "mos")
    }
    return {kind: json.loads(study.key.read_text()) for kind, study in made.items()}


@pytest.mark.parametrize("count", [pytest.param(60, id="fast"), SELECTIONS[1]])
@pytest.mark.parametrize("kind", ["preference", "turing", "mos"])
def test_edited_study_files(tmp_path, studies, count, kind):
    pytest.importorskip("scipy")
    from answering import write

    from tfgan_suite.study.analyse import analyse

    key = studies[kind]

    def choose(trial, shown):
        if trial["sure"]:
            return trial["sure"][0]
        return {"preference": shown[0], "turing": "real", "mos": 3}[kind]

    answers = write(tmp_path / "answers.json", key, "ann", choose)
    result, draws = json.loads(answers.read_text()), np.random.default_rng(3)
    key_path = tmp_path / "copy.key.json"
    refused = 0
    for number in range(count):
        edit_key = number % 2
        key_path.write_text(json.dumps(edited(key, draws) if edit_key else key))
        answers.write_text(json.dumps(result if edit_key else edited(result, draws)))
        # Other sure answers are a valid key, by which this rater fails.
        read = functools.partial(analyse, [answers], key_path)
        refused += outcome(read, "json", "passes the catch trials") is None
    assert refused > count // 4


def test_pipes_are_refused_at_once(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    readers = {
        "train-images-idx3-ubyte": lambda path: idx.read_idx(path, (3,)),
        "images.npz": lambda path: npz_files.read_arrays(path, ["image"]),
    }
    for name, read in readers.items():
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=f"{name}.*(a named pipe|is not a file)"):
            read(tmp_path / name)
