"""What plain `fit` is given, looked at once: ranges, types, labels, weights of examples.

The suite's own sources deliver what games need; data of a user's own may hold 0 to 255, labels
that no loss reads, or weights. It is said before training instead of after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.utils import notices

SCALED = "images / 127.5 - 1.0, as float32"
# Beyond it values are a byte's, not those of images that were standardized or overshoot.
_LARGEST = 8.0
_LOOKED_AT = 64  # examples


def check_types(structure: Any, tuple_keys: tuple[str, ...] | None, game: str) -> None:
    """Refuses integer images and weights of examples; says where labels are ignored.

    Args:
        structure: a batch, or the `element_spec` of a data set of batches.
        tuple_keys: what the entries of a tuple are to the game; None: not known.
        game: its name, for messages.

    Raises:
        InputError: integer images, or a tuple with weights of examples.
    """
    if isinstance(structure, tuple) and len(structure) == 3 and structure[2] is not None:
        refuse_weights("batches of (x, y, sample_weight)", game)
    for key, part in _parts(structure, tuple_keys):
        dtype = tf.as_dtype(part.dtype)
        if _is_image(part) and (dtype.is_integer or dtype.is_bool):
            name = f" under {key!r}" if key else ""
            raise InputError(
                f"the images{name} are {dtype.name}; {game} learns from float images in [-1, 1]:"
                f" pass {SCALED}"
            )
    labels = isinstance(structure, tuple) and len(structure) > 1 and structure[1] is not None
    if labels and tuple_keys is not None and len(tuple_keys) < 2:
        notices.say_once(
            f"{game} learns from images alone and ignores the labels in (x, y); CGAN uses them"
        )


def check_range(batch: Any, tuple_keys: tuple[str, ...] | None, game: str) -> None:
    """Refuses images from 0 to 255, and says where they are in [0, 1].

    Args:
        batch: the first batch, of tensors or arrays.
        tuple_keys, game: as for `check_types`.

    Raises:
        InputError: images far outside [-1, 1].
    """
    for key, part in _parts(batch, tuple_keys):
        if not _is_image(part):
            continue
        values = np.asarray(part[:_LOOKED_AT], np.float32)
        name = f" under {key!r}" if key else ""
        low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        least = float(values.min(initial=np.inf))
        if max(-low, high) > _LARGEST:
            raise InputError(
                f"the images{name} of the first batch go from {least:g} to {high:g}; {game} learns"
                f" from images in [-1, 1]: pass {SCALED}"
            )
        if least >= 0.0 and 0.5 < high <= 1.0:
            notices.say_once(
                f"the images{name} of the first batch lie in [{least:g}, {high:g}], but {game}"
                " learns from images in [-1, 1]; if yours are in [0, 1], pass 2.0 * images - 1.0"
            )


def batch_sizes(data: Any, arguments: Mapping[str, Any], single: bool = False) -> list[int]:
    """The numbers of examples in the batches that Keras makes of arrays: most, and the last one.

    Args:
        data: arrays, or a structure of them.
        arguments: of `fit` or `evaluate`: `batch_size`, `validation_split`.
        single: the arrays are one batch, as in `train_on_batch`.
    """
    total = next(len(part) for part in tf.nest.flatten(data) if getattr(part, "ndim", 0))
    size = total if single else arguments.get("batch_size") or 32  # Keras's default
    split = arguments.get("validation_split") or 0.0
    training = int(total * (1.0 - split))
    parts = [count for count in (training, total - training) if count]
    return [min(size, count) for count in parts] + [part % size for part in parts if part % size]


def check_count(count: int | None, updates: int, game: str) -> None:
    """Refuses a batch with fewer examples than a step divides it among.

    Args:
        count: examples in a batch, None where it is not known.
        updates: `batches_per_step` of the game.
        game: its name, for messages.

    Raises:
        InputError: both numbers.
    """
    if count is not None and count < updates:
        raise InputError(
            f"a batch of {count} examples, but a step of {game} divides it among {updates} updates;"
            f" use batches of a multiple of {updates} examples, and of data sets drop the last,"
            " smaller one: batch(..., drop_remainder=True)"
        )


def refuse_weights(what: str, game: str) -> None:
    """Refuses weights of examples or classes, which no loss of a game reads.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{game} got {what}, but the losses of a game are plain means; leave the weights out, or"
        " repeat the examples that should count more"
    )


def checked(iterator: Any, check: Callable[[Any], None]) -> Iterator[Any]:
    """An iterator of the same kind over the next batch alone, which has been checked.

    The step function takes batches from an iterator by itself. A second iterator of the same type
    hands it the batch that was looked at: nothing is drawn twice, and nothing is traced anew.

    Args:
        iterator: a `tf.data` iterator.
        check: raises an error where it does not like a batch.
    """
    spec = iterator.element_spec
    batch = next(iterator)
    check(batch)

    def like_spec(*parts: tf.Tensor) -> Any:
        # Shapes as open as the iterator's: a known batch size would be another type.
        open_parts = [
            tf.compat.v1.placeholder_with_default(part, part_spec.shape)
            for part, part_spec in zip(parts, tf.nest.flatten(spec))
        ]
        return tf.nest.pack_sequence_as(spec, open_parts)

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    again = tf.data.Dataset.from_tensors(tuple(tf.nest.flatten(batch))).map(like_spec)
    return iter(again.with_options(options))


def can_be_checked(iterator: Any) -> bool:
    """Whether `checked` can look at an iterator: one device's, of dense tensors."""
    spec = getattr(iterator, "element_spec", None)
    return (
        isinstance(iterator, tf.data.Iterator)
        and spec is not None
        and all(isinstance(part, tf.TensorSpec) for part in tf.nest.flatten(spec))
    )


def is_arrays(data: Any) -> bool:
    """Whether data are arrays or tensors, or a structure of them, not a stream of batches."""
    if isinstance(data, (Mapping, tuple, list)):
        values = list(data.values()) if isinstance(data, Mapping) else list(data)
        return bool(values) and all(value is None or is_arrays(value) for value in values)
    return isinstance(data, (np.ndarray, tf.Tensor))


def _parts(structure: Any, tuple_keys: tuple[str, ...] | None) -> list[tuple[str, Any]]:
    """The tensors of a batch with their keys; of a tuple those that the game reads."""
    if isinstance(structure, Mapping):
        return [(str(key), value) for key, value in structure.items() if hasattr(value, "dtype")]
    if isinstance(structure, (tuple, list)):
        read = list(structure)[: len(tuple_keys)] if tuple_keys else list(structure)
        parts = [part for value in read for part in _parts(value, None)]
        return [("", value) for _, value in parts] if tuple_keys else parts
    return [("", structure)] if hasattr(structure, "dtype") else []


def _is_image(part: Any) -> bool:
    return part.shape is not None and len(part.shape) >= 4
