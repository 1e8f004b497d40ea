"""GAWWN: three kinds of pairs with a place, points that complete themselves, drawing by text."""

import math

import keras
import numpy as np
import pytest
import small_placed
import tensorflow as tf
from harness import GameChecks, trainable

from tfgan_suite import InputError, text
from tfgan_suite.core.latent_game import Regularization
from tfgan_suite.games import gawwn
from tfgan_suite.losses import adversarial
from tfgan_suite.networks import gawwn as networks

TEXTS = ["a red circle", "a blue square", "the red square"]
WITHOUT_R1 = Regularization()
ENCODER = text.BagOfWords.learn(TEXTS)
SHAPE, POINTS, LATENT = (8, 8, 3), 2, 3


def small_generator(kind, norm="batch"):
    points = None if kind == "box" else POINTS
    return small_placed.generator(SHAPE[0], ENCODER.dim, LATENT, points, norm)


def small_discriminator(kind):
    points = None if kind == "box" else POINTS
    return small_placed.discriminator(SHAPE[0], ENCODER.dim, points)


def small_point_networks():
    generator = small_placed.point_generator(POINTS, ENCODER.dim, LATENT)
    return generator, small_placed.point_discriminator(POINTS, ENCODER.dim)


def places(kind, count):
    random = np.random.RandomState(5)
    if kind == "box":
        low = random.uniform(0.0, 0.4, (count, 2))
        return np.concatenate([low, random.uniform(0.3, 0.6, (count, 2))], 1).astype("f4")
    points = random.uniform(0.1, 0.9, (count, POINTS, 3)).astype("f4")
    points[..., 2] = 1.0
    return points


def examples(kind, count):
    texts = [TEXTS[row % 3] for row in range(count)]
    image = np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")
    return {
        "image": image,
        "embedding": ENCODER.encode(texts),
        "mismatched_embedding": ENCODER.encode([*texts[1:], texts[0]]),
        kind: places(kind, count),
    }


class TestBox(GameChecks):
    batch = 4
    kind = "box"
    exported_formats = ("saved_model", "tflite_float32")

    def make_game(self, plain=False):
        generator = small_generator(self.kind, "none" if plain else "batch")
        return gawwn.GAWWN(
            generator,
            small_discriminator(self.kind),
            encoder=ENCODER,
            r1_weight=0.5,
            ema_decay=0.9,
            seed=3,
        )

    def examples(self, count):
        return examples(self.kind, count)

    def test_output_has_the_promised_shape_and_range(self, fresh):
        game, options = fresh(), {"text": TEXTS[0], self.kind: places(self.kind, 1)}
        images = game.generate(3, seed=4, **options)
        assert images.shape == (3, *SHAPE) and np.abs(images).max() <= 1.0
        assert np.array_equal(images, game.generate(3, seed=4, **options))
        assert not np.array_equal(images, game.generate(3, seed=5, **options))


class TestKeypoints(TestBox):
    kind = "keypoints"
    # The gate's maps, the small networks' text and the penalty are those of the class above.
    test_a_step_in_half_precision_is_finite = None

    def make_game(self, plain=False):
        generator = small_generator(self.kind, "none" if plain else "batch")
        return gawwn.GAWWN(
            generator,
            small_discriminator(self.kind),
            *small_point_networks(),
            encoder=ENCODER,
            known_share=0.5,
            ema_decay=0.9,
            seed=3,
        )


@pytest.fixture(scope="module")
def keypoint_game():
    keras.utils.set_random_seed(0)
    game = TestKeypoints().make_game()
    game.compile("sgd", run_eagerly=True)
    return game


@pytest.fixture(scope="module")
def box_game():
    keras.utils.set_random_seed(0)
    game = TestBox().make_game()
    game.compile("sgd", run_eagerly=True)
    return game


def scripted(game, monkeypatch, *logits):
    """`game.score` answers with these logits in turn; the list of what it was asked."""
    calls, answers = [], iter(logits)

    def score(image, vector, place):
        calls.append((image, vector, place))
        return tf.fill((len(image), 1), next(answers)) + 0.0 * tf.reduce_sum(image)

    monkeypatch.setattr(game, "score", score)
    return calls


def logit(probability):
    return math.log(probability / (1 - probability))


