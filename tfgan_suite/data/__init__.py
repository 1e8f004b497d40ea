"""Data for the games: embedded worlds, image folders, arrays, TensorFlow Datasets.

    source = data.load("photos/", size=64)
    game.fit(source.batches(64, seed=0), steps_per_epoch=1000)

Translators use `load_pairs`, `load_unpaired` or `load_simulated`; super-resolution uses
`load_super_resolution`, style transfer `load_content_style`, games that draw what a sentence says
`load_captions`, lip sync `load_talking`.
"""

from tfgan_suite.data.caption_source import CaptionSource
from tfgan_suite.data.captions import load_captions
from tfgan_suite.data.content_style import load_content_style
from tfgan_suite.data.embedded import is_embedded
from tfgan_suite.data.loading import SYNTHETIC, load
from tfgan_suite.data.pairs import load_pairs
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, ArraySource, Source, distribute
from tfgan_suite.data.pipeline.streams import Stream, StreamSource
from tfgan_suite.data.pipeline.talking_source import Clip, TalkingSource
from tfgan_suite.data.readers.arrays import from_arrays
from tfgan_suite.data.readers.image_bands import set_image_memory
from tfgan_suite.data.simulated import load_simulated
from tfgan_suite.data.super_resolution import SuperResolutionSource, load_super_resolution
from tfgan_suite.data.talking_faces import load_talking
from tfgan_suite.data.unpaired import load_unpaired

__all__ = [
    "MEMORY_LIMIT",
    "SYNTHETIC",
    "ArraySource",
    "CaptionSource",
    "Clip",
    "Source",
    "Stream",
    "StreamSource",
    "SuperResolutionSource",
    "TalkingSource",
    "distribute",
    "from_arrays",
    "is_embedded",
    "load",
    "load_captions",
    "load_content_style",
    "load_pairs",
    "load_simulated",
    "load_super_resolution",
    "load_talking",
    "load_unpaired",
    "set_image_memory",
]
