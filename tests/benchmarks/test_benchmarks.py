"""The speed benchmark: counts by hand, medians, the table, whole runs of tiny games."""

import contextlib
import importlib.util
import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from harness import path_of, trainable

HERE = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(HERE))

import enlarging  # noqa: E402
import speed  # noqa: E402
import tensorflow_side  # noqa: E402
import work  # noqa: E402
from protocol import Worker, WorkerError  # noqa: E402

from tfgan_suite.games import cyclegan, dcgan, pix2pix, srgan, wgan_gp  # noqa: E402
from tfgan_suite.networks import translators  # noqa: E402

KEYS = (
    "game size batch precision images_per_s peer_images_per_s ratio fit_overhead"
    " input_images_per_s peak_mib peak_share"
).split()
SHORT = "--rounds 1 --seconds 0.05 --precision float32".split()
TINY = ["--size", "16", "--width", "4", "--batch", "4", *SHORT]
# Translators of 32 pixels, as small as their discriminator takes, and games of other inputs.
SMALL = {
    "pix2pix": {"size": 32, "width": 2},
    "cyclegan": {"size": 32, "width": 2, "blocks": 1, "pool": 2},
    "gan_cls": {"size": 16, "width": 4},
    "wav2lip": {"size": 96, "width": 2},
}
ENLARGING = {"size": 32, "width": 4, "blocks": 1}
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the extra bench"
)


def test_multiply_adds_of_a_pass():
    generator = dcgan.build_generator(size=16, channels=3, width=4, latent_dim=10, kernel=4)
    discriminator = dcgan.build_discriminator(size=16, channels=3, width=4, kernel=4)
    dense, up, to_image = 10 * 4 * 4 * 8, 4 * 4 * 16 * 8 * 4, 8 * 8 * 16 * 4 * 3
    assert work.network_macs(generator) == (dense + up + to_image, dense)
    first, second, logit = 8 * 8 * 16 * 3 * 4, 4 * 4 * 16 * 4 * 8, 4 * 4 * 8
    assert work.network_macs(discriminator) == (first + second + logit, first)


def test_first_layers_are_those_that_read_an_input():
    made = tensorflow_side.make_game("gan_cls", size=16, width=2)
    text, up = 1024 * 128, 228 * 16 * 32
    total, first = work.network_macs(made.generator)
    assert first == text and total > text + up
    image = 8 * 8 * 16 * 3 * 2
    assert work.network_macs(made.discriminator)[1] == image + 1024 * 128


