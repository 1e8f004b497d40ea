"""Captions, boxes and key points from the files that users have; what is said of broken ones."""

import json

import numpy as np
import pytest
from PIL import Image

from tfgan_suite.data.readers import caption_files
from tfgan_suite.errors import InputError


def image(path, width=40, height=20, level=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (level, 0, 0)).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        image(tmp_path / name)
    return tmp_path


def load(folder, split="train", hold_out=0):
    return caption_files.load(folder, split, hold_out)


def failing(folder, *words, split="train"):
    with pytest.raises(InputError) as caught:
        load(folder, split)
    text = str(caught.value)
    assert "\n" not in text and "; expected " in text, text
    assert all(word in text for word in words), text


ROWS = (
    {"file_name": "a.png", "text": "one red", "box": [10, 5, 20, 10]},
    {"file_name": "a.png", "text": " a  red one "},
    {"file_name": "b.png", "text": ["two", "zwei"], "box": [0, 0, 40, 20]},
)
POINTS = {"left eye": [10, 5], "right eye": [30, 5, 1], "nose": None}


def check(captions):
    assert captions.captions == (("one red", "a red one"), ("two", "zwei"))
    assert [path.name for path in captions.paths] == ["a.png", "b.png"]
    np.testing.assert_allclose(captions.boxes, [[0.25, 0.25, 0.5, 0.5], [0, 0, 1, 1]])
    assert captions.sizes.tolist() == [[40, 20], [40, 20]]


def test_metadata_jsonl(folder):
    write(folder / "metadata.jsonl", "\n" + lines(*ROWS))
    captions = load(folder)
    check(captions)
    assert captions.keypoints is captions.labels is captions.classes is None
    assert captions.layout == "captions in metadata.jsonl" and captions.skipped == ()
    check(load(folder / "metadata.jsonl"))


def test_metadata_csv(folder):
    write(
        folder / "metadata.csv",
        'file_name,text,box,label\na.png,one red,"10, 5, 20, 10",x10\na.png,a red one,,\n'
        'b.png,two,"[0,0,40,20]",x9\nb.png,zwei,0 0 40 20,x9\n',
    )
    captions = load(folder)
    check(captions)
    assert captions.classes == ("x9", "x10") and captions.labels.tolist() == [1, 0]


def test_keypoints_by_name_and_in_turn(folder):
    named = [{"file_name": f"{n}.png", "text": n, "keypoints": POINTS} for n in "ab"]
    write(folder / "metadata.jsonl", lines(*named))
    by_name = load(folder)
    assert by_name.parts == ("left eye", "right eye", "nose")
    expected = [[0.25, 0.25, 1], [0.75, 0.25, 1], [0, 0, 0]]
    np.testing.assert_allclose(by_name.keypoints, [expected] * 2)
    write(folder / "parts.txt", "1 left eye\n2 right eye\n3 nose\n")
    flat = [10, 5, 2, 30, 5, 1, 7, 7, 0]  # as in COCO, where 2 is visible and 1 is covered
    turns = [{"file_name": f"{n}.png", "text": n, "keypoints": flat} for n in "ab"]
    write(folder / "metadata.jsonl", lines(*turns))
    in_turn = load(folder)
    assert in_turn.parts == by_name.parts
    np.testing.assert_array_equal(in_turn.keypoints, by_name.keypoints)
    write(folder / "metadata.jsonl", lines({**turns[0], "keypoints": [[10, 5], [45, 5], [1, 1]]}))
    outside = load(folder).keypoints[0]
    np.testing.assert_allclose(outside[:2], [[0.25, 0.25, 1], [0, 0, 0]])  # not in the image


def test_texts_beside_images_with_classes_and_splits(tmp_path):
    for split in ("train", "test"):
        for name in ("cat/1", "cat/2", "dog/1"):
            image(tmp_path / split / f"{name}.png")
            write(tmp_path / split / f"{name}.txt", f"{split} {name}\n\nagain\n")
    write(tmp_path / "README.txt", "of the set")
    write(tmp_path / "train" / "cat" / "license.txt", "free")
    captions = load(tmp_path)
    assert captions.classes == ("cat", "dog") and captions.labels.tolist() == [0, 0, 1]
    assert captions.captions[2] == ("train dog/1", "again")
    assert load(tmp_path, "test").captions[0] == ("test cat/1", "again")
    (tmp_path / "train" / "cat" / "2.txt").unlink()
    (entry,) = load(tmp_path).skipped
    assert entry[0].endswith("2.png") and entry[1] == "no caption: there is no 2.txt"
    write(tmp_path / "train" / "cat" / "9.txt", "nobody")
    failing(tmp_path, "9.txt has no image of the same name")
    (tmp_path / "train" / "cat" / "9.txt").unlink()
    write(tmp_path / "train" / "dog" / "1.txt", " \n")
    failing(tmp_path, "1.txt is empty")


