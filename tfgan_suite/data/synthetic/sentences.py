"""Sentences of the captions world: what they say of a shape, in several wordings.

A sentence states the colour, the shape, the size and the position of one shape. `write` words
them, `parse` reads them back, so that what a generator drew can be compared with what it was told.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

SIZES = ("small", "large")
# Index = 3 * row + column.
POSITIONS = (
    *("top left", "top", "top right"),
    *("left", "centre", "right"),
    *("bottom left", "bottom", "bottom right"),
)
_SHAPE_WORDS = (("circle", "disc", "dot"), ("square", "block", "tile"), ("triangle", "wedge"))
_COLOUR_WORDS = (
    *(("red", "scarlet"), ("green", "jade"), ("blue", "cobalt")),
    *(("yellow", "golden"), ("magenta", "pink"), ("cyan", "turquoise")),
)
_SIZE_WORDS = (("small", "little", "tiny"), ("large", "big", "huge"))
_EDGE_WORDS = {"row": (("top", "upper"), ("bottom", "lower")), "column": (("left",), ("right",))}
_CENTRE_WORDS = (("middle", "centre", "center"),)
_PHRASES = {
    "top left": ("at the top left", "in the upper left corner"),
    "top": ("at the top", "in the upper middle"),
    "top right": ("at the top right", "in the upper right corner"),
    "left": ("at the left", "on the left side"),
    "centre": ("in the centre", "in the middle"),
    "right": ("at the right", "on the right side"),
    "bottom left": ("at the bottom left", "in the lower left corner"),
    "bottom": ("at the bottom", "in the lower middle"),
    "bottom right": ("at the bottom right", "in the lower right corner"),
}
TEMPLATES = (
    "a {size} {colour} {shape} {position}",
    "{position} there is a {size} {colour} {shape}",
    "a {colour} {shape}, {size}, {position}",
    "the picture shows a {size} {shape} in {colour} {position}",
    "this {shape} is {size} and {colour}; it is {position}",
    "one {shape} {position}, {colour} and {size}",
)
DRAWS = 5  # uniform numbers that a sentence takes: template, size, colour, shape, position


@dataclasses.dataclass(frozen=True)
class Attributes:
    """What sentences say, int32 `(n,)` each; -1 where one says nothing, or two things at once.

    Args:
        colour: index into the names of `COLOURS`.
        shape: index into `SHAPES`.
        size: index into `SIZES`.
        position: index into `POSITIONS`.
    """

    colour: np.ndarray
    shape: np.ndarray
    size: np.ndarray
    position: np.ndarray


def write(colour: int, shape: int, size: int, position: int, draws: Sequence[float] = ()) -> str:
    """A sentence about a shape.

    Args:
        colour, shape, size, position: as in `Attributes`.
        draws: `DRAWS` numbers in [0, 1) that choose among the wordings; without them the plain
            one: "a small red circle at the top left".
    """
    choices = iter(draws or [0.0] * DRAWS)
    template = _pick(TEMPLATES, next(choices))
    return template.format(
        size=_pick(_SIZE_WORDS[size], next(choices)),
        colour=_pick(_COLOUR_WORDS[colour], next(choices)),
        shape=_pick(_SHAPE_WORDS[shape], next(choices)),
        position=_pick(_PHRASES[POSITIONS[position]], next(choices)),
    )


def parse(texts: Sequence[str]) -> Attributes:
    """Reads what sentences say, in these wordings or others of the same words.

    Args:
        texts: sentences in English; upper and lower case, order and other words do not matter.
    """
    words = [frozenset(re.findall(r"[a-z]+", str(text).lower())) for text in texts]
    return Attributes(
        _mention(words, _COLOUR_WORDS),
        _mention(words, _SHAPE_WORDS),
        _mention(words, _SIZE_WORDS),
        _positions(words),
    )


def _pick(options: Sequence[str], draw: float) -> str:
    return options[int(draw * len(options))]


def _mention(words: Sequence[frozenset[str]], vocabulary: Sequence[Sequence[str]]) -> np.ndarray:
    """Index of the one concept whose words occur in each sentence; -1 for none or several."""
    indices = np.full(len(words), -1, np.int32)
    for row, sentence in enumerate(words):
        matches = [i for i, synonyms in enumerate(vocabulary) if not sentence.isdisjoint(synonyms)]
        if len(matches) == 1:
            indices[row] = matches[0]
    return indices


def _positions(words: Sequence[frozenset[str]]) -> np.ndarray:
    """Index into `POSITIONS`. "The middle" is where neither edge of a direction is named."""
    lines, named = [], _mention(words, _CENTRE_WORDS) == 0
    for edges in _EDGE_WORDS.values():
        edge = _mention(words, edges)
        none = [all(sentence.isdisjoint(synonyms) for synonyms in edges) for sentence in words]
        named |= edge >= 0
        lines.append(np.where(none, 1, np.where(edge < 0, -9, 2 * edge)))
    position = 3 * lines[0] + lines[1]
    return np.where(named & (position >= 0), position, -1).astype(np.int32)
