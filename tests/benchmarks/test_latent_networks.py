"""Games of noise as they are measured: with the same weights, networks of both sides agree."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_side
from benchmark_games import BENCHMARKS, SMALL, needs_torch

# Outputs of a player's network in PyTorch with weights from a file, class by class in the order
# of construction.
OUTPUTS = """
import json, sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
import torch_side
arrays = np.load(sys.argv[2])
game = torch_side.GAMES[sys.argv[3]](**json.loads(sys.argv[4]), batch=4)
network = game.players[sys.argv[5]].networks[0]
counts = dict.fromkeys(("Conv", "Dense", "Norm"), 0)
kinds = {"Conv2d": "Conv", "ConvTranspose2d": "Conv", "Linear": "Dense", "BatchNorm2d": "Norm"}
for module in network.modules():
    kind = kinds.get(type(module).__name__.replace("Spectral", ""))
    if kind:
        spectral = [buffer for name, buffer in module.named_buffers() if name == "u"]
        for index, tensor in enumerate([*module.parameters(), *spectral]):
            value = torch.from_numpy(arrays[f"{kind}_{counts[kind]}_{index}"])
            assert tensor.shape == value.shape, (kind, counts, tensor.shape, value.shape)
            tensor.detach().copy_(value)
        counts[kind] += 1
assert sum(counts.values()) == int(arrays["layers"]), counts
with torch.no_grad():
    np.save(sys.argv[6], network(torch.from_numpy(arrays["input"])).numpy())
"""


def weights_of(network, draws):
    """Random weights of a network by the names that `OUTPUTS` reads, in PyTorch's shapes."""
    last = ("to_image", "value", "logit")
    kinds = {"Conv": [], "Dense": [], "Norm": []}
    for layer in network.layers:
        kind = re.search("Conv|Dense|Norm", type(layer).__name__)
        if kind and layer.trainable_variables:
            number = int((re.findall(r"_(\d+)$", layer.name) or [0])[0])
            kinds[kind[0]].append((layer.name in last, number, layer))
    arrays = {"layers": sum(map(len, kinds.values()))}
    for kind, layers in kinds.items():
        for count, (*_, layer) in enumerate(sorted(layers, key=lambda entry: entry[:2])):
            for variable in layer.trainable_variables:
                variable.assign(draws.normal(0.0, 0.5, tuple(variable.shape)))
            values = [np.array(variable) for variable in layer.trainable_variables]
            values += [np.array(layer.direction)] if hasattr(layer, "direction") else []
            for index, value in enumerate(values):
                order = {2: (1, 0), 4: (3, 2, 0, 1)}.get(value.ndim, (0,))
                arrays[f"{kind}_{count}_{index}"] = value.transpose(order)
    return arrays


@needs_torch
@pytest.mark.parametrize("game", ["sngan"])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_pytorchs_networks_draw_and_score_the_same(game, player, tmp_path):
    draws = np.random.default_rng(0)
    network = getattr(tensorflow_side.make_game(game, **SMALL[game]), player)
    inputs = draws.normal(size=(4, *network.inputs[0].shape[1:])).astype("f4")
    there = inputs.transpose(0, 3, 1, 2) if inputs.ndim == 4 else inputs
    np.savez(tmp_path / "arrays.npz", **weights_of(network, draws), input=there)
    command = [sys.executable, "-c", OUTPUTS, str(BENCHMARKS), str(tmp_path / "arrays.npz"), game]
    command += [json.dumps(SMALL[game]), player, str(tmp_path / "outputs.npy")]
    subprocess.run(command, check=True)
    there = np.load(tmp_path / "outputs.npy")
    there = there.transpose(0, 2, 3, 1) if there.ndim == 4 else there
    scale = np.std(there)
    assert scale > 0.01
    here = np.array(network(inputs, training=True))
    np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-4 * scale)
