"""Arithmetic with latent vectors: mean(base) - mean(minus) + mean(plus) (Radford et al. 2016, 6.3).

Single samples are unstable, so each concept is the mean of several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.synthetic import shapes
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.latent import figures, interpolation
from tfgan_suite.latent.space import Inputs, Space

JITTER = 0.25  # of the neighbours of the result, uniform, as in the paper
FRAMES = 8  # from the base to the result
POOL, LARGEST_POOL = 1024, 2**15  # samples among which operands of a class are looked for
NO_CLASS = -1

# Maps images (count, height, width, channels) to class indices (count,); -1 is none.
Reader = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Result:
    """What arithmetic gives.

    Args:
        image: float32 `(height, width, channels)` in [-1, 1], of the result.
        neighbours: `(8, ...)`: the result with uniform noise of 0.25 added to z.
        way: `(8, ...)`: straight from the base to the result.
        pixels: `(height, width, channels)`: the same arithmetic with pixels, as a control.
        operands: images of `"base"`, `"minus"` and `"plus"`, `(count, ...)`.
        inputs: of the result, arrays `(1, ...)` by name.
    """

    image: np.ndarray
    neighbours: np.ndarray
    way: np.ndarray
    pixels: np.ndarray
    operands: dict[str, np.ndarray]
    inputs: Inputs


def combine(base: np.ndarray, minus: np.ndarray | None, plus: np.ndarray | None) -> np.ndarray:
    """`mean(base) - mean(minus) + mean(plus)` over the first axis.

    Args:
        base, minus, plus: arrays `(count, ...)`; None adds nothing.

    Returns:
        float64 array without the first axis.
    """
    total = np.mean(base, axis=0, dtype=np.float64)
    if minus is not None:
        total = total - np.mean(minus, axis=0, dtype=np.float64)
    if plus is not None:
        total = total + np.mean(plus, axis=0, dtype=np.float64)
    return total


def arithmetic(
    space: Space,
    base: Sequence[int],
    minus: Sequence[int] = (),
    plus: Sequence[int] = (),
    *,
    seed: int = 0,
) -> Result:
    """Calculates with samples.

    Args:
        space: the latent space.
        base, minus, plus: numbers of samples, as `sample` counts them. Labels of the result are
            those of the first of `base`.
        seed: of the noise of the neighbours.

    Raises:
        InputError: no base, or neither minus nor plus; a number out of range.
    """
    if not base or not (minus or plus):
        raise InputError("arithmetic needs a base, and samples to add or to subtract")
    numbers = {"base": list(base), "minus": list(minus), "plus": list(plus)}
    drawn = {name: space.samples(some) for name, some in numbers.items() if some}
    return _with_neighbours(space, drawn, seed)


def result_of(space: Space, drawn: Mapping[str, Inputs]) -> Inputs:
    """The generator's inputs `(1, ...)` for operands `"base"`, `"minus"`, `"plus"`, `(count, ...)`.

    Labels are those of the first of the base. Uniform noise is clipped to [-1, 1].
    """
    inputs = {}
    for spec in space.inputs:
        parts = {name: arrays[spec.name] for name, arrays in drawn.items()}
        if spec.kind == "label":
            inputs[spec.name] = parts["base"][:1]
        else:
            total = combine(parts["base"], parts.get("minus"), parts.get("plus"))
            inputs[spec.name] = _inside(spec, total[None])
    return inputs


def _with_neighbours(space: Space, drawn: Mapping[str, Inputs], seed: int) -> Result:
    """The result of operands, with what is shown around it."""
    inputs = result_of(space, drawn)
    base = result_of(space, {"base": drawn["base"]})
    jitter = np.random.default_rng(seed)
    neighbours, way = {}, {}
    for spec in space.inputs:
        point = inputs[spec.name]
        if spec.kind == "label":
            neighbours[spec.name] = way[spec.name] = np.repeat(point, FRAMES, axis=0)
            continue
        noise = jitter.uniform(-JITTER, JITTER, (FRAMES, *point.shape[1:]))
        neighbours[spec.name] = _inside(spec, point + noise)
        ends = base[spec.name].reshape(-1), point.reshape(-1)
        line = interpolation.lerp(*ends, np.linspace(0.0, 1.0, FRAMES))
        way[spec.name] = _inside(spec, line.reshape(-1, *point.shape[1:]))
    operands = {name: space.generate(arrays) for name, arrays in drawn.items()}
    return Result(
        space.generate(inputs)[0],
        space.generate(neighbours),
        space.generate(way),
        with_pixels(operands),
        operands,
        inputs,
    )


def with_pixels(operands: Mapping[str, np.ndarray]) -> np.ndarray:
    """The same arithmetic with images, clipped to [-1, 1]: ghosts of all operands."""
    total = combine(operands["base"], operands.get("minus"), operands.get("plus"))
    return np.clip(total, -1.0, 1.0).astype(np.float32)


def _inside(spec: Any, points: np.ndarray) -> np.ndarray:
    """Points that the generator knows: uniform noise stays in its cube."""
    points = np.clip(points, -1.0, 1.0) if spec.kind == "uniform" else points
    return points.astype(spec.dtype)


# ---- operands by class --------------------------------------------------------------------------


def reader(space: Space, classifier: str | Path | None = None) -> tuple[Reader, Sequence[str]]:
    """What reads the class of a sample, and the classes' names.

    Args:
        space: the latent space.
        classifier: a Keras file that `recipes/classifier.py` writes; None: the oracle of the
            embedded world that the generator was trained on.

    Raises:
        InputError: no oracle and no classifier, or one of another number of classes.
    """
    names = space.classes
    if classifier is None:
        if space.generator.facts.get("data") != "shapes" or space.shape[-1] != 3:
            raise InputError(
                f"{space.generator.name} was not trained on an embedded world with an oracle; pass"
                " --classifier with a file of recipes/classifier.py"
            )
        return read_shapes, shapes.CLASSES
    network = extractors.load(classifier, predictions=True)

    def read(images: np.ndarray) -> np.ndarray:
        _, predictions = network.describe(images)
        assert predictions is not None
        return predictions.argmax(axis=1)

    count = int(network.describe(np.zeros((1, *space.shape), np.float32))[1].shape[1])  # type: ignore
    if names is not None and len(names) != count:
        raise InputError(
            f"{classifier} has {count} classes, but {space.generator.name} has {len(names)}"
        )
    return read, names or [str(index) for index in range(count)]


def read_shapes(images: np.ndarray) -> np.ndarray:
    """Classes of images of the shapes world, `(count,)`; -1 where no shape is well formed."""
    reading = shapes.read(images)
    return np.where(reading.clean, reading.label, NO_CLASS)


def matching(names: Sequence[str], text: str) -> list[int]:
    """Classes whose names have all words of a text: `"circle"` matches circles of any colour.

    Raises:
        InputError: none does; the message lists the names.
    """
    words = set(text.lower().split())
    indices = [i for i, name in enumerate(names) if words <= set(str(name).lower().split())]
    if not words or not indices:
        raise InputError(f"no class matches {text!r}; the classes are {', '.join(map(str, names))}")
    return indices


def pick(
    labels: np.ndarray, classes: Sequence[int], count: int, start: int = 0, name: str = ""
) -> list[int]:
    """Numbers of samples of some classes, which take turns, so that each comes equally often.

    Args:
        labels: class of each sample, `(samples,)`.
        classes: the classes.
        count: how many samples.
        start: how many of each class to skip; other operands for another trial.
        name: of the class, for the message.

    Raises:
        InputError: too few samples of a class.
    """
    numbers = []
    for turn in range(count):
        which = classes[turn % len(classes)]
        (candidates,) = np.nonzero(labels == which)
        position = start + turn // len(classes)
        if position >= len(candidates):
            raise InputError(
                f"among {len(labels)} samples are only {len(candidates)} of {name or which}; ask"
                " for fewer, or draw another seed"
            )
        numbers.append(int(candidates[position]))
    return numbers


def by_class(
    space: Space,
    read: Reader,
    names: Sequence[str],
    concepts: dict[str, str],
    *,
    average: int = 24,
    trials: int = 1,
    expected: str | None = None,
) -> tuple[Result, np.ndarray, dict[str, Any]]:
    """Arithmetic with concepts: `"red circle" - "circle" + "square"`.

    Args:
        space: the latent space.
        read: reads the class of images.
        names: of the classes.
        concepts: names of classes, whole or in part, by `"base"`, `"minus"` and `"plus"`. Of
            several classes that match, each is an operand equally often.
        average: samples of each concept; at least as many as classes match are taken.
        trials: repetitions with other operands.
        expected: class of the result; by default what the words say.

    Returns:
        The first trial in full; the images of all trials `(trials, height, width, channels)`; and
        numbers: the operands, the class of each result and the share of the expected one, also
        for arithmetic with pixels.

    Raises:
        InputError: an unknown class, or too few samples of one.
    """
    if average < 1 or trials < 1:
        raise InputError(f"average is {average} and trials {trials}; both must be 1 or more")
    groups = {key: matching(names, text) for key, text in concepts.items() if text}
    goal = expected or expected_name(concepts)
    goals = matching(names, goal) if goal is not None else []
    pool, images, operands = _operands(space, read, groups, concepts, average, trials)
    drawn = [
        {key: {n: a[rows] for n, a in pool.items()} for key, rows in numbers.items()}
        for numbers in operands
    ]
    inputs = [result_of(space, trial) for trial in drawn]
    results = space.generate({n: np.concatenate([i[n] for i in inputs]) for n in inputs[0]})
    pixels = [with_pixels({k: images[rows] for k, rows in trial.items()}) for trial in operands]
    classes = read(results)
    return (
        _with_neighbours(space, drawn[0], space.seed),
        results,
        {
            "concepts": concepts,
            "expected": goal,
            "trials": trials,
            "operands": operands,
            "classes": [str(names[c]) if c >= 0 else None for c in classes],
            "share": float(np.isin(classes, goals).mean()) if goals else None,
            "share_with_pixels": float(np.isin(read(np.stack(pixels)), goals).mean())
            if goals
            else None,
        },
    )


def _operands(
    space: Space,
    read: Reader,
    groups: Mapping[str, list[int]],
    concepts: Mapping[str, str],
    average: int,
    trials: int,
) -> tuple[Inputs, np.ndarray, list[dict[str, list[int]]]]:
    """A pool of samples, their images, and the rows of the operands of each trial by concept.

    The pool grows until it holds enough of each class.
    """
    size = POOL
    while True:
        pool = space.draw(size)
        images = space.generate(pool)
        labels = read(images)
        try:
            return (
                pool,
                images,
                [_of_trial(labels, groups, concepts, average, trial) for trial in range(trials)],
            )
        except InputError:
            if size >= LARGEST_POOL:
                raise
        size *= 4


def _of_trial(labels, groups, concepts, average: int, trial: int) -> dict[str, list[int]]:
    numbers = {}
    for key, group in groups.items():
        turns = -(-average // len(group))
        numbers[key] = pick(labels, group, turns * len(group), trial * turns, concepts[key])
    return numbers


def expected_name(concepts: dict[str, str]) -> str | None:
    """The words of base without those of minus and with those of plus, if that is a change."""
    minus, plus = (concepts.get(key, "").lower().split() for key in ("minus", "plus"))
    remaining = [word for word in concepts["base"].lower().split() if word not in minus]
    added = [word for word in plus if word not in remaining]
    return " ".join(remaining + added) or None


def write(
    first: Result, folder: Path, numbers: dict[str, Any], results: np.ndarray | None = None
) -> dict[str, Any]:
    """Writes `arithmetic.png` (operands, result, neighbours, control) and `numbers.json`.

    Args:
        first: the result that is drawn with its operands.
        folder: for the files.
        numbers: what was measured.
        results: images of all trials, where there are several.

    Returns:
        The numbers, with the files.
    """
    signs = {"base": "base, mean of", "minus": "minus, mean of", "plus": "plus, mean of"}
    captions = [f"{signs[key]} {len(images)}" for key, images in first.operands.items()]
    images = list(first.operands.values())
    captions += ["from the base to the result", "result, and its neighbours", "with pixels"]
    images += [first.way, np.concatenate([first.image[None], first.neighbours])]
    images.append(first.pixels[None])
    if results is not None and len(results) > 1:
        captions.append(f"results of {len(results)} trials")
        images += [results[start : start + 12] for start in range(0, min(len(results), 48), 12)]
        captions += [""] * (len(images) - len(captions))
    path = figures.write_png(folder, "arithmetic.png", figures.rows(captions, images))
    numbers = {**numbers, "files": [path]}
    figures.write_numbers(folder, numbers)
    return numbers
