"""Talking faces: which windows come together, their sound, the order, and clear errors."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, data
from tfgan_suite.data.pipeline.talking_source import Clip, TalkingSource
from tfgan_suite.data.readers import audio
from tfgan_suite.data.synthetic import talking_mouths


def numbered(name="clip", frames=40, base=0, silent=(), **options):
    """A clip whose frame n shows n + base, and whose mel column m holds m / 1000 + base."""
    faces = np.zeros((frames, 24, 24, 3), np.uint8) + np.arange(frames)[:, None, None, None] + base
    mel = np.zeros((frames * 16 // 5 + 16, 80), "f4") + np.arange(frames * 16 // 5 + 16)[:, None]
    mel = mel / 1000.0 + base
    for first, last in silent:
        mel[first:last] = -4.0
    return Clip(name, faces.astype(np.uint8), mel, **options)


def frame_numbers(frames):
    """The numbers that `numbered` draws, of frames `(n, 5, size, size, 3)` in [-1, 1]."""
    return np.round((np.asarray(frames)[..., 0, 0, 0] + 1.0) * 127.5).astype(int)


def columns(mel):
    """The numbers of the mel columns of `numbered` with base 0: `(..., 16)`."""
    return np.round(np.asarray(mel)[..., 0, :, 0] * 1000.0).astype(int)


def batch_of(source, batch=64, seed=0, step=0, **options):
    (examples,) = source.batches(batch, seed=seed, start=step, **options).take(1)
    return {key: value.numpy() for key, value in examples.items()}


def test_a_window_has_five_frames_in_a_row_and_the_sound_of_the_first():
    source = TalkingSource("t", [numbered()])
    batch = batch_of(source, 32)
    numbers = frame_numbers(batch["frames"])
    assert batch["frames"].shape == (32, 5, 24, 24, 3) and batch["mel"].shape == (32, 80, 16, 1)
    assert (np.diff(numbers, axis=1) == 1).all() and numbers.min() >= 1
    assert (columns(batch["mel"])[:, 0] == numbers[:, 0] * 16 // 5).all()
    assert (np.diff(columns(batch["mel"]), axis=1) == 1).all()
    assert len(source) == 40 - 1 - 4


def test_sound_out_of_sync_is_of_the_same_clip_and_does_not_overlap():
    clips = [numbered("a", base=0), numbered("b", base=100), numbered("c", frames=14, base=200)]
    source = TalkingSource("t", clips)
    batch = batch_of(source, 60, seed=3)
    clip = frame_numbers(batch["frames"])[:, 0] // 100
    for key in ("mel", "off_mel"):
        assert (np.round(batch[key][:, 0, 0, 0]).astype(int) // 100 == clip).all()
    distance = np.abs(columns(batch["mel"])[:, 0] - columns(batch["off_mel"])[:, 0])
    assert distance.min() >= 16  # 5 frames are 16 columns
    # Nearly all distances occur, not only the farthest.
    assert len(np.unique(distance)) > 20


def test_two_silent_windows_are_no_pair_out_of_sync_unless_asked_for():
    clip = numbered(silent=[(0, 60)])
    for silent_negatives in (False, True):
        source = TalkingSource("t", [clip], silent_negatives=silent_negatives)
        batch = batch_of(source, 35)
        both = (batch["mel"].max(axis=(1, 2, 3)) < -3.9) & (
            batch["off_mel"].max(axis=(1, 2, 3)) < -3.9
        )
        assert both.any() == silent_negatives


def test_the_generator_hears_the_frame_before_and_sees_another_time():
    source = TalkingSource("t", [numbered()], task="dub")
    batch = batch_of(source, 35)
    target, reference = frame_numbers(batch["target"]), frame_numbers(batch["reference"])
    assert (np.abs(target[:, 0] - reference[:, 0]) >= 5).all()
    assert (np.diff(reference, axis=1) == 1).all()
    assert batch["mels"].shape == (35, 5, 80, 16, 1)
    assert (columns(batch["mels"])[..., 0] == (target - 1) * 16 // 5).all()
    assert (columns(batch["mel"])[:, 0] == target[:, 0] * 16 // 5).all()
    own = batch_of(TalkingSource("t", [numbered()], task="dub", mel_offset=0), 35)
    assert (columns(own["mels"])[..., 0] == frame_numbers(own["target"]) * 16 // 5).all()


def test_no_window_reaches_over_a_gap():
    numbers = np.array([*range(12), *range(13, 30), *range(40, 44), *range(50, 61)])
    clip = numbered(frames=61)
    gapped = Clip("g", clip.faces[numbers], clip.mel, numbers)
    batch = batch_of(TalkingSource("g", [gapped]), 27)
    shown = frame_numbers(batch["frames"])
    assert (np.diff(shown, axis=1) == 1).all()
    assert (columns(batch["mel"])[:, 0] == shown[:, 0] * 16 // 5).all()
    assert set(shown[:, 0]) == {*range(1, 8), *range(13, 26), *range(50, 57)}


@pytest.mark.parametrize("offset", [3, -2])
def test_an_offset_moves_the_sound(offset):
    clip = numbered(offset=offset)
    batch = batch_of(TalkingSource("t", [clip], task="dub"), 30)
    target = frame_numbers(batch["target"])
    assert target.min() >= 1 and (target + offset).min() >= 1
    assert (columns(batch["mel"])[:, 0] == (target[:, 0] + offset) * 16 // 5).all()
    assert (columns(batch["mels"])[..., 0] == (target + offset - 1) * 16 // 5).all()


def test_batches_are_a_function_of_seed_and_step_and_replicas_share_them():
    source = TalkingSource("t", [numbered("a"), numbered("b", base=100)])
    batches = list(source.batches(16, seed=5).take(6).as_numpy_iterator())
    resumed = batch_of(source, 16, seed=5, step=5)
    for key, value in batches[5].items():
        assert np.array_equal(value, resumed[key])
    assert not np.array_equal(batches[0]["off_mel"], batch_of(source, 16, seed=6)["off_mel"])
    context = tf.distribute.InputContext(1, 0, 2)
    halves = list(source.batches(16, seed=5, input_context=context).take(2).as_numpy_iterator())
    for key, value in batches[0].items():
        assert np.array_equal(np.concatenate([half[key] for half in halves]), value)


def test_a_flip_is_of_all_frames_of_an_example():
    faces = np.zeros((40, 24, 24, 3), np.uint8)
    faces[:, :, :12] = 255
    source = TalkingSource("t", [Clip("c", faces, numbered().mel)], task="dub")
    batch = batch_of(source, 35, horizontal_flip=True)
    left = [batch[key][:, :, 0, 0, 0] for key in ("target", "reference")]
    assert (left[0] == left[0][:, :1]).all() and (left[0] == left[1]).all()
    assert len(np.unique(left[0])) == 2


def test_clips_that_cannot_be_used_are_named():
    silent = numbered("quiet", silent=[(0, 200)])
    short = numbered("short", frames=6)
    source = TalkingSource("t", [silent, numbered("good"), short])
    assert [clip.name for clip in source.clips] == ["good"]
    assert dict(source.skipped)["quiet"] == "silent throughout"
    assert "no two windows 5 frames apart" in dict(source.skipped)["short"]
    with pytest.raises(InputError, match="t has no clip to train on .*silent throughout"):
        TalkingSource("t", [silent])


@pytest.mark.parametrize("hard", [False, True])
def test_the_embedded_world_and_its_test_split(hard):
    world = "talking-hard" if hard else "talking"
    source = data.load_talking(world, size=24, clips=4)
    assert source.shape == (5, 24, 24, 3) and data.is_embedded(world)
    assert len(source.clips) == 4
    train = {clip.faces[0].tobytes() for clip in source.clips}
    test = data.load_talking(world, size=24, clips=4, split="test")
    assert not train & {clip.faces[0].tobytes() for clip in test.clips}
    held_out = source.held_out(20)
    assert held_out["label"].tolist() == [1.0] * 20 + [0.0] * 20
    assert np.array_equal(held_out["frames"][:20], held_out["frames"][20:])
    assert held_out["mel"].min() >= -4.0
    # A perfect expert has loss 0; one that does not know has log 2.
    assert source.report(held_out, held_out["label"])["sync_accuracy"] == 1.0
    assert source.report(held_out, held_out["label"])["sync_bce"] < 1e-5
    assert source.report(held_out, np.full(40, 0.5))["sync_bce"] == pytest.approx(np.log(2))


def test_the_oracle_of_the_generator_reads_its_outputs():
    source = data.load_talking("talking", size=48, clips=3, task="dub")
    held_out = source.held_out(12)
    truth = source.report(held_out, held_out["target"])
    copied = source.report(held_out, held_out["reference"])
    assert truth["images"] == 60 and truth["opening_error"] < 0.02
    assert copied["opening_error"] > 1.0 and copied["opening_correlation"] < 0.5


def test_mel_windows_are_those_of_the_sound():
    cartoon = talking_mouths.generate_clip(0, 75, 24)
    source = data.load_talking("talking", size=24, clips=1)
    assert np.array_equal(source.clips[0].mel, audio.log_mel(cartoon.samples))


def test_wrong_requests_are_refused():
    with pytest.raises(InputError, match="nowhere.*expected"):
        data.load_talking("nowhere")
    with pytest.raises(InputError, match="the task is 'lips'; it must be one of sync, dub"):
        data.load_talking("talking", task="lips")
    with pytest.raises(InputError, match="min_offset is 0"):
        data.load_talking("talking", min_offset=0)
