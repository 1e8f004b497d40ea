"""How straight and how separable a latent space is (Karras, Laine, Aila 2019).

Perceptual path length (PPL) is how far images move, in the eyes of a feature network, for a small
step in the latent space. Separability is how well linear boundaries there tell attributes apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.inference.generator import Generator
from tfgan_suite.measures.result import MeasureResult
from tfgan_suite.utils.optional_packages import require

EPSILON = 1e-4
SAMPLINGS = ("full", "end")
FACE_CROP = (3 / 8, 7 / 8, 2 / 8, 6 / 8)  # of the papers: top, bottom, left, right
LARGEST_SIDE = 256

# From latents `(n, ...)` to images `(n, height, width, channels)` or other arrays.
Draw = Callable[[int, int], np.ndarray]
Generate = Callable[[np.ndarray], np.ndarray]


def path_length(
    draw: Draw,
    generate: Generate,
    features: Callable[[np.ndarray], np.ndarray],
    *,
    space: str = "w",
    sampling: str = "full",
    spherical: bool = False,
    pairs: int = 10_000,
    epsilon: float = EPSILON,
    crop: Sequence[float] | None = None,
    batch: int = 50,
    seed: int = 0,
    **protocol: Any,
) -> MeasureResult:
    """`E |f(G(w(t))) - f(G(w(t + epsilon)))|^2 / epsilon^2` along paths between random latents.

    The lowest and the highest percent of the pairs are left out, as in the papers' code. Values of
    two feature networks cannot be compared, nor can papers' values, which use LPIPS.

    Args:
        draw: makes latents `(count, ...)` from a count and a seed.
        generate: makes images in [-1, 1] from latents; it gets twice as many as there are pairs,
            first all beginnings, then all ends, and uses the same noise for both halves.
        features: describes images, float32 `(n, d)`.
        space: what the latents are, for the name: `"z"` or `"w"`.
        sampling: `"full"`: t from the whole path, `"end"`: t = 0.
        spherical: paths are arcs (z), not lines (w).
        pairs: how many; papers 100,000.
        epsilon: length of a step, as a share of the path.
        crop: top, bottom, left and right of the part that is judged, as shares (`FACE_CROP`);
            None: all. Larger images are averaged down to 256 pixels afterwards.
        batch: pairs at once.
        seed: of latents and t.
        **protocol: facts for the result, among them `extractor`.

    Raises:
        InputError: a sampling, a crop or a number that is impossible.
    """
    if sampling not in SAMPLINGS:
        raise InputError(f"sampling is {sampling!r}; it must be 'full' or 'end'")
    if pairs < 1 or batch < 1 or not epsilon > 0:
        raise InputError(f"{pairs} pairs, batch {batch}, epsilon {epsilon}; all must be above 0")
    between = slerp if spherical else lerp
    values = []
    for number, start in enumerate(range(0, pairs, batch)):
        count = min(batch, pairs - start)
        draws = np.random.default_rng([seed, number])
        # Seeds of TensorFlow's generators are below 2**31.
        both = [np.asarray(draw(count, int(draws.integers(2**31)))) for _ in range(2)]
        t = draws.uniform(size=count) if sampling == "full" else np.zeros(count)
        t = t.reshape(-1, *[1] * (both[0].ndim - 1))
        ends = [between(*both, share).astype(np.float32) for share in (t, t + epsilon)]
        images = shrink(cropped(np.asarray(generate(np.concatenate(ends))), crop))
        described = np.asarray(features(images), np.float64)
        moved = described[:count] - described[count:]
        values.append(np.square(moved).sum(1) / epsilon**2)
    lengths = np.concatenate(values)
    low = np.percentile(lengths, 1, method="lower")
    high = np.percentile(lengths, 99, method="higher")
    counted = lengths[(lengths >= low) & (lengths <= high)]
    facts = {
        **protocol,
        "pairs": pairs,
        "epsilon": epsilon,
        "crop": None if crop is None else list(crop),
        "path": "arc" if spherical else "line",
        "distance": "squared Euclidean distance of features, not LPIPS",
        "path_seed": seed,
        "spread": "standard error",
    }
    name = f"PPL-{space}-{sampling}-{protocol.get('extractor', 'features')}"
    error = float(counted.std() / np.sqrt(len(counted)))
    return MeasureResult(name, float(counted.mean()), facts, error)


def lerp(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points on lines, in float64."""
    return first + share * (np.asarray(second, np.float64) - first)


