"""The classifier's recipe: trains, tests, saves, and is then an extractor."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tfgan_suite.features import extractors

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("classifier", ROOT / "recipes" / "classifier.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stripes(count, seed):
    """Two classes that differ by the direction of their stripes."""
    draws = np.random.RandomState(seed)
    labels = np.arange(count) % 2
    images = np.zeros((count, 16, 16, 1), np.uint8)
    for image, label in zip(images, labels):
        rows = 200 * (np.arange(draws.randint(4), 16 + 4)[:16] // 2 % 2)[:16]
        rows = np.resize(rows, 16).astype(np.uint8)
        image[..., 0] = rows[:, None] if label else rows[None, :]
    return images + draws.randint(0, 50, images.shape).astype("u1"), labels


SMALL = ["--steps", "40", "--batch", "16", "--width", "4", "--features", "6"]


def test_it_learns_saves_and_serves_as_extractor(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train, test = stripes(200, 0), stripes(50, 1)
    np.savez("bars.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    assert recipe.main(["--data", "bars.npz", *SMALL]) == 0
    assert "50 images (test split)" in capsys.readouterr().out
    card = json.loads(Path("classifiers/bars.json").read_text())
    assert card["accuracy"] > 0.9 and card["accuracy_on"] == "test split" and card["tested"] == 50
    assert card["classes"] == ["0", "1"] and card["shape"] == [16, 16, 1]
    found = extractors.load("classifiers/bars.keras", predictions=True)
    assert found.weights_hash == card["weights"] and found.name == "bars"
    features, logits = found.describe(test[0])
    assert features.shape == (50, 6) and found.gives_logits
    # The saved file is the trained network, and takes images as the card says.
    assert np.mean(logits.argmax(1) == test[1]) == pytest.approx(card["accuracy"])


def test_data_without_a_test_split_keep_a_tenth_back(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images, labels = stripes(100, 0)
    np.savez("bars.npz", image=images, label=labels)
    assert recipe.main(["--data", "bars.npz", "--out", "here/mine.keras", *SMALL[2:]] + [
        "--steps", "1"]) == 0  # fmt: skip
    card = json.loads(Path("here/mine.json").read_text())
    assert card["tested"] == 10 and "not trained on" in card["accuracy_on"]
    options = recipe.parser().parse_args(["--data", "bars.npz"])
    train, test, _ = recipe.load_both(options)
    assert (len(train), len(test)) == (90, 10)
    seen = {image.tobytes() for image in train.take(90)["image"]}
    assert not seen & {image.tobytes() for image in test.take(10)["image"]}


@pytest.mark.parametrize(
    "words, said",
    [
        (["--data", "ring"], "no classes of images"),
        (["--data", "nowhere"], "does not exist"),
        (["--data", "shapes", "--steps", "0"], "--steps is 0"),
        (["--data", "shapes", "--out", "a.h5"], "ends with .keras"),
    ],
)
def test_bad_input_ends_with_one_line(recipe, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert recipe.main(words) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith("classifier.py: ") and said in reason


def test_layers_and_sizes_of_the_network(recipe):
    for side, channels in ((28, 1), (32, 3), (64, 3)):
        network = recipe.build_classifier((side, side, channels), 10, width=4)
        assert network.output_shape == (None, 10)
        assert network.get_layer("features").output.shape[-1] == 128
