"""The Gatys recipe from flags to paintings: resuming, folders, colours, refusals."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from small_paintings import painting, photo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("gatys_recipe", ROOT / "recipes" / "gatys.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with images and a tiny network; the words that name them."""
    image = keras.Input((None, None, 3))
    keras.utils.set_random_seed(0)
    x = image
    for name, width in (("first", 6), ("second", 8)):
        x = keras.layers.Conv2D(width, 3, 2, "same", activation="relu", name=name)(x)
    keras.Model(image, x).save(tmp_path / "net.keras")
    for name, pixels in (("photo.png", photo(40)[:30]), ("paint.jpg", painting(36))):
        Image.fromarray(np.uint8((pixels + 1) * 127.5)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORDS = ["--size", "24", "--network", "net.keras", "--content-layers", "second",
         "--style-layers", "first", "second", "--evaluations", "8",
         "--checkpoint-every", "4"]  # fmt: skip


def test_the_recipe_paints_and_goes_on(home, recipe, capsys):
    words = ["photo.png", "paint.jpg", "--out", "made.png", *WORDS]
    assert recipe.main(words) == 0
    assert Image.open("made.png").size == (24, 18)
    said = capsys.readouterr().out
    assert "photo.png 8/8  total" in said and "% below the start" in said
    whole = np.load("made.png.state.npz")
    # Killed in its second segment, it ends like one that never stopped.
    stopped = recipe.Progress.__call__

    def stop(self, state, parts):
        stopped(self, state, parts)
        if state.evaluations == 6:
            raise KeyboardInterrupt

    recipe.Progress.__call__ = stop
    try:
        again = [word.replace("made", "again") for word in words]
        assert recipe.main(again) == 130
    finally:
        recipe.Progress.__call__ = stopped
    assert len(np.load("again.png.state.npz")["totals"]) == 4
    assert recipe.main(again) == 0
    assert "resuming at evaluation 4 of 8" in capsys.readouterr().out
    resumed = np.load("again.png.state.npz")
    np.testing.assert_array_equal(resumed["totals"], whole["totals"])
    np.testing.assert_array_equal(resumed["best"], whole["best"])
    # Other settings are refused, unless it begins anew.
    assert recipe.main([*words, "--style-weight", "7"]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "style_weight 100.0 (now 7.0)" in reason
    assert recipe.main([*words, "--style-weight", "7", "--fresh"]) == 0


def test_a_folder_goes_on_behind_a_broken_photo(home, recipe, capsys):
    (home / "photos").mkdir()
    for name in ("a.png", "c.png"):
        Image.open("photo.png").save(home / "photos" / name)
    (home / "photos" / "b.png").write_bytes(b"no image")
    words = ["photos", "paint.jpg", "--out", "made", "--optimizer", "adam", *WORDS]
    assert recipe.main(words) == 0
    assert "skipped b.png: not an image of a known kind" in capsys.readouterr().out
    made = {file.name for file in (home / "made").iterdir()}
    assert made == {"a.png", "c.png", "a.png.state.npz", "c.png.state.npz"}


@pytest.mark.parametrize("kind", ["luminance", "colours"])
def test_the_recipe_keeps_colours(home, recipe, kind):
    grey = np.full((24, 24, 3), 120, np.uint8)
    grey[:, 12:] = 160
    Image.fromarray(grey).save("grey.png")
    words = ["grey.png", "paint.jpg", "paint.jpg", "--blend", "2", "1", "--out", "made.png"]
    assert recipe.main([*words, *WORDS, "--preserve", kind]) == 0
    made = np.asarray(Image.open("made.png")).astype(int)
    if kind == "luminance":
        assert np.ptp(made, axis=2).max() <= 1 and np.abs(made[..., 0] - grey[..., 0]).max() > 2


@pytest.mark.parametrize(
    "change, said",
    [
        (["none.png", "paint.jpg"], "none.png does not exist"),
        (["photo.png", "net.keras"], "style image net.keras cannot be read"),
        (["photo.png", "paint.jpg", "--evaluations", "0"], "--evaluations is 0"),
        (["photo.png", "paint.jpg", "--preserve", "hue"], "one of none, luminance, colours"),
        (["photo.png", "paint.jpg", "--style-layers", "third"], "first, second"),
        (["photo.png", "paint.jpg", "--network", "no.keras"], "there is no network 'no.keras'"),
        (
            ["photo.png", "paint.jpg", "--learning-rate", "0"],
            "--learning-rate is 0.0; it must be above 0",
        ),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(home, recipe, capsys, change, said):
    assert recipe.main([*change[:2], "--out", "made.png", *WORDS, *change[2:]]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith("gatys.py: ") and said in reason
