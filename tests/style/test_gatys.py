"""Gatys: the paper's known answers, gradients against finite differences, descent."""

import numpy as np
import pytest
import tensorflow as tf
from small_paintings import image, painting, photo

from tfgan_suite import InputError
from tfgan_suite.features import extractors
from tfgan_suite.style import descent, gatys


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
