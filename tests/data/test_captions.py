"""Sources of captions: which caption comes when, mismatches, and what crops and flips move."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.caption_source import exchange_directions
from tfgan_suite.data.pipeline.caption_table import TRIES, CaptionTable, Mismatches
from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.data.synthetic import sentences
from tfgan_suite.errors import InputError

PARTS = ("left eye", "right eye")
# Left, top, width, height of a bright box in each of the images, which are 40 by 24.
BOXES = [(4 + 3 * i, 6, 8, 6) for i in range(8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight images of a box whose left half is red and whose right half is green, two classes."""
    folder, rows = tmp_path_factory.mktemp("boxes"), []
    for number, (left, top, width, height) in enumerate(BOXES):
        pixels = np.zeros((24, 40, 3), np.uint8)
        pixels[top : top + height, left : left + width // 2, 0] = 255
        pixels[top : top + height, left + width // 2 : left + width, 1] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png")
        middle = top + height / 2
        points = {"left eye": [left, middle], "right eye": [left + width, middle]}
        for text in (f"box {number}", f"class {number % 2}", f"the {number}th"):
            row = {"file_name": f"{number}.png", "text": text, "box": BOXES[number]}
            rows.append({**row, "keypoints": points, "label": f"class {number % 2}"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def source(folder):
    return data.load_captions(folder, size=20, random_crop=4, hold_out=0)


def arrays(batches):
    return [{key: value.numpy() for key, value in batch.items()} for batch in batches]


def texts(values):
    return [text.decode() for text in values]


def assert_equal(one, other):
    assert set(one) == set(other)
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def test_batches_depend_on_seed_and_step_only(source):
    options = {"seed": 3, "horizontal_flip": True}
    every = arrays(source.batches(4, **options).take(6))
    resumed = arrays(source.batches(4, start=4, **options).take(2))
    for one, other in zip(every[4:], resumed):
        assert_equal(one, other)
    context = tf.distribute.InputContext(1, 0, 2)
    halves = arrays(source.batches(4, input_context=context, **options).take(4))
    for step in range(2):
        joined = {k: np.concatenate([half[k] for half in halves[2 * step :][:2]]) for k in every[0]}
        assert_equal(joined, every[step])
    other = arrays(source.batches(4, seed=4, horizontal_flip=True).take(1))
    assert not np.array_equal(other[0]["image"], every[0]["image"])
    assert {key: value.shape[1:] for key, value in every[0].items()} == source.shapes
    assert source.shapes == {
        "image": (20, 20, 3), "text": (), "mismatched_text": (), "label": (), "box": (4,),
        "keypoints": (2, 3),
    }  # fmt: skip


def test_every_caption_is_used_equally_often(source):
    drawn = [t for b in arrays(source.batches(8, seed=0).take(60)) for t in texts(b["text"])]
    counts = [drawn.count(f"box {number}") for number in range(8)]
    assert min(counts) > 8 and sum(counts) == pytest.approx(160, abs=40)
    assert drawn.count("class 0") + drawn.count("class 1") == pytest.approx(160, abs=40)


def test_mismatches_are_of_another_class_and_never_true(source):
    seen = set()
    for batch in arrays(source.batches(8, seed=0).take(60)):
        for label, text in zip(batch["label"], texts(batch["mismatched_text"])):
            number = int(text.split()[-1].removesuffix("th"))
            assert number % 2 != label
            seen.add(text)
    assert len(seen) == 18  # of all images, and all captions of them


def test_boxes_and_points_stay_on_what_they_mark(source):
    """Crops, resizing and flips: read back from the pixels."""
    flips = 0
    for batch in arrays(source.batches(8, seed=1, horizontal_flip=True).take(12)):
        for image, box, points in zip(batch["image"], batch["box"], batch["keypoints"]):
            bright = image[..., :2].max(axis=2) > 0
            rows, columns = np.nonzero(bright)
            left, top, width, height = box * 20
            assert width > 0 and height > 0
            edges = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
            expected = left, left + width, top, top + height
            assert np.abs(np.subtract(edges, expected)).max() <= 1.0
            red = image[..., 0][bright].mean() if bright.any() else 0
            first = image[rows[len(rows) // 2], columns.min()]
            is_flipped = first[1] > first[0]
            flips += is_flipped
            names = dict(zip(PARTS, points))
            if min(names["left eye"][2], names["right eye"][2]):
                # After the exchange the left eye is on the left again.
                assert names["left eye"][0] < names["right eye"][0]
                assert abs(names["left eye"][0] * 20 - left) < 1e-3
            assert np.isfinite(red) and not points[points[:, 2] == 0].any()
    assert 20 < flips < 76


def test_take_and_held_out_are_cropped_in_the_centre(folder):
    source = data.load_captions(folder, size=20, random_crop=4, hold_out=2)
    assert len(source) == 6 and len(source.held_out(9)["text"]) == 2
    batch = source.take(6, seed=1)
    assert set(map(bytes.decode, batch["text"])) <= {f"box {i}" for i in range(8)}  # the first
    assert_equal(batch, source.take(6, seed=1))
    assert batch["image"].dtype == np.float32 and batch["image"].min() == -1
    held_out = texts(source.held_out(2)["text"])
    assert not set(held_out) & set(map(bytes.decode, batch["text"]))
    assert source.class_counts and sum(source.class_counts) == 6
    assert "6 text of ()" in repr(source)


def test_streamed_images_are_the_same(folder, source):
    streamed = data.load_captions(folder, size=20, random_crop=4, hold_out=0, memory_limit=0)
    assert streamed.fingerprint == source.fingerprint
    options = {"seed": 2, "horizontal_flip": True}
    for one, other in zip(*(arrays(s.batches(4, **options).take(3)) for s in (source, streamed))):
        assert_equal(one, other)


def test_other_captions_are_other_data(folder, source, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes().replace(b"the 7th", b"the 9th"))
    other = data.load_captions(tmp_path, size=20, random_crop=4, hold_out=0)
    assert other.fingerprint != source.fingerprint


def test_embeddings_belong_to_the_captions(folder):
    def embed(sentences):
        return np.array([[len(text), ord(text[0])] for text in sentences])

    source = data.load_captions(folder, size=20, hold_out=0, embedding=embed)
    for batch in arrays(source.batches(8, seed=0).take(3)):
        for prefix in ("", "mismatched_"):
            expected = embed(texts(batch[f"{prefix}text"]))
            np.testing.assert_array_equal(batch[f"{prefix}embedding"], expected)
    alone = data.load_captions(folder, size=20, hold_out=0, embedding=embed, mismatched=False)
    assert "mismatched_text" not in alone.shapes and "embedding" in alone.shapes


def directions(tmp_path, captions, **options):
    """Images that are white on the left, with their captions."""
    rows = []
    for number, text in enumerate(captions):
        pixels = np.zeros((8, 8), np.uint8)
        pixels[:, :4] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        rows.append(json.dumps({"file_name": f"{number}.png", "text": text}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows))
    return data.load_captions(tmp_path, size=8, channels=1, hold_out=0, **options)


CAPTIONS = ("white on the left", "Left is white", "half is white", "the leftmost half")


def test_images_whose_captions_say_left_are_not_flipped(tmp_path):
    source = directions(tmp_path, CAPTIONS)
    sides = {text: set() for text in CAPTIONS}
    for batch in arrays(source.batches(4, seed=0, horizontal_flip=True).take(16)):
        for image, text in zip(batch["image"], texts(batch["text"])):
            sides[text].add("left" if image[0, 0, 0] > 0 else "right")
    assert sides == {**dict.fromkeys(CAPTIONS, {"left"}), "half is white": {"left", "right"}}


def test_or_their_words_are_exchanged(tmp_path):
    source = directions(tmp_path, CAPTIONS, exchange_words=True)
    seen = set()
    for batch in arrays(source.batches(4, seed=0, horizontal_flip=True).take(16)):
        for image, *pair in zip(
            batch["image"], texts(batch["text"]), texts(batch["mismatched_text"])
        ):
            side = "left" if image[0, 0, 0] > 0 else "right"
            for text in pair:
                assert (side in text.lower()) == ("half is" not in text)
            seen.add(pair[0])
    assert seen == {*CAPTIONS, *map(exchange_directions, CAPTIONS)} and len(seen) == 7
    assert exchange_directions("Left, RIGHT; leftover") == "Right, LEFT; leftover"


def test_flips_need_to_know_the_parts(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes().replace(b"eye", b"hand"))
    text = (tmp_path / "metadata.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        row["keypoints"] = list(row["keypoints"].values())
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = data.load_captions(tmp_path, size=20, hold_out=0)
    source.batches(4, seed=0)
    with pytest.raises(InputError, match=r"without names.*parts\.txt, or mirror"):
        source.batches(4, seed=0, horizontal_flip=True)
    data.load_captions(tmp_path, size=20, hold_out=0, mirror=[1, 0]).batches(
        4, seed=0, horizontal_flip=True
    )


def test_mismatches_where_captions_are_shared():
    """Eight draws may all be captions of the image itself; the ninth never is."""
    captions = [["dog", "animal"]] * 30 + [["animal", "dog"]] * 30 + [["animal", "cat"]]
    groups = np.array([0] * 30 + [1] * 30 + [2])
    table = CaptionTable(captions)
    mismatches = Mismatches(table, groups, range(61), "pets")
    draws = tf.random.stateless_uniform([61, TRIES, 2], [1, 2])
    owners, numbers = (each.numpy() for each in mismatches.draw(tf.range(61), draws))
    assert {table.texts[n] for n in numbers[:30]} == {"cat"} and set(owners[:30]) == {60}
    assert all(number in table.rows[owner] for owner, number in zip(owners, numbers))
    with pytest.raises(InputError, match=r"pets: all captions of other images fit 30, too"):
        Mismatches(table, np.array([0] * 30 + [1] * 31), range(61), "pets")
    with pytest.raises(InputError, match="captions of one class only; expected two or more"):
        Mismatches(table, np.zeros(61), range(61), "pets")
    # Without classes each image is a group of its own.
    _, numbers = Mismatches(CaptionTable([["a"], ["b"], ["c"]]), None, "abc", "abc").draw(
        tf.zeros([200], tf.int32), tf.random.stateless_uniform([200, TRIES, 2], [1, 2])
    )
    assert np.bincount(numbers, minlength=3).tolist() == pytest.approx([0, 100, 100], abs=25)


def test_the_embedded_world(monkeypatch):
    assert {name: count for name, (count, _) in world.SPLITS.items()} == {
        "train": 6000, "test": 1080, "held_out": 540,
    }  # fmt: skip
    smaller = {"train": (540, 0), "test": (108, 1), "held_out": (54, 2)}
    monkeypatch.setattr(world, "SPLITS", smaller)
    source = data.load_captions("captions")
    assert len(source) == 540 and source.shape == (32, 32, 3) and data.is_embedded("captions")
    assert source.classes == world.CLASSES and source.parts == world.PARTS
    (batch,) = arrays(source.batches(256, seed=0).take(1))
    right = sentences.parse(texts(batch["text"]))
    wrong = sentences.parse(texts(batch["mismatched_text"]))
    reading = world.read(batch["image"])
    fields = ("colour", "shape", "size", "position")
    agree = [getattr(right, f) == getattr(reading.attributes, f) for f in fields]
    assert np.all(agree)
    # A mismatched sentence differs in something, and often in a detail only.
    same = np.array([getattr(right, f) == getattr(wrong, f) for f in fields])
    assert not same.all(axis=0).any() and same[2:].any(axis=1).all()
    np.testing.assert_array_equal(
        batch["label"], reading.attributes.shape * 6 + reading.attributes.colour
    )
    assert np.abs(reading.box - batch["box"]).max() < 0.03
    held_out = source.held_out(90)
    assert source.report(held_out, held_out["image"])["all_share"] == 1.0
    novel = data.load_captions("captions", split="held_out").take(54)
    assert not set(novel["label"]) & set(batch["label"])
    large = data.load_captions("captions", size=64).take(8, seed=5)
    assert_equal({**large, "image": 0}, {**source.take(8, seed=5), "image": 0})
    with pytest.raises(InputError, match="name colours"):
        data.load_captions("captions", channels=1)


def test_unknown_names_and_options(folder, tmp_path):
    for options, words in (
        ({"spec": "caption"}, "did you mean 'captions'"),
        ({"spec": tmp_path}, "no captions in a known layout"),
        ({"spec": folder, "fit": "cover"}, "none of crop, stretch, object"),
        ({"spec": folder, "split": "held_out"}, "'train' or 'test'"),
        ({"spec": folder, "mirror": [0, 1, 2]}, "of 2 key points"),
        ({"spec": folder, "embedding": tmp_path / "no.npz"}, r"no\.npz"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            data.load_captions(**options)
        assert "\n" not in str(caught.value)


def test_broken_images_are_skipped(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = (tmp_path / "3.png").read_bytes()
    (tmp_path / "3.png").write_bytes(broken[:-40])
    source = data.load_captions(tmp_path, size=20, hold_out=0)
    assert len(source) == 7 and "3.png" in source.skipped[0][0]
    batch = source.take(7)
    assert sorted(texts(batch["text"])) == [f"box {i}" for i in range(8) if i != 3]
    with pytest.raises(InputError, match="cannot be read"):
        data.load_captions(tmp_path, size=20, strict=True)


def test_vectors_of_several_captions_are_averaged_and_none_of_them_fits_where_none_should(
    monkeypatch,
):
    """The vector of a caption is its number here; an image's captions have numbers in a row."""
    monkeypatch.setitem(world.SPLITS, "train", (270, 0))
    source = data.load_captions("captions", size=16)
    numbers = {text: index for index, text in enumerate(source.texts)}
    rows = [{numbers[text] for text in texts} for texts in source.captions.captions]

    def embed(texts):
        return np.array([[numbers[text]] for text in texts], "f4")

    one = data.load_captions("captions", size=16, embedding=embed)
    four = data.load_captions("captions", size=16, embedding=embed, num_captions=4)
    for batch, first in zip(four.batches(16, seed=3).take(2), one.batches(16, seed=3)):
        # The first caption and the image are those of a single one; the vector is not.
        assert np.array_equal(batch["text"], first["text"])
        assert np.array_equal(batch["mismatched_text"], first["mismatched_text"])
        assert not np.allclose(batch["embedding"], first["embedding"])
        for row, text in enumerate(batch["text"].numpy()):
            owners = [own for own in rows if numbers[text.decode()] in own]
            mean = float(batch["embedding"][row, 0])
            assert any(min(own) <= mean <= max(own) for own in owners)
            wrong = numbers[batch["mismatched_text"][row].numpy().decode()]
            assert all(wrong not in own for own in owners[:1])
    again = next(iter(four.batches(16, seed=3, start=1)))
    assert np.array_equal(again["embedding"], batch["embedding"])
    with pytest.raises(InputError, match="num_captions is 0"):
        data.load_captions("captions", size=16, num_captions=0)


def test_an_embedding_that_comes_later_reaches_batches_and_the_test_split(monkeypatch):
    for split in ("train", "test"):
        monkeypatch.setitem(world.SPLITS, split, (270, 0))
    source = data.load_captions("captions", size=16)
    source.use_embedding(lambda texts: np.array([[len(text)] for text in texts]))
    batch = next(iter(source.batches(4, seed=0)))
    assert source.shapes["embedding"] == source.shapes["mismatched_embedding"] == (1,)
    assert batch["embedding"][:, 0].numpy().tolist() == [len(t) for t in batch["text"].numpy()]
    held_out = source.held_out(3)
    assert held_out["embedding"][:, 0].tolist() == [len(t) for t in held_out["text"]]
    # No strings where `fit` gets its batches.
    spec = data.distribute(source, None, 4, seed=0).element_spec
    assert "embedding" in spec and "text" not in spec
