"""Searches in W and W+: least squares of a linear synthesis, the same samples as in z."""

import dataclasses
import json

import linear_styles as linear
import numpy as np
import pytest
from latent_runs import tiny_space
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.latent import neighbours, projection
from tfgan_suite.latent.space import Space
from tfgan_suite.latent.style_space import space_of

IMAGES = np.random.default_rng(1).uniform(-0.2, 0.2, (2, linear.SIDE, linear.SIDE, 1)).astype("f4")


def test_samples_are_those_of_the_same_numbers_in_z():
    for labels in (0, 3):
        z = Space(linear.generator(labels), seed=4)
        images = z.generate(z.samples([1, 6]))
        for name, shape in (("w", (2, 3)), ("w+", (2, 2, 3))):
            space = space_of(z, name)
            inputs = space.samples([1, 6])
            assert inputs["w"].shape == shape
            np.testing.assert_allclose(space.generate(inputs), images, atol=1e-6)
            np.testing.assert_allclose(space.image_function()(inputs), images, atol=1e-6)
            np.testing.assert_array_equal(space.draw(8)["w"][[1, 6]], inputs["w"])


def test_projections_are_least_squares_and_each_space_holds_the_one_before():
    shared = linear.SYNTHESIS.sum(0)
    matrices = {
        "z": linear.MAPPING @ shared,
        "w": shared,
        "w+": linear.SYNTHESIS.reshape(-1, linear.SIDE**2),
    }
    z, flat, errors = Space(linear.generator()), IMAGES.reshape(2, -1), {}
    for name, matrix in matrices.items():
        result = projection.project(space_of(z, name), IMAGES, starts=1, iterations=100, alpha=0)
        solved, *_ = np.linalg.lstsq(matrix.T, flat.T, rcond=None)
        expected = np.square(matrix.T @ solved - flat.T).mean(0)
        np.testing.assert_allclose(result.errors, expected, rtol=2e-3)
        errors[name] = result.errors
    assert (errors["w+"] < errors["w"]).all() and (errors["w"] < errors["z"]).all()
    adam = projection.project(space_of(z, "w+"), IMAGES, "adam", starts=1, iterations=150, alpha=0)
    assert (adam.errors < errors["w"]).all()


def test_a_discriminator_of_labels_does_not_describe_images_of_styles():
    plain, labelled = Space(linear.generator()), Space(linear.generator(3))
    assert projection.describes_images(space_of(plain, "w")) and projection.describes_images(
        labelled
    )
    assert not projection.describes_images(space_of(labelled, "w+"))


def test_a_discriminator_may_give_scores_and_no_features():
    """As of networks that grow: what compares features goes without, or says why it cannot."""
    generator = linear.generator()
    signatures = {k: v for k, v in generator.signatures.items() if k != "features"}
    space = Space(dataclasses.replace(generator, signatures=signatures))
    assert space.has_discriminator and not space.has_features
    train = np.zeros((4, linear.SIDE, linear.SIDE, 1), "f4")
    assert neighbours.neighbours(space, [0, 1], train, shifts=0).by_features is None
    with pytest.raises(InputError, match="takes images of several sizes"):
        space.features(train)


def test_what_has_no_styles_is_refused():
    with pytest.raises(InputError, match="must be z, w, w"):
        space_of(Space(linear.generator()), "v")
    with pytest.raises(InputError, match="no signatures 'mapping' and 'synthesis'"):
        space_of(tiny_space(), "w+")
    with pytest.raises(InputError, match="search styles by"):
        projection.project(space_of(Space(linear.generator()), "w"), IMAGES, "hybrid")


def test_the_command_searches_styles(tmp_path, monkeypatch, capsys):
    space = Space(linear.generator())
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    grey = np.random.RandomState(0).randint(90, 160, (linear.SIDE, linear.SIDE)).astype("uint8")
    Image.fromarray(grey).save(tmp_path / "photo.png")
    words = ["project", "x", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out")]
    words += ["--space", "w+", "--starts", "1", "--json"]
    assert main(words) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["space"] == "w+" and numbers["error"] < numbers["error_at_start"]
    with np.load(tmp_path / "out" / "inputs.npz") as inputs:
        assert inputs["w"].shape == (1, linear.LAYERS, linear.FEATURES)
    assert main([*words, "--method", "hybrid"]) == 2
    assert "an encoder finds z, but --space is w+" in capsys.readouterr().err
