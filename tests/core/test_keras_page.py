"""The script of docs/keras.md runs as it stands."""

import pathlib
import re

import keras
import numpy as np
import tensorflow as tf

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "keras.md"


def test_the_script_trains_saves_resumes_and_exports(tmp_path, monkeypatch):
    (script,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(script, str(PAGE), "exec"), names)
    game, history = names["game"], names["history"].history
    assert int(game.steps.numpy()) == 5 * 8 and names["samples"].shape == (16, 8, 8, 1)
    assert len(history["val_discriminator/real"]) == 4
    assert len(list(tmp_path.glob("game_*.weights.h5"))) == 4
    assert len(list((tmp_path / "samples").glob("step_*.png"))) == 2
    served = tf.saved_model.load(str(tmp_path / "exports" / "mine" / "1"))
    z = np.ones((2, 100), "f4")
    (images,) = served.signatures["serving_default"](z=tf.constant(z)).values()
    np.testing.assert_allclose(images, game.generate(z=z), atol=1e-5)
    assert isinstance(game, keras.Model)
