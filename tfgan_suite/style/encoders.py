"""Encoders for AdaIN: a frozen feature network whose deepest map is painted on, all compared.

encoder = load_encoder("vgg19", "imagenet")              # of the paper
encoder = load_encoder("vgg19", None, depth=3)           # random: textures, but no semantics
encoder = load_encoder("squeezenet.npz")                 # any network that `extractors` opens
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.features import named_layers

VGG_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
# Of SqueezeNet: the style from maps of 1/2, 1/4 and 1/4 of the image's side. Its first
# convolution has no padding of its own: 3 pixels more on each side make it halve exactly.
SQUEEZENET_LAYERS, _SQUEEZENET_PAD = ("conv1", "fire2", "fire4"), 3
_PROBE = 64  # side of the image that is used to find an encoder's stride


class Encoder(keras.layers.Layer):
    """Maps of images, each channel scaled to mean 1 after `normalize`.

    A network of ReLUs can be rescaled channel by channel without changing what it computes, like
    the paper's normalized VGG; here the maps themselves are scaled, which gives the same numbers
    for any network. Without it, losses grow with the square of a map's range.

    Args:
        network: frozen, from float32 images `(batch, height, width, 3)` in [-1, 1] to maps,
            the deepest last; a Keras model.
        names: of the maps.
        pad: pixels of reflection padding on each side of images; default 0.

    Attributes:
        stride: a side of n pixels, a multiple of this, gives `n / stride` positions of the
            deepest map.
        channels: number of channels of each map.

    Raises:
        InputError: the deepest map is not halved exactly, so that no decoder fits.
    """

    def __init__(self, network: keras.Model, names: Sequence[str], *, pad: int = 0):
        super().__init__(name="encoder", trainable=False, dtype="float32")
        # Tracked, so that exports find its variables; nothing trains them.
        network.trainable = False
        self.network = network
        self.names = tuple(names)
        self.pad = int(pad)
        shapes = [tuple(maps.shape) for maps in self._maps(tf.zeros((1, _PROBE, _PROBE, 3)))]
        self.channels = tuple(int(shape[-1]) for shape in shapes)
        self.stride = _stride(self.names[-1], shapes[-1])
        for index, channels in enumerate(self.channels):
            scale = self.add_weight(
                name=f"scale_{index}", shape=(channels,), initializer="ones", trainable=False
            )
            setattr(self, f"scale_{index}", scale)
        self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Nothing to build: the network comes built."""
        self.built = True

    @property
    def doublings(self) -> int:
        """How often the deepest map must be doubled to reach the size of the image."""
        return self.stride.bit_length() - 1

    def call(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Maps `(batch, rows, columns, channels)`, float32, in the order of `names`.

        Args:
            images: `(batch, height, width, 3)` in [-1, 1], at least `2 * stride` high and wide.
        """
        scales = (getattr(self, f"scale_{index}") for index in range(len(self.channels)))
        return [
            maps * tf.convert_to_tensor(scale) for maps, scale in zip(self._maps(images), scales)
        ]

    def normalize(self, images: np.ndarray, batch: int = 4) -> None:
        """Scales every channel so that its mean size over these images is 1.

        Channels that hardly respond are scaled at most a hundred times as much as the average.

        Args:
            images: float32 `(count, height, width, 3)` in [-1, 1]; a dozen are enough.
            batch: images at once; default 4.
        """
        totals = [np.zeros(channels) for channels in self.channels]
        for start in range(0, len(images), batch):
            part = tf.constant(images[start : start + batch], tf.float32)
            for total, maps in zip(totals, self._maps(part)):
                total += tf.reduce_sum(tf.reduce_mean(tf.abs(maps), [1, 2]), 0).numpy()
        for index, total in enumerate(totals):
            mean = total / len(images)
            scale = 1.0 / np.maximum(mean, max(0.01 * mean.mean(), 1e-12))
            variable = compat.tensor_variable(getattr(self, f"scale_{index}"))
            variable.assign(scale.astype(np.float32))

    def _maps(self, images: tf.Tensor) -> list[tf.Tensor]:
        if self.pad:
            sides = [self.pad, self.pad]
            images = tf.pad(images, [[0, 0], sides, sides, [0, 0]], "REFLECT")
        outputs = self.network(images, training=False)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return [tf.cast(maps, tf.float32) for maps in outputs]


def load_encoder(
    network: str | os.PathLike = "vgg19",
    weights: str | os.PathLike | None = "imagenet",
    layers: Sequence[str] = (),
    *,
    depth: int = 4,
    seed: int = 0,
) -> Encoder:
    """Loads an encoder.

    Args:
        network: `"vgg19"`, which gets reflection padding and pools that round up, as in the
            official code; or another network that `extractors.feature_network` opens.
        weights: `"imagenet"`, a file, or `None` for random ones.
        layers: names of the maps, the deepest last. Empty: relu1_1 to relu{depth}_1 of VGG19,
            conv1, fire2, fire4 of SqueezeNet, the last at a quarter of the image's side.
        depth: of VGG19 without `layers`: 2 to 4; paper 4.
        seed: of random weights.

    Returns:
        An encoder whose maps are not scaled yet; see `Encoder.normalize`.

    Raises:
        InputError: no such network, weights or map; a depth that does not fit.
    """
    name = os.fspath(network)
    if name == "vgg19":
        if depth not in (2, 3, 4):
            raise InputError(
                f"VGG19 has no encoder up to block {depth}; it ends in block 2, 3 or 4"
            )
        names = tuple(layers) or VGG_LAYERS[:depth]
        features = named_layers.feature_network(
            name, names, weights=weights, padding="reflect", round_up=True, seed=seed
        )
        if weights is None:
            _add_brightness(features.network, seed)
        return Encoder(features.network, names)
    # The network of a weights file is known only when it is opened.
    names = tuple(layers) or (SQUEEZENET_LAYERS if "squeezenet" in os.path.basename(name) else ())
    if not names:
        raise InputError(
            f"{name} has no default layers for the style; pass the names of layers, the deepest"
            " last"
        )
    features = named_layers.feature_network(name, names, weights=weights, seed=seed)
    pad = _SQUEEZENET_PAD if features.name.startswith("squeezenet") else 0
    return Encoder(features.network, names, pad=pad)


def _add_brightness(network: keras.Model, seed: int) -> None:
    """Makes a random network's first filters respond to brightness as much as to detail.

    The weights of a random filter sum to 0, so that light and dark areas look alike to it: good
    for textures, but a decoder needs to know how bright they are. A tenth of the weights' spread,
    added to all 27 of a filter, counts about as much as they do.
    """
    layer = next(layer for layer in network.layers if layer.get_weights())
    kernel, bias = layer.get_weights()
    share = np.random.default_rng([seed, 1]).normal(0.0, 0.1, kernel.shape[-1])
    spread = kernel.std(axis=(0, 1, 2))
    layer.set_weights([(kernel + share * spread).astype(np.float32), bias])


def _stride(name: str, shape: tuple[int, ...]) -> int:
    """By which factor a map is smaller than its image."""
    rows = int(shape[1])
    stride = _PROBE // rows if rows else 0
    if not stride or stride * rows != _PROBE or stride & (stride - 1) or shape[1] != shape[2]:
        raise InputError(
            f"map {name} has {shape[1]}x{shape[2]} positions for an image of {_PROBE}x{_PROBE};"
            " a decoder needs 64, 32, 16, 8 ..: choose another map, or pad the images"
        )
    return stride
