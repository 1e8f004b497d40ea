"""Gatys: the sheet's known answers, gradients against finite differences, the recipe."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.features import extractors
from tfgan_suite.style import descent, gatys

ROOT = Path(__file__).parents[2]


class Pixels:
    """The image itself, and what is left of it by a ReLU."""

    names = ("pixels", "positive")

    def __call__(self, images):
        return [images, tf.nn.relu(images)]


class Tiny:
    """Two fixed convolutions with ReLUs, in the precision of the images."""

    names = ("first", "second")

    def __init__(self):
        draws = np.random.default_rng(7)
        self.kernels = [draws.normal(0, 0.4, shape) for shape in ((3, 3, 3, 6), (3, 3, 6, 8))]

    def __call__(self, images):
        maps = []
        for kernel, stride in zip(self.kernels, (1, 2)):
            kernel = tf.constant(kernel, images.dtype)
            images = tf.nn.relu(tf.nn.conv2d(images, kernel, stride, "SAME"))
            maps.append(images)
        return maps


def image(height=8, width=8, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype("f4")


def painting(side, seed=1):
    """Stripes and blots: something with a style."""
    place = np.arange(side)
    stripes = np.sin(place[:, None] * 1.1 + place[None, :] * 0.4)[..., None] * [0.8, 0.3, -0.5]
    return np.clip(stripes + 0.2 * image(side, side, seed), -1, 1).astype("f4")


def photo(side):
    """A soft disc."""
    place = np.linspace(-1, 1, side)
    disc = np.exp(-3 * (place[:, None] ** 2 + place[None, :] ** 2))[..., None]
    return (disc * [1.2, 0.9, 0.2] - 0.5).astype("f4")


def problem(features, content, *styles, content_layers=("first",), style_layers=("first", "second"),
            **options):  # fmt: skip
    return gatys.Gatys(
        features,
        content,
        styles,
        content_layers=list(content_layers),
        style_layers=list(style_layers),
        **options,
    )


def of_pixels(content, *styles, **options):
    layers = {"content_layers": ["pixels"], "style_layers": ["pixels"]}
    return problem(Pixels(), content, *styles, **{"normalize": False, **layers, **options})


def test_the_sheets_known_value():
    """N = 2, M = 6, all ones: G / M is all 1, E = 144 / (4 * 4 * 36) = 0.25 against zeros."""
    matrix = gatys.gram(tf.ones((1, 2, 3, 2)))
    np.testing.assert_allclose(matrix, np.ones((1, 2, 2)))
    for convention, value in (("paper", 0.25), ("mean", 1.0)):
        found = float(gatys.style_loss(matrix, tf.zeros((1, 2, 2)), convention))
        assert found == pytest.approx(value)


def test_gram_is_symmetric_positive_and_blind_to_places():
    maps = np.random.default_rng(1).normal(size=(1, 4, 5, 3))
    matrix = gatys.gram(tf.constant(maps))[0].numpy()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert matrix[0, 1] == pytest.approx((maps[..., 0] * maps[..., 1]).mean())
    mixed = np.random.default_rng(2).permutation(maps.reshape(20, 3)).reshape(1, 5, 4, 3)
    np.testing.assert_allclose(gatys.gram(tf.constant(mixed))[0], matrix, atol=1e-12)


def test_both_losses_scale_as_powers_of_the_features():
    draws = np.random.default_rng(3)
    one, two = (tf.constant(draws.normal(size=(1, 4, 4, 3))) for _ in range(2))
    for convention in gatys.CONVENTIONS:
        content, content_3 = (
            float(gatys.content_loss(s * one, s * two, convention)) for s in (1.0, 3.0)
        )
        assert content_3 == pytest.approx(9 * content)
        style, style_3 = (
            float(gatys.style_loss(gatys.gram(s * one), gatys.gram(s * two), convention))
            for s in (1.0, 3.0)
        )
        assert style_3 == pytest.approx(81 * style)


def test_the_conventions_differ_by_4_in_style_and_by_half_the_count_in_content():
    content, style = image(), image(seed=1)
    images = tf.constant(image(seed=2)[None])
    paper, mean = (
        problem(Tiny(), content, style, convention=name).losses(images)
        for name in ("paper", "mean")
    )
    assert float(mean["style"]) == pytest.approx(4 * float(paper["style"]), rel=1e-5)
    count = 8 * 8 * 6
    assert float(paper["content"]) == pytest.approx(count / 2 * float(mean["content"]), rel=1e-5)


def test_the_content_has_no_content_loss_and_the_style_no_style_loss():
    content, style = image(), image(seed=1)
    found = problem(Tiny(), content, style, content_weight=3.0)
    total, _, parts = found(found.start("content"))
    assert parts["content"] == pytest.approx(0, abs=1e-9)
    assert total == pytest.approx(100 * parts["style"], rel=1e-5)
    total, _, parts = found(style.astype("f8").ravel())
    assert parts["style"] == pytest.approx(0, abs=1e-8)
    assert total == pytest.approx(3 * parts["content"], rel=1e-4)


def test_places_matter_to_content_alone():
    style = image()
    mixed = np.random.default_rng(4).permutation(style.reshape(64, 3)).ravel()
    _, _, parts = of_pixels(style, style)(mixed)
    assert parts["style"] == pytest.approx(0, abs=1e-9) and parts["content"] > 0.1


def test_a_style_of_another_size_counts_by_its_own_positions():
    content = image(4, 4)
    tiled = np.tile(content, (2, 3, 1))
    _, _, parts = of_pixels(content, tiled)(content.ravel())
    assert parts["style"] == pytest.approx(0, abs=1e-9)


def test_the_contents_gradient_is_the_difference_where_the_relu_is_open():
    content, x = image(), image(seed=1)
    options = {"convention": "paper", "style_weight": 0.0}
    _, slope, _ = of_pixels(content, content, **options)(x.ravel())
    np.testing.assert_allclose(slope, (x - content).ravel(), atol=1e-6)
    found = of_pixels(content, content, content_layers=["positive"], **options)
    _, slope, _ = found(x.ravel())
    expected = np.where(x > 0, x - np.maximum(content, 0), 0)
    np.testing.assert_allclose(slope, expected.ravel(), atol=1e-6)


@pytest.mark.parametrize("convention", gatys.CONVENTIONS)
def test_the_gradient_is_that_of_finite_differences(convention):
    found = problem(
        Tiny(), image(), image(6, 10, seed=1), image(seed=2),
        dtype="float64", convention=convention, variation_weight=0.3, blend=(1, 2),
    )  # fmt: skip
    x = image(seed=3).astype("f8").ravel()
    _, slope, _ = found(x)
    for index in (0, 77, 191):
        step = np.zeros_like(x)
        step[index] = 1e-6
        difference = (found(x + step)[0] - found(x - step)[0]) / 2e-6
        assert slope[index] == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_the_total_is_the_weighted_sum_of_its_parts():
    found = problem(Tiny(), image(), image(seed=1), content_weight=2, style_weight=30,
                    variation_weight=4)  # fmt: skip
    x = image(seed=2)
    total, _, parts = found(x.ravel())
    weighted = 2 * parts["content"] + 30 * parts["style"] + 4 * parts["variation"]
    assert total == pytest.approx(weighted, rel=1e-5)
    down, across = np.abs(np.diff(x, axis=0)).sum(), np.abs(np.diff(x, axis=1)).sum()
    assert parts["variation"] == pytest.approx((down + across) / 64, rel=1e-5)


def test_layers_have_weights():
    content, style, images = image(), image(seed=1), tf.constant(image(seed=2)[None])
    one, two, both = (
        float(
            gatys.Gatys(Tiny(), content, [style], content_layers=["first"], style_layers=layers)
            .losses(images)["style"]
        )
        for layers in (["first"], {"second": 1.0}, {"first": 0.25, "second": 3.0})
    )  # fmt: skip
    assert both == pytest.approx(0.25 * one + 3 * two, rel=1e-5)
    equal = problem(Tiny(), content, style).losses(images)["style"]
    assert float(equal) == pytest.approx((one + two) / 2, rel=1e-5)


def test_two_equal_styles_are_one_and_weights_are_shares():
    content, style, other = image(), image(seed=1), image(seed=2)
    images = tf.constant(image(seed=3)[None])

    def style_of(styles, blend):
        found = problem(Tiny(), content, *styles, blend=blend, normalize=False)
        return float(found.losses(images)["style"])

    assert style_of([style, style], (0.3, 0.7)) == pytest.approx(style_of([style], None), rel=1e-4)
    assert style_of([style, other], (2, 6)) == pytest.approx(
        style_of([style, other], (0.25, 0.75)), rel=1e-6
    )
    assert style_of([style, other], (1, 0)) == pytest.approx(style_of([style], None), rel=1e-5)


def test_normalised_features_make_losses_blind_to_a_layers_scale():
    class Louder(Tiny):
        def __call__(self, images):
            return [50.0 * maps for maps in super().__call__(images)]

    content, style, images = image(), image(seed=1), tf.constant(image(seed=2)[None])
    plain, louder = (problem(f, content, style).losses(images) for f in (Tiny(), Louder()))
    for name in ("content", "style"):
        assert float(louder[name]) == pytest.approx(float(plain[name]), rel=1e-4)


def test_starts():
    content = image(6, 8)
    style = np.broadcast_to(np.float32([0.2, -0.4, 0.6]), (20, 10, 3))
    found = of_pixels(content, style)
    np.testing.assert_allclose(found.start("content"), content.ravel())
    noise = found.start("noise", seed=3)
    np.testing.assert_array_equal(noise, found.start("noise", seed=3))
    assert np.abs(noise - found.start("noise", seed=4)).max() > 0.1
    assert abs(noise.mean()) < 0.1 and 0.2 < noise.std() < 0.3
    np.testing.assert_allclose(found.image(found.start("style")), style[:6, :8], atol=1e-5)
    assert found.image(np.full(144, 3.0)).max() == 1.0


def test_lbfgs_falls_by_nine_tenths_and_below_adam():
    found = problem(Tiny(), photo(24), painting(24))
    lowest = {}
    for method in descent.METHODS:
        state = descent.State(found.start("content"))
        descent.descend(found, state, 50, method=method)
        lowest[method] = min(state.totals) / state.totals[0]
        assert state.evaluations == 50
    assert lowest["lbfgs"] <= 0.1 and lowest["lbfgs"] < lowest["adam"] < 1


def test_a_larger_style_weight_moves_the_balance():
    ends = []
    for weight in (0.1, 10.0):
        found = problem(Tiny(), photo(16), painting(16), style_weight=weight)
        state = descent.State(found.start("content"))
        descent.descend(found, state, 60)
        ends.append(found(state.best)[2])
    assert ends[1]["style"] < ends[0]["style"] and ends[1]["content"] > ends[0]["content"]


def test_what_is_refused():
    content, style = image(), image(seed=1)
    cases = [
        ({"content_layers": ["third"]}, "no content layer third; the features have first, second"),
        ({"style_layers": []}, "no style layer at all"),
        ({"convention": "sum"}, "convention is 'sum'"),
        ({"style_weight": -1.0}, "style weight is -1"),
        ({"blend": (1, 1)}, "1 style images and 2 weights"),
        ({"blend": (0.0,)}, "not all 0"),
    ]
    for options, said in cases:
        with pytest.raises(InputError, match=said):
            problem(Tiny(), content, style, **options)
    with pytest.raises(InputError, match="0 style images"):
        problem(Tiny(), content)
    with pytest.raises(InputError, match="expected \\(height, width, 3\\)"):
        problem(Tiny(), content[..., 0], style)
    with pytest.raises(InputError, match="start is 'grey'"):
        problem(Tiny(), content, style).start("grey")
    with pytest.raises(InputError, match="the network 'mine.keras' has no default layers"):
        gatys.default_layers("mine.keras")


def test_usual_layers_are_taps():
    from tfgan_suite.features import architectures

    for name, (contents, styles) in gatys.DEFAULT_LAYERS.items():
        for tap in (*contents, *styles):
            assert architectures.NETWORKS[name].layer_of(tap)


@pytest.mark.large
def test_a_random_vgg_at_128_pixels():
    """The sheet's outcome: down by 90%, L-BFGS below Adam, deeper style layers coarser strokes."""
    names = ["relu1_1", "relu2_1", "relu3_1"]
    look = extractors.feature_network("vgg19", names, None, pooling="average")
    content, style = photo(128), painting(128)
    found = problem(look, content, style, content_layers=["relu3_1"], style_layers=names)
    lowest = {}
    for method in descent.METHODS:
        state = descent.State(found.start("content"))
        descent.descend(found, state, 100, method=method)
        lowest[method] = min(state.totals) / state.totals[0]
    assert lowest["lbfgs"] <= 0.1 and lowest["lbfgs"] < lowest["adam"]
    means = []
    for layer in ("relu1_1", "relu3_1"):
        found = problem(look, content, style, content_layers=["relu3_1"], style_layers=[layer])
        state = descent.State(found.start("content"))
        descent.descend(found, state, 50)
        change = (found.image(state.best) - content).mean(axis=2)
        power = np.abs(np.fft.fft2(change)) ** 2
        place = np.fft.fftfreq(128)
        means.append(float((power * np.hypot(place[:, None], place)).sum() / power.sum()))
    assert means[1] < means[0]


# --- the recipe -----------------------------------------------------------------------------


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
