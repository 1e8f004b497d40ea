"""SavedModels: their signatures against the Keras networks, what they hold and what they refuse."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.export import GraphError, ParityError, export, functions, parity

ONLY = {"formats": ("saved_model",), "warmup": False}


@pytest.fixture(scope="module")
def loaded(labelled):
    model = tf.saved_model.load(str(labelled[1].path))
    return model  # its variables live as long as it does


def png_of(pixels):
    return tf.io.encode_png(pixels).numpy()


def test_uint8_values():
    found = functions.to_uint8(tf.constant([-1.0, 1.0, 0.0, -3.0, 3.0, -1 + 3 / 127.5])).numpy()
    assert found.dtype == np.uint8
    assert found.tolist() == [0, 255, 128, 0, 255, 3]


@pytest.mark.parametrize("batch", [1, 5])
def test_default_signature_is_the_network(labelled, loaded, label_inputs, batch):
    inputs = {name: value[:batch] for name, value in label_inputs.items()}
    found = loaded.signatures["serving_default"](**inputs)["image"]
    expected = labelled[0].network([inputs["z"], inputs["label"]], training=False)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sample_draws_from_the_seed(labelled, loaded):
    found = loaded.signatures["sample"](seed=tf.constant(7), count=tf.constant(6))["image"].numpy()
    z = tf.random.stateless_normal((6, 8), [7, 0])
    label = tf.random.stateless_uniform((6,), [7, 1], 0, 3, tf.int32)
    image = labelled[0].network([z, label], training=False).numpy()
    expected = np.clip(np.round((image + 1) * 127.5), 0, 255)
    assert found.dtype == np.uint8
    # A value on the edge between two bytes may go either way.
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found == expected).mean() > 0.99
    other = loaded.signatures["sample"](seed=tf.constant(8), count=tf.constant(6))["image"].numpy()
    assert (found != other).mean() > 0.5


def test_png_is_the_default_signature_as_files(loaded, label_inputs):
    files = loaded.signatures["png"](**label_inputs)["image_bytes"].numpy()
    image = loaded.signatures["serving_default"](**label_inputs)["image"]
    decoded = np.stack([tf.io.decode_png(data).numpy() for data in files])
    assert all(data.startswith(b"\x89PNG") for data in files)
    assert np.array_equal(decoded, functions.to_uint8(image))


def test_it_holds_the_used_variables_only(labelled):
    game, result = labelled
    stored = dict(tf.train.list_variables(str(result.path / "variables" / "variables")))
    shapes = [shape for key, shape in stored.items() if key.startswith("weights/")]
    weights = game.network.get_weights()
    assert sorted(shapes) == sorted([list(w.shape) for w in weights])
    assert len(stored) == len(weights) + 1  # the object graph
    assert result.card["export"]["parameters"] == game.network.count_params()
    assert not (result.path / "keras_metadata.pb").exists()


def test_unused_networks_stay_out(games, tmp_path):
    game = games.Noise()
    spare = games.generator()
    signature = game.signatures()["serving_default"]
    both = games.Call(signature.call, (spare, game.network), signature.output)
    result = export(both, tmp_path, name="small", **ONLY)
    assert result.card["export"]["parameters"] == game.network.count_params()


def test_card_describes_everything(labelled):
    result = labelled[1]
    card = json.loads((result.path / "card.json").read_text())
    assert card == result.card
    assert (card["game"], card["steps"]) == ("labels", 7)
    made = card["export"]
    assert (made["name"], made["version"], made["precision"]) == ("labelled", 1, "float32")
    own = made["signatures"]["serving_default"]
    assert own["inputs"][1] == {
        "name": "label", "shape": [], "dtype": "int32", "kind": "label", "classes": 3,
        "range": "0 to 2",
    }  # fmt: skip
    assert own["output"]["shape"] == [8, 8, 3] and own["output"]["range"] == "-1 to 1"
    assert set(own["tensors"]["inputs"]) == {"z", "label"}
    assert own["tensors"]["inputs"]["z"] == "serving_default_z:0"
    assert set(made["signatures"]) == {"serving_default", "sample", "png"}
    assert made["files"] == result.files
    for name, size in result.files.items():
        assert (result.path / name).stat().st_size == size
    assert made["versions"]["tensorflow"] == tf.__version__


def test_points_have_no_image_signatures(games, tmp_path):
    result = export(games.Point(), tmp_path, name="ring", **ONLY)
    assert list(result.card["export"]["signatures"]) == ["serving_default"]
    assert result.parity["signatures"]["serving_default"]["saved_model"]["ok"]


@pytest.fixture(scope="module")
def images(games, tmp_path_factory):
    """Exports of image -> negative: of open and of fixed size."""
    folder = tmp_path_factory.mktemp("images")
    open_size = export(
        games.Image(), folder, name="open", size=(16, 24), formats=("saved_model", "tflite_int8")
    )
    fixed = export(games.Image((8, 6, 3)), folder, name="fixed", **ONLY)
    return open_size, fixed


def test_image_files_in_and_out(images):
    model = tf.saved_model.load(str(images[0].path))
    assert set(model.signatures) == {"serving_default", "png", "back", "back_png"}
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 9, 3), dtype=np.uint8)
    files = tf.constant([png_of(image) for image in pixels])
    for name in ("png", "back_png"):
        found = model.signatures[name](image_bytes=files)["image_bytes"].numpy()
        decoded = np.stack([tf.io.decode_png(data).numpy() for data in found])
        assert np.array_equal(decoded, 255 - pixels)


def test_files_are_read_in_their_stored_orientation(images):
    """As the card says: a graph for servers has no operation that reads EXIF."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", exif=exif)
    model = tf.saved_model.load(str(images[0].path))
    (answer,) = model.signatures["png"](image_bytes=tf.constant([content.getvalue()]))[
        "image_bytes"
    ].numpy()
    np.testing.assert_array_equal(tf.io.decode_png(answer), 255 - pixels)
    (spec,) = images[0].card["export"]["signatures"]["png"]["inputs"]
    assert "stored orientation" in spec["range"]


