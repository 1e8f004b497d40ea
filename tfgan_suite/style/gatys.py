"""Neural style transfer by optimizing pixels, without training (Gatys et al. 2016).

look = extractors.feature_network("vgg19", ["conv4_2", "relu1_1", "relu2_1"], pooling="average")
problem = gatys.Gatys(look, content, [style], content_layers=["conv4_2"],
                      style_layers=["relu1_1", "relu2_1"])
state = descent.State(problem.start("content"))
descent.descend(problem, state, until=300)
image = problem.image(state.best)       # float32 (height, width, 3) in [-1, 1]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError, did_you_mean, must_be
from tfgan_suite.features import architectures, weights

PAPER = "Gatys, Ecker, Bethge 2016, arXiv:1508.06576"
DATA = "a photo and a painting"

STARTS = ("content", "noise", "style")
CONVENTIONS = ("mean", "paper")
_VGG = (("conv4_2",), ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"))
# Network: layers of content and of style. VGG's are the paper's.
DEFAULT_LAYERS = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "squeezenet": (("fire5",), ("conv1", "fire2", "fire4", "fire6", "fire8")),
    "mobilenet_v2": (
        ("block_6_expand",),
        ("Conv1", "block_1_expand", "block_3_expand", "block_6_expand"),
    ),
}


def default_layers(network: str | Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Layers of content and of style for a network as `extractors.feature_network` takes it.

    Raises:
        InputError: a network without default layers.
    """
    name = str(network)
    if name not in DEFAULT_LAYERS and name.endswith(".npz"):
        name = weights.identify_network(name).name
    if name not in DEFAULT_LAYERS:
        raise InputError(
            f"the network {name!r} has no default layers; name layers for content and style, or "
            f"use one of {', '.join(architectures.NETWORKS)}"
            f"{did_you_mean(name, architectures.NETWORKS)}"
        )
    return DEFAULT_LAYERS[name]


def gram(maps: tf.Tensor) -> tf.Tensor:
    """Gram matrices, which features occur together at any position: `G_ij = sum_k F_ik F_jk / M`.

    The paper divides by M = height * width later; dividing here makes images of different sizes
    comparable and float32 sufficient.

    Args:
        maps: float `(batch, height, width, channels)`.

    Returns:
        `(batch, channels, channels)`.
    """
    sizes, channels = tf.shape(maps), maps.shape[-1]
    flat = tf.reshape(maps, (sizes[0], sizes[1] * sizes[2], channels))
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(sizes[1] * sizes[2], maps.dtype)


def content_loss(maps: tf.Tensor, target: tf.Tensor, convention: str = "mean") -> tf.Tensor:
    """`1/2 sum (F - P)^2` (`"paper"`), or the mean of `(F - P)^2` (`"mean"`, Gatys' own code).

    Args:
        maps, target: `(1, height, width, channels)`.
    """
    square = tf.math.squared_difference(maps, target)
    return 0.5 * tf.reduce_sum(square) if convention == "paper" else tf.reduce_mean(square)


def style_loss(matrix: tf.Tensor, target: tf.Tensor, convention: str = "mean") -> tf.Tensor:
    """`E = 1 / (4 N^2) sum (G / M - A / M')^2` (`"paper"`), or the mean over N^2, which is 4 E.

    Args:
        matrix, target: `(1, N, N)` as `gram` returns them.
    """
    mean = tf.reduce_mean(tf.math.squared_difference(matrix, target))
    return 0.25 * mean if convention == "paper" else mean


