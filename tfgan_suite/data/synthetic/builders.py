"""The embedded worlds as TensorFlow Datasets builders, so that `tfds:` also works offline.

Importing this module registers them; `load("tfds:tfgan_shapes")` does so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from tfgan_suite.data.synthetic import shapes


class TfganShapes(tfds.core.GeneratorBasedBuilder):
    """The shapes world at 32 x 32: 6,000 training and 1,000 test images, with ground truth."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SIZE = 32
    SPLITS = {"train": (6000, 0), "test": (1000, 1)}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="One coloured circle, square or triangle on a plain dark background.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(self.SIZE, self.SIZE, 3)),
                    "label": tfds.features.ClassLabel(names=list(shapes.CLASSES)),
                    "shape": tfds.features.ClassLabel(names=list(shapes.SHAPES)),
                    "colour": tfds.features.ClassLabel(names=list(shapes.COLOURS)),
                    "box": tfds.features.BBoxFeature(),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {name: self._generate_examples(*split) for name, split in self.SPLITS.items()}

    def _generate_examples(self, count: int, seed: int) -> Iterator[tuple[int, dict[str, Any]]]:
        examples = shapes.generate(count, self.SIZE, seed)
        boxes = examples.box / self.SIZE
        for index in range(count):
            left, top, right, bottom = (float(side) for side in boxes[index])
            yield (
                index,
                {
                    "image": examples.images[index],
                    "label": int(examples.label[index]),
                    "shape": int(examples.shape[index]),
                    "colour": int(examples.colour[index]),
                    "box": tfds.features.BBox(ymin=top, xmin=left, ymax=bottom, xmax=right),
                },
            )
