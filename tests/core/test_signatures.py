"""What is drawn and run part by part equals what is drawn and run at once."""

import numpy as np
import pytest

from tfgan_suite.core.signatures import Signature, TensorSpec, join, run_in_parts
from tfgan_suite.errors import InputError

SPECS = [
    TensorSpec("z", (7,), kind="normal"),
    TensorSpec("u", (3, 5), kind="uniform"),
    TensorSpec("label", (), "int32", "label", 10),
    TensorSpec("wide", (3,), "int64", "label", 10),
    TensorSpec("double", (3,), "float64", "normal"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_part_of_a_draw(spec):
    whole = spec.draw(301, [5, 1]).numpy()
    for start, count in ((1, 6), (4, 7), (64, 64), (298, 3)):
        part = spec.draw(count, [5, 1], start).numpy()
        np.testing.assert_array_equal(part, whole[start : start + count])


def test_images_are_not_drawn():
    for start in (0, 1):
        with pytest.raises(ValueError, match="cannot be drawn"):
            TensorSpec("image", (8, 8, 3)).draw(2, [0, 0], start)


def signature(limit=None, shape=(2,)):
    inputs = (TensorSpec("x", shape, kind="point"), SPECS[0])
    output = TensorSpec("y", (7,), kind="point")
    return Signature(inputs, output, None, (), multiple=4, limit=limit)


def test_parts_join_to_the_whole():
    sizes = []

    def call(x, z):
        sizes.append(len(x))
        return {"y": z + x[:, :1]}

    x = np.arange(20, dtype="f4").reshape(10, 2)
    expected = SPECS[0].draw(10, [3, 1]).numpy() + x[:, :1]
    for batch, limit, split in ((4, None, [4, 4, 2]), (16, None, [10]), (4, 3, [3, 3, 3, 1])):
        sizes.clear()
        parts = run_in_parts(signature(limit), call, {"x": x}, batch=batch, seed=3)
        np.testing.assert_array_equal(join(parts)["y"], expected)
        assert sizes == split


def test_open_sides_count_as_they_are_padded():
    spec = signature(1000, (None, None, 3))
    # 5 x 20 is padded to 8 x 20, which is 160 of the 1,000 pixels.
    assert spec.counted((5, 20)) == 160
    assert spec.part_size({"x": np.zeros((9, 5, 20, 3))}, 16) == 6
    assert spec.part_size({"x": np.zeros((9, 99, 99, 3))}, 16) == 1


def test_no_examples_and_missing_inputs():
    call = lambda **inputs: {"y": inputs["z"]}  # noqa: E731
    with pytest.raises(InputError, match="there are 0 examples; pass 1 or more"):
        join(run_in_parts(signature(), call, {"x": np.zeros((0, 2))}, batch=4))
    with pytest.raises(InputError, match=r"'x' \(point\) is missing .* pass x="):
        join(run_in_parts(signature(), call, {}, 5, batch=4))
