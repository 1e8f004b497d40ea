"""Feature maps of a frozen network's inner layers, by the names that papers use.

    look = extractors.feature_network("vgg19", ["relu1_1", "conv4_2"])  # Gatys, AdaIN; after ReLU
    look = extractors.feature_network("vgg19", ["phi_5,4"])  # SRGAN
    look = extractors.feature_network("vgg19", ["phi_5,4"], before_activation=True)  # ESRGAN
    look = extractors.feature_network("squeezenet.npz", ["fire2", "fire5"])  # a weights file
    look = extractors.feature_network("mine.keras", ["features"])  # any Keras model, its layers
    shallow, deep = look(images)  # float32 maps

Images are `(batch, height, width, 3)` in [-1, 1] everywhere; a network's own preprocessing (blue
first, mean colours subtracted) is part of `look.network`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfgan_suite.layers.convolution  # noqa: F401 (registers classes that a file may contain)
from tfgan_suite.errors import InputError
from tfgan_suite.features import architectures
from tfgan_suite.features import weights as feature_weights
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.features.network import Variant, in_float32
from tfgan_suite.utils.files import user_path


class FeatureNetwork:
    """A frozen network from images to the maps of named layers; built by `feature_network`.

    It is not a Keras layer: a game that has it as an attribute neither trains nor saves it. What
    an export must contain is `network`, a Keras model from images in [-1, 1] to the maps.

    Args:
        network: the Keras model.
        names: of its outputs, in order, as they were requested.
        name: of the network, for results.
        min_size: smallest height and width of images; default 1.
    """

    def __init__(self, network: keras.Model, names: Sequence[str], name: str, min_size: int = 1):
        self.network, self.names, self.name = network, tuple(names), name
        self.min_size = min_size
        shapes = [tuple(output.shape) for output in network.outputs]
        # Numbers of maps, e.g. (64, 128, 256, 512).
        self.channels = tuple(shape[-1] for shape in shapes)
        self._input_shape = tuple(network.inputs[0].shape)[1:]

    def __call__(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """The maps, differentiable with respect to the images.

        Args:
            images: float `(batch, height, width, 3)` in [-1, 1], of any size; grey ones of one
                channel are repeated to three.
            training: ignored: the network is always in inference mode.

        Returns:
            float32 maps `(batch, rows, columns, channels)`, one tensor for each name.

        Raises:
            InputError: images of another shape or smaller than the network can take.
        """
        del training
        images = tf.cast(self._check(images), tf.float32)
        outputs = self.network(images, training=False)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        return [tf.cast(maps, tf.float32) for maps in outputs]

    def checksum(self) -> str:
        """16 hex digits that change with any weight: equal before and after training."""
        return feature_weights.hash_weights(self.network)

    def count_params(self) -> int:
        """Number of weights up to the deepest layer."""
        return self.network.count_params()

    def save(self, path: str | Path) -> None:
        """Writes the weights as `.npz` in the layout `layer|kernel`, `layer|bias`.

        Raises:
            InputError: the network is not one of `architectures.NETWORKS`.
        """
        feature_weights.write(self.network, path)

    def _check(self, images: Any) -> tf.Tensor:
        """The images as the network takes them."""
        images = tf.convert_to_tensor(images)
        if not images.dtype.is_floating:
            raise InputError(
                f"{self.name} takes images as floats in [-1, 1]; found {images.dtype.name}: "
                "divide bytes by 127.5 and subtract 1"
            )
        expected, shape = self._input_shape, images.shape
        if shape.rank == 4 and shape[3] == 1 and expected[2] == 3:
            images = tf.repeat(images, 3, axis=3)
            shape = images.shape
        fits = shape.rank == 4 and all(
            side is None or actual is None or actual == side
            for actual, side in zip(shape[1:], expected)
        )
        if not fits:
            sides = " x ".join("any" if side is None else str(side) for side in expected)
            raise InputError(
                f"{self.name} takes images (batch, height, width, channels) of {sides}; found "
                f"shape {tuple(shape)}"
            )
        small = [side for side in shape[1:3] if side is not None and side < self.min_size]
        if small:
            raise InputError(
                f"an image of {shape[2]}x{shape[1]} pixels is too small for {self.name} up to "
                f"{', '.join(self.names)}, which needs {self.min_size} on each side; enlarge it "
                "or use an earlier layer"
            )
        return images


def feature_network(
    network: str | Path | keras.Model,
    names: Sequence[str],
    weights: str | Path | None = "imagenet",
    before_activation: bool = False,
    *,
    pooling: str = "max",
    padding: str = "zeros",
    round_up: bool = False,
    normalize_on: np.ndarray | None = None,
    seed: int = 0,
) -> FeatureNetwork:
    """Opens a network up to the deepest of the named layers.

    Args:
        network: `"vgg16"`, `"vgg19"`, `"squeezenet"` (1.0), `"mobilenet_v2"`; an `.npz` file with
            the weights of one of them; or any functional Keras model of images in [-1, 1], as a
            file (`.keras`, `.h5`) or as it is (then its layers stay trainable as they were).
        names: VGG: `"relu4_1"`, `"conv4_1"`, `"phi_4,1"` and `"block4_conv1"` are the same, and
            there is `"pool4"`; SqueezeNet: `"conv1"`, `"fire2"` to `"fire9"`; MobileNetV2:
            `"block_3"`, `"block_3_expand"` and such; a Keras model: its layers.
        weights: `"imagenet"` (keras.applications; downloaded at the first use), a file (`.npz`
            with `layer|kernel` and `layer|bias`, `.h5` as keras.applications writes it), or
            `None`: random ones from `seed`, with VGG scaled so that a filter's mean is 1.
        before_activation: whether to return the input of the ReLU; default, as in the papers, its
            output.
        pooling: `"max"` or `"average"` (Gatys); VGG only, as are the next three.
        padding: of the maps: `"zeros"`, or `"reflect"` (AdaIN), without dark borders.
        round_up: whether pools round odd sizes up (AdaIN), not down.
        normalize_on: images `(n, height, width, 3)` in [-1, 1]. Weights are rescaled until each
            filter's mean over them is 1, which changes nothing else (Gatys).
        seed: of random weights.

    Returns:
        A callable from images to a list of maps; see `FeatureNetwork`.

    Raises:
        InputError: an unknown network, layer (the message lists the layers) or option; weights
            that cannot be downloaded (what to download, where to put it) or belong to another
            network (which layer does not fit).
    """
    names = [names] if isinstance(names, str) else list(names)
    variant = Variant(pooling, padding, round_up)
    architecture = architectures.NETWORKS.get(str(network))
    if architecture is None and str(network).endswith(".npz"):
        if weights not in ("imagenet", None):
            raise InputError(
                f"{network} and {weights} are both files of weights; pass only one of them"
            )
        weights = network
        architecture = feature_weights.identify_network(network)
    if architecture is None:
        if before_activation or normalize_on is not None or not variant.is_plain:
            raise InputError(
                "before_activation, pooling, padding, round_up and normalize_on are for "
                f"{', '.join(architectures.NETWORKS)}; for a Keras model, name the layer itself"
            )
        return _of_model(network, names)
    architecture.check(variant, normalize_on is not None)
    layers = [architecture.layer_of(name, before_activation) for name in names]
    if not layers:
        raise InputError(
            f"no layer of {architecture.name} was named; it has {architecture.layer_list()}"
        )
    with in_float32():
        model = architecture.build(layers, variant)
        _load_weights(model, architecture, weights, normalize_on, seed)
    model.trainable = False
    title = architecture.name
    if weights != "imagenet":
        title += f"-{Path(weights).stem}" if weights else "-random"
    return FeatureNetwork(model, names, title, architecture.min_size(layers, variant))


def checksum(network: FeatureNetwork | keras.Model) -> str:
    """16 hex digits that change with any weight of a `FeatureNetwork` or a Keras model."""
    return feature_weights.hash_weights(
        network.network if isinstance(network, FeatureNetwork) else network
    )


def _load_weights(model, architecture, weights, normalize_on, seed: int) -> None:
    if weights is None:
        feature_weights.draw(model, seed)
        if architecture.scales and normalize_on is None:
            feature_weights.normalize(model, feature_weights.noise_images(seed), preserve=False)
    elif str(weights) == "imagenet":
        imagenet = feature_weights.load_imagenet(architecture)
        feature_weights.assign(model, architecture, imagenet, "imagenet")
    else:
        feature_weights.assign(model, architecture, feature_weights.read(weights), str(weights))
    if normalize_on is not None:
        feature_weights.normalize(model, normalize_on, preserve=weights is not None)


def _of_model(network: str | Path | keras.Model, names: Sequence[str]) -> FeatureNetwork:
    """Layers of the user's own network."""
    if isinstance(network, keras.Model):
        return FeatureNetwork(select_outputs(network, names), names, network.name)
    path = user_path(network)
    if not path.exists():
        raise InputError(
            f"there is no network {str(network)!r}; expected {', '.join(architectures.NETWORKS)}, "
            "an .npz file with the weights of one of them, or a file of a Keras model"
        )
    with in_float32():
        model = feature_weights.read_model(path)
        selected = select_outputs(model, names)
    selected.trainable = False
    return FeatureNetwork(selected, names, path.stem)
