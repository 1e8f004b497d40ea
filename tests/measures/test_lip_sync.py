"""Lip sync: the curve over shifts of features that are known, and of a made-up expert."""

import types

import numpy as np
import pytest

from tfgan_suite import InputError, data
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.data.pipeline.talking_source import Clip
from tfgan_suite.data.readers import audio
from tfgan_suite.data.synthetic import talking_mouths
from tfgan_suite.measures import lip_sync


def features(count=60, width=12, seed=0):
    rows = np.random.RandomState(seed).standard_normal((count, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("lag", [-4, 0, 3, 15])
def test_shifted_features_have_their_shift_as_offset(lag):
    """Sound that comes `lag` frames after the picture: the offset is the lag, the distance 0."""
    video = features()
    sound = np.roll(video, lag, axis=0)
    inner = slice(15, 45)
    curve = lip_sync.distance_curve(video[inner], sound, positions=np.arange(60)[inner])
    result = lip_sync.from_curve("a", curve, 30)
    assert result.offset == lag and result.distance == pytest.approx(0.0, abs=1e-9)
    assert len(result.curve) == 31 and result.confidence == pytest.approx(np.sqrt(2), abs=0.15)


def test_the_curve_is_the_published_scripts():
    """As in the script: zero padding, pairwise distances, the mean over frames."""
    video, sound = features(20, seed=1), features(20, seed=2)
    padded = np.pad(sound, ((15, 15), (0, 0)))
    expected = np.mean(
        [np.linalg.norm(video[i] - padded[i : i + 31], axis=1) for i in range(20)], axis=0
    )
    np.testing.assert_allclose(lip_sync.distance_curve(video, sound), expected)
    result = lip_sync.from_curve("a", expected, 20)
    assert result.distance == expected.min()
    assert result.confidence == pytest.approx(np.median(expected) - expected.min())
    # The script's offset counts the other way round.
    assert result.offset == -(15 - expected.argmin())


class MouthReader:
    """An expert made of the world's oracle: openings of 5 frames, loudness of their sound."""

    def __init__(self, size=48):
        frames = TensorSpec("frames", (5, size, size, 3), kind="video")
        embedding = TensorSpec("embedding", (5,), kind="embedding")
        self.signatures = {"embed_video": Signature((frames,), embedding, None, ())}

    def run_signature(self, inputs, signature, *, batch):
        if signature == "embed_video":
            rows = talking_mouths.read_opening(inputs["frames"])
        else:
            loudness = np.exp(1.44 * inputs["mel"][..., 0]).mean(axis=1)
            edges = [audio.window_start(n) for n in range(6)]
            rows = [loudness[:, a:b].mean(axis=1) for a, b in zip(edges, edges[1:])]
            rows = np.stack(rows, axis=1)
        rows = rows - rows.mean(axis=1, keepdims=True)
        return {"embedding": rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)}


def delayed(clip, frames):
    """A clip whose sound lags by some frames."""
    columns = np.clip(np.arange(len(clip.mel)) - 16 * frames // 5, 0, len(clip.mel) - 1)
    return Clip(f"{clip.name} {frames:+d}", clip.faces, clip.mel[columns])


@pytest.fixture(scope="module")
def clips():
    return data.load_talking("talking", clips=3, split="test").clips


def test_clips_in_sync_and_delayed_ones_are_told_and_corrected(clips):
    expert = MouthReader()
    moved = [clips[0], delayed(clips[1], 5), delayed(clips[2], -5)]
    results = lip_sync.lip_sync(expert, moved, name="reader")
    names = [result.name for result in results]
    assert names == ["LSE-D-reader", "LSE-C-reader", "offset-reader"]
    assert list(results[2].protocol["offsets"].values()) == [0, 5, -5]
    assert results[0].protocol["clips"] == 3 and results[0].protocol["in_sync"] == 1
    offsets = lip_sync.clip_offsets(expert, moved)
    assert offsets == {moved[1].name: 5, moved[2].name: -5}
    from tfgan_suite.data.talking_faces import corrected

    for before, clip in zip(moved, corrected(moved, offsets)):
        result = lip_sync.clip_lip_sync(expert, clip)
        assert result.offset == 0
        expected = lip_sync.clip_lip_sync(expert, before).distance
        assert result.distance == pytest.approx(expected, abs=0.1)


def test_the_mouths_motion_finds_offsets_without_an_expert(clips):
    moved = [clips[0], delayed(clips[1], 5), delayed(clips[2], -5)]
    source = data.TalkingSource("t", moved)
    assert source.motion_offsets() == [0, 5, -5]


def test_gaps_in_the_frames_keep_the_time(clips):
    clip = clips[0]
    numbers = np.array([*range(20), *range(31, 75)])
    gapped = Clip("gap", clip.faces[numbers], clip.mel, numbers)
    result = lip_sync.clip_lip_sync(MouthReader(), gapped)
    assert result.offset == 0 and result.windows < len(clip.starts())


def test_an_expert_of_another_size_and_no_clips_are_refused(clips):
    with pytest.raises(InputError, match="48x48 pixels, but the expert takes 96x96"):
        lip_sync.clip_lip_sync(MouthReader(96), clips[0])
    with pytest.raises(InputError, match="no clips to measure"):
        lip_sync.lip_sync(MouthReader(), [])
    short = types.SimpleNamespace(
        name="s", faces=clips[0].faces[:3], starts=lambda: np.zeros(0, int)
    )
    with pytest.raises(InputError, match="s has no 5 frames in a row"):
        lip_sync.clip_lip_sync(MouthReader(), short)
