"""Stylizes images with a trained AdaIN."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError, did_you_mean
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.style import colour
from tfgan_suite.style.adain import PAINT, STATISTICS, AdaIN
from tfgan_suite.style.statistics import mix_styles

COLOURS = ("style", "coral", "luma")


@dataclasses.dataclass(frozen=True)
class Painter:
    """A callable that stylizes images; made by `open_painter`.

    Args:
        name: where it comes from.
        statistics: maps a style `(1, height, width, 3)` to its statistics `(1, n)`.
        paint: maps content `(1, height, width, 3)`, statistics `(1, n)` and alpha `(1,)` to the
            image.
        regions: `AdaIN.stylize_regions`; None for exports, which do not have it.
        bit_depth: significant bits of the 16-bit images it was trained on, if there were any.
    """

    name: str
    statistics: Callable[[np.ndarray], np.ndarray]
    paint: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    regions: Callable[..., np.ndarray] | None = None
    bit_depth: int | None = None

    def __call__(
        self,
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        weights: Sequence[float] | None = None,
        alpha: float = 1.0,
        mask: np.ndarray | None = None,
        colours: str = "style",
    ) -> np.ndarray:
        """Stylizes one image.

        Args:
            content: float `(height, width, 3)` in [-1, 1].
            styles: images of the same kind, of any size. Without a mask they are mixed.
            weights: weights of the styles; None: equal ones.
            alpha: 1: all style; 0: the content, through encoder and decoder.
            mask: bool `(height, width)`: true gets the first style; the remainder gets the
                second one or, if there is none, stays as it is.
            colours: `"style"`: those of the style; `"coral"`: the style is painted in the
                content's colours; `"luma"`: only the brightness of the result is kept.

        Returns:
            float32 `(height, width, 3)` in [-1, 1].

        Raises:
            InputError: a mask with more than two styles or with weights, or for an export.
        """
        if colours not in COLOURS:
            raise InputError(
                f"colours are {colours!r}; expected one of {', '.join(COLOURS)}"
                f"{did_you_mean(colours, COLOURS)}"
            )
        if colours == "coral":
            styles = [
                np.clip(colour.with_colours_of(content, style), -1.0, 1.0) for style in styles
            ]
        numbers = [self.statistics(style[None].astype(np.float32))[0] for style in styles]
        if mask is None:
            alphas = np.full([1], alpha, np.float32)
            image = self.paint(content[None], mix_styles(numbers, weights)[None], alphas)[0]
        else:
            image = self._regions(content, mask, numbers, weights, alpha)
        if colours == "luma":
            image = colour.with_luminance_of(content, image)
        return image

    def _regions(self, content, mask, numbers, weights, alpha) -> np.ndarray:
        if self.regions is None:
            raise InputError(
                f"{self.name} is an export, which stylizes whole images only; pass the run folder"
                " to use a mask"
            )
        if len(numbers) > 2 or weights is not None:
            raise InputError(
                f"a mask with {len(numbers)} styles{' and weights' if weights else ''}; pass one"
                " style for the inside, or two for the inside and the outside"
            )
        return self.regions(content, mask, *numbers, alpha=alpha)


def open_painter(source: str | Path) -> Painter:
    """Opens a trained AdaIN.

    Args:
        source: what `open_generator` takes: a run folder, an export ...

    Raises:
        InputError: not a trained generator, or one of another game.
    """
    generator = open_generator(source)
    if not {STATISTICS, PAINT} <= set(generator.signatures):
        raise InputError(
            f"{source} is not an AdaIN, which `stylize` needs; train one with recipes/adain.py"
        )

    def paint(content: np.ndarray, numbers: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        inputs = {"content": content, STATISTICS: numbers, "alpha": alpha}
        return generator.run_signature(inputs, PAINT)["image"]

    return Painter(
        generator.name,
        lambda style: generator.run_signature({"style": style}, STATISTICS)[STATISTICS],
        paint,
        getattr(generator.game, "stylize_regions", None),
        generator.bit_depth,
    )


def of_game(game: AdaIN, name: str = "the game") -> Painter:
    """The painter of a trained game.

    Args:
        game: the game.
        name: for messages.
    """

    def paint(content: np.ndarray, numbers: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        inputs = (tf.constant(value, tf.float32) for value in (content, numbers, alpha))
        return game.painted(*inputs).numpy()

    return Painter(name, game.statistics_of, paint, game.stylize_regions)
