"""TensorFlow Datasets: the embedded builder, in memory and streamed, and its errors."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.data.readers import tfds as tfds_source
from tfgan_suite.data.synthetic import shapes
from tfgan_suite.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tfgan_suite.data.synthetic.builders")


@pytest.fixture(scope="module", autouse=True)
def small_set(tmp_path_factory):
    """The embedded set, cut down to 90 + 20 images, prepared in a folder of its own."""
    from tfgan_suite.data.synthetic import builders

    patch = pytest.MonkeyPatch()
    patch.setattr(builders.TfganShapes, "SPLITS", {"train": (90, 0), "test": (20, 1)})
    patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
    yield
    patch.undo()


def test_the_embedded_set_is_the_shapes_world():
    source = data.load("tfds:tfgan_shapes")
    assert len(source) == 90 and source.shape == (32, 32, 3) and source.name == "tfgan_shapes"
    assert source.classes == shapes.CLASSES
    taken = source.take(90)
    reading = shapes.read(taken["image"])
    assert reading.clean.all()
    np.testing.assert_array_equal(reading.label, taken["label"])
    wanted = shapes.generate(90, 32, 0).images.reshape(90, -1)
    found = np.round((taken["image"] + 1) * 127.5).reshape(90, -1)
    assert sorted(map(tuple, found.astype(int))) == sorted(map(tuple, wanted.astype(int)))
    assert source.fingerprint == data.load("tfds:tfgan_shapes:train").fingerprint


def test_splits_sizes_and_channels():
    assert len(data.load("tfds:tfgan_shapes:test")) == 20
    assert len(data.load("tfds:tfgan_shapes", split="test")) == 20
    part = data.load("tfds:tfgan_shapes:train[:10]", size=20, channels=1)
    assert len(part) == 10 and part.shape == (20, 20, 1)
    assert len(data.load("tfds:tfgan_shapes:1.0.0:test")) == 20


def rows(batch):
    pixels = batch["image"].numpy()
    return [one.tobytes() for one in pixels.reshape(len(pixels), -1)]


@pytest.fixture
def streamed(monkeypatch):
    monkeypatch.setattr(tfds_source, "WINDOW", 16)
    source = data.load("tfds:tfgan_shapes", memory_limit=0)
    assert isinstance(source, tfds_source.TfdsSource)
    return source


def test_a_streamed_epoch_is_a_permutation(streamed):
    everything = set(rows({"image": tf.constant(streamed.take(90)["image"])}))
    assert len(everything) == 90
    batches = list(streamed.batches(15, seed=1).take(12))
    epochs = [[row for batch in part for row in rows(batch)] for part in (batches[:6], batches[6:])]
    assert set(epochs[0]) == set(epochs[1]) == everything
    assert epochs[0] != epochs[1]
    other = [row for b in streamed.batches(15, seed=2).take(6) for row in rows(b)]
    assert other != epochs[0] and set(other) == everything
    for batch in batches:
        np.testing.assert_array_equal(shapes.read(batch["image"].numpy()).label, batch["label"])


def test_streamed_start_equals_skipping(streamed):
    whole = list(streamed.batches(16, seed=1, horizontal_flip=True).take(16))
    for start in (3, 5, 13):  # inside an epoch of 5 batches, at its end, in the third
        resumed = streamed.batches(16, seed=1, horizontal_flip=True, start=start).take(16 - start)
        for one, two in zip(whole[start:], list(resumed)):
            np.testing.assert_array_equal(one["image"], two["image"])
            np.testing.assert_array_equal(one["label"], two["label"])


def test_streamed_slices_together_are_the_batch(streamed):
    whole = list(streamed.batches(16, seed=1, horizontal_flip=True, start=4).take(4))
    for workers in (1, 2):
        parts = [
            list(
                streamed.batches(
                    16,
                    seed=1,
                    horizontal_flip=True,
                    start=4,
                    input_context=tf.distribute.InputContext(workers, worker, 2),
                ).take(8 // workers)
            )
            for worker in range(workers)
        ]
        for step in range(4):
            local = 2 // workers
            slices = [part[step * local + r] for part in parts for r in range(local)]
            found = np.concatenate([one["image"] for one in slices])
            np.testing.assert_array_equal(found, whole[step]["image"])


def failing(spec, *words):
    with pytest.raises(InputError) as caught:
        data.load(spec)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_unknown_sets_and_splits_are_explained():
    failing("tfds:tfgan_shape", "did you mean", "tfgan_shapes")
    failing("tfds:tfgan_shapes:validation", "validation", "train, test")
    failing("tfds:", "tfds:NAME")
    failing("tfds:tfgan_shapes:train[:0]", "no examples")


def test_a_set_that_cannot_be_downloaded_says_how_to_bring_it(monkeypatch):
    import requests

    def unreachable(*_, **__):
        raise requests.exceptions.ConnectionError("name or service not known")

    monkeypatch.setattr(requests, "head", unreachable)
    failing("tfds:mnist", "could not be downloaded", "download_and_prepare()", "TFDS_DATA_DIR")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    failing("tfds:mnist", "tensorflow_datasets", "pip install")
