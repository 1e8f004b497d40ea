"""The eyes world: clean rendered eyes whose gaze is known, and "real" ones as a camera sees them.

Simulated and real eyes have the same distribution of gaze and shape. A real one is unevenly lit,
out of focus, dim and noisy. A predictor of the pupil's position that has only seen clean eyes is
inaccurate on real ones; how much of that gap a refiner closes is a number. `read` finds the pupil
in images of both kinds, and so detects a refiner that moves it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.errors import InputError

SIZE = (35, 55)
SMALLEST = 24
LABELS = ("pupil_x", "pupil_y")
# All lengths are in pixels of a 35 x 55 image, and scale with the image's height.
REACH = (9.0, 3.5)  # of the pupil to either side of the eye's centre, across and down
WANDER = (3.0, 2.0)  # of the eye's centre to either side of the image's


@dataclasses.dataclass(frozen=True)
class Examples:
    """Eyes with their ground truth.

    Args:
        images: uint8 `(n, height, width, 1)`.
        pupil: float32 `(n, 2)`: x and y of the pupil's centre in pixels (0 is the image's edge).
        gaze: float32 `(n, 2)`: how far the eye looks to the side and down, -1 to 1.
    """

    images: np.ndarray
    pupil: np.ndarray
    gaze: np.ndarray


def generate(
    count: int = 2000, size: tuple[int, int] = SIZE, seed: int = 0, real: bool = False
) -> Examples:
    """Generates eyes.

    Args:
        count: number of eyes.
        size: height and width in pixels; the height is at least 24, the width 1.4 times that.
        seed: seed of the scenes; the same seed gives the same eyes, clean and real.
        real: whether to render them as a camera sees them.

    Returns:
        `Examples`.

    Raises:
        InputError: `size` is too small, or `count` below 1.
    """
    height, width = size
    if height < SMALLEST or width < 1.4 * height or count < 1:
        raise InputError(
            f"{count} eyes of {height} x {width} pixels were requested; expected 1 or more, at "
            f"least {SMALLEST} high and 1.4 times as wide as high: pass for example a size of 35 x "
            "55"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng(seed).random((count, 16))
    unit = height / 35.0
    gaze = 2.0 * draws[:, 0:2] - 1.0
    centre = np.array([width, height]) / 2.0 + unit * np.array(WANDER) * (2.0 * draws[:, 2:4] - 1.0)
    pupil = centre + unit * np.array(REACH) * gaze
    light = _light(draws, height, width) if real else np.zeros((count, height, width))
    pixels = _render(draws, centre, pupil, unit, light)
    if real:
        pixels = _photograph(pixels, draws, unit, seed)
    images = np.round(255.0 * np.clip(pixels, 0.0, 1.0)).astype(np.uint8)[..., None]
    return Examples(images, pupil.astype(np.float32), gaze.astype(np.float32))


def _render(draws, centre, pupil, unit, light) -> np.ndarray:
    """Skin, white, iris and pupil, layered: `(n, height, width)` in [0, 1]."""
    height, width = light.shape[1:]
    x = (np.arange(width) + 0.5)[None, None, :]
    y = (np.arange(height) + 0.5)[None, :, None]

    def mix(limits: tuple[float, float], column: int) -> np.ndarray:
        return (limits[0] + (limits[1] - limits[0]) * draws[:, column])[:, None, None]

    def disc(radius: np.ndarray) -> np.ndarray:
        distance = np.hypot(x - pupil[:, 0, None, None], y - pupil[:, 1, None, None])
        return np.clip(radius - distance + 0.5, 0.0, 1.0)

    across = (x - centre[:, 0, None, None]) / (mix((19.0, 22.0), 4) * unit)
    down = np.abs(y - centre[:, 1, None, None])
    opening = np.clip(mix((9.0, 12.0), 5) * unit * (1.0 - across**2) - down + 0.5, 0.0, 1.0)
    inside = mix((0.86, 0.95), 6)
    iris, black = disc(mix((6.0, 7.0), 7) * unit), disc(mix((2.6, 3.4), 8) * unit)
    inside = inside + iris * (mix((0.36, 0.48), 9) - inside)
    inside = inside + black * (0.04 - inside)
    skin = mix((0.6, 0.72), 10) + light
    return skin + opening * (inside - skin)


def _light(draws: np.ndarray, height: int, width: int) -> np.ndarray:
    """A linear brightness gradient in a random direction: `(n, height, width)`."""
    angle = 2.0 * np.pi * draws[:, 11]
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5) / height - 0.5
    slope = np.cos(angle)[:, None, None] * x[None, None, :]
    slope = slope + np.sin(angle)[:, None, None] * y[None, :, None]
    return slope * (0.3 + 0.4 * draws[:, 12, None, None])


def _photograph(pixels: np.ndarray, draws: np.ndarray, unit: float, seed: int) -> np.ndarray:
    """Blur, gain and noise."""
    sigma = unit * (0.9 + 0.6 * draws[:, 13])
    pixels = _blurs(pixels.shape[1], sigma) @ pixels
    pixels = pixels @ _blurs(pixels.shape[2], sigma).transpose(0, 2, 1)
    gain, lift = 0.5 + 0.2 * draws[:, 14], 0.05 + 0.15 * draws[:, 15]
    uniform = np.random.default_rng((seed, 1)).random((2, *pixels.shape))
    normal = np.sqrt(-2.0 * np.log1p(-uniform[0])) * np.cos(2.0 * np.pi * uniform[1])
    return lift[:, None, None] + gain[:, None, None] * pixels + 0.035 * normal


def _blurs(side: int, sigma: np.ndarray) -> np.ndarray:
    """Gaussian blurs of `side` pixels as matrices whose rows sum to 1: `(n, side, side)`."""
    position = np.arange(side)
    distance = (position[:, None] - position[None]) / sigma[:, None, None]
    weights = np.exp(-0.5 * distance**2)
    return weights / weights.sum(axis=2, keepdims=True)


def read(images: np.ndarray) -> np.ndarray:
    """Finds the pupils in images of any origin.

    The pupil is where a disc of its size is darkest against the ring around it.

    Args:
        images: `(n, height, width, 1)`, uint8, or float in [-1, 1].

    Returns:
        x and y with sub-pixel precision, float64 `(n, 2)`.
    """
    pixels = np.asarray(images, np.float64)[..., 0]
    pixels = np.nan_to_num(pixels / 255.0 if images.dtype == np.uint8 else pixels * 0.5 + 0.5)
    height, width = pixels.shape[1:]
    unit = height / 35.0
    reach = int(np.ceil(6.5 * unit))
    offset = np.arange(-reach, reach + 1)
    distance = np.hypot(offset[:, None], offset[None])
    disc = np.clip(3.0 * unit - distance + 0.5, 0.0, 1.0)
    ring = np.clip(6.0 * unit - distance + 0.5, 0.0, 1.0) - np.clip(
        4.0 * unit - distance + 0.5, 0.0, 1.0
    )
    kernel = ring / ring.sum() * 0.5 - disc / disc.sum()
    block = 256  # limits the spectra to a few MiB at a time
    parts = [_filtered(pixels[i : i + block], kernel) for i in range(0, len(pixels), block)]
    score = np.concatenate(parts)
    # Pupils stay away from the edges, where a parabola through three scores would not fit.
    inner = score[:, 2:-2, 2:-2].reshape(len(score), -1)
    row, column = np.divmod(inner.argmax(axis=1), width - 4)
    row, column, number = row + 2, column + 2, np.arange(len(score))
    x = column + _peak(*(score[number, row, column + step] for step in (-1, 0, 1)))
    y = row + _peak(*(score[number, row + step, column] for step in (-1, 0, 1)))
    return np.stack([x + 0.5, y + 0.5], axis=1)


def _filtered(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Filters images `(n, height, width)` with a symmetric kernel, with edge padding."""
    reach = len(kernel) // 2
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)), "edge")
    sides = padded.shape[1:]
    spectrum = np.fft.rfft2(padded) * np.fft.rfft2(kernel, sides)
    return np.fft.irfft2(spectrum, sides)[:, 2 * reach :, 2 * reach :]


