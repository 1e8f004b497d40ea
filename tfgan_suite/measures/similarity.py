"""How similar two images are: PSNR, SSIM, MS-SSIM, SRGAN's protocol, and diversity in a class.

Images are uint8, or float in [-1, 1] as everywhere in this suite (they are moved to [0, 2], because
SSIM's constants assume values from 0), or float in [0, peak] if a peak is passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.measures.result import MeasureResult

WINDOW = 11  # side of SSIM's Gaussian window
_LINE = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * 1.5**2))  # deviation 1.5
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of MS-SSIM's five scales
BLOCK = 64  # pairs compared at once


def psnr(
    first: np.ndarray, second: np.ndarray, peak: float | None = None, border: int = 0
) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair, 10 log10(peak^2 / mean squared error).

    A mean over images is the mean of these numbers, not the PSNR of the mean error.

    Args:
        first: images `(n, height, width, channels)`.
        second: images of the same shape and range.
        peak: largest value of floats that start at 0; default 255 for uint8, else [-1, 1].
        border: width of the border that is ignored, in pixels.

    Returns:
        Decibels, float64 `(n,)`; infinite for equal images.

    Raises:
        InputError: other shapes or ranges, values that are not finite, or nothing inside the
            border.
    """
    first, second, peak = _pair(first, second, peak, border)
    error = [
        np.mean(np.square(a.astype(np.float64) - b), dtype=np.float64)
        for a, b in zip(first, second)
    ]
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(peak**2 / np.array(error, np.float64))


def ssim(
    first: np.ndarray, second: np.ndarray, peak: float | None = None, border: int = 0
) -> np.ndarray:
    """Structural similarity of each pair (Wang et al. 2004), mean over pixels and channels.

    Gaussian window of 11 pixels and standard deviation 1.5, valid windows only, K = (.01, .03).

    Args:
        first: images `(n, height, width, channels)`, sides of 11 pixels or more.
        second: images of the same shape and range.
        peak: as for `psnr`.
        border: as for `psnr`.

    Returns:
        float64 `(n,)`, at most 1.

    Raises:
        InputError: as `psnr`, or images smaller than the window.
    """
    first, second, peak = _pair(first, second, peak, border)
    _check_window(first.shape)
    return _by_scales(first, second, peak, (1.0,))


def scales_for(height: int, width: int) -> int:
    """How many of MS-SSIM's five scales fit: each halves the image, the window keeps its size.

    Five need sides of 176 pixels, three 44, two 22 (28 and 32 pixels: two).
    """
    return max(0, min(5, int(np.log2(max(1, min(height, width)) / WINDOW)) + 1)) * (
        min(height, width) >= WINDOW
    )


def ms_ssim(
    first: np.ndarray, second: np.ndarray, peak: float | None = None, scales: int | None = None
) -> np.ndarray:
    """Multi-scale structural similarity of each pair (Wang, Simoncelli, Bovik 2003).

    Below 176 pixels fewer than five scales fit; the first ones are used with their weights
    divided by their sum, and such values are comparable only for the same `scales_for`.

    Args:
        first: images `(n, height, width, channels)`.
        second: images of the same shape and range.
        peak: as for `psnr`.
        scales: number of scales; default as many as fit.

    Returns:
        float64 `(n,)`, between 0 and 1.

    Raises:
        InputError: as `ssim`, or more scales than fit.
    """
    first, second, peak = _pair(first, second, peak, 0)
    _check_window(first.shape)
    most = scales_for(*first.shape[1:3])
    scales = most if scales is None else scales
    if not 1 <= scales <= most:
        raise InputError(
            f"{scales} scales of MS-SSIM were requested; images of {first.shape[1]}x"
            f"{first.shape[2]} pixels take 1 to {most}"
        )
    return _by_scales(first, second, peak, scale_weights(scales))


def scale_weights(scales: int) -> tuple[float, ...]:
    """The first weights of MS-SSIM, divided by their sum unless all five are used."""
    weights = WEIGHTS[:scales]
    return weights if scales == len(WEIGHTS) else tuple(w / sum(weights) for w in weights)


