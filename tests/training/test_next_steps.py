"""The commands that a training prints at its end, read by the parsers of those commands."""

import ast
import shlex
from pathlib import Path

import pytest

from tfgan_suite.cli import main
from tfgan_suite.training import early_flags, next_steps, options

RECIPE = Path(__file__).parents[2] / "recipes" / "dcgan.py"
USAGES = ["sample {}", "translate {} IMAGES OUTPUT", "upscale {} IMAGES OUTPUT",
          "lipsync {} VIDEO SOUND OUTPUT.mp4"]  # fmt: skip


def parsed(command):
    """The command's name and its arguments."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "tfgan_suite"]
    name, words = words[3], words[4:]
    if (name, words[:1]) == ("measure", ["sr"]):
        name, words = main.MEASURE_SR, words[1:]
    if (name, words[:1]) == ("measure", ["dubbing"]):
        name, words = main.MEASURE_DUBBING, words[1:]
    return name, main.parser(name).parse_args(words)


@pytest.mark.parametrize("run", ["runs/dcgan_shapes", "my runs/it's $HOME", "-x"])
def test_training_goes_on_with_the_same_flags_and_twice_the_steps(run):
    typed = ["recipes/dc gan.py", "--data", "my photos", "--steps=7", "--run", "old", "--width",
             "4", "--paper", "--epochs", "3"]  # fmt: skip
    command = next_steps.train_longer(typed, run, 9)
    words = shlex.split(command)
    assert words[:2] == ["python", "recipes/dc gan.py"]
    recipe = early_flags.constants_in(ast.parse(RECIPE.read_text(encoding="utf-8")), RECIPE)
    read = options.parse(recipe, words[2:])
    assert (read.steps, read.run, read.width, read.data) == (18, run, 4, "my photos")
    assert read.paper is True


@pytest.mark.parametrize("path", ["runs/a", "my runs/it's $HOME", "-x"])
@pytest.mark.parametrize("usage", USAGES)
def test_using_and_measuring(usage, path):
    name, args = parsed(next_steps.use(usage, path))
    assert name == usage.split()[0] and args.source in (path, f"./{path}")
    name, args = parsed(next_steps.measure(usage, path, "a b"))
    data = args.data if name == main.MEASURE_SR else args.against
    if name == "measure" and usage.startswith("translate"):
        assert (args.source, data) == ("OUTPUT", "TARGETS")
    else:
        assert args.source in (path, f"./{path}") and data == "a b"


def test_style_transfer_has_no_measure():
    assert next_steps.measure("stylize {} CONTENT STYLE OUTPUT", "runs/a", "b") is None
