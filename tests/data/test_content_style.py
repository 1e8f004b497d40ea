"""Contents and styles: windows of images of any shape, by seed and step, held or streamed."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite.data.content_style import load_content_style
from tfgan_suite.data.pipeline import crops
from tfgan_suite.data.readers import cropped_files
from tfgan_suite.data.readers.image_files import Unreadable
from tfgan_suite.data.synthetic import paintings
from tfgan_suite.errors import InputError

SIZES = {"content": [(20, 31), (44, 20), (26, 26)], "style": [(20, 20), (33, 47)]}


def positions(height, width, number):
    """An image whose pixels say where they are: row, column, number of the image."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([rows, columns, np.full_like(rows, number)], -1).astype("u1")


@pytest.fixture
def folder(tmp_path):
    for key, sizes in SIZES.items():
        (tmp_path / key).mkdir()
        for number, size in enumerate(sizes):
            image = Image.fromarray(positions(*size, number))
            image.save(tmp_path / key / f"{number}.png")
    return tmp_path


def pixels(batch):
    return np.round((np.asarray(batch) + 1.0) * 127.5).astype(int)


def test_a_batch_holds_windows_of_whole_images(folder):
    source = load_content_style(folder, crop=16, side=0)
    assert source.lengths == {"content": 3, "style": 2} and len(source) == 3
    assert source.shape == (16, 16, 3) and source.key == "content"
    corners = set()
    for batch in source.batches(3, seed=0).take(80):
        for key, sizes in SIZES.items():
            for window in pixels(batch[key]):
                number, (top, left) = window[0, 0, 2], window[0, 0, :2]
                expected = positions(*sizes[number], number)[top : top + 16, left : left + 16]
                np.testing.assert_array_equal(window, expected)
                if key == "content" and number == 0:
                    corners.add((int(top), int(left)))
    # Image 0 of 20 x 31 has 5 x 16 windows: all edges are reached.
    tops, lefts = map(set, zip(*corners))
    assert tops == {0, 1, 2, 3, 4} and {0, 15} <= lefts <= set(range(16))


def test_every_window_comes_equally_often():
    places = tf.constant(np.stack([np.linspace(0, 1, 500, endpoint=False)] * 2, 1), tf.float32)
    sizes = tf.constant([[20, 16]] * 500, tf.int64)
    found = crops.window_corners(sizes, places, 16).numpy()
    assert np.bincount(found[:, 0]).tolist() == [100] * 5
    assert (found[:, 1] == 0).all()


def test_sets_meet_in_ever_new_combinations_and_windows(folder):
    source = load_content_style(folder, crop=16, side=0)
    met = set()
    for batch in source.batches(2, seed=1).take(30):
        numbers = (pixels(batch[key])[:, 0, 0, 2] for key in ("content", "style"))
        met |= set(zip(*(found.tolist() for found in numbers)))
    assert met == {(one, two) for one in range(3) for two in range(2)}


def test_steps_are_a_function_of_seed_and_step(folder):
    source = load_content_style(folder, crop=16, side=24)
    whole = [batch["content"].numpy() for batch in source.batches(2, seed=3).take(6)]
    later = [batch["content"].numpy() for batch in source.batches(2, seed=3, start=4).take(2)]
    np.testing.assert_array_equal(whole[4:], later)
    other = next(iter(source.batches(2, seed=4)))["content"].numpy()
    assert not np.array_equal(whole[0], other)
    # Two replicas together see the batch of one device.
    context = tf.distribute.InputContext(1, 0, 2)
    slices = list(source.batches(2, seed=3, input_context=context).take(4))
    for step in range(2):
        pair = [part["content"].numpy() for part in slices[2 * step : 2 * step + 2]]
        np.testing.assert_array_equal(np.concatenate(pair), whole[step])


def test_streamed_equals_held(folder):
    held = load_content_style(folder, crop=16, side=24)
    streamed = load_content_style(folder, crop=16, side=24, memory_limit=0)
    assert held.fingerprint == streamed.fingerprint
    both = zip(*(one.batches(3, seed=1, horizontal_flip=True).take(4) for one in (held, streamed)))
    for one, two in both:
        for key in ("content", "style"):
            np.testing.assert_array_equal(one[key], two[key])
    np.testing.assert_array_equal(held.take(3)["style"], streamed.take(3)["style"])


def test_the_shorter_side_is_scaled_and_the_shape_kept(folder):
    image = cropped_files.read_image(folder / "content/0.png", 10, 8)  # 20 x 31
    assert image.shape == (10, 16, 3)
    assert cropped_files.read_image(folder / "content/1.png", 40, 8).shape == (88, 40, 3)
    assert cropped_files.read_image(folder / "content/1.png", 0, 20).shape == (44, 20, 3)
    with pytest.raises(Unreadable, match="31x20 pixels; its shorter side must have at least 25"):
        cropped_files.read_image(folder / "content/0.png", 100, 8)
    with pytest.raises(Unreadable, match="must have at least 21"):
        cropped_files.read_image(folder / "content/0.png", 0, 21)


