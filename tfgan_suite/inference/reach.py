"""How far the answer of a network depends on its input, measured on the network itself.

Tiles that overlap by a little more than twice this give the result of the whole image. A network
that normalizes by the statistics of its image (instance norm, the batch norm of the translators),
or whose receptive field is very large, has no such reach.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Smaller changes of an answer in [-1, 1] are rounding: a grey level is 0.008.
_TOLERANCE = 1e-5


def measure_reach(
    call: Callable[[np.ndarray], np.ndarray], side: int, channels: int, factor: int = 1
) -> int | None:
    """The distance from which on the input has no influence on the output.

    All of a noise image except a quadrant is replaced; as far from the quadrant's inner edges as
    its answer changes reaches the network.

    Args:
        call: float32 `(1, height, width, channels)` in [-1, 1] to `factor` times the sides.
        side: side of the noise image: a multiple of twice the grid on which the network can be
            shifted. A reach of less than half of it can be measured.
        channels: of the images.
        factor: sides of the output divided by those of the input.

    Returns:
        Pixels of the input, less than `side // 2`; `None`: the answer depends on more than that.
    """
    draws = np.random.RandomState(0)
    first, second = draws.uniform(-1.0, 1.0, (2, 1, side, side, channels)).astype(np.float32)
    half, before, reach = side // 2, np.asarray(call(first), np.float32), 0
    # Both ends: the grid of the network is counted from the top left.
    for start in (0, half):
        quadrant = (slice(None), *[slice(start, start + half)] * 2)
        mixed = second.copy()
        mixed[quadrant] = first[quadrant]
        after = np.asarray(call(mixed), np.float32)
        answer = (slice(None), *[slice(start * factor, (start + half) * factor)] * 2)
        changed = np.abs(after - before)[answer][0].max(axis=-1) > _TOLERANCE
        if start:  # the inner edges are the first row and column
            changed = changed[::-1, ::-1]
        rows, columns = np.nonzero(changed)
        if len(rows):
            reach = max(reach, len(changed) - int(np.maximum(rows, columns).min()))
    return None if reach >= half * factor else -(-reach // factor)
