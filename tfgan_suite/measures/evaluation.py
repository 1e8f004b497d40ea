"""A generator beside the reference it is measured against, with the features of both."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors
from tfgan_suite.measures import features, hold_out
from tfgan_suite.measures import samples as drawing

NO_EXTRACTOR = {key: None for key in ("extractor", "weights", "layer", "pool", "resize")}
_EXTRACTED = {"moments", "features", "predictions"}  # needs that an extractor fulfils


@dataclasses.dataclass(frozen=True)
class Settings:
    """How examples are chosen, read and described.

    Args:
        against: the reference, as `data.load` takes it.
        split: of the reference, `"test"` or `"train"`.
        samples: examples of each side; fewer where a side has fewer.
        seed: of samples, reference and subsets.
        batch: examples at once.
        size: side of the images of both sides; `None`: as the generator was trained, or the
            files' own.
        cache: folder for the reference's features; `None`: no cache.
        progress: whether to show progress bars.
        bit_depth: significant bits of 16-bit images; `None`: as the generator was trained.
    """

    against: str | Path
    split: str = "test"
    samples: int = 10_000
    seed: int = 0
    batch: int = 250
    size: int | None = None
    cache: str | os.PathLike | None = None
    progress: bool = False
    bit_depth: int | None = None


@dataclasses.dataclass
class Evaluation:
    """One generator, one reference, and what `collect` extracted from them.

    Args:
        generator: the opened run, export or files.
        reference: the split of the data that it is measured against.
        network: the extractor; `None`: points are their own features, or none are needed.
        settings: how both sides are drawn and described.
        real: the reference's features, after `collect`.
        fake: the generated examples' features, after `collect`.
    """

    generator: drawing.Samples
    reference: data.Source
    network: extractors.Extractor | None
    settings: Settings
    real: features.Collected | None = None
    fake: features.Collected | None = None

    @property
    def extractor(self) -> str:
        """The extractor's name, for the names of results."""
        return "identity" if self.network is None else self.network.protocol()["extractor"]

    @property
    def n_real(self) -> int:
        """Number of reference examples."""
        return min(self.settings.samples, len(self.reference))

    @property
    def n_fake(self) -> int:
        """Number of generated examples."""
        return min(self.settings.samples, self.generator.limit or self.settings.samples)

    def protocol(self) -> dict[str, Any]:
        """The facts that every result carries."""
        extractor = NO_EXTRACTOR if len(self.generator.shape) == 3 else {"extractor": "identity"}
        return {
            **(extractor if self.network is None else self.network.protocol()),
            **self.generator.facts,
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "against": self.reference.name,
            "fingerprint": self.reference.fingerprint,
            "split": getattr(self.reference, "split", self.settings.split),
            "seed": self.settings.seed,
            "size": "x".join(map(str, self.generator.shape)),
        }

    def collect(self, needs: Set[str], title: str) -> None:
        """Extracts features of both sides, once for all measures.

        Args:
            needs: what the measures need, as the entries of `MEASURES` name it; nothing is drawn
                where none of them needs collected samples.
            title: name of the generated examples, for their progress bar.
        """
        if needs & _EXTRACTED:
            self.real = self._collect_real(needs)
            self.fake = self._collect_fake(needs, title)
        elif "pixels" in needs:
            # Bytes, and as float32 for Parzen windows; points are float32.
            values = math.prod(self.generator.shape)
            features.check_memory(max(self.n_real, self.n_fake), 5 * values)
            self.real = features.Collected(None, examples=self._real_examples())
            fake = np.concatenate(list(self._draw_fake()))
            self.fake = features.Collected(None, examples=fake)

    def _collect_real(self, needs: Set[str]) -> features.Collected:
        count, seed, batch = self.n_real, self.settings.seed, self.settings.batch
        real = features.reference(
            self.reference, self.network, count=count, seed=seed, split=self.settings.split,
            batch=batch, keep_features="features" in needs, cache=self.settings.cache,
            progress=self._title(f"features of {self.reference.name}"),
        )  # fmt: skip
        if "pixels" not in needs:
            return real
        # The cache holds no pixels: they are read once more.
        return dataclasses.replace(real, examples=self._real_examples())

    def collect_reference(self) -> np.ndarray:
        """Features of the reference's examples, float32 `(n, d)`, in the order of the seed."""
        # Not from the cache, whose features of a whole set are in the order of any seed.
        return features.reference(
            self.reference, self.network, count=self.n_real, seed=self.settings.seed,
            batch=self.settings.batch, keep_features=True,
            progress=self._title(f"features of {self.reference.name}, for the ruler"),
        ).features  # fmt: skip

    def _real_examples(self) -> np.ndarray:
        count, seed, batch = self.n_real, self.settings.seed, self.settings.batch
        return np.concatenate(list(features.stream(self.reference, count, seed, batch)))

    def _draw_fake(self) -> Iterator[np.ndarray]:
        batches = self.generator.draw(self.n_fake, self.settings.seed, self.settings.batch)
        return _check_shapes(batches, tuple(self.generator.shape))

    def _collect_fake(self, needs: Set[str], title: str) -> features.Collected:
        return features.collect(
            self._draw_fake(), self.network,
            keep_features="features" in needs, keep_predictions="predictions" in needs,
            keep_examples="pixels" in needs, total=self.n_fake,
            progress=self._title(f"features of {title}"),
        )  # fmt: skip

    def training_split(self) -> data.Source:
        """The training split of the reference's data."""
        return open_reference(self.generator, self.settings, "train")

    def training_features(self) -> np.ndarray:
        """Features of the whole training split, float32 `(n, d)`, from the cache if possible."""
        train = self.training_split()
        return features.reference(
            train, self.network, count=len(train), split="train", batch=self.settings.batch,
            keep_features=True, cache=self.settings.cache,
            progress=self._title(f"features of {train.name}, all of the training split"),
        ).features  # fmt: skip

    def _title(self, text: str) -> str:
        return text if self.settings.progress else ""


