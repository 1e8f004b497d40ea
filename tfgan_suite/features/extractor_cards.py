"""The card beside the file of a feature network, as `recipes/classifier.py` writes it."""

from __future__ import annotations

import os
from pathlib import Path

from tfgan_suite.utils.json_files import Maybe, read_json


def card_layers(path: Path) -> dict[str, str]:
    """The layers that the card beside a file names; empty without a card.

    Raises:
        InputError: the card is damaged; other layers would silently give other values.
    """
    card_path = path.with_suffix(".json")
    if not os.path.lexists(card_path):
        return {}
    card = read_json(
        card_path,
        {"layers": Maybe({str: str})},
        advice="restore it, or remove it and name the layer: FILE:LAYER",
    )
    return card.get("layers") or {}
