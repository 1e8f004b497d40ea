"""What README and the recipes' heads show exists: flags, files, modules, functions, keywords."""

import ast
import contextlib
import functools
import importlib
import inspect
import io
import os
import pathlib
import re
import runpy
import shlex
import sys
from unittest import mock

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
PAGES += [ROOT / folder / "README.md" for folder in ("benchmarks", "saved_models")]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
FLAG = re.compile(r"(?<![\w-])--[a-z0-9][a-z0-9-]*")
SCRIPT = re.compile(r"(?:recipes|benchmarks)/\w+\.py")


# Reading a page.


def code_spans(text):
    """What stands between backticks, fenced blocks aside; a span may go over a line's end."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def code_lines(text):
    """Lines of indented blocks, joined where a backslash goes on."""
    text = re.sub(r"\\\n\s*", " ", text)
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    return [line.split(" # ")[0].strip() for line in lines]


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def command_of(code):
    """(words that name the program and its command, flags) of a command line, or None.

    The program is a recipe, a benchmark or the package: what stands before the first flag.
    """
    code = code.replace("[", "").replace("]", "")
    try:
        words = shlex.split(code)
    except ValueError:
        return None
    flags = FLAG.findall(code)
    for index, word in enumerate(words):
        script = SCRIPT.fullmatch(word) and (ROOT / word).exists()
        if script or word == "tfgan_suite" and words[index - 1 : index] == ["-m"]:
            tail = words[index + 1 :]
            count = next((i for i, w in enumerate(tail) if w.startswith("-")), len(tail))
            return (word, *tail[:count]), flags
    if words and (ROOT / "recipes" / f"{words[0]}.py").exists():
        return (f"recipes/{words[0]}.py",), flags
    return None


@functools.lru_cache(None)
def flags_of(program, *words):
    """Flags of a program by its own `--help`."""
    output = io.StringIO()
    path = "tfgan_suite" if program == "tfgan_suite" else str(ROOT / program)
    run = runpy.run_module if program == "tfgan_suite" else runpy.run_path
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "argv", [path, *words, "--help"]),
        mock.patch.object(sys, "path", [str((ROOT / program).parent), *sys.path]),
        contextlib.redirect_stdout(output),
        pytest.raises(SystemExit) as stop,
    ):
        run(path, run_name="__main__")
    assert stop.value.code in (0, None), (
        f"{program} {' '.join(words)} --help ends with {stop.value}"
    )
    entries = re.split(r"^option\w* ?\w*:$", output.getvalue(), maxsplit=1, flags=re.MULTILINE)[-1]
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", entries, re.MULTILINE))


@functools.lru_cache(None)
def all_flags():
    programs = [(f"recipes/{path.name}",) for path in RECIPES]
    programs += [(f"benchmarks/{name}.py",) for name in ("speed", "enlarging", "translation")]
    programs += [("benchmarks/quality.py", kind) for kind in ("points", "images")]
    from tfgan_suite.cli.main import COMMANDS

    programs += [("tfgan_suite", command) for command in COMMANDS]
    return set().union(*(flags_of(*program) for program in programs))


def unknown_flags(text):
    """["command: --flag"] of what a page shows and no `--help` lists."""
    unknown = []
    for code in code_lines(text) + code_spans(text):
        flags, command = FLAG.findall(code), command_of(code)
        if command:
            known = flags_of(*command[0])
        elif code.startswith("--"):
            known = all_flags()
        else:
            continue
        unknown += [f"{code}: {flag}" for flag in flags if flag not in known]
    return unknown


def find(dotted):
    """The module, or the attribute of a module or class, of a dotted name."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[count:], module)
    raise ModuleNotFoundError(dotted)


