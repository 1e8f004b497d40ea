"""The char-CNN-RNN: its alphabet, its parameters, its recurrence, and the loss that trains it."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.losses.joint_embedding import structured_joint_embedding
from tfgan_suite.networks import text


def test_characters_become_indices():
    assert len(text.ALPHABET) == 70
    indices = text.encode_characters(["Ab 9", "-é", "x" * 300])
    assert indices.shape == (3, 201) and indices.dtype == np.int32
    assert indices[0, :5].tolist() == [0, 1, 69, 35, -1]
    assert indices[1, :2].tolist() == [59, -1]  # the later of the two hyphens
    assert (indices[2] == 23).all()
    rows = text.OneHotCharacters()(indices[:2]).numpy()
    assert rows.shape == (2, 201, 70) and rows[0].sum() == 4 and rows[1, 0, 59] == 1
    assert rows[1, 1:].sum() == 0


def test_parameters_at_the_papers_scale():
    """By hand: convolutions 4*70*384+384, 4*384*512+512, 4*512*512+512; six products of 512 by 512
    with bias; 512*1024+1024."""
    encoder = text.build_char_cnn_rnn()
    assert encoder.count_params() == 107904 + 786944 + 1049088 + 6 * 262656 + 525312
    assert encoder.input_shape == (None, 201) and encoder.output_shape == (None, 1024)
    shapes = [tuple(layer.output.shape)[1:] for layer in encoder.layers[2:8]]
    assert shapes == [(198, 384), (66, 384), (63, 512), (21, 512), (18, 512), (512,)]


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize("pooling", text.POOLINGS)
def test_the_recurrence_is_that_of_the_paper(pooling):
    rng, units = np.random.RandomState(0), 3
    layer, x = text.UnrolledGRU(units, pooling), rng.normal(size=(2, 4, 5)).astype("f4")
    layer.build((None, 4, 5))
    weights = [rng.normal(size=tuple(weight.shape)) for weight in layer.weights]
    layer.set_weights(weights)
    kernel, bias, state_kernel, state_bias = weights
    parts = [slice(i * units, (i + 1) * units) for i in range(3)]

    def product(values, state, part):
        return (
            values @ kernel[:, part] + bias[part] + state @ state_kernel[:, part] + state_bias[part]
        )

    states = [np.tanh(x[:, 0] @ kernel[:, parts[2]] + bias[parts[2]])]
    for step in range(1, 4):
        h = states[-1]
        update, reset = (sigmoid(product(x[:, step], h, part)) for part in parts[:2])
        states.append(update * np.tanh(product(x[:, step], reset * h, parts[2])) + (1 - update) * h)
    expected = np.mean(states, axis=0) if pooling == "mean" else states[-1]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_small_encoders_read_every_character():
    encoder = text.build_char_cnn_rnn(6, width=8, length=60, dropout=0.5)
    one, two = text.encode_characters(["a red circle", "a red square"], 60)[:, None]
    assert np.abs(encoder(one) - encoder(two)).max() > 1e-4
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(np.concatenate([one, two]), training=True) ** 2)
    gradients = tape.gradient(loss, encoder.trainable_variables)
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in map(np.asarray, gradients))
    assert text.build_char_cnn_rnn(6, width=8, length=48).output_shape == (None, 6)
    with pytest.raises(InputError, match="48 or more"):
        text.build_char_cnn_rnn(length=47)
    with pytest.raises(InputError, match="pooling"):
        text.UnrolledGRU(3, "first")


def test_the_joint_embedding_loss():
    unit, labels = np.eye(2, dtype="f4"), np.array([0, 1])
    loss = structured_joint_embedding
    assert loss(unit, unit, labels) == 0.0  # right by a margin of 1
    assert loss(unit, 0 * unit, labels) == 2.0  # both margins are missing
    assert loss(unit, unit[::-1].copy(), labels) == 4.0  # the other class scores 1
    assert loss(unit, 0.5 * unit, labels) == 1.0
    # Within one class nothing is demanded beyond its mean: 0.5 * (1 + 0) - 1 < 0.
    assert loss(unit, unit, np.array([3, 3])) == 0.0
    # Class 0 has the means (.5, .5), class 1 the vectors of example 3. By hand, images + texts:
    # example 1: 0 + (1 + 1 - 1), example 2: (1 + 1 - 1) + 0, example 3: (1 + 0 + 1) + (1 + .5 + 1).
    images = np.array([[1, 0], [0, 1], [1, -1]], "f4")
    texts = np.array([[1, 0], [0, 1], [0, 1]], "f4")
    assert loss(images, texts, np.array([0, 0, 1])).numpy() == pytest.approx((1 + 1 + 4.5) / 3)
