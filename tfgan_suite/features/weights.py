"""Weights of the networks in `architectures`: ImageNet's, from files, random, rescaled.

A weights file is an `.npz` with the arrays `layer|kernel` `(rows, columns, in, out)` and
`layer|bias` for each layer, or an `.h5` with the layers' names, as keras.applications writes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.features import architectures, keras_files
from tfgan_suite.features.network import Network
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.files import user_path, write_bytes
from tfgan_suite.utils.text import describe, message_of

Stored = dict[str, dict[str, np.ndarray]]  # layer, then role: array
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")  # in Keras's order
_EPSILON = 1e-3  # of MobileNetV2's batch norm
_MAX_BYTES = 2**31  # of one array; a header of some bytes can declare any size
_TIMEOUT = 30.0  # seconds without an answer after which a download counts as failed
# Files of keras.applications, without the dense layers.
FILES = {
    "vgg16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "vgg19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "mobilenet_v2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
}


def hash_weights(network: keras.Model) -> str:
    """16 hex digits that change with any weight of the network."""
    digest = hashlib.sha256()
    for value in network.get_weights():
        digest.update(f"{value.shape}{value.dtype}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]


def assign(model: keras.Model, network: Network, stored: Stored, origin: str) -> None:
    """Sets a model's weights; batch norm behind a layer is folded into it.

    Args:
        model: as `network.build` returns it.
        network: the architecture that it was built from.
        stored: as `read` and `load_imagenet` return it.
        origin: where they come from, for messages.

    Raises:
        InputError: weights of another network; the message names the layer that does not fit.
    """
    stored = {network.stored(layer): arrays for layer, arrays in stored.items()}
    for layer, arrays in stored.items():
        if arrays.get("kernel", np.empty(0)).ndim == 4 and layer not in network.layers:
            raise InputError(
                f"{origin} holds weights of a layer {layer}, which {network.name} does not have: "
                "it is a file of another network; name that network, or pass this one's file"
            )
    for layer in _with_weights(model):
        arrays = stored.get(layer.name, {})
        if "kernel" not in arrays:
            names = ", ".join(list(stored)[:4]) or "no layers"
            raise InputError(
                f"{origin} has no kernel of {network.name}'s layer {layer.name}; it holds {names}"
                f"{', ..' if len(stored) > 4 else ''}: pass a file of {network.name}"
            )
        values = _fold(arrays, stored.get(network.norm(layer.name), {}))
        for role, value, current in zip(("kernel", "bias"), values, layer.get_weights()):
            if value is None or value.shape != current.shape:
                shape = "none" if value is None else f"one of shape {value.shape}"
                raise InputError(
                    f"the layer {layer.name} of {network.name} has a {role} of shape "
                    f"{current.shape}; {origin} holds {shape}: pass a file of {network.name}"
                )
            if not np.isfinite(value).all():
                raise InputError(
                    f"the {role} of layer {layer.name} in {origin} holds NaN or infinity; download "
                    "the file again"
                )
        layer.set_weights(values)


def _fold(arrays: Mapping[str, np.ndarray], norm: Mapping[str, np.ndarray]) -> list[Any]:
    """Kernel and bias, or None, with the batch norm behind them folded in."""
    kernel, bias = arrays["kernel"], arrays.get("bias")
    if not all(role in norm for role in _NORM):
        return [kernel, bias]
    gamma, beta, mean, variance = (norm[role].astype(np.float64) for role in _NORM)
    scale = gamma / np.sqrt(variance + _EPSILON)
    # A depthwise kernel (rows, columns, channels, 1) has its channels in the last but one axis.
    depthwise = kernel.shape[-1] == 1 and len(scale) == kernel.shape[-2]
    if not depthwise and kernel.shape[-1] != len(scale):
        return [kernel, None]
    kernel = kernel * (scale[:, None] if depthwise else scale)
    bias = beta - (mean if bias is None else mean - bias) * scale
    return [kernel.astype(np.float32), bias.astype(np.float32)]


@contextlib.contextmanager
def downloading(failed: str, advice: str) -> Iterator[None]:
    """Lets keras.applications download weights, with a timeout.

    Args:
        failed: start of the message on failure; the reason follows it.
        advice: what to do then.

    Raises:
        InputError: the download failed.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        yield
    except Exception as error:  # the downloader, unpacker and reader raise many kinds
        raise InputError(f"{failed} ({describe(error, 150)}): {advice}") from error
    finally:
        socket.setdefaulttimeout(before)


