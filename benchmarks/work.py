"""How much arithmetic one training step of a game is.

Counted are the multiplications and additions of convolutions and dense layers, from the shapes:
what the algorithm needs, not what a library spends. Norms, activations and optimizers are left
out, so a share of the peak computed from this is a little too low, never too high.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tfgan_suite.layers.pixel_shuffle import ShuffledConv2D


def macs_of(operation: tf.Operation) -> int:
    """Multiply-adds of one operation of a graph for one example; 0 for those without a kernel."""
    if operation.type not in ("Conv2D", "Conv2DBackpropInput", "MatMul"):
        return 0
    kernel, places = operation.inputs[1], operation.outputs[0]
    if operation.type == "Conv2DBackpropInput":  # a transposed convolution
        places = operation.inputs[2]
    # Every weight is used once a place: of what a convolution gives, a transposed one takes.
    return math.prod(kernel.shape) * math.prod(places.shape[:-1])


def network_macs(network: Any, size: int | None = None) -> tuple[int, int]:
    """Multiply-adds of one forward pass of one example: of all layers, and of the first alone.

    Args:
        network: Keras model.
        size: height and width of the images, for a model that takes any.
    """
    shape = (1, *(size if side is None else side for side in network.input_shape[1:]))

    def forward(examples: tf.Tensor) -> tf.Tensor:
        # As it is exported: `small_maps` has other operations for the same arithmetic.
        return network(examples, training=False)

    traced = tf.function(forward).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    late = [layer for layer in network.layers if isinstance(layer, ShuffledConv2D)]
    counts = []
    for operation in traced.graph.get_operations():
        count = macs_of(operation)
        for layer in late:
            if count and f"/{layer.name}" in operation.name:
                # Of the kernel over blocks only the plain kernel's share is needed.
                blocks = math.prod(operation.inputs[1].shape[:2])
                count = count * math.prod(layer.kernel_size) // (blocks * layer.factor**2)
        if count:
            counts.append(count)
    return sum(counts), counts[0]


def step_flops(
    game: str, generator: Any, discriminator: Any, batch: int, size: int | None = None
) -> float:
    """Floating-point operations of one step.

    A pass backwards costs a forward pass for the weights' gradients and one for the inputs',
    less the first layer's where nobody asks for the gradient of the data.

    Args:
        game: `"dcgan"`, `"wgan_gp"`, `"pix2pix"`, `"cyclegan"` or `"srresnet"`.
        generator: its Keras model; of CycleGAN's two, which are alike, either.
        discriminator: likewise; None where there is none.
        batch: examples of one update; of each domain where there are two.
        size: height and width of the images that go in, for networks that take any.
    """
    make, make_first = network_macs(generator, size)
    judge, judge_first = (0, 0) if discriminator is None else network_macs(discriminator, size)
    learn_to_make = 3 * make - make_first  # forward and backward, without the input's gradient
    learn_to_judge = 3 * judge - judge_first
    fool = 2 * judge  # forward and back to the images; the discriminator's weights stay
    if game in ("dcgan", "pix2pix"):
        macs = learn_to_make + 2 * learn_to_judge + fool
    elif game == "wgan_gp":
        # The slope's gradient by the weights goes through the backward pass once more: for every
        # layer the gradient of its kernel and of the gradient that came in.
        penalty = 4 * judge
        macs = 5 * (make + 2 * learn_to_judge + penalty) + learn_to_make + fool
    elif game == "cyclegan":
        # In each direction: a translation, one of a translation back, whose input has a gradient,
        # and one of what is of the target domain already.
        macs = 2 * (2 * learn_to_make + 3 * make + fool + 2 * learn_to_judge)
    elif game == "srresnet":
        macs = learn_to_make
    else:
        raise ValueError(f"the work of game {game!r} is not known")
    return 2.0 * macs * batch
