"""The arithmetic of one training step of a game.

Counts the multiplications and additions of convolutions and dense layers from their shapes: what
the algorithm needs, not what a library spends. Normalization, activations and optimizers are left
out, so that a fraction of the peak computed from this is slightly too low, never too high.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.pixel_shuffle import ShuffledConv2D
from tfgan_suite.networks.style import SYNTHESIS
from tfgan_suite.networks.talking import FRAMES


def macs_of(operation: tf.Operation) -> int:
    """Multiply-adds of one operation of a graph for one example; 0 if it has no kernel."""
    if operation.type not in ("Conv2D", "Conv2DBackpropInput", "MatMul"):
        return 0
    if "MatVec" in operation.name:  # of spectral norms, which does not grow with the batch
        return 0
    kernel, positions = operation.inputs[1], operation.outputs[0]
    if operation.type == "Conv2DBackpropInput":  # a transposed convolution
        positions = operation.inputs[2]
    # Every weight is used once per position: of the output, or of a transposed one's input.
    return math.prod(kernel.shape) * math.prod(positions.shape[:-1])


def network_macs(network: Any, size: int | None = None) -> tuple[int, int]:
    """Multiply-adds of a forward pass of one example: of all layers, and of the first layers.

    First are those that read an input of the network with no other layer between.

    Args:
        network: Keras model.
        size: height and width of the images, for a model that takes any size.
    """

    def forward(*examples: tf.Tensor) -> tf.Tensor:
        # In inference: training on CPUs may use other operations for the same arithmetic.
        return network(examples[0] if len(examples) == 1 else list(examples), training=False)

    specs = [
        tf.TensorSpec((1, *(size if n is None else n for n in tensor.shape[1:])), tensor.dtype)
        for tensor in network.inputs
    ]
    traced = tf.function(forward, autograph=False).get_concrete_function(*specs)
    shuffled = [layer for layer in network.layers if isinstance(layer, ShuffledConv2D)]
    # Their products sum over the batch and have no weights.
    deviations = [f"/{x.name}" for x in network.layers if isinstance(x, MinibatchDeviation)]
    total = first = 0
    for operation in traced.graph.get_operations():
        count = macs_of(operation)
        if any(name in operation.name for name in deviations):
            continue
        for layer in shuffled:
            if count and f"/{layer.name}" in operation.name:
                # Of the kernel over blocks only the part of the plain kernel is needed.
                blocks = math.prod(operation.inputs[1].shape[:2])
                count = count * math.prod(layer.kernel_size) // (blocks * layer.factor**2)
        total += count
        first += count if count and _is_first(operation) else 0
    return total, first


def _is_first(operation: tf.Operation) -> bool:
    """Whether nothing that `macs_of` counts lies between an operation and the inputs."""
    pending, known = [operation], set()
    while pending:
        for tensor in pending.pop().inputs:
            if macs_of(tensor.op):
                return False
            if tensor.op.name not in known:
                known.add(tensor.op.name)
                pending.append(tensor.op)
    return True


def step_flops(
    game: str,
    generator: Any,
    discriminator: Any,
    batch: int,
    size: int | None = None,
    made: Any = None,
) -> float:
    """Floating-point operations of one step.

    A backward pass costs one forward pass for the gradients of the weights and one for those of
    the inputs, less the first layer's if the gradient of the data is not needed.

    Args:
        game: a key of `GAMES` of `speed.py`.
        generator: its Keras model; either of CycleGAN's two, which are alike.
        discriminator: likewise; None if there is none.
        batch: examples of one update; of each domain if there are two.
        size: height and width of the input images, for networks that take any size.
        made: the game, for the networks of Wav2Lip that it does not train, for InfoGAN's Q, for
            the parts of StyleGAN2's generator, and for how often there are penalties.
    """
    generate, generate_first = network_macs(generator, size)
    discriminate, discriminate_first = (
        (0, 0) if discriminator is None else network_macs(discriminator, size)
    )
    # Forward and backward, without the gradient of the input.
    train_generator = 3 * generate - generate_first
    train_discriminator = 3 * discriminate - discriminate_first
    # Forward and back to the images; the discriminator's weights are constant.
    adversarial = 2 * discriminate
    if game in ("dcgan", "pix2pix"):
        macs = train_generator + 2 * train_discriminator + adversarial
    elif game == "wgan_gp":
        # The penalty differentiates the backward pass once more: for every layer, by its kernel
        # and by the gradient that it received.
        penalty = 4 * discriminate
        critic_update = generate + 2 * train_discriminator + penalty
        macs = 5 * critic_update + train_generator + adversarial
    elif game == "sngan":
        # The generator's batch is twice the discriminator's.
        discriminator_update = generate + 2 * train_discriminator
        macs = 5 * discriminator_update + 2 * (train_generator + adversarial)
    elif game == "cyclegan":
        # In each direction: a translation, a translation back, whose input has a gradient, and
        # the translation of an image that is in the target domain already.
        translations = 2 * train_generator + 3 * generate
        macs = 2 * (translations + adversarial + 2 * train_discriminator)
    elif game == "srresnet":
        macs = train_generator
    elif game in ("cgan", "infogan"):
        # R1 uses the forward pass that is there anyway, as in `_style_macs`.
        penalty = 3 * discriminate / made.regularization.r1_every
        macs = train_generator + 2 * train_discriminator + adversarial + penalty
        if game == "infogan":
            # Q reads the trunk's features of fakes, which have gradients, in both updates.
            macs += (3 + 2) * network_macs(made.recognition)[0]
    elif game == "gan_cls":
        # Images for each player; three kinds of pairs.
        macs = generate + train_generator + 3 * train_discriminator + adversarial
    elif game == "wav2lip":
        (face, _), (audio, _) = map(
            network_macs, (made.expert.face_encoder, made.expert.audio_encoder)
        )
        each_frame = train_generator + 2 * train_discriminator + adversarial
        macs = FRAMES * each_frame + 2 * face + audio
    elif game == "stylegan2":
        macs = _style_macs(made, discriminate, discriminate_first)
    else:
        raise ValueError(f"the arithmetic of game {game!r} is unknown")
    return 2.0 * macs * batch


def _style_macs(made: Any, discriminate: int, discriminate_first: int) -> float:
    """Multiply-adds of a step of StyleGAN2 with a loss of pairs, for one image."""
    generator, options = made.generator, made.regularization
    mapping, mapping_first = network_macs(made.mapping(generator))
    synthesis, _ = network_macs(generator.get_layer(SYNTHESIS))
    # Two z for each image, that styles may mix; images for each player.
    drawn = 2 * (3 * mapping - mapping_first) + 3 * synthesis + 2 * mapping + synthesis
    # The generator's update, with the scores of the partners, and the discriminator's.
    scores = 2 * discriminate + discriminate + 2 * (3 * discriminate - discriminate_first)
    # A penalty uses the forward pass that is there anyway: the gradient of the images, and that
    # pass once more for its kernels and for the gradients that it received.
    penalties = sum(3 * discriminate for w in (options.r1_weight, options.r2_weight) if w)
    return drawn + scores + penalties / options.r1_every
