"""Measures of drawn sentences, of drawings whose answers are known: the world's own images."""

import types

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.measures import point_regressor, sentence_readings
from tfgan_suite.measures.sentence_readings import Drawings

COUNT, SIZE = 54, 32


def examples_of(split):
    scenes = world.generate(COUNT, SIZE, split=split)
    return {
        "image": scenes.images.astype("f4") / 127.5 - 1.0,
        "text": np.array([texts[0].encode() for texts in scenes.captions], object),
        "embedding": np.zeros((COUNT, 2), "f4"),
        "box": scenes.box,
        "keypoints": scenes.keypoints,
    }


EXAMPLES = examples_of("test")


def drawings(images, place=None, report=world.report):
    """What a game drew: `images`, whatever it is told."""
    inputs = [TensorSpec("z", (3,), kind="normal"), TensorSpec("embedding", (2,), kind="embedding")]
    if place:
        inputs.append(TensorSpec(place, EXAMPLES[place].shape[1:], kind=place))
    signature = types.SimpleNamespace(inputs=inputs, output=TensorSpec("image", images.shape[1:]))
    generator = types.SimpleNamespace(
        name="run",
        signature=lambda: signature,
        signatures={},
        facts={},
        run_signature=lambda inputs, name: {
            "image": images[np.arange(len(inputs["z"])) // 8 if place == "box" else slice(None)]
        },
    )
    source = types.SimpleNamespace(name="captions", report=report, further_splits={})
    return Drawings(generator, source, EXAMPLES, images, {"against": "captions", "seed": 0})


def by_name(results):
    return {result.name: result for result in results}


def test_images_of_the_world_are_as_their_sentences_say():
    results = by_name(sentence_readings.captions(drawings(EXAMPLES["image"])))
    assert {name: result.value for name, result in results.items()} == {
        f"caption_{field}-captions": 1.0 for field in sentence_readings.FIELDS
    }
    facts = results["caption_colour-captions"].protocol
    assert facts["real"] == 1.0 and facts["shuffled"] < 0.4 and facts["seed"] == 0
    assert "shuffled" not in results["caption_clean-captions"].protocol
    # A quarter of the images are of other sentences.
    images = EXAMPLES["image"].copy()
    images[:13] = images[13:26]
    results = by_name(sentence_readings.captions(drawings(images)))
    colour = results["caption_colour-captions"]
    expected = world.report({"text": EXAMPLES["text"]}, images)["colour_share"]
    assert colour.value == expected < 1.0
    assert colour.spread == pytest.approx((expected * (1 - expected) / COUNT) ** 0.5)


def test_boxes_of_the_world_are_where_they_are_and_boxes_that_move_do_not_move_it():
    results = by_name(sentence_readings.boxes(drawings(EXAMPLES["image"], "box")))
    overlap = results["box_iou-captions"]
    assert overlap.value > 0.9 and overlap.value == overlap.protocol["real"]
    assert overlap.protocol["shuffled"] < 0.3
    slope = results["centroid_slope-captions"]
    assert slope.value == pytest.approx(1.0, abs=0.02) and abs(slope.protocol["shuffled"]) < 0.5
    # These drawings stay when their boxes move across: the slope is that of the rows alone.
    assert results["moved_centroid_slope-captions"].value < 0.8


def test_key_points_by_the_oracle_are_in_pixels():
    results = sentence_readings.keypoints(drawings(EXAMPLES["image"], "keypoints"))
    (distance,) = results  # this generator makes no points
    assert distance.name == "keypoint_distance-captions" and distance.value < 0.3
    assert distance.protocol["shuffled"] > 5.0


def test_key_points_by_a_regressor_are_named_and_stand_beside_its_own_error(monkeypatch):
    points = EXAMPLES["keypoints"]

    class Judge:
        """Reads every point a pixel too far to the right."""

        name, weights_hash = "faces", "abc"
        check = staticmethod(lambda keypoints: None)

        def locate(self, images):
            return points[..., :2] + [1.0 / SIZE, 0.0]

    opened = []
    monkeypatch.setattr(
        point_regressor, "open_regressor", lambda *args: opened.append(args) or Judge()
    )
    own = drawings(EXAMPLES["image"], "keypoints", report=None)
    (result,) = sentence_readings.keypoints(own, "faces.keras")
    assert opened == [("faces.keras", "captions", SIZE, "crop")]
    assert result.name == "keypoint_distance-faces-abc"
    assert result.value == pytest.approx(1.0) and result.protocol["real"] == pytest.approx(1.0)
    assert result.protocol["shuffled"] > 5.0 and result.protocol["unit"] == "pixels"
    with pytest.raises(InputError, match="pass --regressor FILE.keras"):
        sentence_readings.keypoints(own)


def test_a_regressors_maps_give_places_and_invisible_points_do_not_count():
    network = point_regressor.build_regressor((16, 16, 3), 2, width=1)
    places = network.get_layer("places").get_weights()[0]
    assert places.shape == (64, 2)
    np.testing.assert_allclose(places[[0, 7, 56]], [[1, 1], [15, 1], [1, 15]] / np.float32(16))
    located = np.zeros((1, 2, 2))
    keypoints = np.array([[[0.3, 0.4, 1.0], [0.9, 0.9, 0.0]]])
    assert point_regressor.distance(located, keypoints, 100) == pytest.approx(50.0)
    loss = point_regressor._visible_error(keypoints.astype("f4"), located.astype("f4"))
    assert float(loss) == pytest.approx(0.5, rel=1e-4)
    with pytest.raises(InputError, match="multiples of 8, not 20x20"):
        point_regressor.build_regressor((20, 20, 3), 2)


@pytest.mark.parametrize("measure, place", [("boxes", "box"), ("keypoints", "keypoints")])
def test_what_cannot_be_measured_is_said(measure, place):
    with pytest.raises(InputError, match=f"takes z and embedding; train .* --condition {place}"):
        getattr(sentence_readings, measure)(drawings(EXAMPLES["image"]))
    with pytest.raises(InputError, match="needs the oracle of an embedded world"):
        sentence_readings.captions(drawings(EXAMPLES["image"], report=None))


def test_words_are_checked_before_anything_is_opened(capsys):
    words = ["measure", "runs/a", "--against", "captions", "--measures"]
    assert main([*words, "captions,fid"]) == 2
    assert "fid cannot be measured beside captions, boxes" in capsys.readouterr().err
    assert main([*words, "caption"]) == 2
    assert "did you mean 'captions'?" in capsys.readouterr().err


@pytest.mark.large
def test_a_regressor_reads_the_worlds_points_off_its_images(tmp_path):
    judge = point_regressor.open_regressor(tmp_path / "points.keras", "captions", 32, steps=600)
    points = EXAMPLES["keypoints"]
    assert point_regressor.distance(judge.locate(EXAMPLES["image"]), points, 32) < 1.5
    again = point_regressor.open_regressor(tmp_path / "points.keras", "captions", 32)
    assert again.weights_hash == judge.weights_hash