# The pages.


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_flags_that_a_page_shows_exist(page):
    assert unknown_flags(page.read_text("utf-8")) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_flags_that_a_recipes_head_shows_exist(recipe):
    head = ast.get_docstring(ast.parse(recipe.read_text("utf-8")), clean=False)
    own = flags_of(f"recipes/{recipe.name}")
    lines = [(line, command_of(line)) for line in head.replace("\\\n", " ").splitlines()]
    unknown = []
    for line, command in lines:
        known = own if command is None else flags_of(*command[0])
        unknown += [flag for flag in FLAG.findall(line) if flag not in known]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_a_page_shows_exist(page):
    text = page.read_text("utf-8")
    paths = re.findall(r"(?<![\w/.])(?:tfgan_suite|tests|recipes|docs|benchmarks)/[\w./-]*\w", text)
    paths += re.findall(r"\w\]\((?!http)([^)#]+)\)", text)
    here = (page.parent, ROOT)
    paths = [path for path in paths if "mygan" not in path]  # the example of a game to add
    assert [path for path in paths if not any((base / path).exists() for base in here)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_python_names_that_a_page_shows_exist(page):
    for span in code_spans(page.read_text("utf-8")):
        for dotted in re.findall(r"\btfgan_suite(?:\.\w+)+", span):
            assert find(dotted) is not None


def _dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _imported(tree):
    """{local name: dotted name} of what a block takes from the package."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "tfgan_suite":
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return names


def check_block(block):
    """Imports, attributes of imported modules, keywords of their functions, overridden methods."""
    tree = ast.parse(block)
    names = _imported(tree)
    for dotted in names.values():
        find(dotted)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            start, _, rest = _dotted(node.func).partition(".")
            if start in names:
                function = find(f"{names[start]}.{rest}".strip("."))
                arguments = inspect.signature(function).parameters
                for keyword in node.keywords:
                    assert keyword.arg in arguments, f"{_dotted(node.func)} has no {keyword.arg}"
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                check_overrides(node, find(f"tfgan_suite.{_dotted(base)}"))


def check_overrides(node, base):
    for item in node.body:
        name = item.name if isinstance(item, ast.FunctionDef) else item.targets[0].id
        assert hasattr(base, name), f"{base.__name__} has no {name} to override"
    called = {c.func for c in ast.walk(node) if isinstance(c, ast.Call)}
    called = {_dotted(f) for f in called if isinstance(f, ast.Attribute)}
    own = {name.partition(".")[2] for name in called if name.startswith("self.")}
    assert {"update", "noise", "logs"} <= own
    assert [name for name in ("update", "noise", "logs") if not hasattr(base, name)] == []


def test_python_blocks_of_the_readme_use_what_there_is():
    blocks = python_blocks(PAGES[0].read_text("utf-8"))
    assert len(blocks) >= 3
    for block in blocks:
        check_block(block)


# The checker itself.


@pytest.mark.parametrize(
    "text, unknown",
    [
        ("    python recipes/dcgan.py --data X --stepz 3", ["--stepz"]),
        ("    python recipes/dcgan.py --data X \\\n        --stepz 3  # --comment", ["--stepz"]),
        ("`python -m tfgan_suite translate RUN IN --tyle 3`", ["--tyle"]),
        (
            "`python -m tfgan_suite measure sr RUN --features vgg19:phi_5,4 --against X`",
            ["--against"],
        ),
        ("| `dcgan --latent 3 --nothing` |", ["--nothing"]),
        ("`--tile 3 --tyle 4`", ["--tyle"]),
        ("`python benchmarks/quality.py points --seeds 1 --minuts 5`", ["--minuts"]),
        ("pip install --quiet x, `pytest --durations=5`", []),
    ],
)
def test_an_unknown_flag_is_seen(text, unknown):
    assert [entry.rpartition(": ")[2] for entry in unknown_flags(text)] == unknown


@pytest.mark.parametrize(
    "block",
    [
        "from tfgan_suite.optimizers import FusedAdam",
        "from tfgan_suite import data\ndata.lode('X')",
        "from tfgan_suite.games import dcgan\ndcgan.build_generator(sighs=64)",
        "class MyGAN(AdversarialModel):\n    def palyers(self): ...",
    ],
)
def test_an_unknown_python_name_is_seen(block):
    with pytest.raises((AssertionError, AttributeError, ModuleNotFoundError)):
        check_block(block)
