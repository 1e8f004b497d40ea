"""Does AdaIN paint in the requested style, how strongly, and how fast?

python -m tfgan_suite.style.judging RUN CONTENTS STYLES [--size 128]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.style.adain import AdaIN
from tfgan_suite.style.statistics import statistics, style_distance
from tfgan_suite.utils.command_line import Parser, exit_code
from tfgan_suite.utils.memory_budget import format_bytes

MEMORY_LIMIT = 2**31  # bytes of the images of one folder
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def judge(game: AdaIN, contents: np.ndarray, styles: np.ndarray) -> dict[str, Any]:
    """Paints every content in every style, and compares with all styles.

    The distance is that of `style_distance` on the maps of the game's own encoder.

    Args:
        game: a trained game.
        contents, styles: float `(count, height, width, 3)` in [-1, 1]; at least two styles.

    Returns:
        `"nearest"`: share of the paintings that are nearer to the requested style than to any
        other; `"nearer"`: share of the pairs (painting, other style) in which they are;
        `"alphas"` and `"distances"`: the mean distance to the requested style at each alpha;
        `"falls"`: whether it falls from each alpha to the next; `"seconds"` for one painting.

    Raises:
        InputError: fewer than two styles.
    """
    if len(styles) < 2:
        raise InputError(f"there are {len(styles)} styles; pass two at least, to tell them apart")
    targets = [_style_statistics(game, style) for style in styles]
    distances = np.zeros((len(ALPHAS), len(styles), len(contents)))
    other = np.zeros((len(styles), len(contents), len(styles)))
    for column, style in enumerate(styles):
        for row, content in enumerate(contents):
            for step, alpha in enumerate(ALPHAS):
                painting = game.stylize(content[None], style[None], alpha)
                maps = game.encoder(tf.constant(painting))
                distances[step, column, row] = float(style_distance(maps, targets[column]))
            # The last alpha is 1: compared with all styles.
            other[column, row] = [float(style_distance(maps, target)) for target in targets]
    own = np.stack([other[column, :, column] for column in range(len(styles))])
    beaten = [
        own[column] < other[column, :, rival]
        for column in range(len(styles))
        for rival in range(len(styles))
        if rival != column
    ]
    means = distances.mean(axis=(1, 2))
    return {
        "paintings": own.size,
        "nearest": float(np.mean(own <= other.min(axis=2))),
        "nearer": float(np.mean(beaten)),
        "alphas": list(ALPHAS),
        "distances": [float(mean) for mean in means],
        "falls": bool((np.diff(means) < 0).all()),
        "seconds": seconds(game, contents[0], styles[0]),
    }


def seconds(game: AdaIN, content: np.ndarray, style: np.ndarray, repeats: int = 5) -> float:
    """Median time of a painting, including style encoding, after a first one to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        game.stylize(content[None], style[None])
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def _style_statistics(game: AdaIN, style: np.ndarray) -> list[tuple[tf.Tensor, tf.Tensor]]:
    return [statistics(maps) for maps in game.encoder(tf.constant(style[None], tf.float32))]


def _squares(folder: Path, size: int) -> np.ndarray:
    from tfgan_suite.data.readers import bit_depths, image_files, listing

    names, _, _ = listing.list_images(folder)
    needed = len(names) * size * size * 3 * 5  # as bytes and as float32
    if needed > MEMORY_LIMIT:
        raise InputError(
            f"{len(names)} images of {folder} take {format_bytes(needed)} at {size} pixels;"
            f" expected at most {format_bytes(MEMORY_LIMIT)}: pass a smaller --size or fewer images"
        )
    bit_depth, images = bit_depths.decide([folder / name for name in names]), []
    for name in names:
        try:
            images.append(image_files.read(folder / name, size, 3, bit_depth))
        except image_files.Unreadable as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
    if not images:
        raise InputError(f"{folder} holds no readable image; pass another folder")
    return np.stack(images).astype(np.float32) / 127.5 - 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the results of `judge` as JSON; returns 2 with a one-line reason for bad input."""
    parser = Parser(prog="judging", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="run folder of recipes/adain.py")
    parser.add_argument("contents", type=Path, help="folder of images")
    parser.add_argument("styles", type=Path, help="folder of images")
    parser.add_argument("--size", type=int, default=128, help="side of the square crops [128]")
    args = parser.parse_args(arguments)

    def report() -> None:
        from tfgan_suite.training.run_folder import Run

        game, _, _ = Run(args.run).load()
        if game.usage.split()[0] != "stylize":
            raise InputError(f"{args.run} is not a run of AdaIN; train one with recipes/adain.py")
        sets = [_squares(folder, args.size) for folder in (args.contents, args.styles)]
        print(json.dumps(judge(game, *sets), indent=2))

    return exit_code("judging", report)


if __name__ == "__main__":
    sys.exit(main())
