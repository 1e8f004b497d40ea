"""Line charts as SVG for pages without scripts: a string for each, drawn from numbers alone."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 320, 132
# Around the curve: room for the title above it, for the steps below and for the range beside it.
_TOP, _BOTTOM, _SIDE, _LEFT = 26, 18, 6, 56
# Beyond these shares of the values a curve is cut: a spike would flatten everything else.
_CUT, _FEWEST = 0.02, 20


def line_chart(
    title: str, steps: Sequence[int], values: Sequence[float], mark: int | None = None
) -> str:
    """A curve over steps, with its last value, its range and its first and last step.

    Args:
        title: name of the curve; any text.
        steps: of the points, increasing.
        values: as many; where one is not finite the curve has a gap.
        mark: the step of a point to be marked.

    Returns:
        An `<svg>` element with the class `chart`.
    """
    finite = [value for value in values if math.isfinite(value)]
    name = html.escape(title)
    last = next((v for v in reversed(values) if math.isfinite(v)), math.nan)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">',
        f'<text x="{_SIDE}" y="14" class="name">{name}</text>',
        f'<text x="{WIDTH - _SIDE}" y="14" class="last">{number(last)}</text>',
    ]
    if finite:
        low, high = value_range(finite)
        at = _scales(steps, low, high)
        parts += [
            f'<rect x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _SIDE}"'
            f' height="{HEIGHT - _TOP - _BOTTOM}" class="frame"/>',
            *(
                f'<polyline points="{points}" class="curve"/>'
                for points in _runs(steps, values, at)
            ),
            f'<text x="{_LEFT - 4}" y="{_TOP + 9}" class="tick end">{number(high)}</text>',
            f'<text x="{_LEFT - 4}" y="{HEIGHT - _BOTTOM}" class="tick end">{number(low)}</text>',
        ]
        marked = [v for s, v in zip(steps, values) if s == mark and math.isfinite(v)]
        if mark is not None and marked:
            x, y = at(mark, marked[-1])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="mark"/>')
    if len(steps):
        parts += [
            f'<text x="{_LEFT}" y="{HEIGHT - 5}" class="tick">{steps[0]}</text>',
            f'<text x="{WIDTH - _SIDE}" y="{HEIGHT - 5}" class="tick end">{steps[-1]}</text>',
        ]
    return "".join([*parts, "</svg>"])


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """What the vertical axis shows of finite values: of many all but the outermost ones."""
    ordered = sorted(values)
    cut = int(_CUT * len(ordered)) if len(ordered) >= _FEWEST else 0
    return ordered[cut], ordered[len(ordered) - 1 - cut]


def number(value: float) -> str:
    """A number in a few characters."""
    return f"{value:.4g}" if math.isfinite(value) else "not finite"


def _scales(steps: Sequence[int], low: float, high: float):
    """A function from step and value to coordinates; values beyond the range lie on its edge."""
    first, width = steps[0], max(steps[-1] - steps[0], 1)
    inside = HEIGHT - _TOP - _BOTTOM - 8

    def at(step: int, value: float) -> tuple[float, float]:
        share = 0.5 if high == low else (min(max(value, low), high) - low) / (high - low)
        x = _LEFT + (WIDTH - _LEFT - _SIDE) * (step - first) / width
        return x, _TOP + 4 + inside * (1.0 - share)

    return at


def _runs(steps: Sequence[int], values: Sequence[float], at) -> list[str]:
    """The points of each part of a curve without gaps."""
    runs: list[list[str]] = [[]]
    for step, value in zip(steps, values):
        if math.isfinite(value):
            x, y = at(step, value)
            runs[-1].append(f"{x:.1f},{y:.1f}")
        elif runs[-1]:
            runs.append([])
    # A single point is no line.
    return [" ".join(run * 2 if len(run) == 1 else run) for run in runs if run]
