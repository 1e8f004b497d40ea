"""Wav2Lip: what the generator sees, terms by hand, the frozen expert, the sync weight."""

import keras
import numpy as np
import pytest
import small_talking
import tensorflow as tf
from harness import GameChecks, trainable

from tfgan_suite import InputError
from tfgan_suite.core import talking_batches
from tfgan_suite.core.frozen_expert import FrozenExpert
from tfgan_suite.games import wav2lip
from tfgan_suite.losses.lip_sync import sync_shortfall

SIDE = 8
MEL = (80, 16, 1)


def small_expert():
    return FrozenExpert(small_talking.face_encoder(SIDE, 3), small_talking.audio_encoder(3))


def talking(count, seed=0):
    draws = np.random.RandomState(seed)
    images = draws.uniform(-1, 1, (2, count, 5, SIDE, SIDE, 3)).astype("f4")
    mels = draws.uniform(-4, 4, (count, 5, *MEL)).astype("f4")
    return {"target": images[0], "reference": images[1], "mels": mels, "mel": mels[:, 0].copy()}


def game_of(discriminator=True, norm=True, **options):
    options.setdefault("expert", small_expert())
    return wav2lip.Wav2Lip(
        small_talking.generator(SIDE, norm=norm),
        small_talking.discriminator(SIDE) if discriminator else None,
        **options,
    )


class TestWav2Lip(GameChecks):
    batch = 2
    without_gradient = ("before_norm/bias", "transposed/bias")

    def make_game(self, plain=False):
        return game_of(norm=not plain, sync_from_start=True, sync_weight=0.3, ema_decay=0.9)

    def examples(self, count):
        return talking(count)

    def test_output_has_the_promised_shape_and_range(self, fresh):
        game, examples = fresh(), talking(2)
        frames = game.generate(**game.example_inputs(examples))
        assert frames.shape == (10, SIDE, SIDE, 3) and frames.dtype == np.float32
        assert np.abs(frames).max() <= 1.0
        assert game.preview(examples).shape[-1] == 3
        # What training shows G is what the signature shows it, all times of a clip in order.
        target, reference, mels, _ = talking_batches.talking_faces(examples)
        (averaged,) = game.ema("generator")
        drawn = game.redraw(target, reference, mels, averaged).numpy()
        np.testing.assert_allclose(drawn.reshape(frames.shape) * 2 - 1, frames, atol=1e-5)

    def test_the_expert_is_bit_identical_after_training(self, fresh):
        game = fresh()
        before = game.expert.checksum()
        self.fit(game, 2)
        assert game.expert.checksum() == before
        # Of moving statistics, too, which the published scripts let drift.
        game.expert.face_encoder.get_layer("norm").moving_mean.assign_add([1e-3, 0.0, 0.0])
        assert game.expert.checksum() != before


class TestWithoutDiscriminator(TestWav2Lip):
    test_two_replicas_equal_one = None
    test_a_step_in_half_precision_is_finite = None
    test_exports_equal_the_game = None
    test_resuming_equals_never_stopping = None
    test_the_expert_is_bit_identical_after_training = None
    test_keras_evaluates_and_saves_it = None

    def make_game(self, plain=False):
        return game_of(
            discriminator=False,
            norm=not plain,
            reconstruction="l2",
            sync_from_start=True,
            sync_term="shortfall",
        )

    def test_its_weights_are_those_of_the_published_script(self):
        game = game_of(discriminator=False, sync_weight=0.01, sync_from_start=True)
        assert game.quality_weight == 0.0 and list(game.players()) == ["generator"]
        assert "discriminator/real" not in game.loss_names
        assert weights_of(game) == pytest.approx({"reconstruction": 0.99, "sync": 0.01})


def weights_of(game):
    """The factors of L1 and of the expert's loss, from a reconstruction error of 1/4 and P = .5."""
    target = tf.fill((2, 5, SIDE, SIDE, 3), 0.75)
    game.use_expert(lambda video, mel: tf.fill((2,), 0.5))
    terms = game.generator_terms(target, target - 0.25, tf.zeros((2, *MEL)))
    error = 0.25 if game.reconstruction == "l1" else 0.0625
    factors = {"reconstruction": float(terms["reconstruction"]) / error}
    return {**factors, "sync": float(terms["sync"]) / np.log(2.0)}


# ---- what the generator sees -----------------------------------------------------------------


def test_only_rows_of_the_targets_lower_half_are_zero():
    frames = tf.ones((2, 5, 96, 96, 3))
    masked = talking_batches.without_lower_half(frames).numpy()
    assert not masked[:, :, 48:].any() and masked[:, :, :48].all()
    assert talking_batches.lower_half(frames).shape == (2, 5, 48, 96, 3)


