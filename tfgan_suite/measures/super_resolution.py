"""The super-resolution benchmark: PSNR and SSIM on luma, per image and on average.

Bicubic is measured along with the network. Its figures are known (Set5 x4: 28.42 dB): if they come
out right, the measure is right.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.readers import bit_depths, image_files, image_scaling
from tfgan_suite.data.readers import super_resolution_files as files
from tfgan_suite.data.synthetic import scenes
from tfgan_suite.errors import InputError
from tfgan_suite.inference.files import check_pixels
from tfgan_suite.measures import similarity
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils import bicubic

PSNR, SSIM, ENERGY = "PSNR-Y", "SSIM-Y", "gradient-energy"
WORLDS = ("scenes",)
MAX_PIXELS = 2**24  # of an image: SSIM takes about 100 bytes a pixel
_SCENES = (40, 1)  # number and seed of the embedded test images

Upscale = Callable[[np.ndarray], np.ndarray]
Features = Callable[[Any], Sequence[Any]]


@dataclasses.dataclass(frozen=True)
class Table:
    """What was measured.

    Args:
        images: their names.
        values: by method and measure, a number for each image.
        protocol: what the numbers depend on.
        skipped: names of images that were skipped, with reasons.
    """

    images: tuple[str, ...]
    values: dict[str, dict[str, list[float]]]
    protocol: dict[str, Any]
    skipped: dict[str, str]

    def mean(self, method: str, measure: str) -> float:
        """The mean over images, not the PSNR of the mean error."""
        return float(np.mean(self.values[method][measure]))

    def results(self, method: str) -> list[MeasureResult]:
        """The means of a method, with those of bicubic in their protocol."""
        results = []
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
            results.append(MeasureResult(measure, float(np.mean(values)), facts, spread))
        return results


def benchmark(
    upscale: Upscale | None,
    data: str | os.PathLike,
    *,
    scale: int = 4,
    channels: int = 3,
    split: str | None = None,
    border: int | None = None,
    name: str = "network",
    features: Features | None = None,
    features_name: str = "features",
    bit_depth: int | None = None,
    log: Callable[[str], Any] = lambda text: None,
) -> Table:
    """Upscales low-resolution images and compares them with the originals.

    Args:
        upscale: from uint8 `(height, width, channels)` to uint8 of `scale` times the sides;
            `None`: bicubic only.
        data: `"scenes"`, or images as `data.load_super_resolution` takes them.
        scale: factor of the upscaling; default 4.
        channels: of the images, 1 or 3.
        split: `"train"` or `"test"`; `None`: the test split if there is one, else all.
        border: pixels ignored on each side; default the scale.
        name: of the method in the table.
        features: images in [-1, 1] to maps (`extractors.feature_network`), for a perceptual
            distance; `features_name` names it.
        bit_depth: significant bits of 16-bit images, as for `data.load`.
        log: called with a line about every image that is skipped.

    Returns:
        The table, with the measures PSNR-Y, SSIM-Y, gradient-energy (mean |dx| + |dy| of luma,
        relative to the original's: 1 is equally sharp) and, with `features`, the mean squared
        difference of features.

    Raises:
        InputError: no such data, or no image that can be measured.
    """
    border = scale if border is None else border
    methods = {"bicubic": lambda low: bicubic.upscale(low, scale)}
    if upscale is not None:
        methods = {name: upscale, **methods}
    values: dict[str, dict[str, list[float]]] = {method: {} for method in methods}
    names, skipped = [], {}
    for title, pair in _pairs(data, scale, channels, split, bit_depth):
        reason = pair if isinstance(pair, str) else _too_small(pair[0], border)
        if reason:
            skipped[title] = reason
            log(f"skipped {title}: {reason}")
            continue
        high, low = pair
        names.append(title)
        target_maps = None if features is None else _maps(features, high)
        for method, upscale_by in methods.items():
            output = upscale_by(low)
            scores = _scores(output, high, border)
            if features is not None:
                distance = feature_distance(_maps(features, output), target_maps)
                scores[f"feature-distance-{features_name}"] = distance
            for measure, value in scores.items():
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


def feature_distance(outputs: Sequence[Any], targets: Sequence[Any]) -> float:
    """Mean squared difference of a network's maps of two images, summed over the maps."""
    pairs = ((np.asarray(a), np.asarray(b)) for a, b in zip(outputs, targets))
    return float(sum(np.mean(np.square(a - b)) for a, b in pairs))


def _maps(features: Features, image: np.ndarray) -> Sequence[Any]:
    """A network's maps of a uint8 image `(height, width, 1 or 3)`."""
    colour = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image
    return features(colour[None].astype(np.float32) / np.float32(127.5) - np.float32(1))


def _scores(output: np.ndarray, high: np.ndarray, border: int) -> dict[str, float]:
    psnr, ssim = similarity.super_resolution([output], [high], border)
    energy = gradient_energy(high)
    return {
        PSNR: float(psnr),
        SSIM: float(ssim),
        ENERGY: gradient_energy(output) / energy if energy else math.nan,
    }


def _pairs(
    data: str | os.PathLike, scale: int, channels: int, split: str | None, bit_depth: int | None
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray] | str]]:
    """Names, and both images or the reason why there are none."""
    if os.fspath(data) in WORLDS:
        for index, image in enumerate(scenes.generate(_SCENES[0], seed=_SCENES[1])):
            high = bicubic.crop_to_multiple(image, scale)
            high = high if channels == 3 else image_scaling.fit_array(high, None, 1)
            yield f"scene {index}", (high, bicubic.downscale(high, scale))
        return
    pairs = files.find(data, scale, split, WORLDS)
    bit_depth = bit_depths.decide([path for pair in pairs for path in pair.paths], bit_depth)
    for pair in pairs:
        try:
            check_pixels(pair.high, MAX_PIXELS, "cut it into parts")
            yield pair.name, files.read(pair, scale, channels, bit_depth=bit_depth)
        except image_files.Unreadable as error:
            yield pair.name, str(error)


def _too_small(high: np.ndarray, border: int) -> str:
    """Why an image is too small to be measured; empty if it is not."""
    smallest = similarity.WINDOW + 2 * border
    if min(high.shape[:2]) >= smallest:
        return ""
    return f"{high.shape[1]}x{high.shape[0]} pixels; the measure needs {smallest}"


def _plain(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))
