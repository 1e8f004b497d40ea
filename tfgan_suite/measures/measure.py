"""Measures a run, an export or a folder of images against data."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures import conditioning, features
from tfgan_suite.measures import samples as drawing
from tfgan_suite.measures.fid import fid, fid_infinity
from tfgan_suite.measures.inception_score import inception_score
from tfgan_suite.measures.kid import kid
from tfgan_suite.measures.memorisation import compare
from tfgan_suite.measures.parzen import parzen
from tfgan_suite.measures.precision_recall import precision_recall
from tfgan_suite.measures.result import Measured
from tfgan_suite.utils.files import append_json, writing_to


@dataclasses.dataclass
class Sides:
    """What a measure may look at.

    Args:
        real: the reference's features; `None` where no measure looks at them.
        fake: the generated examples' features, and predictions where needed; or `None`.
        pixels: the reference's examples, and the generated ones, as they are, where needed.
        train: a function that gives the training split and its features (cached).
        logits: whether the predictions are logits.
        seed: of subsets.
        protocol: facts that every result carries.
        game: the run's game, for measures that ask it for something; `None`: no run.
        network: the extractor; `None` for points.
        source: the reference.
        batch: examples at once.
    """

    real: features.Collected | None
    fake: features.Collected | None
    pixels: tuple[np.ndarray, np.ndarray] | None
    train: Callable[[bool], tuple[data.Source, features.Collected | None]]
    logits: bool
    seed: int
    protocol: dict[str, Any]
    game: Any = None
    network: extractors.Extractor | None = None
    source: data.Source | None = None
    batch: int = 250

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Real and generated features."""
        return self.real.features, self.fake.features


@dataclasses.dataclass(frozen=True)
class Kind:
    """One entry of `MEASURES`.

    Args:
        compute: takes the sides, returns results; `measure` adds the common protocol.
        needs: what it needs beside the moments: of `"features"`, `"predictions"`, `"pixels"`,
            `"train"`, `"game"`.
    """

    compute: Callable[[Sides], list[Measured]]
    needs: tuple[str, ...] = ()


def _inception_score(sides: Sides, **facts: Any) -> list[Measured]:
    count, classes = sides.fake.predictions.shape
    splits = 10 if count >= 100 * classes else 1
    options = {"logits": sides.logits, "splits": splits}
    return [inception_score(sides.fake.predictions, **options, **facts)]


