"""Labels: in batches, in networks, in words."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import value

from tfgan_suite import InputError, compat
from tfgan_suite.core.batches import labels
from tfgan_suite.core.labels import check_labels, class_count, parse_labels
from tfgan_suite.layers.conditioning import ConcatenateLabel, ConditionalBatchNormalization, OneHot

NAMES = ("red circle", "blue, dark", "7", "square")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("red circle", [0]),
        ("2", [2]),
        ("7", [2]),  # a name before an index
        (" square , 1,square", [3, 1, 3]),
        ("blue, dark", [1]),
    ],
)
def test_classes_by_name_and_by_index(text, expected):
    assert parse_labels(text, 4, NAMES) == expected


def test_an_unknown_class_is_refused_with_the_list():
    with pytest.raises(InputError, match="no class 'cube'.*0 red circle.*3 square"):
        parse_labels("cube", 4, NAMES)
    for word in ("10", "-1", "", "2.0"):
        with pytest.raises(InputError, match="0 to 9"):
            parse_labels(word, 10)


def test_labels_of_batches():
    given = np.array([2, 0], "i8")
    for batch in ({"image": np.zeros((2, 4)), "label": given}, (np.zeros((2, 4)), given)):
        found = labels(batch)
        assert found.dtype == tf.int32 and found.numpy().tolist() == [2, 0]
    for batch in ({"image": np.zeros((2, 4))}, (np.zeros(2),), np.zeros((2, 4))):
        with pytest.raises(InputError, match="without labels"):
            labels(batch)


def test_data_without_classes_are_refused():
    assert class_count(types.SimpleNamespace(name="a", classes=("x", "y"))) == 2
    for classes, message in ((None, "no classes"), (("x",), "a single class")):
        with pytest.raises(InputError, match=message):
            class_count(types.SimpleNamespace(name="photos", classes=classes))


def test_one_label_for_all_or_one_each():
    assert check_labels(2, 3, 4).tolist() == [2, 2, 2, 2]
    assert check_labels([0, 1], 3, 9).tolist() == [0, 1]
    for wrong in (3, [0, -1], 1.5, [[1]], "2", []):
        with pytest.raises(InputError, match="label"):
            check_labels(wrong, 3, 2)


def test_the_code_is_appended_to_vectors_and_to_maps():
    layer = ConcatenateLabel(3, scale=0.5)
    found = layer([tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([2, 0])])
    assert found.numpy().tolist() == [[1, 2, 0, 0, 0.5], [3, 4, 0.5, 0, 0]]
    maps = tf.random.stateless_normal((2, 3, 4, 2), [0, 0])
    found = layer([maps, tf.constant([1, 2])]).numpy()
    assert found.shape == (2, 3, 4, 5) and np.array_equal(found[..., :2], maps)
    assert (found[0, ..., 3] == 0.5).all() and (found[1, ..., 4] == 0.5).all()
    assert found[..., 2:].sum() == 2 * 12 * 0.5
    again = ConcatenateLabel.from_config(layer.get_config())
    assert (again.classes, again.scale) == (3, 0.5)
    assert OneHot(3)(tf.constant([1])).numpy().tolist() == [[0, 1, 0]]
    with pytest.raises(InputError, match="classes"):
        ConcatenateLabel(0)


def conditional_norm():
    keras.utils.set_random_seed(0)
    maps, label = keras.Input((3, 3, 2)), keras.Input((), dtype="int32")
    layer = ConditionalBatchNormalization(3, epsilon=1e-5)
    model = keras.Model([maps, label], layer([maps, label]))
    layer.gamma.assign([[1.0, 1.0], [2.0, 3.0], [0.0, 0.0]])
    layer.beta.assign([[0.0, 0.0], [5.0, -5.0], [1.0, 2.0]])
    return model, layer


def test_only_scale_and_shift_are_of_the_class():
    model, layer = conditional_norm()
    maps = 3.0 + 2.0 * tf.random.stateless_normal((6, 3, 3, 2), [0, 0])
    label = tf.constant([0, 1, 2, 1, 0, 0])
    found = model([maps, label], training=True).numpy()
    array = maps.numpy()
    # The moments are those of the whole batch, whatever the labels.
    shared = (array - array.mean((0, 1, 2))) / np.sqrt(array.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(found[[0, 4, 5]], shared[[0, 4, 5]], atol=1e-4)
    np.testing.assert_allclose(found[1], shared[1] * [2.0, 3.0] + [5.0, -5.0], atol=1e-4)
    np.testing.assert_allclose(found[2], np.broadcast_to([1.0, 2.0], (3, 3, 2)), atol=1e-6)
    assert len(layer.trainable_variables) == 2 and len(layer.non_trainable_variables) == 2
    mean = next(v for v in layer.non_trainable_variables if "mean" in v.name)
    np.testing.assert_allclose(value(mean), 0.1 * array.mean((0, 1, 2)), rtol=1e-4)


def test_inference_uses_the_moving_statistics():
    model, _ = conditional_norm()
    maps, label = tf.random.stateless_normal((4, 3, 3, 2), [0, 1]), tf.constant([0, 1, 1, 0])
    together = model([maps, label], training=False).numpy()
    alone = model([maps[1:2], label[1:2]], training=False).numpy()
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)


def test_each_class_gets_its_own_gradient():
    model, layer = conditional_norm()
    maps = tf.random.stateless_normal((4, 3, 3, 2), [0, 2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model([maps, tf.constant([0, 0, 1, 1])], training=True))
    gradient = tape.gradient(loss, compat.tensor_variable(layer.beta))
    assert tf.convert_to_tensor(gradient).numpy().tolist() == [[18, 18], [18, 18], [0, 0]]


def test_a_clone_and_vectors():
    model, _ = conditional_norm()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    maps, label = tf.random.stateless_normal((4, 3, 3, 2), [0, 1]), tf.constant([0, 1, 2, 0])
    np.testing.assert_allclose(clone([maps, label]), model([maps, label]), atol=1e-6)
    vectors = tf.random.stateless_normal((64, 5), [1, 1])
    found = ConditionalBatchNormalization(2)([vectors, tf.zeros(64, tf.int32)], training=True)
    np.testing.assert_allclose(tf.math.reduce_std(found, 0), np.ones(5), atol=1e-3)