def slerp(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points on arcs between vectors `(n, d)`, whose lengths go from one's to the other's."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    norms = [np.linalg.norm(rows, axis=-1, keepdims=True) for rows in (first, second)]
    a, b = first / norms[0], second / norms[1]
    cosine = np.clip((a * b).sum(-1, keepdims=True), -1.0, 1.0)
    across = b - cosine * a
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-300)
    angle = share * np.arccos(cosine)
    return (a * np.cos(angle) + across * np.sin(angle)) * lerp(*norms, share)


def cropped(images: np.ndarray, crop: Sequence[float] | None) -> np.ndarray:
    """The part of images `(n, height, width, channels)` between four shares.

    Raises:
        InputError: shares that leave nothing.
    """
    if crop is None:
        return images
    height, width = images.shape[1:3]
    top, bottom, left, right = (
        round(share * side) for share, side in zip(crop, (height, height, width, width))
    )
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise InputError(
            f"the crop {tuple(crop)} leaves nothing of {height}x{width} pixels; pass top, bottom,"
            " left and right as shares from 0 to 1"
        )
    return images[:, top:bottom, left:right]


def shrink(images: np.ndarray) -> np.ndarray:
    """Means over squares of pixels, so that the shorter side is at most about 256."""
    if images.ndim != 4 or min(images.shape[1:3]) < 2 * LARGEST_SIDE:
        return images
    factor = min(images.shape[1:3]) // LARGEST_SIDE
    count, height, width, channels = images.shape
    rows, columns = height // factor, width // factor
    even = images[:, : rows * factor, : columns * factor]
    squares = even.reshape(count, rows, factor, columns, factor, channels)
    return squares.mean((2, 4), dtype=np.float32)


