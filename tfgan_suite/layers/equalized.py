"""Equalized learning rates: weights start from N(0, 1) and are scaled wherever they are used.

Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs", ICLR 2018, arXiv:1710.10196. Adam's
steps do not depend on the size of a gradient, so weights of one spread learn at one speed; He's
constant, with which other networks start, is a factor here.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Dense


class _Equalized:
    """Mixin that scales kernel and bias: `y = x (c k w) + k b`, `c = gain / sqrt(fan_in)`.

    k is the learning-rate multiplier; w starts from N(0, 1/k^2), so that k changes how fast the
    layer learns, but not how it starts.
    """

    # Of the Keras layer.
    kernel: Any
    bias: Any

    def __init__(
        self,
        *args: Any,
        gain: float = math.sqrt(2.0),
        learning_rate_multiplier: float = 1.0,
        **kwargs: Any,
    ):
        if not gain > 0 or not learning_rate_multiplier > 0:
            raise InputError(
                f"gain {gain} and learning_rate_multiplier {learning_rate_multiplier}; both must be"
                " above 0"
            )
        if "kernel_initializer" in kwargs:
            raise InputError("an equalized layer has no kernel_initializer; use gain")
        spread = 1.0 / learning_rate_multiplier
        kwargs["kernel_initializer"] = keras.initializers.RandomNormal(0.0, spread)
        super().__init__(*args, **kwargs)
        self.gain, self.learning_rate_multiplier = float(gain), float(learning_rate_multiplier)

    @property
    def kernel_scale(self) -> float:
        """What the stored kernel is multiplied by: c k."""
        return self.gain * self.learning_rate_multiplier / math.sqrt(fan_in(self.kernel))

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = self.kernel_scale * tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        outputs = self._product(inputs, kernel, fast=bool(training))  # type: ignore[attr-defined]
        bias = self.bias
        if bias is not None and self.learning_rate_multiplier != 1.0:
            bias = self.learning_rate_multiplier * tf.convert_to_tensor(bias)
        return self._add_bias_and_activate(outputs, bias)  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        config.pop("kernel_initializer")
        return {
            **config,
            "gain": self.gain,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }


@compat.register_layer
class EqualizedConv2D(_Equalized, Conv2D):
    """A convolution with an equalized learning rate.

    Args:
        gain: of the scale `gain / sqrt(kernel rows * columns * channels)`; sqrt 2 suits leaky ReLU,
            1 layers without activation.
        learning_rate_multiplier: of kernel and bias.
        *args, **kwargs: those of `tfgan_suite.layers.convolution.Conv2D`, without an initializer
            of the kernel.

    Raises:
        InputError: a gain or multiplier that is not above 0, or an initializer of the kernel.
    """


@compat.register_layer
class EqualizedDense(_Equalized, Dense):
    """A dense layer with an equalized learning rate.

    Args:
        gain: of the scale `gain / sqrt(features)`.
        learning_rate_multiplier: of kernel and bias; 0.01 in StyleGAN's mapping.
        *args, **kwargs: Keras's, without an initializer of the kernel.

    Input shape `(batch, features)`.

    Raises:
        InputError: a gain or multiplier that is not above 0, or an initializer of the kernel.
    """


def fan_in(kernel: Any) -> int:
    """Inputs of one output of a kernel `(..., inputs, outputs)`."""
    return math.prod(int(size) for size in kernel.shape[:-1])
