"""SimGAN: simulated images made real, their labels kept true (Shrivastava et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.image_history import History
from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.core.translation_game import TranslationGame, from_image
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.networks.blocks import check_positive_integers
from tfgan_suite.utils import image_grids

PAPER = "Shrivastava, Pfister, Tuzel, Susskind, Wang, Webb 2017, arXiv:1612.07828"
DATA = "simulated images and real ones, unpaired"

# The discriminator's two outputs for a patch. The paper's D(.) is the probability of REFINED.
REAL, REFINED = 0, 1

PHASES = ("refiner", "discriminator", "game")
# Convolutions of the discriminator as (channels in widths, kernel, stride), and the pool's stride, which
# stands before the third.
_DISCRIMINATORS = {
    "gaze": (((3, 3, 2), (2, 3, 2), (1, 3, 1), (1, 1, 1)), 1),
    "hand": (((3, 7, 4), (2, 5, 2), (1, 3, 2), (1, 1, 1)), 2),
}
SETTINGS = tuple(_DISCRIMINATORS)

Psi = Callable[[tf.Tensor], Sequence[tf.Tensor]]


def build_refiner(
    channels: int = 1, width: int = 64, blocks: int = 4, kernel: int = 3
) -> keras.Model:
    """The refiner R: residual blocks at full resolution, for images of any size.

    Nothing joins input and output past the blocks, so that R must learn to be the identity:
    it does so in pre-training.

    Args:
        channels: of the images.
        width: channels inside; paper 64.
        blocks: residual blocks of two 3x3 convolutions; paper 4 (gaze), 10 (hand).
        kernel: side of the first convolution; paper 3 (gaze), 7 (hand).

    Returns:
        Model from images `(batch, height, width, channels)` in [-1, 1] to images of the same
        shape and range.

    Raises:
        InputError: a number that is not whole and positive.
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
    """The discriminator D: it judges every patch by itself, without a normalisation.

    Args:
        channels: of the images.
        width: channels of the last hidden layers; the first have 3 and 2 times as many. Paper 32.
        setting: `"gaze"` (patches of 23x23 pixels, one for every 4x4) or `"hand"` (71x71, one for
            every 32x32).

    Returns:
        Model from images `(batch, height, width, channels)` to logits `(batch, rows, columns,
        2)`, float32, of the classes `REAL` and `REFINED`. 35x55 gives 9x14 patches, 224x224
        with `"hand"` 7x7. Hidden activations are named `features_0` to `features_3`.

    Raises:
        InputError: an unknown setting, a width that is not whole and positive.
    """
    check_positive_integers(channels=channels, width=width)
    if setting not in SETTINGS:
        raise InputError(f"setting is {setting!r}; it must be one of {', '.join(SETTINGS)}")
    layers, pool = _DISCRIMINATORS[setting]
    image = x = keras.Input((None, None, channels), name="image")
    for index, (widths, kernel, stride) in enumerate(layers):
        if index == 2:
            x = keras.layers.MaxPooling2D(3, pool, "same")(x)
        x = Conv2D(widths * width, kernel, stride, "same")(x)
        x = keras.layers.ReLU(name=f"features_{index}")(x)
    logits = Conv2D(2, 1, dtype="float32", name="patches")(x)
    return keras.Model(image, logits, name="simgan_discriminator")


def identity(images: tf.Tensor) -> list[tf.Tensor]:
    """psi(x) = x."""
    return [images]


def gradient(images: tf.Tensor) -> list[tf.Tensor]:
    """Differences of neighbouring pixels, downwards and to the right."""
    return [images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]]


def channel_mean(images: tf.Tensor) -> list[tf.Tensor]:
    """The mean over the colours of each pixel."""
    return [tf.reduce_mean(images, axis=-1, keepdims=True)]


PSI: dict[str, Psi] = {"identity": identity, "gradient": gradient, "channel_mean": channel_mean}


def distance(psi: Psi, refined: tf.Tensor, simulated: tf.Tensor) -> tf.Tensor:
    """Mean of `|psi(R(x)) - psi(x)|` over all numbers; of several tensors the mean of theirs."""
    pairs = zip(psi(refined), psi(simulated))
    return tf.reduce_mean(tf.stack([tf.reduce_mean(tf.abs(a - b)) for a, b in pairs]))


def local_loss(logits: tf.Tensor, target: int) -> tf.Tensor:
    """The local adversarial loss: cross-entropy of every patch, as a mean over patches and batch.

    Args:
        logits: `(batch, rows, columns, 2)`.
        target: the class that is asked for, `REAL` or `REFINED`.
    """
    return -tf.reduce_mean(tf.nn.log_softmax(tf.cast(logits, tf.float32))[..., target])


