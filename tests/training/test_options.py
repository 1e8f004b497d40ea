"""A recipe's constants as flags."""

import types
from pathlib import Path

import pytest

from tfgan_suite import InputError, compat
from tfgan_suite.training import options

RECIPE = '''"""A recipe for tests."""
from __future__ import annotations

DATA = "shapes"
STEPS = 10
BATCH = 4
EXPORT = "none"
WIDTH = 8  # channels of the first layer, 100% explained
LINEAR_DECAY = 1.0
LEARNING_RATE = 1e-4  # learning rate
# weight of the penalty;
# default: 10 for images, 1 for points
GP_WEIGHT: float | None = None
LAYERS: int | None = None  # hidden layers; default: 3
TITLE: Optional[str] = None
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
    assert "weight of the penalty; default: 10 for images, 1 for points --layers" in text
    assert "--layers INT hidden layers; default: 3 --title" in text


def test_types_are_those_of_the_annotations(recipe):
    chosen = options.parse(recipe, [])
    assert chosen.gp_weight is chosen.layers is chosen.title is None
    chosen = options.parse(recipe, ["--gp-weight", "2", "--layers", "5", "--title", "7"])
    assert (chosen.gp_weight, chosen.layers, chosen.title) == (2.0, 5, "7")
    assert isinstance(chosen.gp_weight, float)


def test_constants_that_all_recipes_share_have_defaults(recipe):
    chosen = options.parse(recipe, [])
    assert chosen.run is chosen.size is None and chosen.seed == 0
    assert (chosen.strategy, chosen.precision, chosen.export) == ("one", "float32", "none")
    assert (chosen.log_every, chosen.checkpoint_every) == (500, 500)
    chosen = options.parse(recipe, ["--run", "mine", "--size", "8", "--seed", "3"])
    assert (chosen.run, chosen.size, chosen.seed) == ("mine", 8, 3)


def test_none_without_a_type_is_refused(recipe):
    recipe["DEPTH"] = None
    with pytest.raises(InputError, match="DEPTH is None without a type; annotate it"):
        options.parse(recipe, [])


@pytest.mark.parametrize(
    "words, said",
    [
        (["--widht", "16"], "did you mean --width?"),
        (["--wid", "16"], "--wid"),
        (["--width", "wide"], "invalid int value: 'wide'"),
        (["--layers", "1.5"], "invalid int value: '1.5'"),
        (["--gp-weight", "much"], "invalid float value: 'much'"),
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
        (["--size", "0"], "--size is 0"),
        (["--run", ""], "--run is empty"),
        (["--data", ""], "--data is empty"),
        (["--export", ""], "--export is empty"),
        (["--warm-start", ""], "--warm-start is empty"),
        (["--gp-weight", "nan"], "--gp-weight is NaN, expected a number"),
        (["--gp-weight", "inf"], "--gp-weight is Infinity, expected a number"),
        (["--gp-weight=-1e300"], "at least -16777216"),
        (["--width", "9" * 30], "at most 16777216"),
        (["--batch", "9" * 30], "at most 9007199254740992"),
        (["--seed", "2147483648"], "at most 2147483647"),
        (["--linear-decay", "-1"], "--linear-decay is -1.0; it must be from 0 to 1"),
        (["--learning-rate", "-1"], "--learning-rate is -1; it must be above 0"),
        (["--learning-rate", "0"], "--learning-rate is 0; it must be above 0"),
        (["--log-every", "0"], "--log-every is 0; it must be at least 1"),
        (["--seed", "-1"], "--seed is -1"),
        (["--precision", "float8"], "float32, bfloat16, float16"),
        (["--strategy", "all"], "one, mirrored, multiworker, tpu"),
    ],
)
def test_impossible_values_are_refused_with_what_would_be_right(recipe, words, said):
    with pytest.raises(InputError) as error:
        options.parse(recipe, words)
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["DATA", "STEPS", "BATCH"])
def test_a_recipe_without_a_common_constant_is_refused(recipe, name):
    del recipe[name]
    with pytest.raises(InputError, match=f"no constant {name}"):
        options.parse(recipe, [])


def test_none_gets_the_value_for_the_data_and_flags_stay(recipe):
    recipe |= {"BATCH": None, "LEARNING_RATE": None}
    source = RECIPE.replace("LEARNING_RATE =", "LEARNING_RATE: float =")
    Path(recipe["__file__"]).write_text(source.replace("BATCH =", "BATCH: int =") + "\n")
    recipe["defaults"] = lambda options, data: {
        "batch": len(data.shape), "learning_rate": 0.5, "width": 99, "gp_weight": 10.0
    }  # fmt: skip
    data = types.SimpleNamespace(shape=(4, 4, 1))
    chosen = options.parse(recipe, ["--width", "16", "--learning-rate", "0.25"])
    options.apply_defaults(chosen, recipe, data)
    assert (chosen.batch, chosen.learning_rate, chosen.width) == (3, 0.25, 16)
    assert chosen.gp_weight == 10.0 and chosen.layers is None
    chosen = options.parse(recipe, ["--batch", "7", "--gp-weight", "0"])
    options.apply_defaults(chosen, recipe, data)
    # The recipe's own 8 is not None: it stays.
    assert (chosen.batch, chosen.learning_rate, chosen.width) == (7, 0.5, 8)
    assert chosen.gp_weight == 0.0
    with pytest.raises(InputError, match="--batch is -1; it must be at least 1"):
        options.parse(recipe, ["--batch", "-1"])


def test_steps_that_nothing_sets_are_refused(recipe):
    recipe |= {"STEPS": None}
    Path(recipe["__file__"]).write_text(RECIPE.replace("STEPS = 10", "STEPS: int | None = None"))
    chosen = options.parse(recipe, [])
    with pytest.raises(InputError, match="STEPS is None.*pass --steps"):
        options.apply_defaults(chosen, recipe, types.SimpleNamespace(shape=(2,)))


def test_the_precisions_known_before_tensorflow_are_those_of_the_suite():
    assert tuple(compat.PRECISIONS) == options.PRECISIONS
