"""Drawing from exported versions."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.export import export, load

ONLY = {"formats": ("saved_model",), "warmup": False}


@pytest.fixture(scope="module")
def exported(labelled):
    return load(labelled[1].path)


def test_sample_is_the_sample_signature(exported):
    expected = exported("sample", seed=5, count=7)
    # In batches that do not divide the count; a rounding may differ with the batch size.
    found = exported.sample(7, seed=5, batch=3)
    assert found.dtype == np.uint8 and found.shape == (7, 8, 8, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found == expected).mean() > 0.99
    assert (exported.sample(7, seed=6) != found).mean() > 0.5


def test_given_inputs_are_not_drawn(exported, labelled):
    z = tf.random.stateless_normal((4, 8), [0, 0])
    image = labelled[0].network([z, tf.fill([4], 2)], training=False).numpy()
    for label in (2, [2, 2, 2, 2]):
        found = exported.sample(4, label=label)
        assert np.abs(found - (image + 1) * 127.5).max() <= 1


def test_calls_and_descriptions(exported, label_inputs):
    assert exported.signatures == ("sample", "png", "serving_default")
    assert [spec.name for spec in exported.inputs()] == ["z", "label"]
    assert exported.inputs()[1].classes == 3
    assert exported.output("png").name == "image_bytes"
    plain = {name: value.numpy().tolist() for name, value in label_inputs.items()}
    assert exported(**plain).shape == (5, 8, 8, 3)
    assert exported("png", **plain)[0].startswith(b"\x89PNG")


def test_newest_whole_version(games, tmp_path):
    for factor in (1.0, 2.0):
        call = lambda z, factor=factor: factor * z  # noqa: E731
        export(games.Call(call), tmp_path, name="model", **ONLY)
    home = tmp_path / "model"
    (home / "10").mkdir()  # empty
    ones = np.ones((1, 8))
    assert load(home)(z=ones).max() == 2.0
    assert load(str(home / "1"))(z=ones).max() == 1.0
    drawn = load(home / "1").sample(3, seed=4)
    np.testing.assert_allclose(drawn, tf.random.stateless_normal((3, 8), [4, 0]), rtol=1e-6)


def test_a_moved_export_loads(labelled, tmp_path):
    shutil.copytree(labelled[1].path, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").sample(2).shape == (2, 8, 8, 3)


def test_errors(exported, games, tmp_path):
    with pytest.raises(InputError, match="holds no export"):
        load(tmp_path / "nothing")
    with pytest.raises(InputError, match="no signature 'other'"):
        exported("other")
    with pytest.raises(InputError, match="it takes"):
        exported(z=np.ones((1, 8)))
    with pytest.raises(InputError, match="shape"):
        exported(z=np.ones((1, 9)), label=[1])
    with pytest.raises(InputError, match="1 or more"):
        exported.sample(0)
    limit = exported.card["export"]["signatures"]["sample"]["limit"]["examples"]
    for count in (0, limit + 1):
        text = f"refuses the request: the number of examples must be from 1 to {limit} in one"
        with pytest.raises(InputError, match=f"{text} request; this is {count}$"):
            exported("sample", seed=0, count=count)
    with pytest.raises(InputError, match="'label' must be from 0 to 2; it holds 3$"):
        exported(z=np.ones((1, 8)), label=[3])
    with pytest.raises(InputError, match="not inputs"):
        exported.sample(1, colour=3)
    with pytest.raises(InputError, match="3 of them"):
        exported.sample(3, label=[1, 2])
    tf.saved_model.save(tf.Module(), str(tmp_path / "foreign"))
    with pytest.raises(InputError, match="card.json"):
        load(tmp_path / "foreign")
    result = export(games.Image(), tmp_path, name="open", **ONLY)
    with pytest.raises(InputError, match="pass image="):
        load(result.path).sample(1)
    assert load(result.path).sample(2, image=np.ones((4, 6, 3))).shape == (2, 4, 6, 3)
