"""Image-to-image networks and patch discriminators that several games share.

All are fully convolutional: a network trained at one size accepts any other size whose sides are
multiples of `size_multiple(network)`. The layers follow the official code, down to the biases and
the side on which padding goes, so that the parameter counts match.
"""

from __future__ import annotations

from typing import Any

import keras

from tfgan_suite import compat
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, PaddedConv2D
from tfgan_suite.layers.normalization import BatchStatistics, InstanceStatistics
from tfgan_suite.layers.resizing import ReflectionPadding2D
from tfgan_suite.layers.stateless_dropout import InferenceDropout
from tfgan_suite.networks.blocks import check_positive_integers, normal
from tfgan_suite.networks.upsampling import check_upsampling, upsample

NORMS = ("batch", "instance", "none")
# The depth of the paper's U-Net, and the largest bottleneck that an automatic depth may leave.
MAX_DEPTH, MAX_BOTTLENECK = 8, 7


def build_unet(
    shape: tuple[int | None, ...] = (256, 256, 3),
    output_channels: int | None = None,
    width: int = 64,
    depth: int | None = None,
    norm: str = "batch",
    affine: bool | None = None,
    use_bias: bool | None = None,
    dropout: float = 0.5,
    skips: bool = True,
    upsampling: str = "transposed",
) -> keras.Model:
    """The U-Net of pix2pix: downsampling to a bottleneck, upsampling, and skip connections.

    Every encoder map, before its activation, is concatenated with the decoder map of the same
    size. The bottleneck has no norm: at 1x1 it would set everything to 0. Dropout follows the
    first decoder layers of `8 * width` channels, three at most.

    Args:
        shape: `(height, width, channels)` of the training images; determines the depth.
        output_channels: channels of the translation; None: as many as the input has.
        width: channels after the first convolution; paper 64.
        depth: downsampling steps; None: as many as the shape allows, at most 8 (256 pixels: 8,
            down to 1x1).
        norm: `"batch"` (`BatchStatistics`, the paper), `"instance"` or `"none"`.
        affine: whether norms have gamma and beta; None: only batch norm, as in the PyTorch code.
        use_bias: whether layers followed by a norm, and encoder layers without one, have a bias;
            None: unless the norm is batch norm, as in the PyTorch code. The Torch code has all
            biases.
        dropout: dropout rate of these layers (`InferenceDropout`); training needs
            `dropout_noise`.
        skips: False: the paper's encoder-decoder, which has no skip connections.
        upsampling: `"transposed"` (the paper), or `"nearest"`, `"bilinear"` or `"subpixel"`, which
            start without the lattice that shows for as long as training is short
            (`upsampling.upsample`).

    Returns:
        Model from `(batch, height, width, channels)` in [-1, 1], sides multiples of `2 ** depth`,
        to float32 `(batch, height, width, output_channels)` in [-1, 1].

    Raises:
        InputError: a shape that cannot be halved often enough, an unknown norm or upsampling, an
            invalid width.
    """
    output_channels = _output_channels(shape, output_channels)
    check_positive_integers(width=width)
    check_upsampling(upsampling)
    depth = unet_depth(shape, depth)
    layers = _LayerFactory(norm, norm == "batch" if affine is None else affine, use_bias)
    filters = [width << min(level, 3) for level in range(depth)]
    image = keras.Input((None, None, shape[2]), name="image")
    x, maps = image, []
    for level, channels in enumerate(filters):
        x = compat.LeakyReLU(0.2)(x) if level else x
        x = Conv2D(channels, 4, 2, "same", name=f"down_{level}", **layers.options)(x)
        x = layers.normalized(x) if 0 < level < depth - 1 else x
        maps.append(x)
    dropped = min(3, max(depth - 4, 1)) if dropout else 0
    for turn, level in enumerate(reversed(range(depth - 1))):
        x = keras.layers.ReLU()(x)
        x = upsample(x, filters[level], upsampling, name=f"up_{level}", **layers.options)
        x = layers.normalized(x)
        # An explicit name: one that Keras numbers would change the noise in another process.
        x = InferenceDropout(dropout, name=f"dropout_{turn}")(x) if turn < dropped else x
        x = keras.layers.Concatenate()([x, maps[level]]) if skips else x
    x = keras.layers.ReLU()(x)
    x = upsample(x, output_channels, upsampling, name="to_image", kernel_initializer=normal())
    name = "unet" if skips else "encoder_decoder"
    return keras.Model(image, _tanh(x), name=name)


def build_encoder_decoder(
    shape: tuple[int | None, ...] = (256, 256, 3),
    output_channels: int | None = None,
    **options: Any,
) -> keras.Model:
    """The encoder-decoder of pix2pix: the U-Net without skip connections.

    Args:
        shape, output_channels, **options: those of `build_unet`, except `skips`.
    """
    return build_unet(shape, output_channels, **{**options, "skips": False})


