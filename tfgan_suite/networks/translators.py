"""Networks from images to images, and discriminators of patches: what several games share.

All are fully convolutional: a network that is trained at one size takes every other one whose
sides are multiples of `multiple_of(network)`. Layers are those of the official codes, down to
biases and sides of the padding, so that the numbers of parameters are theirs.
"""

from __future__ import annotations

from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, PaddedConv2D
from tfgan_suite.layers.normalization import BatchStatistics, InstanceStatistics
from tfgan_suite.layers.resizing import CropTopLeft, NearestUpSampling2D, ReflectionPadding2D
from tfgan_suite.layers.stateless_dropout import InferenceDropout
from tfgan_suite.networks.blocks import check_widths, normal

NORMS = ("batch", "instance", "none")
UPSAMPLINGS = ("transposed", "nearest")
# The deepest U-Net of the paper, and the largest bottleneck that a depth chosen here may leave.
DEEPEST, BOTTLENECK = 8, 7


def build_unet(
    shape: tuple[int | None, ...] = (256, 256, 3),
    outputs: int | None = None,
    width: int = 64,
    depth: int | None = None,
    norm: str = "batch",
    affine: bool | None = None,
    bias: bool | None = None,
    dropout: float = 0.5,
    skips: bool = True,
) -> keras.Model:
    """The U-Net of pix2pix: halvings to the bottleneck, doublings back, and skips across.

    Every map of the encoder, before its activation, is laid beside the decoder's map of its
    size. The bottleneck has no norm: at 1x1 it would make everything 0. Dropout comes after the
    decoder's first layers of `8 * width` channels, three at most.

    Args:
        shape: `(height, width, channels)` of the images to train on; says the depth.
        outputs: channels of the translation; None: as many as go in.
        width: channels after the first convolution; paper 64.
        depth: halvings; None: as many as the shape allows, 8 at most (256 pixels: 8, to 1x1).
        norm: `"batch"` (`BatchStatistics`, the paper), `"instance"` or `"none"`.
        affine: whether a norm has gamma and beta; None: batch norm alone, as in PyTorch's code.
        bias: whether layers before a norm have a bias, and those without one in the encoder;
            None: unless the norm is batch norm, as in PyTorch's code. Torch's has all biases.
        dropout: share of features dropped there (`InferenceDropout`); needs the draws of a game.
        skips: False: the encoder-decoder of the paper, which has none.

    Returns:
        Model from `(batch, height, width, channels)` in [-1, 1], sides multiples of `2 ** depth`,
        to float32 `(batch, height, width, outputs)` in [-1, 1].

    Raises:
        InputError: a shape that cannot be halved often enough, an unknown norm, a bad width.
    """
    outputs = shape[2] if outputs is None else outputs
    check_widths(width=width, outputs=outputs)
    depth = unet_depth(shape, depth)
    make = _Layers(norm, norm == "batch" if affine is None else affine, bias)
    filters = [width << min(level, 3) for level in range(depth)]
    image = keras.Input((None, None, shape[2]), name="image")
    x, maps = image, []
    for level, count in enumerate(filters):
        x = compat.LeakyReLU(0.2)(x) if level else x
        x = Conv2D(count, 4, 2, "same", name=f"down_{level}", **make.start)(x)
        x = make.normalized(x) if 0 < level < depth - 1 else x
        maps.append(x)
    dropped = min(3, max(depth - 4, 1)) if dropout else 0
    for turn, level in enumerate(reversed(range(depth - 1))):
        x = keras.layers.ReLU()(x)
        x = Conv2DTranspose(filters[level], 4, 2, "same", name=f"up_{level}", **make.start)(x)
        x = make.normalized(x)
        # Named here: a name that Keras counts up would give other draws in another process.
        x = InferenceDropout(dropout, name=f"dropout_{turn}")(x) if turn < dropped else x
        x = keras.layers.Concatenate()([x, maps[level]]) if skips else x
    x = keras.layers.ReLU()(x)
    x = Conv2DTranspose(outputs, 4, 2, "same", kernel_initializer=normal(), name="to_image")(x)
    name = "unet" if skips else "encoder_decoder"
    return keras.Model(image, _bounded(x), name=name)


def build_encoder_decoder(
    shape: tuple[int | None, ...] = (256, 256, 3), outputs: int | None = None, **options: Any
) -> keras.Model:
    """The encoder-decoder of pix2pix: the U-Net without its skips.

    Args:
        shape, outputs, **options: those of `build_unet`, except `skips`.
    """
    return build_unet(shape, outputs, **{**options, "skips": False})