def test_work_of_a_step():
    """DCGAN: G 3 passes, D twice 3 and 2 more, less the gradients of data and latents."""
    generator = dcgan.build_generator(size=8, width=4, latent_dim=10, kernel=4)
    discriminator = dcgan.build_discriminator(size=8, width=4, kernel=4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(discriminator)
    assert work.step_flops("dcgan", generator, discriminator, 4) == 2 * 4 * (
        3 * g - g1 + 8 * d - 2 * d1
    )
    generator = wgan_gp.build_generator((8, 8, 3), "conv", 4)
    discriminator = wgan_gp.build_critic((8, 8, 3), "conv", 4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(discriminator)
    discriminator_update = g + 2 * (3 * d - d1) + 4 * d
    assert work.step_flops("wgan_gp", generator, discriminator, 4) == 2 * 4 * (
        5 * discriminator_update + 3 * g - g1 + 2 * d
    )


def test_multiply_adds_of_translators():
    """They take any size, so the size says how often a weight is used."""
    unet = translators.build_unet((32, 32, 3), width=2)
    first = 16 * 16 * 4 * 4 * 3 * 2
    down = [8 * 8 * 2 * 4, 4 * 4 * 4 * 8, 2 * 2 * 8 * 16, 16 * 16]
    up = [16 * 16, 2 * 2 * 32 * 8, 4 * 4 * 16 * 4, 8 * 8 * 8 * 2, 16 * 16 * 4 * 3]
    assert work.network_macs(unet, 32) == (first + 16 * sum(down + up), first)
    resnet = cyclegan.build_generator((32, 32, 3), 2, blocks=1)
    first = 32 * 32 * 7 * 7 * 3 * 2
    strided = 16 * 16 * 2 * 4 + 8 * 8 * 4 * 8
    doubled = 8 * 8 * 8 * 4 + 16 * 16 * 4 * 2
    threes = 9 * (strided + 2 * 8 * 8 * 8 * 8 + doubled)
    assert work.network_macs(resnet, 32) == (2 * first + threes, first)
    discriminator = pix2pix.build_discriminator((32, 32, 3), width=2)
    first = 16 * 16 * 4 * 4 * 6 * 2
    rest = [8 * 8 * 2 * 4, 4 * 4 * 4 * 8, 3 * 3 * 8 * 16, 2 * 2 * 16]
    assert work.network_macs(discriminator, 32) == (first + 16 * sum(rest), first)


def test_work_of_a_translators_step():
    """pix2pix: as DCGAN. CycleGAN: six passes of a generator and of a discriminator."""
    unet = translators.build_unet((32, 32, 3), width=2)
    discriminator = pix2pix.build_discriminator((32, 32, 3), width=2)
    (g, g1), (d, d1) = work.network_macs(unet, 32), work.network_macs(discriminator, 32)
    flops = work.step_flops("pix2pix", unet, discriminator, 3, 32)
    assert flops == 2 * 3 * (3 * g - g1 + 8 * d - 2 * d1)
    resnet = cyclegan.build_generator((32, 32, 3), 2, blocks=1)
    discriminator = cyclegan.build_discriminator(3, 2)
    (g, g1), (d, d1) = work.network_macs(resnet, 32), work.network_macs(discriminator, 32)
    # Six translations; of two of them (those back) the input has a gradient too. Two judgements
    # move generators, four move discriminators.
    flops = work.step_flops("cyclegan", resnet, discriminator, 1, 32)
    assert flops == 2 * (18 * g - 4 * g1 + 2 * 2 * d + 4 * (3 * d - d1))
    with pytest.raises(ValueError, match="'chess'"):
        work.step_flops("chess", resnet, discriminator, 1, 32)


def test_multiply_adds_of_what_enlarges():
    network = srgan.build_generator(width=4, blocks=2)
    first, threes = 64 * 81 * 3 * 4, 64 * 9 * 4 * 4 * 5
    up = 64 * 9 * 4 * 16 + 256 * 9 * 4 * 16
    total = first + threes + up + 1024 * 81 * 4 * 3
    assert work.network_macs(network, 8) == (total, first)
    assert work.step_flops("srresnet", network, None, 5, 8) == 2 * 5 * (3 * total - first)


def test_the_measured_translators_are_the_official_ones():
    sides = speed.GAMES["pix2pix"], speed.GAMES["cyclegan"]
    assert [(side["size"], side["width"], side["batch"]) for side in sides] == [
        (256, 64, 1), (128, 64, 1)
    ]  # fmt: skip
    made = tensorflow_side.make_game("cyclegan", size=128, width=64, blocks=6, pool=50)
    found = {player: sum(sizes) for player, sizes in tensorflow_side.tensors(made).items()}
    assert found == {"generators": 2 * 7_837_699, "discriminators": 2 * 2_764_737}
    assert int(made.pool_a.filled) == int(made.pool_b.filled) == 50
    assert tensorflow_side.make_game("cyclegan", **{**SMALL["cyclegan"], "pool": 0})


def test_the_ratio_is_the_median_of_the_pairs():
    found = speed.compare([10.0, 40.0, 33.0], {"contiguous": [10.0, 20.0, 30.0]})
    assert found.pop("peer_layouts") == {"contiguous": {"images_per_s": 20.0, "ratio": 1.1}}
    assert found == {
        "images_per_s": 33.0, "peer_images_per_s": 20.0, "ratio": 1.1, "peer_layout": "contiguous",
    }  # fmt: skip
    alone = speed.compare([1.0, 5.0, 3.0], {})
    assert alone == {
        "images_per_s": 3.0, "peer_images_per_s": None, "ratio": None, "peer_layout": None,
        "peer_layouts": {},
    }  # fmt: skip


def test_the_faster_layout_counts():
    layouts = {"channels_last": [4.0, 1.0, 4.0], "contiguous": [5.0, 5.0, 5.0]}
    found = speed.compare([10.0, 10.0, 10.0], layouts)
    assert (found["peer_layout"], found["peer_images_per_s"], found["ratio"]) == (
        "contiguous", 5.0, 2.0
    )  # fmt: skip
    assert found["peer_layouts"]["channels_last"] == {"images_per_s": 4.0, "ratio": 2.5}


class Answers:
    """In place of a worker: has its answers ready."""

    def __init__(self, **answers):
        self.ask = answers.__getitem__


def test_memory_is_that_of_the_layout_that_counts():
    own = Answers(peak_mib=300.0, loaded_mib=100.0)
    peers = {
        "channels_last": Answers(peak_mib=400.0, loaded_mib=50.0),
        "contiguous": Answers(peak_mib=200.0, loaded_mib=60.0),
    }
    found = speed._memory(
        own, peers, speed.compare([1.0], {"channels_last": [2.0], "contiguous": [3.0]})
    )
    assert (found["peak_mib"], found["loaded_mib"]) == (300.0, 100.0)
    assert (found["peer_peak_mib"], found["peer_loaded_mib"]) == (200.0, 60.0)
    assert found["memory_ratio"] == 1.5
    assert found["peer_layouts"]["channels_last"]["peak_mib"] == 400.0
    alone = speed._memory(own, {}, speed.compare([1.0], {}))
    assert alone["memory_ratio"] is None and alone["peer_peak_mib"] is None
    # Systems that do not tell.
    unknown = {"contiguous": Answers(peak_mib=None, loaded_mib=None)}
    found = speed._memory(own, unknown, speed.compare([1.0], {"contiguous": [2.0]}))
    assert found["memory_ratio"] is None and found["peak_mib"] == 300.0


def test_different_networks_are_refused():
    def facts(generator, discriminator):
        tensors = {"generator": generator, "discriminator": discriminator}
        return {"parameters": {k: sum(v) for k, v in tensors.items()}, "tensors": tensors}

    assert speed.check_alike(facts([1, 9], [5]), facts([1, 9], [5])) is None
    with pytest.raises(WorkerError, match="10.* parameters here, .*11.* in PyTorch"):
        speed.check_alike(facts([1, 9], [5]), facts([2, 9], [5]))
    with pytest.raises(WorkerError, match="layers of generator have other sizes"):
        speed.check_alike(facts([1, 9], [5]), facts([4, 6], [5]))


def test_the_table_leaves_out_what_was_not_measured():
    text = speed.table([{"precision": "float32", "images_per_s": 12.4, "ratio": None}])
    assert text.splitlines() == ["| precision | images/s |", "| --- | --- |", "| float32 | 12 |"]


def test_slow_rates_keep_their_digits():
    text = speed.table([{"images_per_s": 0.7123, "peer_images_per_s": 65.2, "memory_ratio": 0.9}])
    assert text.splitlines()[-1] == "| 0.71 | 65 | 0.90 |"


def test_the_title_names_what_a_game_has():
    shared = {"threads": 2, "versions": "a 1; b 2"}
    said = speed.title({"game": "pix2pix", **speed.GAMES["pix2pix"], **shared})
    assert said == "pix2pix, size 256, width 64, batch 1, 2 threads; a 1; b 2"


def test_disturbances_are_named():
    assert speed.warnings_about({"others_share": 0.01, "idle_share": 0.0}) == []
    said = speed.warnings_about({"others_share": 0.5, "idle_share": 0.3})
    assert "50%" in said[0] and "30%" in said[1]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ("wgan_gp --kernel 4", "5x5"),
        ("dcgan --kernel 3", "must be 4 or 5"),
        ("dcgan --size 20", "a power of 2, 16 or more"),
        ("srresnet --size 18", "for srresnet it must be a multiple of 4, 32 or more"),
        ("cyclegan --size 16", "for cyclegan it must be a power of 2, 32 or more"),
        ("--games dcgan pix2pix --kernel 4", "pix2pix has no --kernel"),
        ("pix2pix --pool 50", "pix2pix has no --pool"),
        ("cyclegan --pool -1", "must be 0 or more"),
        ("cyclegan --blocks 0", "must be 1 or more"),
        ("dcgan --batch 0", "must be 1 or more"),
        ("dcgan --games pix2pix", "one game, or several"),
        ("--json", "one game, or several"),
        ("x", "invalid choice: 'x'"),
        ("--games dcgan x", "invalid choice: 'x'"),
    ],
)
def test_impossible_options_end_with_2(wrong, said, capsys):
    with pytest.raises(SystemExit) as ended:
        speed.main(wrong.split())
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, games",
    [
        ("dcgan --json", ["dcgan"]),
        ("--json --against torch dcgan", ["dcgan"]),
        ("--games dcgan wgan_gp pix2pix cyclegan", ["dcgan", "wgan_gp", "pix2pix", "cyclegan"]),
    ],
)
def test_games_of_a_command_line(line, games):
    options = speed.parse(line.split())
    assert options.games == games
    for game in games:
        assert speed.network_of(options, game) == speed.GAMES[game]


