"""Frozen feature networks, for measures and content losses: by name, from a file, or any callable.

For losses, inner layers by the names that papers use (see `named_layers`):

    look = extractors.feature_network("vgg19", ["relu1_1", "conv4_2"])  # maps, images of any size

For measures, one vector for each image:

    extractor = extractors.load("inception_v3")                  # keras.applications, ImageNet
    extractor = extractors.load("vgg19:block5_conv4")            # a layer of it
    extractor = extractors.load("classifiers/shapes.keras")      # from recipes/classifier.py
    extractor = extractors.load("squeezenet.npz:fire9")          # weights for `architectures`
    extractor = extractors.from_callable(network, "my network")
    features = extractor.features(images)                      # float32 (n, d)
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.features.extractor_cards import card_layers
from tfgan_suite.features.layer_outputs import layer_names, select_outputs
from tfgan_suite.features.named_layers import FeatureNetwork, checksum, feature_network
from tfgan_suite.features.network import in_float32
from tfgan_suite.features.scale import scale_of
from tfgan_suite.features.weights import downloading, hash_weights, identify_network, read_model
from tfgan_suite.utils import saved_models
from tfgan_suite.utils.files import user_path

__all__ = [
    "APPLICATIONS", "RESIZES", "Extractor", "FeatureNetwork", "check_finite", "checksum",
    "from_callable",
    "feature_network", "hash_weights", "load",
]  # fmt: skip

RESIZES = ("bilinear", "bicubic", "lanczos3", "lanczos5", "area", "nearest")
# Name: module and class in keras.applications, side of its input, layer of features.
APPLICATIONS = {
    "inception_v3": ("inception_v3", "InceptionV3", 299, "mixed10"),
    "vgg16": ("vgg16", "VGG16", 224, "block5_pool"),
    "vgg19": ("vgg19", "VGG19", 224, "block5_pool"),
    "mobilenet_v2": ("mobilenet_v2", "MobileNetV2", 224, "out_relu"),
}


class Extractor:
    """A frozen network that extracts features; built by `load` or `from_callable`.

    Args:
        network: from float32 images `(n, height, width, channels)` to a tensor or a list of them.
        name: part of every result.
        layers: names of the network's outputs, in order; the first are the features.
        weights_hash: hash of its weights; `None` if unknown, and then nothing is cached.
        size: `(height, width)` that it needs; other images are resized. `None`: takes any.
        channels: 1, 3, or `None` for any. Grey images are repeated to 3.
        prepare: maps images in [-1, 1] to the values that the network was trained on.
        pool: `"mean"` averages feature maps over height and width to vectors; `"none"` does not.
        resize: interpolation, one of `RESIZES`; default `"bilinear"`.
        antialias: whether the filter widens when images shrink; default True.
        gives_logits: whether predictions are logits, not probabilities; default True.
        scale: what measures divide the features by; `None`: see `scale.scale_of`.

    Raises:
        InputError: an unknown interpolation or pooling.
    """

    def __init__(
        self,
        network: Callable[[tf.Tensor], Any],
        name: str,
        *,
        layers: Sequence[str] = ("output",),
        weights_hash: str | None = None,
        size: tuple[int, int] | None = None,
        channels: int | None = None,
        prepare: Callable[[tf.Tensor], tf.Tensor] | None = None,
        pool: str = "none",
        resize: str = "bilinear",
        antialias: bool = True,
        gives_logits: bool = True,
        scale: float | None = 1.0,
    ):
        if resize not in RESIZES:
            raise InputError(f"resize is {resize!r}; {must_be(resize, RESIZES)}")
        if pool not in ("mean", "none"):
            raise InputError(f"pool is {pool!r}; it must be 'mean' or 'none'")
        self.network, self.name, self.layers = network, name, tuple(layers)
        self.weights_hash, self.size, self.channels = weights_hash, size, channels
        self.pool, self.resize, self.antialias = pool, resize, antialias
        self.gives_logits, self.scale = gives_logits, scale
        self._prepare = prepare
        self._compiled: dict[tuple[int, ...], Callable[[tf.Tensor], list[tf.Tensor]]] = {}

    def __call__(self, images: tf.Tensor) -> list[tf.Tensor]:
        """The output of each layer, differentiable with respect to the images.

        Args:
            images: float `(n, height, width, channels)` in [-1, 1].

        Returns:
            One tensor for each of `layers`, not pooled.

        Raises:
            InputError: images of another rank or number of channels than the network takes.
        """
        images = self._fit(tf.cast(images, tf.float32))
        outputs = self.network(images if self._prepare is None else self._prepare(images))
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        return [tf.cast(output, tf.float32) for output in outputs]

    def features(self, images: np.ndarray) -> np.ndarray:
        """One vector for each image: float32 `(n, d)`; see `describe`."""
        return self.describe(images)[0]

    def describe(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Features, and predictions if the extractor was loaded with them.

        Args:
            images: uint8, or float in [-1, 1], `(n, height, width, channels)`.

        Returns:
            float32 `(n, d)`; float32 `(n, classes)` (the second of `layers`) or `None`.

        Raises:
            InputError: NaN or infinity in the images, or an output that is not a vector for each
                image.
        """
        images = np.asarray(images)
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / 127.5 - 1.0
        check_finite(images)
        outputs = [output.numpy() for output in self._call(images)]
        if self.pool == "mean" and outputs[0].ndim == 4:
            # In float64: NumPy sums float32 one by one here, which loses digits on large maps.
            outputs[0] = outputs[0].mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        for name, output in zip(self.layers, outputs):
            if output.ndim != 2 or len(output) != len(images):
                raise InputError(
                    f"extractor {self.name} gives shape {output.shape} at {name!r} for "
                    f"{len(images)} images; expected ({len(images)}, features): name another "
                    "layer (FILE:LAYER), or pool='mean' for feature maps"
                )
        return outputs[0], outputs[1] if len(outputs) > 1 else None

    def _call(self, images: np.ndarray) -> list[tf.Tensor]:
        """`__call__` in a graph, one for each shape of images and any number of them."""
        shape = images.shape[1:]
        if shape not in self._compiled:
            spec = tf.TensorSpec((None, *shape), tf.float32)
            # Without autograph an InputError remains a single line.
            self._compiled[shape] = tf.function(self.__call__, [spec], autograph=False)
        return self._compiled[shape](tf.constant(images, tf.float32))

    def protocol(self) -> dict[str, Any]:
        """What a result must state of its extractor."""
        resize = "none"
        if self.size is not None:
            filtered = "antialias" if self.antialias else "no antialias"
            resize = f"to {self.size[0]}x{self.size[1]}, {self.resize}, {filtered}"
        return {
            "extractor": self.name,
            "weights": self.weights_hash,
            "layer": self.layers[0],
            "pool": self.pool,
            "resize": resize,
            **({} if scale_of(self) == 1.0 else {"feature_scale": self.scale}),
        }

    def _fit(self, images: tf.Tensor) -> tf.Tensor:
        """Images of the size and number of channels that the network takes."""
        shape = images.shape
        if shape.rank == 4 and self.channels == 3 and shape[3] == 1:
            images = tf.repeat(images, 3, axis=3)
        elif self.channels is not None and (shape.rank != 4 or shape[3] != self.channels):
            raise InputError(
                f"extractor {self.name} takes images (n, height, width, {self.channels}); found "
                f"shape {tuple(shape)}: use an extractor made for such images"
            )
        if self.size is None or tuple(images.shape[1:3]) == self.size:
            return images
        return tf.image.resize(images, self.size, self.resize, antialias=self.antialias)


