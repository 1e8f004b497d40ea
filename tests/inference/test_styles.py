"""Truncation and mixing of a style-based generator, by functions and by `sample`."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.games import stylegan2
from tfgan_suite.inference import generator as opening
from tfgan_suite.inference import styles
from tfgan_suite.utils import image_grids

ONES = np.ones(4, "f4")


@pytest.fixture(scope="module")
def generator():
    """A generator of 4 layers, as a run gives it."""
    keras.utils.set_random_seed(1)
    networks = stylegan2.build_generator((8, 8, 3), 5, 6, 2, 16, 4, classes=3)
    game = stylegan2.StyleGAN2(
        networks, stylegan2.build_discriminator((8, 8, 3), 16, 4, classes=3), classes=3
    )
    average = networks.get_layer("mapping").get_layer("styles").average
    average.assign(np.random.RandomState(2).normal(size=6))

    def runner(signature):
        def call(**inputs):
            tensors = {name: tf.constant(array) for name, array in inputs.items()}
            return {k: np.array(v) for k, v in signature.named_outputs(**tensors).items()}

        return dataclasses.replace(signature, call=call)

    signatures = {name: runner(each) for name, each in game.signatures().items()}
    facts = {"classes": ["a", "b", "c"], "class_counts": [1, 1, 1]}
    return opening.Generator("a run", "run", signatures, "sample {}", facts, Path())


def test_psi_of_1_draws_the_samples_of_the_seed(generator):
    drawn = np.concatenate(list(styles.truncated(generator, 20, ONES, seed=4)))
    np.testing.assert_allclose(drawn, generator.generate(20, seed=4), atol=1e-5)


def test_psi_applies_below_the_cutoff(generator):
    np.testing.assert_allclose(styles.layer_psi(generator, 0.7, 2), [0.7, 0.7, 1, 1])
    np.testing.assert_allclose(styles.layer_psi(generator, -0.5), [-0.5] * 4)
    spread = [
        np.concatenate(list(styles.truncated(generator, 12, psi * ONES))).std(0).mean()
        for psi in (0.0, 0.3, 0.7, 1.0)
    ]
    assert spread[0] < 1e-6 and spread == sorted(spread)


def test_layers_are_grouped_as_in_the_paper_and_small_generators_in_thirds():
    groups = styles.layer_groups(18)
    assert groups == {"coarse": range(4), "middle": range(4, 8), "fine": range(8, 18)}
    assert [len(group) for group in styles.layer_groups(8).values()] == [2, 3, 3]
    for layers in range(4, 19, 2):
        covered = [n for group in styles.layer_groups(layers).values() for n in group]
        assert covered == list(range(layers))


def test_a_grid_has_the_sources_at_its_edges_and_their_mixtures_inside(generator):
    grid, columns = styles.mixing_grid(generator, (7, 8), ONES, labels={"label": 1})
    assert grid.shape == (7 * 6, 8, 8, 3) and columns == 6
    rows = grid.reshape(7, 6, 8, 8, 3)
    first, second = (
        styles.styles(generator, count, ONES, seed, {"label": 1})
        for seed, count in ((7, 6), (8, 5))
    )
    assert (rows[0, 0] == 1.0).all()
    np.testing.assert_allclose(rows[0, 1:], styles.images(generator, second), atol=1e-5)
    np.testing.assert_allclose(rows[1:, 0], styles.images(generator, first), atol=1e-5)
    # Of 4 layers 1 is coarse, 1 is middle, 2 are fine; two rows of each.
    for row, (start, stop) in {1: (0, 1), 3: (1, 2), 6: (2, 4)}.items():
        mixed = np.array(first[row - 1])
        mixed[start:stop] = second[2, start:stop]
        expected = styles.images(generator, mixed[None])[0]
        np.testing.assert_allclose(rows[row, 3], expected, atol=1e-5)


def test_layers_that_are_named_are_those_that_are_mixed(generator):
    grid, columns = styles.mixing_grid(generator, (7, 8), ONES, range(4))
    rows = grid.reshape(-1, columns, 8, 8, 3)
    assert len(rows) == 3
    for row in rows[1:]:
        np.testing.assert_allclose(row[1:], rows[0, 1:], atol=1e-5)  # all layers are those of B
    with pytest.raises(InputError, match="layers 3 to 4 .* has layers 0 to 3"):
        styles.mixing_grid(generator, (7, 8), ONES, range(3, 5))


def test_impossible_requests_are_refused(generator):
    with pytest.raises(InputError, match="psi is 1.2"):
        styles.layer_psi(generator, 1.2)
    with pytest.raises(InputError, match=r"cutoff of psi is 5; a run has 4 layers .* \[1, 4\]"):
        styles.layer_psi(generator, 0.5, 5)
    plain = {"serving_default": generator.signature()}
    with pytest.raises(InputError, match="no signatures 'mapping'"):
        styles.layer_count(dataclasses.replace(generator, signatures=plain))


def test_sample_truncates_and_mixes(generator, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(opening, "open_generator", lambda source: generator)
    out = str(tmp_path / "mix.png")
    assert (
        main(["sample", "RUN", "--mix", "7.8", "--label", "b", "--psi", "0.5", "--out", out]) == 0
    )
    psi = 0.5 * ONES
    grid, columns = styles.mixing_grid(generator, (7, 8), psi, labels={"label": 1})
    expected = image_grids.image_grid(grid, columns)
    np.testing.assert_array_equal(image_grids.read_png(out), expected)
    words = ["--psi", "0.7", "--psi-cutoff", "2", "--count", "3", "--label", "a,b"]
    assert main(["sample", "RUN", *words, "--out", str(tmp_path)]) == 0
    each = [image_grids.read_png(path) for path in sorted(tmp_path.glob("0_*.png"))]
    psi = styles.layer_psi(generator, 0.7, 2)
    (images,) = styles.truncated(generator, 3, psi, labels={"label": [0, 1, 0]})
    np.testing.assert_array_equal(each, image_grids.to_uint8(images))
    capsys.readouterr()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--psi", "1.5"], "--psi is 1.5; it must be in [-1, 1]"),
        (["--psi", "nan"], "psi is nan"),
        (["--psi-cutoff", "4"], "--psi-cutoff is set without --psi"),
        (["--psi", "0.5", "--psi-cutoff", "0"], "--psi-cutoff is 0"),
        (["--mix", "1"], "expected two seeds such as 1.2"),
        (["--mix", "1.2", "--out", "folder"], "--mix draws a grid"),
        (["--mix", "1.2:3-9"], "has layers 0 to 3"),
        (["--psi", "0.5", "--psi-cutoff", "9"], "has 4 layers"),
    ],
)
def test_bad_words_are_answered_in_one_line(generator, monkeypatch, capsys, words, said):
    monkeypatch.setattr(opening, "open_generator", lambda source: generator)
    assert main(["sample", "RUN", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