def load_imagenet(network: Network) -> Stored:
    """Weights of keras.applications: downloaded once, then from its folder.

    Raises:
        InputError: they cannot be loaded; the message says what to download and where to put it.
    """
    files = f"an .npz with layer|kernel and layer|bias ({', '.join(network.layers[:2])}, ..)"
    if not network.application:
        raise InputError(
            f"there are no weights of {network.name} to download; pass weights=FILE, {files}"
        )
    failed = f"the weights of {network.name} are not on this machine and could not be downloaded"
    advice = (
        f"fetch {FILES[network.name]}, a file of keras.applications, where there is internet and "
        f"put it into the folder ~/.keras/models here, or pass weights=FILE: that one or {files}"
    )
    with downloading(failed, advice):
        build = getattr(keras.applications, network.application)
        model = build(
            weights="imagenet", include_top=False, input_shape=(network.side, network.side, 3)
        )
    stored: Stored = {}
    for layer in model.layers:
        values = layer.get_weights()
        if values:
            roles = ("kernel", "bias") if values[0].ndim > 1 else _NORM
            stored[layer.name] = dict(zip(roles, values))
    return stored


def read(path: str | Path) -> Stored:
    """Reads a weights file.

    Raises:
        InputError: no such file, or not a weights file.
    """
    path = user_path(path)
    if not path.exists():
        raise InputError(
            f"there is no file of weights {path}; pass an .npz with layer|kernel and layer|bias, "
            "or an .h5 of keras.applications"
        )
    try:
        return _read_npz(path) if path.suffix == ".npz" else _read_h5(path)
    except Exception as error:  # of damaged .h5 files the library raises many kinds
        raise InputError(
            f"{path} cannot be read as weights ({message_of(error, 150)}); pass an "
            ".npz with layer|kernel and layer|bias, or an .h5 of keras.applications"
        ) from error


def _read_npz(path: Path) -> Stored:
    stored: Stored = {}
    keys = npz_files.array_names(path)
    for key, value in zip(keys, npz_files.read_arrays(path, keys)):
        layer, _, role = key.rpartition("|")
        if not layer or role not in ("kernel", "bias"):
            raise ValueError(f"it holds an array {key!r}")
        stored.setdefault(layer, {})[role] = np.asarray(value, np.float32)
    return stored


def _read_h5(path: Path) -> Stored:
    """By the layers' names: `block1_conv1/../kernel:0`, also below `model_weights/`."""
    import h5py

    stored: Stored = {}

    def visit(name: str, item: Any) -> None:
        parts = name.split("/")
        if not isinstance(item, h5py.Dataset) or parts[0] == "optimizer_weights":
            return
        parts = parts[1:] if parts[0] == "model_weights" else parts
        layer = parts[parts.index("vars") - 1] if "vars" in parts else parts[0]
        if item.external or item.nbytes > _MAX_BYTES:
            raise ValueError(
                f"the array {name} lies in another file or declares {item.nbytes} bytes"
            )
        value = np.asarray(item)
        role = next((role for role in _NORM if role in parts[-1]), "bias")
        stored.setdefault(layer, {})["kernel" if value.ndim > 1 else role] = value

    foreign_files.check_file(path)
    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return stored


