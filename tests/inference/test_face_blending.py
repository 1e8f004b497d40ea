"""Mouths in frames: what is generated, what stays bit for bit, boxes that move smoothly."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.inference import face_blending
from tfgan_suite.inference.face_blending import Box

FRAME = np.random.RandomState(0).randint(0, 256, (90, 120, 3)).astype("u1")
BOX = Box(30, 20, 40, 50)


def mouth(box):
    """Rows and columns of the mouth region."""
    return slice(box.y + box.height // 2, box.y + box.height), slice(box.x, box.x + box.width)


def test_all_outside_the_mouth_region_is_the_frames_own():
    face = np.full((48, 48, 3), 1.0, "f4")
    frame = face_blending.paste_mouth(FRAME, face, BOX)
    rows, columns = mouth(BOX)
    outside = np.ones(FRAME.shape[:2], bool)
    outside[rows, columns] = False
    assert np.array_equal(frame[outside], FRAME[outside])
    assert frame.shape == FRAME.shape and frame.dtype == np.uint8
    region = frame[rows, columns]
    # The region's own edge is the frame's, its middle is the face's.
    assert np.array_equal(region[0], FRAME[rows, columns][0])
    assert np.array_equal(region[:, -1], FRAME[rows, columns][:, -1])
    assert (region[region.shape[0] // 2, 8:-8] == 255).all()
    assert not np.array_equal(FRAME, frame)


def test_an_identity_generator_gives_the_frame_back():
    """At the size of the networks, where nothing is scaled, also within the region."""
    box = Box(10, 5, 48, 48)
    face = face_blending.crop(FRAME, box, 48)
    assert face.min() >= -1 and face.max() <= 1
    for feather in (0.0, 0.15, 0.5):
        assert np.array_equal(face_blending.paste_mouth(FRAME, face, box, feather), FRAME)


def test_without_a_feather_the_edge_is_hard():
    frame = face_blending.paste_mouth(FRAME, np.full((48, 48, 3), -1.0, "f4"), BOX, 0.0)
    assert not frame[mouth(BOX)].any()


def test_the_feather_rises_steadily_and_is_symmetric():
    alpha = face_blending.mouth_alpha(24, 40, 0.15)
    assert alpha.min() == 0.0 and alpha.max() == 1.0
    middle = alpha[12]
    assert (np.diff(middle[:20]) >= 0).all() and np.array_equal(middle, middle[::-1])
    assert middle[3] == pytest.approx(0.5) and (middle[6:-6] == 1.0).all()


def test_poisson_blending_takes_differences_and_the_frames_own_colours():
    """Of a face that is the frame but darker the darkness goes; a mouth in it stays."""
    pytest.importorskip("scipy", reason="SciPy is an extra")
    box = Box(10, 5, 48, 48)
    smooth = (60 + np.add.outer(np.arange(90), np.arange(120))[..., None] + [0, 5, 10]).astype("u1")
    face = face_blending.crop(smooth, box, 48)
    darker = face_blending.paste_mouth(smooth, face - 0.3, box, blend="poisson")
    # What is left of it is rounding to bytes.
    assert np.abs(darker.astype(int) - smooth).max() <= 1
    face[34:38, 20:28] -= 0.4
    rows, columns = mouth(box)
    blended = face_blending.paste_mouth(smooth, face - 0.3, box, blend="poisson")
    change = smooth[rows, columns].astype(int) - blended[rows, columns]
    assert np.abs(change[10:14, 20:28] - 51).max() <= 2
    assert np.abs(change).sum() - np.abs(change[10:14, 20:28]).sum() < 48 * 24 * 3
    outside = np.ones(smooth.shape[:2], bool)
    outside[rows, columns] = False
    assert np.array_equal(blended[outside], smooth[outside])
    assert np.array_equal(blended[rows, columns][[0, -1]], smooth[rows, columns][[0, -1]])
    with pytest.raises(InputError, match="the blend is 'poison'.*did you mean poisson"):
        face_blending.paste_mouth(smooth, face, box, blend="poison")


def test_a_generated_face_is_scaled_to_its_box():
    """A face of left and right halves stays one at any size of the box."""
    face = np.full((48, 48, 3), -1.0, "f4")
    face[:, 24:] = 1.0
    box = Box(0, 0, 100, 80)
    frame = face_blending.paste_mouth(FRAME, face, box, 0.0)
    assert (frame[41:79, :48] == 0).all() and (frame[41:79, 52:100] == 255).all()


def test_boxes_are_clipped_to_the_frame():
    assert Box(-5, 70, 40, 50).inside(90, 120) == Box(0, 70, 35, 20)
    assert Box(10, 10, 20, 20).padded(1, 2, 3, 4) == Box(7, 9, 27, 23)
    with pytest.raises(InputError, match=r"face at 118,0,40,40 .* 120x90"):
        Box(118, 0, 40, 40).inside(90, 120)


def test_boxes_are_means_of_the_next_frames_and_stop_at_a_gap():
    boxes = [Box(x, 0, 10, 10) for x in (0, 10, 20)] + [None] + [Box(x, 0, 10, 10) for x in (4, 8)]
    items = [(np.full((2, 2, 3), i, "u1"), box) for i, box in enumerate(boxes)]
    means = list(face_blending.smoothed(iter(items), 3))
    assert [frame[0, 0, 0] for frame, _ in means] == list(range(6))
    assert [box and box.x for _, box in means] == [10, 15, 20, None, 6, 8]
    # A copy is smoothed: each mean is of the boxes as they were found.
    assert [box and box.x for _, box in items] == [0, 10, 20, None, 4, 8]
    assert [b and b.x for _, b in face_blending.smoothed(items, 1)] == [0, 10, 20, None, 4, 8]