def test_jpeg_and_grey_files_of_another_size(images):
    model = tf.saved_model.load(str(images[1].path))
    colour = np.full((32, 24, 3), 200, np.uint8)
    grey = np.full((8, 6, 1), 50, np.uint8)
    files = tf.constant([tf.io.encode_jpeg(colour).numpy(), png_of(grey)])
    found = model.signatures["png"](image_bytes=files)["image_bytes"].numpy()
    first, second = (tf.io.decode_png(data).numpy().astype(int) for data in found)
    assert first.shape == second.shape == (8, 6, 3)
    assert np.abs(first - 55).max() <= 2  # JPEG is not exact
    assert (second == 205).all()


def test_every_signature_of_a_game_is_compared(images):
    report = images[0].parity
    assert set(report["signatures"]) == {"serving_default", "back"}
    for name, folder in (("serving_default", "tflite"), ("back", "tflite/back")):
        assert report["signatures"][name]["tflite_int8"]["ok"]
        assert f"{folder}/int8.tflite" in images[0].files
    assert "stand-ins" in report["signatures"]["back"]["inputs"]


def test_large_outputs_are_compared_in_parts(monkeypatch):
    """Sixteen images of 512x512 at once took 14 GB of maps."""
    monkeypatch.setattr(parity, "_MAX_ELEMENTS", 100)
    given = {"a": np.arange(22, dtype="f4").reshape(11, 2), "b": np.ones((11, 1), "f4")}
    counts = []

    def call(a, b):
        counts.append(len(a))
        return tf.tile(a * 3.0 + b, [1, 10])  # 20 numbers an example: 5 at once

    signature = Signature((), TensorSpec("wide", (None,), kind="point"), call, ())
    made = parity._in_parts(signature.named_outputs, given, signature)["wide"]
    assert counts == [1, 5, 5, 1]
    np.testing.assert_array_equal(made, np.tile(given["a"] * 3 + 1, [1, 10]))
    monkeypatch.setattr(parity, "_MAX_ELEMENTS", 10)  # less than one example has
    again = parity._in_parts(signature.named_outputs, given, signature)["wide"]
    np.testing.assert_array_equal(again, made)


