"""When networks grow: levels and their fades as functions of the number of images shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError


@dataclasses.dataclass(frozen=True)
class GrowthSchedule:
    """Which level is trained after how many images, and how far it has faded in.

    Level 0 is trained alone for `stable_images`. Each further level fades in over `fade_images`,
    alpha rising from 0 to 1, and is then trained for `stable_images`.

    Args:
        levels: number of levels.
        stable_images: real images between two fades.
        fade_images: real images of a fade; 0: levels appear at once.
        first_level: the level that training starts with; smaller ones are skipped.

    Raises:
        InputError: a number out of range.
    """

    levels: int
    stable_images: int
    fade_images: int
    first_level: int = 0

    def __post_init__(self) -> None:
        limits = {"stable_images": 1, "fade_images": 0, "first_level": 0}
        for name, least in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or value != int(value) or value < least:
                raise InputError(f"{name} is {value!r}; it must be a whole number, {least} or more")
        if self.first_level >= self.levels:
            raise InputError(
                f"first_level is {self.first_level}, but the levels are 0 to {self.levels - 1}"
            )

    def _position(self, images: int) -> tuple[int, bool]:
        """The level whose stable training began last, and whether the next one is fading in."""
        cycles, rest = divmod(int(images), self.stable_images + self.fade_images)
        stable = min(self.first_level + cycles, self.levels - 1)
        return stable, stable < self.levels - 1 and rest > self.stable_images

    def level(self, images: int) -> int:
        """The level that is trained after `images` real images."""
        stable, fading = self._position(images)
        return stable + fading

    def phase(self, images: int) -> int:
        """Number of the phase: even ones are stable, odd ones are fades."""
        stable, fading = self._position(images)
        return 2 * stable + fading

    def alpha(self, images: Any, level: int) -> Any:
        """How far a level has faded in, 0 to 1.

        Args:
            images: real images shown, an int or an int64 scalar tensor.
            level: the level that is trained.

        Returns:
            float32 scalar tensor; of the first level and without fades the number 1.
        """
        cycles = level - self.first_level
        if cycles < 1 or not self.fade_images:
            return 1.0
        start = cycles * self.stable_images + (cycles - 1) * self.fade_images
        share = tf.cast(tf.convert_to_tensor(images, tf.int64) - start, tf.float32)
        return tf.clip_by_value(share / self.fade_images, 0.0, 1.0)

    def images_until(self, level: int) -> int:
        """Real images after which a level is stable for the first time."""
        return (level - self.first_level) * (self.stable_images + self.fade_images)

    def next_change(self, images: int) -> int | None:
        """Real images after which the level changes next; None: it never does."""
        level = self.level(images)
        if level == self.levels - 1:
            return None
        return self.images_until(level) + self.stable_images + 1

    def steps(self, batches: Sequence[int]) -> int:
        """Steps until the last level has been stable for `stable_images`.

        Args:
            batches: images in a step of each level.
        """
        images = steps = 0
        for level in range(self.first_level, self.levels):
            # A level begins after more images than those of the one before.
            end = self.images_until(level) + self.stable_images + (level < self.levels - 1)
            count = max(-(-(end - images) // batches[level]), 0)
            images, steps = images + count * batches[level], steps + count
        return steps
