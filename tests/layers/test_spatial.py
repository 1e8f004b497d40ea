"""Crop and paste by boxes, masks, maps of key points: known answers, derivatives, TFLite."""

import numpy as np
import pytest
import tensorflow as tf
from tflite_layers import tflite_outputs

from tfgan_suite import InputError
from tfgan_suite.layers.spatial import (
    BoxMask,
    KeypointMaps,
    MaxOverChannels,
    ReplaceUnknown,
    TileVector,
    Warp,
    WarpMatrices,
)

BOX = np.array([[32, 16, 64, 32]]) / 128.0
MAPS = np.random.RandomState(0).normal(size=(2, 6, 6, 3))
BOXES = np.array([[0.2, 0.1, 0.5, 0.7], [0.31, 0.42, 0.37, 0.23]])


def warped(maps, boxes, direction):
    matrices = WarpMatrices(maps.shape[1], direction, dtype="float64")(np.asarray(boxes, "f8"))
    return Warp(dtype="float64")([maps, matrices]).numpy()


def test_the_affine_coefficients_of_a_box():
    """x=32, y=16, w=64, h=32 of 128: s = .5, .25 and t = 0, -.5; pasting reads at 2u and 4v + 2."""
    u = 2 * np.arange(16) / 15 - 1
    for direction, rows, columns in (
        ("crop", 0.25 * u - 0.5, 0.5 * u),
        ("paste", 4 * u + 2, 2 * u),
    ):
        matrices = WarpMatrices(16, direction, dtype="float64")(BOX).numpy()[0]
        for matrix, source in zip(matrices, (rows, columns)):
            position = (source + 1) / 2 * 15
            inside = (position >= 0) & (position <= 15)
            # Interpolation weights times positions are the position that is read.
            np.testing.assert_allclose((matrix @ np.arange(16))[inside], position[inside])
            np.testing.assert_allclose(matrix.sum(1)[inside], 1.0)


def test_a_pasted_map_of_ones_covers_the_cells_of_its_box():
    pasted = warped(np.ones((1, 16, 16, 1)), BOX, "paste")[0, :, :, 0]
    expected = np.zeros((16, 16))
    expected[2:6, 4:12] = 1.0
    np.testing.assert_allclose(pasted, expected, atol=1e-12)
    assert pasted.sum() == pytest.approx(32.0)
    matrices = WarpMatrices(16, "paste")(BOX.astype("f4"))
    np.testing.assert_allclose(BoxMask()(matrices)[0, :, :, 0], expected, atol=1e-5)


@pytest.mark.parametrize("direction", ["crop", "paste"])
def test_the_box_of_the_entire_image_is_the_identity(direction):
    np.testing.assert_allclose(warped(MAPS, [[0, 0, 1, 1]] * 2, direction), MAPS, atol=1e-6)


def test_cropping_undoes_pasting_inside():
    maps = np.full((2, 16, 16, 1), 3.0)
    back = warped(warped(maps, BOXES, "paste"), BOXES, "crop")
    np.testing.assert_allclose(back[:, 4:-4, 4:-4], 3.0, rtol=1e-9)
    # Pasting where cropping belongs does not.
    assert np.abs(warped(warped(maps, BOXES, "paste"), BOXES, "paste") - 3.0).max() > 1.0


def test_rows_and_columns_are_not_exchanged():
    ramp = np.tile(np.arange(16.0)[:, None, None], (1, 1, 16, 1))  # its value is the row
    cropped = warped(ramp, BOX, "crop")[0, :, :, 0]
    # Rows from v = -.75 to -.25, of 15 steps between -1 and 1; every column alike.
    np.testing.assert_allclose(cropped, np.linspace(1.875, 5.625, 16)[:, None] * np.ones(16))


def test_a_box_without_area_lands_in_a_cell():
    ones = np.ones((9, 8, 8, 1))
    corner = np.linspace(0, 1, 9)
    boxes = np.stack([corner, corner, np.zeros(9), np.zeros(9)], 1)
    pasted = warped(ones, boxes, "paste")
    assert np.isfinite(pasted).all() and (pasted.sum((1, 2, 3)) > 0.2).all()


