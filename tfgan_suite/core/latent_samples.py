"""What a trained game from noise offers beside its samples: its batch norm, and what is watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfgan_suite.core import discriminator_health
from tfgan_suite.core.batch_norm_statistics import standing_statistics
from tfgan_suite.core.trained_game import Arrays, TrainedGame
from tfgan_suite.losses import adversarial as losses

RECALIBRATION_BATCHES = 100


class LatentSamples(TrainedGame):
    """The part of `LatentGame` that uses the networks and never trains them."""

    # Of `LatentGame`.
    adversarial: losses.AdversarialLoss
    draw_shares: Any
    opponent_name: str
    regularization: Any
    recalibration_batch: Callable[..., Any]

    def recalibrate_batch_norm(self) -> None:
        """Recomputes the generator's batch norm statistics over `RECALIBRATION_BATCHES` of 64."""
        generator = self.ema("generator")[0]  # type: ignore[attr-defined]
        specs = self.signatures()["serving_default"].inputs
        count = RECALIBRATION_BATCHES
        standing_statistics(generator, (self.recalibration_batch(specs, i) for i in range(count)))

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """Samples, and of a game with labels also samples of one class, whose z alone differs."""
        pairs = super().collapse_pairs(examples)
        labels = examples.get("label")
        specs = {spec.name: spec for spec in self.signatures()["serving_default"].inputs}
        if labels is None or "label" not in specs or not specs["label"].drawable:
            return pairs
        label = np.bincount(np.asarray(labels, np.int64)).argmax()
        of_class = {key: array[labels == label] for key, array in examples.items()}
        words = next(iter(pairs))
        samples = self.generate(seed=0, label=np.full(32, label, specs["label"].dtype))
        key = self.signatures()["serving_default"].output.name
        real = of_class.get(key)
        if real is not None and len(real) > 1:
            pairs[f"{words} of class {label}"] = real, samples
        return pairs

    def diagnose_lasting(self, logs: Mapping[str, float]) -> list[str]:
        """Warns when the discriminator is blind: its outputs are the same for all examples."""
        draw = self.adversarial.draw
        if draw is None or self.regularization.label_smoothing:
            return []
        return discriminator_health.blind(logs, self.opponent_name, draw, self.draw_shares)

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Warns when the discriminator wins outright: both its losses are close to 0."""
        draw = self.adversarial.draw
        if draw is None:
            return []
        return discriminator_health.won(logs, self.opponent_name, draw, self.draw_shares)
