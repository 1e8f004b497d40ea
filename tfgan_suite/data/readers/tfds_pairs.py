"""Pairs from TensorFlow Datasets: two image features, or the two halves of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.data.readers import image_files, image_scaling, pair_files, specs
from tfgan_suite.data.readers import tfds as sets
from tfgan_suite.errors import InputError

# Names of A and of B, tried in this order.
FEATURES = (
    ("source", "target"),
    ("input_image", "target"),
    ("input", "target"),
    ("a", "b"),
    ("A", "B"),
    ("image_a", "image_b"),
)


def open_pairs(
    text: str, split: str, pair_format: pair_files.PairFormat, memory_limit: int
) -> Stream:
    """Reads the pairs of a set into memory.

    Args:
        text: `"tfds:NAME"` or `"tfds:NAME:SPLIT"`.
        split: `"train"` or `"test"`.
        pair_format: the format of the images; without a size they become 64 x 64.
        memory_limit: bytes that they may take.

    Raises:
        InputError: no such set, split or features; or the set is too large.
    """
    name, part = specs.parse_tfds(text, split)
    builder = sets.open_builder(name)
    sets.prepare(builder)
    keys = _image_keys(builder, text)
    size = pair_format.size or sets.DEFAULT_SIZE
    depths = [
        channels or min(builder.info.features[key].shape[-1] or 3, 3)
        for channels, key in zip(pair_format.channels, keys * 2 if len(keys) == 1 else keys)
    ]
    try:
        count = builder.info.splits[part].num_examples
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{text} has no split {part!r}; expected one of {', '.join(builder.info.splits)}: "
            "choose one of them"
        ) from error
    if not count:
        raise InputError(
            f"{text} has no examples in split {part!r}; expected at least one: choose another split"
        )
    needed = count * size * size * sum(depths)
    if needed > memory_limit:
        raise InputError(
            f"{text} would take {needed / 2**30:.1f} GiB at size {size}; expected at most "
            f"{memory_limit / 2**30:.1f} GiB: use a part of it, tfds:{name}:{part}[:10%], or a "
            "smaller size"
        )
    images = [np.empty((count, size, size, depth), np.uint8) for depth in depths]
    for index, example in enumerate(_encoded_examples(builder, part, keys)):
        pair = _decode_pair(example, keys, depths, size, pair_format.bit_depth)
        for side, pixels in enumerate(pair):
            images[side][index] = pixels
    fingerprint = fingerprint_of(builder.info.full_name, part, pair_format.keys, *images)
    return file_sources.array_stream("pairs", dict(zip(pair_format.keys, images)), fingerprint)


def _image_keys(builder: Any, text: str) -> tuple[str, ...]:
    """The two image features that form a pair, or the one that holds both."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    image_keys = [key for key in features if isinstance(features[key], tfds.features.Image)]
    supervised = tuple(builder.info.supervised_keys or ())[:2]
    for pair in (*FEATURES, supervised, tuple(image_keys)):
        if len(pair) == 2 and set(pair) <= set(image_keys):
            return pair
    if len(image_keys) == 1:
        return (image_keys[0],)
    raise InputError(
        f"{text} holds no pairs: its image features are {', '.join(image_keys) or '(none)'}; "
        "expected source and target, input_image and target, a and b, or one image A|B: choose "
        "another set"
    )


def _encoded_examples(builder: Any, part: str, keys: tuple[str, ...]):
    """The examples in stored order, with encoded images."""
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=part,
        shuffle_files=False,
        decoders={key: tfds.decode.SkipDecoding() for key in keys},
        read_config=tfds.ReadConfig(
            try_autocache=False, interleave_cycle_length=1, skip_prefetch=True
        ),
    )
    return dataset.as_numpy_iterator()


def _decode_pair(
    example: dict, keys: tuple[str, ...], depths: Sequence[int], size: int, bit_depth: int | None
) -> list[np.ndarray]:
    """Image A and image B of one example, uint8 `(size, size, depth)`."""

    def fit(side: int) -> Callable[[np.ndarray], tuple[tuple[int, ...], np.ndarray]]:
        return lambda pixels: (
            pixels.shape[:2],
            image_scaling.fit_array(pixels, size, depths[side]),
        )

    def fit_halves(both: np.ndarray) -> list[tuple[tuple[int, ...], np.ndarray]]:
        half, remainder = divmod(both.shape[1], 2)
        if remainder:
            raise InputError(
                f"an image is {both.shape[1]} pixels wide; expected pairs A|B side by side, of "
                "even width: choose another set"
            )
        return [fit(0)(both[:, :half]), fit(1)(both[:, half:])]

    try:
        if len(keys) == 2:
            pair = [
                image_files.decode(example[key], None, depths[side], bit_depth, use=fit(side))
                for side, key in enumerate(keys)
            ]
        else:
            pair = image_files.decode(
                example[keys[0]], None, max(depths), bit_depth, use=fit_halves
            )
    except image_files.Unreadable as error:
        raise InputError(
            f"an image of the prepared set is broken ({error}); expected readable images: prepare "
            "the set again"
        ) from error
    (first_size, first), (second_size, second) = pair
    if first_size != second_size:
        raise InputError(
            f"the images of a pair measure {first_size} and {second_size}; expected the same "
            "size: choose another set"
        )
    return [first, second]
