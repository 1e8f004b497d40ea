"""A pipe, socket, device, broken link or folder in place of each path: one line, and no waiting.

The arguments are read from the parsers of all commands and recipes, so a new one is tried too.
"""

import argparse
import contextlib
import copy
import importlib.util
import io
import os
import pathlib
import socket

import numpy as np
import pytest
import tiny_recipe
from fault_runs import no_hang, run_recipe, run_words
from litert_files import write_packages

from tfgan_suite.cli import main as cli
from tfgan_suite.training import launch, options
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids

ROOT = pathlib.Path(__file__).parents[2]
RECIPES = {
    path.stem: path.read_text("utf-8").count("launch.main(globals())") == 1
    for path in sorted((ROOT / "recipes").glob("*.py"))
}
KINDS = ("pipe", "socket", "device", "dangling", "loop", "folder")
OTHERS = [pytest.param(kind, marks=pytest.mark.large) for kind in KINDS[1:]]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A path by kind, each with the ending that its reader expects."""
    home = tmp_path_factory.mktemp("odd")
    image_grids.write_png(home / "picture.png", np.zeros((8, 8, 1), np.uint8))
    os.chdir(home)  # the path of a socket has at most 107 bytes

    def path(kind, ending):
        name = home / f"{kind}{ending}"
        if os.path.lexists(name):
            return name
        if kind == "pipe":
            os.mkfifo(name)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(name.name)
        elif kind == "folder":
            name.mkdir()
        else:
            target = {"device": "/dev/zero", "dangling": home / "no" / "where", "loop": name}[kind]
            os.symlink(target, name)
        return name

    path.home = home
    return path


@pytest.fixture(scope="module", autouse=True)
def opened_once(trained):
    """Commands share the game of the trained run; opening it costs more than all of the rest."""
    games, load_anew = {}, Run.load

    def load_once(run, *args, **kwargs):
        if run.folder != trained[0] / "run":
            return load_anew(run, *args, **kwargs)
        if "run" not in games:
            games["run"] = load_anew(run, *args, **kwargs)
        game, constants, info = games["run"]
        return game, copy.copy(constants), info

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "load", load_once)
        yield


class _Stop(BaseException):
    """The parser is complete."""


def parser_of(call):
    """The parser that a program builds, with all of its arguments."""
    parsers = []

    def parse_args(self, *args, **kwargs):
        parsers.append(self)
        raise _Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        with contextlib.suppress(_Stop):
            call()
    return parsers[0]


def text_arguments(parser):
    """Arguments that take any text, and so perhaps a path."""
    return [
        action
        for action in parser._actions
        if action.type in (None, str) and not action.choices and action.nargs != 0
    ]


def command_arguments():
    """Each command with each of its arguments."""
    for name in cli.COMMANDS:
        for action in text_arguments(cli.parser(name)):
            yield name, (action.option_strings or [action.dest])[0]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "recipes" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(code, output, name):
    """The result, or a refusal of one line (and what was left out, named)."""
    assert code in (0, 1, 2, 4) and "Traceback" not in output, output
    if code:
        last = output.splitlines()[-1]
        assert len(last) < 900 and name in output, output


def base(home, command, odd):
    """Positional arguments of a command, and flags that let the others be read."""
    run, out, picture = home / "run", odd.home / "out", odd.home / "picture.png"
    extractor = home / "extractor" / "net.keras"
    return {
        "sample": {"source": run, "--count": 1, "--out": out / "a.png"},
        "translate": {"source": run, "input": picture, "output": out / "b.png"},
        "upscale": {"source": run, "input": picture, "output": out / "c.png"},
        "lipsync": {
            "source": run, "picture": picture, "sound": picture, "output": out / "dubbed.mp4",
        },
        "stylize": {"source": run, "content": picture, "style": picture, "output": out / "d.png"},
        "export": {"source": run, "--to": out / "exports"},
        "measure": {
            "source": run, "--against": tiny_recipe.images(), "--split": "train", "--samples": 10,
            "--measures": "fid", "--extractor": extractor, "--cache": out / "cache",
            "--out": out / "m.jsonl",
        },
        "measure-sr": {
            "source": "bicubic", "data": f"{picture},{picture}", "--out": out / "sr.jsonl",
            "--features": f"{extractor}:four",
        },
        "measure-lipsync": {
            "data": "talking", "--expert": run, "--out": out / "l.jsonl",
            "--offsets": out / "offsets.json",
        },
        "measure-dubbing": {
            "source": run, "--expert": run, "--against": "talking", "--out": out / "dub.jsonl",
        },
        "study": {"folders": odd.home, "--out": out / "study.html"},
        "walk": {"source": run, "--numbers": "0,1", "--steps": 2, "--out": out / "walk"},
        "arithmetic": {"source": run, "--base": 0, "--plus": 1, "--minus": 2, "--out": out / "sum"},
        "inpaint": {
            "source": run, "input": picture, "--candidates": 8, "--restarts": 1, "--iterations": 1,
            "--out": out / "inpainted",
        },
        "project": {
            "source": run, "input": picture, "--method": "adam", "--starts": 1, "--iterations": 1,
            "--out": out / "projected",
        },
        "edit": {
            "source": run, "input": picture, "--warp": "0,0,4,4,2,2", "--candidates": 1,
            "--starts": 1, "--iterations": 1, "--frames": 2, "--out": out / "edited",
        },
        "neighbours": {
            "source": run, "--data": tiny_recipe.images(), "--numbers": "0,1",
            "--out": out / "neighbours",
        },
        "probe": {
            "source": run, "--data": tiny_recipe.images(), "--labels": 4, "--train": 8, "--test": 4,
            "--out": out / "probe",
        },
        "ablate": {"source": run, "--box": "0,0,4,4", "--samples": 8, "--out": out / "ablated"},
        "demo": {
            "sources": home / "exports" / "tiny_recipe_images", "--out": out / "site",
            "--runtime": write_packages(odd.home),
        },
    }[command]  # fmt: skip


def run_command(command, arguments):
    flags = [word for k, v in arguments.items() if k.startswith("--") for word in (k, str(v))]
    places = [str(v) for k, v in arguments.items() if not k.startswith("--")]
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = cli.main([command, *flags, "--", *places])
        except SystemExit as end:
            code = end.code
    return code, output.getvalue()


# What readers tell apart by its ending.
ENDINGS = {"--extractor": ".keras", "--feature-weights": ".h5", "--key": ".json"}


@pytest.mark.parametrize("kind", ["pipe", *OTHERS])
@pytest.mark.parametrize("command,argument", command_arguments(), ids=lambda text: text.strip("-"))
def test_every_argument_of_every_command(trained, odd, command, argument, kind):
    name = odd(kind, ENDINGS.get(argument, ".png"))
    arguments = {**base(trained[0], command, odd), argument: name}
    with no_hang(odd("pipe", name.suffix)):
        code, output = run_command(command, arguments)
    check(code, output, "")


@pytest.mark.parametrize("kind", ["pipe", *OTHERS])
@pytest.mark.parametrize("ending", [".npz", pytest.param("", marks=pytest.mark.large)])
@pytest.mark.parametrize("recipe", [name for name, trains in RECIPES.items() if trains])
def test_data_of_every_recipe(odd, recipe, ending, kind):
    path, module = odd(kind, ending), vars(load(recipe))
    with no_hang(odd("pipe", ending)), pytest.raises(Exception) as error:
        launch.load_data(module, options.parse(module, ["--data", str(path)]))
    assert isinstance(error.value, options.InputError), error.value
    assert path.name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["pipe", *OTHERS])
@pytest.mark.parametrize("flag", ["--run", "--warm-start", "--export", "--name"])
def test_flags_that_all_recipes_share(trained, tmp_path, odd, flag, kind):
    home, arguments = trained
    path = odd(kind, "")
    if kind == "folder":  # of its own: some flags write to it
        path = tmp_path / "empty"
        path.mkdir()
    words = [*run_words(tmp_path, 1), *arguments, f"{flag}={path}"]
    with no_hang(odd("pipe", "")):
        code, output = run_recipe(tiny_recipe, *words)
    if kind == "folder" and flag in ("--run", "--export"):  # what these flags expect
        assert code == 0 and any(path.iterdir())
    else:
        assert code == 2 and len(output.splitlines()) == 1, output


@pytest.mark.large
@pytest.mark.parametrize("recipe", [name for name, trains in RECIPES.items() if trains])
def test_all_text_flags_of_all_recipes(tmp_path, odd, recipe):
    module = load(recipe)
    own = [
        name
        for name, constant in options.constants(vars(module)).items()
        if constant.type is str and name not in options.SHARED and name != "DATA"
    ]
    for name in own:
        for kind, ending in (("pipe", ".npz"), ("folder", ".keras"), ("dangling", "")):
            path = odd(kind, ending)
            words = ["--run", tmp_path / name, "--export", "none", "--steps", 1, "--batch", 2]
            with no_hang(odd("pipe", ending)):
                code, output = run_recipe(module, *words, f"{options.flag_of(name)}={path}")
            assert code == 2 and len(output.splitlines()) == 1, (name, kind, output)


PROGRAMS = {
    "classifier": {"--steps": 1, "--batch": 2, "--width": 1},
    "curves": {"--steps": 1, "--width": 1},
    "gatys": {"--evaluations": 1, "--size": 32, "--weights": "none", "--network": "squeezenet"},
    "gaze": {"--seeds": 1, "--steps": 1},
    "metropolis": {"--samples": 100},
    "checkerboard": {},
    "open_photos": {},
}


@pytest.mark.large
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", [name for name, trains in RECIPES.items() if not trains])
def test_arguments_of_recipes_with_parsers_of_their_own(trained, odd, recipe, kind, monkeypatch):
    monkeypatch.chdir(odd.home)
    module, picture = load(recipe), odd.home / "picture.png"
    words = {"content": picture, "styles": picture, "refiner": trained[0] / "run"}
    parser = parser_of(lambda: module.main([]))
    for action in text_arguments(parser):
        values = {**PROGRAMS[recipe]}
        for other in parser._actions:
            if not other.option_strings and other.dest in words:
                values[other.dest] = words[other.dest]
        if recipe == "gatys":
            values["--out"] = odd.home / "painted.png"
        argument = (action.option_strings or [action.dest])[0]
        if argument == "--out":
            continue  # written, not read
        name = odd(kind, ".keras" if argument in ("--weights", "--network") else ".png")
        values[argument] = name
        flags = [word for k, v in values.items() if k.startswith("--") for word in (k, str(v))]
        places = [str(v) for k, v in values.items() if not k.startswith("--")]
        output = io.StringIO()
        with no_hang(odd("pipe", name.suffix)), contextlib.redirect_stderr(output):
            try:
                code = module.main([*places, *flags])
            except SystemExit as end:
                code = end.code
        assert code == 2, (argument, output.getvalue())
        check(code, output.getvalue(), "")


def test_the_commands_with_paths_are_all_known(trained, odd):
    for command, _ in command_arguments():
        assert base(trained[0], command, odd)
    assert {name for name, trains in RECIPES.items() if not trains} == set(PROGRAMS)


@pytest.mark.parametrize("text", ["x" * 5000, "~no such user", "/dev/null/a", "a\nb", "\udcff"])
def test_texts_that_are_no_paths(tmp_path, odd, text):
    code, output = run_recipe(tiny_recipe, f"--data={text}", "--run", tmp_path / "run")
    assert code == 2 and len(output.splitlines()) == 1 and len(output) < 900, output
    code, output = run_command("sample", {"source": text, "--out": tmp_path / "a.png"})
    assert code == 2 and len(output.splitlines()) == 1 and len(output) < 900, output
