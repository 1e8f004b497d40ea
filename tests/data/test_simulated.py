"""Simulated and real images: sizes that are not square, and labels from every kind of file."""

import json

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data import simulated
from tfgan_suite.data.readers import label_files
from tfgan_suite.errors import InputError


def folder_of(place, names, size=(11, 7)):
    """Image number i is grey with the value 10 i."""
    place.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("L", size, 10 * number).save(place / name)
    return place


@pytest.fixture
def eyes(tmp_path):
    folder_of(tmp_path / "synthetic", [f"e{n}.png" for n in range(4)])
    folder_of(tmp_path / "real", [f"r{n}.png" for n in range(6)])
    lines = ["file,x,y"] + [f"e{n}.png,{n},{n + 0.5}" for n in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


def load(spec, **options):
    options.setdefault("size", (7, 11))
    return data.load_simulated(spec, **options)


def failing(spec, *words, **options):
    with pytest.raises(InputError) as caught:
        load(spec, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def numbers(images):
    return np.round((np.asarray(images)[:, 0, 0, 0] + 1.0) * 12.75).astype(int)


def check_labels(source):
    for batch in source.batches(6, seed=0).take(5):
        which = numbers(batch["simulated"])
        np.testing.assert_allclose(batch["label"], np.stack([which, which + 0.5], 1))


def test_labels_belong_to_their_images(eyes):
    source = load(eyes)
    assert source.shapes == {"simulated": (7, 11, 1), "label": (2,), "real": (7, 11, 1)}
    assert source.lengths == {"simulated": 4, "label": 4, "real": 6} and len(source) == 6
    assert source.label_names == ("x", "y") and source.key == "simulated"
    check_labels(source)
    assert set(numbers(source.take(6)["real"])) == set(range(6))
    check_labels(load(f"{eyes / 'synthetic'},{eyes / 'real'}"))
    check_labels(load(eyes, memory_limit=0))


@pytest.mark.parametrize("place", ["synthetic/labels", "synthetic/synthetic", "synthetic"])
@pytest.mark.parametrize("kind", ["lists", "objects", "entries"])
def test_json_files_and_places(eyes, place, kind):
    (eyes / "labels.csv").unlink()
    rows = {f"e{n}.jpg": [n, n + 0.5] for n in range(5)}  # another ending, one row too many
    if kind == "objects":
        rows = {name: {"x": row[0], "y": row[1]} for name, row in rows.items()}
    elif kind == "entries":
        rows = [{"file": name, "x": row[0], "y": row[1]} for name, row in rows.items()]
    (eyes / f"{place}.json").write_text(json.dumps(rows))
    source = load(eyes)
    check_labels(source)
    assert source.label_names == (("label 0", "label 1") if kind == "lists" else ("x", "y"))


def test_csv_without_titles_and_with_names_without_endings(eyes):
    (eyes / "labels.csv").write_text("\n".join(f"e{n}, {n}, {n}.5" for n in (3, 1, 0, 2)))
    check_labels(load(eyes))


def test_labels_in_file_names(tmp_path):
    folder_of(tmp_path / "s", ["f01_122_-0.0_-0.5.png", "f01_130_-0.1963_0.3927.png"])
    found, _ = label_files.load_labels(
        tmp_path / "s", ["f01_122_-0.0_-0.5.png", "f01_130_-0.1963_0.3927.png"]
    )
    np.testing.assert_allclose(found, [[0.0, -0.5], [-0.1963, 0.3927]], rtol=1e-6)
    folder_of(tmp_path / "r", ["1.png"])
    assert load(f"{tmp_path / 's'},{tmp_path / 'r'}").shapes["label"] == (2,)


def test_without_labels_refining_is_possible(tmp_path):
    folder_of(tmp_path / "synthetic", ["a.png", "b.png"])
    folder_of(tmp_path / "real", ["c.png"])
    source = load(tmp_path)
    assert set(source.take(2)) == {"simulated", "real"} and source.label_names == ()


def test_the_test_split_has_labelled_real_images(eyes):
    with pytest.raises(InputError, match="real_test"):
        load(eyes).held_out(1)
    folder_of(eyes / "real_test", ["t0.png", "t1.png"])
    failing(eyes, "labels.csv has no label for 2 of 2", "t0.png", split="test")
    (eyes / "real_test" / "labels.csv").write_text("t1.png,3,4\nt0.png,1,2\n")
    held = load(eyes).held_out(10)
    np.testing.assert_array_equal(held["real_label"], [[1, 2], [3, 4]])
    assert numbers(held["simulated"]).tolist() == [0, 1, 2, 3]
    (eyes / "real_test" / "labels.csv").write_text("t1.png,3\nt0.png,1\n")
    failing(eyes, "1 labels", "2", split="test")


@pytest.mark.parametrize(
    "text,words",
    [
        ("e0.png,1,2\ne1.png,1,2\n", ["no label for 2 of 4", "e2.png, e3.png"]),
        ("e0.png,1,2\ne1.png,1\ne2.png,1,2\ne3.png,1,2\n", ["e1.png", "1 numbers", "2"]),
        ("e0.png,1,2\ne1.png,1,nan\ne2.png,1,2\ne3.png,1,2\n", ["e1.png", "finite"]),
        ("e0.png,1,2\ne1.png,1,left\ne2.png,1,2\ne3.png,1,2\n", ["e1.png", "left"]),
    ],
)
def test_bad_labels_are_named(eyes, text, words):
    (eyes / "labels.csv").write_text(text)
    failing(eyes, *words)


def test_bad_json_is_named(eyes):
    (eyes / "labels.csv").unlink()
    for text, word in (("{", "is damaged"), ("[1, 2]", "holds no labels")):
        (eyes / "labels.json").write_text(text)
        failing(eyes, "labels.json", word)


def test_what_is_missing_is_named(eyes):
    failing(eyes / "none", "does not exist")
    failing("eye", "did you mean 'eyes'")
    failing("eyes", "grey", channels=3)
    failing(eyes, "(height, width)", size=(3, 4, 5))
    failing(eyes, "whole number", size=(7, 0))
    for path in (eyes / "real").iterdir():
        path.unlink()
    failing(eyes, str(eyes / "real"), "no images")
    (eyes / "real").rmdir()
    failing(eyes, "no folder real", "synthetic")


@pytest.mark.parametrize("limit", [2**31, 0])
def test_broken_images_keep_the_labels_of_the_others(eyes, limit):
    (eyes / "synthetic" / "e1.png").write_bytes(b"")
    whole = (eyes / "synthetic" / "e2.png").read_bytes()
    (eyes / "synthetic" / "e2.png").write_bytes(whole[:50])
    source = load(eyes, memory_limit=limit)
    check_labels(source)
    assert set(numbers(source.take(6)["simulated"])) == {0, 3}
    failing(eyes, "e1.png", "empty file", strict=True)


def test_images_cover_the_size_and_the_middle_is_cut_out():
    # 20 wide, 8 high, to 4 x 4: the middle 8 columns are kept, whose rims take a little in of what
    # lies behind, as filters do.
    wide = np.zeros((8, 20, 1), np.uint8)
    wide[:, 6:14] = 200
    np.testing.assert_allclose(simulated.resize_and_crop(wide, (4, 4)), 200, atol=12)
    tall = np.zeros((20, 8, 3), np.uint8)
    tall[8:12] = 100  # 8 x 4: the aspect of 4 x 2
    np.testing.assert_allclose(simulated.resize_and_crop(tall, (2, 4)), 100, atol=12)
    assert simulated.resize_and_crop(tall, (20, 8)) is tall
    assert simulated.resize_and_crop(wide, (35, 55)).shape == (35, 55, 1)


def test_the_embedded_world():
    source = load("eyes", size=None)
    assert source.shapes == {"simulated": (35, 55, 1), "label": (2,), "real": (35, 55, 1)}
    assert source.label_names == ("pupil_x", "pupil_y") and len(source) == 4000
    held = source.held_out(20)
    assert held["real_label"].shape == held["label"].shape == (20, 2)
    found = source.report(held, held["simulated"])
    assert found["change"] == 0.0 and found["label_kept_share"] == 1.0
