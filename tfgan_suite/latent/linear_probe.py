"""What a discriminator has learned about the data, judged by a linear SVM on its features.

The protocol of Radford et al. (2016), section 5: activations of all hidden layers, max-pooled to
a 4x4 grid, flattened and concatenated; a linear L2-SVM on few labels, and on all. An untrained net
alone beats raw pixels, so a trained one has to beat both.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.latent.space import Space
from tfgan_suite.utils.optional_packages import require

GRID = 4
PENALTIES = (1e-4, 1e-3, 1e-2)  # C of the SVM, chosen on validation examples
FEW, DRAWS = 1000, 3


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Accuracy on test examples.

    Args:
        mean: over the draws.
        deviation: standard deviation over the draws; 0 of one.
        penalty: C, chosen on validation examples in the first draw.
        labels: labelled examples that the SVM saw.
    """

    mean: float
    deviation: float
    penalty: float
    labels: int


def max_pool(maps: np.ndarray, grid: int = GRID) -> np.ndarray:
    """Maps reduced to a grid: the largest value of each cell.

    Cells of sides that do not divide by the grid overlap by a row or column; maps smaller than the
    grid stay as they are.

    Args:
        maps: `(count, rows, columns, channels)`.
        grid: cells on each side.

    Returns:
        `(count, min(rows, grid), min(columns, grid), channels)`.
    """
    for axis in (1, 2):
        side = maps.shape[axis]
        if side > grid:
            edges = [(i * side // grid, -(-(i + 1) * side // grid)) for i in range(grid)]
            cells = [maps.take(range(*edge), axis).max(axis, keepdims=True) for edge in edges]
            maps = np.concatenate(cells, axis)
    return maps


def flatten(layers: Sequence[np.ndarray], grid: int = GRID) -> np.ndarray:
    """Features of all layers in one row for each example.

    Args:
        layers: arrays `(count, rows, columns, channels)` or `(count, units)`.
        grid: of `max_pool`.

    Returns:
        float32 `(count, features)`.
    """
    pooled = [max_pool(maps, grid) if maps.ndim == 4 else maps for maps in layers]
    rows = [maps.reshape(len(maps), -1) for maps in pooled]
    return np.concatenate(rows, axis=1).astype(np.float32)


def features(space: Space, images: np.ndarray, batch: int = 64) -> np.ndarray:
    """Pooled features of a discriminator's hidden layers, in inference mode.

    Args:
        space: with a discriminator.
        images: float `(count, height, width, channels)` in [-1, 1].
        batch: images at once.

    Returns:
        float32 `(count, features)`.

    Raises:
        InputError: no discriminator.
    """
    parts = range(0, len(images), batch)
    return np.concatenate([flatten(space.features(images[i : i + batch], batch)) for i in parts])


@contextlib.contextmanager
def untrained(space: Space, seed: int = 0) -> Iterator[None]:
    """The discriminator with new random weights, as before training; then as it was.

    Args:
        space: opened from a run: the networks of an export cannot be initialized again.
        seed: of the weights.

    Raises:
        InputError: opened from an export.
    """
    game = space.generator.game
    if game is None:
        raise InputError(
            f"{space.generator.name} is an export, whose initial weights are unknown; pass the run"
            " folder to compare with an untrained discriminator"
        )
    opponent = game.opponent
    trained = opponent.get_weights()
    keras.utils.set_random_seed(seed)
    try:
        opponent.set_weights(keras.models.clone_model(opponent).get_weights())
        yield
    finally:
        opponent.set_weights(trained)


def accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    labels: int | None = None,
    draws: int = DRAWS,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> Accuracy:
    """Accuracy of a linear SVM (squared hinge, one against the rest) on standardized features.

    Args:
        train, test: features `(count, d)`.
        train_labels, test_labels: int `(count,)`.
        labels: labelled examples, equally many of each class; None: all, in one draw.
        draws: random draws of few labels.
        penalties: values of C; the best on validation examples is used. Those are a fifth of the
            labelled examples, or with few labels others of the training set, up to 2000.
        seed: of the draws.

    Raises:
        InputError: scikit-learn is not installed, fewer than two classes, or too few examples.
    """
    svm = require("sklearn.svm", "latent", "a linear probe")
    classes = np.unique(train_labels)
    if len(classes) < 2:
        raise InputError(f"a probe needs two classes or more; the data have {len(classes)}")
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    scale = np.where(deviation > 1e-6, deviation, 1.0)
    train, test = (train - mean) / scale, (test - mean) / scale
    order = np.random.default_rng(seed)
    scores: list[float] = []
    penalty = penalties[0]
    for draw in range(draws if labels else 1):
        chosen, validation = _draw(train_labels, classes, labels, order)
        if draw == 0 and len(penalties) > 1:
            fitting = chosen if labels else np.setdiff1d(chosen, validation)
            penalty = max(
                penalties,
                key=lambda c: _score(svm, c, train, train_labels, fitting, validation),
            )
        model = _fit(svm, penalty, train[chosen], train_labels[chosen])
        scores.append(float((model.predict(test) == test_labels).mean()))
    return Accuracy(float(np.mean(scores)), float(np.std(scores)), penalty, len(chosen))


def _draw(
    labels: np.ndarray, classes: np.ndarray, count: int | None, order: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Labelled examples, and validation examples."""
    shuffled = order.permutation(len(labels))
    if count is None:
        return np.arange(len(labels)), shuffled[: max(1, len(labels) // 5)]
    each = max(1, count // len(classes))
    chosen = np.concatenate([shuffled[labels[shuffled] == c][:each] for c in classes])
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    if len(chosen) < each * len(classes) or not len(others):
        raise InputError(
            f"{count} labels of {len(classes)} classes are {each} of each; the training set of"
            f" {len(labels)} has fewer, or none besides: lower --labels or take more --train"
        )
    return chosen, order.permutation(others)[:2000]


def _score(svm, penalty, train, labels, fitting, validation) -> float:
    model = _fit(svm, penalty, train[fitting], labels[fitting])
    return float((model.predict(train[validation]) == labels[validation]).mean())


def _fit(svm: Any, penalty: float, rows: np.ndarray, labels: np.ndarray) -> Any:
    model = svm.LinearSVC(C=penalty, dual=True, tol=1e-2, max_iter=200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it stopped at max_iter
        return model.fit(rows, labels)


def probe(
    space: Space,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    labels: int = FEW,
    every: bool = True,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, dict[str, Accuracy]]:
    """Accuracies of the discriminator's features, of an untrained net's, and of pixels.

    Args:
        space: with a discriminator; opened from a run, or the untrained net is left out.
        train, test: images `(count, height, width, channels)` in [-1, 1], and labels `(count,)`.
        labels: labelled examples of the first column.
        every: whether to also use all labels.
        seed: of the draws and the untrained weights.
        progress: called with what is computed next.

    Returns:
        By `"discriminator"`, `"untrained"`, `"pixels"`: accuracies by `"few"` and `"all"`.

    Raises:
        InputError: no discriminator, scikit-learn is missing, too few labels.
    """
    require("sklearn.svm", "latent", "a linear probe")
    space.check_features("a linear probe")

    def pixels(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)

    def random_features(images: np.ndarray) -> np.ndarray:
        with untrained(space, seed):
            return features(space, images)

    spaces: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "discriminator": lambda images: features(space, images)
    }
    if space.generator.game is not None:
        spaces["untrained"] = random_features
    spaces["pixels"] = pixels
    results: dict[str, dict[str, Accuracy]] = {}
    for name, function in spaces.items():
        if progress is not None:
            progress(name)
        rows = function(train[0]), train[1], function(test[0]), test[1]
        results[name] = {"few": accuracy(*rows, labels=labels, seed=seed)}
        if every:
            # C was chosen with few labels: to choose it again takes minutes and changes little.
            penalty = results[name]["few"].penalty
            results[name]["all"] = accuracy(*rows, penalties=[penalty], seed=seed)
    return results
