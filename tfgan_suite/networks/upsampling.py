"""Upsampling by two, in the forms that translators offer.

A transposed convolution and a sub-pixel convolution have weights of their own for each pixel of a
2x2 block. Before they have learnt to agree, which takes tens of thousands of steps, the output
carries a lattice. Upsampling first and convolving then has one kernel for all pixels.
"""

from __future__ import annotations

from typing import Any

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose
from tfgan_suite.layers.pixel_shuffle import ICNR, PixelShuffle
from tfgan_suite.layers.resizing import (
    BilinearUpSampling2D,
    Cropping2D,
    NearestUpSampling2D,
    ReflectionPadding2D,
)

UPSAMPLINGS = ("transposed", "nearest", "bilinear", "subpixel")


def check_upsampling(method: str) -> None:
    """Refuses a method that is not one of `UPSAMPLINGS`.

    Raises:
        InputError: an unknown method.
    """
    if method not in UPSAMPLINGS:
        raise InputError(f"upsampling is {method!r}; {must_be(method, UPSAMPLINGS)}")


def upsample(x: Any, filters: int, method: str, kernel_size: int = 4, **options: Any) -> Any:
    """Maps of twice the height and width.

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        filters: channels of the result.
        method: `"transposed"`: a transposed convolution, as in the papers; `"nearest"` or
            `"bilinear"`: interpolation and a 3x3 convolution, whose padding mirrors the image;
            `"subpixel"`: a 3x3 convolution and a pixel shuffle, initialized without a lattice
            (ICNR). Whoever takes names from users checks them (`check_upsampling`).
        kernel_size: of the transposed convolution: 4, or 3, whose first row and column are
            dropped (PyTorch's padding 1, output_padding 1).
        **options: of the layer that has the weights: `name`, `use_bias`, `kernel_initializer`.

    Returns:
        `(batch, 2 * height, 2 * width, filters)`.
    """
    if method == "transposed":
        if kernel_size % 2 == 0:
            return Conv2DTranspose(filters, kernel_size, 2, "same", **options)(x)
        # "same" would drop the last row and column.
        return Cropping2D(((1, 0), (1, 0)))(
            Conv2DTranspose(filters, kernel_size, 2, "valid", **options)(x)
        )
    if method == "subpixel":
        options["kernel_initializer"] = ICNR(2, options.get("kernel_initializer", "glorot_uniform"))
        return PixelShuffle(2)(Conv2D(4 * filters, 3, padding="same", **options)(x))
    interpolation = NearestUpSampling2D if method == "nearest" else BilinearUpSampling2D
    x = ReflectionPadding2D(1)(interpolation()(x))
    return Conv2D(filters, 3, **options)(x)
