"""A network that reads key points off images, trained on real ones, which judges drawn ones."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.features import weights
from tfgan_suite.utils import files

STEPS, BATCH, WIDTH = 1500, 32, 16
LEARNING_RATE = 2e-3
_CROP = 8  # of the side, one part of so many is the margin of random crops


@dataclasses.dataclass(frozen=True)
class Regressor:
    """A trained regressor.

    Args:
        name: its file's name, without the ending.
        network: model from images in [-1, 1] to x and y of each point in fractions of the side
            `(batch, K, 2)`.
        weights_hash: of its weights, for results.
    """

    name: str
    network: keras.Model
    weights_hash: str

    def locate(self, images: np.ndarray, batch: int = 100) -> np.ndarray:
        """Points of images `(n, size, size, 3)`, in fractions of the side: `(n, K, 2)`."""
        return self.network.predict(np.asarray(images, np.float32), batch_size=batch, verbose=0)

    def check(self, keypoints: np.ndarray) -> None:
        """Raises InputError unless it reads as many points as `(n, K, 3)` has."""
        count = int(self.network.output_shape[1])
        if count != keypoints.shape[1]:
            raise InputError(
                f"the regressor {self.name} reads {count} key points, the data have"
                f" {keypoints.shape[1]}; pass another --regressor, which is trained if there is no"
                " such file"
            )


def build_regressor(shape: tuple[int, int, int], points: int, width: int = WIDTH) -> keras.Model:
    """A map of where each point is likely to be, at half the side, and the mean place of each.

    Only layers of Keras: the file can be read anywhere.

    Args:
        shape: of an image; its sides are multiples of 8.
        points: number of points, K.
        width: channels of the first convolution.

    Returns:
        Model from images `(batch, *shape)` in [-1, 1] to `(batch, K, 2)`, x and y as fractions.
    """
    if shape[0] % 8 or shape[1] % 8:
        raise InputError(
            f"a regressor of key points takes sides that are multiples of 8, not {shape[1]}x"
            f"{shape[0]}; draw images of another --size"
        )
    layers = keras.layers

    def convolution(x: Any, channels: int, stride: int = 1) -> Any:
        x = layers.Conv2D(channels, 3, stride, "same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    image = keras.Input(shape, name="image")
    x = layers.GaussianNoise(0.05)(image)
    half = convolution(convolution(x, width), 2 * width, 2)
    quarter = convolution(convolution(half, 3 * width, 2), 3 * width)
    eighth = convolution(convolution(quarter, 4 * width, 2), 4 * width)
    # Where a part is depends on the rest of the image, too.
    context = layers.Dense(4 * width, activation="relu")(layers.Flatten()(eighth))
    context = layers.Reshape((1, 1, 4 * width))(context)
    x = layers.Add()([eighth, layers.UpSampling2D(eighth.shape[1:3])(context)])
    for skipped, channels in ((quarter, 4 * width), (half, 3 * width)):
        x = layers.Concatenate()([layers.UpSampling2D(2)(x), skipped])
        x = convolution(x, channels)
    maps = layers.Conv2D(points, 1, dtype="float32")(x)
    height, columns = maps.shape[1:3]
    share = layers.Permute((2, 1))(layers.Reshape((height * columns, points))(maps))
    share = layers.Softmax(dtype="float32")(share)
    mean = layers.Dense(2, use_bias=False, dtype="float32", name="places")
    places = mean(share)
    rows, across = np.mgrid[:height, :columns].astype(np.float32) + 0.5
    mean.set_weights([np.stack([across.ravel() / columns, rows.ravel() / height], axis=1)])
    mean.trainable = False
    return keras.Model(image, places, name="point_regressor")


def distance(located: np.ndarray, keypoints: np.ndarray, size: int) -> float:
    """Mean distance in pixels over visible points.

    Args:
        located: `(n, K, 2)`, x and y in fractions of the side.
        keypoints: `(n, K, 3)`, the same and visibility.
        size: side of the images.
    """
    gap = np.linalg.norm(located - keypoints[..., :2], axis=2) * size
    return float(gap[keypoints[..., 2] > 0.5].mean())


def open_regressor(
    path: str | Path, against: str | Path, size: int, fit: str = "crop", steps: int = STEPS
) -> Regressor:
    """Reads a regressor, or trains one on the training split where there is no file.

    Args:
        path: `.keras` file.
        against: images with key points, as `data.load_captions` takes them.
        size: side of the images.
        fit: part of an image, as for `data.load_captions`.
        steps: training steps of a new one.

    Raises:
        InputError: a file that is no such network, or data without key points.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise InputError(f"--regressor is {path}; pass a file that ends with .keras")
    network = (
        weights.read_model(path)
        if path.exists()
        else train_regressor(path, against, size, fit, steps)
    )
    shapes = tuple(network.input_shape[1:]), tuple(network.output_shape[1:])
    if shapes[0] != (size, size, 3) or len(shapes[1]) != 2 or shapes[1][1] != 2:
        raise InputError(
            f"the regressor {path} maps {shapes[0]} to {shapes[1]}; expected images of"
            f" {(size, size, 3)} to places (K, 2): pass a file that does not exist to train one"
        )
    return Regressor(path.stem, network, weights.hash_weights(network))


