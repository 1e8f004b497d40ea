"""How far a game draws where it was told: by generators that do it exactly, or not at all."""

import numpy as np
import pytest

from tfgan_suite.core import place_readings
from tfgan_suite.data.synthetic import caption_places, captions


@pytest.fixture(scope="module")
def world():
    examples = captions.generate(270, split="test")
    return {
        "text": np.array([texts[0] for texts in examples.captions]),
        "box": examples.box,
        "keypoints": examples.keypoints,
        "embedding": np.zeros((270, 1)),
        "image": examples.images,
    }


def test_a_box_moves_from_edge_to_edge():
    boxes = place_readings.moved_across(np.array([0.3, 0.2, 0.4, 0.5]), 4)
    np.testing.assert_allclose(boxes[:, 0], [0.0, 0.2, 0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(boxes[:, 1:], [[0.2, 0.4, 0.5]] * 4, atol=1e-6)


def paint(inputs):
    """Red squares in the boxes."""
    side = (np.arange(32) + 0.5) / 32
    images = np.full((len(inputs["box"]), 32, 32, 3), 90, np.uint8)
    for image, (left, top, width, height) in zip(images, inputs["box"]):
        across = (side > left) & (side < left + width)
        down = (side > top) & (side < top + height)
        image[np.ix_(down, across)] = (220, 40, 40)
    return images


def test_boxes_that_are_followed_and_boxes_that_are_ignored(world):
    obedient = place_readings.of_boxes(paint, world, world["image"], captions.report)
    assert obedient["box_iou_shuffled"] == pytest.approx(0.1, abs=0.06)
    # Squares in the boxes of circles and triangles: the oracle reads them as what was asked for.
    assert obedient["moved_box_iou"] > 0.6
    assert obedient["moved_centroid_slope"] == pytest.approx(1.0, abs=0.05)
    centred = {"box": np.array([[0.35, 0.35, 0.3, 0.3]])}
    stubborn = place_readings.of_boxes(
        lambda inputs: paint(centred).repeat(len(inputs["box"]), 0),
        world,
        world["image"],
        captions.report,
    )
    assert abs(stubborn["moved_centroid_slope"]) < 0.01
    words = place_readings.in_words({"box_iou": 0.9, **stubborn})
    assert len(words) == 1 and "0.90 in the mean" in words[0]


def test_points_of_the_world_obey_its_geometry_and_others_do_not(world):
    points = world["keypoints"].astype("f8")
    gap = caption_places.geometry_gap(points)
    assert gap.max() < 0.004  # triangles are drawn by pixels
    shape = caption_places.shape_of_points(points)
    assert sorted(np.bincount(shape)) == [90, 90, 90]
    moved = points.copy()
    moved[:, 0, 0] += 0.05  # the centre, of 4 or 5 points
    expected = 0.05 / (points[..., 2] > 0.5).sum(1)
    np.testing.assert_allclose(caption_places.geometry_gap(moved), expected, atol=0.004)
    points[0, 8, 2] = 1 - points[0, 8, 2]
    assert caption_places.shape_of_points(points)[0] == -1
    assert np.isnan(caption_places.geometry_gap(points)[0])


def test_points_that_are_completed_from_none_and_from_two(world):
    counts = []

    def complete(known):
        counts.append(known.sum(axis=1))
        return world["keypoints"]

    measures = place_readings.of_points(
        complete, lambda inputs: world["image"], world, world["image"], captions.report
    )
    assert [set(count) for count in counts] == [{0.0}, {2.0}]
    assert measures["points_of_a_shape"] == measures["points_shape_share"] == 1.0
    assert measures["from_two_points_position_share"] > 0.95
    assert measures["text_only_all_share"] == 1.0
    assert measures["keypoint_distance_shuffled"] > 6.0
    (words,) = place_readings.in_words({"keypoint_distance": 0.1, **measures})
    assert "100% of the generated sets" in words


def test_a_slope_is_that_of_the_centres():
    boxes = np.random.default_rng(0).random((50, 4)) * 0.4 + 0.1
    half_way = boxes.copy()
    half_way[:, :2] = (boxes[:, :2] + boxes[:, 2:] / 2) / 2 - boxes[:, 2:] / 2 + 0.3
    assert caption_places.centroid_slope(boxes, half_way) == pytest.approx(0.5)
    assert caption_places.centroid_slope(boxes, np.zeros((50, 4))) == 0.0
    assert caption_places.centroid_slope(np.ones((3, 4)), boxes[:3]) == 0.0
