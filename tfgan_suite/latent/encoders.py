"""Encoders that are trained for a fixed generator, so that a photo has a z at once (iGAN, 2016).

min_P  E mean (G(P(x)) - x)^2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.features import weights as feature_weights
from tfgan_suite.latent.space import Inputs, Space
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.networks.blocks import normal, upsampling_plan
from tfgan_suite.utils.files import writing_to

STEPS, BATCH, RATE = 1500, 32, 1e-3
_ENCODE = "encode"


def build_encoder(shape: tuple[int, ...], outputs: int, uniform: bool, width: int = 32):
    """A network as a discriminator's, from images to z.

    Args:
        shape: height, width and channels; square, of a size that DCGAN takes.
        outputs: numbers of z.
        uniform: whether z lies in [-1, 1], which a tanh ensures.
        width: filters of the first convolution.

    Returns:
        Keras model from `(batch, height, width, channels)` in [-1, 1] to `(batch, outputs)`.
    """
    _, halvings = upsampling_plan(shape[0])
    x = image = keras.Input(shape, name="image")
    for level in range(halvings):
        x = Conv2D(width << level, 5, 2, "same", kernel_initializer="he_normal")(x)
        x = compat.LeakyReLU(0.2)(x)
    x = Dense(256, kernel_initializer="he_normal")(keras.layers.Flatten()(x))
    z = Dense(outputs, kernel_initializer=normal())(compat.LeakyReLU(0.2)(x))
    activation = "tanh" if uniform else "linear"
    z = keras.layers.Activation(activation, dtype="float32", name="z")(z)
    return keras.Model(image, z, name="encoder")


def train_encoder(
    space: Space,
    images: np.ndarray | None = None,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> keras.Model:
    """Trains an encoder for a generator that stays as it is.

    Args:
        space: the latent space of a generator whose only input is one z.
        images: float `(count, height, width, channels)` in [-1, 1], real ones; by default the
            generator's own samples, of which another batch is drawn for each step.
        steps: updates.
        batch: images in each.
        seed: of weights and order.
        progress: called with steps done and the loss, every 100 steps.

    Returns:
        The encoder.

    Raises:
        InputError: a generator with other inputs, or steps below 1.
    """
    spec = _only_noise(space)
    if steps < 1:
        raise InputError(f"steps is {steps}; it must be at least 1")
    keras.utils.set_random_seed(seed)
    encoder = build_encoder(space.shape, spec.shape[0], spec.kind == "uniform")
    optimizer = keras.optimizers.Adam(RATE, beta_1=0.5)
    optimizer.build(encoder.trainable_variables)
    generate = space.image_function()
    learning_rate = compat.set_learning_rate

    @tf.function(autograph=False)
    def step(targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            z = encoder(targets, training=True)
            loss = tf.reduce_mean(tf.square(generate({spec.name: z}) - targets))
        variables = encoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    losses = []
    for number, targets in enumerate(_batches(space, images, steps, batch, seed)):
        if number == steps // 2:
            learning_rate(optimizer, RATE / 4)
        losses.append(step(targets))
        if progress is not None and (number + 1) % 100 == 0:
            progress(number + 1, float(np.mean(losses[-100:])))
    return encoder


def _batches(space, images, steps: int, batch: int, seed: int) -> Iterator[tf.Tensor]:
    order = np.random.default_rng(seed)
    for number in range(steps):
        if images is None:
            # Samples far from those that users number.
            inputs = space.draw(-(-batch // 4) * 4, start=2**28 + number * (-(-batch // 4) * 4))
            yield tf.constant(space.generate(inputs)[:batch])
        else:
            rows = order.integers(0, len(images), batch)
            yield tf.constant(np.asarray(images[rows], np.float32))


def encode(space: Space, images: np.ndarray, encoder: keras.Model | None = None) -> Inputs:
    """z of images.

    Args:
        space: the latent space.
        images: float `(count, height, width, channels)` in [-1, 1].
        encoder: from `train_encoder`; None: the signature `encode` of ALI and BiGAN.

    Returns:
        The generator's inputs, `(count, ...)` by name.

    Raises:
        InputError: an encoder of another size, or neither an encoder nor such a signature.
    """
    spec = _only_noise(space)
    images = np.asarray(images, np.float32)
    if encoder is None:
        if not has_encoder(space):
            raise InputError(
                f"{space.generator.name} has no encoder; pass --encoder FILE.keras, which is"
                " trained if there is none, or a run of recipes/ali.py"
            )
        outputs = space.generator.run_signature({"image": images}, _ENCODE)
        return {spec.name: next(iter(outputs.values()))}
    sizes = tuple(encoder.input_shape[1:]), encoder.output_shape[-1]
    if sizes != (tuple(space.shape), spec.shape[0]):
        raise InputError(
            f"the encoder maps images of {sizes[0]} to {sizes[1]} numbers; {space.generator.name}"
            f" needs {tuple(space.shape)} to {spec.shape[0]}: train another one"
        )
    parts = [encoder(images[i : i + 64], training=False) for i in range(0, len(images), 64)]
    return {spec.name: np.concatenate([np.asarray(part) for part in parts])}


def has_encoder(space: Space) -> bool:
    """Whether the generator was trained with an encoder, as in ALI."""
    return _ENCODE in space.generator.signatures


def read(path: Path) -> keras.Model:
    """An encoder that `write` wrote.

    Raises:
        InputError: it cannot be read.
    """
    return feature_weights.read_model(path)


def write(encoder: keras.Model, path: Path) -> None:
    """Writes an encoder as a `.keras` file.

    Raises:
        InputError: it cannot be written.
    """
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        encoder.save(path)


def _only_noise(space: Space) -> Any:
    if len(space.inputs) != 1 or len(space.inputs[0].shape) != 1:
        names = ", ".join(spec.name for spec in space.inputs)
        raise InputError(
            f"{space.generator.name} takes {names}; an encoder infers a single z: use --method"
            " lbfgs or adam"
        )
    return space.inputs[0]
