"""A trained translator from a run folder or an export, whichever the user names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.core.translation_game import BACK, DIRECTIONS, FORTH
from tfgan_suite.errors import InputError
from tfgan_suite.inference import tiles
from tfgan_suite.inference.generator import open_generator

# Images with more pixels than this go through in tiles unless the user says otherwise.
WHOLE, TILE = 1024 * 1024, 512


@dataclasses.dataclass(frozen=True)
class Translator:
    """What translates images.

    Args:
        name: where it comes from.
        direction: `"AtoB"` or `"BtoA"`.
        spec: description of the images it takes.
        made: description of the images it gives.
        call: float32 `(1, height, width, channels)` in [-1, 1] to the same height and width.
        multiple: grid on which parts can be computed alone (`Signature.multiple`).
    """

    name: str
    direction: str
    spec: TensorSpec
    made: TensorSpec
    call: Callable[[np.ndarray], np.ndarray]
    multiple: int = 1

    @property
    def channels(self) -> int:
        """Channels of the images that go in."""
        return self.spec.shape[2]

    @property
    def size(self) -> tuple[int, int] | None:
        """The one height and width that it takes; None: any."""
        height, width = self.spec.shape[:2]
        return None if None in (height, width) else (height, width)

    def __call__(self, image: np.ndarray, tile: int = 0, overlap: int = 0) -> np.ndarray:
        """Translates one image.

        Args:
            image: float32 `(height, width, channels)` in [-1, 1], of any size.
            tile: side of the tiles; 0: none up to 1024 x 1024 pixels, 512 above.
            overlap: pixels that neighbouring tiles share; 0: a quarter of the tile.

        Returns:
            float32 `(height, width, channels of the output)`.

        Raises:
            InputError: an impossible tile or overlap.
        """
        if not tile and image.shape[0] * image.shape[1] > WHOLE:
            tile = TILE
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
    """Opens a run folder or an export.

    Args:
        source: run folder, `saved_models/NAME` or `saved_models/NAME/VERSION`.
        direction: `"AtoB"` or `"BtoA"`; None: the one it was trained for, of two the first.
        seed: of inputs beside the image, where it has some.
        signature: the signature to translate with, where it is not the direction's, such as
            `"varied"` of pix2pix.

    Raises:
        InputError: neither of them, one that does not translate images, not in this direction,
            or without this signature.
    """
    generator = open_generator(source)
    generator.check_command("translate", "translates no images")
    constants = generator.facts.get("constants") or {}
    direction, name = _choose(generator.name, direction, signature, generator.signatures, constants)
    chosen = generator.signature(name)
    first = chosen.inputs[0]
    _check_images(generator.name, first, chosen.output)

    def call(images: np.ndarray) -> np.ndarray:
        outputs = generator.run_signature({first.name: images}, name, seed=seed)
        return outputs[chosen.output.name]

    return Translator(generator.name, direction, first, chosen.output, call, chosen.multiple)


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
        of_name = "BtoA" if signature == BACK else "AtoB"
        return direction or constants.get("direction") or of_name, signature
    if BACK in names:
        direction = direction or "AtoB"
        return direction, DIRECTIONS[direction]
    trained = constants.get("direction")
    trained = trained if trained in DIRECTIONS else "AtoB"
    if direction not in (None, trained):
        raise InputError(
            f"{source} translates {trained} alone; leave --direction out, or train a recipe with"
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