def test_what_is_given_goes_to_every_game():
    options = speed.parse("--games pix2pix cyclegan --size 64 --batch 2".split())
    assert speed.network_of(options, "pix2pix") == {"size": 64, "width": 64, "batch": 2}
    assert speed.network_of(options, "cyclegan") == {
        "size": 64, "width": 64, "blocks": 6, "pool": 50, "batch": 2,
    }  # fmt: skip


# `tensorflow_side.py` as `speed` starts it, with one more request: whether steps run eagerly.
# What it repeats is called as often as the seconds ask, were it once.
MEASURING = """
import functools, runpy, sys
sys.path.insert(0, sys.argv[1])
import protocol, tensorflow as tf
protocol.repeat = functools.partial(protocol.repeat, minimum=1)
serve = protocol.serve
eagerly = {"eagerly": lambda on: tf.config.run_functions_eagerly(on)}
protocol.serve = lambda requests: serve({**requests, **eagerly})
runpy.run_path(sys.argv[1] + "/tensorflow_side.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def measuring():
    """One process of `tensorflow_side` that measures game after game."""
    with Worker([sys.executable, "-c", MEASURING, str(HERE)], speed.QUIET) as worker:
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
        if command == [sys.executable, str(HERE / "tensorflow_side.py")]:
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


@pytest.mark.parametrize(
    "game, players",
    [
        ("pix2pix", {"generator", "discriminator"}),
        ("cyclegan", {"generators", "discriminators"}),
        ("srresnet", {"generator"}),
        ("gan_cls", {"generator", "discriminator"}),
        ("wav2lip", {"generator", "discriminator"}),
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
    assert result["images_per_s"] == pytest.approx(2 * result["steps_per_s"])
    assert 0 < result["peak_share"] < 1 and result["input_images_per_s"] > 0
    assert result["peak_mib"] > result["loaded_mib"] > 50


def test_a_game_that_fails_does_not_keep_others_from_being_measured(capsys, monkeypatch):
    def measure(options, game, precision):
        if game == "pix2pix":
            raise WorkerError("it broke")
        return {
            **speed.GAMES[game],
            "game": game,
            "precision": precision,
            "images_per_s": 7.0,
            "threads": 2,
            "versions": "v",
            "others_share": 0.0,
            "idle_share": 0.0,
        }

    monkeypatch.setattr(speed, "measure", measure)
    assert speed.main(["--games", "pix2pix", "dcgan", "--precision", "float32"]) == 2
    said = capsys.readouterr()
    assert "pix2pix, float32: not measured: it broke" in said.err
    assert "| float32 | 7.00 |" in said.out and said.out.startswith("dcgan, size 64")


@needs_torch
@pytest.mark.parametrize(
    "game, network",
    [
        ("dcgan", {"size": 16, "width": 4, "kernel": 4}),
        ("dcgan", {"size": 16, "width": 4, "kernel": 5}),
        ("wgan_gp", {"size": 16, "width": 4, "kernel": 5}),
        *SMALL.items(),
        ("srresnet", ENLARGING),
        ("cyclegan", {**SMALL["cyclegan"], "pool": 0}),
    ],
)
@pytest.mark.parametrize(
    "precision, layout", [("float32", "contiguous"), ("bfloat16", "channels_last")]
)
def test_pytorchs_networks_are_the_same(game, network, precision, layout):
    with Worker([sys.executable, str(HERE / "torch_side.py")]) as peer:
        ready = peer.ask(
            "setup", game=game, **network, batch=3, threads=1, precision=precision, layout=layout
        )
        assert peer.ask("steps", seconds=0.01)[0] >= 3
    made = tensorflow_side.make_game(game, **network)
    sizes = tensorflow_side.tensors(made)
    speed.check_alike(
        {"parameters": {k: sum(v) for k, v in sizes.items()}, "tensors": sizes}, ready
    )
    # WGAN-GP's slope is a report, no loss.
    assert set(ready["losses"]) == set(made.loss_names) - {"critic/slope"}
    assert all(math.isfinite(v) and abs(v) < 100 for v in ready["losses"].values())


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
    assert result["sides"][result["peer_layout"]]["ratio"] == 1.0
    assert enlarging.main(words) == 0
    assert "| tflite |" in capfd.readouterr().out


# Answers of a network of torch_games that was given all its weights.
ANSWER = """
import json, sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
import torch_games
given = np.load(sys.argv[2])
network = getattr(torch_games, sys.argv[3])(**json.loads(sys.argv[4])).eval()
parameters = list(network.parameters())
assert len(parameters) == len(given.files) - 1, (len(parameters), len(given.files))
with torch.no_grad():
    for index, parameter in enumerate(parameters):
        value = torch.from_numpy(given[f"weight_{index}"])
        assert parameter.shape == value.shape, (index, parameter.shape, value.shape)
        parameter.copy_(value)
    np.save(sys.argv[5], network(torch.from_numpy(given["images"])).numpy())
