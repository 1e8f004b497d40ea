"""SyncNet: its loss, which windows it sees, what it says of itself, exports on phones."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError, data
from tfgan_suite.export import export
from tfgan_suite.games.syncnet import SyncNet
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.losses.lip_sync import (
    cosine_probability,
    other_sounds_cross_entropy,
    sync_cross_entropy,
)
from tfgan_suite.networks import talking

SIZE = 8


def small_encoders(plain=True):
    """A layer or two each, for faces of 8 pixels; `plain`: without batch norm."""
    encoders = []
    for name, shape in (("video", (SIZE // 2, SIZE, 15)), ("mel", talking.MEL_SHAPE)):
        x = inputs = keras.Input(shape, name=name)
        x = keras.layers.Conv2D(4, 4, 4)(x)
        x = x if plain else keras.layers.BatchNormalization()(x)
        x = keras.layers.Dense(6, "relu", bias_initializer="ones")(keras.layers.Flatten()(x))
        x = talking.UnitLength(dtype="float32")(x)
        encoders.append(keras.Model(inputs, x))
    return encoders


def windows(count, size=SIZE, seed=0):
    draws = np.random.RandomState(seed)
    return {
        "frames": draws.uniform(-1, 1, (count, 5, size, size, 3)).astype("f4"),
        "mel": draws.uniform(-4, 4, (count, *talking.MEL_SHAPE)).astype("f4"),
        "off_mel": draws.uniform(-4, 4, (count, *talking.MEL_SHAPE)).astype("f4"),
    }


class TestSyncNet(GameChecks):
    test_output_has_the_promised_shape_and_range = None  # below: nothing of it is drawn

    def make_game(self, plain=False):
        return SyncNet(*small_encoders(plain), seed=3)

    def examples(self, count):
        return windows(count)

    def test_it_says_how_probable_it_is_that_windows_are_in_sync(self, fresh):
        game, batch = fresh(), windows(3)
        inputs = {key: batch[key] for key in ("frames", "mel")}
        probability = game.generate(**inputs)
        assert probability.shape == (3,) and (probability >= 0).all() and (probability <= 1).all()
        video = game.run_signature({"frames": batch["frames"]}, "embed_video")["embedding"]
        sound = game.run_signature({"mel": batch["mel"]}, "embed_audio")["embedding"]
        np.testing.assert_allclose(np.linalg.norm(video, axis=1), 1.0, atol=1e-5)
        np.testing.assert_allclose((video * sound).sum(axis=1), probability, atol=1e-5)

    def test_only_the_lower_halves_of_the_frames_count(self, fresh):
        game, batch = fresh(), windows(2)
        changed = batch["frames"].copy()
        changed[:, :, : SIZE // 2] = 0.3
        found = [game.generate(frames=f, mel=batch["mel"]) for f in (batch["frames"], changed)]
        assert np.array_equal(*found)
        changed[:, :, SIZE // 2 :] *= -1.0
        assert not np.array_equal(found[0], game.generate(frames=changed, mel=batch["mel"]))

    def test_a_step_reports_the_loss_of_both_kinds(self, fresh):
        """The mean of -log P in sync and -log(1 - P) out of sync, and how many are right."""
        game, batch = self.compiled(plain=True, eagerly=True), windows(8)
        pairs = [game.generate(frames=batch["frames"], mel=batch[k]) for k in ("mel", "off_mel")]
        logs = {k: float(v) for k, v in game.test_step(batch).items()}
        on, off = (np.clip(probability, 1e-7, 1.0 - 1e-7) for probability in pairs)
        expected = -0.5 * (np.log(on).mean() + np.log(1.0 - off).mean())
        assert logs["expert/bce"] == pytest.approx(expected, rel=1e-4)
        right = np.concatenate([pairs[0] > 0.5, pairs[1] <= 0.5])
        assert logs["expert/accuracy"] == pytest.approx(right.mean())

    def test_a_step_may_compare_a_window_with_all_sounds_of_its_batch(self):
        """Half of the term out of sync is the mean over all pairs that are not a window's own."""
        game, batch = SyncNet(*small_encoders(), other_sounds=0.5), windows(3)
        game.compile(expert=keras.optimizers.SGD(0.1), run_eagerly=True)
        sounds = np.concatenate([batch["mel"], batch["off_mel"]])
        matrix = np.stack(
            [game.generate(frames=batch["frames"], mel=sounds[[n] * 3]) for n in range(6)], axis=1
        )
        matrix = np.clip(matrix, 1e-7, 1.0 - 1e-7)
        own, off = np.diag(matrix), np.diag(matrix[:, 3:])
        others = -np.log(1.0 - matrix)[~np.eye(3, 6, dtype=bool)].mean()
        expected = -np.log(own).mean() - 0.5 * np.log(1.0 - off).mean() + 0.5 * others
        logs = {k: float(v) for k, v in game.test_step(batch).items()}
        assert logs["expert/bce"] == pytest.approx(0.5 * expected, rel=1e-4)
        assert logs["expert/accuracy"] == pytest.approx(
            ((own > 0.5).mean() + (off <= 0.5).mean()) / 2
        )


