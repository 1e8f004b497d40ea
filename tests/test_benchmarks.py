"""The speed benchmark: counts by hand, medians, the table, and a whole run of a tiny game."""

import importlib.util
import json
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(HERE))

import speed  # noqa: E402
import work  # noqa: E402
from protocol import Worker, WorkerError  # noqa: E402

from tfgan_suite.games import dcgan, wgan_gp  # noqa: E402

KEYS = (
    "game size batch precision images_per_s peer_images_per_s ratio fit_overhead"
    " input_images_per_s peak_mib peak_share"
).split()
TINY = "--size 16 --width 4 --batch 4 --rounds 1 --seconds 0.05 --precision float32".split()


def test_multiply_adds_of_a_pass():
    generator = dcgan.build_generator(size=16, channels=3, width=4, latent_dim=10, kernel=4)
    critic = dcgan.build_critic(size=16, channels=3, width=4, kernel=4)
    dense, up, to_image = 10 * 4 * 4 * 8, 4 * 4 * 16 * 8 * 4, 8 * 8 * 16 * 4 * 3
    assert work.network_macs(generator) == (dense + up + to_image, dense)
    first, second, logit = 8 * 8 * 16 * 3 * 4, 4 * 4 * 16 * 4 * 8, 4 * 4 * 8
    assert work.network_macs(critic) == (first + second + logit, first)


def test_work_of_a_step():
    """DCGAN: G 3 passes, D twice 3 and 2 more, less the gradients of data and latents."""
    generator = dcgan.build_generator(size=8, width=4, latent_dim=10, kernel=4)
    critic = dcgan.build_critic(size=8, width=4, kernel=4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(critic)
    assert work.step_flops("dcgan", generator, critic, 4) == 2 * 4 * (3 * g - g1 + 8 * d - 2 * d1)
    generator = wgan_gp.build_generator((8, 8, 3), "conv", 4)
    critic = wgan_gp.build_critic((8, 8, 3), "conv", 4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(critic)
    critic_update = g + 2 * (3 * d - d1) + 4 * d
    assert work.step_flops("wgan_gp", generator, critic, 4) == 2 * 4 * (
        5 * critic_update + 3 * g - g1 + 2 * d
    )


def test_the_ratio_is_the_median_of_the_pairs():
    found = speed.compare([[10.0, 40.0, 33.0], [10.0, 20.0, 30.0]])
    assert found == {"images_per_s": 33.0, "peer_images_per_s": 20.0, "ratio": 1.1}
    alone = speed.compare([[1.0, 5.0, 3.0]])
    assert alone == {"images_per_s": 3.0, "peer_images_per_s": None, "ratio": None}


def test_the_table_leaves_out_what_was_not_measured():
    text = speed.table([{"precision": "float32", "images_per_s": 12.4, "ratio": None}])
    assert text.splitlines() == ["| precision | images/s |", "| --- | --- |", "| float32 | 12 |"]


def test_disturbances_are_named():
    assert speed.warnings_about({"others_share": 0.01, "idle_share": 0.0}) == []
    said = speed.warnings_about({"others_share": 0.5, "idle_share": 0.3})
    assert "50%" in said[0] and "30%" in said[1]


@pytest.mark.parametrize("wrong", [["wgan_gp", "--kernel", "4"], ["dcgan", "--size", "20"], ["x"]])
def test_impossible_options_end_with_2(wrong):
    with pytest.raises(SystemExit) as ended:
        speed.main(wrong)
    assert ended.value.code == 2


def test_a_run_gives_a_line_with_all_keys(capfd):
    assert speed.main(["dcgan", "--json", *TINY]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    result = json.loads(line)
    assert set(KEYS) <= set(result)
    assert (result["game"], result["size"], result["batch"]) == ("dcgan", 16, 4)
    assert result["ratio"] is None and result["peer_images_per_s"] is None
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
    with Worker([sys.executable, "-c", script, str(HERE)]) as worker:
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            worker.ask("divide", by=0)
        assert worker.ask("divide", by=4) == 0.25
        assert worker.ask("idle") >= 0 and worker.ask("peak_mib") > 1


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the extra bench")
@pytest.mark.parametrize("game, kernel", [("dcgan", 4), ("dcgan", 5), ("wgan_gp", 5)])
@pytest.mark.parametrize(
    "precision, layout", [("float32", "contiguous"), ("bfloat16", "channels_last")]
)
def test_pytorchs_networks_are_the_same(game, kernel, precision, layout):
    with Worker([sys.executable, str(HERE / "torch_side.py")]) as peer:
        ready = peer.ask(
            "setup", game=game, size=16, width=4, kernel=kernel, batch=3, threads=1,
            precision=precision, layout=layout,
        )  # fmt: skip
        assert peer.ask("steps", seconds=0.01)[0] >= 3
    if game == "dcgan":
        shared = {"size": 16, "width": 4, "kernel": kernel}
        players = dcgan.build_generator(**shared), dcgan.build_critic(**shared)
    else:
        shared = {"shape": (16, 16, 3), "architecture": "conv", "width": 4}
        players = wgan_gp.build_generator(**shared), wgan_gp.build_critic(**shared)
    counts = [sum(v.numpy().size for v in player.trainable_variables) for player in players]
    assert ready["parameters"] == {"generator": counts[0], "critic": counts[1]}
    assert all(abs(value) < 100 for value in ready["losses"].values())