def build_resnet_translator(
    shape: tuple[int | None, ...] = (256, 256, 3),
    output_channels: int | None = None,
    width: int = 64,
    blocks: int = 9,
    norm: str = "instance",
    affine: bool = False,
    use_bias: bool = True,
    upsampling: str = "transposed",
) -> keras.Model:
    """The ResNet generator of CycleGAN: two downsamplings, residual blocks, two upsamplings.

    Args:
        shape: `(height, width, channels)` of the training images; the sides are multiples of 4
            and at least 8.
        output_channels: channels of the translation; None: as many as the input has.
        width: channels after the first convolution; paper 64.
        blocks: residual blocks; paper 6 for 128 pixels, 9 from 256 pixels on.
        norm: `"instance"` (the paper), `"batch"` (`BatchStatistics`) or `"none"`.
        affine: whether norms have gamma and beta: the Torch code has them, the PyTorch code not.
        use_bias: whether layers followed by a norm have a bias; they do in both codes.
        upsampling: `"transposed"` (the paper), `"nearest"`, `"bilinear"` or `"subpixel"`, as for
            `build_unet`.

    Returns:
        Model from `(batch, height, width, channels)` in [-1, 1], sides multiples of 4, to float32
        `(batch, height, width, output_channels)` in [-1, 1].

    Raises:
        InputError: sides that are too small or not multiples of 4, an unknown option, an invalid
            width.
    """
    output_channels = _output_channels(shape, output_channels)
    check_positive_integers(width=width, blocks=blocks)
    _check_sides(shape, 4, 8)
    check_upsampling(upsampling)
    layers = _LayerFactory(norm, affine, use_bias)
    image = keras.Input((None, None, shape[2]), name="image")
    x = Conv2D(width, 7, name="first", **layers.options)(ReflectionPadding2D(3)(image))
    x = layers.activated(x)
    for level in (1, 2):
        x = PaddedConv2D(width << level, 3, 2, name=f"down_{level}", **layers.options)(x)
        x = layers.activated(x)
    for block in range(blocks):
        x = _residual_block(x, layers, f"block_{block}")
    for level in (1, 0):
        x = upsample(x, width << level, upsampling, 3, name=f"up_{level}", **layers.options)
        x = layers.activated(x)
    x = ReflectionPadding2D(3)(x)
    x = Conv2D(output_channels, 7, kernel_initializer=normal(), name="to_image")(x)
    return keras.Model(image, _tanh(x), name="resnet_translator")


def build_patch_discriminator(
    channels: int,
    width: int = 64,
    layers: int = 3,
    norm: str = "batch",
    affine: bool | None = None,
    use_bias: bool | None = None,
) -> keras.Model:
    """The PatchGAN discriminator, which classifies every patch of an image on its own.

    Args:
        channels: of its input: those of the image plus those of the condition, if there is one.
        width: channels after the first convolution; paper 64.
        layers: strided layers; 3: patches of 70 pixels (see `receptive_field`); 0: every pixel on
            its own, by 1x1 convolutions.
        norm: `"batch"` (pix2pix), `"instance"` (CycleGAN) or `"none"`. The statistics reach
            beyond the patch.
        affine: whether norms have gamma and beta; None: only batch norm, as in the PyTorch code.
        use_bias: whether layers followed by a norm have a bias; None: unless it is batch norm.

    Returns:
        Model from `(batch, height, width, channels)` to float32 logits `(batch, rows, columns,
        1)`, `patch_count(side, layers)` along each side. Hidden layers are named `features_0` and
        up.

    Raises:
        InputError: an unknown norm, an invalid width or number of layers.
    """
    check_positive_integers(channels=channels, width=width)
    if isinstance(layers, bool) or not isinstance(layers, int) or not 0 <= layers <= 8:
        raise InputError(f"layers is {layers!r}; it must be a whole number from 0 to 8")
    factory = _LayerFactory(norm, norm == "batch" if affine is None else affine, use_bias)
    kernel, pad = (4, 1) if layers else (1, 0)
    image = keras.Input((None, None, channels), name="image")
    x = image
    for level in range(max(layers, 1) + 1):
        stride = 2 if level < layers else 1
        options = factory.options if level else {"kernel_initializer": normal()}
        x = PaddedConv2D(width << min(level, 3), kernel, stride, pad, **options)(x)
        x = factory.normalized(x) if level else x
        x = compat.LeakyReLU(0.2, name=f"features_{level}")(x)
    options = {"kernel_initializer": normal()} if layers else factory.options
    logits = PaddedConv2D(1, kernel, 1, pad, dtype="float32", name="logits", **options)(x)
    return keras.Model(image, logits, name="patch_discriminator")


