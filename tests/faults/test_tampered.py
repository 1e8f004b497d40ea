"""Tampered runs, exports and extractors: the result or one line, no traceback, no crash.

Seeded: a dozen cases in the fast tests, 240 more where `large` is selected.
"""

import contextlib
import copy
import io
import json
import random
import shutil

import numpy as np
import pytest
import tiny_recipe
from fault_runs import run_recipe, run_words

from tfgan_suite.cli.main import main
from tfgan_suite.errors import InputError
from tfgan_suite.export import tflite_files

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
VERSION = "exports/tiny_recipe_images/1"
# Patterns of one file each; the first part says which commands use it.
FILES = [
    *(
        f"run/{name}"
        for name in (
            "run.json", "recipe.py", "exports.jsonl", "losses.jsonl", "measures.jsonl",
            "versions.jsonl", "samples/step_00000002.png", "samples/final.png",
            "checkpoints/checkpoint", "checkpoints/ckpt-2.index",
            "checkpoints/ckpt-2.data-00000-of-00001", "logs/**/events.out.*",
        )
    ),
    *(
        f"{VERSION}/{name}"
        for name in (
            "card.json", "saved_model.pb", "fingerprint.pb", "variables/variables.index",
            "variables/variables.data-00000-of-00001", "parity.json", "tflite/float32.tflite",
            "assets.extra/tf_serving_warmup_requests",
        )
    ),
    "extractor/net.keras", "extractor/net.json",
]  # fmt: skip


def train(home, arguments, steps):
    return run_recipe(tiny_recipe, *run_words(home, steps), *arguments)


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


def cut_or_garbled(content, draws, number):
    """Even numbers: cut somewhere; odd ones: some bytes of the first or the last part changed."""
    if number % 2 == 0:
        return content[: draws.randrange(len(content))]
    content, start = bytearray(content), draws.choice([0, max(0, len(content) - 2048)])
    for _ in range(draws.randint(1, 20)):
        content[draws.randrange(start, min(start + 2048, len(content)))] = draws.randrange(256)
    return bytes(content)


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


def use(home, arguments, draws, part):
    """One command on the damaged part: its name, exit code and what it wrote to stderr."""
    run, version = home / "run", home / VERSION
    source = version if part == "exports" else run
    picture = home / "run" / "samples" / "final.png"
    name = draws.choice(
        {
            "run": ["sample", "translate", "measure", "export", "resume"],
            "exports": ["sample", "translate", "measure"],
            "extractor": ["measure"],
        }[part]
    )
    if name == "resume":
        return name, *train(home, arguments, 3)
    measure = [
        "--against", arguments[1], "--split", "train", "--samples", 10, "--measures", "fid,parzen",
        "--cache", "none", "--extractor", home / "extractor" / "net.keras",
    ]  # fmt: skip
    words = {
        "sample": [source, "--count", 2, "--out", home / "grid.png"],
        "translate": [source, picture, home / "translated.png"],
        "measure": [source, *measure],
        "export": [source, "--to", home / "again"],
    }
    if name == "sample" and part == "exports" and draws.random() < 0.4:
        words["sample"][0] = version / "tflite" / "float32.tflite"
    return name, *command(name, *words[name])


def attempt(trained, folder, seed):
    """Damages one file and runs one command; it must not raise, and says one line if it fails."""
    draws = random.Random(seed)
    sound, arguments = trained
    home = folder / str(seed)
    shutil.copytree(sound, home)
    pattern = FILES[seed % len(FILES)]
    file = sorted(home.glob(pattern))[0]
    kind = damage(file, draws)
    try:
        name, code, output = use(home, arguments, draws, pattern.split("/")[0])
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
    attempt(trained, tmp_path, 1000 + 7 * seed)


@pytest.mark.large
def test_240_damaged_files_are_one_line_or_harmless(trained, tmp_path):
    outcomes, failures = {}, []
    for seed in range(240):
        try:
            outcome = attempt(trained, tmp_path, seed)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failures.append(f"{type(error).__name__}: {str(error)[:400]}")
    print(len(failures), "failures;", outcomes)
    assert not failures, "\n".join(failures)
    assert sum(outcomes.values()) == 240


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
    version = trained[0] / VERSION
    from tfgan_suite.inference.generator import open_generator

    sources = [version, version / "tflite" / "float32.tflite"]
    drawn = [open_generator(source).generate(2, seed=3) for source in sources]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=1e-3)


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.large)])
@pytest.mark.parametrize("name", ["tflite/float32.tflite", "saved_model.pb"])
def test_graphs_that_were_cut_or_garbled(trained, tmp_path, name, count):
    """A runtime that trusts its file would end the process."""
    shutil.copytree(trained[0] / VERSION, tmp_path / "1")
    if name.endswith("tflite"):
        (tmp_path / "1" / "card.json").unlink()  # it states the size
    source = tmp_path / "1" / name if name.endswith("tflite") else tmp_path / "1"
    path, draws, refused = tmp_path / "1" / name, random.Random(count), 0
    content = path.read_bytes()
    for number in range(count):
        path.write_bytes(cut_or_garbled(content, draws, number))
        code, output = command("sample", source, "--count", 1, "--out", tmp_path / "grid.png")
        refused += code
        assert code in (0, 2) and "Traceback" not in output, (number, output)
        assert code == 0 or (len(output.splitlines()) == 1 and str(tmp_path / "1") in output)
    print(f"{name}: {refused // 2} of {count} refused")
    assert refused >= count  # the cut half


def test_an_endless_tflite_file_is_ended(trained, tmp_path, monkeypatch):
    path = tmp_path / "a.tflite"
    shutil.copy(trained[0] / VERSION / "tflite" / "float32.tflite", path)
    monkeypatch.setattr(tflite_files, "_SECONDS", 0.01)
    with pytest.raises(InputError, match="a.tflite .*more than 0.01 seconds"):
        tflite_files.open_interpreter(path)
    for content, reason in ((b"", "it is empty"), (b"\0" * 40, "does not begin like")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=reason):
            tflite_files.open_interpreter(path)
