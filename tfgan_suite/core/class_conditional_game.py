"""Games from noise whose generator also takes a class, or does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfgan_suite.core.labels import check_labels
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.core.signatures import Signature, TensorSpec

GRID_CLASSES = 20  # columns of a sample grid, at most


class ClassConditionalGame(LatentGame):
    """What a trained game offers where its generator takes `[z, label]`.

    A subclass sets `classes`, the number of classes; with None its generator takes z alone, and the
    game is a plain `LatentGame`.
    """

    classes: int | None = None
    network_ends: tuple[tuple[int, ...], ...] = ((1, 2), (1, 2), (1,))

    @property
    def tuple_keys(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("image",) if self.classes is None else ("image", "label")

    def signatures(self) -> dict[str, Signature]:
        if self.classes is None:
            return super().signatures()
        (generator,) = self.ema("generator")
        shape = tuple(generator.output_shape[1:])
        kind = "point" if len(shape) == 1 else "image"
        return {
            "serving_default": Signature(
                inputs=(
                    TensorSpec("z", (self.latent_dim,), kind=self.latent),
                    TensorSpec("label", (), "int32", "label", self.classes),
                ),
                output=TensorSpec(kind, shape, kind=kind),
                call=lambda z, label: generator([z, label], training=False),
                networks=(generator,),
            )
        }

    def generate(self, count: int = 1, seed: int = 0, **inputs: Any) -> np.ndarray:
        """As `AdversarialModel.generate`; `label` is one class for all examples, or one each."""
        if self.classes is not None and "label" in inputs:
            count = len(inputs["z"]) if "z" in inputs else count
            inputs["label"] = check_labels(inputs["label"], self.classes, count)
        return super().generate(count, seed, **inputs)

    def preview_inputs(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs of `generate` for a sample grid of about `count`: a class a column, a z a row."""
        columns = self.preview_columns
        if columns is None:
            return super().preview_inputs(count, seed)
        rows = max(1, round(count / columns))
        z = self.signatures()["serving_default"].inputs[0].draw(rows, seed=[seed, 0]).numpy()
        return {
            "z": np.repeat(z, columns, axis=0),
            "label": np.tile(np.arange(columns, dtype="int32"), rows),
        }

    @property
    def preview_columns(self) -> int | None:
        """Examples in a row of `preview_inputs`: the classes, at most 20."""
        return None if self.classes is None else min(self.classes, GRID_CLASSES)

    def recalibration_batch(self, specs: Sequence[TensorSpec], index: int) -> Any:
        """64 inputs of the generator, the same in every run with this seed."""
        if self.classes is None:
            return super().recalibration_batch(specs, index)
        return [s.draw(64, seed=[self.seed + index, n]) for n, s in enumerate(specs)]
