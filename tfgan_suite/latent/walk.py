"""Walks through the latent space: what lies between samples (Radford et al. 2016, section 6.1).

Smooth changes all the way speak against memorisation; jumps between still images speak for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.latent import figures, interpolation
from tfgan_suite.latent.space import Inputs, Space
from tfgan_suite.utils import image_grids
from tfgan_suite.utils.optional_packages import require

MOST_FRAMES = 4096
VIDEO_RATE = 24


@dataclasses.dataclass(frozen=True)
class Walk:
    """A walk through samples.

    Args:
        images: float32 `(frames, height, width, channels)` in [-1, 1].
        inputs: of the generator, arrays `(frames, ...)` by name.
        steps: frames from each sample to the next.
        closed: whether the last frame leads back to the first.
    """

    images: np.ndarray
    inputs: Inputs
    steps: int
    closed: bool

    def changes(self) -> np.ndarray:
        """Root mean square change of the pixels from each frame to the next, in [-1, 1]."""
        following = np.roll(self.images, -1, axis=0) if self.closed else self.images[1:]
        frames = self.images if self.closed else self.images[:-1]
        return np.sqrt(np.mean(np.square(following - frames), axis=(1, 2, 3)))


def walk(
    space: Space,
    numbers: Sequence[int],
    steps: int = 16,
    *,
    path: str | None = None,
    closed: bool = False,
    labels: Sequence[int] | None = None,
    vary: str | None = None,
) -> Walk:
    """Walks through samples.

    Args:
        space: the latent space.
        numbers: the samples to visit, as `sample` numbers them.
        steps: frames from each sample to the next; of a circle all frames.
        path: `"slerp"` (default for normal z), `"lerp"` (default for uniform z), or `"circle"`.
        closed: whether to return to the first sample.
        labels: the class of each sample, repeated as often as necessary; by default the samples'
            own. A class is a whole number, so it changes half-way between two samples.
        vary: the only input that changes, such as InfoGAN's `"continuous"`; default all.

    Raises:
        InputError: fewer than two samples, more than 4096 frames, an unknown path or input.
    """
    if len(numbers) * steps > MOST_FRAMES:
        raise InputError(
            f"the walk would have {len(numbers) * steps} frames; it may have {MOST_FRAMES}: lower"
            " --steps or visit fewer samples"
        )
    visited = space.with_labels(space.samples(numbers), labels)
    names = [spec.name for spec in space.noise]
    if vary is not None and vary not in names:
        raise InputError(
            f"{space.generator.name} has no input {vary!r} that can be walked; it has"
            f" {', '.join(names)}"
        )
    closed = closed or path == "circle"
    inputs = {}
    for spec in space.noise:
        points = visited[spec.name]
        way = path or ("slerp" if spec.kind == "normal" else "lerp")
        frames = interpolation.through(points.reshape(len(points), -1), steps, way, closed)
        if vary not in (None, spec.name):
            frames = np.repeat(frames[:1], len(frames), axis=0)
        if spec.kind == "uniform":  # a circle may leave the cube that z is drawn from
            frames = np.clip(frames, -1.0, 1.0)
        inputs[spec.name] = frames.reshape(-1, *points.shape[1:]).astype(points.dtype)
    count = len(next(iter(inputs.values())))
    nearest = np.floor(np.arange(count) / steps + 0.5).astype(int) % len(numbers)
    if path == "circle":
        nearest[:] = 0
    if space.label is not None:
        inputs[space.label.name] = visited[space.label.name][nearest]
    return Walk(space.generate(inputs), inputs, steps, closed)


def write(result: Walk, folder: Path, *, mp4: bool = False, columns: int = 16) -> dict[str, Any]:
    """Writes a walk: `walk.gif`, the grid `walk.png`, `numbers.json`, and on request `walk.mp4`.

    Args:
        result: the walk.
        folder: for the files.
        mp4: whether to write a video, which needs PyAV.
        columns: images in a row of the grid, at most.

    Returns:
        The content of `numbers.json`: changes from frame to frame (`"smoothness"` is the median
        change divided by the largest: near 1 is even, near 0 jumps) and the files.

    Raises:
        InputError: PyAV is missing, or a file cannot be written.
    """
    if mp4:
        require("av", "video", "a video file")
    factor = max(1, round(256 / max(result.images.shape[1:3])))
    pixels = image_grids.as_colour(image_grids.to_uint8(result.images))
    frames = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    changes = result.changes()
    # A row for each part of the walk, from a sample to the next.
    stride = max(1, -(-result.steps // columns))
    shown = result.images[::stride]
    per_row = min(columns, -(-result.steps // stride))
    grid = image_grids.image_grid(shown, per_row, min_width=1200)
    paths = [
        figures.write_png(folder, "walk.png", grid),
        figures.write_gif(folder, "walk.gif", frames),
    ]
    if mp4:
        paths.append(write_mp4(folder / "walk.mp4", frames))
    largest = float(changes.max())
    numbers = {
        "frames": len(result.images),
        "closed": result.closed,
        "mean_change": float(changes.mean()),
        "largest_change": largest,
        "smoothness": float(np.median(changes)) / largest if largest else 1.0,
        "files": paths,
    }
    figures.write_numbers(folder, numbers)
    return numbers


def write_mp4(path: Path, frames: np.ndarray) -> str:
    """Writes frames as an H.264 video.

    Args:
        path: the file.
        frames: uint8 `(count, height, width, 3)`; an odd row or column is repeated.

    Returns:
        The path.

    Raises:
        InputError: PyAV is not installed, or the file cannot be written.
    """
    av = require("av", "video", "a video file")
    from tfgan_suite.utils.files import writing_to

    odd = [(0, side % 2) for side in frames.shape[1:3]]
    frames = np.pad(frames, ((0, 0), *odd, (0, 0)), mode="edge")
    with writing_to(path.parent), av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=VIDEO_RATE)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return str(path)