def load(
    spec: str | Path,
    *,
    predictions: bool = False,
    pool: str | None = None,
    weights: str | None = "imagenet",
    resize: str = "bilinear",
    antialias: bool = True,
) -> Extractor:
    """Opens a feature network.

    Args:
        spec: a name in `APPLICATIONS`, a Keras file (`.keras`, `.h5`), an `.npz` file of weights
            (see `weights`) or a SavedModel folder; followed by `:LAYER` (SavedModel: `:OUTPUT`)
            for another layer than the default. By default, applications use their last feature
            maps, averaged over space; a file uses the layer that the card beside it names
            (`NAME.json`, as `recipes/classifier.py` writes it), else its output. Files take
            images in [-1, 1].
        predictions: whether to return class predictions beside the features; default False.
        pool: as for `Extractor`; default `"mean"` for applications, `"none"` for files.
        weights: for applications `"imagenet"`, a weights file, or `None`: random ones.
        resize: interpolation of images of another size than the network takes.
        antialias: whether to filter when images shrink.

    Raises:
        InputError: no such network, file or layer; weights that cannot be downloaded.
    """
    text, options = str(spec), {"resize": resize, "antialias": antialias}
    name, _, layer = text.rpartition(":") if ":" in text else (text, "", "")
    if Path(text).exists():
        name, layer = text, ""
    if name in APPLICATIONS:
        with in_float32():
            return _application(name, layer, predictions, pool or "mean", weights, options)
    path = user_path(name)
    if not path.exists():
        near = difflib.get_close_matches(name, APPLICATIONS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"there is no extractor {text!r}: {hint}Expected {', '.join(APPLICATIONS)}, a Keras "
            "file or a SavedModel folder (python recipes/classifier.py --data DATA trains one)"
        )
    options["pool"] = pool or "none"
    if path.is_dir():
        return _saved_model(path, layer, predictions, options)
    if path.suffix == ".npz":
        return _npz(path, layer, predictions, {**options, "pool": pool or "mean"})
    with in_float32():
        return _file(path, layer, predictions, options)


