"""The exports in `saved_models/`, made at an earlier time, go on working."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.data.synthetic import shape_reader
from tfgan_suite.export import card, load

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "saved_models"


@pytest.mark.parametrize(
    "name, shape", [("dcgan_shapes", (32, 32, 3)), ("dcgan_fashion-mnist", (28, 28, 1))]
)
def test_a_shipped_export_samples(name, shape, tmp_path):
    command = ["sample", str(FOLDER / name), "--count", "4", "--seed", "1", "--out", str(tmp_path)]
    assert main(command) == 0
    files = sorted(tmp_path.glob("*.png"))
    images = np.stack([np.asarray(Image.open(file)) for file in files])
    images = images.reshape(4, *shape)
    assert images.std() > 20 and len(np.unique(images, axis=0)) == 4
    model = load(FOLDER / name)
    np.testing.assert_array_equal(model.sample(4, seed=1), images)
    most = model.card["export"]["signatures"]["sample"]["limit"]["examples"]
    graph = tf.saved_model.load(str(FOLDER / name / "1")).signatures["sample"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{most}"):
        graph(seed=tf.constant(1), count=tf.constant(most + 1))


@pytest.mark.parametrize(
    "limit", [[None], {"examples": [None]}, {"examples": "9"}, {"examples": 0}]
)
def test_a_limit_that_is_no_number_is_damage(limit, tmp_path):
    content = json.loads((FOLDER / "dcgan_shapes" / "1" / "card.json").read_text("utf-8"))
    content["export"]["signatures"]["serving_default"]["limit"] = limit
    (tmp_path / "card.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="card.json.*limit"):
        card.read(tmp_path)


def test_the_shipped_shapes_are_what_readme_says():
    measured = load(FOLDER / "dcgan_shapes").card["measured"]
    samples = load(FOLDER / "dcgan_shapes").sample(500, seed=1)
    assert shape_reader.report(samples)["clean_share"] == pytest.approx(
        measured["clean_share"], abs=0.06
    )
