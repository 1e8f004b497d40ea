"""Translates images with a trained generator."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import TensorSpec, count_pixels
from tfgan_suite.core.translation_game import BACK, DIRECTIONS, FORTH
from tfgan_suite.errors import InputError
from tfgan_suite.export import limits
from tfgan_suite.inference import tiles
from tfgan_suite.inference.generator import Generator, open_generator
from tfgan_suite.inference.reach import measure_reach
from tfgan_suite.utils.notices import say_once

# Images of up to this many pixels are translated whole, as are larger ones whose feature maps take
# at most `limits.FEATURE_MAP_BYTES` (1 GiB).
UNTILED_PIXELS, TILE = 1024 * 1024, 512


@dataclasses.dataclass(frozen=True)
class Translator:
    """A callable that translates images; made by `open_translator`.

    Args:
        name: where it comes from.
        direction: `"AtoB"` or `"BtoA"`.
        spec: description of the input images.
        output: description of the output images.
        call: float32 `(1, height, width, channels)` in [-1, 1] to the same height and width.
        multiple: grid on which parts can be computed separately (`Signature.multiple`).
        limit: most pixels that an export accepts at once; None: any number.
        bit_depth: significant bits of the 16-bit images it was trained on, if there were any.
        affordable: computes how many pixels have feature maps of 1 GiB; None: unknown.
    """

    name: str
    direction: str
    spec: TensorSpec
    output: TensorSpec
    call: Callable[[np.ndarray], np.ndarray]
    multiple: int = 1
    limit: int | None = None
    bit_depth: int | None = None
    affordable: Callable[[], int] | None = None
    _reaches: dict[int, int | None] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def channels(self) -> int:
        """Channels of the input images."""
        return self.spec.shape[2]

    @property
    def size(self) -> tuple[int, int] | None:
        """The only height and width that it takes; None: any."""
        height, width = self.spec.shape[:2]
        return None if None in (height, width) else (height, width)

    @functools.cached_property
    def most_pixels(self) -> int:
        """Most pixels of an image that is translated whole."""
        if self.limit is not None:
            return self.limit
        return max(UNTILED_PIXELS, self.affordable() if self.affordable else 0)

    def reach(self, tile: int = 0) -> int | None:
        """How far the output depends on the input; None: farther than a tile of this size shows.

        Args:
            tile: side of the tiles that will be used; 0: any.
        """
        step = 2 * self.multiple
        most = min(tile or TILE, TILE, math.isqrt(self.most_pixels))
        side = max(step, most // step * step)
        if count_pixels((side, side), self.multiple) > self.most_pixels:
            return None
        if side not in self._reaches:
            self._reaches[side] = measure_reach(self.call, side, self.channels)
        return self._reaches[side]

    def __call__(self, image: np.ndarray, tile: int = 0, overlap: int = 0) -> np.ndarray:
        """Translates one image.

        Tiles give the result of the whole image, up to rounding, where the network's reach allows
        it; where they cannot, a line says so, once.

        Args:
            image: `(height, width, channels)`, float32 in [-1, 1] or uint8, of any size.
            tile: side of the tiles; 0: none up to `most_pixels`, above it 512, or what the
                network's reach and memory need.
            overlap: pixels that neighbouring tiles share; 0: twice the network's reach and a little
                more, or a quarter of the tile if it depends on the whole image.

        Returns:
            `(height, width, channels of the output)`, float32 or, for uint8, uint8.

        Raises:
            InputError: an impossible tile or overlap.
        """
        options = {"multiple": self.multiple, "size": self.size}
        sides = image.shape[:2]
        if self.size is None and self._needs_tiles(sides, tile):
            tiling = self._tiling(sides, tile, overlap)
            options["margin"], tile, overlap = tiling.margin, tiling.tile, tiling.overlap
        elif self.size is None:
            tile = 0
        return tiles.translate_image(image, self.call, tile=tile, overlap=overlap, **options)

    def _needs_tiles(self, sides: tuple[int, int], tile: int) -> bool:
        if tile and max(sides) > tile:
            return True
        height, width = sides
        if self.limit is None and (tile or height * width <= UNTILED_PIXELS):
            return False  # the user's tile holds the image
        return count_pixels(sides, self.multiple) > self.most_pixels

    def _tiling(self, sides: tuple[int, int], tile: int, overlap: int) -> tiles.Tiling:
        """How an image is cut; says so where its tiles differ from the whole image."""
        largest = max(self.multiple, math.isqrt(self.most_pixels) // self.multiple * self.multiple)
        if self.limit is not None:
            tile = min(tile, largest)
        reach = self.reach(tile)
        tiling = tiles.plan_tiles(
            reach, TILE, largest, tile=tile, overlap=overlap, multiple=self.multiple
        )
        if not tiling.is_exact:
            say_once(self._why_inexact(tiling, reach))
        return tiling

    def _why_inexact(self, tiling: tiles.Tiling, reach: int | None) -> str:
        words = f"{self.name}: tiles of {tiling.tile} pixels do not give the result of the whole"
        if tiling.needed is None:
            return (
                f"{words} image, because each pixel depends on all of it (as with instance norm);"
                f" images of up to {self.most_pixels} pixels are translated whole: scale larger"
                " ones down with --size"
                + ("" if self.limit else ", or pass the longer side as --tile if memory allows")
            )
        return (
            f"{words} image, because each pixel depends on {reach} pixels around it; pass"
            f" an --overlap of {tiling.needed} or more, and a --tile of twice that, or neither"
        )


def open_translator(
    source: str | Path | Generator,
    direction: str | None = None,
    seed: int = 0,
    signature: str | None = None,
) -> Translator:
    """Opens a trained translator.

    Args:
        source: what `open_generator` takes, a run folder, an export, a `.tflite` file ..., or what
            it returns.
        direction: `"AtoB"` or `"BtoA"`; None: the one it was trained for; with two, the first.
        seed: seed of inputs beside the image, if there are any.
        signature: the signature to translate with, if it is not the direction's, such as
            `"varied"` of pix2pix.

    Raises:
        InputError: not a trained generator, or one that does not translate images, not in this
            direction, or not with this signature.
    """
    generator = source if isinstance(source, Generator) else open_generator(source)
    generator.check_command("translate", "does not translate images")
    constants = generator.facts.get("constants") or {}
    direction, name = _choose(generator.name, direction, signature, generator.signatures, constants)
    translation = generator.signature(name)
    first = translation.inputs[0]
    _check_images(generator.name, first, translation.output)

    def call(images: np.ndarray) -> np.ndarray:
        outputs = generator.run_signature({first.name: images}, name, seed=seed)
        return outputs[translation.output.name]

    limit = translation.limit if translation.is_open else None
    return Translator(
        generator.name,
        direction,
        first,
        translation.output,
        call,
        translation.multiple,
        limit,
        generator.bit_depth,
        functools.partial(_affordable_pixels, generator, name) if generator.game else None,
    )


def _affordable_pixels(generator: Generator, name: str) -> int:
    """How many pixels at once have feature maps of `limits.FEATURE_MAP_BYTES`, of a run."""
    signature = generator.game.signatures()[name]
    side = -(-256 // signature.multiple) * signature.multiple
    specs = {
        spec.name: tf.TensorSpec([1, *(n or side for n in spec.shape)], spec.dtype)
        for spec in signature.inputs
    }
    traced = tf.function(signature.named_outputs, autograph=False).get_concrete_function(**specs)
    return limits.FEATURE_MAP_BYTES * side**2 // max(1, limits.feature_map_bytes(traced))


def _choose(
    source: str,
    direction: str | None,
    signature: str | None,
    names: Sequence[str],
    constants: Mapping[str, Any],
) -> tuple[str, str]:
    """The direction, and the signature that translates in it."""
    if direction not in (None, *DIRECTIONS):
        raise InputError(f"direction {direction!r} is unknown; it must be AtoB or BtoA")
    if signature is not None:
        if signature not in names:
            raise InputError(f"{source} has no signature {signature!r}; it has {', '.join(names)}")
        default = "BtoA" if signature == BACK else "AtoB"
        return direction or constants.get("direction") or default, signature
    if BACK in names:
        direction = direction or "AtoB"
        return direction, DIRECTIONS[direction]
    trained = constants.get("direction")
    trained = trained if trained in DIRECTIONS else "AtoB"
    if direction not in (None, trained):
        raise InputError(
            f"{source} translates {trained} only; omit --direction, or train a recipe with"
            f" --direction {direction}"
        )
    return trained, FORTH


def _check_images(source: str, *specs: TensorSpec) -> None:
    for spec in specs:
        if spec.kind != "image" or len(spec.shape) != 3 or spec.shape[2] not in (1, 3):
            raise InputError(
                f"{source} translates {spec.kind} of shape {spec.shape}, not images of 1 or 3"
                " channels"
            )
