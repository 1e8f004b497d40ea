"""Images of different sizes, from which windows of one size are cropped."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_suite.data.pipeline.broken_files import BrokenFileSkipper


class CroppedImages(abc.ABC):
    """Images from which windows are cropped.

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
    def windows(self, index: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """One window of each of some images.

        Args:
            index: int64 `(n,)`.
            positions: float32 `(n, 2)` in [0, 1): how far down and across the window lies.

        Returns:
            uint8 `(n, crop, crop, 3)`.
        """

    def center_windows(self, index: tf.Tensor) -> tf.Tensor:
        """The window in the centre of each of some images."""
        return self.windows(index, tf.fill([tf.shape(index)[0], 2], 0.5))


class InMemoryImages(CroppedImages):
    """Images in memory, stored one after the other, row by row.

    Args:
        images: uint8 `(height, width, 3)` each, at least as large as a window; the list is
            emptied, so that the images are not in memory twice for long.
        crop, fingerprint, skipped: as for `CroppedImages`.
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
        with tf.device("CPU:0"):  # on the host, in any device scope
            self._sizes = tf.constant(sizes)
            self._starts = tf.constant(np.cumsum(sizes.prod(1)) - sizes.prod(1))
            self._pixels = tf.convert_to_tensor(pixels)

    def windows(self, index: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        sizes, offsets = tf.gather(self._sizes, index), tf.range(self.crop, dtype=tf.int64)
        corner = window_corners(sizes, positions, self.crop)
        down, across = (corner[:, axis, None] + offsets for axis in (0, 1))
        inside = down[:, :, None] * sizes[:, 1, None, None] + across[:, None, :]
        return tf.gather(self._pixels, tf.gather(self._starts, index)[:, None, None] + inside)


class StreamedImages(CroppedImages):
    """Images that are decoded each time they are used.

    A file that cannot be read is noted in `skipped`, and the next readable one replaces it.

    Args:
        paths: the files.
        read: decodes a file to uint8 `(height, width, 3)` and returns what `use(image)` returns,
            or raises `Unreadable`.
        crop, fingerprint: as for `CroppedImages`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[..., np.ndarray],
        crop: int,
        fingerprint: str,
    ) -> None:
        super().__init__(len(paths), crop, fingerprint)
        self._files = BrokenFileSkipper(
            len(paths),
            lambda index, **options: read(paths[index], **options),
            lambda index: str(paths[index]),
            self.skipped,
        )

    def windows(self, index: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(self._read_windows, [index, positions], tf.uint8)
        return tf.ensure_shape(images, (*index.shape, self.crop, self.crop, 3))

    def _read_windows(self, index: np.ndarray, positions: np.ndarray) -> np.ndarray:
        images = np.empty((len(index), self.crop, self.crop, 3), np.uint8)
        for row, (first, position) in enumerate(zip(index, positions)):
            window = functools.partial(self._window, position=position)
            _, images[row] = self._files.read_next(int(first), use=window)
        return images

    def _window(self, image: np.ndarray, position: np.ndarray) -> np.ndarray:
        """As `window_corners`, in NumPy: no TensorFlow inside its own threads."""
        free = np.array(image.shape[:2], np.int64) - self.crop
        corner = (position * (free + 1).astype(np.float32)).astype(np.int64)
        top, left = np.minimum(corner, free)
        return image[top : top + self.crop, left : left + self.crop].copy()


def window_corners(sizes: tf.Tensor, positions: tf.Tensor, crop: int) -> tf.Tensor:
    """The upper left pixels of windows; each possible one is equally likely.

    Args:
        sizes: int64 `(n, 2)`, heights and widths.
        positions: float32 `(n, 2)` in [0, 1).
        crop: side of the windows.

    Returns:
        int64 `(n, 2)`.
    """
    free = sizes - crop
    corners = tf.cast(positions * tf.cast(free + 1, tf.float32), tf.int64)
    return tf.minimum(corners, free)  # rounding may reach free + 1
