"""What is measured: the official networks, with PyTorch's of the same sizes and answers."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import speed
import tensorflow_side
from benchmark_games import BENCHMARKS, ENLARGING, SMALL, needs_torch
from harness import path_of, trainable
from protocol import Worker

from tfgan_suite.games import cyclegan, pix2pix, srgan
from tfgan_suite.networks import translators


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
    with Worker([sys.executable, str(BENCHMARKS / "torch_side.py")]) as peer:
        ready = peer.ask(
            "setup", game=game, **network, batch=3, threads=1, precision=precision, layout=layout
        )
        assert peer.ask("steps", seconds=0.01)[0] >= 3
    made = tensorflow_side.make_game(game, **network)
    sizes = tensorflow_side.tensors(made)
    parameters = {k: sum(v) for k, v in sizes.items()}
    images = 3 * made.batches_per_step
    speed.check_alike(
        {"parameters": parameters, "tensors": sizes, "images_per_step": images}, ready
    )
    # WGAN-GP's slope is a report, no loss.
    assert set(ready["losses"]) == set(made.loss_names) - {"critic/slope"}
    assert all(math.isfinite(v) and abs(v) < 100 for v in ready["losses"].values())


# Answers of a network in PyTorch that was given all its weights.
ANSWER = """
import json, sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
import torch_enlarging, torch_translation
networks = {**vars(torch_translation), **vars(torch_enlarging)}
given = np.load(sys.argv[2])
network = networks[sys.argv[3]](**json.loads(sys.argv[4])).eval()
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
    command = [sys.executable, "-c", ANSWER, str(BENCHMARKS), str(tmp_path / "given.npz"), name]
    out = tmp_path / "answer.npy"
    subprocess.run([*command, json.dumps(arguments), str(out)], check=True)
    here = network(given["images"].transpose(0, 2, 3, 1), training=False)
    there = np.load(out).transpose(0, 2, 3, 1)
    assert float(np.std(there)) > 1e-3
    np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-3)