def _peak(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The peak of a parabola through three neighbours, -.5 to .5 from the middle one."""
    curvature = 2.0 * middle - before - after
    return np.clip(
        0.5 * (after - before) / np.where(curvature > 1e-9, curvature, np.inf), -0.5, 0.5
    )


def report(examples: dict, outputs: np.ndarray) -> dict:
    """Measures what a refiner does to simulated eyes.

    Args:
        examples: `"simulated"` and `"real"`, float `(n, height, width, 1)` in [-1, 1], and
            `"label"`, `(n, 2)`, the pupils of the simulated ones.
        outputs: the refined eyes.

    Returns:
        `{"images": n, "pupil_shift": mean distance in pixels of the pupil from its label,
        "label_kept_share": share of eyes where that is below a pixel, "change": mean absolute
        difference from the unrefined eyes, "level_gap", "contrast_gap" and "grain_gap": absolute
        differences of mean, standard deviation and pixel-to-pixel change from those of real
        eyes, and "raw_level_gap" .. for the unrefined eyes}`.
    """
    outputs = np.asarray(outputs, np.float32)
    simulated, real = np.asarray(examples["simulated"]), np.asarray(examples["real"])
    shift = np.linalg.norm(read(outputs) - np.asarray(examples["label"]), axis=1)
    measures = {
        "images": len(outputs),
        "pupil_shift": float(shift.mean()),
        "label_kept_share": float(np.mean(shift < 1.0)),
        "change": float(np.mean(np.abs(outputs - simulated))),
    }
    expected = _statistics(real)
    for prefix, images in (("", outputs), ("raw_", simulated)):
        for name, value in _statistics(images).items():
            measures[f"{prefix}{name}_gap"] = abs(value - expected[name])
    return measures


def _statistics(images: np.ndarray) -> dict[str, float]:
    """Mean level, mean contrast and mean grain of images in [-1, 1]."""
    return {
        "level": float(images.mean()),
        "contrast": float(images.std(axis=(1, 2, 3)).mean()),
        "grain": float(np.abs(np.diff(images, n=2, axis=2)).mean()),
    }
