"""Labels become the classes that occur, under their own names; counts and shares of classes."""

import numpy as np
import pytest

from tfgan_suite.core.labels import class_count, class_labels, format_counts, parse_labels
from tfgan_suite.data.readers.class_labels import to_classes
from tfgan_suite.errors import InputError


def classes_of(labels, **options):
    labels = np.asarray(labels)
    index, names = to_classes(labels, len(labels), "file", **options)
    assert index.dtype == np.int32
    return index.tolist(), names


@pytest.mark.parametrize(
    "labels,index,names",
    [
        ([3, 7, 1000, 3], [0, 1, 2, 0], ("3", "7", "1000")),
        ([0, 1, 2, 1], [0, 1, 2, 1], ("0", "1", "2")),
        ([-1, 1, -1], [0, 1, 0], ("-1", "1")),
        ([2.0, 10.0], [0, 1], ("2", "10")),
        ([True, False], [1, 0], ("0", "1")),
        (["cat", "ant"], [1, 0], ("ant", "cat")),
        ([b"cat", b"ant"], [1, 0], ("ant", "cat")),
        ([[5], [4]], [1, 0], ("4", "5")),
        (np.eye(4)[[1, 3, 3]], [0, 1, 1], ("1", "3")),
        ([2**40, 5], [1, 0], ("5", str(2**40))),
    ],
)
def test_the_classes_are_the_labels_that_occur(labels, index, names):
    assert classes_of(labels) == (index, names)


def test_stored_names_belong_to_numbers_and_absent_ones_are_left_out():
    assert classes_of([0, 2], classes=["a", "b", "c"]) == ([0, 1], ("a", "c"))
    with pytest.raises(InputError, match="names for 3 classes"):
        to_classes(np.array([0, 3]), 2, "file", ["a", "b", "c"])


def test_the_test_split_numbers_its_classes_as_training_does():
    assert classes_of([7, 3], first=np.array([3, 5, 7])) == ([2, 0], ("3", "5", "7"))
    assert classes_of([9, 3], first=np.array([3, 7])) == ([2, 0], ("3", "7", "9"))


@pytest.mark.parametrize(
    "labels,words",
    [
        ([0.5, 1.0], "whole"),
        ([np.inf, 1.0], "whole"),
        (np.array([2**63, 1], np.uint64), "whole"),
        (np.ones((2, 3)), "not one-hot"),
        ([1, 2, 3], "2 images"),
        (np.array([1j, 2]), "whole"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, words):
    with pytest.raises(InputError, match=words):
        to_classes(np.asarray(labels), 2, "file")


class Data:
    name = "data"

    def __init__(self, classes, counts):
        self.classes, self.class_counts = classes, counts


def test_one_class_with_examples_is_a_single_class():
    assert class_count(Data(("a", "b"), (3, 1))) == 2
    for data in (Data(("7",), (64,)), Data(("a", "b"), (3, 0)), Data(None, None)):
        with pytest.raises(InputError, match="class"):
            class_count(data)


def test_names_that_are_numbers_are_names():
    names = ("3", "7", "1000")
    assert parse_labels("1000,3", 3, names) == [2, 0]
    for word in ("0", "1", "2", "8"):
        with pytest.raises(InputError, match="no class .*classes are 3, 7, 1000"):
            parse_labels(word, 3, names)
    assert parse_labels("1,cat", 2, ("ant", "cat")) == [1, 1]
    with pytest.raises(InputError, match="did you mean 'red circle'"):
        parse_labels("red circel", 2, ("red circle", "blue square"))


def test_a_class_without_images_is_refused_with_others():
    with pytest.raises(InputError, match="'b' had no images .*classes are 0 a, 2 c"):
        parse_labels("b", 3, ("a", "b", "c"), (4, 0, 2))


def test_counts_take_a_line():
    assert format_counts(("a", "b"), (4, 2)) == "2 classes: a (4), b (2)"
    text = format_counts([str(n) for n in range(500)], range(1, 501))
    assert text.startswith("500 classes of 1 to 500 examples; largest 499 (500)")
    assert "smallest 2 (3), 1 (2), 0 (1)" in text and len(text) < 200


def test_labels_of_samples_follow_the_shares():
    labels = class_labels((3, 0, 1), 10, seed=0)
    assert labels.dtype == np.int32 and np.bincount(labels).tolist() in ([8, 0, 2], [7, 0, 3])
    assert np.bincount(class_labels((3, 0, 1), 400, seed=0)).tolist() == [300, 0, 100]
    np.testing.assert_array_equal(class_labels((2, 3), 50, 1), class_labels((2, 3), 50, 1))


def test_a_run_keeps_its_own_numbers_of_the_classes(tmp_path):
    from tfgan_suite import data

    pixels = np.arange(6, dtype=np.uint8).repeat(16).reshape(6, 4, 4)
    np.savez(tmp_path / "gaps.npz", x=pixels, y=np.array([3, 7, 10, 3, 7, 3]))
    source = data.load(tmp_path / "gaps.npz")
    assert source.classes == ("3", "7", "10") and source.class_counts == (3, 2, 1)
    source.use_classes([str(number) for number in range(11)])
    batch = source.take(6)
    stored = np.round((batch["image"][:, 0, 0, 0] + 1) * 127.5).astype(int)
    assert batch["label"].tolist() == np.array([3, 7, 10, 3, 7, 3])[stored].tolist()
    assert source.class_counts == (0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 1)
    with pytest.raises(InputError, match="has the classes"):
        source.use_classes(["a", "b"])


def test_arrays_that_are_not_square_are_cropped_where_a_game_needs_it(tmp_path):
    from tfgan_suite import data

    pixels = np.zeros((3, 4, 8, 3), np.uint8)
    pixels[:, :, 2:6] = 255
    np.savez(tmp_path / "wide.npz", x=pixels)
    source = data.load(tmp_path / "wide.npz", square=True)
    assert source.shape == (4, 4, 3) and source.native_size == (4, 8)
    assert (source.take(3)["image"] == 1).all()
    assert data.load(tmp_path / "wide.npz", square=True, size=2).shape == (2, 2, 3)
    assert data.load(tmp_path / "wide.npz").shape == (4, 8, 3)


def test_class_folders_sort_as_numbers():
    from tfgan_suite.data.readers.listing import natural_key

    names = ["10", "2", "a10", "a9", "1", "b", "02", "-"]
    assert sorted(names, key=natural_key) == ["1", "02", "2", "10", "-", "a9", "a10", "b"]
