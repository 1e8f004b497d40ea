"""GRAN: strokes on one canvas, shared weights, statistics by step, the official widths."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError
from tfgan_suite.core.batch_norm_statistics import standing_statistics
from tfgan_suite.export import export
from tfgan_suite.features import layer_outputs
from tfgan_suite.games import gran


def small(steps=3, norm=True, **arguments):
    return gran.build_generator(8, 1, 4, 5, steps, 6, norm=norm, **arguments)


class TestGRAN(GameChecks):
    def make_game(self, plain=False):
        discriminator = gran.build_discriminator(8, 1, 4, "layer" if plain else "batch", 6)
        return gran.GRAN(
            small(2, norm=not plain), discriminator, weight_decay=1e-3, ema_decay=0.9, seed=3
        )

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, 8, 8, 1)).astype("f4")}


def game(generator):
    return gran.GRAN(generator, gran.build_discriminator(8, 1, 4))


def awake(steps, seed=0, **arguments):
    """A generator whose strokes are large enough to see."""
    keras.utils.set_random_seed(seed)
    generator = small(steps, **arguments)
    for variable in generator.trainable_variables:
        if "delta" in variable.name or "delta" in getattr(variable, "path", ""):
            variable.assign(60.0 * value(variable))
    return generator


def by_hand(generator, z):
    """An image in [0, 1] and its strokes, step by step, as in the paper's equations."""
    layer = generator.get_layer
    steps = len(gran.delta_names(generator))

    def normed(name, x, step):
        return layer(f"{name}_scale")(layer(f"{name}_statistics_{step}")(x, training=False))

    h_z = tf.tanh(normed("read_noise", layer("read_noise")(z), 1))
    h_c, deltas = tf.zeros_like(h_z), []
    for step in range(1, steps + 1):
        halves = [layer(name) for name in ("from_noise", "from_state")[: min(steps, 2)]]
        kernel = tf.concat([half.kernel for half in halves], 0)
        states = tf.concat([h_z, h_c][: len(halves)], 1)
        x = normed("project", states @ kernel, step)
        x = tf.nn.relu(tf.reshape(x, (-1, 4, 4, 4)))
        deltas.append(layer("to_delta")(x))
        if step < steps:
            x = layer("read_0")(deltas[-1])
            x = layer("read_delta")(tf.reshape(x, (-1, 4 * 4 * 4)))
            h_c = tf.tanh(normed("read_delta", x, step + 1))
    return tf.sigmoid(tf.add_n(deltas)), deltas


@pytest.mark.parametrize("steps", [1, 3])
def test_the_image_is_the_papers_canvas_moved_to_minus_one_to_one(steps):
    generator, z = awake(steps), tf.random.stateless_normal((4, 5), [1, 2])
    canvas, deltas = by_hand(generator, z)
    image = generator(z)
    assert float(tf.reduce_max(tf.abs(image))) > 0.02
    np.testing.assert_allclose(image, 2.0 * canvas - 1.0, atol=1e-6)
    logit = tf.math.log(canvas / (1.0 - canvas))
    np.testing.assert_allclose(tf.add_n(deltas), logit, atol=1e-4)


def test_a_decoder_of_zeros_leaves_the_canvas_grey():
    generator = small(3)
    generator.get_layer("to_delta").set_weights(
        [np.zeros_like(w) for w in generator.get_layer("to_delta").get_weights()]
    )
    canvas = (generator(tf.random.normal((2, 5))) + 1.0) / 2.0
    assert np.array_equal(canvas, np.full((2, 8, 8, 1), 0.5))


def count(network):
    return sum(int(np.prod(v.shape)) for v in trainable([network]))


def test_the_number_of_parameters_does_not_depend_on_the_steps():
    assert count(small(2)) == count(small(3)) == count(small(7))
    assert count(small(2)) == count(small(2, noise_per_step=True))
    assert count(small(1)) < count(small(2))  # nothing reads the only stroke


def test_every_step_has_batch_statistics_of_its_own():
    generator = awake(3)
    batches = [tf.random.stateless_normal((512, 5), [i, 0]) for i in range(10)]
    standing_statistics(generator, batches)
    z = tf.random.stateless_normal((512, 5), [9, 9])
    kept, seen = [], []
    for step in (1, 2, 3):
        layer = generator.get_layer(f"project_statistics_{step}")
        kept.append(value(layer.moving_variance))
        seen.append(np.var(keras.Model(generator.inputs, layer.input)(z, training=True), axis=0))
    for step in range(3):
        np.testing.assert_allclose(seen[step] / kept[step], 1.0, atol=0.3)
    assert np.abs(np.log(kept[1] / kept[0])).max() > 0.5