def luma(images: np.ndarray) -> np.ndarray:
    """Luma of 8-bit RGB by BT.601, Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255.

    Args:
        images: uint8 `(..., 3)`; grey `(..., 1)` counts as R = G = B.

    Returns:
        float64 `(..., 1)` from 16 to 235, not rounded.

    Raises:
        InputError: another type or number of channels.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise InputError(
            f"images of {images.dtype} and shape {images.shape} have no luma; expected 8-bit "
            "images with 1 or 3 channels: convert them with "
            "tfgan_suite.utils.image_grids.to_uint8"
        )
    colour = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    # Exact integers in thousandths, so that equal greys give equal luma; 65.481 = 219 * .299.
    thousandths = 219.0 * np.rint(1000.0 * compat.rgb_to_ypbpr(colour)[..., :1])
    return 16.0 + thousandths / 255e3


def super_resolution(
    images: Sequence[np.ndarray],
    originals: Sequence[np.ndarray],
    border: int = 4,
    **protocol: Any,
) -> tuple[MeasureResult, MeasureResult]:
    """PSNR and SSIM by SRGAN's protocol: luma, centre crop, a border of 4 pixels ignored.

    The paper's tables were computed with daala's tools. Their PSNR agrees with this one; their
    SSIM (a window that grows with the image, renormalised at the border) is higher.

    Args:
        images: 8-bit images `(height, width, channels)`; sizes may differ between images.
        originals: as many; an original that is larger than its image, by less than two borders,
            is cropped to the same centre.
        border: pixels ignored on each side; default 4, for a factor of 4.
        **protocol: facts for the results.

    Returns:
        PSNR and SSIM, means over images; `spread` is the standard deviation over images, the
        protocol holds `"each"`.

    Raises:
        InputError: no images, different counts, sizes that do not fit.
    """
    if not len(images) or len(images) != len(originals):
        raise InputError(
            f"there are {len(images)} images and {len(originals)} originals; expected equally "
            "many, 1 or more"
        )
    each: dict[str, list[float]] = {"PSNR-Y": [], "SSIM-Y": []}
    for image, original in zip(images, originals):
        output, target = luma(image)[None], luma(original)[None]
        target = _centre_crop(target, output.shape[1:3], 2 * border)
        each["PSNR-Y"].append(float(psnr(output, target, 255.0, border)[0]))
        each["SSIM-Y"].append(float(ssim(output, target, 255.0, border)[0]))
    facts = {
        **protocol,
        "count": len(images),
        "channel": "Y of BT.601, 16 to 235",
        "border": border,
        "spread": "standard deviation over images",
    }
    first, second = (
        MeasureResult(name, float(np.mean(values)), {**facts, "each": values}, _deviation(values))
        for name, values in each.items()
    )
    return first, second


def diversity(
    images: np.ndarray, labels: np.ndarray, pairs: int = 100, seed: int = 0, **protocol: Any
) -> MeasureResult:
    """Mean MS-SSIM of random pairs within each class: low is diverse (Odena et al. 2017).

    A value is meaningful only beside that of real images of the same classes and size.

    Args:
        images: images `(n, height, width, channels)`.
        labels: class numbers `(n,)`.
        pairs: pairs drawn in each class, of two different images each; paper 100.
        seed: of the pairs.
        **protocol: facts for the result.

    Returns:
        Mean over the classes; `spread` is the standard deviation over classes. The protocol holds
        each class's mean, the number of scales with their weights, and under `"left_out"` the
        classes with a single image.

    Raises:
        InputError: as `ms_ssim`; labels that do not fit; no class with two images.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or labels.shape != images.shape[:1] or pairs < 1:
        raise InputError(
            f"diversity needs images (n, height, width, channels), n labels and 1 pair or more; "
            f"found {images.shape}, {labels.shape} and {pairs}"
        )
    draws = np.random.default_rng(seed)
    by_class, alone = {}, []
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        if len(members) < 2:
            alone.append(int(label))
            continue
        first = draws.integers(0, len(members), pairs)
        second = (first + draws.integers(1, len(members), pairs)) % len(members)
        values = ms_ssim(images[members[first]], images[members[second]])
        by_class[int(label)] = float(np.mean(values))
    if not by_class:
        raise InputError(
            "no class has two images, but diversity compares pairs within a class; pass more images"
        )
    scales = scales_for(*images.shape[1:3])
    facts = {
        **protocol,
        "count": len(images),
        "classes": by_class,
        "pairs": pairs,
        "scales": scales,
        "weights": list(scale_weights(scales)),
        "pair_seed": seed,
        "left_out": alone,
        "spread": "standard deviation over classes",
    }
    means = list(by_class.values())
    return MeasureResult(f"MS-SSIM-{scales}", float(np.mean(means)), facts, float(np.std(means)))