class Gatys:
    """The content of one image in the style of others, as a function of the pixels.

    `L(x) = alpha sum_l v_l C_l(x) + beta sum_l w_l E_l(x) + gamma TV(x)`, where C compares
    features with those of the content image and E Gram matrices with the styles'. Calling it
    returns what `descent.descend` needs.

    Args:
        features: from `(1, height, width, 3)` in [-1, 1] to a list of maps, such as
            `extractors.feature_network`.
        content: float `(height, width, 3)` in [-1, 1].
        styles: one or more such images, of any sizes.
        content_layers: names, or names with weights v_l; default weights sum to 1.
        style_layers: names, or names with weights w_l; default weights sum to 1 (paper: 1/5).
        names: of the outputs of `features`; default `features.names`.
        content_weight: alpha; default 1.
        style_weight: beta; default 100. Paper: alpha / beta 1e-3 with convention `"paper"`.
        blend: weight of each style; default equal. Divided by its sum.
        variation_weight: gamma, of the mean absolute difference of neighbours; default 0.
        convention: `"mean"` or `"paper"`, see `content_loss` and `style_loss`. Weights do not
            carry over from one to the other.
        normalize: whether each layer's maps are divided by their mean size over the given images,
            so that weights mean the same in every layer and every network. The paper
            rescales each filter of its network instead (`normalize_on` of `feature_network`).
        dtype: of the computation.

    Reference: Gatys, Ecker, Bethge, "Image Style Transfer Using Convolutional Neural Networks",
    CVPR 2016.

    Deviations: Gram matrices are divided by their own number of positions, as sizes may differ.

    Raises:
        InputError: images of another shape, an unknown layer or convention, impossible weights.
    """

    def __init__(
        self,
        features: Callable[[tf.Tensor], list[tf.Tensor]],
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        *,
        content_layers: Sequence[str] | Mapping[str, float],
        style_layers: Sequence[str] | Mapping[str, float],
        names: Sequence[str] | None = None,
        content_weight: float = 1.0,
        style_weight: float = 100.0,
        blend: Sequence[float] | None = None,
        variation_weight: float = 0.0,
        convention: str = "mean",
        normalize: bool = True,
        dtype: str = "float32",
    ):
        self.features, self.names = features, list(features.names if names is None else names)
        self.content_layers = self._weighted("content", content_layers)
        self.style_layers = self._weighted("style", style_layers)
        self.weights = {
            "content": float(content_weight),
            "style": float(style_weight),
            "variation": float(variation_weight),
        }
        bad = [name for name, weight in self.weights.items() if not 0 <= weight < np.inf]
        if bad:
            raise InputError(f"the {bad[0]} weight is {self.weights[bad[0]]}; it must be 0 or more")
        if convention not in CONVENTIONS:
            raise InputError(f"the convention is {convention!r}; it must be 'mean' or 'paper'")
        self.convention, self.dtype = convention, tf.as_dtype(dtype)
        self.content, self.styles = content, list(styles)
        for image in (content, *self.styles):
            if image.ndim != 3 or image.shape[2] != 3:
                raise InputError(f"an image has shape {image.shape}; expected (height, width, 3)")
        self.blend = self._blended(blend)
        self._set_targets(normalize)
        spec = tf.TensorSpec((1, *content.shape), self.dtype)
        # Without autograph an InputError remains a single line.
        self._graph = tf.function(self._gradient, [spec], autograph=False)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray, dict[str, float]]:
        """Loss, gradient and parts.

        Args:
            x: float64 vector of `height * width * 3` values.

        Returns:
            The total; its gradient, float64, as long as `x`; the parts by name: `"content"`,
            `"style"`, `"variation"`, before their weights.
        """
        image = tf.constant(np.reshape(x, (1, *self.content.shape)), self.dtype)
        gradient, parts = self._graph(image)
        total = parts.pop("total")
        vector = gradient.numpy().astype(np.float64).ravel()
        return float(total), vector, {name: float(value) for name, value in parts.items()}

    def losses(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`"total"`, and `"content"`, `"style"`, `"variation"` before their weights.

        Args:
            images: `(1, height, width, 3)` of the content's size.
        """
        maps = self._maps(images)
        parts = {
            "content": tf.add_n(
                [
                    weight * content_loss(maps[name], self._contents[name], self.convention)
                    for name, weight in self.content_layers.items()
                ]
            ),
            "style": tf.add_n(
                [
                    weight * style_loss(gram(maps[name]), self._grams[name], self.convention)
                    for name, weight in self.style_layers.items()
                ]
            ),
            "variation": tf.reduce_sum(tf.image.total_variation(images))
            / float(np.prod(self.content.shape[:2])),
        }
        total = tf.add_n([self.weights[name] * value for name, value in parts.items()])
        return {"total": total, **parts}

    def start(self, kind: str = "content", seed: int = 0) -> np.ndarray:
        """An image to start from, as a float64 vector.

        Args:
            kind: `"content"`, `"noise"` (white, as in the paper) or `"style"` (the first one,
                cropped to the content's aspect ratio and resized).
            seed: of the noise.

        Raises:
            InputError: another kind.
        """
        if kind not in STARTS:
            raise InputError(f"the start is {kind!r}; {must_be(kind, STARTS)}")
        height, width = self.content.shape[:2]
        if kind == "content":
            image = self.content
        elif kind == "noise":
            draws = np.random.default_rng(seed).normal(0.0, 0.25, self.content.shape)
            image = np.clip(draws, -1.0, 1.0)
        else:
            image = self.styles[0]
            scale = min(image.shape[0] / height, image.shape[1] / width)
            rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
            top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
            crop = image[top : top + rows, left : left + columns].astype(np.float32)
            image = tf.image.resize(crop, (height, width), "bicubic", antialias=True).numpy()
        return np.clip(np.asarray(image, np.float64), -1.0, 1.0).ravel()

    def image(self, x: np.ndarray) -> np.ndarray:
        """The image of a vector: float32 `(height, width, 3)`, clipped to [-1, 1]."""
        return np.clip(np.reshape(x, self.content.shape), -1.0, 1.0).astype(np.float32)

    def _gradient(self, images: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            parts = self.losses(images)
        return tape.gradient(parts["total"], images), parts

    def _maps(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The maps by name, divided by their mean size."""
        by_name = dict(zip(self.names, self.features(images)))
        used = {*self.content_layers, *self.style_layers}
        return {
            name: tf.cast(maps, self.dtype) * tf.cast(self._factors[name], self.dtype)
            for name, maps in by_name.items()
            if name in used
        }

    def _set_targets(self, normalize: bool) -> None:
        """Sets factors, features of the content and Gram matrices of the styles."""
        self._factors = dict.fromkeys(self.names, 1.0)
        batches = [tf.constant(image[None], self.dtype) for image in (self.content, *self.styles)]
        if normalize:
            sizes = []
            for batch in batches:
                maps = self._maps(batch)
                sizes.append({k: float(tf.reduce_mean(tf.abs(v))) for k, v in maps.items()})
            for name in sizes[0]:
                mean = float(np.mean([size[name] for size in sizes]))
                self._factors[name] = 1.0 / mean if mean > 1e-12 else 1.0
        content = self._maps(batches[0])
        self._contents = {name: content[name] for name in self.content_layers}
        matrices = [
            {name: gram(maps[name]) for name in self.style_layers}
            for maps in map(self._maps, batches[1:])
        ]
        self._grams = {
            name: tf.add_n([w * grams[name] for w, grams in zip(self.blend, matrices)])
            for name in self.style_layers
        }

    def _weighted(self, role: str, layers: Any) -> dict[str, float]:
        if not isinstance(layers, Mapping):
            layers = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
            layers = {name: 1.0 / len(layers) for name in layers}
        unknown = [name for name in layers if name not in self.names]
        if unknown or not layers:
            raise InputError(
                f"there is no {role} layer {', '.join(unknown) or 'at all'}; the features have "
                f"{', '.join(self.names)}"
            )
        if min(layers.values()) < 0:
            raise InputError(
                f"a weight of the {role} layers is below 0: {dict(layers)}; expected 0 or more"
            )
        return {name: float(weight) for name, weight in layers.items()}

    def _blended(self, blend: Sequence[float] | None) -> list[float]:
        blend = [1.0] * len(self.styles) if blend is None else [float(weight) for weight in blend]
        if not self.styles or len(blend) != len(self.styles):
            raise InputError(
                f"there are {len(self.styles)} style images and {len(blend)} weights for them; "
                "expected at least one image, and a weight for each"
            )
        if min(blend) < 0 or not sum(blend) > 0:
            raise InputError(f"the styles' weights are {blend}; expected 0 or more, not all 0")
        return [weight / sum(blend) for weight in blend]