@pytest.fixture
def cub(tmp_path):
    home, names = tmp_path / "CUB_200_2011", []
    for number in range(1, 9):
        for index in (1, 2):
            name = f"00{number}.Bird_{number}/B_{index}.png"
            names.append(name)
            image(home / "images" / name)
            write(tmp_path / "text_c10" / f"{name[:-4]}.txt", f"bird {number}\nfowl {index}\n")
    numbered = list(enumerate(names, 1))
    write(home / "images.txt", "".join(f"{i} {name}\n" for i, name in numbered))
    write(home / "bounding_boxes.txt", "".join(f"{i} 10.0 5.0 20.0 15.5\n" for i, _ in numbered))
    write(home / "parts" / "parts.txt", "1 beak\n2 left eye\n3 right eye\n")
    located = (
        f"{i} {part} {4.0 * part} 5.0 {int(part < 3)}\n" for i, _ in numbered for part in (1, 2, 3)
    )
    write(home / "parts" / "part_locs.txt", "".join(located))
    return tmp_path


def test_cubs_tree_has_splits_without_common_classes(cub):
    train, test = load(cub), load(cub, "test")
    assert len(train) == 12 and len(test) == 4
    assert test.classes == ("004.Bird_4", "008.Bird_8") and not set(test.classes) & set(
        train.classes
    )
    assert train.captions[0] == ("bird 1", "fowl 1") and train.labels.tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
        5,
        5,
    ]
    np.testing.assert_allclose(train.boxes[0], [0.25, 0.25, 0.5, 0.75])  # cut at the lower edge
    assert train.parts == ("beak", "left eye", "right eye")
    np.testing.assert_allclose(
        train.keypoints[0], [[0.1, 0.25, 1], [0.2, 0.25, 1], [0, 0, 0]], rtol=1e-6
    )
    write(cub / "CUB_200_2011" / "testclasses.txt", "001.Bird_1\n")
    write(cub / "CUB_200_2011" / "trainvalclasses.txt", "002.Bird_2\n003.Bird_3\n")
    assert load(cub, "test").classes == ("001.Bird_1",) and len(load(cub)) == 4


@pytest.mark.parametrize(
    "file, text, words",
    [
        (
            "images.txt",
            "1 a/b.png\n1 a/c.png\n",
            ["images.txt (line 2)", "image 1 is listed twice"],
        ),
        ("images.txt", "1\n", ["images.txt (line 1)", "1 words"]),
        ("bounding_boxes.txt", "1 10 5 20\n", ["bounding_boxes.txt (line 1)", "4 words"]),
        ("bounding_boxes.txt", "99 10 5 20 5\n", ["image 99 is not in images.txt"]),
        ("bounding_boxes.txt", "1 10 5 9 5\n", ["11 of 12 images have no box"]),
        ("parts/part_locs.txt", "1 1 5 5 1\n", ["image 1 has 1 key points", "expected 3"]),
        ("parts/part_locs.txt", "1 7 5 5 1\n", ["part 7 is not in parts.txt"]),
        ("parts/part_locs.txt", "1 1 x 5 1\n", ["part_locs.txt (line 1)", "finite numbers"]),
    ],
)
def test_broken_files_of_cub_are_named(cub, file, text, words):
    write(cub / "CUB_200_2011" / file, text)
    failing(cub, *words)


@pytest.fixture
def coco(tmp_path):
    for split, count in (("train2017", 3), ("val2017", 2)):
        images = [{"id": 7 * i, "file_name": f"{i}.png", "width": 9} for i in range(count)]
        annotations = [
            {"image_id": 7 * (i % count), "id": i, "caption": f"{split} {i}"} for i in range(5)
        ]
        for entry in images:
            image(tmp_path / split / entry["file_name"])
        content = {"info": {}, "images": images, "annotations": annotations}
        write(tmp_path / "annotations" / f"captions_{split}.json", json.dumps(content))
    return tmp_path


def test_cocos_captions(coco):
    assert load(coco).captions[0] == ("train2017 0", "train2017 3")
    assert len(load(coco)) == 3 and len(load(coco, "test")) == 2
    path = coco / "annotations" / "captions_train2017.json"
    assert len(load(path)) == 3
    content = json.loads(path.read_text())
    content["annotations"][4]["image_id"] = 5
    write(path, json.dumps(content))
    failing(coco, "captions_train2017.json (annotations[4])", "there is no image 5")
    (coco / "annotations" / "captions_val2017.json").unlink()
    content["annotations"].pop()
    write(path, json.dumps(content))
    train, test = load(coco, "train", 1), load(coco, "test", 1)  # held out, from the same file
    assert len(train) == 2 and len(test) == 1 and not set(train.paths) & set(test.paths)


