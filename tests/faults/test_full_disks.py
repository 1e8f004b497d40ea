"""Full disks: one line with the reason; what was complete stays, and nothing half is left.

Every write of an export fails in turn; where the system lets us mount one, a disk is really full.
"""

import errno
import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_recipe
import tiny_translation
from fault_runs import exit_code
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli import main as cli
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export, exporting, parity, serving
from tfgan_suite.measures.result import MeasureResult, append_results
from tfgan_suite.training import launch
from tfgan_suite.utils import command_line, files

FULL = "No space left on device"


class Doubling:
    """z -> 2 z, with a weight."""

    def __init__(self):
        self.network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])

    def signatures(self):
        spec = TensorSpec("z", (4,), kind="normal")
        call = lambda z: 2.0 * self.network(z)  # noqa: E731
        return {"serving_default": Signature((spec,), spec, call, (self.network,))}


def tree(folder):
    """Contents of all files below a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha1(p.read_bytes()).hexdigest() for p in paths}


def full(*_, **__):
    raise OSError(errno.ENOSPC, FULL)


def full_for_tensorflow(*_, **__):
    path = "/a/long/path" * 30
    raise tf.errors.ResourceExhaustedError(None, None, f"{path}; {FULL} [Op:SaveV2]")


class Failing:
    """Lets a number of calls of any of its functions pass; all after them fail."""

    def __init__(self):
        self.passing = sys.maxsize
        self.names = []

    def wrap(self, patch, owner, name, failure=full):
        original = getattr(owner, name)

        def call(*arguments, **options):
            self.names.append(name)
            if len(self.names) > self.passing:
                failure()
            return original(*arguments, **options)

        patch.setattr(owner, name, call)

    def start(self, passing):
        self.names, self.passing = [], passing


@pytest.fixture
def failing(monkeypatch):
    """Fails in everything that writes while an export is made."""
    calls = Failing()
    for name in ("write_bytes", "write_text", "mkdir", "replace", "rename", "chmod"):
        calls.wrap(monkeypatch, Path, name)
    for name in ("fsync", "replace"):
        calls.wrap(monkeypatch, os, name)
    calls.wrap(monkeypatch, np, "savez")
    calls.wrap(monkeypatch, tf.saved_model, "save", full_for_tensorflow)
    return calls


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.large)])
def test_every_write_of_an_export_may_fail(tmp_path, failing, monkeypatch, stride):
    game, home = Doubling(), tmp_path / "model"
    # Converted and run once: what is tested is writing.
    content, outputs = {}, {}
    convert, run = exporting.tflite.convert, parity.tflite_outputs

    def convert_once(*arguments):
        if not content:
            content[0] = convert(*arguments)
        return content[0]

    def run_once(path, inputs, scratch):
        if not outputs:
            outputs.update(run(path, inputs, scratch))
        np.savez(scratch / "inputs.npz", **inputs)
        return outputs

    monkeypatch.setattr(exporting.tflite, "convert", convert_once)
    monkeypatch.setattr(parity, "tflite_outputs", run_once)

    def attempt():
        formats = ("saved_model", "tflite_float32")
        return export(game, tmp_path, name="model", formats=formats, warmup=False)

    attempt()
    before, reached = tree(home), []
    for passing in range(0, 200, stride):
        failing.start(passing)
        try:
            attempt()
        except InputError as error:
            failing.start(sys.maxsize)
            assert FULL in str(error) and len(str(error)) < 400, (reached, error)
            assert str(home) in str(error) and "\n" not in str(error)
        else:
            break
        # The last act, syncing the folder, fails after the version was published complete.
        if (home / "2").exists():
            break
        assert tree(home) == before, (passing, reached)
        assert not [p for p in home.iterdir() if p.name.startswith(".")]
        reached.append(passing)
    failing.start(sys.maxsize)
    assert len(reached) > 15 / stride
    print(f"{len(reached)} failed writes")
    assert (home / "2" / "card.json").is_file() and not list(home.glob(".*"))
    assert {k: v for k, v in tree(home).items() if not k.startswith("2/")} == before


def test_the_reason_of_the_process_that_runs_tflite_files(tmp_path, monkeypatch):
    stderr = "Traceback:\n  numpy.savez\nOSError: [Errno 28] " + FULL + "\n"
    answer = subprocess.CompletedProcess([], 1, "", stderr)
    monkeypatch.setattr(parity.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(InputError, match=f"cannot write to .*model .{FULL}"):
        formats = ("saved_model", "tflite_float32")
        export(Doubling(), tmp_path, name="model", formats=formats, warmup=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not serving.can_warm_up(), reason="tensorflow-serving-api is not installed")
def test_requests_that_warm_up_a_server_may_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(tf.io.TFRecordWriter, "write", full_for_tensorflow)
    with pytest.raises(InputError, match=FULL):
        export(Doubling(), tmp_path, name="model", formats=("saved_model",))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def limit():
    """`limit(size)`: no file of this process grows beyond a number of bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_fit_leaves_no_half(tmp_path, limit):
    path = tmp_path / "losses.jsonl"
    files.append_json(path, {"step": 1})
    before = path.read_bytes()
    limit(len(before) + 5)
    with pytest.raises(OSError, match="File too large"):
        files.append_json(path, {"step": 2})
    limit(10**6)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"", b""),
        (b'{"step": 1}\n{"st', b'{"step": 1}\n'),  # cut by a kill
        (b'{"st', b""),
        (b'{"step": 1}', b'{"step": 1}\n'),
        (b"a user's own text", b"a user's own text\n"),
        (b'1\n{"a": "' + b"x" * 200_000, b"1\n"),
        (b'1\n"' + b"x" * 200_000 + b'"', b'1\n"' + b"x" * 200_000 + b'"\n'),
    ],
)
def test_a_line_after_one_that_was_cut(tmp_path, content, expected):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(content)
    files.append_json(path, {"step": 2})
    assert path.read_bytes() == expected + b'{"step": 2}\n'