def open_generator(
    source: str | Path, size: int | None, needs: Set[str], bit_depth: int | None = None
) -> drawing.Samples:
    """Opens the generated examples.

    Args:
        source: run folder, export, or images as `data.load` takes them.
        size: side to which images on disk are scaled; `None`: as they are.
        needs: what the measures need.
        bit_depth: significant bits of 16-bit images on disk.

    Raises:
        InputError: as `samples.open_samples`; a measure needs a game and the source is not a run.
    """
    generator = drawing.open_samples(source, size, bit_depth)
    if "game" in needs and generator.game is None:
        raise InputError(
            f"classes, codes and copies are measured on a game, but {source} is not a run; pass a"
            " run folder, or other measures"
        )
    if "generator" in needs and generator.opened is None:
        raise InputError(
            "ppl, separability, style_variance and psi_sweep are measured on a generator, but"
            f" {source} holds images; pass a run folder or an export, or other measures"
        )
    return generator


def open_reference(generator: drawing.Samples, settings: Settings, split: str) -> data.Source:
    """Opens a split of the reference's data, in the shape of the generated examples.

    Args:
        generator: the generated examples.
        settings: `against` and `size` of them.
        split: `"test"` or `"train"`. Of a folder of images without splits a part is held out.

    Raises:
        InputError: as `data.load`, or examples of another shape.
    """
    size, is_folder = settings.size, bool(drawing.image_files(settings.against))
    if size is None and (generator.facts["samples_of"] != "files" or is_folder):
        size = generator.size
    if size is None and is_folder and len(generator.shape) == 3:
        size = generator.shape[0]  # of arrays, which have the size that a folder is scaled to
    square = generator.facts["samples_of"] != "files"  # runs crop arrays that are not square
    holds_out = settings.split == "test" and hold_out.has_no_splits(settings.against)
    reference = data.load(
        settings.against,
        size=size,
        split="train" if holds_out else split,
        memory_limit=2**28,
        square=square,
        bit_depth=settings.bit_depth or generator.bit_depth,
    )
    if holds_out:
        reference = hold_out.part_of(reference, split)
    if tuple(reference.shape) != tuple(generator.shape):
        raise InputError(
            f"the generated examples have the shape {tuple(generator.shape)}, those of "
            f"{reference.name} {tuple(reference.shape)}; expected the same size and channels: "
            "pass --size, or other data"
        )
    return reference


def open_extractor(
    extractor: str | extractors.Extractor, shape: tuple[int, ...], needs: Set[str]
) -> extractors.Extractor | None:
    """The feature network; `None` for points, which are their own features, and where no measure
    needs one: a network of 90 MB is not fetched to compare pixels.

    Args:
        extractor: the network, or its name or file.
        shape: of an example.
        needs: what the measures need, which decides whether features and predictions are
            computed.

    Raises:
        InputError: as `extractors.load`.
    """
    if len(shape) != 3 or not needs & {*_EXTRACTED, "extractor", "classifier"}:
        return None
    if isinstance(extractor, extractors.Extractor):
        return extractor
    return extractors.load(extractor, predictions=bool(needs & {"predictions", "classifier"}))


def _check_shapes(batches: Iterable[np.ndarray], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for batch in batches:
        if tuple(batch.shape[1:]) != shape:
            raise InputError(
                f"the generator returned examples of shape {batch.shape[1:]}; expected {shape}: "
                "its card does not match its network, export it again"
            )
        yield batch
