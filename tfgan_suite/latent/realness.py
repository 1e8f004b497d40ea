"""How real a discriminator finds images, relative to the generator's own samples.

The logits of pairs, of the Wasserstein losses and of critics under a gradient penalty have neither
a fixed level nor a fixed scale: with R1 and R2 all images may lie within 0.3 of each other, around
any number. Among the generator's samples they mean the same in every game.

A discriminator with minibatch deviation judges an image by its batch, too: its figures are those of
images in the company of similar ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfgan_suite.latent.space import Space

SAMPLES = 256
_AT_ONCE = 64
# Scores that differ by less, relative to their size, differ by rounding.
_SMALLEST_SPREAD = 1e-5


class Realness:
    """Scores of a space's discriminator, in standard deviations of samples above their mean.

    Args:
        space: a latent space with a discriminator.
        count: samples that are drawn and scored, from sample 0 of the space's seed on.
        labels: classes of the samples, which take turns; None: all.
    """

    def __init__(
        self, space: Space, count: int = SAMPLES, labels: Sequence[int] | np.ndarray | None = None
    ):
        self.score = space.score_function()
        inputs = space.with_labels(space.draw(count), labels)
        parts = []
        for first in range(0, count, _AT_ONCE):
            rows = {name: array[first : first + _AT_ONCE] for name, array in inputs.items()}
            parts.append(self.scores(space.generate(rows), rows))
        scores = np.concatenate(parts)
        self.sorted = np.sort(scores)
        self.mean = float(scores.mean(dtype=np.float64))
        deviation = float(scores.std(dtype=np.float64))
        # Where all samples score alike, the scores say nothing: 0 for all images.
        alike = deviation <= _SMALLEST_SPREAD * max(1.0, abs(self.mean))
        self.deviation = float("inf") if alike else deviation

    def __call__(self, images: tf.Tensor, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Standardized scores `(batch,)` of images in [-1, 1], with gradients.

        Args:
            images: `(batch, height, width, channels)`.
            inputs: of the generator by name, whose labels the discriminator may take.
        """
        return (self.score(images, inputs) - self.mean) / self.deviation

    def scores(self, images: np.ndarray, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The discriminator's own scores, float32 `(count,)`."""
        parts = []
        for first in range(0, len(images), _AT_ONCE):
            rows = {k: tf.constant(a[first : first + _AT_ONCE]) for k, a in inputs.items()}
            parts.append(self.score(tf.constant(images[first : first + _AT_ONCE]), rows).numpy())
        return np.concatenate(parts)

    def percentiles(self, scores: np.ndarray) -> np.ndarray:
        """How many percent of the samples score less, `(count,)`."""
        return 100.0 * np.searchsorted(self.sorted, scores) / len(self.sorted)