@pytest.mark.parametrize("direction", ["crop", "paste"])
def test_derivatives_equal_finite_differences(direction):
    """The slope of sum(y^3), and the slope of that slope's square, as in a gradient penalty."""

    def energy(maps):
        return tf.reduce_sum(warp(maps) ** 3)

    def penalty(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            value = energy(maps)
        return tf.reduce_sum(tape.gradient(value, maps) ** 2)

    matrices = WarpMatrices(6, direction, dtype="float64")(BOXES)
    warp = lambda maps: Warp(dtype="float64")([maps, matrices])  # noqa: E731
    maps = tf.constant(MAPS)
    toward = np.random.RandomState(1).normal(size=MAPS.shape)
    for function in (energy, penalty):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            value = function(maps)
        slope = np.sum(tape.gradient(value, maps) * toward)
        step = 1e-5
        difference = function(maps + step * toward) - function(maps - step * toward)
        assert slope == pytest.approx(float(difference) / (2 * step), rel=1e-6)


def points(*rows):
    return np.array([rows], "f4")


def test_key_points_lie_in_their_cells():
    # x = .26 of 16 cells is in column 4, y = .99 in the last row; the second is not visible.
    maps = KeypointMaps(16)(points((0.26, 0.99, 1), (0.5, 0.5, 0), (1.0, 0.0, 1))).numpy()[0]
    assert np.argwhere(maps == 1).tolist() == [[0, 15, 2], [15, 4, 0]] and maps.sum() == 2
    # round(.26 * 16) - 1 = 3: the official code's half cell to the left.
    official = KeypointMaps(16, "round")(points((0.26, 0.99, 1))).numpy()[0]
    assert np.argwhere(official).tolist() == [[15, 3, 0]] and official.sum() == 1


def test_bilinear_key_points_keep_their_place_within_the_cell():
    x, y = 0.3, 0.61
    maps = KeypointMaps(8, "bilinear")(points((x, y, 1))).numpy()[0, :, :, 0]
    centres = (np.arange(8) + 0.5) / 8
    assert maps.sum() == pytest.approx(1.0, rel=1e-5)
    assert maps.sum(0) @ centres == pytest.approx(x, rel=1e-5)
    assert maps.sum(1) @ centres == pytest.approx(y, rel=1e-5)


def test_soft_points_are_visible_above_their_threshold():
    soft = points((0.5, 0.5, 0.4))
    assert KeypointMaps(8)(soft).numpy().sum() == 1
    assert KeypointMaps(8, threshold=0.5)(soft).numpy().sum() == 0


def test_the_gate_is_the_maximum_not_the_sum():
    maps = KeypointMaps(4, "bilinear")(points((0.25, 0.5, 1), (0.25, 0.5, 1)))
    gate = MaxOverChannels()(maps).numpy()
    np.testing.assert_allclose(gate[..., 0], maps.numpy().max(-1))
    assert gate.max() == pytest.approx(0.25)


def test_known_points_stay_bit_for_bit_and_get_no_gradient():
    predicted, known = (tf.random.stateless_uniform((2, 3, 3), [0, i]) for i in range(2))
    share = tf.constant([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        mixed = ReplaceUnknown()([predicted, known, share])
    assert np.array_equal(mixed[0, ::2], known[0, ::2])
    assert np.array_equal(mixed[1], predicted[1])
    gradient = tape.gradient(mixed, predicted).numpy()
    assert (gradient[0, ::2] == 0).all() and (gradient[1] == 1).all()


def test_a_tiled_vector_is_constant():
    vector = np.arange(6, dtype="f4").reshape(2, 3)
    maps = TileVector(4)(vector).numpy()
    assert maps.shape == (2, 4, 4, 3) and (maps == vector[:, None, None]).all()


def test_tflite_has_plain_products_and_no_gathering(tmp_path):
    crop, paste, maps_of = WarpMatrices(6, "crop"), WarpMatrices(6, "paste"), KeypointMaps(6)

    def call(maps, box, keypoints):
        inside = Warp()([Warp()([maps, paste(box)]), crop(box)])
        return inside * BoxMask()(paste(box)) * MaxOverChannels()(maps_of(keypoints))

    arrays = {
        "maps": MAPS.astype("f4"),
        "box": BOXES.astype("f4"),
        "keypoints": np.array([[(0.4, 0.4, 1), (0.7, 0.6, 1)]] * 2, "f4"),
    }
    expected = call(**{name: tf.constant(array) for name, array in arrays.items()})
    result, names = tflite_outputs(call, maps_of, tmp_path, **arrays)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert not names & {"GATHER", "GATHER_ND", "ONE_HOT"} and "BATCH_MATMUL" in names


def test_shapes_and_configs_are_those_of_the_layers():
    layers = {
        WarpMatrices(6, "crop"): BOXES.astype("f4"),
        KeypointMaps(6, "round", 0.5): points((0.4, 0.4, 1)),
        TileVector(3): np.ones((2, 5), "f4"),
        MaxOverChannels(): MAPS.astype("f4"),
        BoxMask(): np.ones((2, 2, 6, 6), "f4"),
    }
    for layer, inputs in layers.items():
        outputs = type(layer).from_config(layer.get_config())(inputs)
        assert tuple(layer.compute_output_shape(inputs.shape)) == tuple(outputs.shape)
        np.testing.assert_array_equal(outputs, layer(inputs))


def test_unknown_words_are_refused():
    with pytest.raises(InputError, match="crop"):
        WarpMatrices(8, "stretch")
    with pytest.raises(InputError, match="floor"):
        KeypointMaps(8, "nearest")
