"""The clients of TensorFlow Serving, against a stand-in that speaks its REST and gRPC."""

import importlib
import io
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import serving_stand_in
import tensorflow as tf
from PIL import Image

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export

ROOT = Path(__file__).parents[2]
SERVING = ROOT / "examples" / "serving"


@pytest.fixture(scope="module")
def clients():
    """The example's modules, which import each other by name as they do where they lie."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SERVING))
        yield importlib.import_module
    for name in ("rest_client", "grpc_client", "load"):
        sys.modules.pop(name, None)


class Game:
    """A game of one signature."""

    def __init__(self, inputs, output, network):
        self.signature = Signature(inputs, output, network, ())

    def signatures(self):
        return {"serving_default": self.signature}


def shade(z, label):
    """Each image has the grey of its label."""
    grey = tf.cast(label, tf.float32)[:, None, None, None] / 10
    return tf.zeros((1, 4, 4, 3)) + grey + 0 * z[:, :1, None, None]


def enlarged(image):
    return keras.layers.UpSampling2D(2)(image)


def labelled(home):
    inputs = (TensorSpec("z", (2,), kind="normal"), TensorSpec("label", (), "int32", "label", 10))
    game = Game(inputs, TensorSpec("image", (4, 4, 3)), shade)
    return export(game, home, name="labels", formats=["saved_model"]).path.parent


def enlarging(home):
    sides = (None, None, 3)
    game = Game((TensorSpec("image", sides),), TensorSpec("image", sides), enlarged)
    return export(game, home, name="enlarging", formats=["saved_model"], size=(8, 8)).path.parent


def sentences(home):
    """As the exports of games of sentences: the width of the image is the sentence's length."""
    module = tf.Module()

    sides = {"text": tf.string, "seed": tf.int32}

    @tf.function(input_signature=[tf.TensorSpec((None,), t, n) for n, t in sides.items()])
    def draw(text, seed):
        longest = tf.reduce_max(tf.strings.length(text))
        image = tf.zeros((4, longest, 3), tf.uint8)
        return {"image_bytes": tf.repeat(tf.io.encode_png(image), tf.size(seed))}

    module.draw = draw
    tf.saved_model.save(module, str(home / "sentences" / "1"), signatures={"text_sample_png": draw})
    return home / "sentences"


