"""What is common to the networks of `architectures`: their taps, their variants, their colours."""

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
        for what, choices in (("pooling", ("max", "average")), ("padding", ("zeros", "reflect"))):
            if getattr(self, what) not in choices:
                raise InputError(
                    f"{what} is {getattr(self, what)!r}; it must be {choices[0]!r} or "
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
        trace: from an image, the layers that are wanted and a variant to the output of every
            layer, at least up to the wanted ones.
        taps: for each tap the layer before its activation ("" where there is none) and after.
        layers: names of all layers with weights, in order.
        least: smallest side for wanted layers and a variant.
        alias: a tap's name in `taps` from another name of it.
        stored: a layer's name from that in a file of weights.
        side: pixels of the images that it was trained on.
        usual: the tap for measures.
        application: class in keras.applications whose weights fit; "": none.
        scales: whether scaling a filter's weights scales its maps alone: a chain of ReLUs.
        norm: from a layer with weights to the batch norm behind it in keras.applications.
    """

    name: str
    trace: Callable[[Any, Sequence[str], Variant], Maps]
    taps: Mapping[str, tuple[str, str]]
    layers: tuple[str, ...]
    least: Callable[[Sequence[str], Variant], int]
    alias: Callable[[str], str]
    stored: Callable[[str], str]
    side: int
    usual: str
    application: str = ""
    scales: bool = False
    norm: Callable[[str], str] = lambda layer: ""

    def check(self, variant: Variant, normalised: bool) -> None:
        """Refuses options that this network does not have.

        Raises:
            InputError: a variant or a normalisation of another network than VGG.
        """
        if not self.scales and (normalised or not variant.is_plain):
            raise InputError(
                f"pooling, padding, round_up and normalize_on are for vgg16 and vgg19; leave them "
                f"out for {self.name}"
            )

    def listed(self) -> str:
        """The taps, as words."""
        other = " (conv4_2, phi_4,2 and block4_conv2 are relu4_2)" if self.scales else ""
        return ", ".join(self.taps) + other

    def layer_of(self, tap: str, before_activation: bool = False) -> str:
        """The layer that gives a tap.

        Raises:
            InputError: no such tap, or nothing before its activation.
        """
        pair = self.taps.get(self.alias(str(tap)))
        if pair is None:
            raise InputError(f"{self.name} has no tap {tap!r}; it has {self.listed()}")
        if before_activation and not pair[0]:
            raise InputError(
                f"{tap!r} of {self.name} has no activation of its own; name a convolution or leave "
                "before_activation out"
            )
        return pair[0] if before_activation else pair[1]

    def build(self, layers: Sequence[str], variant: Variant | None = None) -> keras.Model:
        """The network up to the deepest of some layers, with kernels of zeros.

        Args:
            layers: as `layer_of` gives them; their outputs are the model's.
            variant: default as keras.applications builds it.
        """
        image = keras.Input((None, None, 3), name="image")
        made = self.trace(image, layers, variant or Variant())
        return keras.Model(image, [made[layer] for layer in layers], name=self.name)


@keras.saving.register_keras_serializable(package="tfgan_suite")
class CaffeColours(keras.layers.Layer):
    """From red, green, blue in [-1, 1] to blue, green, red in 0..255 less a mean colour.

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
    """Networks built inside compute in float32, whatever a run's precision is."""
    before = compat.get_precision()
    compat.set_precision("float32")
    try:
        yield
    finally:
        compat.set_precision(before)
