"""Arithmetic with z: means, linear generators, operands by class."""

import json

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.latent import arithmetic
from tfgan_suite.latent.space import Space, open_space

NAMES = ["red circle", "blue circle", "red square", "blue square"]


class Linear(Space):
    """G(z) = A z, whose images have two pixels; class 2 [second > 0] + [first > 0]."""

    inputs = (TensorSpec("z", (2,), kind="normal"),)
    shape = (1, 2, 1)
    matrix = np.array([[0.2, 0.0], [0.0, 0.1]])

    def generate(self, inputs, batch=64):
        return (inputs["z"] @ self.matrix.T).reshape(-1, 1, 2, 1).astype("f4")


def read(images):
    first, second = images.reshape(-1, 2).T
    return 2 * (second > 0) + (first > 0)


SPACE = Linear(None)


def test_means_are_combined():
    base, minus, plus = np.array([[1.0, 2.0]]), np.array([[1.0, 0], [3, 0]]), np.array([[0.0, 4]])
    np.testing.assert_allclose(arithmetic.combine(base, minus, plus), [-1.0, 6.0])
    np.testing.assert_allclose(arithmetic.combine(base, None, plus), [1.0, 6.0])


def test_a_linear_generator_s_result_is_arithmetic_with_its_images():
    result = arithmetic.arithmetic(SPACE, [7], [1, 4, 9], [3, 8, 12])
    np.testing.assert_allclose(result.image, result.pixels, atol=1e-6)
    np.testing.assert_allclose(result.way[0], SPACE.generate(SPACE.samples([7]))[0], atol=1e-6)
    np.testing.assert_allclose(result.way[-1], result.image, atol=1e-6)
    spread = (result.neighbours - result.image)[..., 0] / np.diag(SPACE.matrix)
    assert 0.0 < np.abs(spread).max() <= arithmetic.JITTER + 1e-5


def test_operands_of_a_concept_take_turns_among_its_classes():
    assert arithmetic.matching(NAMES, "circle") == [0, 1]
    assert arithmetic.matching(NAMES, "Circle red") == [0]
    labels = np.array([0, 1, 1, 0, 0])
    assert arithmetic.pick(labels, [0, 1], 4) == [0, 1, 3, 2]
    assert arithmetic.pick(labels, [0], 1, start=2) == [4]
    with pytest.raises(InputError, match="only 2 of b"):
        arithmetic.pick(labels, [1], 3, name="b")
    with pytest.raises(InputError, match="no class matches 'pentagon'"):
        arithmetic.matching(NAMES, "pentagon")


def test_words_say_what_is_expected():
    concepts = {"base": "red circle", "minus": "circle", "plus": "square"}
    assert arithmetic.expected_name(concepts) == "red square"
    _, results, numbers = arithmetic.by_class(SPACE, read, NAMES, concepts, average=3, trials=20)
    assert len(results) == 20 and numbers["expected"] == "red square"
    # Of each of two colours equally many: four operands, where three are enough.
    assert len(numbers["operands"][0]["minus"]) == 4 and len(numbers["operands"][0]["base"]) == 3
    assert numbers["share"] >= 0.8
    assert len({tuple(trial["base"]) for trial in numbers["operands"]}) == 20


WORDS = ["--of", "label", "--base", "red circle", "--minus", "circle", "--plus", "square"]


@pytest.mark.parametrize("trials", [6, pytest.param(60, marks=pytest.mark.large)])
def test_the_shipped_shapes_obey_arithmetic(trials, tmp_path, capsys):
    """The bar is 80% read as red squares, where pixels give ghosts."""
    command = ["arithmetic", "dcgan_shapes", *WORDS, "--trials", str(trials)]
    assert main([*command, "--out", str(tmp_path), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["share"] >= 0.8 > 0.2 > numbers["share_with_pixels"]
    assert numbers["trials"] == trials and (tmp_path / "arithmetic.png").is_file()
    assert numbers == json.loads((tmp_path / "numbers.json").read_text())


@pytest.mark.parametrize(
    "words, reason",
    [
        (["--base", "1"], "nothing to add"),
        (["--base", "x", "--plus", "2"], "--base is 'x'"),
        (["--of", "label", "--base", "red circle", "--plus", "hexagon"], "no class matches"),
    ],
)
def test_bad_input_is_one_line(capsys, monkeypatch, words, reason):
    assert main(["arithmetic", "dcgan_shapes", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfgan_suite arithmetic: ") and reason in line


def test_a_world_without_an_oracle_needs_a_classifier():
    with pytest.raises(InputError, match="pass --classifier"):
        arithmetic.reader(open_space("dcgan_fashion-mnist"))
