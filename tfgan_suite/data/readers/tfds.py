"""TensorFlow Datasets: `tfds:NAME` and `tfds:NAME:SPLIT`."""

from __future__ import annotations

import difflib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import order
from tfgan_suite.data.pipeline.source import ArraySource, Source, fingerprint_of
from tfgan_suite.data.readers import image_files, image_scaling
from tfgan_suite.errors import InputError
from tfgan_suite.utils.text import describe

DEFAULT_SIZE = 64
WINDOW = 2048  # encoded examples among which a streamed set is shuffled
_SPEC = re.compile(r"tfds:(?P<name>[\w./-]+(:\d+\.\d+\.[\d*]+)?)(:(?P<split>[^\d].*))?")


def load_tfds(
    spec: str,
    *,
    size: int | None,
    channels: int | None,
    memory_limit: int,
    split: str,
    square: bool = False,
    bit_depth: int | None = None,
) -> Source:
    """Opens a set, and prepares it first if necessary.

    The set needs an image feature (`image`, or the first of its supervised keys); a class label
    (`label`, or the second) is used if there is one. Without `size`, images that all have the
    same size keep it, others become 64 x 64. The data folder is `TFDS_DATA_DIR`, or
    `~/tensorflow_datasets`.

    Raises:
        InputError: tensorflow-datasets is missing; no such set or split; it cannot be downloaded;
            it holds no images.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise InputError(
            f"{spec!r} does not name a set; expected tfds:NAME or tfds:NAME:SPLIT: write for "
            "example tfds:mnist:test"
        )
    split = match["split"] or split
    try:
        builder = open_builder(match["name"])
        prepare(builder)
    except ImportError as error:
        raise InputError(
            f"{spec} needs the Python package {error.name or 'tensorflow_datasets'}, which is "
            "not installed: run pip install tensorflow-datasets importlib_resources"
        ) from error
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{spec} has no split {split!r}; expected one of {', '.join(builder.info.splits)}: "
            "choose one of them"
        ) from error
    if not count:
        raise InputError(
            f"{spec} has no examples in split {split!r}; expected at least one: choose another "
            "split"
        )
    reader = _Reader(builder, spec, split, size, channels, square, bit_depth)
    name = builder.name.replace("/", "-")
    facts = (builder.info.full_name, split, count, int(builder.info.dataset_size), reader.shape)
    if count * int(np.prod(reader.shape)) > memory_limit:
        return TfdsSource(
            name,
            reader,
            count,
            fingerprint=fingerprint_of(*facts),
            classes=reader.classes,
            native_size=reader.native_size,
        )
    pixels, labels = reader.read_all(count)
    return ArraySource(
        name,
        pixels,
        labels,
        classes=reader.classes,
        fingerprint=fingerprint_of(*facts, pixels),
        native_size=reader.native_size,
    )


def open_builder(name: str) -> Any:
    """Returns the builder of a set by its name.

    Raises:
        InputError: there is no such set.
    """
    import tensorflow_datasets as tfds

    from tfgan_suite.data.synthetic import builders  # noqa: F401 (registers the embedded sets)

    try:
        return tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
    except (tfds.core.DatasetNotFoundError, ValueError, AttributeError) as error:
        names = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name.split("/")[0].split(":")[0], names, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see tfds.list_builders()"
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"tfds:{name} cannot be opened ({reason}); expected the name of a set: {hint}"
        ) from error


def prepare(builder: Any) -> None:
    """Downloads and prepares a set that is not on disk yet.

    Raises:
        InputError: that failed; the message says how to do it elsewhere.
    """
    if builder.is_prepared():
        return
    try:
        _try_network(builder)
        builder.download_and_prepare()
    except ImportError:
        raise
    except Exception as error:  # whatever its downloaders, unpackers and parsers may raise
        raise InputError(
            f"tfds:{builder.name} is not prepared in {builder.data_dir} and could not be "
            f"downloaded ({describe(error)}); expected an internet connection: on a "
            f"machine that has one run tfds.builder({builder.name!r}).download_and_prepare(), copy "
            "its folder ~/tensorflow_datasets here, and set TFDS_DATA_DIR to the copy"
        ) from error


def _try_network(builder: Any) -> None:
    """Raises at once if no server can be reached; tfds itself retries for minutes."""
    import requests

    urls = {urlsplit(url).netloc: url for url in builder.url_infos or {} if "://" in url}
    failure = None
    for url in list(urls.values())[:3]:
        try:
            requests.head(url, timeout=15)
            return
        except requests.exceptions.Timeout:
            return  # slow, but not unreachable: let tfds try
        except requests.exceptions.ConnectionError as error:
            failure = error
        except requests.exceptions.RequestException:
            return
    if failure is not None:
        raise failure


class _Reader:
    """Reads the encoded examples of a split in their stored order, and decodes them."""

    def __init__(self, builder, spec: str, split: str, size, channels, square, bit_depth) -> None:
        import tensorflow_datasets as tfds

        self.bit_depth = bit_depth
        features = builder.info.features
        supervised = builder.info.supervised_keys or ()
        keys = [key for key in ("image", *supervised[:1]) if key in features]
        feature = features[keys[0]] if keys else None
        is_file = isinstance(feature, tfds.features.Image)
        if not (is_file or (feature is not None and _is_image(feature))):
            raise InputError(
                f"{spec} holds no images: its features are {', '.join(features)}; expected an "
                "image feature of bytes: choose another set"
            )
        height, width, native = feature.shape
        if size is None and None in (height, width):
            size = DEFAULT_SIZE
        if square and size is None and height != width:
            size = min(height, width)
        self.size = size
        self.native_size = None if None in (height, width) else (height, width)
        channels = channels or min(native or 3, 3)
        self.shape = (size or height, size or width, channels)
        self.is_file, self.image_key = is_file, keys[0]
        labels = [key for key in ("label", *supervised[1:2]) if key in features]
        labels = [key for key in labels if isinstance(features[key], tfds.features.ClassLabel)]
        self.label_key = labels[0] if labels else None
        self.classes = tuple(features[labels[0]].names) if labels else None
        raw = builder.as_dataset(
            split=split,
            shuffle_files=False,
            decoders={self.image_key: tfds.decode.SkipDecoding()} if is_file else None,
            read_config=tfds.ReadConfig(
                try_autocache=False, interleave_cycle_length=1, skip_prefetch=True
            ),
        )
        self.encoded = raw.map(order.as_written(self._image_and_label)).with_options(
            order.dataset_options()
        )

    def _image_and_label(self, example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image_and_label = {"image": example[self.image_key]}
        if self.label_key is not None:
            image_and_label["label"] = tf.cast(example[self.label_key], tf.int32)
        return image_and_label

    def decode(self, stored: bytes | np.ndarray) -> np.ndarray:
        """One image, uint8 `shape`."""
        if not self.is_file:
            return image_scaling.fit_array(stored, self.size, self.shape[2])
        try:
            return image_files.decode(stored, self.size, self.shape[2], self.bit_depth)
        except image_files.Unreadable as error:
            raise InputError(
                f"an image of the prepared set is broken ({error}); expected readable images: "
                "prepare the set again"
            ) from error

    def decode_some(self, stored: np.ndarray) -> np.ndarray:
        """Several images, uint8 `(n, *shape)`."""
        return np.stack([self.decode(image) for image in stored])

    def read_all(self, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """All images and labels, in stored order."""
        pixels = np.empty((count, *self.shape), np.uint8)
        labels = np.empty(count, np.int32) if self.label_key is not None else None
        first = 0
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for block in self.encoded.batch(256).as_numpy_iterator():
                last = first + len(block["image"])
                for offset, image in enumerate(pool.map(self.decode, block["image"])):
                    pixels[first + offset] = image
                if labels is not None:
                    labels[first:last] = block["label"]
                first = last
        return pixels[:first], None if labels is None else labels[:first]


def _is_image(feature: Any) -> bool:
    """Whether a plain tensor feature holds bytes in a fixed image shape."""
    shape = tuple(feature.shape or ())
    return (
        len(shape) == 3
        and None not in shape
        and shape[2] in (1, 3, 4)
        and np.dtype(feature.np_dtype) == np.uint8
    )


class TfdsSource(Source):
    """A set that is too large for memory, read in stored order and shuffled in windows.

    Every epoch starts at its own position in the stored order and shuffles windows of `WINDOW`
    examples; both depend on seed and epoch. Skipping to a step is exact; it reads the epoch's
    examples up to that step without decoding them.
    """

    def __init__(self, name: str, reader: _Reader, count: int, **options: Any) -> None:
        super().__init__(name, reader.shape, **options)
        self._reader, self._count = reader, count

    def __len__(self) -> int:
        return self._count

    def _epoch(self, number: tf.Tensor | int, seed: int) -> tf.data.Dataset:
        """The encoded examples of one epoch in its order."""
        start = tf.cast(order.stateless_seed(seed, "window", number)[0], tf.int64) % self._count
        window = min(WINDOW, self._count)

        @order.as_written
        def shuffle(block):
            size = tf.shape(block["image"], out_type=tf.int64)[0]
            index = tf.random.experimental.index_shuffle(
                tf.range(size), order.stateless_seed(seed, "order", number), size - 1
            )
            return {name: tf.gather(values, index) for name, values in block.items()}

        rotated = self._reader.encoded.skip(start).concatenate(self._reader.encoded.take(start))
        return rotated.batch(window).map(shuffle).unbatch()

    def _decode(self, examples: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        pixels = tf.numpy_function(self._reader.decode_some, [examples["image"]], tf.uint8)
        return {**examples, "image": pixels}

    def _slices(self, share: order.BatchShare, seed: int, start: int) -> tf.data.Dataset:
        first_epoch, skipped = divmod(start, self._count // share.batch)
        steps = order.replica_steps(start, share)

        @order.as_written
        def epoch_batches(number):
            offset = tf.where(
                number == first_epoch, tf.constant(skipped * share.batch, tf.int64), 0
            )
            epoch = self._epoch(number, seed).skip(offset)
            return epoch.batch(share.batch, drop_remainder=True).flat_map(
                lambda batch: tf.data.Dataset.from_tensors(batch).repeat(share.replicas)
            )

        @order.as_written
        def slice_batch(step_and_replica, batch):
            step, replica = step_and_replica
            first = tf.cast(replica, tf.int32) * share.size
            examples = {name: values[first : first + share.size] for name, values in batch.items()}
            if "label" in examples:
                examples["label"] = tf.ensure_shape(examples["label"], [share.size])
            return step, replica, self._decode(examples)

        epochs = tf.data.Dataset.counter(first_epoch, 1, dtype=tf.int64).flat_map(epoch_batches)
        return tf.data.Dataset.zip((steps, epochs)).map(
            slice_batch, num_parallel_calls=2, deterministic=True
        )

    def _sample(self, count: int, seed: int) -> dict[str, tf.Tensor]:
        batch = self._epoch(0, seed).batch(count).take(1)
        return self._decode(next(iter(batch)))
