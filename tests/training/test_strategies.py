"""Strategies by name, and training over several processes and devices."""

import json
import socket
import types
from pathlib import Path

import forks
import numpy as np
import pytest
import tensorflow as tf
import tiny_recipe
from harness import run_recipe

from tfgan_suite import InputError
from tfgan_suite.training import strategies

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "helpers" / "tiny_recipe.py"


def test_one_is_the_strategy_in_force():
    assert strategies.get("one") is tf.distribute.get_strategy()
    assert strategies.is_chief(strategies.get("one"))


@pytest.mark.parametrize("name", ["two", "mirrored:many", "one:2", ""])
def test_unknown_strategies_are_refused(name):
    with pytest.raises(InputError, match="one, mirrored, multiworker, tpu"):
        strategies.get(name)


def test_more_devices_than_there_are_is_refused(two_replicas):
    with pytest.raises(InputError, match="mirrored:64"):
        strategies.get("mirrored:64")


@pytest.mark.parametrize("text", ["", "{", '{"cluster": {}}', '{"task": 1, "cluster": {}}'])
def test_multiworker_without_its_configuration_says_how_it_looks(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match='TF_CONFIG.*"worker": \\["host1'):
        strategies.get("multiworker")


def test_tpu_without_a_tpu_says_so(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    if tf.config.list_logical_devices("TPU"):
        pytest.skip("this machine has a TPU")
    with pytest.raises(InputError, match="no TPU.*TPU_NAME"):
        strategies.get("tpu")


@pytest.mark.parametrize(
    "kind, number, jobs, chief",
    [
        ("worker", 0, ("worker",), True),
        ("worker", 1, ("worker",), False),
        ("worker", 0, ("chief", "worker"), False),
        ("chief", 0, ("chief", "worker"), True),
        (None, None, (), True),
    ],
)
def test_one_process_of_many_is_the_chief(kind, number, jobs, chief):
    spec = types.SimpleNamespace(jobs=jobs)
    resolver = types.SimpleNamespace(task_type=kind, task_id=number, cluster_spec=lambda: spec)
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    assert strategies.is_chief(strategy) is chief


def start(folder, *words, **variables):
    words = ["--run", folder, "--data", tiny_recipe.images(), *words]
    return forks.Program(TINY, *words, environment=variables)


def run_here(folder, *words):
    """The recipe in this process, which has TensorFlow loaded; its exit code."""
    return run_recipe(TINY, "--run", folder, "--data", tiny_recipe.images(), *words)


def finish(*processes):
    for process in processes:
        assert process.wait() == 0, process.output()[-3000:]
    return [process.output() for process in processes]


def losses(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run on one device, to compare with."""
    folder = tmp_path_factory.mktemp("runs") / "alone"
    assert run_here(folder, "--steps", "14") == 0
    return folder


def test_a_recipe_on_two_devices_of_one_host(tmp_path, alone):
    (said,) = finish(start(tmp_path / "run", "--steps", "14", "--strategy", "mirrored:2"))
    assert "done: step 14" in said
    compare(losses(tmp_path / "run"), losses(alone))


def test_a_recipe_in_two_processes_over_loopback(tmp_path, alone, capsys):
    ports = [free_port(), free_port()]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    workers = [
        start(
            tmp_path / "run", "--steps", "14", "--strategy", "multiworker",
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]  # fmt: skip
    said = finish(*workers)
    assert "done: step 14" in said[0] and "done" not in said[1]
    compare(losses(tmp_path / "run"), losses(alone))
    assert not list(tmp_path.glob("run/checkpoints_worker*"))
    # What one process trained alone goes on from what two have trained.
    assert run_here(tmp_path / "run", "--steps", "15") == 0
    assert "resuming from step 14 of 15" in "".join(capsys.readouterr())


def compare(found, expected):
    """Batch norm statistics are those of half batches, so the first losses agree only nearly."""
    assert [line["step"] for line in found] == [line["step"] for line in expected] == [7, 14]
    for name in expected[0]:
        assert np.isclose(found[0][name], expected[0][name], rtol=0.1, atol=0.02), name
        assert found[0] != expected[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