def load_application(name: str) -> keras.Model:
    """A network of `APPLICATIONS` without its classifier; InputError if there are no weights."""
    module_name, class_name, side, _ = APPLICATIONS[name]
    build = getattr(getattr(keras.applications, module_name), class_name)
    with in_float32():
        return _load_application(build, name, "imagenet", False, side)


def from_callable(
    call: Callable[[tf.Tensor], tf.Tensor], name: str, *, weights_hash: str | None = None, **options
) -> Extractor:
    """An extractor of any function from images in [-1, 1] to vectors.

    Args:
        call: from float32 `(n, height, width, channels)` to `(n, d)`; TensorFlow operations only.
            A Keras model is called in inference mode.
        name: part of every result.
        weights_hash: identifies its weights; for a Keras model it is computed.
        **options: as for `Extractor`.
    """
    if isinstance(call, keras.Model):
        weights_hash = weights_hash or hash_weights(call)
        return Extractor(
            lambda images: call(images, training=False), name, weights_hash=weights_hash, **options
        )
    return Extractor(call, name, weights_hash=weights_hash, **options)


def check_finite(images: np.ndarray) -> None:
    """Refuses images with values that are not finite numbers.

    Raises:
        InputError: with the number of such images.
    """
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        bad = int((~np.isfinite(images)).reshape(len(images), -1).any(axis=1).sum())
        raise InputError(
            f"{bad} of {len(images)} images hold NaN or infinity; a run that generates such images "
            "has diverged: go back to an earlier checkpoint"
        )


def _application(name, layer, predictions, pool, weights, options) -> Extractor:
    module_name, class_name, side, default_layer = APPLICATIONS[name]
    module = getattr(keras.applications, module_name)
    build, layer = getattr(module, class_name), layer or default_layer
    inner = layer_names(build(weights=None, include_top=False, input_shape=(side, side, 3)))
    top = predictions or layer not in inner
    network = _load_application(build, name, weights, top, side)
    facts = {"size": (side, side), "channels": 3, "pool": pool, "gives_logits": False, **options}
    facts["scale"] = 1.0 if name == "inception_v3" else None
    if name.startswith("vgg"):  # mean colours subtracted, blue first
        facts["prepare"] = lambda images: module.preprocess_input((images + 1.0) * 127.5)
    title = name
    if weights != "imagenet":
        title += f"-{Path(weights).stem}" if weights else "-random"
    layers = [layer, "predictions"] if predictions else [layer]
    return _of_layers(network, title, layers, **facts)


