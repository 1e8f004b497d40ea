"""int8 of generators whose logits lie far beyond the ends of their last activation."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export, saturation

LATENT = 8


def generator(activation, slope, tail=None):
    """Images whose red is black by a wide margin, and whose other colours are greys."""
    keras.utils.set_random_seed(0)
    layers, z = keras.layers, keras.Input((LATENT,))
    x = layers.Reshape((4, 4, 8))(layers.Dense(128, activation="relu")(z))
    bias = keras.initializers.Constant([-slope, 0.0, 0.0])
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", bias_initializer=bias)(x)
    outputs = layers.Activation(activation)(x)
    return keras.Model(z, outputs if tail is None else tail(x, outputs))


def exported(folder, network):
    class Game:
        def signatures(self):
            call = lambda z: network(z, training=False)  # noqa: E731
            z, image = TensorSpec("z", (LATENT,), kind="normal"), TensorSpec("image", (8, 8, 3))
            return {"serving_default": Signature((z,), image, call, (network,))}

    formats = ("saved_model", "tflite_int8")
    result = export(Game(), folder, name="small", formats=formats, int8_bound=None)
    return result.parity["signatures"]["serving_default"]["tflite_int8"]


@pytest.mark.parametrize(("activation", "slope"), [("tanh", 200.0), ("sigmoid", 400.0)])
def test_wide_logits_cost_no_greys(tmp_path, monkeypatch, activation, slope):
    network = generator(activation, slope)
    cured = exported(tmp_path / "cured", network)
    assert cured["psnr"] > 35 and cured["norms"] == "int8"
    monkeypatch.setattr(saturation, "clip_ranges", lambda model: model)
    assert exported(tmp_path / "plain", network)["psnr"] < cured["psnr"] - 8


def test_logits_that_something_else_reads_keep_their_range(tmp_path, monkeypatch):
    mean = lambda x, y: keras.layers.Add()([keras.layers.Rescaling(0.001)(x), y])  # noqa: E731
    network = generator("tanh", 200.0, mean)
    with_clip = exported(tmp_path / "a", network)
    monkeypatch.setattr(saturation, "clip_ranges", lambda model: model)
    assert with_clip["psnr"] == exported(tmp_path / "b", network)["psnr"]


def test_narrow_logits_leave_the_model_as_it_is():
    network = generator("tanh", 0.0)
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    model = converter.convert()
    assert saturation.clip_ranges(model) is model


def test_an_operator_without_inputs_reads_nothing():
    operators = [types.SimpleNamespace(inputs=inputs) for inputs in (None, np.array([2, 1]), [2])]
    graph = types.SimpleNamespace(operators=operators, outputs=np.array([1, 5]))
    assert saturation._readings(graph) == {2: 2, 1: 2, 5: 1}
