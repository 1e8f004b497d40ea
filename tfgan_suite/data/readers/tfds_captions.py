"""Images with captions from TensorFlow Datasets."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tfgan_suite.data.pipeline import annotations, file_sources
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.data.readers import caption_images, image_files, specs
from tfgan_suite.data.readers import tfds as sets
from tfgan_suite.data.readers.caption_records import CaptionSet
from tfgan_suite.errors import InputError

# Names of caption features and, in features that hold several things, of the text among them.
_TEXTS = ("text", "caption", "captions", "texts", "sentence", "description")
_BOXES = ("box", "bbox", "bounding_box")


def open_captions(
    text: str,
    split: str,
    shape: tuple[int, int, int],
    fit: str,
    bit_depth: int | None,
    memory_limit: int,
) -> tuple[Stream, CaptionSet]:
    """Reads the images and captions of a set into memory.

    Args:
        text: `"tfds:NAME"` or `"tfds:NAME:SPLIT"`.
        split: `"train"` or `"test"`.
        shape: of the stored images, `(side, side, channels)`.
        fit: as for `annotations.fit_windows`.
        bit_depth: significant bits of 16-bit images.
        memory_limit: bytes that the images may take.

    Raises:
        InputError: no such set, split or features, or the set is too large.
    """
    name, part = specs.parse_tfds(text, split)
    builder = sets.open_builder(name)
    sets.prepare(builder)
    keys = _features(builder.info.features, text)
    splits = builder.info.splits
    try:
        count = splits[part].num_examples
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{text} has no split {part!r}; expected one of {', '.join(splits)}: choose one of them"
        ) from error
    needed = count * int(np.prod(shape))
    if not count or needed > memory_limit:
        problem = f"would take {needed / 2**30:.1f} GiB" if count else "has no examples"
        raise InputError(
            f"{text} {problem} in split {part!r}; expected at least one example and at most "
            f"{memory_limit / 2**30:.1f} GiB: choose a part of it, tfds:{name}:{part}[:10%], or a "
            "smaller size"
        )
    images = np.empty((count, *shape), np.uint8)
    columns: dict[str, list] = {"captions": [], "label": [], "box": []}
    for row, example in enumerate(_examples(builder, part, keys["image"])):
        origin = f"{text} (example {row} of {part})"
        columns["captions"].append(_sentences(example[keys["captions"]], origin))
        box = _box(example[keys["box"]], origin) if "box" in keys else None
        images[row], box = _decode(example[keys["image"]], shape, fit, box, bit_depth, origin)
        columns["box"].append(box)
        if "label" in keys:
            columns["label"].append(int(example[keys["label"]]))
    captions = CaptionSet(
        (),
        np.full((count, 2), shape[0]),
        tuple(columns["captions"]),
        np.array(columns["label"], np.int32) if "label" in keys else None,
        tuple(builder.info.features[keys["label"]].names) if "label" in keys else None,
        np.array(columns["box"], np.float32) if "box" in keys else None,
        None,
        (),
        (),
        "a set of TensorFlow Datasets",
    )
    rows = np.arange(count, dtype=np.float32)[:, None]
    fingerprint = fingerprint_of(builder.info.full_name, part, images)
    arrays = {"image": images, "row": rows}
    return file_sources.array_stream("captions", arrays, fingerprint), captions


def _features(features: Any, text: str) -> dict[str, str]:
    """Names of the features that are used, by what they are."""
    import tensorflow_datasets as tfds

    kinds = {
        "image": (("image",), tfds.features.Image),
        "label": (("label",), tfds.features.ClassLabel),
        "box": (_BOXES, tfds.features.BBoxFeature),
    }
    keys = {}
    for kind, (names, feature) in kinds.items():
        matches = [
            name for name in names if name in features and isinstance(features[name], feature)
        ]
        if matches:
            keys[kind] = matches[0]
    captions = [name for name in _TEXTS if name in features]
    if "image" not in keys or not captions:
        raise InputError(
            f"{text} holds no images with captions: its features are {', '.join(features)}; "
            f"expected image, and one of {', '.join(_TEXTS)}: choose another set"
        )
    return {**keys, "captions": captions[0]}


def _examples(builder: Any, part: str, image_key: str):
    """The examples in stored order, with encoded images."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1, skip_prefetch=True)
    dataset = builder.as_dataset(
        split=part,
        shuffle_files=False,
        decoders={image_key: tfds.decode.SkipDecoding()},
        read_config=config,
    )
    return dataset.as_numpy_iterator()


def _sentences(value: Any, origin: str) -> tuple[str, ...]:
    """The captions of an example: a sentence, several, or those among other things."""
    if isinstance(value, dict):
        value = next((value[name] for name in _TEXTS if name in value), ())
    texts = [text.decode() if isinstance(text, bytes) else str(text) for text in np.ravel(value)]
    sentences = tuple(dict.fromkeys(" ".join(text.split()) for text in texts))
    if not sentences or not all(sentences):
        raise InputError(
            f"{origin} has an empty caption; expected a sentence for each image: choose another "
            "part of the set"
        )
    return sentences


def _box(value: np.ndarray, origin: str) -> np.ndarray:
    """Left, top, width, height from top, left, bottom, right, all in fractions."""
    top, left, bottom, right = np.clip(np.asarray(value, np.float64), 0.0, 1.0)
    if right <= left or bottom <= top:
        raise InputError(
            f"{origin} has a box without area; expected a width and a height above 0: choose "
            "another part of the set"
        )
    return np.array([[left, top, right - left, bottom - top]])


def _decode(
    stored: bytes,
    shape: tuple[int, int, int],
    fit: str,
    box: np.ndarray | None,
    bit_depth: int | None,
    origin: str,
) -> tuple[np.ndarray, np.ndarray | None]:
    """An image cut to its square, and its box therein."""
    use = functools.partial(_cut, side=shape[0], fit=fit, box=box)
    try:
        return image_files.decode(stored, None, shape[2], bit_depth, use=use)
    except image_files.Unreadable as error:
        raise InputError(
            f"{origin} has a broken image ({error}); expected readable images: prepare the set "
            "again"
        ) from error


def _cut(pixels: np.ndarray, side: int, fit: str, box: np.ndarray | None):
    sizes = np.array([[pixels.shape[1], pixels.shape[0]]])
    origin, extent = annotations.fit_windows(sizes, box, fit)
    image = caption_images.cut(pixels, origin[0], extent[0], side)
    return image, None if box is None else annotations.crop_boxes(box, origin, extent)[0]