def build_resnet_translator(
    shape: tuple[int | None, ...] = (256, 256, 3),
    outputs: int | None = None,
    width: int = 64,
    blocks: int = 9,
    norm: str = "instance",
    affine: bool = False,
    bias: bool = True,
    upsampling: str = "transposed",
) -> keras.Model:
    """The residual translator of CycleGAN: two halvings, residual blocks, two doublings.

    Args:
        shape: `(height, width, channels)` of the images to train on; the sides are multiples
            of 4 and at least 8.
        outputs: channels of the translation; None: as many as go in.
        width: channels after the first convolution; paper 64.
        blocks: residual blocks; paper 6 for 128 pixels, 9 from 256 on.
        norm: `"instance"` (the paper), `"batch"` (`BatchStatistics`) or `"none"`.
        affine: whether norms have gamma and beta: Torch's code has them, PyTorch's not.
        bias: whether layers before a norm have a bias, which both codes have.
        upsampling: `"transposed"` (the paper) or `"nearest"`: repeated pixels and a convolution,
            which leave no checkerboard.

    Returns:
        Model from `(batch, height, width, channels)` in [-1, 1], sides multiples of 4, to float32
        `(batch, height, width, outputs)` in [-1, 1].

    Raises:
        InputError: sides that are no multiples of 4 or too small, an unknown word, a bad width.
    """
    outputs = shape[2] if outputs is None else outputs
    check_widths(width=width, outputs=outputs, blocks=blocks)
    _check_sides(shape, 4, 8)
    if upsampling not in UPSAMPLINGS:
        raise InputError(
            f"upsampling is {upsampling!r}; it must be one of {', '.join(UPSAMPLINGS)}"
        )
    make = _Layers(norm, affine, bias)
    image = keras.Input((None, None, shape[2]), name="image")
    x = make.activated(Conv2D(width, 7, name="first", **make.start)(ReflectionPadding2D(3)(image)))
    for level in (1, 2):
        x = PaddedConv2D(width << level, 3, 2, name=f"down_{level}", **make.start)(x)
        x = make.activated(x)
    for block in range(blocks):
        x = _residual(x, make, f"block_{block}")
    for level in (1, 0):
        x = make.activated(_doubled(x, width << level, make, upsampling, f"up_{level}"))
    x = Conv2D(outputs, 7, kernel_initializer=normal(), name="to_image")(ReflectionPadding2D(3)(x))
    return keras.Model(image, _bounded(x), name="resnet_translator")


def build_patch_discriminator(
    channels: int,
    width: int = 64,
    layers: int = 3,
    norm: str = "batch",
    affine: bool | None = None,
    bias: bool | None = None,
) -> keras.Model:
    """The PatchGAN discriminator, which judges every patch of an image by itself.

    Args:
        channels: of what it is shown: those of condition and image together, where there is a
            condition.
        width: channels after the first convolution; paper 64.
        layers: halvings; 3: patches of 70 pixels (see `receptive_field`); 0: every pixel by
            itself, by 1x1 convolutions.
        norm: `"batch"` (pix2pix), `"instance"` (CycleGAN) or `"none"`. Statistics reach beyond
            the patch.
        affine: whether a norm has gamma and beta; None: batch norm alone, as in PyTorch's code.
        bias: whether layers before a norm have a bias; None: unless the norm is batch norm.

    Returns:
        Model from `(batch, height, width, channels)` to float32 logits `(batch, rows, columns,
        1)`, of which there are `patches(side, layers)` along a side. Hidden layers are named
        `features_0` and up.

    Raises:
        InputError: an unknown norm, a bad width or number of layers.
    """
    check_widths(channels=channels, width=width)
    if isinstance(layers, bool) or not isinstance(layers, int) or not 0 <= layers <= 8:
        raise InputError(f"layers is {layers!r}; it must be a whole number from 0 to 8")
    make = _Layers(norm, norm == "batch" if affine is None else affine, bias)
    kernel, pad = (4, 1) if layers else (1, 0)
    image = keras.Input((None, None, channels), name="image")
    x = image
    for level in range(max(layers, 1) + 1):
        stride = 2 if level < layers else 1
        start = make.start if level else {"kernel_initializer": normal()}
        x = PaddedConv2D(width << min(level, 3), kernel, stride, pad, **start)(x)
        x = make.normalized(x) if level else x
        x = compat.LeakyReLU(0.2, name=f"features_{level}")(x)
    start = {"kernel_initializer": normal()} if layers else make.start
    logits = PaddedConv2D(1, kernel, 1, pad, dtype="float32", name="logits", **start)(x)
    return keras.Model(image, logits, name="patch_discriminator")


def receptive_field(layers: int) -> int:
    """Side of the patch that one logit of `build_patch_discriminator(layers=layers)` judges.

    Walking back from the output, `r -> (r - 1) * stride + 4` from r = 1: 16, 34, 70, 142, 286,
    574 pixels for 1 to 6 layers; 1 for none.
    """
    if not layers:
        return 1
    side = 1
    for stride in (1, 1, *[2] * layers):
        side = (side - 1) * stride + 4
    return side