def test_half_precision_is_exported_as_float32(games, tmp_path):
    trained, plain = games.Noise("mixed_bfloat16"), games.Noise()
    plain.network.set_weights(trained.network.get_weights())
    z = tf.constant(np.random.default_rng(1).normal(size=(4, 8)).astype("float32"))
    before = trained.network(z, training=False).numpy()
    result = export(trained, tmp_path, name="half", formats=("saved_model", "tflite_float32"))
    found = tf.saved_model.load(str(result.path)).signatures["serving_default"](z=z)["image"]
    np.testing.assert_allclose(found, plain.network(z, training=False), atol=1e-5)
    assert "mixed_bfloat16" in result.card["export"]["precision"]
    # The game itself still computes in bfloat16.
    after = trained.network(z, training=False).numpy()
    assert np.array_equal(after, before)
    assert np.abs(after - found).max() > 1e-4


def test_variables_of_a_strategy(games, tmp_path):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        game = games.Noise()
    result = export(game, tmp_path, name="mirrored", **ONLY)
    z = tf.ones((2, 8))
    found = tf.saved_model.load(str(result.path)).signatures["serving_default"](z=z)["image"]
    np.testing.assert_allclose(found, game.network(z, training=False), atol=1e-5)


def refused(games, tmp_path, call, networks=(), output=None):
    spec = {} if output is None else {"output": output}
    with pytest.raises(GraphError) as error:
        export(games.Call(call, networks, **spec), tmp_path, name="bad", **ONLY)
    assert not (tmp_path / "bad").exists()
    return str(error.value)


def test_graphs_that_only_python_could_run_are_refused(games, tmp_path):
    said = refused(games, tmp_path, lambda z: tf.ensure_shape(
        tf.py_function(lambda a: a, [z], tf.float32), (None, 8)))  # fmt: skip
    assert "Python" in said
    said = refused(games, tmp_path, lambda z: z + tf.random.normal(tf.shape(z)))
    assert "make noise an input" in said
    said = refused(games, tmp_path, lambda z: tf.cast(tf.cast(z, tf.bfloat16) * 2, tf.float32))
    assert "half precision" in said


def test_training_mode_is_refused(games, tmp_path):
    network = keras.Sequential([keras.Input((8,)), keras.layers.BatchNormalization()])
    said = refused(games, tmp_path, lambda z: network(z, training=True), (network,))
    assert "training=False" in said


def test_unnamed_networks_are_refused(games, tmp_path):
    network = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    assert "belongs to none" in refused(games, tmp_path, lambda z: network(z))


def test_wrong_numbers_are_refused(games, tmp_path):
    game = games.Call(lambda z: z if tf.executing_eagerly() else z + 1e-3)
    with pytest.raises(ParityError, match="0.001 over the bound"):
        export(game, tmp_path, name="wrong", **ONLY)
    home = tmp_path / "wrong"
    assert [path.name for path in home.iterdir()] == ["rejected.json"]
    report = json.loads((home / "rejected.json").read_text())
    assert report["ok"] is False
    # A good export takes the report away.
    export(games.Call(lambda z: tf.identity(z)), tmp_path, name="wrong", **ONLY)
    assert sorted(path.name for path in home.iterdir()) == ["1", "model.config"]


def test_a_wrong_output_shape_is_an_error(games, tmp_path):
    with pytest.raises(ValueError, match="shape"):
        export(games.Call(lambda z: z[:, :3]), tmp_path, name="bad", **ONLY)


def test_input_errors(games, tmp_path):
    game = games.Call(lambda z: tf.identity(z))
    with pytest.raises(InputError, match="name"):
        export(game, tmp_path, name="7/../x")
    with pytest.raises(InputError, match="formats"):
        export(game, tmp_path, name="ok", formats=("tflite",))
    with pytest.raises(InputError, match="'export'"):
        export(game, tmp_path, name="ok", card={"export": 1})
    game.signatures = lambda: {"other": game.signature}
    with pytest.raises(InputError, match="serving_default"):
        export(game, tmp_path, name="ok")
    assert list(tmp_path.iterdir()) == []
