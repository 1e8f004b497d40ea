"""Projection: least squares of a linear generator, losses that never rise, encoders."""

import json

import numpy as np
import pytest
from latent_runs import tiny_space
from linear_space import LATENT, LinearSpace, least_squares
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.latent import encoders, projection

SPACE = LinearSpace()
IMAGES = np.random.default_rng(2).uniform(-0.1, 0.1, (2, *SPACE.shape)).astype("f4")


@pytest.mark.parametrize("method, tolerance", [("lbfgs", 2e-3), ("adam", 3e-2)])
def test_a_linear_generator_s_projection_is_least_squares(method, tolerance):
    result = projection.project(SPACE, IMAGES, method, starts=2, iterations=150)
    expected = least_squares(IMAGES)
    assert np.abs(expected).max() < 1.0
    np.testing.assert_allclose(result.inputs["z"], expected, atol=tolerance)
    for history in result.losses:
        assert (np.diff(history) <= 1e-9).all() and history[-1] < history[0]
    np.testing.assert_allclose(result.errors, [h[-1] for h in result.losses], rtol=1e-3)


def test_uniform_z_stays_in_its_box_and_normal_z_does_not():
    far = 10.0 * IMAGES.clip(-0.1, 0.1)
    boxed = projection.project(SPACE, far, starts=1, iterations=50)
    assert np.abs(boxed.inputs["z"]).max() <= 1.0
    free = projection.project(LinearSpace("normal"), far, starts=1, iterations=50)
    np.testing.assert_allclose(free.inputs["z"], least_squares(far), atol=1e-2)


def test_more_starts_are_never_worse():
    one, four = (projection.project(SPACE, IMAGES, starts=n, iterations=3) for n in (1, 4))
    assert (four.errors <= one.errors + 1e-7).all()


class Encoder:
    """The least squares of a linear generator, with an error."""

    input_shape, output_shape = (None, *SPACE.shape), (None, LATENT)

    def __call__(self, images, training):
        return least_squares(np.asarray(images)).astype("f4") + 0.2


def test_hybrid_begins_at_the_encoder_s_z_and_ends_below_its_error():
    encoded = projection.project(SPACE, IMAGES, "encoder", encoder=Encoder())
    hybrid = projection.project(SPACE, IMAGES, "hybrid", starts=1, iterations=50, encoder=Encoder())
    np.testing.assert_allclose(hybrid.start_errors, encoded.errors, rtol=1e-5)
    random = projection.mean_square(SPACE.generate(SPACE.samples([0, 1])), IMAGES)
    assert (hybrid.errors < encoded.errors).all() and (encoded.errors < random).all()
    np.testing.assert_allclose(hybrid.inputs["z"], least_squares(IMAGES), atol=2e-3)


def test_what_does_not_suit_is_refused():
    with pytest.raises(InputError, match="method is 'sgd'"):
        projection.project(SPACE, IMAGES, "sgd")
    with pytest.raises(InputError, match="starts is 0"):
        projection.project(SPACE, IMAGES, starts=0)
    with pytest.raises(InputError, match="has no encoder; pass --encoder"):
        projection.project(SPACE, IMAGES, "encoder")
    wrong = Encoder()
    wrong.output_shape = (None, 7)
    with pytest.raises(InputError, match="to 7 numbers"):
        projection.project(SPACE, IMAGES, "hybrid", encoder=wrong)


def test_a_curve_falls_from_its_first_loss():
    curve = projection.loss_curve([np.array([1.0, 0.1, 0.01]), np.array([1.0, 0.5])])
    assert curve.shape == (160, 320, 3) and (curve < 255).any()
    flat = projection.loss_curve([np.array([0.5])])
    assert not np.array_equal(curve, flat)


@pytest.mark.usefixtures("eagerly")
def test_the_command_trains_an_encoder_and_uses_it_again(tmp_path, monkeypatch, capsys):
    space = tiny_space()
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    Image.fromarray(space.generator.sample(1, seed=5)[0]).save(tmp_path / "photo.png")
    words = ["project", "x", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out"), "--json"]
    words += ["--encoder", str(tmp_path / "encoder.keras"), "--encoder-steps", "2"]
    words += ["--starts", "2", "--iterations", "10"]
    assert main(words) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["method"] == "hybrid"
    assert numbers["error"] < numbers["error_at_start"]
    assert numbers["error"] < numbers["error_of_encoder"]
    with np.load(tmp_path / "out" / "inputs.npz") as inputs:
        image = space.generate(dict(inputs))[0]
    again = np.asarray(Image.open(tmp_path / "out" / "images" / "photo.png"))
    assert np.abs((image + 1) * 127.5 - again).max() <= 1.0
    encoder = encoders.read(tmp_path / "encoder.keras")
    photo = np.asarray(Image.open(tmp_path / "photo.png"))[None] / np.float32(127.5) - 1
    encoded = projection.project(space, photo, "encoder", encoder=encoder)
    assert encoded.errors[0] == pytest.approx(numbers["error_of_encoder"], rel=1e-4)
