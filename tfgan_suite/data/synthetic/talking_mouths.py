"""The talking world: cartoon faces whose mouths open by the loudness of a synthetic voice.

A clip is one speaker of its own colours, proportions and pitch. The voice is a sum of harmonics
and breath, in syllables of random length and loudness with silent gaps; the mouth is an ellipse
whose height in each frame is the mean loudness of the voice during that frame. `read_opening`
reads the height back, so that lip sync is a number.

In the hard variant mouths are small, lips thin, pictures blurred and noisy, and the mouth lies a
little higher or lower in each frame, which the upper half of the face does not tell: the mean of
what is possible is then a grey smear, and the opening hardly counts in an L1 loss.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.data.readers.audio import SAMPLE_RATE
from tfgan_suite.errors import InputError

FPS = 25
SMALLEST = 24
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
# All lengths are in pixels of a face of 48 x 48, and scale with its side.
SIDE = 48.0
MOUTH_ROW = 36.0  # of the mouth's centre
WIDEST_OPENING, HARD_OPENING = 9.0, 4.0  # of the largest mouths
_DARK, _RED = 0.06, 0  # red of the open mouth; lips and skin are equally red
_BOX = (29.0, 44.0)  # rows that the oracle reads
_STRIP = 2.0  # columns to each side of the centre that the oracle reads
_CHEEKS = ((9.0, 12.0), (36.0, 39.0))  # columns of skin beside every mouth


@dataclasses.dataclass(frozen=True)
class TalkingClip:
    """One speaker with ground truth.

    Args:
        frames: uint8 `(n, size, size, 3)`, RGB.
        samples: float32 `(n * 640,)`, the voice at 16 kHz in [-1, 1].
        opening: float32 `(n,)`, height of the open mouth in pixels.
        loudness: float32 `(n,)`, the voice's envelope in each frame, 0 to 1.
    """

    frames: np.ndarray
    samples: np.ndarray
    opening: np.ndarray
    loudness: np.ndarray


def generate_clip(
    speaker: int, frames: int = 75, size: int = 48, hard: bool = False
) -> TalkingClip:
    """Generates one clip.

    Args:
        speaker: seed of face, voice and words; the same number gives the same clip.
        frames: its length, at 25 frames a second.
        size: side of the square faces in pixels.
        hard: whether to generate the hard variant, see above.

    Returns:
        `TalkingClip`.

    Raises:
        InputError: `size` is below 24, or `frames` below 1.
    """
    if size < SMALLEST or frames < 1:
        raise InputError(
            f"{frames} frames of {size} x {size} pixels were requested; expected 1 or more, at "
            f"least {SMALLEST} pixels high: pass for example a size of 48"
        )
    # Only `random()` is used: its values are the same in every NumPy version.
    draws = np.random.default_rng((speaker, int(hard)))
    look = draws.random(24)
    envelope = _envelope(draws, frames * SAMPLES_PER_FRAME)
    loudness = envelope.reshape(frames, SAMPLES_PER_FRAME).mean(axis=1)
    largest = (HARD_OPENING if hard else WIDEST_OPENING) * (0.75 + 0.25 * look[0])
    opening = largest * size / SIDE * loudness
    unrest = 3.0 * (draws.random(frames) - 0.5) if hard else np.zeros(frames)
    pixels = _render(look, opening, unrest, size)
    if hard:
        pixels = _photograph(pixels, draws, size)
    return TalkingClip(
        np.round(255.0 * np.clip(pixels, 0.0, 1.0)).astype(np.uint8),
        _voice(draws, look, envelope).astype(np.float32),
        opening.astype(np.float32),
        loudness.astype(np.float32),
    )


def _envelope(draws: np.random.Generator, count: int) -> np.ndarray:
    """Loudness of each sample: syllables of 2 to 6 a second, with pauses; `(count,)` in [0, 1]."""
    envelope, position = np.zeros(count), int(SAMPLE_RATE * 0.3 * draws.random())
    while position < count:
        if draws.random() < 0.2:
            position += int(SAMPLE_RATE * (0.2 + 0.4 * draws.random()))
            continue
        length = int(SAMPLE_RATE / (2.0 + 4.0 * draws.random()))
        height = 0.3 + 0.7 * draws.random()
        pulse = height * np.sin(np.pi * np.arange(length) / length) ** 2
        end = min(position + length, count)
        envelope[position:end] = np.maximum(envelope[position:end], pulse[: end - position])
        position += int(length * (0.7 + 0.3 * draws.random()))
    return envelope


def _voice(draws: np.random.Generator, look: np.ndarray, envelope: np.ndarray) -> np.ndarray:
    """Harmonics of a wavering pitch and breath; every second speaker is in a noisy room."""
    count = len(envelope)
    seconds = np.arange(count) / SAMPLE_RATE
    pitch = 100.0 + 120.0 * look[1]
    phase = 2.0 * np.pi * pitch * (seconds + 0.004 * np.sin(2.0 * np.pi * 3.0 * seconds))
    harmonics = sum(np.sin(k * phase) / k ** (0.8 + 0.6 * look[2]) for k in range(1, 16))
    breath = draws.random((2, count)) - 0.5
    voice = envelope * (0.25 * harmonics + 0.2 * breath[0])
    room = 1e-3 * (look[3] > 0.5)
    return np.clip((0.5 + 0.3 * look[4]) * voice + room * breath[1], -1.0, 1.0)


def _soft(distance: np.ndarray) -> np.ndarray:
    """Coverage of a pixel by a shape whose edge is so many pixels away (positive: inside)."""
    return np.clip(distance + 0.5, 0.0, 1.0)


def _ellipse(x, y, half_width, half_height) -> np.ndarray:
    """Coverage of pixels by an ellipse about the origin, exact down its columns.

    The height of each column is exactly that of the ellipse, so that also mouths thinner than a
    pixel have their part of the dark.
    """
    reach = half_height * np.sqrt(np.maximum(0.0, 1.0 - (x / half_width) ** 2))
    upper, lower = np.minimum(y + 0.5, reach), np.maximum(y - 0.5, -reach)
    return np.maximum(0.0, upper - lower)


def _paint(canvas: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return canvas + cover[..., None] * (colour - canvas)


def _skin(look: np.ndarray) -> np.ndarray:
    red = 0.62 + 0.33 * look[5]
    return np.array([red, red * (0.68 + 0.14 * look[6]), red * (0.5 + 0.16 * look[7])])


def _render(look: np.ndarray, opening: np.ndarray, unrest: np.ndarray, size: int) -> np.ndarray:
    """A face with a mouth of each height: `(n, size, size, 3)` in [0, 1]."""
    unit = size / SIDE
    x = (np.arange(size) + 0.5)[None, :] / unit - SIDE / 2.0
    y = (np.arange(size) + 0.5)[:, None] / unit
    faces = np.repeat(_face(look, x, y, unit)[None], len(opening), axis=0)
    mouth = slice(int(27.0 * unit), int(46.0 * unit))
    shift = look[20] - 0.5 + unrest[:, None, None]
    down, height = y[None, mouth] - MOUTH_ROW - shift, opening[:, None, None] / unit
    hard = bool(unrest.any())
    width, lip = 6.0 + 2.0 * look[21], 0.5 if hard else 1.0 + 0.6 * look[22]
    red = _skin(look)[_RED]
    lips = np.array([red, red * (0.35 + 0.15 * look[23]), red * 0.4])
    # An ellipse has its full height only at the centre: the mouth is drawn flat in the middle.
    flat = np.maximum(0.0, np.abs(x) - _STRIP)
    around = _ellipse(flat, down, width + lip - _STRIP, height / 2.0 + lip)
    inside = _ellipse(flat * unit, down * unit, unit * (width - _STRIP), unit * height / 2.0)
    faces[:, mouth] = _paint(faces[:, mouth], np.clip(around, 0.0, 1.0), lips)
    faces[:, mouth] = _paint(faces[:, mouth], inside, np.array([_DARK, 0.02, 0.03]))
    return faces


def _face(look: np.ndarray, x: np.ndarray, y: np.ndarray, unit: float) -> np.ndarray:
    """Background, head, hair, eyes and nose of one speaker: `(size, size, 3)` in [0, 1]."""
    skin, hair, background = _skin(look), 0.05 + 0.6 * look[8:11], 0.15 + 0.7 * look[11:14]
    eyes = 0.1 + 0.4 * look[14:17] * np.array([0.6, 0.8, 1.0])
    canvas = np.broadcast_to(background, (len(y), len(y), 3))
    head = _soft(unit * 20.0 * (1.0 - np.hypot(x / (19.0 + 3.0 * look[17]), (y - 25.0) / 26.0)))
    canvas = _paint(canvas, head, skin)
    canvas = _paint(canvas, head * _soft(unit * (6.0 + 4.0 * look[18] - y)), hair)
    for side in (-1.0, 1.0):
        distance = np.hypot((x - side * (8.0 + look[19])) / 1.4, y - 17.0)
        canvas = _paint(canvas, _soft(unit * (2.8 - distance)), np.full(3, 0.93))
        canvas = _paint(canvas, _soft(unit * (1.6 - distance * 1.2)), eyes)
    nose = _soft(unit * (1.0 - np.abs(x))) * _soft(unit * (3.5 - np.abs(y - 23.5)))
    return _paint(canvas, 0.5 * nose, 0.75 * skin)


def _photograph(pixels: np.ndarray, draws: np.random.Generator, size: int) -> np.ndarray:
    """Blur and noise."""
    position = np.arange(size)
    distance = (position[:, None] - position[None]) / (0.9 * size / SIDE)
    weights = np.exp(-0.5 * distance**2)
    weights /= weights.sum(axis=1, keepdims=True)
    blurred = np.einsum("ij,njkc,lk->nilc", weights, pixels, weights, optimize=True)
    uniform = draws.random((2, *blurred.shape))
    normal = np.sqrt(-2.0 * np.log1p(-uniform[0])) * np.cos(2.0 * np.pi * uniform[1])
    return blurred + 0.03 * normal


def read_opening(images: np.ndarray) -> np.ndarray:
    """Reads how far mouths are open off images of any origin.

    The darkness of the red channel, in which lips are as bright as skin, summed down the middle
    columns of the mouth, relative to that of an open mouth.

    Args:
        images: `(..., size, size, 3)`, uint8, or float in [-1, 1].

    Returns:
        float64 `(...)`: heights in pixels, with sub-pixel precision.
    """
    images = np.asarray(images)
    pixels = images[..., _RED].astype(np.float64)
    pixels = np.nan_to_num(pixels / 255.0 if images.dtype == np.uint8 else pixels * 0.5 + 0.5)
    size = pixels.shape[-1]
    unit = size / SIDE
    rows = pixels[..., int(_BOX[0] * unit) : round(_BOX[1] * unit), :]
    cheeks = [rows[..., round(a * unit) : round(b * unit)] for a, b in _CHEEKS]
    skin = np.median(np.concatenate(cheeks, axis=-1), axis=(-2, -1))[..., None, None]
    half = max(1, round((_STRIP - 0.5) * unit))
    strip = rows[..., size // 2 - half : size // 2 + half]
    darkness = (skin - strip) / np.maximum(skin - _DARK, 0.05)
    return darkness.sum(axis=-2).mean(axis=-1).clip(0.0, None)


def report(opening: np.ndarray, images: np.ndarray) -> dict[str, float]:
    """Compares the openings of generated mouths with the truth.

    Args:
        opening: `(n,)`, true heights in pixels.
        images: the generated faces, `(n, size, size, 3)`, uint8, or float in [-1, 1].

    Returns:
        `{"images": n, "opening_correlation": of read and true heights, "opening_error": mean
        absolute difference in pixels}`.
    """
    read, truth = read_opening(images).ravel(), np.asarray(opening, np.float64).ravel()
    spread = read.std() * truth.std()
    covariance = np.mean((read - read.mean()) * (truth - truth.mean()))
    return {
        "images": len(read),
        "opening_correlation": float(covariance / spread) if spread > 1e-9 else 0.0,
        "opening_error": float(np.abs(read - truth).mean()),
    }
