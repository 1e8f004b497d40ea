"""int8 files of generators that read a class or a sentence are as accurate as others."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export
from tfgan_suite.layers.conditioning import ConcatenateLabel, ConditionalBatchNormalization, OneHot
from tfgan_suite.layers.conditioning_augmentation import ConditioningAugmentation

LATENT, CLASSES, SENTENCE, UNITS = 8, 5, 12, 8
FORMATS = ("saved_model", "tflite_int8")


def exported(folder, network, condition, **options):
    """The int8 entry of the report of a generator from z and a condition."""
    z = TensorSpec("z", (LATENT,), kind="normal")

    class Game:
        def signatures(self):
            call = lambda **x: network([x["z"], x[condition.name]], training=False)  # noqa: E731
            image = TensorSpec("image", (8, 8, 3))
            return {"serving_default": Signature((z, condition), image, call, (network,))}

    result = export(Game(), folder, name="small", formats=FORMATS, **options)
    return result.parity["signatures"]["serving_default"]["tflite_int8"]


class TensorFlowCode(keras.layers.Layer):
    """A class as `tf.one_hot` writes it, which int8 computes wrongly."""

    def call(self, inputs):
        return tf.concat([inputs[0], tf.one_hot(inputs[1], CLASSES)], -1)


def image_of(x, label=None):
    """An 8x8 image of features whose range is several times that of a code."""
    layers = keras.layers
    x = layers.Reshape((4, 4, 8))(layers.Dense(4 * 4 * 8, activation="relu")(x))
    if label is not None:
        x = ConcatenateLabel(CLASSES)([x, label])
    x = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(3, 3, padding="same")(x)
    return layers.Activation("tanh")(x)


def labelled(kind):
    keras.utils.set_random_seed(0)
    z, label = keras.Input((LATENT,)), keras.Input((), dtype="int32")
    wide = keras.layers.Rescaling(3.0)(z)
    if kind == "concatenated":
        image = image_of(ConcatenateLabel(CLASSES)([wide, label]), label)
    elif kind == "normalized":
        x = ConditionalBatchNormalization(CLASSES)([keras.layers.Dense(16)(wide), label])
        image = image_of(x)
    elif kind == "code":
        image = image_of(keras.layers.Concatenate()([wide, OneHot(CLASSES)(label)]))
    else:
        image = image_of(TensorFlowCode()([wide, label]))
    return keras.Model([z, label], image)


LABEL = TensorSpec("label", (), "int32", "label", CLASSES)


@pytest.mark.parametrize("kind", ["concatenated", "normalized", "code"])
def test_a_class_costs_no_accuracy(tmp_path, kind):
    result = exported(tmp_path, labelled(kind), LABEL)
    assert result["psnr"] > 35 and result["norms"] == "int8"


def test_codes_of_tensorflow_stay_in_float32(tmp_path, capsys):
    """A network of the user's own: 8 bits throughout fail, the second attempt does not."""
    result = exported(tmp_path, labelled("tensorflow"), LABEL)
    assert result["psnr"] > 35 and result["norms"] == "float32"
    assert "trying again" in capsys.readouterr().out


def test_a_sentence_costs_no_accuracy(tmp_path):
    """mu reaches far above log sigma, whose clipping once gave both its range."""
    keras.utils.set_random_seed(0)
    z, sentence = keras.Input((LATENT,)), keras.Input((SENTENCE,))
    augmentation = ConditioningAugmentation(UNITS)
    c, _, _ = augmentation([sentence, z])
    network = keras.Model([z, sentence], image_of(c))
    random = np.random.default_rng(0)
    kernel = random.normal(0, 0.7, (SENTENCE, 2 * UNITS)) * np.repeat([1.0, 0.1], UNITS)
    augmentation.head.set_weights([kernel, np.repeat([0.0, -1.5], UNITS)])
    vectors = (random.random((144, SENTENCE)) < 0.3).astype("float32")
    condition = TensorSpec("sentence", (SENTENCE,), kind="embedding")
    result = exported(tmp_path, network, condition, representative=lambda: [{"sentence": vectors}])
    assert result["psnr"] > 35 and result["norms"] == "int8"
