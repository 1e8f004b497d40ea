"""SimGAN: simulated images made realistic, with labels still valid (Shrivastava et al. 2017)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.image_history import ImageHistory
from tfgan_suite.core.phased_training import PhasedTraining
from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.core.translation_game import TranslationGame, from_image
from tfgan_suite.errors import InputError, did_you_mean, must_be
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.losses.self_regularization import FEATURE_TRANSFORMS, FeatureTransform, distance
from tfgan_suite.networks.blocks import check_positive_integers
from tfgan_suite.utils import image_grids

PAPER = "Shrivastava, Pfister, Tuzel, Susskind, Wang, Webb 2017, arXiv:1612.07828"
DATA = "simulated images and real ones, unpaired"

# The discriminator's two classes of a patch. The paper's D(.) is the probability of REFINED.
REAL, REFINED = 0, 1

PHASES = ("refiner", "discriminator", "game")
# The discriminator's convolutions as (multiple of width, kernel, stride), and the stride of the max
# pooling before the third.
_DISCRIMINATORS = {
    "gaze": (((3, 3, 2), (2, 3, 2), (1, 3, 1), (1, 1, 1)), 1),
    "hand": (((3, 7, 4), (2, 5, 2), (1, 3, 2), (1, 1, 1)), 2),
}
SETTINGS = tuple(_DISCRIMINATORS)


def build_refiner(
    channels: int = 1, width: int = 64, blocks: int = 4, kernel: int = 3
) -> keras.Model:
    """The refiner R: residual blocks at full resolution, for images of any size.

    No skip connection joins input and output, so that R must learn the identity; it does so in
    pre-training.

    Args:
        channels: of the images.
        width: channels of the inner maps; paper 64.
        blocks: residual blocks of two 3x3 convolutions; paper 4 (gaze), 10 (hand).
        kernel: kernel size of the first convolution; paper 3 (gaze), 7 (hand).

    Returns:
        Model from images `(batch, height, width, channels)` in [-1, 1] to images of the same
        shape and range.

    Raises:
        InputError: a number that is not a positive integer.
    """
    check_positive_integers(channels=channels, width=width, blocks=blocks, kernel=kernel)
    image = keras.Input((None, None, channels), name="image")
    x = Conv2D(width, kernel, padding="same", activation="relu")(image)
    for _ in range(blocks):
        y = Conv2D(width, 3, padding="same", activation="relu")(x)
        y = Conv2D(width, 3, padding="same")(y)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = Conv2D(channels, 1, name="to_image")(x)
    refined = keras.layers.Activation("tanh", dtype="float32", name="refined")(x)
    return keras.Model(image, refined, name="simgan_refiner")


def build_discriminator(channels: int = 1, width: int = 32, setting: str = "gaze") -> keras.Model:
    """The discriminator D, which classifies every patch on its own, without normalization.

    Args:
        channels: of the images.
        width: channels of the last hidden layers; the first two have 3 and 2 times as many. Paper
            32.
        setting: `"gaze"` (patches of 23x23 pixels, one per 4x4) or `"hand"` (71x71, one per
            32x32).

    Returns:
        Model from images `(batch, height, width, channels)` to logits `(batch, rows, columns,
        2)`, float32, of the classes `REAL` and `REFINED`. 35x55 gives 9x14 patches, 224x224
        with `"hand"` 7x7. Hidden activations are named `features_0` to `features_3`.

    Raises:
        InputError: an unknown setting, a width that is not a positive integer.
    """
    check_positive_integers(channels=channels, width=width)
    if setting not in SETTINGS:
        raise InputError(f"setting is {setting!r}; {must_be(setting, SETTINGS)}")
    layers, pool_stride = _DISCRIMINATORS[setting]
    image = x = keras.Input((None, None, channels), name="image")
    for index, (multiple, kernel, stride) in enumerate(layers):
        if index == 2:
            x = keras.layers.MaxPooling2D(3, pool_stride, "same")(x)
        x = Conv2D(multiple * width, kernel, stride, "same")(x)
        x = keras.layers.ReLU(name=f"features_{index}")(x)
    logits = Conv2D(2, 1, dtype="float32", name="patches")(x)
    return keras.Model(image, logits, name="simgan_discriminator")


def local_loss(logits: tf.Tensor, target: int) -> tf.Tensor:
    """The local adversarial loss: mean cross-entropy over patches and batch.

    Args:
        logits: `(batch, rows, columns, 2)`.
        target: the target class, `REAL` or `REFINED`.
    """
    return -tf.reduce_mean(tf.nn.log_softmax(tf.cast(logits, tf.float32))[..., target])


def sum_to_mean_weight(weight: float, shape: Sequence[int], patches: int) -> float:
    """Converts a lambda for the paper's sums over pixels and patches into one for means.

    Args:
        weight: lambda of code that sums, e.g. 1e-4 to 1 in public ports.
        shape: `(height, width, channels)` of the images.
        patches: patches per image of the discriminator: 126 for gaze.
    """
    height, width, channels = shape
    return weight * height * width * channels / patches


class SimGAN(PhasedTraining, TranslationGame):
    """A refiner R of simulated images x against a discriminator D of local patches.

    ```
    L_D = mean -log D(R(x)) + mean -log(1 - D(y)),      D: probability that a patch is refined
    L_R = mean -log(1 - D(R(x))) + lambda mean |psi(R(x)) - psi(x)|
    ```

    The second term keeps R(x) close to x, so that the labels of x remain valid for R(x). Half of
    the refined images that D sees come from a history of earlier steps.

    A step makes K_g updates of R and then K_d of D, each on different images: `fit` gets batches
    of `(K_g + K_d) * batch`. The first steps are pre-training, one update each: of R by the second
    term alone (without lambda), then of D alone. Pre-training also logs the losses of the player
    that is not updated.

    `refiner/change` is the mean |R(x) - x|, `discriminator/accuracy` the fraction of patches of
    newly refined images that D recognizes: 0.5 to 0.7 is healthy.

    Args:
        refiner: model from images to images of the same shape in [-1, 1].
        discriminator: model from images to logits `(batch, rows, columns, 2)` of `REAL`,
            `REFINED`.
        shape: of the training images; trained networks accept any size.
        feature_transform: psi, what has to be preserved: `"identity"`, `"gradient"` (differences
            between neighbours), `"channel_mean"` (colours may change), or any function from images
            to tensors, such as an extractor of `extractors.load` (its feature maps).
        regularization_weight: lambda; `sum_to_mean_weight` converts values of code that sums.
        refiner_steps: K_g, updates of R per step; paper 2 at first, later 50.
        discriminator_steps: K_d, updates of D per step; paper 1.
        history_size: B, images in the history; 0: D sees only new ones. Ports: 50 batches.
        history_dtype: `"float32"`, or `"uint8"` for a quarter of the memory.
        pretrain_refiner: first steps, which train only R; paper 1,000.
        pretrain_discriminator: steps after them, which train only D; paper 200.
        ema_decay: decay of a moving average of R, which then refines; 0 (the paper): none.
        seed: seed of the history's random choices.

    Example:
        ```
        game = SimGAN(build_refiner(), build_discriminator())
        game.compile(refiner=SGD(1e-3), discriminator=SGD(1e-3))
        game.fit(batches)       # dicts: "simulated", "real" float32 (3 * 512, 35, 55, 1) in [-1, 1]
        refined = game.translate(simulated)
        ```

    Reference:
        Shrivastava, Pfister, Tuzel, Susskind, Wang, Webb, "Learning from Simulated and
        Unsupervised Images through Adversarial Training", CVPR 2017, arXiv:1612.07828.

    Raises:
        InputError: an unknown feature transform, a negative weight or number of steps, a
            discriminator without two logits per patch.

    Deviations:
        * Losses are means over patches, pixels and batch instead of sums, so that lambda does not
          depend on the image size.
        * Until the history holds half a batch (the first step of D), new images replace it: there
          is nothing else to show.
    """

    takes, gives = "simulated", "real"
    phases = PHASES
    loss_names = (
        "refiner/adversarial",
        "refiner/regularization",
        "refiner/change",
        "discriminator/real",
        "discriminator/fake",
        "discriminator/accuracy",
    )

    def __init__(
        self,
        refiner: keras.Model,
        discriminator: keras.Model,
        *,
        shape: tuple[int, int, int] = (35, 55, 1),
        feature_transform: str | FeatureTransform = "identity",
        regularization_weight: float = 1.0,
        refiner_steps: int = 2,
        discriminator_steps: int = 1,
        history_size: int = 25_600,
        history_dtype: str = "float32",
        pretrain_refiner: int = 1000,
        pretrain_discriminator: int = 200,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "simgan",
    ):
        check_positive_integers(
            refiner_steps=refiner_steps, discriminator_steps=discriminator_steps
        )
        if isinstance(feature_transform, str):
            if feature_transform not in FEATURE_TRANSFORMS:
                raise InputError(
                    f"feature_transform is {feature_transform!r}; it must be one of"
                    f" {', '.join(FEATURE_TRANSFORMS)}, or a function"
                    f"{did_you_mean(feature_transform, FEATURE_TRANSFORMS)}"
                )
            feature_transform = FEATURE_TRANSFORMS[feature_transform]
        _check_not_negative(
            regularization_weight=regularization_weight,
            pretrain_refiner=pretrain_refiner,
            pretrain_discriminator=pretrain_discriminator,
            history_size=history_size,
        )
        network_checks.check_network("refiner", refiner, (1,), (1,))
        network_checks.check_network("discriminator", discriminator, (1,), (1,))
        network_checks.check_feeds("refiner", refiner, "discriminator", discriminator, "images")
        if discriminator.output_shape[-1] != 2:
            raise InputError(
                f"the discriminator returns {discriminator.output_shape}; it must return two"
                " logits per patch"
            )
        super().__init__(
            seed=seed, ema_decays={"refiner": ema_decay} if ema_decay else None, name=name
        )
        self.refiner = refiner
        self.discriminator = discriminator
        self.regularization_weight = regularization_weight
        self.refiner_steps, self.discriminator_steps = refiner_steps, discriminator_steps
        self.batches_per_step = refiner_steps + discriminator_steps
        self.pretraining = (pretrain_refiner, pretrain_discriminator)
        # In __dict__, hidden from Keras, which would track a feature network as part of the game.
        self.__dict__["_feature_transform"] = feature_transform
        # Not `history`: Keras stores there what `fit` returns.
        self.image_history = (
            ImageHistory(history_size, shape, seed=seed, dtype=history_dtype)
            if history_size
            else None
        )

    def players(self) -> dict[str, list[keras.Model]]:
        return {"refiner": [self.refiner], "discriminator": [self.discriminator]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        simulated, real = self._parts(batch)
        if self.phase == "refiner":
            self.update("refiner", lambda: self.pretraining_terms(simulated[0]))
            refined = self.refiner(simulated[0], training=False)
            self.record("refiner/adversarial", local_loss(self.discriminator(refined), REAL))
            self._record_terms("discriminator", self.discriminator_terms(real[0], refined))
        elif self.phase == "discriminator":
            self._discriminator_step(simulated[0], real[0], "pretraining")
            self._record_terms("refiner", self.refiner_terms(simulated[0]))
        else:
            for index in range(self.refiner_steps):
                self.update("refiner", functools.partial(self.refiner_terms, simulated[index]))
            for index in range(self.refiner_steps, self.batches_per_step):
                self._discriminator_step(simulated[index], real[index], f"{index}")
        return self.logs()

    def _parts(self, batch: Any) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """The simulated and the real images of each update."""
        batch = unpacked(batch)
        if not isinstance(batch, Mapping) or not {self.takes, self.gives} <= set(batch):
            raise InputError("SimGAN needs batches with the keys 'simulated' and 'real'")
        updates = self.batches_per_step
        # Every n-th image: then any number of replicas forms the same batches.
        simulated, real = (
            [tf.cast(batch[key], tf.float32)[index::updates] for index in range(updates)]
            for key in (self.takes, self.gives)
        )
        return simulated, real

    def refiner_terms(self, simulated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the refiner for simulated images `(batch, height, width, channels)`."""
        refined = self.refiner(simulated, training=True)
        self.record("refiner/change", tf.reduce_mean(tf.abs(refined - simulated)))
        return {
            "adversarial": local_loss(self.discriminator(refined, training=True), REAL),
            "regularization": self.regularization_weight
            * distance(self._feature_transform, refined, simulated),
        }

    def pretraining_terms(self, simulated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss term of the refiner in pre-training: the regularization alone, without lambda."""
        refined = self.refiner(simulated, training=True)
        self.record("refiner/change", tf.reduce_mean(tf.abs(refined - simulated)))
        return {"regularization": distance(self._feature_transform, refined, simulated)}

    def discriminator_terms(
        self, real: tf.Tensor, refined: tf.Tensor, earlier: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator.

        Args:
            real: real images.
            refined: newly refined images.
            earlier: refined images of earlier steps, which weigh as much as the new ones.
        """
        fake = refined if earlier is None else tf.concat([refined, earlier], axis=0)
        logits = self.discriminator(fake, training=True)
        correct = tf.argmax(logits[: refined.shape[0]], axis=-1) == REFINED
        self.record("discriminator/accuracy", tf.reduce_mean(tf.cast(correct, tf.float32)))
        return {
            "real": local_loss(self.discriminator(real, training=True), REAL),
            "fake": local_loss(logits, REFINED),
        }

    def _discriminator_step(self, simulated: tf.Tensor, real: tf.Tensor, salt: str) -> None:
        """One update of D: half of the refined images are new, half come from the history."""
        if self.image_history is None:
            refined = tf.stop_gradient(self.refiner(simulated, training=True))
            self.update("discriminator", lambda: self.discriminator_terms(real, refined))
            return
        if simulated.shape[0] is None or simulated.shape[0] % 2:
            raise InputError(
                f"a batch of {simulated.shape[0]} images per device; with a history it must be"
                " even, for one half newly refined and one half from the history"
            )
        refined = tf.stop_gradient(self.refiner(simulated[::2], training=True))
        earlier = self.image_history.sample(refined, salt, self.steps)
        self.update("discriminator", lambda: self.discriminator_terms(real, refined, earlier))
        self.image_history.push(refined, salt, self.steps)

    def _record_terms(self, player: str, terms: Mapping[str, tf.Tensor]) -> None:
        """Logs the terms of a player that this step does not update."""
        for name, value in terms.items():
            self.record(f"{player}/{name}", value)

    def phase_at(self, step: int) -> str:
        refiner, discriminator = self.pretraining
        return PHASES[(step >= refiner) + (step >= refiner + discriminator)]

    def execution_ends(self) -> tuple[int, ...]:
        refiner, discriminator = self.pretraining
        return refiner, refiner + discriminator

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        (refiner,) = self.ema("refiner")
        return {"serving_default": from_image(refiner)}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A row for each simulated image: it, what becomes of it, and some real image."""
        count = min(len(examples[self.takes]), len(examples[self.gives]))
        simulated, real = examples[self.takes][:count], examples[self.gives][:count]
        return image_grids.rows([simulated, self.translate(simulated), real])

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Reports images that are not refined at all, and a discriminator that wins outright."""
        if self.phase_at(int(self.steps.numpy())) != "game":
            return []
        messages = super().diagnose(logs)
        if logs.get("refiner/change", 1.0) < 0.005:
            messages.append(
                f"the refined images equal their inputs (mean change {logs['refiner/change']:.4f});"
                " likely causes: a regularization_weight that is too large, a discriminator that is"
                " too weak (increase discriminator_steps), or a learning rate that is too small"
                " after long pre-training"
            )
        return messages


def _check_not_negative(**values: float) -> None:
    for name, value in values.items():
        if value < 0:
            raise InputError(f"{name} is {value}; it must be 0 or more")
