"""Images of many sizes, from which windows of one size are cut."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline import columns
from tfgan_suite.data.pipeline.broken_files import Whole
from tfgan_suite.data.pipeline.source import fingerprint_of, marks
from tfgan_suite.data.readers import image_files

ENLARGED = 4  # an image that would have to be enlarged more than so often has nothing to show


class Cropped(abc.ABC):
    """Images from which windows are cut.

    Args:
        count: number of images.
        crop: height and width of a window.
        fingerprint: changes when the images change.
        skipped: `(file, reason)` of every file that could not be used.
    """

    def __init__(
        self, count: int, crop: int, fingerprint: str, skipped: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.count, self.crop, self.fingerprint = count, crop, fingerprint
        self.skipped = skipped if isinstance(skipped, list) else list(skipped)

    @abc.abstractmethod
    def cut(self, index: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """One window of each of some images.

        Args:
            index: int64 `(n,)`.
            places: float32 `(n, 2)` in [0, 1): how far down and across the window lies.

        Returns:
            uint8 `(n, crop, crop, 3)`.
        """

    def middle(self, index: tf.Tensor) -> tf.Tensor:
        """The window in the middle of each of some images."""
        return self.cut(index, tf.fill([tf.shape(index)[0], 2], 0.5))


class Held(Cropped):
    """Images in memory, one behind the other, row by row.

    Args:
        images: uint8 `(height, width, 3)` each, at least as large as a window; the list is
            emptied, so that they are not held twice for long.
        crop, fingerprint, skipped: as for `Cropped`.
    """

    def __init__(
        self,
        images: list[np.ndarray],
        crop: int,
        fingerprint: str,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(len(images), crop, fingerprint, skipped)
        sizes = np.array([image.shape[:2] for image in images], np.int64)
        pixels = np.concatenate([image.reshape(-1, 3) for image in images])
        images.clear()
        with tf.device("CPU:0"):  # on the host, whatever device scope the caller is in
            self._sizes = tf.constant(sizes)
            self._starts = tf.constant(np.cumsum(sizes.prod(1)) - sizes.prod(1))
            self._pixels = tf.convert_to_tensor(pixels)

    def cut(self, index: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        sizes, window = tf.gather(self._sizes, index), tf.range(self.crop, dtype=tf.int64)
        corner = corners(sizes, places, self.crop)
        down, across = (corner[:, axis, None] + window for axis in (0, 1))
        inside = down[:, :, None] * sizes[:, 1, None, None] + across[:, None, :]
        return tf.gather(self._pixels, tf.gather(self._starts, index)[:, None, None] + inside)


class Streamed(Cropped):
    """Images that are decoded whenever they are used.

    The next image that can be read stands in for one that cannot, which is noted in `skipped`.

    Args:
        paths: the files.
        side: as for `load`.
        crop, fingerprint: as for `Cropped`.
    """

    def __init__(self, paths: Sequence[Path], side: int, crop: int, fingerprint: str) -> None:
        super().__init__(len(paths), crop, fingerprint)
        self._whole = Whole(
            len(paths),
            lambda index: read(paths[index], side, crop),
            lambda index: str(paths[index]),
            self.skipped,
        )

    def cut(self, index: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        found = tf.numpy_function(self._cut, [index, places], tf.uint8)
        return tf.ensure_shape(found, (*index.shape, self.crop, self.crop, 3))

    def _cut(self, index: np.ndarray, places: np.ndarray) -> np.ndarray:
        found = np.empty((len(index), self.crop, self.crop, 3), np.uint8)
        for number, (first, place) in enumerate(zip(index, places)):
            _, image = self._whole.read_from(int(first))
            # As `corners`, in NumPy: no TensorFlow inside its own threads.
            free = np.array(image.shape[:2], np.int64) - self.crop
            drawn = (place * (free + 1).astype(np.float32)).astype(np.int64)
            top, left = np.minimum(drawn, free)
            found[number] = image[top : top + self.crop, left : left + self.crop]
        return found


def corners(sizes: tf.Tensor, places: tf.Tensor, crop: int) -> tf.Tensor:
    """The upper left pixels of windows; each possible one comes equally often.

    Args:
        sizes: int64 `(n, 2)`, heights and widths.
        places: float32 `(n, 2)` in [0, 1).
        crop: side of the windows.

    Returns:
        int64 `(n, 2)`.
    """
    free = sizes - crop
    drawn = tf.cast(places * tf.cast(free + 1, tf.float32), tf.int64)
    return tf.minimum(drawn, free)  # rounding may reach free + 1


def read(path: Path, side: int, crop: int) -> np.ndarray:
    """An image whose shorter side has a given length.

    Args:
        path: the file.
        side: the shorter side; 0: as it is.
        crop: what it must be at least.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        images.Unreadable: no whole image, or one that is too small.
    """
    pixels = image_files.read(path, None, 3)
    height, width = pixels.shape[:2]
    least = -(-side // ENLARGED) if side else crop
    if min(height, width) < least:
        raise image_files.Unreadable(
            f"{width}x{height} pixels; its shorter side must have {least} at least"
        )
    return image_files.resize_shorter_side(pixels, side)


def load(
    paths: Sequence[Path],
    *,
    side: int,
    crop: int,
    memory_limit: int,
    strict: bool = False,
    progress: columns.Progress | None = None,
) -> Cropped:
    """Opens image files: decoded into memory, or while they are used where they are too many.

    Args:
        paths: the files.
        side: images are scaled until their shorter side has so many pixels; 0: not at all.
        crop: side of the windows.
        memory_limit: bytes of decoded images that may be held in memory.
        strict: a file that cannot be used is an error.
        progress: called with (files done, files in all) while they are decoded.

    Raises:
        InputError: `strict` and a file that cannot be used, or more than half of them.
    """
    mark = fingerprint_of(side, crop, *marks(paths))
    streams = _bytes(paths, side) > memory_limit
    if streams and not strict:
        return Streamed(paths, side, crop, mark)
    whole: list[np.ndarray] = []
    skipped: list[tuple[str, str]] = []

    def attempt(path: Path) -> np.ndarray | image_files.Unreadable:
        try:
            return read(path, side, crop)
        except image_files.Unreadable as error:
            return error

    with ThreadPoolExecutor(columns.threads()) as pool:
        for number, (path, found) in enumerate(zip(paths, pool.map(attempt, paths)), 1):
            if isinstance(found, image_files.Unreadable):
                skipped.append((str(path), str(found)))
            elif not streams:
                whole.append(found)
            if progress is not None:
                progress(number, len(paths))
    columns.check_skipped(skipped, len(paths), strict)
    return Streamed(paths, side, crop, mark) if streams else Held(whole, crop, mark, skipped)


def _bytes(paths: Sequence[Path], side: int) -> float:
    """About how many bytes the decoded images take, from the heads of up to 64 of them."""
    from PIL import Image

    found = []
    for index in np.linspace(0, len(paths) - 1, min(64, len(paths))).astype(int):
        try:
            with Image.open(paths[index]) as image:
                width, height = image.size
        except Exception:  # whatever a broken file raises: it counts when it is read
            continue
        factor = side / min(width, height) if side else 1.0
        found.append(3.0 * width * height * factor**2)
    return len(paths) * float(np.mean(found)) if found else 0.0
