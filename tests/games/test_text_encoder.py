"""The joint embedding of images and sentences: both networks learn, sentences find their images."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, value

from tfgan_suite import InputError
from tfgan_suite.games import text_encoder
from tfgan_suite.losses.joint_embedding import structured_joint_embedding
from tfgan_suite.networks.text import build_char_cnn_rnn, encode_characters

SHAPE, LENGTH = (8, 8, 3), 60
FORM = {"text_dim": 5, "width": 4, "length": LENGTH}
TEXTS = ["a red circle", "a blue square", "the red square", "one green disc"]


class TestTextEncoder(GameChecks):
    batch = 4
    plain_differs = False
    # The classes of a batch are compared with each other: two devices compare other ones than one.
    test_two_replicas_equal_one = None
    # Vectors of one example have no other to compare with where sentences are drawn.
    exported_formats = ("saved_model", "tflite_float32")

    def make_game(self, plain=False):
        keras.utils.set_random_seed(0)
        images = text_encoder.build_image_network(SHAPE, 5, 2)
        return text_encoder.TextEncoder(build_char_cnn_rnn(**FORM), images, form=FORM)

    def examples(self, count):
        random = np.random.RandomState(0)
        texts = [TEXTS[row % 4] for row in range(count)]
        return {
            "image": random.uniform(-1, 1, (count, *SHAPE)).astype("f4"),
            "embedding": encode_characters(texts, LENGTH).astype("f4"),
            "label": random.randint(0, 2, count).astype("i4"),
        }

    def test_output_has_the_promised_shape_and_range(self, fresh):
        vectors = fresh().embed_texts(TEXTS)
        assert vectors.shape == (4, 5) and vectors.dtype == np.float32
        assert np.abs(vectors[0] - vectors[1]).max() > 0


@pytest.fixture(scope="module")
def game():
    return TestTextEncoder().make_game()


def test_strings_images_and_the_frozen_copy_give_the_same_vectors(game):
    vectors = game.embed_texts(TEXTS)
    by_graph = game.run_signature({"text": np.array(TEXTS, object)}, "text")["embedding"]
    np.testing.assert_allclose(by_graph, vectors, atol=1e-6)
    encoder = game.encoder(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), vectors, atol=1e-6)
    images = TestTextEncoder().examples(4)["image"]
    expected = game.image_network(images, training=False)
    np.testing.assert_allclose(game.embed_images(images), expected, atol=1e-5)
    # A copy: training goes on without it.
    game.text_network.set_weights([w + 1.0 for w in game.text_network.get_weights()])
    np.testing.assert_allclose(encoder.encode(TEXTS), vectors, atol=1e-6)
    game.text_network.set_weights([w - 1.0 for w in game.text_network.get_weights()])


def test_images_of_a_class_count_as_one():
    game = TestTextEncoder().make_game()
    game.classes, seen = True, []
    game.compile("sgd", run_eagerly=True)
    game.terms = lambda images, characters, labels: (
        seen.append(labels.numpy()) or game.record("embedding/accuracy", 0.0) or {"joint": 0.0}
    )
    game.update = lambda player, terms: game._report(player, terms())
    batch = TestTextEncoder().examples(4)
    game.train_step({key: tf.constant(array) for key, array in batch.items()})
    game.classes = False
    game.train_step({key: tf.constant(array) for key, array in batch.items()})
    assert seen[0].tolist() == batch["label"].tolist() and seen[1].tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match="no 'embedding'.*encode_characters"):
        game.train_step({"image": tf.zeros((1, *SHAPE))})


def test_the_mean_over_the_others_by_hand():
    """Two examples whose products are 2 and 0 on the diagonal, and 1 beside it."""
    images, texts = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([[2.0, 1.0], [1.0, 0.0]])
    # Rows: 1 + 1 - 2 = 0 and 1 + 1 - 0 = 2, halved by the mean over two; twice, and averaged.
    loss = structured_joint_embedding(images, texts, tf.constant([0, 1]), "mean")
    assert float(loss) == pytest.approx(1.0)
    # With the maximum the second row costs 2.
    assert float(structured_joint_embedding(images, texts, tf.constant([0, 1]))) == 2.0


def test_retrieval_counts_both_directions():
    images = np.eye(4)
    texts = images[[0, 1, 3, 2]] + 0.1
    assert text_encoder.retrieval(images, images, 4) == {"text_to_image": 1.0, "image_to_text": 1.0}
    assert text_encoder.retrieval(texts, images, 4)["text_to_image"] == 0.5
    assert text_encoder.retrieval(texts, images, 2)["text_to_image"] == 0.5
    with pytest.raises(InputError, match="among 5 needs as many"):
        text_encoder.retrieval(texts, images, 5)


def test_networks_of_other_lengths_and_options_are_refused():
    images = text_encoder.build_image_network(SHAPE, 4, 2)
    with pytest.raises(InputError, match="the text network 5, the image network 4"):
        text_encoder.TextEncoder(build_char_cnn_rnn(**FORM), images)
    images = text_encoder.build_image_network(SHAPE, 5, 2)
    with pytest.raises(InputError, match="reduction is 'sum'"):
        text_encoder.TextEncoder(build_char_cnn_rnn(**FORM), images, reduction="sum")
    nameless = text_encoder.TextEncoder(build_char_cnn_rnn(**FORM), images)
    with pytest.raises(InputError, match="pass form="):
        nameless.encoder()
    assert value(images.trainable_variables[0]).std() > 0
