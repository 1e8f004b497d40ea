"""GAWWN: images of what a sentence says, where a box or key points say (Reed et al. 2016)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.place_readings import COMPLETE, in_words, moved_across, of_places
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.text_game import GRID_SAMPLES, TEXT, TextGame
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.errors import InputError
from tfgan_suite.text.encoders import decode
from tfgan_suite.utils import caption_grids, place_marks

PAPER = "Reed et al. 2016, arXiv:1610.02454"
DATA = "images with captions, and boxes or key points"

# Signatures beside those of all games that draw sentences.
FROM_TEXT = "from_text"
EXTRA_ROWS = 3  # of a sample grid, where boxes move or points are generated
VISIBLE = 0.5  # generated points are drawn above this visibility


class GAWWN(TextGame):
    """Draws what a sentence h says inside a box, or at key points: the place l.

    ```
    max_D  E log D(x, h, l) + c E log(1 - D(x, h', l)) + (1 - c) E log(1 - D(G(z, h, l), h, l))
    max_G  E log D(G(z, h, l), h, l)
    G_k(z, h, k, s) = s k + (1 - s) f(z, h, k)
    max_Dk E log D_k(k, h) + E log(1 - D_k(G_k(z, h, s k, s), h)),   max_Gk E log D_k(G_k(..), h)
    ```

    h' is a sentence that does not fit x. The generator of points G_k completes key points k of
    which those with s = 1 are known, so that a sentence alone, or with some of the points, draws.

    Args:
        generator: model from `[z, embedding, box]` or `[z, embedding, keypoints]` to images.
        discriminator: model from `[image, embedding, box]` or `[.., keypoints]` to logits.
        point_generator: G_k, model from `[z, embedding, keypoints, known]` to key points. None: no
            points are generated.
        point_discriminator: D_k, model from `[keypoints, embedding]` to logits.
        mismatch_weight: c. Default 0.5.
        known_share: probability with which each point is known in training. Default 0.1.
        loss: adversarial loss. Default `"non_saturating"`.
        encoder: the encoder of sentences, as for `TextGame`.
        ema_decay: decay of a moving average of both generators' weights. Default 0, the paper's.
        seed: seed of the noise. Default 0.
        **options: `latent` and `Regularization`: `r1_weight`, `augment` and more; off by default.

    Example:
        ```
        from tfgan_suite.networks import gawwn as networks

        source = data.load_captions("captions", embedding=encoder.encode)
        game = GAWWN(
            networks.build_box_generator(32, encoder.dim, grid=8, width=32),
            networks.build_discriminator(32, encoder.dim, grid=8, width=32),
            encoder=encoder,
        )
        game.compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))
        game.fit(source.batches(16, seed=0))
        images = game.generate(8, text="a red circle", box=[[0.1, 0.1, 0.4, 0.4]])
        ```

    Reference:
        Reed, Akata, Mohan, Tenka, Schiele, Lee, "Learning What and Where to Draw", NIPS 2016,
        arXiv:1610.02454; networks as in the official code, github.com/reedscot/nips2016.

    Deviations:
        * The discriminator's global road gets the sentence pasted into the box (official code:
          warped by the inverse, which changes a constant map nowhere, so that it never sees where).
        * The gate of key points is their maximum (official code: the sum, which is another number
          where points share a cell), and a point falls into the cell that holds it (official code:
          half a cell further left; `placement="round"`).
        * All four networks take a step in turn (paper: G_k learns alone, on batches of 64).
    """

    network_ends = ((3,), (3,), (1,))
    # Eight bits do not hold coordinates within cells.
    export_formats = ("saved_model", "tflite_float32", "tflite_float16")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        point_generator: keras.Model | None = None,
        point_discriminator: keras.Model | None = None,
        *,
        mismatch_weight: float = 0.5,
        known_share: float = 0.1,
        ema_decay: float = 0.0,
        name: str = "gawwn",
        **options: Any,
    ):
        for word, value in (("mismatch_weight", mismatch_weight), ("known_share", known_share)):
            if not 0.0 <= value <= 1.0:
                raise InputError(f"{word} is {value}; it must be in [0, 1]")
        super().__init__(generator, discriminator, ema_decay=ema_decay, name=name, **options)
        self.place_shape = network_checks.check_places(generator, discriminator)
        # What the place is called in batches and signatures.
        self.place = "box" if len(self.place_shape) == 1 else "keypoints"
        if self.place == "box":
            self.usage = "sample {} --text SENTENCE --box 0.1,0.2,0.4,0.4"
        self.mismatch_weight, self.known_share = mismatch_weight, known_share
        self.point_generator: Any = point_generator
        self.point_discriminator: Any = point_discriminator
        if (point_generator is None) != (point_discriminator is None):
            raise InputError("key points need both networks: point_generator and its opponent")
        if point_generator is not None:
            self._check_points(point_generator, point_discriminator)
            self.point_latent_dim = network_checks.latent_length(point_generator)
            self.loss_names += (
                "point_generator/adversarial",
                *(f"point_discriminator/{term}" for term in self.point_names),
            )
            if ema_decay:
                self._ema_decays["point_generator"] = ema_decay

    def _check_points(self, generator: Any, discriminator: Any) -> None:
        network_checks.check_network("point_generator", generator, (4,), (1,))
        network_checks.check_network("point_discriminator", discriminator, (2,), (1,))
        network_checks.check_feeds(
            "point_generator", generator, "point_discriminator", discriminator, "key points"
        )
        network_checks.check_score("point_discriminator", discriminator)
        points = network_checks.shape_of(generator.outputs[0])
        if points != self.place_shape:
            raise InputError(
                f"the point_generator makes points of shape {points}, but the generator takes"
                f" {self.place} of shape {self.place_shape}; build both for the same key points"
            )

    @property
    def point_names(self) -> tuple[str, ...]:
        """Names of the terms in the loss of the points' discriminator, which sees no mismatches."""
        return ("pairs",) if self.adversarial.paired else ("real", "fake")

    def players(self) -> dict[str, list[keras.Model]]:
        players = super().players()
        if self.point_generator is not None:
            players["point_generator"] = [self.point_generator]
            players["point_discriminator"] = [self.point_discriminator]
        return players

    @property
    def tuple_keys(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.batch_keys

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return (*super().batch_keys, self.place)

    @property
    def mismatched_share(self) -> float:  # type: ignore[override]
        return self.mismatch_weight

    # ---- training ----------------------------------------------------------------------------

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        inputs = self.inputs_of(batch)
        real, text, place = inputs["image"], inputs["embedding"], inputs[self.place]
        mismatched = inputs["mismatched_embedding"]
        tape = self.tape("generator")
        with tape:
            fake = self.generator([self.latents(real, "z"), text, place], training=True)
        self.update(
            "discriminator",
            lambda: self.discriminator_terms(real, tf.stop_gradient(fake), text, mismatched, place),
        )
        self.update("generator", lambda: self.generator_terms(fake, text, place, real), tape)
        if self.point_generator is not None:
            self.train_points(place, text)
        return self.logs()

    def score(self, image: tf.Tensor, text: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        """Logits `(batch, 1)` of the discriminator in training."""
        return self.discriminator([image, text, place], training=True)

    def discriminator_terms(
        self,
        real: tf.Tensor,
        fake: tf.Tensor,
        text: tf.Tensor,
        mismatched: tf.Tensor,
        place: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Loss terms for real and generated images, right and mismatched sentences.

        Each of the three pairs passes on its own, since batch norm mixes what passes together.
        """
        real = self.augment_inputs(real, "real")
        real_logits, terms = self.score_real(real, lambda x: self.score(x, text, place))
        mismatched_logits = self.score(real, mismatched, place)
        fake_logits, penalty = self.score_fake(
            self.augment_inputs(fake, "fake"), lambda x: self.score(x, text, place)
        )
        parts = self.matching_terms(
            real_logits, mismatched_logits, fake_logits, self.mismatch_weight
        )
        return {**terms, **penalty, **parts}

    def generator_terms(
        self,
        fake: tf.Tensor,
        text: tf.Tensor,
        place: tf.Tensor,
        real: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the generator for generated images `(batch, ...)`."""
        logits = self.score(self.augment_inputs(fake, "generator"), text, place)
        partner = lambda: self.score(self.augment_inputs(real, "partner"), text, place)  # noqa: E731
        return {"adversarial": self.generator_loss(logits, partner)}

    def train_points(self, points: tf.Tensor, text: tf.Tensor) -> None:
        """One step of the game about key points `(batch, K, 3)`, each known with `known_share`."""
        size = batch_size(points)
        z = self.noise((size, self.point_latent_dim), "point_z", self.latent)
        known = self.noise((size, points.shape[1]), "known", "unit") < self.known_share
        tape = self.tape("point_generator")
        with tape:
            inputs = [z, text, points, tf.cast(known, tf.float32)]
            completed = self.point_generator(inputs, training=True)
        score = lambda x: self.point_discriminator([x, text], training=True)  # noqa: E731
        self.update(
            "point_discriminator",
            lambda: self.adversarial_terms(score(points), score(tf.stop_gradient(completed))),
        )
        self.update(
            "point_generator",
            lambda: {"adversarial": self.generator_loss(score(completed), lambda: score(points))},
            tape,
        )

    # ---- what the trained game offers --------------------------------------------------------

    def condition_specs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec(self.place, self.place_shape, kind=self.place),)

    def signatures(self) -> dict[str, Signature]:
        """Those of `TextGame`; with a generator of points `complete` and `from_text`, too.

        `complete` takes some points and returns all, `from_text` draws at generated ones.
        """
        signatures = super().signatures()
        if self.point_generator is None:
            return signatures
        (generator,), (point_generator,) = self.ema("generator"), self.ema("point_generator")
        z, embedding, keypoints = signatures["serving_default"].inputs
        point_z = TensorSpec("point_z", (self.point_latent_dim,), kind=self.latent)
        known = TensorSpec("known", keypoints.shape[:1], kind="mask")

        def complete(**inputs: tf.Tensor) -> tf.Tensor:
            points = [inputs[key] for key in ("point_z", "embedding", "keypoints", "known")]
            return drawn_points(point_generator(points, training=False), points[-1])

        def from_text(z: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            points = complete(**inputs)
            image = generator([z, inputs["embedding"], points], training=False)
            return {"image": image, "completed": points}

        completed = TensorSpec("completed", keypoints.shape, kind="keypoints")
        condition = (point_z, embedding, keypoints, known)
        signatures[COMPLETE] = Signature(condition, completed, complete, (point_generator,))
        signatures[FROM_TEXT] = Signature(
            (z, *condition),
            signatures["serving_default"].output,
            from_text,
            (generator, point_generator),
            further_outputs=(completed,),
        )
        return signatures

    def fill_inputs(self, inputs: dict[str, Any], count: int, seed: int) -> dict[str, Any]:
        """Repeats places, and generates key points where there are none.

        Raises:
            InputError: places of another shape, or none and no generator of points.
        """
        places = inputs.get(self.place)
        if places is None and self.point_generator is not None:
            places = self.complete_points(inputs["embedding"], seed=seed)
        if places is None:
            raise InputError(f"this game draws where {self.place}= says; pass it")
        places = np.asarray(places, np.float32)
        if places.shape[1:] != self.place_shape:
            raise InputError(
                f"{self.place} has the shape {places.shape}; expected (count,"
                f" {', '.join(map(str, self.place_shape))})"
            )
        return {**inputs, self.place: places[np.arange(count) % len(places)]}

    def complete_points(
        self,
        embedding: np.ndarray,
        keypoints: np.ndarray | None = None,
        known: np.ndarray | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Generates the key points that are not known.

        Args:
            embedding: vectors of sentences `(count, text_dim)`.
            keypoints: `(count, K, 3)`, of which those with `known` count. None: none are known.
            known: `(count, K)` of 0 and 1. None: the visible ones among `keypoints`.
            seed: seed of the noise.

        Returns:
            float32 `(count, K, 3)`: x and y in fractions of the image, visibility 0 or 1.
        """
        count = len(embedding)
        if keypoints is None:
            keypoints = np.zeros((count, *self.place_shape), np.float32)
        known = keypoints[..., 2] > VISIBLE if known is None else known
        arrays = {"embedding": embedding, "keypoints": keypoints, "known": known}
        return self.run_signature(arrays, COMPLETE, seed=seed)["completed"]

    def example_inputs(
        self, examples: Arrays, signature: str = "serving_default", size: Any = None
    ) -> dict[str, np.ndarray]:
        """As for any game; of all points of an example none counts as known."""
        inputs = super().example_inputs(examples, signature, size)
        if signature in (COMPLETE, FROM_TEXT) and "keypoints" in inputs:
            inputs["known"] = np.zeros(inputs["keypoints"].shape[:2], np.float32)
        return inputs

    def recalibrate_batch_norm(self) -> None:
        """Leaves the statistics as training averaged them: places come from the data alone."""

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid with marked places.

        A row for each sentence and its place, with the same z in each column. Then the first
        sentences again: their boxes move across, or key points are generated.
        """
        if not {"embedding", self.place} <= set(examples):
            return None
        total, columns = len(examples["embedding"]), GRID_SAMPLES
        z = self.signatures()["serving_default"].inputs[0].draw(columns, [seed, 0]).numpy()
        texts = decode(examples[TEXT]) if TEXT in examples else [""] * total
        rows = [self._drawn(z, examples["embedding"], examples[self.place].repeat(columns, 0))]
        if self.place == "box":
            boxes = np.concatenate([moved_across(b, columns) for b in examples["box"][:EXTRA_ROWS]])
            rows.append(self._drawn(z[:1], examples["embedding"][:EXTRA_ROWS], boxes))
        elif self.point_generator is not None:
            vectors = examples["embedding"][:EXTRA_ROWS]
            points = self.complete_points(vectors.repeat(columns, 0), seed=seed)
            rows.append(self._drawn(z, vectors, points))
        words = "moving" if self.place == "box" else "generated points"
        texts += [f"({words}) {text}" for text in texts[:EXTRA_ROWS]] if len(rows) > 1 else []
        images = np.concatenate(rows)
        return caption_grids.captioned_rows(texts, images.reshape(-1, columns, *images.shape[1:]))

    def _drawn(self, z: np.ndarray, embedding: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Marked images at `(rows * columns, ...)` places, with a vector for each row."""
        columns = len(places) // len(embedding)
        z = np.tile(z.repeat(columns // len(z), 0), (len(embedding), 1))
        inputs = {"z": z, "embedding": embedding.repeat(columns, 0), self.place: places}
        return self.mark_places(self.run_signature(inputs)["image"], places)

    def further_measures(self, examples: Arrays, report: Any) -> dict[str, float]:
        """Measures of places, see `core.place_readings`."""
        if self.place == "keypoints" and self.point_generator is None:
            return {}
        images = self.run_signature(self.example_inputs(examples))["image"]
        z = self.signatures()["serving_default"].inputs[0]
        return of_places(self.run_signature, z, self.place, examples, images, report)

    def measures_in_words(self, measures: Any) -> list[str]:
        return super().measures_in_words(measures) + in_words(measures)

    def mark_places(self, images: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Images with the boxes or points that they were drawn at: uint8, enlarged."""
        mark = place_marks.mark_boxes if self.place == "box" else place_marks.mark_points
        return mark(images, places)


def drawn_points(points: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Generated points `(batch, K, 3)` with a visibility of 0 or 1; those that are known stay.

    Invisible points are 0, 0, 0, as in the data.
    """
    visible = tf.cast(points[..., 2:] > VISIBLE, points.dtype)
    binary = tf.concat([points[..., :2] * visible, visible], axis=-1)
    share = known[..., None]
    return share * points + (1.0 - share) * binary
