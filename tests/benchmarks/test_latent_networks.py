"""Games of noise as they are measured: with the same weights, networks of both sides agree.

Where kernels are 5x5 PyTorch pads evenly, which is TensorFlow's padding of mirrored images: there
images, kernels and the maps of dense layers are mirrored along both axes.
"""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_games
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
kinds = {"Conv2d": "Conv", "ConvTranspose2d": "Conv", "Linear": "Dense", "BatchNorm2d": "Norm",
    "BatchNorm1d": "Norm"}
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
    inputs = [torch.from_numpy(arrays[name]) for name in arrays.files if "input" in name]
    np.save(sys.argv[6], network(*inputs).numpy())
"""


def order_of_maps(player, channels, mirror):
    """Where dense layers of PyTorch find each of the numbers of 4x4 maps."""
    places = np.arange(16 * channels).reshape(4, 4, channels)
    places = places[::-1, ::-1] if mirror else places
    # The discriminator flattens channel by channel.
    return (places.transpose(2, 0, 1) if player == "discriminator" else places).ravel()


def weights_of(network, draws, order, mirror):
    """Random weights of a network by the names that `OUTPUTS` reads, in PyTorch's shapes.

    Args:
        network: Keras model.
        draws: NumPy's generator.
        order: `order_of_maps`; empty: no dense layer reads or writes maps.
        mirror: whether kernels are mirrored.
    """
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
                for axis, length in enumerate(value.shape):
                    if kind != "Conv" and len(order) and length >= len(order):
                        places = [*order, *range(len(order), length)]
                        value = value.take(places, axis)
                value = np.flip(value, (0, 1)) if mirror and value.ndim == 4 else value
                axes = {2: (1, 0), 4: (3, 2, 0, 1)}.get(value.ndim, (0,))
                arrays[f"{kind}_{count}_{index}"] = value.transpose(axes)
    return arrays


@needs_torch
@pytest.mark.parametrize(
    "game, channels, mirror", [("sngan", 0, False), ("infogan", 4, False), ("cgan", 4, True)]
)
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_pytorchs_networks_draw_and_score_the_same(game, channels, mirror, player, tmp_path):
    def there(x):
        """Maps channels first, mirrored; one-hot codes of classes."""
        if x.ndim == 4:
            x = np.flip(x, (1, 2)) if mirror else x
            return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return np.eye(tensorflow_games.CLASSES, dtype="f4")[x] if x.ndim == 1 else x

    draws = np.random.default_rng(0)
    network = getattr(tensorflow_side.make_game(game, **SMALL[game]), player)
    arrays = weights_of(network, draws, order_of_maps(player, channels, mirror), mirror)
    inputs = [draws.normal(size=(4, *network.inputs[0].shape[1:])).astype("f4")]
    inputs += [np.int32([3, 17, 0, 3])] * (len(network.inputs) - 1)
    arrays.update({f"input_{index}": there(x) for index, x in enumerate(inputs)})
    np.savez(tmp_path / "arrays.npz", **arrays)
    command = [sys.executable, "-c", OUTPUTS, str(BENCHMARKS), str(tmp_path / "arrays.npz"), game]
    command += [json.dumps(SMALL[game]), player, str(tmp_path / "outputs.npy")]
    subprocess.run(command, check=True)
    outputs = np.load(tmp_path / "outputs.npy")
    scale = np.std(outputs)
    assert scale > 0.01
    here = np.array(network(inputs if len(inputs) > 1 else inputs[0], training=True))
    np.testing.assert_allclose(there(here), outputs, rtol=1e-3, atol=1e-4 * scale)
