"""Wav2Lip: the mouth of a face redrawn for a sound, judged by a frozen expert (Prajwal 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.frozen_expert import FrozenExpert
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.talking_batches import (
    KEYS,
    fold_time,
    lower_half,
    stack_time,
    talking_faces,
    without_lower_half,
)
from tfgan_suite.core.trained_game import DEFAULT, Arrays
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.losses.lip_sync import sync_cross_entropy, sync_shortfall
from tfgan_suite.networks.talking import build_lip_generator, build_quality_discriminator
from tfgan_suite.utils import image_grids

__all__ = ["FrozenExpert", "Wav2Lip", "build_lip_generator", "build_quality_discriminator"]

PAPER = "Prajwal, Mukhopadhyay, Namboodiri, Jawahar 2020, arXiv:2008.10010"
DATA = "talking faces: frames with their sound"

RECONSTRUCTIONS = ("l1", "l2")
SYNC_TERMS = ("cross_entropy", "shortfall")
# The sync term is said to dominate when it is this many times the reconstruction.
DOMINANT = 3.0


class Wav2Lip(AdversarialModel):
    """A generator G that redraws the lower half of a face, so that the mouth fits a sound.

    ```
    L_G = (1 - s_w - s_g) mean |G - y|  -  s_w mean log P(G, sound)  -  s_g mean log D(G)
    L_D = BCE(D(y), 1) + BCE(D(G), 0)
    ```

    G sees each frame y with its lower half at 0, a reference frame of another time, and a window
    of the sound. P is the cosine of the two embeddings of a frozen expert (`SyncNet`), of five
    consecutive lower halves and their sound; D judges the quality of single lower halves.

    s_w is 0 at first. It becomes `sync_weight` when an evaluation finds the expert's loss below
    `sync_threshold` (`switch_sync_on`): before that the expert's term is large, and pulls the
    mouths away from the pictures. The present value is a variable that is saved with the game.

    `sync_term="shortfall"` replaces -log P by max(R - P, 0), with the expert's R of real frames:
    the gradient stays bounded, and ends where generated mouths fit the sound as well as real ones.

    `generator/sync_loss` is the expert's loss -log P without its weight, also while that is 0.

    Args:
        generator: model from `[(batch, size, size, 6), (batch, 80, 16, 1)]` to `(batch, size,
            size, 3)`, all images in [0, 1]; from `build_lip_generator`.
        discriminator: model from lower halves `(batch, size // 2, size, 3)` to logits `(batch,
            1)`, from `build_quality_discriminator`; None: none, and s_g is 0.
        expert: P, from `(batch, size // 2, size, 15)` in [0, 1] and `(batch, 80, 16, 1)` to
            probabilities `(batch,)`: a `FrozenExpert`. It may also be set later, with `use_expert`.
        sync_weight: s_w after the switch; paper 0.03, its script without a discriminator 0.01.
        quality_weight: s_g; paper 0.07.
        sync_threshold: the expert's loss below which s_w is switched on; paper 0.75.
        sync_from_start: whether s_w is `sync_weight` from step 0.
        reconstruction: `"l1"` (paper and code) or `"l2"`.
        sync_term: `"cross_entropy"` (paper and code) or `"shortfall"`.
        ema_decay: decay of a moving average of G's weights, which then dubs; 0 (the paper): none.
        seed: seed of the game's randomness, of which there is none.

    Example:
        ```
        game = Wav2Lip(build_lip_generator(), build_quality_discriminator(), expert=expert)
        game.compile(generator=Adam(1e-4, 0.5), discriminator=Adam(1e-4, 0.5))
        game.fit(batches)     # dicts: target, reference (n, 5, 96, 96, 3), mels, mel
        if game.switch_sync_on(game.evaluate_sync(held_out)): ...
        ```

    Reference:
        Prajwal, Mukhopadhyay, Namboodiri, Jawahar, "A Lip Sync Expert Is All You Need for Speech
        to Lip Generation In the Wild", ACM MM 2020, arXiv:2008.10010.

    Raises:
        InputError: weights that leave nothing for the reconstruction, an unknown option, or
            networks that do not fit each other.

    Deviations:
        * The expert runs in inference mode. The published scripts leave it in training mode, so
          that its batch norm keeps changing with weights that are frozen.
        * Colours are RGB, the published weights' BGR.
        * D's sigmoid is a part of its loss, which so needs no clipping.
    """

    unsaved_arguments = ("expert",)
    usage = "lipsync {} VIDEO_OR_IMAGE SOUND OUTPUT.mp4"
    notice = (
        "use it with the consent of those whose face and voice these are, and say that the result"
        " is generated"
    )
    collapse_advice = "or train without the discriminator (quality_weight=0)"
    int8_bound = 28.0
    outputs_have_truth = True
    discriminator: Any

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None = None,
        *,
        expert: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        sync_weight: float = 0.03,
        quality_weight: float = 0.07,
        sync_threshold: float = 0.75,
        sync_from_start: bool = False,
        reconstruction: str = "l1",
        sync_term: str = "cross_entropy",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "wav2lip",
    ):
        if discriminator is None:
            quality_weight = 0.0
        _check_weights(sync_weight, quality_weight, sync_threshold)
        for option, value, choices in (
            ("reconstruction", reconstruction, RECONSTRUCTIONS),
            ("sync_term", sync_term, SYNC_TERMS),
        ):
            if value not in choices:
                raise InputError(f"{option} is {value!r}; {must_be(value, choices)}")
        network_checks.check_network("generator", generator, (2,), (1,))
        if discriminator is not None:
            network_checks.check_network("discriminator", discriminator, (1,), (1,))
            network_checks.check_score("discriminator", discriminator)
        super().__init__(
            seed=seed, ema_decays={"generator": ema_decay} if ema_decay else None, name=name
        )
        self.generator = generator
        self.discriminator = discriminator if quality_weight else None
        self.sync_weight, self.quality_weight = sync_weight, quality_weight
        self.sync_threshold = sync_threshold
        self.reconstruction, self.sync_term = reconstruction, sync_term
        self.adversarial = losses.get("non_saturating")
        # A variable: a Python number would be a constant of the traced step, and not saved.
        self.current_sync_weight = tf.Variable(
            sync_weight if sync_from_start else 0.0,
            dtype=tf.float32,
            trainable=False,
            name="current_sync_weight",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.use_expert(expert)
        self.loss_names = ("generator/reconstruction", "generator/sync", "generator/sync_loss")
        if self.discriminator is not None:
            self.loss_names += ("generator/adversarial", "discriminator/real", "discriminator/fake")

    def use_expert(self, expert: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None) -> None:
        """Sets the expert, which training needs; a trained game dubs without it."""
        # In __dict__, hidden from Keras: a frozen network does not belong in checkpoints.
        self.__dict__["expert"] = expert

    def build_expert(self, build: Callable[[], FrozenExpert]) -> None:
        """`use_expert` with an expert built on the devices on which the game trains."""
        strategy = self.distribute_strategy or tf.distribute.get_strategy()
        with strategy.scope():
            self.use_expert(build())

    def players(self) -> dict[str, list[keras.Model]]:
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {player: [net] for player, net in networks.items() if net is not None}

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return KEYS

    # ---- training ----------------------------------------------------------------------------

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        target, reference, mels, mel = talking_faces(batch)
        tape = self.tape("generator")
        with tape:
            generated = self.redraw(target, reference, mels)
        constant = tf.stop_gradient(generated)
        self.update("generator", lambda: self.generator_terms(target, generated, mel), tape)
        if self.discriminator is not None:
            self.update("discriminator", lambda: self.discriminator_terms(target, constant))
        return self.logs()

    def redraw(
        self,
        target: tf.Tensor,
        reference: tf.Tensor,
        mels: tf.Tensor,
        generator: keras.Model | None = None,
    ) -> tf.Tensor:
        """G's frames. Time is a part of the batch: G sees each frame alone.

        Args:
            target, reference: `(batch, time, size, size, 3)` in [0, 1].
            mels: `(batch, time, 80, 16, 1)`, the window of each frame.
            generator: G in inference mode; None: the trained one, in training mode.

        Returns:
            `(batch, time, size, size, 3)` in [0, 1].
        """
        faces = tf.concat([without_lower_half(target), reference], axis=-1)
        training = generator is None
        network: Any = self.generator if training else generator
        generated = network([fold_time(faces), fold_time(mels)], training=training)
        return tf.reshape(generated, tf.shape(target))

    def generator_terms(
        self, target: tf.Tensor, generated: tf.Tensor, mel: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of G, with their weights, which sum to 1.

        Args:
            target, generated: `(batch, time, size, size, 3)` in [0, 1].
            mel: `(batch, 80, 16, 1)`, the sound of these frames.
        """
        sync_weight = tf.convert_to_tensor(self.current_sync_weight)
        error = target - generated
        error = tf.square(error) if self.reconstruction == "l2" else tf.abs(error)
        # Before the switch the loss is only reported, and costs no backward pass.
        sync_term, sync_loss = tf.cond(
            sync_weight > 0.0,
            lambda: self.sync_terms(target, generated, mel),
            lambda: (0.0, self.sync_loss(tf.stop_gradient(generated), mel)),
        )
        self.record("generator/sync_loss", sync_loss)
        rest = 1.0 - self.quality_weight - sync_weight
        terms = {
            "reconstruction": rest * tf.reduce_mean(error),
            "sync": sync_weight * sync_term,
        }
        if self.discriminator is not None:
            logits = self.discriminator(fold_time(lower_half(generated)), training=True)
            terms["adversarial"] = self.quality_weight * self.adversarial.generator(logits)
        return terms

    def discriminator_terms(self, target: tf.Tensor, generated: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of D, which sees lower halves of single frames."""
        real, fake = (
            self.discriminator(fold_time(lower_half(images)), training=True)
            for images in (target, generated)
        )
        return {"real": self.adversarial.real(real), "fake": self.adversarial.fake(fake)}

    def sync_terms(
        self, target: tf.Tensor, generated: tf.Tensor, mel: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The expert's term of G without its weight, and -log P; see `generator_terms`."""
        probability = self.probability(generated, mel)
        sync_loss = sync_cross_entropy(probability, 1.0)
        if self.sync_term == "cross_entropy":
            return sync_loss, sync_loss
        return sync_shortfall(probability, self.probability(target, mel)), sync_loss

    def sync_loss(self, generated: tf.Tensor, mel: tf.Tensor) -> tf.Tensor:
        """-log P of the expert, mean over the batch; arguments as for `generator_terms`."""
        return sync_cross_entropy(self.probability(generated, mel), 1.0)

    def probability(self, images: tf.Tensor, mel: tf.Tensor) -> tf.Tensor:
        """P of the expert, `(batch,)`, for frames `(batch, time, size, size, 3)` in [0, 1]."""
        if self.expert is None:
            raise InputError(
                "the game has no expert; train one with recipes/syncnet.py and pass it as"
                " expert=, or set it with use_expert"
            )
        expert: Any = self.expert
        return expert(stack_time(lower_half(images)), mel)

    # ---- the sync weight's switch --------------------------------------------------------------

    def evaluate_sync(self, examples: Arrays, batch: int = 8) -> float:
        """The expert's loss of what G, in inference mode, draws for examples of the data.

        Args:
            examples: a batch of the data, as `fit` gets it; images in [-1, 1].
            batch: examples that go through the networks at once.
        """
        (generator,) = self.ema("generator")
        total, count = 0.0, len(examples["mel"])
        for start in range(0, count, batch):
            part = {key: examples[key][start : start + batch] for key in KEYS}
            total += float(self._evaluation(generator)(part)) * len(part["mel"])
        return total / count

    def _evaluation(self, generator: keras.Model) -> Callable[[Arrays], tf.Tensor]:
        functions = self.__dict__.setdefault("_evaluations", {})
        key = (id(generator), id(self.expert))
        if key not in functions:

            def evaluate(part: Arrays) -> tf.Tensor:
                target, reference, mels, mel = talking_faces(part)
                return self.sync_loss(self.redraw(target, reference, mels, generator), mel)

            functions[key] = tf.function(evaluate, autograph=False, reduce_retracing=True)
        return functions[key]

    def switch_sync_on(self, loss: float) -> bool:
        """Gives the expert's term its weight if a loss of `evaluate_sync` is below the threshold.

        Returns:
            Whether the weight was 0 before and no longer is.
        """
        if float(self.current_sync_weight.numpy()) > 0.0 or not loss < self.sync_threshold:
            return False
        self.current_sync_weight.assign(self.sync_weight)
        return self.sync_weight > 0.0

    # ---- use ---------------------------------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default` redraws single frames; the lower half of the target is not read."""
        (generator,) = self.ema("generator")
        face, mel = (tuple(tensor.shape[1:]) for tensor in generator.inputs)

        def dub(face: tf.Tensor, mel: tf.Tensor) -> tf.Tensor:
            target, reference = face[..., :3] * 0.5 + 0.5, face[..., 3:] * 0.5 + 0.5
            inputs = tf.concat([without_lower_half(target), reference], axis=-1)
            return tf.cast(generator([inputs, mel], training=False), tf.float32) * 2.0 - 1.0

        signature = Signature(
            inputs=(TensorSpec("face", face, kind="face"), TensorSpec("mel", mel, kind="mel")),
            output=TensorSpec("image", (*face[:2], 3)),
            call=dub,
            networks=(generator,),
        )
        return {DEFAULT: signature}

    def example_inputs(
        self, examples: Arrays, signature: str = DEFAULT, size: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """All frames of the examples, one after another, each with its window."""
        if not {"target", "reference", "mels"} <= set(examples):
            return {}
        target, reference, mels = (
            np.concatenate(np.asarray(examples[key], np.float32))
            for key in ("target", "reference", "mels")
        )
        target[:, target.shape[1] // 2 :] = -1.0
        return {"face": np.concatenate([target, reference], axis=-1), "mel": mels}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid: rows of masked target | reference | the game's frame | the true one."""
        first = {key: examples[key][:, :1] for key in ("target", "reference", "mels")}
        inputs = self.example_inputs(first)
        face, truth = inputs["face"], np.asarray(examples["target"][:, 0], np.float32)
        drawn = self.run_signature(inputs)["image"]
        return image_grids.rows([face[..., :3], face[..., 3:], drawn, truth])

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        drawn = self.run_signature(self.example_inputs(examples))["image"]
        words = f"frames for {len(drawn)} examples"
        return {words: (np.concatenate(examples["target"]), drawn)}

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Says when the sync term dominates, and when D wins outright."""
        problems = []
        sync = logs.get("generator/sync", 0.0)
        reconstruction = logs.get("generator/reconstruction", 1.0)
        if sync > DOMINANT * reconstruction:
            problems.append(
                f"the sync term dominates ({sync:.3f}, {sync / max(reconstruction, 1e-9):.0f} times"
                f" the reconstruction, {reconstruction:.3f}): mouths follow the expert's gradient"
                " and not the pictures; switch it on late (the default), lower its weight, or train"
                " the expert better"
            )
        scores = [logs[name] for name in logs if name.startswith("discriminator/")]
        if scores and sum(scores) < 0.01 * len(scores):
            problems.append(
                f"the discriminator wins outright (the sum of its losses is {sum(scores):.4f}):"
                " its term tells the generator hardly anything; lower its learning rate or"
                " quality_weight"
            )
        return problems


def _check_weights(sync_weight: float, quality_weight: float, sync_threshold: float) -> None:
    if min(sync_weight, quality_weight) < 0 or sync_weight + quality_weight >= 1:
        raise InputError(
            f"sync_weight is {sync_weight} and quality_weight {quality_weight}; neither may be"
            " negative, and together they must leave a part of 1 for the reconstruction"
        )
    if not sync_threshold >= 0:
        raise InputError(f"sync_threshold is {sync_threshold}; it must be 0 (never) or more")
