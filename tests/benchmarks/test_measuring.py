"""Whole runs of the speed benchmark: tiny games measured, workers that fail."""

import contextlib
import json
import os
import subprocess
import sys
import time

import enlarging
import protocol
import pytest
import speed
import tensorflow as tf
import tensorflow_side
from benchmark_games import BENCHMARKS, ENLARGING, SMALL, needs_torch
from protocol import Worker, WorkerError

KEYS = (
    "game size batch precision images_per_s peer_images_per_s ratio fit_overhead"
    " input_images_per_s peak_mib peak_share"
).split()
SHORT = "--rounds 1 --seconds 0.05 --precision float32".split()
TINY = ["--size", "16", "--width", "4", "--batch", "4", *SHORT]


# `tensorflow_side.py` as `speed` starts it, with one more request: whether steps run eagerly.
# What it repeats is called as often as the seconds ask, were it once.
# Its embedded worlds have few images: drawing them takes longer than what is measured.
MEASURING = """
import functools, runpy, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
import protocol, tensorflow as tf
from tfgan_suite.data import talking_faces
from tfgan_suite.data.synthetic import captions
protocol.repeat = functools.partial(protocol.repeat, minimum=1)
serve = protocol.serve
eagerly = {"eagerly": lambda on: tf.config.run_functions_eagerly(on)}
protocol.serve = lambda requests: serve({**requests, **eagerly})
talking_faces._SPEAKERS = {"train": (4, 0), "test": (2, 10_000)}
captions.SPLITS = {name: (54, seed) for name, (_, seed) in captions.SPLITS.items()}
runpy.run_path(sys.argv[1] + "/tensorflow_side.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def measuring():
    """One process of `tensorflow_side` that measures game after game."""
    with Worker([sys.executable, "-c", MEASURING, str(BENCHMARKS)], speed.QUIET) as worker:
        yield worker


@pytest.fixture
def eager_steps(measuring):
    """The process runs the steps of games eagerly: two traces of a translator take much longer."""
    measuring.ask("eagerly", on=True)
    yield
    measuring.ask("eagerly", on=False)


@pytest.fixture
def measured_in_one_process(measuring, monkeypatch):
    """The runs of `speed` share a process: TensorFlow takes longer to start than to measure."""

    def worker(command, environment=None):
        if command == [sys.executable, str(BENCHMARKS / "tensorflow_side.py")]:
            return contextlib.nullcontext(measuring)
        return Worker(command, environment)

    for program in (speed, enlarging):
        monkeypatch.setattr(program, "Worker", worker)
    monkeypatch.setattr(speed, "MATRIX", 256)  # eight products of 2048 take seconds


@pytest.mark.usefixtures("measured_in_one_process")
def test_a_run_gives_a_line_with_all_keys(capfd):
    assert speed.main(["dcgan", "--json", *TINY]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    result = json.loads(line)
    assert set(KEYS) <= set(result)
    assert (result["game"], result["size"], result["batch"]) == ("dcgan", 16, 4)
    assert result["ratio"] is None and result["peer_images_per_s"] is None
    assert result["peer_layout"] is None and result["memory_ratio"] is None
    assert result["cpu_ratio"] is None and result["ratio_range"] is None
    assert result["versions"]["tensorflow"] == tf.__version__ and result["rounds"] == 1
    # All threads of a process may work at once.
    assert 0 < result["cpu_s_per_step"] * result["steps_per_s"] < 1.1 * (os.cpu_count() or 1)
    assert result["fit_overhead_range"] == [result["fit_overhead"]] * 2
    assert result["fit_cpu_overhead"] > -1
    assert result["images_per_s"] == pytest.approx(4 * result["steps_per_s"])
    assert 0 < result["peak_share"] < 1 and result["input_images_per_s"] > 0
    assert result["peak_mib"] > result["loaded_mib"] > 50
    assert all(column[0] in speed.table([result]) for column in speed.COLUMNS[:3])


def test_a_peer_that_cannot_run_is_told(capfd):
    assert speed.main(["dcgan", *TINY, "--against", "torch", "--peer-python", "/no/python"]) == 2
    assert "/no/python cannot be started" in capfd.readouterr().err


def test_a_worker_that_fails_says_why_and_goes_on():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from protocol import serve\n"
        "def divide(by):\n"
        "    print('noise')\n"
        "    return 1 / by\n"
        "serve({'divide': divide})"
    )
    with Worker([sys.executable, "-c", script, str(BENCHMARKS)]) as worker:
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            worker.ask("divide", by=0)
        assert worker.ask("divide", by=4) == 0.25
        assert worker.ask("idle") >= 0 and worker.ask("peak_mib") > 1


def test_cpu_seconds_are_those_of_work_not_of_waiting():
    count, seconds, busy = protocol.timed_steps(lambda: time.sleep(0.05), 0.1)
    assert count >= 3 and seconds >= 0.15 and busy < 0.5 * seconds
    numbers = list(range(100_000))
    _, seconds, busy = protocol.timed_steps(lambda: sum(numbers), 0.2)
    assert 0 < busy < 1.2 * seconds + 0.05


def test_steps_of_different_costs_are_measured_in_whole_periods():
    calls = []
    assert protocol.timed_steps(lambda: calls.append(0), 0.0, 8)[0] == len(calls) == 8
    assert protocol.repeat(lambda: None, 0.0, period=2)[0] == 4  # at least 3
    assert protocol.repeat(lambda: None, 0.0)[0] == 3
    game = tensorflow_side.make_game("stylegan2", **SMALL["stylegan2"])
    assert tensorflow_side._period(game) == game.regularization.r1_every == 8
    assert tensorflow_side._period(tensorflow_side.make_game("pix2pix", **SMALL["pix2pix"])) == 1


@needs_torch
def test_pytorch_flushes_denormals():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torch_side, torch\n"
        "torch.set_num_threads(2)\n"
        "print((torch.full((10**6,), 1e-38) * 1e-2).count_nonzero().item())"
    )
    command = [sys.executable, "-c", script, str(BENCHMARKS)]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "0\n"


@pytest.mark.parametrize(
    "game, players",
    [
        ("sngan", {"generator", "discriminator"}),
        ("infogan", {"generator", "discriminator"}),
        ("cgan", {"generator", "discriminator"}),
        ("pix2pix", {"generator", "discriminator"}),
        ("cyclegan", {"generators", "discriminators"}),
        ("srresnet", {"generator"}),
        ("gan_cls", {"generator", "discriminator"}),
        ("wav2lip", {"generator", "discriminator"}),
        ("stylegan2", {"generator", "discriminator"}),
    ],
)
@pytest.mark.usefixtures("measured_in_one_process", "eager_steps")
def test_a_run_of_a_game_that_takes_more_than_noise(game, players, capfd):
    chosen = {**SMALL, "srresnet": ENLARGING}[game]
    network = [word for name, n in chosen.items() for word in (f"--{name}", str(n))]
    assert speed.main(["--games", game, "--json", "--batch", "2", *network, *SHORT]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    result = json.loads(line)
    assert set(KEYS) <= set(result) and result["game"] == game
    assert set(result["parameters"]) == players
    batches = 5 if game == "sngan" else 1
    assert result["images_per_s"] == pytest.approx(2 * batches * result["steps_per_s"])
    assert 0 < result["peak_share"] < 1 and result["input_images_per_s"] > 0
    assert result["peak_mib"] > result["loaded_mib"] > 50


@pytest.mark.usefixtures("measured_in_one_process")
def test_enlarging_is_measured(capfd):
    words = [word for name, n in ENLARGING.items() for word in (f"--{name}", str(n))]
    words += ["--rounds", "1", "--seconds", "0.05", "--json"]
    assert enlarging.main(words) == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert set(result["sides"]) == {"saved_model", "tflite"} and result["peer_layout"] is None
    made = tensorflow_side.make_game("srresnet", **ENLARGING)
    assert result["parameters"] == {"generator": made.generator.count_params() - 2 * 4 * 3}
    for side in result["sides"].values():
        assert side["images_per_s"] > 0 and side["peak_mib"] > 50 and side["ratio"] is None
        assert side["cpu_s_per_step"] > 0 and side["cpu_ratio"] is None
    assert enlarging.main([*words, "--against", "torch", "--peer-python", "/no/python"]) == 2
    assert "cannot be started" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        enlarging.parse(["--blocks", "0"])


@needs_torch
def test_enlarging_is_compared(capfd):
    words = [word for name, n in ENLARGING.items() for word in (f"--{name}", str(n))]
    words += ["--rounds", "2", "--seconds", "0.05", "--against", "torch"]
    assert enlarging.main([*words, "--json"]) == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert set(result["sides"]) == {"saved_model", "tflite", *speed.LAYOUTS}
    side = result["sides"][result["peer_layout"]]
    assert side["ratio"] == side["cpu_ratio"] == 1.0 and side["ratio_range"] == [1.0, 1.0]
    assert enlarging.main(words) == 0
    assert "| tflite |" in capfd.readouterr().out