# ---- loss --------------------------------------------------------------------------------------


def test_a_silent_window_is_not_compared_with_other_silence():
    """Two windows, the first silent; four sounds, of which 0 and 2 are silent."""
    video = tf.constant([[1.0, 0.0], [0.6, 0.8]])
    sounds = tf.constant([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])
    mel = np.full((4, *talking.MEL_SHAPE), -4.0, "f4")
    mel[[1, 3], 7, 5] = 2.0
    # Left are P of 0.6 and 0 of the first window, and of 0.6, 0.96 and 0.8 of the second.
    expected = -np.log([0.4, 1.0, 0.4, 0.04, 0.2]).mean()
    found = other_sounds_cross_entropy(video, sounds, tf.constant(mel))
    assert float(found) == pytest.approx(expected, rel=1e-4)
    mel[:] = -4.0
    assert float(other_sounds_cross_entropy(video, sounds, tf.constant(mel))) == 0.0


def test_the_cross_entropy_has_its_known_values_and_always_a_gradient():
    half = tf.constant([0.5, 0.5])
    assert float(sync_cross_entropy(half, 1.0)) == pytest.approx(math.log(2.0), abs=1e-6)
    vectors = tf.math.l2_normalize(tf.constant([[1.0, 2.0, 0.0], [3.0, 0.0, 1.0]]), axis=1)
    assert float(sync_cross_entropy(cosine_probability(vectors, vectors), 1.0)) < 1e-6
    assert float(sync_cross_entropy(tf.zeros([2]), 1.0)) == pytest.approx(16.118, abs=1e-3)
    assert 15.0 < float(sync_cross_entropy(tf.ones([2]), 0.0)) < 17.0
    video, sound = tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(video)
        loss = sync_cross_entropy(cosine_probability(video, sound), 1.0)
    assert np.isfinite(loss) and float(tape.gradient(loss, video)[0, 1]) < 0.0


def test_the_cosine_has_a_gradient_where_rounding_takes_it_above_1():
    """The product of a vector of length 1 + 1e-6 with itself."""
    video = tf.constant([[0.6, 0.8], [0.6, 0.0]]) * (1.0 + 1e-6)
    with tf.GradientTape() as tape:
        tape.watch(video)
        probability = cosine_probability(video, tf.constant([[0.6, 0.8], [0.6, 0.8]]))
    assert float(tf.reduce_sum(video[0] ** 2)) > 1.0 and float(probability[0]) == 1.0
    np.testing.assert_allclose(tape.gradient(probability, video), [[0.6, 0.8]] * 2, rtol=1e-6)


