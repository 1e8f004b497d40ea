"""Images with captions, boxes and key points, for games that draw what a sentence says."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.caption_source import CaptionSource
from tfgan_suite.data.pipeline import annotations, file_sources
from tfgan_suite.data.pipeline.random_crop import check_margin
from tfgan_suite.data.pipeline.source import MEMORY_LIMIT
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.data.readers import (
    bit_depths,
    caption_files,
    caption_images,
    image_files,
    specs,
    text_vectors,
)
from tfgan_suite.data.readers.caption_records import CaptionSet
from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

WORLDS = ("captions",)
DEFAULT_SIZE = 64
_EXPECTED = f"a folder or file with {caption_files.LAYOUTS}, or tfds:NAME"


def load_captions(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    channels: int | None = None,
    random_crop: int = 0,
    fit: str = "crop",
    split: str = "train",
    mismatched: bool = True,
    embedding: text_vectors.Embedding | str | os.PathLike | None = None,
    num_captions: int = 1,
    exchange_words: bool = False,
    mirror: Sequence[int] | None = None,
    hold_out: int | None = None,
    strict: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    progress: file_sources.Progress | None = None,
    bit_depth: int | None = None,
) -> CaptionSource:
    """Opens a set of images with captions.

    | `spec` | what it is |
    |---|---|
    | `"captions"` | the captions world: shapes with sentences, boxes, key points and an oracle |
    | a folder | `metadata.jsonl` or `.csv`, CUB's tree, COCO's captions, or `name.txt` files |
    | a file | `metadata.jsonl`, `.csv`, or JSON in COCO's format |
    | `"tfds:NAME"` | a set of TensorFlow Datasets with an image and a caption feature |

    docs/captions.md shows the layouts.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64, or 32 for the world.
        channels: 1 or 3. `None`: 3.
        random_crop: images are stored this many pixels larger and cropped at random each time
            they are used (GAN-CLS: 12 at size 64). Boxes and key points move along; a window
            always holds the centre of the box.
        fit: which part of an image is used, see `annotations.fit_windows`.
        split: `"train"` or `"test"`; of the world also `"held_out"`.
        mismatched: batches hold for each image a caption of another class that is none of its
            own; without classes, of another image.
        embedding: a function from a list of sentences to vectors `(n, k)`, or an `.npz` file of
            vectors (`text`, `vector`).
        num_captions: captions of an image that are drawn for a batch and whose vectors are averaged
            (GAN-CLS: 4); `"text"` is the first of them.
        exchange_words: what a flip does to captions with the words left and right: exchange
            them, or (default) such images are not flipped.
        mirror: for each key point the index of the one that it becomes in a flip. `None`: by the
            words left and right in their names.
        hold_out: images held out where the data have no test split. `None`: a tenth, at most 256.
        strict: a file that cannot be read is an error instead of being skipped.
        memory_limit: bytes of decoded images that may be kept in memory.
        progress: called with (images done, total images) while files are decoded.
        bit_depth: significant bits of 16-bit images, as for `data.load`.

    Returns:
        `CaptionSource`, whose batches are described in its `batches`.

    Raises:
        InputError: there is no such set, its files are broken, or an option does not suit it.
    """
    text, margin = os.fspath(spec), check_margin(random_crop)
    depth = image_files.check_channels(channels) or 3
    bit_depths.check_bit_depth(bit_depth)
    size = image_files.check_size(size) or (world.DEFAULT_SIZE if text in WORLDS else DEFAULT_SIZE)
    shape = (size + margin, size + margin, depth)
    groups = None
    if text in WORLDS:
        stream, captions, groups = _open_world(shape, split)
    else:
        specs.check_split(split)
        options = {"strict": strict, "memory_limit": memory_limit, "progress": progress}
        stream, captions = _open(text, split, shape, fit, hold_out, bit_depth, options)
    open_test = functools.partial(
        load_captions,
        spec,
        size=size,
        channels=depth,
        random_crop=margin,
        fit=fit,
        split="test",
        mismatched=False,  # what is drawn for held-out sentences needs none, and few have one class
        embedding=embedding,
        hold_out=hold_out,
        strict=strict,
        memory_limit=memory_limit,
        bit_depth=stream.bit_depth,
    )
    return CaptionSource(
        specs.short_name(text),
        stream,
        captions,
        random_crop=margin,
        groups=groups,
        mismatched=mismatched,
        num_captions=num_captions,
        embed=embedding and functools.partial(text_vectors.embed, embedding=embedding),
        exchange_words=exchange_words,
        mirror=mirror,
        test=open_test if split == "train" else None,
        unseen=functools.partial(open_test, split="held_out")
        if text in WORLDS and split == "train"
        else None,
        report=world.report if text in WORLDS else None,
    )


def _open_world(shape, split: str) -> tuple[Stream, CaptionSet, np.ndarray]:
    """The embedded world; images of which the same can be said are one group."""
    if shape[2] != 3:
        raise InputError(
            "1 channel was requested, but the captions of the world name colours; expected 3: "
            "leave the channels out"
        )
    examples = world.generate(size=shape[0], split=split)
    count = len(examples.images)
    rows = np.arange(count, dtype=np.float32)[:, None]
    captions = CaptionSet(
        (),
        np.full((count, 2), shape[0]),
        examples.captions,
        examples.label,
        world.CLASSES,
        examples.box,
        examples.keypoints,
        world.PARTS,
        (),
        "the captions world",
    )
    stream = file_sources.array_stream("captions", {"image": examples.images, "row": rows})
    return stream, captions, examples.combination


def _open(
    text: str, split: str, shape, fit: str, hold_out: int | None, bit_depth, options
) -> tuple[Stream, CaptionSet]:
    """Files, or a set of TensorFlow Datasets."""
    if text.startswith("tfds:"):
        from tfgan_suite.data.readers import tfds_captions  # here, because it is slow to import

        return tfds_captions.open_captions(
            text, split, shape, fit, bit_depth, options["memory_limit"]
        )
    path = user_path(text)
    if not path.is_file():
        path = specs.find_folder(text, WORLDS, _EXPECTED)
    captions = caption_files.load(Path(path), split, hold_out)
    origin, extent = annotations.fit_windows(captions.sizes, captions.boxes, fit)
    images = caption_images.CaptionedImages(
        captions.paths, shape, origin, extent, bit_depths.decide(captions.paths, bit_depth)
    )
    stream = file_sources.file_stream("captions", images, skipped=captions.skipped, **options)
    return stream, fitted(captions, origin, extent)


def fitted(captions: CaptionSet, origin: np.ndarray, extent: np.ndarray) -> CaptionSet:
    """Captions with boxes and key points as they lie in parts of the images.

    Args:
        captions: of entire images.
        origin: left and top of the parts `(n, 2)` in fractions.
        extent: their width and height `(n, 2)` in fractions.
    """
    moved = {}
    if captions.boxes is not None:
        moved["boxes"] = annotations.crop_boxes(captions.boxes, origin, extent)
    if captions.keypoints is not None:
        moved["keypoints"] = annotations.crop_keypoints(captions.keypoints, origin, extent)
    arrays = {name: np.asarray(values, np.float32) for name, values in moved.items()}
    return dataclasses.replace(captions, **arrays)