def test_files_that_other_programs_write_are_replaced_or_left(tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match=FULL), files.replacing(path) as part:
        part.write_bytes(b"half")
        full()
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    with files.replacing(path) as part:
        assert part.suffix == ".png" and part != path
        part.write_bytes(b"new")
    assert path.read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "command, code, said",
    [
        (interrupt, 130, "x: interrupted; files that were written before are complete"),
        (full, 2, f"x: cannot print ({FULL}); send the output elsewhere"),
        (lambda: None, 0, ""),
    ],
)
def test_what_ends_a_command_is_one_line(monkeypatch, capsys, command, code, said):
    monkeypatch.setattr(command_line, "_discard_output", lambda: None)
    assert command_line.exit_code("x", command) == code
    assert capsys.readouterr().err == (f"{said}\n" if said else "")
    with pytest.raises(FileNotFoundError):  # a fault of the program is not hidden
        command_line.exit_code("x", lambda: open("/no/such/file", encoding="utf-8"))


def test_ctrl_c_before_the_first_step_says_what_to_do(monkeypatch, capsys):
    recipe = {**vars(tiny_recipe), "make_game": lambda options, data: interrupt()}
    monkeypatch.setattr(sys, "argv", ["tiny_recipe.py", "--data", tiny_recipe.images()])
    with pytest.raises(SystemExit) as end:
        launch.main(recipe)
    assert end.value.code == 130
    line = "interrupted; run the same command again to resume\n"
    assert capsys.readouterr().err == line


# ---- a disk that is full ---------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """`disk(size)`: a folder on a disk of its own with this many KiB."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(size):
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(path)]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("mounting a disk needs root")
        return path

    yield mount
    subprocess.run(["umount", str(path)], capture_output=True, check=False)


def fill(folder, free):
    """Fills a disk until this many KiB are free."""
    filler = folder / "filler"
    filler.write_bytes(b"")
    status = os.statvfs(folder)
    filler.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - free * 1024)))


