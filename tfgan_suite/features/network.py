"""What the networks of `architectures` share: named layers, variants, Caffe's colours."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError

VGG_MEAN = (103.939, 116.779, 123.68)  # blue, green, red


@dataclasses.dataclass(frozen=True)
class Variant:
    """How VGG is built: see `named_layers.feature_network`."""

    pooling: str = "max"
    padding: str = "zeros"
    round_up: bool = False

    def __post_init__(self) -> None:
        for option, choices in (("pooling", ("max", "average")), ("padding", ("zeros", "reflect"))):
            if getattr(self, option) not in choices:
                raise InputError(
                    f"{option} is {getattr(self, option)!r}; it must be {choices[0]!r} or "
                    f"{choices[1]!r}"
                )

    @property
    def is_plain(self) -> bool:
        """Whether it is what keras.applications builds."""
        return self == Variant()


Maps = dict[str, Any]  # layer: its symbolic output


@dataclasses.dataclass(frozen=True)
class Network:
    """One of the networks.

    Args:
        name: as users write it.
        trace: from an image, the requested layers and a variant to the output of every layer, at
            least up to the requested ones.
        named_layers: by the name that papers use, the layer before the activation ("": none) and
            the one after it.
        layers: names of all layers with weights, in order.
        min_size: smallest side for requested layers and a variant.
        alias: from any other name to the one in `named_layers`.
        stored: a layer's name from that in a weights file.
        side: pixels of the images that it was trained on.
        default_layer: the named layer for measures.
        application: class in keras.applications whose weights fit; "": none.
        scales: whether scaling a filter's weights scales only its own maps: a chain of ReLUs.
        norm: from a layer with weights to the batch norm behind it in keras.applications.
    """

    name: str
    trace: Callable[[Any, Sequence[str], Variant], Maps]
    named_layers: Mapping[str, tuple[str, str]]
    layers: tuple[str, ...]
    min_size: Callable[[Sequence[str], Variant], int]
    alias: Callable[[str], str]
    stored: Callable[[str], str]
    side: int
    default_layer: str
    application: str = ""
    scales: bool = False
    norm: Callable[[str], str] = lambda layer: ""

    def check(self, variant: Variant, normalized: bool) -> None:
        """Refuses options that this network does not have.

        Raises:
            InputError: a variant or a normalization of another network than VGG.
        """
        if not self.scales and (normalized or not variant.is_plain):
            raise InputError(
                f"pooling, padding, round_up and normalize_on are for vgg16 and vgg19; leave them "
                f"out for {self.name}"
            )

    def layer_list(self) -> str:
        """The named layers, as words."""
        other = " (conv4_2, phi_4,2 and block4_conv2 are relu4_2)" if self.scales else ""
        return ", ".join(self.named_layers) + other

    def layer_of(self, name: str, before_activation: bool = False) -> str:
        """The Keras layer of a name that papers use.

        Raises:
            InputError: no such layer, or nothing before its activation.
        """
        pair = self.named_layers.get(self.alias(str(name)))
        if pair is None:
            raise InputError(f"{self.name} has no layer {name!r}; it has {self.layer_list()}")
        if before_activation and not pair[0]:
            raise InputError(
                f"{name!r} of {self.name} has no activation of its own; name a convolution or "
                "leave before_activation out"
            )
        return pair[0] if before_activation else pair[1]

    def build(self, layers: Sequence[str], variant: Variant | None = None) -> keras.Model:
        """The network up to the deepest of some layers, with kernels of zeros.

        Args:
            layers: as `layer_of` returns them; their outputs are the model's.
            variant: default as keras.applications builds it.
        """
        image = keras.Input((None, None, 3), name="image")
        maps = self.trace(image, layers, variant or Variant())
        return keras.Model(image, [maps[layer] for layer in layers], name=self.name)


@compat.register_layer
class CaffeColours(keras.layers.Layer):
    """From red, green, blue in [-1, 1] to blue, green, red in 0..255 minus a mean colour.

    Args:
        mean: blue, green, red.

    Input and output shape `(batch, height, width, 3)`.
    """

    def __init__(self, mean: Sequence[float] = VGG_MEAN, **kwargs: Any):
        super().__init__(**kwargs)
        self.mean = [float(value) for value in mean]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        pixels = (inputs + 1.0) * 127.5
        return tf.reverse(pixels, [-1]) - tf.constant(self.mean, pixels.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean}


@contextlib.contextmanager
def in_float32() -> Iterator[None]:
    """Networks built inside this context compute in float32, whatever the run's precision."""
    before = compat.get_precision()
    compat.set_precision("float32")
    try:
        yield
    finally:
        compat.set_precision(before)
