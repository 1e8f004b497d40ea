"""Clips of files: time of picture and sound, rates, boxes, gaps, splits, the cache, bad files."""

import json
import os

import numpy as np
import pytest

from tfgan_suite import InputError, data
from tfgan_suite.data import talking_faces
from tfgan_suite.data.readers import audio, clip_folders, face_boxes, video
from tfgan_suite.data.synthetic import talking_files, talking_mouths
from tfgan_suite.utils import notices

pytest.importorskip("av")
SIZE = 48


@pytest.fixture(scope="module")
def cartoon():
    return talking_mouths.generate_clip(3, 50, SIZE)


@pytest.fixture(scope="module")
def files(tmp_path_factory, cartoon):
    """A folder of two speakers' videos, each twice, and a broken one; 25 and 50 frames a second."""
    home = tmp_path_factory.mktemp("clips")
    for speaker in ("ann", "bob"):
        (home / speaker).mkdir()
        for name in ("a.mp4", "b.mkv"):
            talking_files.write_video(home / speaker / name, cartoon.frames, cartoon.samples)
    (home / "bob" / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    return home


@pytest.fixture
def said(monkeypatch):
    """What is said to the user."""
    lines = []
    for module in (notices, video.notices):
        monkeypatch.setattr(module, "say_once", lines.append)
    return lines


def read(path, box=face_boxes.FACES, size=SIZE):
    return video.read_clip(path, "clip", face_boxes.BoxSource(box), size)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv"])
def test_picture_and_sound_keep_their_time(files, cartoon, name, said):
    """Of H.264 and AAC in two containers: each frame's opening, each column's loudness."""
    clip = read(files / "ann" / name)
    assert clip.faces.shape == cartoon.frames.shape and not said
    assert clip.frame_numbers().tolist() == list(range(50))
    report = talking_mouths.report(cartoon.opening, clip.faces)
    assert report["opening_correlation"] > 0.99 and report["opening_error"] < 0.5
    expected = audio.log_mel(cartoon.samples).max(axis=1)
    scores = []
    for shift in range(-4, 5):
        loudness = np.roll(clip.mel.max(axis=1), shift)[8:150]
        scores.append(np.corrcoef(loudness, expected[8:150])[0, 1])
    assert abs(np.argmax(scores) - 4) <= 1 and max(scores) > 0.9  # a column is 12.5 ms
    assert data.TalkingSource("t", [clip]).motion_offsets() == [0]


@pytest.mark.parametrize("fps", [12.5, 30, 50])
def test_other_rates_become_25(tmp_path, cartoon, fps, said):
    """Frame n is what is shown at n / 25, and it is said."""
    path = tmp_path / "a.mp4"
    shown = (np.arange(int(2 * fps)) * 25 / fps).astype(int)
    talking_files.write_video(path, cartoon.frames[shown], cartoon.samples, fps)
    clip = read(path)
    assert abs(len(clip.faces) - 50) <= 1
    opening = talking_mouths.read_opening(clip.faces)
    numbers = np.round(np.arange(len(opening)) * fps / 25).astype(int)
    truth = cartoon.opening[shown[numbers.clip(0, len(shown) - 1)]]
    # Between two frames either may be shown.
    near = [np.abs(opening - np.roll(truth, shift)) for shift in (-1, 0, 1)]
    assert np.mean(np.min(near, axis=0)) < 0.4
    assert len(said) == 1 and f"{fps:g} frames a second; it is resampled to 25" in said[0]


def test_a_box_cuts_the_face_out(tmp_path, cartoon, files):
    """The same face in a corner of a larger frame, by text, JSON and CSV."""
    large = np.full((50, 96, 128, 3), 90, np.uint8)
    large[:, 20:68, 60:108] = cartoon.frames
    path = tmp_path / "a.mp4"
    talking_files.write_video(path, large, cartoon.samples)
    boxes = [[60, 20, 48, 48]] * 20 + [None] * 5 + [[60, 20, 48, 48]] * 25
    (tmp_path / "constant.json").write_text(json.dumps({"clip": [60, 20, 48, 48]}))
    (tmp_path / "frames.json").write_text(json.dumps({"clip": boxes}))
    lines = [f"clip,{n},60,20,48,48" for n in range(50) if n != 9]
    (tmp_path / "frames.csv").write_text("\n".join(["clip,frame,x,y,w,h", *lines]))
    counts = {"60,20,48,48": 50, "constant.json": 50, "frames.json": 45, "frames.csv": 49}
    for box, count in counts.items():
        clip = read(path, box if "," in box else tmp_path / box)
        assert len(clip.faces) == count
        truth = cartoon.opening[clip.frame_numbers()]
        assert talking_mouths.report(truth, clip.faces)["opening_error"] < 0.5


def test_a_detector_is_any_function_and_follows_one_face(tmp_path, cartoon, said):
    large = np.full((50, 48, 128, 3), 90, np.uint8)
    large[:, :, :48], large[:, :, 70:118] = cartoon.frames, cartoon.frames[::-1]
    path = tmp_path / "a.mp4"
    talking_files.write_video(path, large, cartoon.samples)
    seen = []

    def detect(frame):
        seen.append(frame.shape)
        boxes = [(0, 0, 48, 48), (70, 0, 48, 48)]
        if len(seen) in (10, 11):
            return []
        return boxes[:: 1 if len(seen) % 2 else -1]

    boxes = face_boxes.BoxSource(None, detect)
    clip = video.read_clip(path, "two", boxes, SIZE)
    assert len(clip.faces) == 48 and set(range(50)) - set(clip.frame_numbers()) == {9, 10}
    truth = cartoon.opening[clip.frame_numbers()]
    assert talking_mouths.report(truth, clip.faces)["opening_error"] < 0.5
    assert "two shows two or more faces in 48 frames" in said[0] and "pass a box" in said[0]
    with pytest.raises(InputError, match="no face in any of 50 frames of none"):
        video.read_clip(path, "none", face_boxes.BoxSource(None, lambda frame: []), SIZE)


def test_frames_beside_their_sound_with_gaps(tmp_path, cartoon):
    folder = tmp_path / "lrs2" / "ann" / "00001"
    talking_files.write_frames(folder, cartoon)
    os.remove(folder / "20.png")
    clip = read(folder, box=None)  # frames of folders are crops
    assert (clip.faces[:20] == cartoon.frames[:20]).all() and len(clip.faces) == 49
    assert 20 not in clip.frame_numbers()
    np.testing.assert_allclose(clip.mel, audio.log_mel(cartoon.samples), atol=0.5)
    _, clips = clip_folders.list_clips(str(tmp_path / "lrs2"))
    assert list(clips) == ["ann/00001"]


def test_a_folder_is_split_by_speaker_and_broken_files_are_named(files, tmp_path):
    options = {"size": SIZE, "box": "faces", "cache": str(tmp_path)}
    source = data.load_talking(files, **options)
    test = data.load_talking(files, split="test", **options)
    speakers = [{clip.name.split("/")[0] for clip in part.clips} for part in (source, test)]
    assert speakers == [{"bob"}, {"ann"}]
    ((name, reason),) = source.skipped
    assert name == "bob/broken" and "broken.mp4 cannot be decoded" in reason
    assert source.held_out(4)["frames"].shape == (8, 5, SIZE, SIZE, 3)
    lists = files / "filelists"
    lists.mkdir()
    try:
        (lists / "train.txt").write_text("ann/a\nbob/b MV\n")
        (lists / "val.txt").write_text("ann/b\n")
        names = [[c.name for c in data.load_talking(files, split=s, **options).clips]
                 for s in ("train", "test")]  # fmt: skip
        assert names == [["ann/a", "bob/b"], ["ann/b"]]
        (lists / "train.txt").write_text("nobody/a\n")
        with pytest.raises(InputError, match=r"train\.txt names none of the 5 clips"):
            data.load_talking(files, **options)
    finally:
        for file in lists.iterdir():
            file.unlink()
        lists.rmdir()


def test_the_cache_is_used_until_the_source_changes(tmp_path, cartoon, monkeypatch):
    path, cache = tmp_path / "a.mp4", tmp_path / "cache"
    talking_files.write_video(path, cartoon.frames, cartoon.samples)
    decoded = []
    original = video.read_clip
    monkeypatch.setattr(
        video, "read_clip", lambda *args: (decoded.append(args[1]), original(*args))[1]
    )

    def load(size=SIZE, box="faces"):
        (clip,), _ = talking_faces.load_clips(path, size=size, box=box, cache=str(cache))
        return clip

    first, second = load(), load()
    assert len(decoded) == 1 and np.array_equal(first.faces, second.faces)
    assert np.array_equal(first.mel, second.mel)
    load(box="0,0,40,40"), load(size=24)
    assert len(decoded) == 3
    talking_files.write_video(path, cartoon.frames[:40], cartoon.samples)
    assert len(load().faces) == 40 and len(decoded) == 4
    for file in (cache / "faces").iterdir():
        file.write_bytes(file.read_bytes()[:100])  # a cut file is decoded again
    assert len(load().faces) == 40 and len(decoded) == 5


def test_what_cannot_be_used_is_said(tmp_path, cartoon):
    path = tmp_path / "a.mp4"
    talking_files.write_video(path, cartoon.frames[:10], None)
    with pytest.raises(InputError, match="a.mp4 has no sound; expected a video with the voice"):
        read(path)
    talking_files.write_video(path, cartoon.frames[:10], cartoon.samples[:1024])
    with pytest.raises(InputError, match=r"a.mp4 lasts 0\.\d\d s; expected at least 0.2 s"):
        read(path)
    talking_files.write_video(path, cartoon.frames, cartoon.samples)
    with pytest.raises(InputError, match="no frame of clip has a face in its box"):
        read(path, "500,500,10,10")
    for box in ("1,2,3", "1,2,0,4", "somewhere"):
        with pytest.raises(InputError, match="the box is .*expected"):
            read(path, box)
    with pytest.raises(InputError, match="expected two or more, as one in 10 is held out"):
        data.load_talking(path, size=SIZE, box="faces", cache="none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty has no clips; expected videos"):
        data.load_talking(tmp_path / "empty")
    (tmp_path / "b.json").write_text('{"clip": [1, 2]}')
    with pytest.raises(InputError, match=r"b\.json holds \[1, 2\] for clip; expected x, y"):
        face_boxes.BoxSource(tmp_path / "b.json")
    (tmp_path / "b.csv").write_text("clip,1,2\n")
    with pytest.raises(InputError, match=r"b\.csv holds 'clip,1,2'; expected clip,x,y,w,h"):
        face_boxes.BoxSource(tmp_path / "b.csv")


def test_the_cascade_needs_opencv_of_version_4(monkeypatch):
    import sys
    import types

    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(__version__="5.0.0"))
    with pytest.raises(InputError, match=r"OpenCV 5\.0\.0 has no face cascades; expected a 4\.x"):
        face_boxes.detector()


def test_the_cascade_finds_no_face_in_grey():
    pytest.importorskip("cv2", reason="the extra `faces` is not installed")
    assert face_boxes.detector()(np.full((100, 120, 3), 128, np.uint8)) == []
