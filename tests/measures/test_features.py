"""Streams of images, their features, and the cache of the reference."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, data
from tfgan_suite.features import extractors
from tfgan_suite.measures import MeasureWarning, features


def source(count=23, seed=0):
    pixels = np.random.RandomState(seed).randint(0, 256, (count, 8, 8, 1)).astype("u1")
    return data.ArraySource("images", pixels)


class Halves:
    """Means of the upper and lower half, counting its calls while it is not compiled."""

    def __init__(self, weights_hash="abc"):
        self.images = 0
        self.extractor = extractors.from_callable(
            lambda x: tf.reduce_mean(tf.reshape(x, (-1, 2, 32)), axis=2),
            "halves",
            weights_hash=weights_hash,
        )
        describe = self.extractor.describe

        def counted(images):
            self.images += len(images)
            return describe(images)

        self.extractor.describe = counted


@pytest.mark.parametrize("count, batch", [(23, 5), (20, 5), (3, 10), (23, 23)])
def test_a_stream_gives_what_take_gives(count, batch):
    found = list(features.stream(source(), count, seed=3, batch=batch))
    assert max(len(part) for part in found) <= batch and found[0].dtype == np.uint8
    wanted = np.round((source().take(count, seed=3)["image"] + 1) * 127.5).astype("u1")
    np.testing.assert_array_equal(np.concatenate(found), wanted)


def test_points_are_streamed_as_they_are():
    found = np.concatenate(list(features.stream(data.load("ring", split="test"), 7, batch=3)))
    np.testing.assert_array_equal(found, data.load("ring", split="test").take(7)["point"])


def test_collected_moments_equal_numpys_and_do_not_hang_on_the_batches():
    halves = Halves().extractor
    wanted = source().take(23)["image"].reshape(23, 2, 32).mean(2).astype(np.float64)
    for batch in (4, 23):
        found = features.collect(
            features.stream(source(), 23, batch=batch), halves, keep_features=True
        )
        assert found.count == 23 and found.predictions is None
        np.testing.assert_allclose(found.moments.mean, wanted.mean(0), atol=1e-6)
        np.testing.assert_allclose(
            found.moments.covariance, np.cov(wanted, rowvar=False), atol=1e-6
        )
        np.testing.assert_allclose(found.features, wanted, atol=1e-6)
    assert features.collect(features.stream(source(), 9), halves).features is None


def test_the_reference_is_described_once(tmp_path):
    halves = Halves()

    def reference(**changes):
        options = {"count": 20, "cache": tmp_path, "keep_features": True, **changes}
        given = options.pop("source", source())
        return features.reference(given, halves.extractor, **options)

    first = reference()
    again = reference()
    assert halves.images == 20
    np.testing.assert_array_equal(again.features, first.features)
    np.testing.assert_array_equal(again.moments.covariance, first.moments.covariance)
    assert again.count == 20
    for change in ({"count": 19}, {"seed": 1}, {"split": "test"}, {"source": source(seed=1)}):
        before = halves.images
        reference(**change)
        assert halves.images > before, change
    halves.extractor.weights_hash = "other"
    before = halves.images
    reference()
    assert halves.images == before + 20


def test_moments_alone_do_not_stand_in_for_features(tmp_path):
    halves = Halves()
    options = {"count": 20, "cache": tmp_path}
    assert features.reference(source(), halves.extractor, **options).features is None
    assert features.reference(
        source(), halves.extractor, keep_features=True, **options
    ).features.shape == (
        20,
        2,
    )
    assert features.reference(source(), halves.extractor, **options).count == 20
    assert halves.images == 40


def test_a_damaged_cache_is_made_anew_and_an_unknown_extractor_not_kept(tmp_path):
    halves = Halves()
    features.reference(source(), halves.extractor, count=20, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for content in (whole[:100], b"", b"no archive"):
        file.write_bytes(content)
        features.reference(source(), halves.extractor, count=20, cache=tmp_path)
        assert len(file.read_bytes()) == len(whole)
    unknown = Halves(weights_hash=None)
    for _ in range(2):
        features.reference(source(), unknown.extractor, count=20, cache=tmp_path / "b")
    assert unknown.images == 40 and not (tmp_path / "b").exists()


def test_a_cache_that_cannot_be_written_is_said_and_passed_over(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(MeasureWarning, match="--cache none"):
        found = features.reference(
            source(), Halves().extractor, count=20, cache=tmp_path / "file" / "below"
        )
    assert found.count == 20


def test_bad_input():
    halves = Halves().extractor
    with pytest.raises(InputError, match="it has 23"):
        list(features.stream(source(), 24))
    with pytest.raises(InputError, match="batch size is 0"):
        list(features.stream(source(), 4, batch=0))
    with pytest.raises(InputError, match="no images to measure"):
        features.collect([], halves)
    broken = np.zeros((4, 8, 8, 1), np.float32)
    broken[2, 3, 3] = np.nan
    with pytest.raises(InputError, match="1 of 4 images hold NaN"):
        features.collect([broken], halves)
    with pytest.raises(InputError, match="1 of 2 images hold NaN"):
        features.collect([np.array([[0.0, 1.0], [np.inf, 0.0]])], None)
    with pytest.raises(InputError, match="gives no class predictions"):
        features.collect([np.zeros((4, 8, 8, 1), "u1")], halves, keep_predictions=True)
