"""Tampered runs and exports: every command answers with its result or with one line, no traceback.

Seeded: a dozen cases in the fast tests, 120 more where `large` is selected.
"""

import contextlib
import copy
import io
import json
import random
import shutil
import sys

import numpy as np
import pytest
import tiny_recipe

from tfgan_suite.cli.main import main
from tfgan_suite.training import launch

MISSING = object()
DEEP = "[" * 10_000 + "]" * 10_000
VALUES = [MISSING, None, [], {}, "", "x" * 10_000, -1, 0, 10**30, -0.5, float("nan"), True, [None]]
BYTES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "not UTF-8": lambda content: b"\xff\xfe" + content[2:],
    "zeros": lambda content: bytes(len(content)),
    "deep": lambda content: DEEP.encode(),
    "surrogate": lambda content: b'{"version": "\\ud800"}',
    "list": lambda content: b"[1, 2]",
}
RUN_FILES = (
    "run.json", "recipe.py", "exports.jsonl", "losses.jsonl", "measures.jsonl", "versions.jsonl",
    "samples/step_00000002.png", "checkpoints/checkpoint", "checkpoints/ckpt-2.index",
    "checkpoints/ckpt-2.data-00000-of-00001",
)  # fmt: skip
EXPORT_FILES = (
    "card.json", "saved_model.pb", "variables/variables.index",
    "variables/variables.data-00000-of-00001", "parity.json", "tflite/float32.tflite",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, eager_module):
    """A run of two steps and its export; `arguments` train it and go on with it."""
    home = tmp_path_factory.mktemp("sound")
    arguments = ["--data", tiny_recipe.images(), "--log-every", "1", "--checkpoint-every", "2"]
    code, _ = train(home, arguments, 2)
    assert code == 0
    (home / "run" / "measures.jsonl").write_text('{"step": 2, "fid": 1.0}\n')
    return home, arguments


def train(home, arguments, steps):
    words = ["--run", str(home / "run"), "--export", str(home / "exports"), "--steps", str(steps)]
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tiny_recipe.py", *words, *arguments])
        patch.setattr(launch, "print_any_name", lambda: None)
        with contextlib.redirect_stderr(output), pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_recipe))
    return end.value.code, output.getvalue()


def command(*words):
    output = io.StringIO()
    with contextlib.redirect_stderr(output):
        code = main([str(word) for word in words])
    return code, output.getvalue()


def paths_of(content, path=()):
    """Every key and list entry of a content."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from paths_of(value, (*path, key))


def edit(file, draws):
    """Changes one key of a JSON file; returns what was done."""
    content = json.loads(file.read_text())
    path = draws.choice(list(paths_of(content)))
    value, parent = draws.choice(VALUES), content
    for key in path[:-1]:
        parent = parent[key]
    if value is MISSING:
        del parent[path[-1]]
    else:
        parent[path[-1]] = copy.deepcopy(value)
    file.write_text(json.dumps(content))
    return f"{path} = {'missing' if value is MISSING else str(value)[:20]}"


def damage(file, draws):
    """Damages a file in a way that its kind allows; returns what was done."""
    if file.suffix == ".json" and draws.random() < 0.7:
        return edit(file, draws)
    kind = draws.choice([*BYTES, "folder", "missing"])
    content = file.read_bytes()
    if kind in ("folder", "missing"):
        file.unlink()
        if kind == "folder":
            file.mkdir()
    else:
        file.write_bytes(BYTES[kind](content))
    return kind


def use(home, arguments, draws, is_run):
    """One command on the run or export: its name, exit code and what it wrote to stderr."""
    run, version = home / "run", home / "exports" / "tiny_recipe_images" / "1"
    source = run if is_run else version
    picture = home / "run" / "samples" / "final.png"
    name = draws.choice(["sample", "translate", "measure", *(["export", "resume"] * is_run)])
    if name == "resume":
        return name, *train(home, arguments, 3)
    measure = [
        "--against", arguments[1], "--split", "train", "--samples", 8, "--measures", "parzen",
        "--cache", "none",
    ]  # fmt: skip
    words = {
        "sample": [source, "--count", 2, "--out", home / "grid.png"],
        "translate": [source, picture, home / "translated.png"],
        "measure": [source, *measure],
        "export": [source, "--to", home / "again"],
    }
    if name == "sample" and not is_run and draws.random() < 0.4:
        words["sample"][0] = version / "tflite" / "float32.tflite"
    return name, *command(name, *words[name])


def attempt(trained, folder, seed):
    """Damages one file and runs one command; it must not raise, and says one line if it fails."""
    draws = random.Random(seed)
    sound, arguments = trained
    home = folder / str(seed)
    shutil.copytree(sound, home)
    is_run = seed % 2 == 0
    part = home / "run" if is_run else home / "exports" / "tiny_recipe_images" / "1"
    files = RUN_FILES if is_run else EXPORT_FILES
    file = part / files[seed // 2 % len(files)]
    assert file.is_file(), file
    kind = damage(file, draws)
    try:
        name, code, output = use(home, arguments, draws, is_run)
    except BaseException as error:
        raise AssertionError(f"seed {seed}, {file.name} {kind}: {error!r}") from error
    shutil.rmtree(home)
    lines = [line for line in output.splitlines() if line.strip()]
    assert "Traceback" not in output, (seed, file.name, kind, output)
    assert code in (0, 2, 4), (seed, file.name, kind, output)
    if code == 2:
        assert len(lines[-1]) < 1200, (seed, file.name, kind, output)
    return name, code


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_one_line_or_harmless(trained, tmp_path, seed):
    attempt(trained, tmp_path, 1000 + seed)


@pytest.mark.large
def test_120_damaged_files_are_one_line_or_harmless(trained, tmp_path):
    outcomes, failures = {}, []
    for seed in range(120):
        try:
            outcome = attempt(trained, tmp_path, seed)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failures.append(f"{type(error).__name__}: {str(error)[:400]}")
    print(len(failures), "failures;", outcomes)
    assert not failures, "\n".join(failures)
    assert sum(outcomes.values()) == 120


@pytest.mark.parametrize("key", ["constants", "data", "recipe", "stack"])
def test_a_missing_key_of_run_json_is_named(trained, tmp_path, key):
    shutil.copytree(trained[0] / "run", tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    code, output = command("sample", tmp_path / "run", "--out", tmp_path / "grid.png")
    assert code == 2 and f"run.json is damaged: {key} is missing" in output
    assert len(output.splitlines()) == 1


def test_a_sound_run_and_its_exports_draw_the_same(trained, tmp_path):
    version = trained[0] / "exports" / "tiny_recipe_images" / "1"
    from tfgan_suite.inference.generator import open_generator

    sources = [version, version / "tflite" / "float32.tflite"]
    drawn = [open_generator(source).generate(2, seed=3) for source in sources]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=1e-3)
