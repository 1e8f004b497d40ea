"""`tfgan_suite.load`: a model as a function, by its name, without the code of its game."""

import ast
import pathlib
import types

import numpy as np
import pytest

import tfgan_suite
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.inference.generator import Generator
from tfgan_suite.inference.model import Model
from tfgan_suite.utils import export_names

PACKAGE = pathlib.Path(tfgan_suite.__file__).parent


def double(image):
    """Nearest-neighbour enlargement by two, as a network would answer."""
    return {"image": image.repeat(2, axis=1).repeat(2, axis=2)}


def model(usage="upscale {} IN OUT", call=double, kind="image", origin="export", path=None):
    spec = TensorSpec("image", (None, None, 3), kind=kind)
    signature = Signature((spec,), TensorSpec("image", (None, None, 3), kind="image"), call, ())
    named = {"serving_default": signature}
    return Model(Generator("larger", origin, named, usage, {}, path))


def test_a_zoo_model_draws_by_its_name():
    shapes = tfgan_suite.load("dcgan_shapes")
    images = shapes(count=3, seed=1)
    assert images.shape == (3, 32, 32, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, shapes.generator.sample(3, 1))
    z = np.zeros((1, 8), np.float32)
    assert shapes.run(z=z)["image"].shape == (1, 32, 32, 3)
    assert {"serving_default", "sample", "png"} <= set(shapes.signatures)
    assert shapes.facts["steps"] == 8000


def test_images_go_in_and_come_out_alone_or_as_a_batch():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3)).astype(np.uint8)
    larger = model()
    np.testing.assert_array_equal(larger(pixels[0]), double(pixels)["image"][0])
    np.testing.assert_array_equal(larger(pixels), double(pixels)["image"])


@pytest.mark.parametrize(
    "images, reason",
    [
        (np.zeros((8, 8, 3), np.float32), "called with float32 of shape .8, 8, 3.; expected uint8"),
        (np.zeros((8, 8), np.uint8), "expected uint8 .height, width, channels."),
        (np.zeros((8, 8, 1), np.uint8), "takes images of 3 channels, and these have 1"),
        (None, "takes images, and none were passed"),
    ],
)
def test_what_a_model_cannot_take_is_refused(images, reason):
    with pytest.raises(InputError, match=reason):
        model()(images)


def test_a_model_of_another_command_is_no_function_of_images():
    with pytest.raises(InputError, match="is for `python -m tfgan_suite sample`"):
        model("sample {}")(np.zeros((8, 8, 3), np.uint8))


def test_paths_of_tflite_files():
    path = export_names.shipped("dcgan_shapes") / "1"
    assert model(path=path).tflite("int8") == path / "tflite" / "int8.tflite"
    with pytest.raises(InputError, match="'int4'; it must be one of float16, float32, int8"):
        model(path=path).tflite("int4")
    with pytest.raises(InputError, match="no TFLite files; expected an export"):
        model(origin="run", path=path).tflite()


def test_the_most_precise_tflite_file_is_the_default(tmp_path):
    (tmp_path / "tflite").mkdir()
    for kind in ("int8", "float16", "float32"):
        file = tmp_path / "tflite" / f"{kind}.tflite"
        file.write_bytes(b"")
        assert model(path=tmp_path).tflite() == file


def test_no_code_of_games_is_imported():
    pending, modules = ["inference.model"], set()
    while pending:
        name = pending.pop()
        file = PACKAGE / f"{name.replace('.', '/')}.py"
        file = file if file.is_file() else file.with_suffix("") / "__init__.py"
        if name in modules or not file.is_file():
            continue
        modules.add(name)
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfgan_suite"):
                base = node.module.removeprefix("tfgan_suite").lstrip(".")
                pending += [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
    rooms = {name.split(".")[0] for name in modules}
    assert "export" in rooms and not rooms & {"games", "training", "networks", "losses", "data"}


def test_load_is_an_attribute_of_the_package():
    assert "load" in tfgan_suite.__all__ and isinstance(tfgan_suite.load, types.FunctionType)