def test_other_batches_and_encoders_are_refused():
    game = SyncNet(*small_encoders())
    game.compile(expert=keras.optimizers.SGD(0.1), run_eagerly=True)
    with pytest.raises(InputError, match="learns from talking faces: frames, mel, off_mel"):
        game.train_step({"image": tf.zeros((2, 8, 8, 3))})
    face, audio = small_encoders()
    with pytest.raises(InputError, match=r"the face encoder takes \(80, 16, 1\)"):
        SyncNet(audio, face)
    with pytest.raises(InputError, match="other_sounds is 1.5; it must be a share"):
        SyncNet(face, audio, other_sounds=1.5)
    with pytest.raises(InputError, match=r"embeddings of faces are \(64,\), .* \(32,\)"):
        SyncNet(talking.build_sync_face_encoder(48, 4), talking.build_sync_audio_encoder(2))


# ---- what it says of itself --------------------------------------------------------------------


def diagnosis(bce, step, offsets, **options):
    game = SyncNet(*small_encoders(), **options)
    game.steps.assign(step)
    game.use_clip_offsets(None if offsets is None else lambda: offsets)
    return game.diagnose({"expert/bce": bce})


def test_the_plateau_is_told_from_clips_that_are_out_of_sync():
    assert diagnosis(0.4, 100, [3] * 10) == []
    (message,) = diagnosis(0.69, 100, [0] * 9 + [2], plateau_steps=5000)
    assert message.startswith("on the plateau") and "normal until about step 5000" in message
    assert "normal until about step 150000" in diagnosis(0.69, 100, None)[0]
    (message,) = diagnosis(0.69, 100, [3] * 7 + [0] * 3)
    assert "sound and picture are not in sync (best offset +3 frames in 7 of 10 clips" in message
    (message,) = diagnosis(0.69, 6000, [0] * 10, plateau_steps=5000)
    assert message.startswith("still on the plateau (loss 0.69) after step 5000")


def test_the_preview_shows_windows_with_their_sounds():
    source = data.load_talking("talking", size=48, clips=2)
    game = SyncNet(talking.build_sync_face_encoder(48, 2), talking.build_sync_audio_encoder(2))
    grid = game.preview(source.take(3))
    assert grid.dtype == np.uint8 and grid.shape[1] >= 7 * 48 and grid.shape[0] >= 3 * 48


# ---- exports -----------------------------------------------------------------------------------


def test_both_embeddings_leave_for_tflite(tmp_path):
    game = SyncNet(*small_encoders(plain=False))
    batch = {key: values for key, values in windows(4).items() if key != "off_mel"}
    result = export(
        game,
        tmp_path,
        name="expert",
        formats=("saved_model", "tflite_float32"),
        representative=game.representative(batch),
    )
    for name, key in (("embed_video", "frames"), ("embed_audio", "mel")):
        file = open_generator(result.path / "tflite" / name / "float32.tflite")
        (array,) = file.run_signature({key: batch[key]}).values()
        expected = game.run_signature({key: batch[key]}, name)["embedding"]
        np.testing.assert_allclose(array, expected, atol=1e-4)


def test_frozen_weights_do_not_move_when_it_is_evaluated():
    game = SyncNet(*small_encoders(plain=False))
    game.compile(expert=keras.optimizers.SGD(1.0), run_eagerly=True)
    before = [value(v) for v in trainable([game.face_encoder, game.audio_encoder])]
    game.test_step(windows(4))
    after = [value(v) for v in trainable([game.face_encoder, game.audio_encoder])]
    assert all(np.array_equal(*pair) for pair in zip(before, after))


@pytest.mark.large
def test_it_learns_the_embedded_world():
    """Speakers it never saw: 93% of windows right; each clip's curve has its minimum at 0."""
    from harness import run_recipe

    from tfgan_suite.measures import lip_sync

    assert run_recipe("syncnet.py", "--run", "expert", "--export", "none") == 0
    expert = lip_sync.open_expert("expert")
    source = data.load_talking("talking")
    held_out = source.held_out(400)
    inputs = {key: held_out[key] for key in ("frames", "mel")}
    report = source.report(held_out, expert.run_signature(inputs, batch=64)["probability"])
    assert report["sync_accuracy"] >= 0.93 and report["sync_bce"] < 0.25
    clips = data.load_talking("talking", split="test").clips
    assert all(lip_sync.clip_lip_sync(expert, clip).offset == 0 for clip in clips)
