"""Masks of inpainting: 1 is known, 0 is a hole; and how much each known pixel counts."""

from __future__ import annotations

import numpy as np

from tfgan_suite.errors import InputError

KINDS = ("centre", "random", "half", "lowres")
WEIGHTINGS = ("mixed", "paper", "binary")
FAR = 0.1  # of the mixed weighting, for pixels far from every hole
MISSING = 0.8  # of the random mask, as in the paper
STRIDE = 4  # of the low-resolution mask: every fourth pixel of a row and a column is known
WINDOW = 7


def make(kind: str, height: int, width: int, seed: int = 0) -> np.ndarray:
    """One of the paper's masks.

    Args:
        kind: `"centre"`: a hole from a quarter to three quarters of each side; `"half"`: the right
            half is missing; `"random"`: 80% of the pixels are; `"lowres"`: all but every fourth
            pixel of every fourth row.
        height, width: of the images.
        seed: of the random mask.

    Returns:
        float32 `(height, width)` of 0 and 1; 1 is known.

    Raises:
        InputError: an unknown kind.
    """
    mask = np.ones((height, width), np.float32)
    if kind == "centre":
        mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = 0.0
    elif kind == "half":
        mask[:, width // 2 :] = 0.0
    elif kind == "random":
        holes = np.random.default_rng(seed).permutation(mask.size)[: round(MISSING * mask.size)]
        mask.reshape(-1)[holes] = 0.0
    elif kind == "lowres":
        mask[:] = 0.0
        mask[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] = 1.0
    else:
        raise InputError(f"mask is {kind!r}; it must be {', '.join(KINDS)} or an image file")
    return mask


def check(mask: np.ndarray, height: int, width: int, name: str = "the mask") -> np.ndarray:
    """A mask that suits images.

    Args:
        mask: `(height, width)`; above a half is known.
        height, width: of the images.
        name: of the mask, for messages.

    Returns:
        float32 `(height, width)` of 0 and 1.

    Raises:
        InputError: another size, no hole, or nothing known.
    """
    mask = np.asarray(mask)
    if mask.shape != (height, width):
        sides = "x".join(str(side) for side in mask.shape[1::-1])
        raise InputError(
            f"{name} has {sides} pixels, but the images have {width}x{height}; pass a mask of their"
            " size"
        )
    known = (mask > 0.5).astype(np.float32)
    if known.all():
        raise InputError(f"{name} has no hole (all pixels are white, known); paint the hole black")
    if not known.any():
        raise InputError(f"{name} leaves no pixel known (all are black); paint what is known white")
    return known


def weights(mask: np.ndarray, weighting: str = "mixed", window: int = WINDOW) -> np.ndarray:
    """How much each known pixel counts in the context loss.

    The paper's weight of a known pixel is the share of holes in a window around it:
    `W_i = sum_(j in N(i)) (1 - M_j) / |N(i)|`, 0 in the hole. What is far from all holes counts
    nothing; the mixed weighting adds 0.1 to all known pixels, which leaves far smaller errors where
    holes are large. The official code weighs by known neighbours, against the paper's formula.

    Args:
        mask: `(height, width)` of 0 and 1; 1 is known.
        weighting: `"mixed"`, `"paper"`, or `"binary"`: all known pixels count 1.
        window: side of the window, odd.

    Returns:
        float32 `(height, width)`.

    Raises:
        InputError: an unknown weighting or an even window.
    """
    mask = np.asarray(mask, np.float32)
    if weighting not in WEIGHTINGS:
        raise InputError(f"weighting is {weighting!r}; it must be {', '.join(WEIGHTINGS)}")
    if weighting == "binary":
        return mask.copy()
    if window < 1 or window % 2 == 0:
        raise InputError(f"window is {window}; it must be odd")
    height, width = mask.shape
    holes = np.pad(1.0 - mask, window // 2)
    total = np.zeros_like(mask)
    for down, across in np.ndindex(window, window):
        total += holes[down : down + height, across : across + width]
    return mask * (total / window**2 + (FAR if weighting == "mixed" else 0.0))
