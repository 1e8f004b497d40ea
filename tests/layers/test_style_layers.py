"""The layers of StyleGAN: known answers, second derivatives, TFLite."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from derivatives import values_and_derivatives
from harness import value
from tflite_layers import tflite_outputs

from tfgan_suite import InputError, compat
from tfgan_suite.layers.blur import BlurUpSampling2D
from tfgan_suite.layers.equalized import (
    EqualizedConv2D,
)
from tfgan_suite.layers.minibatch_deviation import MinibatchDeviation
from tfgan_suite.layers.normalization import PixelNormalization
from tfgan_suite.layers.style_inputs import (
    EqualizedDownConv2D,
    NoiseBiasActivation,
    ScaledLeakyReLU,
)
from tfgan_suite.layers.style_modulation import ModulatedConv2D, StyleNormalization

DRAWS = np.random.RandomState(0)
MAPS = DRAWS.normal(size=(5, 4, 6, 3)).astype("f4")
STYLE = DRAWS.normal(size=(5, 3)).astype("f4")


# ---- norms over pixels and batches --------------------------------------------------------------


def test_pixel_norm_gives_each_pixel_mean_square_one():
    norm = PixelNormalization()
    np.testing.assert_allclose(np.mean(np.square(norm(MAPS)), -1), 1.0, rtol=1e-5)
    same = np.full((1, 2, 2, 3), -7.0, "f4")
    np.testing.assert_allclose(norm(same), np.sign(same), rtol=1e-5)
    np.testing.assert_allclose(norm(tf.zeros((1, 3))), np.zeros((1, 3)))


def deviation_by_hand(maps, groups, features=1):
    """One number a group and feature, for groups as lists of examples."""
    result = np.zeros((len(maps), features))
    for members in groups:
        spread = np.sqrt(maps[members].var(0) + 1e-8)
        parts = np.split(spread, features, axis=-1)
        result[members] = [part.mean() for part in parts]
    return result


def test_minibatch_deviation_of_known_images():
    """{0, 0, 2, 2} deviate by 1, equal images by sqrt(1e-8)."""
    images = np.repeat(np.float32([0, 0, 2, 2]), 12).reshape(4, 2, 2, 3)
    assert np.array(MinibatchDeviation(4)(images))[..., 3] == pytest.approx(1.0)
    assert np.array(MinibatchDeviation(4)(0 * images))[..., 3] == pytest.approx(1e-4)


@pytest.mark.parametrize(
    "count, group_size, groups",
    [
        (4, 2, [[0, 2], [1, 3]]),  # example i and example i + B / G
        (5, 4, [[0, 2, 4], [1, 3]]),  # the last group has one less
        (3, 4, [[0, 1, 2]]),
        (5, 1, [[0], [1], [2], [3], [4]]),
    ],
)
def test_groups_of_a_minibatch(count, group_size, groups):
    maps = MAPS[:count]
    outputs = np.array(MinibatchDeviation(group_size)(maps))
    np.testing.assert_array_equal(outputs[..., :3], maps)
    expected = deviation_by_hand(maps, groups)[:, None, None]
    np.testing.assert_allclose(outputs[..., 3:], expected + np.zeros((count, 4, 6, 1)), rtol=1e-4)


def test_features_share_the_channels():
    outputs = np.array(MinibatchDeviation(5, features=3)(MAPS))
    expected = deviation_by_hand(MAPS, [[0, 1, 2, 3, 4]], features=3)
    np.testing.assert_allclose(outputs[:, 0, 0, 3:], expected, rtol=1e-4)
    with pytest.raises(InputError, match="3 channels in 2 features"):
        MinibatchDeviation(4, features=2)(MAPS)
    with pytest.raises(InputError, match="group_size is 0"):
        MinibatchDeviation(0)


# ---- styles -------------------------------------------------------------------------------------


def test_a_style_sets_mean_and_spread_of_each_channel():
    style = DRAWS.normal(size=(5, 6)).astype("f4")
    outputs = np.array(StyleNormalization()([10 * MAPS + 3, style]))
    np.testing.assert_allclose(outputs.mean((1, 2)), style[:, 3:], atol=1e-4)
    np.testing.assert_allclose(outputs.std((1, 2)), np.abs(style[:, :3] + 1), atol=1e-4)
    flat = np.full((5, 4, 4, 3), 2.0, "f4")
    expected = style[:, None, None, 3:] + 0 * flat
    np.testing.assert_allclose(StyleNormalization()([flat, style]), expected, atol=1e-6)
    with pytest.raises(InputError, match="2 per channel"):
        StyleNormalization()([MAPS, STYLE])


def modulated(**options):
    keras.utils.set_random_seed(4)
    layer = ModulatedConv2D(7, options.pop("kernel_size", 3), **options)
    layer.build([MAPS.shape, STYLE.shape])
    return layer


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_fused_and_unfused_are_one_convolution_with_a_kernel_per_image(demodulate, kernel_size):
    options = {"demodulate": demodulate, "kernel_size": kernel_size}
    layer, fused = modulated(**options), modulated(fused=True, **options)
    kernel = value(layer.kernel).astype("f8") / np.sqrt(3 * kernel_size**2)
    for image in range(5):
        own = kernel * STYLE[image][:, None]
        if demodulate:
            own /= np.sqrt(np.square(own).sum((0, 1, 2)) + 1e-8)
        expected = tf.nn.conv2d(MAPS[image : image + 1], own.astype("f4"), 1, "SAME")
        for each in (layer, fused):
            outputs = each([MAPS, STYLE])[image : image + 1]
            np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_demodulation_undoes_the_size_of_a_style_and_keeps_variance_one():
    layer = modulated()
    np.testing.assert_allclose(layer([MAPS, 10 * STYLE]), layer([MAPS, STYLE]), atol=1e-5)
    large = ModulatedConv2D(8, 3)
    maps = DRAWS.normal(size=(2, 32, 32, 64)).astype("f4")
    style = 1 + DRAWS.normal(size=(2, 64)).astype("f4")
    inside = np.array(large([maps, style]))[:, 1:-1, 1:-1]  # beyond the border are zeros
    np.testing.assert_allclose(inside.std((1, 2)), 1.0, atol=0.1)


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_multiplier_makes_a_modulated_convolution_learn_faster_and_start_alike(demodulate):
    plain = modulated(demodulate=demodulate)
    fast = modulated(demodulate=demodulate, learning_rate_multiplier=4.0)
    np.testing.assert_allclose(4 * value(fast.kernel), value(plain.kernel), rtol=1e-6)
    np.testing.assert_allclose(fast([MAPS, STYLE]), plain([MAPS, STYLE]), atol=1e-5)
    # The same step of Adam does four times as much.
    for layer, step in ((plain, 0.2), (fast, 0.05)):
        layer.kernel.assign(value(layer.kernel) + step)
    np.testing.assert_allclose(fast([MAPS, STYLE]), plain([MAPS, STYLE]), atol=1e-5)


def spread_by_hand(maps):
    """Zeros between the pixels."""
    batch, height, width, channels = maps.shape
    spread = np.zeros((batch, 2 * height - 1, 2 * width - 1, channels), "f4")
    spread[:, ::2, ::2] = maps
    return spread


def blurred_by_hand(maps):
    """Without borders: 1, 3, 3, 1 along both axes, of sum 1."""
    for axis in (1, 2):
        parts = [np.roll(maps, -shift, axis) for shift in range(4)]
        maps = sum(weight * part for weight, part in zip((1, 3, 3, 1), parts)) / 8
        maps = maps[:, :-3] if axis == 1 else maps[:, :, :-3]
    return maps


def padded(maps, zeros):
    return np.pad(maps, [(0, 0), (zeros, zeros), (zeros, zeros), (0, 0)])


def test_upsampling_convolves_the_spread_maps_and_blurs_them():
    layer = modulated(upsample=True, demodulate=False)
    style = np.ones_like(STYLE)
    kernel = value(layer.kernel) / np.sqrt(27)
    wide = tf.nn.conv2d(padded(spread_by_hand(MAPS), 2), kernel, 1, "VALID").numpy()
    expected = 4 * blurred_by_hand(padded(wide, 1))
    outputs = layer([MAPS, style])
    assert outputs.shape == (5, 8, 12, 7)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    # Inside it is a convolution of maps that were upsampled by the same filter.
    plain = tf.nn.conv2d(BlurUpSampling2D()(MAPS), kernel, 1, "SAME")
    np.testing.assert_allclose(outputs[:, 2:-2, 2:-2], plain[:, 2:-2, 2:-2], atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_downsampling_convolves_every_second_pixel_of_the_blurred_maps(kernel_size):
    layer = EqualizedDownConv2D(2, kernel_size, gain=1.0)
    outputs = layer(MAPS)
    assert outputs.shape == (5, 2, 3, 2)
    blurred = blurred_by_hand(padded(MAPS, 1 + kernel_size // 2))
    kernel = layer.kernel_scale * value(layer.kernel)
    np.testing.assert_allclose(outputs, tf.nn.conv2d(blurred, kernel, 2, "VALID"), atol=1e-5)


def test_noise_bias_and_activation_come_in_this_order():
    layer = NoiseBiasActivation()
    noise = DRAWS.normal(size=(1, 4, 6, 1)).astype("f4")
    layer.build([MAPS.shape, noise.shape])
    layer.strength.assign(0.5)
    layer.bias.assign([1.0, 0.0, -1.0])
    x = MAPS + 0.5 * noise + np.float32([1, 0, -1])
    expected = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(layer([MAPS, noise]), expected, atol=1e-5)
    np.testing.assert_allclose(ScaledLeakyReLU()(x), expected, atol=1e-5)


def test_impossible_styles_and_gains_are_refused():
    with pytest.raises(InputError, match="style of 2 numbers for 3 channels"):
        ModulatedConv2D(4, 3).build([(None, 4, 4, 3), (None, 2)])
    with pytest.raises(InputError, match="gain 0.0 and learning_rate_multiplier 1.0"):
        ModulatedConv2D(4, 3, gain=0.0)
    with pytest.raises(InputError, match="learning_rate_multiplier -1"):
        ModulatedConv2D(4, 3, learning_rate_multiplier=-1.0)
    with pytest.raises(InputError, match="cannot be fused"):
        ModulatedConv2D(4, 3, fused=True, upsample=True)
    again = ModulatedConv2D.from_config(modulated(demodulate=False, fused=True).get_config())
    assert (again.filters, again.demodulate, again.fused) == (7, False, True)


# ---- derivatives and export ---------------------------------------------------------------------


LAYERS = {
    "equalized": lambda: EqualizedConv2D(2, 3, padding="same", learning_rate_multiplier=0.5),
    "pixel norm": PixelNormalization,
    "minibatch deviation": lambda: MinibatchDeviation(2),
    "style": StyleNormalization,
    "modulated": lambda: ModulatedConv2D(2, 3),
    "modulated, fused": lambda: ModulatedConv2D(2, 3, fused=True),
    "modulated, upsampled": lambda: ModulatedConv2D(2, 3, upsample=True),
    "downsampled": lambda: EqualizedDownConv2D(2, 3, gain=3.0),
}


RESAMPLING = ["modulated, upsampled", "downsampled"]


@pytest.mark.parametrize(
    "name, training", [*((name, False) for name in LAYERS), *((name, True) for name in RESAMPLING)]
)
def test_second_derivatives_equal_finite_differences(name, training):
    """Of the squared slope of sum(y^3), as in a gradient penalty, along the maps and the style."""
    layer, maps = LAYERS[name](), tf.constant(MAPS)
    options = {"training": True} if training else {}
    style = tf.constant(np.repeat(STYLE, 2, 1) if name == "style" else 1 + 0.3 * STYLE)
    styled = name.startswith(("style", "modulated"))
    inputs_of = (lambda x, s: [x, s]) if styled else (lambda x, s: x)
    call = lambda x, s: layer(inputs_of(x, s), **options)  # noqa: E731

    def penalty(x, s):
        with tf.GradientTape() as tape:
            tape.watch([x, s])
            total = tf.reduce_sum(call(x, s) ** 3)
        slopes = tape.gradient(total, [x, s], unconnected_gradients="zero")
        return sum(tf.reduce_sum(slope**2) for slope in slopes)

    keras.utils.set_random_seed(5)
    draws = np.random.RandomState(6)
    ways = [draws.normal(size=t.shape).astype("f4") for t in (maps, style)]
    with tf.GradientTape() as tape:
        tape.watch([maps, style])
        squares = penalty(maps, style)
    slopes = tape.gradient(squares, [maps, style], unconnected_gradients="zero")
    slope = sum(float(tf.reduce_sum(a * b)) for a, b in zip(slopes, ways))
    step = 2e-3
    above, below = (
        float(penalty(maps + s * step * ways[0], style + s * step * ways[1])) for s in (1.0, -1.0)
    )
    assert abs(slope) > 1 and slope == pytest.approx((above - below) / (2 * step), rel=2e-2)


@pytest.mark.parametrize("name", RESAMPLING)
def test_training_resamples_as_inference_does(name):
    """Blurs of other operations: outputs, gradients and those of a penalty."""
    layer = LAYERS[name]()
    maps, style = tf.constant(MAPS), tf.constant(STYLE)
    inputs_of = (lambda x: [x, style]) if name.startswith("modulated") else (lambda x: x)
    layer(inputs_of(maps))
    kernel = compat.tensor_variable(layer.kernel)
    slow, fast = (
        values_and_derivatives(
            lambda x, _, training=training: layer(inputs_of(x), training=training), maps, kernel
        )
        for training in (False, True)
    )
    assert all(np.abs(each).max() > 0.1 for each in slow)
    for ours, expected in zip(fast, slow):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["pixel norm", "style", "modulated", "modulated, upsampled"])
def test_layers_of_generators_convert_to_tflite(name, tmp_path):
    layer, inputs = LAYERS[name](), {"maps": MAPS}
    if name != "pixel norm":
        inputs["style"] = np.repeat(STYLE, 2, 1) if name == "style" else STYLE

    def call(**tensors):
        return layer(list(tensors.values()) if len(tensors) > 1 else tensors["maps"])

    expected = call(**inputs)
    result, _ = tflite_outputs(call, layer, tmp_path, **inputs)
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("name", list(LAYERS))
def test_half_precision_is_close_and_has_gradients(name):
    compat.set_precision("bfloat16")
    try:
        layer = LAYERS[name]()
    finally:
        compat.set_precision("float32")
    style = np.repeat(STYLE, 2, 1) if name == "style" else STYLE
    maps = tf.constant(MAPS, tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer([maps, style]) if name.startswith(("style", "mod")) else layer(maps)
        total = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
    assert outputs.dtype == tf.bfloat16
    gradient = np.array(tf.cast(tape.gradient(total, maps), tf.float32))
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
