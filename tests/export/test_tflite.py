"""TFLite files: the same numbers, really quantised, run where there is no TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.core.translation_game import from_image
from tfgan_suite.errors import InputError
from tfgan_suite.export import (
    ConversionError,
    ParityError,
    examples,
    export,
    litert_runner,
    parity,
    tflite_files,
)
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.normalization import InstanceStatistics

STANDALONE = any(importlib.util.find_spec(name) for name in litert_runner.RUNTIMES)
needs_runtime = pytest.mark.skipif(
    not STANDALONE, reason="no standalone TFLite runtime (ai-edge-litert) is installed"
)


@pytest.fixture(scope="module")
def report(labelled):
    found = json.loads((labelled[1].path / "parity.json").read_text())
    assert found == labelled[1].parity
    return found["signatures"]["serving_default"]


def test_the_report_holds_its_bounds(report):
    assert report["examples"] == 16 and report["inputs"] == "drawn"
    for kind, bound in (("saved_model", 1e-5), ("tflite_float32", 1e-4), ("tflite_float16", 0.016)):
        assert report[kind]["bound"] == bound and report[kind]["ok"]
        assert 0 <= report[kind]["max_difference"] <= bound
    assert report["tflite_int8"]["psnr"] > 30 and report["tflite_int8"]["ok"]
    # float16 and int8 are coarser: were they equal, nothing would have been converted.
    assert report["tflite_float16"]["max_difference"] > report["tflite_float32"]["max_difference"]
    assert report["tflite_int8"]["psnr"] < 80


def test_the_files_have_their_precision(report):
    assert set(report["tflite_float32"]["tensors"]).isdisjoint({"float16", "int8"})
    assert report["tflite_float16"]["tensors"]["float16"] >= 3
    # The float tensors are the input z and the output; everything between is int8.
    assert report["tflite_int8"]["tensors"]["float32"] == 2
    assert report["tflite_int8"]["int8_share"] > 0.8


def test_the_runtime_is_named(report):
    for kind in tflite_files.KINDS:
        runtime = report[f"tflite_{kind}"]["runtime"]
        assert runtime["name"] in ("ai_edge_litert", "tflite_runtime", "tf.lite")
        assert runtime["name"] != "tf.lite" or not STANDALONE
        assert runtime["version"][0].isdigit()


@needs_runtime
@pytest.mark.parametrize("kind", tflite_files.KINDS)
def test_files_run_without_tensorflow(labelled, label_inputs, tmp_path, kind):
    # TensorFlow, Keras and the package cannot be imported in this process.
    for name in ("tensorflow", "keras", "tfgan_suite"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')")
    inputs = {name: value.numpy() for name, value in label_inputs.items()}
    np.savez(tmp_path / "inputs.npz", **inputs)
    model = labelled[1].path / "tflite" / f"{kind}.tflite"
    done = subprocess.run(
        [sys.executable, litert_runner.__file__, model, "inputs.npz", "outputs.npz"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["runtime"] in litert_runner.RUNTIMES
    found = np.load(tmp_path / "outputs.npz")["image"]
    network = labelled[0].network
    expected = network([label_inputs["z"], label_inputs["label"]], training=False).numpy()
    assert found.dtype == np.float32
    if kind == "int8":
        assert parity.psnr(expected, found, 2.0) > 30
    else:
        np.testing.assert_allclose(found, expected, atol=parity.BOUNDS[f"tflite_{kind}"])


@needs_runtime
def test_the_runner_notices_tensorflow(labelled, label_inputs, tmp_path, monkeypatch):
    """Called in this process, where TensorFlow is loaded, it must not pass for standalone."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    np.savez(tmp_path / "in.npz", **{name: value.numpy() for name, value in label_inputs.items()})
    model = labelled[1].path / "tflite" / "float32.tflite"
    with pytest.raises(SystemExit, match="not standalone.*tensorflow"):
        litert_runner.main(str(model), tmp_path / "in.npz", tmp_path / "out.npz")


def test_without_a_standalone_runtime_the_report_says_so(labelled, monkeypatch, tmp_path):
    monkeypatch.setattr(parity.litert_runner, "RUNTIMES", {"no_such_runtime": ("x", "x")})
    inputs = {"z": np.zeros((2, 8), "float32"), "label": np.zeros((2,), "int32")}
    ran = parity.tflite_outputs(labelled[1].path / "tflite/float32.tflite", inputs, tmp_path)
    assert ran["runtime"]["name"] == "tf.lite"
    assert "no standalone runtime" in ran["runtime"]["process"]
    assert ran["outputs"]["image"].shape == (2, 8, 8, 3)


def test_coarse_files_are_refused_unless_allowed(games, tmp_path):
    game = games.Noise()
    formats = ("saved_model", "tflite_int8")
    with pytest.raises(ParityError, match="under the bound 200"):
        export(game, tmp_path, name="coarse", formats=formats, int8_bound=200.0)
    assert [path.name for path in (tmp_path / "coarse").iterdir()] == ["rejected.json"]
    half = ("saved_model", "tflite_float16")
    with pytest.raises(ParityError, match="tflite_float16.*over the bound 1e-06"):
        export(game, tmp_path, name="coarse", formats=half, float16_bound=1e-6)
    result = export(game, tmp_path, name="coarse", formats=formats, int8_bound=None)
    assert result.version == 1
    assert [name for name in result.files if name.startswith("tflite")] == ["tflite/int8.tflite"]


def test_what_cannot_be_converted_is_named(games, tmp_path):
    import tensorflow as tf

    game = games.Call(lambda z: tf.math.bessel_i0(z))
    with pytest.raises(ConversionError, match="'serving_default' to float32") as error:
        export(game, tmp_path, name="odd", formats=("saved_model", "tflite_float32"))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "odd").exists()


