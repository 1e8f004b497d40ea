"""Reads the pages that people read: commands, Python, links, tables; what their programs know."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import io
import os
import pathlib
import re
import runpy
import shlex
import sys
from typing import Any
from unittest import mock

import pytest

from tfgan_suite.training import early_flags, options

ROOT = pathlib.Path(__file__).resolve().parents[2]
README, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"
SITE = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [README, KOREAN, ROOT / "CONTRIBUTING.md"]
PAGES += [ROOT / folder / "README.md" for folder in ("benchmarks", "saved_models")]
PAGES += SITE
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
FLAG = re.compile(r"(?<![\w-])--[a-z0-9][a-z0-9-]*")
SCRIPT = re.compile(r"(?:recipes|benchmarks)/\w+\.py")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Languages of fenced blocks that hold command lines.
SHELL = ("", "sh", "bash", "console")


def name_of(page: pathlib.Path) -> str:
    return page.relative_to(ROOT).as_posix()


# Parts of a page.


def code_spans(text: str) -> list[str]:
    """What stands between backticks, fenced blocks aside; a span may go over a line's end."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))]


def code_lines(text: str) -> list[str]:
    """Lines of indented blocks and of fenced ones for a shell, joined where a backslash goes on."""
    fenced = [body for language, body in FENCE.findall(text) if language in SHELL]
    indented = re.sub(r"\\\n\s*", " ", FENCE.sub("", text))
    lines = [line for line in indented.splitlines() if line.startswith("    ")]
    lines += re.sub(r"\\\n\s*", " ", "\n".join(fenced)).splitlines()
    return [line.split(" # ")[0].strip() for line in lines]


def python_blocks(text: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language == "python"]


def tables(text: str) -> list[tuple[str, list[list[str]]]]:
    """(the section that holds it, rows of cells) of each table, without the line of dashes."""
    entries = []
    for section in re.split(r"^(?=#+ )", FENCE.sub("", text), flags=re.MULTILINE):
        for block in re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE):
            rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
            entries.append((section, [rows[0], *rows[2:]]))
    return entries


def links(text: str) -> list[str]:
    """Targets of links and images."""
    text = re.sub(r"`[^`]+`", "", FENCE.sub("", text))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as GitHub and MkDocs make it."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))


# Commands and what their programs know.


def command_of(code: str) -> tuple[tuple[str, ...], list[str]] | None:
    """(words that name the program and its command, flags) of a command line, or None.

    The program is a recipe, a benchmark or the package: what stands before the first flag.
    """
    words, flags = _words(code), FLAG.findall(code.replace("[", "").replace("]", ""))
    for index, word in enumerate(words):
        script = SCRIPT.fullmatch(word) and (ROOT / word).exists()
        if script or word == "tfgan_suite" and words[index - 1 : index] == ["-m"]:
            tail = words[index + 1 :]
            count = next((i for i, w in enumerate(tail) if w.startswith("-")), len(tail))
            return (word, *tail[:count]), flags
    if words and (ROOT / "recipes" / f"{words[0]}.py").exists():
        return (f"recipes/{words[0]}.py",), flags
    return None


def _words(code: str) -> list[str]:
    try:
        return shlex.split(code.replace("[", "").replace("]", ""))
    except ValueError:
        return []


@functools.lru_cache(None)
def flags_of(program: str, *words: str) -> set[str]:
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
def all_flags() -> set[str]:
    programs = [(f"recipes/{path.name}",) for path in RECIPES]
    programs += [
        (f"benchmarks/{name}.py",) for name in ("speed", "enlarging", "tables", "translation")
    ]
    programs += [("benchmarks/quality.py", kind) for kind in ("points", "images")]
    from tfgan_suite.cli.main import COMMANDS

    programs += [("tfgan_suite", command) for command in COMMANDS]
    return set().union(*(flags_of(*program) for program in programs))


def unknown_flags(text: str) -> list[str]:
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


def find(dotted: str) -> Any:
    """The module, or the attribute of a module or class, of a dotted name."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[count:], module)
    raise ModuleNotFoundError(dotted)


# Command lines as their programs read them, without running anything.


def commands(text: str) -> list[tuple[str, ...]]:
    """(program, *words) of every command line in the blocks of a page.

    The program is a script of `recipes/` or `benchmarks/`, or `tfgan_suite`.
    """
    entries = []
    for line in code_lines(text):
        for part in re.split(r"\s(?:&&|;|\|)\s", line):
            if is_command(part):
                words, program = _words(part.rstrip("&")), command_of(part)[0][0]
                entries.append((program, *words[words.index(program) + 1 :]))
    return entries


def is_command(code: str) -> bool:
    """Whether a line or a span runs a program, and does not only name a recipe."""
    return command_of(code) is not None and bool(re.search(r"\w\.py\b|-m tfgan_suite", code))


def run_folder(line: tuple[str, ...]) -> str:
    """The run folder that a recipe leaves behind, by the flags and the default of `--data`."""
    program, *words = line
    flags = dict(zip(words, words[1:]))
    if "--run" in flags:
        return flags["--run"]
    name = pathlib.Path(program).stem
    default = re.search(r'^DATA(?:: .*)? = "(\w+)"', (ROOT / program).read_text("utf-8"), re.M)
    data = flags.get("--data", default[1] if default else "").rpartition("/")[2]
    if name == "stackgan" and flags.get("--stage", "1") == "1":
        name = "stackgan_stage1"
    return f"runs/{name}{'_keypoints' * ('keypoints' in words)}_{data}"


def refusal(program: str, *words: str) -> str | None:
    """What a program says to a command line before it starts anything; None if it accepts it."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), mock.patch.object(sys, "argv", [program, *words]):
            _read(program, list(words))
    except SystemExit:
        return output.getvalue().strip() or "it stops"
    except Exception as error:  # whatever a program raises for bad words
        return str(error)
    return None


def _read(program: str, words: list[str]) -> None:
    if program == "tfgan_suite":
        from tfgan_suite.cli import main

        if words[:1] == ["measure"] and words[1:2] and words[1] in main._MEASURES:
            words[:2] = [main._MEASURES[words[1]]]
        if words[0] not in main.COMMANDS:
            raise LookupError(f"tfgan_suite has no command {words[0]}")
        main.parse(words[0], words[1:])
        return
    path = ROOT / program
    tree = _tree(path)
    recipe, parser = early_flags.constants_in(tree, path), early_flags.parser_in(tree)
    if recipe is not None:
        options.parse(recipe, words)
    elif parser is not None:
        parser.parse_args(words)
    else:
        flags = [word.split("=")[0] for word in words if word.startswith("--")]
        kind = [word for word in words[:1] if program.endswith("quality.py")]
        unknown = [flag for flag in flags if flag not in flags_of(program, *kind)]
        if unknown:
            raise LookupError(f"{program} has no {unknown[0]}")


@functools.lru_cache(None)
def _tree(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))
