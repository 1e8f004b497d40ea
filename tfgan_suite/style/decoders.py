"""Decoders of AdaIN: feature maps back to images."""

from __future__ import annotations

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D
from tfgan_suite.layers.resizing import NearestUpSampling2D, ReflectionPadding2D

# Channels of the decoder's convolutions, in widths, between its doublings; 0 is the image.
_GROUPS = ((4,), (4, 4, 4, 2), (2, 1), (1, 0))


def build_decoder(channels: int = 512, doublings: int = 3, width: int = 64) -> keras.Model:
    """The decoder g, a mirrored VGG19 without normalization.

    Args:
        channels: of its input, the encoder's deepest map; default 512.
        doublings: number of upsampling layers, 1 to 4: relu4_1 needs 3 (default), relu3_1 2.
        width: channels of the last maps; paper and default 64.

    Returns:
        Model from maps `(batch, rows, columns, channels)` to images, linear, about in [-1, 1],
        `2 ** doublings` times as high and wide; 3,505,219 parameters at the defaults.

    Raises:
        InputError: numbers out of range.
    """
    if not 1 <= doublings <= 4 or min(channels, width) < 1:
        raise InputError(
            f"a decoder of {channels} channels, {doublings} doublings and width {width}; expected"
            " at least 1 channel, width 1 and 1 to 4 doublings"
        )
    groups = ((8,), *_GROUPS)[-doublings - 1 :]
    # The first group has one convolution: the encoder stops after the first of its last block.
    groups = [groups[0][-1:], *groups[1:]]
    image = keras.Input((None, None, channels), name="maps")
    x = image
    for index, group in enumerate(groups):
        x = NearestUpSampling2D(2, name=f"up_{index}")(x) if index else x
        for position, widths in enumerate(group):
            name = f"conv_{index}_{position}"
            x = ReflectionPadding2D(1, name=f"pad_{index}_{position}")(x)
            if widths:
                x = Conv2D(
                    widths * width, 3, padding="valid", activation="relu",
                    kernel_initializer="he_normal", name=name,
                )(x)  # fmt: skip
            else:
                x = Conv2D(3, 3, padding="valid", dtype="float32", name="image")(x)
    return keras.Model(image, x, name="decoder")
