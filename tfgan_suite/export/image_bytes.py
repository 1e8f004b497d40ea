"""PNG and JPEG files in the graph: their sizes are read from the header before they are decoded.

A compressed file of some KB can hold an image of many GiB. Other formats, some of which
TensorFlow's decoder would take too, have no bound that a header tells (animations) and are refused.

Pixels are read in their stored orientation. The commands and data pipelines of this suite turn a
photograph as its EXIF orientation says; TensorFlow has no operation that reads EXIF, and a graph
for TensorFlow Serving can hold no other code. Clients have to turn such photographs upright.
"""

from __future__ import annotations

import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import limits

# Most pixels of a file, also where it is then reduced to the size of the input.
MAX_PIXELS = 2**25
# Passes over the image that a progressive JPEG may take: usual are 10. Each costs a full pass, in a
# hostile file for some bytes.
MAX_SCANS = 64
_HEADER = 33
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG = b"\xff\xd8\xff"


def decode(contents: tf.Tensor, signature: Signature, spec: TensorSpec) -> tf.Tensor:
    """PNG or JPEG files `(batch,)` as images in [-1, 1] of the size that an input has.

    Images of another size are resized. An input of unknown size accepts any, but then all images
    of a batch must have the same size. The EXIF orientation is not applied.

    Args:
        contents: the files.
        signature: the signature with its limit.
        spec: its input of images.
    """
    height, width, channels = spec.shape
    contents = _checked(contents, signature, spec)

    def decode_one(content: tf.Tensor) -> tf.Tensor:
        pixels = tf.io.decode_image(content, channels=channels, expand_animations=False)
        pixels = tf.ensure_shape(pixels, (None, None, channels))
        if height is not None and width is not None:
            # From bytes: as floats, an image would take four times the memory.
            pixels = tf.image.resize(pixels, (height, width), antialias=True)
        return tf.cast(pixels, tf.float32) / 127.5 - 1.0

    return tf.map_fn(
        decode_one,
        contents,
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec(spec.shape, tf.float32),
    )


def _checked(contents: tf.Tensor, signature: Signature, spec: TensorSpec) -> tf.Tensor:
    """The files, once their number and sizes are known to be within the limits."""
    shape = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=contents, shape=None))
    flat = limits.require(
        tf.equal(tf.size(shape), 1), "files must be a list (batch,); this has the shape", shape
    )
    is_open = None in spec.shape
    with tf.control_dependencies([flat]):
        counted = limits.count_check(tf.size(contents), None if is_open else signature.limit)
    with tf.control_dependencies([flat, *counted]):
        contents = tf.identity(contents)
    sizes = tf.map_fn(
        image_size,
        contents,
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec((2,), tf.int64),
    )
    pixels = sizes[:, 0] * sizes[:, 1]
    text = f"a file may hold at most {MAX_PIXELS} pixels; these hold"
    checks = [limits.require(tf.reduce_all(pixels <= MAX_PIXELS), text, pixels)]
    if is_open:
        text = "the images of one request must have the same size; these have (height, width)"
        checks.append(limits.require(tf.reduce_all(tf.equal(sizes, sizes[:1])), text, sizes))
        batch = tf.size(contents, tf.int64)[None]
        checks += limits.open_check(signature, spec, tf.concat([batch, sizes[0], [1]], 0))
    with tf.control_dependencies(checks):
        return tf.identity(contents)


def image_size(content: tf.Tensor) -> tf.Tensor:
    """Height and width that the header of a PNG or JPEG file states, int64 `(2,)`.

    It fails on other files, on headers cut short and on JPEG files of more than `MAX_SCANS` scans.
    """
    head = tf.strings.substr(content, 0, _HEADER)
    is_png = tf.logical_and(
        tf.equal(tf.strings.substr(head, 0, len(_PNG)), _PNG),
        tf.equal(tf.strings.length(head), _HEADER),
    )
    is_jpeg = tf.equal(tf.strings.substr(head, 0, len(_JPEG)), _JPEG)
    known = limits.require(
        tf.logical_or(is_png, is_jpeg), "a file is not an image; expected whole PNG or JPEG files"
    )
    with tf.control_dependencies([known]):
        is_png = tf.identity(is_png)
    size = tf.cond(is_png, lambda: _png_size(head), lambda: _jpeg_size(content))
    text = "an image needs a height and a width of 1 or more; the header says"
    with tf.control_dependencies([limits.require(tf.reduce_all(size >= 1), text, size)]):
        return tf.identity(size)


def _png_size(head: tf.Tensor) -> tf.Tensor:
    numbers = tf.io.decode_raw(tf.strings.substr(head, 16, 8), tf.uint8, fixed_length=8)
    digits = tf.cast(tf.reshape(numbers, (2, 4)), tf.int64)
    width_height = tf.reduce_sum(digits * tf.constant([2**24, 2**16, 2**8, 1], tf.int64), 1)
    # As in the standard, and so that products fit in 63 bits.
    return tf.minimum(width_height[::-1], 2**31 - 1)


def _jpeg_size(content: tf.Tensor) -> tf.Tensor:
    numbers = tf.io.decode_raw(content, tf.uint8)
    starts = tf.logical_and(tf.equal(numbers[:-1], 0xFF), tf.equal(numbers[1:], 0xDA))
    scans = tf.math.count_nonzero(starts)
    text = f"a JPEG file may have at most {MAX_SCANS} scans; this has"
    with tf.control_dependencies([limits.require(scans <= MAX_SCANS, text, scans)]):
        content = tf.identity(content)
    return tf.cast(tf.io.extract_jpeg_shape(content)[:2], tf.int64)
