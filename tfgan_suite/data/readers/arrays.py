"""Arrays, usually from `.npz` files: checks them and makes sources of them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline.source import ArraySource
from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError

IMAGE_KEYS = {
    "train": ("image", "images", "x", "x_train", "train_images", "arr_0"),
    "test": ("x_test", "test_images"),
}
LABEL_KEYS = {
    "train": ("label", "labels", "y", "y_train", "train_labels"),
    "test": ("y_test", "test_labels"),
}
_MAX_CLASSES = 2**16


def load_npz(path: Path, name: str, size: int | None, channels: int | None, split: str):
    """Reads images, and labels if there are any, from an `.npz` file.

    Keys: `IMAGE_KEYS` and `LABEL_KEYS`; class names may be stored under `classes`. Images are
    `(n, height, width)` or `(n, height, width, channels)` with 1, 3 or 4 channels, uint8, or
    float in [0, 1] or [-1, 1].

    Returns:
        `ArraySource`.

    Raises:
        InputError: the file does not hold such arrays; the message says what it holds.
    """
    try:
        # Object arrays could run code when they are read, so they are refused (allow_pickle False).
        with np.load(path, allow_pickle=False) as file:
            key = _first_key(file, IMAGE_KEYS[split])
            if key is None:
                raise InputError(
                    f"{path} has no images for split {split!r}: found the keys "
                    f"{', '.join(file.files) or '(none)'}; expected one of "
                    f"{', '.join(IMAGE_KEYS[split])}: save it with np.savez(file, image=images)"
                )
            images = file[key]
            label_key = _first_key(file, LABEL_KEYS[split])
            labels = None if label_key is None else file[label_key]
            names = file["classes"].tolist() if "classes" in file.files else None
    except InputError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else str(error)
        raise InputError(
            f"{path} cannot be read as .npz ({' '.join(reason.split())}); expected arrays of "
            "numbers: write them with np.savez"
        ) from error
    return from_arrays(
        images,
        labels,
        name=name,
        origin=f"{path} ({key})",
        size=size,
        channels=channels,
        classes=names,
    )


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None,
    *,
    name: str,
    origin: str,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
) -> ArraySource:
    """Checks arrays, resizes them and makes a source of them.

    Args:
        images: as for `load_npz`.
        labels: class numbers or names `(n,)` or `(n, 1)`, or `None`.
        name: of the source.
        origin: where the arrays come from, for error messages.
        size: side of the square images; `None` keeps height and width.
        channels: 1 or 3; `None` keeps the arrays' own (3 for 4 channels).
        classes: names of the classes; `None` gives "0", "1", ..

    Raises:
        InputError: wrong rank, channels, type or range; values that are not numbers; labels that
            do not match the images.
    """
    size, channels = image_files.check_size(size), image_files.check_channels(channels)
    pixels = to_bytes(_ranked(images, origin), origin)
    if labels is not None:
        labels, classes = _checked_labels(np.asarray(labels), len(pixels), classes, origin)
    else:
        classes = None
    native = pixels.shape[3]
    channels = channels or min(native, 3)
    if native != channels or (size is not None and pixels.shape[1:3] != (size, size)):
        height, width = (size, size) if size is not None else pixels.shape[1:3]
        fitted = np.empty((len(pixels), height, width, channels), np.uint8)
        for index, image in enumerate(pixels):
            fitted[index] = image_files.fit_array(image, size, channels)
        pixels = fitted
    return ArraySource(name, pixels, labels, classes=classes)


def to_bytes(values: np.ndarray, origin: str) -> np.ndarray:
    """Converts images of any accepted type to uint8, 0 to 255.

    Raises:
        InputError: values that are not numbers or lie outside the accepted ranges.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"{origin} holds values of type {values.dtype}; expected uint8, or float in [0, 1] "
            "or [-1, 1]: convert them"
        )
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 255:
        return values.astype(np.uint8)
    if not np.isfinite([low, high]).all():
        bad = int(np.size(values) - np.sum(np.isfinite(values)))
        raise InputError(
            f"{origin} holds {bad} values that are NaN or infinite; expected finite numbers: clean "
            "the data first"
        )
    slack = 1e-4  # rounding errors from scaling
    if values.dtype.kind == "f" and high <= 1 + slack and low >= -1 - slack:
        shift, scale = (0.0, 255.0) if low >= -slack else (1.0, 127.5)
        scaled = np.empty(values.shape, np.uint8)
        for index, image in enumerate(values):  # one at a time: no second float copy
            rounded = np.round((image.astype(np.float32) + shift) * scale)
            scaled[index] = np.clip(rounded, 0, 255)
        return scaled
    raise InputError(
        f"{origin} holds {values.dtype} values from {low:g} to {high:g}; expected uint8 0 to 255, "
        "or float in [0, 1] or [-1, 1]: rescale or convert them"
    )


def _first_key(file, keys: Sequence[str]) -> str | None:
    return next((key for key in keys if key in file.files), None)


def _ranked(images: np.ndarray, origin: str) -> np.ndarray:
    """Images as `(n, height, width, channels)`."""
    shape = images.shape
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and shape[1] in (1, 3, 4) and shape[3] not in (1, 3, 4):
        raise InputError(
            f"{origin} has the shape {shape}, with the channels first; expected "
            "(n, height, width, channels): use np.transpose(images, (0, 2, 3, 1))"
        )
    if images.ndim != 4 or images.shape[3] not in (1, 3, 4):
        raise InputError(
            f"{origin} has the shape {shape}; expected (n, height, width) or "
            "(n, height, width, channels) with 1, 3 or 4 channels: reshape the array"
        )
    if 0 in shape:
        raise InputError(
            f"{origin} is empty, of shape {shape}; expected at least one image: add some"
        )
    return images


def _checked_labels(labels, count, classes, origin) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as int32 `(n,)`, and the names of the classes."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (count,):
        raise InputError(
            f"{origin} has {count} images but labels of shape {labels.shape}; expected one "
            f"class number for each image: reshape the labels to ({count},)"
        )
    if flat.dtype.kind in "US":
        names, flat = np.unique(flat, return_inverse=True)
        return flat.astype(np.int32), tuple(str(name) for name in names)
    integral = flat.dtype.kind in "iub" or (
        flat.dtype.kind == "f" and np.all(flat == np.round(flat))
    )
    limit = len(classes) if classes else _MAX_CLASSES
    if not integral or flat.min() < 0 or flat.max() >= limit:
        raise InputError(
            f"{origin} has labels from {flat.min()} to {flat.max()} of type {flat.dtype}; expected "
            f"whole class numbers from 0 to {limit - 1}: renumber the classes"
        )
    names = classes or [str(number) for number in range(int(flat.max()) + 1)]
    return flat.astype(np.int32), tuple(str(name) for name in names)
