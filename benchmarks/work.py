"""How much arithmetic one training step of a game is.

Counted are the multiplications and additions of convolutions and dense layers, from the shapes:
what the algorithm needs, not what a library spends. Norms, activations and optimizers are left
out, so a share of the peak computed from this is a little too low, never too high.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def macs_of(layer: Any) -> int:
    """Multiply-adds of one Keras layer for one example; 0 for layers without a kernel."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    weights = int(np.prod(kernel.shape))
    # Every weight is used once a pixel: of the output, or of the input where that is smaller.
    before, after = (_pixels(tensor) for tensor in (layer.input, layer.output))
    return weights * min(before, after)


def network_macs(network: Any) -> tuple[int, int]:
    """Multiply-adds of one forward pass of one example: of all layers, and of the first alone."""
    counts = [count for count in map(macs_of, network.layers) if count]
    return sum(counts), counts[0]


def step_flops(game: str, generator: Any, critic: Any, batch: int) -> float:
    """Floating-point operations of one step.

    A pass backwards costs a forward pass for the weights' gradients and one for the inputs',
    less the first layer's where nobody asks for the gradient of the data.

    Args:
        game: `"dcgan"` or `"wgan_gp"`.
        generator: its Keras model.
        critic: its Keras model.
        batch: examples of one update.
    """
    make, make_first = network_macs(generator)
    judge, judge_first = network_macs(critic)
    learn_to_make = 3 * make - make_first  # forward and backward, without the latent's gradient
    learn_to_judge = 3 * judge - judge_first
    fool = 2 * judge  # forward and back to the pictures; the critic's weights stay
    if game == "dcgan":
        macs = learn_to_make + 2 * learn_to_judge + fool
    elif game == "wgan_gp":
        # The slope's gradient by the weights goes through the backward pass once more: for every
        # layer the gradient of its kernel and of the gradient that came in.
        penalty = 4 * judge
        macs = 5 * (make + 2 * learn_to_judge + penalty) + learn_to_make + fool
    else:
        raise ValueError(f"the work of game {game!r} is not known")
    return 2.0 * macs * batch


def _pixels(tensor: Any) -> int:
    return int(np.prod(tensor.shape[1:-1])) if len(tensor.shape) > 2 else 1