def mean_weight(weight: float, shape: Sequence[int], patches: int) -> float:
    """lambda for this file's means, from one for the paper's sums over pixels and patches.

    Args:
        weight: lambda of code that sums, e.g. 1e-4 to 1 in the ports.
        shape: of one image.
        patches: of the discriminator's map: 126 for gaze.
    """
    height, width, channels = shape
    return weight * height * width * channels / patches


class SimGAN(TranslationGame):
    """A refiner R of simulated images x against a discriminator D that looks at patches.

    ```
    L_D = mean -log D(R(x)) + mean -log(1 - D(y)),      D: probability that a patch is refined
    L_R = mean -log(1 - D(R(x))) + lambda mean |psi(R(x)) - psi(x)|
    ```

    The second term keeps R(x) like x, so that the labels of x stay true of R(x). Half of the
    refined images that D sees come from a history of earlier steps.

    A step is K_g updates of R and then K_d of D, each on images of its own: `fit` gets batches
    of `(K_g + K_d) * batch`. The first steps are pre-training, one update each: of R by the second
    term alone (without lambda), then of D alone. A step of pre-training reports the losses of the
    player that rests too.

    `refiner/change` is the mean |R(x) - x|, `discriminator/accuracy` the share of patches of newly refined
    images that D names: between .5 and .7 is healthy.

    Args:
        refiner: model from images to images of the same shape in [-1, 1].
        discriminator: model from images to logits `(batch, rows, columns, 2)` of `REAL`, `REFINED`.
        shape: of the images that are trained on; trained networks take any size.
        psi: what has to stay alike: `"identity"`, `"gradient"` (differences of neighbours),
            `"channel_mean"` (colours may change), or any function from images to tensors, such
            as an extractor of `perceptual.load` (its feature maps).
        regularisation: lambda; see `mean_weight` for values of code that sums.
        refiner_steps: K_g, updates of R in a step; paper 2 at first, later 50.
        discriminator_steps: K_d, updates of D in a step; paper 1.
        history: B, images in the history; 0: D sees new ones alone. Ports 50 batches.
        history_dtype: `"float32"`, or `"uint8"`: a quarter of the memory.
        pretrain_refiner: first steps that train R alone; paper 1,000.
        pretrain_discriminator: steps after them that train D alone; paper 200.
        ema_decay: decay of a moving average of R, with which images are refined; 0 is the paper.
        seed: seed of the history's draws.

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

    Deviations:
        * Losses are means over patches, pixels and batch in place of sums, so that lambda does
          not hang on the size of the images.
        * Until the history has half a batch (the first step of D), new images stand in for it.
    """

    takes, gives = "simulated", "real"
    loss_names = (
        "refiner/adversarial",
        "refiner/regularisation",
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
        psi: str | Psi = "identity",
        regularisation: float = 1.0,
        refiner_steps: int = 2,
        discriminator_steps: int = 1,
        history: int = 25_600,
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
        if isinstance(psi, str) and psi not in PSI:
            raise InputError(f"psi is {psi!r}; it must be one of {', '.join(PSI)}, or a function")
        if regularisation < 0 or min(pretrain_refiner, pretrain_discriminator, history) < 0:
            raise InputError("regularisation, pre-training and history must be 0 or more")
        if discriminator.output_shape[-1] != 2:
            raise InputError(
                f"the discriminator gives {discriminator.output_shape}; it must give two logits a patch"
            )
        super().__init__(
            seed=seed, ema_decays={"refiner": ema_decay} if ema_decay else None, name=name
        )
        self.refiner = refiner
        self.discriminator = discriminator
        self.regularisation = regularisation
        self.refiner_steps, self.discriminator_steps = refiner_steps, discriminator_steps
        self.batches_per_step = refiner_steps + discriminator_steps
        self.pretraining = (pretrain_refiner, pretrain_discriminator)
        # In __dict__, past Keras, which would count a feature network among the game's own.
        self.__dict__["_psi"] = PSI[psi] if isinstance(psi, str) else psi
        # Not `history`: that is where Keras keeps what `fit` reports.
        self.earlier = History(history, shape, seed=seed, dtype=history_dtype) if history else None

    def players(self) -> dict[str, list[keras.Model]]:
        return {"refiner": [self.refiner], "discriminator": [self.discriminator]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        simulated, real = self._parts(batch)
        if self.phase == "refiner":
            self.update("refiner", lambda: self.likeness_terms(simulated[0]))
            refined = self.refiner(simulated[0], training=False)
            self._watch("refiner", {"adversarial": local_loss(self.discriminator(refined), REAL)})
            self._watch("discriminator", self.discriminator_terms(real[0], refined))
        elif self.phase == "discriminator":
            self._discriminator_step(simulated[0], real[0], "pretraining")
            self._watch("refiner", self.refiner_terms(simulated[0]))
        else:
            for turn in range(self.refiner_steps):
                self.update("refiner", lambda x=simulated[turn]: self.refiner_terms(x))
            for turn in range(self.refiner_steps, self.batches_per_step):
                self._discriminator_step(simulated[turn], real[turn], f"{turn}")
        return self.logs()

    def _parts(self, batch: Any) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """The simulated and the real images of every update."""
        if not isinstance(batch, Mapping) or not {self.takes, self.gives} <= set(batch):
            raise InputError("SimGAN needs batches with the keys 'simulated' and 'real'")
        turns = self.batches_per_step
        # Every turns-th image: so any number of replicas forms the same batches.
        return tuple(
            [tf.cast(batch[key], tf.float32)[turn::turns] for turn in range(turns)]
            for key in (self.takes, self.gives)
        )

    def refiner_terms(self, simulated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the refiner for simulated images `(batch, height, width, channels)`."""
        refined = self.refiner(simulated, training=True)
        self.record("refiner/change", tf.reduce_mean(tf.abs(refined - simulated)))
        return {
            "adversarial": local_loss(self.discriminator(refined, training=True), REAL),
            "regularisation": self.regularisation * distance(self._psi, refined, simulated),
        }

    def likeness_terms(self, simulated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss term of the refiner in pre-training: the regularisation alone, without lambda."""
        refined = self.refiner(simulated, training=True)
        self.record("refiner/change", tf.reduce_mean(tf.abs(refined - simulated)))
        return {"regularisation": distance(self._psi, refined, simulated)}

    def discriminator_terms(
        self, real: tf.Tensor, refined: tf.Tensor, earlier: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminator.

        Args:
            real: real images.
            refined: newly refined images.
            earlier: refined images of earlier steps, which count as much as the new ones.
        """
        shown = refined if earlier is None else tf.concat([refined, earlier], axis=0)
        logits = self.discriminator(shown, training=True)
        named = tf.argmax(logits[: refined.shape[0]], axis=-1) == REFINED
        self.record("discriminator/accuracy", tf.reduce_mean(tf.cast(named, tf.float32)))
        return {
            "real": local_loss(self.discriminator(real, training=True), REAL),
            "fake": local_loss(logits, REFINED),
        }

    def _discriminator_step(self, simulated: tf.Tensor, real: tf.Tensor, use: str) -> None:
        """One update of D: half of the refined images are new, half come from the history."""
        if self.earlier is None:
            refined = tf.stop_gradient(self.refiner(simulated, training=True))
            self.update("discriminator", lambda: self.discriminator_terms(real, refined))
            return
        if simulated.shape[0] is None or simulated.shape[0] % 2:
            raise InputError(
                f"a batch of {simulated.shape[0]} images on a device; with a history it must be"
                " even, one half refined anew and one half from the history"
            )
        refined = tf.stop_gradient(self.refiner(simulated[::2], training=True))
        earlier = self.earlier.draw(refined, use, self.steps)
        self.update("discriminator", lambda: self.discriminator_terms(real, refined, earlier))
        self.earlier.push(refined, use, self.steps)

    def _watch(self, player: str, terms: Mapping[str, tf.Tensor]) -> None:
        """Reports the terms of a player that this step does not move."""
        for name, value in terms.items():
            self.record(f"{player}/{name}", value)

    # ---- pre-training ------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """What the steps train now, one of `PHASES`: it decides which graph is traced."""
        return self.__dict__.get("_phase", "game")

    def phase_at(self, step: int) -> str:
        """What the step after `step` steps trains."""
        refiner, discriminator = self.pretraining
        return PHASES[(step >= refiner) + (step >= refiner + discriminator)]

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """Keras's step function: one a phase, chosen by the step counter.

        A branch inside one graph would hold optimizers' updates, which several replicas cannot
        make in a branch. With `steps_per_execution` a phase ends with the call that ends it.
        """
        if self.train_function is not None and not force:
            return self.train_function
        functions = {}
        for phase in PHASES:
            super().make_train_function(force=True)
            functions[phase] = self.train_function

        def train(iterator: Any) -> Any:
            phase = self.phase_at(int(self.steps.numpy()))
            self.__dict__["_phase"] = phase
            return functions[phase](iterator)

        self.train_function = train
        return train

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
        """Says when the images are not refined at all, or the discriminator wins outright."""
        if self.phase_at(int(self.steps.numpy())) != "game":
            return []
        found = super().diagnose(logs)
        if logs.get("refiner/change", 1.0) < 0.005:
            found.append(
                f"the refined images are their inputs (mean change {logs['refiner/change']:.4f}):"
                " likely causes: regularisation too large, a discriminator too weak (more discriminator_steps),"
                " or much pre-training with a rate that is too small after it"
            )
        return found
