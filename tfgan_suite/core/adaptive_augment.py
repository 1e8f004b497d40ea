"""ADA: augmentation of the discriminator's inputs, as strong as the discriminator overfits.

Karras, Aittala, Hellsten, Laine, Lehtinen, Aila, "Training Generative Adversarial Networks with
Limited Data", NeurIPS 2020, arXiv:2006.06676. Each change of `augment` happens to an image with
probability p; `AdaptiveAugment` moves p so that `overfitting` stays near its target.

Deviations from the official code: images are sampled bilinearly, without its antialiasing filters;
p stays in [0, 1], where the code has no upper bound, which makes no difference to the images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.batches import batch_size
from tfgan_suite.errors import InputError
from tfgan_suite.utils import replicas

INTERVAL = 4  # batches between two moves of p

SHIFT = 0.125  # of the side: largest whole-pixel shift, and the deviation of the fractional one
SCALE, BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.2, 0.5, 1.0  # deviations, of log2 but brightness

_GREY = np.full((3, 3), 1.0 / 3.0, np.float32)  # projects colours on the grey axis
_CROSS = ((np.roll(np.eye(3), -1, 1) - np.roll(np.eye(3), 1, 1)) / math.sqrt(3.0)).astype(
    "f4"
)  # crosses the axis with them

# Gives numbers in [0, 1) of a shape; each use has a name of its own.
Draw = Callable[[tuple, str], tf.Tensor]


def check(target: float, images: int) -> None:
    """Refuses a target or a speed that is impossible (`InputError`)."""
    if not -1.0 <= target <= 1.0:
        raise InputError(f"ada_target is {target}; it must be in [-1, 1], such as 0.6")
    if isinstance(images, bool) or images != int(images) or images < 1:
        raise InputError(f"ada_images is {images!r}; it must be a whole number of at least 1")


# ---- the controller -----------------------------------------------------------------------------


def overfitting(
    real: tf.Tensor, fake: tf.Tensor, threshold: float | None, realness: float = 1.0
) -> tf.Tensor:
    """The paper's heuristic r_t, or its counterpart where an output alone has no meaning.

    ```
    r_t = E sign(D(x) - threshold)          r_t = E sign(D(x) - D(G(z))), of pairs
    ```

    Both are 0 where the discriminator guesses and 1 where it is always right.

    Args:
        real, fake: outputs of the discriminator `(batch, ...)`.
        threshold: above which an example counts as real; None: compare pairs, as for losses
            of pairs, distances and energies.
        realness: -1 where outputs are low for real examples.

    Returns:
        float32 scalar in [-1, 1].
    """
    real, fake = tf.cast(real, tf.float32), tf.cast(fake, tf.float32)
    surplus = realness * (real - fake) if threshold is None else real - threshold
    return tf.stop_gradient(tf.reduce_mean(tf.sign(surplus)))


class AdaptiveAugment(tf.Module):
    """`augment` with its p, and what p is moved by; all of it is saved with the game.

    Every `INTERVAL` batches p goes up or down by their images over `images`, towards more
    augmentation where the mean overfitting is above the target.

    Args:
        target: overfitting at which p rests.
        images: real images in which p could go from 0 to 1.
    """

    def __init__(self, target: float, images: int):
        super().__init__(name="adaptive_augment")
        self.target, self.images = float(target), int(images)
        self.p = _scalar("augment_p")
        self.total = _scalar("augment_overfitting")  # since p moved
        self.batches = _scalar("augment_batches")

    def __call__(self, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """`augment` with the present p."""
        return augment(images, self.p, draw)

    def watch(
        self, real: tf.Tensor, fake: tf.Tensor, threshold: float | None, realness: float = 1.0
    ) -> None:
        """Takes one batch into account, by the arguments of `overfitting`."""
        self.observe(overfitting(real, fake, threshold, realness), batch_size(real))

    def observe(self, value: tf.Tensor, count: int | tf.Tensor) -> None:
        """Takes one batch into account.

        Args:
            value: `overfitting` of this replica's part of the batch.
            count: real images in that part.
        """
        parts = tf.distribute.get_strategy().num_replicas_in_sync
        total = tf.convert_to_tensor(self.total) + replicas.mean(value)
        batches = tf.convert_to_tensor(self.batches) + 1.0
        due = batches >= INTERVAL
        p = tf.convert_to_tensor(self.p)
        step = batches * tf.cast(count * parts, tf.float32) / self.images
        moved = tf.clip_by_value(p + step * tf.sign(total / batches - self.target), 0.0, 1.0)
        values = [tf.where(due, moved, p), *(tf.where(due, 0.0, x) for x in (total, batches))]
        replicas.assign([self.p, self.total, self.batches], values)


def _scalar(name: str) -> tf.Variable:
    return tf.Variable(
        0.0,
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


# ---- the changes --------------------------------------------------------------------------------


def augment(images: tf.Tensor, p: Any, draw: Draw) -> tf.Tensor:
    """Changes every image by each of the paper's geometric and colour changes with probability p.

    Args:
        images: float `(batch, height, width, channels)` in [-1, 1].
        p: probability, float or scalar tensor; at 0 the images stay as they are, bit for bit.
        draw: maps a shape and a name to random numbers in [0, 1).

    Returns:
        Tensor of the same shape and type, differentiable with respect to the images. Pixels from
        outside are reflections; colours may leave [-1, 1].

    Raises:
        InputError: examples that are not images.
    """
    if len(images.shape) != 4:
        raise InputError(f"augment 'ada' is for images, not for examples of shape {images.shape}")
    chances = _Chances(tf.convert_to_tensor(p), batch_size(images), draw)
    x = tf.cast(images, tf.float32)
    x = _sample(x, _geometry(chances, *images.shape[1:3]))
    return tf.cast(_colours(x, chances), images.dtype)


class _Chances:
    """Random amounts, one for each image, that are neutral with probability 1 - p."""

    def __init__(self, p: tf.Tensor, count: Any, draw: Draw):
        self.p, self._shape, self._draw = tf.cast(p, tf.float32), (count,), draw

    def uniform(self, use: str, neutral: float, p: tf.Tensor | None = None) -> tf.Tensor:
        """In [0, 1), or the neutral number."""
        happens = self._draw(self._shape, f"{use} happens") < (self.p if p is None else p)
        return tf.where(happens, self._draw(self._shape, use), neutral)

    def choice(self, use: str, options: int) -> tf.Tensor:
        """0, which is neutral, to options - 1."""
        return tf.floor(options * self.uniform(use, 0.0))

    def normal(self, use: str) -> tf.Tensor:
        """Standard normal, or 0."""
        return tf.math.ndtri(tf.clip_by_value(self.uniform(use, 0.5), 1e-6, 1.0 - 1e-6))


def _geometry(chances: _Chances, height: int, width: int) -> tf.Tensor:
    """Matrices `(batch, 2, 3)` from pixels of the result to those of the image, both centred."""
    matrix = _scaled(1.0 - 2.0 * chances.choice("flip", 2), 1.0)
    if height == width:
        quarters = chances.choice("quarter turns", 4)
        # The cosine and sine of whole quarters are exact.
        cosine = tf.constant([1.0, 0.0, -1.0, 0.0])
        sine = tf.constant([0.0, 1.0, 0.0, -1.0])
        index = tf.cast(quarters, tf.int32)
        matrix = _turned(tf.gather(cosine, index), tf.gather(sine, index)) @ matrix
    sides = np.array([width, height], np.float32)
    shifts = [2.0 * chances.uniform(f"shift {axis}", 0.5) - 1.0 for axis in "xy"]
    matrix = _shifted(*(tf.round(SHIFT * s * side) for s, side in zip(shifts, sides))) @ matrix
    scale = tf.pow(2.0, SCALE * chances.normal("scale"))
    matrix = _scaled(scale, scale) @ matrix
    # Two rotations, so that one of them happens with probability p.
    p = 1.0 - tf.sqrt(1.0 - chances.p)
    matrix = _rotated(chances, "first rotation", p) @ matrix
    stretch = tf.pow(2.0, SCALE * chances.normal("stretch"))
    matrix = _scaled(stretch, 1.0 / stretch) @ matrix
    matrix = _rotated(chances, "second rotation", p) @ matrix
    fractions = [SHIFT * chances.normal(f"fraction {axis}") for axis in "xy"]
    return (_shifted(*(f * side for f, side in zip(fractions, sides))) @ matrix)[:, :2]


def _rotated(chances: _Chances, use: str, p: tf.Tensor) -> tf.Tensor:
    angle = (2.0 * chances.uniform(use, 0.5, p) - 1.0) * math.pi
    return _turned(tf.cos(angle), tf.sin(angle))


def _matrix(*rows: Any) -> tf.Tensor:
    """3x3 matrices `(batch, 3, 3)` of two rows of numbers or vectors `(batch,)`."""
    entries = [entry for row in rows for entry in row] + [0.0, 0.0, 1.0]
    vector = next(entry for entry in entries if tf.is_tensor(entry))
    full = [tf.broadcast_to(tf.cast(entry, tf.float32), tf.shape(vector)) for entry in entries]
    return tf.reshape(tf.stack(full, 1), (-1, 3, 3))


def _scaled(x: Any, y: Any) -> tf.Tensor:
    return _matrix((x, 0.0, 0.0), (0.0, y, 0.0))


def _shifted(x: Any, y: Any) -> tf.Tensor:
    return _matrix((1.0, 0.0, x), (0.0, 1.0, y))


def _turned(cosine: Any, sine: Any) -> tf.Tensor:
    return _matrix((cosine, -sine, 0.0), (sine, cosine, 0.0))


def _sample(images: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Images `(batch, height, width, channels)` at pixels named by matrices `(batch, 2, 3)`."""
    _, height, width, channels = images.shape
    count = batch_size(images)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    centred = np.stack([columns.ravel() - middle[0], rows.ravel() - middle[1]])
    grid = np.concatenate([centred, np.ones_like(centred[:1])])
    x, y = tf.unstack(matrix @ tf.constant(grid), axis=1)
    x, y = _reflected(x + middle[0], width), _reflected(y + middle[1], height)
    left, top = tf.floor(x), tf.floor(y)
    across, down = (x - left)[..., None], (y - top)[..., None]
    flat = tf.reshape(images, (count, height * width, channels))

    def pixels(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        row = tf.minimum(tf.cast(row, tf.int32), height - 1)
        column = tf.minimum(tf.cast(column, tf.int32), width - 1)
        return tf.gather(flat, row * width + column, axis=1, batch_dims=1)

    upper = (1.0 - across) * pixels(top, left) + across * pixels(top, left + 1.0)
    lower = (1.0 - across) * pixels(top + 1.0, left) + across * pixels(top + 1.0, left + 1.0)
    return tf.reshape((1.0 - down) * upper + down * lower, (count, height, width, channels))


def _reflected(position: tf.Tensor, side: int) -> tf.Tensor:
    """Positions on an axis of pixels, mirrored at the first and the last pixel."""
    if side == 1:
        return tf.zeros_like(position)
    period = 2.0 * (side - 1)
    around = tf.math.floormod(position, period)
    return tf.minimum(around, period - around)


def _colours(images: tf.Tensor, chances: _Chances) -> tf.Tensor:
    """Brightness, contrast and the sign of luma; of colour images also hue and saturation."""

    def each(values: tf.Tensor) -> tf.Tensor:
        return values[:, None, None, None]

    images = images + each(BRIGHTNESS * chances.normal("brightness"))
    images = images * each(tf.pow(2.0, CONTRAST * chances.normal("contrast")))
    flip = each(1.0 - 2.0 * chances.choice("luma flip", 2))
    if images.shape[3] != 3:
        return images * flip
    angle = (2.0 * chances.uniform("hue", 0.5) - 1.0) * math.pi
    saturation = tf.pow(2.0, SATURATION * chances.normal("saturation"))
    # Of colours as vectors: Rodrigues' rotation about the grey axis, a factor of what is
    # perpendicular to it, and a sign of what is along it; neutral numbers give the unit matrix.
    turned = (saturation * tf.cos(angle))[:, None, None]
    crossed = (saturation * tf.sin(angle))[:, None, None] * _CROSS
    matrix = turned * np.eye(3, dtype=np.float32) + crossed + (flip[:, :, 0] - turned) * _GREY
    return tf.einsum("bhwk,bck->bhwc", images, matrix)