def test_the_targets_lower_half_does_not_reach_the_output():
    game, batch = game_of(), talking(2)
    target, reference, mels, _ = talking_batches.talking_faces(batch)
    with tf.GradientTape() as tape:
        tape.watch([target, reference])
        total = tf.reduce_sum(game.redraw(target, reference, mels, game.generator) ** 2)
    to_target, to_reference = tape.gradient(total, [target, reference])
    half = SIDE // 2
    assert not to_target[:, :, half:].numpy().any()
    assert to_target[:, :, :half].numpy().any() and to_reference[:, :, half:].numpy().any()


def test_the_exported_signature_masks_by_itself():
    game = game_of()
    inputs = game.example_inputs(talking(1))
    leaking = inputs["face"].copy()
    leaking[:, SIDE // 2 :, :, :3] = 0.7
    frames = game.generate(**inputs)
    assert np.array_equal(game.generate(face=leaking, mel=inputs["mel"]), frames)
    leaking[:, : SIDE // 2, :, :3] = 0.7
    assert not np.array_equal(game.generate(face=leaking, mel=inputs["mel"]), frames)


def test_time_is_folded_and_stacked_in_order():
    """Example b, time t, channel c: row 5 b + t of the batch, channel 3 t + c of the stack."""
    frames = np.zeros((2, 5, 4, 6, 3), "f4")
    for b, t, c in np.ndindex(2, 5, 3):
        frames[b, t, :, :, c] = 100 * b + 10 * t + c
    folded = talking_batches.fold_time(tf.constant(frames)).numpy()
    stacked = talking_batches.stack_time(tf.constant(frames)).numpy()
    assert folded.shape == (10, 4, 6, 3) and stacked.shape == (2, 4, 6, 15)
    assert folded[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 100, 110, 120, 130, 140]
    assert stacked[1, 3, 5].tolist() == [100 + 10 * t + c for t in range(5) for c in range(3)]
    assert np.array_equal(folded.reshape(frames.shape), frames)


# ---- terms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_start", "expected"),
    [(False, {"reconstruction": 0.93, "sync": 0.0}), (True, {"reconstruction": 0.9, "sync": 0.03})],
)
def test_the_weights_sum_to_1(from_start, expected):
    game = game_of(sync_from_start=from_start)
    assert weights_of(game) == pytest.approx(expected)
    assert sum(expected.values()) + game.quality_weight == pytest.approx(1.0)
    assert weights_of(game_of(sync_from_start=from_start, reconstruction="l2")) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    ("probability", "loss"), [(0.5, np.log(2.0)), (1.0, 1e-7), (0.0, -np.log(1e-7))]
)
def test_the_experts_loss_of_known_cosines(probability, loss):
    game = game_of(expert=lambda video, mel: tf.fill((2,), probability))
    frames = tf.zeros((2, 5, SIDE, SIDE, 3))
    assert float(game.sync_loss(frames, None)) == pytest.approx(loss, rel=1e-3, abs=2e-7)


def test_the_discriminators_terms_at_a_draw():
    game = game_of()
    (network,) = game.players()["discriminator"]
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    frames = tf.zeros((1, 5, SIDE, SIDE, 3))
    terms = game.discriminator_terms(frames, frames)
    assert [float(term) for term in terms.values()] == pytest.approx([np.log(2.0)] * 2)
    adversarial = game.generator_terms(frames, frames, tf.zeros((1, *MEL)))["adversarial"]
    assert float(adversarial) == pytest.approx(0.07 * np.log(2.0))


def test_both_players_judge_the_same_frames():
    """D learns from what G drew before its update, not from what it would draw after it."""
    game = game_of()
    game.compile("sgd", run_eagerly=True)
    drawn = []
    redraw, judge = game.redraw, game.discriminator_terms
    game.__dict__["redraw"] = lambda *args: drawn.append(redraw(*args)) or drawn[-1]
    game.__dict__["discriminator_terms"] = lambda target, fake: (
        drawn.append(fake) or judge(target, fake)
    )
    game.train_step(talking(2))
    first, second = drawn
    assert np.array_equal(first, second)


def test_the_embeddings_cosine_is_the_probability():
    vectors = keras.Input((2,))
    identity = keras.Model(vectors, keras.layers.UnitNormalization()(vectors))
    expert = FrozenExpert(identity, keras.models.clone_model(identity))
    video, mel = np.float32([[1, 0], [1, 1]]), np.float32([[1, 0], [1, 0]])
    np.testing.assert_allclose(expert(video, mel), [1.0, np.sqrt(0.5)], rtol=1e-6)
    assert not trainable([expert.face_encoder, expert.audio_encoder])


