"""Whether a game's outputs follow its inputs: classes, codes, examples to reconstruct."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures.codes import code_accuracy, mutual_information, reconstruction_ratio
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.measures.samples import parts
from tfgan_suite.utils import image_grids


def classes(
    game: Any, network: extractors.Extractor, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """Share of generated images that a classifier assigns to the class they were generated for.

    Args:
        game: has an input `"label"`; all classes are generated equally often.
        network: loaded with predictions, of as many classes in the same order.
        count: number of images.
        seed: of the samples and of the control's shuffle.
        batch: images at once.

    Returns:
        The share; the protocol holds `"shuffled"`, the same against labels in another order (what
        a game that ignores its labels would get), and `"by_class"`.

    Raises:
        InputError: a game without classes, a classifier of another number of them.
    """
    spec = _input(game, "label", "has no input for a class; use a conditional game, such as cgan")
    labels = np.arange(count, dtype=np.int32) % spec.classes
    images = _generate(game, "label", labels, seed, batch)
    predicted = np.concatenate([_predict(network, block, spec.classes) for block in images])
    shuffled = np.random.default_rng(seed).permutation(labels)
    by_class = [float(np.mean(predicted[labels == c] == c)) for c in range(spec.classes)]
    facts = {
        "n_fake": count,
        "classes": spec.classes,
        "shuffled": float(np.mean(predicted == shuffled)),
        "by_class": by_class,
        "classifier": network.name,
    }
    agreement = float(np.mean(predicted == labels))
    return [MeasureResult(f"class_agreement-{network.name}", agreement, facts)]


def codes(
    game: Any, network: extractors.Extractor, source: data.Source, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """How an InfoGAN's first categorical code relates to the classes of the data.

    Args:
        game: an InfoGAN with categorical codes.
        network: classifier, loaded with predictions.
        source: labelled data of the game's shape.
        count: images of each side.
        seed: of the samples.
        batch: images at once.

    Returns:
        `code_accuracy` of the codes that Q infers from labelled images; and, for generated
        images, the mutual information of the generator's code and (1) the code that Q infers from
        the image alone, (2) the class that the classifier predicts.

    Raises:
        InputError: another game, or data without labels.
    """
    spec = _input(game, "category", "has no codes; use an InfoGAN")
    if source.classes is None:
        raise InputError(f"{source.name} has no labels to compare codes with; pass labelled data")
    count = min(count, len(source))
    examples = source.take(count, seed)
    inferred_real = game.infer(examples["image"])["category"][:, 0]
    sizes = {"values": spec.classes, "classes": len(source.classes)}
    first_code = np.arange(count, dtype=np.int32) % spec.classes
    all_codes = np.random.default_rng(seed).integers(0, spec.classes, (count, *spec.shape))
    all_codes = all_codes.astype(np.int32)
    all_codes[(slice(None), *[0] * len(spec.shape))] = first_code
    inferred, predicted = [], []
    for images in _generate(game, "category", all_codes, seed, batch):
        inferred.append(game.infer(images)["category"][:, 0])
        predicted.append(_predict(network, images))
    by_q, by_classifier = np.concatenate(inferred), np.concatenate(predicted)
    of = "code of the generator"
    return [
        code_accuracy(inferred_real, examples["label"], **sizes, of="labelled images, read by Q"),
        mutual_information(first_code, by_q, "Q", of=f"{of}, code read by Q"),
        mutual_information(
            first_code, by_classifier, network.name, of=f"{of}, class by {network.name}"
        ),
    ]


def reconstructions(
    game: Any, source: data.Source, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """Distance of examples to their own reconstructions, relative to that to other examples'.

    Args:
        game: has `reconstruct(examples, batch)`, such as ALI.
        source: data of the game's shape.
        count: number of examples, at most the source's.
        seed: of the examples and of the shuffle.
        batch: examples at once.

    Raises:
        InputError: a game without an encoder.
    """
    if not hasattr(game, "reconstruct"):
        raise InputError(
            f"the game {game.name} has no encoder and makes no copies; use one that does, such as"
            " ali"
        )
    real = source.take(min(count, len(source)), seed)[source.key]
    return [reconstruction_ratio(real, game.reconstruct(real, batch), seed)]


def _input(game: Any, name: str, problem: str) -> Any:
    for spec in game.signatures()["serving_default"].inputs:
        if spec.name == name and spec.kind == "label":
            return spec
    raise InputError(f"the game {game.name} {problem}")


def _generate(
    game: Any, name: str, inputs: np.ndarray, seed: int, batch: int
) -> Iterator[np.ndarray]:
    """Batches of images in [-1, 1], rounded as files would hold them."""
    start = 0
    for size, part_seed in parts(len(inputs), seed, batch):
        images = game.generate(seed=part_seed, **{name: inputs[start : start + size]})
        extractors.check_finite(images)  # before rounding to bytes hides it
        start += size
        yield image_grids.to_uint8(images).astype(np.float32) / 127.5 - 1.0


def _predict(
    network: extractors.Extractor, images: np.ndarray, classes: int | None = None
) -> np.ndarray:
    predictions = network.describe(images)[1]
    if classes is not None and predictions.shape[-1] != classes:
        raise InputError(
            f"the classifier {network.name} knows {predictions.shape[-1]} classes, the game"
            f" {classes}; train one on the game's data: recipes/classifier.py"
        )
    return predictions.argmax(axis=-1)