@pytest.fixture(scope="module")
def servables(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    homes = [ROOT / "saved_models" / "dcgan_shapes"]
    homes += [make(home) for make in (labelled, enlarging, sentences)]
    return [serving_stand_in.Servable(home) for home in homes]


@pytest.fixture(scope="module")
def url(servables):
    with serving_stand_in.serve_rest(*servables) as url:
        yield url


@pytest.fixture(scope="module")
def host(servables):
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is an extra")
    with serving_stand_in.serve_grpc(*servables) as host:
        yield host


@pytest.fixture(params=["rest", "grpc"])
def call(request, clients):
    """Runs a client as its command line does: `call(model, folder, *flags)`."""
    address = request.getfixturevalue({"rest": "url", "grpc": "host"}[request.param])
    flag = {"rest": "--url", "grpc": "--host"}[request.param]
    client = clients(f"{request.param}_client")
    return lambda *words: client.main([*map(str, words), flag, address])


def images_of(folder):
    return [np.asarray(Image.open(folder / f"{n}.png")) for n in range(len(list(folder.iterdir())))]


def test_noise_labels_images_and_sentences(call, tmp_path, capsys):
    call("dcgan_shapes", tmp_path / "noise", "--count", 3)
    noise = images_of(tmp_path / "noise")
    assert [image.shape for image in noise] == [(32, 32, 3)] * 3
    assert not np.array_equal(noise[0], noise[1])
    call("labels", tmp_path / "labels", "--label", 7, "--count", 2)
    greys = [np.unique(image).tolist() for image in images_of(tmp_path / "labels")]
    assert greys == [[round(1.7 * 127.5)]] * 2
    source = np.random.RandomState(0).randint(0, 256, (6, 5, 3)).astype("u1")
    Image.fromarray(source).save(tmp_path / "small.png")
    call("enlarging", tmp_path / "large", "--image", tmp_path / "small.png")
    (large,) = images_of(tmp_path / "large")
    np.testing.assert_array_equal(large, source.repeat(2, 0).repeat(2, 1))
    call("sentences", tmp_path / "text", "--text", "a red circle", "--count", 2)
    assert [image.shape for image in images_of(tmp_path / "text")] == [(4, 12, 3)] * 2
    assert capsys.readouterr().out.split("\n")[:2] == ["3 images", "2 images"]


def test_mistakes_are_one_line(call, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for words, reason in (
        (("nobody", tmp_path / "out"), "(?i)not.?found"),
        (("labels", tmp_path / "out", "--signature", "gif"), "no signature gif; it has"),
        (("enlarging", tmp_path / "out"), "--image"),
        (("enlarging", tmp_path / "out", "--image", tmp_path / "broken.png"), "PNG"),
        (("enlarging", tmp_path / "out", "--image", tmp_path / "none.png"), "No such file"),
    ):
        with pytest.raises(SystemExit, match=reason):
            call(*words)


def test_rows_columns_and_errors_of_the_protocol(clients, url):
    rest = clients("rest_client")
    ask, home = rest.ask, f"{url}/v1/models/labels"
    assert ask(home)["model_version_status"][0]["state"] == "AVAILABLE"
    rows = [{"z": [0.0, 0.0], "label": 0}, {"z": [0.0, 0.0], "label": 10 // 2}]
    answer = ask(f"{home}:predict", {"instances": rows})["predictions"]
    assert np.allclose([np.unique(part) for part in answer], [[0.0], [0.5]])
    columns = {"z": [[0.0, 0.0]], "label": [5]}
    answer = ask(f"{home}:predict", {"inputs": columns})["outputs"]  # a single output has no name
    assert np.shape(answer) == (1, 4, 4, 3)
    for body in ({"inputs": {"z": [[0.0]]}}, {"signature_name": "none", "inputs": columns}, {}):
        with pytest.raises(rest.ServingError, match="^400: "):
            ask(f"{home}:predict", body)
    with pytest.raises(rest.ServingError, match="is the server running"):
        ask("http://127.0.0.1:9/v1/models/labels")


def test_load(clients, url, host, capsys):
    load = clients("load")
    for road in (["--url", url], ["--grpc", host]):
        load.main(["labels", *road, "--clients", "2", "--seconds", "0.1", "--label", "1"])
        line = capsys.readouterr().out
        assert re.match(r"\d+ requests in 0\.\d s: [\d.]+ requests/s, .* p50 [\d.]+, p90", line)
    with pytest.raises(SystemExit, match="Latest"):
        load.main(["nobody", "--url", url])


def test_percentiles_and_failures(clients):
    load = clients("load")
    values = list(range(100, 0, -1))
    assert [load.percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert load.percentile([3.0], 0.5) == 3.0

    def refuse():
        raise load.ServingError("503: busy")

    latencies, _, errors = load.run(refuse, 2, 0.01)
    assert load.report(latencies, 1.0, errors, 1) == "no request was answered; 503: busy"


def test_the_compose_file_serves_a_shipped_model():
    text = (SERVING / "compose.yaml").read_text()
    folder = re.search(r"- (\S+):/models:ro", text)[1]
    model = re.search(r"MODEL_NAME:-(\w+)", text)[1]
    assert (SERVING / folder / model / "1" / "saved_model.pb").is_file()


def test_files_are_sent_as_base64(clients):
    rest = clients("rest_client")
    value = {"image_bytes": [b"\x00\xff"], "label": [1]}
    assert rest._decoded(rest._encoded(value)) == value
    assert rest._encoded(b"\x00") == {"b64": "AA=="}
    png = io.BytesIO()
    Image.fromarray(np.zeros((2, 2, 3), "u1")).save(png, "PNG")
    assert rest.make_inputs({"image_bytes": ("DT_STRING", [-1])}, images=[png.getvalue()]) == {
        "image_bytes": [png.getvalue()]
    }