def separability(
    latents: np.ndarray, probabilities: np.ndarray, *, space: str = "w", **protocol: Any
) -> MeasureResult:
    """`exp(sum_i H(Y_i | X_i))`: 1 where linear boundaries tell every attribute.

    For each attribute the half of the examples of which the classifier is surest are labelled by
    it (Y); a linear SVM on their latents predicts the labels (X).

    Args:
        latents: `(n, ...)`, of z or w.
        probabilities: of each attribute, in [0, 1], `(n, attributes)`.
        space: what the latents are, for the name.
        **protocol: facts for the result.

    Returns:
        The value; the protocol has the entropies in nats, `"entropies"`. An attribute that all
        examples have, or none, counts 0.

    Raises:
        InputError: numbers of rows that differ, fewer than four examples; scikit-learn is missing.
    """
    svm = require("sklearn.svm", "latent", "Separability")
    latents = np.asarray(latents, np.float64).reshape(len(latents), -1)
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2 or len(probabilities) != len(latents) or len(latents) < 4:
        raise InputError(
            f"latents of {len(latents)} examples and probabilities of shape {probabilities.shape};"
            " expected (examples, attributes) of the same examples, 4 or more"
        )
    entropies = []
    for column in probabilities.T:
        sure = np.argsort(-np.abs(column - 0.5), kind="stable")[: len(column) // 2]
        labels = column[sure] > 0.5
        if labels.all() or not labels.any():
            entropies.append(0.0)
            continue
        rows = latents[sure]
        rows = (rows - rows.mean(0)) / np.maximum(rows.std(0), 1e-12)
        machine = svm.LinearSVC(dual=False, max_iter=1000).fit(rows, labels)
        entropies.append(conditional_entropy(labels, machine.predict(rows)))
    facts = {**protocol, "n_fake": len(latents), "entropies": entropies, "svm": "LinearSVC, C 1"}
    name = f"separability-{space}-{protocol.get('extractor', 'classifier')}"
    return MeasureResult(name, float(np.exp(sum(entropies))), facts)


def conditional_entropy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """H(labels | predictions) of two boolean arrays `(n,)`, in nats."""
    total = 0.0
    for prediction in (False, True):
        chosen = labels[predictions == prediction]
        for share in (chosen.mean(), 1.0 - chosen.mean()) if len(chosen) else ():
            if share > 0:
                total -= len(chosen) / len(labels) * share * np.log(share)
    return float(total)


def path_lengths(
    generator: Generator, network: extractors.Extractor, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """PPL of a generator in z and, where it has a mapping, in w; of whole paths and of their ends.

    Args:
        generator: of images from noise, opened from a run or an export.
        network: describes the images.
        count: pairs.
        seed: of the latents.
        batch: pairs at once.

    Raises:
        InputError: it has no z to walk in.
    """
    return [
        path_length(
            draw, generate, network.features, space=space, sampling=sampling, spherical=spherical,
            pairs=count, batch=batch, seed=seed, extractor=network.protocol()["extractor"],
        )
        for space, draw, generate, spherical in _spaces(generator, seed)
        for sampling in SAMPLINGS
    ]  # fmt: skip


def separabilities(
    generator: Generator, network: extractors.Extractor, count: int, seed: int, batch: int
) -> list[MeasureResult]:
    """Separability of a classifier's classes in z and, where there is a mapping, in w.

    Args: as for `path_lengths`; the network is loaded with predictions, a class an attribute.

    Raises:
        InputError: the generator has no z, or the network no predictions.
    """
    results = []
    for space, draw, generate, _ in _spaces(generator, seed):
        latents, predictions = [], []
        for number, start in enumerate(range(0, count, batch)):
            part_seed = int(np.random.default_rng([seed, number]).integers(2**31))
            latents.append(np.asarray(draw(min(batch, count - start), part_seed)))
            # In pairs, as `generate` takes them.
            images = generate(np.concatenate([latents[-1]] * 2))[: len(latents[-1])]
            predictions.append(network.describe(images)[1])
        if predictions[0] is None:
            raise InputError(f"{network.name} has no predictions; pass a classifier")
        scores = np.concatenate(predictions).astype(np.float64)
        if network.gives_logits:
            scores = np.exp(scores - scores.max(1, keepdims=True))
            scores /= scores.sum(1, keepdims=True)
        name = network.protocol()["extractor"]
        results.append(separability(np.concatenate(latents), scores, space=space, extractor=name))
    return results


def _spaces(generator: Generator, seed: int) -> list[tuple[str, Draw, Generate, bool]]:
    """The latent spaces: name, how to draw, how to generate, whether paths are arcs."""
    signatures = generator.signatures
    inputs = signatures["serving_default"].inputs
    latent = next((spec for spec in inputs if spec.kind in ("normal", "uniform")), None)
    if latent is None or not signatures["serving_default"].drawable:
        raise InputError(f"{generator.name} has no z; pass a generator of images from noise")
    others = [spec for spec in inputs if spec is not latent]
    image = signatures["serving_default"].output.name

    def draw(count: int, part_seed: int) -> np.ndarray:
        return latent.draw(count, [part_seed, seed]).numpy()

    def drawn(count: int, part_seed: int) -> dict[str, np.ndarray]:
        return {s.name: s.draw(count, [part_seed, n]).numpy() for n, s in enumerate(others)}

    def generate(z: np.ndarray) -> np.ndarray:
        half = drawn(len(z) // 2, seed)
        rest = {name: np.concatenate([values] * 2) for name, values in half.items()}
        return generator.run_signature({latent.name: z, **rest}, batch=len(z))[image]

    spaces = [("z", draw, generate, latent.kind == "normal")]
    if {"mapping", "synthesis"} <= set(signatures):
        mapping, (styles,) = signatures["mapping"], signatures["synthesis"].inputs[:1]

        def map_latents(count: int, part_seed: int) -> np.ndarray:
            fixed = {
                s.name: np.ones((count, *s.shape), s.dtype)
                for s in mapping.inputs
                if s.kind == "truncation"  # none
            }
            rows = {latent.name: draw(count, part_seed), **drawn(count, part_seed), **fixed}
            return generator.run_signature(rows, "mapping", batch=count)[mapping.output.name]

        def synthesize(w: np.ndarray) -> np.ndarray:
            made = generator.run_signature({styles.name: w}, "synthesis", batch=len(w))
            return made[signatures["synthesis"].output.name]

        spaces.append(("w", map_latents, synthesize, False))
    return spaces