def train_regressor(
    path: Path, against: str | Path, size: int, fit: str = "crop", steps: int = STEPS
) -> keras.Model:
    """Trains a regressor on the training split, and writes it with a card beside it.

    Arguments as for `open_regressor`. The card states its mean error on the test split.
    """
    start = time.monotonic()
    options: dict[str, Any] = {"size": size, "fit": fit, "mismatched": False}
    source = data.load_captions(against, random_crop=max(1, size // _CROP), **options)
    if "keypoints" not in source.shapes:
        raise InputError(f"{against} has no key points to read; pass data that have them")
    print(
        f"training a regressor of key points on the {len(source)} training images of"
        f" {source.name}, {steps} steps: {path}",
        file=sys.stderr,
    )
    keras.utils.set_random_seed(0)
    network = build_regressor((size, size, 3), source.shapes["keypoints"][0])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    network.compile(keras.optimizers.Adam(rate), _visible_error, jit_compile=False)
    batches = source.batches(min(BATCH, len(source)), seed=0)
    network.fit(
        batches.map(lambda batch: (batch["image"], batch["keypoints"])),
        steps_per_epoch=steps,
        shuffle=False,  # the batches are shuffled
        verbose=0,
    )
    examples = source.held_out(1000)
    judge = Regressor(path.stem, network, weights.hash_weights(network))
    card = {
        "name": path.stem,
        "data": source.name,
        "fingerprint": source.fingerprint,
        "shape": [size, size, 3],
        "fit": fit,
        "points": int(network.output_shape[1]),
        "steps": steps,
        "weights": judge.weights_hash,
        "test_images": len(examples["image"]),
        "test_error_in_pixels": distance(
            judge.locate(examples["image"]), examples["keypoints"], size
        ),
        "seconds": round(time.monotonic() - start, 1),
    }
    with files.writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as part:
            network.save(part)
        content = json.dumps(card, indent=2) + "\n"
        files.write_bytes(path.with_suffix(".json"), content.encode())
    return network


def _visible_error(keypoints: tf.Tensor, located: tf.Tensor) -> tf.Tensor:
    """Mean distance to visible points, in fractions of the side."""
    visible = keypoints[..., 2]
    # A small constant keeps the gradient at a distance of 0 finite.
    gap = tf.sqrt(tf.reduce_sum((located - keypoints[..., :2]) ** 2, axis=2) + 1e-8)
    return tf.reduce_sum(gap * visible) / tf.maximum(tf.reduce_sum(visible), 1.0)