def test_what_is_taken_is_the_middle(folder):
    source = load_content_style(folder, crop=16, side=0)
    for window in pixels(source.take(3)["content"]):
        height, width = SIZES["content"][window[0, 0, 2]]
        assert window[0, 0, 0] == (height - 15) // 2 and window[0, 0, 1] == (width - 15) // 2


def test_two_folders_and_splits(folder, tmp_path):
    for split, number in (("train", 7), ("test", 9)):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for index in range(2):
            image = Image.fromarray(positions(20, 20, number))
            image.save(tmp_path / "photos" / split / f"{index}.png")
    source = load_content_style(f"{tmp_path / 'photos'},{folder / 'style'}", crop=16, side=0)
    assert source.name == "photos-style" and source.lengths["content"] == 2
    assert (pixels(source.take(2)["content"])[..., 2] == 7).all()
    with pytest.raises(InputError, match="'test'"):  # the styles have no test split
        source.held_out(1)
    photos = tmp_path / "photos"
    held = load_content_style(f"{photos},{photos}", crop=16, side=0).held_out(5)
    assert held["content"].shape == (2, 16, 16, 3)
    assert (pixels(held["style"])[..., 2] == 9).all()


@pytest.mark.parametrize("memory_limit", [2**31, 0])
def test_broken_and_tiny_files_are_skipped_and_named(folder, memory_limit):
    (folder / "content/broken.png").write_bytes(b"no image")
    Image.fromarray(positions(4, 30, 0)).save(folder / "style/tiny.png")
    source = load_content_style(folder, crop=16, side=24, memory_limit=memory_limit)
    for batch in source.batches(2, seed=0).take(8):
        assert np.isfinite(batch["content"]).all()
    skipped = {} if memory_limit else dict(
        entry for stream in source.streams for entry in stream.skipped
    )  # fmt: skip
    skipped = skipped or dict(source.skipped)
    assert sorted(name.rsplit("/", 1)[1] for name in skipped) == ["broken.png", "tiny.png"]
    (reason,) = [text for name, text in skipped.items() if name.endswith("tiny.png")]
    assert "shorter side must have at least 6" in reason
    with pytest.raises(InputError, match="broken.png"):
        load_content_style(folder, crop=16, side=24, strict=True, memory_limit=memory_limit)


def failing(spec, *words, **options):
    with pytest.raises(InputError) as caught:
        load_content_style(spec, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_what_is_wrong_is_said(folder, tmp_path):
    failing(folder, "shorter side 8", "windows of 16", crop=16, side=8)
    failing(folder, "3 of 3", "must have at least 64", crop=64, side=0)
    failing(folder / "style", "content and style", "(none)", crop=16, side=0)
    failing(tmp_path / "none", "does not exist", crop=16, side=0)
    failing("painting", "did you mean 'paintings'", crop=16, side=0)
    (tmp_path / "empty").mkdir()
    failing(f"{folder / 'style'},{tmp_path / 'empty'}", "no images", crop=16, side=0)
    failing(folder, "whole number", crop=0, side=0)
    failing(folder, "whole number", crop=16, side=-1)
    with pytest.raises(InputError, match="batch of 4"):
        load_content_style(folder, crop=16, side=0).batches(4, seed=0)


def test_the_paintings_world():
    source = load_content_style("paintings", crop=32, side=40)
    assert source.lengths == {"content": 200, "style": 50} and source.name == "paintings"
    held = source.held_out(30)
    assert held["content"].shape == (20, 32, 32, 3) and held["style"].shape == (5, 32, 32, 3)
    again = load_content_style("paintings", crop=32, side=40)
    assert again.fingerprint == source.fingerprint
    np.testing.assert_array_equal(again.held_out(1)["style"], held["style"][:1])


def test_patterns_differ_more_than_scenes_change():
    """Each pattern has two strong colours; scenes are smooth: neighbours there are alike."""
    scenes, patterns = paintings.scenes(6, 48, 0), paintings.patterns(10, 48, 0)
    change = [np.abs(np.diff(one.astype(int), axis=2)).mean() for one in (scenes, patterns)]
    assert change[0] < 5 < change[1]
    for pattern in patterns:
        assert np.ptp(pattern, axis=(0, 1)).min() > 60
    np.testing.assert_array_equal(paintings.patterns(3, 48, 0), patterns[:3])
    with pytest.raises(InputError, match="size 8"):
        paintings.scenes(1, 8)