def one_line(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    assert FULL in line, line
    return line


@pytest.mark.large
def test_exports_to_a_full_disk(tmp_path, disk, capsys):
    run, home = tmp_path / "run", disk(4096)
    assert exit_code(tiny_recipe, "--data", tiny_recipe.images(), "--run", run, "--steps", 2) == 0
    words = ["export", str(run), "--to", str(home / "exports"), "--int8-bound=0"]
    words += ["--float16-bound=1"]
    assert cli.main(words) == 0
    before, trained, failures = tree(home / "exports"), tree(run), 0
    for free in range(4, 4000, 12):
        fill(home, free)
        capsys.readouterr()
        if cli.main(words) == 0:
            break
        assert str(home / "exports") in one_line(capsys)
        assert tree(home / "exports") == before and tree(run) == trained, free
        assert not list(home.rglob(".export-*"))
        failures += 1
    assert failures >= 10, free
    print(f"{failures} exports failed, with 4 to {free - 12} KiB free")


@pytest.mark.large
def test_training_on_a_full_disk_goes_on_where_it_stopped(tmp_path, disk, capsys):
    home, stops = disk(4096), 0
    words = ["--data", tiny_recipe.images(), "--steps", 40]
    words += ["--log-every", 4, "--checkpoint-every", 3]
    assert exit_code(tiny_recipe, *words, "--run", tmp_path / "run") == 0
    for free in [*range(0, 400, 25), 4000]:
        fill(home, free)
        capsys.readouterr()
        if exit_code(tiny_recipe, *words, "--run", home / "run") == 0:
            break
        one_line(capsys)
        stops += 1
    assert stops >= 3
    for name in ("losses.jsonl", "samples/final.png", "samples/step_00000040.png"):
        assert (home / "run" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    assert not list((home / "run").rglob("*.part*"))
    print(f"stopped {stops} times")


@pytest.mark.large
def test_outputs_on_a_full_disk(tmp_path, disk, capsys):
    run, pairs, home = tmp_path / "run", tmp_path / "pairs", disk(2048)
    assert exit_code(tiny_recipe, "--data", tiny_recipe.images(), "--run", run, "--steps", 2) == 0
    assert exit_code(tiny_translation, "--run", pairs) == 0
    images = tmp_path / "images"
    for side in ("a", "b"):
        (images / side).mkdir(parents=True)
        for number in range(40):
            pixels = np.random.RandomState(number).randint(0, 256, (32, 32), "u1")
            Image.fromarray(pixels).save(images / side / f"{number:02}.png")
    a, b = str(images / "a"), str(images / "b")
    commands = {
        "drawn": ["sample", str(run), "--count", "64"],
        "grid.png": ["sample", str(run), "--count", "4000"],
        "translated": ["translate", str(pairs), a],
        "study.html": ["study", a, b, "--out"],
        "values.jsonl": ["measure", str(run), "--against", tiny_recipe.images(), "--measures",
                         "parzen", "--samples", "11", "--split", "train"],
    }  # fmt: skip
    for name, words in commands.items():
        for path in home.iterdir():
            subprocess.run(["rm", "-r", str(path)], check=True)
        fill(home, 40 if name in ("drawn", "translated") else 0)
        capsys.readouterr()
        out = [str(home / name)] if words[0] in ("translate", "study") else ["--out", home / name]
        assert cli.main([*words, *map(str, out)]) == 2
        line = capsys.readouterr().err.splitlines()[-1]  # warnings of a measure stand above
        assert FULL in line and str(home) in line, line
        complete = [path for path in home.rglob("*.png") if path.is_file()]
        for path in complete:
            Image.open(path).load()
        assert len(complete) == (10 if name in ("drawn", "translated") else 0), complete
        others = {path.name for path in home.iterdir()} - {"filler", "drawn", "translated"}
        assert others <= {"study.key.json"} and not list(home.rglob("*.part*"))


def test_values_that_do_not_fit_leave_whole_lines(tmp_path, limit):
    path = tmp_path / "measures.jsonl"
    results = [MeasureResult("first", 1.0), MeasureResult("second", 2.0, {"words": "w" * 500})]
    limit(300)
    with pytest.raises(InputError, match="cannot write to .*File too large") as error:
        append_results(path, results)
    assert "\n" not in str(error.value)
    assert path.read_text(encoding="utf-8") == '{"name": "first", "value": 1.0, "protocol": {}}\n'


@pytest.mark.large
def test_measuring_a_run_that_cannot_be_written(tmp_path, disk, capsys):
    home, images = disk(4096), tiny_recipe.images()
    run = home / "run"
    assert exit_code(tiny_recipe, "--data", images, "--run", run, "--steps", 2) == 0
    words = ["measure", str(run), "--against", images, "--measures", "parzen"]
    words += ["--samples", "11", "--split", "train"]
    before = tree(run)
    fill(home, 0)
    read_only = ["mount", "-o", "remount,ro", str(home)]
    for reason, command in ((FULL, ["true"]), ("Read-only file system", read_only)):
        subprocess.run(command, check=True)
        capsys.readouterr()
        assert cli.main(words) == 2
        output = capsys.readouterr()
        line = output.err.splitlines()[-1]  # warnings of a measure stand above
        assert reason in line and str(run) in line, line
        assert "Parzen" in output.out or "parzen" in output.out  # the result is not lost
        assert tree(run) == before
