"""The networks whose inner layers losses and measures use, built as Keras models.

VGG-16 and -19 (Simonyan, Zisserman 2015, arXiv 1409.1556), their convolutions; SqueezeNet 1.0
(Iandola et al. 2016, arXiv 1602.07360); MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) with
batch norm folded into the convolutions. All take images in [-1, 1] of any size and compute inside
what each was trained on. `weights` loads their weights.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from tfgan_suite.features.network import CaffeColours, Maps, Network, Variant
from tfgan_suite.layers.resizing import ReflectionPadding2D

_SQUEEZENET_MEAN = (104.0, 117.0, 123.0)
_VGG_WIDTHS = (64, 128, 256, 512, 512)
_FIRE_WIDTHS = (16, 16, 32, 32, 48, 48, 64, 64)  # squeeze of fire2 to fire9; expand: 8 times
# MobileNetV2's bottlenecks after the first: channels and stride.
_BOTTLENECKS = (
    (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1),
    (96, 1), (96, 1), (96, 1), (160, 2), (160, 1), (160, 1), (320, 1),
)  # fmt: skip


def _convolution(x: Any, filters: int, size: int, name: str, **options: Any) -> Any:
    options = {"padding": "same", "kernel_initializer": "zeros", **options}
    return keras.layers.Conv2D(filters, size, name=name, **options)(x)


def _relu(x: Any, name: str) -> Any:
    return keras.layers.Activation("relu", name=name)(x)


# --- VGG ------------------------------------------------------------------------------------


def _vgg_chain(counts: Sequence[int], variant: Variant) -> Iterator[tuple[str, Any]]:
    """Names and layers in order; a layer has no weights before it is called."""
    pools = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
    pool = pools[variant.pooling]
    reflects = variant.padding == "reflect"
    options = {"padding": "valid" if reflects else "same", "kernel_initializer": "zeros"}
    yield "colours", CaffeColours(name="colours")
    for block, (count, width) in enumerate(zip(counts, _VGG_WIDTHS), 1):
        for index in range(1, count + 1):
            if reflects:
                name = f"block{block}_pad{index}"
                yield name, ReflectionPadding2D(1, name=name)
            name = f"block{block}_conv{index}"
            yield name, keras.layers.Conv2D(width, 3, name=name, **options)
            name = f"block{block}_relu{index}"
            yield name, keras.layers.Activation("relu", name=name)
        name = f"block{block}_pool"
        # With 2x2 windows at stride 2, "same" completes the last window of an odd side.
        yield name, pool(2, 2, padding="same" if variant.round_up else "valid", name=name)


def _trace_vgg(counts: Sequence[int], image: Any, layers: Sequence[str], variant: Variant) -> Maps:
    maps, missing, x = {}, set(layers), image
    for name, layer in _vgg_chain(counts, variant):
        x = maps[name] = layer(x)
        missing.discard(name)
        if not missing:  # deeper layers would only take memory
            break
    return maps


def _min_size_vgg(layers: Sequence[str], variant: Variant) -> int:
    """The deepest block needs at least a pixel, or two if maps are padded by reflection."""
    return max(
        2 ** (int(name[5]) - 1 + ("pool" in name or variant.padding == "reflect"))
        for name in layers  # block5_conv1 and such
    )


def _vgg_alias(name: str) -> str:
    """`relu4_2` of conv4_2, phi_4,2, phi4_2 and block4_conv2; `pool4` of block4_pool."""
    match = re.fullmatch(r"(?:relu|conv|phi_?|block)(\d)(?:,|_conv|_relu|_)(\d)", name)
    if match:
        return "relu{}_{}".format(*match.groups())
    match = re.fullmatch(r"block(\d)_pool", name)
    return f"pool{match[1]}" if match else name


def _vgg_stored(name: str) -> str:
    match = re.fullmatch(r"conv(\d)_(\d)", name)
    return "block{}_conv{}".format(*match.groups()) if match else name


def _vgg(name: str, application: str, counts: Sequence[int]) -> Network:
    named_layers, layers = {}, []
    for block, count in enumerate(counts, 1):
        for index in range(1, count + 1):
            layers.append(f"block{block}_conv{index}")
            named_layers[f"relu{block}_{index}"] = layers[-1], f"block{block}_relu{index}"
        named_layers[f"pool{block}"] = "", f"block{block}_pool"
    return Network(
        name,
        functools.partial(_trace_vgg, counts),
        named_layers,
        tuple(layers),
        _min_size_vgg,
        _vgg_alias,
        _vgg_stored,
        side=224,
        default_layer="pool5",
        application=application,
        scales=True,
    )


# --- SqueezeNet -----------------------------------------------------------------------------


def _trace_squeezenet(image: Any, layers: Sequence[str], variant: Variant) -> Maps:
    maps: Maps = {}

    def keep(name: str, value: Any) -> Any:
        maps[name] = value
        return value

    x = CaffeColours(_SQUEEZENET_MEAN, name="colours")(image)
    x = keep("conv1", _convolution(x, 96, 7, "conv1", strides=2, padding="valid"))
    x = keep("conv1_relu", _relu(x, "conv1_relu"))
    x = keep("pool1", _pool_up(x, "pool1"))
    for number, width in enumerate(_FIRE_WIDTHS, 2):
        name = f"fire{number}"
        x = _convolution(x, width, 1, f"{name}_conv1x1_1")
        x = _relu(x, f"{name}_squeezed")
        parts = [
            _convolution(x, 4 * width, 1, f"{name}_conv1x1_2"),
            _convolution(x, 4 * width, 3, f"{name}_conv3x3_2"),
        ]
        x = keep(f"{name}_concat", keras.layers.Concatenate(name=f"{name}_concat")(parts))
        x = keep(f"{name}_relu", _relu(x, f"{name}_relu"))
        if number in (4, 8):
            x = keep(f"pool{number}", _pool_up(x, f"pool{number}"))
    # Caffe's file pads this 1x1 convolution: a border of biases takes part in the mean.
    x = keras.layers.ZeroPadding2D(1, name="rim")(x)
    x = keep("conv_final", _convolution(x, 1000, 1, "conv_final"))
    x = keep("conv_final_relu", _relu(x, "conv_final_relu"))
    x = keras.layers.GlobalAveragePooling2D(name="pool_final")(x)
    keep("predictions", keras.layers.Softmax(name="predictions")(x))
    return maps


def _pool_up(x: Any, name: str) -> Any:
    """Maxima over 3x3 at stride 2, rounding up: after a ReLU a zero changes no maximum."""
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)


def _min_size_squeezenet(layers: Sequence[str], variant: Variant) -> int:
    """7 for the first convolution; p pools need 2^p pixels behind it."""
    pool_counts = {"conv1": 0, "conv1_relu": 0, "pool1": 1, "pool4": 2}

    def pools_before(name: str) -> int:
        fire = re.match(r"fire(\d)", name)
        return pool_counts.get(name, 3) if fire is None else 1 + (fire[1] > "4") + (fire[1] > "8")

    pools = max(pools_before(name) for name in layers)
    return 2 ** (pools + 1) + 5


def _squeezenet() -> Network:
    named_layers = {"conv1": ("conv1", "conv1_relu"), "pool1": ("", "pool1")}
    layers = ["conv1"]
    for number in range(2, 10):
        layers += [f"fire{number}_{part}" for part in ("conv1x1_1", "conv1x1_2", "conv3x3_2")]
        named_layers[f"fire{number}"] = f"fire{number}_concat", f"fire{number}_relu"
        if number in (4, 8):
            named_layers[f"pool{number}"] = "", f"pool{number}"
    named_layers["conv_final"] = "conv_final", "conv_final_relu"
    named_layers["predictions"] = "", "predictions"
    return Network(
        "squeezenet",
        _trace_squeezenet,
        named_layers,
        (*layers, "conv_final"),
        _min_size_squeezenet,
        alias=lambda name: name,
        stored=lambda name: re.sub(r"[|/]", "_", name),
        side=227,
        default_layer="fire9",
    )


# --- MobileNetV2 ----------------------------------------------------------------------------


def _trace_mobilenet(image: Any, layers: Sequence[str], variant: Variant) -> Maps:
    maps: Maps = {}

    def convolution(x: Any, filters: int, size: int, name: str, stride: int = 1) -> Any:
        maps[name] = _convolution(x, filters, size, name, strides=stride)
        return maps[name]

    def depthwise(x: Any, name: str, stride: int = 1) -> Any:
        layer = keras.layers.DepthwiseConv2D(
            3, strides=stride, padding="same", depthwise_initializer="zeros", name=name
        )
        maps[name] = layer(x)
        return relu(maps[name], f"{name}_relu")

    def relu(x: Any, name: str) -> Any:
        maps[name] = keras.layers.ReLU(6.0, name=name)(x)
        return maps[name]

    x = relu(convolution(image, 32, 3, "Conv1", stride=2), "Conv1_relu")
    x = depthwise(x, "expanded_conv_depthwise")
    x = convolution(x, 16, 1, "expanded_conv_project")
    before = 16
    for number, (width, stride) in enumerate(_BOTTLENECKS, 1):
        name, residual = f"block_{number}", x
        x = relu(convolution(x, 6 * before, 1, f"{name}_expand"), f"{name}_expand_relu")
        x = depthwise(x, f"{name}_depthwise", stride)
        x = convolution(x, width, 1, f"{name}_project")
        if _adds(number):
            x = maps[f"{name}_add"] = keras.layers.Add(name=f"{name}_add")([residual, x])
        before = width
    x = relu(convolution(x, 1280, 1, "Conv_1"), "out_relu")
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    x = keras.layers.Reshape((1001,), name="flat")(convolution(x, 1001, 1, "Logits"))
    maps["predictions"] = keras.layers.Softmax(name="predictions")(x)
    return maps


def _adds(number: int) -> bool:
    """Whether a bottleneck (1 to 16) adds its input: equal width, no stride."""
    width, stride = _BOTTLENECKS[number - 1]
    return stride == 1 and number > 1 and width == _BOTTLENECKS[number - 2][0]


def _mobilenet() -> Network:
    named_layers = {
        "Conv1": ("Conv1", "Conv1_relu"),
        "expanded_conv_depthwise": ("expanded_conv_depthwise", "expanded_conv_depthwise_relu"),
        "expanded_conv": ("", "expanded_conv_project"),
    }
    layers = ["Conv1", "expanded_conv_depthwise", "expanded_conv_project"]
    for number in range(1, len(_BOTTLENECKS) + 1):
        name = f"block_{number}"
        for part in ("expand", "depthwise"):
            named_layers[f"{name}_{part}"] = f"{name}_{part}", f"{name}_{part}_relu"
        named_layers[name] = "", f"{name}_{'add' if _adds(number) else 'project'}"
        layers += [f"{name}_{part}" for part in ("expand", "depthwise", "project")]
    named_layers["Conv_1"] = "Conv_1", "out_relu"
    named_layers["predictions"] = "", "predictions"
    layers += ["Conv_1", "Logits"]

    def stored(name: str) -> str:
        match = re.match(r"(\d+)\|", name)  # TensorFlow Lite's files number their layers
        return layers[int(match[1])] if match and int(match[1]) < len(layers) else name

    return Network(
        "mobilenet_v2",
        _trace_mobilenet,
        named_layers,
        tuple(layers),
        min_size=lambda layers, variant: 1,
        alias=lambda name: "Conv_1" if name == "out_relu" else name,
        stored=stored,
        side=224,
        default_layer="Conv_1",
        application="MobileNetV2",
        norm=lambda layer: {"Conv1": "bn_Conv1", "Conv_1": "Conv_1_bn"}.get(layer, f"{layer}_BN"),
    )


NETWORKS = {
    network.name: network
    for network in (
        _vgg("vgg16", "VGG16", (2, 2, 3, 3, 3)),
        _vgg("vgg19", "VGG19", (2, 2, 4, 4, 4)),
        _squeezenet(),
        _mobilenet(),
    )
}
