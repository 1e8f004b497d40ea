"""Pairs from TensorFlow Datasets: two image features, or the halves of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfgan_suite.data import specs
from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.pipeline.source import fingerprint_of
from tfgan_suite.data.pipeline.streams import Stream
from tfgan_suite.data.readers import image_files, pair_files
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


def open_pairs(text: str, split: str, form: pair_files.Form, memory_limit: int) -> Stream:
    """Reads the pairs of a set into memory.

    Args:
        text: `"tfds:NAME"` or `"tfds:NAME:SPLIT"`.
        split: `"train"` or `"test"`.
        form: what the images become; without a size they become 64 x 64.
        memory_limit: bytes they may take.

    Raises:
        InputError: no such set, split or features; it is too large.
    """
    name, part = specs.tfds(text, split)
    builder = sets._builder(name)
    sets._prepare(builder)
    keys = _features(builder, text)
    size = form.size or sets.DEFAULT_SIZE
    depths = [
        wanted or min(builder.info.features[key].shape[-1] or 3, 3)
        for wanted, key in zip(form.channels, keys * 2 if len(keys) == 1 else keys)
    ]
    try:
        count = builder.info.splits[part].num_examples
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{text} has no split {part!r}: found {', '.join(builder.info.splits)}"
        ) from error
    if not count:
        raise InputError(f"{text} holds no examples in split {part!r}: choose another split")
    needed = count * size * size * sum(depths)
    if needed > memory_limit:
        raise InputError(
            f"{text} would take {needed / 2**30:.1f} GiB at size {size}, over the limit of "
            f"{memory_limit / 2**30:.1f}; take a part, tfds:{name}:{part}[:10%], or a smaller size"
        )
    held = [np.empty((count, size, size, depth), np.uint8) for depth in depths]
    for place, example in enumerate(_raw(builder, part, keys)):
        for side, pixels in enumerate(_images(example, keys, depths)):
            held[side][place] = image_files.fit_array(pixels, size, depths[side])
    mark = fingerprint_of(builder.info.full_name, part, form.keys, *held)
    return columns.in_memory("pairs", dict(zip(form.keys, held)), mark)


def _features(builder: Any, text: str) -> tuple[str, ...]:
    """The two image features that make a pair, or the one that holds both."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    found = [key for key in features if isinstance(features[key], tfds.features.Image)]
    given = tuple(builder.info.supervised_keys or ())[:2]
    for pair in (*FEATURES, given, tuple(found)):
        if len(pair) == 2 and set(pair) <= set(found):
            return pair
    if len(found) == 1:
        return (found[0],)
    raise InputError(
        f"{text} holds no pairs: its image features are {', '.join(found) or '(none)'}; "
        "expected source and target, input_image and target, a and b, or one image A|B"
    )


def _raw(builder: Any, part: str, keys: tuple[str, ...]):
    """The examples in stored order, their images still encoded."""
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


def _images(example: dict, keys: tuple[str, ...], depths: list[int]) -> list[np.ndarray]:
    """Image A and image B of one example, uint8, in their own size."""
    try:
        if len(keys) == 2:
            found = [image_files.decode(example[key], None, d) for key, d in zip(keys, depths)]
        else:
            whole = image_files.decode(example[keys[0]], None, max(depths))
            half, rest = divmod(whole.shape[1], 2)
            if rest:
                raise InputError("an image of odd width cannot be halved; expected A|B")
            found = [whole[:, :half], whole[:, half:]]
    except image_files.Unreadable as error:
        raise InputError(f"an image of the prepared set is broken: {error}") from error
    if found[0].shape[:2] != found[1].shape[:2]:
        raise InputError(
            f"a pair differs in size: {found[0].shape[:2]} and {found[1].shape[:2]}; expected two "
            "images of one size"
        )
    return found
