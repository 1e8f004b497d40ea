"""Arrays, usually from `.npz` or `.npy` files: checks them and makes sources of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.pipeline.source import ArraySource, fingerprint_of
from tfgan_suite.data.readers import bit_depths, class_labels, image_files, image_scaling, npz_files
from tfgan_suite.errors import InputError

IMAGE_KEYS = {
    "train": ("image", "images", "x", "x_train", "train_images", "arr_0", "rgba", "rgba_train"),
    "test": ("x_test", "test_images", "rgba_test"),
}
# No image is this low: what has fewer rows and more columns has its channels first.
MAX_FIRST = 5
LABEL_KEYS = {
    "train": ("label", "labels", "y", "y_train", "train_labels"),
    "test": ("y_test", "test_labels"),
}


def load_npz(
    path: Path,
    name: str,
    size: int | None,
    channels: int | None,
    split: str,
    square: bool = False,
    bit_depth: int | None = None,
) -> ArraySource:
    """Reads images, and labels if there are any, from an `.npz` file.

    Keys: `IMAGE_KEYS` and `LABEL_KEYS`; class names may be stored under `classes`. Images are
    `(n, height, width)` or `(n, height, width, channels)`, uint8, integers of up to 16 bits (see
    `bit_depths.decide`), or float in [0, 1] or [-1, 1]. Any number of channels is kept; only under
    a key `rgba..` the fourth is opacity, and images are composited onto white. Labels: see
    `class_labels.to_classes`.

    Returns:
        `ArraySource`.

    Raises:
        InputError: the file does not hold such arrays; the message says what it holds.
    """
    names = npz_files.array_names(path)
    key = _first_key(names, IMAGE_KEYS[split])
    if key is None:
        raise InputError(
            f"{path} has no images for split {split!r}: found the keys "
            f"{', '.join(names) or '(none)'}; expected one of "
            f"{', '.join(IMAGE_KEYS[split])}: save it with np.savez(file, image=images)"
        )
    label_key = _first_key(names, LABEL_KEYS[split])
    first_key = _first_key(names, LABEL_KEYS["train"]) if split != "train" else None
    keys = [k for k in (key, label_key, first_key, "classes" in names and "classes") if k]
    content = dict(zip(keys, npz_files.read_arrays(path, keys)))
    if bit_depth is None and content[key].dtype.kind in "iu" and content[key].dtype.itemsize > 1:
        splits = {_first_key(names, keys) for keys in IMAGE_KEYS.values()} - {None, key}
        others = npz_files.read_arrays(path, sorted(filter(None, splits)))
        bit_depth = shared_bit_depth([content[key], *others], str(path))
    return from_arrays(
        content[key],
        content.get(label_key),
        name=name,
        origin=f"{path} ({key})",
        size=size,
        channels=channels,
        classes=content["classes"].reshape(-1).tolist() if "classes" in content else None,
        square=square,
        train_labels=content.get(first_key),
        bit_depth=bit_depth,
        rgba=key.startswith("rgba"),
    )


def load_npy(
    path: Path,
    name: str,
    size: int | None,
    channels: int | None,
    split: str,
    square: bool = False,
    bit_depth: int | None = None,
) -> ArraySource:
    """Reads images from an `.npy` file, as from an `.npz` file that holds nothing else.

    Returns:
        `ArraySource`.

    Raises:
        InputError: the file does not hold images, or another split than `"train"` was requested.
    """
    if split != "train":
        raise InputError(
            f"{path} holds one array and no split {split!r}; expected an .npz file with the keys"
            " x_train and x_test: save both splits with np.savez, or request the split 'train'"
        )
    return from_arrays(
        npz_files.read_array(path),
        None,
        name=name,
        origin=str(path),
        size=size,
        channels=channels,
        square=square,
        bit_depth=bit_depth,
    )


def shared_bit_depth(arrays: Sequence[np.ndarray], origin: str) -> int | None:
    """Significant bits of the integers of several arrays, so that their brightness compares.

    Args:
        arrays: images of any type.
        origin: where they come from, for the message.

    Returns:
        `None` where none of them holds integers of more than 8 bits, or some of more than 16.
    """
    arrays = [a for a in arrays if a.dtype.kind in "iu" and a.dtype.itemsize > 1 and a.size]
    high = max((int(array.max()) for array in arrays), default=0)
    if not 255 < high < 2**16:
        return None
    return bit_depths.from_maximum(high, f"{origin}: integers")


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None,
    *,
    name: str,
    origin: str,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
    square: bool = False,
    train_labels: np.ndarray | None = None,
    bit_depth: int | None = None,
    rgba: bool = False,
) -> ArraySource:
    """Checks arrays, resizes them and makes a source of them.

    Args:
        images: as for `load_npz`.
        labels: class numbers, names or one-hot rows (`class_labels.to_classes`), or `None`.
        name: of the source.
        origin: where the arrays come from, for error messages.
        size: side of the square images; `None` keeps height and width.
        channels: of the result; only 1 and 3 convert into each other. `None` keeps the arrays'.
        classes: names of the label numbers 0, 1, ..; `None`: the labels are the names. Only the
            classes that occur count.
        square: crop images that are not square, as those of folders are, where `size` is `None`.
        train_labels: labels of the training split, so that both splits number their classes alike.
        bit_depth: significant bits of integers, as for `data.load`.
        rgba: whether the last of four channels is opacity.

    Raises:
        InputError: wrong rank, channels, type or range; values that are not numbers; labels that
            do not match the images.
    """
    size = image_files.check_size(size)
    pixels, bit_depth = to_bytes(_ranked(images, origin), origin, bit_depth)
    if square and size is None and pixels.shape[1] != pixels.shape[2]:
        size = min(pixels.shape[1:3])
    options: dict[str, Any] = {"bit_depth": bit_depth}
    if labels is not None:
        index, names = class_labels.to_classes(labels, len(pixels), origin, classes, train_labels)
        options.update(labels=index, classes=names)
    native, native_size = pixels.shape[3], pixels.shape[1:3]
    channels = _channels(native, channels, rgba, origin)
    if native != channels or (size is not None and pixels.shape[1:3] != (size, size)):
        height, width = (size, size) if size is not None else pixels.shape[1:3]
        fitted = np.empty((len(pixels), height, width, channels), np.uint8)
        for index, image in enumerate(pixels):
            fitted[index] = image_scaling.fit_array(image, size, channels)
        pixels = fitted
    if labels is not None:
        options["fingerprint"] = _fingerprint(pixels, np.asarray(labels), options["labels"])
    return ArraySource(name, pixels, native_size=native_size, **options)


def _fingerprint(pixels: np.ndarray, labels: np.ndarray, index: np.ndarray) -> str:
    """Of the labels as they are stored: runs whose classes had gaps know their data by it."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim == 1 and flat.dtype.kind in "biuf" and np.abs(flat).max() < 2**31:
        index = flat.astype(np.int32)
    return fingerprint_of(pixels, index)


