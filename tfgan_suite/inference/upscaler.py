"""Upscales images with a trained generator."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.inference import tiles
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.inference.reach import measure_reach
from tfgan_suite.inference.upscale_tiles import LARGEST_TILE, MIN_SIDE, TILE, Call, upscale_image
from tfgan_suite.utils.notices import say_once


@dataclasses.dataclass(frozen=True)
class Upscaler:
    """A callable that upscales images; made by `open_upscaler`.

    Args:
        name: where it comes from.
        channels: channels of the images, 1 or 3.
        factor: output size divided by input size.
        call: float32 `(1, height, width, channels)` in [-1, 1] to `factor` times the sides.
        step: training steps, if known.
        bit_depth: significant bits of the 16-bit images it was trained on, if there were any.
    """

    name: str
    channels: int
    factor: int
    call: Call
    step: int | None = None
    bit_depth: int | None = None
    _reaches: dict[int, int | None] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __call__(self, image: np.ndarray, tile: int = 0, overlap: int = 0) -> np.ndarray:
        """Upscales one image, uint8 to uint8; see `upscale_image`.

        Tiles give the result of the whole image, up to rounding, where the network's reach allows
        it; where they cannot, a line says so, once.
        """
        return upscale_image(
            image, self.call, self.factor, tile=tile, overlap=overlap, plan=self._tiling
        )

    def reach(self, tile: int = 0) -> int | None:
        """How far the output depends on the input; None: farther than a tile of this size shows."""
        side = (tile or TILE) // 2 * 2
        if side not in self._reaches:
            self._reaches[side] = measure_reach(self.call, side, self.channels, self.factor)
        return self._reaches[side]

    def _tiling(self, tile: int, overlap: int) -> tiles.Tiling:
        """How an image is cut; says so where its tiles differ from the whole image."""
        reach = self.reach(tile)
        largest = TILE if reach is None else LARGEST_TILE
        tiling = tiles.plan_tiles(reach, TILE, largest, tile=tile, overlap=overlap)
        if not tiling.is_exact:
            depends = "half a tile or more" if reach is None else f"{reach} pixels"
            advice = "" if tiling.needed is None else f"; pass --tile {4 * reach + 16} or more"
            say_once(
                f"{self.name}: tiles of {tiling.tile} pixels do not give the result of the whole"
                f" image exactly, because each pixel depends on {depends} around it{advice}"
            )
        return tiling


def open_upscaler(source: str | Path | Generator) -> Upscaler:
    """Opens a trained upscaler.

    Args:
        source: what `open_generator` takes, a run folder, an export ..., or what it returns.

    Raises:
        InputError: not a trained generator, or one that does not upscale images.
    """
    generator = source if isinstance(source, Generator) else open_generator(source)
    signature = generator.signature()
    if len(signature.inputs) != 1 or signature.inputs[0].kind != "image":
        raise InputError(_not_an_upscaler(generator.name))
    (spec,) = signature.inputs

    def call(images: np.ndarray) -> np.ndarray:
        return generator.run_signature({spec.name: images})[signature.output.name]

    facts = (generator.facts.get("steps"), generator.bit_depth)
    return _opened(generator.name, spec, call, *facts)


def _opened(
    source: str, spec: TensorSpec, call: Call, step: int | None, bit_depth: int | None
) -> Upscaler:
    """An upscaler whose factor is measured on the network itself."""
    channels = spec.shape[2]
    if None not in spec.shape[:2] or channels not in (1, 3):
        raise InputError(_not_an_upscaler(source))
    low = (MIN_SIDE, MIN_SIDE + 4)
    high = call(np.zeros((1, *low, channels), np.float32)).shape[1:3]
    factor = high[0] // low[0]
    if factor < 2 or high != tuple(side * factor for side in low):
        raise InputError(_not_an_upscaler(source))
    return Upscaler(source, channels, factor, call, step, bit_depth)


def _not_an_upscaler(source: str) -> str:
    return (
        f"{source} does not upscale images; pass a run of recipes/srresnet.py or"
        " recipes/srgan.py, or an export of one"
    )
