"""Reads images of the shapes world: which shape, which colour, where, and whether it is clean.

The reader knows the world (a plain background, six colours, three silhouettes) and nothing of
how an image was made. Its thresholds were set on images of the world itself with slight noise
and blur; no generator's outputs were used.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfgan_suite.data.synthetic import shape_parts
from tfgan_suite.data.synthetic.shape_parts import CLASSES, COLOURS, PALETTE, SHAPES
from tfgan_suite.errors import InputError

# Colour distances are Euclidean in RGB with channels in [0, 1] (largest possible: 1.73).
STANDS_OUT = 0.25  # a pixel this far from the background is not background
OFF_LINE = 0.25  # largest distance of an edge pixel from the line between background and colour
OFF_COLOUR = 0.17  # of the shape's mean colour from the world's; half-way mixtures are >= 0.26 off
ROUGH = 0.12  # root mean square deviation per channel, of background and of shape
STRAY = 0.04  # foreign pixels, as a share of the shape's area
FIT = 0.88  # overlap of the silhouette with the best of the three (intersection over union)
LEAD = 0.03  # of the best overlap over the second best
SLACK = np.radians(10.0)  # beyond the rotations of the world


@dataclasses.dataclass(frozen=True)
class Reading:
    """The results of `read`, one entry per image.

    Args:
        clean: bool `(n,)`: one shape, well formed, of one of the colours, on a plain background.
        label: int32 `(n,)`, index into `CLASSES`; -1 if there is no shape.
        shape: int32 `(n,)`, index into `SHAPES`; -1 if there is no shape.
        colour: int32 `(n,)`, index into the names of `COLOURS`; -1 if there is no shape.
        box: float32 `(n, 4)`: left, top, right, bottom of the shape in whole pixels.
        fit: float32 `(n,)`: overlap with the best silhouette, 0 to 1.
        area: float32 `(n,)`: covered pixels, edges counted by their share.
        centre: float32 `(n, 2)`: x and y of the centre of mass in pixels.
        deviation: float32 `(n, 2)`: standard deviation of the covered area along x and y in
            pixels, without that of a pixel itself.
        share: float32 `(n,)`: of all pixels that stand out from the background, those of the
            shape and its rim, 0 to 1.

    The class of an image that is not clean is a guess.
    """

    clean: np.ndarray
    label: np.ndarray
    shape: np.ndarray
    colour: np.ndarray
    box: np.ndarray
    fit: np.ndarray
    area: np.ndarray
    centre: np.ndarray
    deviation: np.ndarray
    share: np.ndarray


def read(images: np.ndarray) -> Reading:
    """Reads images of any origin.

    Args:
        images: `(n, height, width, 3)`, uint8, or float in [-1, 1] (values outside are
            clipped); height = width >= 16.

    Returns:
        `Reading`.

    Raises:
        InputError: unsupported shape, size or number type.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2]:
        raise InputError(
            f"images of shape {images.shape} cannot be read as shapes; expected "
            "(n, size, size, 3), square and in colour: crop or convert them"
        )
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            f"images of type {images.dtype} cannot be read as shapes; expected uint8, or float "
            "in [-1, 1]: convert them"
        )
    block = max(1, 2**18 // max(1, images.shape[1]) ** 2)
    parts = [_read_block(_unit(images[i : i + block])) for i in range(0, len(images), block)]
    if not parts:
        parts = [_read_block(np.zeros((0, *images.shape[1:]), np.float32))]
    return Reading(*(np.concatenate(column) for column in zip(*parts)))


def report(images: np.ndarray) -> dict:
    """Summarizes `read`: the share of clean images and the distribution of the classes.

    Args:
        images: as for `read`.

    Returns:
        `{"images": n, "clean_share": share of clean images, "classes_seen": number of the 18
        classes with a clean image, "counts": {class name: clean images}, "kinds": the classes in
        the plural, "appear": which of them have a clean image}`.
    """
    reading = read(images)
    counts = np.bincount(reading.label[reading.clean], minlength=len(CLASSES))
    return {
        "images": len(images),
        "clean_share": float(np.mean(reading.clean)) if len(images) else 0.0,
        "classes_seen": int(np.sum(counts > 0)),
        "counts": {name: int(count) for name, count in zip(CLASSES, counts)},
        "kinds": [f"{name}s" for name in CLASSES],
        "appear": (counts > 0).tolist(),
    }


def _unit(images: np.ndarray) -> np.ndarray:
    """To float32 in [0, 1]; NaN becomes black."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255.0
    pixels = np.clip(images.astype(np.float32) * 0.5 + 0.5, 0.0, 1.0)
    return np.nan_to_num(pixels, nan=0.0)


def _read_block(pixels: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields of `Reading`, in order, for float pixels in [0, 1]."""
    back = _background(pixels)
    colour, alpha = _foreground(pixels, back)
    body = _one_component(alpha > 0.5)
    near = _grow(_grow(body))
    soft = np.clip(alpha, 0.0, 1.0) * near
    area = soft.sum(axis=(1, 2))
    centre, deviation = _moments(soft, area)
    exists = body.sum(axis=(1, 2)) >= 4
    shape, fit, fits = _best_silhouette(soft, area, centre, alpha * _grow(body))
    clean = exists & fits & _plain(pixels, back, near, area)
    clean &= _right_colour(pixels, body, PALETTE[colour])
    label = np.where(exists, shape * len(COLOURS) + colour, -1)
    return (
        clean,
        label.astype(np.int32),
        np.where(exists, shape, -1).astype(np.int32),
        np.where(exists, colour, -1).astype(np.int32),
        _boxes(body),
        np.where(exists, fit, 0.0).astype(np.float32),
        area,
        centre,
        deviation,
        _share(pixels, back, body),
    )


def _background(pixels: np.ndarray) -> np.ndarray:
    """Median colour of the outermost two rows and columns: `(n, 3)`."""
    rim = [pixels[:, :2], pixels[:, -2:], pixels[:, 2:-2, :2], pixels[:, 2:-2, -2:]]
    flat = [part.reshape(len(pixels), part.shape[1] * part.shape[2], 3) for part in rim]
    return np.median(np.concatenate(flat, axis=1), axis=1)


def _foreground(pixels: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colour that explains the most pixels, and its share in each pixel.

    A pixel of an anti-aliased image is `back + alpha * (colour - back)`; alpha is 0 where a
    pixel is far from that line.
    """
    offset = pixels - back[:, None, None, :]
    best = np.full(len(pixels), -1)
    colour = np.zeros(len(pixels), np.int64)
    best_alpha = np.zeros(pixels.shape[:3], np.float32)
    for index, candidate in enumerate(PALETTE):
        line = candidate - back
        alpha = np.einsum("nhwc,nc->nhw", offset, line) / np.sum(line**2, axis=1)[:, None, None]
        residual = offset - alpha[..., None] * line[:, None, None, :]
        alpha = np.where(np.sum(residual**2, axis=3) < OFF_LINE**2, alpha, 0.0)
        count = np.sum((alpha > 0.5) & (alpha < 1.5), axis=(1, 2))
        better = count > best
        best = np.where(better, count, best)
        colour[better] = index
        best_alpha[better] = alpha[better]
    return colour, best_alpha


def _grow(mask: np.ndarray) -> np.ndarray:
    """Adds the four neighbours of every pixel."""
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _one_component(mask: np.ndarray) -> np.ndarray:
    """The connected component around the densest position of each mask."""
    size = mask.shape[1]
    reach = max(1, size // 10)
    sums = np.cumsum(
        np.cumsum(
            np.pad(mask.astype(np.int32), ((0, 0), (reach + 1, reach), (reach + 1, reach))), axis=1
        ),
        axis=2,
    )
    side = 2 * reach + 1
    density = sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side]
    density = np.where(mask, density + sums[:, :-side, :-side], -1)
    start = density.reshape(len(mask), -1).argmax(axis=1) if len(mask) else np.zeros(0, int)
    part = np.zeros_like(mask)
    part.reshape(len(mask), -1)[np.arange(len(mask)), start] = True
    part &= mask
    while True:
        wider = _grow(part) & mask
        if np.array_equal(wider, part):
            return part
        part = wider


def _moments(soft: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre of mass and standard deviation along x and y, each float32 `(n, 2)`."""
    axis = np.arange(soft.shape[1], dtype=np.float32) + 0.5
    weight = np.maximum(area, 1e-3)
    profiles = soft.sum(axis=1), soft.sum(axis=2)
    centre = np.stack([profile @ axis / weight for profile in profiles], axis=1)
    squares = [
        np.einsum("nk,nk->n", profile, (axis - centre[:, side, None]) ** 2) / weight
        for side, profile in enumerate(profiles)
    ]
    # Coverage blurs the outline by the width of a pixel, whose variance is a twelfth.
    return centre, np.sqrt(np.maximum(np.stack(squares, axis=1) - 1.0 / 12.0, 0.0))


def _share(pixels: np.ndarray, back: np.ndarray, body: np.ndarray) -> np.ndarray:
    """How many of the pixels that stand out from the background belong to the shape."""
    stands_out = np.sum((pixels - back[:, None, None, :]) ** 2, axis=3) > STANDS_OUT**2
    count = np.maximum(stands_out.sum(axis=(1, 2)), 1)
    return (np.sum(stands_out & _grow(body), axis=(1, 2)) / count).astype(np.float32)


def _best_silhouette(soft, area, centre, alpha) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Overlap with each silhouette of the same area, centre and rotation.

    The rotation of a k-gon is the phase of its k-th complex moment, sum(weight * z**k) / k.
    """
    size = soft.shape[1]
    weight = np.maximum(area, 1e-3)
    axis = np.arange(size, dtype=np.float32) + 0.5
    x, y = centre[:, 0], centre[:, 1]
    z = (axis - x[:, None])[:, None, :] + np.complex64(1j) * (axis - y[:, None])[:, :, None]
    cube = z**3
    third = np.angle(np.sum(soft * cube, axis=(1, 2))) / 3.0 + np.pi / 2.0
    fourth = (np.angle(np.sum(soft * cube * z, axis=(1, 2))) - np.pi) / 4.0
    turns = [np.zeros_like(x), _wrap(fourth, np.pi / 2.0), _wrap(third, 2.0 * np.pi / 3.0)]
    observed = _sharpen(alpha)
    overlap = np.zeros((len(SHAPES), len(soft)))
    for index, turn in enumerate(turns):
        shape = np.full(len(soft), index)
        template = shape_parts.coverage(shape, centre, np.sqrt(weight / np.pi), turn, size)
        template = _sharpen(template)
        union = np.maximum(observed, template).sum(axis=(1, 2))
        overlap[index] = np.minimum(observed, template).sum(axis=(1, 2)) / np.maximum(union, 1e-3)
    ranked = np.sort(overlap, axis=0)
    best = overlap.argmax(axis=0)
    rotation = np.abs(np.stack(turns))[best, np.arange(len(soft))]
    upright = rotation <= np.radians(shape_parts.TURNS)[best] + SLACK
    fits = (ranked[-1] >= FIT) & (ranked[-1] - ranked[-2] >= LEAD) & upright
    return best, ranked[-1], fits


def _wrap(angle: np.ndarray, period: float) -> np.ndarray:
    """The equivalent angle nearest to zero."""
    return angle - period * np.round(angle / period)


def _sharpen(cover: np.ndarray) -> np.ndarray:
    """Doubles the steepness of edges, so that a slight blur does not count as a misfit."""
    return np.clip(2.0 * cover - 0.5, 0.0, 1.0)


def _plain(pixels, back, near, area) -> np.ndarray:
    """Whether the background is even, neutral and not too bright."""
    offset = np.sum((pixels - back[:, None, None, :]) ** 2, axis=3) * ~near
    stray = np.sum(offset > STANDS_OUT**2, axis=(1, 2)) <= STRAY * area
    rough = offset.sum(axis=(1, 2)) / 3.0 / np.maximum(np.sum(~near, axis=(1, 2)), 1)
    neutral = back.max(axis=1) - back.min(axis=1) <= 0.15
    dark = back.mean(axis=1) <= shape_parts.GREYS[1] + 0.1
    return stray & (rough <= ROUGH**2) & neutral & dark


def _right_colour(pixels, body, expected) -> np.ndarray:
    """Whether the shape without its rim has the expected colour, evenly."""
    core = ~_grow(~body)
    count = np.maximum(core.sum(axis=(1, 2)), 1)[:, None]
    mean = np.einsum("nhwc,nhw->nc", pixels, core) / count
    near = np.linalg.norm(mean - expected, axis=1) <= OFF_COLOUR
    offset = np.sum((pixels - mean[:, None, None, :]) ** 2, axis=3) * core
    return near & (offset.sum(axis=(1, 2)) / 3.0 / count[:, 0] <= ROUGH**2)


def _boxes(body: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of each mask, zeros for an empty one: float32 `(n, 4)`."""
    sides = []
    for axis in (1, 2):  # columns that contain a pixel, then rows
        line = body.any(axis=axis)
        first = line.argmax(axis=1)
        last = np.where(line.any(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1), 0)
        sides.append((first, last))
    (left, right), (top, bottom) = sides
    return np.stack([left, top, right, bottom], axis=1).astype(np.float32)
