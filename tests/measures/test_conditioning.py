"""measures/conditioning.py on games that obey, or ignore, their inputs."""

import types

import numpy as np
import pytest

from tfgan_suite import InputError, data
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.measures import conditioning, measure

CLASSES = 4


class Game:
    """Images whose brightness is the class asked for, or a constant one."""

    name = "fake"

    def __init__(self, name="label", obeys=True, shape=()):
        self.input, self.obeys, self.shape = name, obeys, shape

    def signatures(self):
        specs = (
            TensorSpec("z", (2,), kind="normal"),
            TensorSpec(self.input, self.shape, "int32", "label", CLASSES),
        )
        return {"serving_default": types.SimpleNamespace(inputs=specs)}

    def generate(self, seed=0, **given):
        wanted = given[self.input].reshape(len(given[self.input]), -1)[:, 0]
        return image(wanted if self.obeys else 0 * wanted)

    def infer(self, images):
        return {"category": (read(images)[:, None] + 1) % CLASSES}  # codes are named otherwise


def image(kind):
    value = (np.asarray(kind) / (CLASSES - 1) * 2 - 1).astype("f4")
    return np.broadcast_to(value[:, None, None, None], (len(value), 4, 4, 1)).copy()


def read(images):
    return np.rint((images[:, 0, 0, 0] + 1) / 2 * (CLASSES - 1)).astype("i4")


@pytest.fixture
def classifier():
    seen = types.SimpleNamespace(name="reader", sizes=[])

    def describe(images):
        seen.sizes.append(len(images))
        return None, np.eye(CLASSES, dtype="f4")[read(images)]

    seen.describe = describe
    return seen


def test_a_game_that_obeys_agrees_and_shuffled_labels_do_not(classifier):
    (found,) = conditioning.classes(Game(), classifier, 400, 0, 150)
    assert found.name == "class_agreement-reader" and found.value == 1.0
    assert abs(found.protocol["shuffled"] - 0.25) < 0.07
    assert found.protocol["by_class"] == [1.0] * CLASSES
    assert classifier.sizes == [150, 150, 100]


def test_a_game_that_ignores_its_labels_is_at_chance(classifier):
    (found,) = conditioning.classes(Game(obeys=False), classifier, 400, 0, 150)
    assert found.value == 0.25 and found.protocol["by_class"] == [1.0, 0.0, 0.0, 0.0]


def test_a_classifier_of_other_classes_is_refused(classifier):
    classifier.describe = lambda images: (None, np.zeros((len(images), 7)))
    with pytest.raises(InputError, match="knows 7 classes, the game 4"):
        conditioning.classes(Game(), classifier, 8, 0, 8)
    with pytest.raises(InputError, match="has no input for a class"):
        conditioning.classes(Game("category"), classifier, 8, 0, 8)


@pytest.mark.parametrize("shape", [(), (2,)])
def test_codes_are_matched_and_their_information_is_in_nats(classifier, shape):
    labels = np.arange(80) % CLASSES
    pixels = np.rint((image(labels) + 1) * 127.5).astype("u1")
    source = data.from_arrays(pixels, labels, name="grey", origin="test", classes=tuple("abcd"))
    game = Game("category", shape=shape)
    accuracy, by_q, by_class = conditioning.codes(game, classifier, source, 80, 0, 32)
    assert accuracy.value == 1.0 and accuracy.protocol["classes_of_codes"] == [3, 0, 1, 2]
    assert by_q.value == pytest.approx(np.log(4)) and by_class.value == pytest.approx(np.log(4))
    names = ["code_accuracy", "mutual_information-Q", "mutual_information-reader"]
    assert [found.name for found in (accuracy, by_q, by_class)] == names
    lost = conditioning.codes(Game("category", False, shape), classifier, source, 80, 0, 32)
    assert lost[0].value == 1.0 and lost[1].value == 0.0 and lost[2].value == 0.0
    with pytest.raises(InputError, match="no labels"):
        unlabelled = data.from_arrays(pixels, None, name="grey", origin="test")
        conditioning.codes(Game("category"), classifier, unlabelled, 8, 0, 8)


def test_copies_of_the_right_examples_are_near():
    game = types.SimpleNamespace(name="copier", reconstruct=lambda x, batch: x + 0.1)
    source = data.load("ring")
    (found,) = conditioning.reconstructions(game, source, 500, 0, 100)
    assert found.protocol["own"] == pytest.approx(0.1 * np.sqrt(2), rel=1e-3)
    assert found.value < 0.15 and found.protocol["closer"] > 0.8
    with pytest.raises(InputError, match="makes no copies"):
        conditioning.reconstructions(Game(), source, 8, 0, 8)


def test_files_cannot_be_asked(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=np.zeros((8, 8, 8, 1), "u1"))
    with pytest.raises(InputError, match="is not a run"):
        measure(tmp_path / "x.npz", tmp_path / "x.npz", measures=["classes"])
