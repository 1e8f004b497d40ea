"""The captions world: scenes, sentences, boxes, key points, and the oracle that reads them."""

import numpy as np
import pytest

from tfgan_suite.data.synthetic import captions, sentences
from tfgan_suite.data.synthetic.shape_parts import COLOURS, SHAPES
from tfgan_suite.errors import InputError

FIELDS = ("colour", "shape", "size", "position")


@pytest.fixture(scope="module", params=[16, 32, 64])
def world(request):
    return captions.generate(270, request.param, seed=7)


@pytest.fixture(scope="module")
def real():
    return captions.generate(270, 32, seed=7)


def agreement(reading, examples):
    return {
        f: float(np.mean(getattr(reading.attributes, f) == getattr(examples.attributes, f)))
        for f in FIELDS
    }


def test_the_oracle_reads_the_world(world):
    reading, size = captions.read(world.images), world.images.shape[1]
    assert agreement(reading, world) == dict.fromkeys(FIELDS, 1.0)
    assert reading.clean.mean() > (0.96 if size == 16 else 0.999)
    assert np.abs(reading.box - world.box).max() * size < 0.7
    assert np.abs(reading.box - world.box).mean() * size < 0.1
    np.testing.assert_array_equal(reading.keypoints[..., 2], world.keypoints[..., 2])
    assert np.abs(reading.keypoints - world.keypoints).max() * size < 0.7


def test_it_bears_slight_noise(real):
    noise = np.random.default_rng(0).normal(0, 0.05, real.images.shape)
    reading = captions.read(real.images / 127.5 - 1.0 + noise)
    assert min(agreement(reading, real).values()) > 0.99 and reading.clean.mean() > 0.98
    assert np.abs(reading.box - real.box).max() < 0.04


@pytest.mark.parametrize("kind", ["uniform", "soft", "dark", "grey", "nan", "full"])
def test_it_sees_nothing_in_noise(kind):
    rng, shape = np.random.default_rng(1), (100, 32, 32, 3)
    images = {
        "uniform": lambda: rng.uniform(-1, 1, shape),
        "soft": lambda: rng.normal(0, 0.2, shape),
        "dark": lambda: rng.normal(-0.7, 0.1, shape),
        "grey": lambda: np.zeros(shape),
        "nan": lambda: np.full(shape, np.nan),
        "full": lambda: np.broadcast_to([1.0, -1.0, -1.0], shape),
    }[kind]()
    reading = captions.read(images)
    for field in FIELDS:
        assert (getattr(reading.attributes, field) == -1).all(), field
    assert not reading.clean.any() and not reading.box.any() and not reading.keypoints.any()


def test_boxes_and_keypoints_match_the_pixels(real):
    """Against the pixels themselves: the outermost covered ones, and the corners of squares."""
    size = 32
    covered = np.abs(real.images.astype(int) - real.images[:, :1, :1]).max(axis=3) > 60
    for index in range(0, 270, 7):
        rows, columns = np.nonzero(covered[index])
        left, top, width, height = real.box[index] * size
        assert abs(columns.min() - left) < 1.6 and abs(columns.max() + 1 - left - width) < 1.6
        assert abs(rows.min() - top) < 1.6 and abs(rows.max() + 1 - top - height) < 1.6
        points = dict(zip(captions.PARTS, real.keypoints[index]))
        assert abs(columns.mean() + 0.5 - points["centre"][0] * size) < 0.6
        visible = [part for part, point in points.items() if point[2]]
        shape = SHAPES[real.attributes.shape[index]]
        assert len(visible) == {"circle": 5, "square": 5, "triangle": 4}[shape]
        assert not real.keypoints[index][real.keypoints[index][:, 2] == 0].any()
        if shape == "square":
            np.testing.assert_allclose(
                points["bottom right"][:2] * size, [left + width, top + height], rtol=1e-5
            )
        if shape == "triangle":
            base = points["bottom right"][0] - points["bottom left"][0]
            rise = points["bottom left"][1] - points["top"][1]
            assert rise == pytest.approx(base * 3**0.5 / 2, rel=1e-4)  # equilateral


