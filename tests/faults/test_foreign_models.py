"""Files of Keras models that would run code are refused, and the code does not run."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.features import extractors, weights
from tfgan_suite.training import foreign_recipes


def saved(path, *layers):
    keras.Sequential([keras.Input((8, 8, 3)), *layers]).save(path)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore")
def test_a_lambda_does_not_run(tmp_path, suffix):
    mark = tmp_path / "written"
    text = str(mark)
    hostile = keras.layers.Lambda(
        lambda x, text=text: open(text, "w") and x, output_shape=(8, 8, 3)
    )
    path = saved(tmp_path / f"net{suffix}", hostile)
    mark.unlink(missing_ok=True)  # it ran while the model was built
    for load in (weights.read_model, extractors.load):
        with pytest.raises(InputError, match="'Lambda'.*not loaded: save a whole model") as error:
            load(path)
        assert "\n" not in str(error.value)
    # The kind of file is told by its content.
    renamed = path.rename(tmp_path / f"net{'.h5' if suffix == '.keras' else '.keras'}")
    with pytest.raises(InputError, match="Lambda"):
        weights.read_model(renamed)
    assert not mark.exists()


@pytest.mark.parametrize("entry", [
    {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"},
    {"module": "os", "class_name": "Dense", "config": {}, "registered_name": None},
    {"module": "keras.utils", "class_name": "get_file", "config": {}, "registered_name": None},
    {"class_name": "TFOpLambda", "config": {"function": "io.write_file"}},
    {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}},
    {"module": "own", "class_name": "Dense", "registered_name": "Own>Dense", "config": {}},
    {"class_name": "Own>Dense", "config": {}},
    {"class_name": ["Lambda"], "config": {}},
])  # fmt: skip
def test_configs_that_name_anything_else(tmp_path, entry):
    config = {"class_name": "Sequential", "config": {"layers": [{"deep": [entry]}]}}
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
    for name in ("net.keras", "net.h5"):
        with pytest.raises(InputError, match="may run code when it is loaded"):
            weights.read_model(tmp_path / name)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore")
def test_ordinary_models_load(tmp_path, suffix):
    x = image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, kernel_regularizer=keras.regularizers.L2(0.1))(x)
    x = keras.layers.BatchNormalization()(keras.layers.ReLU()(x))
    inner = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Flatten()])
    x = keras.layers.Dense(3, "softmax", kernel_initializer="he_normal")(inner(x))
    model = keras.Model(image, x)
    model.compile("adam", "mse")
    model.save(tmp_path / f"net{suffix}")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("f4")
    loaded = weights.read_model(tmp_path / f"net{suffix}")
    np.testing.assert_array_equal(loaded(images), model(images))


def test_arrays_of_weights_that_lie(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("conv/kernel", (2**40,), "f4", chunks=(2**16,))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        (tmp_path / "secret").write_bytes(bytes(16))
        file.create_dataset("conv/kernel", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])
    for name in ("huge.h5", "other.h5"):
        with pytest.raises(InputError, match="lies in another file or declares"):
            weights.read(tmp_path / name)


def test_a_foreign_recipe_is_announced_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "dcgan.py").write_text("A = 1\n")
    monkeypatch.setattr(foreign_recipes, "FOLDERS", [tmp_path / "ours"])
    monkeypatch.setattr(foreign_recipes, "_announced", set())
    for run, name, text in (("same", "dcgan", "A = 1\n"), ("changed", "dcgan", "A = 2\n"),
                            ("own", "../ours/dcgan", "A = 1\n")):  # fmt: skip
        path = tmp_path / run / "recipe.py"
        path.parent.mkdir()
        path.write_text(text)
        for _ in range(2):
            foreign_recipes.announce_foreign_recipe(path, name)
    helper = tmp_path / "same" / "recipe_modules" / "helper.py"
    helper.parent.mkdir()
    helper.write_text("B = 1\n")
    monkeypatch.setattr(foreign_recipes, "_announced", set())
    foreign_recipes.announce_foreign_recipe(tmp_path / "same" / "recipe.py", "dcgan")
    changed, own, helped = capsys.readouterr().err.splitlines()
    assert (
        str(tmp_path / "changed") in changed
        and "differs, or a module beside it, from the installed one" in changed
    )
    assert str(tmp_path / "same") in helped and "a module beside it" in helped
    assert str(tmp_path / "own") in own and "trust" in own
