"""GRAN: a recurrent generator that draws its image in steps (Im, Kim, Jiang, Memisevic 2016)."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.adversarial_model import variables_of
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.core.signatures import Signature
from tfgan_suite.errors import InputError
from tfgan_suite.features import layer_outputs
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    initializer_before,
    normal,
    normalization,
    upsampling_plan,
)

PAPER = "Im, Kim, Jiang, Memisevic 2016, arXiv:1602.05110"
DATA = "images"


@compat.register_layer
class ScaleShift(keras.layers.Layer):
    """`gamma * x + beta` by channel: the trainable part of batch norm, shared by all steps."""

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=normal(0.02, 1.0))
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        gamma, beta = (tf.convert_to_tensor(v) for v in (self.gamma, self.beta))
        return inputs * tf.cast(gamma, inputs.dtype) + tf.cast(beta, inputs.dtype)


class _Normalized:
    """A layer, then batch norm: weights, gamma and beta shared over time, statistics not.

    The distribution of a layer's outputs changes from step to step. With one set of moving
    averages for all steps, inference would generate other images than training.
    """

    def __init__(self, layer: keras.layers.Layer, norm: bool):
        self.layer, self.name = layer, layer.name
        self.shared = ScaleShift(name=f"{self.name}_scale") if norm else None

    def __call__(self, x: Any, step: int) -> Any:
        x = self.layer(x)
        if self.shared is None:
            return x
        own = compat.BatchNormalization(
            center=False, scale=False, name=f"{self.name}_statistics_{step}"
        )
        return self.shared(own(x))


def build_generator(
    size: int = 32,
    channels: int = 3,
    width: int = 256,
    latent_dim: int = 100,
    steps: int = 5,
    hidden: int = 100,
    encoder_width: int = 0,
    noise_per_step: bool = False,
    norm: bool = True,
) -> keras.Model:
    """The recurrent generator, unrolled: T additions to one canvas.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the decoder's last hidden layer; each before it has twice as many.
            Official code: 256 at 32 pixels, 128 at 28, 172 at 64.
        latent_dim: length of the noise of a step.
        steps: T; paper 1, 3 and 5. With 1 there is no encoder: a DCGAN.
        hidden: length of the hidden states h_z and h_c.
        encoder_width: channels of the encoder's first layer, each further one has twice as
            many; 0: `width`.
        noise_per_step: every step has its own noise, and z is T times as long. By default every
            step gets the same noise, as in the official code, which draws T times as much.
        norm: batch norm, with separate statistics for every step.

    Returns:
        Model from z `(batch, latent_dim)`, or `(batch, T * latent_dim)`, to images `(batch,
        size, size, channels)` in [-1, 1]. Layers `delta_1` .. `delta_T` are the additions
        to the canvas.

    Raises:
        InputError: a size that is not supported, a width below 1.
    """
    check_positive_integers(
        channels=channels, width=width, latent_dim=latent_dim, steps=steps, hidden=hidden
    )
    check_positive_integers(encoder_width=encoder_width or width)
    base, doublings = upsampling_plan(size)
    read = _Normalized(Dense(hidden, use_bias=not norm, name="read_noise"), norm)
    decode = _Decoder(base, doublings, channels, width, norm)
    encode = _Encoder(doublings, encoder_width or width, hidden, norm)
    latent = keras.Input((latent_dim * (steps if noise_per_step else 1),), name="z")
    h_z = keras.layers.Activation("tanh")(read(_part(latent, 1, steps, noise_per_step), 1))
    delta: Any = None
    h_c = canvas = None
    for step in range(1, steps + 1):
        if step > 1:
            h_c = encode(delta, step)
            if noise_per_step:
                part = _part(latent, step, steps, noise_per_step)
                h_z = keras.layers.Activation("tanh")(read(part, step))
        outputs = decode(h_z, h_c, step)
        delta = keras.layers.Activation("linear", dtype="float32", name=f"delta_{step}")(outputs)
        canvas = delta if canvas is None else keras.layers.Add(dtype="float32")([canvas, delta])
    # 2 sigmoid(c) - 1 = tanh(c / 2): the paper's canvas in [0, 1], moved to [-1, 1].
    canvas = keras.layers.Rescaling(0.5, dtype="float32")(canvas)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(canvas)
    return keras.Model(latent, image, name="gran_generator")


def _part(latent: Any, step: int, steps: int, noise_per_step: bool) -> Any:
    """The noise of one step: a part of z, or all of it."""
    if not noise_per_step or steps == 1:
        return latent
    rows = keras.layers.Reshape((steps, latent.shape[-1] // steps))(latent)
    return keras.layers.Flatten()(keras.layers.Cropping1D((step - 1, steps - step))(rows))


class _Decoder:
    """f: hidden states to an addition to the canvas, linear at the end."""

    def __init__(self, base: int, doublings: int, channels: int, width: int, norm: bool):
        filters = width << (doublings - 1)
        self.base, self.filters = base, filters
        units = base * base * filters
        # Two products instead of one with h_z and h_c concatenated: the same result, but h_z in
        # several concatenations of different ranges cannot be quantised to int8.
        self.from_noise = Dense(
            units, use_bias=not norm, kernel_initializer=normal(), name="from_noise"
        )
        self.from_state = Dense(
            units, use_bias=False, kernel_initializer=normal(), name="from_state"
        )
        self.project = _Normalized(keras.layers.Activation("linear", name="project"), norm)
        self.hidden = [
            _Normalized(_doubling(width << level, f"up_{level}", not norm), norm)
            for level in reversed(range(doublings - 1))
        ]
        self.last = _doubling(channels, "to_delta", True)

    def __call__(self, h_z: Any, h_c: Any | None, step: int) -> Any:
        x = self.from_noise(h_z)
        if h_c is not None:  # it is 0 at the first step
            x = keras.layers.Add()([x, self.from_state(h_c)])
        x = self.project(x, step)
        x = keras.layers.Reshape((self.base, self.base, self.filters))(x)
        x = keras.layers.ReLU()(x)
        for layer in self.hidden:
            x = keras.layers.ReLU()(layer(x, step))
        return self.last(x)


class _Encoder:
    """g: an addition to the canvas to the hidden state h_c of the next step."""

    def __init__(self, halvings: int, width: int, hidden: int, norm: bool):
        self.layers = [
            Conv2D(
                width << level,
                5,
                2,
                "same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"read_{level}",
            )
            for level in range(halvings)
        ]
        self.last = _Normalized(Dense(hidden, use_bias=not norm, name="read_delta"), norm)

    def __call__(self, delta: Any, step: int) -> Any:
        for layer in self.layers:
            delta = layer(delta)
        x = self.last(keras.layers.Flatten()(delta), step)
        return keras.layers.Activation("tanh", name=f"h_c_{step}")(x)


def _doubling(filters: int, name: str, bias: bool) -> keras.layers.Layer:
    return Conv2DTranspose(
        filters, 5, 2, "same", use_bias=bias, kernel_initializer=normal(), name=name
    )


def build_discriminator(
    size: int = 32,
    channels: int = 3,
    width: int = 256,
    norm: str = "batch",
    hidden: int = 100,
) -> keras.Model:
    """The official discriminator, whose widths decrease with depth.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the last convolution; each before it has twice as many. Official
            code: 256 at 32 pixels (1024, 512, 256), 40 at 28 (80, 40), 172 at 64.
        norm: `"batch"` (paper), `"layer"`, `"instance"` or `"none"`; never on the first layer.
        hidden: units of the dense layer before the logit, with tanh.

    Returns:
        Model from images `(batch, size, size, channels)` to logits `(batch, 1)`, float32.

    Raises:
        InputError: a size that is not supported, an unknown norm.
    """
    check_positive_integers(channels=channels, width=width, hidden=hidden)
    _, halvings = upsampling_plan(size)
    image = keras.Input((size, size, channels), name="image")
    x = image
    for level in range(halvings):
        layer = normalization(norm) if level else None
        filters = width << (halvings - 1 - level)
        how = {"use_bias": layer is None, "kernel_initializer": initializer_before(norm)}
        x = Conv2D(filters, 5, 2, "same", **how)(x)
        x = layer(x) if layer is not None else x
        x = compat.LeakyReLU(0.2, name=f"features_{level}")(x)
    x = Dense(hidden)(keras.layers.Flatten()(x))
    x = keras.layers.Activation("tanh", name=f"features_{halvings}")(x)
    logit = Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="gran_discriminator")


class GRAN(LatentGame):
    """A recurrent generator, which reads its own output to draw more, against a discriminator.

    ```
    h_z = tanh(BN(W z)),   delta_t = f(h_z, h_t),   h_t+1 = tanh(BN(g(delta_t))),   h_1 = 0
    C = sum_t delta_t,  image = 2 sigmoid(C) - 1
    min_D  E softplus(-D(x)) + E softplus(D(image)),     min_f,g  E softplus(-D(image))
    ```

    Args:
        generator: model from z to images in [-1, 1], with layers `delta_1` .. `delta_T`.
        discriminator: model from images to logits `(batch, 1)`.
        loss: name of the adversarial loss. Default `"non_saturating"`, the paper's.
        latent: distribution of z: `"normal"` (default, official code) or `"uniform"`.
        weight_decay: weight of the discriminator's L2 penalty, on the sum of its squared weights;
            paper 5e-6. Default 0.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`; all off, the default, is the paper.

    Example:
        ```
        game = GRAN(build_generator(steps=3), build_discriminator())
        game.compile(generator=Adam(1e-4, 0.5), discriminator=Adam(4e-5, 0.5))
        game.fit(images, epochs=20)       # float32 (batch, 32, 32, 3) in [-1, 1]
        canvases = game.canvases(8)       # (8, 3, 32, 32, 3): the canvas after every step
        ```

    Reference:
        Im, Kim, Jiang, Memisevic, "Generating Images with Recurrent Adversarial Networks", 2016,
        arXiv:1602.05110. Its GAM battle is `measures.gam`.

    Deviations:
        * Images are 2 sigmoid(C) - 1, in [-1, 1] as in all games of this suite, not sigmoid(C).
        * Every step has its own batch norm statistics, because shared moving averages would fit no
          step; gamma and beta are shared, as the weights are.
        * The discriminator's first convolution has no batch norm and the others have leaky ReLUs,
          as in DCGAN.
        * Adam with beta 0.5 and 0.999 is recommended, because the official script's decay of beta
          leaves no momentum after the first step.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        latent: str = "normal",
        weight_decay: float = 0.0,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "gran",
        **options: Any,
    ):
        options.update(loss=loss, latent=latent, ema_decay=ema_decay, seed=seed, name=name)
        super().__init__(generator, discriminator, **options)
        if weight_decay < 0:
            raise InputError(f"weight_decay is {weight_decay}; it must be 0 (off) or more")
        self.weight_decay = weight_decay
        self.loss_names += ("discriminator/weight_decay",) if weight_decay else ()

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        tape = self.tape("generator")
        with tape:
            fake = self.generator(self.latents(real, "z"), training=True)
        self.update("discriminator", lambda: self.discriminator_terms(real, tf.stop_gradient(fake)))
        self.update("generator", lambda: self.generator_terms(fake, real), tape)
        return self.logs()

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for images `(batch, height, width, channels)`."""
        real_logits, terms = self.score_real(self.augment_inputs(real, "real"))
        fake_logits, penalty = self.score_fake(self.augment_inputs(fake, "fake"))
        terms = {**terms, **penalty, **self.adversarial_terms(real_logits, fake_logits)}
        if self.weight_decay:
            weights = [
                v for v in variables_of(self.discriminator.trainable_variables) if len(v.shape) > 1
            ]
            squares = [tf.reduce_sum(tf.square(tf.cast(w, tf.float32))) for w in weights]
            terms["weight_decay"] = self.weight_decay * tf.add_n(squares)
        return terms

    def generator_terms(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for generated examples; `real` are their partners in pairs."""
        logits = self.discriminator(self.augment_inputs(fake, "generator"), training=True)
        return {"adversarial": self.generator_loss(logits, lambda: self.partner_outputs(real))}

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: z to image; `canvases`: z to a strip of all canvases."""
        signatures = super().signatures()
        image = signatures["serving_default"]
        (generator,) = image.networks
        height, width, channels = generator.output_shape[1:]
        names = delta_names(generator)
        deltas = layer_outputs.select_outputs(generator, names)

        def strip(z: tf.Tensor) -> tf.Tensor:
            outputs = deltas(z, training=False)
            return tf.concat(cumulative_canvases(tf.nest.flatten(outputs)), axis=2)

        shape = (height, width * len(names), channels)
        output = dataclasses.replace(image.output, shape=shape)
        return {**signatures, "canvases": dataclasses.replace(image, output=output, call=strip)}

    def canvases(self, count: int = 1, seed: int = 0) -> np.ndarray:
        """The canvas after every step, in [-1, 1], for the images of `generate(count, seed)`.

        Returns:
            float32 array `(count, T, height, width, channels)`; the last is the image.
        """
        signature = self.signatures()["canvases"]
        strip = signature.call(z=signature.inputs[0].draw(count, seed=[seed, 0])).numpy()
        steps = len(delta_names(self.generator))
        return np.stack(np.split(strip, steps, axis=2), axis=1)


def delta_names(generator: keras.Model) -> list[str]:
    """Names of the layers `delta_1` .. `delta_T`, whose outputs add up to the canvas."""
    return [name for name in layer_outputs.layer_names(generator) if name.startswith("delta_")]


def cumulative_canvases(deltas: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Canvases in [-1, 1] after every step: `tanh` of half the sum so far."""
    sums = itertools.accumulate(tf.cast(delta, tf.float32) for delta in deltas)
    return [tf.tanh(0.5 * canvas) for canvas in sums]
