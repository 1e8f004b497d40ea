"""A recipe's constants as flags."""

import types

import pytest

from tfgan_suite import InputError
from tfgan_suite.training import options

RECIPE = '''"""A recipe for tests."""
DATA = "shapes"
RUN = ""
STEPS = 10
BATCH = 4
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "none"
WIDTH = 8  # channels of the first layer, 100% explained
RATE = 1e-4  # learning rate
HORIZONTAL_FLIP = False  # flip half of the images
helper = 3
'''


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(RECIPE)
    found = {"__file__": str(path), "__doc__": "A recipe for tests."}
    exec(RECIPE, found)
    return found


def test_without_flags_the_constants_hold(recipe):
    chosen = options.parse(recipe, [])
    assert chosen.width == 8 and chosen.learning_rate == 1e-4 and chosen.horizontal_flip is False
    assert not hasattr(chosen, "helper")


def test_flags_have_the_constants_types(recipe):
    chosen = options.parse(
        recipe, ["--width", "16", "--learning-rate", "2", "--horizontal-flip", "yes"]
    )
    assert chosen.width == 16 and chosen.learning_rate == 2.0 and chosen.horizontal_flip is True
    assert isinstance(chosen.learning_rate, float)
    assert options.parse(recipe, ["--horizontal-flip"]).horizontal_flip is True
    assert options.parse(recipe, ["--horizontal-flip", "no"]).horizontal_flip is False


def test_help_explains_every_flag(recipe, capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(recipe, ["--help"])
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "A recipe for tests." in text
    assert "channels of the first layer, 100% explained [8]" in text
    assert "tfds:NAME" in text  # common flags without a comment are explained too


@pytest.mark.parametrize(
    "words, said",
    [
        (["--widht", "16"], "did you mean --width?"),
        (["--wid", "16"], "--wid"),
        (["--width", "wide"], "invalid int value: 'wide'"),
        (["--horizontal-flip", "maybe"], "'maybe' is neither true nor false"),
        (["stray"], "stray"),
    ],
)
def test_unknown_flags_and_wrong_types_end_with_code_2(recipe, capsys, words, said):
    with pytest.raises(SystemExit) as end:
        options.parse(recipe, words)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert said in message and len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "words, said",
    [
        (["--steps", "0"], "--steps is 0; it must be at least 1"),
        (["--batch", "-3"], "--batch is -3"),
        (["--size", "-1"], "--size is -1"),
        (["--seed", "-1"], "--seed is -1"),
        (["--precision", "float8"], "float32, bfloat16, float16"),
        (["--strategy", "all"], "one, mirrored, multiworker, tpu"),
    ],
)
def test_impossible_values_are_refused_with_what_would_be_right(recipe, words, said):
    with pytest.raises(InputError) as error:
        options.parse(recipe, words)
    assert said in str(error.value)


def test_a_recipe_without_a_common_constant_is_refused(recipe):
    del recipe["SEED"]
    with pytest.raises(InputError, match="SEED"):
        options.parse(recipe, [])


def test_stand_ins_get_the_values_for_the_data_and_flags_stay(recipe):
    recipe |= {"BATCH": 0, "RATE": -1.0}
    recipe["defaults"] = lambda data: {"batch": len(data.shape), "learning_rate": 0.5, "width": 99}
    recipe["WIDTH"] = 8
    data = types.SimpleNamespace(shape=(4, 4, 1))
    chosen = options.parse(recipe, ["--width", "16", "--learning-rate", "0.0"])
    options.adapt(chosen, recipe, data)
    assert (chosen.batch, chosen.learning_rate, chosen.width) == (3, 0.0, 16)
    chosen = options.parse(recipe, ["--batch", "7"])
    options.adapt(chosen, recipe, data)
    assert (chosen.batch, chosen.learning_rate) == (7, 0.5)
    with pytest.raises(InputError, match="--batch is -1; it must be at least 1"):
        options.parse(recipe, ["--batch", "-1"])