def _channels(native: int, channels: int | None, rgba: bool, origin: str) -> int:
    """The number of channels of the result.

    Raises:
        InputError: the images cannot be converted to it.
    """
    if rgba and native != 4:
        raise InputError(
            f"{origin} has {native} channels; expected 4 under this key, red, green, blue and "
            "opacity: save the images under the key image"
        )
    if channels is None or channels == native:
        return native if channels or not rgba else 3
    if channels in (1, 3) and (native in (1, 3) or rgba):
        return channels
    raise InputError(
        f"{origin} has {native} channels, and {channels} were requested; expected the same, or 1 "
        "(grey) and 3 (colour), which convert into each other: leave the channels out, or save "
        "images of which the fourth channel is opacity under the key rgba"
    )


def to_bytes(
    values: np.ndarray, origin: str, bit_depth: int | None = None
) -> tuple[np.ndarray, int | None]:
    """Converts images of any accepted type to uint8, 0 to 255.

    Args:
        values: the images.
        origin: where they come from, for error messages.
        bit_depth: significant bits of integers, as for `data.load`.

    Returns:
        The images, and the significant bits of integers of more than 8; `None` for others.

    Raises:
        InputError: values that are not numbers or lie outside the accepted ranges.
    """
    if values.dtype == np.uint8:
        return values, None
    if values.dtype == bool:
        return values.astype(np.uint8) * 255, None
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"{origin} holds values of type {values.dtype}; expected uint8, or float in [0, 1] "
            "or [-1, 1]: convert them"
        )
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and low >= 0:
        if high <= 255 and bit_depth in (None, 8):
            return values.astype(np.uint8), bit_depth
        bit_depth = bit_depth or bit_depths.from_maximum(high, f"{origin}: integers")
        if high < 2**bit_depth:
            return _scaled(values, 0.0, 255.0 / (2**bit_depth - 1)), bit_depth
        raise InputError(
            f"{origin} holds {values.dtype} values from {low:g} to {high:g}; expected 0 to"
            f" {2**bit_depth - 1} at {bit_depth} bits: pass a --bit-depth up to 16, or rescale them"
        )
    if not np.isfinite([low, high]).all():
        bad = int(np.size(values) - np.sum(np.isfinite(values)))
        raise InputError(
            f"{origin} holds {bad} values that are NaN or infinite; expected finite numbers: clean "
            "the data first"
        )
    slack = 1e-4  # rounding errors from scaling
    if values.dtype.kind == "f" and high <= 1 + slack and low >= -1 - slack:
        return _scaled(values, *((0.0, 255.0) if low >= -slack else (1.0, 127.5))), None
    raise InputError(
        f"{origin} holds {values.dtype} values from {low:g} to {high:g}; expected uint8 0 to 255, "
        "or float in [0, 1] or [-1, 1]: rescale or convert them"
    )


def _scaled(values: np.ndarray, shift: float, scale: float) -> np.ndarray:
    scaled = np.empty(values.shape, np.uint8)
    for index, image in enumerate(values):  # one at a time: no second float copy
        rounded = np.round((image.astype(np.float32) + shift) * scale)
        scaled[index] = np.clip(rounded, 0, 255)
    return scaled


def _first_key(names: Sequence[str], keys: Sequence[str]) -> str | None:
    return next((key for key in keys if key in names), None)


def _ranked(images: np.ndarray, origin: str) -> np.ndarray:
    """Images as `(n, height, width, channels)`."""
    shape = images.shape
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and shape[1] <= MAX_FIRST and shape[3] > MAX_FIRST:
        raise InputError(
            f"{origin} has the shape {shape}, with the channels first; expected "
            "(n, height, width, channels): use np.transpose(images, (0, 2, 3, 1))"
        )
    if images.ndim != 4:
        raise InputError(
            f"{origin} has the shape {shape}; expected (n, height, width) or "
            "(n, height, width, channels): reshape the array"
        )
    if 0 in shape:
        raise InputError(
            f"{origin} is empty, of shape {shape}; expected at least one image: add some"
        )
    return images
