"""What every game of sentences offers: batches without strings, sentences, grids, health."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, text
from tfgan_suite.core.text_game import TextGame, without_strings
from tfgan_suite.training import health

TEXTS = ["a red circle", "a blue square", "the red square"]
ENCODER = text.BagOfWords.learn(TEXTS)
SHAPE = (8, 8, 3)


class Small(TextGame):
    """The plainest game of sentences: GAN-CLS's terms, one layer each."""

    def train_step(self, batch):
        inputs = self.inputs_of(batch)
        real, vector = inputs["image"], inputs["embedding"]
        z = self.latents(real, "z")
        fake = self.generator([z, vector], training=True)
        score = lambda image, v: self.discriminator([image, v], training=True)  # noqa: E731

        def terms():
            wrong = score(real, inputs["mismatched_embedding"])
            found = self.adversarial_terms(score(real, vector), score(fake, vector))
            return {**found, "mismatched": self.adversarial.fake(wrong)}

        self.update("discriminator", terms)
        adversarial = lambda: {  # noqa: E731
            "adversarial": self.adversarial.generator(
                score(self.generator([z, vector], training=True), vector)
            )
        }
        self.update("generator", adversarial)
        return self.logs()


def networks(text_dim=ENCODER.dim):
    z, vector = keras.Input((3,), name="z"), keras.Input((text_dim,), name="embedding")
    x = keras.layers.Dense(192, "tanh")(keras.layers.Concatenate()([z, vector]))
    generator = keras.Model([z, vector], keras.layers.Reshape(SHAPE)(x))
    image = keras.Input(SHAPE)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(image), vector])
    return generator, keras.Model([image, vector], keras.layers.Dense(1)(x))


@pytest.fixture(scope="module")
def game():
    keras.utils.set_random_seed(0)
    game = Small(*networks(), encoder=ENCODER)
    game.compile("adam", run_eagerly=True)
    return game


def batch(count=4):
    image = np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")
    texts = [TEXTS[row % 3] for row in range(count)]
    wrong = [TEXTS[(row + 1) % 3] for row in range(count)]
    return {
        "image": image,
        "text": np.array([t.encode() for t in texts], object),
        "embedding": ENCODER.encode(texts),
        "mismatched_embedding": ENCODER.encode(wrong),
        "label": np.zeros(count, "i4"),
    }


def test_strings_of_a_data_set_never_reach_a_step(game):
    dataset = tf.data.Dataset.from_tensors(batch())
    assert set(without_strings(dataset).element_spec) == set(batch()) - {"text"}
    game.fit(dataset, verbose=0, shuffle=False)
    game.fit(without_strings(batch()), verbose=0)


def test_a_batch_without_vectors_is_refused(game):
    with pytest.raises(InputError, match="no 'mismatched_embedding'.*load_captions"):
        game.inputs_of({"image": tf.zeros((1, *SHAPE)), "embedding": tf.zeros((1, 3))})
    with pytest.raises(InputError, match="different lengths: the generator 4, the discr.* 6"):
        Small(networks(4)[0], networks(6)[1])


def test_sentences_are_drawn_as_their_vectors(game):
    z = np.random.RandomState(1).normal(size=(2, 3)).astype("f4")
    images = game.generate(text=TEXTS[:2], z=z)
    vectors = game.encode(TEXTS[:2])
    # One is a graph and the other is not: on some processors their last bits differ.
    expected = game.generator([z, vectors], training=False).numpy()
    np.testing.assert_allclose(images, expected, rtol=0.0, atol=1e-6)
    assert game.generate(5, text="a red circle").shape == (5, *SHAPE)
    # As many as there are vectors or sentences, at least; z decides.
    assert game.generate(embedding=game.encode(TEXTS)).shape == (3, *SHAPE)
    assert game.generate(text=TEXTS).shape == (3, *SHAPE)
    assert game.generate(4, embedding=vectors).shape == (4, *SHAPE)
    assert np.array_equal(game.generate(embedding=vectors, z=z), images)
    # The same sentence, other z; and without any the encoder's own sentences.
    assert not np.array_equal(*game.generate(2, text="a red circle"))
    assert game.generate(4).shape == (4, *SHAPE)
    with pytest.raises(InputError, match="no encoder of sentences"):
        Small(*networks()).generate(text="a bird")


def test_the_signature_of_sentences_is_that_of_vectors(game):
    z = np.zeros((3, 3), "f4")
    strings = np.array(TEXTS, object)
    found = game.run_signature({"text": strings, "z": z}, "text")["image"]
    expected = game.run_signature({"embedding": game.encode(TEXTS), "z": z})["image"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert "text" not in Small(*networks()).signatures()


def test_a_grid_shows_each_sentence_beside_its_images(game):
    grid = game.preview(batch())
    assert grid.dtype == np.uint8 and grid.shape[0] == 4 * 50 + 2
    assert (grid[:50, :200] < 128).any()  # words
    again = game.preview({**batch(), "text": np.array([b""] * 4, object)})
    assert (again[:, :200] == 255).all() and np.array_equal(again[:, 200:], grid[:, 200:])


def test_health_sees_a_generator_that_ignores_the_text(game):
    kernel, bias = game.generator.layers[-2].get_weights()
    ignoring = Small(*networks(), encoder=ENCODER)
    deaf = kernel.copy()
    deaf[3:] = 0.0
    ignoring.generator.layers[-2].set_weights([deaf, bias])
    for each, alike in ((game, False), (ignoring, True)):
        pairs = each.collapse_pairs(batch(8))
        real, generated = pairs["images of one z for 8 sentences"]
        ratio = health.spread_of(generated) / health.spread_of(real)
        assert (ratio < health.IGNORED) == alike
        none, of_one_sentence = pairs["images of one sentence"]
        assert none is None and health.spread_of(of_one_sentence) > 0.01


@pytest.mark.parametrize(
    "loss, c",
    [
        ("non_saturating", 0.5),
        ("non_saturating", 0.2),
        ("least_squares", 0.5),
        ("pairing", 0.3),
        ("pairing", 0.0),
    ],
)
def test_a_discriminator_is_blind_when_each_weighted_term_is_a_draw(loss, c):
    """Equal outputs for right, wrong and generated pairs, as `matching_terms` weights them."""
    game = Small(*networks(), encoder=ENCODER, loss=loss)
    game.mismatched_share = c
    # Least squares is at a draw between the labels 0 and 1, the others at any equal outputs.
    outputs = tf.fill((4, 1), 0.5 if loss == "least_squares" else 0.0)
    terms = game.matching_terms(outputs, outputs if c else None, outputs, c)
    logs = {f"discriminator/{name}": float(term) for name, term in terms.items()}
    (line,) = game.diagnose_lasting(logs)
    assert f"its loss stays at {game.adversarial.draw:.4f}" in line
    for name in logs:
        assert not game.diagnose_lasting({**logs, name: logs[name] + 0.01})
    # And when it wins outright, also without mismatched pairs.
    assert not game.diagnose(logs)
    assert "wins outright" in game.diagnose(dict.fromkeys(logs, 1e-5))[0]


def test_the_card_names_the_encoder(game):
    facts = game.card_facts()["text_encoder"]
    assert facts == {"kind": "words", "hash": ENCODER.hash, "description": "a bag of 6 words"}
    assert Small(*networks()).card_facts() == {}
