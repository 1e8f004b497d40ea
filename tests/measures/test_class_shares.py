"""Samples of a game with classes follow the shares of the training data."""

import pathlib
import types

import numpy as np

from tfgan_suite.cli import measure
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.measures.samples import _of_generator


def opened(counts):
    labels = []

    def generate(count, seed, batch, **inputs):
        labels.extend(inputs.get("label", []))
        return np.zeros((count, 2, 2, 1), np.float32)

    inputs = (
        TensorSpec("z", (2,), "float32", "normal"),
        TensorSpec("label", (), "int32", "label", 3),
    )
    signature = types.SimpleNamespace(
        drawable=True, inputs=inputs, output=TensorSpec("image", (2, 2, 1), "float32", "image")
    )
    generator = types.SimpleNamespace(
        signature=lambda: signature, facts={"class_counts": counts}, generate=generate,
        name="run", origin="export", path=pathlib.Path("x"), game=None,
    )  # fmt: skip
    samples = _of_generator(generator)
    assert sum(len(block) for block in samples.draw(40, 0, 16)) == 40
    return samples.facts["class_shares"], np.bincount(labels, minlength=3).tolist()


def test_classes_are_drawn_in_the_shares_of_the_data():
    assert opened([10, 0, 30]) == ([0.25, 0.0, 0.75], [10, 0, 30])


def test_older_cards_without_counts_draw_labels_at_random():
    assert opened(None) == ("equal, drawn at random", [0, 0, 0])


def test_the_protocol_says_how_classes_are_drawn():
    facts = dict.fromkeys(("n_fake", "n_real", "against", "split", "size", "seed"), 3)
    facts["samples_of"] = "run"
    assert "class" not in measure._protocol_line(facts)
    for shares, words in (
        ([0.25, 0.75], "classes in the shares of the training data"),
        ("equal, drawn at random", "classes equal, drawn at random"),
    ):
        assert words in measure._protocol_line({**facts, "class_shares": shares})