def identify_network(path: str | Path) -> Network:
    """The network that a weights file belongs to: the one with exactly the file's layers.

    Raises:
        InputError: as `read`, or no network has exactly these layers.
    """
    layers = set(read(path))
    for network in architectures.NETWORKS.values():
        if {network.stored(layer) for layer in layers} == set(network.layers):
            return network
    raise InputError(
        f"{path} holds layers ({', '.join(sorted(layers)[:3])}, ..) of none of "
        f"{', '.join(architectures.NETWORKS)}; name the network, and pass the file as its weights"
    )


def write(model: keras.Model, path: str | Path) -> None:
    """Writes the weights of a model as `.npz`, atomically.

    Raises:
        InputError: a layer has something else than a kernel and a bias.
    """
    arrays = {}
    for layer in _with_weights(model):
        values = layer.get_weights()
        if len(values) != 2:
            raise InputError(
                f"the layer {layer.name} of {model.name} has {len(values)} weights; expected a "
                f"kernel and a bias, as in {', '.join(architectures.NETWORKS)}"
            )
        arrays.update({f"{layer.name}|{r}": v for r, v in zip(("kernel", "bias"), values)})
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(path, content.getvalue())


def read_model(path: Path) -> keras.Model:
    """Reads the file of a whole Keras model.

    Raises:
        InputError: it is not a Keras model, or loading it would run code of its own.
    """
    keras_files.check(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # readers raise many kinds of errors
        raise InputError(
            f"{path} cannot be read as a Keras model ({describe(error, 150)}); expected "
            f"a whole model (not weights alone), saved with this Keras, {compat.RELEASES['keras']}"
        ) from error


def draw(model: keras.Model, seed: int) -> None:
    """Sets random weights (He et al. 2015), the same for a layer whatever follows it.

    A kernel's mean is subtracted: it responds to differences, not to constant maps, which would
    silence half of the filters everywhere.
    """
    for layer in _with_weights(model):
        kernel, bias = layer.get_weights()
        draws = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
        fan_in = kernel.size // max(kernel.shape[-1], len(bias))
        values = draws.normal(0.0, np.sqrt(2.0 / fan_in), kernel.shape)
        # Of a depthwise kernel each channel is a filter.
        values -= values.mean(axis=(0, 1) if kernel.shape[-1] != len(bias) else (0, 1, 2))
        layer.set_weights([values.astype(np.float32), np.zeros_like(bias)])


def normalize(model: keras.Model, images: np.ndarray, preserve: bool = True) -> None:
    """Rescales a VGG until each filter's mean activation over images is 1 (Gatys et al. 2016).

    A ReLU commutes with positive factors: the next layer compensates for the factor of a layer, so
    that each map changes by a factor only. A filter that never activates is not changed.

    Args:
        model: a chain of convolutions with ReLUs.
        images: float `(n, height, width, 3)` in [-1, 1].
        preserve: whether the next layer compensates for a factor; without it, random weights get
            inputs of mean 1.
    """
    x = tf.convert_to_tensor(np.asarray(images, np.float32))
    before = None
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if not isinstance(layer, keras.layers.Conv2D):
            x = layer(x)
            continue
        kernel, bias = layer.get_weights()
        if preserve and before is not None:
            kernel = kernel * before[:, None]
            layer.set_weights([kernel, bias])
        x = layer(x)
        mean = np.maximum(x.numpy(), 0.0).mean(axis=(0, 1, 2), dtype=np.float64)
        before = np.where(mean > 1e-6, mean, 1.0).astype(np.float32)
        layer.set_weights([kernel / before, bias / before])
        x = x / before


def noise_images(seed: int, count: int = 4, side: int = 64) -> np.ndarray:
    """Random images with coarse and fine detail: float32 `(count, side, side, 3)` in [-1, 1]."""
    draws = np.random.default_rng(seed)
    images = np.zeros((count, side, side, 3))
    for cells in (4, 16, side):
        values = draws.uniform(-1.0, 1.0, (count, cells, cells, 3))
        images += values.repeat(side // cells, axis=1).repeat(side // cells, axis=2)
    return (images / 3.0).astype(np.float32)


def _with_weights(model: keras.Model) -> Iterable[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.get_weights()]