def _pair(first, second, peak, border) -> tuple[np.ndarray, np.ndarray, float]:
    """Both sets from 0 on, uint8 or float, without the border, and the peak."""
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 4 or first.shape != second.shape or not len(first):
        raise InputError(
            f"images of shapes {first.shape} and {second.shape} cannot be compared; expected "
            "twice the same (n, height, width, channels)"
        )
    if (first.dtype == np.uint8) != (second.dtype == np.uint8):
        raise InputError(
            f"{first.dtype} images cannot be compared with {second.dtype} ones; convert both to "
            "uint8"
        )
    if border < 0 or min(first.shape[1:3]) <= 2 * border:
        raise InputError(
            f"a border of {border} leaves nothing of {first.shape[1]}x{first.shape[2]} pixels; "
            "expected 0 or more, and less than half a side"
        )
    inside = slice(border, -border or None)
    first, second = first[:, inside, inside], second[:, inside, inside]
    if first.dtype == np.uint8:
        return first, second, 255.0 if peak is None else float(peak)
    low, high = (-1.0, 1.0) if peak is None else (0.0, float(peak))
    for images in (first, second):
        smallest, largest = float(np.min(images)), float(np.max(images))
        slack = 1e-3 * (high - low)
        if not (low - slack <= smallest and largest <= high + slack):  # also for NaN
            raise InputError(
                f"the images' values range from {smallest:g} to {largest:g}; expected finite "
                f"ones in [{low:g}, {high:g}]" + (": pass their peak" if peak is None else "")
            )
    return first - low, second - low, high - low


def _check_window(shape: tuple[int, ...]) -> None:
    if min(shape[1:3]) < WINDOW:
        raise InputError(
            f"images of {shape[1]}x{shape[2]} pixels are too small for SSIM's window; expected "
            f"sides of {WINDOW} pixels or more"
        )


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values)) if np.isfinite(values).all() else None


def _by_scales(first, second, peak: float, weights: Sequence[float]) -> np.ndarray:
    """Product over scales of similarity ** weight, in blocks, so that memory stays bounded.

    float64, because a window's variance is a small difference of large numbers.
    """
    parts = []
    for start in range(0, len(first), BLOCK):
        a, b = (x[start : start + BLOCK].astype(np.float64) for x in (first, second))
        product = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                a, b = _halve(a), _halve(b)
            luminance, contrast = _similarities(a, b, peak)
            last = scale == len(weights) - 1
            each = np.mean(luminance * contrast if last else contrast, axis=(1, 2))
            # A power of a negative base is NaN; a single scale may be negative.
            product = product * (each if len(weights) == 1 else np.maximum(each, 0.0) ** weight)
        parts.append(np.mean(product, axis=-1))
    return np.concatenate(parts)


def _similarities(first, second, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """SSIM's luminance map, and the product of its contrast and structure maps."""
    c_1, c_2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_1, mean_2 = _blur(first), _blur(second)
    variances = _blur(first * first) - mean_1**2 + _blur(second * second) - mean_2**2
    covariance = _blur(first * second) - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + c_1) / (mean_1**2 + mean_2**2 + c_1)
    return luminance, (2 * covariance + c_2) / (variances + c_2)


def _blur(images: np.ndarray) -> np.ndarray:
    """Weighted means over all valid windows, one axis after the other."""
    weights = _LINE / _LINE.sum()
    rows = images.shape[1] - WINDOW + 1
    down = sum(w * images[:, i : i + rows] for i, w in enumerate(weights))
    columns = images.shape[2] - WINDOW + 1
    return sum(w * down[:, :, i : i + columns] for i, w in enumerate(weights))


def _halve(images: np.ndarray) -> np.ndarray:
    """Means over 2x2 pixels; an odd last row or column is doubled, as in the official code."""
    odd = [(0, side % 2) for side in images.shape[1:3]]
    even = np.pad(images, ((0, 0), *odd, (0, 0)), mode="edge")
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4


def _centre_crop(images: np.ndarray, size: tuple[int, int], slack: int) -> np.ndarray:
    """The central `size` of images that are larger by less than `slack` pixels."""
    over = [actual - target for actual, target in zip(images.shape[1:3], size)]
    if min(over) < 0 or max(over) >= max(slack, 1):
        raise InputError(
            f"an original of {images.shape[1]}x{images.shape[2]} pixels does not fit an image of "
            f"{size[0]}x{size[1]}; expected equal sizes, or up to {max(slack, 1) - 1} pixels more"
        )
    top, left = over[0] // 2, over[1] // 2
    return images[:, top : top + size[0], left : left + size[1]]
