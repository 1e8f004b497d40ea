"""Inpainting with linear generators, whose answers are known, and with a shipped one."""

import json
from pathlib import Path

import numpy as np
import pytest
from linear_space import LATENT, LinearSpace
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.latent import inpainting, masks
from tfgan_suite.latent.inpainting import Search
from tfgan_suite.latent.space import open_space

SPACE = LinearSpace()
MASK = masks.make("centre", 6, 8)
TRUE_Z = np.random.default_rng(1).uniform(-0.9, 0.9, (3, LATENT)).astype("f4")
IMAGES = SPACE.generate({"z": TRUE_Z})
QUICK = Search(64, 4, 150, 0.05, window=3)


@pytest.fixture(scope="module")
def completed():
    return inpainting.inpaint(SPACE, IMAGES, MASK, QUICK, paste=True)


def test_the_z_of_a_linear_generator_is_found_and_fills_the_hole(completed):
    """The known pixels of G(z*) have their optimum at z*, where the context loss is 0."""
    np.testing.assert_allclose(completed.inputs["z"], TRUE_Z, atol=0.05)
    np.testing.assert_allclose(completed.images, IMAGES, atol=0.02)
    assert completed.losses.min(0).mean() < 0.2 * completed.losses[0].mean()
    assert completed.losses.shape == (151, 3) and not completed.used_prior


def test_known_pixels_are_those_of_the_image_bit_for_bit(completed):
    noisy = IMAGES + np.float32(0.01)
    blended = inpainting.inpaint(SPACE, noisy, MASK, Search(16, 2, 1))
    for result, images in ((completed, IMAGES), (blended, noisy)):
        assert np.array_equal(result.images[:, MASK > 0], images[:, MASK > 0])


def test_what_the_hole_shows_changes_nothing(completed):
    other = np.where(MASK[..., None] > 0, IMAGES, 1.0).astype("f4")
    again = inpainting.inpaint(SPACE, other, MASK, QUICK, paste=True)
    assert np.array_equal(again.images, completed.images)


def test_screening_returns_the_nearest_first():
    candidates = np.array([0.0, 0.5, -0.2, 0.9])[:, None, None, None] * np.ones((4, 6, 8, 1))
    images = np.full((1, 6, 8, 1), 0.45)
    assert inpainting.screen(images, candidates, MASK, 3).tolist() == [[1, 0, 3]]
    exact = inpainting.inpaint(SPACE, SPACE.generate(SPACE.samples([9])), MASK, Search(16, 1, 0))
    np.testing.assert_array_equal(exact.inputs["z"], SPACE.samples([9])["z"])


def test_the_prior_raises_the_discriminator_s_score():
    means = {}
    for weight in (0.0, 5.0):
        space = LinearSpace(discriminator=True)
        search = Search(64, 4, 100, 0.05, prior=weight, window=3)
        result = inpainting.inpaint(space, IMAGES, MASK, search, paste=True)
        means[weight] = result.generated.mean()
        assert result.used_prior == bool(weight)
        assert np.abs(result.inputs["z"]).max() <= 1.0
    assert means[5.0] > means[0.0] + 0.001


def test_neither_level_nor_scale_of_the_scores_changes_what_fills_the_hole():
    search = Search(64, 4, 100, 0.05, prior=5.0, window=3)
    spaces = (LinearSpace(discriminator=True, scale=s, level=b) for s, b in ((100, 0), (0.3, 2)))
    first, second = (inpainting.inpaint(space, IMAGES, MASK, search) for space in spaces)
    np.testing.assert_allclose(first.inputs["z"], second.inputs["z"], atol=0.02)


def test_normal_z_is_drawn_towards_zero():
    lengths = []
    for weight in (0.0, 1.0):
        search = Search(64, 2, 100, 0.05, length=weight, window=3)
        result = inpainting.inpaint(LinearSpace("normal"), 4.0 * IMAGES / 4.0, MASK, search)
        lengths.append(np.linalg.norm(result.inputs["z"]))
    assert lengths[1] < 0.9 * lengths[0]


