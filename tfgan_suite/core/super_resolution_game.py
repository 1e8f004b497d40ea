"""What games that upscale images share.

A batch holds `low` `(batch, height, width, channels)` and `high` `(batch, scale * height, scale *
width, channels)`, both in [-1, 1].
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.core.translation_game import FORTH, TranslationGame, two_sides
from tfgan_suite.errors import InputError
from tfgan_suite.utils import bicubic, image_grids


class SuperResolutionGame(TranslationGame):
    """A game whose generator upscales images; a subclass provides `train_step`.

    `translate` returns images of `scale` times the height and width.

    Attributes:
        generator: model from low to high resolution, set by the subclass.
    """

    takes, gives = "low", "high"
    outputs_have_truth = True
    usage = "upscale {} IMAGES OUTPUT"
    generator: keras.Model

    def signatures(self) -> dict[str, Signature]:
        (generator,) = self.ema("generator")
        return {FORTH: from_low_resolution(generator)}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid: rows of nearest neighbour | bicubic | the game's | the original.

        Args:
            examples: a batch of the data.
            seed, count: not used: the examples decide.

        Returns:
            uint8 grid.
        """
        low = np.asarray(examples[self.takes], np.float32)
        enlarged = self.translate(low)
        scale = enlarged.shape[1] // low.shape[1]
        smooth = np.stack([np.clip(bicubic.upscale(image, scale), -1.0, 1.0) for image in low])
        columns = [low.repeat(scale, axis=1).repeat(scale, axis=2), smooth, enlarged]
        if self.gives in examples:
            columns.append(examples[self.gives])
        return image_grids.rows(columns)


def from_low_resolution(network: keras.Model) -> Signature:
    """The signature of a network from small images to large ones.

    Args:
        network: model from `(batch, height, width, channels)` to a multiple of both sides. Its
            outputs are clipped to [-1, 1].

    Returns:
        A signature with the input `"image"` and the output `"image"`, of any size.
    """

    def upscale(image: tf.Tensor) -> tf.Tensor:
        output = tf.cast(network(image, training=False), tf.float32)
        return tf.clip_by_value(output, -1.0, 1.0)

    return Signature(
        inputs=(TensorSpec("image", tuple(network.input_shape[1:])),),
        output=TensorSpec("image", tuple(network.output_shape[1:])),
        call=upscale,
        networks=(network,),
    )


def low_and_high(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The two sides of a batch, in whatever form it was passed to `fit`.

    Args:
        batch: a dict with `"low"` and `"high"`, or a tuple of the two.

    Returns:
        Two float32 tensors.

    Raises:
        InputError: the batch holds no such pairs, or sides that do not divide.
    """
    learns = "this game learns from images of two sizes"
    return two_sides(batch, ("low", "high"), learns, " (data.load_super_resolution)")


def check_sizes(generated: tf.Tensor, high: tf.Tensor) -> None:
    """Refuses originals of another size than the generator's outputs.

    Raises:
        InputError: both sizes.
    """
    if not generated.shape[1:].is_compatible_with(high.shape[1:]):
        raise InputError(
            f"the generator outputs images of {_sides(generated)}, but the originals of the batch"
            f" are {_sides(high)}; build the generator for the data's scale and channels"
        )


def _sides(images: tf.Tensor) -> str:
    return "x".join(str(side) for side in images.shape[1:])