def _load_application(build, name: str, weights: str | None, top: bool, side: int) -> keras.Model:
    """A network of keras.applications with its weights."""
    advice = (
        "without internet, train a classifier on your data (python recipes/classifier.py --data "
        "DATA) and pass its file as extractor; or, where there is internet, run python -c 'import "
        f"keras; keras.applications.{build.__name__}(include_top={top})' and copy "
        "~/.keras/models here"
    )
    with downloading(f"the weights of {name} could not be downloaded", advice):
        return build(weights=weights, include_top=top, input_shape=(side, side, 3))


def _file(path: Path, layer: str, predictions: bool, options: dict[str, Any]) -> Extractor:
    network = read_model(path)
    named = {} if layer and not predictions else card_layers(path)
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise InputError(f"{path} takes {shape}; expected one input (n, height, width, channels)")
    last = network.layers[-1].name
    layer = layer or named.get("features") or last
    layers = [layer, named.get("predictions") or last] if predictions else [layer]
    size = None if None in shape[1:3] else tuple(shape[1:3])
    outputs = [layer for layer in network.layers if layer.name == layers[-1]]
    activations = [getattr(layer, "activation", None) for layer in outputs]
    logits = "softmax" not in [getattr(activation, "__name__", "") for activation in activations]
    # Features of classifiers that recipes/classifier.py trained are readable as they are.
    scale = 1.0 if os.path.lexists(path.with_suffix(".json")) else None
    facts = {"size": size, "channels": shape[3], "gives_logits": logits, "scale": scale, **options}
    return _of_layers(network, path.stem, layers, **facts)


def _npz(path: Path, layer: str, predictions: bool, options: dict[str, Any]) -> Extractor:
    """A network of `architectures` with the weights of a file."""
    architecture = identify_network(path)
    layers = [layer or architecture.default_layer]
    network = feature_network(architecture.name, layers, path)
    digest = network.checksum()  # of the weights that lead to the features
    if predictions:
        layers.append("predictions")
        network = feature_network(architecture.name, layers, path)
    facts = {"size": (architecture.side, architecture.side), "channels": 3, "gives_logits": False}
    facts["scale"] = None
    return Extractor(network, path.stem, layers=layers, weights_hash=digest, **facts, **options)


def _of_layers(network: keras.Model, name: str, layers: list[str], **facts: Any) -> Extractor:
    """An extractor of named layers; its hash is of the weights that lead to the features."""
    network.trainable = False
    digest = hash_weights(select_outputs(network, layers[:1]))
    selected = select_outputs(network, layers)
    return Extractor(
        lambda images: selected([images], training=False),
        name,
        layers=layers,
        weights_hash=digest,
        **facts,
    )


def _saved_model(path: Path, output: str, predictions: bool, options: dict) -> Extractor:
    loaded = saved_models.load(path)
    if "serving_default" not in loaded.signatures:
        raise InputError(
            f"{path} has no signature serving_default; expected one that takes images: save the"
            " network with it"
        )
    call = loaded.signatures["serving_default"]
    inputs = call.structured_input_signature[1] or {"": tf.TensorSpec(())}
    (key, spec), *more = inputs.items()
    outputs = sorted(call.structured_outputs)
    output = output or (outputs[0] if len(outputs) == 1 else "features")
    layers = [output, "predictions"] if predictions else [output]
    if more or spec.shape.rank != 4 or not set(layers) <= set(outputs):
        raise InputError(
            f"{path} takes {[key, *(name for name, _ in more)]} and gives {outputs}; expected one "
            f"input of images (n, height, width, channels) and {' and '.join(layers)} (select an "
            "output with FOLDER:OUTPUT)"
        )
    digest = hashlib.sha256()
    for file in sorted(path.glob("variables/*.data-*")) + [path / "saved_model.pb"]:
        digest.update(file.read_bytes())
    sides = tuple(spec.shape[1:3])

    def network(images: tf.Tensor) -> list[tf.Tensor]:
        results = call(**{key: images})
        return [results[name] for name in layers]

    network.loaded = loaded  # the variables live as long as the loaded object does
    size = None if None in sides else sides
    facts = {"size": size, "channels": spec.shape[3], "scale": None, **options}
    return Extractor(
        network, path.name, layers=layers, weights_hash=digest.hexdigest()[:16], **facts
    )