def test_every_combination_comes_equally_often_and_some_are_held_out():
    train = captions.generate(540, 16)
    assert np.unique(train.combination, return_counts=True)[1].tolist() == [2] * 270
    held_out = captions.generate(54, 16, split="held_out")
    assert len(set(held_out.combination)) == 54
    assert not set(train.combination) & set(held_out.combination)
    names = list(COLOURS)
    pairs = {
        (names[c], SHAPES[s]) for c, s in zip(held_out.attributes.colour, held_out.attributes.shape)
    }
    assert pairs == set(captions.HELD_OUT)
    # Each held-out colour and shape is known from other combinations.
    assert len(set(train.attributes.colour)) == 6 and len(set(train.attributes.shape)) == 3


def test_examples_depend_on_seed_and_index_only():
    one, two = captions.generate(40, 32, seed=1), captions.generate(40, 64, seed=1)
    part = captions.generate(10, 32, seed=1, first=30)
    np.testing.assert_array_equal(part.images, one.images[30:])
    assert part.captions == one.captions[30:] and one.captions == two.captions
    np.testing.assert_array_equal(one.box, two.box)
    np.testing.assert_array_equal(one.keypoints, two.keypoints)
    assert captions.generate(40, 32, seed=2).captions != one.captions
    # The small image is the large one seen from afar.
    shrunk = two.images.reshape(40, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - one.images).mean() < 0.5 < np.abs(shrunk - one.images[::-1]).mean()


def test_sentences_say_what_is_there_in_many_wordings(real):
    assert all(len(set(texts)) == captions.CAPTIONS for texts in real.captions)
    for number in range(captions.CAPTIONS):
        reading = sentences.parse([texts[number] for texts in real.captions])
        for field in FIELDS:
            np.testing.assert_array_equal(
                getattr(reading, field), getattr(real.attributes, field), err_msg=field
            )
    words = {word for texts in real.captions for text in texts for word in text.split()}
    assert {"scarlet", "disc", "tiny", "upper", "huge", "wedge"} <= words


def test_plain_sentences_and_partial_ones():
    assert sentences.write(0, 0, 0, 0) == "a small red circle at the top left"
    reading = sentences.parse(
        ["A Big DOG", "red and blue", "top or bottom", "a disc in the middle"]
    )
    assert reading.size.tolist() == [1, -1, -1, -1]
    assert reading.colour.tolist() == [-1, -1, -1, -1]
    assert reading.shape.tolist() == [-1, -1, -1, 0]
    assert reading.position.tolist() == [-1, -1, -1, 4]


def test_report_compares_with_the_sentences(real):
    examples = {
        "text": np.array([texts[0].encode() for texts in real.captions], object),
        "box": real.box,
        "keypoints": real.keypoints,
    }
    measures = captions.report(examples, real.images)
    assert measures["all_share"] == 1.0 and measures["box_iou"] > 0.95
    assert measures["centroid_slope"] == pytest.approx(1.0, abs=0.01)
    assert measures["keypoint_distance"] < 0.2 and measures["images"] == 270
    shuffled = captions.report(examples, np.roll(real.images, 5, axis=0))
    assert shuffled["colour_share"] < 0.3 and shuffled["all_share"] < 0.05
    assert shuffled["box_iou"] < 0.2 and shuffled["keypoint_distance"] > 6.0
    nothing = captions.report(examples, np.zeros(real.images.shape))
    assert nothing["all_share"] == nothing["box_iou"] == 0.0
    assert 5.0 < nothing["keypoint_distance"] < 16.0
    assert "box_iou" not in captions.report({"text": examples["text"]}, real.images)


def test_overlap_of_boxes():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 0, 0.0]])
    others = np.array([[1, 0, 2, 2], [2, 2, 1, 1], [0, 0, 1, 1.0]])
    np.testing.assert_allclose(captions.overlap(boxes, others), [1 / 3, 0, 0])


def test_bad_requests_are_explained():
    for options, words in (
        ({"size": 8}, "expected 16 or more"),
        ({"count": 0}, "ask for 1 or more"),
        ({"split": "val"}, "train, test, held_out"),
    ):
        with pytest.raises(InputError, match=words):
            captions.generate(**{"count": 2, **options})
