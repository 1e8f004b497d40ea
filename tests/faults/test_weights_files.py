"""Weights, extractors, descents' states and features' caches that were damaged: one line each."""

import io
import json
import os

import h5py
import numpy as np
import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.features import extractors, weights
from tfgan_suite.measures import features
from tfgan_suite.measures.fid import Moments
from tfgan_suite.style.descent import State
from tfgan_suite.training import strategies
from tfgan_suite.utils import saved_models

COUNTS = [pytest.param(30, id="fast"), pytest.param(600, marks=pytest.mark.large, id="all")]
ARRAYS = {
    "one|kernel": np.arange(18, dtype=np.float32).reshape(3, 3, 1, 2),
    "one|bias": np.ones(2, np.float32),
}
HOST = '{"cluster": {"worker": %s}, "task": {"type": "%s", "index": %s}}'
SETTINGS = {"size": 3, "layers": ["a"]}


def damaged(content, draws):
    """Cut, or with some other bytes."""
    content = bytearray(content)
    if draws.random() < 0.3:
        return bytes(content[: draws.integers(len(content))])
    for index in draws.integers(0, len(content), draws.integers(1, 12)):
        content[index] = draws.integers(256)
    return bytes(content)


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def h5():
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["one/one/kernel:0"], file["one/one/bias:0"] = ARRAYS.values()
    return content.getvalue()


def refused(read, name):
    """Whether a reader refuses a file, which it must do in one line with the file's name."""
    try:
        read()
    except InputError as error:
        text = str(error)
        assert "\n" not in text and len(text) < 700 and name in text, text
        return True
    return False


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("ending,content", [(".npz", npz(**ARRAYS)), (".h5", h5())])
def test_damaged_weights(tmp_path, count, ending, content):
    path, draws = tmp_path / f"weights{ending}", np.random.default_rng(0)
    path.write_bytes(content)
    np.testing.assert_array_equal(weights.read(path)["one"]["kernel"], ARRAYS["one|kernel"])
    refusals = 0
    for _ in range(count):
        path.write_bytes(damaged(content, draws))
        refusals += refused(lambda: weights.read(path), path.name)
    print(f"{count} {ending}: {refusals} refused, the others read")
    assert refusals > count // 5


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_states_of_descents(tmp_path, count):
    path, draws = tmp_path / "state.npz", np.random.default_rng(1)
    state = State(np.arange(5.0), totals=[3.0, 2.0], slots={"first": np.ones(5)})
    state.save(path, SETTINGS)
    content, refusals = path.read_bytes(), 0
    np.testing.assert_array_equal(State.load(path, SETTINGS).slots["first"], np.ones(5))
    for _ in range(count):
        path.write_bytes(damaged(content, draws))
        refusals += refused(lambda: State.load(path, SETTINGS), path.name)
    assert refusals > count // 2


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "[1]"}, {"settings": "{"}, {"settings": "[" * 10_000}, {"best": np.ones(4)},
        {"x": np.ones((5, 1))}, {"x": np.array(["a"] * 5)}, {"totals": np.array([np.nan])},
        {"slot_first": np.ones(3)}, {"best": np.full(5, np.inf)}, {"settings": 3},
    ],
)  # fmt: skip
def test_states_with_other_contents(tmp_path, change):
    path = tmp_path / "state.npz"
    sound = {
        "x": np.ones(5), "best": np.ones(5), "totals": np.ones(2), "settings": json.dumps(SETTINGS),
    }  # fmt: skip
    path.write_bytes(npz(**sound))
    assert State.load(path, SETTINGS).evaluations == 2
    path.write_bytes(npz(**{**sound, **change}))
    with pytest.raises(InputError, match="state.npz.*remove it to start again"):
        State.load(path, SETTINGS)


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"layers": 3}', '{"layers": {"features": 3}}', "[" * 10_000, "\0"]
)
def test_damaged_cards_of_extractors(tmp_path, content):
    assert extractors.card_layers(tmp_path / "net.keras") == {}
    (tmp_path / "net.json").write_text('{"layers": {"features": "four"}, "accuracy": 0.9}')
    assert extractors.card_layers(tmp_path / "net.keras") == {"features": "four"}
    (tmp_path / "net.json").write_text(content)
    with pytest.raises(InputError, match="net.json.*FILE:LAYER"):
        extractors.card_layers(tmp_path / "net.keras")


@pytest.mark.parametrize(
    "arrays",
    [
        {}, {"mean": np.ones(3)},
        {"mean": np.ones(3), "scatter": np.ones((2, 2)), "count": np.array(4)},
        {"mean": np.ones(3), "scatter": np.ones((3, 3)), "count": np.ones(2)},
        {"mean": np.array(3.0), "scatter": np.ones((3, 3)), "count": np.array(4)},
        {"mean": np.array(["a"]), "scatter": np.ones((1, 1)), "count": np.array(4)},
    ],
)  # fmt: skip
def test_damaged_caches_are_computed_again(tmp_path, arrays):
    path = tmp_path / "cache.npz"
    moments = Moments(3)
    moments.count, moments.mean = 4, np.ones(3)
    features._write(path, features.Collected(moments, None))
    assert features._read(path, False).moments.count == 4
    assert features._read(path, True) is None
    path.write_bytes(npz(**arrays))
    assert features._read(path, False) is None


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "is empty"), ("{", "is damaged"), ("[]", "expected an object"),
        ('{"cluster": {}}', "task is missing"), ('{"task": {}}', "cluster is missing"),
        (HOST % ('"a:1"', "worker", "0"), "a list"),
        (HOST % ('["a:1"]', "worker", '"0"'), "an integer"),
        (HOST % ('["a:1"]', "worker", "1"), "worker:1"),
        (HOST % ('["a:1"]', "ps", "0"), "ps:0"),
        (HOST % ('["a:1"]', "worker", "-1"), "at least 0"),
    ],
)  # fmt: skip
def test_tf_config(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=f"TF_CONFIG.*{words}.*set it on every host"):
        strategies.get("multiworker")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_in_folders_and_in_place_of_files(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").touch()
    for name in ("a.npz", "a.h5", "a.keras", "variables/variables.index"):
        os.mkfifo(tmp_path / name)
    for read, name in (
        (weights.read, "a.npz"), (weights.read, "a.h5"), (weights.read_model, "a.keras"),
        (extractors.load, "a.npz"), (extractors.load, "a.h5"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"{name}.*(named pipe|not a file)"):
            read(tmp_path / name)
    for read in (saved_models.load, extractors.load):
        with pytest.raises(InputError, match="a named pipe"):
            read(tmp_path)
