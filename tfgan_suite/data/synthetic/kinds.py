"""Which kinds of a synthetic world an oracle sees among samples, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LISTED = 6  # missing kinds that a message names


def missing(report: Mapping[str, Any]) -> list[str] | None:
    """The kinds that an oracle did not see, in the plural.

    Args:
        report: what the oracle of a world reports: `"kinds"` are the names of all, `"appear"`
            says which of them it saw.

    Returns:
        Names; None where the world has no kinds.
    """
    if "kinds" not in report:
        return None
    return [kind for kind, appears in zip(report["kinds"], report["appear"]) if not appears]


def in_words(report: Mapping[str, Any]) -> str | None:
    """`"17 of 18 kinds appear: no magenta circles"`; None where the world has no kinds.

    Args:
        report: as for `missing`.
    """
    absent = missing(report)
    if absent is None:
        return None
    total = len(report["kinds"])
    if not absent:
        return f"all {total} kinds appear"
    return f"{total - len(absent)} of {total} kinds appear: no {listed(absent)}"


def listed(names: Sequence[str]) -> str:
    """Names separated by commas, at most six of them, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
