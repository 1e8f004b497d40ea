"""Counts of modes against counts by hand and the worlds' own reports."""

import numpy as np
import pytest

from tfgan_suite.data.synthetic import gaussians, shapes
from tfgan_suite.errors import InputError
from tfgan_suite.measures import modes


def test_counts_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    good = np.array([1, 1, 0, 1, 1, 0], bool)
    found = modes.count_labels(labels, ("a", "b", "c", "d"), good=good)
    assert found.protocol["counts"] == {"a": 2, "b": 2, "c": 0, "d": 0}
    assert found.value == 2 and found.protocol["missing"] == ["c", "d"]
    assert found.protocol["good_share"] == pytest.approx(4 / 6)
    assert found.protocol["total_variation"] == pytest.approx(0.5)
    weighted = modes.count_labels(labels, 3, expected=[0.5, 1 / 3, 1 / 6])
    assert weighted.protocol["total_variation"] == pytest.approx(0)
    assert modes.count_labels(labels, 3, min_share=0.2).protocol["missing"] == ["2"]


def test_no_good_sample_is_no_mode():
    found = modes.count_labels(np.array([-1, -1]), 3, good=np.zeros(2, bool))
    assert found.value == 0 and found.protocol["total_variation"] == 1.0


def test_a_classifier_counts_what_it_is_sure_of():
    shares = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.4, 0.35, 0.25]])
    seen = []

    def classifier(batch):
        seen.append(len(batch))
        return shares[batch]

    found = modes.count_classified(
        np.array([0, 0, 1, 2, 2]), classifier, 3, name="toy", confidence=0.5, batch=2
    )
    assert seen == [2, 2, 1]
    assert found.protocol["counts"] == {"0": 2, "1": 1, "2": 0}
    assert found.protocol["good_share"] == pytest.approx(3 / 5)
    assert found.protocol["reader"] == "toy"


@pytest.mark.parametrize("world", ["ring", "grid"])
def test_worlds_of_points_as_their_own_report(world):
    points, _ = gaussians.generate(world, 2000, seed=1)
    points[:500] = points[0]  # one mode too often
    found, report = modes.count_in_world(points, world), gaussians.report(points, world)
    assert found.value == report["modes_found"]
    for name in ("modes", "good_share"):
        assert found.protocol[name] == report[name]
    assert list(found.protocol["counts"].values()) == report["counts"]
    assert found.protocol["total_variation"] > 0.15


def test_the_shapes_world():
    drawn = shapes.generate(200, size=32, seed=3)
    images, labels = drawn.images, drawn.label
    found = modes.count_in_world(images, "shapes")
    assert found.protocol["modes"] == 18 and found.protocol["good_share"] > 0.95
    one = modes.count_in_world(images[labels == labels[0]], "shapes")
    assert one.value == 1


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: modes.count_labels(np.array([0, 3]), 3), "below the 3 modes"),
        (lambda: modes.count_labels(np.array([-1, 0]), 3), "must have a mode"),
        (lambda: modes.count_labels(np.zeros((0,), int), 3), "shape"),
        (lambda: modes.count_labels(np.array([0]), 2, expected=[1, 1]), "sum to 1"),
        (lambda: modes.count_in_world(np.zeros((2, 2)), "torus"), "torus"),
        (lambda: modes.count_classified(np.zeros(2), lambda b: np.ones((2, 3)), 3, name="x"),
         "softmax"),
        (lambda: modes.count_classified(np.zeros(2), lambda b: np.ones((2, 2)), 3, name="x"),
         "expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call()