def test_canvases_end_in_the_image():
    playing = game(awake(4))
    canvases = playing.canvases(3, seed=5)
    assert canvases.shape == (3, 4, 8, 8, 1)
    np.testing.assert_allclose(canvases[:, -1], playing.generate(3, seed=5), atol=1e-6)
    z = playing.signatures()["canvases"].inputs[0].draw(3, [5, 0])
    _, deltas = by_hand(playing.generator, z)
    np.testing.assert_allclose(canvases[:, 0], np.tanh(deltas[0] / 2), atol=1e-5)
    np.testing.assert_allclose(canvases[:, 1], np.tanh((deltas[0] + deltas[1]) / 2), atol=1e-5)
    assert game(awake(1)).canvases(2).shape == (2, 1, 8, 8, 1)


def test_noise_per_step_feeds_each_step_its_own_part():
    generator = awake(3, noise_per_step=True)
    assert generator.input_shape == (None, 15)
    deltas = layer_outputs.select_outputs(generator, gran.delta_names(generator))
    z = tf.random.stateless_normal((2, 15), [1, 1])
    other = tf.concat([z[:, :10], -z[:, 10:]], 1)  # the last step's part alone differs
    same = [np.array_equal(a, b) for a, b in zip(deltas(z), deltas(other))]
    assert same == [True, True, False]


def test_the_generators_gradient_goes_through_all_strokes_to_the_encoder():
    generator = awake(2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(generator(tf.random.normal((4, 5)), training=True) ** 2)
    kernels = [generator.get_layer(n).trainable_variables[0] for n in ("read_0", "read_delta")]
    for gradient in tape.gradient(loss, kernels):
        assert np.abs(gradient).max() > 0


def test_the_decay_is_about_the_discriminators_weights():
    playing = gran.GRAN(small(1), gran.build_discriminator(8, 1, 4), weight_decay=0.5)
    weights = [value(v) for v in playing.discriminator.trainable_variables]
    expected = 0.5 * sum(np.sum(w**2) for w in weights if w.ndim > 1)
    x = tf.zeros((2, 8, 8, 1))
    assert float(playing.discriminator_terms(x, x)["weight_decay"]) == pytest.approx(
        expected, rel=1e-5
    )
    with pytest.raises(InputError, match="weight_decay is -1"):
        gran.GRAN(small(1), gran.build_discriminator(8, 1, 4), weight_decay=-1)


def test_the_cifar_networks_have_the_official_number_of_parameters():
    generator, discriminator = gran.build_generator(), gran.build_discriminator()
    norms = 2 * (100 + 16384 + 512 + 256 + 100)
    decoder = 100 * 100 + 200 * 16384 + 25 * (1024 * 512 + 512 * 256) + 25 * 256 * 3 + 3
    encoder = 25 * (3 * 256 + 256 * 512 + 512 * 1024) + 256 + 512 + 1024 + 4 * 4 * 1024 * 100
    assert count(generator) == norms + decoder + encoder
    convolutions = 25 * (3 * 1024 + 1024 * 512 + 512 * 256) + 1024 + 2 * (512 + 256)
    assert count(discriminator) == convolutions + 4 * 4 * 256 * 100 + 100 + 100 + 1
    maps = [tuple(x.output.shape[1:]) for x in discriminator.layers if "conv" in x.name]
    assert maps == [(16, 16, 1024), (8, 8, 512), (4, 4, 256)]


def test_more_than_two_steps_have_an_int8_form(tmp_path):
    playing = game(awake(3))
    formats = ("saved_model", "tflite_int8")
    result = export(playing, tmp_path, name="tiny", formats=formats, int8_bound=None)
    assert (result.path / "tflite" / "int8.tflite").is_file()
    assert (result.path / "tflite" / "canvases" / "int8.tflite").is_file()


@pytest.mark.parametrize(
    "size, width, maps", [(28, 40, [80, 40]), (64, 172, [1376, 688, 344, 172])]
)
def test_the_official_widths_at_other_sizes(size, width, maps):
    discriminator = gran.build_discriminator(size, 1, width)
    assert [x.filters for x in discriminator.layers if "conv" in x.name] == maps
    generator = gran.build_generator(size, 1, 2, 3, 2, 4)
    assert generator.output_shape == (None, size, size, 1)


def test_impossible_networks_are_refused():
    with pytest.raises(InputError, match="steps is 0"):
        small(0)
    with pytest.raises(InputError, match="size 50"):
        gran.build_generator(50)
