"""CGAN: games conditioned on the class (Mirza 2014; Odena 2017; Miyato 2018)."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples, labels
from tfgan_suite.core.class_conditional_game import ClassConditionalGame
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.games import sngan
from tfgan_suite.layers import spectral
from tfgan_suite.layers.conditioning import (
    ConcatenateLabel,
    ConditionalBatchNormalization,
    OneHot,
    class_loss,
    projection_logit,
)
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import adversarial
from tfgan_suite.networks import blocks

PAPER = "Mirza, Osindero 2014, arXiv:1411.1784"
DATA = "images or points with classes"

CONDITIONINGS = ("concat", "projection", "auxiliary")
ARCHITECTURES = ("conv", "resnet", "dense", "mlp")


def build_generator(
    shape: tuple[int, ...] = (28, 28, 1),
    classes: int = 10,
    conditioning: str = "concat",
    architecture: str = "conv",
    width: int | None = None,
    latent_dim: int = 100,
) -> keras.Model:
    """A class-conditional generator.

    Args:
        shape: of one example: `(height, width, channels)` with equal sides, or `(n,)` for points.
        classes: number of classes, K.
        conditioning: `"concat"` and `"auxiliary"`: a one-hot code of the class beside z and, in
            `"conv"`, again at every layer; `"projection"`: SN-GAN's generator with conditional
            batch norm.
        architecture: `"conv"`, `"dense"` (the paper's fully connected MNIST nets), `"mlp"` (for
            points), and with `"projection"` also `"resnet"` in place of `"dense"`.
        width: channels of the last hidden layer; the units for z in `"dense"`, which has five
            times as many for the class and six times as many for both. Default 64, `"dense"` 200
            (the papers'), `"mlp"` 128, `"projection"` SN-GAN's.
        latent_dim: length of z.

    Returns:
        Model from `[z, label]`, float `(batch, latent_dim)` and int32 `(batch,)`, to examples;
        images are in [-1, 1].

    Raises:
        InputError: an unknown name, or an architecture that does not fit.
    """
    _check(shape, classes, conditioning, architecture, latent_dim=latent_dim)
    latent = keras.Input((latent_dim,), name="z")
    label = keras.Input((), dtype="int32", name="label")
    if conditioning == "projection" and architecture != "mlp":
        example = sngan.generator_layers(
            latent,
            shape,
            architecture,
            width,
            lambda x: ConditionalBatchNormalization(classes)([x, label]),
        )
    elif architecture == "mlp":
        x = ConcatenateLabel(classes)([latent, label])
        example = blocks.mlp(x, 128 if width is None else width, shape[0])
    elif architecture == "dense":
        example = _dense_generated(latent, label, classes, shape, 200 if width is None else width)
    else:
        example = _conv_generated(latent, label, classes, shape, 64 if width is None else width)
    return keras.Model([latent, label], example, name="cgan_generator")


def build_discriminator(
    shape: tuple[int, ...] = (28, 28, 1),
    classes: int = 10,
    conditioning: str = "concat",
    architecture: str = "conv",
    width: int | None = None,
    norm: str = "batch",
) -> keras.Model:
    """A discriminator conditioned on the class, or with `"auxiliary"` one that predicts it.

    Args:
        shape: of one example, as for `build_generator`.
        classes: number of classes, K.
        conditioning: `"concat"`: one-hot code beside the example and again at every layer;
            `"projection"`: spectral layers, `w . phi(x) + b + e_y . phi(x)`; `"auxiliary"`: a
            second head predicts the class, which is not an input.
        architecture: as for `build_generator`.
        width: channels of the first layer; `"dense"`: units for the example. Default 64,
            `"dense"` 240 (the papers'), `"mlp"` 128, `"projection"` SN-GAN's.
        norm: in `"conv"`: `"batch"` (the official code), or `"none"`.

    Returns:
        Model from `[example, label]` to logits `(batch, 1)`; `"auxiliary"`: from examples to
        `[logit, class_logits]`, the latter `(batch, K)`. All float32. Activations are named
        `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown name, or an architecture that does not fit.
    """
    _check(shape, classes, conditioning, architecture)
    if norm not in ("batch", "none"):
        raise InputError(f"norm is {norm!r}; this discriminator takes 'batch' or 'none'")
    example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    label = keras.Input((), dtype="int32", name="label")
    if conditioning == "projection":
        phi = sngan.features(example, architecture, width)
        phi = phi if architecture == "mlp" else sngan.sum_pool(phi)
        logit = projection_logit(phi, label, classes)
        return keras.Model([example, label], logit, name="cgan_discriminator")
    label_input = None if conditioning == "auxiliary" else label
    build = {"conv": _conv_features, "dense": _dense_features, "mlp": _mlp_features}[architecture]
    default = {"conv": 64, "dense": 240, "mlp": 128}[architecture]
    width = default if width is None else width
    blocks.check_positive_integers(width=width)
    x = build(example, label_input, classes, width, norm)
    logit = Dense(1, dtype="float32", name="logit")(x)
    if label_input is not None:
        return keras.Model([example, label], logit, name="cgan_discriminator")
    class_logits = Dense(classes, dtype="float32", name="class_logits")(x)
    return keras.Model(example, [logit, class_logits], name="cgan_discriminator")


class CGAN(ClassConditionalGame):
    """A class-conditional game, in one of three forms.

    ```
    concat      min_G max_D  E log D(x|y) + E log(1 - D(G(z|y)|y)),  generator: -E log D(G(z|y)|y)
    projection  D(x, y) = w . phi(x) + b + e_y . phi(x), the hinge game
    auxiliary   L_D = -(L_S + w L_C),  L_G = -E log D(G(z|y)) - w E log p(y|G(z|y)),
                L_S = E log D(x) + E log(1 - D(G(z|y))),  L_C = E log p(y|x) + E log p(y|G(z|y))
    ```

    Fakes have the classes of the real batch, so classes are as frequent as in the data, and the
    discriminator gets the label that the generator got.

    Args:
        generator: model from `[z, label]` to examples.
        discriminator: from `build_discriminator`; its inputs and outputs decide the game's form.
        classes: number of classes, K.
        loss: adversarial loss. Default None: `"hinge"` for a discriminator with spectral layers,
            else `"non_saturating"`.
        class_weight: w of the auxiliary form. Default 1.
        classify_fakes: whether the discriminator of the auxiliary form learns classes from fakes
            too (default True, the paper) or from real examples only.
        latent: distribution of z, `"normal"` (default) or `"uniform"`.
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `label_smoothing`, `augment` and more; all off by default.

    Example:
        ```
        game = CGAN(build_generator(), build_discriminator(), classes=10)
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(digits)                    # {"image": (128, 28, 28, 1), "label": (128,)}
        twos = game.generate(10, label=2)
        ```

    Reference:
        Mirza, Osindero, "Conditional Generative Adversarial Nets", 2014, arXiv:1411.1784.
        Odena, Olah, Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML
        2017, arXiv:1610.09585. Miyato, Koyama, "cGANs with Projection Discriminator", ICLR 2018,
        arXiv:1802.05637.

    Deviations:
        * No dropout, which a resumed run could not repeat (the papers: 0.5 in the fully connected
          nets and in the auxiliary discriminator).
        * Generators end in tanh, as images are in [-1, 1] (papers: sigmoid, [0, 1]).
        * One step updates the discriminator, then the generator with the same fakes.
    """

    network_ends = ((2,), (1, 2), (1, 2))

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        classes: int,
        loss: str | adversarial.AdversarialLoss | None = None,
        class_weight: float = 1.0,
        classify_fakes: bool = True,
        latent: str = "normal",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "cgan",
        **options: Any,
    ):
        if class_weight < 0:
            raise InputError(f"class_weight is {class_weight}; it must be 0 or more")
        blocks.check_positive_integers(classes=classes)
        if loss is None:
            loss = "hinge" if spectral.spectral_layers(discriminator) else "non_saturating"
        options.update(loss=loss, latent=latent, ema_decay=ema_decay, seed=seed, name=name)
        super().__init__(generator, discriminator, **options)
        self.classes, self.classify_fakes = classes, classify_fakes
        self.class_weight = class_weight
        self.auxiliary = len(discriminator.outputs) > 1
        if self.auxiliary:
            self.loss_names += ("generator/class", "discriminator/class", "discriminator/accuracy")
            self.loss_names += ("discriminator/fake_class",) if classify_fakes else ()

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real, label = examples(batch), labels(batch)
        spectral.run_power_iteration(self.discriminator)
        tape = self.tape("generator")
        with tape:
            fake = self.generator([self.latents(real, "z"), label], training=True)
        self.update(
            "discriminator", lambda: self.discriminator_terms(real, tf.stop_gradient(fake), label)
        )
        self.update("generator", lambda: self.generator_terms(fake, label, real), tape)
        return self.logs()

    def score(self, inputs: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Logits `(batch, 1)`, and class logits `(batch, K)` of the auxiliary form."""
        if self.auxiliary:
            return tuple(self.discriminator(inputs, training=True))
        return self.discriminator([inputs, label], training=True), None

    def discriminator_terms(
        self, real: tf.Tensor, fake: tf.Tensor, label: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator for examples `(batch, ...)` of classes `(batch,)`."""
        score = functools.partial(self.score, label=label)
        (real_logits, real_classes), terms = self.score_real(
            self.augment_inputs(real, "real"), score
        )
        (fake_logits, fake_classes), penalty = self.score_fake(
            self.augment_inputs(fake, "fake"), score
        )
        terms = {**terms, **penalty, **self.adversarial_terms(real_logits, fake_logits)}
        if self.auxiliary:
            terms["class"] = self.class_weight * class_loss(real_classes, label)
            correct = tf.argmax(real_classes, 1, tf.int32) == label
            self.record("discriminator/accuracy", tf.reduce_mean(tf.cast(correct, tf.float32)))
            if self.classify_fakes:
                terms["fake_class"] = self.class_weight * class_loss(fake_classes, label)
        return terms

    def generator_terms(
        self, fake: tf.Tensor, label: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for generated examples of classes `(batch,)`."""
        logits, class_logits = self.score(self.augment_inputs(fake, "generator"), label)
        partner = lambda: self.score(self.augment_inputs(real, "partner"), label)[0]  # noqa: E731
        terms = {"adversarial": self.generator_loss(logits, partner)}
        if self.auxiliary:
            terms["class"] = self.class_weight * class_loss(class_logits, label)
        return terms


def _check(
    shape: tuple[int, ...], classes: int, conditioning: str, architecture: str, **widths: int
) -> None:
    blocks.check_positive_integers(classes=classes, **widths)
    if conditioning not in CONDITIONINGS:
        raise InputError(
            f"conditioning {conditioning!r} is unknown; {must_be(conditioning, CONDITIONINGS)}"
        )
    excluded = "dense" if conditioning == "projection" else "resnet"
    blocks.check_shape(shape, architecture, [name for name in ARCHITECTURES if name != excluded])


def _conv_generated(latent: Any, label: Any, classes: int, shape: tuple, width: int) -> Any:
    blocks.check_positive_integers(width=width)
    base, doublings = blocks.upsampling_plan(shape[0])
    filters = width << (doublings - 1)
    x = latent
    for units in (16 * width, base * base * filters):
        x = Dense(units, kernel_initializer=blocks.normal())(ConcatenateLabel(classes)([x, label]))
        x = keras.layers.ReLU()(blocks.normalized(x, "batch"))
    x = keras.layers.Reshape((base, base, filters))(x)
    for level in reversed(range(doublings)):
        x = ConcatenateLabel(classes)([x, label])
        filters = width << (level - 1) if level else shape[2]
        x = Conv2DTranspose(filters, 5, 2, "same", kernel_initializer=blocks.normal())(x)
        x = keras.layers.ReLU()(blocks.normalized(x, "batch")) if level else x
    return keras.layers.Activation("tanh", dtype="float32", name="image")(x)


def _conv_features(image: Any, label: Any, classes: int, width: int, norm: str) -> Any:
    def with_label(x: Any) -> Any:
        return x if label is None else ConcatenateLabel(classes)([x, label])

    def activated(x: Any, kind: str, index: int) -> Any:
        x = blocks.normalized(x, "batch") if kind == "batch" else x
        return compat.LeakyReLU(0.2, name=f"features_{index}")(x)

    x = image
    _, halvings = blocks.upsampling_plan(image.shape[1])
    for level in range(halvings):
        x = Conv2D(
            width << level, 5, 2, "same", kernel_initializer=blocks.initializer_before(norm)
        )(with_label(x))
        x = activated(x, norm if level else "none", level)
    x = with_label(keras.layers.Flatten()(x))
    x = activated(
        Dense(16 * width, kernel_initializer=blocks.initializer_before(norm))(x), norm, halvings
    )
    return with_label(x)


def _dense_generated(latent: Any, label: Any, classes: int, shape: tuple, width: int) -> Any:
    blocks.check_positive_integers(width=width)
    x = _hidden(latent, width)
    embedding = _hidden(OneHot(classes)(label), 5 * width)
    x = _hidden(keras.layers.Concatenate()([x, embedding]), 6 * width)
    x = Dense(shape[0] * shape[1] * shape[2])(x)
    image = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.layers.Reshape(shape, dtype="float32", name="image")(image)


def _dense_features(image: Any, label: Any, classes: int, width: int, norm: str) -> Any:
    def maxout(x: Any, units: int, pieces: int, name: str | None = None) -> Any:
        return compat.Maxout(units, name=name)(Dense(units * pieces)(x))

    x = maxout(keras.layers.Flatten()(image), width, 5, "features_0")
    if label is not None:
        embedding = maxout(OneHot(classes)(label), max(width * 5 // 24, 1), 5)
        x = keras.layers.Concatenate()([x, embedding])
    return maxout(x, width, 4, "features_1")


def _mlp_features(point: Any, label: Any, classes: int, width: int, norm: str) -> Any:
    x = point
    for layer in range(3):
        x = x if label is None else ConcatenateLabel(classes)([x, label])
        x = keras.layers.ReLU(name=f"features_{layer}")(
            Dense(width, kernel_initializer="he_uniform")(x)
        )
    return x


def _hidden(x: Any, units: int) -> Any:
    return Dense(units, "relu", kernel_initializer="he_uniform")(x)