def patches(side: int, layers: int) -> int:
    """Logits along a side of an image, for `build_patch_discriminator(layers=layers)`.

    Args:
        side: pixels of the image along it.
        layers: halvings.

    Raises:
        InputError: the image is too small for so many.
    """
    left = side
    for stride in (*[2] * layers, 1, 1) if layers else ():
        left = (left - 2) // stride + 1
    if left < 1:
        raise InputError(
            f"an image of {side} pixels is too small for a patch discriminator of {layers} layers, whose"
            f" patches are {receptive_field(layers)} pixels; give it fewer layers"
        )
    return left


def unet_depth(shape: tuple[int | None, ...], depth: int | None = None) -> int:
    """How often a U-Net halves images.

    Args:
        shape: `(height, width, channels)` of the images.
        depth: as asked for; None: as often as the sides allow, 8 at most.

    Raises:
        InputError: the sides cannot be halved so often, or not to a bottleneck of 7 pixels.
    """
    sides = shape[:2]
    if depth is not None:
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 2:
            raise InputError(f"depth is {depth!r}; it must be a whole number of at least 2")
        _check_sides(shape, 1 << depth)
        return depth
    if None in sides:
        raise InputError(f"images of shape {shape} do not say how deep a U-Net is; give a depth")
    depth = DEEPEST
    while any(side % (1 << depth) for side in sides):
        depth -= 1
    if depth < 2 or depth < DEEPEST and min(sides) >> depth > BOTTLENECK:
        step = 16 if min(sides) < 128 else 32
        near = [max(round(side / step), 1) * step for side in sides]
        raise InputError(
            f"images of {sides[0]}x{sides[1]} can be halved without a rest only {depth} times,"
            f" too few for a U-Net; {near[0]}x{near[1]} is a near size that can, powers of 2 are"
            " best"
        )
    return depth


def multiple_of(network: keras.Model) -> int:
    """What the sides of a translator's images must be multiples of, from its strides."""
    multiple = 1
    for layer in network._flatten_layers():
        if isinstance(layer, Conv2D):
            multiple *= layer.strides[0]
    return multiple


class _Layers:
    """How the layers of one network start, and the norm that follows them."""

    def __init__(self, norm: str, affine: bool, bias: bool | None):
        if norm not in NORMS:
            raise InputError(f"norm is {norm!r}; it must be one of {', '.join(NORMS)}")
        self.norm, self.affine = norm, affine
        self.bias = norm != "batch" if bias is None else bias

    @property
    def start(self) -> dict[str, Any]:
        """Arguments of a layer that a norm may follow."""
        return {"use_bias": self.bias, "kernel_initializer": normal()}

    def normalized(self, x: Any) -> Any:
        if self.norm == "none":
            return x
        layer = BatchStatistics if self.norm == "batch" else InstanceStatistics
        return layer(self.affine, gamma_initializer=normal(0.02, 1.0))(x)

    def activated(self, x: Any) -> Any:
        return keras.layers.ReLU()(self.normalized(x))


def _residual(x: Any, make: _Layers, name: str) -> Any:
    """Reflection pad, conv3, norm, ReLU, reflection pad, conv3, norm, added to what came in."""
    filters = x.shape[-1]
    y = Conv2D(filters, 3, name=f"{name}_0", **make.start)(ReflectionPadding2D(1)(x))
    y = Conv2D(filters, 3, name=f"{name}_1", **make.start)(
        ReflectionPadding2D(1)(make.activated(y))
    )
    return keras.layers.Add()([x, make.normalized(y)])


def _doubled(x: Any, filters: int, make: _Layers, upsampling: str, name: str) -> Any:
    if upsampling == "nearest":
        return Conv2D(filters, 3, name=name, **make.start)(
            ReflectionPadding2D(1)(NearestUpSampling2D()(x))
        )
    # Without the first row and column it is PyTorch's padding 1, output_padding 1; "same" would
    # leave the last out.
    x = Conv2DTranspose(filters, 3, 2, "valid", name=name, **make.start)(x)
    return CropTopLeft()(x)


def _bounded(x: Any) -> Any:
    return keras.layers.Activation("tanh", dtype="float32", name="translation")(x)


def _check_sides(shape: tuple[int | None, ...], multiple: int, smallest: int = 1) -> None:
    if any(side is not None and (side % multiple or side < smallest) for side in shape[:2]):
        raise InputError(
            f"images of {shape[0]}x{shape[1]}: their sides must be multiples of {multiple}"
            + (f" and at least {smallest}" if smallest > multiple else "")
        )