def test_baselines():
    train = np.stack([IMAGES[0], IMAGES[1] + 0.5])
    filled = inpainting.nearest_filling(IMAGES[:2], MASK, train)
    np.testing.assert_array_equal(filled, np.stack([IMAGES[0], filled[1]]))
    shifted = IMAGES + 0.25 * (MASK < 1)[..., None]
    np.testing.assert_allclose(inpainting.hole_error(shifted, IMAGES, MASK), 0.25, atol=1e-6)


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"restarts": 9, "candidates": 8}, "no more than that"),
        ({"iterations": -1}, "iterations is -1"),
        ({"prior": -0.1}, "prior is -0.1"),
        ({"learning_rate": 0.0}, "above 0"),
    ],
)
def test_values_out_of_range_are_refused(options, reason):
    with pytest.raises(InputError, match=reason):
        Search(**options)


def test_images_of_another_size_or_range_are_refused():
    with pytest.raises(InputError, match="do not suit linear"):
        inpainting.inpaint(SPACE, IMAGES[:, :5], MASK)
    with pytest.raises(InputError, match=r"floats in \[-1, 1\]"):
        inpainting.inpaint(SPACE, 100.0 * IMAGES, MASK)


# ---- the command, with a shipped export ---------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    return open_space("dcgan_fashion-mnist")


@pytest.fixture(scope="module")
def folder(shipped, tmp_path_factory):
    """Six samples that are far from those that screening compares."""
    home = tmp_path_factory.mktemp("images")
    pixels = shipped.generator.sample(6, seed=99)
    for index, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(home / f"{index}.png")
    return home


def test_a_folder_is_filled(shipped, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: shipped)
    words = ["--mask", "half", "--candidates", "256", "--restarts", "2", "--iterations", "5"]
    command = ["inpaint", "dcgan_fashion-mnist", str(folder), *words]
    assert main([*command, "--out", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    numbers = json.loads(said.out)
    assert "known pixels alone decide" in said.err and "--with-discriminator" in said.err
    assert numbers["prior"] is False and numbers["loss"] < numbers["loss_at_start"]
    assert 0.0 < numbers["hole_error"] < 0.6 and (tmp_path / "inpaint.png").is_file()
    before = np.asarray(Image.open(folder / "3.png"))
    after = np.asarray(Image.open(tmp_path / "completed" / "3.png"))
    assert np.array_equal(before[:, :14], after[:, :14]) and not np.array_equal(before, after)


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda home: ["{input}", "--mask", "middle"], "--mask is 'middle'"),
        (lambda home: ["{input}", "--mask", _image(home, (28, 28), 255)], "no hole"),
        (lambda home: ["{input}", "--mask", _image(home, (28, 28), 0)], "no pixel known"),
        (lambda home: ["{input}", "--mask", _image(home, (20, 28), 0)], "20x28 pixels, but"),
        (lambda home: [_image(home, (64, 48), 9)], "the generator draws 28x28"),
        (lambda home: ["{input}", "--labels", "1"], "takes no label"),
        (lambda home: ["nowhere"], "nowhere does not exist"),
    ],
)
def test_bad_input_is_one_line(shipped, folder, tmp_path, monkeypatch, capsys, make, reason):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: shipped)
    words = [word.format(input=folder) for word in make(tmp_path)]
    assert main(["inpaint", "x", *words, "--out", str(tmp_path / "out")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("tfgan_suite inpaint: ") and reason in line


def _image(home, size, value):
    path = home / f"{size[0]}_{value}.png"
    Image.new("L", size, value).save(path)
    return str(path)


def test_a_mask_is_read_as_white_for_known(tmp_path):
    pixels = np.full((28, 28), 255, np.uint8)
    pixels[:, 20:] = 0
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    from tfgan_suite.latent import pictures

    mask = masks.check(pictures.read_mask(tmp_path / "mask.png"), 28, 28)
    assert mask[:, :20].all() and not mask[:, 20:].any()


FASHION = "/usr/share/datasets/fashion-mnist"


@pytest.mark.large
@pytest.mark.skipif(not Path(FASHION).is_dir(), reason="needs Debian's dataset-fashion-mnist")
@pytest.mark.parametrize("mask, share", [("centre", 1 / 2), ("random", 1 / 3), ("half", 2 / 3)])
def test_fashion_s_test_images_are_filled(mask, share, tmp_path, capsys):
    """The error in the hole beside that of the mean of the training images."""
    command = ["inpaint", "dcgan_fashion-mnist", FASHION, "--mask", mask, "--data", FASHION]
    assert main([*command, "--out", str(tmp_path), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["images"] == 64
    assert numbers["hole_error"] <= share * numbers["hole_error_of_mean"]
