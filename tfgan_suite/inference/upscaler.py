"""What makes images larger, from a run folder or an export, whichever the user names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.inference.upscale_tiles import MIN_SIDE, Call, upscale_image


@dataclasses.dataclass(frozen=True)
class Upscaler:
    """What makes images larger.

    Args:
        name: where it comes from.
        channels: of the images, 1 or 3.
        factor: how many times larger.
        call: float32 `(1, height, width, channels)` in [-1, 1] to `factor` times the sides.
        step: training steps, where known.
    """

    name: str
    channels: int
    factor: int
    call: Call
    step: int | None = None

    def __call__(self, image: np.ndarray, tile: int = 0, overlap: int = 0) -> np.ndarray:
        """Enlarges one image, uint8 to uint8; see `upscale_image`."""
        return upscale_image(image, self.call, self.factor, tile=tile, overlap=overlap)


def open_upscaler(source: str | Path) -> Upscaler:
    """Opens a run folder or an export.

    Args:
        source: run folder, `saved_models/NAME` or `saved_models/NAME/VERSION`.

    Raises:
        InputError: neither of them, or one that makes no images larger.
    """
    generator = open_generator(source)
    signature = generator.signature()
    if len(signature.inputs) != 1 or signature.inputs[0].kind != "image":
        raise InputError(_other(generator.name))
    (spec,) = signature.inputs

    def call(images: np.ndarray) -> np.ndarray:
        return generator.run_signature({spec.name: images})[signature.output.name]

    return _opened(generator.name, spec, call, generator.facts.get("steps"))


def _opened(source: str, spec: TensorSpec, call: Call, step: int | None) -> Upscaler:
    """The factor is what the network does, whatever anyone says of it."""
    channels = spec.shape[2]
    if None not in spec.shape[:2] or channels not in (1, 3):
        raise InputError(_other(source))
    given = (MIN_SIDE, MIN_SIDE + 4)
    made = call(np.zeros((1, *given, channels), np.float32)).shape[1:3]
    factor = made[0] // given[0]
    if factor < 2 or made != tuple(side * factor for side in given):
        raise InputError(_other(source))
    return Upscaler(source, channels, factor, call, step)


def _other(source: str) -> str:
    return (
        f"{source} makes no images larger; give a run of recipes/srresnet.py or"
        " recipes/srgan.py, or an export of one"
    )
