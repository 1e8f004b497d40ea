"""StyleGAN2 as it is measured: with the same weights, both sides draw and score the same."""

import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_side
from benchmark_games import BENCHMARKS, needs_torch

# Outputs of a player's network in PyTorch with weights from a file.
OUTPUTS = """
import sys
import numpy as np, torch
sys.path.insert(0, sys.argv[1])
import torch_style
arrays = np.load(sys.argv[2])
game = torch_style.StyleGAN2(size=8, width=2, batch=4)
network = game.players[sys.argv[3]].networks[0]
parameters = list(network.parameters())
weights = [name for name in arrays.files if name.startswith("weight")]
assert len(parameters) == len(weights), (len(parameters), len(weights))
with torch.no_grad():
    for index, parameter in enumerate(parameters):
        value = torch.from_numpy(arrays[f"weight_{index}"])
        assert parameter.shape == value.shape, (index, parameter.shape, value.shape)
        parameter.copy_(value)
    inputs = [torch.from_numpy(arrays[name]) for name in arrays.files if name not in weights]
    outputs = network(inputs[0], inputs[1:]) if len(inputs) > 1 else network(inputs[0])
    np.save(sys.argv[4], outputs.numpy())
"""


def in_order(network, draws):
    """Random weights of a network's layers by class, each class in the order of construction."""
    layers = [layer for layer in network._flatten_layers() if layer.trainable_variables]
    layers = [layer for layer in layers if not hasattr(layer, "layers")]
    numbers = {layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0]) for layer in layers}
    classes = {}
    for layer in sorted(layers, key=numbers.get):
        for variable in layer.trainable_variables:
            variable.assign(draws.normal(0.0, 1.0, tuple(variable.shape)))
        values = [np.array(variable) for variable in layer.trainable_variables]
        classes.setdefault(type(layer).__name__, []).append(values)
    return {name: iter(values) for name, values in classes.items()}


def generator_weights(network, draws):
    """In the order of PyTorch's parameters: constant, mapping, convolutions, RGB."""
    of = in_order(network, draws)
    mapping = [next(of["EqualizedDense"]) for _ in range(4)]
    styled, images = [], []
    for level in range(2):
        for turn in range(2 if level else 1):
            dense, kernel = next(of["EqualizedDense"]), next(of["ModulatedConv2D"])
            if level and not turn:  # PyTorch's transposed convolution runs the other way
                kernel = [kernel[0][::-1, ::-1]]
            styled.append((next(of["NoiseBiasActivation"]), kernel, dense))
        dense, kernel = next(of["EqualizedDense"]), next(of["ModulatedConv2D"])
        images.append((next(of["ChannelBias"]), kernel, dense))
    layers = [next(of["LearnedConstant"]), *mapping]
    layers += [values for parts in (*styled, *images) for values in parts]
    return [value for values in layers for value in values]


def discriminator_weights(network, draws):
    of = in_order(network, draws)
    convolution = of["EqualizedConv2D"]
    first, skip, second = (next(convolution) for _ in range(3))
    layers = [first, skip, second, next(of["EqualizedDownConv2D"]), next(convolution)]
    (kernel, bias), logit = of["EqualizedDense"]
    # Maps are flattened channel by channel there.
    kernel = kernel.reshape(4, 4, -1, kernel.shape[-1]).transpose(2, 0, 1, 3)
    layers += [(kernel.reshape(-1, kernel.shape[-1]), bias), logit]
    return [value for values in layers for value in values]


def pytorchs(value):
    """Dense kernels (out, in), those of convolutions (out, in, height, width), maps channels first.

    Only the learned constant has three axes.
    """
    order = {2: (1, 0), 3: (2, 0, 1), 4: (3, 2, 0, 1)}.get(value.ndim)
    return value if order is None else np.ascontiguousarray(value.transpose(order))


@needs_torch
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_pytorchs_stylegan2_draws_and_scores_the_same(player, tmp_path):
    draws = np.random.default_rng(0)
    network = getattr(tensorflow_side.make_game("stylegan2", size=8, width=2), player)
    order = generator_weights if player == "generator" else discriminator_weights
    arrays = {f"weight_{n}": pytorchs(v) for n, v in enumerate(order(network, draws))}
    shapes = [(4, *tensor.shape[1:]) for tensor in network.inputs]
    inputs = [draws.normal(size=shape).astype("f4") for shape in shapes]
    for index, value in enumerate(inputs):
        arrays[f"input_{index}"] = value.transpose(0, 3, 1, 2) if value.ndim == 4 else value
    np.savez(tmp_path / "arrays.npz", **arrays)
    command = [sys.executable, "-c", OUTPUTS, str(BENCHMARKS), str(tmp_path / "arrays.npz")]
    subprocess.run([*command, player, str(tmp_path / "outputs.npy")], check=True)
    there = np.load(tmp_path / "outputs.npy")
    here = np.array(network(inputs if len(inputs) > 1 else inputs[0], training=True))
    here = here.transpose(0, 3, 1, 2) if here.ndim == 4 else here
    scale = np.std(there)
    assert scale > 0.01
    np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-4 * scale)
