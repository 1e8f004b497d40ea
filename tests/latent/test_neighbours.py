"""Nearest training images: planted copies are found, in pixels and in features."""

import json

import numpy as np
import pytest
from latent_runs import tiny_space

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.latent import linear_probe, neighbours
from tfgan_suite.utils import image_grids


@pytest.fixture(scope="module")
def space():
    return tiny_space()


@pytest.fixture(scope="module")
def train(space):
    """Noise, and among it a copy of sample 1 and sample 2 shifted by a pixel."""
    images = image_grids.to_uint8(space.generate(space.samples([1, 2])))
    noise = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3)).astype(np.uint8)
    noise[7], noise[11] = images[0], np.roll(images[1], 1, axis=1)
    return noise


def test_planted_copies_are_found(space, train):
    result = neighbours.neighbours(space, [1, 2], train)
    assert result.by_pixels.index.tolist() == [7, 11]
    np.testing.assert_allclose(result.by_pixels.distance, 0.0)
    assert result.by_features.index[0] == 7
    assert result.by_features.distance[0] == pytest.approx(0.0, abs=1e-3)
    assert np.array_equal(result.by_features.example[0], train[7])


def test_the_command_writes_a_page(space, train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    np.savez(tmp_path / "train.npz", image=train)
    words = ["--data", str(tmp_path / "train.npz"), "--numbers", "0-2", "--json"]
    assert main(["neighbours", "run", *words, "--out", str(tmp_path / "out")]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["copies"] == 2 and numbers["train"] == 30
    page = (tmp_path / "out" / "neighbours.html").read_text()
    assert page.count("<img") == 9 and "nearest by features" in page and "sample 2" in page
    assert (tmp_path / "out" / "neighbours.png").is_file()


def test_data_of_another_size_are_refused(space, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    np.savez(tmp_path / "train.npz", image=np.zeros((4, 8, 8, 3), np.uint8))
    assert main(["neighbours", "run", "--data", str(tmp_path / "train.npz")]) == 2
    assert "the generator draws 16x16" in capsys.readouterr().err


def test_an_untrained_discriminator_is_another_and_then_as_it_was(space):
    images = space.generate(space.samples(range(3)))
    before = linear_probe.features(space, images)
    with linear_probe.untrained(space, seed=1):
        other = linear_probe.features(space, images)
    assert other.shape == before.shape and not np.allclose(other, before)
    assert np.array_equal(linear_probe.features(space, images), before)


def test_a_probe_compares_three_spaces(space):
    draws = np.random.default_rng(1)
    labels = draws.integers(0, 2, 80)
    images = (labels[:, None, None, None] - 0.5 + 0.3 * draws.normal(size=(80, 16, 16, 3))).clip(
        -1, 1
    )
    sets = (images[:50], labels[:50]), (images[50:], labels[50:])
    results = linear_probe.probe(space, *sets, labels=10)
    assert list(results) == ["discriminator", "untrained", "pixels"]
    assert all(result["few"].mean > 0.9 for result in results.values())
    assert results["pixels"]["few"].labels == 10 and results["pixels"]["all"].labels == 50


def test_what_needs_a_discriminator_says_how_to_get_one(capsys):
    words = ["probe", "dcgan_shapes", "--data", "shapes"]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "export RUN --with-discriminator" in line and line.startswith("tfgan_suite probe: ")
    with pytest.raises(InputError, match="needs the discriminator"):
        from tfgan_suite.latent.space import open_space

        open_space("dcgan_fashion-mnist").features(np.zeros((1, 28, 28, 1)))