def receptive_field(layers: int) -> int:
    """Side of the patch behind one logit of `build_patch_discriminator(layers=layers)`.

    Going back from the output, `r -> (r - 1) * stride + 4` from r = 1: 16, 34, 70, 142, 286, 574
    pixels for 1 to 6 layers; 1 pixel for 0.
    """
    if not layers:
        return 1
    side = 1
    for stride in (1, 1, *[2] * layers):
        side = (side - 1) * stride + 4
    return side


def patch_count(side: int, layers: int) -> int:
    """Logits along one side of an image, for `build_patch_discriminator(layers=layers)`.

    Args:
        side: height or width of the image.
        layers: strided layers.

    Raises:
        InputError: the image is too small for that many layers.
    """
    count = side
    for stride in (*[2] * layers, 1, 1) if layers else ():
        count = (count - 2) // stride + 1
    if count < 1:
        raise InputError(
            f"an image of {side} pixels is too small for a patch discriminator of {layers} layers,"
            f" whose patches are {receptive_field(layers)} pixels; use fewer layers"
        )
    return count


def unet_depth(shape: tuple[int | None, ...], depth: int | None = None) -> int:
    """How many times a U-Net halves its images.

    Args:
        shape: `(height, width, channels)` of the images.
        depth: the requested depth; None: as many times as the sides allow, at most 8.

    Raises:
        InputError: the sides cannot be halved that often, or not down to a bottleneck of at most
            7 pixels.
    """
    if depth is not None:
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 2:
            raise InputError(f"depth is {depth!r}; it must be a whole number of at least 2")
        _check_sides(shape, 1 << depth)
        return depth
    sides = [side for side in shape[:2] if side is not None]
    if len(sides) < 2:
        raise InputError(f"images of shape {shape} do not determine a U-Net's depth; pass depth")
    depth = MAX_DEPTH
    while any(side % (1 << depth) for side in sides):
        depth -= 1
    if depth < 2 or depth < MAX_DEPTH and min(sides) >> depth > MAX_BOTTLENECK:
        step = 16 if min(sides) < 128 else 32
        near = [max(round(side / step), 1) * step for side in sides]
        raise InputError(
            f"images of {sides[0]}x{sides[1]} can be halved evenly only {depth} times, too few for"
            f" a U-Net; use {near[0]}x{near[1]}, or best a power of 2"
        )
    return depth


def size_multiple(network: keras.Model) -> int:
    """What the sides of a translator's images must be multiples of, from its strides."""
    multiple = 1
    for layer in network._flatten_layers():
        if isinstance(layer, Conv2D):
            multiple *= layer.strides[0]
    return multiple


class _LayerFactory:
    """The initializers, biases and norms that the layers of one network share."""

    def __init__(self, norm: str, affine: bool, use_bias: bool | None):
        if norm not in NORMS:
            raise InputError(f"norm is {norm!r}; {must_be(norm, NORMS)}")
        self.norm, self.affine = norm, affine
        self.use_bias = norm != "batch" if use_bias is None else use_bias

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of a layer that a norm may follow."""
        return {"use_bias": self.use_bias, "kernel_initializer": normal()}

    def normalized(self, x: Any) -> Any:
        if self.norm == "none":
            return x
        layer = BatchStatistics if self.norm == "batch" else InstanceStatistics
        return layer(self.affine, gamma_initializer=normal(0.02, 1.0))(x)

    def activated(self, x: Any) -> Any:
        return keras.layers.ReLU()(self.normalized(x))


def _residual_block(x: Any, layers: _LayerFactory, name: str) -> Any:
    """Reflection padding, conv3, norm, ReLU, reflection padding, conv3, norm, plus the input."""
    filters = x.shape[-1]
    y = Conv2D(filters, 3, name=f"{name}_0", **layers.options)(ReflectionPadding2D(1)(x))
    # Created before the norm: each initializer takes the next seed.
    last = Conv2D(filters, 3, name=f"{name}_1", **layers.options)
    y = last(ReflectionPadding2D(1)(layers.activated(y)))
    return keras.layers.Add()([x, layers.normalized(y)])


def _tanh(x: Any) -> Any:
    return keras.layers.Activation("tanh", dtype="float32", name="translation")(x)


def _output_channels(shape: tuple[int | None, ...], output_channels: int | None) -> int:
    channels = shape[2] if output_channels is None else output_channels
    if channels is None:
        raise InputError(f"images of shape {shape} do not say how many channels they have")
    check_positive_integers(output_channels=channels)
    return channels


def _check_sides(shape: tuple[int | None, ...], multiple: int, minimum: int = 1) -> None:
    if any(side is not None and (side % multiple or side < minimum) for side in shape[:2]):
        raise InputError(
            f"images of {shape[0]}x{shape[1]}: their sides must be multiples of {multiple}"
            + (f" and at least {minimum}" if minimum > multiple else "")
        )
