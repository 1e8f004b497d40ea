"""SIGKILL at 20 random moments of four games: each run goes on and ends as if never killed.

Real processes of real recipes with tiny networks. The weights, the states of the optimizers, the
losses, the sample grids and the exported networks have to be the same bits. Seeded; `SEED` in the
environment selects other moments.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.large

ROOT = Path(__file__).parents[2]
STEPS, EVERY = 90, 5
SAME = ["--steps", STEPS, "--checkpoint-every", EVERY, "--log-every", "15", "--batch", "4"]
GAMES = {
    # From noise, with an averaged generator and R1, and exported.
    "dcgan": ["--data", "shapes", "--size", "16", "--width", "4"],
    # Two translators, two discriminators, two pools of images.
    "cyclegan": ["--size", "16", "--width", "4", "--blocks", "1", "--pool-size", "6"],
    # The refiner alone, the discriminator alone, then both, with a buffer of refined images.
    "simgan": ["--width", "4", "--blocks", "1", "--discriminator-width", "4", "--history", "3",
               "--pretrain-refiner", "30", "--pretrain-discriminator", "15"],
    # With labels and spectral normalization.
    "cgan": ["--data", "shapes", "--size", "16", "--width", "4", "--conditioning", "projection"],
}  # fmt: skip
EXPORTED = "dcgan"
# The first kill falls into the very first checkpoint, the second before a step is trained again.
MOMENTS = ("checkpoint", "start", "step", "checkpoint", "step")


def start(recipe, home, stderr=subprocess.STDOUT, **options):
    """The process of a run; a process group of its own, which a kill does not outlive."""
    words = [ROOT / "recipes" / f"{recipe}.py", "--run", home / "run", *SAME, *GAMES[recipe]]
    export = home / "exports" if recipe == EXPORTED else "none"
    return subprocess.Popen(
        [sys.executable, *map(str, words), "--export", str(export)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE, stderr=stderr, text=True, encoding="utf-8",
        start_new_session=True, **options,
    )  # fmt: skip


def finish(process, codes=(0,)):
    output, _ = process.communicate(timeout=500)
    assert process.returncode in codes, output[-2000:]
    assert "Traceback" not in output, output[-2000:]
    return output


def newest_step(home):
    steps = [int(p.stem.split("-")[1]) for p in (home / "run" / "checkpoints").glob("*.index")]
    return max(steps, default=0)


def wait_for(condition, process, seconds=300.0):
    """Polls until a condition holds or the process has ended."""
    end = time.monotonic() + seconds
    while process.poll() is None and not condition():
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.001)


def wait_until(moment, process, home, draws, number, start_up):
    """Waits for a random moment of a kind; a start-up takes about that many seconds."""
    before = newest_step(home)
    if moment == "start":
        time.sleep(draws.uniform(0.0, start_up))
    elif moment == "checkpoint":
        wait_for(lambda: list((home / "run" / "checkpoints").glob(".saving-*")), process)
        time.sleep(draws.uniform(0.0, 0.03))
    elif moment == "step":
        least = max(before + 1, draws.randint(10 * number, 10 * number + 20))
        wait_for(lambda: newest_step(home) >= least, process)
        time.sleep(draws.uniform(0.0, 0.1))
    else:
        wait_for(lambda: list((home / "exports").glob("*/.export-*")), process)
        time.sleep(draws.uniform(0.0, 5.0))


def kill(process):
    """Whether the process was still running."""
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return running and process.returncode == -signal.SIGKILL


def tensors(folder):
    reader = tf.train.load_checkpoint(str(folder))
    names = reader.get_variable_to_shape_map()
    return {
        name: reader.get_tensor(name)
        for name in names
        if not name.startswith(("save_counter", "_CHECKPOINTABLE"))
    }


def assert_same(home, reference):
    """Two runs hold the same bits, and no part of a file is anywhere."""
    runs = home / "run", reference / "run"
    assert newest_step(home) == newest_step(reference) == STEPS
    folders = [run / "checkpoints" for run in runs]
    if (reference / "exports").exists():
        exports = [next((path / "exports").glob("*/1")) for path in (home, reference)]
        assert [p.name for p in exports[0].parent.iterdir() if p.name.isdigit()] == ["1"]
        assert json.loads((exports[0] / "parity.json").read_text("utf-8"))["ok"]
        folders_of_exports = [export / "variables" / "variables" for export in exports]
        compare(*map(tensors, folders_of_exports), least=4)
        (line,) = (home / "run" / "exports.jsonl").read_text("utf-8").splitlines()
        assert json.loads(line) == {"step": STEPS, "path": str(exports[0])}
    compare(*map(tensors, folders), least=20)
    losses = [(run / "losses.jsonl").read_bytes() for run in runs]
    assert losses[0] == losses[1] and losses[0].count(b"\n") == STEPS // 15
    grids = [{p.name: p.read_bytes() for p in (run / "samples").iterdir()} for run in runs]
    assert grids[0] == grids[1]
    names = [path.name for path in home.rglob("*")]
    assert not [n for n in names if n.startswith((".export-", ".saving-")) or ".part" in n]


def compare(states, expected, least):
    assert states.keys() == expected.keys() and len(states) > least
    for name, array in expected.items():
        np.testing.assert_array_equal(states[name], array, err_msg=name)


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """`references(recipe)`: a run that was never killed, and the seconds to its first save."""
    runs = {}

    def train(recipe):
        if recipe not in runs:
            home, begin = tmp_path_factory.mktemp(recipe), time.monotonic()
            with open(home / "stderr", "wb") as stderr:
                process = start(recipe, home, stderr)
            wait_for(lambda: newest_step(home), process)
            runs[recipe] = home, time.monotonic() - begin
            finish(process)
            # No line of TensorFlow's looks like an error where there is none.
            assert (home / "stderr").read_text("utf-8") == ""
        return runs[recipe]

    return train


@pytest.mark.parametrize("recipe", GAMES)
def test_five_kills_change_nothing(recipe, references, tmp_path):
    moments = [*MOMENTS[:4], "export" if recipe == EXPORTED else "step"]
    draws = np.random.RandomState(int(os.environ.get("SEED", "0")) + sum(recipe.encode()))
    reference, start_up = references(recipe)
    steps = []
    for number, moment in enumerate(moments):
        process = start(recipe, tmp_path)
        wait_until(moment, process, tmp_path, draws, number, start_up)
        assert kill(process), f"it ended before kill {number} ({moment})"
        steps.append(newest_step(tmp_path))
    assert "resuming" in finish(start(recipe, tmp_path))
    print(f"{recipe}: killed at {', '.join(f'{m} {s}' for m, s in zip(moments, steps))}")
    assert_same(tmp_path, reference)


def test_two_polite_stops_and_one_before_the_first_step(references, tmp_path):
    """SIGTERM twice stops at once, Ctrl-C in the start-up too: one line, and the run goes on."""
    process = start("dcgan", tmp_path)
    wait_for((tmp_path / "run" / ".lock").exists, process)
    process.send_signal(signal.SIGINT)
    lines = finish(process, (130,)).splitlines()
    assert lines[-1].endswith("; run the same command again to resume"), lines[-1]
    process = start("dcgan", tmp_path)
    wait_for(lambda: newest_step(tmp_path) >= 20, process)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
    lines = finish(process, (130,)).splitlines()
    assert lines[-1].startswith("stopped") and lines[-1].endswith("again to resume"), lines[-1]
    finish(start("dcgan", tmp_path))
    assert_same(tmp_path, references("dcgan")[0])
