"""Semantic inpainting with a trained generator (Yeh et al., CVPR 2017, arXiv 1607.07539).

A z is searched whose image agrees with the known pixels and looks real; the hole is filled with it:

    z = argmin  sum |W (G(z) - y)|  +  prior * log(1 - D(G(z)))

No network is trained, G and D are frozen and in inference mode. Other than in the paper, the
search begins at the best of many random z, which replaces most of its iterations, known pixels far
from the hole count a little, and D's logits are standardized (`realness`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.latent import descent, masks
from tfgan_suite.latent.realness import Realness
from tfgan_suite.latent.space import Inputs, Space
from tfgan_suite.utils import poisson_blending as blending

ROWS = 256  # restarts that go through the networks at once
_COMPARED = 2**24  # numbers that screening compares at once: 64 MiB


@dataclasses.dataclass(frozen=True)
class Search:
    """How a z is searched.

    Args:
        candidates: random z that are compared with the known pixels first.
        restarts: the best of them, from which the search goes on.
        iterations: steps of Adam.
        learning_rate: of Adam.
        prior: weight of `log(1 - D(G(z)))`, with D of standardized logits, beside the sum of
            absolute differences; 0: none.
        length: weight of `|z|^2 / 2` for normal z, which keeps z where the generator is trained.
        weighting: `"mixed"` (known pixels near the hole count more), `"paper"` (others count
            nothing) or `"binary"`.
        window: side of the paper's window.

    Raises:
        InputError: a value out of range.
    """

    candidates: int = 2048
    restarts: int = 4
    iterations: int = 40
    learning_rate: float = 0.03
    prior: float = 0.3
    length: float = 0.01
    weighting: str = "mixed"
    window: int = masks.WINDOW

    def __post_init__(self) -> None:
        for name, least in (("candidates", 1), ("restarts", 1), ("iterations", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("prior", "length"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate is {self.learning_rate}; it must be above 0")
        if self.restarts > self.candidates:
            raise InputError(
                f"restarts is {self.restarts}, but there are {self.candidates} candidates; expected"
                " no more than that"
            )


@dataclasses.dataclass(frozen=True)
class Completed:
    """What inpainting gives.

    Args:
        images: float32 `(count, height, width, channels)`: completed. Known pixels are those of the
            input, bit for bit.
        generated: G(z) of the chosen z, of the same shape.
        inputs: the chosen inputs of the generator, `(count, ...)` by name.
        losses: float32 `(iterations + 1, count)`, of the chosen restarts.
        used_prior: whether the discriminator took part.
    """

    images: np.ndarray
    generated: np.ndarray
    inputs: Inputs
    losses: np.ndarray
    used_prior: bool


def inpaint(
    space: Space,
    images: np.ndarray,
    mask: np.ndarray,
    search: Search | None = None,
    *,
    paste: bool = False,
    labels: list[int] | None = None,
) -> Completed:
    """Fills a hole in images.

    Args:
        space: the latent space; without a discriminator the context alone decides.
        images: float `(count, height, width, channels)` in [-1, 1], as the generator draws them;
            what they show in the hole is not used.
        mask: `(height, width)`, 1 is known, 0 is the hole.
        search: how z is searched.
        paste: put G(z) into the hole as it is; by default its gradients (Poisson blending).
        labels: classes to draw, which take turns among the candidates; default all.

    Raises:
        InputError: images or a mask of another size, no hole, or nothing known.
    """
    search = search or Search()
    images = check_images(space, images)
    height, width, _ = space.shape
    mask = masks.check(mask, height, width)
    weight = masks.weights(mask, search.weighting, search.window)
    weight = weight if weight.any() else mask
    candidates = space.with_labels(space.draw(search.candidates), labels)
    drawn = space.generate(candidates)
    prior = search.prior if space.has_discriminator else 0.0
    realness = Realness(space, labels=labels) if prior else None

    def objective(generated, inputs, target):
        loss = tf.reduce_sum(weight[..., None] * tf.abs(generated - target), [1, 2, 3])
        if realness is not None:  # log(1 - D) = -softplus(logit)
            loss -= prior * tf.nn.softplus(realness(generated, inputs))
        return loss + 0.5 * search.length * descent.squared_length(space, inputs)

    parts = []
    for start in range(0, len(images), max(1, ROWS // search.restarts)):
        part = images[start : start + max(1, ROWS // search.restarts)]
        nearest = screen(part, drawn, weight, search.restarts)
        rows = descent.repeat_rows(candidates, nearest.reshape(-1))
        targets = np.repeat(part, search.restarts, axis=0)
        parts.append(_search(space, objective, rows, targets, search))
    inputs = {k: np.concatenate([part[0][k] for part in parts]) for k in parts[0][0]}
    losses = np.concatenate([part[1] for part in parts], axis=1)
    generated = space.generate(inputs)
    blend = (lambda *pair: blending.paste(*pair, mask)) if paste else blending.poisson(mask)
    filled = np.clip(blend(images, generated), -1.0, 1.0)
    filled = np.where(mask[..., None] > 0, images, filled)
    return Completed(filled, generated, inputs, losses, bool(prior))


def _search(space, objective, rows, targets, search) -> tuple[Inputs, np.ndarray]:
    """The best restart of each image, and its losses."""
    inputs, losses = descent.adam(
        space,
        objective,
        rows,
        [targets],
        iterations=search.iterations,
        learning_rate=search.learning_rate,
    )
    count = len(targets) // search.restarts
    final = losses.min(axis=0).reshape(count, search.restarts)
    best = np.arange(count) * search.restarts + final.argmin(axis=1)
    return descent.repeat_rows(inputs, best), losses[:, best]


def screen(
    images: np.ndarray, candidates: np.ndarray, weight: np.ndarray, count: int
) -> np.ndarray:
    """The candidates that agree best with the known pixels.

    Args:
        images: `(n, height, width, channels)`.
        candidates: `(candidates, height, width, channels)`.
        weight: `(height, width)`, of each pixel's absolute difference.
        count: how many to return.

    Returns:
        Indices `(n, count)`, best first.
    """
    known = np.nonzero(weight.reshape(-1))[0]
    factor = weight.reshape(-1)[known, None]

    def values(array: np.ndarray) -> np.ndarray:
        pixels = array.reshape(len(array), -1, array.shape[-1])[:, known] * factor
        return pixels.reshape(len(array), -1).astype(np.float32)

    pool = values(candidates)
    nearest = []
    for row in values(images):
        block = max(1, _COMPARED // pool.shape[1])
        distances = np.concatenate(
            [np.abs(pool[i : i + block] - row).sum(1) for i in range(0, len(pool), block)]
        )
        best = np.argpartition(distances, count - 1)[:count]
        nearest.append(best[np.argsort(distances[best], kind="stable")])
    return np.stack(nearest)


def check_images(space: Space, images: np.ndarray) -> np.ndarray:
    """Images as float32 of the generator's size.

    Raises:
        InputError: another shape, or values outside [-1, 1].
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1:] != tuple(space.shape) or not len(images):
        raise InputError(
            f"images of shape {images.shape} do not suit {space.generator.name}, which draws"
            f" {space.shape}; expected (count, {', '.join(map(str, space.shape))})"
        )
    images = images.astype(np.float32)
    if not (np.abs(images) <= 1.001).all():
        raise InputError("images must be floats in [-1, 1]: divide bytes by 127.5 and subtract 1")
    return images


# ---- what it is compared with -------------------------------------------------------------------


def hole_error(completed: np.ndarray, images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean absolute difference in the hole of each image, of images in [-1, 1], `(count,)`."""
    hole = np.asarray(mask) <= 0.5
    return np.abs(completed[:, hole] - images[:, hole]).mean(axis=(1, 2))


def nearest_filling(images: np.ndarray, mask: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The training image that agrees best with the known pixels (mean square), for each image.

    Args:
        images: `(count, height, width, channels)`.
        mask: `(height, width)`; 1 is known.
        train: `(n, height, width, channels)`.

    Returns:
        `(count, height, width, channels)`.
    """
    known = np.asarray(mask) > 0.5
    rows, pool = (a[:, known].reshape(len(a), -1).astype(np.float32) for a in (images, train))
    table = np.square(pool).sum(axis=1) - 2.0 * (rows @ pool.T)
    return train[table.argmin(axis=1)]
