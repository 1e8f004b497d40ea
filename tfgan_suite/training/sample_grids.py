"""Sample grids during training, and grids that show what inputs do: codes, strokes, copies."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.training.callbacks import EverySteps
from tfgan_suite.utils import image_grids


class SampleGrid(EverySteps):
    """Writes a grid of images at regular steps, as `step_00000500.png` and so on.

    Args:
        folder: where the grids are written.
        every: steps between two grids.
        draw: takes the game, returns a grid, uint8 `(height, width, 3)`, or None where there is
            nothing to show. Default: `game.preview(examples)`, the same noise and the same
            examples every time, so that the grids show what training changes.
        examples: a batch of `game.preview_count` examples of the data.
        seed: seed of the noise.
        count: samples in a grid of a generator from noise; by default 64, of points 1024.
        writer: TensorBoard writer that receives the grids too.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        every: int,
        draw: Callable[[Any], np.ndarray | None] | None = None,
        *,
        examples: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
        count: int | None = None,
        writer: tf.summary.SummaryWriter | None = None,
    ):
        super().__init__(every)
        self.folder, self.writer = Path(folder), writer
        self.draw = draw or (lambda game: game.preview(examples or {}, seed=seed, count=count))

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        grid = self.draw(self.model)
        if grid is None or not self.chief:
            return
        self.folder.mkdir(exist_ok=True)
        image_grids.write_png(self.folder / f"step_{step:08d}.png", grid)
        if self.writer is not None:
            with self.writer.as_default(step=step):
                tf.summary.image(self.folder.name, grid[None])


def reconstructions(game: Any, real: np.ndarray, columns: int = 8) -> np.ndarray:
    """Examples and their reconstructions by a game with an encoder.

    Args:
        game: has `reconstruct(examples)`.
        real: images `(count, height, width, channels)`, drawn row by row with their
            reconstructions below them; or points `(count, 2)`.
        columns: images per row.

    Returns:
        uint8 image grid.
    """
    copies = game.reconstruct(real)
    if real.ndim == 2:
        return image_grids.scatter(copies, real)
    count = len(real) // columns * columns
    rows = [array[:count].reshape(-1, columns, *array.shape[1:]) for array in (real, copies)]
    both = np.stack(rows, axis=1)
    return image_grids.image_grid(both.reshape(-1, *real.shape[1:]), columns)


def traversal(
    game: Any, reach: float = 2.0, columns: int = 10, rows: int = 3, seed: int = 0
) -> np.ndarray:
    """Varies one code after the other, with everything else fixed.

    Args:
        game: an InfoGAN.
        reach: continuous codes go from -reach to reach; the paper shows 2, training uses 1.
        columns: values of a continuous code; categorical codes show all of theirs.
        rows: rows per code, each with its own noise.
        seed: seed of what is fixed.

    Returns:
        uint8 image grid: rows of the first categorical code, of the second .. of the first
        continuous one and so on.
    """
    specs = game.signatures()["serving_default"].inputs
    fixed = {s.name: s.draw(rows, seed=[seed, i]).numpy() for i, s in enumerate(specs)}
    width = max(game.classes if game.categorical else 0, columns if game.continuous else 0)
    grid = []
    for code in range(game.categorical):
        for row in range(rows):
            inputs = {name: np.repeat(a[row : row + 1], width, 0) for name, a in fixed.items()}
            values = np.minimum(np.arange(width), game.classes - 1)
            inputs["category"].reshape(width, -1)[:, code] = values
            grid.append(game.generate(**inputs))
            grid[-1][game.classes :] = 1.0  # white where the other codes' rows are longer
    for code in range(game.continuous):
        for row in range(rows):
            inputs = {name: np.repeat(a[row : row + 1], width, 0) for name, a in fixed.items()}
            inputs["continuous"][:, code] = np.linspace(-reach, reach, width)
            grid.append(game.generate(**inputs))
    return image_grids.image_grid(np.concatenate(grid), width)


def strokes(game: Any, count: int = 8, seed: int = 0) -> np.ndarray:
    """The canvas after every step, one image a row, for a game with `canvases`."""
    canvases = game.canvases(count, seed)
    return image_grids.image_grid(canvases.reshape(-1, *canvases.shape[2:]), canvases.shape[1])
