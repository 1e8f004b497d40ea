"""Which names stand for the embedded worlds and not for data of the user's own."""

from __future__ import annotations

import os

from tfgan_suite.data import (
    captions,
    content_style,
    loading,
    pairs,
    simulated,
    super_resolution,
    talking_faces,
    unpaired,
)

NAMES = frozenset(
    (
        *loading.SYNTHETIC,
        *pairs.WORLDS,
        *unpaired.WORLDS,
        *simulated.WORLDS,
        *super_resolution.WORLDS,
        *content_style.WORLDS,
        *captions.WORLDS,
        *talking_faces.WORLDS,
    )
)


def is_embedded(spec: str | os.PathLike) -> bool:
    """Whether `--data` names an embedded world; a folder of that name is written `./NAME`."""
    return os.fspath(spec) in NAMES
