"""What TensorFlow Serving reads: the model list and the warm-up requests."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.export import export, serving

ONLY = {"formats": ("saved_model",)}


def requests_of(path):
    apis = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="tensorflow-serving-api is missing"
    )
    found = {}
    for record in tf.data.TFRecordDataset(str(path)):
        request = apis.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        found[request.model_spec.signature_name] = (request.model_spec.name, inputs)
    return found


def replay(result):
    """Runs every warm-up request, as the server does; returns outputs by signature."""
    model = tf.saved_model.load(str(result.path))
    outputs = {}
    for signature, (name, inputs) in requests_of(result.path / serving.WARMUP).items():
        assert name == result.card["export"]["name"]
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        outputs[signature] = model.signatures[signature](**tensors)
    return outputs


def test_warmup_requests_run(labelled):
    outputs = replay(labelled[1])
    assert set(outputs) == {"serving_default", "sample", "png"}
    assert outputs["sample"]["image"].shape == (1, 8, 8, 3)
    assert outputs["png"]["image_bytes"].shape == (1,)
    assert "one request" in labelled[1].card["export"]["warmup"]


def test_warmup_requests_with_images(games, tmp_path):
    outputs = replay(export(games.Image(), tmp_path, name="open", size=(16, 24), **ONLY))
    assert set(outputs) == {"serving_default", "png", "back", "back_png"}
    image = tf.io.decode_png(outputs["back_png"]["image_bytes"][0])
    assert image.shape == (16, 24, 3)
    expected = np.round((outputs["back"]["image"][0].numpy() + 1) * 127.5)
    assert np.abs(image.numpy() - expected).max() <= 1


def test_without_the_serving_api_the_card_says_so(games, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "can_warm_up", lambda: False)
    result = export(games.Call(lambda z: tf.identity(z)), tmp_path, name="cold", **ONLY)
    assert "skipped" in result.card["export"]["warmup"]
    assert not (result.path / "assets.extra").exists()


def test_model_config(labelled):
    text = (labelled[1].path.parent / "model.config").read_text()
    assert text == serving.model_config("labelled")
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is missing")
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = parsed.model_config_list.config
    assert (model.name, model.base_path) == ("labelled", "/models/labelled")
    assert model.model_platform == "tensorflow"


def test_only_version_folders_are_numbers(labelled):
    """The server takes each folder with a number for a version, and nothing else."""
    home = labelled[1].path.parent
    numbers = [path.name for path in home.iterdir() if path.name.isdecimal()]
    assert numbers == ["1"]
    assert json.loads((home / "1" / "parity.json").read_text())["ok"]
