"""Any game from noise has a latent space; what has none is refused in one line."""

import json
import types

import numpy as np
import pytest
from latent_runs import opened, tiny_space

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.games import cgan, infogan, r3gan
from tfgan_suite.inference import generator as generators
from tfgan_suite.latent import ablation, inpainting, masks, projection, walk
from tfgan_suite.latent import space as spaces
from tfgan_suite.utils import export_names

pytestmark = pytest.mark.usefixtures("eagerly")
SHAPE = (16, 16, 3)


def make_cgan():
    form = (SHAPE, 5, "concat", "conv")
    networks = cgan.build_generator(*form, 2, 6), cgan.build_discriminator(*form, 2, norm="none")
    return cgan.CGAN(*networks, classes=5)


def make_infogan():
    return infogan.InfoGAN(
        infogan.build_generator(16, 3, 2, 6 + 4 + 2),
        infogan.build_discriminator(16, 3, 2, "none"),
        infogan.build_recognition(32, 1, 4, 2, 8),
        categorical=1,
        classes=4,
        continuous=2,
    )


def make_r3gan():
    sizes = dict(width=8, cardinality=2, blocks_per_stage=1, classes=3)
    generator = r3gan.build_generator(SHAPE, latent_dim=6, **sizes)
    return r3gan.R3GAN(generator, r3gan.build_discriminator(SHAPE, **sizes), classes=3)


@pytest.mark.parametrize("make", [make_cgan, make_infogan, make_r3gan])
def test_games_with_labels_and_codes_are_walked_filled_and_searched(make):
    space = opened(make())
    label = space.label.name
    result = walk.walk(space, [0, 5], 2, labels=[1, 2])
    assert result.images.shape == (3, *SHAPE)
    assert result.inputs[label].reshape(-1).tolist() == [1, 2, 2]
    images = space.generate(space.samples([40, 41]))
    mask = masks.make("centre", 16, 16)
    search = inpainting.Search(16, 2, 1)
    filled = inpainting.inpaint(space, images, mask, search, labels=[2])
    assert filled.used_prior and (filled.inputs[label] == 2).all()
    projected = projection.project(space, images, "adam", starts=2, iterations=2)
    assert (projected.errors <= projected.start_errors + 1e-6).all()
    split = ablation.SplitGenerator(space)
    inputs = space.samples([1, 2])
    np.testing.assert_allclose(
        split.images(split.maps(inputs), inputs), space.generate(inputs), atol=1e-5
    )


def test_uneven_labels_are_repeated_and_others_refused():
    space = opened(make_cgan())
    inputs = space.with_labels(space.samples([0, 1, 2]), [3, 1])
    assert inputs["label"].tolist() == [3, 1, 3] and inputs["label"].dtype == np.int32
    with pytest.raises(InputError, match="takes no label"):
        tiny_space().with_labels({}, [1])


@pytest.mark.parametrize(
    "inputs, output, reason",
    [
        ("image", TensorSpec("image", (8, 8, 3)), "takes images, not noise; walk takes"),
        ("normal", TensorSpec("point", (2,), kind="point"), "draws no images"),
    ],
)
def test_translators_and_points_are_refused(monkeypatch, capsys, inputs, output, reason):
    signature = Signature((TensorSpec("x", (4,), kind=inputs),), output, None, ())
    fake = types.SimpleNamespace(name="runs/a", signature=lambda: signature)
    monkeypatch.setattr(spaces, "open_generator", lambda source: fake)
    assert main(["walk", "runs/a"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line and "a generator" in line


def test_a_shipped_export_goes_by_its_name_unless_a_file_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export_names.shipped("dcgan_shapes").name == "dcgan_shapes"
    assert export_names.shipped("dcgan_cats") is None
    assert export_names.shipped("saved_models/dcgan_shapes") is None
    (tmp_path / "saved_models" / "dcgan_shapes").mkdir(parents=True)
    assert export_names.shipped("dcgan_shapes").resolve().parent.parent == tmp_path
    (tmp_path / "dcgan_shapes").mkdir()
    assert export_names.shipped("dcgan_shapes") is None


def test_gradients_need_a_run_or_a_saved_model():
    opened_file = generators.Generator(
        "a.tflite", "tflite", {"serving_default": None}, "", {}, None
    )
    with pytest.raises(InputError, match="no gradients; pass the run"):
        opened_file.tensor_function()


def test_numbers_in_json_are_those_of_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(spaces, "open_space", lambda *_: tiny_space())
    words = ["arithmetic", "run", "--base", "7", "--plus", "3,8", "--minus", "1-2"]
    assert main([*words, "--out", str(tmp_path), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["base"] == [7] and numbers["minus"] == [1, 2] and numbers["plus"] == [3, 8]
    assert numbers == json.loads((tmp_path / "numbers.json").read_text())