@pytest.mark.parametrize("from_start", [False, True])
def test_the_experts_gradient_arrives_only_with_a_weight(from_start):
    game = game_of(
        sync_from_start=from_start, expert=lambda video, mel: tf.reduce_mean(video, (1, 2, 3))
    )
    target, _, _, mel = talking_batches.talking_faces(talking(2))
    generated = tf.constant(np.random.RandomState(1).uniform(size=target.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(generated)
        sync = game.generator_terms(target, generated, mel)["sync"]
    gradient = tape.gradient(sync, generated)
    if not from_start:
        assert gradient is None
        return
    half = SIDE // 2
    assert not gradient[:, :, :half].numpy().any() and gradient[:, :, half:].numpy().any()


def test_the_shortfall_is_what_generated_windows_lack_of_the_real_ones_sync():
    generated, real = tf.constant([0.5, 0.9, 0.0]), tf.constant([0.75, 0.6, 0.9])
    with tf.GradientTape() as tape:
        tape.watch([generated, real])
        loss = sync_shortfall(generated, real)
    assert float(loss) == pytest.approx((0.25 + 0.0 + 0.9) / 3)
    # A window without any sync pulls as strongly as others, and none moves the real ones.
    to_generated, to_real = tape.gradient(loss, [generated, real])
    np.testing.assert_allclose(to_generated, [-1 / 3, 0.0, -1 / 3], rtol=1e-6)
    assert to_real is None


def test_frames_as_much_in_sync_as_the_real_ones_get_no_shortfall():
    brightness = lambda video, mel: tf.reduce_mean(video, (1, 2, 3))  # noqa: E731
    game = game_of(sync_from_start=True, sync_term="shortfall", expert=brightness)
    target = tf.fill((2, 5, SIDE, SIDE, 3), 0.75)
    for generated, expected in ((target, 0.0), (target + 0.1, 0.0), (target - 0.25, 0.25)):
        terms = game.generator_terms(target, generated, tf.zeros((2, *MEL)))
        assert float(terms["sync"]) == pytest.approx(0.03 * expected, abs=1e-7)
    with pytest.raises(InputError, match="sync_term is 'hinge'"):
        game_of(sync_term="hinge")


# ---- the switch ------------------------------------------------------------------------------


def test_the_switch_is_saved_and_acts_on_a_traced_step(tmp_path):
    game = game_of(sync_weight=0.25)
    game.compile(generator="sgd", discriminator="sgd")
    batch = {key: tf.constant(value) for key, value in talking(2).items()}
    data = tf.data.Dataset.from_tensors(batch).repeat()

    def sync_term():
        history = game.fit(data, steps_per_epoch=1, verbose=0, shuffle=False).history
        return history["generator/sync"][0] / history["generator/sync_loss"][0]

    assert sync_term() == 0.0
    assert not game.switch_sync_on(0.75) and not game.switch_sync_on(float("nan"))
    assert sync_term() == 0.0
    assert game.switch_sync_on(0.7499) and not game.switch_sync_on(0.1)
    assert sync_term() == pytest.approx(0.25)
    path = tf.train.Checkpoint(game=game).save(str(tmp_path / "game"))
    again = game_of(sync_weight=0.25)
    again.compile(generator="sgd", discriminator="sgd")
    tf.train.Checkpoint(game=again).restore(path)
    assert float(again.current_sync_weight.numpy()) == 0.25
    assert not again.switch_sync_on(0.1)


def test_the_evaluation_is_the_experts_loss_in_inference_mode():
    """In parts it is the same, and nothing changes."""
    game, examples = game_of(), talking(3)
    target, reference, mels, mel = talking_batches.talking_faces(examples)
    weights = game.generator.get_weights()
    expected = float(game.sync_loss(game.redraw(target, reference, mels, game.generator), mel))
    assert game.evaluate_sync(examples) == pytest.approx(expected, rel=1e-5)
    assert game.evaluate_sync(examples, batch=2) == pytest.approx(expected, rel=1e-5)
    for before, after in zip(weights, game.generator.get_weights()):
        assert np.array_equal(before, after)


def test_health_says_when_the_sync_term_dominates():
    game = game_of()
    logs = {"generator/reconstruction": 0.02, "generator/sync": 0.18}
    (words,) = game.diagnose(logs)
    assert "the sync term dominates" in words and "9 times" in words and "late" in words
    assert not game.diagnose({**logs, "generator/sync": 0.02})
    (words,) = game.diagnose({"discriminator/real": 1e-4, "discriminator/fake": 1e-4})
    assert "wins outright" in words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sync_weight": -0.1}, "sync_weight is -0.1"),
        ({"sync_weight": 0.5, "quality_weight": 0.5}, "leave a part of 1"),
        ({"sync_threshold": -1.0}, "sync_threshold is -1.0"),
        ({"reconstruction": "l3"}, "l1, l2"),
    ],
)
def test_impossible_games_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        game_of(**options)


def test_training_needs_an_expert_and_talking_faces():
    game = game_of(expert=None)
    game.compile("sgd", run_eagerly=True)
    with pytest.raises(InputError, match="no expert; train one with recipes/syncnet.py"):
        game.train_step(talking(1))
    with pytest.raises(InputError, match="target, reference, mels, mel"):
        game.train_step({"image": np.zeros((1, 8, 8, 3), "f4")})