def test_the_three_pairs_are_weighted_as_in_the_papers_table(box_game, monkeypatch):
    """s = .9, .2, .4 and c = .5: 0.1054 + 0.5 * 0.2231 + 0.5 * 0.5108 = 0.4723."""
    monkeypatch.setattr(box_game, "regularization", WITHOUT_R1)
    calls = scripted(box_game, monkeypatch, *map(logit, (0.9, 0.2, 0.4)))
    batch = {key: tf.constant(value) for key, value in examples("box", 2).items()}
    real, right, wrong, box = (
        batch[key] for key in ("image", "embedding", "mismatched_embedding", "box")
    )
    fake = -real
    terms = box_game.discriminator_terms(real, fake, right, wrong, box)
    assert {k: round(float(v), 4) for k, v in terms.items()} == {
        "real": 0.1054,
        "fake": 0.2554,
        "mismatched": 0.1116,
    }
    assert sum(map(float, terms.values())) == pytest.approx(0.4723, abs=1e-4)
    # The place is never wrong; the mismatched pair is a real image with another sentence.
    expected = [(real, right, box), (real, wrong, box), (fake, right, box)]
    for call, pair in zip(calls, expected):
        assert all(np.array_equal(a, b) for a, b in zip(call, pair))
    scripted(box_game, monkeypatch, 0.0)
    terms = box_game.generator_terms(fake, right, box)
    assert float(terms["adversarial"]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_at_equal_odds_the_loss_is_twice_log_two_for_any_share(box_game, monkeypatch, share):
    monkeypatch.setattr(box_game, "regularization", WITHOUT_R1)
    monkeypatch.setattr(box_game, "mismatch_weight", share)
    scripted(box_game, monkeypatch, 0.0, 0.0, 0.0)
    batch = {key: tf.constant(value) for key, value in examples("box", 2).items()}
    terms = box_game.discriminator_terms(
        *(batch[k] for k in ("image", "image", "embedding", "mismatched_embedding", "box"))
    )
    assert sum(map(float, terms.values())) == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("kind", ["box", "keypoints"])
def test_every_weight_of_the_papers_networks_learns(kind):
    """A step at 32x32; biases in front of batch norm alone have no influence."""
    keras.utils.set_random_seed(0)
    points = None if kind == "box" else POINTS
    form = {"size": 32, "text_dim": ENCODER.dim, "grid": 8, "width": 4}
    build = networks.build_box_generator
    point_networks = ()
    if points:
        build = networks.build_keypoint_generator
        point_networks = (
            networks.build_point_generator(points, ENCODER.dim, width=2, latent_dim=LATENT),
            networks.build_point_discriminator(points, ENCODER.dim, width=2, norm="none"),
        )
        form["points"] = points
    generator = build(**form, latent_dim=LATENT)
    discriminator = networks.build_discriminator(**{**form, "points": points}, norm="none")
    game = gawwn.GAWWN(generator, discriminator, *point_networks)
    game.compile("sgd", run_eagerly=True)
    batch = examples(kind, 4)
    batch["image"] = np.random.RandomState(0).uniform(-1, 1, (4, 32, 32, 3)).astype("f4")
    before = {id(v): np.array(v) for nets in game.players().values() for v in trainable(nets)}
    logs = game.train_step({key: tf.constant(array) for key, array in batch.items()})
    assert set(logs) == set(game.loss_names) and np.isfinite(list(logs.values())).all()
    for player, nets in game.players().items():
        for variable in trainable(nets):
            if not variable.name.split(":")[0].endswith("bias"):
                change = np.abs(np.array(variable) - before[id(variable)]).max()
                assert change > 0, (player, variable.name, variable.shape)


def test_points_that_are_known_stay_and_the_others_become_points_of_the_data(keypoint_game):
    vectors = ENCODER.encode(TEXTS)
    keypoints = np.zeros((3, POINTS, 3), "f4")
    keypoints[:, 0] = 0.25, 0.75, 1.0
    points = keypoint_game.complete_points(vectors, keypoints)
    assert np.array_equal(points[:, 0], keypoints[:, 0])
    assert set(np.unique(points[..., 2])) <= {0.0, 1.0}
    assert not np.any(points[points[..., 2] == 0])
    # A point may also be known to be invisible, which its visibility alone could not say.
    known = np.ones((3, POINTS), "f4")
    assert np.array_equal(keypoint_game.complete_points(vectors, keypoints, known), keypoints)


def test_soft_visibility_becomes_a_decision():
    points = tf.constant([[[0.3, 0.4, 0.51], [0.3, 0.4, 0.5], [0.1, 0.2, 0.3]]])
    known = tf.constant([[0.0, 0.0, 1.0]])
    expected = [[[0.3, 0.4, 1.0], [0.0, 0.0, 0.0], [0.1, 0.2, 0.3]]]
    np.testing.assert_allclose(gawwn.drawn_points(points, known), expected, atol=1e-6)


def test_a_sentence_alone_draws_at_generated_points(keypoint_game):
    count = 4
    inputs = {
        "z": np.random.RandomState(1).normal(size=(count, LATENT)).astype("f4"),
        "embedding": ENCODER.encode([TEXTS[0]] * count),
        "keypoints": np.zeros((count, POINTS, 3), "f4"),
        "known": np.zeros((count, POINTS), "f4"),
    }
    outputs = keypoint_game.run_signature(inputs, "from_text", seed=2)
    at_points = {**inputs, "keypoints": outputs["completed"]}
    at_points.pop("known")
    images = keypoint_game.run_signature(at_points)["image"]
    np.testing.assert_allclose(outputs["image"], images, atol=1e-6)
    assert keypoint_game.generate(text=TEXTS[0], count=2).shape == (2, *SHAPE)


@pytest.mark.parametrize("loss", adversarial.names(paired=True))
def test_a_step_reports_every_term_of_both_games_with_any_loss(loss):
    game = gawwn.GAWWN(
        small_generator("keypoints"),
        small_discriminator("keypoints"),
        *small_point_networks(),
        encoder=ENCODER,
        loss=loss,
    )
    game.compile("sgd", run_eagerly=True)
    batch = {key: tf.constant(array) for key, array in examples("keypoints", 4).items()}
    logs = game.train_step(batch)
    expected = {"pairs"} if loss == "pairing" else {"real", "fake"}
    terms = {name for name in logs if name.startswith("point_discriminator/")}
    assert terms == {f"point_discriminator/{term}" for term in expected}
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_known_points_are_drawn_with_their_share(keypoint_game):
    points = tf.ones((400, POINTS, 3))
    asked = []
    keypoint_game.point_generator.call, original = (
        lambda inputs, **_: asked.append(inputs[3].numpy()) or original(inputs),
        keypoint_game.point_generator.call,
    )
    try:
        keypoint_game.train_points(points, tf.zeros((400, ENCODER.dim)))
    finally:
        keypoint_game.point_generator.call = original
        keypoint_game._reported.__dict__.pop("terms", None)
    assert asked[0].mean() == pytest.approx(0.5, abs=0.06) and set(np.unique(asked[0])) == {0, 1}


def test_places_are_repeated_and_missing_or_wrong_ones_refused(box_game):
    boxes = places("box", 2)
    z = np.ones((4, LATENT), "f4")
    images = box_game.generate(z=z, text=TEXTS[0], box=boxes)
    assert np.array_equal(images[:2], images[2:]) and not np.array_equal(images[0], images[1])
    with pytest.raises(InputError, match="draws where box= says"):
        box_game.generate(text=TEXTS[0])
    with pytest.raises(InputError, match=r"box has the shape \(1, 5\); expected \(count, 4\)"):
        box_game.generate(text=TEXTS[0], box=np.ones((1, 5)))


def test_sample_grids_have_a_row_for_each_sentence_and_rows_of_moving_boxes(
    box_game, keypoint_game
):
    for game, kind in ((box_game, "box"), (keypoint_game, "keypoints")):
        grid = game.preview({**examples(kind, 4), "text": np.array([b"a red circle"] * 4)})
        # Images of 96 pixels with gaps of 2: 4 sentences, and 3 rows of moving boxes or points.
        assert grid.shape[0] == 7 * 98 + 2
        assert game.preview({"image": np.zeros((4, *SHAPE))}) is None


def test_networks_for_different_places_are_refused():
    with pytest.raises(InputError, match=r"shape \(4,\), but the discriminator takes \(2, 3\)"):
        gawwn.GAWWN(small_generator("box"), small_discriminator("keypoints"))
    pair = small_point_networks()
    with pytest.raises(InputError, match="point_generator makes points of shape .* box"):
        gawwn.GAWWN(small_generator("box"), small_discriminator("box"), *pair)
    with pytest.raises(InputError, match="need both networks"):
        gawwn.GAWWN(small_generator("keypoints"), small_discriminator("keypoints"), pair[0])
    with pytest.raises(InputError, match="known_share is 2"):
        gawwn.GAWWN(small_generator("box"), small_discriminator("box"), known_share=2)
