"""What an oracle says of kinds, in words."""

import numpy as np

from tfgan_suite.data.synthetic import gaussians, kinds, modes, shapes


def test_shapes_in_words():
    """Each kind once; without the 12th, magenta squares are missing."""
    examples = shapes.generate(36, size=32, seed=3)
    report = shapes.report(examples.images)
    assert kinds.in_words(report) == "all 18 kinds appear" and kinds.missing(report) == []
    label = shapes.CLASSES.index("magenta circle")
    report = shapes.report(examples.images[examples.label != label])
    assert kinds.in_words(report) == "17 of 18 kinds appear: no magenta circles"


def test_points_in_words():
    points = gaussians.WORLDS["grid"].centres[[0] * 60 + [3] * 40]
    words = kinds.in_words(gaussians.report(points, "grid"))
    start = "2 of 25 kinds appear: no mode 1, mode 2, mode 4, mode 5, mode 6, mode 7"
    assert words == f"{start} and 17 more"


def test_translated_points_in_words():
    examples = {"domain_a": modes.CENTRES["a"]}
    report = modes.report(examples, np.repeat(modes.CENTRES["b"][:1], 5, axis=0))
    assert kinds.in_words(report).startswith("1 of 10 kinds appear: no mode 1, mode 2")


def test_worlds_without_kinds_say_nothing():
    assert kinds.in_words({}) is None and kinds.missing({"images": 3}) is None