@pytest.mark.parametrize(
    "text, words",
    [
        (lines({"file_name": "no.png", "text": "x"}), ["(line 1)", "there is no image", "no.png"]),
        (lines(ROWS[0], {"file_name": "b.png", "text": " "}), ["(line 2)", "b.png is empty"]),
        (lines({"file_name": "a.png"}), ["(line 1)", "has no text"]),
        (lines(ROWS[0]) + "{'a': 1}\n", ["metadata.jsonl (line 2)", "is damaged"]),
        (lines({"text": "x"}), ["(line 1)", "file_name is missing"]),
        (lines({**ROWS[0], "box": [30, 5, 20, 10]}), ["(line 1)", "outside a.png", "40x20"]),
        (lines({**ROWS[0], "box": [10, 5, 0, 10]}), ["(line 1)", "has no area"]),
        (lines({**ROWS[0], "box": [10, 5, 10]}), ["(line 1)", "3 numbers", "expected 4"]),
        (lines({**ROWS[0], "box": [10, 5, "x", 1]}), ["(line 1)", "finite numbers"]),
        (lines(*ROWS[:2], {**ROWS[0], "box": [1, 1, 2, 2]}), ["(line 3)", "another box"]),
        (lines(ROWS[0], {"file_name": "b.png", "text": "x"}), ["1 of 2 images have no box"]),
        (
            lines(*({"file_name": f"{n}.png", "text": n, "keypoints": [[1, 1]] * k}
                    for n, k in (("a", 3), ("b", 2)))),
            ["(line 2)", "b.png has 2 key points", "expected 3, as a.png has"],
        ),
        (lines({**ROWS[0], "keypoints": [1, 2]}), ["(line 1)", "2 numbers of key points"]),
        (
            lines(*({"file_name": f"{n}.png", "text": n, "keypoints": {k: [1, 1]}}
                    for n, k in (("a", "nose"), ("b", "tail")))),
            ["(line 2)", "unknown name 'tail'"],
        ),
    ],
)  # fmt: skip
def test_broken_lines_are_named(folder, text, words):
    write(folder / "metadata.jsonl", text)
    failing(folder, "metadata.jsonl", *words)


@pytest.mark.parametrize(
    "text, words",
    [
        ("name,text\na.png,x\n", ["(line 1)", "name, text", "file_name and text"]),
        ("file_name,text\na.png,x,y\n", ["(line 2)", "quotes around text with commas"]),
        ("file_name,text\na.png,x\nb.png\n", ["(line 3)", "one for each"]),
        ('file_name,text\na.png,"x\n', ["(line 2)", "broken CSV"]),
        ("file_name,text,box\na.png,x,1 2 3\n", ["(line 2)", "3 numbers"]),
        ("file_name,text,box\na.png,x,[1 2]\n", ["(line 2), box", "brackets"]),
    ],
)
def test_broken_rows_are_named(folder, text, words):
    write(folder / "metadata.csv", text)
    failing(folder, "metadata.csv", *words)


def test_unknown_layouts_say_which_were_looked_for(folder):
    failing(folder, "a.png, b.png", "metadata.jsonl", "(CUB)", "(COCO)", "name.txt beside name.jpg")
    failing(folder / "a.png", "a.png", "metadata.jsonl")


def test_broken_images_are_skipped_and_images_are_held_out(folder):
    (folder / "c.png").write_bytes(b"no image")
    for number in range(20):
        image(folder / f"{number}.png")
    rows = [{"file_name": f"{n}.png", "text": str(n)} for n in ("c", *range(20))]
    write(folder / "metadata.jsonl", lines(*rows))
    ((name, reason),) = load(folder).skipped
    assert name.endswith("c.png") and reason
    train, test = (caption_files.load(folder, split) for split in ("train", "test"))
    assert len(train) == 18 and len(test) == 2 and not set(train.captions) & set(test.captions)
    failing(folder, "none of its 20 images are held out", split="test")
    with pytest.raises(InputError, match="hold out fewer"):
        load(folder, "train", 20)
    for split in ("train", "test"):
        image(folder / split / "x.png")
        write(folder / split / "metadata.jsonl", lines({"file_name": "x.png", "text": split}))
    assert load(folder).captions == (("train",),) and load(folder, "test").captions == (("test",),)
