"""The benchmark of super-resolution: PSNR and SSIM on luma, per image and in the mean.

Beside the network stands bicubic, whose numbers are known (Set5 x4: 28.42 dB): where they come
out right, the measure is right.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.readers import image_files
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.errors import InputError
from tfgan_suite.measures import similarity
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils import bicubic

PSNR, SSIM, ENERGY = "PSNR-Y", "SSIM-Y", "gradient-energy"
WORLDS = ("scenes",)
_SCENES = (40, 1)  # number and seed of the embedded test images

Enlarge = Callable[[np.ndarray], np.ndarray]
Features = Callable[[Any], Sequence[Any]]


@dataclasses.dataclass(frozen=True)
class Table:
    """What was measured.

    Args:
        images: their names.
        values: by method and measure, a number for each image.
        protocol: what the numbers hang on.
        skipped: names of images that were left out, with reasons.
    """

    images: tuple[str, ...]
    values: dict[str, dict[str, list[float]]]
    protocol: dict[str, Any]
    skipped: dict[str, str]

    def mean(self, method: str, measure: str) -> float:
        """The mean over images, not the PSNR of the mean error."""
        return float(np.mean(self.values[method][measure]))

    def measured(self, method: str) -> list[MeasureResult]:
        """The means of a method, with those of bicubic in their protocol."""
        found = []
        for measure, values in self.values[method].items():
            facts = {
                **self.protocol,
                "method": method,
                "count": len(values),
                "spread": "standard deviation over images",
                "bicubic": _plain(self.mean("bicubic", measure)),
                "each": {name: _plain(value) for name, value in zip(self.images, values)},
            }
            spread = float(np.std(values)) if np.isfinite(values).all() else None
            found.append(MeasureResult(measure, float(np.mean(values)), facts, spread))
        return found


def benchmark(
    enlarge: Enlarge | None,
    data: str | os.PathLike,
    *,
    scale: int = 4,
    channels: int = 3,
    split: str | None = None,
    border: int | None = None,
    name: str = "network",
    features: Features | None = None,
    features_name: str = "features",
    tell: Callable[[str], Any] = lambda text: None,
) -> Table:
    """Enlarges the small versions of images and compares with the originals.

    Args:
        enlarge: takes uint8 `(height, width, channels)`, gives uint8 of `scale` times the sides;
            None: bicubic alone.
        data: `"scenes"`, or images as `data.load_super_resolution` takes them.
        scale: of the enlargement.
        channels: of the images, 1 or 3.
        split: `"train"` or `"test"`; None: the test split where there is one, else all.
        border: pixels left out on each side; default the scale.
        name: of the method in the table.
        features: images in [-1, 1] to maps (`perceptual.taps`), for a distance that is nearer
            to the eye's; `features_name` names it.
        tell: gets a line about every image that is skipped.

    Returns:
        The table, with the measures PSNR-Y, SSIM-Y, gradient-energy (mean |dx| + |dy| of luma,
        relative to the original's: 1 is as sharp) and, with `features`, the mean squared
        difference of features.

    Raises:
        InputError: no such data, or no image that can be measured.
    """
    border = scale if border is None else border
    methods = {"bicubic": lambda low: bicubic.upscale(low, scale)}
    if enlarge is not None:
        methods = {name: enlarge, **methods}
    values: dict[str, dict[str, list[float]]] = {method: {} for method in methods}
    names, skipped = [], {}
    for title, found in _pairs(data, scale, channels, split):
        reason = found if isinstance(found, str) else _unfit(found[0], border)
        if reason:
            skipped[title] = reason
            tell(f"skipped {title}: {reason}")
            continue
        high, low = found
        names.append(title)
        known = None if features is None else _maps(features, high)
        for method, make in methods.items():
            made = make(low)
            compared = _compared(made, high, border)
            if features is not None:
                distance = feature_distance(_maps(features, made), known)
                compared[f"feature-distance-{features_name}"] = distance
            for measure, value in compared.items():
                values[method].setdefault(measure, []).append(value)
    if not names:
        title, reason = next(iter(skipped.items()))
        raise InputError(f"no image of {data} can be measured; {title}: {reason}")
    protocol = {
        "data": str(data), "scale": scale, "border": border,
        "channel": "Y of BT.601, 16 to 235, not rounded", "ssim": "Wang 2004, 11 pixels, 1.5",
        "low": "the data's own, else antialiased bicubic as MATLAB's imresize, 8 bits",
    }  # fmt: skip
    return Table(tuple(names), values, protocol, skipped)


def gradient_energy(image: np.ndarray) -> float:
    """Mean of |dx| plus mean of |dy| of luma: how much detail an image has.

    Args:
        image: uint8 `(height, width, channels)`.
    """
    bright = similarity.luma(image)[..., 0]
    return float(np.abs(np.diff(bright, axis=0)).mean() + np.abs(np.diff(bright, axis=1)).mean())


def feature_distance(made: Sequence[Any], known: Sequence[Any]) -> float:
    """Mean squared difference of a network's maps of two images, summed over the maps."""
    pairs = ((np.asarray(a), np.asarray(b)) for a, b in zip(made, known))
    return float(sum(np.mean(np.square(a - b)) for a, b in pairs))


def _maps(features: Features, image: np.ndarray) -> Sequence[Any]:
    """A network's maps of a uint8 image `(height, width, 1 or 3)`."""
    colour = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image
    return features(colour[None].astype(np.float32) / np.float32(127.5) - np.float32(1))


def _compared(made: np.ndarray, high: np.ndarray, border: int) -> dict[str, float]:
    psnr, ssim = similarity.super_resolution([made], [high], border)
    energy = gradient_energy(high)
    return {
        PSNR: float(psnr),
        SSIM: float(ssim),
        ENERGY: gradient_energy(made) / energy if energy else math.nan,
    }


def _pairs(
    data: str | os.PathLike, scale: int, channels: int, split: str | None
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray] | str]]:
    """Names, and both images or the reason why there are none."""
    if os.fspath(data) in WORLDS:
        for index, image in enumerate(scenes.generate(_SCENES[0], seed=_SCENES[1])):
            high = bicubic.crop_to_multiple(image, scale)
            high = high if channels == 3 else image_files.fit_array(high, None, 1)
            yield f"scene {index}", (high, bicubic.downscale(high, scale))
        return
    for pair in files.find(data, scale, split, WORLDS):
        try:
            yield pair.name, files.read(pair, scale, channels)
        except image_files.Unreadable as error:
            yield pair.name, str(error)


def _unfit(high: np.ndarray, border: int) -> str:
    """Why an image is too small to be measured; empty where it is not."""
    least = similarity.WINDOW + 2 * border
    if min(high.shape[:2]) >= least:
        return ""
    return f"{high.shape[1]}x{high.shape[0]} pixels; the measure needs {least}"


def _plain(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))
