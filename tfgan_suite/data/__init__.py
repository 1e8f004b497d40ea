"""Data for the games: embedded worlds, own folders, arrays, TensorFlow Datasets.

    source = data.load("photos/", size=64)
    game.fit(source.batches(64, seed=0), steps_per_epoch=1000)
"""

from tfgan_suite.data.arrays import from_arrays
from tfgan_suite.data.base import MEMORY_LIMIT, ArraySource, Source, distribute
from tfgan_suite.data.sources import SYNTHETIC, load

__all__ = [
    "MEMORY_LIMIT", "SYNTHETIC", "ArraySource", "Source", "distribute", "from_arrays", "load",
]
