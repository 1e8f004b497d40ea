"""Imports point downward, nothing is circular, games only compute, and files stay readable."""

import pathlib

import imports
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tfgan_suite"


@pytest.fixture(scope="module")
def modules():
    return imports.find_modules(PACKAGE)


@pytest.fixture(scope="module")
def package_imports(modules):
    return imports.read_imports(modules)


def _tree(folder, **files):
    """A made-up package: {room__module: source}; its modules and their imports."""
    for name, text in {"__init__": "", **files}.items():
        name = name if name.startswith("_") else name.replace("__", "/", 1)
        path = folder / "tfgan_suite" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    modules = imports.find_modules(folder / "tfgan_suite")
    return modules, imports.read_imports(modules)


# The package.


def test_no_import_points_upward(package_imports):
    upward = imports.upward_imports(package_imports)
    assert not upward, "move the function to the room it belongs in:\n" + "\n".join(
        map(str, upward)
    )


def test_no_modules_import_each_other(package_imports):
    assert imports.circles(package_imports) == []


def test_games_know_nothing_of_files_plots_and_command_lines(modules):
    assert imports.forbidden_knowledge(modules) == []


def test_the_root_holds_no_loose_module():
    assert imports.loose_modules(PACKAGE) == []


def test_the_top_level_has_few_rooms_each_in_the_order():
    rooms = imports.rooms(PACKAGE)
    assert len(rooms) <= imports.MOST_ROOMS
    assert [room for room in rooms if room not in imports.LEVELS] == []


def test_each_room_is_a_package():
    assert imports.rooms_without_init(PACKAGE) == []


def test_no_file_is_over_the_ceiling():
    sources = imports.find_sources(ROOT)
    assert imports.long_files(sources) == []
    for file in ("tfgan_suite/compat.py", "tests/helpers/harness.py", "benchmarks/speed.py",
                 "recipes/dcgan.py", "examples/lipsync_on_a_phone.py", "setup.py"):  # fmt: skip
        assert file in sources


# The checker itself, on made-up packages that break each rule.


@pytest.mark.parametrize(
    "text",
    [
        "from tfgan_suite.training import fit",
        "from tfgan_suite.training.fit import fit_model",
        "import tfgan_suite.training.fit",
        "from ..training import fit",
        "from ..training.fit import fit_model",
        "def late():\n    from tfgan_suite.training import fit",
        "if TYPE_CHECKING:\n    from tfgan_suite.training.fit import Run",
        "importlib.import_module('tfgan_suite.training.fit')",
        "importlib.import_module(f'tfgan_suite.training.fit{x}')",
    ],
)
def test_an_upward_import_is_seen_in_each_form(tmp_path, text):
    _, found = _tree(tmp_path, games__gan=text, training__fit="", training____init__="")
    upward = imports.upward_imports(found)
    assert [(i.importer, i.imported) for i in upward] == [
        ("tfgan_suite.games.gan", "tfgan_suite.training.fit")
    ]


def test_a_downward_import_is_allowed(tmp_path):
    _, edges = _tree(
        tmp_path,
        games__gan="from tfgan_suite.core import base\nfrom tfgan_suite import __version__, errors",
        core__base="import numpy\nfrom tfgan_suite.core import labels",
        core__labels="",
        errors="",
    )
    assert len(edges) == 3 and imports.upward_imports(edges) == []


def test_rooms_side_by_side_do_not_import_each_other(tmp_path):
    _, edges = _tree(
        tmp_path,
        games__gan="from tfgan_suite.export import card",
        export__card="from tfgan_suite.games import gan",
    )
    assert len(imports.upward_imports(edges)) == 2


def test_the_package_itself_is_above_all_rooms(tmp_path):
    _, edges = _tree(tmp_path, utils__files="from tfgan_suite import AdversarialModel")
    assert [i.imported for i in imports.upward_imports(edges)] == ["tfgan_suite"]


def test_circles_are_seen_also_through_functions_and_inside_a_room(tmp_path):
    _, edges = _tree(
        tmp_path,
        core__a="from tfgan_suite.core import b",
        core__b="def late():\n    from tfgan_suite.core.c import name",
        core__c="from . import a",
        core__d="from tfgan_suite.core import a, e",
        core__e="from tfgan_suite.core import a",
    )
    assert imports.circles(edges) == [[f"tfgan_suite.core.{name}" for name in "abc"]]


@pytest.mark.parametrize(
    "text",
    [
        "import pathlib",
        "import os.path",
        "from os import path",
        "import matplotlib.pyplot as plt",
        "from PIL import Image",
        "import argparse",
        "import numpy as np\nnp.save('x.npy', x)",
        "open('x.txt')",
        "def train_step():\n    print('step')",
        "import sys\nsize = int(sys.argv[1])",
        "tf.io.write_file('x.png', data)",
        "from tfgan_suite.training import run_folder",
        "from tfgan_suite.cli.main import main",
        "from ..inference import batch",
        "from tfgan_suite import export",
    ],
)
@pytest.mark.parametrize("room", ["games", "core"])
def test_a_game_that_knows_too_much_is_seen(tmp_path, room, text):
    modules, _ = _tree(tmp_path, **{f"{room}__gan": text, "training__loop": text})
    violations = imports.forbidden_knowledge(modules)
    assert len(violations) == 1 and violations[0].startswith(f"tfgan_suite.{room}.gan:")


def test_a_game_that_only_computes_is_allowed(tmp_path):
    text = "import tensorflow as tf\nprinted = self.print(tf.io.decode_png(x))\nsys.modules"
    assert imports.forbidden_knowledge(_tree(tmp_path, games__gan=text)[0]) == []


def test_loose_modules_rooms_and_long_files_are_seen(tmp_path):
    modules, _ = _tree(
        tmp_path, loose="", errors="", games__long="x = 1\n" * 401, core__full="x = 1\n" * 400
    )
    root = tmp_path / "tfgan_suite"
    assert imports.loose_modules(root) == ["loose"]
    assert imports.rooms(root) == ["core", "errors", "games", "loose"]
    assert imports.rooms_without_init(root) == ["core", "games"]
    assert imports.long_files(modules) == ["tfgan_suite.games.long has 401 lines"]


@pytest.mark.parametrize("folder", imports.SOURCE_FOLDERS)
def test_a_long_file_is_seen_in_every_folder(tmp_path, folder):
    for name, lines in (("short.py", 400), ("long.py", 401), ("long.txt", 401)):
        path = tmp_path / folder / "deep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * lines, "utf-8")
    (tmp_path / "setup.py").write_text("x = 1\n" * 402, "utf-8")
    assert imports.long_files(imports.find_sources(tmp_path)) == [
        "setup.py has 402 lines", f"{folder}/deep/long.py has 401 lines"
    ]  # fmt: skip