def _parzen(sides: Sides) -> list[Measured]:
    real, fake = (_flat(pixels) for pixels in sides.pixels)
    held = min(1000, len(real) // 10)
    if held < 1:
        raise InputError(
            f"{len(real)} real examples are too few for Parzen windows: a tenth of them chooses "
            "sigma; give at least 10 (11,000 for the papers' counts)"
        )
    # No extractor takes part; images are in [0, 1] as in the papers.
    return [parzen(fake, real[:held], real[held:], **NO_EXTRACTOR, scale="[0, 1]")]


def _memorisation(sides: Sides) -> list[Measured]:
    (real, fake), (_, train) = sides.features, sides.train(True)
    extractor = sides.protocol["extractor"]
    found, _ = compare(fake, real, train.features, extractor=extractor, seed=sides.seed)
    return [found]


def _memorisation_pixels(sides: Sides) -> list[Measured]:
    (real, fake), (train, _) = sides.pixels, sides.train(False)
    if real.ndim != 4:
        raise InputError("memorisation_pixels is of images; take memorisation for points")
    blocks = features.stream(train, len(train))
    found, _ = compare(fake[:_SHIFTED], real[:_SHIFTED], blocks, seed=sides.seed)
    return [dataclasses.replace(found, protocol={**found.protocol, **NO_EXTRACTOR})]


def _of_game(sides: Sides, measure: Callable[..., list[Measured]], *more: Any) -> list[Measured]:
    """A measure that asks the game for something, over as many examples as the others see."""
    count = sides.protocol["n_fake"]
    return measure(sides.game, *more, count=count, seed=sides.seed, batch=sides.batch)


_SHIFTED = 250  # images of each side whose 25 shifts are compared with the whole training set
NO_EXTRACTOR = {key: None for key in ("extractor", "weights", "layer", "pool", "resize")}
MEASURES = {
    "fid": Kind(lambda s: [fid(s.real.moments, s.fake.moments, **_named(s))]),
    "fid_inf": Kind(lambda s: [fid_infinity(*s.features, seed=s.seed, **_named(s))], ("features",)),
    "kid": Kind(lambda s: [kid(*s.features, seed=s.seed, **_named(s))], ("features",)),
    "prdc": Kind(lambda s: precision_recall(*s.features, **_named(s)), ("features",)),
    "is": Kind(lambda s: _inception_score(s, **_named(s)), ("predictions",)),
    "parzen": Kind(_parzen, ("pixels",)),
    "memorisation": Kind(_memorisation, ("features", "train")),
    "memorisation_pixels": Kind(_memorisation_pixels, ("pixels", "train")),
    "classes": Kind(
        lambda s: _of_game(s, conditioning.classes, s.network), ("game", "predictions")
    ),
    "codes": Kind(
        lambda s: _of_game(s, conditioning.codes, s.network, s.source), ("game", "predictions")
    ),
    "copies": Kind(lambda s: _of_game(s, conditioning.copies, s.source), ("game",)),
}
DEFAULT = ("fid", "kid", "prdc")


def _named(sides: Sides) -> dict[str, Any]:
    return {"extractor": sides.protocol["extractor"]}


def measure(
    what: str | Path,
    against: str | Path,
    *,
    measures: Sequence[str] = DEFAULT,
    split: str = "test",
    samples: int = 10_000,
    extractor: str | extractors.Extractor = "inception_v3",
    seed: int = 0,
    batch: int = 250,
    size: int | None = None,
    cache: str | os.PathLike | None = None,
    progress: bool = False,
) -> list[Measured]:
    """Measures generated examples against a split of data.

    Images of both sides are rounded to bytes, as files would hold them. They come in batches;
    what is kept of them are moments, for some measures also features, for Parzen also pixels.

    Args:
        what: run folder, export, or images as `data.load` takes them.
        against: data as `data.load` takes them.
        measures: of `MEASURES`.
        split: of the data, `"test"` or `"train"`.
        samples: examples of each side; fewer where a side has fewer.
        extractor: the feature network, or its name or file. Points are their own features.
        seed: of samples, reference and subsets.
        batch: images at once.
        size: side of the images of both sides; `None`: for runs and exports what they were
            trained with, for files their own.
        cache: folder for the reference's features; `None`: none.
        progress: whether to show progress bars.

    Returns:
        The results, in the order of `measures`.

    Raises:
        InputError: unknown measures, sides of different shapes, an extractor that does not fit.

    Example:
        >>> measure("runs/dcgan_shapes", "shapes", extractor="classifiers/shapes.keras")
    """
    kinds = check(measures, samples, batch, seed)
    needs = {need for kind in kinds for need in kind.needs}
    if "train" in needs and split != "test":
        raise InputError(
            f"memorisation with the split {split!r}: it compares with examples that were not "
            "trained on; take --split test"
        )
    drawn = drawing.open_drawn(what, size)
    if "game" in needs and drawn.game is None:
        raise InputError(f"classes, codes and copies ask a game for something: {what} is no run")
    source = _reference(against, split, size, drawn)
    network = None
    if len(drawn.shape) == 3:
        network = extractor
        if not isinstance(extractor, extractors.Extractor):
            network = extractors.load(extractor, predictions="predictions" in needs)
    counts = {"n_real": min(samples, len(source)), "n_fake": min(samples, drawn.most or samples)}
    described = {"extractor": "identity"} if network is None else network.protocol()
    protocol = {
        **described,
        **drawn.about,
        **counts,
        "against": source.name,
        "fingerprint": source.fingerprint,
        "split": split,
        "seed": seed,
        "size": "x".join(map(str, drawn.shape)),
    }
    real = fake = None
    pixels: list[np.ndarray] | None = [] if "pixels" in needs else None
    if any("game" not in kind.needs for kind in kinds):  # the others draw for themselves
        real = features.reference(
            source, network, count=counts["n_real"], seed=seed, split=split, batch=batch,
            keep="features" in needs, cache=cache,
            progress=f"features of {source.name}" if progress else "",
        )  # fmt: skip
        fake = features.collect(
            _seen(drawn.draw(counts["n_fake"], seed, batch), pixels, drawn.shape), network,
            keep="features" in needs, predict="predictions" in needs, total=counts["n_fake"],
            progress=f"features of {what}" if progress else "",
        )  # fmt: skip
    if pixels is not None:
        shown = np.concatenate(list(features.stream(source, counts["n_real"], seed, batch)))
        pixels = (shown, np.concatenate(pixels))

    def train(described: bool) -> tuple[data.Source, features.Collected | None]:
        found = _reference(against, "train", size, drawn)
        if not described:
            return found, None
        return found, features.reference(
            found, network, count=len(found), split="train", batch=batch, keep=True, cache=cache,
            progress=f"features of {found.name}, all of the training split" if progress else "",
        )  # fmt: skip

    logits = network is not None and network.gives_logits
    sides = Sides(
        real, fake, pixels, train, logits, seed, protocol, drawn.game, network, source, batch
    )
    results = [result for kind in kinds for result in kind.compute(sides)]
    return [
        dataclasses.replace(result, protocol={**protocol, **result.protocol}) for result in results
    ]


def check(measures: Sequence[str], samples: int, batch: int, seed: int) -> list[Kind]:
    """The entries of `MEASURES` with these names.

    Raises:
        InputError: an unknown name, or a number out of its range.
    """
    for name in measures:
        if name not in MEASURES:
            near = difflib.get_close_matches(name, MEASURES, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"no measure {name!r}: {hint}There are {', '.join(MEASURES)}")
    if not measures:
        raise InputError(f"no measure was asked for; there are {', '.join(MEASURES)}")
    if samples < 2 or batch < 1 or not 0 <= seed < 2**31:
        raise InputError(
            f"samples {samples}, batch {batch}, seed {seed}; expected at least 2 samples, a batch "
            "of 1 or more and a seed from 0 to 2147483647"
        )
    return [MEASURES[name] for name in measures]


def write(path: Path, results: Iterable[Measured]) -> None:
    """Appends results to a file of JSON lines; each has the run's step in front where known.

    Raises:
        InputError: the file cannot be written.
    """
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        for result in results:
            line = json.loads(result.to_json())
            if result.protocol.get("step") is not None:
                line = {"step": result.protocol["step"], **line}
            append_json(path, line)


def keep(results: Iterable[Measured], source: Path, out: str = "") -> None:
    """Writes results where a command says, or beside the run that was measured.

    Args:
        results: what was measured.
        source: run folder, export or other place that was measured.
        out: file that gets the lines; empty: a run's `measures.jsonl`, of anything else nowhere.

    Raises:
        InputError: the file cannot be written, or is a folder.
    """
    path = Path(out) if out else None
    if path is None and (source / "run.json").is_file():
        path = source / "measures.jsonl"
    if path is not None:
        if path.is_dir():
            raise InputError(f"--out is the folder {path}; give a file, e.g. {path}/measures.jsonl")
        write(path, results)


def _reference(
    against: str | Path, split: str, size: int | None, drawn: drawing.Drawn
) -> data.Source:
    """The data, of the shape that was drawn."""
    if size is None and (drawn.about["samples_of"] != "files" or drawing.image_files(against)):
        size = drawn.size
    source = data.load(against, size=size, split=split, memory_limit=2**28)
    if tuple(source.shape) != tuple(drawn.shape):
        raise InputError(
            f"the generated examples have the shape {tuple(drawn.shape)}, those of {source.name} "
            f"{tuple(source.shape)}; expected the same size and channels: give --size, or other "
            "data"
        )
    return source


def _seen(
    batches: Iterable[np.ndarray], pixels: list[np.ndarray] | None, shape: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """The same batches; their pixels are put aside where that is asked for."""
    for batch in batches:
        if tuple(batch.shape[1:]) != tuple(shape):
            raise InputError(f"examples of shape {batch.shape[1:]} were drawn, expected {shape}")
        if pixels is not None:
            pixels.append(batch)
        yield batch


def _flat(examples: np.ndarray) -> np.ndarray:
    """Images as float32 `(n, d)` in [0, 1]; points as they are."""
    rows = examples.reshape(len(examples), -1).astype(np.float32)
    return rows / np.float32(255.0) if examples.dtype == np.uint8 else rows