def test_comparing_known_values():
    zeros = np.zeros((2, 3), "float32")
    assert parity.psnr(zeros, zeros + 0.2, 2.0) == pytest.approx(20.0, abs=1e-5)
    assert parity.compare(zeros, zeros + 9e-5, 1e-4)["ok"]
    assert not parity.compare(zeros, zeros + 2e-4, 1e-4)["ok"]
    large = parity.compare(zeros + 50, zeros + 50.004, 1e-4)
    assert large["ok"] and large["bound"] == pytest.approx(5e-3)
    assert not parity.compare(zeros, zeros * np.nan, 1.0)["ok"]
    assert not parity.compare(zeros, zeros[:1], 1.0)["ok"]


def test_int8_needs_int8_tensors(games):
    spec = games.Noise().signatures()["serving_default"].output
    image = np.zeros((1, 8, 8, 3), "float32")
    judge = parity.compare_int8
    assert judge(spec, image, image, {"int8": 9, "float32": 2}, 30.0)["ok"]
    assert not judge(spec, image, image, {"int8": 2, "float32": 9}, None)["ok"]
    nan = image * np.nan
    assert not judge(spec, image, nan, {"int8": 9}, None)["ok"]
    mixed = judge(spec, image, image, {"int8": 2, "float32": 7}, None, float_norms=True)
    assert mixed["ok"] and mixed["norms"] == "float32"
    floats = {"int8": 1, "float32": 7}
    assert not judge(spec, image, image, floats, None, float_norms=True)["ok"]


class NormedGame:
    """A translator whose maps have large outliers: norms by the image lose much in 8 bits."""

    def __init__(self):
        keras.utils.set_random_seed(0)
        x = image = keras.Input((16, 16, 3))
        for width in (8, 8, 8):
            x = InstanceStatistics()(Conv2D(width, 3, padding="same")(x) ** 3)
        x = Conv2D(3, 3, padding="same", activation="tanh", kernel_initializer="he_normal")(x)
        self.network = keras.Model(image, x)

    def signatures(self):
        return {"serving_default": from_image(self.network)}


def test_where_8_bits_are_too_few_norms_stay_in_float32(tmp_path, capsys):
    game, formats = NormedGame(), ("saved_model", "tflite_int8")

    def exported(name, bound):
        made = export(game, tmp_path, name=name, formats=formats, int8_bound=bound)
        return made.parity["signatures"]["serving_default"]["tflite_int8"]

    whole = exported("whole", None)
    assert whole["norms"] == "int8" and not capsys.readouterr().out
    mixed = exported("mixed", whole["psnr"] + 0.5)
    assert mixed["norms"] == "float32" and mixed["ok"]
    assert mixed["psnr"] > whole["psnr"] + 0.5
    assert 0 < mixed["int8_share"] < whole["int8_share"]
    assert "norms in float32" in capsys.readouterr().out
    with pytest.raises(ParityError, match="under the bound 200"):
        exported("refused", 200.0)


def make(game, representative, **options):
    signature = game.signatures()["serving_default"]
    options = {"seed": 0, "size": (16, 16), **options}
    return examples.make("serving_default", signature, representative, **options)


def test_drawn_examples_follow_kind_and_seed(games):
    first = make(games.Label(), None)
    assert first.compared["z"].shape == (16, 8) and first.calibration["z"].shape == (128, 8)
    assert set(first.calibration["label"]) == {0, 1, 2}
    assert abs(first.calibration["z"].std() - 1) < 0.1
    assert np.array_equal(first.compared["z"], make(games.Label(), None).compared["z"])
    assert not np.array_equal(first.compared["z"], make(games.Label(), None, seed=1).compared["z"])
    image = make(games.Image(), None).compared["image"]
    assert image.shape == (16, 16, 16, 3) and np.abs(image).max() <= 1


def test_representative_examples_are_taken_in_order(games):
    def batches():
        for start in range(0, 1000, 50):
            yield {"z": np.arange(start, start + 50)[:, None] * np.ones((1, 8))}

    found = make(games.Noise(), batches)
    assert found.compared["z"][:, 0].tolist() == list(range(16))
    assert found.calibration["z"][:, 0].tolist() == list(range(16, 144))
    few = make(games.Noise(), lambda: [{"z": np.ones((3, 8))}])
    assert len(few.compared["z"]) == len(few.calibration["z"]) == 3
    assert "also set" in few.origin


def test_representative_errors(games, tmp_path):
    with pytest.raises(InputError, match="no examples"):
        make(games.Noise(), lambda: [])
    with pytest.raises(InputError, match="'noise'.*takes.*'z'"):
        make(games.Noise(), lambda: [{"noise": np.ones((3, 8))}])
    with pytest.raises(InputError, match="shape"):
        make(games.Noise(), lambda: [{"z": np.ones((3, 9))}])
    with pytest.raises(InputError, match="names.*'forward'"):
        export(games.Noise(), tmp_path, name="x", representative={"forward": lambda: []})
    game = games.Call(lambda text: text)
    object.__setattr__(game.signature, "inputs", (TensorSpec("text", (None, 4), kind="text"),))
    with pytest.raises(InputError, match="open shape"):
        make(game, None, size=None)


def test_representative_ranges_reach_int8(games, tmp_path):
    """Ranges taken from inputs that are far too small make int8 saturate."""
    with pytest.raises(ParityError, match="PSNR"):
        export(
            games.Point(),
            tmp_path,
            name="clipped",
            formats=("saved_model", "tflite_int8"),
            representative=lambda: [
                {"z": np.ones((16, 2))},
                {"z": np.full((128, 2), 0.01)},
            ],
        )
