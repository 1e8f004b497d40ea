"""Networks of talking faces: SyncNet's encoders, Wav2Lip's generator and quality discriminator.

All convolutions have the explicit zero padding and the biases of the published networks, so that
their weights fit (Prajwal et al. 2020; Chung, Zisserman 2016). Frames are in [0, 1] here. Shapes
and channels in comments are those of 96-pixel frames at width 32, the papers'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, PaddedConv2D
from tfgan_suite.layers.normalization import UnitLength
from tfgan_suite.layers.resizing import Cropping2D
from tfgan_suite.networks.blocks import check_positive_integers, check_size

# Height of the square frames; each doubling of 48 is one more strided stage.
SIZES = (48, 96, 192)
FRAMES = 5  # consecutive frames that the expert sees
MEL_SHAPE = (80, 16, 1)  # mel bands, columns of 12.5 ms, 1
PAPER_WIDTH = 32

# (channels, kernel, strides, padding, residual blocks after it).
Stage = tuple[int, int, "int | tuple[int, int]", int, int]


def convolution_block(
    x: Any, channels: int, kernel: int, strides: Any = 1, pad: int = 0, name: str = "conv"
) -> Any:
    """Convolution after zero padding, batch norm, ReLU.

    Args:
        x: tensor `(batch, height, width, channels)` of a functional model.
        channels: of the result.
        kernel: side of the square kernel.
        strides: one for both sides, or (vertical, horizontal).
        pad: zeros on each side.
        name: prefix of the layers.
    """
    x = padded_convolution(x, channels, kernel, strides, pad, name)
    x = compat.BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def padded_convolution(
    x: Any, channels: int, kernel: int, strides: Any = 1, pad: int = 0, name: str = "conv"
) -> Any:
    """The convolution of `convolution_block` alone."""
    if strides == 1 and 2 * pad == kernel - 1:
        # The same zeros, by a layer that trains faster.
        return Conv2D(channels, kernel, padding="same", name=name)(x)
    return PaddedConv2D(channels, kernel, strides, pad, name=name)(x)


def residual_block(x: Any, name: str) -> Any:
    """ReLU(x + batch norm of a 3x3 convolution of x)."""
    y = Conv2D(x.shape[-1], 3, padding="same", name=name)(x)
    y = compat.BatchNormalization(name=f"{name}_norm")(y)
    y = keras.layers.Add(name=f"{name}_sum")([y, x])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def transposed_block(x: Any, channels: int, strides: int, name: str) -> Any:
    """Transposed 3x3 convolution, batch norm, ReLU.

    With stride 2 n pixels become 2 n: the first row and column are cropped, which is PyTorch's
    padding 1 with output padding 1. With stride 1 they become n + 2, which is its padding 0.
    """
    x = Conv2DTranspose(channels, 3, strides, "valid", name=name)(x)
    if strides == 2:
        x = Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
    x = compat.BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def stages(x: Any, plan: Sequence[Stage], width: int, name: str) -> list[Any]:
    """Convolution blocks, each with its residual blocks.

    Args:
        x: tensor of a functional model.
        plan: the stages, with channels at width 32.
        width: their channels are in proportion to it.
        name: prefix of the layers.

    Returns:
        The output of each stage.
    """
    outputs = []
    for index, (channels, kernel, strides, pad, residuals) in enumerate(plan):
        prefix = f"{name}_{index}"
        x = convolution_block(x, scaled(channels, width), kernel, strides, pad, prefix)
        for number in range(residuals):
            x = residual_block(x, f"{prefix}_residual_{number}")
        outputs.append(x)
    return outputs


def scaled(channels: int, width: int) -> int:
    """Channels of the papers' networks, in proportion to a width of which theirs is 32."""
    return max(1, channels * width // PAPER_WIDTH)


def face_plan(size: int) -> list[Stage]:
    """Stages of SyncNet's face encoder, for the lower half of frames of a size."""
    return [
        (32, 7, 1, 3, 0),  # 48x96
        (64, 5, (1, 2), 1, 2),  # 46x47
        (128, 3, 2, 1, 3),  # 23x24
        (256, 3, 2, 1, 2),  # 12x12
        (512, 3, 2, 1, 2 if size >= 96 else 0),  # 6x6; 3x3 of 48-pixel frames
        *([(512, 3, 2, 1, 0)] * (deep_stages(size))),  # 3x3
        (512, 3, 1, 0, 0),  # 1x1
        (512, 1, 1, 0, 0),
    ]


def audio_plan(last_residuals: int) -> list[Stage]:
    """Stages of an audio encoder, for mel spectrograms of 80 bands and 16 columns."""
    return [
        (32, 3, 1, 1, 2),  # 80x16
        (64, 3, (3, 1), 1, 2),  # 27x16
        (128, 3, 3, 1, 2),  # 9x6
        (256, 3, (3, 2), 1, last_residuals),  # 3x3
        (512, 3, 1, 0, 0),  # 1x1
        (512, 1, 1, 0, 0),
    ]


def deep_stages(size: int) -> int:
    """Strided stages of 512 channels that a size has more than 48-pixel frames."""
    return SIZES.index(size)


def build_sync_face_encoder(
    size: int = 96, width: int = PAPER_WIDTH, frames: int = FRAMES
) -> keras.Model:
    """SyncNet's face encoder: the lower halves of consecutive frames to a vector of length 1.

    Args:
        size: height and width of the square frames; one of `SIZES`, paper 96.
        width: channels of the first convolution, all others in proportion; paper 32.
        frames: consecutive frames, stacked frame by frame: channel `3 * t + c`.

    Returns:
        Model from `(batch, size // 2, size, 3 * frames)` in [0, 1] to float32 `(batch, 16 *
        width)`. Its numbers are not negative, so that cosines are in [0, 1].

    Raises:
        InputError: another size, an invalid width.
    """
    _check(size, width, frames=frames)
    video = keras.Input((size // 2, size, 3 * frames), name="video")
    x = stages(video, face_plan(size), width, "face")[-1]
    return keras.Model(video, _embedding(x), name="sync_face_encoder")


def build_sync_audio_encoder(width: int = PAPER_WIDTH) -> keras.Model:
    """SyncNet's audio encoder: a window of a mel spectrogram to a vector of length 1.

    Args:
        width: as for `build_sync_face_encoder`.

    Returns:
        Model from `(batch, 80, 16, 1)` to float32 `(batch, 16 * width)`, not negative.

    Raises:
        InputError: an invalid width.
    """
    check_positive_integers(width=width)
    mel = keras.Input(MEL_SHAPE, name="mel")
    x = stages(mel, audio_plan(2), width, "audio")[-1]
    return keras.Model(mel, _embedding(x), name="sync_audio_encoder")


def _embedding(x: Any) -> Any:
    return UnitLength(dtype="float32", name="embedding")(keras.layers.Flatten()(x))


def build_lip_generator(size: int = 96, width: int = PAPER_WIDTH) -> keras.Model:
    """Wav2Lip's generator: a masked face, a reference and a window of sound to a face.

    Args:
        size: height and width of the frames; one of `SIZES`, paper 96.
        width: as for `build_sync_face_encoder`; the generator's first convolution has half of it.

    Returns:
        Model from `[(batch, size, size, 6), (batch, 80, 16, 1)]`, the target frame with its lower
        half at 0 and the reference frame in [0, 1] and a mel window, to frames `(batch, size,
        size, 3)` in [0, 1], float32.

    Raises:
        InputError: another size, an invalid width.
    """
    _check(size, width)
    face = keras.Input((size, size, 6), name="face")
    mel = keras.Input(MEL_SHAPE, name="mel")
    deep = deep_stages(size)
    plan: list[Stage] = [
        (16, 7, 1, 3, 0),  # 96x96
        (32, 3, 2, 1, 2),  # 48x48
        (64, 3, 2, 1, 3),  # 24x24
        (128, 3, 2, 1, 2),  # 12x12
        (256, 3, 2, 1, 2),  # 6x6
        *([(512, 3, 2, 1, 1)] * deep),  # 3x3
    ]
    skips = stages(face, plan, width, "face")
    # The map of 3x3 pixels becomes one of 1x1.
    skips += stages(skips[-1], [(512, 3, 1, 0, 0), (512, 1, 1, 0, 0)], width, "code")[-1:]
    x = stages(mel, audio_plan(1), width, "audio")[-1]
    x = convolution_block(x, scaled(512, width), 1, 1, 0, "up_0")
    x = keras.layers.Concatenate(name="up_0_skip")([x, skips.pop()])
    # (channels, residual blocks) after each skip; the first makes 3x3 pixels of one.
    ups = [(512, 1), *([(512, 2)] * deep), (384, 2), (256, 2), (128, 2), (64, 2)]
    for index, (channels, residuals) in enumerate(ups, 1):
        name = f"up_{index}"
        x = transposed_block(x, scaled(channels, width), 1 if index == 1 else 2, name)
        for number in range(residuals):
            x = residual_block(x, f"{name}_residual_{number}")
        x = keras.layers.Concatenate(name=f"{name}_skip")([x, skips.pop()])
    x = convolution_block(x, scaled(32, width), 3, 1, 1, "out_0")
    # No transfer of negative numbers to bytes: the sigmoid is float32 in half precision, too.
    x = Conv2D(3, 1, dtype="float32", name="out_1")(x)
    x = keras.layers.Activation("sigmoid", dtype="float32", name="frame")(x)
    return keras.Model([face, mel], x, name="lip_generator")


def build_quality_discriminator(size: int = 96, width: int = PAPER_WIDTH) -> keras.Model:
    """Wav2Lip's quality discriminator, which sees the lower halves of single frames.

    Args:
        size, width: as for `build_sync_face_encoder`.

    Returns:
        Model from `(batch, size // 2, size, 3)` in [0, 1] to float32 logits `(batch, 1)`.

    Raises:
        InputError: another size, an invalid width.
    """
    _check(size, width)
    plan = [
        (32, 7, 1, 3),  # 48x96
        (64, 5, (1, 2), 2),  # 48x48
        (64, 5, 1, 2),
        (128, 5, 2, 2),  # 24x24
        (128, 5, 1, 2),
        (256, 5, 2, 2),  # 12x12
        (256, 5, 1, 2),
        *([(512, 3, 2, 1), (512, 3, 1, 1)] * (1 + deep_stages(size))),  # 6x6, 3x3
        (512, 3, 1, 0),  # 1x1
        (512, 1, 1, 0),
    ]
    x = frame = keras.Input((size // 2, size, 3), name="lower_half")
    for index, (channels, kernel, strides, pad) in enumerate(plan):
        x = padded_convolution(x, scaled(channels, width), kernel, strides, pad, f"conv_{index}")
        x = compat.LeakyReLU(0.01)(x)
    x = Conv2D(1, 1, dtype="float32", name="judgement")(x)
    return keras.Model(frame, keras.layers.Flatten()(x), name="quality_discriminator")


def _check(size: int, width: int, **others: int) -> None:
    check_size(size, SIZES, "one that these networks are built for")
    check_positive_integers(width=width, **others)
