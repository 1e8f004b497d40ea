"""Projection of photos onto a generator's images (Zhu et al., ECCV 2016, arXiv 1609.03552).

    z = argmin  mean (G(z) - x)^2  +  alpha * mean (f(G(z)) - f(x))^2

with f a hidden layer of the discriminator, where there is one. By L-BFGS or Adam from the best of
many random z, by an encoder, or by both (hybrid): first the encoder, then the descent.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.scoring_game import FEATURES
from tfgan_suite.errors import InputError
from tfgan_suite.latent import descent, encoders, inpainting
from tfgan_suite.latent.space import Inputs, Space
from tfgan_suite.latent.style_space import StyleSpace
from tfgan_suite.utils.optional_packages import require

METHODS = ("lbfgs", "adam", "encoder", "hybrid")
ALPHA = 0.002  # of the features, the official code's
CANDIDATES = 1024
ADAM_RATE = 0.05


@dataclasses.dataclass(frozen=True)
class Projection:
    """What projection gives.

    Args:
        images: float32 `(count, height, width, channels)`: G(z) of the best start.
        inputs: of the generator, `(count, ...)` by name.
        errors: mean square difference of pixels, in [-1, 1], `(count,)`.
        start_errors: the same of the best start before the descent, `(count,)`.
        losses: the loss after each step of the best start, one float64 array for each image.
    """

    images: np.ndarray
    inputs: Inputs
    errors: np.ndarray
    start_errors: np.ndarray
    losses: list[np.ndarray]


def project(
    space: Space,
    images: np.ndarray,
    method: str = "lbfgs",
    *,
    starts: int = 4,
    iterations: int = 200,
    alpha: float = ALPHA,
    encoder: keras.Model | None = None,
) -> Projection:
    """Searches z whose images are nearest to photos.

    Args:
        space: the latent space; of a style-based generator also that of its styles
            (`style_space.space_of`).
        images: float `(count, height, width, channels)` in [-1, 1].
        method: `"lbfgs"` (SciPy's, with z in its box), `"adam"`, `"encoder"` (no descent) or
            `"hybrid"` (from the encoder's z, and random starts where more than one).
        starts: from which the descent goes on: the best of 1024 random z. With labels, each start
            keeps its own.
        iterations: steps of the descent, at most.
        alpha: weight of the discriminator's features; ignored without a discriminator.
        encoder: from `encoders.train_encoder`; None: the signature `encode` of ALI.

    Raises:
        InputError: an unknown method, images of another size, no encoder, SciPy is missing.
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it must be {', '.join(METHODS)}")
    if method in ("encoder", "hybrid") and isinstance(space, StyleSpace):
        raise InputError(f"method {method!r} is for z; search styles by 'lbfgs' or 'adam'")
    if starts < 1 or iterations < 1 or alpha < 0:
        raise InputError(
            f"starts is {starts}, iterations {iterations} and alpha {alpha}; the first two must be"
            " 1 or more, the last 0 or more"
        )
    images = inpainting.check_images(space, images)
    if method == "encoder":
        inputs = encoders.encode(space, images, encoder)
        generated = space.generate(inputs)
        errors = mean_square(generated, images)
        return Projection(
            generated, inputs, errors, errors, [errors[i : i + 1] for i in range(len(images))]
        )
    first = encoders.encode(space, images, encoder) if method == "hybrid" else None
    rows = _starts(space, images, starts, first)
    inputs, histories = _descend(space, images, rows, method, starts, iterations, alpha)
    final = np.array([history[-1] for history in histories]).reshape(-1, starts)
    best = np.arange(len(images)) * starts + final.argmin(axis=1)
    chosen = descent.repeat_rows(inputs, best)
    generated = space.generate(chosen)
    begun = space.generate(descent.repeat_rows(rows, best))
    return Projection(
        generated,
        chosen,
        mean_square(generated, images),
        mean_square(begun, images),
        [np.asarray(histories[row], np.float64) for row in best],
    )


def _descend(
    space: Space,
    images: np.ndarray,
    rows: Inputs,
    method: str,
    starts: int,
    iterations: int,
    alpha: float,
) -> tuple[Inputs, list[np.ndarray]]:
    """The inputs after the descent from all starts, and the losses of each."""
    targets = np.repeat(images, starts, axis=0)
    objective = _Objective(space, alpha)
    data = [targets, *objective.features_of(targets, rows)]
    if method != "adam":
        return lbfgs(space, objective, rows, data, iterations)
    rate = ADAM_RATE
    inputs, losses = descent.adam(
        space, objective, rows, data, iterations=iterations, learning_rate=rate
    )
    return inputs, list(np.minimum.accumulate(losses, axis=0).T)


def mean_square(generated: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean square difference of each pair of images, `(count,)`."""
    return np.square(generated - images).mean(axis=(1, 2, 3))


def _starts(space: Space, images: np.ndarray, starts: int, first: Inputs | None) -> Inputs:
    """Where the descents begin, `(images * starts, ...)` by input name."""
    candidates = space.draw(CANDIDATES)
    nearest = inpainting.screen(
        images, space.generate(candidates), np.ones(space.shape[:2], np.float32), starts
    )
    rows = descent.repeat_rows(candidates, nearest.reshape(-1))
    if first is not None:
        for name, array in first.items():
            rows[name][::starts] = array
    return rows


def describes_images(space: Space) -> bool:
    """Whether a discriminator describes images to a search in this space.

    One that takes labels does not in a space of styles, which do not say of which class they are.
    """
    if not space.has_features:
        return False
    _, *labels = space.generator.signature(FEATURES).inputs
    return {spec.name for spec in labels} <= {spec.name for spec in space.inputs}


class _Objective:
    """The loss of each row, for images of the generator, its inputs, targets and their features."""

    def __init__(self, space: Space, alpha: float):
        self.function: Callable[..., Any] | None = None
        self.alpha = alpha if describes_images(space) else 0.0
        if self.alpha:
            outputs = space.generator.signature(FEATURES).outputs
            maps = [spec.name for spec in outputs if len(spec.shape) == 3] or [outputs[0].name]
            self.layer = maps[len(maps) // 2]  # a middle one
            self.names = [spec.name for spec in space.generator.signature(FEATURES).inputs]
            self.function = space.generator.tensor_function(FEATURES)
            self.space = space

    def features_of(self, images: np.ndarray, rows: Inputs) -> list[np.ndarray]:
        """Features of the targets, in a list; an empty one without a discriminator.

        A discriminator of labels judges a target by the label that its row of inputs has.
        """
        if self.function is None:
            return []
        inputs = {self.names[0]: images, **{name: rows[name] for name in self.names[1:]}}
        outputs = self.space.generator.run_signature(inputs, FEATURES, batch=64)
        return [outputs[self.layer]]

    def __call__(self, generated, inputs, targets, *features):
        loss = tf.reduce_mean(tf.square(generated - targets), [1, 2, 3])
        if features and self.function is not None:
            labels = {name: inputs[name] for name in self.names[1:]}
            maps = self.function(**{self.names[0]: generated, **labels})[self.layer]
            axes = list(range(1, len(maps.shape)))
            loss += self.alpha * tf.reduce_mean(tf.square(maps - features[0]), axes)
        return loss


def lbfgs(
    space: Space,
    objective: Callable[..., tf.Tensor],
    start: Inputs,
    data: list[np.ndarray],
    iterations: int,
) -> tuple[Inputs, list[np.ndarray]]:
    """Minimizes a loss over the noise inputs of each row by L-BFGS-B (SciPy).

    Uniform noise is bounded to [-1, 1]. SciPy computes in float64, the networks in float32.

    Args:
        space: the latent space.
        objective: as for `descent.adam`.
        start: arrays `(rows, ...)` by input name.
        data: arrays `(rows, ...)` that the objective takes after images and inputs.
        iterations: accepted steps, at most.

    Returns:
        The inputs, and for each row the losses of the start and of all accepted steps, which
        never rise.

    Raises:
        InputError: SciPy is not installed.
    """
    optimize = require("scipy.optimize", "latent", "L-BFGS")
    images_of = space.image_function()
    specs = space.noise

    def evaluate(z, fixed, tensors):
        with tf.GradientTape() as tape:
            tape.watch(z)
            inputs = {**z, **fixed}
            loss = objective(images_of(inputs), inputs, *tensors)
        return loss[0], tape.gradient(loss, z)

    traced = tf.function(evaluate, autograph=False, reduce_retracing=True)
    bounds = []
    for spec in specs:
        box = (-1.0, 1.0) if spec.kind == "uniform" else (None, None)
        bounds += [box] * int(np.prod(spec.shape))
    options = {"maxiter": iterations, "ftol": 1e-9, "gtol": 1e-8}
    names = {spec.name for spec in specs}
    outputs = {name: np.array(array) for name, array in start.items()}
    histories = []
    for row in range(len(next(iter(start.values())))):
        inputs = {name: array[row : row + 1] for name, array in start.items()}
        fixed = {name: tf.constant(a) for name, a in inputs.items() if name not in names}
        tensors = [tf.constant(array[row : row + 1]) for array in data]
        value_and_slope = functools.partial(_value_and_slope, traced, specs, fixed, tensors)
        point = _packed(specs, inputs)
        history = [value_and_slope(point)[0]]
        result = optimize.minimize(
            value_and_slope,
            point,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=_recorder(history),
            options=options,
        )
        for name, array in _unpacked(specs, result.x).items():
            outputs[name][row] = array.numpy()[0]
        histories.append(np.array(history))
    return outputs, histories


def _value_and_slope(traced, specs, fixed, tensors, flat: np.ndarray) -> tuple[float, np.ndarray]:
    loss, slopes = traced(_unpacked(specs, flat), fixed, tensors)
    return float(loss), _packed(specs, {name: slope.numpy() for name, slope in slopes.items()})


def _recorder(history: list[float]) -> Callable[..., None]:
    # SciPy passes the result only to a callback whose single argument has this name.
    def record(intermediate_result: Any) -> None:
        history.append(float(intermediate_result.fun))

    return record


def _packed(specs, arrays) -> np.ndarray:
    return np.concatenate([np.asarray(arrays[s.name], np.float64).reshape(-1) for s in specs])


def _unpacked(specs, flat: np.ndarray) -> dict[str, tf.Tensor]:
    arrays, position = {}, 0
    for spec in specs:
        size = int(np.prod(spec.shape))
        part = flat[position : position + size].reshape(1, *spec.shape)
        arrays[spec.name] = tf.constant(part, tf.float32)
        position += size
    return arrays


def loss_curve(histories: list[np.ndarray], height: int = 160, width: int = 320) -> np.ndarray:
    """The losses over the steps on a logarithmic axis, a grey line for each image, black the mean.

    Args:
        histories: as in `Projection`.
        height, width: of the drawing.

    Returns:
        uint8 `(height, width, 3)`.
    """
    from PIL import Image, ImageDraw

    length = max(len(history) for history in histories)
    table = np.stack([np.pad(h, (0, length - len(h)), mode="edge") for h in histories])
    logs = np.log10(np.maximum(np.concatenate([table, table.mean(0, keepdims=True)]), 1e-8))
    low, high = float(logs.min()), float(logs.max())
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    columns = np.linspace(36, width - 6, length)
    for index, line in enumerate(logs):
        rows = 8 + (high - line) / max(high - low, 1e-9) * (height - 30)
        points = list(zip(columns.tolist(), rows.tolist()))
        last = index == len(logs) - 1
        draw.line(points if length > 1 else points * 2, "black" if last else "#b9c3d3", 1 + last)
    draw.text((2, 2), f"{10**high:.2g}", fill="black")
    draw.text((2, height - 28), f"{10**low:.2g}", fill="black")
    draw.text((width // 2 - 40, height - 14), f"{length - 1} steps", fill="black")
    return np.asarray(image)
