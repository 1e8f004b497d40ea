"""Translates images with a trained generator."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.core.signatures import TensorSpec, count_pixels
from tfgan_suite.core.translation_game import BACK, DIRECTIONS, FORTH
from tfgan_suite.errors import InputError
from tfgan_suite.inference import tiles
from tfgan_suite.inference.generator import open_generator

# Images with more pixels than this are translated in tiles unless the user decides otherwise.
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
    """

    name: str
    direction: str
    spec: TensorSpec
    output: TensorSpec
    call: Callable[[np.ndarray], np.ndarray]
    multiple: int = 1
    limit: int | None = None
    bit_depth: int | None = None

    @property
    def channels(self) -> int:
        """Channels of the input images."""
        return self.spec.shape[2]

    @property
    def size(self) -> tuple[int, int] | None:
        """The only height and width that it takes; None: any."""
        height, width = self.spec.shape[:2]
        return None if None in (height, width) else (height, width)

    def __call__(self, image: np.ndarray, tile: int = 0, overlap: int = 0) -> np.ndarray:
        """Translates one image.

        Args:
            image: `(height, width, channels)`, float32 in [-1, 1] or uint8, of any size.
            tile: side of the tiles; 0: none up to 1024 x 1024 pixels, 512 above; less where an
                export accepts less at once.
            overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.

        Returns:
            `(height, width, channels of the output)`, float32 or, for uint8, uint8.

        Raises:
            InputError: an impossible tile or overlap.
        """
        height, width = image.shape[:2]
        if not tile and height * width > UNTILED_PIXELS:
            tile = TILE
        if self.limit is not None:
            largest = math.isqrt(self.limit) // self.multiple * self.multiple
            if tile or count_pixels((height, width), self.multiple) > self.limit:
                tile = min(tile or TILE, largest)
        return tiles.translate_image(
            image,
            self.call,
            tile=tile,
            overlap=overlap,
            multiple=self.multiple,
            size=self.size,
        )


def open_translator(
    source: str | Path,
    direction: str | None = None,
    seed: int = 0,
    signature: str | None = None,
) -> Translator:
    """Opens a trained translator.

    Args:
        source: what `open_generator` takes: a run folder, an export, a `.tflite` file ...
        direction: `"AtoB"` or `"BtoA"`; None: the one it was trained for; with two, the first.
        seed: seed of inputs beside the image, if there are any.
        signature: the signature to translate with, if it is not the direction's, such as
            `"varied"` of pix2pix.

    Raises:
        InputError: not a trained generator, or one that does not translate images, not in this
            direction, or not with this signature.
    """
    generator = open_generator(source)
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
    )


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
