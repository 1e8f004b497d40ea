"""What enters a style-based generator beside its styles: a constant, noise, the average of w.

Karras, Laine, Aila, CVPR 2019, arXiv:1812.04958; Karras et al., CVPR 2020, arXiv:1912.04958.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.layers import blur
from tfgan_suite.layers.convolution import add_bias
from tfgan_suite.layers.equalized import EqualizedConv2D
from tfgan_suite.layers.style_modulation import RESAMPLING

SLOPE = 0.2


@compat.register_layer
class LearnedConstant(keras.layers.Layer):
    """The same learned maps for every example, whatever the input holds.

    Args:
        shape: height, width and channels.
        initial: `"normal"`: N(0, 1) as in StyleGAN2; `"ones"` as in StyleGAN.

    Input shape `(batch, ...)`; output `(batch, *shape)`.
    """

    def __init__(self, shape: Sequence[int], initial: str = "normal", **kwargs: Any):
        super().__init__(**kwargs)
        self.maps_shape, self.initial = tuple(int(side) for side in shape), initial

    def build(self, input_shape: Any) -> None:
        normal = keras.initializers.RandomNormal(0.0, 1.0)
        self.maps = self.add_weight(
            name="maps",
            shape=self.maps_shape,
            initializer=normal if self.initial == "normal" else self.initial,
        )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        maps = tf.cast(tf.convert_to_tensor(self.maps), self.compute_dtype)
        return tf.tile(maps[None], (tf.shape(inputs)[0], 1, 1, 1))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0], *self.maps_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.maps_shape, "initial": self.initial}


@compat.register_layer
class NoiseBiasActivation(keras.layers.Layer):
    """`gain leaky_relu(x + strength noise + bias)`; strength and bias start at 0, the slope is 0.2.

    Args:
        gain: factor of the activation; sqrt 2 in StyleGAN2, which keeps the variance.
        per_channel: one strength for each channel (StyleGAN) instead of one (StyleGAN2).

    Input: `[maps, noise]` with maps `(batch, height, width, channels)` and noise `(batch or 1,
    height, width, 1)`; output as the maps.
    """

    def __init__(self, gain: float = math.sqrt(2.0), per_channel: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.gain, self.per_channel = float(gain), bool(per_channel)
        self._activation = compat.LeakyReLU(SLOPE, dtype=kwargs.get("dtype"))

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[0][-1])
        shape = (channels,) if self.per_channel else ()
        self.strength = self.add_weight(name="strength", shape=shape, initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(channels,), initializer="zeros")
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        maps, noise = inputs
        strength = tf.cast(tf.convert_to_tensor(self.strength), maps.dtype)
        x = add_bias(maps + strength * tf.cast(noise, maps.dtype), self.bias)
        x = self._activation(x)
        return x if self.gain == 1.0 else self.gain * x

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain, "per_channel": self.per_channel}


@compat.register_layer
class ScaledLeakyReLU(compat.LeakyReLU):
    """`gain leaky_relu(x)` with slope 0.2; sqrt 2 gives about the variance of its input.

    Args:
        gain: the factor; default sqrt 2.
    """

    def __init__(self, gain: float = math.sqrt(2.0), **kwargs: Any):
        for name in ("alpha", "negative_slope"):  # of a config
            kwargs.pop(name, None)
        super().__init__(SLOPE, **kwargs)
        self.gain = float(gain)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        activated = super().call(inputs)
        return activated if self.gain == 1.0 else self.gain * activated

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


@compat.register_layer
class StyleOfLayer(keras.layers.Layer):
    """The style vector of one layer.

    Args:
        index: of the layer.

    Input shape `(batch, layers, features)`; output `(batch, features)`.
    """

    def __init__(self, index: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.index = int(index)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs[:, self.index]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return input_shape[0], input_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "index": self.index}


@compat.register_layer
class StylePerLayer(keras.layers.Layer):
    """Repeats w for every layer; holds the average of w, which truncation moves towards.

    Args:
        layers: how many.

    Input shape `(batch, features)`; output `(batch, layers, features)`. `average` `(features,)` is
    a weight that does not train: a game updates it, and whatever holds the network holds it.
    """

    def __init__(self, layers: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer_count = int(layers)

    def build(self, input_shape: Any) -> None:
        self.average = self.add_weight(
            name="average", shape=(int(input_shape[-1]),), initializer="zeros", trainable=False
        )
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.tile(inputs[:, None], (1, self.layer_count, 1))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return input_shape[0], self.layer_count, input_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layers": self.layer_count}


@compat.register_layer
class EqualizedDownConv2D(EqualizedConv2D):
    """Halves height and width: blurs by the filter 1, 3, 3, 1, then convolves every second pixel.

    Args:
        filters, kernel_size: as for `EqualizedConv2D`.
        **kwargs: its other arguments, without strides and padding.

    Input shape `(batch, height, width, channels)` with even sides; output `(batch, height / 2,
    width / 2, filters)`.
    """

    def __init__(self, filters: int, kernel_size: Any, **kwargs: Any):
        super().__init__(filters, kernel_size, **{**kwargs, "strides": 2, "padding": "valid"})

    def _product(self, inputs: tf.Tensor, kernel: tf.Tensor, fast: bool) -> tf.Tensor:
        # As many zeros as let the outputs lie in the middle of two pixels.
        padding = (kernel.shape[0] - 2 + len(RESAMPLING)) // 2
        blurred = blur.padded_blur(inputs, RESAMPLING, padding, fast)
        return tf.nn.conv2d(blurred, kernel, 2, "VALID")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        return batch, height and height // 2, width and width // 2, self.filters