"""


@needs_torch
@pytest.mark.parametrize(
    "build, name, arguments, channels",
    [
        (lambda: translators.build_unet((32, 32, 3), width=2), "UNet", {"size": 32, "width": 2}, 3),
        (
            lambda: cyclegan.build_generator((32, 32, 3), 2, blocks=2),
            "resnet_translator", {"width": 2, "blocks": 2}, 3,
        ),
        (
            lambda: pix2pix.build_discriminator((32, 32, 3), width=2),
            "patch_discriminator", {"channels": 6, "width": 2, "norm": "batch"}, 6,
        ),
        (
            lambda: cyclegan.build_discriminator(3, 2),
            "patch_discriminator", {"channels": 3, "width": 2, "norm": "instance"}, 3,
        ),
        (
            lambda: srgan.build_generator(width=4, blocks=2),
            "SRNet", {"width": 4, "blocks": 2}, 3,
        ),
    ],
)  # fmt: skip
def test_pytorchs_translators_answer_the_same(build, name, arguments, channels, tmp_path):
    """With the same weights, layer by layer: same paddings, phases, norms, skips."""
    network, draws = build(), np.random.default_rng(0)
    given = {"images": draws.uniform(-1, 1, (1, channels, 32, 32)).astype("f4")}
    for index, variable in enumerate(trainable([network])):
        value = draws.normal(0.0, 0.3, tuple(variable.shape)).astype("f4")
        if value.ndim == 3:  # slopes
            value = np.abs(value)
        variable.assign(value)
        if name == "SRNet" and "up_" in path_of(variable) and value.shape[-1] == 16:
            # Pixel shuffles read channels (row, column, map), there (map, row, column).
            value = value.reshape(*value.shape[:-1], 4, 4).swapaxes(-1, -2).reshape(value.shape)
        value = value.reshape(-1) if value.ndim == 3 else value
        # Of both kinds of convolution: (height, width, in, out) there is (out, in, height, width).
        given[f"weight_{index}"] = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
    np.savez(tmp_path / "given.npz", **given)
    command = [sys.executable, "-c", ANSWER, str(HERE), str(tmp_path / "given.npz"), name]
    out = tmp_path / "answer.npy"
    subprocess.run([*command, json.dumps(arguments), str(out)], check=True)
    here = network(given["images"].transpose(0, 2, 3, 1), training=False)
    there = np.load(out).transpose(0, 2, 3, 1)
    assert float(np.std(there)) > 1e-3
    np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-3)
