"""Whether a game's inputs show in its images: classes asked for, codes, copies of examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures.codes import code_accuracy, mutual_information, reconstruction
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.measures.samples import parts
from tfgan_suite.utils import image_grids


def classes(
    game: Any, network: extractors.Extractor, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """Share of images in which a classifier sees the class that was asked for.

    Args:
        game: has an input `"label"`; the classes are asked for equally often.
        network: made with predictions, of as many classes in the same order.
        count: images.
        seed: of the draws and of the control's shuffle.
        batch: images at once.

    Returns:
        The share; the protocol holds `"shuffled"`, the same against labels in another order (what
        a game that ignores its labels would get), and `"by_class"`.

    Raises:
        InputError: a game without classes, a classifier of another number of them.
    """
    spec = _input(game, "label", "asks for no class: take a conditional game, such as cgan")
    asked = np.arange(count, dtype=np.int32) % spec.classes
    seen = [_classes(network, d, spec.classes) for d in _drawn(game, "label", asked, seed, batch)]
    seen = np.concatenate(seen)
    shuffled = np.random.default_rng(seed).permutation(asked)
    share = [float(np.mean(seen[asked == kind] == kind)) for kind in range(spec.classes)]
    facts = {
        "n_fake": count,
        "classes": spec.classes,
        "shuffled": float(np.mean(seen == shuffled)),
        "by_class": share,
        "classifier": network.name,
    }
    return [MeasureResult(f"class_agreement-{network.name}", float(np.mean(seen == asked)), facts)]


def codes(
    game: Any, network: extractors.Extractor, source: data.Source, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """What an InfoGAN's first categorical code has to do with the classes of the data.

    Args:
        game: an InfoGAN with categorical codes.
        network: classifier, made with predictions.
        source: labelled data of the game's shape.
        count: images of each side.
        seed: of the draws.
        batch: images at once.

    Returns:
        `code_accuracy` of the codes that Q tells of labelled images; and, of the game's own
        images, the mutual information of the code that was given and (1) the one that Q tells
        from the image alone, (2) the class that the classifier sees.

    Raises:
        InputError: another game, or data without labels.
    """
    spec = _input(game, "category", "has no codes: take an InfoGAN")
    if source.classes is None:
        raise InputError(f"{source.name} has no labels to compare codes with; give labelled data")
    count = min(count, len(source))
    found = source.take(count, seed)
    told = game.infer(found["image"])["category"][:, 0]
    sizes = {"values": spec.classes, "classes": len(source.classes)}
    given = np.arange(count, dtype=np.int32) % spec.classes
    several = np.random.default_rng(seed).integers(0, spec.classes, (count, *spec.shape))
    asked = several.astype(np.int32)
    asked[(slice(None), *[0] * len(spec.shape))] = given
    inferred, seen = [], []
    for drawn in _drawn(game, "category", asked, seed, batch):
        inferred.append(game.infer(drawn)["category"][:, 0])
        seen.append(_classes(network, drawn))
    return [
        code_accuracy(told, found["label"], **sizes, of="labelled images, read by Q"),
        mutual_information(given, np.concatenate(inferred), of="code given, code read by Q"),
        mutual_information(given, np.concatenate(seen), of=f"code given, class by {network.name}"),
    ]


def copies(
    game: Any, source: data.Source, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """Distance of examples to their reconstructions, by that to those of other examples.

    Args:
        game: has `reconstruct(examples, batch)`, such as ALI.
        source: data of the game's shape.
        count: examples, at most the source's.
        seed: of their choice and of the shuffle.
        batch: examples at once.

    Raises:
        InputError: a game without an encoder.
    """
    if not hasattr(game, "reconstruct"):
        raise InputError(f"the game {game.name} makes no copies; take one that does, such as ali")
    real = source.take(min(count, len(source)), seed)[source.key]
    return [reconstruction(real, game.reconstruct(real, batch), seed)]


def _input(game: Any, name: str, otherwise: str) -> Any:
    for spec in game.signatures()["serving_default"].inputs:
        if spec.name == name and spec.kind == "label":
            return spec
    raise InputError(f"the game {game.name} {otherwise}")


def _drawn(game: Any, name: str, asked: np.ndarray, seed: int, batch: int) -> Iterator[np.ndarray]:
    """Batches of images in [-1, 1], rounded as files would hold them."""
    start = 0
    for size, own in parts(len(asked), seed, batch):
        drawn = game.generate(seed=own, **{name: asked[start : start + size]})
        extractors.check_finite(drawn)  # before rounding to bytes hides it
        start += size
        yield image_grids.to_uint8(drawn).astype(np.float32) / 127.5 - 1.0


def _classes(network: extractors.Extractor, drawn: np.ndarray, number: int = 0) -> np.ndarray:
    predicted = network.describe(drawn)[1]
    if number and predicted.shape[-1] != number:
        raise InputError(
            f"the classifier {network.name} knows {predicted.shape[-1]} classes, the game"
            f" {number}; train one on the game's data: recipes/classifier.py"
        )
    return predicted.argmax(axis=-1)
