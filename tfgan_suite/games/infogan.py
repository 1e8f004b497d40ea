"""InfoGAN: latent codes that the discriminator can read off the image (Chen et al. 2016)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import batch_size, examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.features import layer_outputs
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.normalization import LayerNormalization
from tfgan_suite.networks import blocks

PAPER = "Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, arXiv:1606.03657"
DATA = "images"

Codes = dict[str, tf.Tensor]
# Limits of learned log deviations, so that the bound cannot grow without limit.
LOG_DEVIATIONS = (-4.0, 1.0)


def build_generator(
    size: int = 28, channels: int = 1, width: int = 64, latent_dim: int = 74, norm: bool = True
) -> keras.Model:
    """The paper's generator: two dense layers, then transposed convolutions with batch norm.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the last hidden layer, each before it has twice as many; the first
            dense layer has 16 times as many units. Paper: 64.
        latent_dim: length of noise and codes together; paper (MNIST) 62 + 10 + 2.
        norm: batch norm after the hidden layers.

    Returns:
        Model from noise, one-hot codes and continuous codes side by side `(batch, latent_dim)`
        to images `(batch, size, size, channels)` in [-1, 1].

    Raises:
        InputError: a size that is not supported, a width below 1.
    """
    blocks.check_positive_integers(channels=channels, width=width, latent_dim=latent_dim)
    base, doublings = blocks.upsampling_plan(size)
    filters = width << (doublings - 1)
    x = latent = keras.Input((latent_dim,), name="z")
    for units in (16 * width, base * base * filters):
        x = Dense(units, use_bias=not norm, kernel_initializer=blocks.normal())(x)
        x = _activated(x, norm)
    x = keras.layers.Reshape((base, base, filters))(x)
    for level in reversed(range(doublings - 1)):
        x = _doubling(width << level, bias=not norm)(x)
        x = _activated(x, norm)
    x = _doubling(channels, bias=True)(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="infogan_generator")


def build_discriminator(
    size: int = 28, channels: int = 1, width: int = 64, norm: str = "batch"
) -> keras.Model:
    """The paper's discriminator: strided convolutions and a dense layer, the trunk, and a head.

    Args:
        size: height and width of the images; `base * 2 ** n` with base 4, 5, 6 or 7.
        channels: 1 or 3.
        width: channels of the first layer, each further one has twice as many; the dense layer
            has 16 times as many units. Paper: 64.
        norm: `"batch"` (paper), `"layer"` or `"none"`; never on the first layer.

    Returns:
        Model from images `(batch, size, size, channels)` to logits `(batch, 1)`, float32. The
        output of the last of its layers `features_0`, `features_1` .. is the trunk, the input of
        `build_recognition`.

    Raises:
        InputError: a size that is not supported, an unknown norm.
    """
    blocks.check_positive_integers(channels=channels, width=width)
    _, halvings = blocks.upsampling_plan(size)
    image = keras.Input((size, size, channels), name="image")
    x = image
    for level in range(halvings):
        layer = blocks.normalization(norm) if level else None
        how = {"use_bias": layer is None, "kernel_initializer": blocks.initializer_before(norm)}
        x = Conv2D(width << level, 4, 2, "same", **how)(x)
        x = layer(x) if layer is not None else x
        x = compat.LeakyReLU(0.1, name=f"features_{level}")(x)
    x = _dense_features(keras.layers.Flatten()(x), 16 * width, norm, f"features_{halvings}")
    logit = Dense(1, kernel_initializer=blocks.normal(), dtype="float32", name="logit")(x)
    return keras.Model(image, logit, name="infogan_discriminator")


def build_recognition(
    features: int = 1024,
    categorical: int = 1,
    classes: int = 10,
    continuous: int = 2,
    width: int = 128,
    learned_deviation: bool = False,
    norm: str = "batch",
) -> keras.Model:
    """The head Q, which infers the codes of an image from the discriminator's trunk.

    Args:
        features: units of the trunk, `16 * width` of the discriminator.
        categorical: number of categorical codes.
        classes: values of each of them.
        continuous: number of continuous codes.
        width: units of the hidden layer; paper 128.
        learned_deviation: also predict the standard deviation of each continuous code. By default
            it is 1 (paper), which bounds the mutual information that can be measured.
        norm: `"batch"` (paper), `"layer"` or `"none"`.

    Returns:
        Model from the trunk `(batch, features)` to float32 `(batch, categorical * classes +
        continuous)`: logits code by code, means, and (learned) log deviations after them.

    Raises:
        InputError: no codes.
    """
    blocks.check_positive_integers(features=features, width=width, classes=classes)
    outputs = categorical * classes + continuous * (2 if learned_deviation else 1)
    if min(categorical, continuous) < 0 or not outputs:
        raise InputError(f"{categorical} + {continuous} codes; expected one or more in all")
    trunk = keras.Input((features,), name="trunk")
    x = _dense_features(trunk, width, norm, "features_0")
    codes = Dense(outputs, kernel_initializer=blocks.normal(), dtype="float32", name="codes")(x)
    return keras.Model(trunk, codes, name="infogan_recognition")


class InfoGAN(LatentGame):
    """A generator whose codes c a head Q on the discriminator's trunk infers from the image.

    ```
    L_I = E log Q(c | G(z, c)) + H(c)  <=  I(c; G(z, c))
    min_D,Q  E softplus(-D(x)) + E softplus(D(G(z, c))) - lambda L_I
    min_G    E softplus(-D(G(z, c))) - lambda L_I
    ```

    `discriminator/mi_cat` and `discriminator/mi_cont` are the two parts of L_I in nats: at most
    `log classes` for each categorical code (2.303 for 10), 0 where Q learns nothing.
    `discriminator/code_accuracy` is Q's accuracy on categorical codes. With both lambdas 0 (a
    plain GAN, the control) Q still learns, but changes neither trunk nor generator.

    Args:
        generator: model from `[z, one-hot codes, continuous codes]` side by side to images.
        discriminator: model from images to logits, with layers `features_..`, the last of them the
            trunk.
        recognition: model from the trunk to Q's parameters; see `build_recognition`.
        categorical: number of categorical codes, uniform. Default 1.
        classes: number of values of each categorical code. Default 10.
        continuous: number of continuous codes, uniform in [-1, 1). Default 2.
        lambda_categorical: weight of the information of categorical codes. Default 1, the paper's.
        lambda_continuous: weight of that of continuous codes. Default 1 (code; paper: smaller).
        loss: name of the adversarial loss. Default `"non_saturating"`, the paper's.
        latent: distribution of z: `"uniform"` in [-1, 1) (default, paper) or `"normal"`.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of noise and codes. Default 0.
        **options: `Regularization`; all off, the default, is the paper.

    Example:
        ```
        game = InfoGAN(build_generator(), build_discriminator(), build_recognition())
        game.compile(generator=Adam(1e-3, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(images, epochs=50)       # float32 (128, 28, 28, 1) in [-1, 1]
        sevens = game.generate(category=[7] * 16)       # one kind of image, not always sevens
        codes = game.infer(images)["category"]
        ```

    Reference:
        Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel, "InfoGAN: Interpretable Representation
        Learning by Information Maximizing Generative Adversarial Nets", NIPS 2016,
        arXiv:1606.03657. Official code: openai/InfoGAN.

    Deviations:
        * Images are in [-1, 1] with tanh, as in all games here, not in [0, 1] with sigmoid.
        * Layers before a batch norm have no bias, which it would cancel.
        * Larger images have more up-blocks, each with twice the channels of the next.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        recognition: keras.Model,
        *,
        categorical: int = 1,
        classes: int = 10,
        continuous: int = 2,
        lambda_categorical: float = 1.0,
        lambda_continuous: float = 1.0,
        loss: str = "non_saturating",
        latent: str = "uniform",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "infogan",
        **options: Any,
    ):
        options.update(loss=loss, latent=latent, ema_decay=ema_decay, seed=seed, name=name)
        super().__init__(generator, discriminator, **options)
        self.recognition = recognition
        self.categorical, self.classes, self.continuous = categorical, classes, continuous
        self.lambdas = {"mi_cat": lambda_categorical, "mi_cont": lambda_continuous}
        self.learned_deviation = self._check_sizes()
        names = layer_outputs.layer_names(discriminator)
        trunk = [layer for layer in names if layer.startswith("features_")][-1]
        # Not an attribute, or Keras would save the discriminator's layers twice.
        self.__dict__["trunk_and_logit"] = layer_outputs.select_outputs(
            discriminator, [trunk, discriminator.layers[-1].name]
        )
        bounds = ("mi_cat",) * bool(categorical) + ("mi_cont",) * bool(continuous)
        self.loss_names += ("generator/information", "discriminator/information")
        self.loss_names += tuple(f"discriminator/{name}" for name in bounds)
        self.loss_names += ("discriminator/code_accuracy",) if categorical else ()

    def _check_sizes(self) -> bool:
        """Whether Q predicts deviations; checks that the three networks agree on the codes."""
        logits = self.categorical * self.classes
        self.noise_dim = self.latent_dim - logits - self.continuous
        deviations = self.recognition.output_shape[-1] - logits - self.continuous
        fits = self.noise_dim >= 1 and deviations in (0, self.continuous)
        if not fits or not logits + self.continuous:
            raise InputError(
                f"{self.categorical} categorical codes of {self.classes} classes and"
                f" {self.continuous} continuous codes do not fit a generator of {self.latent_dim}"
                f" inputs and a recognition head of {self.recognition.output_shape[-1]} outputs;"
                " build all three networks with the same codes"
            )
        if min(self.lambdas.values()) < 0:
            raise InputError(f"lambdas are {list(self.lambdas.values())}; they must be 0 or more")
        return bool(deviations)

    def players(self) -> dict[str, list[keras.Model]]:
        return {
            "generator": [self.generator],
            "discriminator": [self.discriminator, self.recognition],
        }

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        latent, codes = self.sample_latents(real, "z")
        tape = self.tape("generator")
        with tape:
            fake = self.generator(latent, training=True)
        constant = tf.stop_gradient(fake)
        self.update("discriminator", lambda: self.discriminator_terms(real, constant, codes))
        self.update("generator", lambda: self.generator_terms(fake, codes, real), tape)
        return self.logs()

    def sample_latents(self, real: tf.Tensor, salt: str) -> tuple[tf.Tensor, Codes]:
        """The generator's input for a batch, and its codes: `"category"` and `"continuous"`."""
        count = batch_size(real)
        z = self.noise((count, self.noise_dim), salt, self.latent)
        share = self.noise((count, self.categorical), f"{salt}/category", "unit")
        codes = {
            "category": tf.cast(tf.floor(share * self.classes), tf.int32),
            "continuous": self.noise((count, self.continuous), f"{salt}/continuous", "uniform"),
        }
        return self.assemble(z, **codes), codes

    def assemble(self, z: tf.Tensor, category: Any = None, continuous: Any = None) -> tf.Tensor:
        """The generator's input: z, a one-hot vector per code, continuous codes."""
        parts = [tf.cast(z, tf.float32)]
        if self.categorical:
            # A table look-up, because TFLite's int8 kernels have no float one-hot.
            rows = tf.gather(tf.eye(self.classes), category)
            parts.append(tf.reshape(rows, (-1, self.categorical * self.classes)))
        if self.continuous:
            parts.append(tf.cast(continuous, tf.float32))
        return tf.concat(parts, axis=-1)

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor, codes: Codes) -> Codes:
        """Loss terms of discriminator and Q; `codes` are those of `fake`."""
        real_logits, terms = self.score_real(self.augment_inputs(real, "real"))
        (fake_logits, features), penalty = self.score_fake(
            self.augment_inputs(fake, "fake"),
            lambda x: self.trunk_and_logit(x, training=True)[::-1],
        )
        control = not any(self.lambdas.values())
        features = tf.stop_gradient(features) if control else features
        q_params = self.recognition(features, training=True)
        bounds = self.information(q_params, codes)
        weights = dict.fromkeys(bounds, 1.0) if control else self.lambdas
        for name, bound in bounds.items():
            self.record(f"discriminator/{name}", bound)
        if self.categorical:
            correct = tf.argmax(self._split(q_params)[0], -1, tf.int32) == codes["category"]
            self.record("discriminator/code_accuracy", tf.reduce_mean(tf.cast(correct, tf.float32)))
        terms = {**terms, **penalty, **self.adversarial_terms(real_logits, fake_logits)}
        terms["information"] = -tf.add_n([weights[n] * bound for n, bound in bounds.items()])
        return terms

    def generator_terms(self, fake: tf.Tensor, codes: Codes, real: Any = None) -> Codes:
        """Loss terms of the generator for images generated from `codes`."""
        inputs = self.augment_inputs(fake, "generator")
        features, logits = self.trunk_and_logit(inputs, training=True)
        bounds = self.information(self.recognition(features, training=True), codes)
        information = tf.add_n([self.lambdas[name] * bound for name, bound in bounds.items()])
        adversarial = self.generator_loss(logits, lambda: self.partner_outputs(real))
        return {"adversarial": adversarial, "information": -information}

    def information(self, q_params: tf.Tensor, codes: Codes) -> Codes:
        """L_I in nats, summed over codes: `"mi_cat"` and `"mi_cont"`, where there are such codes.

        Args:
            q_params: Q's outputs for the images.
            codes: the codes of the images.
        """
        logits, mean, log_deviation = self._split(q_params)
        bounds = {}
        if self.categorical:
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(codes["category"], logits)
            entropy = self.categorical * math.log(self.classes)
            bounds["mi_cat"] = entropy - tf.reduce_mean(tf.reduce_sum(surprise, -1))
        if self.continuous:
            off = (codes["continuous"] - mean) * tf.exp(-log_deviation)
            likely = -0.5 * tf.square(off) - log_deviation - 0.5 * math.log(2.0 * math.pi)
            entropy = self.continuous * math.log(2.0)
            bounds["mi_cont"] = entropy + tf.reduce_mean(tf.reduce_sum(likely, -1))
        return bounds

    def _split(self, q_params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits `(batch, categorical, classes)`, means and log deviations of Q."""
        q_params = tf.cast(q_params, tf.float32)
        sizes = [self.categorical * self.classes, self.continuous]
        sizes.append(q_params.shape[-1] - sum(sizes))
        logits, mean, log_deviation = tf.split(q_params, sizes, axis=-1)
        if self.learned_deviation:
            log_deviation = tf.clip_by_value(log_deviation, *LOG_DEVIATIONS)
        else:
            log_deviation = tf.zeros_like(mean)
        shape = (-1, self.categorical, self.classes)
        return tf.reshape(logits, shape), mean, log_deviation

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """Inputs: noise `z`; `category`, one or more integers; `continuous`, if any."""
        (generator,) = self.ema("generator")
        inputs = [TensorSpec("z", (self.noise_dim,), kind=self.latent)]
        if self.categorical:
            shape = () if self.categorical == 1 else (self.categorical,)
            inputs.append(TensorSpec("category", shape, "int32", "label", self.classes))
        if self.continuous:
            inputs.append(TensorSpec("continuous", (self.continuous,), kind="uniform"))
        output = TensorSpec("image", tuple(generator.output_shape[1:]))

        def call(**latents: tf.Tensor) -> tf.Tensor:
            return generator(self.assemble(**latents), training=False)

        return {"serving_default": Signature(tuple(inputs), output, call, (generator,))}

    def infer(self, images: np.ndarray, batch: int = 256) -> dict[str, np.ndarray]:
        """The codes that Q infers from images `(count, height, width, channels)` in [-1, 1].

        Returns:
            `"category"` int32 `(count, categorical)`; `"probabilities"` `(count, categorical,
            classes)`; `"continuous"` and `"deviation"` `(count, continuous)`.
        """
        outputs = []
        for start in range(0, len(images), batch):
            part = tf.constant(images[start : start + batch], tf.float32)
            features, _ = self.trunk_and_logit(part, training=False)
            outputs.append(self.recognition(features, training=False))
        logits, mean, log_deviation = self._split(tf.concat(outputs, 0))
        return {
            "category": tf.argmax(logits, -1, tf.int32).numpy(),
            "probabilities": tf.nn.softmax(logits).numpy(),
            "continuous": mean.numpy(),
            "deviation": tf.exp(log_deviation).numpy(),
        }

    def recalibration_batch(self, specs: Sequence[TensorSpec], index: int) -> tf.Tensor:
        """64 inputs of the generator, the same in every run with this seed."""
        seeds = itertools.count(1000 * index)
        return self.assemble(**{s.name: s.draw(64, [self.seed, next(seeds)]) for s in specs})


def _activated(x: Any, norm: bool) -> Any:
    return keras.layers.ReLU()(blocks.normalized(x, "batch") if norm else x)


def _doubling(filters: int, bias: bool) -> keras.layers.Layer:
    return Conv2DTranspose(filters, 4, 2, "same", use_bias=bias, kernel_initializer=blocks.normal())


def _dense_features(x: Any, units: int, norm: str, name: str) -> Any:
    layer = LayerNormalization() if norm == "layer" else blocks.normalization(norm)
    x = Dense(units, use_bias=layer is None, kernel_initializer=blocks.initializer_before(norm))(x)
    return compat.LeakyReLU(0.1, name=name)(layer(x) if layer is not None else x)
