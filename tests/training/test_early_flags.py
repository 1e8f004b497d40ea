"""Flags that are read before a recipe has imported TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tfgan_suite.training import early_flags, options

RECIPES = Path(__file__).parents[2] / "recipes"
LAUNCHED = [path for path in sorted(RECIPES.glob("*.py")) if "launch.main(" in path.read_text()]
RECIPE = """'''A recipe.'''
from tfgan_suite.training import launch
DATA = "ring"
STEPS = 10 * 100
BATCH = -(-3)
WIDTH: int | None = None  # units
KINDS = {"a": 1}
if __name__ == "__main__":
    launch.main(globals())
"""


def read(source, path=Path("mine.py")):
    return early_flags.constants_in(ast.parse(source), path)


@pytest.mark.parametrize("path", LAUNCHED, ids=lambda path: path.stem)
def test_a_recipe_s_source_has_all_its_constants(path):
    """Executed, the recipe has the same flags, defaults and help texts."""
    source = path.read_text(encoding="utf-8")
    recipe = read(source, path)
    module = {"__file__": str(path), "__name__": path.stem}
    exec(compile(source, str(path), "exec"), module)
    assert options.constants(recipe) == options.constants(module)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.py")), ids=lambda path: path.stem)
def test_a_recipe_imports_the_suite_before_what_takes_seconds(path):
    names = [line.split()[1].split(".")[0] for line in path.read_text().splitlines()
             if line.startswith(("import ", "from "))]  # fmt: skip
    slow = [names.index(name) for name in ("keras", "tensorflow") if name in names]
    assert names.index("tfgan_suite") < min(slow, default=len(names))


def test_computed_values_and_containers(tmp_path):
    assert read(RECIPE) == {
        "__file__": "mine.py", "__doc__": "A recipe.",
        "DATA": "ring", "STEPS": 1000, "BATCH": 3, "WIDTH": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "old, new",
    [
        ("STEPS = 10 * 100", "STEPS = 10\nfor WIDTH in range(3):\n    pass"),
        ("STEPS = 10 * 100", "STEPS = int(3.0)"),
        ("STEPS = 10 * 100", "if True:\n    STEPS = 4"),
        ("STEPS = 10 * 100", "STEPS = 4\nfrom elsewhere import DEPTH"),
        ("STEPS = 10 * 100", "STEPS = 4\nfrom elsewhere import *"),
        ("STEPS = 10 * 100", "STEPS = 4\nglobals().update(DEPTH=3)"),
        ("STEPS = 10 * 100", "STEPS = DEPTH = 4"),
        ("launch.main(globals())", "launch.main({**globals()})"),
        ("    launch.main", "    print(3)\n    launch.main"),
    ],
)
def test_what_only_an_execution_can_know_is_left_to_it(old, new):
    assert old in RECIPE and read(RECIPE.replace(old, new)) is None


def test_a_users_recipe_answers_before_tensorflow_is_imported(tmp_path):
    """`tensorflow` and `keras` are modules here that end the program."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    path = tmp_path / "mine.py"
    path.write_text(RECIPE.replace("DATA", "import keras\nDATA"))
    words = ([], ["--widht", "3"], ["--precision", "flaot32"], ["--help"])
    processes = [
        subprocess.Popen(
            [sys.executable, path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for arguments in words
    ]
    (_, none), (_, typo), (_, value), (text, _) = (item.communicate() for item in processes)
    assert [process.returncode for process in processes] == [1, 2, 2, 0]
    assert none == "imported\n" and "--width INT" in text
    assert typo.startswith("mine.py: unrecognized arguments: --widht 3; did you mean --width?")
    assert value.startswith("mine.py: --precision is 'flaot32'; ")
    assert value.endswith("did you mean float32?\n")


@pytest.mark.parametrize(
    "name",
    ["checkerboard", "classifier", "curves", "gatys", "gaze", "metropolis", "open_photos"],
)
def test_the_flags_of_other_programs_are_known_without_executing_them(name):
    tree = ast.parse((RECIPES / f"{name}.py").read_text(encoding="utf-8"))
    parser = early_flags.parser_in(tree)
    assert parser.prog == f"{name}.py" and "--out" in parser.format_help()
    assert parser.description == ast.get_docstring(tree, clean=False)


def test_a_parser_that_needs_more_of_its_program_waits_for_it():
    assert early_flags.parser_in(ast.parse("def parser():\n    return Parser(prog=NAME)")) is None
    assert early_flags.parser_in(ast.parse("def parser(words):\n    return words")) is None
    assert early_flags.parser_in(ast.parse("parser = 3")) is None


def test_a_function_of_that_name_in_a_users_program_is_let_be():
    assert early_flags.parser_in(ast.parse("def parser():\n    return 3")) is None
